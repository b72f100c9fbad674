// Keeps the whole book for readers without a network. `cargo book build` writes this file to the site's root, behind two
// constants: BUILD, a hash of all files, and FILES, each file's address with the hash of what it holds.
//
// Pages come from the network while there is one, so nobody reads an old page after a new build was published. What is
// kept belongs to one build: a new one is fetched beside it, whole or not at all, and only then takes its place.

/* global BUILD, FILES */

const SCOPE = new URL(self.registration.scope);
// Another book may live on the same host: its caches are not ours.
const OURS = `book ${SCOPE.pathname} `;
const NAME = OURS + BUILD;
// Its entry is the last one written: a cache that has it is whole.
const WHOLE = new URL("book-files.json", SCOPE).href;
// A name with a hash in it never holds anything else.
const HASHED = /-[0-9a-f]{8}\.[a-z0-9.]+$/;
const AT_A_TIME = 4;

const address = (path) => new URL(path, SCOPE).href;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));

async function install() {
  const cache = await caches.open(NAME);
  try {
    const before = await lastWhole();
    const left = Object.keys(FILES);
    const worker = async () => {
      for (let path = left.pop(); path !== undefined; path = left.pop()) await take(path, cache, before);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    await cache.put(WHOLE, new Response(JSON.stringify(FILES)));
  } catch (error) {
    // No room, or a file that is not of this build: the build that was there before stays.
    await caches.delete(NAME);
    throw error;
  }
  await self.skipWaiting();
}

async function lastWhole() {
  for (const name of await caches.keys()) {
    if (!name.startsWith(OURS) || name === NAME) continue;
    const cache = await caches.open(name);
    const files = await (await cache.match(WHOLE))?.json();
    if (files) return { cache, files };
  }
  return undefined;
}

async function take(path, cache, before) {
  // There already when the browser ended an earlier attempt.
  if (await cache.match(address(path))) return;
  const kept = before?.files[path] === FILES[path] ? await before.cache.match(address(path)) : undefined;
  await cache.put(address(path), kept ?? await fetched(path));
}

// `integrity` refuses what is of another build, as while a new one is being published.
async function fetched(path) {
  const response = await fetch(address(path), { cache: "no-cache", integrity: `sha256-${FILES[path]}` });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  // A page may not be answered with a response that was led elsewhere.
  return response.redirected ? new Response(await response.blob(), { headers: response.headers }) : response;
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(OURS) && name !== NAME) await caches.delete(name);
  }
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== SCOPE.origin || !url.pathname.startsWith(SCOPE.pathname)) return;
  let path = url.pathname.slice(SCOPE.pathname.length);
  if (path === "" || path.endsWith("/")) path += "index.html";
  if (!(path in FILES) && request.mode !== "navigate") return;
  event.respondWith(HASHED.test(path) ? keptFirst(path, request) : networkFirst(path, request));
});

const kept = async (path) => (await caches.open(NAME)).match(address(path));

async function keptFirst(path, request) {
  return await kept(path) ?? fetch(request);
}

async function networkFirst(path, request) {
  let answer;
  try {
    answer = await fetch(request, { cache: "no-cache" });
    if (answer.status < 500) return answer;
  } catch {
    // No network.
  }
  const page = await kept(path);
  if (page) return page;
  if (answer) return answer;
  const missing = request.mode === "navigate" ? await kept("404.html") : undefined;
  return missing ? new Response(missing.body, { status: 404, headers: missing.headers }) : Response.error();
}
