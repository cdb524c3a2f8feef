//! A model bound to its table: writing documents, whole, merged or patched. Each works in the
//! transaction that is open.

use std::collections::BTreeSet;

use super::document::{Field, at_path, column_value, fields, truthy, write_key};
use super::patch::Patch;
use super::path::Step;
use super::table::{ASIDE, Model, Real};
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Value};

/// A document that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Its id as stored.
    pub id: Value,
    /// Whether SQLite counted the id up.
    pub counted: bool,
    /// Whether the rest reads back as it was given: nothing was converted.
    pub same: bool,
}

/// The news about a written document for the application that gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// It reads back as it was given.
    None,
    /// Its id, which was counted up.
    Id(Value),
    /// The document as it reads back.
    Doc(String),
}

/// A document on its way into the table.
struct Stored {
    /// The id, NULL to have SQLite count up.
    id: Value,
    /// The text of what is in no column.
    json: Option<String>,
    columns: Vec<Value>,
    /// Whether all of it reads back as it was given.
    same: bool,
}

/// A document that is being taken apart.
struct Given<'d> {
    /// Its properties.
    all: Vec<Field<'d>>,
    /// Those that are left when nested columns have their values; all, where there are none.
    left: Option<Vec<Field<'d>>>,
    /// The values under [`ASIDE`], by column.
    aside: Option<Vec<Field<'d>>>,
}

/// Where a column's value is in a document.
enum Place {
    /// In none: it comes beside the document, and is in it only if nothing does.
    Beside,
    /// In the document, which keeps it.
    Copied,
    /// At its top level, from where it moves into the column.
    Property,
    /// Below that.
    Nested,
}

impl Model {
    /// Writes a document, replacing the one with its id. With `insert_only` an existing id is
    /// refused by SQLite.
    pub fn set(&self, conn: &Conn, doc: &str, insert_only: bool) -> Result<Written> {
        let stored = self.take_apart(doc)?;
        let mut params = Vec::with_capacity(stored.columns.len() + 2);
        params.extend([stored.id.param(), Param::from(stored.json.as_ref())]);
        params.extend(stored.columns.iter().map(Value::param));
        let changes =
            conn.run(if insert_only { &self.sql.insert } else { &self.sql.set }, &params)?;
        Ok(match stored.id {
            Value::Null => {
                Written { id: Value::Integer(changes.last_id), counted: true, same: stored.same }
            }
            id => Written { id, counted: false, same: stored.same },
        })
    }

    /// [`Model::set`], telling what is new about the document.
    pub fn set_and_tell(&self, conn: &Conn, doc: &str, insert_only: bool) -> Result<News> {
        Ok(match self.set(conn, doc, insert_only)? {
            Written { same: true, counted: false, .. } => News::None,
            Written { same: true, id, .. } => News::Id(id),
            Written { id, .. } => self.get(conn, &id)?.map_or(News::None, News::Doc),
        })
    }

    /// [`Model::set`], giving the document as it reads now.
    pub fn set_and_get(&self, conn: &Conn, doc: &str) -> Result<String> {
        let written = self.set(conn, doc, false)?;
        self.get(conn, &written.id)?.ok_or_else(|| self.not_there("set", &written.id))
    }

    /// Merges `doc` into the document with its id, property by property; a null removes one. With
    /// `upsert` a missing document is made. Gives the whole document.
    pub fn update(&self, conn: &Conn, doc: &str, upsert: bool) -> Result<String> {
        let patch = fields(doc)?;
        let id = self.id_in(&patch)?;
        let old = match id {
            Value::Null if upsert => None,
            Value::Null => {
                return Err(Error::BadValue(
                    "update: the document has no id: give the one of the document to change".into(),
                ));
            }
            _ => self.whole(conn, &id)?,
        };
        if old.is_none() && !upsert {
            return Err(self.not_there("update", &id));
        }
        self.set_and_get(conn, &merge(old.as_deref().unwrap_or("{}"), &patch)?)
    }

