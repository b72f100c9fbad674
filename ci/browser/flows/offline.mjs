// The book without a network, and after a new build was published. The site is copied over HTTP into a server of this
// flow's own, below a folder, so that builds can be exchanged, broken and taken away.

import { createHash } from "node:crypto";
import { createServer } from "node:http";

export const name = "offline";
export const selector = 'meta[name="book-offline"]';
export const once = true;

const BASE = "/cloud-native-rust/";
const KINDS = {
  html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml", png: "image/png",
  json: "application/json", wasm: "application/wasm",
};
const sha = (bytes) => createHash("sha256").update(bytes).digest("base64");

export async function play({ page, url, complain }) {
  const root = await page.evaluate(() => new URL(path_to_root || "./", location.href).href);
  const first = await copy(root);
  const pages = Object.keys(first.list).filter((path) => path.endsWith(".html") && !/^(404|toc|index)\.html$/.test(path));
  const server = await Server.start(first.files);
  const context = await page.context().browser().newContext();
  const tab = await context.newPage();
  const errors = [];
  tab.on("pageerror", (error) => errors.push(error.message));
  try {
    // One visit; the rest is kept in the background.
    await tab.goto(server.url + "index.html");
    await kept(tab, complain, "after one visit");
    await without(server, context, async () => {
      await tab.reload();
      await expectText(tab, first.files.get("index.html"), complain, "the visited page");
      // Pages, and the copies of listings, that were never visited.
      for (const path of pages) {
        const answer = await tab.goto(server.url + path).catch((error) => ({ status: () => error.message.split("\n")[0] }));
        if (answer.status() !== 200) complain(`offline, ${path} answers ${answer.status()}`);
      }
      const drawn = pages.find((path) => first.files.get(path).includes('<pre class="mermaid">'));
      if (drawn) {
        await tab.goto(server.url + drawn);
        await tab.locator("pre.mermaid").first().scrollIntoViewIfNeeded();
        await tab.locator("pre.mermaid svg").first().waitFor({ timeout: 15_000 })
          .catch(() => complain(`offline, the diagram of ${drawn} is not drawn`));
      }
      await tab.goto(server.url + "index.html?search=container");
      await tab.locator("#mdbook-searchresults li").first().waitFor({ timeout: 15_000 })
        .catch(() => complain("offline, the search finds nothing"));
      const none = await tab.goto(server.url + "no/such/page.html").catch(() => undefined);
      if (none?.status() !== 404) complain("offline, an address that is not there does not answer 404");
    });

    // A build that cannot be fetched whole: the one that is kept stays, whole.
    const broken = changed(first, "a build of which a file is missing");
    broken.files.set("sw.js", broken.files.get("sw.js").replace(first.list[pages.at(-1)], sha("a text that is not there")));
    broken.files.delete(pages.at(-1));
    server.files = broken.files;
    await tab.goto(server.url + "index.html");
    await expectText(tab, broken.files.get("index.html"), complain, "a half-published build");
    await failed(tab, complain);
    await without(server, context, async () => {
      await tab.goto(server.url + "index.html");
      await expectText(tab, first.files.get("index.html"), complain, "offline after a build that failed");
      const answer = await tab.goto(server.url + pages.at(-1)).catch(() => undefined);
      if (answer?.status() !== 200) complain("a build that could not be kept took away a page of the one before");
    });

    // A whole one is there at once, and then offline too; the old one is gone.
    const second = changed(first, "the next build");
    server.files = second.files;
    await tab.goto(server.url + "index.html");
    await expectText(tab, second.files.get("index.html"), complain, "right after a new build");
    await whole(tab, second.build, complain);
    await without(server, context, async () => {
      await tab.reload();
      await expectText(tab, second.files.get("index.html"), complain, "offline after a new build");
      const answer = await tab.goto(server.url + pages.at(-1)).catch(() => undefined);
      if (answer?.status() !== 200) complain("offline after a new build, a page is missing");
    });
    for (const error of errors) complain(`script: ${error}`);
  } finally {
    await context.close();
    await server.stop();
  }
}

