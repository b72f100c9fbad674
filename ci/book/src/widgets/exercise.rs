//! The `exercise` fence: what to do, hints, the solution. The page without script shows all of it.

use similar::TextDiff;

use super::{Fault, Place};
use crate::config::Config;
use crate::exercise::{self, Exercise};
use crate::model::{Block, Root};
use crate::site::escape;

/// What is wrong with the block.
pub fn faults(root: &Root, config: &Config, block: &Block) -> Vec<Fault> {
    let fence: exercise::Fence = match toml::from_str(&block.text) {
        Ok(fence) => fence,
        Err(e) => {
            let above = e
                .span()
                .map_or(0, |span| block.text[..span.start].matches('\n').count());
            let fix = "write name = \"…\", the folder's name below exercises/";
            return vec![Fault::new(above + 1, e.message(), fix)];
        }
    };
    let (all, _) = exercise::all(root, config);
    match all.iter().find(|e| e.name == fence.name) {
        None => {
            let near = exercise::near(&all, &fence.name);
            let what = format!("there is no exercise `{}`{near}", fence.name);
            vec![Fault::new(1, what, "cargo book exercise list")]
        }
        Some(found) if found.text.page != block.page => {
            let what = format!(
                "the exercise `{}` says that its page is {}",
                fence.name, found.text.page
            );
            vec![Fault::new(
                0,
                what,
                "put the fence there, or correct `page` in exercise.toml",
            )]
        }
        Some(_) => Vec::new(),
    }
}

/// The block as HTML.
pub fn html(place: Place<'_>, block: &Block) -> String {
    let found = Config::load(place.root)
        .ok()
        .and_then(|config| exercise::named(place.root, &config, &exercise::of_block(block)?));
    let Some(exercise) = found else {
        // The page's faults have said so.
        return format!("<pre>{}</pre>\n", escape(&block.text));
    };
    let Exercise { name, text, .. } = &exercise;
    let mut out = format!("<div class=\"exercise\" data-exercise=\"{}\">\n", escape(name));
    out.push_str(&format!(
        "<p class=\"exercise-title\"><strong>{}</strong></p>\n",
        words(&text.title)
    ));
    out.push_str(&format!("<p class=\"exercise-goal\">{}</p>\n", words(&text.goal)));
    out.push_str(&format!(
        "<p class=\"exercise-needs\">About {} minutes, {}.</p>\n<ul>\n",
        text.minutes,
        needs(&exercise)
    ));
    for line in &text.task {
        out.push_str(&format!("<li>{}</li>\n", words(line)));
    }
    out.push_str("</ul>\n");
    let commands = format!("cargo book exercise start {name}\ncargo book exercise check {name}\n");
    out.push_str(&code("sh", &commands));
    out.push_str(&hints(&text.hints));
    out.push_str("<details class=\"exercise-solution\"><summary>The solution</summary>\n");
    for (path, cut) in exercise.files.iter().filter(|(_, cut)| cut.starter != cut.solution) {
        out.push_str(&format!("<p><code>{}</code></p>\n", escape(path)));
        out.push_str(&shown(&format!("the solution of {path}"), &cut.solution));
        let diff = TextDiff::from_lines(&cut.starter, &cut.solution);
        let diff = diff.unified_diff().context_radius(2).to_string();
        out.push_str("<details><summary>What changes in the starter</summary>\n");
        out.push_str(&shown(&format!("what changes in {path}"), &diff));
        out.push_str("</details>\n");
    }
    out.push_str("</details>\n");
    out.push_str(&format!(
        "<p class=\"exercise-done\" hidden><label><input type=\"checkbox\" data-progress=\"exercises\" data-id=\"{}\"> done</label></p>\n",
        escape(name)
    ));
    out.push_str("</div>\n");
    out
}

