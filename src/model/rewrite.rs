//! Rewriting a document's text by a tree of changes: it is read once, and what is not touched keeps
//! its very text. What the changes are is in patch.rs.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::ColumnType;
use super::document::{elements, fields, write_key};
use super::number::Number;
use super::path::{self, Step};
use super::tagged;
use crate::error::{Error, Result};

/// The changes at a place of a document, and below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) change: Option<Change>,
    pub(super) keys: BTreeMap<String, Node>,
    pub(super) indexes: BTreeMap<usize, Node>,
}

/// The change of a value. Its own values are JSON text.
#[derive(Debug)]
pub(super) enum Change {
    Set(String),
    Unset,
    Inc(String),
    Push(String),
}

/// The type that a value at a path is declared to have.
pub(super) type Types<'t> = &'t dyn Fn(&[Step]) -> Option<ColumnType>;

/// The text that `raw` becomes; `None` when it is not there afterwards.
pub(super) fn rewrite(
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
                    "patch: '{path}' is beyond the array's end: the next item is [{end}]"
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