// All files of a site, from the list in its worker.
async function copy(root) {
  const get = async (path) => {
    const response = await fetch(new URL(path, root));
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  };
  const worker = (await get("sw.js")).toString();
  const list = JSON.parse(worker.match(/^const FILES = (\{[^]*?\n\});$/m)[1]);
  const files = new Map([["sw.js", worker]]);
  for (const path of Object.keys(list)) {
    const bytes = await get(path);
    // A server that adds to pages (a live reload) is not the site that readers get.
    if (sha(bytes) !== list[path]) throw new Error(`${path} is not what the worker's list says`);
    files.set(decodeURIComponent(path), path.endsWith(".html") ? bytes.toString() : bytes);
  }
  return { files, list, worker };
}

// The same site with another home page, as the next `cargo book build` would write it.
function changed({ files, list, worker }, words) {
  const next = new Map(files);
  const home = files.get("index.html").replace("<main>", `<main><p id="build">${words}</p>`);
  next.set("index.html", home);
  const build = createHash("sha256").update(words).digest("hex").slice(0, 16);
  next.set("sw.js", worker.replace(/const BUILD = "[0-9a-f]+"/, `const BUILD = "${build}"`)
    .replace(`"index.html": "${list["index.html"]}"`, `"index.html": "${sha(home)}"`));
  return { files: next, build };
}

const mark = (html) => html.match(/<p id="build">(.*?)<\/p>/)?.[1] ?? null;

async function expectText(tab, html, complain, when) {
  const shown = await tab.evaluate(() => document.getElementById("build")?.textContent ?? null);
  if (shown !== mark(html)) complain(`${when}: the page is of another build (${shown ?? "the first"})`);
}

async function kept(tab, complain, when) {
  await tab.locator(".readable-offline").waitFor({ timeout: 60_000 })
    .catch(() => complain(`${when}, the book is not kept for reading offline`));
}

const caches = (tab) => tab.evaluate(async () => (await window.caches.keys()).filter((name) => name.startsWith("book ")));

// Until the worker has given up the build that it cannot fetch.
async function failed(tab, complain) {
  await tab.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration.update().catch(() => {});
    const worker = registration.installing ?? registration.waiting;
    const ends = ["redundant", "activated"];
    if (worker && !ends.includes(worker.state)) {
      await new Promise((done) => worker.addEventListener("statechange", () => ends.includes(worker.state) && done()));
    }
  });
  const names = await caches(tab);
  if (names.length !== 1) complain(`after a build that failed there are ${names.length} caches`);
}

// Until the worker of a build has taken over.
async function whole(tab, build, complain) {
  const end = Date.now() + 60_000;
  let names;
  do {
    await tab.evaluate(async () => {
      await (await navigator.serviceWorker.getRegistration())?.update().catch(() => {});
      await new Promise(requestAnimationFrame);
    });
    names = await caches(tab);
  } while (Date.now() < end && !(names.length === 1 && names[0].endsWith(` ${build}`)));
  if (names.length !== 1 || !names[0].endsWith(` ${build}`)) complain(`a new build is not kept: ${names.join(", ")}`);
}

// The server is gone, as for a reader in a train.
async function without(server, context, what) {
  await server.stop();
  await context.setOffline(true);
  try {
    await what();
  } finally {
    await context.setOffline(false);
    await server.again();
  }
}

class Server {
  static async start(files) {
    const server = new Server();
    server.files = files;
    await server.again(0);
    return server;
  }

  async again(port = this.port) {
    this.http = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
      let name = path.startsWith(BASE) ? path.slice(BASE.length) : undefined;
      if (name === "" || name?.endsWith("/")) name += "index.html";
      const body = this.files.get(name);
      const kind = KINDS[(name ?? "").split(".").at(-1)] ?? "application/octet-stream";
      // As GitHub Pages does: a browser may keep a page for ten minutes.
      response.writeHead(body === undefined ? 404 : 200, { "Content-Type": kind, "Cache-Control": "max-age=600" });
      response.end(body ?? "not found");
    });
    await new Promise((ready) => this.http.listen(port, "127.0.0.1", ready));
    this.port = this.http.address().port;
    this.url = `http://127.0.0.1:${this.port}${BASE}`;
  }

  async stop() {
    if (!this.http?.listening) return;
    const closed = new Promise((done) => this.http.close(done));
    this.http.closeAllConnections();
    await closed;
  }
}
