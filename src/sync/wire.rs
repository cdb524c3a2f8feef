//! What client and server say to each other: types, their JSON, and strict, bounded decoding.
//!
//! Unknown fields are ignored, so that a newer peer may say more; wrong types and anything over a
//! limit are `PROTOCOL` errors. Decides nothing; refusals are in [`refusal`](super::refusal).

use super::error::{Error, Result};
use super::id::{ClientId, Epoch, Hash, Id};
use super::limits;
use serde::{Deserialize, Serialize};

/// The protocol version this build speaks.
pub const VERSION: u64 = 1;
/// The versions a server of this build answers.
pub const WINDOW: (u64, u64) = (1, 1);

/// A position of a log: how many events, and the chain over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Number of events.
    pub seq: u64,
    /// The chain's hash at `seq`.
    pub h: Hash,
}

/// A client's cursor: everything up to here it has read and applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// What the server made of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An event that counts.
    #[default]
    #[serde(rename = "e")]
    Event,
    /// The server's validator said no; only the verdict is kept.
    Rej,
    /// An event whose id the log had already under another number; it has no effect.
    Dup,
    /// A position without content.
    Void,
}

impl Kind {
    /// The byte that stands for it in the chain and in tables.
    pub const fn byte(self) -> u8 {
        match self {
            Kind::Event => 1,
            Kind::Rej => 2,
            Kind::Dup => 3,
            Kind::Void => 4,
        }
    }

    /// The kind a byte stands for.
    pub const fn from_byte(byte: u8) -> Option<Kind> {
        match byte {
            1 => Some(Kind::Event),
            2 => Some(Kind::Rej),
            3 => Some(Kind::Dup),
            4 => Some(Kind::Void),
            _ => None,
        }
    }

    fn is_event(&self) -> bool {
        *self == Kind::Event
    }
}

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The event's identity.
    pub id: Id,
    /// The replica that made it.
    #[serde(rename = "c")]
    pub client: ClientId,
    /// That replica's own count.
    pub n: u64,
    /// Event type.
    #[serde(rename = "t")]
    pub event_type: String,
    /// Schema version of the type.
    pub tv: u32,
    /// The body as it was sent; empty in `rej` and `dup` rows.
    #[serde(rename = "b")]
    pub data: String,
    /// The author's clock: data, never order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<i64>,
    /// What the server made of it.
    #[serde(rename = "k", default, skip_serializing_if = "Kind::is_event")]
    pub kind: Kind,
    /// In a `dup` row, the id's first occurrence.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Id>,
    /// In a `rej` row, the validator's verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A pending event on its way to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The event's identity.
    pub id: Id,
    /// This replica's own count.
    pub n: u64,
    /// Event type.
    #[serde(rename = "t")]
    pub event_type: String,
    /// Schema version of the type.
    pub tv: u32,
    /// The body.
    #[serde(rename = "b")]
    pub data: String,
    /// The author's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<i64>,
}

/// The last event of one client that the server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// Its number.
    pub n: u64,
    /// Its id.
    pub id: Id,
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The server's epoch.
    pub epoch: Epoch,
    /// Where the segment begins: the cursor it is for.
    pub from: Point,
    /// The entries after `from`.
    #[serde(rename = "evs")]
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
        let mut bytes = 0;
        for entry in &self.entries {
            check_event(entry.n, &entry.event_type, &entry.data, entry.ts)?;
            let code = entry.code.as_deref().unwrap_or_default();
            if code.len() > limits::CODE {
                return Err(over("bytes of a code", code.len()));
            }
            bytes += limits::size(&entry.event_type, &entry.data);
        }
        if bytes > limits::SEGMENT_BYTES {
            Err(over("bytes in the segment", bytes))
        } else {
            Ok(())
        }
    }
}

/// `POST /v1/{log}/push`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Protocol version.
    pub p: u64,
    /// The replica that asks.
    pub client: ClientId,
    /// Its cursor.
    pub at: At,
    /// Pending events, contiguous, oldest first.
    #[serde(rename = "evs")]
    pub entries: Vec<Outgoing>,
    /// Most events wanted back; 0 for no segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<u64>,
}

impl Push {
    /// Reads a push.
    ///
    /// # Errors
    /// `PROTOCOL`; `TOO_LARGE` above the limits of a push.
    pub fn parse(text: &str) -> Result<Push> {
        too_large("push", text.len(), limits::PUSH_TEXT, "bytes")?;
        let push: Push = parse(text, limits::PUSH_TEXT)?;
        too_large("push", push.entries.len(), limits::PUSH_EVENTS, "events")?;
        safe_integer(push.at.seq)?;
        let mut bytes = 0;
        for (i, entry) in push.entries.iter().enumerate() {
            check_event(entry.n, &entry.event_type, &entry.data, entry.ts)?;
            if entry.n != push.entries[0].n + i as u64 {
                return Err(Error::Protocol(format!(
                    "the events of a push must have consecutive numbers: {} came where {} was due",
                    entry.n,
                    push.entries[0].n + i as u64
                )));
            }
            bytes += limits::size(&entry.event_type, &entry.data);
        }
        too_large("push", bytes, limits::PUSH_BYTES, "bytes")?;
        Ok(push)
    }
}

/// The answer to a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// Protocol version.
    pub p: u64,
    /// The log after the client's cursor, its own events included.
    #[serde(rename = "page")]
    pub segment: Option<Segment>,
}

impl Pushed {
    /// Reads the answer to a push.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Pushed> {
        let pushed: Pushed = parse(text, limits::SEGMENT_TEXT)?;
        if let Some(segment) = &pushed.segment {
            segment.check()?;
        }
        Ok(pushed)
    }
}

/// `POST /v1/{log}/pull`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Pull {
    /// Reads a pull.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Pull> {
        let pull: Pull = parse(text, 4096)?;
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

/// The JSON text of a message.
///
/// # Errors
/// None in practice: our messages have no maps with odd keys.
pub fn to_json<T: Serialize>(message: &T) -> Result<String> {
    serde_json::to_string(message).map_err(|e| Error::Protocol(e.to_string()))
}

pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str, limit: usize) -> Result<T> {
    if text.len() > limit {
        return Err(over("bytes of JSON", text.len()));
    }
    serde_json::from_str(text).map_err(|e| Error::Protocol(e.to_string()))
}

fn check_event(n: u64, event_type: &str, data: &str, ts: Option<i64>) -> Result<()> {
    safe_integer(n)?;
    safe_integer(ts.unwrap_or(0).unsigned_abs())?;
    if n == 0 {
        return Err(Error::Protocol(
            "an event has number 0: the first one of a client has 1".into(),
        ));
    }
    if data.len() > limits::BODY_HARD {
        return Err(over("bytes of a body", data.len()));
    }
    limits::check_type(event_type).map_err(|e| Error::Protocol(e.to_string()))
}

pub(super) fn safe_integer(n: u64) -> Result<()> {
    if n <= limits::SAFE_INTEGER {
        Ok(())
    } else {
        Err(Error::Protocol(format!(
            "{n} is above 2^53 - 1, the largest integer that JavaScript has exactly"
        )))
    }
}

fn over(what: &str, size: usize) -> Error {
    Error::Protocol(format!("{size} {what} are too many"))
}

pub(super) fn too_large(
    what: &'static str,
    size: usize,
    limit: usize,
    unit: &'static str,
) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    Err(Error::TooLarge { what, size: size as u64, limit: limit as u64, unit })
}
