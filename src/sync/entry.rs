//! One row of the log as it travels, and an event on its way there: their JSON, their kinds, and
//! what a row of each kind may have.
//!
//! Where a row stands and what its hash is are the chain's business.

use super::error::{Error, Result};
use super::id::{BodyHash, ClientId, Id};
use super::limits;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An event that counts. It is never written: a row without a kind is one.
    #[default]
    #[serde(skip)]
    Event,
    /// The verdict on an event that the application's validator, or its own condition, refused.
    Rej,
    /// An event whose id the log had already under another number; it has no effect.
    Dup,
    /// The server's own: an event has no effect any more.
    Void,
    /// The server's own: an event has no effect any more, and its body is gone.
    Erased,
    /// The server's own: rows may be gone up to a position.
    Trim,
}

impl Kind {
    /// The byte that stands for it in the chain and in tables.
    pub const fn byte(self) -> u8 {
        match self {
            Kind::Event => 1,
            Kind::Rej => 2,
            Kind::Dup => 3,
            Kind::Void => 4,
            Kind::Erased => 5,
            Kind::Trim => 6,
        }
    }

    /// The kind a byte stands for.
    pub const fn from_byte(byte: u8) -> Option<Kind> {
        match byte {
            1 => Some(Kind::Event),
            2 => Some(Kind::Rej),
            3 => Some(Kind::Dup),
            4 => Some(Kind::Void),
            5 => Some(Kind::Erased),
            6 => Some(Kind::Trim),
            _ => None,
        }
    }

    /// Whether the server makes such a row itself.
    pub const fn is_servers(self) -> bool {
        matches!(self, Kind::Void | Kind::Erased | Kind::Trim)
    }

    fn is_event(&self) -> bool {
        *self == Kind::Event
    }
}

/// A row's body: the text as it was sent, or its hash where it was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The text as it was sent.
    Text(String),
    /// SHA-256 of what it was.
    Erased(BodyHash),
}

impl Body {
    /// The text, unless it was erased.
    pub fn text(&self) -> Option<&str> {
        match self {
            Body::Text(text) => Some(text),
            Body::Erased(_) => None,
        }
    }

    /// SHA-256 of the text.
    pub fn hash(&self) -> BodyHash {
        match self {
            Body::Text(text) => BodyHash::from_bytes(Sha256::digest(text).into()),
            Body::Erased(hash) => *hash,
        }
    }
}

impl From<&str> for Body {
    fn from(text: &str) -> Body {
        Body::Text(text.into())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body::Text(text)
    }
}

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The event's identity.
    pub id: Id,
    /// The replica that made it; [`ClientId::SERVER`] for the server's own rows.
    pub client: ClientId,
    /// That replica's own count.
    pub n: u64,
    /// Event type; empty in the server's own rows.
    pub event_type: String,
    /// Schema version of the type.
    pub tv: u32,
    /// The body; empty in verdicts and duplicates.
    pub body: Body,
    /// The author's clock: data, never order.
    pub ts: Option<i64>,
    /// The event's [condition](super::condition::Condition), as it was sent.
    pub x: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// In a duplicate, the id's first occurrence; in a verdict on a condition, the event that it
    /// failed by.
    pub reference: Option<Id>,
    /// In a verdict, why.
    pub code: Option<String>,
}

impl Entry {
    /// The body's text; empty where it was erased.
    pub fn text(&self) -> &str {
        self.body.text().unwrap_or_default()
    }

    /// What it counts for in a segment.
    pub fn size(&self) -> usize {
        limits::size(&self.event_type, self.text(), self.x.as_deref())
    }

    /// The event that a `void` or `erased` row is about.
    pub fn names(&self) -> Option<Id> {
        match self.kind {
            Kind::Void | Kind::Erased => self.text().parse().ok(),
            _ => None,
        }
    }

    /// The position that a `trim` row is about.
    pub fn trims(&self) -> Option<u64> {
        let plain = |text: &&str| {
            let all = text.bytes().all(|c| c.is_ascii_digit());
            all && !text.is_empty() && (*text == "0" || !text.starts_with('0'))
        };
        match self.kind {
            Kind::Trim => Some(self.text()).filter(plain)?.parse().ok(),
            _ => None,
        }
    }