    /// Changes parts of the document with an id; gives the whole document.
    ///
    /// # Errors
    /// `ENOENT`, and those of [`Patch::apply`].
    pub fn patch(&self, conn: &Conn, id: &Value, patch: &Patch) -> Result<String> {
        let changed = self.patched(conn, id, patch)?.ok_or_else(|| self.not_there("update", id))?;
        self.set_and_get(conn, &changed)
    }

    /// The document with an id as a patch would leave it, to be [set](Model::set); `None` when
    /// there is none.
    pub fn patched(&self, conn: &Conn, id: &Value, patch: &Patch) -> Result<Option<String>> {
        if patch.touches(&self.definition.id_col) {
            return Err(Error::BadValue(format!(
                "patch: '{}' is the id: use changeId to give the document another",
                self.definition.id_col
            )));
        }
        let types = |at: &[Step]| self.columns.iter().find(|c| !c.aside && c.path == at)?.ty;
        self.whole(conn, &self.as_id(id.clone()))?
            .map(|doc| patch.apply_as(&doc, &types))
            .transpose()
    }

    fn take_apart(&self, doc: &str) -> Result<Stored> {
        let all = fields(doc)?;
        let id = self.id_in(&all)?;
        if id == Value::Null && !self.definition.integer_id() {
            let (model, column) = (self.definition.name.clone(), self.definition.id_col.clone());
            return Err(Error::Required { model, column });
        }
        let mut stored = Stored {
            same: id == Value::Null || self.id_is_same(&all, &id),
            columns: vec![Value::Null; self.columns.len()],
            id,
            json: None,
        };
        let rest = self.cut_nested(doc, &mut stored)?;
        let aside = self.aside(&all)?;
        let given = Given { left: rest.as_deref().map(fields).transpose()?, aside, all };
        let mut taken: Vec<&str> = vec![&self.definition.id_col];
        for (i, column) in self.columns.iter().enumerate() {
            let Some(raw) = given.value_of(column)? else { continue };
            stored.put(i, column, raw)?;
            if let Some(property) = column.property().filter(|_| column.moves(raw)) {
                taken.push(property);
            }
        }
        if given.aside.is_some() {
            taken.push(ASIDE);
            stored.same &= self.columns.iter().any(|c| c.aside);
        }
        stored.json = remainder(doc.len(), given.left(), &taken);
        Ok(stored)
    }

    /// Takes the values of nested columns out of the document, the deepest first; gives what is
    /// left of it, `None` when that is all.
    fn cut_nested(&self, doc: &str, stored: &mut Stored) -> Result<Option<String>> {
        let (mut rest, mut before): (Option<String>, Option<String>) = (None, None);
        let mut last: &[Step] = &[];
        for i in &self.nested {
            let column = &self.columns[*i];
            // columns of one path stand side by side and share its value
            if column.path != last {
                before.clone_from(&rest);
                last = &column.path;
            }
            let text = before.as_deref().unwrap_or(doc);
            let raw = find(&fields(text)?, &column.path)?;
            stored.put(*i, column, raw)?;
            if column.moves(raw) {
                let mut cut = Patch::default();
                cut.unset(&column.path)?;
                rest = Some(cut.apply(text)?);
            }
        }
        Ok(rest)
    }

    /// The values of columns that are in no document, or were in none by an earlier definition.
    fn aside<'a>(&self, properties: &[Field<'a>]) -> Result<Option<Vec<Field<'a>>>> {
        let Some(given) = properties.iter().find(|f| f.key == ASIDE) else { return Ok(None) };
        if self.columns.iter().any(|c| c.aside) {
            return fields(given.raw).map(Some);
        }
        let is_column = |f: &Field<'_>| self.definition.columns.iter().any(|c| c.name == f.key);
        Ok(fields(given.raw).ok().filter(|list| !list.is_empty() && list.iter().all(is_column)))
    }

    fn id_is_same(&self, properties: &[Field<'_>], id: &Value) -> bool {
        let mut text = String::new();
        self.write_id(&mut text, id);
        properties.iter().any(|f| f.key == self.definition.id_col && f.raw == text)
    }
}

