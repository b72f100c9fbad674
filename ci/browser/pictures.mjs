// Makes the PNG pictures that are committed of the SVG files beside them: the card that a link to the book is shown with,
// and the cover of its EPUB.
//
//     cargo book setup --lane browser && node ci/browser/pictures.mjs

import { readFileSync, writeFileSync } from "node:fs";
import { start } from "./packages.mjs";

const theme = new URL("../../theme/", import.meta.url);
const browser = await start();
for (const [name, width, height] of [["card", 1200, 630], ["cover", 800, 1200]]) {
  const page = await browser.newPage({ viewport: { width, height } });
  const svg = readFileSync(new URL(`${name}.svg`, theme), "utf8");
  await page.setContent(`<style>body { margin: 0 } svg { display: block }</style>${svg}`);
  const png = await page.screenshot({ type: "png" });
  writeFileSync(new URL(`${name}.png`, theme), png);
  console.log(`theme/${name}.png: ${width} × ${height}, ${png.length} bytes`);
}
await browser.close();
