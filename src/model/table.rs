//! A model bound to its table: one method per operation, on whichever connection it is given.

use super::definition::{ColumnType, Definition};
use super::document::{self, Field, at_path, column_value, fields, write_key, write_value};
use super::migrate;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Row, Value, quote};

/// A model and the statements it needs.
#[derive(Debug)]
pub struct Model {
    /// What was declared.
    pub definition: Definition,
    pub(super) table: String,
    pub(super) id: String,
    pub(super) sql: Statements,
    /// Real columns: property or path, type, whether the value lives in the column alone.
    columns: Vec<Real>,
}

#[derive(Debug)]
struct Real {
    name: String,
    path: Vec<String>,
    ty: Option<ColumnType>,
    get: bool,
}

#[derive(Debug)]
pub(super) struct Statements {
    pub(super) select: String,
    get: String,
    insert: String,
    set: String,
    remove: String,
}

/// A document on its way into the table.
struct Stored {
    /// The id, NULL to have SQLite count up.
    id: Value,
    /// The text of what is in no column.
    json: Option<String>,
    columns: Vec<Value>,
}

impl Model {
    /// Prepares a model; the table is made by [`Model::migrate`].
    pub fn new(definition: Definition) -> Model {
        let columns: Vec<Real> = definition
            .data_columns()
            .filter(|c| c.is_real())
            .map(|c| Real {
                name: c.stored_name().to_string(),
                path: c.segments().map(String::from).collect(),
                ty: c.ty,
                get: c.get(),
            })
            .collect();
        let (table, id) = (quote(&definition.name), quote(&definition.id_col));
        let names: Vec<String> = [id.clone(), "\"json\"".to_string()]
            .into_iter()
            .chain(columns.iter().map(|c| quote(&c.name)))
            .collect();
        let marks = vec!["?"; names.len()].join(", ");
        let updates: Vec<String> = names[1..].iter().map(|n| format!("{n} = excluded.{n}")).collect();
        let list = names.join(", ");
        let select = format!("SELECT {list} FROM {table}");
        let insert = format!("INSERT INTO {table}({list}) VALUES ({marks})");
        let sql = Statements {
            get: format!("{select} WHERE {id} = ?"),
            set: format!("{insert} ON CONFLICT({id}) DO UPDATE SET {}", updates.join(", ")),
            remove: format!("DELETE FROM {table} WHERE {id} = ?"),
            select,
            insert,
        };
        Model { definition, table, id, sql, columns }
    }

    /// Brings the table to the definition, made by events alone if `owned`. Call in a transaction.
    pub fn migrate(&self, conn: &Conn, owned: bool) -> Result<()> {
        migrate::migrate(conn, &self.definition, owned)
    }

    /// The ids after `after`, at most `limit`, in their order.
    pub fn ids(&self, conn: &Conn, after: Option<&Value>, limit: i64) -> Result<Vec<Value>> {
        migrate::ids(self, conn, after.map(Value::param), limit)
    }

    /// Writes a document, replacing the one with its id, and gives the id as stored. With `insert_only` an existing
    /// id is refused by SQLite.
    pub fn set(&self, conn: &Conn, doc: &str, insert_only: bool) -> Result<Value> {
        let stored = self.take_apart(doc)?;
        let mut params = vec![stored.id.param(), Param::from(stored.json.as_ref())];
        params.extend(stored.columns.iter().map(Value::param));
        let changes = conn.run(if insert_only { &self.sql.insert } else { &self.sql.set }, &params)?;
        Ok(match stored.id {
            Value::Null => Value::Integer(changes.last_id),
            id => id,
        })
    }

    /// Merges `doc` into the document with its id, property by property; a null removes one. With `upsert` a
    /// missing document is made. Gives the whole document.
    pub fn update(&self, conn: &Conn, doc: &str, upsert: bool) -> Result<String> {
        let patch = fields(doc)?;
        let id = self.id_in(&patch)?;
        let old = match id {
            Value::Null if upsert => None,
            Value::Null => return Err(Error::BadValue("update needs an object with an id".into())),
            _ => self.get(conn, &id)?,
        };
        if old.is_none() && !upsert {
            return Err(self.not_there("update", &id));
        }
        let merged = merge(old.as_deref().unwrap_or("{}"), &patch)?;
        let id = self.set(conn, &merged, false)?;
        self.get(conn, &id)?.ok_or_else(|| self.not_there("update", &id))
    }

