// What is installed before a page's own scripts, and what is heard from outside while it loads: errors, requests, breaches
// of the Content-Security-Policy, layout shifts, the grounds that were painted.

import { placeOf } from "./report.mjs";

/** Runs in the page before all else. */
function observe(theme) {
  try { localStorage.setItem("mdbook-theme", theme); } catch { /* a frame without storage */ }
  const seen = { breaches: [], grounds: [], shifts: [] };
  window.bookLook = seen;
  document.addEventListener("securitypolicyviolation", (event) => {
    const element = event.target instanceof Element ? event.target : null;
    seen.breaches.push({
      directive: event.effectiveDirective,
      blocked: event.blockedURI,
      sample: event.sample,
      line: event.lineNumber,
      place: placeOf(element),
    });
  });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      const node = entry.sources.map((source) => source.node).find(Boolean);
      const element = node instanceof Element ? node : node?.parentElement;
      const name = element ? element.tagName.toLowerCase() + (element.id ? `#${element.id}` : element.className ? `.${String(element.className).split(" ")[0]}` : "") : "";
      seen.shifts.push({ value: entry.value, name, place: placeOf(element) });
    }
  }).observe({ type: "layout-shift", buffered: true });
  // What stands here at the beginning of a frame is what the reader sees at its end, once anything is painted.
  const look = (at) => {
    if (document.body) {
      const ground = getComputedStyle(document.documentElement).backgroundColor;
      if (seen.grounds.at(-1)?.ground !== ground) seen.grounds.push({ at, ground });
      else if (performance.getEntriesByName("first-paint").length === 0) seen.grounds.at(-1).at = at;
    }
    if (!seen.settled) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Before the first page of a context. */
export const install = (context, theme) =>
  context.addInitScript({ content: `{ const placeOf = ${placeOf}; window.bookPlaceOf = placeOf; (${observe})(${JSON.stringify(theme)}); }` });

/** Reaches for what the reader has only when near it: the library of diagrams, labs, the search. */
const LATER = /\/(mermaid[^/]*\.js|[^/]*\.wasm|lab[^/]*\.(js|css)|elasticlunr[^/]*\.js|mark-[^/]*\.js|searcher[^/]*\.js|searchindex[^/]*\.js(on)?)$/;

/** Hears what a page does from outside; `complain(what, place)`. */
export function listen(page, origin, complain) {
  const heard = { first: 0, later: 0, files: [], requests: 0 };
  const pending = new Set();
  const sizes = [];
  let quietSince = Date.now();
  let loaded = false;
  const ended = (request) => { pending.delete(request); quietSince = Date.now(); };
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    // Heard with their place: failed requests below, breaches inside the page.
    if (/^Failed to load resource|Content Security Policy/.test(message.text())) return;
    complain(`the console says: ${message.text()}`);
  });
  page.on("pageerror", (error) => {
    const at = /(https?:[^\s)]+?):(\d+):\d+/.exec(error.stack ?? "");
    complain(`a script failed: ${error.message}`, at ? { script: at[1], scriptLine: Number(at[2]) } : {});
  });
  page.on("request", (request) => {
    const address = new URL(request.url());
    if (!/^https?:$/.test(address.protocol)) return;
    heard.requests += 1;
    // The stream of events of `cargo book serve` never ends; all else does.
    if (request.resourceType() !== "eventsource") pending.add(request);
    if (address.origin !== origin) complain(`asks a third party for ${address.href}`, { asked: address.href });
  });
  page.on("requestfailed", (request) => {
    ended(request);
    const why = request.failure()?.errorText ?? "";
    const own = request.url().startsWith(`${origin}/`);
    // A policy's refusal is heard as a breach, and what the page itself took back is none.
    if (own && !/ERR_ABORTED|BLOCKED_BY_CSP|csp/i.test(why)) complain(`a request failed: ${request.url()} (${why})`);
  });
  page.on("requestfinished", (request) => {
    ended(request);
    const address = new URL(request.url());
    if (loaded || address.origin !== origin) return;
    sizes.push(request.sizes().then(({ responseBodySize: size }) => {
      if (LATER.test(address.pathname)) heard.later += size;
      else { heard.first += size; heard.files.push([size, address.pathname.split("/").at(-1) || "the page"]); }
    }).catch(() => {}));
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complain(`${response.status()} for ${response.url()}`, { asked: response.url() });
  });
  /** Until nothing is under way and nothing came for a while. */
  heard.quiet = async (budget = 20_000) => {
    const end = Date.now() + budget;
    while ((pending.size > 0 || Date.now() - quietSince < 250) && Date.now() < end) {
      await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(resolve); }));
    }
    if (pending.size > 0) complain(`${[...pending][0].url()} does not end`);
  };
  /** What comes after this is no part of the first load. */
  heard.isLoaded = async () => { loaded = true; await Promise.all(sizes); };
  return heard;
}
