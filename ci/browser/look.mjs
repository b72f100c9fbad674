// One page, at one width and in one theme, loaded once and looked at from many sides.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { copying } from "./copying.mjs";
import { text } from "./packages.mjs";
import { install, listen } from "./watch.mjs";

export const WIDTHS = [1280, 390];
export const THEMES = ["light", "navy"];
const DARK = new Set(["ayu", "coal", "navy"]);
const axe = text("axe-core/axe.min.js");

/** How much of a page may move while it loads; and where a diagram is drawn in its first view, or further down. */
const SHIFT = { load: 0.001, later: 0.02 };

/** `where` says page, width and theme. `blocks` says what a copy of each block must give. */
export async function look({ browser, server, report, where, blocks, shots, budget, clipboard }) {
  const { page: address, width, theme } = where;
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    // The other one than the reader chose: what they chose counts, from the first frame on.
    colorScheme: DARK.has(theme) ? "light" : "dark",
    serviceWorkers: "block",
  });
  try {
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
    await install(context, theme);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const place = placing(page, server.url + address);
    const said = new Set();
    const complain = async (what, at = {}) => {
      if (said.has(what)) return;
      said.add(what);
      report.complain({ ...where, ...await place(at) }, what);
    };
    const waiting = [];
    const heard = listen(page, server.origin, (what, at) => waiting.push([what, at]));
    const tell = async () => { for (const [what, at] of waiting.splice(0)) await complain(what, at); };
    const check = async (looked) => { await tell(); report.count(); await looked({ page, context, complain, width, theme, heard }); await tell(); };

    await page.goto(server.url + address, { waitUntil: "load" });
    await heard.quiet();
    await heard.isLoaded();
    // Errors of scripts, requests that fail, requests to third parties, what the console says: one check each.
    report.count(4);
    await tell();
    await check(weight(budget));
    await check(flash);
    await check(shift(SHIFT.load, "while it loads"));
    await check(diagrams);
    await check(shift(SHIFT.later, "while a reader scrolls through it"));
    await check(policy);
    await check(overflow);
    await page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; });
    await check(accessible);
    await check(breaches);
    if (shots) await check(screenshot(shots));
    if (theme === THEMES[0]) await copying({ page, blocks, report, complain, clipboard });
    if (theme === THEMES[0] && width === WIDTHS[0]) {
      await check(otherTheme);
      await check(print);
    }
    await tell();
  } finally {
    await context.close();
  }
}

/** A place in the page for what was heard without one. */
function placing(page, url) {
  return async (at) => {
    if (at.asked) {
      const found = await page.evaluate((asked) => {
        const has = (element) => ["src", "href", "data"].some((name) => element[name] === asked);
        return window.bookPlaceOf?.([...document.querySelectorAll("main [src], main [href], main [data]")].find(has));
      }, at.asked).catch(() => undefined);
      return found ?? {};
    }
    if (at.script) {
      if (at.script !== url) return placing(page, url)({ asked: at.script });
      const html = await page.request.get(url).then((response) => response.text());
      const before = html.split("\n").slice(0, at.scriptLine).join("\n");
      const heading = [...before.matchAll(/<h[1-6][^>]*>(.*?)<\/h[1-6]>/g)].at(-1)?.[1].replace(/<[^>]*>/g, "");
      return heading ? { heading } : {};
    }
    const { heading, block, text, image } = at;
    return { heading, block, text, image };
  };
}

const weight = (budget) => async ({ heard, complain }) => {
  if (heard.first <= budget * 1000) return;
  const most = heard.files.sort((a, b) => b[0] - a[0]).slice(0, 3).map(([size, name]) => `${name} ${(size / 1000).toFixed(1)}`);
  await complain(`weighs ${(heard.first / 1000).toFixed(1)} kB with gzip at its first load, and ${budget} kB is the budget (${most.join(", ")})`);
};

