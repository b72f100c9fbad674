// Quizzes: checks an answer, says whether it is right and why not, and keeps the result. Without it, the answers open.
"use strict";

for (const form of document.querySelectorAll("form.quiz")) {
    const progress = window.bookProgress;
    const id = form.dataset.quiz;
    const questions = [...form.querySelectorAll("fieldset")];
    const isRight = new Map();
    const plain = (text) => text.trim().replace(/\s+/g, " ").toLowerCase();

    const score = () => {
        const kept = progress?.read().quizzes[id];
        form.querySelector(".quiz-score").textContent = kept
            ? `${kept.right} of ${kept.of} right${kept.of === questions.length ? "" : ", when this quiz had other questions"}.`
            : "Not answered yet.";
    };

    const judge = (question) => {
        const typed = question.querySelector("input[type=text]");
        const inputs = [...question.querySelectorAll(".quiz-option input")];
        const chosen = inputs.filter((input) => input.checked);
        const given = typed ? typed.value.trim() !== "" : chosen.length > 0;
        const right = typed
            ? plain(typed.value) === plain(typed.dataset.key)
            : inputs.every((input) => input.checked === ("key" in input.dataset));
        const wrong = chosen.filter((input) => !("key" in input.dataset));
        const reason = wrong.map((input) => question.querySelector(`[data-for="${input.value}"]`)).find(Boolean);
        return { given, right, reason, few: !typed && wrong.length === 0, marked: typed ? [typed] : chosen };
    };

    const clear = (question) => {
        question.querySelectorAll(".quiz-right, .quiz-wrong").forEach((e) => e.classList.remove("quiz-right", "quiz-wrong"));
        const said = question.querySelector("[role=status]");
        said.textContent = "";
        said.className = "";
    };

    const check = (question) => {
        clear(question);
        const said = question.querySelector("[role=status]");
        const { given, right, reason, few, marked } = judge(question);
        if (!given) {
            said.textContent = "Choose or type an answer first.";
            return;
        }
        said.className = right ? "quiz-right" : "quiz-wrong";
        if (right) said.textContent = "✓ Right. The reason is below.";
        else if (reason) said.textContent = `✗ Not right. ${reason.textContent.slice(reason.textContent.indexOf(": ") + 2)}`;
        else said.textContent = few ? "✗ Not all yet." : "✗ Not right. Try again, or open the answer.";
        for (const input of marked) {
            const wrong = input.type === "text" ? !right : !("key" in input.dataset);
            input.closest("label").classList.add(wrong ? "quiz-wrong" : "quiz-right");
        }
        if (right) question.querySelector("details").open = true;
        isRight.set(question, right);
        const now = [...isRight.values()].filter(Boolean).length;
        const kept = progress?.read().quizzes[id];
        // The best result stays, as long as it is of the same questions.
        if (progress && !(kept?.of === questions.length && kept.right >= now)) {
            progress.set("quizzes", id, { right: now, of: questions.length, at: new Date().toISOString() });
        }
        score();
    };

    for (const question of questions) {
        question.querySelector(".quiz-check button").addEventListener("click", () => check(question));
        question.addEventListener("input", () => clear(question));
    }
    // Enter checks the question that it was pressed in; nothing is ever sent.
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("keydown", (event) => {
        // Arrows choose an option and letters are an answer: to mdBook they would turn the page and open the search.
        event.stopPropagation();
        if (event.key !== "Enter" || event.target.localName !== "input") return;
        event.preventDefault();
        check(event.target.closest("fieldset"));
    });
    progress?.subscribe(score);
    score();
}
