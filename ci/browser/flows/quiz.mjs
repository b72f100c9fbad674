// Every question of every quiz, answered by keyboard: first wrong, then right; and the result is still there after a reload.

export const name = "quiz";
export const selector = "form.quiz";

export async function play({ page, url, complain, press }) {
  const quizzes = await page.locator(selector).count();
  for (let i = 0; i < quizzes; i += 1) {
    const form = page.locator(selector).nth(i);
    const questions = form.locator("fieldset");
    const all = await questions.count();
    for (let n = 0; n < all; n += 1) await answer(questions.nth(n), n + 1, { page, url, complain, press });
    const score = form.locator(".quiz-score");
    const wanted = `${all} of ${all} right.`;
    if (await score.textContent() !== wanted) await complain(`says “${await score.textContent()}”, not “${wanted}”`, form);
  }
  await page.reload({ waitUntil: "load" });
  for (let i = 0; i < quizzes; i += 1) {
    const form = page.locator(selector).nth(i);
    const all = await form.locator("fieldset").count();
    const score = await form.locator(".quiz-score").textContent();
    if (score !== `${all} of ${all} right.`) await complain(`after a reload the result is “${score}”`, form);
  }
}

async function answer(question, number, { page, url, complain, press }) {
  const wrong = (what) => complain(`question ${number}: ${what}`, question);
  const status = question.locator("[role=status]");
  const verdict = async (expected, when) => {
    const [text, kind] = [await status.textContent(), await status.getAttribute("class")];
    if (kind !== expected || !text.trim()) await wrong(`${when}, and it says “${text}” (${kind})`);
    return text;
  };
  const inputs = question.locator("input");
  const keys = await inputs.evaluateAll((found) => found.map((input) => ({ type: input.type, key: input.dataset.key })));
  if (keys[0].type === "text") {
    await inputs.first().focus();
    // Letters that are shortcuts elsewhere on the page are part of an answer here.
    await page.keyboard.type("s/?");
    if (await inputs.first().inputValue() !== "s/?") await wrong("what is typed does not arrive in the answer");
    await press("Enter");
    await verdict("quiz-wrong", "typed a wrong answer");
    await press("ControlOrMeta+a");
    await page.keyboard.type(keys[0].key);
  } else {
    const right = keys.map(({ key }) => key !== undefined);
    const bad = right.indexOf(false);
    await choose(inputs, right.map((_, at) => at === bad), press);
    await press("Enter");
    const said = await verdict("quiz-wrong", "chose a wrong answer");
    const reason = question.locator(`[data-for="${bad}"]`);
    if (await reason.count() > 0) {
      const why = (await reason.textContent()).split(": ").slice(1).join(": ");
      if (!said.includes(why)) await wrong(`a wrong answer is not told its reason: “${said}”`);
    }
    await choose(inputs, right, press);
  }
  // On from the last input to the button, as a reader would.
  if (keys[0].type === "checkbox") await inputs.last().focus();
  await press("Tab");
  const onButton = await question.locator(".quiz-check button").evaluate((button) => button === document.activeElement);
  if (!onButton) await wrong("Tab does not lead from the answer to its button");
  await press("Space");
  await verdict("quiz-right", "gave the right answer");
  if (!await question.locator("details").evaluate((details) => details.open)) await wrong("the reason of a right answer stays closed");
  if (page.url() !== url) await wrong(`the keys led to ${page.url()}`);
}

// Radio buttons by arrows, boxes by the space bar.
async function choose(inputs, wanted, press) {
  const type = await inputs.first().getAttribute("type");
  if (type === "radio") {
    await inputs.first().focus();
    await press("Space");
    for (let i = 0; i < wanted.indexOf(true); i += 1) await press(i % 2 === 0 ? "ArrowDown" : "ArrowRight");
    return;
  }
  for (let i = 0; i < wanted.length; i += 1) {
    const input = inputs.nth(i);
    if (await input.isChecked() === wanted[i]) continue;
    await input.focus();
    await press("Space");
  }
}
