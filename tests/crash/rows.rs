//! A workload of SQL on small pages: transactions of all sizes, savepoints, a reader that holds on,
//! checkpoints, VACUUM.
//!
//! Each transaction `n` stamps all rows of `last`. Rows marked -1 are always rolled back.

use rusqlite::{Connection, OpenFlags};
use tidelog::error::{Error, Result};
use tidelog::vfs::{StorageError, Vfs};

use crate::crash::work::{CREATE_DETOUR, FILE, Session, Workload};

/// The workload.
pub(crate) struct RowsOfSql;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A transaction of so many rows.
    Rows(i64),
    /// A transaction with two savepoints, one of them rolled back after it grew larger than the
    /// cache.
    Savepoint,
    /// A transaction larger than the cache that touches the same pages again and again.
    Rewrite,
    /// A transaction that is rolled back, small or larger than the cache.
    Undone(i64),
    ReaderBegins,
    ReaderEnds,
    Truncate,
    Vacuum,
    /// All connections are closed and opened again; what registered the files with SQLite stays.
    Reopen,
}

use Step::*;

const STEPS: &[Step] = &[
    Rows(1),
    Rows(40),
    Undone(2),
    Savepoint,
    ReaderBegins,
    Rows(2),
    Rewrite,
    Rows(1),
    ReaderEnds,
    Rows(3),
    Undone(60),
    Rows(60),
    Truncate,
    Rows(1),
    Reopen,
    Rows(2),
    Vacuum,
    Savepoint,
    Rows(2),
    Rows(1),
];

impl Workload for RowsOfSql {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn steps(&self) -> i64 {
        STEPS.len() as i64
    }

    fn ahead(&self) -> bool {
        false
    }

    fn open(&self, vfs: Vfs, strict: bool, _: i64) -> Result<Box<dyn Session>> {
        let mut session = Rows { strict, open: None, vfs };
        session.connect()?;
        Ok(Box::new(session))
    }

    fn reopens(&self, _: i64) -> bool {
        false
    }
}

struct Rows {
    strict: bool,
    /// The writer and the reader.
    open: Option<(Connection, Connection)>,
    vfs: Vfs,
}

impl Rows {
    fn connect(&mut self) -> Result<&(Connection, Connection)> {
        if self.open.is_none() {
            let opened = connect(&self.vfs, self.strict).and_then(|writer| {
                create(&writer)?;
                Ok((writer, connect(&self.vfs, self.strict)?))
            });
            self.open = Some(opened.map_err(|error| self.explain(error))?);
        }
        self.open.as_ref().ok_or(Error::Closed)
    }

    /// The error that `tidelog::sql` makes of it.
    fn explain(&self, error: rusqlite::Error) -> Error {
        match (self.vfs.last_error(), Error::from(error)) {
            (Some(error @ StorageError::Quota(_)), Error::Sqlite { code: "SQLITE_FULL", .. }) => {
                error.into()
            }
            (Some(error), Error::Sqlite { code: "SQLITE_CANTOPEN", .. }) => error.into(),
            (_, error) => error,
        }
    }
}

impl Session for Rows {
    fn step(&mut self, step: i64) -> Result<()> {
        let what = STEPS[(step - 1) as usize];
        if matches!(what, Reopen) {
            self.open = None;
        }
        let (writer, reader) = self.connect()?;
        let done = match what {
            ReaderBegins => reader.execute_batch("BEGIN; SELECT count(*) FROM t"),
            ReaderEnds if !reader.is_autocommit() => reader.execute_batch("COMMIT"),
            ReaderEnds | Reopen => Ok(()),
            _ => writer.execute_batch(&sql_of(what, step)),
        };
        done.map_err(|error| {
            let error = self.explain(error);
            for db in self.open.iter().flat_map(|(writer, reader)| [writer, reader]) {
                if !db.is_autocommit() {
                    db.execute_batch("ROLLBACK").unwrap();
                }
            }
            error
        })
    }

    fn exec(&mut self, sql: &str) -> Result<()> {
        let (writer, _) = self.connect()?;
        writer.execute_batch(sql).map_err(|error| self.explain(error))
    }

    fn look(&self, reached: i64) -> Result<(), String> {
        let Some((_, reader)) = &self.open else { return Ok(()) };
        let sql = "SELECT count(*) FROM t WHERE n = -1 OR n > ?1";
        match reader.query_row(sql, [reached], |row| row.get::<_, i64>(0)) {
            Ok(0) => Ok(()),
            Ok(rows) => {
                Err(format!("the reader sees {rows} rows it should not, after step {reached}"))
            }
            Err(error) => Err(format!("the reader fails: {error}")),
        }
    }
}

fn connect(vfs: &Vfs, strict: bool) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags_and_vfs(FILE, OpenFlags::default(), vfs.name())?;
    let synchronous = if strict { "FULL" } else { "NORMAL" };
    db.execute_batch(&format!(
        "PRAGMA page_size=512; PRAGMA cache_size=8; PRAGMA temp_store=MEMORY; PRAGMA synchronous={synchronous};"
    ))?;
    let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    assert_eq!(mode, "wal");
    db.execute_batch("PRAGMA wal_autocheckpoint=30")?;
    Ok(db)
}

fn create(db: &Connection) -> rusqlite::Result<()> {
    let created = db.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS t(n INTEGER, k INTEGER, body TEXT); CREATE INDEX IF NOT EXISTS tn ON t(n, k);
         CREATE TABLE IF NOT EXISTS last(id INTEGER PRIMARY KEY, n INTEGER);
         INSERT OR IGNORE INTO last WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<8)
           SELECT i, 0 FROM c;
         {CREATE_DETOUR};
         COMMIT"
    ));
    if created.is_err() && !db.is_autocommit() {
        db.execute_batch("ROLLBACK")?;
    }
    created
}

fn insert(n: i64, from: i64, to: i64) -> String {
    format!(
        "INSERT INTO t WITH RECURSIVE c(i) AS (VALUES({from}) UNION ALL SELECT i+1 FROM c WHERE i<{to})
         SELECT {n}, i, printf('%0150d', i*31+{n}) FROM c;"
    )
}

fn sql_of(step: Step, n: i64) -> String {
    let stamp = format!("UPDATE last SET n={n};");
    match step {
        Rows(rows) => format!("BEGIN IMMEDIATE; {stamp} {} COMMIT", insert(n, 1, rows)),
        Savepoint => format!(
            "BEGIN IMMEDIATE; {} SAVEPOINT a; {} ROLLBACK TO a; {} SAVEPOINT b; {stamp} RELEASE b; RELEASE a; COMMIT",
            insert(n, 1, 30),
            insert(-1, 1, 50),
            insert(n, 31, 35),
        ),
        Rewrite => format!(
            "BEGIN IMMEDIATE; {} {stamp} UPDATE t SET body=body||'x' WHERE n={n}; UPDATE t SET k=k+1000 WHERE n={n};
             UPDATE t SET k=k-1000, body=rtrim(body,'x') WHERE n={n}; COMMIT",
            insert(n, 1, 30)
        ),
        Undone(rows) => format!("BEGIN IMMEDIATE; UPDATE last SET n=-1; {} ROLLBACK", insert(-1, 1, rows)),
        Truncate => "PRAGMA wal_checkpoint(TRUNCATE)".into(),
        Vacuum => "VACUUM".into(),
        ReaderBegins | ReaderEnds | Reopen => String::new(),
    }
}
