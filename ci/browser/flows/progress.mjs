// What a reader has done is kept, leaves as a file, comes back from it, and is never lost: not by a file of somebody
// else, not by one that knows less, not by a document that nobody can read.

import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";

export const name = "progress";
export const selector = "#progress";
export const once = true;

export async function play({ page, url, complain, press }) {
  const expect = async (holds, what) => { if (!holds) await complain(what, selector); };
  const read = () => page.evaluate(() => window.bookProgress.read());
  const KEY = await page.evaluate(() => window.bookProgress.KEY);
  const status = () => page.locator("#progress [role=status]").textContent();
  const row = page.locator("#progress [data-page]").nth(1);
  const chapter = await row.getAttribute("data-page");

  // A page is read when its end was seen.
  await page.goto(new URL(await row.locator("a").getAttribute("href"), url).href, { waitUntil: "load" });
  await page.evaluate(() => document.querySelector("main").lastElementChild.scrollIntoView());
  await page.waitForFunction((id) => window.bookProgress.read().pages[id], chapter, { timeout: 10_000 })
    .catch(() => complain(`the end of ${chapter} was reached, and it does not count as read`));
  await expect(await page.locator("#mdbook-sidebar a.read").count() === 1, "the sidebar does not tick the page that was read");

  await page.goto(url, { waitUntil: "load" });
  await expect(/^1 of \d+ pages read/.test(await page.locator(".progress-sum").textContent()), "the sum does not count the page");
  await row.locator("button").focus();
  await press("Enter");
  await expect(!(await read()).pages[chapter], "a page cannot be marked as unread by keyboard");
  await press("Enter");
  await expect((await read()).pages[chapter], "a page cannot be marked as read by keyboard");

  // The lists.
  const boxes = page.locator("main li > input[type=checkbox]");
  const all = await boxes.count();
  const ids = await boxes.evaluateAll((found) => found.map((box) => box.labels[0]?.textContent));
  await expect(all >= 19 && new Set(ids).size === all && !ids.includes(undefined), `of ${all} tasks not each has a label of its own`);
  for (const at of [0, all - 1]) {
    await boxes.nth(at).focus();
    await press("Space");
  }
  await page.reload({ waitUntil: "load" });
  await expect(await boxes.first().isChecked() && await boxes.last().isChecked() && !await boxes.nth(1).isChecked(),
    "a tick is not kept over a reload");

  // Out, away, and in again.
  await page.evaluate(() => {
    window.bookProgress.set("quizzes", "a.html#a", { right: 3, of: 5, at: "2026-11-25T10:00:00Z" });
    window.bookProgress.set("exercises", "minimal", { state: "started", at: "2026-11-25T10:00:00Z" });
  });
  const before = await read();
  const leaving = page.waitForEvent("download");
  await page.locator(".progress-export").focus();
  await press("Enter");
  const saved = await readFile(await (await leaving).path(), "utf8");
  await expect(isDeepStrictEqual(JSON.parse(saved), before), "the exported file is not what the browser keeps");
  await page.locator(".progress-reset").focus();
  await press("Enter");
  await expect(isDeepStrictEqual(await read(), before), "one press is enough to forget all");
  await press("Enter");
  await expect(Object.keys((await read()).pages).length === 0, "a second press does not forget");
  const take = (text) => page.locator("#progress input[type=file]")
    .setInputFiles({ name: "progress.json", mimeType: "application/json", buffer: Buffer.from(text) });
  await take(saved);
  await page.waitForFunction(() => document.querySelector("#progress [role=status]").textContent.startsWith("Added"));
  await expect(isDeepStrictEqual(await read(), before), "what was exported does not come back whole");
  await expect(await boxes.first().isChecked(), "the page does not show what was imported");

  // What knows less, or is of somebody else, takes nothing away.
  const merged = await page.evaluate((page) => {
    const { importText, read, set } = window.bookProgress;
    set("exercises", "minimal", { state: "passed", at: "2026-11-25T10:00:00Z" });
    const changed = importText(JSON.stringify({
      version: 1,
      pages: { [page]: "2020-01-01T00:00:00Z", "other.html": "2026-11-25T10:00:00Z" },
      quizzes: { "a.html#a": { right: 2, of: 5, at: "2026-11-26T10:00:00Z" }, "b.html#b": { right: 1, of: 1, at: "2026-11-25T10:00:00Z" } },
    }));
    // As the command line writes it.
    importText('{"version":1,"exercises":{"minimal":{"state":"started","at":"2026-11-26T10:00:00Z"},"watch":{"state":"passed","at":"2026-11-25T10:00:00Z"},"__proto__":{"state":"passed","at":"x"}}}');
    return { changed, now: read() };
  }, chapter);
  const { now } = merged;
  await expect(merged.changed === 3, `an import of three news counts ${merged.changed}`);
  await expect(now.pages[chapter] === "2020-01-01T00:00:00Z" && now.pages["other.html"], "of two dates the earlier one has to stay");
  await expect(now.quizzes["a.html#a"].right === 3 && now.quizzes["b.html#b"].right === 1, "a worse result replaced a better one");
  await expect(now.exercises.minimal.state === "passed" && now.exercises.watch.state === "passed", "an exercise that was passed is not any more");
  await expect(isDeepStrictEqual(now.checklist, before.checklist), "an import without a list took ticks away");
  for (const foreign of ["{", "[]", '{"version":2,"pages":{}}', '{"version":1,"pages":{"a":7}}', '{"version":1,"quizzes":{"a":{"right":9,"of":1}}}']) {
    await take(foreign);
    await page.waitForFunction(() => document.querySelector("#progress [role=status]").textContent.startsWith("Not imported"))
      .catch(() => complain(`a file that is none of ours is taken: ${foreign}`, selector));
    await expect(isDeepStrictEqual(await read(), now), `a file that is none of ours changed something: ${foreign}`);
    await page.evaluate(() => { document.querySelector("#progress [role=status]").textContent = ""; });
  }

  // What nobody can read is kept beside, and said.
  for (const broken of ["{broken", '{"version":2,"pages":{"x":1}}']) {
    await page.evaluate(([key, text]) => localStorage.setItem(key, text), [KEY, broken]);
    await page.reload({ waitUntil: "load" });
    const kept = await page.evaluate(() => window.bookProgress.aside().map(([, text]) => text));
    await expect(kept.includes(broken), `a document that nobody can read is lost: ${broken}`);
    await expect(await page.locator(".progress-aside").count() === kept.length, "the page does not say that something was kept aside");
  }
  await expect(typeof await status() === "string", "no place for what the page says");
}
