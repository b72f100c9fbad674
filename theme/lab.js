// Labs: a model in WebAssembly, asked with text, drawn from what it says. Without this script a page shows the first
// result as a table.
"use strict";

{
    const SVG = "http://www.w3.org/2000/svg";
    /** Above and below the rows, and the most that one row takes. */
    const TOP = 8, BELOW = 44, HIGHEST = 64;

    /** A lab's WebAssembly behind one function: a command in, what it says out. */
    const load = async (address) => {
        const response = await fetch(address);
        if (!response.ok) throw new Error(`${response.status} for ${address}`);
        const { instance } = await WebAssembly.instantiate(await response.arrayBuffer());
        const { memory, command, answer, answered } = instance.exports;
        return (text) => {
            const bytes = new TextEncoder().encode(text);
            // A call may make the memory grow, and then its buffer is another one.
            const room = command(bytes.length);
            new Uint8Array(memory.buffer, room, bytes.length).set(bytes);
            const length = answer(), at = answered();
            return JSON.parse(new TextDecoder().decode(new Uint8Array(memory.buffer, at, length)));
        };
    };

    const node = (name, attributes, text) => {
        const made = document.createElementNS(SVG, name);
        for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
        if (text !== undefined) made.textContent = text;
        return made;
    };

    class Lab extends HTMLElement {
        #form = this.querySelector("form");
        #controls = this.querySelector(".lab-controls");
        #says = this.querySelector(".lab-says");
        #drawing = this.querySelector(".lab-drawing");
        #ask;
        #scene;
        /** The first answer stays true of the first state alone. */
        #predicted;

        connectedCallback() {
            this.#form.addEventListener("submit", (event) => { event.preventDefault(); this.#predict(); });
            this.#form.addEventListener("reset", () => setTimeout(() => this.#restart()));
            this.#controls.addEventListener("input", () => this.#run());
            this.querySelector(".lab-link").addEventListener("click", () => this.#copy());
            // mdBook turns the page at an arrow key, wherever it is pressed.
            this.addEventListener("keydown", (event) => event.key.startsWith("Arrow") && event.stopPropagation());
            new ResizeObserver(() => this.#draw()).observe(this.#drawing);
            const near = new IntersectionObserver((entries) => {
                if (!entries.some((entry) => entry.isIntersecting)) return;
                near.disconnect();
                this.#load();
            }, { rootMargin: "400px" });
            near.observe(this);
            addEventListener("hashchange", () => this.#shared());
            this.#shared();
        }

        /** The lab, loaded once. */
        #load() {
            return this.#ask ??= load(this.dataset.wasm).catch((error) => {
                this.#ask = undefined;
                delete this.dataset.coming;
                this.#says.textContent = `The lab could not be loaded: ${error.message}`;
                throw error;
            });
        }

        #state() {
            return this.dataset.state.split("&").map((pair) => {
                const [name] = pair.split("=");
                return `${name}=${this.#form.elements[name].value}`;
            }).join("&");
        }

        /** Shows the state that the page's address holds, if it is one of this lab. */
        #shared() {
            const [id, state] = location.hash.slice(1).split("?");
            if (id !== this.id || !state) return;
            for (const pair of state.split("&")) {
                const [name, value] = pair.split("=");
                const control = this.#form.elements[name];
                if (control?.closest(".lab-controls")) control.value = decodeURIComponent(value);
            }
            this.dataset.coming = "";
            this.scrollIntoView();
            this.#predicted = undefined;
            this.#run();
        }

        #predict() {
            const chosen = this.#form.querySelector(".lab-predict input:checked");
            if (!chosen) {
                this.#says.textContent = "Choose an answer first: then you will see whether you were right.";
                return;
            }
            this.#predicted = { value: chosen.value, text: chosen.parentElement.textContent.trim(), state: this.#state() };
            this.#run();
        }

        #restart() {
            this.#predicted = this.#scene = undefined;
            delete this.dataset.shown;
            delete this.dataset.coming;
            this.#controls.disabled = true;
            this.#says.textContent = "";
            this.#drawing.replaceChildren();
            for (const output of this.querySelectorAll("output")) this.#label(output);
            this.#form.querySelector("input").focus();
        }

        #label(output) {
            output.value = `${this.#form.elements[output.htmlFor[0]].value} ${output.dataset.unit}`;
        }

        async #run() {
            const state = this.#state();
            const ask = await this.#load();
            // A slider may have gone on meanwhile.
            if (state !== this.#state()) return;
            const scene = ask(state);
            this.#controls.disabled = false;
            this.dataset.shown = state;
            for (const output of this.querySelectorAll("output")) this.#label(output);
            if (scene.error) {
                this.#says.textContent = scene.error;
                return;
            }
            this.#scene = scene;
            this.#tell(scene, state);
            this.#draw();
        }

        #tell(scene, state) {
            this.#says.replaceChildren();
            if (this.#predicted?.state === state) {
                const right = this.#predicted.value === scene.answer;
                const verdict = document.createElement("b");
                verdict.className = right ? "hit" : "missed";
                verdict.textContent = right ? "You were right." : `You predicted: ${this.#predicted.text}.`;
                this.#says.append(verdict, " ");
            }
            this.#says.append(scene.says);
            const table = this.querySelector("table");
            table.caption.textContent = scene.says;
            table.tBodies[0].replaceChildren(...scene.rows.map(({ label, word }) => {
                const row = document.createElement("tr");
                const head = document.createElement("th");
                head.scope = "row";
                head.textContent = label;
                row.append(head);
                row.insertCell().textContent = word;
                return row;
            }));
        }

        #draw() {
            const scene = this.#scene, { clientWidth: width, clientHeight: height } = this.#drawing;
            if (!scene || !width) return;
            const row = Math.min((height - BELOW) / scene.rows.length, HIGHEST);
            const bottom = TOP + scene.rows.length * row;
            const x = (at) => Math.round(at / scene.end * (width - 2)) + 1;
            const svg = node("svg", { role: "img", "aria-label": `${scene.says} The table below holds each row.` });
            for (const [i, { at, label }] of scene.marks.entries()) {
                const right = x(at) > width * 0.6;
                const y = bottom + 8 + 13 * (i % 3);
                svg.append(node("line", { x1: x(at), x2: x(at), y1: TOP, y2: y + 2 }),
                    node("text", { class: "axis", x: x(at) + (right ? -4 : 4), y, "text-anchor": right ? "end" : "start" }, label));
            }
            for (const [i, { label, word, kind, from, to }] of scene.rows.entries()) {
                const y = TOP + i * row;
                svg.append(node("text", { x: 1, y: y + 14 }, label),
                    node("text", { class: `word ${kind}`, x: width - 1, y: y + 14, "text-anchor": "end" }, word),
                    node("rect", { class: kind, x: x(from), y: y + 20, width: Math.max(x(to) - x(from), 2), height: row - 30, rx: 2 }));
            }
            if (scene.marks.length === 0) {
                svg.append(node("text", { class: "axis", x: 1, y: bottom + 14 }, "0"),
                    node("text", { class: "axis", x: width - 1, y: bottom + 14, "text-anchor": "end" }, `${scene.end} ${scene.unit}`));
            }
            this.#drawing.replaceChildren(svg);
        }

        async #copy() {
            const address = new URL(location.href);
            address.hash = `${this.id}?${this.#state()}`;
            history.replaceState(null, "", address);
            const copied = await navigator.clipboard?.writeText(address.href).then(() => true, () => false);
            this.#says.textContent = copied
                ? "The link to this state is copied."
                : "The address bar now holds the link to this state.";
        }
    }

    customElements.define("book-lab", Lab);
}
