//! Which of the application's migrations have run: the table that strato-db keeps them in, with its
//! name and columns.

use crate::error::Result;
use crate::sql::{Conn, Param};

/// The run keys of what has run. Makes the table; an old one of strato-db's is renamed.
pub fn done_keys(conn: &Conn) -> Result<Vec<String>> {
    let there = |name: &str| {
        conn.one(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?",
            &[name.into()],
            |_| Ok(()),
        )
    };
    if there("{sdb} migrations")?.is_none() {
        conn.exec(match there("_migrations")? {
            Some(()) => "ALTER TABLE _migrations RENAME TO \"{sdb} migrations\"",
            None => "CREATE TABLE \"{sdb} migrations\"(runKey TEXT, ts DATETIME, up BOOLEAN)",
        })?;
    }
    conn.all("SELECT DISTINCT runKey FROM \"{sdb} migrations\" WHERE up", &[], |r| {
        Ok(r.text(0)?.to_string())
    })
}

/// Notes that a migration has run at `ts`, in seconds.
pub fn note_key(conn: &Conn, key: &str, ts: i64) -> Result<()> {
    conn.run(
        "INSERT INTO \"{sdb} migrations\"(runKey, ts, up) VALUES (?, ?, 1)",
        &[key.into(), Param::Integer(ts)],
    )
    .map(|_| ())
}
