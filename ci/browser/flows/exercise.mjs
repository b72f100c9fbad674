// An exercise's hints open one inside the other, its solution opens, and "done" is kept: all by keyboard.

export const name = "exercise";
export const selector = ".exercise";

export async function play({ page, complain, press }) {
  for (const exercise of await page.locator(selector).all()) {
    const hints = await exercise.locator(".exercise-hint").all();
    if (hints.length !== 3) await complain(`it has ${hints.length} hints, not 3`, exercise);
    for (const [index, hint] of hints.entries()) {
      const text = hint.locator(":scope > p");
      if (await text.isVisible()) await complain(`hint ${index + 1} is seen before it is asked for`, hint);
      await hint.locator(":scope > summary").focus();
      await press("Enter");
      if (!(await text.isVisible())) await complain(`hint ${index + 1} does not open by keyboard`, hint);
    }
    const solution = exercise.locator(".exercise-solution");
    const text = solution.locator(":scope > pre").first();
    if (await text.isVisible()) await complain("the solution is seen before it is asked for", solution);
    await solution.locator(":scope > summary").focus();
    await press("Enter");
    if (!(await text.isVisible())) await complain("the solution does not open by keyboard", solution);

    const done = exercise.locator("input[data-progress=exercises]");
    if (!(await done.isVisible())) {
      await complain("there is no box to say that it is done", exercise);
      continue;
    }
    await done.focus();
    await press("Space");
    const id = await done.getAttribute("data-id");
    const state = await page.evaluate((id) => window.bookProgress.read().exercises[id]?.state, id);
    if (state !== "passed") await complain(`the box was ticked, and the progress says ${state}`, exercise);
    await page.reload({ waitUntil: "load" });
    const again = page.locator(`.exercise input[data-id="${id}"]`);
    if (!(await again.isChecked())) await complain("the tick is gone when the page is opened again", selector);
    await again.focus();
    await press("Space");
    const left = await page.evaluate((id) => id in window.bookProgress.read().exercises, id);
    if (left) await complain("the tick was taken back, and the progress still has it", selector);
  }
}
