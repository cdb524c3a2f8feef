//! How large things may be in messages and in a synced queue, and the checks of an event against
//! it.
//!
//! Checked where an event is made, so that nothing oversized ever gets into a queue, and again by
//! the server.

use super::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Bytes of a body unless the application says otherwise.
pub const BODY: usize = 64 * 1024;
/// Bytes of a body that no application may raise: below NATS' 1 MiB and a Durable Object's row
/// limit.
pub const BODY_HARD: usize = 256 * 1024;
/// Levels of arrays and objects in a body.
pub const DEPTH: usize = 32;
/// Object keys in a body, all levels together.
pub const KEYS: usize = 4096;
/// Bytes of an event type.
pub const TYPE: usize = 96;
/// Bytes of a rejection's code.
pub const CODE: usize = 64;
/// Bytes of an event's condition.
pub const CONDITION: usize = 4096;
/// Bytes of a condition before the author's other names are written into it.
pub const CONDITION_MADE: usize = 3072;
/// Types of events in a condition.
pub const CONDITION_TYPES: usize = 16;
/// Paths in a condition.
pub const CONDITION_PATHS: usize = 16;
/// Bytes of a path in a condition.
pub const CONDITION_PATH: usize = 256;
/// The author's other names in a condition.
pub const CONDITION_MINE: usize = 32;
/// Events in one push.
pub const PUSH_EVENTS: usize = 256;
/// Bytes in one push, measured by [`size`].
pub const PUSH_BYTES: usize = 512 * 1024;
/// Events in one segment.
pub const SEGMENT_EVENTS: usize = 1000;
/// Bytes in one segment, measured by [`size`].
pub const SEGMENT_BYTES: usize = 1024 * 1024;
/// Points of a history in one resume.
pub const KNOWN: usize = 32;
/// Ids asked about in one resume.
pub const RESUME_IDS: usize = 4096;
/// Milliseconds a long poll may ask the server to wait.
pub const WAIT_MS: u64 = 25_000;
/// The largest whole number that a JavaScript number holds exactly.
pub const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Bytes of JSON text that may hold a push: escapes at most double a body that is itself JSON text.
pub const PUSH_TEXT: usize = 2 * PUSH_BYTES + 256 * 1024;
/// Bytes of JSON text that may hold a segment.
pub const SEGMENT_TEXT: usize = 2 * SEGMENT_BYTES + 512 * 1024;

/// What an event's ids, numbers and punctuation count for.
pub const OVERHEAD: usize = 128;

/// The limits of one server, which it tells its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Levels of arrays and objects in a body.
    pub depth: usize,
    /// Object keys in a body, all levels together.
    pub keys: usize,
    /// What one push may have.
    pub push: Most,
    /// What one segment may have.
    pub segment: Most,
}

/// How much one message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Most {
    /// Rows or events.
    pub entries: usize,
    /// Bytes, measured by [`size`].
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: BODY,
            depth: DEPTH,
            keys: KEYS,
            push: Most { entries: PUSH_EVENTS, bytes: PUSH_BYTES },
            segment: Most { entries: SEGMENT_EVENTS, bytes: SEGMENT_BYTES },
        }
    }
}

impl Limits {
    /// These limits as far as this build goes, whatever a server says.
    pub fn bounded(self) -> Limits {
        let most = |told: Most, entries: usize, bytes: usize| Most {
            entries: told.entries.clamp(1, entries),
            bytes: told.bytes.clamp(1, bytes),
        };
        Limits {
            body: self.body.min(BODY_HARD),
            depth: self.depth.min(DEPTH),
            keys: self.keys.min(KEYS),
            push: most(self.push, PUSH_EVENTS, PUSH_BYTES),
            segment: most(self.segment, SEGMENT_EVENTS, SEGMENT_BYTES),
        }
    }
}

