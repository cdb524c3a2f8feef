//! The server's answers other than yes: HTTP status, JSON, and what they say.
//!
//! How a client reacts to each is in [`client`](super::client).

use super::error::Result;
use super::id::Epoch;
use super::json::{parse, to_json};
use super::wire::{Last, Point};
use serde::{Deserialize, Serialize};

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 400: the message breaks the protocol.
    Malformed(String),
    /// 401: no token, or one that is no longer good.
    Token,
    /// 403: this principal may not.
    Forbidden(String),
    /// 409: the client's cursor is not a point of this server's history.
    Diverged {
        /// The server's epoch.
        epoch: Epoch,
        /// Its head.
        head: Point,
    },
    /// 409: events are missing before the first one sent.
    Gap {
        /// The number the server would take next.
        expect: u64,
    },
    /// 409: the log has another event under this client and number.
    Fork {
        /// The server's last event of this client.
        last: Last,
    },
    /// 410: the rows after the cursor are gone; a snapshot is needed.
    Trimmed {
        /// The highest `seq` whose row is gone.
        trim: u64,
    },
    /// 413: too many events or bytes.
    TooLarge {
        /// What would be taken.
        limit: u64,
    },
    /// 426: the server does not speak this version.
    Upgrade {
        /// The oldest version it speaks.
        min: u64,
        /// The newest.
        max: u64,
    },
    /// 429 or 503: not now.
    Busy {
        /// When to come back, if the server knows.
        retry_ms: Option<u64>,
    },
    /// 501: part of the protocol that this server does not have yet.
    NotSupported,
    /// Any other status, or one whose body is not ours (a proxy's page, say).
    Other {
        /// The HTTP status.
        status: u16,
        /// When to come back, if the server said so.
        retry_ms: Option<u64>,
    },
}

/// The JSON of every refusal: each kind fills in its own fields.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Body {
    err: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Last>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trim: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) => 400,
            Refusal::Token => 401,
            Refusal::Forbidden(_) => 403,
            Refusal::Diverged { .. } | Refusal::Gap { .. } | Refusal::Fork { .. } => 409,
            Refusal::Trimmed { .. } => 410,
            Refusal::TooLarge { .. } => 413,
            Refusal::Upgrade { .. } => 426,
            Refusal::Busy { .. } => 503,
            Refusal::NotSupported => 501,
            Refusal::Other { status, .. } => *status,
        }
    }

    /// The JSON body.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<String> {
        let body = |err: &str| Body { err: err.into(), ..Body::default() };
        to_json(&match self {
            Refusal::Malformed(msg) => Body { msg: Some(msg.clone()), ..body("malformed") },
            Refusal::Token => body("token"),
            Refusal::Forbidden(msg) => Body { msg: Some(msg.clone()), ..body("forbidden") },
            Refusal::Diverged { epoch, head } => {
                Body { epoch: Some(*epoch), head: Some(*head), ..body("diverged") }
            }
            Refusal::Gap { expect } => Body { expect: Some(*expect), ..body("gap") },
            Refusal::Fork { last } => Body { last: Some(*last), ..body("fork") },
            Refusal::Trimmed { trim } => Body { trim: Some(*trim), ..body("trimmed") },
            Refusal::TooLarge { limit } => Body { limit: Some(*limit), ..body("too_large") },
            Refusal::Upgrade { min, max } => {
                Body { min: Some(*min), max: Some(*max), ..body("upgrade") }
            }
            Refusal::Busy { retry_ms } => Body { retry_ms: *retry_ms, ..body("busy") },
            Refusal::NotSupported => body("not_supported"),
            Refusal::Other { retry_ms, .. } => Body { retry_ms: *retry_ms, ..body("error") },
        })
    }

    /// Reads a refusal. A body that is not ours still has its status, so this cannot fail.
    pub fn parse(status: u16, text: &str) -> Refusal {
        let body: Body = parse(text, 64 * 1024).unwrap_or_default();
        let msg = body.msg.unwrap_or_default();
        match (status, body.err.as_str()) {
            (400, _) => Refusal::Malformed(msg),
            (401, _) => Refusal::Token,
            (403, _) => Refusal::Forbidden(msg),
            (409, "diverged") => match (body.epoch, body.head) {
                (Some(epoch), Some(head)) => Refusal::Diverged { epoch, head },
                _ => Refusal::Other { status, retry_ms: body.retry_ms },
            },
            (409, "gap") if body.expect.is_some() => {
                Refusal::Gap { expect: body.expect.unwrap_or(0) }
            }
            (409, "fork") => match body.last {
                Some(last) => Refusal::Fork { last },
                None => Refusal::Other { status, retry_ms: body.retry_ms },
            },
            (410, "trimmed") => Refusal::Trimmed { trim: body.trim.unwrap_or(0) },
            (413, _) => Refusal::TooLarge { limit: body.limit.unwrap_or(0) },
            (426, "upgrade") => {
                Refusal::Upgrade { min: body.min.unwrap_or(0), max: body.max.unwrap_or(0) }
            }
            (429 | 503, _) => Refusal::Busy { retry_ms: body.retry_ms },
            (501, "not_supported") => Refusal::NotSupported,
            _ => Refusal::Other { status, retry_ms: body.retry_ms },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::id::{Hash, Id};
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_refusal_survives_the_wire() {
        let head = Point { seq: 9, h: Hash::from_bytes([7; 16]) };
        let all = [
            Refusal::Malformed("why".into()),
            Refusal::Token,
            Refusal::Forbidden("who".into()),
            Refusal::Diverged { epoch: Epoch::from_bytes([1; 8]), head },
            Refusal::Gap { expect: 4 },
            Refusal::Fork { last: Last { n: 3, id: Id::from_bytes([2; 16]) } },
            Refusal::Trimmed { trim: 5 },
            Refusal::TooLarge { limit: 256 },
            Refusal::Upgrade { min: 1, max: 2 },
            Refusal::Busy { retry_ms: Some(100) },
            Refusal::NotSupported,
            Refusal::Other { status: 500, retry_ms: None },
        ];
        for refusal in all {
            assert_eq!(Refusal::parse(refusal.status(), &refusal.to_json().unwrap()), refusal);
        }
    }

    #[test]
    fn a_proxys_page_is_only_its_status() {
        assert_eq!(Refusal::parse(502, "<html>"), Refusal::Other { status: 502, retry_ms: None });
        assert_eq!(Refusal::parse(409, "<html>"), Refusal::Other { status: 409, retry_ms: None });
        assert_eq!(
            Refusal::parse(409, r#"{"err":"gap"}"#),
            Refusal::Other { status: 409, retry_ms: None }
        );
        assert_eq!(Refusal::parse(426, "<html>"), Refusal::Other { status: 426, retry_ms: None });
        assert_eq!(Refusal::parse(503, ""), Refusal::Busy { retry_ms: None });
    }
}
