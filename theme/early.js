// The reader's theme, before anything is painted: mdBook's own script for it runs only once the body begins, and a slow
// machine has painted the other ground by then.
"use strict";
{
    const { light, dark } = document.currentScript.dataset;
    let theme = null;
    try { theme = localStorage.getItem("mdbook-theme"); } catch { /* a reader without storage */ }
    // At the end of the page, where mdBook loads all scripts of the book, nothing is left to do.
    if (light !== undefined) {
        theme ??= matchMedia("(prefers-color-scheme: dark)").matches ? dark : light;
        document.documentElement.classList.replace(light, theme.replaceAll('"', ""));
    }
}
