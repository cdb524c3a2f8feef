//! The full-text table of a model: made, replaced and filled anew. What it consists of is `fts`'s.

use super::super::definition::Definition;
use super::super::fts::schema;
use super::progress::Progress;
use crate::error::Result;
use crate::sql::{Conn, quote};

/// Drops it, before columns it reads are moved.
pub(super) fn drop(conn: &Conn, definition: &Definition) -> Result<()> {
    for (name, kind, _) in schema(definition).iter().rev() {
        conn.exec(&format!("DROP {kind} IF EXISTS {}", quote(name)))?;
    }
    Ok(())
}

/// Drops it if it is to be another one.
pub(super) fn outdated(conn: &Conn, old: Option<&Definition>, new: &Definition) -> Result<()> {
    match old {
        Some(old) if schema(old) != schema(new) => drop(conn, old),
        _ => Ok(()),
    }
}

/// Makes it what the model declares; nothing when it is.
pub(super) fn make(conn: &Conn, new: &Definition) -> Result<Option<Progress>> {
    let wanted = schema(new);
    let mut there = true;
    for (name, kind, sql) in &wanted {
        let same = "SELECT 1 FROM sqlite_schema WHERE name = ? AND type = ? AND sql = ?";
        let found = conn.one(same, &[name.into(), (*kind).into(), sql.into()], |_| Ok(()))?;
        there &= found.is_some();
    }
    if there {
        return Ok(None);
    }
    drop(conn, new)?;
    wanted.iter().try_for_each(|(_, _, sql)| conn.exec(sql))?;
    for (name, _, _) in wanted.iter().filter(|(_, kind, _)| *kind == "table") {
        let name = quote(name);
        conn.exec(&format!("INSERT INTO {name}({name}) VALUES ('rebuild')"))?;
    }
    Ok(Some(Progress { phase: "fullText", done: 1, total: 1 }))
}
