//! One SQLite connection, of the bundled engine or a host's: run statements, read rows. The bundled
//! engine's statements are prepared once and kept.

use std::rc::Rc;

use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Statement};

use super::bind::bind;
use super::guard::Guard;
use super::host::{HostConn, HostRows, HostSqlite};
use super::statements::Statements;
use super::value::{Changes, Param, Value};
use crate::error::{Error, Result};
use crate::vfs::{StorageError, Vfs};

/// The feature that hosts lack.
const BUNDLED_ONLY: &str = "this on a host's SQLite (give the database a file instead of an adapter: the bundled engine records changes)";

/// A row under the cursor, valid until the next one.
#[derive(Debug)]
pub struct Row<'a>(pub(super) Cells<'a>);

#[derive(Debug)]
pub(super) enum Cells<'a> {
    Bundled(&'a rusqlite::Row<'a>),
    Host(&'a HostRows, &'a [Value]),
}

impl Row<'_> {
    /// The value of column `i`.
    pub fn value(&self, i: usize) -> Result<Value> {
        Ok(Value::read(self.cell(i)?))
    }

    /// The value of column `i`, borrowed until the next row.
    ///
    /// # Errors
    /// `BAD_VALUE` for text that is not UTF-8.
    pub fn param(&self, i: usize) -> Result<Param<'_>> {
        Ok(match self.cell(i)? {
            ValueRef::Null => Param::Null,
            ValueRef::Integer(n) => Param::Integer(n),
            ValueRef::Real(f) => Param::Real(f),
            text @ ValueRef::Text(_) => Param::Text(text.as_str().map_err(unfit)?),
            ValueRef::Blob(b) => Param::Blob(b),
        })
    }

    /// Column `i` as an integer.
    pub fn int(&self, i: usize) -> Result<i64> {
        self.cell(i)?.as_i64().map_err(unfit)
    }

    /// Column `i` as an integer or NULL.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>> {
        self.cell(i)?.as_i64_or_null().map_err(unfit)
    }

    /// Column `i` as text.
    pub fn text(&self, i: usize) -> Result<&str> {
        self.cell(i)?.as_str().map_err(unfit)
    }

    /// Column `i` as text or NULL.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>> {
        self.cell(i)?.as_str_or_null().map_err(unfit)
    }

    /// The number of the column called `name`.
    pub fn index(&self, name: &str) -> Result<usize> {
        match &self.0 {
            Cells::Bundled(row) => Ok(row.as_ref().column_index(name)?),
            Cells::Host(found, _) => {
                found.names.iter().position(|known| known == name).ok_or_else(|| {
                    Error::BadValue(format!("the host's SQLite gave no column '{name}'"))
                })
            }
        }
    }

    /// Column `i` as bytes.
    pub fn blob(&self, i: usize) -> Result<&[u8]> {
        self.cell(i)?.as_blob().map_err(unfit)
    }

    /// Column `i` as bytes or NULL.
    pub fn opt_blob(&self, i: usize) -> Result<Option<&[u8]>> {
        self.cell(i)?.as_blob_or_null().map_err(unfit)
    }

    fn cell(&self, i: usize) -> Result<ValueRef<'_>> {
        match self.0 {
            Cells::Bundled(row) => Ok(row.get_ref(i)?),
            Cells::Host(_, values) => values.get(i).map(Value::cell).ok_or_else(|| {
                Error::BadValue(format!("a row of the host's SQLite lacks column {i}: give each column of the statement a name of its own"))
            }),
        }
    }
}

fn unfit(error: FromSqlError) -> Error {
    Error::BadValue(error.to_string())
}

/// A connection. Errors carry SQLite's code and the statement.
#[derive(Debug)]
pub struct Conn(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Bundled { statements: Box<Statements>, raw: Rc<Connection>, vfs: Rc<Vfs>, guard: Guard },
    Host(HostConn),
}

impl Conn {
    pub(super) fn new(mut raw: Connection, vfs: Rc<Vfs>) -> Result<Conn> {
        let guard = Guard::install(&mut raw)?;
        let (statements, raw) = (Box::default(), Rc::new(raw));
        Ok(Conn(Kind::Bundled { statements, raw, vfs, guard }))
    }

    pub(super) fn of_host(host: Box<dyn HostSqlite>) -> Conn {
        Conn(Kind::Host(HostConn::new(host)))
    }

    /// The bundled engine's connection, for what no host has: sessions, hooks, the authorizer.
    pub(super) fn raw(&self) -> Result<&Connection> {
        match &self.0 {
            Kind::Bundled { raw, .. } => Ok(raw),
            Kind::Host(_) => Err(Error::NotSupported(BUNDLED_ONLY)),
        }
    }

    /// [`Conn::raw`] to hang hooks on.
    pub(super) fn raw_mut(&mut self) -> Result<&mut Connection> {
        match &mut self.0 {
            Kind::Bundled { statements, raw, .. } => {
                statements.clear();
                Rc::get_mut(raw)
                    .ok_or(Error::NotSupported("a hook on a connection whose statements run"))
            }
            Kind::Host(_) => Err(Error::NotSupported(BUNDLED_ONLY)),
        }
    }

    /// The host's connection, if it is one.
    pub(super) fn host(&self) -> Option<&HostConn> {
        match &self.0 {
            Kind::Bundled { .. } => None,
            Kind::Host(host) => Some(host),
        }
    }

