//! The `lab` fence.

use super::{Fault, Place};
use crate::config::Config;
use crate::model::{Block, Root};

/// What is wrong with the block.
pub fn faults(_root: &Root, _config: &Config, _block: &Block) -> Vec<Fault> {
    vec![Fault::new(0, "nothing proves a `lab` block yet", "take it out")]
}

/// The block as HTML.
pub fn html(_place: Place<'_>, block: &Block) -> String {
    format!("<pre>{}</pre>\n", crate::site::escape(&block.text))
}

/// The block as Markdown.
pub fn plain(block: &Block) -> String {
    block.text.clone()
}
