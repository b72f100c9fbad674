//! What a lab answers: rows with bars over one axis, marks across them, and a sentence.
//!
//! The JSON is written here by hand: a library for it would weigh more than both labs.

/// The picture of one state of a lab, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// What happened, in a sentence that can be read aloud.
    pub says: String,
    /// The answer to the lab's question in this state.
    pub answer: String,
    /// What the axis counts.
    pub unit: &'static str,
    /// Where the axis ends; it begins with 0.
    pub end: u32,
    /// Top to bottom.
    pub rows: Vec<Row>,
    /// Lines across all rows, left to right.
    pub marks: Vec<Mark>,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// What became of it: no colour has to be told from another.
    pub word: String,
    /// How it is coloured.
    pub kind: Kind,
    /// Where the bar begins on the axis.
    pub from: u32,
    /// Where it ends; equal to `from`: it has no length.
    pub to: u32,
}

/// A line across all rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where on the axis.
    pub at: u32,
    /// What happens there.
    pub label: &'static str,
}

/// How a row is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it should be.
    Good,
    /// Somebody is harmed.
    Bad,
    /// It costs something.
    Open,
    /// Of no interest here.
    Quiet,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Good => "good",
            Kind::Bad => "bad",
            Kind::Open => "open",
            Kind::Quiet => "quiet",
        }
    }
}

impl Scene {
    pub(crate) fn json(&self) -> String {
        let rows: Vec<String> = self.rows.iter().map(Row::json).collect();
        let marks: Vec<String> = self.marks.iter().map(Mark::json).collect();
        format!(
            "{{\"says\":{},\"answer\":{},\"unit\":{},\"end\":{},\"rows\":[{}],\"marks\":[{}]}}",
            text(&self.says),
            text(&self.answer),
            text(self.unit),
            self.end,
            rows.join(","),
            marks.join(",")
        )
    }
}

impl Row {
    fn json(&self) -> String {
        format!(
            "{{\"label\":{},\"word\":{},\"kind\":\"{}\",\"from\":{},\"to\":{}}}",
            text(&self.label),
            text(&self.word),
            self.kind.word(),
            self.from,
            self.to
        )
    }
}

impl Mark {
    fn json(&self) -> String {
        format!("{{\"at\":{},\"label\":{}}}", self.at, text(self.label))
    }
}

/// A string of JSON.
pub(crate) fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