impl Stored {
    /// Keeps what a column is to store.
    fn put(&mut self, i: usize, column: &Real, raw: Option<&str>) -> Result<()> {
        let (value, same) = column.stored(raw)?;
        self.columns[i] = value;
        self.same &= same;
        Ok(())
    }
}

impl<'d> Given<'d> {
    /// The properties that nested columns have left. A column that keeps its value to itself keeps
    /// it without those below it.
    fn left(&self) -> &[Field<'d>] {
        self.left.as_ref().unwrap_or(&self.all)
    }

    /// The value that a column is to store, if there is one; `None` for a nested column, which has
    /// it already.
    fn value_of(&self, column: &Real) -> Result<Option<Option<&'d str>>> {
        // also of a column that is read by now, and was not when the event was made
        if let Some(raw) = self.beside(&column.name) {
            return Ok(Some(Some(raw)));
        }
        Ok(match column.place() {
            Place::Beside if self.aside.is_some() => Some(None),
            Place::Beside | Place::Copied => Some(find(&self.all, &column.path)?),
            Place::Property => Some(find(self.left(), &column.path)?),
            Place::Nested => None,
        })
    }

    /// The value that came beside the document for a column; the last one, as in JSON.
    fn beside(&self, column: &str) -> Option<&'d str> {
        let aside = self.aside.iter().flatten();
        aside.rev().find(|field| field.key == column).map(|field| field.raw)
    }
}

impl Real {
    fn place(&self) -> Place {
        match self.property() {
            _ if self.aside => Place::Beside,
            _ if !self.get => Place::Copied,
            Some(_) => Place::Property,
            None => Place::Nested,
        }
    }

    /// Whether a value lives in the column alone. A null stays in the JSON, so that it reads back,
    /// where it means anything.
    fn moves(&self, raw: Option<&str>) -> bool {
        self.get && raw.is_some_and(|raw| raw != "null" || self.always_object || self.falsy_bool)
    }

    /// The value to store, and whether it will read back as the same.
    fn stored(&self, raw: Option<&str>) -> Result<(Value, bool)> {
        let Some(value) = raw.filter(|raw| *raw != "null") else {
            // such a column reads back as `{}`, and a null of a falsyBool as nothing
            let other = self.always_object || (self.falsy_bool && raw.is_some());
            return Ok((Value::Null, !other));
        };
        if self.falsy_bool {
            let stored = if truthy(value) { Value::Integer(1) } else { Value::Null };
            return Ok((stored, value == "true" || !self.get));
        }
        if self.always_object && value == "{}" {
            return Ok((Value::Null, true));
        }
        let (stored, exact) = column_value(value, self.ty, &self.name)?;
        Ok((stored, exact || !self.get))
    }
}

/// The value at a path in a document.
fn find<'a>(properties: &[Field<'a>], path: &[Step]) -> Result<Option<&'a str>> {
    let Some((Step::Key(first), rest)) = path.split_first() else { return Ok(None) };
    match properties.iter().rev().find(|f| f.key == *first) {
        Some(field) => at_path(field.raw, rest),
        None => Ok(None),
    }
}

/// The JSON of the properties that are not taken, `None` when all are.
fn remainder(size: usize, properties: &[Field<'_>], taken: &[&str]) -> Option<String> {
    let mut json = String::with_capacity(size);
    json.push('{');
    for field in properties.iter().filter(|f| !taken.contains(&f.key.as_ref())) {
        write_key(&mut json, &field.key);
        json.push_str(field.raw);
    }
    (json.len() > 1).then(|| json + "}")
}

/// `old` with the properties of `patch` laid over it; nulls remove.
fn merge(old: &str, patch: &[Field<'_>]) -> Result<String> {
    let before = fields(old)?;
    let mut changed = BTreeSet::new();
    changed.extend(patch.iter().map(|f| f.key.as_ref()));
    let mut merged = String::from("{");
    let kept = before.iter().filter(|f| !changed.contains(f.key.as_ref()));
    for field in kept.chain(patch.iter().filter(|p| p.raw != "null")) {
        write_key(&mut merged, &field.key);
        merged.push_str(field.raw);
    }
    merged.push('}');
    Ok(merged)
}
