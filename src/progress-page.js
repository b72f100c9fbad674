// The page "Your progress". Only that page loads it; what it shows and changes is `window.bookProgress`.
"use strict";

{
    const progress = window.bookProgress;
    const area = document.getElementById("progress");
    const find = (selector) => area.querySelector(selector);
    const say = (text) => { find("[role=status]").textContent = text; };
    const save = (name, text) => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
        link.download = name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    };

    const show = ({ pages, quizzes, exercises, checklist }) => {
        const sums = { pages: 0, right: 0, of: 0, passed: 0, exercises: 0 };
        for (const row of area.querySelectorAll("[data-page]")) {
            const button = row.querySelector("button");
            const isRead = Object.hasOwn(pages, row.dataset.page);
            sums.pages += isRead;
            row.classList.toggle("read", isRead);
            button.textContent = isRead ? "Mark as unread" : "Mark as read";
            button.setAttribute("aria-label", `${button.textContent}: ${row.querySelector("a").textContent}`);
        }
        for (const cell of area.querySelectorAll("[data-quiz]")) {
            const of = Number(cell.dataset.of);
            const { right = 0 } = quizzes[cell.dataset.quiz] ?? {};
            sums.right += Math.min(right, of);
            sums.of += of;
            cell.textContent = `${Math.min(right, of)} of ${of} right`;
        }
        for (const cell of area.querySelectorAll("[data-exercise]")) {
            const { state } = exercises[cell.dataset.exercise] ?? {};
            sums.exercises += 1;
            sums.passed += state === "passed";
            cell.textContent = `${cell.dataset.exercise}: ${state ?? "not started"}`;
        }
        const all = area.querySelectorAll("[data-page]").length;
        find(".progress-sum").textContent = `${sums.pages} of ${all} pages read, ${sums.right} of ${sums.of} questions right, `
            + `${sums.passed} of ${sums.exercises} exercises passed.`;
        for (const { box, id } of boxes) box.checked = checklist[id] === true;
    };

    // A task of a list is known by its first words, which stand out.
    const boxes = [...document.querySelectorAll("main li > input[type=checkbox]")].flatMap((box, n) => {
        const words = box.parentElement.querySelector("strong");
        if (!words) return [];
        const id = words.textContent.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
        const label = document.createElement("label");
        box.id = label.htmlFor = `task-${n}`;
        words.replaceWith(label);
        label.append(words);
        box.disabled = false;
        box.addEventListener("change", () => progress.set("checklist", id, box.checked || null));
        return [{ box, id }];
    });

    area.addEventListener("click", ({ target }) => {
        const page = target.closest("[data-page]")?.dataset.page;
        if (!page || target.localName !== "button") return;
        const isRead = Object.hasOwn(progress.read().pages, page);
        progress.set("pages", page, isRead ? null : new Date().toISOString());
    });
    find(".progress-export").addEventListener("click", () => {
        save("cloud-native-rust-progress.json", progress.exportText());
        say("Saved as a file.");
    });
    const file = find("input[type=file]");
    file.addEventListener("change", async () => {
        try {
            const changed = progress.importText(await file.files[0].text());
            say(changed === 0 ? "That file knows nothing new." : `Added: ${changed}. Nothing that was here is lost.`);
        } catch (error) {
            say(`Not imported: ${error.message}. Nothing has changed.`);
        }
        file.value = "";
    });
    const reset = find(".progress-reset");
    const calm = () => { reset.textContent = "Forget all"; delete reset.dataset.sure; };
    reset.addEventListener("click", () => {
        if (reset.dataset.sure) {
            progress.reset();
            calm();
            return say("All is forgotten.");
        }
        reset.dataset.sure = "yes";
        reset.textContent = "Press again to forget all";
        say("This cannot be undone. Export first, if you want to come back.");
    });
    reset.addEventListener("blur", calm);
    show(progress.read());
    progress.subscribe(show);
    for (const [key, text] of progress.aside()) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = "Save it as a file";
        button.addEventListener("click", () => save("kept-aside.json", text));
        const line = document.createElement("p");
        line.className = "progress-aside";
        line.append(`Something that this page could not read was kept aside (${key.slice(-24, -5)}). `, button);
        find(".progress-sum").after(line);
    }
}
