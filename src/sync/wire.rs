//! What client and server say to each other: types, their JSON, and strict, bounded decoding.
//!
//! A request with a field that is not known is refused; of an answer, unknown fields are passed
//! over at the top, so that a server may say more, and nowhere else. Wrong types and anything over
//! a limit are `PROTOCOL` errors. Decides nothing; rows are in [`entry`](super::entry), refusals in
//! [`refusal`](super::refusal).

use super::condition::Condition;
use super::error::{Error, Result};
use super::id::{ClientId, Epoch, Hash, Id};
use super::json::parse;
use super::limits::{self, Limits, safe_integer};
use serde::{Deserialize, Serialize};

pub use super::entry::{Body, Entry, Kind, Outgoing};
pub use super::json::to_json;

/// The protocol version this build speaks.
pub const VERSION: u64 = 2;
/// The versions a server of this build answers.
pub const WINDOW: (u64, u64) = (2, 2);

/// A position of a log: how many events, and the chain over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Number of events.
    pub seq: u64,
    /// The chain's hash at `seq`.
    pub h: Hash,
}

/// A client's cursor: everything up to here it has read and applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The server's epoch when the client last heard of it.
    pub epoch: Option<Epoch>,
    /// Number of events read.
    pub seq: u64,
    /// The chain's hash at `seq`.
    pub h: Hash,
}

impl At {
    /// The position without the epoch.
    pub fn point(&self) -> Point {
        Point { seq: self.seq, h: self.h }
    }
}

/// The last event of one client that the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// Its number.
    pub n: u64,
    /// Its id.
    pub id: Id,
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Protocol version.
    pub p: u64,
    /// The server's epoch.
    pub epoch: Epoch,
    /// Where the segment begins: the cursor it is for.
    pub from: Point,
    /// The entries after `from`.
    pub entries: Vec<Entry>,
    /// Where it ends.
    pub to: Point,
    /// The log's last `seq` when this was read.
    pub head: u64,
    /// The highest `seq` known to be in an independent durable copy.
    pub safe: u64,
    /// The highest `seq` whose row is gone.
    pub trim: u64,
    /// The server's record of the asking client, as of somewhere between `to` and `head`.
    pub last: Option<Last>,
    /// The server's limits, when they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

impl Segment {
    /// The cursor after this segment.
    pub fn cursor(&self) -> At {
        At { epoch: Some(self.epoch), seq: self.to.seq, h: self.to.h }
    }

    /// Reads the answer to a pull.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Segment> {
        let segment: Segment = parse(text, limits::SEGMENT_TEXT)?;
        segment.check()?;
        Ok(segment)
    }

    fn check(&self) -> Result<()> {
        check_version(self.p)?;
        if self.entries.len() > limits::SEGMENT_EVENTS {
            return Err(over("events in the segment", self.entries.len()));
        }
        for seq in [self.from.seq, self.to.seq, self.head, self.safe, self.trim] {
            safe_integer(seq)?;
        }
        if self.from.seq + self.entries.len() as u64 != self.to.seq || self.to.seq > self.head {
            return Err(Error::Protocol(format!(
                "a segment of {} events cannot lead from {} to {} in a log that ends at {}",
                self.entries.len(),
                self.from.seq,
                self.to.seq,
                self.head
            )));
        }
        self.entries.iter().try_for_each(Entry::check)?;
        let bytes: usize = self.entries.iter().map(Entry::size).sum();
        // one row that is larger than a segment may be is a segment
        if bytes > limits::SEGMENT_BYTES && self.entries.len() > 1 {
            Err(over("bytes in the segment", bytes))
        } else {
            Ok(())
        }
    }
}

/// `POST /v1/{log}/push`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// Protocol version.
    pub p: u64,
    /// The replica that asks.
    pub client: ClientId,
    /// Its cursor.
    pub at: At,
    /// Pending events, contiguous, oldest first.
    pub entries: Vec<Outgoing>,
    /// Most events wanted back; 0 for no segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<u64>,
    /// Whether the answer shall tell the server's limits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub limits: bool,
}

impl Push {
    /// Reads a push.
    ///
    /// # Errors
    /// `PROTOCOL`; `TOO_LARGE` above the limits of a push.
    pub fn parse(text: &str) -> Result<Push> {
        limits::at_most("push", text.len(), limits::PUSH_TEXT, "bytes")?;
        let push: Push = parse(text, limits::PUSH_TEXT)?;
        limits::at_most("push", push.entries.len(), limits::PUSH_EVENTS, "events")?;
        check_client(&push.client)?;
        safe_integer(push.at.seq)?;
        for (i, entry) in push.entries.iter().enumerate() {
            entry.check()?;
            if entry.n != push.entries[0].n + i as u64 {
                return Err(Error::Protocol(format!(
                    "the events of a push must have consecutive numbers: {} came where {} was due",
                    entry.n,
                    push.entries[0].n + i as u64
                )));
            }
            let since =
                entry.x.as_deref().map(Condition::parse).transpose()?.map_or(0, |x| x.since);
            if since > push.at.seq {
                return Err(Error::Protocol(format!(
                    "a condition since {since}, which is after the cursor {}",
                    push.at.seq
                )));
            }
        }
        let bytes = push.entries.iter().map(Outgoing::size).sum();
        limits::at_most("push", bytes, limits::PUSH_BYTES, "bytes")?;
        Ok(push)
    }
}

/// The answer to a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Protocol version.
    pub p: u64,
    /// The log after the client's cursor, its own events included.
    pub segment: Option<Segment>,
}

impl Pushed {
    /// Reads the answer to a push.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Pushed> {
        let pushed: Pushed = parse(text, limits::SEGMENT_TEXT)?;
        check_version(pushed.p)?;
        if let Some(segment) = &pushed.segment {
            segment.check()?;
        }
        Ok(pushed)
    }
}

/// `POST /v1/{log}/pull`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// Protocol version.
    pub p: u64,
    /// The replica that asks.
    pub client: ClientId,
    /// Its cursor.
    pub at: At,
    /// Most events wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// How long to wait for an event when there is none yet, at most [`limits::WAIT_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Whether the answer shall tell the server's limits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub limits: bool,
}

impl Pull {
    /// Reads a pull.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Pull> {
        let pull: Pull = parse(text, 4096)?;
        check_client(&pull.client)?;
        safe_integer(pull.at.seq)?;
        Ok(pull)
    }
}

/// The protocol version of a request, whatever else is in it: a newer one may look different
/// altogether.
///
/// # Errors
/// `PROTOCOL` when it is no JSON object with a number `p`.
pub fn version(text: &str) -> Result<u64> {
    #[derive(Deserialize)]
    struct Version {
        p: u64,
    }
    Ok(parse::<Version>(text, limits::PUSH_TEXT)?.p)
}

/// An answer is of the version that was asked in.
pub(super) fn check_version(p: u64) -> Result<()> {
    match p {
        VERSION => Ok(()),
        p => Err(Error::Protocol(format!("an answer of version {p}, not {VERSION}"))),
    }
}

/// A request is never the server's own.
pub(super) fn check_client(client: &ClientId) -> Result<()> {
    match *client == ClientId::SERVER {
        true => Err(Error::Protocol(format!("client {client} is the server itself"))),
        false => Ok(()),
    }
}

fn over(what: &str, size: usize) -> Error {
    Error::Protocol(format!("{size} {what} are too many"))
}
