//! What is under way in a simulated world, by the time it happens.

use std::collections::BTreeMap;
use tidelog::sync::client::Request;

/// Something that will happen.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A request reaches the server.
    Arrive(Sent),
    /// An answer reaches a client.
    Answer {
        /// The client.
        node: usize,
        /// The process that asked.
        life: u32,
        /// The request's number.
        request: u64,
        /// HTTP status.
        status: u16,
        /// JSON, or whatever came.
        body: String,
    },
    /// The connection breaks before an answer comes.
    Broken {
        /// The client.
        node: usize,
        /// The process that asked.
        life: u32,
        /// The request's number.
        request: u64,
    },
    /// A client's timer.
    Timer {
        /// The client.
        node: usize,
        /// The process that set it.
        life: u32,
        /// When it was to ring.
        at: u64,
    },
    /// The server holds a long poll no longer.
    PollEnd(u64),
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // what a message says is in the trace where it left
        match self {
            Event::Arrive(sent) => {
                write!(f, "arrive {} {} {}", sent.node, sent.life, sent.request.id)
            }
            Event::Answer { node, life, request, .. } => {
                write!(f, "answer {node} {life} {request}")
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// A request on its way, or held by the server.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The client.
    pub(crate) node: usize,
    /// The process that asked.
    pub(crate) life: u32,
    /// The token that it shows.
    pub(crate) token: u64,
    /// How often the server had been put back when it left.
    pub(crate) era: u64,
    /// What it asked.
    pub(crate) request: Request,
}

/// Everything under way.
#[derive(Debug, Default)]
pub(crate) struct Net {
    queue: BTreeMap<(u64, u64), Event>,
    count: u64,
}

impl Net {
    /// Lets it happen at `at`; of things at one time, in the order they were put.
    pub(crate) fn put(&mut self, at: u64, event: Event) {
        self.count += 1;
        self.queue.insert((at, self.count), event);
    }

    /// The next thing and its time.
    pub(crate) fn next(&mut self) -> Option<(u64, Event)> {
        self.queue.pop_first().map(|((at, _), event)| (at, event))
    }
}
