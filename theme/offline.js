// Lets the browser keep the whole book, after the page has been shown, and says so when it has. Only in a site that
// `cargo book build` wrote: it names the worker in a meta tag. A browser runs workers on https and on this machine.
"use strict";

{
    const worker = document.querySelector('meta[name="book-offline"]')?.content;

    const say = () => {
        const line = document.createElement("footer");
        line.className = "readable-offline";
        line.textContent = "The whole book is kept in this browser: it is readable offline.";
        document.querySelector("#mdbook-page-wrapper .page")?.append(line);
    };

    const keep = async () => {
        try {
            // The worker's own file is asked for each time, or a new build would be noticed a day late.
            await navigator.serviceWorker.register(path_to_root + worker, { updateViaCache: "none" });
            await navigator.serviceWorker.ready;
            say();
        } catch {
            // No room, or the reader's browser keeps nothing. The book is readable all the same.
        }
    };

    if (worker && isSecureContext && "serviceWorker" in navigator) {
        const later = window.requestIdleCallback ?? setTimeout;
        if (document.readyState === "complete") later(keep);
        else addEventListener("load", () => later(keep));
    }
}
