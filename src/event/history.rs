//! The queue as applications see it: confirmed events, then pending ones; and what failed where it
//! was made.

use crate::error::Result;
use crate::sql::{Conn, Param};

/// Which events to read.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// Only events of this type.
    pub event_type: Option<String>,
    /// Only events after this position.
    pub after: u64,
    /// At most this position.
    pub up_to: Option<u64>,
    /// At most so many.
    pub limit: Option<u64>,
    /// The newest first.
    pub newest_first: bool,
}

/// An event in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Its position.
    pub v: u64,
    /// Its identity.
    pub id: Vec<u8>,
    /// Its type.
    pub event_type: String,
    /// Its data as JSON text; empty where only the server's verdict was kept.
    pub data: String,
    /// The author's clock.
    pub ts: Option<i64>,
    /// Kind, the protocol's byte.
    pub kind: u8,
    /// The server's verdict.
    pub code: Option<String>,
    /// Who made it, if it is confirmed.
    pub client: Option<Vec<u8>>,
    /// Whether it waits for the server.
    pub pending: bool,
    /// Whether it may have reached the server, while it is pending.
    pub sent: bool,
    /// Why it has no effect at its place.
    pub err: Option<String>,
}

/// Reads part of the queue.
pub fn history(conn: &Conn, filter: &Filter) -> Result<Vec<HistoryRow>> {
    let order = if filter.newest_first { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT v, h.id, h.t, h.b, h.ts, h.k, h.code, h.client, h.pending, coalesce(h.err, d.err),
           coalesce(p.sent, 0)
         FROM _history h LEFT JOIN _dead d ON d.seq = h.v AND h.pending = 0
           LEFT JOIN _pending p ON p.id = h.id AND h.pending = 1
         WHERE v > ?1 AND (?2 IS NULL OR v <= ?2) AND (?3 IS NULL OR h.t = ?3) ORDER BY v {order} LIMIT ?4"
    );
    let int = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let params = [
        Param::Integer(int(filter.after)),
        filter.up_to.map(int).into(),
        filter.event_type.as_ref().into(),
        Param::Integer(filter.limit.map_or(-1, int)),
    ];
    conn.all(&sql, &params, |row| {
        Ok(HistoryRow {
            v: row.int(0)? as u64,
            id: row.blob(1)?.to_vec(),
            event_type: row.text(2)?.to_string(),
            data: row.text(3)?.to_string(),
            ts: row.opt_int(4)?,
            kind: row.int(5)? as u8,
            code: row.opt_text(6)?.map(String::from),
            client: row.opt_blob(7)?.map(<[u8]>::to_vec),
            pending: row.int(8)? != 0,
            err: row.opt_text(9)?.map(String::from),
            sent: row.int(10)? != 0,
        })
    })
}

/// How many events the queue has, of a type if one is given.
pub fn count(conn: &Conn, event_type: Option<&str>) -> Result<u64> {
    let sql = "SELECT count(*) FROM _history WHERE ?1 IS NULL OR t = ?1";
    let found = conn.one(sql, &[event_type.into()], |row| row.int(0))?;
    Ok(found.unwrap_or(0) as u64)
}
