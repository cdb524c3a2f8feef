//! Running searches: a page of items with its cursors, counts, whether there is any.

use super::cursor::Cursor;
use super::document::{write_exact, write_key, write_string, write_value};
use super::expression::Sql;
use super::fts;
use super::search::Search;
use super::select::{Form, Select};
use super::table::Model;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Row, Value};

/// The result of a search.
#[derive(Debug, Default)]
pub struct Found {
    /// The documents as one JSON array.
    pub items: String,
    /// All matches, whatever the limit; absent when not asked for.
    pub total: Option<i64>,
    /// Where to go on, absent when nothing comes after.
    pub cursor: Option<String>,
    /// Where to go back from, absent when nothing comes before.
    pub prev_cursor: Option<String>,
    /// A warning for the developer, given once.
    pub warning: Option<String>,
}

impl Found {
    /// As JSON: `{"items": […], "total"?, "cursor"?, "prevCursor"?, "warning"?}`.
    pub fn json(&self) -> String {
        let mut out = format!("{{\"items\":{}", self.items);
        if let Some(total) = self.total {
            out.push_str(&format!(",\"total\":{total}"));
        }
        let texts = [
            ("cursor", &self.cursor),
            ("prevCursor", &self.prev_cursor),
            ("warning", &self.warning),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                write_key(&mut out, key);
                write_string(&mut out, text);
            }
        }
        out.push('}');
        out
    }
}

impl Model {
    /// The documents that match, in order.
    pub fn search(&self, conn: &Conn, search: &Search) -> Result<Found> {
        let select = Select::new(self, search)?;
        let mut page = Page::new(self, &select);
        let mut scanned = None;
        for part in select.parts() {
            let limit = select.limit.map(|limit| limit.saturating_add(1) - page.count as i64);
            let statement = select.statement(*part, limit)?;
            page.read(conn, &statement)?;
            scanned = scanned.or(Some(statement));
            if page.more {
                break;
            }
        }
        let total = match search.no_total || search.no_cursor {
            true => None,
            false
                if search.cursor.is_none()
                    && search.until.is_none()
                    && !page.more
                    && select.offset == 0 =>
            {
                Some(page.count as i64)
            }
            false => number(conn, &select.total())?,
        };
        let warning = match scanned {
            Some(statement) => self.scan_warning(conn, search, &statement)?,
            None => None,
        };
        let found = page.done(search);
        Ok(Found { total, warning: found.warning.clone().or(warning), ..found })
    }

    /// The number of documents that match, of those after the cursor if there is one.
    pub fn count(&self, conn: &Conn, search: &Search) -> Result<i64> {
        let select = Select::new(self, search)?;
        let statement = match search.distinct {
            true => select.total(),
            false => select.figure(&text("count(*)"), None)?,
        };
        let count = number(conn, &statement)?.unwrap_or(0);
        self.note_scan(conn, search, &statement)?;
        Ok(count)
    }

    /// Whether a document matches.
    pub fn any(&self, conn: &Conn, search: &Search) -> Result<bool> {
        let mut statement = Select::new(self, search)?.figure(&text("1"), None)?;
        statement.push(" LIMIT 1");
        let any = number(conn, &statement)?.is_some();
        self.note_scan(conn, search, &statement)?;
        Ok(any)
    }
}

pub(super) fn text(sql: &str) -> Sql {
    Sql { text: sql.into(), values: Vec::new() }
}

pub(super) fn number(conn: &Conn, statement: &Sql) -> Result<Option<i64>> {
    run(statement, |params| conn.guarded(|| conn.one(&statement.text, params, |row| row.int(0))))
}

