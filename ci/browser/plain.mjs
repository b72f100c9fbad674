// A page for a reader without script: its text is there, and each block can be seen, at once or behind its summary. Only
// a lab needs script.

export async function plain({ browser, server, report, address, blocks }) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    const where = { page: address, width: 1280, theme: "without JavaScript" };
    await page.goto(server.url + address, { waitUntil: "load" });
    // The developer tools may still look into the page; its own scripts do not run.
    const seen = await page.evaluate((placeOf) => {
      const place = new Function(`return ${placeOf}`)();
      const main = document.querySelector("main");
      const folded = (element) => element.parentElement?.closest("details:not([open])");
      const hidden = [...main.querySelectorAll("figure, form, pre")].filter((element) =>
        !folded(element) && !element.closest("book-lab") && element.getBoundingClientRect().height < 10);
      return {
        text: main.innerText.trim().length,
        title: document.querySelector("h1")?.innerText ?? "",
        blocks: [...main.querySelectorAll('[id^="block-"]')].map((figure) => Number(figure.id.slice("block-".length))),
        hidden: hidden.map((element) => ({ name: element.tagName.toLowerCase(), place: place(element) })),
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      };
    }, String((await import("./report.mjs")).placeOf));
    report.count(3);
    if (seen.text < 20 || !seen.title) report.complain(where, "shows no text without JavaScript");
    for (const { name, place } of seen.hidden) report.complain({ ...where, ...place }, `a ${name} cannot be seen without JavaScript`);
    for (const { line } of blocks ?? []) {
      if (!seen.blocks.includes(line)) report.complain({ ...where, block: line }, "a block is not there without JavaScript");
    }
  } finally {
    await context.close();
  }
}
