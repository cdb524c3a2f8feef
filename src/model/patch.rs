//! Deep changes of a document: `$set`, `$unset`, `$inc` and `$push` at paths, done on its text.
//!
//! All changes are laid out as a tree first, so that no order is needed: a path that two changes
//! meet at is refused. The document is rewritten in rewrite.rs. Knows no tables.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::check_depth;
use super::number::Number;
use super::path::{self, Step};
use super::rewrite::{Change, Node, Types, rewrite};
use crate::error::{Error, Result};

/// Changes of one document. In JSON: `{$set?: {path: value}, $unset?: [path], $inc?: {path:
/// number}, $push?: {path: element}}`.
#[derive(Debug, Default)]
pub struct Patch(Node);

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
        let twice = || {
            Error::BadValue(format!(
                "patch: two changes meet at '{}': change a place once, and nothing below it",
                path::written(steps)
            ))
        };
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
