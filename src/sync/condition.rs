//! An event's condition: it counts only if nobody else's matching event lies between a position
//! that its author had read and its own place.
//!
//! Reads and compares; where the events lie is the log's business, and what a failed condition
//! comes to that of `server`'s appending.

use super::error::{Error, Result};
use super::id::ClientId;
use super::{json, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// What must not have happened meanwhile.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The position that the author had read up to.
    pub since: u64,
    /// The types of events that count.
    pub types: Vec<String>,
    /// Paths into an event's data, and what must be there for it to count; absent, all of the types
    /// do.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<BTreeMap<String, Box<RawValue>>>,
    /// The author's other client names, whose events don't count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<Vec<ClientId>>,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Condition> {
        let condition: Condition = json::parse(text, limits::CONDITION)
            .map_err(|e| Error::Protocol(format!("the condition of an event: {e}")))?;
        condition.check()?;
        Ok(condition)
    }

    fn check(&self) -> Result<()> {
        let bad = |what: &str| Err(Error::Protocol(format!("the condition of an event: {what}")));
        limits::safe_integer(self.since)?;
        if !(1..=limits::CONDITION_TYPES).contains(&self.types.len()) {
            return bad("types has 1 to 16 types of events");
        }
        for (i, event_type) in self.types.iter().enumerate() {
            limits::check_type(event_type).map_err(|e| Error::Protocol(e.to_string()))?;
            if self.types[..i].contains(event_type) {
                return bad("types has a type twice");
            }
        }
        if let Some(matches) = &self.matches {
            if !(1..=limits::CONDITION_PATHS).contains(&matches.len()) {
                return bad("match has 1 to 16 paths");
            }
            for (path, value) in matches {
                if path.is_empty() || path.len() > limits::CONDITION_PATH {
                    return bad("a path has 1 to 256 bytes");
                }
                if Scalar::of(value).is_none() {
                    return bad("match compares with text, numbers, true, false and null");
                }
            }
        }
        if self.mine.as_ref().is_some_and(|mine| mine.len() > limits::CONDITION_MINE) {
            return bad("mine has at most 32 clients");
        }
        Ok(())
    }

    /// As text.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_text(&self) -> Result<String> {
        json::to_json(self)
    }

    /// Whether events of this client count, for an event of `author`.
    pub fn concerns(&self, author: &ClientId, client: &ClientId) -> bool {
        let mine = self.mine.as_deref().unwrap_or_default();
        client != author && !mine.contains(client)
    }

    /// Whether an event of one of the types matches. One whose data is erased, or cannot be read,
    /// does: nobody can say that it does not.
    pub fn matches(&self, body: Option<&str>) -> bool {
        let Some(matches) = &self.matches else { return true };
        let Some(whole) = body.and_then(|b| serde_json::from_str::<&RawValue>(b).ok()) else {
            return true;
        };
        let holds = |(path, value): (&String, &RawValue)| {
            let found = path.split('.').try_fold(whole, |value, key| step(value, key));
            let found = found.and_then(Scalar::of);
            found.is_some() && found == Scalar::of(value)
        };
        matches.iter().map(|(path, value)| (path, &**value)).all(holds)
    }
}

/// What an object has under a key, or an array at an index.
fn step<'a>(value: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    let text = value.get();
    if text.starts_with('{') {
        let fields: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
        return fields.get(key).copied();
    }
    let index = Some(key).filter(|key| *key == "0" || !key.starts_with(['0', '+']))?;
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    items.get(index.parse::<usize>().ok()?).copied()
}

/// A value to compare with.
#[derive(Debug, PartialEq)]
enum Scalar {
    Null,
    Bool(bool),
    /// By value, as an IEEE 754 double.
    Number(f64),
    Text(String),
}

