//! A search as JavaScript sends it: conditions as a tree, order, paging. Parsed and bounded here,
//! compiled elsewhere.
//!
//! Trees come from the class API, which builds them from the user's attributes; `raw` nodes are the
//! developer's own SQL.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// The most nodes one inside another.
pub const MAX_DEPTH: usize = 50;
/// The most nodes of a search.
pub const MAX_NODES: usize = 1000;
/// The most columns to sort by.
const MAX_SORT: usize = 64;

/// A search. In JSON: `{where?: Node, sort?: [[column, descending]], limit?, offset?, cursor?,
/// noTotal?, noCursor?, …}`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Search {
    /// The condition that must be true of a row.
    #[serde(rename = "where")]
    pub condition: Option<Node>,
    /// Columns to sort by, the id always last; true means descending.
    pub sort: Vec<(String, bool)>,
    /// The most documents to give.
    pub limit: Option<u64>,
    /// Documents to pass over first.
    pub offset: Option<u64>,
    /// Where an earlier search of the same order stopped.
    pub cursor: Option<String>,
    /// The cursor of the last document to give.
    pub until: Option<String>,
    /// Begin at the end: the last `limit` documents, in order.
    pub from_end: bool,
    /// Don't count the matches beyond the limit.
    pub no_total: bool,
    /// Give no cursors.
    pub no_cursor: bool,
    /// Rows that are the same count once.
    pub distinct: bool,
    /// The columns to select instead of documents: declared ones or SQL.
    pub cols: Option<Vec<String>>,
    /// SQL after `FROM table tbl`.
    pub join: Option<String>,
    /// Values of `join`'s parameters.
    pub join_vals: Vec<Box<RawValue>>,
    /// Every `$match` must have something to find: it says what is written.
    pub strict: bool,
    /// Excerpts around what `$match` found, by column; beginnings where there is none.
    pub snippet: std::collections::BTreeMap<String, Snippet>,
}

/// The options of FTS5 for an excerpt.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Snippet {
    /// Text before each hit.
    pub before: String,
    /// Text after each hit.
    pub after: String,
    /// Text where something was left out.
    pub ellipsis: String,
    /// Its length in tokens, up to 64.
    pub tokens: u8,
}

impl Default for Snippet {
    fn default() -> Self {
        Snippet { before: String::new(), after: String::new(), ellipsis: "…".into(), tokens: 16 }
    }
}

/// A condition. In JSON an array whose first item names its kind.
#[derive(Debug)]
pub enum Node {
    /// `["and", [Node…]]`: all of them; true when there is none.
    And(Vec<Node>),
    /// `["or", [Node…]]`: one of them; false when there is none.
    Or(Vec<Node>),
    /// `["not", Node]`: whatever is not true of it.
    Not(Box<Node>),
    /// `["col", name, op, value]`.
    Col(String, Op, Box<RawValue>),
    /// `["match", value]`: full-text search in all columns that have it.
    Match(Box<RawValue>),
    /// `["raw", sql, [value…]]`: the developer's own.
    Raw(String, Vec<Box<RawValue>>),
}

/// The operators that may be asked of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the table is in the guide; condition.rs says what each becomes
pub enum Op {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
    Like,
    Glob,
    Between,
    Exists,
    Null,
    Contains,
    ContainsAll,
    ContainsAny,
    Match,
    Text,
}

const OPS: [(&str, Op); 18] = [
    ("$eq", Op::Eq),
    ("$ne", Op::Ne),
    ("$gt", Op::Gt),
    ("$gte", Op::Gte),
    ("$lt", Op::Lt),
    ("$lte", Op::Lte),
    ("$in", Op::In),
    ("$nin", Op::Nin),
    ("$like", Op::Like),
    ("$glob", Op::Glob),
    ("$between", Op::Between),
    ("$exists", Op::Exists),
    ("$null", Op::Null),
    ("$contains", Op::Contains),
    ("$containsAll", Op::ContainsAll),
    ("$containsAny", Op::ContainsAny),
    ("$match", Op::Match),
    ("$text", Op::Text),
];

impl Op {
    /// Its name with the `$`.
    pub fn name(self) -> &'static str {
        OPS.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| name)
    }

    fn parse(name: &str) -> Option<Op> {
        OPS.iter().find(|(known, _)| *known == name).map(|(_, op)| *op)
    }
}

