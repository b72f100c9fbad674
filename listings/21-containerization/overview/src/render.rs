//! The text.

/// How many links it lists.
pub const LINKS: usize = 200;

// ANCHOR: render
/// A line for each link. Each line is a string of its own, and a
/// string is memory that is asked for and given back.
pub fn overview() -> String {
    let line = |n| format!("{n:07}  https://www.rust-lang.org/{n}");
    let lines: Vec<String> = (0..LINKS).map(line).collect();
    lines.join("\n")
}
// ANCHOR_END: render
