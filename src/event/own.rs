//! What a replica keeps to come back together with a server that lost history: which confirmed
//! events are its own (`_own`, with the data where the log has none), and points of the chain
//! (`_known`). Both last as long as `_log`.

use crate::error::Result;
use crate::sql::{Conn, Param};

/// A point of the chain: its position and hash.
pub type Known = (u64, Vec<u8>);

/// Remembers that a confirmed event is this replica's own; `data` is its data where the log's
/// row has none.
pub fn add(conn: &Conn, lo: i64, seq: u64, data: Option<&str>) -> Result<()> {
    let params = [Param::Integer(lo), Param::Integer(seq as i64), data.into()];
    conn.run("INSERT INTO _own(lo, seq, b) VALUES (?, ?, ?)", &params).map(|_| ())
}

/// Takes the log after `seq` away; own events of it are pending again, in local commit order,
/// without their conditions, and without those that were erased. Those that `client` made keep
/// their number. Gives how many they are.
pub fn take_back(conn: &Conn, seq: u64, client: &[u8]) -> Result<u64> {
    let seq = Param::Integer(seq as i64);
    // what was confirmed behind a held event is in the queue still
    let freed = conn.run("UPDATE _pending SET seq = NULL, x = NULL WHERE seq > ?", &[seq])?;
    let taken = conn.run(
        "INSERT INTO _pending(lo, n, id, t, tv, b, ts, sent)
         SELECT o.lo, iif(l.client = ?2, l.n, NULL), l.id, l.t, l.tv, coalesce(o.b, l.b), l.ts, 1
         FROM _own o JOIN _log l ON l.seq = o.seq
         WHERE o.seq > ?1 AND o.lo NOT IN (SELECT lo FROM _pending)
           AND l.id NOT IN (SELECT ref FROM _log WHERE k = 5) AND l.bh IS NULL",
        &[seq, client.into()],
    )?;
    for table in ["_own", "_log", "_dead", "_known"] {
        conn.run(&format!("DELETE FROM {table} WHERE seq > ?"), &[seq])?;
    }
    Ok((freed.changes + taken.changes) as u64)
}

/// Numbers the pending events from 1 on, in local commit order.
pub fn renumber(conn: &Conn) -> Result<()> {
    // first without numbers: two may not have the same one even for a moment
    conn.run("UPDATE _pending SET n = NULL", &[])?;
    conn.run(
        "UPDATE _pending SET n = p.k FROM (SELECT lo, row_number() OVER (ORDER BY lo) AS k FROM _pending WHERE seq IS NULL) p
         WHERE _pending.lo = p.lo",
        &[],
    )
    .map(|_| ())
}

/// The points kept, newest first.
pub fn known(conn: &Conn) -> Result<Vec<Known>> {
    conn.all("SELECT seq, h FROM _known ORDER BY seq DESC", &[], |r| {
        Ok((r.int(0)? as u64, r.blob(1)?.to_vec()))
    })
}

/// Keeps a point.
pub fn add_known(conn: &Conn, seq: u64, h: &[u8]) -> Result<()> {
    let params = [Param::Integer(seq as i64), h.into()];
    conn.run("INSERT OR IGNORE INTO _known(seq, h) VALUES (?, ?)", &params).map(|_| ())
}

/// Gives a point up.
pub fn forget_known(conn: &Conn, seq: u64) -> Result<()> {
    conn.run("DELETE FROM _known WHERE seq = ?", &[Param::Integer(seq as i64)]).map(|_| ())
}
