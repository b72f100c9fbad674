// Where the npm packages and the Chromium of the browser lane are. `cargo book setup --lane browser` brings both; the
// packages lie below cargo's target folder, in one keyed by the lock file, and never in the repository.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const FIX = "cargo book setup --lane browser";

function folder() {
  if (process.env.BOOK_BROWSER_PACKAGES) return process.env.BOOK_BROWSER_PACKAGES;
  const lock = readFileSync(join(here, "package-lock.json"));
  const key = createHash("sha256").update(lock).digest("hex").slice(0, 16);
  const target = process.env.CARGO_TARGET_DIR ?? join(here, "../../target");
  return join(process.env.BOOK_WORK ?? join(target, "book"), "browser", `packages-${key}`);
}

const require = createRequire(join(folder(), "package.json"));

const resolve = (name) => {
  try {
    return require.resolve(name);
  } catch {
    console.error(`the npm package ${name} is not installed\n  fix: ${FIX}`);
    process.exit(2);
  }
};

/** A package as a module; the file of one that is no module. */
export const load = (name) => import(pathToFileURL(resolve(name)).href);
export const text = (name) => readFileSync(resolve(name), "utf8");

/** The release of a package that is installed. */
export const release = (name) =>
  JSON.parse(readFileSync(join(folder(), "node_modules", name, "package.json"), "utf8")).version;

const PROGRAMS = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** The Chromium of this machine. `CHROMIUM` names another one. */
export function chromiumPath() {
  const found = [process.env.CHROMIUM, ...PROGRAMS].find((path) => path && existsSync(path));
  if (!found) {
    console.error(`there is no Chromium on this machine\n  fix: ${FIX}, or set CHROMIUM to its path`);
    process.exit(2);
  }
  return found;
}

/** Starts it, deaf to all that it would ask the world for by itself. */
export async function start(more = []) {
  const { chromium } = (await load("playwright-core")).default;
  return chromium.launch({
    executablePath: chromiumPath(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", ...more],
  });
}
