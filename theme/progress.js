// What a reader has read, answered and done: in this browser alone, in one document, under one key.
//
// Others use `window.bookProgress`. Nothing here is ever sent anywhere; a copy leaves as a file that the reader saves.
"use strict";

window.bookProgress = (() => {
    const KEY = "cloud-native-rust-progress";
    const KINDS = ["pages", "quizzes", "exercises", "checklist"];
    const listeners = new Set();
    // Where a browser keeps nothing (a private window may refuse), a reader has this until the page is left.
    let memory = null;

    const load = (key) => { try { return localStorage.getItem(key); } catch { return key === KEY ? memory : null; } };
    const keep = (key, text) => {
        try { localStorage.setItem(key, text); } catch { if (key === KEY) memory = text; }
    };

    const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
    const isTime = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
    const isCount = (value) => Number.isInteger(value) && value >= 0;
    const good = {
        pages: isTime,
        quizzes: (value) => isTable(value) && isCount(value.right) && isCount(value.of) && value.right <= value.of,
        exercises: (value) => isTable(value) && ["started", "passed"].includes(value.state),
        checklist: (value) => value === true,
    };
    const isGood = (found) => isTable(found) && found.version === 1 && KINDS.every((kind) =>
        found[kind] === undefined || (isTable(found[kind]) && Object.values(found[kind]).every(good[kind])));
    const whole = (found) => ({ ...found, version: 1, ...Object.fromEntries(KINDS.map((kind) => [kind, { ...found[kind] }])) });
    const parse = (text) => {
        try {
            const found = JSON.parse(text);
            return isGood(found) ? whole(found) : null;
        } catch {
            return null;
        }
    };

    const read = () => {
        const text = load(KEY);
        if (text === null) return whole({});
        const found = parse(text);
        if (found) return found;
        // Not ours, or of a later edition: it is kept beside, where the page of progress shows it, and never overwritten.
        keep(`${KEY}-aside-${new Date().toISOString()}`, text);
        keep(KEY, JSON.stringify(whole({})));
        return whole({});
    };
    const write = (document) => {
        keep(KEY, JSON.stringify(document));
        listeners.forEach((listener) => listener(document));
    };

    // Of two records of the same thing, the one that says that more was done; of equal ones the first.
    const better = {
        pages: (a, b) => Date.parse(b) < Date.parse(a) ? b : a,
        quizzes: (a, b) => b.right * a.of > a.right * b.of ? b : a,
        exercises: (a, b) => a.state === "started" && b.state === "passed" ? b : a,
        checklist: (a) => a,
    };

    addEventListener("storage", ({ key }) => key === KEY && listeners.forEach((listener) => listener(read())));

    return {
        KEY,
        read,
        // A value of null takes the entry away.
        set(kind, id, value) {
            const document = read();
            if (value === null) delete document[kind][id];
            else document[kind][id] = value;
            write(document);
        },
        // Calls `listener` after each change, also of another tab. Gives back what ends that.
        subscribe(listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
        exportText: () => `${JSON.stringify(read(), null, 2)}\n`,
        // Adds what a file knows to what is here; the number of entries that it changed. Throws, and changes nothing,
        // when the file is none of ours.
        importText(text) {
            const found = parse(text);
            if (!found) throw new Error("this file is no progress of this book, or of a later edition");
            const document = read();
            let changed = 0;
            for (const kind of KINDS) {
                for (const [id, theirs] of Object.entries(found[kind])) {
                    const mine = Object.hasOwn(document[kind], id) ? document[kind][id] : undefined;
                    const kept = mine === undefined ? theirs : better[kind](mine, theirs);
                    if (kept === mine) continue;
                    document[kind][id] = kept;
                    changed += 1;
                }
            }
            write(document);
            return changed;
        },
        reset: () => write(whole({})),
        // What was kept beside: [key, text].
        aside() {
            try {
                return Object.entries(localStorage).filter(([key]) => key.startsWith(`${KEY}-aside-`));
            } catch {
                return [];
            }
        },
    };
})();

// Which page this is, and which ones the sidebar names.
{
    const progress = window.bookProgress;
    const root = new URL(path_to_root || "./", location.href);
    const address = (url) => decodeURI(url.pathname.slice(root.pathname.length)).replace(/(^|\/)$/, "$1index.html");
    const chapters = [...document.querySelectorAll("#mdbook-sidebar .chapter a[href]")]
        .map((link) => ({ link, url: new URL(link.href) }))
        .filter(({ url }) => url.hash === "" && url.origin === location.origin)
        .map(({ link, url }) => ({ link, page: address(url) }));
    // mdBook writes the first page twice; progress knows it by its own name.
    const first = document.querySelector("#progress [data-page]")?.dataset.page;
    const named = (page) => page === "index.html" ? first ?? chapters.find((c) => c.page !== page)?.page ?? page : page;
    const here = named(address(new URL(location.href)));

    const tick = ({ pages }) => {
        for (const { link, page } of chapters) {
            const isRead = Object.hasOwn(pages, named(page));
            link.classList.toggle("read", isRead);
            if (isRead) link.setAttribute("aria-description", "read");
            else link.removeAttribute("aria-description");
        }
    };
    tick(progress.read());
    progress.subscribe(tick);

    // A page counts as read when its end was in sight for a moment.
    const end = document.querySelector("main")?.lastElementChild;
    if (end && !document.getElementById("progress") && chapters.some(({ page }) => named(page) === here)) {
        let moment;
        const watcher = new IntersectionObserver(([{ isIntersecting }]) => {
            clearTimeout(moment);
            if (!isIntersecting) return;
            moment = setTimeout(() => {
                watcher.disconnect();
                if (!Object.hasOwn(progress.read().pages, here)) progress.set("pages", here, new Date().toISOString());
            }, 1000);
        });
        watcher.observe(end);
    }
}