/// What an event counts for in a push or segment: its type, body and condition, and [`OVERHEAD`]
/// for the rest. Independent of how the JSON was escaped, so that client and server count alike.
pub fn size(event_type: &str, data: &str, x: Option<&str>) -> usize {
    event_type.len() + data.len() + x.map_or(0, str::len) + OVERHEAD
}

/// Checks an event before it gets into a queue.
///
/// # Errors
/// `TOO_LARGE`, `BAD_VALUE`.
pub fn check(event_type: &str, data: &str, limits: &Limits) -> Result<()> {
    check_type(event_type)?;
    check_data(data, limits)
}

/// Checks an event's data.
///
/// # Errors
/// `TOO_LARGE`.
pub fn check_data(data: &str, limits: &Limits) -> Result<()> {
    at_most("the event's data", data.len(), limits.body.min(BODY_HARD), "bytes")?;
    let (depth, keys) = measure(data);
    at_most("the depth of the event's data", depth, limits.depth.min(DEPTH), "levels")?;
    at_most("the number of properties in the event's data", keys, limits.keys.min(KEYS), "keys")
}

/// Checks that a number survives JavaScript.
///
/// # Errors
/// `PROTOCOL`.
pub fn safe_integer(n: u64) -> Result<()> {
    match n {
        n if n <= SAFE_INTEGER => Ok(()),
        n => Err(Error::Protocol(format!(
            "{n} is above 2^53 - 1, the largest integer that JavaScript has exactly"
        ))),
    }
}

/// Checks an event type: some text, no control characters (a NUL would blur the hash), at most
/// [`TYPE`] bytes.
///
/// # Errors
/// `TOO_LARGE`, `BAD_VALUE`.
pub fn check_type(event_type: &str) -> Result<()> {
    at_most("the event's type", event_type.len(), TYPE, "bytes")?;
    if event_type.is_empty() || event_type.contains(char::is_control) {
        return Err(Error::BadEvent(format!(
            "event type {event_type:?} is empty or has control characters: use plain text"
        )));
    }
    Ok(())
}

/// Checks a size against a limit.
///
/// # Errors
/// `TOO_LARGE`.
pub(super) fn at_most(
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

/// Depth and number of keys of JSON text, which is not checked further.
fn measure(json: &str) -> (usize, usize) {
    let (mut depth, mut deepest, mut keys) = (0usize, 0, 0);
    let (mut in_string, mut escaped) = (false, false);
    for c in json.bytes() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b':' => keys += 1,
            _ => {}
        }
    }
    (deepest, keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn depth_and_keys_are_counted_outside_strings() {
        assert_eq!(measure(r#"{"a":[{"b:{[":"\"{:"}],"c":1}"#), (3, 3));
        assert_eq!(measure("7"), (0, 0));
    }

    #[test]
    fn an_event_at_the_limits_is_taken_and_one_above_is_not() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        let of = |body| Limits { body, ..Limits::default() };
        let code = |r: Result<()>| r.unwrap_err().code();
        assert!(check(&"t".repeat(TYPE), &deep(DEPTH), &of(BODY)).is_ok());
        assert_eq!(code(check(&"t".repeat(TYPE + 1), "1", &of(BODY))), "TOO_LARGE");
        assert_eq!(code(check("t", &deep(DEPTH + 1), &of(BODY))), "TOO_LARGE");
        assert_eq!(code(check("t", &"1".repeat(BODY + 1), &of(BODY))), "TOO_LARGE");
        assert!(check("t", &"1".repeat(BODY + 1), &of(BODY_HARD)).is_ok());
        assert_eq!(code(check("t", &"1".repeat(BODY_HARD + 1), &of(usize::MAX))), "TOO_LARGE");
        let many = format!("{{{}}}", vec!["\"k\":1"; KEYS + 1].join(","));
        assert_eq!(code(check("t", &many, &of(BODY))), "TOO_LARGE");
        assert_eq!(code(check("", "1", &of(BODY))), "BAD_VALUE");
        assert_eq!(code(check("a\0b", "1", &of(BODY))), "BAD_VALUE");
    }
}
