//! `_models`: what each table was declared to be when it was last opened.

use super::super::definition::{Column, ColumnType, Definition, Index};
use super::full_text;
use super::physical::Physical;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, quote};

/// The version of what is kept.
const FORMAT: i64 = 1;

/// Makes the table of definitions.
pub(super) fn create(conn: &Conn) -> Result<()> {
    conn.exec(
        "CREATE TABLE IF NOT EXISTS _models(name TEXT PRIMARY KEY, definition TEXT NOT NULL, stale INTEGER NOT NULL DEFAULT 0)",
    )
}

/// The definition a table was last brought to.
///
/// # Errors
/// `NEWER_FORMAT`, and `CORRUPT` for what is no definition.
pub(super) fn read(conn: &Conn, name: &str) -> Result<Option<Definition>> {
    let text = conn.one("SELECT definition FROM _models WHERE name = ?", &[name.into()], |r| {
        Ok(r.text(0)?.to_string())
    })?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| unreadable(name, &e))).transpose()
}

/// A newer version of this package may declare what this one does not know; anything else was never
/// written by any.
fn unreadable(name: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    match text.starts_with("unknown field") || text.starts_with("unknown variant") {
        true => Error::NewerFormat { found: FORMAT + 1, known: FORMAT },
        false => Error::Corrupt(format!(
            "the definition of model '{name}' in the table _models cannot be read: {text}"
        )),
    }
}

/// Keeps a definition. `stale` says that the rows have to be made anew from the log.
pub(super) fn write(conn: &Conn, definition: &Definition, stale: bool) -> Result<()> {
    let text = serde_json::to_string(definition).map_err(|e| Error::BadValue(e.to_string()))?;
    conn.run(
        "INSERT INTO _models(name, definition, stale) VALUES (?, ?, ?)
         ON CONFLICT(name) DO UPDATE SET definition = excluded.definition, stale = max(stale, excluded.stale)",
        &[(&definition.name).into(), (&text).into(), Param::Integer(stale.into())],
    )
    .map(|_| ())
}

/// Whether a table that events own has another shape than its rows were made for.
pub fn stale(conn: &Conn) -> Result<bool> {
    create(conn)?;
    Ok(conn.one("SELECT 1 FROM _models WHERE stale", &[], |_| Ok(()))?.is_some())
}

/// Notes that the rows were made anew.
pub fn fresh(conn: &Conn) -> Result<()> {
    create(conn)?;
    conn.run("UPDATE _models SET stale = 0 WHERE stale", &[]).map(|_| ())
}

/// Drops the table of a model and all that is known of it; whether there was one.
pub fn forget(conn: &Conn, name: &str) -> Result<bool> {
    create(conn)?;
    let Some(definition) = read(conn, name)? else { return Ok(false) };
    full_text::drop(conn, &definition)?;
    conn.exec(&format!("DROP TABLE IF EXISTS {}", quote(name)))?;
    conn.run("DELETE FROM _models WHERE name = ?", &[name.into()])?;
    Ok(true)
}

/// A definition for a table of which none was kept: the declared one, as far as the table has it.
pub(super) fn adopt(
    conn: &Conn,
    new: &Definition,
    there: &[Physical],
    typed: bool,
) -> Result<Definition> {
    let before = |column: &Column| match found(there, &column.name) {
        _ if column.name == new.id_col => column.clone(),
        // a virtual one's values may be there alone, if it was real
        Some(found) => Column { real: true, ty: type_of(&found.ty), ..column.clone() },
        None => Column { real: false, ty: None, aside: false, foreign_key: None, ..column.clone() },
    };
    let is_there =
        |c: &&Column| c.name != new.id_col && c.is_real() && found(there, &c.name).is_some();
    let columns = new.columns.iter().filter(|c| !is_there(c)).map(before).collect();
    let mut old = Definition { columns, ..new.clone() };
    complete(conn, &mut old, new, there, typed)?;
    // an index that is called as a column's was made for it, by whatever made the table
    old.columns.iter_mut().for_each(|column| column.index = column.index.or(Some(Index::All)));
    Ok(old)
}

/// Adds what a table has of the declared columns and the definition kept of it does not:
/// strato-db's columns that were not declared when it was taken over, a user's own. `typed` says
/// that its types are a model's.
pub(super) fn complete(
    conn: &Conn,
    old: &mut Definition,
    new: &Definition,
    there: &[Physical],
    typed: bool,
) -> Result<()> {
    for column in new.data_columns().filter(|c| c.is_real()) {
        let known =
            old.data_columns().any(|c| c.is_real() && c.name.eq_ignore_ascii_case(&column.name));
        let Some(found) = found(there, &column.name).filter(|_| !known) else { continue };
        let ty = match (type_of(&found.ty), column.ty) {
            (Some(ty), _) if typed => Some(ty),
            (ty, Some(ColumnType::Json)) if !holds_json(conn, new, found)? => ty,
            (_, ty) => ty,
        };
        old.columns.retain(|c| c.name != column.name);
        old.columns.push(Column { foreign_key: None, real: true, ty, ..column.clone() });
    }
    Ok(())
}

fn holds_json(conn: &Conn, model: &Definition, column: &Physical) -> Result<bool> {
    let (table, name) = (quote(&model.name), quote(&column.name));
    let other = format!(
        "SELECT 1 FROM {table} WHERE {name} IS NOT NULL AND NOT json_valid({name}) LIMIT 1"
    );
    Ok(conn.one(&other, &[], |_| Ok(()))?.is_none())
}

fn found<'a>(there: &'a [Physical], name: &str) -> Option<&'a Physical> {
    there.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

fn type_of(sql: &str) -> Option<ColumnType> {
    match sql.to_ascii_uppercase().as_str() {
        "TEXT" => Some(ColumnType::Text),
        "NUMERIC" => Some(ColumnType::Numeric),
        "INTEGER" => Some(ColumnType::Integer),
        "REAL" => Some(ColumnType::Real),
        "JSON" => Some(ColumnType::Json),
        _ => None,
    }
}
