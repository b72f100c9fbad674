// The theme is chosen by keyboard, and stays chosen on the next page.

export const name = "chosen-theme";
export const selector = "#mdbook-theme-toggle";
export const once = true;

export async function play({ page, complain, press }) {
  const button = page.locator(selector);
  await button.focus();
  await press("Enter");
  const dark = page.locator("#mdbook-theme-navy");
  await dark.focus();
  await press("Enter");
  const has = () => page.evaluate(() => document.documentElement.classList.contains("navy"));
  if (!await has()) await complain("Enter on the theme “Navy” does not choose it");
  await page.reload({ waitUntil: "load" });
  if (!await has()) await complain("the theme that a reader chose is forgotten on the next page");
}
