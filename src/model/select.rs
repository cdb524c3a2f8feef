//! One search as the parts of a SELECT. Text and values grow together, so that parameters stand in
//! order.

use super::alias;
use super::condition::{bindable, compile};
use super::cursor::{Cursor, Key, Rest, after, hash};
use super::definition::{ColumnType, Definition};
use super::expression::{Sql, Target};
use super::fts::{self, is_match};
use super::search::{Node, Search};
use super::table::Model;
use crate::error::{Error, Result};
use crate::sql::{Value, quote};

/// A search, compiled as far as it does not depend on where it starts.
#[derive(Debug)]
pub(super) struct Select<'s> {
    model: &'s Model,
    pub(super) search: &'s Search,
    /// The selected values: documents or `cols`.
    list: Sql,
    pub(super) shape: Shape<'s>,
    /// `FROM …`
    from: Sql,
    /// ` WHERE …`, or nothing.
    condition: Sql,
    /// The keys of the order, the id last unless rows are made distinct.
    pub(super) keys: Vec<Key>,
    /// The hash of model and order that cursors are bound to.
    pub(super) order: u64,
    pub(super) cursor: Option<Cursor>,
    /// Whether the cursors of the first and the last row are wanted.
    pub(super) with_keys: bool,
    /// Whether rows come in the opposite order.
    pub(super) back: bool,
    pub(super) limit: Option<i64>,
    pub(super) offset: i64,
}

/// The columns of `cols`, and how each is read.
type Cols<'s> = Vec<(&'s str, Form)>;

/// The way from a row to an item.
#[derive(Debug)]
pub(super) struct Shape<'s> {
    /// The columns of `cols`, and how each is read; none for documents.
    pub(super) cols: Option<Cols<'s>>,
    /// Whether the rank follows the keys.
    pub(super) rank: bool,
    /// Columns whose excerpts follow.
    pub(super) snippets: Vec<&'s str>,
    /// The number of columns before the keys.
    pub(super) width: usize,
}

/// The way from a selected column to JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The developer's SQL.
    Raw,
    /// A value of a declared column.
    Plain,
    /// An integer that JavaScript wants as BigInt.
    Big,
    /// JSON text.
    Json,
    /// `true` or nothing.
    True,
}

