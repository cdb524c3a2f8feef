//! Documents as JSON text: taking declared values out of them and putting them back.
//!
//! Only the top level is taken apart; what lies deeper stays the text it came as.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::definition::ColumnType;
use crate::error::{Error, Result};
use crate::sql::Value;

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
                let mut fields = Vec::new();
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
    let found: Fields<'_> =
        serde_json::from_str(doc).map_err(|e| Error::BadValue(format!("not a JSON object: {e}")))?;
    Ok(found.0)
}

/// The SQL value of a JSON scalar. `what` names it in the error for objects and arrays.
pub fn scalar(raw: &str, what: &str) -> Result<Value> {
    let bad = || Error::BadValue(format!("{what} must be a string, a number, a boolean or null, not {raw}"));
    Ok(match raw.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Integer(1),
        Some(b'f') => Value::Integer(0),
        Some(b'"') => Value::Text(serde_json::from_str(raw).map_err(|_| bad())?),
        Some(b'-' | b'0'..=b'9') => match raw.parse::<i64>() {
            Ok(i) => Value::Integer(i),
            Err(_) => Value::Real(raw.parse().map_err(|_| bad())?),
        },
        _ => return Err(bad()),
    })
}

/// The SQL value of a property for a column of type `ty`.
pub(super) fn column_value(raw: &str, ty: Option<ColumnType>, what: &str) -> Result<Value> {
    match ty {
        Some(ColumnType::Json) if raw != "null" => Ok(Value::Text(raw.to_string())),
        _ => scalar(raw, what),
    }
}

/// The raw text at a dotted path below `raw`, if it is there.
pub(super) fn at_path<'a>(raw: &'a str, mut path: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>> {
    let Some(segment) = path.next() else { return Ok(Some(raw)) };
    if !raw.starts_with('{') {
        return Ok(None);
    }
    match fields(raw)?.into_iter().find(|f| f.key == segment) {
        Some(field) => at_path(field.raw, path),
        None => Ok(None),
    }
}

/// Appends a stored value as JSON. Values of a JSON column are JSON already.
pub fn write_value(out: &mut String, value: &Value, is_json: bool) -> Result<()> {
    use std::fmt::Write;
    // writing to a String cannot fail
    let _ = match value {
        Value::Null => write!(out, "null"),
        Value::Integer(i) => write!(out, "{i}"),
        Value::Real(f) if f.is_finite() => {
            out.push_str(&serde_json::to_string(f).unwrap_or_default());
            Ok(())
        }
        Value::Real(_) => write!(out, "null"),
        Value::Text(s) if is_json => write!(out, "{s}"),
        Value::Text(s) => {
            write_string(out, s);
            Ok(())
        }
        Value::Blob(_) => return Err(Error::NotSupported("a blob in a document")),
    };
    Ok(())
}

/// Appends a string as JSON.
pub(super) fn write_string(out: &mut String, s: &str) {
    out.push_str(&serde_json::to_string(s).unwrap_or_default());
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
        assert_eq!(at_path(found[2].raw, ["a"].into_iter()).unwrap(), Some(r#"[1,{"b":2}]"#));
        assert_eq!(at_path(found[2].raw, ["a", "b"].into_iter()).unwrap(), None);
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
}