impl Search {
    /// Reads a search and checks that it is neither too deep nor too large.
    ///
    /// # Errors
    /// `BAD_VALUE` for what is not a search, `TOO_LARGE` for more than [`MAX_NODES`] or
    /// [`MAX_DEPTH`].
    pub fn parse(json: &str) -> Result<Search> {
        let search: Search =
            serde_json::from_str(json).map_err(|e| Error::BadValue(format!("search: {e}")))?;
        if let Some(node) = &search.condition {
            let mut nodes = 0;
            let depth = node.measure(&mut nodes);
            too_large("the nesting of the search", depth, MAX_DEPTH, "conditions")?;
            too_large("the search", nodes, MAX_NODES, "conditions")?;
        }
        too_large("the order", search.sort.len(), MAX_SORT, "columns")?;
        Ok(search)
    }
}

fn too_large(what: &'static str, size: usize, limit: usize, unit: &'static str) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    Err(Error::TooLarge { what, size: size as u64, limit: limit as u64, unit })
}

impl Node {
    /// Its depth; adds its size to `nodes`. The JSON parser allows 127 levels, so this ends.
    fn measure(&self, nodes: &mut usize) -> usize {
        *nodes += 1;
        let below = match self {
            Node::And(list) | Node::Or(list) => {
                list.iter().map(|n| n.measure(nodes)).max().unwrap_or(0)
            }
            Node::Not(node) => node.measure(nodes),
            _ => 0,
        };
        below + 1
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition such as [\"col\", name, op, value]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let kind: String = next(&mut seq)?;
        let node = match kind.as_str() {
            "and" => Node::And(next(&mut seq)?),
            "or" => Node::Or(next(&mut seq)?),
            "not" => Node::Not(Box::new(next(&mut seq)?)),
            "match" => Node::Match(next(&mut seq)?),
            "raw" => Node::Raw(next(&mut seq)?, next(&mut seq)?),
            "col" => {
                let (name, op): (String, String) = (next(&mut seq)?, next(&mut seq)?);
                let op = Op::parse(&op).ok_or_else(|| {
                    let known = OPS.map(|(name, _)| name).join(" ");
                    de::Error::custom(format!("unknown operator '{op}' of {name}: use {known}"))
                })?;
                Node::Col(name, op, next(&mut seq)?)
            }
            other => return Err(de::Error::custom(format!("unknown condition '{other}'"))),
        };
        match seq.next_element::<IgnoredAny>()? {
            None => Ok(node),
            Some(_) => Err(de::Error::custom(format!("a condition '{kind}' with too many items"))),
        }
    }
}

fn next<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(seq: &mut A) -> Result<T, A::Error> {
    seq.next_element()?.ok_or_else(|| de::Error::custom("a condition that ends too early"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn conditions_are_read_whole_and_unknown_ones_refused() {
        let search = Search::parse(
            r#"{"where":["and",[["col","a","$in",[1,2]],["not",["or",[]]],["raw","x = ?",[1]]]]}"#,
        )
        .unwrap();
        let Some(Node::And(list)) = &search.condition else { panic!("{search:?}") };
        assert!(
            matches!(&list[0], Node::Col(name, Op::In, value) if name == "a" && value.get() == "[1,2]")
        );
        for bad in [
            r#"{"where":["col","a","$regex","x"]}"#,
            r#"{"where":["col","a","$eq"]}"#,
            r#"{"where":["xor",[]]}"#,
            r#"{"where":["not",["or",[]],1]}"#,
            r#"{"wher":1}"#,
        ] {
            assert_eq!(Search::parse(bad).unwrap_err().code(), "BAD_VALUE", "{bad}");
        }
    }

    #[test]
    fn too_deep_and_too_many_are_typed_errors() {
        let deep = |n: usize| {
            format!(r#"{{"where":{}["or",[]]{}}}"#, "[\"not\",".repeat(n), "]".repeat(n))
        };
        assert!(Search::parse(&deep(MAX_DEPTH - 1)).is_ok());
        assert_eq!(Search::parse(&deep(MAX_DEPTH)).unwrap_err().code(), "TOO_LARGE");
        assert_eq!(Search::parse(&deep(100_000)).unwrap_err().code(), "BAD_VALUE");
        let wide =
            format!(r#"{{"where":["and",[{}["or",[]]]]}}"#, "[\"or\",[]],".repeat(MAX_NODES));
        assert_eq!(Search::parse(&wide).unwrap_err().code(), "TOO_LARGE");
        let order = format!(r#"{{"sort":[{}["a",true]]}}"#, "[\"a\",true],".repeat(MAX_SORT));
        assert_eq!(Search::parse(&order).unwrap_err().code(), "TOO_LARGE");
    }
}
