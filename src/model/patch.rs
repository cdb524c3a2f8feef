//! Deep changes of a document: `$set`, `$unset`, `$inc` and `$push` at paths, done on its text.
//!
//! All changes are laid out as a tree first, so that a document is read once, what is not touched
//! keeps its very text, and no order is needed: a path that two changes meet at is refused. Knows
//! no tables.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::definition::ColumnType;
use super::document::{check_depth, elements, fields, write_key};
use super::number::Number;
use super::path::{self, Step};
use super::tagged;
use crate::error::{Error, Result};

/// Changes of one document. In JSON: `{$set?: {path: value}, $unset?: [path], $inc?: {path:
/// number}, $push?: {path: element}}`.
#[derive(Debug, Default)]
pub struct Patch(Node);

#[derive(Debug, Default)]
struct Node {
    change: Option<Change>,
    keys: BTreeMap<String, Node>,
    indexes: BTreeMap<usize, Node>,
}

/// Values are JSON text.
#[derive(Debug)]
enum Change {
    Set(String),
    Unset,
    Inc(String),
    Push(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(rename = "$set", default)]
    set: BTreeMap<String, Box<RawValue>>,
    #[serde(rename = "$unset", default)]
    unset: Vec<String>,
    #[serde(rename = "$inc", default)]
    inc: BTreeMap<String, Box<RawValue>>,
    #[serde(rename = "$push", default)]
    push: BTreeMap<String, Box<RawValue>>,
}

impl Patch {
    /// Reads changes.
    ///
    /// # Errors
    /// `BAD_VALUE` for an unknown operator or two changes that meet, `BAD_NAME` for what
    /// is no path.
    pub fn parse(json: &str) -> Result<Patch> {
        let given: Given =
            serde_json::from_str(json).map_err(|e| Error::BadValue(format!("patch: {e}")))?;
        let mut patch = Patch::default();
        for (path, value) in given.set {
            patch.add(&path::parse(&path)?, Change::Set(value.get().to_string()))?;
        }
        for path in given.unset {
            patch.add(&path::parse(&path)?, Change::Unset)?;
        }
        for (path, by) in given.inc {
            if Number::read(by.get()).is_none() {
                return Err(Error::BadValue(format!(
                    "$inc '{path}': {} is not a number",
                    by.get()
                )));
            }
            patch.add(&path::parse(&path)?, Change::Inc(by.get().to_string()))?;
        }
        for (path, value) in given.push {
            patch.add(&path::parse(&path)?, Change::Push(value.get().to_string()))?;
        }
        Ok(patch)
    }

    /// Adds a value to put somewhere.
    pub(super) fn set(&mut self, steps: &[Step], raw: &str) -> Result<()> {
        self.add(steps, Change::Set(raw.to_string()))
    }

    /// Adds a value to take away.
    pub(super) fn unset(&mut self, steps: &[Step]) -> Result<()> {
        self.add(steps, Change::Unset)
    }

    /// Whether it changes a top-level property, or something below it.
    pub fn touches(&self, property: &str) -> bool {
        self.0.keys.contains_key(property)
    }

    fn add(&mut self, steps: &[Step], change: Change) -> Result<()> {
        let twice =
            || Error::BadValue(format!("patch: two changes meet at '{}'", path::written(steps)));
        let mut node = &mut self.0;
        for step in steps {
            if node.change.is_some() {
                return Err(twice());
            }
            node = match step {
                Step::Key(name) => node.keys.entry(name.clone()).or_default(),
                Step::Index(index) => node.indexes.entry(*index).or_default(),
            };
        }
        if node.change.is_some() || !node.keys.is_empty() || !node.indexes.is_empty() {
            return Err(twice());
        }
        node.change = Some(change);
        Ok(())
    }

    /// The document with the changes. Missing objects and arrays on the way to a value are made.
    ///
    /// # Errors
    /// `BAD_VALUE` naming the path where something else is in the way, `TOO_LARGE` when it
    /// gets too deep.
    pub fn apply(&self, doc: &str) -> Result<String> {
        self.apply_as(doc, &|_| None)
    }

