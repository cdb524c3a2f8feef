//! Documents as JSON text: taking declared values out of them and putting them back.
//!
//! Only the top level is taken apart; what lies deeper stays the text it came as.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::definition::ColumnType;
use super::path::Step;
use super::tagged::{self, is_safe};
use crate::error::{Error, Result};
use crate::sql::{Param, Value};

/// The greatest depth of documents: deeper ones SQLite's JSON functions refuse.
const DEEPEST: usize = 1000;

/// The greatest distance of a JavaScript Date from 1970, in milliseconds.
const FARTHEST: f64 = 8.64e15;

/// One property of a document: its name and the text of its value.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    /// The property's name.
    pub key: Cow<'a, str>,
    /// Its value as JSON text.
    pub raw: &'a str,
}

struct Fields<'a>(Vec<Field<'a>>);

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Top<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Top<'a> {
            type Value = Fields<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'a>, A::Error> {
                // room for most documents at once
                let mut fields = Vec::with_capacity(16);
                while let Some((Key(key), raw)) = map.next_entry::<Key<'a>, &'a RawValue>()? {
                    fields.push(Field { key, raw: raw.get() });
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Top(std::marker::PhantomData))
    }
}

/// The properties of a JSON object, in their order.
pub fn fields(doc: &str) -> Result<Vec<Field<'_>>> {
    let found: Fields<'_> = serde_json::from_str(doc)
        .map_err(|e| Error::BadValue(format!("not a JSON object: {e}")))?;
    Ok(found.0)
}

/// The elements of a JSON array, as their text.
pub(super) fn elements(raw: &str) -> Result<Vec<&str>> {
    let found: Vec<&RawValue> =
        serde_json::from_str(raw).map_err(|e| Error::BadValue(format!("not a JSON array: {e}")))?;
    Ok(found.into_iter().map(RawValue::get).collect())
}

/// Refuses a text that nests deeper than SQLite's JSON functions follow.
pub(super) fn check_depth(text: &str) -> Result<()> {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for b in text.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    match deepest > DEEPEST {
        true => Err(Error::TooLarge {
            what: "the document's depth",
            size: deepest as u64,
            limit: DEEPEST as u64,
            unit: "levels",
        }),
        false => Ok(()),
    }
}

/// The SQL value of a JSON scalar. `what` names it in the error for objects and arrays.
pub fn scalar(raw: &str, what: &str) -> Result<Value> {
    let bad = || {
        Error::BadValue(format!("{what} must be a string, a number, a boolean or null, not {raw}"))
    };
    Ok(match raw.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Integer(1),
        Some(b'f') => Value::Integer(0),
        Some(b'"') => Value::Text(string(raw, what)?),
        Some(b'-' | b'0'..=b'9') => match raw.parse::<i64>() {
            Ok(i) => Value::Integer(i),
            Err(_) => Value::Real(raw.parse().map_err(|_| bad())?),
        },
        _ => return Err(bad()),
    })
}

fn string(raw: &str, what: &str) -> Result<String> {
    let plain = raw.get(1..raw.len().saturating_sub(1)).filter(|inner| !inner.contains('\\'));
    match plain {
        Some(inner) => Ok(inner.to_string()),
        // what JSON can escape and UTF-8 cannot hold
        None => serde_json::from_str(raw).map_err(|_| {
            Error::BadValue(format!("{what} has a lone surrogate, which text cannot hold"))
        }),
    }
}

