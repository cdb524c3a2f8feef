//! A table as SQLite has it, and how a declared column stands in its DDL.

use super::super::definition::Column;
use crate::error::Result;
use crate::sql::{Conn, quote};

/// A column as the table has it.
#[derive(Debug)]
pub(super) struct Physical {
    pub(super) name: String,
    pub(super) ty: String,
    /// Every row must bring a value of its own.
    pub(super) needed: bool,
}

/// The columns of a table; none when it is not there.
pub(super) fn columns(conn: &Conn, table: &str) -> Result<Vec<Physical>> {
    // as a statement: the table-valued function costs each connection a virtual table
    conn.all(&format!("PRAGMA table_info({})", quote(table)), &[], |r| {
        let needed = r.int(3)? != 0 && r.opt_text(4)?.is_none() && r.int(5)? == 0;
        Ok(Physical { name: r.text(1)?.to_string(), ty: r.text(2)?.to_string(), needed })
    })
}

/// A name for a column while another takes its own.
pub(super) fn free_name(name: &str, there: &[Physical]) -> String {
    let mut free = format!("{name}~");
    while there.iter().any(|p| p.name.eq_ignore_ascii_case(&free)) {
        free.push('~');
    }
    free
}

/// A column in CREATE TABLE or ADD COLUMN.
pub(super) fn declaration(column: &Column) -> String {
    format!("{} {}", quote(&column.name), sql_type(column))
}

/// The type a column is declared with.
pub(super) fn sql_type(column: &Column) -> &'static str {
    column.ty.map_or("BLOB", |ty| ty.sql())
}
