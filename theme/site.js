// What the site adds to mdBook's own script. A page without it is still whole: it only copies, draws and labels.
"use strict";

// Copying gives what can be pasted: of a shell session the commands, without prompt and output; of a listing what its
// file holds, folded lines too, without those that are gone.
{
    const whole = window.playground_text;
    window.playground_text = (pre, hidden) => {
        const figure = pre.closest("figure.listing");
        if (figure?.dataset.commands !== undefined) return figure.dataset.commands;
        if (!figure?.matches(".from-listing")) return whole(pre, hidden);
        const code = pre.querySelector("code").cloneNode(true);
        code.querySelectorAll("del").forEach((gone) => gone.remove());
        return code.textContent;
    };
    // What mdBook shows beside the button when it has copied, for those who do not see it.
    const said = document.createElement("p");
    said.className = "hidden-visually";
    said.setAttribute("role", "status");
    document.querySelector("main").append(said);
    const watcher = new MutationObserver(([{ target }]) => { said.textContent = target.textContent; });
    document.querySelectorAll(".clip-button > .tooltiptext").forEach((tip) => watcher.observe(tip, { childList: true }));
    document.querySelectorAll(".from-output .clip-button").forEach((button) => button.remove());
}

// Diagrams are drawn when a reader comes near one: the library weighs more than the rest of the site.
{
    const diagrams = [...document.querySelectorAll("pre.mermaid")].map((element) => ({
        element,
        source: element.textContent,
        near: false,
    }));
    const root = document.documentElement;
    const isDark = () => ["ayu", "coal", "navy"].some((theme) => root.classList.contains(theme));
    let library, dark, queue = Promise.resolve();

    const load = () => library ??= new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = path_to_root + "mermaid.min.js";
        script.onload = resolve;
        script.onerror = reject;
        document.head.append(script);
    });

    const draw = async (wanted) => {
        await load();
        dark = isDark();
        // The dark theme's own ground of labels leaves their text too faint.
        const themeVariables = dark ? { edgeLabelBackground: "#22262f" } : {};
        mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "default", themeVariables });
        for (const { element, source } of wanted) {
            element.removeAttribute("data-processed");
            element.textContent = source;
            await mermaid.run({ nodes: [element] });
            const caption = element.closest("figure")?.querySelector("figcaption")?.textContent;
            const svg = element.querySelector("svg");
            svg?.setAttribute("role", "img");
            svg?.setAttribute("aria-label", caption ?? "Diagram");
        }
    };
    // One after the other: the library draws into the page and is not made to be called twice at a time.
    const later = (wanted) => { queue = queue.then(() => draw(wanted)).catch(console.error); };

    if (diagrams.length > 0) {
        const watcher = new IntersectionObserver((entries) => {
            const reached = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
            reached.forEach((element) => watcher.unobserve(element));
            const wanted = diagrams.filter(({ element }) => reached.includes(element));
            wanted.forEach((diagram) => { diagram.near = true; });
            if (wanted.length > 0) later(wanted);
        }, { rootMargin: "600px" });
        diagrams.forEach(({ element }) => watcher.observe(element));
        new MutationObserver(() => {
            if (dark !== undefined && dark !== isDark()) later(diagrams.filter(({ near }) => near));
        }).observe(root, { attributes: true, attributeFilter: ["class"] });
    }
}

// What mdBook's pages lack for readers who do not see them or have no mouse.
{
    // Before the sidebar, and not behind all of its links.
    document.body.prepend(document.querySelector("a.skip"));
    // Text that scrolls sideways can be reached by keyboard.
    const reach = () => {
        for (const code of document.querySelectorAll("pre, pre > code, .table-wrapper")) {
            if (code.scrollWidth > code.clientWidth) code.tabIndex = 0;
            else code.removeAttribute("tabindex");
        }
    };
    reach();
    // Lines that unfold, or are gone, may be the widest.
    document.querySelector("main").addEventListener("change", reach);
    addEventListener("resize", reach);
    // The sidebar's switch is a label with the attributes of a button, and no key reaches it. A button takes its place.
    const label = document.getElementById("mdbook-sidebar-toggle");
    const box = document.getElementById("mdbook-sidebar-toggle-anchor");
    const button = document.createElement("button");
    for (const { name, value } of label.attributes) if (name !== "for") button.setAttribute(name, value);
    button.type = "button";
    button.append(...label.childNodes);
    button.addEventListener("click", () => box.click());
    box.addEventListener("change", () => button.setAttribute("aria-expanded", box.checked));
    label.replaceWith(button);
    document.getElementById("mdbook-menu-bar").setAttribute("role", "banner");
    for (const task of document.querySelectorAll("main li > input[type=checkbox], main li > p > input[type=checkbox]")) {
        task.setAttribute("aria-label", task.parentElement.textContent.trim());
    }
}