/// The SQL value of a property for a column of type `ty`, and whether it will be read back as the
/// very same.
pub(super) fn column_value(raw: &str, ty: Option<ColumnType>, what: &str) -> Result<(Value, bool)> {
    use ColumnType::{BigInt, Blob, Date, Integer, Json, Numeric, Real, Text};
    let bad = |wanted: &str| Error::BadValue(format!("{what} must be {wanted} or null, not {raw}"));
    let first = raw.as_bytes().first().copied().unwrap_or(b'n');
    let number = first == b'-' || first.is_ascii_digit();
    if first == b'n' {
        return Ok((Value::Null, true));
    }
    match ty {
        Some(Json) => Ok((Value::Text(raw.to_string()), true)),
        Some(Blob) => {
            let bytes = tagged::bytes(raw).ok_or_else(|| bad("bytes, {\"$bytes\": base64},"))?;
            Ok((Value::Blob(bytes), true))
        }
        Some(Date) => {
            let given = raw.parse().ok().filter(|_| number);
            let ms = given
                .and_then(date)
                .ok_or_else(|| bad("milliseconds, at most 8640000000000000,"))?;
            Ok((Value::Integer(ms), given == Some(ms as f64)))
        }
        Some(BigInt | Integer) if first == b'{' => {
            let i = tagged::bigint(raw).ok_or_else(|| bad("an integer of at most 64 bits"))?;
            Ok((Value::Integer(i), ty == Some(BigInt) || !is_safe(i)))
        }
        Some(BigInt) => match scalar(raw, what)? {
            value @ Value::Integer(_) if number => Ok((value, false)),
            _ => Err(bad("an integer of at most 64 bits")),
        },
        Some(Integer) => match scalar(raw, what)? {
            Value::Integer(i) if number => Ok((Value::Integer(i), is_safe(i))),
            value => Ok((value, number)),
        },
        Some(Text) => Ok((scalar(raw, what)?, first == b'"')),
        Some(Numeric | Real) => Ok((scalar(raw, what)?, number)),
        None => Ok((scalar(raw, what)?, number || first == b'"')),
    }
}

/// The whole milliseconds of a Date; none for what no Date is.
pub(super) fn date(ms: f64) -> Option<i64> {
    (ms.abs() <= FARTHEST).then_some(ms.trunc() as i64)
}

/// Whether JavaScript takes a value for true.
pub(super) fn truthy(raw: &str) -> bool {
    match raw.as_bytes().first() {
        None | Some(b'n' | b'f') => false,
        Some(b'"') => raw.len() > 2,
        Some(b'-' | b'0'..=b'9') => raw.parse::<f64>().is_ok_and(|f| f != 0.0),
        Some(_) => true,
    }
}

