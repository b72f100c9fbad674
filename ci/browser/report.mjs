// What was found and how much was looked at: JSON lines for the verifier, text for people on stderr.

import { appendFileSync } from "node:fs";
import { fixOf } from "./fixes.mjs";

/** Runs in the page: the line of the block that an element is in, else the words of the heading above it. */
export function placeOf(element) {
  if (!element) return {};
  const block = element.closest('[id^="block-"]');
  if (block) return { block: Number(block.id.slice("block-".length)) };
  const main = element.closest("main");
  if (!main) return {};
  const before = [...main.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((heading) =>
    heading === element || heading.contains(element)
      || heading.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING);
  const text = (element.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 80);
  return { heading: before.at(-1)?.textContent.trim() ?? "", text, image: element.getAttribute("src") ?? undefined };
}

export class Report {
  /** `file` gets the JSON lines; `of` is whose task it is: a page's address, or `site`. */
  constructor(file, of, total = { findings: 0, checks: 0 }) {
    this.file = file;
    this.of = of;
    this.total = total;
  }

  /** The same, for the tasks of a page or of the site. */
  for(of) {
    return new Report(this.file, of, this.total);
  }

  line(value) {
    if (this.file) appendFileSync(this.file, `${JSON.stringify({ of: this.of, ...value })}\n`);
  }

  /** So many things were looked at, whatever was found. */
  count(n = 1) {
    this.total.checks += n;
    this.line({ checks: n });
  }

  /** `where`: page (an address below the site), width, theme; block or heading. */
  complain(where, what) {
    this.total.findings += 1;
    const { page, width, theme, block, heading } = where;
    const at = [width && `${width} px`, theme].filter(Boolean).join(", ");
    const line = block ? `#block-${block}` : heading ? ` below “${heading}”` : "";
    const fix = fixOf(what);
    console.error(`  ${page}${line}${at ? ` (${at})` : ""}: ${what}\n    fix: ${fix}`);
    this.line({ ...where, what, fix });
  }

  /** All tasks of this one have come to their end. Who has no such line was not looked at. */
  done(seconds) {
    this.line({ done: true, seconds });
  }
}
