// Serves a built site on 127.0.0.1 as a host of static files does: with gzip, with an entity tag, with 404.html for what
// is not there, and below the folder that it is told (`/` or `/cloud-native-rust/`). What lies outside is 404.

import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".epub": "application/epub+zip",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
  ".xml": "application/xml",
};
const PACKED = new Set([".epub", ".png", ".woff2"]);

export async function serve(folder, base = "/") {
  const cache = new Map();
  const read = (path) => {
    if (!cache.has(path)) {
      const body = readFileSync(path);
      const kind = extname(path);
      cache.set(path, {
        body,
        small: PACKED.has(kind) ? null : gzipSync(body),
        type: TYPES[kind] ?? "text/plain; charset=utf-8",
        tag: `"${createHash("sha256").update(body).digest("hex").slice(0, 16)}"`,
      });
    }
    return cache.get(path);
  };
  const find = (address) => {
    if (!address.startsWith(base)) return null;
    const inside = normalize(decodeURIComponent(address.slice(base.length)));
    if (inside.startsWith("..") || inside.includes(`..${sep}`)) return null;
    const path = join(folder, inside);
    if (!existsSync(path)) return null;
    if (!statSync(path).isDirectory()) return path;
    const index = join(path, "index.html");
    return existsSync(index) ? index : null;
  };
  const server = createServer((request, response) => {
    const path = find(new URL(request.url, "http://site").pathname);
    const missing = join(folder, "404.html");
    const file = path ?? (existsSync(missing) ? missing : null);
    if (!file) {
      response.writeHead(404, { "content-type": "text/plain" }).end("not found");
      return;
    }
    const { body, small, type, tag } = read(file);
    const headers = { "content-type": type, etag: tag, "cache-control": "max-age=600", vary: "accept-encoding" };
    if (path && request.headers["if-none-match"] === tag) {
      response.writeHead(304, headers).end();
      return;
    }
    const packed = small && /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
    if (packed) headers["content-encoding"] = "gzip";
    const sent = packed ? small : body;
    headers["content-length"] = sent.length;
    response.writeHead(path ? 200 : 404, headers).end(request.method === "HEAD" ? undefined : sent);
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    url: origin + base,
    /** Forgets what it has read: a file of the site may be another one now. */
    forget: () => cache.clear(),
    close: () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }),
  };
}
