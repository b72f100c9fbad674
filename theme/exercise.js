// The boxes "done" of exercises: what they say is kept with the rest of the progress, in this browser.
"use strict";

{
    const progress = window.bookProgress;
    const boxes = document.querySelectorAll("input[data-progress=exercises]");
    const show = ({ exercises }) => boxes.forEach((box) => { box.checked = exercises[box.dataset.id]?.state === "passed"; });
    if (progress && boxes.length > 0) {
        show(progress.read());
        progress.subscribe(show);
        for (const box of boxes) {
            box.addEventListener("change", () => {
                const passed = { state: "passed", at: new Date().toISOString() };
                progress.set("exercises", box.dataset.id, box.checked ? passed : null);
            });
            // Without a script nothing would keep what it says.
            box.closest("[hidden]").hidden = false;
        }
    }
}
