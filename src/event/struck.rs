//! Events that rows of the server's own have struck out: voided, or erased with their bodies. What
//! such a row means for the state is the store's business.

use crate::error::Result;
use crate::sql::{Conn, Param};
use std::collections::HashSet;

/// The ids of all events that are struck out, up to the log's head.
pub fn all(conn: &Conn) -> Result<HashSet<[u8; 16]>> {
    let ids = conn.all("SELECT ref FROM _log WHERE k IN (4, 5)", &[], |r| {
        Ok(r.opt_blob(0)?.and_then(|id| <[u8; 16]>::try_from(id).ok()))
    })?;
    Ok(ids.into_iter().flatten().collect())
}

/// Whether an event is struck out.
pub fn is(conn: &Conn, id: &[u8; 16]) -> Result<bool> {
    let sql = "SELECT 1 FROM _log WHERE k IN (4, 5) AND ref = ?";
    Ok(conn.one(sql, &[id.into()], |_| Ok(()))?.is_some())
}

/// Forgets the effect of an own event that is confirmed behind a held one.
pub fn forget_shadow(conn: &Conn, id: &[u8]) -> Result<()> {
    conn.run("DELETE FROM _pending WHERE seq IS NOT NULL AND id = ?", &[id.into()]).map(|_| ())
}

/// Deletes every copy of an event's body; `hash` says what it was. Points of the chain from the
/// event up to `seq`, where its erasing stands, are given up: whoever went back to one of them
/// would have neither the body nor the row that says why.
pub fn erase(conn: &Conn, seq: u64, id: &[u8], hash: impl FnOnce(&str) -> Vec<u8>) -> Result<()> {
    let sql = "SELECT seq, b, bh IS NULL FROM _log WHERE id = ? AND k = 1 ORDER BY seq LIMIT 1";
    let row =
        conn.one(sql, &[id.into()], |r| Ok((r.int(0)?, r.text(1)?.to_string(), r.int(2)? == 1)))?;
    let Some((first, body, whole)) = row else { return Ok(()) };
    if whole {
        let hash = hash(&body);
        let params = [hash.as_slice().into(), Param::Integer(first)];
        conn.run("UPDATE _log SET b = '', bh = ? WHERE seq = ?", &params)?;
    }
    let copies = "UPDATE _own SET b = NULL WHERE seq IN (SELECT seq FROM _log WHERE id = ?)";
    conn.run(copies, &[id.into()])?;
    let between = [Param::Integer(first), Param::Integer(seq as i64)];
    conn.run("DELETE FROM _known WHERE seq >= ? AND seq < ?", &between).map(|_| ())
}

/// The first event whose body is gone though nothing up to the head says why.
pub fn first_bare(conn: &Conn) -> Result<Option<u64>> {
    let sql = "SELECT min(seq) FROM _log
               WHERE bh IS NOT NULL AND id NOT IN (SELECT ref FROM _log WHERE k IN (4, 5))";
    Ok(conn.one(sql, &[], |r| r.opt_int(0))?.flatten().map(|seq| seq as u64))
}
