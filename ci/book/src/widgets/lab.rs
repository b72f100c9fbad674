//! The `lab` fence: a question, the controls of a model, and the state in which the reader meets it.
//!
//! ```toml
//! name = "layer-cache"                        # the package, and theme/labs/NAME.wasm
//! question = "How many steps run again?"
//! options = ["none", "2", "all 4"]            # answers to choose from, before anything is shown
//! answers = ["0", "2", "4"]                   # the same as the lab says them; without it, the options themselves
//! look = "Look at the first step that is not cached, and at all below it."
//! state = "order=sources-first&edit=source"   # what is asked first
//! rows = 11                                   # the most rows of any state, so that the page keeps room
//!
//! [[control]]
//! id = "edit"
//! label = "You edit"
//! choices = [["source", "src/main.rs"], ["readme", "README.md"]]
//!
//! [[control]]
//! id = "grace"
//! label = "Grace period"
//! range = [0, 60, 5]                          # least, most, step
//! unit = "s"
//! ```
//!
//! The right answer is not written in the page: it is what the lab answers to the first state.

use std::fmt::Write as _;

use serde::Deserialize;

use super::{Fault, Place};
use crate::config::Config;
use crate::lab::{self, Committed, HEAVIEST, gzipped, mend};
use crate::model::{Block, Root};
use crate::page::line_of;
use crate::site::escape;

/// A lab as a page writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// The package and the WebAssembly.
    pub name: String,
    question: String,
    options: Vec<String>,
    #[serde(default)]
    answers: Vec<String>,
    look: String,
    state: String,
    rows: usize,
    control: Vec<Control>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    id: String,
    label: String,
    #[serde(default)]
    choices: Vec<(String, String)>,
    range: Option<(u32, u32, u32)>,
    #[serde(default)]
    unit: String,
}

/// What a lab says, as its tests recorded it.
#[derive(Clone, Debug, Deserialize)]
struct Scene {
    says: String,
    answer: String,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
struct Row {
    label: String,
    word: String,
}

/// The block's TOML.
pub fn read(block: &Block) -> Result<Lab, Fault> {
    toml::from_str(&block.text).map_err(|e| {
        let below = e.span().map_or(0, |span| line_of(&block.text, span.start));
        Fault::new(below, e.message().to_owned(), "write it as CONTRIBUTING.md shows a lab")
    })
}

impl Lab {
    /// What each option is in the lab's own words.
    fn answers(&self) -> &[String] {
        if self.answers.is_empty() {
            &self.options
        } else {
            &self.answers
        }
    }

    /// What the lab answers to the first state.
    fn first(&self, root: &Root) -> Option<Scene> {
        let text = std::fs::read_to_string(root.join(&lab::captured_path(&self.name))).ok()?;
        let all: serde_json::Value = serde_json::from_str(&text).ok()?;
        serde_json::from_value(all.get(&self.state)?.clone()).ok()
    }

    /// The value of a control in the first state.
    fn value(&self, id: &str) -> Option<&str> {
        let pairs = self.state.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == id).map(|(_, value)| value).next()
    }

    /// Controls and state that do not fit.
    fn misfit(&self) -> Option<String> {
        let names: Vec<&str> = self
            .state
            .split('&')
            .map(|p| p.split('=').next().unwrap_or(p))
            .collect();
        let ids: Vec<&str> = self.control.iter().map(|c| c.id.as_str()).collect();
        if names != ids {
            return Some(format!(
                "the state names {}, the controls {}",
                names.join(", "),
                ids.join(", ")
            ));
        }
        let control = self
            .control
            .iter()
            .find(|c| !c.takes(self.value(&c.id).unwrap_or_default()))?;
        Some(format!("the control `{}` cannot have its first value", control.id))
    }
}

impl Control {
    fn takes(&self, value: &str) -> bool {
        match self.range {
            Some((least, most, step)) => value
                .parse()
                .is_ok_and(|n: u32| step > 0 && least <= n && n <= most && (n - least).is_multiple_of(step)),
            None => self.choices.iter().any(|(word, _)| word == value),
        }
    }
}

/// What is wrong with the block.
pub fn faults(root: &Root, config: &Config, block: &Block) -> Vec<Fault> {
    let lab = match read(block) {
        Ok(lab) => lab,
        Err(fault) => return vec![fault],
    };
    let at = |key: &str| {
        let line = block.text.lines().position(|line| line.starts_with(key));
        line.map_or(0, |line| line + 1)
    };
    let mut faults = Vec::new();
    match Committed::read(root, config, &lab.name) {
        Err(what) => faults.push(Fault::new(at("name"), what, mend(&lab.name))),
        Ok(committed) => {
            let weight = gzipped(&committed.wasm);
            if weight > HEAVIEST {
                let what = format!(
                    "{} weighs {weight} bytes with gzip, and a lab may weigh {HEAVIEST}",
                    lab::path(&lab.name)
                );
                faults.push(Fault::new(at("name"), what, "let the lab do less, then build it again"));
            }
        }
    }
    if let Some(what) = lab.misfit() {
        faults.push(Fault::new(
            at("state"),
            what,
            "write one `id=value` for each control, in their order",
        ));
        return faults;
    }
    if lab.answers().len() != lab.options.len() {
        let what = "there are not as many answers as options";
        faults.push(Fault::new(at("answers"), what, "write one answer for each option"));
    }
    match lab.first(root) {
        None => {
            let what = format!(
                "no test has recorded what {} says to the state `{}`",
                lab.name, lab.state
            );
            let fix = "let the lab's test ask it, then: cargo book test --bless";
            faults.push(Fault::new(at("state"), what, fix));
        }
        Some(scene) if !lab.answers().contains(&scene.answer) => {
            let what = format!("no option is the lab's own answer, `{}`", scene.answer);
            faults.push(Fault::new(at("options"), what, "correct the options, or the state"));
        }
        Some(_) => {}
    }
    faults
}

