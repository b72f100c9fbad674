// Looks at a built site in headless Chromium as readers do. `cargo book test --lane browser` runs it. By hand:
//
//     cargo book setup --lane browser && cargo book build
//     node ci/browser/check.mjs book                                all that is looked at
//     node ci/browser/check.mjs book --only flows --flow quiz       one part: pages, flows, site, lighthouse
//     node ci/browser/check.mjs book --page first-image --shots /tmp/shots
//
// People's text is on stderr. For the verifier, `--plan FILE` says what to look at, and `--report FILE` gets JSON lines:
// a finding `{of, page, width, theme, what, fix, block | heading}`, a count `{of, checks}`, an end `{of, done, seconds}`,
// and `{versions}`; `page` is an address below the site, `of` the page whose job it is, or `site`. Exits with 1 when
// something was found, with 2 when not all could be looked at. Where Docker's networks come and go, Chromium sees the
// machine's network change and drops what it reads: run it in a network of its own, as the verifier does,
// `unshare --net sh -c 'ip link set lo up && node ci/browser/check.mjs book'`.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { lock } from "./copying.mjs";
import { flows, play } from "./flows.mjs";
import { lighthouse } from "./lighthouse.mjs";
import { THEMES, WIDTHS, look } from "./look.mjs";
import { release, start } from "./packages.mjs";
import { plain } from "./plain.mjs";
import { Report } from "./report.mjs";
import { serve } from "./serve.mjs";
import { tasks } from "./site.mjs";

const USAGE = "usage: node ci/browser/check.mjs SITE_FOLDER [--only pages|flows|site|lighthouse]… [--page PART_OF_ADDRESS]… [--flow NAME]\n"
  + "                                    [--shots FOLDER] [--budget KB] [--base PATH] [--at N_AT_A_TIME]\n"
  + "  fix: name the folder that `cargo book build` wrote";
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    at: { type: "string", default: "4" },
    base: { type: "string", default: "/cloud-native-rust/" },
    budget: { type: "string", default: "150" },
    flow: { type: "string" },
    only: { type: "string", multiple: true },
    page: { type: "string", multiple: true },
    plan: { type: "string" },
    report: { type: "string" },
    shots: { type: "string" },
  },
});
const folder = positionals[0] && resolve(positionals[0]);
if (positionals.length !== 1 || !existsSync(join(folder, "index.html"))) {
  console.error(USAGE);
  process.exit(2);
}

/** What mdBook wrote, without the frame of contents and the page for what is not there. */
const files = readdirSync(folder, { recursive: true }).map((path) => path.split(sep).join("/")).filter((path) => path.endsWith(".html")).sort();
const isCopy = (path) => path.startsWith("listings/");
const text = (path) => readFileSync(join(folder, path), "utf8");
const all = files.filter((path) => !isCopy(path) && !/^(404|toc|print)\.html$/.test(path) && text(path).includes("<main"));

/** `{pages: [{address, blocks}], site: {pages, copies, measured} | null}`; by hand, what stands for all is found here. */
function planned() {
  if (values.plan) return JSON.parse(readFileSync(values.plan, "utf8"));
  const pages = all.filter((address) => !values.page || values.page.some((part) => address.includes(part)));
  const most = (mark) => all.map((page) => [page, text(page).split(mark).length]).sort((a, b) => b[1] - a[1])[0][0];
  const measured = [...new Set(["index.html", most('<code class="language-'), most('class="mermaid"')])];
  return { pages: pages.map((address) => ({ address })), site: { pages, copies: files.filter(isCopy).slice(0, 4), measured } };
}

const plan = planned();
const parts = values.only ?? ["pages", "flows", ...(plan.site && !values.page ? ["site", "lighthouse"] : [])];
const report = new Report(values.report, undefined);
const server = await serve(folder, values.base);
const browser = await start();
report.line({ versions: { Chromium: browser.version(), Playwright: release("playwright-core"), "axe-core": release("axe-core"), Lighthouse: release("lighthouse") } });

const read = (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : null);
const common = {
  browser, server, folder, report, shots: values.shots, budget: Number(values.budget), clipboard: lock(),
  ...plan.site, home: read("index.html"), notFound: read("404.html"),
};
const ofSite = { ...common, report: report.for("site") };

/** What there is to do: `{of, run}`; `of` has come to its end when all of its own have. */
const todo = [];
const onPages = (await flows(values.flow)).filter((flow) => !flow.once);
for (const { address, blocks } of plan.pages) {
  const on = { ...common, report: report.for(address), address, blocks };
  const add = (run) => todo.push({ of: address, run });
  if (parts.includes("pages")) {
    for (const width of WIDTHS) for (const theme of THEMES) add(() => look({ ...on, where: { page: address, width, theme } }));
    add(() => plain(on));
  }
  if (parts.includes("flows")) for (const flow of onPages) add(() => on.clipboard(() => play(flow, on)));
}
if (parts.includes("site")) for (const run of await tasks(ofSite)) todo.push({ of: "site", run });
// By hand, a flow is asked for by name also where it belongs to the site.
if (values.only?.includes("flows") && !parts.includes("site")) {
  for (const flow of (await flows(values.flow)).filter((flow) => flow.once)) {
    todo.push({
      of: "site",
      run: async () => {
        for (const { address } of plan.pages) if (await common.clipboard(() => play(flow, { ...ofSite, address }))) return;
        console.error(`${flow.name}: no page has ${flow.selector}`);
      },
    });
  }
}

const open = new Map();
for (const { of } of todo) open.set(of, (open.get(of) ?? 0) + 1);
const spent = new Map();
const last = (of) => { open.set(of, open.get(of) - 1); return open.get(of) === 0; };
const begun = Date.now();
async function work() {
  for (let task = todo.shift(); task; task = todo.shift()) {
    const at = Date.now();
    await task.run();
    spent.set(task.of, (spent.get(task.of) ?? 0) + (Date.now() - at) / 1000);
    if (last(task.of) && !(task.of === "site" && parts.includes("lighthouse"))) report.for(task.of).done(spent.get(task.of));
  }
}
let failed = false;
try {
  await Promise.all(Array.from({ length: Number(values.at) }, work));
  await browser.close();
  if (parts.includes("lighthouse")) {
    const at = Date.now();
    await lighthouse(ofSite);
    ofSite.report.done((spent.get("site") ?? 0) + (Date.now() - at) / 1000);
  }
} catch (error) {
  failed = true;
  console.error(`the browser stopped: ${error.stack ?? error}`);
}
await browser.close();
await server.close();
const found = report.total.findings === 0 ? "nothing wrong" : `${report.total.findings} things wrong`;
const wrong = failed ? `${found} so far, and not all was looked at` : found;
console.error(`${plan.pages.length} pages, ${report.total.checks} checks in ${((Date.now() - begun) / 1000).toFixed(1)} s: ${wrong}`);
process.exit(failed ? 2 : report.total.findings === 0 ? 0 : 1);
