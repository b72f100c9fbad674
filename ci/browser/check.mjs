// Looks at every page of a site in headless Chromium, at a laptop's and a phone's width.
//
//     npm install && node check.mjs SITE_URL [--theme navy] [--shots FOLDER] [--budget KB]
//
// Says of each page: axe violations, script errors, requests to third parties, text wider than the screen, diagrams that
// failed to draw, and what its first load weighs with gzip. Exits with 1 when something is wrong.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    theme: { type: "string", default: "light" },
    shots: { type: "string" },
    budget: { type: "string", default: "150" },
  },
});
if (positionals.length !== 1) {
  console.error("usage: node check.mjs SITE_URL [--theme navy] [--shots FOLDER] [--budget KB]");
  process.exit(2);
}
const start = new URL(positionals[0]);
const budget = Number(values.budget) * 1000;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [1280, 390, 360];
// Read when a reader comes near a diagram, and weighed apart from the first load.
const LAZY = /\/mermaid\.min\.js$/;

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"]
  .find((path) => path && existsSync(path));
if (!executablePath) {
  console.error("there is no Chromium on this machine\n  fix: apt-get install chromium, or set CHROMIUM to its path");
  process.exit(2);
}
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

let wrong = 0;
const complain = (where, what) => { wrong += 1; console.log(`  ${where}: ${what}`); };

async function look(url, width) {
  // A context of its own is a first visit: nothing is cached.
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: "light" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: start.origin });
  await context.addInitScript((theme) => localStorage.setItem("mdbook-theme", theme), values.theme);
  const page = await context.newPage();
  const where = `${url.pathname} at ${width}`;
  let weight = 0, lazy = 0, later = false;
  const bodies = [];
  page.on("console", (message) => message.type() === "error" && complain(where, `console: ${message.text()}`));
  page.on("pageerror", (error) => complain(where, `script: ${error.message}`));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (/^https?:$/.test(target.protocol) && target.origin !== start.origin) complain(where, `asks ${target.href}`);
  });
  // The stream of events of `cargo book serve` never ends; all else does.
  const pending = new Set();
  let quietSince = Date.now();
  const ended = (request) => { pending.delete(request); quietSince = Date.now(); };
  page.on("request", (request) => request.resourceType() !== "eventsource" && pending.add(request));
  page.on("requestfailed", ended);
  page.on("requestfinished", (request) => {
    ended(request);
    if (later || !request.url().startsWith("http")) return;
    bodies.push((async () => {
      const response = await request.response();
      const body = await response?.body().catch(() => Buffer.alloc(0)) ?? Buffer.alloc(0);
      const size = Math.min(gzipSync(body, { level: 9 }).length, body.length);
      if (LAZY.test(new URL(request.url()).pathname)) lazy += size; else weight += size;
    })());
  });
  page.on("response", (response) => {
    const missing = response.status() >= 400 && !response.url().endsWith("/favicon.ico");
    if (missing) complain(where, `${response.status()} for ${response.url()}`);
  });
  await page.goto(url.href, { waitUntil: "load" });
  const end = Date.now() + 30_000;
  while ((pending.size > 0 || Date.now() - quietSince < 500) && Date.now() < end) {
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
  await Promise.all(bodies);
  later = true;
  const total = weight;

  for (const diagram of await page.locator("pre.mermaid").all()) {
    await diagram.scrollIntoViewIfNeeded();
    await diagram.locator("svg").first().waitFor({ timeout: 15_000 })
      .catch(() => complain(where, "a diagram is not drawn"));
  }
  const failed = await page.locator('[aria-roledescription="error"]').count();
  if (failed > 0) complain(where, `${failed} diagrams failed to draw`);

  const overflow = await page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide <= 0) return null;
    const culprit = [...document.querySelectorAll("main *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1);
    return `${wide} px${culprit ? ` (${culprit.tagName.toLowerCase()}.${culprit.className})` : ""}`;
  });
  if (overflow) complain(where, `the page is wider than the screen by ${overflow}`);

  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
  await page.addScriptTag({ content: axe });
  const { violations } = await page.evaluate(() => axe.run());
  for (const { id, help, nodes } of violations) {
    complain(where, `axe ${id}: ${help}`);
    for (const node of nodes.slice(0, 3)) console.log(`      ${node.target.join(" ")}: ${node.html.slice(0, 160)}`);
  }

  // What a reader pastes is what the page says they paste.
  const session = page.locator("figure[data-commands]").first();
  if (width === WIDTHS[0] && await session.count() > 0) {
    const button = session.locator(".clip-button");
    await session.locator("pre").hover();
    await button.click();
    const pasted = await page.evaluate(() => navigator.clipboard.readText());
    const promised = await session.getAttribute("data-commands");
    if (pasted !== promised) complain(where, `copying gives ${JSON.stringify(pasted)}`);
  }
  const links = await page.evaluate(() => [...document.querySelectorAll("a[href]")].map((a) => a.href));
  if (values.shots) {
    mkdirSync(values.shots, { recursive: true });
    const name = url.pathname.replace(/^\/|\/$/g, "").replaceAll("/", "_") || "index";
    await page.evaluate(() => { document.querySelectorAll("details").forEach((details) => { details.open = false; }); scrollTo(0, 0); });
    await page.screenshot({ path: join(values.shots, `${name}-${values.theme}-${width}.png`), fullPage: true });
  }
  await context.close();
  return { weight: total, lazy, links };
}

const seen = new Set();
const todo = [start];
while (todo.length > 0) {
  const url = todo.shift();
  url.hash = "";
  url.search = "";
  if (seen.has(url.href)) continue;
  seen.add(url.href);
  for (const width of WIDTHS) {
    const { weight, lazy, links } = await look(url, width);
    if (weight > budget) complain(`${url.pathname} at ${width}`, `weighs ${(weight / 1000).toFixed(1)} kB, budget ${values.budget}`);
    if (width === WIDTHS[0]) {
      const extra = lazy > 0 ? `, diagrams ${(lazy / 1000).toFixed(1)} kB more` : "";
      console.log(`${url.pathname}: first load ${(weight / 1000).toFixed(1)} kB with gzip${extra}`);
      for (const link of links) {
        const next = new URL(link);
        if (next.origin === start.origin && /(\/|\.html)$/.test(next.pathname)) todo.push(next);
      }
    }
  }
}
await browser.close();
console.log(`${seen.size} pages at ${WIDTHS.join(", ")} px, theme ${values.theme}: ${wrong === 0 ? "nothing wrong" : `${wrong} things wrong`}`);
process.exit(wrong === 0 ? 0 : 1);
