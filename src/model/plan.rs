//! SQLite's plan for a search, in words, and a warning when it reads a large table from end to end.

use serde::Serialize;

use super::cursor::hash;
use super::expression::Sql;
use super::query::run;
use super::search::{Node, Op, Search};
use super::select::Select;
use super::table::Model;
use crate::error::Result;
use crate::sql::Conn;

/// Tables with more rows are worth an index.
const LARGE: i64 = 10_000;
/// Statements whose plan is remembered.
const REMEMBERED: usize = 500;

/// SQLite's plan for a search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The statement.
    pub sql: String,
    /// SQLite's plan, a step a line.
    pub plan: Vec<String>,
    /// The indexes it uses.
    pub indexes: Vec<String>,
    /// Whether it reads the model's table from end to end.
    pub scans: bool,
}

impl Model {
    /// The plan by which SQLite would search.
    pub fn explain(&self, conn: &Conn, search: &Search) -> Result<Explained> {
        let select = Select::new(self, search)?;
        let limit = select.limit.map(|n| n.saturating_add(1));
        let statement = select.statement(select.parts()[0], limit)?;
        let plan = lines(conn, &statement)?;
        let indexes = plan.iter().filter_map(|line| index(line)).map(String::from).collect();
        let scans = plan.iter().any(|line| is_scan(line));
        Ok(Explained { sql: statement.text, plan, indexes, scans })
    }

    /// [`Model::scan_warning`], kept for [`Model::take_warning`]: a figure has no room for it.
    pub(super) fn note_scan(&self, conn: &Conn, search: &Search, made: &Sql) -> Result<()> {
        if let Some(warning) = self.scan_warning(conn, search, made)? {
            *self.scans.untold.borrow_mut() = Some(warning);
        }
        Ok(())
    }

    /// The warning of a count or a figure, once.
    pub fn take_warning(&self) -> Option<String> {
        self.scans.untold.borrow_mut().take()
    }

    /// The warning for the developer about a search that was just made, once for each set of
    /// columns. A statement's plan is looked up once, and only if a column without an index is in
    /// it; the table's size only if it is read from end to end.
    pub(super) fn scan_warning(
        &self,
        conn: &Conn,
        search: &Search,
        made: &Sql,
    ) -> Result<Option<String>> {
        let text = hash(std::iter::once(made.text.as_str()));
        let known = self.scans.known.borrow().get(&text).copied();
        if known == Some(false) {
            return Ok(None);
        }
        let mut columns = Vec::new();
        if let Some(node) = &search.condition {
            named(node, &mut columns);
        }
        if columns.is_empty() {
            columns.extend(search.sort.iter().map(|(name, _)| name.clone()));
        }
        columns.sort();
        columns.dedup();
        // with an index on each, SQLite has reasons of its own
        let without = self.without_index(&columns);
        if known.is_none() {
            let mut known = self.scans.known.borrow_mut();
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(text, without.is_some() && scans(conn, search, made));
        }
        let scans = self.scans.known.borrow().get(&text) == Some(&true);
        let Some(column) = without.filter(|_| scans) else { return Ok(None) };
        if self.scans.warned.borrow().contains(&columns) {
            return Ok(None);
        }
        // the largest is found at once; that it is large says nothing where applications give the
        // ids
        let figure = |what| {
            let sql = format!("SELECT {what} AS rows FROM {}", self.table);
            conn.one(&sql, &[], |row| row.opt_int(0)).map(|found| found.flatten().unwrap_or(0))
        };
        if figure("max(rowid)")? <= LARGE {
            return Ok(None);
        }
        let rows = figure("count(*)")?;
        if rows <= LARGE {
            return Ok(None);
        }
        let (name, by) = (&self.definition.name, columns.join(", "));
        let warning = format!(
            "{name}: a search by {by} reads all of {rows} rows: declare an index on '{column}'"
        );
        self.scans.warned.borrow_mut().push(columns);
        Ok(Some(warning))
    }

    /// The first of the columns that has no index.
    fn without_index<'c>(&self, columns: &'c [String]) -> Option<&'c String> {
        let definition = &self.definition;
        let has_index = |name: &String| {
            let single = definition.data_columns().any(|c| c.name == *name && c.index.is_some());
            let compound = definition.indexes.iter().any(|i| i.columns.first() == Some(name));
            *name == definition.id_col || single || compound
        };
        columns.iter().find(|name| !has_index(name))
    }
}

/// Whether a search reads the whole table, and was not asked to.
fn scans(conn: &Conn, search: &Search, made: &Sql) -> bool {
    // a host that explains nothing must not fail a search
    let plan = lines(conn, made).unwrap_or_default();
    let filters = search.condition.is_some();
    // without conditions a scan is what was asked for, unless most of it is sorted to be thrown
    // away
    let sorts = search.limit.is_some() && plan.iter().any(|l| l == "USE TEMP B-TREE FOR ORDER BY");
    (filters || sorts) && plan.iter().any(|line| is_scan(line))
}

/// The plan, a step a line.
fn lines(conn: &Conn, statement: &Sql) -> Result<Vec<String>> {
    let explain = Sql {
        text: format!("EXPLAIN QUERY PLAN {}", statement.text),
        values: statement.values.clone(),
    };
    run(&explain, |params| {
        conn.guarded(|| conn.all(&explain.text, params, |row| Ok(row.text(3)?.to_string())))
    })
}

fn is_scan(line: &str) -> bool {
    line == "SCAN tbl" || line.starts_with("SCAN tbl ")
}

/// The index a step uses.
fn index(line: &str) -> Option<&str> {
    let (_, after) = line.split_once(" INDEX ").filter(|_| !line.contains("AUTOMATIC"))?;
    let virtual_table = line.contains("VIRTUAL TABLE");
    let end = after.rfind(" (").unwrap_or(after.len());
    (!virtual_table).then(|| &after[..end])
}

/// The columns that conditions name.
fn named(node: &Node, out: &mut Vec<String>) {
    match node {
        Node::And(list) | Node::Or(list) => list.iter().for_each(|node| named(node, out)),
        Node::Not(node) => named(node, out),
        Node::Match(_) | Node::Raw(..) | Node::Col(_, Op::Match, _) => {}
        Node::Col(name, _, _) => out.push(name.clone()),
    }
}
