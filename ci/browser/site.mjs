// What belongs to the site and to no single page: the copies of listings, the page for what is not there, the folder that
// it is served from, the policy, what one reader does across pages.

import { flows, play } from "./flows.mjs";
import { THEMES, WIDTHS, look } from "./look.mjs";
import { serve } from "./serve.mjs";
import { install, listen } from "./watch.mjs";

/** The tasks of the site, each a function. `pages` are the addresses of its pages, `copies` those of some listings. */
export async function tasks(context) {
  const { pages, copies } = context;
  const looks = copies.flatMap((page) => WIDTHS.flatMap((width) => THEMES.map((theme) => () => look({ ...context, shots: null, where: { page, width, theme } }))));
  const nested = pages.find((page) => page.includes("/"));
  const some = [...new Set(["index.html", nested, pages.at(-1)])].filter(Boolean);
  const played = (await flows()).filter((flow) => flow.once).map((flow) => () => first(flow, context));
  return [...looks, () => missing(context, nested), () => policy(context), ...["/", "/cloud-native-rust/"].map((base) => () => served(context, base, some)), ...played];
}

async function first(flow, context) {
  for (const address of context.pages) if (await context.clipboard(() => play(flow, { ...context, address }))) return;
}

/** An address that nobody has, in a folder: the page for it comes whole, with its style. */
async function missing({ browser, folder, report, pages, notFound }, nested) {
  if (notFound === null) {
    report.count();
    return report.complain({ page: "404.html" }, "the site has no page for what is not there");
  }
  const base = /<base href="([^"]+)"/.exec(notFound)?.[1] ?? "/";
  const path = base.startsWith("/") ? base : new URL(base).pathname;
  const server = await serve(folder, path);
  try {
    const address = `${nested ? nested.replace(/[^/]*$/, "") : ""}nothing-is-here.html`;
    await opened({ browser, server, report, page: "404.html", address, status: 404 });
  } finally {
    await server.close();
  }
}

/** The site works from this folder: no request leads out of it, and nothing is missing. */
async function served({ browser, folder, report }, base, pages) {
  const server = await serve(folder, base);
  try {
    for (const page of pages) await opened({ browser, server, report, page, address: page, status: 200, base });
  } finally {
    await server.close();
  }
}

async function opened({ browser, server, report, page: shown, address, status, base }) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, serviceWorkers: "block" });
  try {
    await install(context, "light");
    const page = await context.newPage();
    const where = { page: shown };
    const from = base ? ` (served from ${base})` : "";
    const heard = listen(page, server.origin, (what, at) => {
      if (at?.asked === server.url + address) return; // the page itself
      report.complain(where, what + from);
    });
    const response = await page.goto(server.url + address, { waitUntil: "load" });
    await heard.quiet();
    report.count(2);
    if (response.status() !== status) report.complain(where, `comes with the status ${response.status()}, and not ${status}${from}`);
    const seen = await page.evaluate(() => ({
      title: document.querySelector("main h1, main h2")?.innerText ?? "",
      breaches: bookLook.breaches.map(({ directive, blocked }) => `${directive} forbids ${blocked}`),
      home: [...document.querySelectorAll("nav a[href], .chapter a[href]")].map((a) => a.href),
    }));
    if (!seen.title) report.complain(where, `has no heading${from}`);
    for (const breach of seen.breaches) report.complain(where, `breaks the Content-Security-Policy: ${breach}${from}`);
    const out = seen.home.find((href) => href.startsWith(server.origin) && !href.startsWith(server.url));
    if (out) report.complain(where, `leads out of the site, to ${out.slice(server.origin.length)}${from}`);
  } finally {
    await context.close();
  }
}

async function policy({ report, home }) {
  report.count();
  if (!/http-equiv="Content-Security-Policy"/i.test(home)) report.complain({ page: "index.html" }, "has no Content-Security-Policy");
}
