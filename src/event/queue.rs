//! The tables of the log and the queue, and every statement over them.
//!
//! `_log` holds what is confirmed, `_pending` what is not; together they are the queue an
//! application sees, in which a pending event's position `v` is the log's head plus its place.
//! `_failed` keeps events that failed where they were made: part of the local history, never
//! numbered, never pushed. Kinds are the protocol's bytes, 1 an event. What only coming back
//! together with a server needs (`_own`, `_known`) is in [`own`](super::own).

use super::app::Event;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Row};

/// The format of these tables; a database of a higher one is refused, and one of a lower one that
/// has synced is only read.
pub const FORMAT: i64 = 2;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS _meta(k TEXT PRIMARY KEY NOT NULL, v) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _log(seq INTEGER PRIMARY KEY, id BLOB NOT NULL, client BLOB NOT NULL, n INTEGER NOT NULL,
  t TEXT NOT NULL, tv INTEGER NOT NULL, b TEXT NOT NULL, ts INTEGER, k INTEGER NOT NULL, ref BLOB, code TEXT, bh BLOB);
CREATE TABLE IF NOT EXISTS _pending(lo INTEGER PRIMARY KEY, n INTEGER UNIQUE, id BLOB NOT NULL UNIQUE,
  t TEXT NOT NULL, tv INTEGER NOT NULL, b TEXT NOT NULL, ts INTEGER, sent INTEGER NOT NULL, undo BLOB, err TEXT,
  seq INTEGER, x TEXT);
CREATE TABLE IF NOT EXISTS _own(lo INTEGER PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, b TEXT);
CREATE TABLE IF NOT EXISTS _dead(seq INTEGER PRIMARY KEY, id BLOB NOT NULL, err TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS _known(seq INTEGER PRIMARY KEY, h BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS _failed(lo INTEGER PRIMARY KEY, id BLOB NOT NULL, t TEXT NOT NULL, tv INTEGER NOT NULL,
  b TEXT NOT NULL, ts INTEGER, err TEXT NOT NULL);
CREATE VIEW IF NOT EXISTS _history AS
  SELECT seq AS v, id, t, tv, b, ts, k, code, client, n, 0 AS pending, NULL AS err FROM _log
  UNION ALL
  SELECT (SELECT coalesce(max(seq), 0) FROM _log) + row_number() OVER (ORDER BY lo), id, t, tv, b, ts, 1, NULL, NULL,
    n, 1, err FROM _pending WHERE seq IS NULL;
";

/// Few rows are the server's own, or have no body.
const INDEXES: &str = "
CREATE INDEX IF NOT EXISTS _log_own ON _log(k, ref) WHERE k > 3;
CREATE INDEX IF NOT EXISTS _log_bare ON _log(seq) WHERE bh IS NOT NULL;
";

/// What a database of format 1 lacks.
const SINCE_1: &str = "
ALTER TABLE _log ADD COLUMN bh BLOB;
ALTER TABLE _pending ADD COLUMN x TEXT;
";

/// What these tables, and the view over them, are called.
pub const NAMES: [&str; 8] =
    ["_meta", "_log", "_pending", "_own", "_dead", "_known", "_failed", "_history"];

/// Whether a database has a queue.
pub fn is_there(conn: &Conn) -> Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN ('_log', '_pending', '_dead', '_history')";
    Ok(conn.one(sql, &[], |r| r.int(0))? == Some(4))
}

/// A row of `_log`, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct LogRow<'a> {
    /// Position.
    pub seq: u64,
    /// Identity.
    pub id: &'a [u8],
    /// The replica that made it.
    pub client: &'a [u8],
    /// That replica's count.
    pub n: u64,
    /// Type.
    pub event_type: &'a str,
    /// Schema version of the type.
    pub tv: u32,
    /// Body.
    pub data: &'a str,
    /// The author's clock.
    pub ts: Option<i64>,
    /// Kind, the protocol's byte.
    pub kind: u8,
    /// In a duplicate's row, the first occurrence; in a verdict's, the event it failed by; in a row
    /// of the server's own, the event it is about.
    pub reference: Option<&'a [u8]>,
    /// In a rejection's row, the verdict.
    pub code: Option<&'a str>,
    /// The hash of a body that is gone.
    pub bh: Option<&'a [u8]>,
}

/// An event of the queue that has no position of the server yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Local commit order.
    pub lo: i64,
    /// This replica's count; none after a rewind, for an event that was made under an older name.
    pub n: Option<u64>,
    /// Identity.
    pub id: [u8; 16],
    /// Type.
    pub event_type: String,
    /// Schema version of the type.
    pub tv: u32,
    /// Body.
    pub data: String,
    /// The author's clock.
    pub ts: Option<i64>,
    /// Whether it may have left this machine.
    pub sent: bool,
    /// The changeset of its effect; absent when it was never recorded.
    pub undo: Option<Vec<u8>>,
    /// Why it has no effect at its present place.
    pub err: Option<String>,
    /// Its position, when it is confirmed behind an event that is [held](super::Known::No): its
    /// effect stays where it is until that event can be applied.
    pub seq: Option<u64>,
    /// Its condition, without this replica's former names.
    pub x: Option<String>,
}

