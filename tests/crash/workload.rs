//! What the crash loop runs, and what must hold of whatever is found afterwards.
//!
//! Each transaction `n` writes a known number of rows and stamps all rows of `last`, so that a half one, a missing one
//! and one out of order all show. Rows marked -1 are always rolled back.

use rusqlite::{Connection, OpenFlags};
use tidelog::vfs::{Memory, Vfs};

use crate::faulty::Faulty;

/// What the process was told before it died.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Transactions that were said to be committed, in order.
    pub(crate) acked: Vec<i64>,
    /// Transactions that were said to have failed.
    pub(crate) failed: Vec<i64>,
    /// The transaction that had no answer yet.
    pub(crate) open: Option<i64>,
    /// Faults that reached the caller as an error.
    pub(crate) errors: u64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A transaction of so many rows.
    Rows(i64),
    /// A transaction with two savepoints, one of them rolled back after it grew larger than the cache.
    Savepoint,
    /// A transaction larger than the cache that touches the same pages again and again.
    Rewrite,
    /// A transaction that is rolled back, small or larger than the cache.
    Undone(i64),
    ReaderBegins,
    ReaderEnds,
    Truncate,
    Vacuum,
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

/// Uncommitted bytes the VFS may keep back: few, so that frames go out early too.
const GATHERED: usize = 12 << 10;

fn rows_of(n: i64) -> i64 {
    match STEPS[(n - 1) as usize] {
        Rows(rows) => rows,
        Savepoint => 35,
        Rewrite => 30,
        _ => 0,
    }
}

fn connect(vfs: &Vfs, strict: bool) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags_and_vfs("a.db", OpenFlags::default(), vfs.name())?;
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
    db.execute_batch(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS t(n INTEGER, k INTEGER, body TEXT); CREATE INDEX IF NOT EXISTS tn ON t(n, k);
         CREATE TABLE IF NOT EXISTS last(id INTEGER PRIMARY KEY, n INTEGER);
         INSERT OR IGNORE INTO last WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<8)
           SELECT i, 0 FROM c;
         COMMIT",
    )
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

/// Runs the workload until it ends or the process dies. `after_fault` is called once, when the step in which the
/// fault happened is over.
pub(crate) fn run(
    disk: &Faulty,
    strict: bool,
    mut after_fault: impl FnMut(&Told) -> Result<(), String>,
) -> Result<Told, String> {
    let mut told = Told::default();
    let mut looked = false;
    let vfs = Vfs::register_gathering(disk.clone(), GATHERED).map_err(|error| error.to_string())?;
    let mut open: Option<(Connection, Connection)> = None;
    for (index, &step) in STEPS.iter().enumerate() {
        let n = index as i64 + 1;
        for attempt in 0.. {
            if disk.stopped() {
                break;
            }
            if open.is_none() {
                let opened = connect(&vfs, strict).and_then(|writer| {
                    create(&writer)?;
                    Ok((writer, connect(&vfs, strict)?))
                });
                match opened {
                    Ok(both) => open = Some(both),
                    Err(error) if attempt > 4 => return Err(format!("cannot open: {error}")),
                    Err(_) => {
                        told.errors += 1;
                        continue;
                    }
                }
            }
            let Some((writer, reader)) = &open else { continue };
            let done = match step {
                ReaderBegins => reader.execute_batch("BEGIN; SELECT count(*) FROM t"),
                ReaderEnds if !reader.is_autocommit() => reader.execute_batch("COMMIT"),
                ReaderEnds => Ok(()),
                Reopen => {
                    open = None;
                    Ok(())
                }
                _ => writer.execute_batch(&sql_of(step, n)),
            };
            if let Some((writer, reader)) = &open {
                if done.is_err() && !disk.stopped() {
                    told.errors += 1;
                    for db in [writer, reader] {
                        if !db.is_autocommit() {
                            db.execute_batch("ROLLBACK").map_err(|error| format!("rollback: {error}"))?;
                        }
                    }
                }
                if !disk.stopped() {
                    see_through(reader, n)?;
                }
            }
            if rows_of(n) > 0 {
                match (&done, disk.stopped()) {
                    (_, true) => told.open = Some(n),
                    (Ok(()), _) => told.acked.push(n),
                    (Err(_), _) => told.failed.push(n),
                }
            }
            break;
        }
        if disk.stopped() {
            break;
        }
        if disk.fired() && !looked {
            looked = true;
            after_fault(&told).map_err(|error| format!("right after the fault, step {step:?}: {error}"))?;
        }
    }
    Ok(told)
}

