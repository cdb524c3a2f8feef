//! A table that something else made under a model's name: taken over where documents can live in
//! it, with its rows; else refused when the database opens, by what it lacks. What its columns
//! become is `record::adopt`'s.

use super::super::definition::{Column, Definition};
use super::physical::{self, Physical};
use super::record;
use crate::error::{Error, Result};
use crate::sql::{Conn, quote};

/// A definition for a table of which none was kept, and its columns, `json` among them.
#[inline(never)]
pub(super) fn accept(
    conn: &Conn,
    new: &Definition,
    there: Vec<Physical>,
) -> Result<(Definition, Vec<Physical>)> {
    let lacks = |what: String| {
        Error::BadValue(format!(
            "there is a table '{}' that is not this model's: {what}; rename the table or the model",
            new.name
        ))
    };
    let known = |name: &str| there.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    if !known(&new.id_col) {
        return Err(lacks(format!("it has no column '{}'", new.id_col)));
    }
    if !is_unique(conn, new)? {
        return Err(lacks(format!("its column '{}' has no unique index of its own", new.id_col)));
    }
    if known("json") {
        relax(conn, new, &there, false).map_err(lacks)?;
        return Ok((record::adopt(conn, new, &there, true)?, there));
    }
    let id = quote(&new.id_col);
    let without = format!("SELECT 1 FROM {} WHERE {id} IS NULL LIMIT 1", quote(&new.name));
    if conn.one(&without, &[], |_| Ok(()))?.is_some() {
        return Err(lacks(format!("it has rows without a value in '{}'", new.id_col)));
    }
    relax(conn, new, &there, true).map_err(lacks)?;
    conn.exec(&format!("ALTER TABLE {} ADD COLUMN \"json\" TEXT", quote(&new.name)))?;
    let there = physical::columns(conn, &new.name)?;
    let mut old = record::adopt(conn, new, &there, false)?;
    // what the model does not declare goes into the documents, as the values of any column that is
    // dropped
    let ours = |name: &str| {
        let declared = new.columns.iter().map(|c| c.name.as_str());
        declared
            .chain([new.id_col.as_str(), "json", "rowid"])
            .any(|known| known.eq_ignore_ascii_case(name))
    };
    for column in there.iter().filter(|c| !ours(&c.name)) {
        let column = serde_json::json!({ "name": column.name, "real": true });
        old.columns
            .push(serde_json::from_value(column).map_err(|e| Error::BadValue(e.to_string()))?);
    }
    Ok((old, there))
}

/// Whether the table itself keeps two rows from having one id, or an index does.
fn is_unique(conn: &Conn, new: &Definition) -> Result<bool> {
    Ok(is_key(conn, new)? || !guards(conn, new)?.is_empty())
}

/// The indexes that alone keep two rows from having one id: strato-db's tables have such a one.
/// Never the model's own, whatever it declares.
fn guards(conn: &Conn, model: &Definition) -> Result<Vec<String>> {
    if is_key(conn, model)? {
        return Ok(Vec::new());
    }
    conn.all(&unique("l.origin = 'c'"), &[(&model.name).into(), (&model.id_col).into()], |r| {
        Ok(r.text(0)?.to_string())
    })
}

/// Whether an index is such a one. Asks the database only about those that may be.
pub(super) fn is_guard(conn: &Conn, model: &Definition, name: &str, sql: &str) -> Result<bool> {
    let sql = sql.to_ascii_lowercase();
    let may = sql.contains("unique") && sql.contains(&model.id_col.to_ascii_lowercase());
    Ok(may && guards(conn, model)?.iter().any(|guard| guard.eq_ignore_ascii_case(name)))
}

/// Whether the id is declared to be unique in the table.
fn is_key(conn: &Conn, model: &Definition) -> Result<bool> {
    let sql = format!(
        "SELECT name FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE AND pk = 1
           AND (SELECT max(pk) FROM pragma_table_info(?1)) = 1 UNION ALL {}",
        unique("l.origin <> 'c'")
    );
    Ok(conn.one(&sql, &[(&model.name).into(), (&model.id_col).into()], |_| Ok(()))?.is_some())
}

/// The unique indexes of the id and nothing else.
fn unique(which: &str) -> String {
    format!(
        "SELECT l.name AS name FROM pragma_index_list(?1) l WHERE l.\"unique\" AND NOT l.partial AND {which}
           AND (SELECT count(*) = 1 AND max(name) = ?2 COLLATE NOCASE FROM pragma_index_info(l.name))"
    )
}

/// [`relax`] of a table that was taken over before: of the columns its definition has.
///
/// # Errors
/// `BAD_VALUE` where an old SQLite of a host cannot.
pub(super) fn relax_known(
    conn: &Conn,
    old: &Definition,
    new: &Definition,
    there: &[Physical],
) -> Result<()> {
    let ours = |p: &&Physical| {
        old.data_columns().any(|c| c.is_real() && c.name.eq_ignore_ascii_case(&p.name))
    };
    relax(conn, new, there.iter().filter(ours), true)
        .map_err(|what| Error::BadValue(format!("model '{}': {what}", new.name)))
}

/// Lets columns that will be dropped be empty meanwhile: those of another type, and undeclared ones
/// if they `go`.
///
/// # Errors
/// In words, a column that stays, though no document has a value for it, or that an old
/// SQLite of a host cannot change.
fn relax<'c>(
    conn: &Conn,
    new: &Definition,
    there: impl IntoIterator<Item = &'c Physical>,
    go: bool,
) -> Result<(), String> {
    for column in
        there.into_iter().filter(|c| c.needed && !c.name.eq_ignore_ascii_case(&new.id_col))
    {
        let same = |c: &&Column| c.name.eq_ignore_ascii_case(&column.name);
        let declared = new.data_columns().filter(|c| c.is_real()).find(same);
        if declared.is_some_and(|c| c.name == column.name && physical::sql_type(c) == column.ty) {
            continue;
        }
        let sql = format!(
            "ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL",
            quote(&new.name),
            quote(&column.name)
        );
        if (declared.is_none() && !go) || conn.exec(&sql).is_err() {
            return Err(format!(
                "its column '{}' is NOT NULL without a default, and no document of the model has a value for it: declare it as it is, or run {sql} in onBeforeMigrations",
                column.name
            ));
        }
    }
    Ok(())
}
