//! The indexes of a model: what it wants, what it has, and how the one becomes the other.
//!
//! Only indexes that a recorded definition named are dropped or replaced: a user's own are never
//! touched.

use super::super::definition::{Column, Definition, Index};
use super::super::expression;
use super::{record, strange};
use crate::error::{Error, Result};
use crate::sql::{Conn, quote};

/// Drops what is no longer wanted, and gives what has to be made: names and statements.
pub(super) fn outdated(
    conn: &Conn,
    old: Option<&Definition>,
    new: &Definition,
    recorded: bool,
) -> Result<Vec<(String, String)>> {
    let wanted: Vec<(String, String)> =
        wanted(new)?.iter().map(|index| free(conn, new, index)).collect::<Result<_>>()?;
    let before: Vec<String> = match old {
        Some(old) => ours(conn, old)?,
        None => Vec::new(),
    };
    let there = there(conn, new)?;
    for (name, sql) in &there {
        let now = wanted.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        let ours = before.contains(name);
        match now {
            Some((_, wanted)) if wanted == sql => {}
            Some(_) if !ours && recorded => {
                let remedy = "an index of your own has it, and the model needs it: rename yours";
                return Err(Error::BadName { what: "index", name: name.clone(), remedy });
            }
            None if !ours => {}
            _ => conn.exec(&format!("DROP INDEX {}", quote(name)))?,
        }
    }
    let stays = |(name, sql): &&(String, String)| there.iter().any(|(n, s)| n == name && s == sql);
    Ok(wanted.iter().filter(|index| !stays(index)).cloned().collect())
}

fn there(conn: &Conn, model: &Definition) -> Result<Vec<(String, String)>> {
    let all: Vec<(String, String)> = conn.all(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL",
        &[(&model.name).into()],
        |r| Ok((r.text(0)?.to_string(), r.text(1)?.to_string())),
    )?;
    let mut there = Vec::new();
    for (name, sql) in all {
        if !strange::is_guard(conn, model, &name, &sql)? {
            there.push((name, sql));
        }
    }
    Ok(there)
}

/// The names of a definition's indexes.
fn names(definition: &Definition) -> Vec<String> {
    let single = definition.data_columns().filter(|c| c.index.is_some());
    let compound = definition.indexes.iter().map(|i| compound_name(definition, i));
    single.map(|c| format!("{}_{}", definition.name, c.name)).chain(compound).collect()
}

/// The names of a definition's indexes in its table: an index has another name only where its own
/// is taken, or was, which the statement tells.
pub(super) fn ours(conn: &Conn, definition: &Definition) -> Result<Vec<String>> {
    let (there, made) = (there(conn, definition)?, wanted(definition).unwrap_or_default());
    let mut ours = names(definition);
    for (name, sql) in &made {
        for other in others(name) {
            let Some((_, found)) = there.iter().find(|(name, _)| *name == other) else { continue };
            if *found == renamed(sql, name, &other) || is_taken(conn, definition, name)? {
                ours.push(other);
            }
        }
    }
    Ok(ours)
}

fn renamed(sql: &str, from: &str, to: &str) -> String {
    sql.replacen(&quote(from), &quote(to), 1)
}

/// Names for an index of which the own is taken.
fn others(name: &str) -> impl Iterator<Item = String> + '_ {
    (2..10).map(move |n| format!("{name}~{n}"))
}

/// An index under a name that nothing but the model's table has: names of a database are shared by
/// all.
pub(super) fn free(
    conn: &Conn,
    model: &Definition,
    (name, sql): &(String, String),
) -> Result<(String, String)> {
    if !is_taken(conn, model, name)? {
        return Ok((name.clone(), sql.clone()));
    }
    let own = names(model);
    for other in others(name) {
        if !own.iter().any(|own| own.eq_ignore_ascii_case(&other))
            && !is_taken(conn, model, &other)?
        {
            let sql = renamed(sql, name, &other);
            return Ok((other, sql));
        }
    }
    let remedy = "other tables and indexes have it: give the index another name";
    Err(Error::BadName { what: "index", name: name.clone(), remedy })
}