/// The block as HTML.
pub fn html(place: Place<'_>, block: &Block) -> String {
    let Ok(lab) = read(block) else {
        return format!("<pre>{}</pre>\n", escape(&block.text));
    };
    let name = escape(&lab.name);
    let wasm = std::fs::read(place.root.join(&lab::path(&lab.name))).unwrap_or_default();
    let mut out = format!(
        "<book-lab id=\"lab-{name}\" data-name=\"{name}\" data-wasm=\"{}{}\" data-state=\"{}\" style=\"--rows:{}\">\n\
         <form>\n\
         <fieldset class=\"lab-predict\"><legend>Predict first</legend><p>{}</p>\n",
        place.to_root,
        escape(&Committed::file_on_site(&lab.name, &wasm)),
        escape(&lab.state),
        lab.rows,
        phrase(&lab.question),
    );
    for (option, answer) in lab.options.iter().zip(lab.answers()) {
        let _ = writeln!(
            out,
            "<label><input type=\"radio\" name=\"predicted-{name}\" value=\"{}\"> {}</label>",
            escape(answer),
            phrase(option)
        );
    }
    out.push_str(
        "<button type=\"submit\">Run it</button></fieldset>\n<fieldset class=\"lab-controls\" disabled><legend>Change it</legend>\n",
    );
    for control in &lab.control {
        let value = lab.value(&control.id).unwrap_or_default();
        out.push_str(&control.html(&lab.name, value));
    }
    let _ = write!(
        out,
        "<p class=\"lab-buttons\"><button type=\"reset\">Start again</button> \
         <button type=\"button\" class=\"lab-link\">Copy link</button></p></fieldset>\n\
         </form>\n\
         <p class=\"lab-says\" role=\"status\"></p>\n\
         <div class=\"lab-drawing\"></div>\n\
         <p class=\"lab-look\">{}</p>\n",
        phrase(&lab.look)
    );
    out.push_str(&table(&lab, place.root));
    out.push_str(
        "<noscript><p>This lab runs in your browser, with JavaScript and WebAssembly. Without them, the table holds its \
         first result.</p></noscript>\n</book-lab>\n",
    );
    out
}

impl Control {
    fn html(&self, lab: &str, value: &str) -> String {
        let id = escape(&format!("{lab}-{}", self.id));
        let name = escape(&self.id);
        let label = phrase(&self.label);
        if let Some((least, most, step)) = self.range {
            return format!(
                "<label for=\"{id}\">{label}</label> <span><input type=\"range\" id=\"{id}\" name=\"{name}\" \
                 min=\"{least}\" max=\"{most}\" step=\"{step}\" value=\"{value}\"> \
                 <output for=\"{id}\" data-unit=\"{unit}\">{value} {unit}</output></span>\n",
                value = escape(value),
                unit = escape(&self.unit),
            );
        }
        let options: String = self
            .choices
            .iter()
            .map(|(word, text)| {
                let selected = if word == value { " selected" } else { "" };
                format!("<option value=\"{}\"{selected}>{}</option>", escape(word), escape(text))
            })
            .collect();
        format!("<label for=\"{id}\">{label}</label> <select id=\"{id}\" name=\"{name}\">{options}</select>\n")
    }
}

/// The first result, as its tests recorded it: for readers without a script, and the form of every later one.
fn table(lab: &Lab, root: &Root) -> String {
    let mut rows = String::new();
    let mut says = String::new();
    if let Some(scene) = lab.first(root) {
        says = scene.says;
        for row in scene.rows {
            let _ = write!(
                rows,
                "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
                escape(&row.label),
                escape(&row.word)
            );
        }
    }
    format!(
        "<details class=\"lab-table\"><summary>The result as a table</summary>\n\
         <table><caption>{}</caption><tbody>{rows}</tbody></table></details>\n",
        escape(&says)
    )
}

/// Text with what stands between backticks as code.
fn phrase(text: &str) -> String {
    let mut out = String::new();
    for (i, part) in text.split('`').enumerate() {
        match i % 2 {
            0 => out.push_str(&escape(part)),
            _ => {
                let _ = write!(out, "<code>{}</code>", escape(part));
            }
        }
    }
    out
}

/// The block as Markdown, for a book that runs nothing: the question and what there is to choose.
pub fn plain(block: &Block) -> String {
    let Ok(lab) = read(block) else {
        return block.text.clone();
    };
    let mut out = format!("**Predict:** {}\n\n", lab.question);
    for option in &lab.options {
        let _ = writeln!(out, "- {option}");
    }
    let _ = write!(out, "\nThe lab that answers runs on the book's site. {}\n", lab.look);
    out
}
