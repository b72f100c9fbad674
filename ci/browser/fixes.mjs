// What to do about a finding, by the words that it begins with.

const FIXES = [
  [/^axe color-contrast/, "change one of the two colours, on the page or in theme/, until the contrast holds"],
  [/^axe image-alt/, "say in the picture's alternative text what it shows: ![what it shows](…)"],
  [/^axe ([a-z-]+)/, "mend the HTML; https://dequeuniversity.com/rules/axe/4.11/$1 tells how"],
  [/^(a script failed|the console says)/, "mend the script, or take it out; the browser's console shows it on `cargo book serve`"],
  [/^asks a third party/, "keep the file beside the page; the site asks nobody but itself"],
  [/^(\d+ for|a request failed|.* does not end)/, "correct the address, or add the file"],
  [/^is wider than a screen/, "let it wrap or scroll within its own box: a table in a wrapper, code in a fence, `max-width: 100%`"],
  [/^a diagram is not drawn/, "correct the diagram; the browser's console shows what mermaid says of it on `cargo book serve`"],
  [/^the copy button cannot be reached/, "do not hide the button from the keyboard: `opacity`, and not `visibility`, in theme/site.css"],
  [/^the copy button gives/, "let the button copy what a reader can paste: theme/site.js, and the figure's data-commands"],
  [/^moves /, "give it its place before it comes: width and height, or a box of the size in theme/"],
  [/^flashes/, "set the theme before the page's body is painted: a script in theme/head.hbs"],
  [/^weighs /, "make the page's files smaller, or let them come when they are seen"],
  [/^has an inline handler/, "listen to the event in a script of theme/ instead"],
  [/^(breaches|breaks|has a) .*Content-Security-Policy|^has no Content-Security-Policy/, "keep scripts in files of theme/, and the policy as `cargo book build` writes it"],
  [/^is cut off when printed/, "let code and tables wrap on paper: the print style in theme/site.css"],
  [/without JavaScript/, "write it into the page, and let scripts only add to it"],
  [/^Lighthouse/, "see what it names; `node ci/browser/check.mjs book --only lighthouse` measures again"],
];

export function fixOf(what) {
  for (const [words, fix] of FIXES) {
    const found = words.exec(what);
    if (found) return fix.replace("$1", found[1] ?? "");
  }
  return "look at the page with `cargo book serve`";
}
