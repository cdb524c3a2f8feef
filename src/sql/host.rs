//! A host's own SQLite (`node:sqlite`, better-sqlite3, `bun:sqlite`, a Durable Object's) as a
//! [`Conn`](super::Conn).
//!
//! Rows come by value, all at once: no statement stays open while another one runs. Parameters
//! become plain `?`, the only form that every host binds alike. Calling a host is
//! `js/host_sql.rs`'s business.

use std::cell::Cell;
use std::fmt;

use super::placeholders::{self, Portable};
use super::value::{Changes, Param, Params, Value};
use crate::error::{Error, Result};

/// The abilities that a host's SQLite must have.
pub trait HostSqlite: fmt::Debug {
    /// Runs a statement; several, one after the other, where there are no parameters.
    fn exec(&self, sql: &str, params: &[Param<'_>]) -> Result<()>;

    /// The rows of a statement, at most `limit`.
    fn rows(&self, sql: &str, params: &[Param<'_>], limit: Option<usize>) -> Result<HostRows>;

    /// Runs `f` in a transaction of the host's own making: a savepoint inside an open one, undone
    /// when `f` fails.
    fn transaction(&self, f: &mut dyn FnMut() -> Result<()>) -> Result<()>;

    /// Whether transactions can only be had by [`HostSqlite::transaction`]: BEGIN, SAVEPOINT and
    /// most pragmas are refused as statements.
    fn calls_only(&self) -> bool;

    /// Whether integers go in as numbers that the host takes for doubles: they are bound as text
    /// then, and cast.
    fn casts_integers(&self) -> bool;

    /// Whether a transaction is open, where the host says so.
    fn in_transaction(&self) -> Option<bool>;

    /// Lets the database go; a second call does nothing.
    fn close(&self) -> Result<()>;
}

/// Rows by value.
#[derive(Debug, Default)]
pub struct HostRows {
    /// The columns' names; none when there was no row.
    pub names: Vec<String>,
    /// A value per name and row.
    pub rows: Vec<Vec<Value>>,
}

/// The one connection of a host's database.
#[derive(Debug)]
pub(super) struct HostConn {
    pub(super) host: Box<dyn HostSqlite>,
    /// Something was written since it was last asked: a host does not say which tables.
    wrote: Cell<bool>,
}

impl HostConn {
    pub(super) fn new(host: Box<dyn HostSqlite>) -> HostConn {
        HostConn { host, wrote: Cell::new(false) }
    }

    pub(super) fn run(&self, sql: &str, params: &[Param<'_>]) -> Result<Changes> {
        let (portable, order) = self.portable(sql, params)?;
        self.note(sql);
        self.host.exec(&portable, &order)?;
        self.changes("changes()")
    }

    pub(super) fn exec(&self, sql: &str) -> Result<()> {
        self.wrote.set(true);
        self.host.exec(sql, &[])
    }

    pub(super) fn rows(
        &self,
        sql: &str,
        params: &[Param<'_>],
        limit: Option<usize>,
    ) -> Result<HostRows> {
        let (portable, order) = self.portable(sql, params)?;
        self.note(sql);
        self.host.rows(&portable, &order, limit)
    }

    /// Like [`HostConn::rows`] for a statement of the application's, with what it changed.
    pub(super) fn statement(&self, sql: &str, params: &Params) -> Result<(HostRows, Changes)> {
        let positional = placeholders::positional(sql, params)?;
        let before = self.changes("total_changes()")?.changes;
        let rows = self.rows(sql, &positional, None)?;
        let own = format!("CASE total_changes() WHEN {before} THEN 0 ELSE changes() END");
        Ok((rows, self.changes(&own)?))
    }

    fn changes(&self, count: &str) -> Result<Changes> {
        let sql = format!("SELECT {count} AS changed, last_insert_rowid() AS id");
        let found = self.host.rows(&sql, &[], Some(1))?;
        match found.rows.first().map(Vec::as_slice) {
            Some([Value::Integer(changes), Value::Integer(last_id)]) => {
                Ok(Changes { changes: *changes, last_id: *last_id })
            }
            other => {
                Err(Error::BadValue(format!("the host's SQLite answered {other:?} to \"{sql}\"")))
            }
        }
    }

    /// Whether anything was written since the last call.
    pub(super) fn take_wrote(&self) -> bool {
        self.wrote.take()
    }

    fn note(&self, sql: &str) {
        if placeholders::may_write(sql) {
            self.wrote.set(true);
        }
    }

    fn portable<'a>(&self, sql: &'a str, params: &[Param<'a>]) -> Result<Portable<'a>> {
        placeholders::portable(sql, params, self.host.casts_integers())
    }
}
