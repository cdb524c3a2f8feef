//! A model bound to its table: reading documents by their ids, on whichever connection it is given.
//! Writing is in write.rs, searching in query.rs.

use super::alias;
use super::definition::{Column, ColumnType, Definition};
use super::document::{write_key, write_param};
use super::expression::{Sql, Target};
use super::patch::Patch;
use super::path::Step;
use super::scans::Scans;
use crate::error::Result;
use crate::sql::{Conn, Param, Row, Value, quote};

/// The property that brings the values of columns that are in no document, by their names.
pub(super) const ASIDE: &str = "$aside";

/// A model and the statements it needs.
#[derive(Debug)]
pub struct Model {
    /// The declaration.
    pub definition: Definition,
    pub(super) table: String,
    pub(super) id: String,
    /// `"id":`, with which every document begins.
    id_key: String,
    pub(super) id_type: ColumnType,
    pub(super) sql: Statements,
    pub(super) columns: Vec<Real>,
    /// Those of them that are read back below the top level, the deepest first.
    pub(super) nested: Vec<usize>,
    /// Computed columns that are read, after the real ones: their types and paths.
    selected: Vec<(Option<ColumnType>, Vec<Step>)>,
    pub(super) scans: Scans,
}

/// A column of the table.
#[derive(Debug)]
pub(super) struct Real {
    pub(super) name: String,
    pub(super) path: Vec<Step>,
    pub(super) ty: Option<ColumnType>,
    /// The value lives in the column alone.
    pub(super) get: bool,
    pub(super) falsy_bool: bool,
    pub(super) always_object: bool,
    /// The value comes in `$aside`.
    pub(super) aside: bool,
}

#[derive(Debug)]
pub(super) struct Statements {
    /// The columns that [`Model::read`] reads, of a table called `tbl`.
    pub(super) list: String,
    /// The number of these columns.
    pub(super) width: usize,
    /// All of it.
    select: String,
    get: String,
    /// As `get`, to be written back: without computed columns.
    whole: String,
    pub(super) insert: String,
    pub(super) set: String,
    remove: String,
    change_id: String,
}

impl Real {
    /// The property that holds the value, for columns that are not nested.
    pub(super) fn property(&self) -> Option<&str> {
        match self.path.as_slice() {
            [Step::Key(name)] => Some(name),
            _ => None,
        }
    }
}

impl Model {
    /// Prepares a model; the table is made by [`Model::migrate`].
    pub fn new(definition: Definition) -> Model {
        let columns: Vec<Real> = definition
            .data_columns()
            .filter(|c| c.is_real())
            .map(|c| Real {
                name: c.name.clone(),
                path: c.steps().unwrap_or_default(),
                ty: c.ty,
                get: c.get(),
                falsy_bool: c.falsy_bool,
                always_object: c.always_object,
                aside: c.aside,
            })
            .collect();
        let (table, id) = (quote(&definition.name), quote(&definition.id_col));
        let own = |real| definition.data_columns().filter(move |c| c.is_real() == real);
        let real: Vec<&str> = [definition.id_col.as_str(), "json"]
            .into_iter()
            .chain(own(true).map(|c| c.stored_name()))
            .collect();
        let names: Vec<String> = real.iter().map(|name| quote(name)).collect();
        let taken: Vec<String> = real
            .iter()
            .copied()
            .chain(own(false).map(|c| c.name.as_str()))
            .map(String::from)
            .collect();
        let other = |name: &str| alias::other(name, &taken);
        let marks = vec!["?"; names.len()].join(", ");
        let updates: Vec<String> =
            names[1..].iter().map(|n| format!("{n} = excluded.{n}")).collect();
        let column = |name: &&str| match other(name) {
            Some(alias) => format!("tbl.{} AS {}", quote(name), quote(&alias)),
            None => format!("tbl.{}", quote(name)),
        };
        let stored: Vec<String> = real.iter().map(column).collect();
        let computed = || definition.data_columns().filter(|c| c.get == Some(true));
        let named = |c: &Column| quote(&other(&c.name).unwrap_or_else(|| c.name.clone()));
        let expressions =
            computed().filter_map(|c| Some(format!("({}) AS {}", c.sql.as_ref()?, named(c))));
        let selected = computed().filter(|c| c.sql.is_some());
        let selected = selected.map(|c| (c.ty, c.steps().unwrap_or_default())).collect();
        let read: Vec<String> = stored.iter().cloned().chain(expressions).collect();
        let list = read.join(", ");
        let select = format!("SELECT {list} FROM {table} AS tbl");
        let insert = format!("INSERT INTO {table}({}) VALUES ({marks})", names.join(", "));
        let sql = Statements {
            get: format!("{select} WHERE tbl.{id} = ?"),
            whole: format!("SELECT {} FROM {table} AS tbl WHERE tbl.{id} = ?", stored.join(", ")),
            set: format!("{insert} ON CONFLICT({id}) DO UPDATE SET {}", updates.join(", ")),
            remove: format!("DELETE FROM {table} WHERE {id} = ?"),
            change_id: format!("UPDATE {table} SET {id} = ? WHERE {id} = ?"),
            list,
            width: read.len(),
            select,
            insert,
        };
        let below = |c: &Real| c.get && c.property().is_none();
        let order = |i: usize| (std::cmp::Reverse(columns[i].path.len()), &columns[i].path);
        let mut nested: Vec<usize> = Vec::new();
        for i in (0..columns.len()).filter(|i| below(&columns[*i])) {
            nested.insert(nested.partition_point(|before| order(*before) <= order(i)), i);
        }
        let mut id_key = String::new();
        write_key(&mut id_key, &definition.id_col);
        // write_key takes what is not a brace for something to go on after
        let id_key = id_key.trim_start_matches(',').to_string();
        let id_type = definition.id_type();
        Model {
            definition,
            table,
            id,
            id_key,
            id_type,
            sql,
            columns,
            nested,
            selected,
            scans: Scans::default(),
        }
    }

