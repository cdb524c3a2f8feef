//! Searches whose statement an application changes: the SELECT as ours would be, and the run of
//! theirs.

use super::alias;
use super::cursor::Rest;
use super::document::write_exact;
use super::expression::Sql;
use super::query::{Found, Page, number, run};
use super::search::Search;
use super::select::Select;
use super::table::Model;
use crate::error::Result;
use crate::sql::{Conn, Value};

/// A SELECT that an application made of [`Model::make_select`]'s, and its values.
#[derive(Debug)]
pub struct OwnSelect {
    /// The statement, and the values of its parameters.
    pub select: (String, Vec<Value>),
    /// Of the statement that counts all matches; none when it was not asked for.
    pub total: Option<(String, Vec<Value>)>,
}

impl Model {
    /// The statement of a search and the one for its total. Sort values are in columns called
    /// [`alias::sort_value`].
    pub fn make_select(&self, search: &Search) -> Result<Made> {
        let select = Select::new(self, search)?;
        let statement = select.statement(Rest::All, select.limit.map(|n| n.saturating_add(1)))?;
        let (total, keys) = (select.total(), if select.with_keys { select.keys.len() } else { 0 });
        Ok(Made {
            select: (statement.text, statement.values),
            aliases: (0..keys).map(alias::sort_value).collect(),
            total: (!search.no_total && !search.no_cursor).then_some((total.text, total.values)),
            back: select.back,
        })
    }

    /// Runs a statement that an application made for a search.
    pub fn search_own(&self, conn: &Conn, search: &Search, own: OwnSelect) -> Result<Found> {
        let select = Select::new(self, search)?;
        let mut page = Page::new(self, &select);
        let statement = Sql { text: own.select.0, values: own.select.1 };
        let mut columns: Option<Vec<usize>> = None;
        run(&statement, |params| {
            conn.guarded(|| {
                conn.query(&statement.text, params, |row| {
                    if columns.is_none() && select.with_keys {
                        let keys = 0..select.keys.len();
                        columns = Some(
                            keys.map(|i| row.index(&alias::sort_value(i)))
                                .collect::<Result<_>>()?,
                        );
                    }
                    page.take(row, Some(columns.as_deref().unwrap_or_default()))
                })
            })
        })?;
        let total = match own.total {
            Some((text, values)) => number(conn, &Sql { text, values })?,
            None => None,
        };
        Ok(Found { total, ..page.done(search) })
    }
}

/// The statements that [`Model::make_select`] made.
#[derive(Debug)]
pub struct Made {
    /// The statement and its values.
    pub select: (String, Vec<Value>),
    /// The columns that cursors are made of.
    pub aliases: Vec<String>,
    /// The statement for the total and its values.
    pub total: Option<(String, Vec<Value>)>,
    /// Whether its rows come in the opposite order.
    pub back: bool,
}

impl Made {
    /// As JSON: `[sql, values, cursorAliases, totalSql, totalValues, invert]`.
    pub fn json(&self) -> Result<String> {
        let values = |list: &[Value]| -> Result<String> {
            let mut out = String::from("[");
            for value in list {
                out.push_str(if out.len() > 1 { "," } else { "" });
                write_exact(&mut out, value)?;
            }
            Ok(out + "]")
        };
        let text = |s: &str| serde_json::to_string(s).unwrap_or_default();
        let aliases = serde_json::to_string(&self.aliases).unwrap_or_default();
        let total = match &self.total {
            Some((sql, list)) => format!("{},{}", text(sql), values(list)?),
            None => "null,[]".into(),
        };
        let (sql, list) = &self.select;
        Ok(format!("[{},{},{aliases},{total},{}]", text(sql), values(list)?, self.back))
    }
}
