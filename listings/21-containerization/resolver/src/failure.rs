//! What can go wrong, sorted by what a client can do about it.

use links_api::link::Code;

use crate::store::StoreError;

// ANCHOR: failure
/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody made this link: asking again is no use.
    #[error("there is no link `{0}`")]
    NoLink(Code),
    /// No link can have this code.
    #[error("a code is seven letters or digits, without 0 O o 1 I l")]
    NoCode,
    /// A field cannot be used: the client has to send another value.
    #[error("{field}: {why}")]
    Field {
        /// Its name in the protocol.
        field: &'static str,
        /// What would do.
        why: &'static str,
    },
    // ANCHOR_END: failure
    /// No time was left: the client may allow more.
    #[error("the answer took longer than the request allowed")]
    Late,
    /// The database's fault: later it may work.
    #[error(transparent)]
    Store(#[from] StoreError),
}