    /// [`Patch::apply`] to a document that holds values of these types: sums are written as a read
    /// has them.
    ///
    /// # Errors
    /// Also `BAD_VALUE` for a sum that its place cannot hold.
    pub(super) fn apply_as(&self, doc: &str, types: Types<'_>) -> Result<String> {
        let changed = rewrite(Some(doc), &self.0, &mut Vec::new(), types)?;
        let changed = changed.unwrap_or_else(|| "{}".into());
        check_depth(&changed)?;
        Ok(changed)
    }
}

/// The type that a value at a path is declared to have.
type Types<'t> = &'t dyn Fn(&[Step]) -> Option<ColumnType>;

/// What `raw` becomes; `None` when it is not there afterwards.
fn rewrite(
    raw: Option<&str>,
    node: &Node,
    at: &mut Vec<Step>,
    types: Types<'_>,
) -> Result<Option<String>> {
    if let Some(change) = &node.change {
        return change.of(raw, at, types);
    }
    let null = raw.filter(|raw| *raw == "null").map(String::from);
    let raw = raw.filter(|raw| *raw != "null");
    match raw.map(|raw| raw.as_bytes().first()) {
        // a null that nothing is put into stays
        None if node.indexes.is_empty() => object(None, node, at, types).map(|made| made.or(null)),
        None => array(None, node, at, types).map(|made| made.or(null)),
        Some(Some(b'{')) => object(raw, node, at, types),
        Some(Some(b'[')) => array(raw, node, at, types),
        Some(_) => Err(in_the_way(at, raw, "an object or an array")),
    }
}

fn object(
    raw: Option<&str>,
    node: &Node,
    at: &mut Vec<Step>,
    types: Types<'_>,
) -> Result<Option<String>> {
    if !node.indexes.is_empty() {
        return Err(in_the_way(at, raw.or(Some("{}")), "an array"));
    }
    // one value, of which a part or more would be none
    if !at.is_empty() && raw.is_some_and(is_tagged) {
        return Err(in_the_way(at, raw, "an object"));
    }
    let before = raw.map(fields).transpose()?.unwrap_or_default();
    let mut out = String::from("{");
    let mut met = BTreeSet::new();
    for field in &before {
        let Some((name, child)) = node.keys.get_key_value(field.key.as_ref()) else {
            write_key(&mut out, &field.key);
            out.push_str(field.raw);
            continue;
        };
        met.insert(name);
        at.push(Step::Key(name.clone()));
        if let Some(value) = rewrite(Some(field.raw), child, at, types)? {
            write_key(&mut out, &field.key);
            out.push_str(&value);
        }
        at.pop();
    }
    for (name, child) in node.keys.iter().filter(|(name, _)| !met.contains(name)) {
        at.push(Step::Key(name.clone()));
        if let Some(value) = rewrite(None, child, at, types)? {
            write_key(&mut out, name);
            out.push_str(&value);
        }
        at.pop();
    }
    // nothing is made on the way to something that is taken away
    let nothing = raw.is_none() && out.len() == 1;
    out.push('}');
    Ok((!nothing).then_some(out))
}

fn array(
    raw: Option<&str>,
    node: &Node,
    at: &mut Vec<Step>,
    types: Types<'_>,
) -> Result<Option<String>> {
    if !node.keys.is_empty() {
        return Err(in_the_way(at, raw.or(Some("[]")), "an object"));
    }
    let before = raw.map(elements).transpose()?.unwrap_or_default();
    let mut out = String::from("[");
    let mut length = 0;
    let mut push = |value: &str| {
        if length > 0 {
            out.push(',');
        }
        out.push_str(value);
        length += 1;
    };
    for (i, value) in before.iter().enumerate() {
        let Some(child) = node.indexes.get(&i) else {
            push(value);
            continue;
        };
        at.push(Step::Index(i));
        // the others keep their places
        push(rewrite(Some(value), child, at, types)?.as_deref().unwrap_or("null"));
        at.pop();
    }
    let mut end = before.len();
    for (i, child) in node.indexes.range(before.len()..) {
        at.push(Step::Index(*i));
        if let Some(value) = rewrite(None, child, at, types)? {
            if *i != end {
                let path = path::written(at);
                return Err(Error::BadValue(format!(
                    "'{path}' is beyond the array's end, which is {end}"
                )));
            }
            push(&value);
            end += 1;
        }
        at.pop();
    }
    let nothing = raw.is_none() && end == 0;
    out.push(']');
    Ok((!nothing).then_some(out))
}