    /// Whether it has what a row of its kind has, and nothing else.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn check(&self) -> Result<()> {
        check_numbers(self.n, self.ts)?;
        let about = |good: bool, what: &str| match good {
            true => Ok(()),
            false => Err(Error::Protocol(format!("row {} of {}: {what}", self.n, self.client))),
        };
        let (is_servers, bare) =
            (self.client == ClientId::SERVER, self.body.text().is_some_and(str::is_empty));
        about(is_servers == self.kind.is_servers(), "its kind is not one of its client's")?;
        about(self.text().len() <= limits::BODY_HARD, "its body is too large")?;
        if !is_servers {
            limits::check_type(&self.event_type).map_err(|e| Error::Protocol(e.to_string()))?;
        }
        let code = self.code.as_deref().unwrap_or_default();
        about(code.len() <= limits::CODE, "its code is too long")?;
        let x = self.x.as_deref().unwrap_or_default();
        about(x.len() <= limits::CONDITION, "its condition is too long")?;
        let (refers, verdict) = (self.reference.is_some(), self.code.is_some());
        match self.kind {
            Kind::Event => about(!refers && !verdict, "an event has no ref and no code"),
            Kind::Rej => about(bare && verdict, "a verdict has a code and no body"),
            Kind::Dup => about(bare && refers && !verdict, "a duplicate has a ref and no body"),
            Kind::Void | Kind::Erased | Kind::Trim => {
                let plain = self.event_type.is_empty() && self.tv == 0 && self.ts.is_none();
                let more = refers || verdict || self.x.is_some();
                about(plain && !more, "a row of the server has a body and nothing else")?;
                let said = self.names().is_some() || self.trims().is_some();
                about(said, "its body is not what its kind has")
            }
        }
    }
}

/// An entry's JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    id: Id,
    c: ClientId,
    n: u64,
    t: Cow<'a, str>,
    tv: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bh: Option<BodyHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ts: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Kind::is_event")]
    k: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#ref: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Cow<'a, str>>,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bh = match self.body {
            Body::Text(_) => None,
            Body::Erased(hash) => Some(hash),
        };
        let row = Row {
            id: self.id,
            c: self.client,
            n: self.n,
            t: self.event_type.as_str().into(),
            tv: self.tv,
            b: self.body.text().map(Cow::from),
            bh,
            ts: self.ts,
            x: self.x.as_deref().map(Cow::from),
            k: self.kind,
            r#ref: self.reference,
            code: self.code.as_deref().map(Cow::from),
        };
        row.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        let row = Row::deserialize(deserializer)?;
        let body = match (row.b, row.bh) {
            (Some(text), None) => Body::Text(text.into_owned()),
            (None, Some(hash)) => Body::Erased(hash),
            _ => return Err(serde::de::Error::custom("a row has either b or bh")),
        };
        Ok(Entry {
            id: row.id,
            client: row.c,
            n: row.n,
            event_type: row.t.into_owned(),
            tv: row.tv,
            body,
            ts: row.ts,
            x: row.x.map(Cow::into_owned),
            kind: row.k,
            reference: row.r#ref,
            code: row.code.map(Cow::into_owned),
        })
    }
}

/// A pending event on its way to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// Its condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
}

impl Outgoing {
    /// What it counts for in a push.
    pub fn size(&self) -> usize {
        limits::size(&self.event_type, &self.data, self.x.as_deref())
    }

    /// The row it becomes if nothing is wrong with it.
    pub fn row(self, client: ClientId) -> Entry {
        let Outgoing { id, n, event_type, tv, data, ts, x } = self;
        let (body, kind) = (Body::Text(data), Kind::Event);
        Entry { id, client, n, event_type, tv, body, ts, x, kind, reference: None, code: None }
    }

    /// Whether its numbers and its type are those of an event.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub(super) fn check(&self) -> Result<()> {
        check_numbers(self.n, self.ts)?;
        if self.data.len() > limits::BODY_HARD {
            let size = self.data.len();
            return Err(Error::Protocol(format!("{size} bytes of a body are too many")));
        }
        limits::check_type(&self.event_type).map_err(|e| Error::Protocol(e.to_string()))
    }
}

fn check_numbers(n: u64, ts: Option<i64>) -> Result<()> {
    limits::safe_integer(n)?;
    limits::safe_integer(ts.unwrap_or(0).unsigned_abs())?;
    match n {
        0 => Err(Error::Protocol("an event has number 0: the first one of a client has 1".into())),
        _ => Ok(()),
    }
}