/// The reader never sees an open or undone transaction, whatever failed. Its own read may be what fails.
fn see_through(reader: &Connection, n: i64) -> Result<(), String> {
    match reader.query_row("SELECT count(*) FROM t WHERE n=-1 OR n>?1", [n], |row| row.get::<_, i64>(0)) {
        Ok(0) | Err(_) => Ok(()),
        Ok(rows) => Err(format!("the reader sees {rows} rows it should not, after step {n}")),
    }
}

/// Opens what a crash left and checks it. `complete` says that acknowledged transactions must all be there, else
/// they must be a prefix.
pub(crate) fn check(image: Memory, told: &Told, complete: bool) -> Result<(), String> {
    let vfs = Vfs::register(image.clone()).map_err(|error| error.to_string())?;
    let first = read(&vfs, told, complete)?;
    // and once more after this process, too, has worked on it and died
    let db = connect(&vfs, true).map_err(|error| error.to_string())?;
    create(&db)
        .and_then(|()| db.execute_batch("CREATE TABLE more(a); INSERT INTO more VALUES(1)"))
        .map_err(|error| format!("writing after the crash: {error}"))?;
    let again = Vfs::register(image.fork()).map_err(|error| error.to_string())?;
    let second = read(&again, told, complete)?;
    if first == second { Ok(()) } else { Err(format!("first found {first:?}, then {second:?}")) }
}

/// The transactions that are there, each of them whole.
fn read(vfs: &Vfs, told: &Told, complete: bool) -> Result<Vec<i64>, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let db = connect(vfs, true).map_err(text)?;
    let integrity: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(text)?;
    if integrity != "ok" {
        return Err(format!("integrity_check: {integrity}"));
    }
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name IN ('t','last')", [], |row| row.get(0))
        .map_err(text)?;
    let mut found = Vec::new();
    if tables > 0 {
        let mut groups = db
            .prepare("SELECT n, count(*), count(DISTINCT k), max(k), sum(length(body)) FROM t GROUP BY n")
            .map_err(text)?;
        let mut rows = groups.query([]).map_err(text)?;
        while let Some(row) = rows.next().map_err(text)? {
            let get = |i| row.get::<_, i64>(i).map_err(text);
            let (n, count) = (get(0)?, get(1)?);
            if n < 0 {
                return Err(format!("{count} rolled-back rows came back"));
            }
            let all = rows_of(n);
            if (count, get(2)?, get(3)?, get(4)?) != (all, all, all, all * 150) {
                return Err(format!("transaction {n} has {count} rows of {all}, or damaged ones"));
            }
            found.push(n);
        }
        let (stamps, least, most): (i64, i64, i64) = db
            .query_row("SELECT count(*), min(n), max(n) FROM last", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map_err(text)?;
        let newest = found.last().copied().unwrap_or(0);
        if (stamps, least, most) != (8, newest, newest) {
            return Err(format!(
                "transaction {newest} is the last, but {stamps} stamps say {least} to {most}"
            ));
        }
    }
    for n in &told.failed {
        if found.contains(n) {
            return Err(format!("transaction {n} failed and came back"));
        }
    }
    let newest = found.last().copied().unwrap_or(0);
    for n in &told.acked {
        if !found.contains(n) && (complete || *n < newest) {
            return Err(format!("transaction {n} was acknowledged and is gone; found {found:?}"));
        }
    }
    match found.iter().find(|n| !told.acked.contains(n) && told.open != Some(**n)) {
        Some(n) => Err(format!("transaction {n} came from nowhere")),
        None => Ok(found),
    }
}