async function flash({ page, complain }) {
  const grounds = await page.evaluate(() => {
    bookLook.settled = true;
    const first = performance.getEntriesByName("first-paint")[0]?.startTime ?? 0;
    const next = bookLook.grounds.findIndex(({ at }) => at > first);
    const from = next < 0 ? bookLook.grounds.length - 1 : Math.max(0, next - 1);
    return bookLook.grounds.slice(from).map(({ ground }) => ground);
  });
  if (grounds.length > 1) await complain(`flashes: its ground is painted ${grounds.join(", then ")}`);
}

const shift = (most, when) => async ({ page, complain }) => {
  // What was told once is not told again with what comes later.
  const shifts = await page.evaluate(() => bookLook.shifts.splice(0));
  const sum = shifts.reduce((all, one) => all + one.value, 0);
  const drawn = await page.locator("pre.mermaid svg").count() > 0;
  if (sum <= (drawn ? SHIFT.later : most)) return;
  const first = shifts.reduce((a, b) => (a.value >= b.value ? a : b));
  await complain(`moves ${when}: a layout shift of ${sum.toFixed(3)}, most of it ${first.name || "of something that is gone"}`, first.place);
};

/** Scrolls through the page as a reader does, who stops where something is still being drawn. */
async function diagrams({ page, complain, heard }) {
  const steps = await page.evaluate(() => Math.ceil(document.documentElement.scrollHeight / 400));
  for (let step = 0; step < steps; step += 1) {
    await page.evaluate((y) => scrollTo(0, y), step * 400);
    await page.waitForFunction(() => [...document.querySelectorAll("pre.mermaid")]
      .every((diagram) => diagram.getBoundingClientRect().top > innerHeight + 500 || diagram.querySelector("svg")), undefined, { timeout: 10_000 })
      .catch(() => {});
  }
  await heard.quiet();
  await drawn(page, complain, "");
  await page.evaluate(() => scrollTo(0, 0));
}

async function drawn(page, complain, after) {
  const wrong = await page.evaluate(() => [...document.querySelectorAll("pre.mermaid")]
    .filter((diagram) => {
      const svg = diagram.querySelector("svg");
      return !svg || svg.getAttribute("aria-roledescription") === "error" || svg.getBoundingClientRect().height < 20;
    })
    .map((diagram) => bookPlaceOf(diagram)));
  for (const at of wrong) await complain(`a diagram is not drawn${after}${at.block ? ` (block ${at.block})` : ""}`, at);
}

async function overflow({ page, complain, width }) {
  const found = await page.evaluate(() => {
    const main = document.querySelector("main") ?? document.body;
    // mdBook's content scrolls by itself, so that the page seems as wide as the screen.
    const outer = [];
    for (let box = main; box; box = box.parentElement) outer.push(box);
    const wide = Math.max(...outer.map((box) => box.scrollWidth - box.clientWidth));
    if (wide <= 0) return null;
    const inBox = (element) => {
      for (let box = element.parentElement; box && !outer.includes(box); box = box.parentElement) {
        if (getComputedStyle(box).overflowX !== "visible") return true;
      }
      return false;
    };
    const edge = Math.min(innerWidth, main.getBoundingClientRect().right);
    const culprit = [...main.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > edge + 1 && !inBox(e)).at(-1);
    const name = culprit && culprit.tagName.toLowerCase() + (culprit.className ? `.${String(culprit.className).split(" ")[0]}` : "");
    return { wide, name, place: bookPlaceOf(culprit) };
  });
  if (found) await complain(`is wider than a screen of ${width} px by ${found.wide} px${found.name ? `: ${found.name}` : ""}`, found.place);
}

/** What the policy of the site would forbid, also where a page came without it. */
async function policy({ page, complain }) {
  const found = await page.evaluate(() => {
    const meta = document.querySelector('meta[http-equiv="Content-Security-Policy" i]');
    const handlers = [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames()
      .filter((name) => /^on[a-z]+$/.test(name)).map((name) => ({ name, place: bookPlaceOf(element) })));
    return { policy: meta?.content ?? null, handlers };
  });
  for (const { name, place } of found.handlers) await complain(`has an inline handler (${name}), and the Content-Security-Policy forbids those`, place);
  if (found.policy === null) return; // said once, of the site
  const rules = Object.fromEntries(found.policy.split(";").map((rule) => rule.trim().split(/\s+/)).map(([name, ...words]) => [name, words]));
  const scripts = rules["script-src"] ?? rules["default-src"] ?? ["*"];
  const loose = scripts.filter((word) => ["'unsafe-eval'", "'unsafe-inline'", "*", "https:", "http:", "data:", "blob:"].includes(word));
  if (loose.length > 0) await complain(`has a Content-Security-Policy that lets any script run: ${loose.join(" ")}`);
  if (!(rules["default-src"] ?? []).every((word) => word === "'none'" || word === "'self'")) await complain("has a Content-Security-Policy whose default lets others in");
}