impl<'s> Select<'s> {
    pub(super) fn new(model: &'s Model, search: &'s Search) -> Result<Select<'s>> {
        let definition = &model.definition;
        let all = fts::matches(search.condition.as_ref());
        let by_rank = search.sort.iter().any(|(name, _)| name == "$rank");
        if by_rank && all.is_empty() {
            return Err(Error::BadValue(
                "sort: $rank needs a $match that every row must meet".into(),
            ));
        }
        let ranked = match by_rank || !search.snippet.is_empty() {
            true => fts::combined(definition, &all)?,
            false => None,
        };
        let (list, cols) = list(model, search)?;
        let width = cols.as_ref().map_or(model.sql.width, Vec::len);
        if let Some(node) = search.condition.as_ref().filter(|_| search.strict) {
            fts::all_find_something(definition, node)?;
        }
        let snippets = search.snippet.keys().map(String::as_str).collect();
        let shape = Shape { cols, rank: ranked.is_some(), snippets, width };
        let (from, mut condition) = (from(model, search, ranked.is_some())?, Sql::default());
        if let Some(query) = &ranked {
            let table = quote(&fts::table(definition));
            condition.push(&format!(" WHERE fts.{table} MATCH ")).bind(Value::Text(query.clone()));
        }
        let nodes = conjuncts(search.condition.as_ref());
        for node in nodes.filter(|n| ranked.is_none() || !is_match(n)) {
            condition.push(if condition.text.is_empty() { " WHERE " } else { " AND " });
            compile(definition, node, &mut condition)?;
        }
        let keys = keys(model, search, ranked.is_some())?;
        let named: Vec<String> =
            search.sort.iter().map(|(name, desc)| stamp(definition, name, *desc)).collect();
        let id = stamp(definition, &definition.id_col, false);
        let parts = [&definition.name, &id].into_iter().chain(&named);
        let order = hash(parts.map(String::as_str));
        let cursor = search
            .cursor
            .as_deref()
            .map(|text| Cursor::read(text, order, keys.len()))
            .transpose()?;
        if search.distinct && (cursor.is_some() || search.until.is_some()) {
            return Err(Error::BadValue(
                "distinct rows have no cursors: use limit and offset".into(),
            ));
        }
        let limit = search.limit.filter(|n| *n > 0).map(clamp);
        let back = search.from_end || cursor.as_ref().is_some_and(|c| c.back);
        let with_keys = limit.is_some() && !search.no_cursor && !search.distinct;
        let offset = search.offset.map_or(0, clamp);
        Ok(Select {
            model,
            search,
            list,
            shape,
            from,
            condition,
            keys,
            order,
            cursor,
            with_keys,
            back,
            limit,
            offset,
        })
    }

    /// Whether rows of other tables stand next to the model's.
    pub(super) fn joins(&self) -> bool {
        self.search.join.is_some()
    }

    /// The searches whose rows, one after the other, are the page.
    pub(super) fn parts(&self) -> &'static [Rest] {
        let falling = self.keys.first().is_some_and(|key| key.descending != self.back);
        let value = self.cursor.as_ref().and_then(|c| c.values.first());
        match value {
            Some(value)
                if falling && self.keys.len() > 1 && *value != Value::Null && self.offset == 0 =>
            {
                &[Rest::NoNulls, Rest::Nulls]
            }
            _ => &[Rest::All],
        }
    }

    /// The statement for a part of the rows, at most `limit` of them.
    pub(super) fn statement(&self, rest: Rest, limit: Option<i64>) -> Result<Sql> {
        let mut out = Sql::default();
        out.push(if self.search.distinct { "SELECT DISTINCT " } else { "SELECT " }).add(&self.list);
        if self.with_keys {
            for (i, key) in self.keys.iter().enumerate() {
                out.push(", ").add(&key.sql).push(&format!(" AS \"{}\"", alias::sort_value(i)));
            }
        }
        if self.shape.rank {
            out.push(&format!(", fts.rank AS \"{}\"", alias::RANK));
        }
        for (i, name) in self.shape.snippets.iter().enumerate() {
            out.push(", ");
            let (definition, options) = (&self.model.definition, &self.search.snippet[*name]);
            fts::snippet(definition, name, options, self.shape.rank, &mut out)?;
            out.push(&format!(" AS \"{}\"", alias::excerpt(i)));
        }
        out.add(&self.from);
        self.filter(rest, &mut out)?;
        self.sort(&mut out);
        // a LIMIT, whatever it is, has SQLite sort by inserting into a b-tree and prefer an index:
        // right for a whole table, slower than sorting some rows that a condition has found
        if limit.is_some() || self.offset > 0 || self.condition.text.is_empty() {
            out.push(" LIMIT ").bind(Value::Integer(limit.unwrap_or(-1)));
            out.push(" OFFSET ").bind(Value::Integer(self.offset));
        }
        Ok(out)
    }

    /// The statement that counts all matches, wherever the page begins.
    pub(super) fn total(&self) -> Sql {
        let mut out = Sql::default();
        if self.search.distinct {
            out.push("SELECT count(*) FROM (SELECT DISTINCT ").add(&self.list);
        } else {
            out.push("SELECT count(*)");
        }
        out.add(&self.from).add(&self.condition);
        if self.search.distinct {
            out.push(")");
        }
        out
    }

    /// `SELECT what FROM … WHERE …` with the rows after the cursor, if there is one, and `more` in
    /// the condition.
    pub(super) fn figure(&self, what: &Sql, more: Option<&Sql>) -> Result<Sql> {
        let mut out = Sql::default();
        out.push("SELECT ").add(what).add(&self.from);
        self.filter(Rest::All, &mut out)?;
        if let Some(more) = more {
            let bare = self.condition.text.is_empty()
                && self.cursor.is_none()
                && self.search.until.is_none();
            out.push(if bare { " WHERE " } else { " AND " }).add(more);
        }
        Ok(out)
    }

    fn filter(&self, rest: Rest, out: &mut Sql) -> Result<()> {
        out.add(&self.condition);
        let mut with = if self.condition.text.is_empty() { " WHERE " } else { " AND " };
        if let Some(cursor) = &self.cursor {
            out.push(with);
            after(&self.keys, &cursor.values, cursor.back, rest, out);
            with = " AND ";
        }
        if let Some(until) = &self.search.until {
            let until = Cursor::read(until, self.order, self.keys.len())?;
            out.push(with).push("(");
            after(&self.keys, &until.values, false, Rest::All, out);
            out.push(") IS NOT TRUE");
        }
        Ok(())
    }

    fn sort(&self, out: &mut Sql) {
        // all that match are sorted in the end: walking the whole table by its ids would spare that
        // and cost more
        let filtered =
            !self.condition.text.is_empty() && self.limit.is_none() && self.search.sort.is_empty();
        for (i, key) in self.keys.iter().enumerate() {
            out.push(if i == 0 { " ORDER BY " } else { ", " }).push(if filtered {
                "+"
            } else {
                ""
            });
            out.add(&key.sql);
            out.push(if key.descending != self.back { " DESC" } else { "" });
        }
    }
}

