// Makes the PNG pictures that are committed of the SVG files beside them: the card that a link to the book is shown with,
// and the cover of its EPUB.
//
//     npm install && node pictures.mjs

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { chromium } from "playwright-core";

const theme = new URL("../../theme/", import.meta.url);
const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"]
  .find((path) => path && existsSync(path));
if (!executablePath) {
  console.error("there is no Chromium on this machine\n  fix: apt-get install chromium, or set CHROMIUM to its path");
  process.exit(2);
}
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
for (const [name, width, height] of [["card", 1200, 630], ["cover", 800, 1200]]) {
  const page = await browser.newPage({ viewport: { width, height } });
  const svg = readFileSync(new URL(`${name}.svg`, theme), "utf8");
  await page.setContent(`<style>body { margin: 0 } svg { display: block }</style>${svg}`);
  const png = await page.screenshot({ type: "png" });
  writeFileSync(new URL(`${name}.png`, theme), png);
  console.log(`theme/${name}.png: ${width} × ${height}, ${png.length} bytes`);
}
await browser.close();
