// Looks at a built site in headless Chromium as readers do. `cargo book test --lane browser` runs it. By hand:
//
//     cargo book setup --lane browser && cargo book build
//     node ci/browser/check.mjs book                                all that is looked at
//     node ci/browser/check.mjs book --only flows --flow quiz       one part: pages, flows, site, lighthouse
//     node ci/browser/check.mjs book --page first-image --shots /tmp/shots
//
// People's text is on stderr. With `--json` (the verifier's), stdout has JSON lines: a finding `{page, width, theme,
// what, block | heading}`, a count `{page, checks}`, an end `{page, done, seconds}`, and `{versions}`. Exits with 1 when
// something was found, with 2 when nothing could be looked at. Where Docker's networks come and go, Chromium sees the
// machine's network change and drops what it reads: run it in a network of its own,
// `unshare --net sh -c 'ip link set lo up && node ci/browser/check.mjs book'`, as the verifier does.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { flows, play } from "./flows.mjs";
import { release, start } from "./packages.mjs";
import { Report } from "./report.mjs";
import { serve } from "./serve.mjs";

const PARTS = ["pages", "flows", "site", "lighthouse"];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: "string", default: "/cloud-native-rust/" },
    only: { type: "string", multiple: true },
    page: { type: "string", multiple: true },
    flow: { type: "string" },
    shots: { type: "string" },
    budget: { type: "string", default: "150" },
    at: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const folder = positionals[0] && resolve(positionals[0]);
if (positionals.length !== 1 || !existsSync(join(folder, "index.html"))) {
  console.error("usage: node ci/browser/check.mjs SITE_FOLDER [--only pages|flows|site|lighthouse] [--page PART_OF_ADDRESS]\n"
    + "  fix: name the folder that `cargo book build` wrote");
  process.exit(2);
}
const parts = values.only ?? PARTS;
const report = new Report({ json: values.json });

/** The addresses of the book's pages: what mdBook wrote, without the copies of listings, 404 and the frame of contents. */
function addresses() {
  const all = readdirSync(folder, { recursive: true }).map((path) => relative(folder, join(folder, path)).split(sep).join("/"));
  const pages = all.filter((path) => path.endsWith(".html") && !path.startsWith("listings/") && !/^(404|toc|print)\.html$/.test(path));
  return pages.filter((path) => readFileSync(join(folder, path), "utf8").includes("<main")).sort();
}

const wanted = addresses().filter((page) => !values.page || values.page.some((part) => page.includes(part)));
const server = await serve(folder, values.base);
const browser = await start();
report.line({ versions: { Chromium: browser.version(), Playwright: release("playwright-core"), "axe-core": release("axe-core"), Lighthouse: release("lighthouse") } });

if (parts.includes("flows")) {
  for (const flow of await flows(values.flow)) {
    let played = 0;
    for (const address of wanted) {
      if (await play(flow, { browser, server, folder, address, report })) played += 1;
      if (flow.once && played > 0) break;
    }
    console.error(`${flow.name}: played on ${played} pages`);
  }
}

await browser.close();
await server.close();
console.error(`${wanted.length} pages, ${report.checks} checks: ${report.findings === 0 ? "nothing wrong" : `${report.findings} things wrong`}`);
process.exit(report.findings === 0 ? 0 : 1);
