//! Asks whether the target of a link answers over https.
//!
//! | pattern | where |
//! |---|---|
//! | whom to trust, found at start or refused | [`authorities`] |
//! | one request, bounded in time and size | [`ask`] |
//! | an address that is checked once | [`target`] |

// ANCHOR: modules
pub mod ask;
pub mod authorities;
pub mod run;
pub mod target;
// ANCHOR_END: modules
