//! Foreign keys. SQLite cannot add one to a column that is there, so the column is made again
//! beside itself: a table rebuilt whole would have to be dropped, which with foreign keys on
//! removes what refers to it.

use super::super::definition::{Column, Definition, ForeignKey, Reaction};
use super::aside::Aside;
use super::physical::{columns, declaration, free_name};
use super::progress::Progress;
use super::{full_text, record};
use crate::error::{Error, Result};
use crate::sql::{Conn, Value, quote};

/// Makes the foreign keys what the model declares, one a step; nothing when they are.
pub(super) fn refer(
    conn: &Conn,
    old: Option<&Definition>,
    new: &Definition,
    owned: bool,
) -> Result<Option<Progress>> {
    let ours = |c: &Column| {
        let before = old.and_then(|old| old.columns.iter().find(|o| o.name == c.name));
        c.foreign_key.is_some() || before.is_some_and(|o| o.foreign_key.is_some())
    };
    let columns: Vec<&Column> = new.data_columns().filter(|c| c.is_real() && ours(c)).collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let there = keys(conn, &new.name)?;
    for (i, column) in columns.iter().enumerate() {
        let wanted = column
            .foreign_key
            .as_ref()
            .map(|key| Key::wanted(conn, new, column, key))
            .transpose()?;
        let has = there.iter().find(|(name, _)| *name == column.name).map(|(_, key)| key);
        if wanted.as_ref() == has {
            continue;
        }
        remake(conn, new, column, wanted.as_ref(), owned)?;
        return Ok(Some(Progress {
            phase: "foreignKeys",
            done: i as i64 + 1,
            total: columns.len() as i64,
        }));
    }
    Ok(None)
}

#[derive(Debug, PartialEq)]
struct Key {
    table: String,
    column: String,
    on_delete: &'static str,
    on_update: &'static str,
}

impl Key {
    fn wanted(conn: &Conn, new: &Definition, from: &Column, key: &ForeignKey) -> Result<Key> {
        let column = match (&key.column, key.model == new.name) {
            (Some(column), _) => column.clone(),
            (None, true) => new.id_col.clone(),
            // a table's primary key may be its rowId: the id has to be named
            (None, false) => match record::read(conn, &key.model)? {
                Some(parent) => parent.id_col,
                None => return Err(no_such(new, from, &key.model)),
            },
        };
        let (on_delete, on_update) = (reaction(key.on_delete), reaction(key.on_update));
        Ok(Key { table: key.model.clone(), column, on_delete, on_update })
    }
}

fn reaction(reaction: Option<Reaction>) -> &'static str {
    match reaction {
        // SQLite's own RESTRICT also forbids what is right again at the end of the statement
        None | Some(Reaction::Restrict) => "NO ACTION",
        Some(Reaction::Cascade) => "CASCADE",
        Some(Reaction::SetNull) => "SET NULL",
    }
}

/// The foreign keys a table has, by column.
#[inline(never)]
fn keys(conn: &Conn, table: &str) -> Result<Vec<(String, Key)>> {
    let known = |text: &str| {
        ["CASCADE", "SET NULL"].into_iter().find(|r| *r == text).unwrap_or("NO ACTION")
    };
    conn.all(
        "SELECT \"from\", \"table\", \"to\", on_delete, on_update FROM pragma_foreign_key_list(?)",
        &[table.into()],
        |r| {
            let key = Key {
                table: r.text(1)?.to_string(),
                column: r.opt_text(2)?.unwrap_or_default().to_string(),
                on_delete: known(r.text(3)?),
                on_update: known(r.text(4)?),
            };
            Ok((r.text(0)?.to_string(), key))
        },
    )
}

#[inline(never)]
fn remake(
    conn: &Conn,
    new: &Definition,
    column: &Column,
    key: Option<&Key>,
    owned: bool,
) -> Result<()> {
    let before = free_name(&column.name, &columns(conn, &new.name)?);
    let (table, name, before) = (quote(&new.name), quote(&column.name), quote(&before));
    full_text::drop(conn, new)?;
    let aside = Aside::put(conn, new, &[], &[])?;
    conn.exec(&format!("ALTER TABLE {table} RENAME COLUMN {name} TO {before}"))?;
    let references = key.map_or(String::new(), |key| {
        format!(
            " REFERENCES {}({}) ON DELETE {} ON UPDATE {}",
            quote(&key.table),
            quote(&key.column),
            key.on_delete,
            key.on_update
        )
    });
    conn.exec(&format!("ALTER TABLE {table} ADD COLUMN {}{references}", declaration(column)))?;
    if let Some(key) = key.filter(|_| owned) {
        // the log decides what may stay when the rows are made anew from it
        let (parent, id) = (quote(&key.table), quote(&key.column));
        conn.exec(&format!(
            "DELETE FROM {table} WHERE {before} IS NOT NULL AND {before} NOT IN (SELECT {id} FROM {parent})"
        ))?;
    }
    conn.exec(&format!("UPDATE {table} SET {name} = {before} WHERE {before} IS NOT NULL"))
        .map_err(|e| explain(conn, new, column, key, e))?;
    conn.exec(&format!("ALTER TABLE {table} DROP COLUMN {before}"))?;
    aside.back(conn, &new.name)
}

fn no_such(new: &Definition, from: &Column, model: &str) -> Error {
    let what = format!("{}.{} refers to '{model}'", new.name, from.name);
    Error::BadValue(format!("{what}, which is no model: add it with addModel"))
}

/// The error for a key that SQLite refuses: it names the models, and the document that is in its
/// way.
fn explain(
    conn: &Conn,
    new: &Definition,
    column: &Column,
    key: Option<&Key>,
    error: Error,
) -> Error {
    let (Some(key), Error::Sqlite { code, message, sql }) = (key, &error) else { return error };
    let Key { table, column: parent, .. } = key;
    let what = format!("{}.{} refers to {table}.{parent}", new.name, column.name);
    if message.contains("foreign key mismatch") {
        return Error::BadValue(format!(
            "{what}, which must be the id or a column with a type, index: 'ALL' and unique: true"
        ));
    }
    if message.contains("no such table") {
        return no_such(new, column, table);
    }
    if *code != "SQLITE_CONSTRAINT_FOREIGNKEY" {
        return error;
    }
    let find = format!(
        "SELECT {id} AS id, {before} AS value FROM {own} WHERE {before} IS NOT NULL
           AND {before} NOT IN (SELECT {parent} FROM {table}) LIMIT 1",
        id = quote(&new.id_col),
        before = quote(&format!("{}~", column.name)),
        own = quote(&new.name),
        parent = quote(parent),
        table = quote(table),
    );
    let found = conn.one(&find, &[], |row| Ok((row.value(0)?, row.value(1)?)));
    let Ok(Some((id, value))) = found else { return error };
    let (id, value) = (shown(&id), shown(&value));
    let message =
        format!("{what}: document {id} has {value}, which is not there: change it in a migration");
    Error::Sqlite { code, message, sql: sql.clone() }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Blob(_) => "bytes".into(),
    }
}
