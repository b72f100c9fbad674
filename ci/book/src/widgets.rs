//! Blocks that readers use: quizzes, labs, exercises. Each is TOML written in the page.
//!
//! This module is the one place that knows them all. A widget's file says how its text is read (what is wrong with it
//! is found with the page's line before anything runs), how it looks on the page, and which job proves it.

pub mod exercise;
pub mod lab;
pub mod quiz;

use crate::config::Config;
use crate::model::{Block, Finding, Root};
use crate::page::Page;

/// The languages of fences that hold a widget.
pub const LANGUAGES: [&str; 3] = ["quiz", "lab", "exercise"];

/// What is wrong in a widget's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Lines below the fence: 0 is the fence itself, 1 the block's first line.
    pub below: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Fault {
    /// A fault at a line of the block.
    pub fn new(below: usize, what: impl Into<String>, fix: impl Into<String>) -> Fault {
        Fault {
            below,
            what: what.into(),
            fix: fix.into(),
        }
    }
}

/// Where a widget stands, for its HTML.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The book's root.
    pub root: &'a Root,
    /// `../` for each folder that the page lies below the site's root.
    pub to_root: &'a str,
    /// The page's address below the site's root: `21-containerization/first-image.html`.
    pub address: &'a str,
}

/// Reads a widget and says what is wrong with it. Runs nothing.
pub fn faults(root: &Root, config: &Config, block: &Block) -> Vec<Fault> {
    match block.lang.as_str() {
        "quiz" => quiz::faults(root, config, block),
        "lab" => lab::faults(root, config, block),
        _ => exercise::faults(root, config, block),
    }
}

/// What is wrong with a page's widgets beside each other, and beside the page's other blocks. Runs nothing.
pub fn together(root: &Root, page: &Page) -> Vec<Finding> {
    quiz::bind::together(root, page)
}

/// The widget as static HTML; what stands inside the block's `<figure>`. No line of it is empty, so that Markdown takes
/// it for one block of HTML.
pub fn html(place: Place<'_>, block: &Block) -> String {
    match block.lang.as_str() {
        "quiz" => quiz::html(place, block),
        "lab" => lab::html(place, block),
        _ => exercise::html(place, block),
    }
}

/// The widget as Markdown for a book that runs nothing, without what the widget keeps back (answers, hints).
pub fn plain(block: &Block) -> String {
    match block.lang.as_str() {
        "quiz" => quiz::plain(block),
        "lab" => lab::plain(block),
        _ => exercise::plain(block),
    }
}

/// What the widget keeps back, as Markdown for the end of a book that runs nothing.
pub fn answers(block: &Block) -> String {
    match block.lang.as_str() {
        "quiz" => quiz::answers(block),
        _ => String::new(),
    }
}
