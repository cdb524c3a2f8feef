//! Table and columns. Rows are rewritten by reading them as the old definition wrote them and
//! writing them as the new one does: so every change of type, path or place is one mechanism, and a
//! document stays what it was.

use super::super::definition::{Column, Definition};
use super::super::document::{write_key, write_value};
use super::super::path;
use super::super::table::Model;
use super::aside::Aside;
use super::physical::{Physical, declaration, free_name, sql_type};
use super::progress::{BATCH, Progress};
use super::{full_text, index};
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Value, quote};

/// An id of another kind would be another table.
pub(super) fn same_id(old: &Definition, new: &Definition) -> Result<()> {
    let kind = |d: &Definition| {
        (d.id_col.clone(), d.id_type().sql(), d.integer_id(), d.integer_id() || d.keep_row_id)
    };
    if kind(old) == kind(new) {
        return Ok(());
    }
    Err(Error::BadValue(format!(
        "model '{}' has another idCol, id type or keepRowId than its table: declare it under another name and copy the documents in a migration",
        new.name
    )))
}

/// The work to be done, and how far it is.
#[derive(Debug)]
pub(super) struct Shape {
    new: Definition,
    old: Option<Definition>,
    /// Real columns to make.
    add: Vec<Column>,
    /// Columns of the old definition to drop: name there, name meanwhile.
    drop: Vec<(String, String)>,
    /// Rows have to be written anew: all, or those that have something for the added columns.
    rows: Rows,
    /// Made by events alone: from the log, as soon as the queue is open.
    owned: bool,
    work: Option<Work>,
}

#[derive(Debug, PartialEq)]
enum Rows {
    None,
    Having(String),
    All,
}

#[derive(Debug)]
struct Work {
    from: Model,
    to: Model,
    aside: Aside,
    after: Option<Value>,
    done: i64,
    total: i64,
}

impl Shape {
    pub(super) fn plan(
        new: &Definition,
        old: Option<&Definition>,
        there: &[Physical],
        owned: bool,
        recorded: bool,
    ) -> Shape {
        let mut shape = Shape {
            new: new.clone(),
            old: old.cloned(),
            add: Vec::new(),
            drop: Vec::new(),
            rows: Rows::None,
            owned,
            work: None,
        };
        let Some(old) = old else { return shape };
        let mut all = false;
        for column in real(new) {
            let physical = there.iter().find(|p| p.name.eq_ignore_ascii_case(&column.name));
            let before = real(old).find(|c| c.name == column.name);
            match (physical, before) {
                (Some(p), Some(before)) if p.name == column.name && p.ty == sql_type(column) => {
                    all |= !same_values(before, column);
                }
                (Some(p), _) => {
                    all = true;
                    shape.drop.push((p.name.clone(), free_name(&p.name, there)));
                    shape.add.push(column.clone());
                }
                (None, _) => shape.add.push(column.clone()),
            }
        }
        for column in real(old) {
            let kept = real(new).any(|c| c.name.eq_ignore_ascii_case(&column.name));
            if !kept && there.iter().any(|p| p.name == column.name) {
                all = true;
                shape.drop.push((column.name.clone(), column.name.clone()));
            }
        }
        let mut having = having(&shape.add, old);
        if let Some(having) = having.as_mut().filter(|_| !recorded) {
            // strato-db leaves a column empty that becomes real, until its documents are written
            having.extend(real(old).filter(|c| c.get()).map(|c| holds(&c.json_path())));
        }
        shape.rows = match having {
            Some(having) if !all && having.is_empty() => Rows::None,
            Some(having) if !all => Rows::Having(having.join(" OR ")),
            _ => Rows::All,
        };
        shape
    }

    /// The next step; nothing when the table has its shape.
    pub(super) fn step(&mut self, conn: &Conn) -> Result<Option<Progress>> {
        if self.old.is_none() {
            index::give_way(conn, &self.new.name, || conn.exec(&create_table(&self.new)))?;
            return Ok(None);
        }
        if self.rows == Rows::None {
            return Ok(None);
        }
        if self.work.is_none() {
            self.work = Some(self.begin(conn)?);
        }
        let Some(work) = &mut self.work else { return Ok(None) };
        if rewrite(conn, work, &self.rows, self.owned)? {
            return Ok(Some(Progress { phase: "columns", done: work.done, total: work.total }));
        }
        let aside = std::mem::take(&mut work.aside);
        for (_, name) in &self.drop {
            conn.exec(&format!(
                "ALTER TABLE {} DROP COLUMN {}",
                quote(&self.new.name),
                quote(name)
            ))?;
        }
        aside.back(conn, &self.new.name)?;
        Ok(None)
    }