impl Change {
    fn of(&self, raw: Option<&str>, at: &[Step], types: Types<'_>) -> Result<Option<String>> {
        let raw = raw.filter(|raw| *raw != "null");
        Ok(Some(match self {
            Change::Unset => return Ok(None),
            Change::Set(value) => value.clone(),
            Change::Push(value) => match raw {
                None => format!("[{value}]"),
                Some(list) if list.starts_with('[') => {
                    let inner = list[1..list.len() - 1].trim();
                    if inner.is_empty() {
                        format!("[{value}]")
                    } else {
                        format!("[{inner},{value}]")
                    }
                }
                Some(_) => return Err(in_the_way(at, raw, "an array")),
            },
            Change::Inc(by) => {
                let read =
                    |raw| Number::read(raw).ok_or_else(|| in_the_way(at, Some(raw), "a number"));
                let (old, by_number) = (raw.map_or(Ok(Number::Integer(0)), read)?, read(by)?);
                let sum = old.plus(by_number).ok_or_else(|| beyond(at, "64 bits"))?;
                let big = (raw.is_some_and(is_tagged), is_tagged(by));
                sum.write(types(at), big).ok_or_else(|| beyond(at, "its place can hold"))?
            }
        }))
    }
}

/// Whether an object is how bytes or a BigInt are kept.
fn is_tagged(raw: &str) -> bool {
    tagged::bytes(raw).is_some() || tagged::bigint(raw).is_some()
}

fn in_the_way(at: &[Step], raw: Option<&str>, wanted: &str) -> Error {
    let found = match raw.and_then(|raw| raw.as_bytes().first()) {
        Some(b'{') if raw.is_some_and(|raw| tagged::bytes(raw).is_some()) => "bytes",
        Some(b'{') if raw.is_some_and(is_tagged) => "a BigInt",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'-' | b'0'..=b'9') => "a number",
        _ => "nothing",
    };
    Error::BadValue(format!("patch: '{}' is {found}, not {wanted}", path::written(at)))
}

