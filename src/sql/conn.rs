//! One SQLite connection: run statements, read rows. Statements are prepared once and kept.

use std::rc::Rc;

use rusqlite::{Connection, Statement};

use super::value::{Param, Value};
use crate::error::{Error, Result};
use crate::vfs::{StorageError, Vfs};

/// Statements each connection keeps prepared.
const KEPT_STATEMENTS: usize = 128;

/// The values of a statement's parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum Params {
    /// For `?` and `?1`, in order; their number must match.
    Positional(Vec<Value>),
    /// For `:name`, `@name` and `$name`, given with or without the sign; each must be there.
    Named(Vec<(String, Value)>),
}

/// What a statement changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Rows inserted, updated or deleted.
    pub changes: i64,
    /// The rowid of the connection's last insert.
    pub last_id: i64,
}

/// A row under the cursor, valid until the next one.
#[derive(Debug)]
pub struct Row<'a>(&'a rusqlite::Row<'a>);

impl Row<'_> {
    /// The value of column `i`.
    pub fn value(&self, i: usize) -> Result<Value> {
        Ok(Value::read(self.0.get_ref(i)?))
    }

    /// Column `i` as an integer.
    pub fn int(&self, i: usize) -> Result<i64> {
        Ok(self.0.get(i)?)
    }

    /// Column `i` as an integer or NULL.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>> {
        Ok(self.0.get(i)?)
    }

    /// Column `i` as text.
    pub fn text(&self, i: usize) -> Result<&str> {
        self.0.get_ref(i)?.as_str().map_err(|e| Error::BadValue(e.to_string()))
    }

    /// Column `i` as text or NULL.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>> {
        self.0.get_ref(i)?.as_str_or_null().map_err(|e| Error::BadValue(e.to_string()))
    }

    /// Column `i` as bytes.
    pub fn blob(&self, i: usize) -> Result<&[u8]> {
        self.0.get_ref(i)?.as_blob().map_err(|e| Error::BadValue(e.to_string()))
    }

    /// Column `i` as bytes or NULL.
    pub fn opt_blob(&self, i: usize) -> Result<Option<&[u8]>> {
        self.0.get_ref(i)?.as_blob_or_null().map_err(|e| Error::BadValue(e.to_string()))
    }
}

/// A connection. Errors carry SQLite's code and the statement.
#[derive(Debug)]
pub struct Conn {
    pub(super) raw: Connection,
    pub(super) vfs: Rc<Vfs>,
}

impl Conn {
    pub(super) fn new(raw: Connection, vfs: Rc<Vfs>) -> Conn {
        raw.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        Conn { raw, vfs }
    }

    /// Runs one statement that returns no rows of interest.
    pub fn run(&self, sql: &str, params: &[Param<'_>]) -> Result<Changes> {
        self.with(sql, |s| {
            bind(s, params)?;
            let changes = s.raw_execute().or_else(|e| match e {
                // a statement such as PRAGMA or RETURNING that gave rows has still run
                rusqlite::Error::ExecuteReturnedResults => Ok(0),
                e => Err(e),
            })?;
            Ok(Changes { changes: changes as i64, last_id: self.raw.last_insert_rowid() })
        })
    }

    /// Calls `each` with every row.
    pub fn query(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.with(sql, |s| {
            bind(s, params)?;
            let mut rows = s.raw_query();
            while let Some(row) = rows.next()? {
                each(&Row(row))?;
            }
            Ok(())
        })
    }

    /// The first row, turned into something by `read`, if there is a row.
    pub fn one<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.with(sql, |s| {
            bind(s, params)?;
            let mut rows = s.raw_query();
            rows.next()?.map(|row| read(&Row(row))).transpose()
        })
    }

    /// Every row, turned into something by `read`.
    pub fn all<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.query(sql, params, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs a statement an application wrote: `columns` gets the column names, `each` every row until it says `false`.
    pub fn statement(
        &self,
        sql: &str,
        params: &Params,
        columns: impl FnOnce(&[&str]),
        mut each: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<Changes> {
        let before = self.raw.total_changes();
        self.with(sql, |s| {
            bind_params(s, params)?;
            columns(&s.column_names().collect::<Vec<_>>());
            let mut rows = s.raw_query();
            // what it writes is written before its first row comes
            while let Some(row) = rows.next()? {
                if !each(&Row(row))? {
                    break;
                }
            }
            Ok(())
        })?;
        let changes = (self.raw.total_changes() - before) as i64;
        Ok(Changes { changes, last_id: self.raw.last_insert_rowid() })
    }

    /// Runs any number of statements, without parameters.
    pub fn exec(&self, sql: &str) -> Result<()> {
        self.raw.execute_batch(sql).map_err(|e| self.explain(e.into(), sql))
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        !self.raw.is_autocommit()
    }

    fn with<T>(&self, sql: &str, f: impl FnOnce(&mut Statement<'_>) -> Result<T>) -> Result<T> {
        let mut statement = self.raw.prepare_cached(sql).map_err(|e| self.explain(e.into(), sql))?;
        f(&mut statement).map_err(|e| self.explain(e, sql))
    }

    /// Adds the statement, and says what the storage said where that is the better story.
    pub(super) fn explain(&self, error: Error, statement: &str) -> Error {
        let Error::Sqlite { code, message, sql } = error else { return error };
        let storage = ["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"].contains(&code);
        match self.vfs.last_error().filter(|_| storage) {
            Some(e @ (StorageError::Quota(_) | StorageError::Locked(_))) => {
                self.vfs.set_full(matches!(e, StorageError::Quota(_)));
                e.into()
            }
            Some(e) => Error::Sqlite { code, message: format!("{message}: {e}"), sql: statement.to_string() },
            None => {
                let sql = if sql.is_empty() { statement.to_string() } else { sql };
                Error::Sqlite { code, message, sql }
            }
        }
    }
}

fn bind(statement: &mut Statement<'_>, params: &[Param<'_>]) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(wrong_count(wanted, params.len()));
    }
    for (i, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(i + 1, param)?;
    }
    Ok(())
}

fn bind_params(statement: &mut Statement<'_>, params: &Params) -> Result<()> {
    let wanted = statement.parameter_count();
    match params {
        Params::Positional(values) => {
            if wanted != values.len() {
                return Err(wrong_count(wanted, values.len()));
            }
            for (i, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(i + 1, value.param())?;
            }
        }
        Params::Named(values) => {
            let mut bound = vec![false; wanted];
            for (name, value) in values {
                let i = match name.starts_with([':', '@', '$']) {
                    true => statement.parameter_index(name)?,
                    false => [':', '@', '$']
                        .iter()
                        .find_map(|sign| statement.parameter_index(&format!("{sign}{name}")).ok().flatten()),
                };
                let i =
                    i.ok_or_else(|| Error::BadValue(format!("the statement has no parameter '{name}'")))?;
                statement.raw_bind_parameter(i, value.param())?;
                bound[i - 1] = true;
            }
            if let Some(missing) = bound.iter().position(|b| !b) {
                let name = statement.parameter_name(missing + 1).unwrap_or("?").to_string();
                return Err(Error::BadValue(format!("parameter '{name}' has no value: give one")));
            }
        }
    }
    Ok(())
}

fn wrong_count(wanted: usize, given: usize) -> Error {
    Error::BadValue(format!("the statement has {wanted} parameters, {given} values were given"))
}
