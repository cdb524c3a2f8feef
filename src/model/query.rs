//! Searches: from declared names and plain values to one SELECT.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::document::scalar;
use super::table::Model;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Value};

/// A search. In JSON: `{attrs?: {column: scalar}, sort?: [[column, descending]], limit?, offset?, noTotal?}`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// Columns and the values they must have; a null is no condition.
    #[serde(default)]
    pub attrs: BTreeMap<String, Box<RawValue>>,
    /// Columns to sort by, the id always last; true means descending.
    #[serde(default)]
    pub sort: Vec<(String, bool)>,
    /// The most documents to give.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Documents to pass over first.
    #[serde(default)]
    pub offset: Option<u64>,
    /// Don't count the matches beyond the limit.
    #[serde(default)]
    pub no_total: bool,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    /// The documents as one JSON array.
    pub items: String,
    /// All matches, whatever the limit; absent when not asked for.
    pub total: Option<i64>,
}

impl Search {
    /// Reads a search.
    pub fn parse(json: &str) -> Result<Search> {
        serde_json::from_str(json).map_err(|e| Error::BadValue(format!("search: {e}")))
    }

    fn conditions(&self, model: &Model) -> Result<(String, Vec<Value>)> {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for (name, raw) in &self.attrs {
            let expression = model.definition.expression(name)?;
            let value = scalar(raw.get(), name)?;
            if value == Value::Null {
                continue;
            }
            sql.push_str(if sql.is_empty() { " WHERE " } else { " AND " });
            // `->>` has no affinity: a number searched in a virtual column meets a number in the JSON
            sql.push_str(&format!("{expression} = ?"));
            values.push(value);
        }
        Ok((sql, values))
    }
}

impl Model {
    /// The documents that match, in order.
    pub fn search(&self, conn: &Conn, search: &Search) -> Result<Found> {
        let (conditions, values) = search.conditions(self)?;
        let mut order = Vec::new();
        for (name, descending) in &search.sort {
            let direction = if *descending { " DESC" } else { "" };
            order.push(format!("{}{direction}", self.definition.expression(name)?));
        }
        if !search.sort.iter().any(|(name, _)| *name == self.definition.id_col) {
            order.push(self.id.clone());
        }
        let mut params: Vec<Param<'_>> = values.iter().map(Value::param).collect();
        let matches = params.clone();
        params.push(Param::Integer(search.limit.map_or(-1, clamp)));
        params.push(Param::Integer(search.offset.map_or(0, clamp)));
        let sql = format!("{}{conditions} ORDER BY {} LIMIT ? OFFSET ?", self.sql.select, order.join(", "));
        let mut items = String::from("[");
        let mut count = 0;
        conn.query(&sql, &params, |row| {
            if count > 0 {
                items.push(',');
            }
            count += 1;
            self.read(row, &mut items)
        })?;
        items.push(']');
        let total = match (search.no_total, search.limit, search.offset) {
            (true, ..) => None,
            (false, None, None | Some(0)) => Some(count),
            _ => Some(self.count_where(conn, &conditions, &matches)?),
        };
        Ok(Found { items, total })
    }

    /// How many documents match.
    pub fn count(&self, conn: &Conn, search: &Search) -> Result<i64> {
        let (conditions, values) = search.conditions(self)?;
        let params: Vec<Param<'_>> = values.iter().map(Value::param).collect();
        self.count_where(conn, &conditions, &params)
    }

    fn count_where(&self, conn: &Conn, conditions: &str, params: &[Param<'_>]) -> Result<i64> {
        let sql = format!("SELECT count(*) FROM {}{conditions}", self.table);
        Ok(conn.one(&sql, params, |r| r.int(0))?.unwrap_or(0))
    }
}

fn clamp(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
