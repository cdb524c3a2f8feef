//! The client machine: says what to do next and takes the answers. It sends nothing, stores nothing
//! and reads no clock; a driver does, and hands in time and randomness.
//!
//! # For the driver
//! Call [`poll`](Client::poll) after every event of any kind (a local commit, an
//! answer, a timer, an option changed) and carry out what it says, until it says [`Action::Wait`].
//! Answers go to [`handle`](Client::handle), failed requests to [`failed`](Client::failed). One
//! request is in flight at a time; it carries events whenever some wait.

mod machine;
mod status;
#[cfg(test)]
mod tests;

pub use machine::Client;
pub use status::{State, Status, Stop};

use super::error::{Error, Result};
use super::id::{ClientId, Epoch};
use super::limits::Limits;
use super::wire::{At, Last, Outgoing, Point, Segment};

/// Milliseconds that a local commit waits for company before it is pushed.
pub const DEBOUNCE_MS: u64 = 10;
/// Milliseconds until a request is given up.
pub const TIMEOUT_MS: u64 = 15_000;
/// Milliseconds that a long poll gets above what it asked the server to wait.
pub const POLL_SLACK_MS: u64 = 10_000;

/// The pending events of this replica, as the store keeps them. They are numbered without holes up
/// to `top`, except between a [`Rewind`] and the [`Identify`] that follows it.
pub trait Queue {
    /// What its storage says when it fails.
    type Error: From<Error>;
    /// The highest `n` given so far, 0 at first.
    fn top(&self) -> Result<u64, Self::Error>;
    /// How many events are pending.
    fn pending(&self) -> Result<u64, Self::Error>;
    /// Pending events from number `from_n` on, in order: at most so many, and so many bytes by
    /// [`limits::size`](super::limits::size), but at least one if there is one.
    fn outgoing(
        &self,
        from_n: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Outgoing>, Self::Error>;
    /// Points of the history read so far, newest first and ever sparser, the chain's start last: at
    /// most [`limits::KNOWN`](super::limits::KNOWN).
    fn known(&self) -> Result<Vec<Point>, Self::Error>;
}

/// A change of the durable side. Each is one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Apply a segment: log, state, queue and cursor.
    Segment(Segment),
    /// Go back to where the server's history and ours part.
    Rewind(Rewind),
    /// See to it that the pending events can be pushed.
    Identify(Identify),
}

/// Forget the log after `common`, take the own events that were there into the queue again, in
/// local commit order, and make the state anew. Until the cursor has reached `asof` they may be
/// found in the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewind {
    /// The last point both have.
    pub common: Point,
    /// The server's epoch.
    pub epoch: Epoch,
    /// The server's head when it said so.
    pub asof: u64,
}

/// Everything that may be in the log was read. If the pending events do not follow what the server
/// has of this client, or `renew` says so, they get a new client and are numbered from 1; their ids
/// stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identify {
    /// The server's record of this client.
    pub last: Option<Last>,
    /// Someone else writes under this name.
    pub renew: bool,
}

/// What carrying out a [`Change`] came to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Of a segment: the plan's [`fork`](super::merge::Plan::fork).
    pub fork: Option<u64>,
    /// The new client, if there is one.
    pub client: Option<ClientId>,
    /// Whether an event's body is gone whose `erased` row was not read yet: nothing from that event
    /// on is applied.
    pub bare: bool,
}

/// What a client is at its start, as the store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The replica's name.
    pub client: ClientId,
    /// Its cursor; at first the chain's start, without an epoch.
    pub at: At,
    /// Up to where it must read before it pushes, if it was rewound.
    pub asof: Option<u64>,
    /// The limits that a server told last.
    pub limits: Option<Limits>,
    /// Why it may not sync at all, if so.
    pub stopped: Option<Stop>,
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
    /// `POST /v1/{log}/resume`
    Resume,
}

impl Verb {
    /// As it stands in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Push => "push",
            Verb::Pull => "pull",
            Verb::Resume => "resume",
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
    /// Before it is sent, pending events up to this `n` must be marked `sent` and that be
    /// committed: after a crash they may be at the server already, and so may not be edited or
    /// withdrawn.
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
    /// Abort the request of this number, if it still runs; its answer is no longer wanted. Poll
    /// again at once.
    Abort(u64),
    /// Carry out the change in one transaction, then call [`Client::applied`] or
    /// [`Client::apply_failed`].
    Apply(Box<Change>),
    /// Get a token, a new one when `refused`, then call [`Client::token`] or
    /// [`Client::failed_token`].
    Token {
        /// Whether the server refused the one we have.
        refused: bool,
    },
    /// Nothing to do until this time, if any, or until something happens.
    Wait(Option<u64>),
}