    /// Runs one statement that returns no rows of interest.
    pub fn run(&self, sql: &str, params: &[Param<'_>]) -> Result<Changes> {
        let raw = match &self.0 {
            Kind::Bundled { raw, .. } => raw,
            Kind::Host(host) => return host.run(sql, params).map_err(|e| self.explain(e, sql)),
        };
        self.with(sql, |s| {
            bind(s, params)?;
            let changes = s.raw_execute().or_else(|e| match e {
                // a statement such as PRAGMA or RETURNING that gave rows has still run
                rusqlite::Error::ExecuteReturnedResults => Ok(0),
                e => Err(e),
            })?;
            Ok(Changes { changes: changes as i64, last_id: raw.last_insert_rowid() })
        })
    }

    /// Calls `each` with every row.
    pub fn query(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        self.rows(sql, params, None, &mut each)
    }

    /// The first row, turned into something by `read`, if there is a row.
    pub fn one<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let (mut read, mut found) = (Some(read), None);
        self.rows(sql, params, Some(1), &mut |row| {
            found = read.take().map(|read| read(row)).transpose()?;
            Ok(())
        })?;
        Ok(found)
    }

    /// Every row, or the first `limit` of them. Compiled once, not for each `each`.
    fn rows(
        &self,
        sql: &str,
        params: &[Param<'_>],
        limit: Option<usize>,
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        if let Kind::Host(host) = &self.0 {
            let found = host.rows(sql, params, limit).map_err(|e| self.explain(e, sql))?;
            let rows = found.rows.iter().take(limit.unwrap_or(usize::MAX));
            return rows.map(|row| Row(Cells::Host(&found, row))).try_for_each(|row| each(&row));
        }
        self.with(sql, |s| {
            check_names(s);
            bind(s, params)?;
            let (mut rows, mut left) = (s.raw_query(), limit.unwrap_or(usize::MAX));
            while left > 0
                && let Some(row) = rows.next()?
            {
                each(&Row(Cells::Bundled(row)))?;
                left -= 1;
            }
            Ok(())
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
        self.rows(sql, params, None, &mut |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs any number of statements, without parameters.
    pub fn exec(&self, sql: &str) -> Result<()> {
        let done = match &self.0 {
            Kind::Bundled { raw, .. } => raw.execute_batch(sql).map_err(Error::from),
            Kind::Host(host) => host.exec(sql),
        };
        done.map_err(|e| self.explain(e, sql))
    }

    /// Whether a transaction is open; a host that does not say so is taken to have none.
    pub fn in_transaction(&self) -> bool {
        match &self.0 {
            Kind::Bundled { raw, .. } => !raw.is_autocommit(),
            Kind::Host(host) => host.host.in_transaction().unwrap_or(false),
        }
    }

    /// Runs `work` with a statement of the bundled engine, prepared by the rules of whose it is.
    pub(super) fn with<T>(
        &self,
        sql: &str,
        work: impl FnOnce(&mut Statement<'_>) -> Result<T>,
    ) -> Result<T> {
        let Kind::Bundled { statements, raw, guard, .. } = &self.0 else {
            return Err(Error::NotSupported(BUNDLED_ONLY));
        };
        match statements.with(raw, guard.whose(), sql, work) {
            Ok(done) => done.map_err(|e| self.explain(e, sql)),
            Err(e) => Err(self.explain(as_given(e.into()), sql)),
        }
    }

    /// Adds the statement, and says what the storage said where that is the better story.
    pub(super) fn explain(&self, error: Error, statement: &str) -> Error {
        let Error::Sqlite { code, mut message, sql } = error else { return error };
        if code == "SQLITE_MISUSE" && holds_nothing(statement) {
            message = "there is no statement in it".into();
        }
        if let (Kind::Bundled { guard, .. }, "SQLITE_AUTH") = (&self.0, code)
            && let Some(refused) = guard.take_refused()
        {
            return refused;
        }
        let storage = ["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"].contains(&code);
        let vfs = match &self.0 {
            Kind::Bundled { vfs, .. } if storage => Some(vfs),
            _ => None,
        };
        match vfs.and_then(|vfs| Some((vfs, vfs.last_error()?))) {
            Some((vfs, e @ (StorageError::Quota(_) | StorageError::Locked(_)))) => {
                vfs.set_full(matches!(e, StorageError::Quota(_)));
                e.into()
            }
            Some((_, e)) => Error::Sqlite {
                code,
                message: format!("{message}: {e}"),
                sql: statement.to_string(),
            },
            None => {
                let sql = if sql.is_empty() { statement.to_string() } else { sql };
                Error::Sqlite { code, message, sql }
            }
        }
    }
}

/// Without the text that was compiled, for the one that was given.
fn as_given(error: Error) -> Error {
    match error {
        Error::Sqlite { code, message, .. } => Error::Sqlite { code, message, sql: String::new() },
        error => error,
    }
}

/// Whether a text is blank or begins with a comment.
fn holds_nothing(sql: &str) -> bool {
    let sql = sql.trim_start();
    sql.is_empty() || sql.starts_with("--") || sql.starts_with("/*")
}

/// A host's rows are objects: names that are not distinct, or that JavaScript sorts like an array's
/// indexes, would put the values elsewhere. So every build with debug assertions refuses our own
/// statements that have them.
fn check_names(statement: &Statement<'_>) {
    if cfg!(debug_assertions) {
        let names: Vec<_> = statement.column_names().collect();
        let index = |name: &str| name.bytes().all(|b| b.is_ascii_digit()) || name == "__proto__";
        let unfit = |(i, name): &(usize, &&str)| names[..*i].contains(name) || index(name);
        let bad = names.iter().enumerate().find(unfit).filter(|_| names.len() > 1);
        debug_assert!(
            bad.is_none(),
            "column {bad:?} needs a name of its own (AS …): {statement:?}"
        );
    }
}
