//! What stands in the way while columns are moved: indexes and triggers of a table, dropped and put back as they were.

use crate::error::Result;
use crate::sql::{Conn, quote};

/// Indexes and triggers of a table that were put aside.
#[derive(Debug, Default)]
pub(super) struct Aside(Vec<String>);

impl Aside {
    /// Drops every index and trigger of a table but those of `gone`, which are dropped for good.
    pub(super) fn put(conn: &Conn, table: &str, gone: &[String]) -> Result<Aside> {
        let found = conn.all(
            "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL",
            &[table.into()],
            |r| Ok((r.text(0)?.to_string(), r.text(1)?.to_string(), r.text(2)?.to_string())),
        )?;
        let mut kept = Vec::new();
        for (kind, name, sql) in found {
            conn.exec(&format!("DROP {kind} {}", quote(&name)))?;
            if !gone.contains(&name) {
                kept.push(sql);
            }
        }
        Ok(Aside(kept))
    }

    /// Puts them back. An index on a column that is gone fails, and names it.
    pub(super) fn back(self, conn: &Conn) -> Result<()> {
        self.0.iter().try_for_each(|sql| conn.exec(sql))
    }
}