    /// The document with an id, as JSON.
    pub fn get(&self, conn: &Conn, id: &Value) -> Result<Option<String>> {
        conn.one(&self.sql.get, &[id.param()], |row| {
            let mut doc = String::new();
            self.read(row, &mut doc)?;
            Ok(doc)
        })
    }

    /// Removes the document with an id; whether there was one.
    pub fn remove(&self, conn: &Conn, id: &Value) -> Result<bool> {
        Ok(conn.run(&self.sql.remove, &[id.param()])?.changes > 0)
    }

    /// Whether there is a document with an id.
    pub fn exists(&self, conn: &Conn, id: &Value) -> Result<bool> {
        let sql = format!("SELECT 1 FROM {} WHERE {} = ?", self.table, self.id);
        Ok(conn.one(&sql, &[id.param()], |_| Ok(()))?.is_some())
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

    /// The id in a document's properties; NULL when there is none.
    pub fn id_in(&self, properties: &[Field<'_>]) -> Result<Value> {
        match properties.iter().find(|f| f.key == self.definition.id_col) {
            Some(field) => document::scalar(field.raw, &self.definition.id_col),
            None => Ok(Value::Null),
        }
    }

    /// The error for an id that is not there.
    pub fn not_there(&self, action: &'static str, id: &Value) -> Error {
        let mut text = String::new();
        let _ = write_value(&mut text, id, false);
        Error::NotThere { model: self.definition.name.clone(), action, id: text }
    }

    fn take_apart(&self, doc: &str) -> Result<Stored> {
        let properties = fields(doc)?;
        let id = self.id_in(&properties)?;
        if id == Value::Null && !self.definition.integer_id() {
            let (model, column) = (self.definition.name.clone(), self.definition.id_col.clone());
            return Err(Error::Required { model, column });
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let mut path = column.path.iter().map(String::as_str);
            let first = path.next().unwrap_or_default();
            let raw = match properties.iter().find(|f| f.key == first) {
                Some(field) => at_path(field.raw, path)?,
                None => None,
            };
            columns.push(match raw {
                Some(raw) => column_value(raw, column.ty, &column.name)?,
                None => Value::Null,
            });
        }
        let mut json = String::from("{");
        for field in &properties {
            let taken = field.key == self.definition.id_col
                || self.columns.iter().any(|c| c.get && c.path.len() == 1 && c.path[0] == field.key);
            if !taken {
                write_key(&mut json, &field.key);
                json.push_str(field.raw);
            }
        }
        let json = (json.len() > 1).then(|| json + "}");
        Ok(Stored { id, json, columns })
    }

    /// Appends a row of `select` as the document it was.
    pub(super) fn read(&self, row: &Row<'_>, out: &mut String) -> Result<()> {
        let start = out.len();
        out.push('{');
        document::write_string(out, &self.definition.id_col);
        out.push(':');
        write_value(out, &row.value(0)?, false)?;
        for (i, column) in self.columns.iter().enumerate().filter(|(_, c)| c.get) {
            let value = row.value(i + 2)?;
            if value != Value::Null {
                write_key(out, &column.path[0]);
                write_value(out, &value, column.ty == Some(ColumnType::Json))?;
            }
        }
        match row.opt_text(1)? {
            // `{…}` follows what stands already: its opening brace becomes the comma
            Some(json) if json.len() > 2 && out.len() > start + 1 => {
                out.push(',');
                out.push_str(&json[1..]);
            }
            _ => out.push('}'),
        }
        Ok(())
    }
}

/// `old` with the properties of `patch` laid over it; nulls remove.
fn merge(old: &str, patch: &[Field<'_>]) -> Result<String> {
    let before = fields(old)?;
    let mut merged = String::from("{");
    let kept = before.iter().filter(|f| !patch.iter().any(|p| p.key == f.key));
    for field in kept.chain(patch.iter().filter(|p| p.raw != "null")) {
        write_key(&mut merged, &field.key);
        merged.push_str(field.raw);
    }
    merged.push('}');
    Ok(merged)
}
