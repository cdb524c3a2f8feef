//! What an application sees of the client machine.

use serde::Serialize;

/// The state of a client. Local work goes on in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "camelCase")]
pub enum State {
    /// Switched off, or waiting to try again.
    Offline,
    /// Reading up to the head.
    CatchUp,
    /// At the head; a long poll brings what is new.
    Live,
    /// The server does not let us in until there is a new token. Nothing was dropped.
    Fenced {
        /// `TOKEN`, `FORBIDDEN` or `TOO_LARGE`.
        code: &'static str,
    },
    /// The server does not speak our version of the protocol.
    NeedsUpgrade {
        /// The oldest version it speaks.
        min: u64,
        /// The newest.
        max: u64,
    },
    /// The server's history is not the one we had read: finding out where they part, or reading on
    /// from there.
    Resume,
    /// It cannot go on; the queue is kept.
    Stopped {
        /// Why.
        code: Stop,
    },
}

/// Why a client stopped for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stop {
    /// The rows after the cursor are gone at the server; a snapshot is needed.
    Trimmed,
    /// The database has synced by an older protocol, and is only read.
    OlderFormat,
}

/// A client at a glance, for `db.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The state.
    pub state: State,
    /// The last position read.
    pub seq: u64,
    /// The log's head when we last heard of it.
    pub head: u64,
    /// Events not yet confirmed.
    pub pending: u64,
    /// Failures since the last success.
    pub failures: u32,
    /// The code of the last failure; none after a success.
    pub error: Option<&'static str>,
    /// Requests sent so far.
    pub requests: u64,
}
