//! Failures as a client sees them: a code for programs, a message for
//! people, and details that a program can read without parsing the
//! message; Google's richer error model.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::failure::Failure;
use crate::store::StoreError;

/// Whose reasons they are.
pub const DOMAIN: &str = "links.v1";

/// When to ask again, after the database could not be reached.
const AGAIN: Duration = Duration::from_secs(1);

/// What a client is told of a failure.
// ANCHOR: of
pub(super) fn of(failure: Failure) -> Status {
    let message = failure.to_string();
    let (code, message, details) = match failure {
        Failure::NoLink(code) => {
            let known = HashMap::from([("code", code.to_string())]);
            (Code::NotFound, message, info("NO_SUCH_LINK", known))
        }
        Failure::NoCode => {
            (Code::NotFound, message, info("NO_SUCH_CODE", none()))
        }
        Failure::Field { field, why } => {
            let details =
                ErrorDetails::with_bad_request_violation(field, why);
            (Code::InvalidArgument, message, details)
        }
        // ANCHOR_END: of
        Failure::Late | Failure::Store(StoreError::Late) => {
            let message = Failure::Late.to_string();
            (Code::DeadlineExceeded, message, info("LATE", none()))
        }
        Failure::Store(StoreError::Gone) => gone(),
        Failure::Store(StoreError::Unreachable(error)) => {
            tracing::warn!(%error, "the database cannot be reached");
            gone()
        }
        Failure::Store(StoreError::Broken(error)) => {
            // What exactly, is nobody's business but the operator's.
            tracing::error!(%error, "a query was refused");
            let message = "a fault of the resolver; its log says more";
            (Code::Internal, message.to_owned(), info("FAULT", none()))
        }
    };
    Status::with_error_details(code, message, details)
}

fn gone() -> (Code, String, ErrorDetails) {
    let message = "the links cannot be reached; ask again later";
    let mut details = info("DATABASE_UNREACHABLE", none());
    details.set_retry_info(Some(AGAIN));
    (Code::Unavailable, message.to_owned(), details)
}

fn info(
    reason: &str,
    known: HashMap<&'static str, String>,
) -> ErrorDetails {
    let known: HashMap<String, String> =
        known.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    ErrorDetails::with_error_info(reason, DOMAIN, known)
}

fn none() -> HashMap<&'static str, String> {
    HashMap::new()
}
