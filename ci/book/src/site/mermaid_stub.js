// What mermaid.parse asks of a browser. No diagram is drawn here, so an element is little more than its text; the
// sanitizer (DOMPurify) is let through unchanged, because what it removes is no matter of syntax.
"use strict";
globalThis.window = globalThis;
globalThis.self = globalThis;
globalThis.console = { log() {}, info() {}, warn() {}, error() {}, debug() {}, trace() {} };
globalThis.setTimeout = (f, _ms, ...args) => { Promise.resolve().then(() => f(...args)); return 0; };
globalThis.clearTimeout = () => {};
globalThis.requestAnimationFrame = (f) => globalThis.setTimeout(f, 0);
globalThis.addEventListener = () => {};
globalThis.removeEventListener = () => {};
globalThis.location = { href: "about:blank", protocol: "about:", host: "", hash: "" };
globalThis.navigator = { userAgent: "", platform: "" };
globalThis.structuredClone ??= (value) => JSON.parse(JSON.stringify(value));
globalThis.performance ??= { now: () => Date.now() };

class Node {
  constructor(name) { this.nodeName = name; this.nodeType = 1; this.childNodes = []; this.attributes = []; this.style = {}; this.text = ""; }
  get innerHTML() { return this.text; }
  set innerHTML(text) { this.text = String(text); }
  get textContent() { return this.text; }
  set textContent(text) { this.text = String(text); }
  get firstChild() { return null; }
  get parentNode() { return null; }
  get nextSibling() { return null; }
  get content() { return this; }
  get ownerDocument() { return document; }
  appendChild(child) { return child; }
  insertBefore(child) { return child; }
  removeChild(child) { return child; }
  remove() {}
  cloneNode() { return new Node(this.nodeName); }
  getAttribute() { return null; }
  setAttribute() {}
  removeAttribute() {}
  querySelector() { return null; }
  querySelectorAll() { return []; }
  getElementsByTagName() { return []; }
}
class Document extends Node {
  constructor() { super("#document"); this.nodeType = 9; this.documentElement = new Node("HTML"); this.body = new Node("BODY"); this.head = new Node("HEAD"); }
  get ownerDocument() { return null; }
  get implementation() { return { createDocument: () => new Document(), createHTMLDocument: () => new Document() }; }
  get currentScript() { return null; }
  createElement(name) { return new Node(name); }
  createElementNS(_space, name) { return new Node(name); }
  createDocumentFragment() { return new Node("#fragment"); }
  createTextNode(text) { const node = new Node("#text"); node.text = text; return node; }
  createNodeIterator() { return { nextNode: () => null }; }
  importNode(node) { return node; }
  getElementById() { return null; }
  addEventListener() {}
  removeEventListener() {}
}
globalThis.Node = Node;
globalThis.Element = Node;
globalThis.HTMLElement = Node;
globalThis.HTMLTemplateElement = class {};
globalThis.HTMLFormElement = class {};
globalThis.DocumentFragment = class {};
globalThis.NamedNodeMap = class {};
globalThis.NodeFilter = { SHOW_ELEMENT: 1, SHOW_TEXT: 4, SHOW_COMMENT: 128, SHOW_PROCESSING_INSTRUCTION: 64, SHOW_CDATA_SECTION: 8 };
globalThis.DOMParser = class {
  parseFromString(text) { const parsed = new Document(); parsed.documentElement.text = text; parsed.body.text = text; return parsed; }
};
globalThis.document = new Document();

// The line of the text that a line of what mermaid really parses is from: it takes front matter, directives and
// comments out first, by these patterns.
function originalLine(text, line) {
  let kept = Array.from({ length: text.length }, (_, i) => i);
  let rest = text;
  const cut = (pattern) => {
    let next = "", nextKept = [], from = 0;
    const keep = (to) => { next += rest.slice(from, to); nextKept = nextKept.concat(kept.slice(from, to)); };
    for (const found of rest.matchAll(pattern)) { keep(found.index); from = found.index + found[0].length; }
    keep(rest.length);
    rest = next;
    kept = nextKept;
  };
  cut(/^-{3}\s*[\n\r](.*?)[\n\r]-{3}\s*[\n\r]+(?![^])|^-{3}\s*[\n\r](.*?)[\n\r]-{3}\s*[\n\r]+/gs);
  cut(/%{2}{\s*(?:(\w+)\s*:|(\w+))\s*(?:(\w+)|((?:(?!}%{2}).|\r?\n)*))?\s*(?:}%{2})?/gi);
  cut(/^\s*%%(?!{)[^\n]+\n?/gm);
  cut(/^\s+/g);
  // Its parser of Sankey diagrams takes empty lines out as well.
  if (rest.startsWith("sankey")) cut(/(?<=\n)\n+/g);
  let at = 0;
  for (let i = 1; i < line; i++) {
    const end = rest.indexOf("\n", at);
    if (end < 0) break;
    at = end + 1;
  }
  const offset = at < kept.length ? kept[at] : text.length - 1;
  return text.slice(0, Math.max(offset, 0)).split("\n").length;
}

globalThis.checkDiagram = async (raw) => {
  const text = raw.replace(/\r\n?/g, "\n");
  try {
    await globalThis.mermaid.parse(text);
    return JSON.stringify({ ok: true });
  } catch (error) {
    let message = String(error?.message ?? error?.str ?? error);
    const inner = error?.result?.parserErrors?.[0] ?? error?.result?.lexerErrors?.[0];
    let line = Number(/ on line (\d+)/.exec(message)?.[1]);
    if (!line && inner) line = inner.token?.startLine || inner.previousToken?.endLine || inner.line;
    if (!line && error?.hash?.loc) line = error.hash.loc.first_line;
    const original = line ? originalLine(text, line) : 1;
    // A parser that falls over says nothing to a reader.
    if (error instanceof TypeError || error instanceof RangeError) message = "mermaid fails on this diagram: " + message;
    if (line) message = message.replace(/ on line \d+/, " on line " + original);
    return JSON.stringify({ ok: false, message: message.trim() || "it does not parse", line: original });
  }
};