    /// The ids after `after`, at most `limit`, in their order: to go through a table whose rows are
    /// rewritten meanwhile.
    pub fn ids(&self, conn: &Conn, after: Option<&Value>, limit: i64) -> Result<Vec<Value>> {
        let (table, id) = (&self.table, &self.id);
        let from = if after.is_some() { format!(" WHERE {id} > ?") } else { String::new() };
        let sql = format!("SELECT {id} FROM {table}{from} ORDER BY {id} LIMIT ?");
        let limit = [Param::Integer(limit)];
        let params: Vec<Param<'_>> = after.map(Value::param).into_iter().chain(limit).collect();
        conn.all(&sql, &params, |row| row.value(0))
    }

    /// The document with an id, as JSON.
    pub fn get(&self, conn: &Conn, id: &Value) -> Result<Option<String>> {
        self.one(conn, &self.sql.get, &[self.as_id(id.clone()).param()])
    }

    /// The first document with a value in a column.
    pub fn get_by(&self, conn: &Conn, column: &str, value: &Value) -> Result<Option<String>> {
        if column == self.definition.id_col {
            return self.get(conn, value);
        }
        let mut sql = Sql::default();
        sql.push(&self.sql.select).push(" WHERE ");
        Target::find(&self.definition, column)?.stored(&mut sql);
        sql.push(" = ").bind(value.clone()).push(" LIMIT 1");
        let params: Vec<Param<'_>> = sql.values.iter().map(Value::param).collect();
        self.one(conn, &sql.text, &params)
    }

    /// One JSON array of the documents with these values in a column, in their order, null where
    /// there is none.
    pub fn get_all(&self, conn: &Conn, column: &str, values: &[Value]) -> Result<String> {
        let mut found = String::from("[");
        for value in values {
            if found.len() > 1 {
                found.push(',');
            }
            match self.get_by(conn, column, value)? {
                Some(doc) => found.push_str(&doc),
                None => found.push_str("null"),
            }
        }
        found.push(']');
        Ok(found)
    }

    /// The document with an id as it is given to [`Model::set`]: without computed columns, with
    /// `$aside`.
    pub fn whole(&self, conn: &Conn, id: &Value) -> Result<Option<String>> {
        conn.one(&self.sql.whole, &[id.param()], |row| {
            let mut doc = String::new();
            self.read_stored(row, &mut doc)?;
            let mut aside = String::from("{");
            for (i, column) in self.columns.iter().enumerate().filter(|(_, c)| c.aside) {
                write_key(&mut aside, &column.name);
                write_param(&mut aside, row.param(i + 2)?, column.ty);
            }
            if aside.len() > 1 {
                doc.pop();
                write_key(&mut doc, ASIDE);
                doc.push_str(&aside);
                doc.push_str("}}");
            }
            Ok(doc)
        })
    }

