//! The client machine: says what to do next and takes the answers. It sends nothing, stores nothing and reads no
//! clock; a driver does, and hands in time and randomness.
//!
//! # For the driver
//! Call [`poll`](Client::poll) after every event of any kind (a local commit, an answer, a timer, an option changed)
//! and carry out what it says, until it says [`Action::Wait`]. Answers go to [`handle`](Client::handle), failed
//! requests to [`failed`](Client::failed). One request is in flight at a time; it carries events whenever some wait.

mod machine;
mod status;
#[cfg(test)]
mod tests;

pub use machine::Client;
pub use status::{State, Status, Stop};

use super::wire::{Outgoing, Page};
use crate::error::Result;

/// Milliseconds that a local commit waits for company before it is pushed.
pub const DEBOUNCE_MS: u64 = 10;
/// Milliseconds until a request is given up.
pub const TIMEOUT_MS: u64 = 15_000;
/// Milliseconds that a long poll gets above what it asked the server to wait.
pub const POLL_SLACK_MS: u64 = 10_000;

/// The pending events of this replica, as the store keeps them. They are numbered without holes.
pub trait Queue {
    /// The highest `n` given so far, 0 at first.
    fn top(&self) -> Result<u64>;
    /// The `n` before the oldest pending event; `top` when none is pending.
    fn confirmed(&self) -> Result<u64>;
    /// Pending events from number `from_n` on, in order: at most so many, and so many bytes by
    /// [`limits::size`](super::limits::size), but at least one if there is one.
    fn outgoing(&self, from_n: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Outgoing>>;
}

/// What a pure machine cannot know by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Milliseconds of any clock that does not run backwards.
    pub now: u64,
    /// Uniform over all of `u32`, fresh at each call.
    pub random: u32,
}

/// The verb of a request, the last part of its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `POST /v1/{log}/push`
    Push,
    /// `POST /v1/{log}/pull`
    Pull,
}

impl Verb {
    /// As it stands in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Push => "push",
            Verb::Pull => "pull",
        }
    }
}

/// A request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number, to be given back with the answer.
    pub id: u64,
    /// Where it goes.
    pub verb: Verb,
    /// JSON.
    pub body: String,
    /// Before it is sent, pending events up to this `n` must be marked `sent` and that be committed: after a
    /// crash they may be at the server already, and so may not be edited or withdrawn.
    pub sent: Option<u64>,
    /// How long it may take.
    pub timeout_ms: u64,
}

/// What the driver must do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Mark what is being sent, commit, then send.
    Send(Request),
    /// Abort the request of this number, if it still runs; its answer is no longer wanted. Poll again at once.
    Abort(u64),
    /// Apply the page in one transaction with the cursor, then call [`Client::applied`] or
    /// [`Client::apply_failed`].
    Apply(Box<Page>),
    /// Get a token, a new one when `refused`, then call [`Client::token`] or [`Client::failed_token`].
    Token {
        /// Whether the server refused the one we have.
        refused: bool,
    },
    /// Nothing to do until this time, if any, or until something happens.
    Wait(Option<u64>),
}
