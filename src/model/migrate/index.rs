//! The indexes of a model: what it wants, what it has, and how the one becomes the other.
//!
//! Only indexes that a recorded definition named are dropped or replaced: a user's own are never touched.

use super::super::definition::{Column, Definition, Index};
use super::super::expression;
use super::record;
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
        Some(old) => names(old),
        None => Vec::new(),
    };
    let there = conn.all(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? COLLATE NOCASE AND sql IS NOT NULL",
        &[(&new.name).into()],
        |r| Ok((r.text(0)?.to_string(), r.text(1)?.to_string())),
    )?;
    for (name, sql) in &there {
        let now = wanted.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        let ours = before.contains(name);
        match now {
            Some((_, wanted)) if wanted == sql => {}
            Some(_) if !ours && recorded => {
                let remedy = "it is an index of your own: rename it, the model needs the name";
                return Err(Error::BadName { what: "index", name: name.clone(), remedy });
            }
            None if !ours => {}
            _ => conn.exec(&format!("DROP INDEX {}", quote(name)))?,
        }
    }
    let stays = |(name, sql): &&(String, String)| there.iter().any(|(n, s)| n == name && s == sql);
    Ok(wanted.iter().filter(|index| !stays(index)).cloned().collect())
}

/// The names of a definition's indexes, and those they get where these are taken.
pub(super) fn names(definition: &Definition) -> Vec<String> {
    let single = definition.data_columns().filter(|c| c.index.is_some());
    let compound = definition.indexes.iter().map(|i| compound_name(definition, i));
    let names = single.map(|c| format!("{}_{}", definition.name, c.name)).chain(compound);
    names.flat_map(|name| others(&name).chain([name.clone()]).collect::<Vec<_>>()).collect()
}

/// Names for an index of which the own is taken.
fn others(name: &str) -> impl Iterator<Item = String> + '_ {
    (2..10).map(move |n| format!("{name}~{n}"))
}

/// An index under a name that nothing but the model's table has: names of a database are shared by all.
pub(super) fn free(
    conn: &Conn,
    model: &Definition,
    (name, sql): &(String, String),
) -> Result<(String, String)> {
    let taken = |name: &str| {
        let sql = "SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND NOT (type = 'index' AND tbl_name = ? COLLATE NOCASE)";
        conn.one(sql, &[name.into(), (&model.name).into()], |_| Ok(()))
    };
    if taken(name)?.is_none() {
        return Ok((name.clone(), sql.clone()));
    }
    for other in others(name) {
        if taken(&other)?.is_none() {
            let sql = sql.replacen(&quote(name), &quote(&other), 1);
            return Ok((other, sql));
        }
    }
    let remedy = "other tables and indexes have it: give the index another name";
    Err(Error::BadName { what: "index", name: name.clone(), remedy })
}

/// Gives an index of another model that has a model's name one of the others, once `make` has made the table.
pub(super) fn give_way(conn: &Conn, model: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let sql =
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE";
    let found = conn.one(sql, &[model.into()], |r| {
        Ok((r.text(0)?.to_string(), r.text(1)?.to_string(), r.opt_text(2)?.unwrap_or_default().to_string()))
    })?;
    let Some((name, table, sql)) = found else { return make() };
    let Some(owner) = record::read(conn, &table)?.filter(|owner| names(owner).contains(&name)) else {
        let remedy = "an index of your own has it: rename the one or the other";
        return Err(Error::BadName { what: "model", name: model.into(), remedy });
    };
    conn.exec(&format!("DROP INDEX {}", quote(&name)))?;
    make()?;
    conn.exec(&free(conn, &owner, &(name, sql))?.1)
}

fn compound_name(definition: &Definition, index: &super::super::definition::CompoundIndex) -> String {
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
                Some(column) if *name != model.id_col => (expression(model, column), collation(column)),
                _ if *name == model.id_col => (quote(name), ""),
                _ => {
                    let (model, column) = (model.name.clone(), name.clone());
                    return Err(Error::UnknownColumn { model, column });
                }
            };
            some.push(format!("{expression} IS NOT NULL"));
            parts.push(format!("({expression}){collation}"));
        }
        let rows = if index.sparse { format!(" WHERE {}", some.join(" OR ")) } else { String::new() };
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