/// Creates the tables, or completes those of an older format: one that has synced is noted as
/// `older`, because its positions are of another protocol. Call in a transaction.
///
/// # Errors
/// `NEWER_FORMAT` for a database of a newer version of this package; nothing is changed then.
pub fn create(conn: &Conn) -> Result<()> {
    let there = conn.one("SELECT 1 FROM sqlite_schema WHERE name = '_meta'", &[], |_| Ok(()))?;
    if there.is_some() {
        let found = meta_int(conn, "format")?.unwrap_or(FORMAT);
        if found > FORMAT {
            return Err(Error::NewerFormat { found, known: FORMAT });
        }
        if found == FORMAT {
            return Ok(());
        }
        conn.exec(SINCE_1)?;
        conn.exec(INDEXES)?;
        if meta_blob(conn, "epoch")?.is_some() {
            set_meta(conn, "older", Param::Integer(found))?;
        }
        return set_meta(conn, "format", Param::Integer(FORMAT));
    }
    conn.exec(TABLES)?;
    conn.exec(INDEXES)?;
    set_meta(conn, "format", Param::Integer(FORMAT))
}

/// A number of `_meta`.
pub fn meta_int(conn: &Conn, k: &str) -> Result<Option<i64>> {
    Ok(conn.one("SELECT v FROM _meta WHERE k = ?", &[k.into()], |r| r.opt_int(0))?.flatten())
}

/// Bytes of `_meta`.
pub fn meta_blob(conn: &Conn, k: &str) -> Result<Option<Vec<u8>>> {
    let found = conn.one("SELECT v FROM _meta WHERE k = ?", &[k.into()], |r| {
        Ok(r.opt_blob(0)?.map(<[u8]>::to_vec))
    })?;
    Ok(found.flatten())
}

/// Writes a value of `_meta`.
pub fn set_meta(conn: &Conn, k: &str, v: Param<'_>) -> Result<()> {
    conn.run(
        "INSERT INTO _meta(k, v) VALUES (?, ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v",
        &[k.into(), v],
    )?;
    Ok(())
}

/// The last `seq` of `_log`.
pub fn head(conn: &Conn) -> Result<u64> {
    Ok(conn.one("SELECT max(seq) FROM _log", &[], |r| r.opt_int(0))?.flatten().unwrap_or(0) as u64)
}

/// Appends a confirmed event.
pub fn append(conn: &Conn, row: LogRow<'_>) -> Result<()> {
    conn.run(
        "INSERT INTO _log(seq, id, client, n, t, tv, b, ts, k, ref, code, bh) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            Param::Integer(row.seq as i64),
            row.id.into(),
            row.client.into(),
            Param::Integer(row.n as i64),
            row.event_type.into(),
            Param::Integer(row.tv.into()),
            row.data.into(),
            row.ts.into(),
            Param::Integer(row.kind.into()),
            row.reference.into(),
            row.code.into(),
            row.bh.into(),
        ],
    )?;
    Ok(())
}

/// Adds to the queue.
pub fn push(conn: &Conn, event: &Pending) -> Result<()> {
    conn.run(
        "INSERT INTO _pending(lo, n, id, t, tv, b, ts, sent, undo, err, x) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &[
            Param::Integer(event.lo),
            event.n.map(|n| n as i64).into(),
            (&event.id).into(),
            (&event.event_type).into(),
            Param::Integer(event.tv.into()),
            (&event.data).into(),
            event.ts.into(),
            Param::Integer(event.sent.into()),
            event.undo.as_deref().into(),
            event.err.as_ref().into(),
            event.x.as_ref().into(),
        ],
    )?;
    Ok(())
}

/// Every pending event in local commit order, those confirmed behind a held one among them.
pub fn pending(conn: &Conn) -> Result<Vec<Pending>> {
    conn.all(&format!("{PENDING} ORDER BY lo"), &[], read_pending)
}

/// The first so many pending events in local commit order, without those confirmed behind a held
/// one.
pub fn waiting(conn: &Conn, limit: usize) -> Result<Vec<Pending>> {
    let limit = Param::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    conn.all(&format!("{PENDING} WHERE seq IS NULL ORDER BY lo LIMIT ?"), &[limit], read_pending)
}

/// Pending events from number `n` on, at most `limit`.
pub fn numbered(conn: &Conn, n: u64, limit: usize) -> Result<Vec<Pending>> {
    let params =
        [Param::Integer(n as i64), Param::Integer(i64::try_from(limit).unwrap_or(i64::MAX))];
    conn.all(
        &format!("{PENDING} WHERE n >= ? AND seq IS NULL ORDER BY n LIMIT ?"),
        &params,
        read_pending,
    )
}