/// The raw text at a path below `raw`, if it is there.
pub(super) fn at_path<'a>(raw: &'a str, path: &[Step]) -> Result<Option<&'a str>> {
    let mut found = raw;
    for step in path {
        let next = match step {
            Step::Key(name) if found.starts_with('{') => {
                fields(found)?.into_iter().rev().find(|f| f.key == *name).map(|f| f.raw)
            }
            Step::Index(index) if found.starts_with('[') => elements(found)?.get(*index).copied(),
            _ => None,
        };
        match next {
            Some(raw) => found = raw,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Appends a stored value as JSON. Values of a JSON column are JSON already.
pub fn write_value(out: &mut String, value: &Value, is_json: bool) -> Result<()> {
    write_param(out, value.param(), is_json.then_some(ColumnType::Json));
    Ok(())
}

/// Appends a value as JSON that JavaScript can make the same value of.
pub(super) fn write_exact(out: &mut String, value: &Value) -> Result<()> {
    match value {
        Value::Blob(bytes) => tagged::write_bytes(out, bytes),
        Value::Integer(i) if !is_safe(*i) => tagged::write_bigint(out, *i),
        _ => write_value(out, value, false)?,
    }
    Ok(())
}

/// Appends the value of a column of type `ty` as JSON.
pub(super) fn write_param(out: &mut String, value: Param<'_>, ty: Option<ColumnType>) {
    use std::fmt::Write;
    match value {
        Param::Integer(i) if ty == Some(ColumnType::BigInt) => tagged::write_bigint(out, i),
        Param::Integer(i) if ty == Some(ColumnType::Integer) && !is_safe(i) => {
            tagged::write_bigint(out, i)
        }
        Param::Integer(i) => {
            // writing to a String cannot fail
            let _ = write!(out, "{i}");
        }
        Param::Real(f) if f.is_finite() => {
            out.push_str(&serde_json::to_string(&f).unwrap_or_default())
        }
        Param::Null | Param::Real(_) => out.push_str("null"),
        Param::Text(s) if ty == Some(ColumnType::Json) => out.push_str(s),
        Param::Text(s) => write_string(out, s),
        Param::Blob(b) => tagged::write_bytes(out, b),
    }
}

/// Appends a string as JSON.
pub(super) fn write_string(out: &mut String, s: &str) {
    use std::fmt::Write;
    out.push('"');
    let mut from = 0;
    for (i, b) in s.bytes().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.push_str(&s[from..i]);
        from = i + 1;
        // writing to a String cannot fail
        let _ = match b {
            b'"' | b'\\' => write!(out, "\\{}", char::from(b)),
            b'\n' => write!(out, "\\n"),
            _ => write!(out, "\\u{b:04x}"),
        };
    }
    out.push_str(&s[from..]);
    out.push('"');
}

/// Appends `"key":`, after a comma unless it is the first.
pub(super) fn write_key(out: &mut String, key: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    write_string(out, key);
    out.push(':');
}

#[cfg(test)]
mod tests {
    use super::super::path::parse;
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_document_is_taken_apart_at_its_top_level_only() {
        let doc = r#"{"id":5, "n\u0061me":"hi","deep":{"a":[1,{"b":2}]},"none":null}"#;
        let found = fields(doc).unwrap();
        let keys: Vec<_> = found.iter().map(|f| f.key.as_ref()).collect();
        assert_eq!(keys, ["id", "name", "deep", "none"]);
        assert_eq!(found[2].raw, r#"{"a":[1,{"b":2}]}"#);
        assert_eq!(at_path(found[2].raw, &parse("a").unwrap()).unwrap(), Some(r#"[1,{"b":2}]"#));
        assert_eq!(at_path(found[2].raw, &parse("a[1].b").unwrap()).unwrap(), Some("2"));
        assert_eq!(at_path(found[2].raw, &parse("a.b").unwrap()).unwrap(), None);
    }

    #[test]
    fn scalars_keep_their_kind() {
        assert_eq!(scalar("9007199254740993", "x").unwrap(), Value::Integer(9_007_199_254_740_993));
        assert_eq!(scalar("1.5e3", "x").unwrap(), Value::Real(1500.0));
        assert_eq!(scalar(r#""a\"b""#, "x").unwrap(), Value::Text("a\"b".into()));
        assert_eq!(scalar("false", "x").unwrap(), Value::Integer(0));
        assert!(scalar("[1]", "tags").unwrap_err().to_string().contains("tags must be a string"));
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for bad in ["[]", "3", "{\"a\":}", ""] {
            assert_eq!(fields(bad).unwrap_err().code(), "BAD_VALUE");
        }
    }

    #[test]
    fn strings_are_written_as_json_reads_them() {
        let given = "a\"b\\c\u{0}\u{1f}\n\t\u{7f}é😀";
        let mut text = String::new();
        write_string(&mut text, given);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), given);
        assert!(scalar(r#""\ud800""#, "t").unwrap_err().to_string().contains("lone surrogate"));
    }

    #[test]
    fn a_column_says_whether_it_reads_back_the_same() {
        use ColumnType::{BigInt, Blob, Date, Integer, Text};
        let exact = |raw: &str, ty| column_value(raw, ty, "c").map(|(_, exact)| exact);
        assert!(exact("7", Some(Integer)).unwrap() && !exact("\"7\"", Some(Integer)).unwrap());
        assert!(!exact("9007199254740992", Some(Integer)).unwrap());
        assert!(exact(r#"{"$bigint":"9007199254740992"}"#, Some(Integer)).unwrap());
        assert!(!exact("7", Some(Text)).unwrap() && exact("\"7\"", Some(Text)).unwrap());
        assert!(!exact(r#"{"$bigint":"5"}"#, Some(Integer)).unwrap());
        assert!(!exact("true", None).unwrap() && exact("null", Some(Blob)).unwrap());
        assert!(!exact("7", Some(BigInt)).unwrap());
        for (raw, ty) in
            [("7", Blob), ("\"x\"", Date), ("1.5", BigInt), ("{}", Integer), ("[1]", Text)]
        {
            assert_eq!(exact(raw, Some(ty)).unwrap_err().code(), "BAD_VALUE", "{raw}");
        }
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        check_depth(&format!(r#"{{"a":"{}"}}"#, r#"[\\\"["#.repeat(2000))).unwrap();
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        check_depth(&nested(1000)).unwrap();
        assert_eq!(check_depth(&nested(1001)).unwrap_err().code(), "TOO_LARGE");
    }
}
