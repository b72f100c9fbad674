// Each lab of a page, by keyboard alone: nothing is told before an answer, then the lab answers, changes, and can be
// sent to somebody else as a link.

export const name = "lab";
export const selector = "book-lab";

export async function play({ page, context, url, complain, press }) {
  for (const id of await page.locator("book-lab").evaluateAll((labs) => labs.map((lab) => lab.id))) {
    await one({ page, context, url, complain, press }, `#${id}`);
  }
}

async function one({ page, context, url, complain, press }, lab) {
  const says = () => page.locator(`${lab} .lab-says`).innerText();
  const shown = () => page.locator(lab).getAttribute("data-shown");
  const focused = (inside) => page.evaluate(
    ([lab, inside]) => document.activeElement?.matches(`${lab} ${inside}`) ?? false, [lab, inside]);
  // Tabs on to an element, as a reader without a mouse does. Where the lab begins, focus has been before it.
  const reach = async (inside) => {
    for (let i = 0; i < 40; i += 1) {
      if (await focused(inside)) return true;
      await press("Tab");
    }
    await complain(`Tab does not reach ${inside}`, lab);
    return false;
  };
  const changed = (before) => page.waitForFunction(
    ([lab, before]) => document.querySelector(lab).dataset.shown !== (before ?? undefined), [lab, before]);

  await page.locator(lab).scrollIntoViewIfNeeded();
  const height = () => page.locator(lab).evaluate((element) => element.offsetHeight);
  if (await page.locator(`${lab} .lab-says[role=status]`).count() !== 1) {
    await complain("what the lab says is not announced: it needs one `.lab-says` with role=status", lab);
  }
  if (await shown() !== null) await complain("the lab tells its result before the reader has answered", lab);
  if (await page.locator(`${lab} .lab-drawing`).isVisible()) await complain("there is an empty place before the reader has answered", lab);
  if (await page.locator(`${lab} .lab-table`).isVisible()) await complain("the table tells the result before the reader has answered", lab);

  // Predict: without an answer nothing is shown.
  await page.locator(`${lab} .lab-predict input`).first().focus();
  await reach(".lab-predict button");
  await press("Enter");
  if (await shown() !== null) await complain("the lab runs without an answer", lab);
  await page.locator(`${lab} .lab-predict input`).first().focus();
  await press("Space", "ArrowDown");
  if (new URL(page.url()).pathname !== new URL(url).pathname) return complain("an arrow key in the lab turns the page", lab);
  if (!await reach(".lab-predict button")) return;
  await press("Enter");
  await changed(null);
  const first = await says();
  if (!/^You (were right|predicted)/.test(first)) await complain(`the answer is not held against the prediction: “${first}”`, lab);
  if (await page.locator(`${lab} svg[role=img][aria-label]`).count() !== 1) await complain("there is no picture with a text of its own", lab);

  // From the first answer on nothing below the lab moves. Change every control, each to another value.
  const answered = await height();
  const controls = await page.locator(`${lab} .lab-controls :is(select, input)`).evaluateAll((all) => all.map((c) => c.id));
  const heard = new Set([first]);
  for (const control of controls) {
    if (!await reach(`[id="${control}"]`)) return;
    const before = await shown();
    const value = () => page.locator(`[id="${control}"]`).inputValue();
    const was = await value();
    for (const key of ["ArrowDown", "ArrowUp"]) if (await value() === was) await press(key);
    if (await value() === was) { await complain(`no arrow key changes ${control}`, lab); continue; }
    await changed(before);
    heard.add(await says());
  }
  if (heard.size < 2) await complain("no control changes what the lab says", lab);
  const later = await height();
  if (later !== answered) await complain(`the lab was ${answered} px high and is ${later} px now: the page jumps`, lab);

  // The link: the same state for whoever opens it.
  const state = await shown();
  const picture = await page.locator(`${lab} .lab-drawing`).innerHTML();
  if (!await reach(".lab-link")) return;
  await press("Enter");
  await page.waitForFunction((lab) => /link/.test(document.querySelector(`${lab} .lab-says`).textContent), lab);
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  try {
    await other.goto(link, { waitUntil: "load" });
    await other.waitForFunction((lab) => document.querySelector(lab).dataset.shown, lab);
    const got = await other.locator(lab).getAttribute("data-shown");
    if (got !== state) await complain(`the link opens the state ${got}, not ${state}`, lab);
    if (await other.locator(`${lab} .lab-drawing`).innerHTML() !== picture) await complain("the link draws another picture", lab);
  } finally {
    await other.close();
  }

  // Back to the question.
  await page.locator(`${lab} .lab-controls button[type=reset]`).focus();
  await press("Enter");
  await page.waitForFunction((lab) => !document.querySelector(lab).dataset.shown, lab);
  await page.evaluate(() => history.replaceState(null, "", location.pathname));
}
