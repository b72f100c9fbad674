//! An overview of many links: a page of text that is made anew for each request, from many small strings.
//!
//! | what | where |
//! |---|---|
//! | the text | [`render`] |
//! | what it costs to make it | [`measure`] |

// ANCHOR: modules
pub mod measure;
pub mod render;
// ANCHOR_END: modules
