//! Full-text search: a model's FTS5 table, which takes its text from a view of the model's own and
//! is kept by triggers, and the queries put to it. Who creates and rebuilds it is migrate's
//! business.

use serde::Deserialize;

use super::definition::{Column, Definition};
use super::expression::{Sql, Target, expression};
use super::search::{Node, Op, Snippet};
use crate::error::{Error, Result};
use crate::sql::{Value, quote};

/// The columns with full text, in the order of the FTS5 table.
pub(super) fn columns(definition: &Definition) -> impl Iterator<Item = &Column> {
    definition.columns.iter().filter(|c| c.fts)
}

/// The name of a model's FTS5 table.
pub(super) fn table(definition: &Definition) -> String {
    format!("{}_fts", definition.name)
}

/// The quoted column that is the base table's rowid for good.
pub(super) fn rowid(definition: &Definition) -> String {
    quote(if definition.integer_id() { &definition.id_col } else { "rowId" })
}

/// The DDL a model needs, in order: `(name, kind, sql)`, kind being sqlite_schema's. Empty without
/// full-text columns. After the table is created in a database that has rows, it must be told to
/// `rebuild`.
///
/// A view stands between, because FTS5 reads columns by name and virtual columns are expressions.
/// The triggers see every change: also those of upserts, REPLACE (recursive triggers are on) and
/// changesets.
pub(super) fn schema(definition: &Definition) -> Vec<(String, &'static str, String)> {
    match columns(definition).next() {
        Some(_) => statements(definition),
        None => Vec::new(),
    }
}

