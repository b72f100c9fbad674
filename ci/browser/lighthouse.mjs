// Lighthouse, as on a phone, on three pages: the home page, the one with the most code, one with a diagram. It measures
// best alone: nothing else runs at the same time.

import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { load, start } from "./packages.mjs";

const LEAST = { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 };

/** Which pages stand for all. */
export function chosen(folder, pages) {
  const texts = pages.map((page) => [page, readFileSync(join(folder, page), "utf8")]);
  const most = (mark) => texts.map(([page, text]) => [page, text.split(mark).length - 1]).sort((a, b) => b[1] - a[1]).filter(([, n]) => n > 0)[0]?.[0];
  return [...new Set([pages.includes("index.html") ? "index.html" : pages[0], most("<code class=\"language-"), most("class=\"mermaid\"")])].filter(Boolean);
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const { port } = server.address();
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

/** Scores of 100, largest contentful paint in ms, weight in bytes; `failing` names what cost points. */
export async function measure(url, port) {
  const { default: lighthouse } = await load("lighthouse");
  const { lhr } = await lighthouse(url, { port, output: "json", logLevel: "silent", onlyCategories: Object.keys(LEAST) });
  if (lhr.runtimeError) throw new Error(`Lighthouse could not measure ${url}: ${lhr.runtimeError.message}`);
  const failing = (category) => lhr.categories[category].auditRefs
    .filter(({ id, weight }) => weight > 0 && lhr.audits[id].score !== null && lhr.audits[id].score < 0.9)
    .map(({ id }) => `${id} ${lhr.audits[id].displayValue ?? ""}`.trim());
  return {
    scores: Object.fromEntries(Object.keys(LEAST).map((name) => [name, Math.round(lhr.categories[name].score * 100)])),
    failing: Object.fromEntries(Object.keys(LEAST).map((name) => [name, failing(name)])),
    lcp: Math.round(lhr.audits["largest-contentful-paint"].numericValue),
    blocking: Math.round(lhr.audits["total-blocking-time"].numericValue),
    bytes: lhr.audits["total-byte-weight"].numericValue,
  };
}

export async function lighthouse({ folder, server, report, pages }) {
  const port = await freePort();
  const browser = await start([`--remote-debugging-port=${port}`]);
  try {
    for (const page of chosen(folder, pages)) {
      let seen = await measure(server.url + page, port);
      // The one figure that another program on this machine can spoil: of three, the middle one.
      if (seen.scores.performance < LEAST.performance) {
        const three = [seen, await measure(server.url + page, port), await measure(server.url + page, port)];
        seen = three.sort((a, b) => a.scores.performance - b.scores.performance)[1];
      }
      const words = Object.entries(seen.scores).map(([name, score]) => `${name} ${score}`).join(", ");
      console.error(`  Lighthouse, ${page}: ${words}; largest paint ${seen.lcp} ms, blocked ${seen.blocking} ms, ${(seen.bytes / 1000).toFixed(1)} kB`);
      for (const [name, least] of Object.entries(LEAST)) {
        report.count(page);
        if (seen.scores[name] >= least) continue;
        const why = seen.failing[name].length > 0 ? ` (${seen.failing[name].join("; ")})` : "";
        report.complain({ page }, `Lighthouse gives ${seen.scores[name]} for ${name}, and ${least} is the least${why}`);
      }
    }
  } finally {
    await browser.close();
  }
}