impl Scalar {
    fn of(value: &RawValue) -> Option<Scalar> {
        let text = value.get();
        match text.as_bytes().first()? {
            b'{' | b'[' => None,
            b'n' => Some(Scalar::Null),
            b't' | b'f' => Some(Scalar::Bool(text == "true")),
            b'"' => serde_json::from_str(text).ok().map(Scalar::Text),
            _ => text.parse().ok().map(Scalar::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matching(with: &str, body: &str) -> bool {
        let text = format!(r#"{{"since":0,"types":["t"],"match":{with}}}"#);
        Condition::parse(&text).unwrap().matches(Some(body))
    }

    #[test]
    fn paths_lead_through_objects_and_arrays_to_equal_scalars() {
        let body = r#"[2,null,{"a":{"b":"x"},"n":1.50,"t":true,"u":"\u00e4"}]"#;
        for with in [
            r#"{"0":2}"#,
            r#"{"0":2.0,"1":null}"#,
            r#"{"2.a.b":"x"}"#,
            r#"{"2.n":15e-1}"#,
            r#"{"2.t":true}"#,
            r#"{"2.u":"ä"}"#,
        ] {
            assert!(matching(with, body), "{with}");
        }
        for with in [
            r#"{"0":"2"}"#,
            r#"{"00":2}"#,
            r#"{"3":null}"#,
            r#"{"2.a":null}"#,
            r#"{"2.a.b.c":null}"#,
            r#"{"2.t":1}"#,
            r#"{"0":2,"2.t":false}"#,
            r#"{"2.a.b":"X"}"#,
        ] {
            assert!(!matching(with, body), "{with}");
        }
    }

    #[test]
    fn what_nobody_can_read_matches() {
        let text = r#"{"since":0,"types":["t"],"match":{"a":1}}"#;
        let condition = Condition::parse(text).unwrap();
        assert!(condition.matches(None) && condition.matches(Some("no JSON")));
        assert!(!condition.matches(Some("{}")) && !condition.matches(Some("7")));
        let any = Condition::parse(r#"{"since":0,"types":["t"]}"#).unwrap();
        assert!(any.matches(Some("{}")));
    }

    #[test]
    fn numbers_are_compared_by_value() {
        assert!(matching(r#"{"a":100}"#, r#"{"a":1e2}"#));
        assert!(matching(r#"{"a":0}"#, r#"{"a":-0.0}"#));
        assert!(matching(r#"{"a":0.30000000000000004}"#, r#"{"a":0.3000000000000000444}"#));
        assert!(!matching(r#"{"a":0.3}"#, r#"{"a":0.30000000000000004}"#));
    }

    #[test]
    fn its_text_survives_and_is_bounded() {
        let me = ClientId::from_bytes([1; 16]);
        let text = format!(r#"{{"since":4,"types":["t"],"match":{{"a":1.0}},"mine":["{me}"]}}"#);
        let condition = Condition::parse(&text).unwrap();
        assert_eq!(condition.to_text().unwrap(), text);
        assert!(!condition.concerns(&ClientId::from_bytes([2; 16]), &me));
        assert!(!condition.concerns(&me, &me));
        let types = |n: usize| {
            let names: Vec<String> = (0..n).map(|i| format!("\"t{i}\"")).collect();
            format!(r#"{{"since":0,"types":[{}]}}"#, names.join(","))
        };
        assert!(Condition::parse(&types(16)).is_ok());
        for bad in [
            types(0),
            types(17),
            r#"{"types":["t"]}"#.into(),
            r#"{"since":-1,"types":["t"]}"#.into(),
            r#"{"since":0,"types":["t","t"]}"#.into(),
            r#"{"since":0,"types":[""]}"#.into(),
            r#"{"since":0,"types":["t"],"match":{}}"#.into(),
            r#"{"since":0,"types":["t"],"match":{"a":[]}}"#.into(),
            r#"{"since":0,"types":["t"],"match":{"":1}}"#.into(),
            r#"{"since":0,"types":["t"],"mine":["x"]}"#.into(),
            r#"{"since":0,"types":["t"],"more":1}"#.into(),
            format!(r#"{{"since":0,"types":["t"],"match":{{"{}":1}}}}"#, "a".repeat(257)),
            format!(r#"{{"since":0,"types":["t"],"match":{{"a":"{}"}}}}"#, "a".repeat(4096)),
        ] {
            assert_eq!(Condition::parse(&bad).unwrap_err().code(), "PROTOCOL", "{bad:.90}");
        }
    }
}
