// Every copy button is pressed by keyboard, and the clipboard compared with what can be pasted. Chromium has one clipboard
// for all its windows, so that only one page copies at a time.

/** Lets one at a time in. */
export function lock() {
  let last = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => {});
    return next;
  };
}

/** `blocks`: `{line, kind, texts}`, what a copy of the block may give; without them only a session's own promise counts. */
export async function copying({ page, blocks, report, complain, clipboard }) {
  const buttons = await page.locator("main .clip-button").all();
  if (buttons.length === 0) return;
  await clipboard(async () => {
    for (const button of buttons) {
      const { block, promised } = await button.evaluate((element) => ({
        block: window.bookPlaceOf(element).block,
        promised: element.closest("figure")?.dataset.commands,
      }));
      report.count();
      await page.evaluate(() => navigator.clipboard.writeText("nothing was copied"));
      await button.focus();
      if (await button.evaluate((element) => element === document.activeElement)) {
        await page.keyboard.press("Enter");
      } else {
        await complain("the copy button cannot be reached by keyboard", { block });
        await button.locator("xpath=ancestor::pre[1]").hover();
        await button.click();
      }
      const pasted = await page.evaluate(() => navigator.clipboard.readText());
      const known = blocks?.find(({ line }) => line === block);
      const texts = known?.texts ?? (promised === undefined ? null : [promised]);
      const same = (text) => text.trimEnd() === pasted.trimEnd();
      if (texts ? !texts.some(same) : pasted === "nothing was copied" || pasted.trim() === "") {
        const wanted = texts ? `, and ${JSON.stringify(short(texts[0]))} can be pasted` : "";
        await complain(`the copy button gives ${JSON.stringify(short(pasted))}${wanted}`, { block });
      }
    }
  });
}

const short = (text) => (text.length > 120 ? `${text.slice(0, 120)}…` : text);