    #[inline(never)]
    fn begin(&self, conn: &Conn) -> Result<Work> {
        let table = quote(&self.new.name);
        let mut from = self.old.clone().unwrap_or_else(|| self.new.clone());
        full_text::drop(conn, &from)?;
        let goes = |(name, meanwhile): &&(String, String)| name == meanwhile;
        let lost: Vec<&str> =
            self.drop.iter().filter(goes).map(|(name, _)| name.as_str()).collect();
        let aside = Aside::put(conn, &self.new, &index::ours(conn, &from)?, &lost)?;
        for (name, meanwhile) in self.drop.iter().filter(|(name, meanwhile)| name != meanwhile) {
            conn.exec(&format!(
                "ALTER TABLE {table} RENAME COLUMN {} TO {}",
                quote(name),
                quote(meanwhile)
            ))?;
            for column in from.columns.iter_mut().filter(|c| c.name.eq_ignore_ascii_case(name)) {
                column.moved = Some(meanwhile.clone());
            }
        }
        // what was computed beside the document is computed anew, or was wanted for its column only
        let still = |name: &str| real(&self.new).any(|c| c.name == name && c.aside);
        from.columns.iter_mut().for_each(|c| c.aside &= still(&c.name));
        for column in &self.add {
            conn.exec(&format!("ALTER TABLE {table} ADD COLUMN {}", declaration(column)))?;
        }
        let total = conn.one(
            &format!("SELECT count(*) FROM {table}{}", condition(&self.rows, false)),
            &[],
            |r| r.int(0),
        )?;
        Ok(Work {
            from: Model::new(from),
            to: Model::new(self.new.clone()),
            aside,
            after: None,
            done: 0,
            total: total.unwrap_or(0),
        })
    }
}

/// Writes the next rows anew; whether there were any.
#[inline(never)]
fn rewrite(conn: &Conn, work: &mut Work, rows: &Rows, owned: bool) -> Result<bool> {
    let (table, id) = (&work.from.table, &work.from.id);
    let condition = condition(rows, work.after.is_some()).replace("<id>", id);
    let sql = format!("SELECT {id} FROM {table}{condition} ORDER BY {id} LIMIT ?");
    let limit = Param::Integer(BATCH);
    let params: Vec<Param<'_>> = work.after.iter().map(Value::param).chain([limit]).collect();
    let ids = conn.all(&sql, &params, |row| row.value(0))?;
    for id in &ids {
        if let Some(doc) = work.from.whole(conn, id)? {
            match work.to.set(conn, &doc, false) {
                Err(e) if owned && !e.is_environmental() => blank(conn, &work.to, id)?,
                done => done.map(|_| ()).map_err(|e| named(e, &work.to.definition.name, id))?,
            }
        }
    }
    work.done += ids.len() as i64;
    work.after = ids.into_iter().next_back();
    Ok(work.after.is_some())
}

/// Leaves the id alone of a document that does not fit: anybody's event may have made it, and must
/// not keep the database from opening. What becomes of the event says the log when it is run again.
fn blank(conn: &Conn, model: &Model, id: &Value) -> Result<()> {
    let mut doc = String::from("{");
    write_key(&mut doc, &model.definition.id_col);
    model.write_id(&mut doc, id);
    doc.push('}');
    model.set(conn, &doc, false).map(|_| ())
}

/// The error with its document, which no caller has given.
fn named(error: Error, model: &str, id: &Value) -> Error {
    let mut text = String::new();
    let _ = write_value(&mut text, id, false);
    match error {
        Error::BadValue(message) => Error::BadValue(format!(
            "model '{model}': the document {text} does not fit its columns as they are declared now: {message}"
        )),
        other => other,
    }
}

fn condition(rows: &Rows, after: bool) -> String {
    match (rows, after) {
        (Rows::Having(having), true) => format!(" WHERE <id> > ? AND ({having})"),
        (Rows::Having(having), false) => format!(" WHERE {having}"),
        (_, true) => " WHERE <id> > ?".into(),
        (_, false) => String::new(),
    }
}

/// Conditions for rows whose documents have something for these columns; none when it may lie
/// elsewhere.
fn having(add: &[Column], old: &Definition) -> Option<Vec<String>> {
    let mut conditions = Vec::new();
    for column in add {
        let first = column.steps().ok()?.into_iter().next()?;
        let begins = |c: &Column| c.steps().is_ok_and(|steps| steps.first() == Some(&first));
        if real(old).any(|c| c.get() && begins(c)) {
            return None;
        }
        conditions.push(holds(&path::for_sqlite(&[first]).replace('\'', "''")));
    }
    Some(conditions)
}

fn holds(path: &str) -> String {
    format!("json_type(\"json\", '{path}') IS NOT NULL")
}

fn real(definition: &Definition) -> impl Iterator<Item = &Column> {
    definition.data_columns().filter(|c| c.is_real())
}

/// Whether both find and write the same in a column.
fn same_values(a: &Column, b: &Column) -> bool {
    a.ty == b.ty
        && a.get() == b.get()
        && a.falsy_bool == b.falsy_bool
        && a.always_object == b.always_object
        && a.aside == b.aside
        && a.steps() == b.steps()
}

fn create_table(model: &Definition) -> String {
    let id = quote(&model.id_col);
    let mut parts = Vec::new();
    match (model.integer_id(), model.keep_row_id) {
        (true, _) => {
            let counted = model.columns.iter().any(|c| c.name == model.id_col && c.auto_increment);
            let auto = if counted { " AUTOINCREMENT" } else { "" };
            parts.push(format!("{id} INTEGER PRIMARY KEY{auto} NOT NULL"));
        }
        (false, true) => {
            parts.push("\"rowId\" INTEGER PRIMARY KEY".to_string());
            parts.push(format!("{id} {} NOT NULL UNIQUE", model.id_type().sql()));
        }
        (false, false) => {
            parts.push(format!("{id} {} PRIMARY KEY NOT NULL", model.id_type().sql()))
        }
    }
    parts.push("\"json\" TEXT".to_string());
    parts.extend(real(model).map(declaration));
    format!("CREATE TABLE {}({})", quote(&model.name), parts.join(", "))
}