#[inline(never)]
fn statements(definition: &Definition) -> Vec<(String, &'static str, String)> {
    let names: Vec<String> = columns(definition).map(|c| quote(&c.name)).collect();
    let of = |row: &str| -> Vec<String> {
        columns(definition)
            .map(|c| match c.name == definition.id_col {
                true => format!("{row}{}", quote(&c.name)),
                false => expression(definition, c, row),
            })
            .collect()
    };
    let (base, fts, rowid, list) =
        (quote(&definition.name), table(definition), rowid(definition), names.join(", "));
    let (index, view) = (quote(&fts), format!("{fts}_rows"));
    let selected: Vec<String> =
        of("").iter().zip(&names).map(|(e, n)| format!("{e} AS {n}")).collect();
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let tokenize = match &definition.tokenize {
        Some(tokenize) => format!(", tokenize = {}", literal(tokenize)),
        None => String::new(),
    };
    let add = format!(
        "INSERT INTO {index}(rowid, {list}) VALUES (new.{rowid}, {});",
        of("new.").join(", ")
    );
    let drop = format!(
        "INSERT INTO {index}({index}, rowid, {list}) VALUES ('delete', old.{rowid}, {});",
        of("old.").join(", ")
    );
    let differs: Vec<String> = std::iter::once((format!("old.{rowid}"), format!("new.{rowid}")))
        .chain(of("old.").into_iter().zip(of("new.")))
        .map(|(old, new)| format!("{old} IS NOT {new}"))
        .collect();
    let trigger = |name: &str, what: &str, body: &str| {
        let name = format!("{fts}_{name}");
        let sql = format!("CREATE TRIGGER {} AFTER {what} BEGIN {body} END", quote(&name));
        (name, "trigger", sql)
    };
    vec![
        (
            view.clone(),
            "view",
            format!(
                "CREATE VIEW {} AS SELECT {rowid} AS docid, {} FROM {base}",
                quote(&view),
                selected.join(", ")
            ),
        ),
        (
            fts.clone(),
            "table",
            format!(
                "CREATE VIRTUAL TABLE {index} USING fts5({list}, content = {}, content_rowid = 'docid'{tokenize})",
                literal(&view)
            ),
        ),
        trigger("insert", &format!("INSERT ON {base}"), &add),
        trigger("delete", &format!("DELETE ON {base}"), &drop),
        trigger(
            "update",
            &format!("UPDATE ON {base} WHEN {}", differs.join(" OR ")),
            &format!("{drop} {add}"),
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    words: Option<String>,
    #[serde(default)]
    prefix: bool,
    #[serde(default)]
    phrase: Option<String>,
    #[serde(default)]
    query: Option<String>,
}

/// The query for FTS5, for one column or all of them; none when no word was given, which is no
/// condition.
///
/// Plain text is safe whatever it holds: each word is quoted, all must be there. `{words, prefix:
/// true}` takes the last one as a beginning, `{phrase}` wants the words in this order, `{query}` is
/// FTS5's own language.
pub(super) fn query(
    definition: &Definition,
    column: Option<&str>,
    raw: &str,
) -> Result<Option<String>> {
    let name = column.unwrap_or("");
    let bad = |why: &str| Error::BadValue(format!("{}.{name}: $match {why}", definition.name));
    let there = columns(definition).any(|c| column.is_none_or(|name| c.name == name));
    if !there {
        return Err(bad(
            "needs full text: declare fts: true on the column; in a migration it is not there yet",
        ));
    }
    let asked = match serde_json::from_str::<String>(raw) {
        Ok(words) => Asked { words: Some(words), prefix: false, phrase: None, query: None },
        Err(_) => serde_json::from_str(raw)
            .map_err(|_| bad("takes text, {words, prefix?}, {phrase} or {query: FTS5 syntax}"))?,
    };
    let quoted = |word: &str| format!("\"{}\"", word.replace('"', "\"\"").replace('\0', " "));
    let is_query = asked.query.is_some();
    let text = match (asked.words, asked.phrase, asked.query) {
        (Some(words), None, None) => {
            let mut terms: Vec<String> = words.split_whitespace().map(quoted).collect();
            if let Some(last) = terms.last_mut().filter(|_| asked.prefix) {
                last.push_str(" *");
            }
            terms.join(" ")
        }
        (None, Some(phrase), None) if !phrase.trim().is_empty() => quoted(&phrase),
        (None, Some(_), None) => String::new(),
        (None, None, Some(query)) if !is_closed(&query) => {
            return Err(bad("has a query whose quotes or parentheses don't close"));
        }
        (None, None, Some(query)) => query,
        _ => return Err(bad("takes one of words, phrase and query")),
    };
    if text.trim().is_empty() || (!is_query && nothing_to_find(definition, &text)) {
        return Ok(None);
    }
    Ok(Some(match column {
        Some(name) => format!("{} : ({text})", quote(name)),
        None => text,
    }))
}

/// Whether a query of FTS5's language ends every quote and parenthesis it begins, and no other. One
/// that does not could leave the parentheses put around it, and with them its column or the
/// conditions beside it.
fn is_closed(query: &str) -> bool {
    let (mut depth, mut quoted) = (0_usize, false);
    for c in query.chars() {
        match c {
            // a doubled quote inside ends a string and begins the next
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => return false,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    depth == 0 && !quoted
}

/// Whether a text has nothing of what the tokenizer takes for words. Not said of tokenizers with
/// characters of their own.
fn nothing_to_find(definition: &Definition, text: &str) -> bool {
    let tokenizer = definition.tokenize.as_deref().unwrap_or_default();
    let own = tokenizer.contains("trigram")
        || tokenizer.contains("tokenchars")
        || tokenizer.contains("categories");
    let private = |c: char| ('\u{e000}'..='\u{f8ff}').contains(&c) || c >= '\u{f0000}';
    !own && !text.chars().any(|c| c.is_alphanumeric() || private(c))
}

pub(super) fn is_match(node: &Node) -> bool {
    matches!(node, Node::Match(_) | Node::Col(_, Op::Match, _))
}

/// The `$match` conditions that must all be true: those that rank and snippets are about.
pub(super) fn matches(node: Option<&Node>) -> Vec<&Node> {
    match node {
        Some(Node::And(list)) => list.iter().filter(|n| is_match(n)).collect(),
        Some(node) => Some(node).into_iter().filter(|n| is_match(n)).collect(),
        None => Vec::new(),
    }
}

/// Refuses a `$match` that is no condition, wherever it is.
pub(super) fn all_find_something(definition: &Definition, node: &Node) -> Result<()> {
    let (name, found) = match node {
        Node::And(list) | Node::Or(list) => {
            return list.iter().try_for_each(|node| all_find_something(definition, node));
        }
        Node::Not(node) => return all_find_something(definition, node),
        Node::Match(value) => (None, query(definition, None, value.get())?),
        Node::Col(name, Op::Match, value) => {
            (Some(name), query(definition, Some(name), value.get())?)
        }
        Node::Col(..) | Node::Raw(..) => return Ok(()),
    };
    match found {
        Some(_) => Ok(()),
        None => Err(Error::BadValue(format!(
            "{}: {}$match is without a word, which is no condition here: leave it out to reach every document",
            definition.name,
            name.map_or(String::new(), |name| format!("{name}."))
        ))),
    }
}

/// Several `$match`es as one query; none when no word was given.
pub(super) fn combined(definition: &Definition, matches: &[&Node]) -> Result<Option<String>> {
    let mut all = Vec::new();
    for node in matches {
        let found = match node {
            Node::Match(value) => query(definition, None, value.get())?,
            Node::Col(name, _, value) => query(definition, Some(name), value.get())?,
            _ => None,
        };
        all.extend(found.map(|query| format!("({query})")));
    }
    Ok((!all.is_empty()).then(|| all.join(" AND ")))
}

/// Adds the excerpt of a column of the FTS5 table: where that is `matched`, as `fts` in the
/// statement, around what it found; else all of the text, for [`beginning`].
pub(super) fn snippet(
    definition: &Definition,
    name: &str,
    options: &Snippet,
    matched: bool,
    out: &mut Sql,
) -> Result<()> {
    let i = columns(definition).position(|c| c.name == name).ok_or_else(|| {
        Error::BadValue(format!(
            "{}.{name}: snippet needs fts: true on the column",
            definition.name
        ))
    })?;
    if !(1..=64).contains(&options.tokens) {
        return Err(Error::BadValue(format!(
            "snippet.{name}.tokens is {}: use 1 to 64",
            options.tokens
        )));
    }
    if !matched {
        out.push("CAST(");
        Target::find(definition, name)?.value(out);
        out.push(" AS TEXT)");
        return Ok(());
    }
    out.push(&format!("snippet(fts.{}, {i}, ", quote(&table(definition))));
    out.bind(Value::Text(options.before.clone())).push(", ");
    out.bind(Value::Text(options.after.clone())).push(", ");
    out.bind(Value::Text(options.ellipsis.clone())).push(&format!(", {})", options.tokens));
    Ok(())
}

/// A text up to the end of its `tokens`th word: the excerpt where nothing was looked for.
pub(super) fn beginning(text: &str, options: &Snippet) -> String {
    let (mut words, mut end, mut inside) = (0, text.len(), false);
    for (i, c) in text.char_indices() {
        let begins = c.is_alphanumeric() && !inside;
        if begins && words == options.tokens {
            return format!("{}{}", &text[..end], options.ellipsis);
        }
        words += u8::from(begins);
        inside = c.is_alphanumeric();
        if inside {
            end = i + c.len_utf8();
        }
    }
    text.to_string()
}