/// The block as Markdown: without hints and solution, which the command line and the site have.
pub fn plain(block: &Block) -> String {
    match exercise::of_block(block) {
        Some(name) => format!(
            "**Exercise `{name}`.** Work on it in a clone of the book:\n\n    cargo book exercise start {name}\n    cargo book exercise check {name}\n"
        ),
        None => block.text.clone(),
    }
}

/// All exercises of the book, for the page that lists them. `to_root` leads from it to the site's root.
pub fn list(config: &Config, pages: &crate::page::Pages, to_root: &str) -> String {
    let shown = exercise::shown(pages);
    if shown.is_empty() {
        return "<p>This book has no exercises yet.</p>\n".into();
    }
    let mut out = String::from(
        "<div class=\"table-wrapper\"><table class=\"exercises\"><caption>The exercises, in the order of the book</caption>\
         <thead><tr><th scope=\"col\">Exercise</th><th scope=\"col\">Name</th>\
         <th scope=\"col\">Lane</th><th scope=\"col\">Minutes</th><th scope=\"col\">Done</th></tr></thead><tbody>\n",
    );
    for (exercise, block) in shown {
        let Exercise { name, text, .. } = exercise;
        let address = crate::site::render::page_address(&config.src, &block.page);
        let name = escape(name);
        let title = words(&text.title);
        out.push_str(&format!(
            "<tr><td><a href=\"{to_root}{}#block-{}\">{title}</a></td><td><code>{name}</code></td><td>{}</td><td>{}</td>\
             <td><span hidden><input type=\"checkbox\" data-progress=\"exercises\" data-id=\"{name}\" \
             aria-label=\"done: {name}\"></span></td></tr>\n",
            address,
            block.line,
            text.lane,
            text.minutes,
        ));
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn needs(exercise: &Exercise) -> &'static str {
    use crate::model::Lane;
    match exercise.text.lane {
        Lane::Offline => "with Rust alone",
        Lane::Docker => "with a Docker engine",
        Lane::Kind => "with a kind cluster",
        Lane::Browser => "with a browser",
    }
}

/// Each inside the one before, so that nobody reads a stronger one by accident.
fn hints(hints: &[String]) -> String {
    let mut out = String::new();
    for (i, hint) in hints.iter().enumerate() {
        let summary = match i {
            0 => "A hint",
            1 => "A stronger hint",
            _ => "The strongest hint",
        };
        out.push_str(&format!(
            "<details class=\"exercise-hint\"><summary>{summary}</summary>\n<p>{}</p>\n",
            words(hint)
        ));
    }
    out.push_str(&"</details>\n".repeat(hints.len()));
    out
}

fn code(language: &str, text: &str) -> String {
    format!(
        "<pre><code class=\"language-{language}\">{}</code></pre>\n",
        escape(text)
    )
}

/// Text to read. mdBook gives what stands in `<code>` a button to copy it, which nobody reaches in what is closed.
fn shown(label: &str, text: &str) -> String {
    format!(
        "<pre class=\"exercise-text\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">{}</pre>\n",
        escape(label),
        escape(text)
    )
}

/// A sentence for HTML: one line, with what stands between backticks as code.
fn words(text: &str) -> String {
    crate::site::render::phrase(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_one_inside_the_other() {
        let html = hints(&["Look `here`.".into(), "Look <there>.".into(), "It is 3.".into()]);
        assert_eq!(html.matches("<details").count(), 3);
        assert!(html.ends_with("</details>\n</details>\n</details>\n"), "{html}");
        assert!(html.contains("<p>Look <code>here</code>.</p>"), "{html}");
        assert!(html.contains("<p>Look &lt;there&gt;.</p>"), "{html}");
        assert_eq!(crate::site::html::check(&html), []);
    }

    #[test]
    fn no_line_of_a_text_is_empty_in_html() {
        let html = shown("a", "one\n\ntwo\n");
        assert_eq!(html.lines().count(), 1, "{html}");
        assert!(html.contains("one&#10;&#10;two"), "{html}");
    }
}