/// Whether something else than an index of the model's table has a name.
fn is_taken(conn: &Conn, model: &Definition, name: &str) -> Result<bool> {
    let found = conn.one(
        "SELECT type = 'index' AND tbl_name = ?2 COLLATE NOCASE AS its, sql FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE",
        &[name.into(), (&model.name).into()],
        |r| Ok((r.int(0)? != 0, r.opt_text(1)?.unwrap_or_default().to_string())),
    )?;
    match found {
        Some((true, sql)) => strange::is_guard(conn, model, name, &sql),
        found => Ok(found.is_some()),
    }
}

/// Gives an index of another model that has a model's name one of the others, once `make` has made
/// the table.
pub(super) fn give_way(conn: &Conn, model: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let sql = "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE";
    let found = conn.one(sql, &[model.into()], |r| {
        Ok((
            r.text(0)?.to_string(),
            r.text(1)?.to_string(),
            r.opt_text(2)?.unwrap_or_default().to_string(),
        ))
    })?;
    let Some((name, table, sql)) = found else { return make() };
    let owner = match record::read(conn, &table)? {
        Some(owner) if ours(conn, &owner)?.contains(&name) => Some(owner),
        _ => None,
    };
    let Some(owner) = owner else {
        let remedy = "an index of your own has it: rename the index or the model";
        return Err(Error::BadName { what: "model", name: model.into(), remedy });
    };
    conn.exec(&format!("DROP INDEX {}", quote(&name)))?;
    make()?;
    conn.exec(&free(conn, &owner, &(name, sql))?.1)
}

fn compound_name(
    definition: &Definition,
    index: &super::super::definition::CompoundIndex,
) -> String {
    let name = index.name.clone().unwrap_or_else(|| index.columns.join("_"));
    format!("{}_{name}", definition.name)
}

fn wanted(model: &Definition) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for column in model.data_columns() {
        let Some(index) = column.index else { continue };
        let expression = expression(model, column);
        let rows = match index {
            Index::All => String::new(),
            Index::Sparse => format!(" WHERE {expression} IS NOT NULL"),
        };
        let name = format!("{}_{}", model.name, column.name);
        let parts = format!("({expression}){}", collation(column));
        found.push((name.clone(), statement(model, &name, column.unique, &parts, &rows)));
    }
    for index in &model.indexes {
        let mut parts = Vec::new();
        let mut some = Vec::new();
        for name in &index.columns {
            let column = model.columns.iter().find(|c| c.name == *name);
            let (expression, collation) = match column {
                Some(column) if *name != model.id_col => {
                    (expression(model, column), collation(column))
                }
                _ if *name == model.id_col => (quote(name), ""),
                _ => {
                    let (model, column) = (model.name.clone(), name.clone());
                    return Err(Error::UnknownColumn { model, column });
                }
            };
            some.push(format!("{expression} IS NOT NULL"));
            parts.push(format!("({expression}){collation}"));
        }
        let rows =
            if index.sparse { format!(" WHERE {}", some.join(" OR ")) } else { String::new() };
        let name = compound_name(model, index);
        found.push((name.clone(), statement(model, &name, index.unique, &parts.join(", "), &rows)));
    }
    for (i, (name, _)) in found.iter().enumerate() {
        if found[..i].iter().any(|(n, _)| n.eq_ignore_ascii_case(name)) {
            let remedy = "two indexes of the model have it: give one another name";
            return Err(Error::BadName { what: "index", name: name.clone(), remedy });
        }
    }
    Ok(found)
}

fn statement(model: &Definition, name: &str, unique: bool, parts: &str, rows: &str) -> String {
    let unique = if unique { "UNIQUE " } else { "" };
    format!("CREATE {unique}INDEX {} ON {}({parts}){rows}", quote(name), quote(&model.name))
}

/// In an index the table has no other name.
fn expression(model: &Definition, column: &Column) -> String {
    match &column.sql {
        Some(sql) => format!("({})", sql.replace("tbl.", "")),
        None => expression::expression(model, column, ""),
    }
}

fn collation(column: &Column) -> &'static str {
    column.collate.map_or("", |c| c.sql())
}