async function breaches({ page, complain }) {
  for (const { directive, blocked, sample, place } of await page.evaluate(() => bookLook.breaches)) {
    const what = /^https?:/.test(blocked) ? `asks a third party for ${blocked} (${directive} forbids it)`
      : `breaks the Content-Security-Policy: ${directive} forbids ${blocked}${sample ? ` (${sample})` : ""}`;
    await complain(what, /^https?:/.test(blocked) ? { asked: blocked } : place);
  }
}

async function accessible({ page, context, complain }) {
  // By the protocol of the developer tools: no policy of the page forbids that.
  const tools = await context.newCDPSession(page);
  await tools.send("Runtime.evaluate", { expression: axe });
  await tools.detach();
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"], elementRef: true });
    return violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 5).map((node) => ({
      id,
      help,
      target: node.target.join(" "),
      why: [...node.any, ...node.all, ...node.none].map((one) => one.message)[0] ?? "",
      place: window.bookPlaceOf(node.element),
    })));
  });
  // A fault of a colour is on a page many times: once for each block is enough.
  const groups = new Map();
  for (const one of violations) {
    const key = JSON.stringify([one.id, one.place.block ?? one.place]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  for (const [{ id, help, target, why, place }, ...more] of groups.values()) {
    await complain(`axe ${id}: ${help} (${target}: ${why}${more.length > 0 ? `; and ${more.length} more` : ""})`, place);
  }
}

const screenshot = (folder) => async ({ page, width, theme }) => {
  mkdirSync(folder, { recursive: true });
  const name = new URL(page.url()).pathname.replace(/^\/(cloud-native-rust\/)?/, "").replaceAll("/", "_").replace(/\.html$/, "") || "index";
  await page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = false; scrollTo(0, 0); });
  await page.screenshot({ path: join(folder, `${name}-${width}-${theme}.png`), fullPage: true, animations: "disabled" });
  await page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; });
};

/** A reader changes the theme: what was drawn is drawn for the new one. */
async function otherTheme({ page, complain }) {
  if (await page.locator("pre.mermaid").count() === 0) return;
  for (const theme of [THEMES[1], THEMES[0]]) {
    await page.evaluate((theme) => {
      for (const svg of document.querySelectorAll("pre.mermaid svg")) svg.dataset.old = "";
      document.getElementById(`mdbook-theme-${theme}`).click();
    }, theme);
    await page.waitForFunction(() => [...document.querySelectorAll("pre.mermaid")].every((d) => d.querySelector("svg:not([data-old])")), undefined, { timeout: 10_000 })
      .catch(() => complain(`a diagram is not drawn again after the change to the theme ${theme}`));
    await drawn(page, complain, ` after the change to the theme ${theme}`);
  }
}

/** On paper nothing scrolls: what does not fit is lost. */
async function print({ page, complain }) {
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 718, height: 1040 }); // A4 within margins of 1 cm
  const lost = await page.evaluate(() => [...document.querySelectorAll("main pre, main pre > code, main table")]
    .filter((element) => element.getClientRects().length > 0)
    .filter((element) => {
      const scrolls = getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
      return scrolls || element.getBoundingClientRect().right > innerWidth + 1;
    })
    .map((element) => ({ name: element.tagName.toLowerCase(), place: bookPlaceOf(element) })));
  for (const { name, place } of lost) {
    const what = place.block ? `the block of line ${place.block}` : `a ${name}`;
    await complain(`is cut off when printed: ${what}`, place);
  }
  await page.emulateMedia({ media: null });
}