/// The numbers of the pending events in local commit order.
pub fn numbers(conn: &Conn) -> Result<Vec<Option<u64>>> {
    conn.all("SELECT n FROM _pending WHERE seq IS NULL ORDER BY lo", &[], |r| {
        Ok(r.opt_int(0)?.map(|n| n as u64))
    })
}

const PENDING: &str = "SELECT lo, n, id, t, tv, b, ts, sent, undo, err, seq, x FROM _pending";

fn read_pending(row: &Row<'_>) -> Result<Pending> {
    let id = row.blob(2)?.try_into().map_err(|_| {
        Error::Corrupt("an event's id in the table _pending has not 16 bytes".into())
    })?;
    Ok(Pending {
        lo: row.int(0)?,
        n: row.opt_int(1)?.map(|n| n as u64),
        id,
        event_type: row.text(3)?.to_string(),
        tv: row.int(4)? as u32,
        data: row.text(5)?.to_string(),
        ts: row.opt_int(6)?,
        sent: row.int(7)? != 0,
        undo: row.opt_blob(8)?.map(<[u8]>::to_vec),
        err: row.opt_text(9)?.map(String::from),
        seq: row.opt_int(10)?.map(|seq| seq as u64),
        x: row.opt_text(11)?.map(String::from),
    })
}

/// Notes that a pending event is confirmed though it cannot be applied at its place yet.
pub fn shadow(conn: &Conn, lo: i64, seq: u64) -> Result<()> {
    conn.run(
        "UPDATE _pending SET seq = ? WHERE lo = ?",
        &[Param::Integer(seq as i64), Param::Integer(lo)],
    )
    .map(|_| ())
}

/// The conditions of pending events, by their local commit order.
pub fn conditions(conn: &Conn) -> Result<Vec<(i64, String)>> {
    let sql = "SELECT lo, x FROM _pending WHERE x IS NOT NULL";
    conn.all(sql, &[], |r| Ok((r.int(0)?, r.text(1)?.to_string())))
}

/// Gives a pending event another condition.
pub fn set_condition(conn: &Conn, lo: i64, x: &str) -> Result<()> {
    let params = [x.into(), Param::Integer(lo)];
    conn.run("UPDATE _pending SET x = ? WHERE lo = ?", &params).map(|_| ())
}

/// Takes an event out of the queue.
pub fn remove(conn: &Conn, lo: i64) -> Result<()> {
    conn.run("DELETE FROM _pending WHERE lo = ?", &[Param::Integer(lo)]).map(|_| ())
}

/// Records what running a pending event did at its present place.
pub fn set_outcome(conn: &Conn, lo: i64, undo: &[u8], err: Option<&str>) -> Result<()> {
    conn.run(
        "UPDATE _pending SET undo = ?, err = ? WHERE lo = ?",
        &[undo.into(), err.into(), Param::Integer(lo)],
    )?;
    Ok(())
}

/// Marks events up to `n` as possibly gone out.
pub fn mark_sent(conn: &Conn, n: u64) -> Result<()> {
    conn.run("UPDATE _pending SET sent = 1 WHERE sent = 0 AND n <= ?", &[Param::Integer(n as i64)])
        .map(|_| ())
}

/// Records an event as having no effect at its confirmed position.
pub fn bury(conn: &Conn, seq: u64, id: &[u8], err: &str) -> Result<()> {
    let params = [Param::Integer(seq as i64), id.into(), err.into()];
    conn.run("INSERT OR REPLACE INTO _dead(seq, id, err) VALUES (?, ?, ?)", &params)?;
    Ok(())
}

/// Keeps an event that failed where it was made.
pub fn keep_failed(conn: &Conn, event: &Event, err: &str) -> Result<()> {
    let params = [
        (&event.id).into(),
        (&event.event_type).into(),
        Param::Integer(event.tv.into()),
        (&event.data).into(),
        Param::Integer(event.ts),
        err.into(),
    ];
    conn.run("INSERT INTO _failed(id, t, tv, b, ts, err) VALUES (?, ?, ?, ?, ?, ?)", &params)?;
    Ok(())
}

/// Calls `each` with the confirmed events that count, after `seq`, in order, `limit` of them.
pub fn confirmed<T>(
    conn: &Conn,
    seq: u64,
    limit: usize,
    each: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let sql = "SELECT seq, id, t, tv, b, ts, bh IS NOT NULL FROM _log WHERE seq > ? AND k = 1 ORDER BY seq LIMIT ?";
    conn.all(sql, &[Param::Integer(seq as i64), Param::Integer(limit as i64)], each)
}

/// The highest local commit order so far.
pub fn last_lo(conn: &Conn) -> Result<i64> {
    let sql = "SELECT max(coalesce((SELECT max(lo) FROM _pending), 0), coalesce((SELECT max(lo) FROM _own), 0))";
    Ok(conn.one(sql, &[], |r| r.int(0))?.unwrap_or(0))
}
