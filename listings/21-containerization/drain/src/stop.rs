//! The rule: what becomes of a request while a pod stops.
//!
//! Two things happen at the same moment, and neither waits for the
//! other. The load balancers are told to send nothing more, and the
//! kubelet begins to stop the container. The few seconds that a kubelet
//! adds when a hook used up all its grace are left out.

/// A time or a while, in seconds.
pub type Seconds = u32;

// ANCHOR: settings
/// What an operator can set, and how slow the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Until the last load balancer has heard of the stop.
    pub lag: Seconds,
    /// The `preStop` hook: SIGTERM is held back for so long.
    pub hold: Seconds,
    /// From SIGTERM: how long requests in flight are waited for.
    pub drain: Seconds,
    /// From the stop: when the kubelet kills what still runs.
    pub grace: Seconds,
}
// ANCHOR_END: settings

// ANCHOR: request
/// A request, and how long its answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it comes.
    pub at: Seconds,
    /// How long the program works on it.
    pub takes: Seconds,
}
// ANCHOR_END: request

// ANCHOR: ends
/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered.
    Served,
    /// Nobody listened any more.
    Refused,
    /// Begun, and ended before its answer.
    CutOff,
    /// The load balancer chose another pod.
    Elsewhere,
}
// ANCHOR_END: ends

// ANCHOR: times
/// When things happen to a pod that is told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From here on nothing more is sent to it.
    pub unsent: Seconds,
    /// SIGTERM: from here on it does not listen.
    pub closed: Seconds,
    /// From here on nothing of it runs.
    pub over: Seconds,
}
// ANCHOR_END: times

// ANCHOR: moments
impl Settings {
    /// Of a stop that begins then.
    pub fn times(&self, stop: Seconds) -> Times {
        let killed = stop + self.grace;
        let term = stop + self.hold;
        Times {
            unsent: stop + self.lag,
            closed: term.min(killed),
            over: (term + self.drain).min(killed),
        }
    }
}
// ANCHOR_END: moments

// ANCHOR: outcome
impl Times {
    /// What becomes of a request.
    pub fn outcome(&self, request: Request) -> Outcome {
        if request.at >= self.unsent {
            Outcome::Elsewhere
        } else if request.at >= self.closed {
            Outcome::Refused
        } else if request.at + request.takes <= self.over {
            Outcome::Served
        } else {
            Outcome::CutOff
        }
    }
}
// ANCHOR_END: outcome
