// Plays the flows of `flows/*.mjs`: what a reader does on a page, with keyboard and mouse. Each exports
//
//     export const name = "quiz";                 // what the findings begin with
//     export const selector = "form.quiz";        // played on pages where this matches
//     export const once = true;                   // optional: only on the first page that matches
//     export async function play({ page, context, url, complain, press, folder, server }) { … }
//
// `page` is Playwright's, open at 1280 px in the light theme in a context of its own; `complain(what, element?)` records
// a finding (a CSS selector or a locator leads to the block); `await press("Tab", "Enter")` presses keys one after the
// other. `folder` is the site's, and `server.forget()` lets the server read it again. Service workers run only in flows
// with `once`, and one flow plays at a time, so that the clipboard is its own. Errors of scripts and breaches of the
// Content-Security-Policy are findings by themselves.

import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { placeOf } from "./report.mjs";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "flows");

/** All flows, those whose name is `only` where it is given. */
export async function flows(only) {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".mjs")).sort();
  const all = await Promise.all(files.map((file) => import(pathToFileURL(join(FOLDER, file)).href)));
  return all.filter((flow) => !only || flow.name === only);
}

/** Plays a flow on a page; whether its selector matched there. */
export async function play(flow, { browser, server, folder, address, report }) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    serviceWorkers: flow.once ? "allow" : "block",
  });
  try {
    await context.addInitScript(() => {
      try { localStorage.getItem("mdbook-theme") ?? localStorage.setItem("mdbook-theme", "light"); } catch { /* a frame without storage */ }
    });
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const where = { page: address, width: 1280, theme: "light" };
    const complain = async (what, element) => {
      let place = {};
      if (element) {
        const found = typeof element === "string" ? page.locator(element).first() : element;
        place = await found.evaluate(placeOf, undefined, { timeout: 1000 }).catch(() => ({}));
      }
      report.complain({ ...where, ...place }, `${flow.name}: ${what}`);
    };
    page.on("pageerror", (error) => complain(`a script failed: ${error.message}`));
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) complain(message.text());
    });
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
    const url = server.url + address;
    await page.goto(url, { waitUntil: "load" });
    if (await page.locator(flow.selector).count() === 0) return false;
    report.count();
    try {
      await flow.play({ page, context, url, complain, press, folder, server });
    } catch (error) {
      await complain(`could not be played: ${error.message.split("\n").slice(0, 3).join(" ")}`, flow.selector);
    }
    return true;
  } finally {
    await context.close();
  }
}
