// A listing's views and folds are switched by keyboard, and change what is seen, never what is copied.

export const name = "listing";
export const selector = "figcaption .views, .fold-switch";

export async function play({ page, complain, press }) {
  for (const figure of await page.locator("figure:has(figcaption .views)").all()) await views(figure, { complain, press });
  for (const figure of await page.locator("figure:has(.fold-switch)").all()) await folds(figure, { complain, press });
}

async function views(figure, { complain, press }) {
  const gone = figure.locator(".code del").first();
  const struck = await gone.count() > 0;
  const numbers = () => figure.locator(".numbers a").evaluateAll((all) => all.filter((a) => a.checkVisibility()).length);
  const lines = await numbers();
  await figure.locator(".changes").focus();
  if (struck && !await gone.isVisible()) await complain("the lines that are gone are not shown among the changes", figure);
  await press("ArrowRight");
  if (!await figure.locator(".whole").isChecked()) await complain("the arrow key does not choose the whole listing", figure);
  if (struck && await gone.isVisible()) await complain("the whole listing shows lines that are gone", figure);
  if (await numbers() !== lines) await complain("the views do not number the same lines", figure);
  await press("ArrowLeft");
  if (!await figure.locator(".changes").isChecked()) await complain("the arrow key does not come back to the changes", figure);
}

async function folds(figure, { complain, press }) {
  const folded = figure.locator(".code pre .folded").first();
  const toggle = figure.locator(".fold-switch");
  // What the copy button gives; Chromium has one clipboard for all pages, which others are using.
  const copied = () => figure.locator("pre").evaluate((pre) => window.playground_text(pre, false));
  if (await folded.isVisible()) await complain("lines are not folded", figure);
  const before = await copied();
  await toggle.focus();
  await press("Space");
  if (!await folded.isVisible()) await complain("the space bar does not unfold", figure);
  const text = await folded.textContent();
  if (!before.includes(text)) await complain("copying leaves the folded lines out", figure);
  if (await copied() !== before) await complain("copying gives something else once the lines are unfolded", figure);
  await toggle.focus();
  await press("Space");
  if (await folded.isVisible()) await complain("the space bar does not fold again", figure);
}