fn beyond(at: &[Step], what: &str) -> Error {
    Error::BadValue(format!("$inc '{}': the sum is more than {what}", path::written(at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn patched(doc: &str, patch: &str) -> Result<String> {
        Patch::parse(patch)?.apply(doc)
    }

    #[test]
    fn what_is_not_touched_keeps_its_text() {
        let doc = r#"{"n":1.10,"big":123456789012345678901234567890,"a":{"x":1e2,"y":[1, 2]}}"#;
        let now = patched(doc, r#"{"$set":{"a.y[1]":"z"},"$unset":["gone.deep"]}"#).unwrap();
        assert_eq!(
            now,
            r#"{"n":1.10,"big":123456789012345678901234567890,"a":{"x":1e2,"y":[1,"z"]}}"#
        );
    }

    #[test]
    fn what_is_missing_on_the_way_is_made() {
        let now = patched("{}", r#"{"$set":{"a.b[0].c":1},"$inc":{"n.m":2},"$push":{"p.q":"x"}}"#)
            .unwrap();
        assert_eq!(now, r#"{"a":{"b":[{"c":1}]},"n":{"m":2},"p":{"q":["x"]}}"#);
        assert_eq!(patched(r#"{"a":null}"#, r#"{"$set":{"a.b":1}}"#).unwrap(), r#"{"a":{"b":1}}"#);
        assert_eq!(
            patched(r#"{"a":[1,2]}"#, r#"{"$unset":["a[0]"]}"#).unwrap(),
            r#"{"a":[null,2]}"#
        );
        assert_eq!(
            patched(r#"{"a":null}"#, r#"{"$unset":["a.b","a.c[0]"]}"#).unwrap(),
            r#"{"a":null}"#
        );
        assert_eq!(patched(r#"{"a":[ ]}"#, r#"{"$push":{"a":[1]}}"#).unwrap(), r#"{"a":[[1]]}"#);
    }

    #[test]
    fn sums_are_exact_while_they_can_be() {
        let inc = |doc: &str, by: &str| patched(doc, &format!(r#"{{"$inc":{{"n":{by}}}}}"#));
        assert_eq!(inc(r#"{"n":9007199254740993}"#, "1").unwrap(), r#"{"n":9007199254740994}"#);
        assert_eq!(inc(r#"{"n":0.5}"#, "0.5").unwrap(), r#"{"n":1}"#);
        assert_eq!(inc(r#"{"n":1}"#, r#"{"$bigint":"2"}"#).unwrap(), r#"{"n":3}"#);
        assert_eq!(inc("{}", r#"{"$bigint":"2"}"#).unwrap(), r#"{"n":2}"#);
        let beyond =
            inc(r#"{"n":1}"#, r#"{"$bigint":"9007199254740991"}"#).unwrap_err().to_string();
        assert!(beyond.contains("'n': the sum is more than its place can hold"), "{beyond}");
        assert_eq!(inc(r#"{"n":{"$bigint":"5"}}"#, "-7").unwrap(), r#"{"n":{"$bigint":"-2"}}"#);
        assert!(
            inc(r#"{"n":9223372036854775807}"#, "1").unwrap_err().to_string().contains("64 bits")
        );
        assert!(
            inc(r#"{"n":"x"}"#, "1")
                .unwrap_err()
                .to_string()
                .contains("'n' is a string, not a number")
        );
        assert_eq!(inc("{}", "\"1\"").unwrap_err().code(), "BAD_VALUE");
    }

    #[test]
    fn changes_that_meet_and_things_in_the_way_are_refused() {
        let refused = |doc: &str, patch: &str| patched(doc, patch).unwrap_err().to_string();
        assert!(refused("{}", r#"{"$set":{"a":1},"$inc":{"a":1}}"#).contains("meet at 'a'"));
        assert!(refused("{}", r#"{"$set":{"a.b":1,"a":1}}"#).contains("meet at 'a.b'"));
        assert!(refused("{}", r#"{"$set":{"a.b":1},"$unset":["a"]}"#).contains("meet at 'a'"));
        assert!(refused(r#"{"a":"x"}"#, r#"{"$set":{"a.b":1}}"#).contains("'a' is a string"));
        assert!(
            refused(r#"{"a":[]}"#, r#"{"$set":{"a.b":1}}"#)
                .contains("'a' is an array, not an object")
        );
        assert!(
            refused(r#"{"a":{}}"#, r#"{"$set":{"a[0]":1}}"#)
                .contains("'a' is an object, not an array")
        );
        assert!(
            refused(r#"{"a":[1]}"#, r#"{"$set":{"a[2]":1}}"#).contains("beyond the array's end")
        );
        for (tag, what) in [(r#"{"$bytes":"AQI="}"#, "bytes"), (r#"{"$bigint":"5"}"#, "a BigInt")] {
            let doc = format!(r#"{{"a":[{tag}],"$bigint":"5"}}"#);
            for at in ["a[0].x", "a[0].$bytes", "a[0].$bigint", "a[0].$bytes.x"] {
                for op in [
                    format!(r#"{{"$set":{{"{at}":"AQ=="}}}}"#),
                    format!(r#"{{"$unset":["{at}"]}}"#),
                ] {
                    assert!(
                        refused(&doc, &op).contains(&format!("'a[0]' is {what}, not")),
                        "{doc} {op}"
                    );
                }
            }
            assert!(
                refused(&doc, r#"{"$push":{"a[0]":1}}"#)
                    .contains(&format!("is {what}, not an array"))
            );
            assert!(patched(&doc, r#"{"$set":{"a[0]":1,"$bigint":"6"}}"#).is_ok());
        }
        // an object of the application that has more in it, or something else, is one
        for doc in
            [r#"{"a":{"$bytes":"AQI=","n":1}}"#, r#"{"a":{"$bigint":"five"}}"#, r#"{"a":{}}"#]
        {
            assert!(patched(doc, r#"{"$set":{"a.x":1}}"#).is_ok(), "{doc}");
        }
        assert!(refused("{}", r#"{"$rename":{}}"#).contains("$rename"));
        let deep = format!(r#"{{"$set":{{"a":{}1{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(patched("{}", &deep).unwrap_err().code(), "TOO_LARGE");
    }
}