fn list<'s>(model: &Model, search: &'s Search) -> Result<(Sql, Option<Cols<'s>>)> {
    let mut out = Sql::default();
    let Some(cols) = &search.cols else {
        out.push(&model.sql.list);
        return Ok((out, None));
    };
    if cols.is_empty() {
        return Err(Error::BadValue("cols is empty: name a column".into()));
    }
    let mut forms = Vec::with_capacity(cols.len());
    for name in cols {
        out.push(if forms.is_empty() { "" } else { ", " });
        let form = match Target::find(&model.definition, name) {
            Ok(target) => {
                target.selected(&mut out);
                form(&target)
            }
            // whatever is no column is the developer's SQL
            Err(Error::UnknownColumn { .. }) => {
                out.push(name);
                Form::Raw
            }
            Err(error) => return Err(error),
        };
        let given = alias_of(name).filter(|_| form == Form::Raw);
        if given.is_none() {
            // a host's rows are objects: each column needs a name of its own
            out.push(&format!(" AS \"_c{}\"", forms.len()));
        }
        forms.push((given.unwrap_or(name), form));
    }
    Ok((out, Some(forms)))
}

/// `n` of `count(*) AS n`.
fn alias_of(sql: &str) -> Option<&str> {
    let (before, name) = sql.trim_end().rsplit_once(char::is_whitespace)?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let before = before.trim_end();
    let (expression, word) = before.split_at_checked(before.len().checked_sub(2)?)?;
    let is_as = word.eq_ignore_ascii_case("as")
        && expression.ends_with(|c: char| c.is_whitespace() || c == ')');
    (is_name && is_as).then_some(name)
}

fn form(target: &Target<'_>) -> Form {
    if target.is_falsy_bool() {
        return Form::True;
    }
    match target.ty() {
        Some(ColumnType::BigInt) => Form::Big,
        _ if target.selects_json() => Form::Json,
        _ => Form::Plain,
    }
}

fn from(model: &Model, search: &Search, ranked: bool) -> Result<Sql> {
    let mut out = Sql::default();
    out.push(&format!(" FROM {} AS tbl", model.table));
    if ranked {
        let (table, rowid) = (quote(&fts::table(&model.definition)), fts::rowid(&model.definition));
        out.push(&format!(" JOIN {table} AS fts ON fts.rowid = tbl.{rowid}"));
    }
    if let Some(join) = &search.join {
        out.push(" ").push(join);
        for value in &search.join_vals {
            out.values.push(bindable(value, "joinVals")?);
        }
    } else if !search.join_vals.is_empty() {
        return Err(Error::BadValue(
            "joinVals without a join: give the join whose ? they are for, or leave them out".into(),
        ));
    }
    Ok(out)
}

/// The properties of a sort key that a cursor has to know: the place of its values among others
/// follows from them.
fn stamp(definition: &Definition, name: &str, descending: bool) -> String {
    let sign = if descending { '-' } else { '+' };
    let column = Target::find_part(definition, name).ok();
    let kind = column.map(|target| (target.ty(), target.is_falsy_bool(), target.collation()));
    format!("{name}{sign}{kind:?}")
}

fn keys(model: &Model, search: &Search, ranked: bool) -> Result<Vec<Key>> {
    let definition = &model.definition;
    let mut keys = Vec::with_capacity(search.sort.len() + 1);
    for (name, descending) in &search.sort {
        let mut sql = Sql::default();
        match name.as_str() {
            "$rank" if ranked => {
                sql.push("fts.rank");
            }
            // no word was given: all rows are as good
            "$rank" => continue,
            name => Target::find(definition, name)?.value(&mut sql),
        }
        keys.push(Key { sql, descending: *descending });
        // nothing is left to decide after the id
        if *name == definition.id_col && !collated(definition) {
            return Ok(keys);
        }
    }
    if !search.distinct {
        let mut sql = Sql::default();
        sql.push("tbl.").push(&model.id);
        keys.push(Key { sql, descending: false });
    }
    Ok(keys)
}

/// Whether two ids may be the same in the order.
fn collated(definition: &Definition) -> bool {
    definition.columns.iter().any(|c| c.name == definition.id_col && c.collate.is_some())
}

fn conjuncts(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    let list: Vec<&Node> = match node {
        Some(Node::And(list)) => list.iter().collect(),
        Some(node) => vec![node],
        None => Vec::new(),
    };
    list.into_iter()
}

fn clamp(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