/// Runs a statement with its values bound. What FTS5 finds wrong with a query of its language is
/// the caller's mistake.
pub(super) fn run<T>(statement: &Sql, work: impl FnOnce(&[Param<'_>]) -> Result<T>) -> Result<T> {
    let params: Vec<Param<'_>> = statement.values.iter().map(Value::param).collect();
    work(&params).map_err(|error| match error {
        Error::Sqlite { code: "SQLITE_ERROR", message, .. }
            if statement.text.contains(" MATCH ?") && is_about_query(&message) =>
        {
            Error::BadValue(format!("$match: {message}"))
        }
        Error::Sqlite { code: "SQLITE_ERROR", message, .. }
            if statement.text.contains(" MATCH ?") && is_full_text_missing(&message) =>
        {
            Error::BadValue(
                "$match in a migration: the full text of the model is made after the migrations, for its columns have changed: use other conditions"
                    .into(),
            )
        }
        error => error,
    })
}

fn is_full_text_missing(message: &str) -> bool {
    message.starts_with("no such table: ") && message.ends_with("_fts")
}

fn is_about_query(message: &str) -> bool {
    ["fts5: ", "unterminated string", "unknown special query", "no such column: "]
        .iter()
        .any(|start| message.starts_with(start))
}

/// The rows of a search, on their way to JSON.
pub(super) struct Page<'s> {
    model: &'s Model,
    select: &'s Select<'s>,
    items: String,
    /// Where each item ends, when their order has to be turned round.
    ends: Vec<usize>,
    count: u64,
    first: Vec<Value>,
    last: Vec<Value>,
    more: bool,
    /// The keys of the row before, where a join may give several rows of a document.
    before: Option<Vec<Value>>,
    /// Whether it did: no cursor can stand between two rows with the same keys.
    multiplied: bool,
}

impl<'s> Page<'s> {
    pub(super) fn new(model: &'s Model, select: &'s Select<'s>) -> Page<'s> {
        let items = String::from("[");
        Page {
            model,
            select,
            items,
            ends: Vec::new(),
            count: 0,
            first: Vec::new(),
            last: Vec::new(),
            more: false,
            before: None,
            multiplied: false,
        }
    }

    fn read(&mut self, conn: &Conn, statement: &Sql) -> Result<()> {
        run(statement, |params| {
            conn.guarded(|| conn.query(&statement.text, params, |row| self.take(row, None)))
        })
    }

    /// `columns` says where the keys are when the statement is not ours.
    pub(super) fn take(&mut self, row: &Row<'_>, columns: Option<&[usize]>) -> Result<()> {
        if self.select.with_keys && self.select.joins() {
            let keys = self.keys(row, columns)?;
            self.multiplied |= self.before.as_ref() == Some(&keys);
            self.before = Some(keys);
        }
        if self.select.limit.is_some_and(|limit| self.count as i64 >= limit) {
            self.more = true;
            return Ok(());
        }
        if self.count > 0 {
            self.items.push(',');
        }
        self.item(row, columns.is_none())?;
        if self.select.back {
            self.ends.push(self.items.len());
        }
        self.count += 1;
        let full = self.select.limit.is_some_and(|limit| self.count as i64 == limit);
        if self.select.with_keys && (self.count == 1 || full) {
            let keys = self.keys(row, columns)?;
            if self.count == 1 {
                self.first.clone_from(&keys);
            }
            if full {
                self.last = keys;
            }
        }
        Ok(())
    }

    fn keys(&self, row: &Row<'_>, columns: Option<&[usize]>) -> Result<Vec<Value>> {
        let width = self.select.shape.width;
        match columns {
            Some(columns) => columns.iter().map(|i| row.value(*i)).collect(),
            None => (0..self.select.keys.len()).map(|i| row.value(width + i)).collect(),
        }
    }

    fn item(&mut self, row: &Row<'_>, ours: bool) -> Result<()> {
        let (shape, out) = (&self.select.shape, &mut self.items);
        match &shape.cols {
            None => self.model.read(row, out)?,
            Some(cols) => {
                out.push('{');
                for (i, (name, form)) in cols.iter().enumerate() {
                    column(out, name, *form, row.value(i)?)?;
                }
                out.push('}');
            }
        }
        if ours && (shape.rank || !shape.snippets.is_empty()) {
            let keys = if self.select.with_keys { self.select.keys.len() } else { 0 };
            extras(out, self.select, row, shape.width + keys)?;
        }
        Ok(())
    }

    pub(super) fn done(self, search: &Search) -> Found {
        let select = self.select;
        let cursor = |values: Vec<Value>, back: bool| Cursor { back, values }.write(select.order);
        let (mut next, mut previous) = (None, None);
        if select.with_keys && self.count > 0 && !self.multiplied {
            if select.back {
                next = Some(cursor(self.first, false));
                previous = self.more.then(|| cursor(self.last, true));
            } else {
                next = self.more.then(|| cursor(self.last, false));
                let begun = search.cursor.is_some() || select.offset > 0;
                previous = begun.then(|| cursor(self.first, true));
            }
        }
        let mut items = self.items;
        if select.back {
            items = reversed(&items, &self.ends);
        }
        items.push(']');
        let warning = self.multiplied.then(|| {
            format!(
                "{}.search: the join gives several rows of a document, so there are no cursors: use offset",
                self.model.definition.name
            )
        });
        Found { warning, items, cursor: next, prev_cursor: previous, ..Found::default() }
    }
}

/// `[a,b,c` as `[c,b,a`.
fn reversed(items: &str, ends: &[usize]) -> String {
    let mut turned = String::with_capacity(items.len() + 1);
    for i in (0..ends.len()).rev() {
        turned.push(if turned.is_empty() { '[' } else { ',' });
        let start = if i == 0 { 1 } else { ends[i - 1] + 1 };
        turned.push_str(&items[start..ends[i]]);
    }
    if turned.is_empty() { String::from("[") } else { turned }
}

fn column(out: &mut String, name: &str, form: Form, value: Value) -> Result<()> {
    write_key(out, name);
    match (form, &value) {
        (_, Value::Null) => out.push_str("null"),
        (Form::True, _) => out.push_str("true"),
        (Form::Json, Value::Text(json)) => out.push_str(json),
        (Form::Big, Value::Integer(i)) => out.push_str(&format!("{{\"$bigint\":\"{i}\"}}")),
        _ => write_exact(out, &value)?,
    }
    Ok(())
}

/// Puts `$rank` and `$snippet` into the item that `out` ends with.
fn extras(out: &mut String, select: &Select<'_>, row: &Row<'_>, mut at: usize) -> Result<()> {
    let shape = &select.shape;
    out.pop();
    if shape.rank {
        write_key(out, "$rank");
        write_value(out, &row.value(at)?, false)?;
        at += 1;
    }
    if !shape.snippets.is_empty() {
        write_key(out, "$snippet");
        out.push('{');
        for (i, name) in shape.snippets.iter().enumerate() {
            write_key(out, name);
            match row.value(at + i)? {
                Value::Text(text) if !shape.rank => {
                    write_string(out, &fts::beginning(&text, &select.search.snippet[*name]));
                }
                Value::Null => write_string(out, ""),
                value => write_value(out, &value, false)?,
            }
        }
        out.push('}');
    }
    out.push('}');
    Ok(())
}
