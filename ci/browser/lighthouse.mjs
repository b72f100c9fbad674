// Lighthouse, as on a phone, on a few pages that stand for all. It measures best alone: nothing else runs meanwhile.

import { createServer } from "node:net";
import { load, start } from "./packages.mjs";

const LEAST = { performance: 95, accessibility: 100, "best-practices": 100, seo: 100 };

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

export async function lighthouse({ server, report, measured }) {
  const port = await freePort();
  const browser = await start([`--remote-debugging-port=${port}`]);
  try {
    for (const page of measured) {
      let seen = await measure(server.url + page, port);
      // The one figure that another program on this machine can spoil: of three, the middle one.
      if (seen.scores.performance < LEAST.performance) {
        const three = [seen, await measure(server.url + page, port), await measure(server.url + page, port)];
        seen = three.sort((a, b) => a.scores.performance - b.scores.performance)[1];
      }
      const words = Object.entries(seen.scores).map(([name, score]) => `${name} ${score}`).join(", ");
      console.error(`  Lighthouse, ${page}: ${words}; largest paint ${seen.lcp} ms, blocked ${seen.blocking} ms, ${(seen.bytes / 1000).toFixed(1)} kB`);
      for (const [name, least] of Object.entries(LEAST)) {
        report.count();
        if (seen.scores[name] >= least) continue;
        const why = seen.failing[name].length > 0 ? ` (${seen.failing[name].join("; ")})` : "";
        report.complain({ page }, `Lighthouse gives ${seen.scores[name]} for ${name}, and ${least} is the least${why}`);
      }
    }
  } finally {
    await browser.close();
  }
}
