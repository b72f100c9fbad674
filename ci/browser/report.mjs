// What was found and how much was looked at. JSON lines on stdout are for the verifier, people's text is on stderr.

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
  constructor({ json }) {
    this.json = json;
    this.findings = 0;
    this.checks = 0;
  }

  line(value) {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** One thing was looked at, whatever was found. */
  count(page, n = 1) {
    this.checks += n;
    this.line({ page, checks: n });
  }

  /** `where`: page (address below the site), width, theme, block or heading. */
  complain(where, what) {
    this.findings += 1;
    const { page, width, theme, block, heading } = where;
    const at = [width && `${width} px`, theme].filter(Boolean).join(", ");
    const line = block ? `#block-${block}` : heading ? ` below “${heading}”` : "";
    console.error(`  ${page}${line}${at ? ` (${at})` : ""}: ${what}`);
    this.line({ ...where, what });
  }

  /** A page whose looks have ended. A page without such a line was not looked at. */
  done(page, seconds) {
    this.line({ page, done: true, seconds });
  }
}
