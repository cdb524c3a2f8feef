//! Statements of searches and of applications: run under the rules of [`guard`](super::guard).

use rusqlite::Statement;

use super::conn::{Cells, Conn, Kind, Row};
use super::guard::Whose;
use super::value::{Changes, Params};
use super::{bind::bind_params, placeholders};
use crate::error::{Error, Result};

impl Conn {
    /// Runs `work`, statements of which may do only what searches need.
    pub fn guarded<T>(&self, work: impl FnOnce() -> T) -> T {
        self.under(Whose::Search, work)
    }

    /// Runs `work`, statements of which are the application's: they may not write what is
    /// [closed](Conn::close) to it, nor have triggers or foreign keys write it.
    pub fn theirs<T>(&self, work: impl FnOnce() -> T) -> T {
        self.under(Whose::Theirs, work)
    }

    /// Runs `work`, statements of which are those of a phase of an event: they may write what
    /// events own.
    pub fn phase<T>(&self, work: impl FnOnce() -> T) -> T {
        self.under(Whose::Phase, work)
    }

    /// A host has no such guard.
    fn under<T>(&self, whose: Whose, work: impl FnOnce() -> T) -> T {
        let _on = match &self.0 {
            Kind::Bundled { guard, .. } => Some(guard.switch(whose)),
            Kind::Host(_) => None,
        };
        work()
    }

    /// From now on an application may only read a table.
    pub fn close(&self, table: &str) {
        if let Kind::Bundled { guard, .. } = &self.0 {
            guard.close(table);
        }
    }

    /// Takes [`Conn::close`] back.
    pub fn open(&self, table: &str) {
        if let Kind::Bundled { guard, .. } = &self.0 {
            guard.open(table);
        }
    }

    /// Runs a statement an application wrote, [as such](Conn::theirs) or in a [phase](Conn::phase):
    /// `columns` gets the column names (of a host none where there is no row), `each` every row
    /// until it says `false`.
    pub fn statement(
        &self,
        sql: &str,
        params: &Params,
        columns: impl FnOnce(&[&str]),
        mut each: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<Changes> {
        let raw = match &self.0 {
            Kind::Bundled { raw, .. } => raw,
            Kind::Host(host) => {
                self.check_host(sql)?;
                let (found, changes) =
                    host.statement(sql, params).map_err(|e| self.explain(e, sql))?;
                columns(&found.names.iter().map(String::as_str).collect::<Vec<_>>());
                for row in &found.rows {
                    if !each(&Row(Cells::Host(&found, row)))? {
                        break;
                    }
                }
                return Ok(changes);
            }
        };
        let before = raw.total_changes();
        let work = |s: &mut Statement<'_>| {
            bind_params(s, params)?;
            columns(&s.column_names().collect::<Vec<_>>());
            let mut rows = s.raw_query();
            while let Some(row) = rows.next()? {
                // what it writes is written before its first row comes
                if !each(&Row(Cells::Bundled(row)))? {
                    break;
                }
            }
            Ok(())
        };
        self.with(sql, work)?;
        // what triggers and cascades wrote is not the statement's; one that wrote nothing leaves
        // the number of the one before
        let changes = if raw.total_changes() == before { 0 } else { raw.changes() as i64 };
        Ok(Changes { changes, last_id: raw.last_insert_rowid() })
    }

    /// Refuses SQL that undoes a transaction which a host makes of a call: that could not be
    /// seen afterwards, and what follows would be kept.
    ///
    /// # Errors
    /// `BAD_VALUE` with the remedy.
    pub fn check_host(&self, sql: &str) -> Result<()> {
        let calls_only = matches!(&self.0, Kind::Host(host) if host.host.calls_only());
        let undoes = |statement: &String| {
            statement
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(|word| word.eq_ignore_ascii_case("rollback"))
        };
        match calls_only && placeholders::statements(sql).iter().any(undoes) {
            true => Err(Error::BadValue(
                "ROLLBACK in this host's SQLite, whose transactions are calls: use ABORT, which undoes the statement, and throw in withTransaction to undo the whole".into(),
            )),
            false => Ok(()),
        }
    }

    /// Whether SQLite says that such a statement writes nothing; it says so of one that does not
    /// compile, too.
    pub fn only_reads(&self, sql: &str) -> bool {
        match &self.0 {
            Kind::Bundled { statements, raw, guard, .. } => {
                statements.with(raw, guard.whose(), sql, |s| s.readonly()).unwrap_or(true)
            }
            Kind::Host(_) => !placeholders::may_write(sql),
        }
    }
}