    fn one(&self, conn: &Conn, sql: &str, params: &[Param<'_>]) -> Result<Option<String>> {
        conn.one(sql, params, |row| {
            let mut doc = String::new();
            self.read(row, &mut doc)?;
            Ok(doc)
        })
    }

    /// Removes the document with an id; whether there was one.
    pub fn remove(&self, conn: &Conn, id: &Value) -> Result<bool> {
        Ok(conn.run(&self.sql.remove, &[self.as_id(id.clone()).param()])?.changes > 0)
    }

    /// Gives a document another id.
    ///
    /// # Errors
    /// `ENOENT`, and SQLite's when the new one is taken.
    pub fn change_id(&self, conn: &Conn, old: &Value, new: &Value) -> Result<()> {
        let (old, new) = (self.as_id(old.clone()), self.as_id(new.clone()));
        match conn.run(&self.sql.change_id, &[new.param(), old.param()])?.changes {
            0 => Err(self.not_there("changeId", &old)),
            _ => Ok(()),
        }
    }

    /// Whether there is a document with an id.
    pub fn exists(&self, conn: &Conn, id: &Value) -> Result<bool> {
        let sql = format!("SELECT 1 FROM {} WHERE {} = ?", self.table, self.id);
        Ok(conn.one(&sql, &[self.as_id(id.clone()).param()], |_| Ok(()))?.is_some())
    }

    /// One more than the highest id, for models with integer ids.
    pub fn next_id(&self, conn: &Conn) -> Result<i64> {
        let sql = format!("SELECT coalesce(max({}), 0) + 1 FROM {}", self.id, self.table);
        Ok(conn.one(&sql, &[], |row| row.int(0))?.unwrap_or(1))
    }

    /// Removes every document.
    pub fn clear(&self, conn: &Conn) -> Result<()> {
        conn.run(&format!("DELETE FROM {}", self.table), &[]).map(|_| ())
    }

    /// Appends a row of `select` as the document it was.
    pub(super) fn read(&self, row: &Row<'_>, out: &mut String) -> Result<()> {
        if self.selected.is_empty() {
            return self.read_stored(row, out);
        }
        let mut doc = String::new();
        self.read_stored(row, &mut doc)?;
        for (i, (ty, path)) in self.selected.iter().enumerate() {
            doc = put_back(doc, path, row.param(i + 2 + self.columns.len())?, *ty)?;
        }
        out.push_str(&doc);
        Ok(())
    }

    fn read_stored(&self, row: &Row<'_>, out: &mut String) -> Result<()> {
        let start = out.len();
        out.push('{');
        out.push_str(&self.id_key);
        write_param(out, row.param(0)?, Some(self.id_type));
        for (i, column) in self.columns.iter().enumerate().filter(|(_, c)| c.get) {
            let Some(property) = column.property() else { continue };
            let value = row.param(i + 2)?;
            if value == Param::Null && !column.always_object {
                continue;
            }
            write_key(out, property);
            column.write(out, value);
        }
        match row.opt_text(1)? {
            // `{…}` follows what stands already: its opening brace becomes the comma
            Some(json) if json.len() > 2 => {
                out.push(',');
                out.push_str(&json[1..]);
            }
            _ => out.push('}'),
        }
        if self.nested.is_empty() {
            return Ok(());
        }
        let mut doc = out.split_off(start);
        for i in self.nested.iter().rev() {
            let (column, value) = (&self.columns[*i], row.param(i + 2)?);
            if value != Param::Null || column.always_object {
                let mut raw = String::new();
                column.write(&mut raw, value);
                doc = put(doc, &column.path, &raw)?;
            }
        }
        out.push_str(&doc);
        Ok(())
    }
}

impl Real {
    fn write(&self, out: &mut String, value: Param<'_>) {
        match value {
            Param::Null if self.always_object => out.push_str("{}"),
            _ if self.falsy_bool => out.push_str("true"),
            value => write_param(out, value, self.ty),
        }
    }
}

fn put_back(
    doc: String,
    path: &[Step],
    value: Param<'_>,
    ty: Option<ColumnType>,
) -> Result<String> {
    if value == Param::Null {
        return Ok(doc);
    }
    let mut raw = String::new();
    write_param(&mut raw, value, ty);
    put(doc, path, &raw)
}

/// The document with a value put at a path, or as it was when something else is in the way there.
fn put(doc: String, path: &[Step], raw: &str) -> Result<String> {
    let mut patch = Patch::default();
    patch.set(path, raw)?;
    Ok(patch.apply(&doc).unwrap_or(doc))
}
