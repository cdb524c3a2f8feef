//! From names in a search to SQL: a declared column, the id, or a path below a column that holds
//! JSON.
//!
//! Names come from the definition; what is below a column is a bound value. `tbl` is the model's
//! table.

use super::definition::{Column, ColumnType, Definition};
use crate::error::{Error, Result};
use crate::sql::{Value, quote};

/// The meaning of a name: a column, or a place below one.
#[derive(Debug)]
pub(super) struct Target<'d> {
    /// The declared column; none for an undeclared id.
    pub(super) column: Option<&'d Column>,
    /// Its SQL.
    sql: String,
    /// A bound path into the JSON that `sql` is.
    path: Option<String>,
    /// The JSON a virtual column is in, and its path there.
    virtual_of: Option<(String, String)>,
    /// Where in the document it is, as the inside of an SQL literal; none when no other column can
    /// hold a part of it.
    place: Option<String>,
}

/// SQL under construction: text, and the values of its parameters in order.
#[derive(Debug, Default, Clone)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

impl Sql {
    pub(super) fn push(&mut self, text: &str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    pub(super) fn bind(&mut self, value: Value) -> &mut Sql {
        self.text.push('?');
        self.values.push(value);
        self
    }

    pub(super) fn add(&mut self, other: &Sql) -> &mut Sql {
        self.text.push_str(&other.text);
        self.values.extend_from_slice(&other.values);
        self
    }
}

impl<'d> Target<'d> {
    /// Finds what `name` stands for: the column of that name, what is below one, or the column
    /// whose path it is.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`; `BAD_NAME` for a path below a column that holds no JSON;
    /// `BAD_VALUE` for what columns below it hold parts of.
    pub(super) fn find(definition: &'d Definition, name: &str) -> Result<Target<'d>> {
        let target = Self::find_part(definition, name)?;
        let part = target.place.as_deref().and_then(|place| part_of(definition, place));
        match part {
            Some(part) => Err(Error::BadValue(format!(
                "{}.{name}: column '{}' holds a part of it: ask for the columns below it",
                definition.name, part.name
            ))),
            None => Ok(target),
        }
    }

    /// As [`Target::find`], also of a value that is not whole without the columns below it.
    pub(super) fn find_part(definition: &'d Definition, name: &str) -> Result<Target<'d>> {
        if let Some(target) = Self::declared(definition, name) {
            return Ok(target);
        }
        // the longest declared name in front of a dot or a bracket
        let ends = name.char_indices().filter(|(i, c)| *i > 0 && matches!(c, '.' | '['));
        for (end, _) in ends.collect::<Vec<_>>().into_iter().rev() {
            let Some(target) = Self::declared(definition, &name[..end]) else { continue };
            let below = bound_path(&name[end..]).ok_or_else(|| Error::BadName {
                what: "path",
                name: name.to_string(),
                remedy: "write .name for a property and [0] for an item",
            })?;
            return target.below(definition, &below, name);
        }
        Self::by_path(definition, name)?.ok_or_else(|| Error::UnknownColumn {
            model: definition.name.clone(),
            column: name.to_string(),
        })
    }

    /// The meaning of a document's path that begins with no declared name but is, or is below, a
    /// column's path.
    fn by_path(definition: &'d Definition, name: &str) -> Result<Option<Target<'d>>> {
        let Some(path) = bound_path(&format!(".{name}")) else { return Ok(None) };
        let path = format!("${}", path.replace('\'', "''"));
        let columns =
            definition.data_columns().filter(|c| c.sql.is_none() && !c.aside && c.path.is_some());
        let found = columns.filter_map(|c| Some((c, rest_of(&path, &c.json_path())?.to_string())));
        let Some((column, rest)) = found.min_by_key(|(_, rest)| rest.len()) else {
            return Ok(None);
        };
        let Some(target) = Self::declared(definition, &column.name) else { return Ok(None) };
        match rest.is_empty() {
            true => Ok(Some(target)),
            false => target.below(definition, &rest.replace("''", "'"), name).map(Some),
        }
    }

    fn declared(definition: &'d Definition, name: &str) -> Option<Target<'d>> {
        let column = definition.columns.iter().find(|c| c.name == name);
        if name == definition.id_col {
            let sql = format!("tbl.{}", quote(name));
            return Some(Target { column, sql, path: None, virtual_of: None, place: None });
        }
        let column = column?;
        let is_virtual = !column.is_real() && column.sql.is_none();
        let virtual_of = (is_virtual && holder(definition, column).is_none())
            .then(|| source(definition, column, "tbl."));
        let sql = expression(definition, column, "tbl.");
        // a real column that is not read back holds all of its value
        let place = (is_virtual || column.get()).then(|| column.json_path());
        Some(Target { column: Some(column), sql, path: None, virtual_of, place })
    }

    /// `below` is not escaped.
    fn below(mut self, definition: &'d Definition, below: &str, name: &str) -> Result<Target<'d>> {
        let refuse = |remedy| Err(Error::BadName { what: "path", name: name.to_string(), remedy });
        if self.virtual_of.is_none() && !self.is_json() {
            return refuse("the column must be of type JSON or not real to have a path below it");
        }
        let Some(place) = self.place.take().map(|of| of + &below.replace('\'', "''")) else {
            return Ok(Target { path: Some(format!("${below}")), ..self });
        };
        let same = own_columns(definition).find(|c| c.json_path() == place);
        if let Some(target) = same.and_then(|c| Self::declared(definition, &c.name)) {
            return Ok(target);
        }
        let (source, path) = source_of(definition, &place, "tbl.");
        let path = path.replace("''", "'");
        match Self::virtual_at(definition, &source, &path) {
            Some(same) => Ok(same),
            None => Ok(Target {
                sql: source,
                path: Some(path),
                virtual_of: None,
                place: Some(place),
                ..self
            }),
        }
    }

    /// A declared column for the same place, whose index can be used then.
    fn virtual_at(definition: &'d Definition, place: &str, path: &str) -> Option<Target<'d>> {
        let plain = definition.data_columns().filter(|c| c.collate.is_none() && !c.falsy_bool);
        let mut declared = plain.filter_map(|c| Self::declared(definition, &c.name));
        declared.find(|target| {
            let of = target.virtual_of.as_ref();
            of.is_some_and(|(source, own)| source == place && own.replace("''", "'") == path)
        })
    }

    /// Whether it is a real column that holds JSON text, itself.
    pub(super) fn is_json(&self) -> bool {
        self.path.is_none() && self.column.is_some_and(|c| c.ty == Some(ColumnType::Json))
    }

    /// Whether it is `true` or nothing.
    pub(super) fn is_falsy_bool(&self) -> bool {
        self.path.is_none() && self.column.is_some_and(|c| c.falsy_bool)
    }

    /// The declared type, if the value itself is meant.
    pub(super) fn ty(&self) -> Option<ColumnType> {
        self.column.filter(|_| self.path.is_none()).and_then(|c| c.ty)
    }

    /// The value as it is stored: JSON text for JSON columns.
    pub(super) fn stored(&self, out: &mut Sql) {
        match (&self.path, self.collation()) {
            (Some(path), _) => out.push(&self.sql).push(" ->> ").bind(Value::Text(path.clone())),
            // COLLATE binds tighter than ->>
            (None, Some(collation)) => out.push("(").push(&self.sql).push(")").push(collation),
            (None, None) => out.push(&self.sql),
        };
    }

    /// The value as SQL compares it: of JSON columns what the text stands for.
    pub(super) fn value(&self, out: &mut Sql) {
        if !self.is_json() {
            return self.stored(out);
        }
        out.push(&format!("({} ->> '$')", self.sql)).push(self.collation().unwrap_or_default());
    }

    /// The value as it is given to JavaScript: JSON text where it is in JSON.
    pub(super) fn selected(&self, out: &mut Sql) {
        match &self.path {
            // a null of the document's is nothing, like a property that is not there
            Some(path) => out
                .push("nullif(")
                .push(&self.sql)
                .push(" -> ")
                .bind(Value::Text(path.clone()))
                .push(", 'null')"),
            None => match &self.virtual_of {
                Some((source, path)) => out.push(&format!("nullif({source} -> '{path}', 'null')")),
                None => out.push(&self.sql),
            },
        };
    }

    /// Whether [`Target::selected`] is JSON text.
    pub(super) fn selects_json(&self) -> bool {
        self.path.is_some() || self.is_json() || self.virtual_of.is_some()
    }

    /// ` COLLATE …` as it is declared.
    pub(super) fn collation(&self) -> Option<&'static str> {
        Some(self.column.filter(|_| self.path.is_none())?.collate?.sql())
    }

    /// `json_each(…)` over the array that it is; none when it cannot be one.
    pub(super) fn each(&self, out: &mut Sql) -> bool {
        out.push("json_each(");
        match (&self.path, &self.virtual_of) {
            (Some(path), _) => out.push(&self.sql).push(", ").bind(Value::Text(path.clone())),
            (None, Some((source, path))) => out.push(&format!("{source}, '{path}'")),
            _ if self.is_json() || self.column.is_some_and(|c| c.sql.is_some()) => {
                out.push(&self.sql)
            }
            _ => return false,
        };
        out.push(")");
        true
    }
}

/// The SQL of a column that is not the id. `of` is what stands before the table's own columns, such
/// as `tbl.`.
pub(super) fn expression(definition: &Definition, column: &Column, of: &str) -> String {
    if let Some(sql) = &column.sql {
        return format!("({sql})");
    }
    if column.is_real() {
        return format!("{of}{}", quote(column.stored_name()));
    }
    if let Some(holder) = holder(definition, column) {
        return format!("{of}{}", quote(holder.stored_name()));
    }
    let (source, path) = source(definition, column, of);
    format!("{source} ->> '{path}'")
}

/// Where a virtual column's value is: the JSON column that holds it, and its path there as the
/// inside of an SQL literal.
fn source(definition: &Definition, column: &Column, of: &str) -> (String, String) {
    source_of(definition, &column.json_path(), of)
}

/// As [`source`], for any path. A real JSON column that lives in its column alone takes what is
/// below it with it.
fn source_of(definition: &Definition, path: &str, of: &str) -> (String, String) {
    let holders = own_columns(definition).filter(|c| c.ty == Some(ColumnType::Json));
    let below = holders.filter_map(|c| Some((c, rest_of(path, &c.json_path())?.to_string())));
    match below.min_by_key(|(_, rest)| rest.len()) {
        Some((holder, rest)) => (format!("{of}{}", quote(&holder.name)), format!("${rest}")),
        None => (format!("{of}\"json\""), path.to_string()),
    }
}

/// The columns that have taken their values out of the JSON.
fn own_columns(definition: &Definition) -> impl Iterator<Item = &Column> {
    definition.data_columns().filter(|c| c.get() && !c.aside)
}

/// The real column that has a virtual one's value, itself no JSON.
fn holder<'d>(definition: &'d Definition, column: &Column) -> Option<&'d Column> {
    let path = column.json_path();
    own_columns(definition).find(|c| c.ty != Some(ColumnType::Json) && c.json_path() == path)
}

/// A column that has taken out a part of what is at a path.
fn part_of<'d>(definition: &'d Definition, place: &str) -> Option<&'d Column> {
    own_columns(definition)
        .find(|c| rest_of(&c.json_path(), place).is_some_and(|rest| !rest.is_empty()))
}

/// The rest of `path` behind `front`: nothing when it is the same, none when it is neither that nor
/// below it.
fn rest_of<'p>(path: &'p str, front: &str) -> Option<&'p str> {
    path.strip_prefix(front).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// `.a[0].b` as the rest of an SQLite JSON path; none when it is not one.
fn bound_path(below: &str) -> Option<String> {
    let mut path = String::new();
    let mut rest = below;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, after) = after.split_once(']')?;
            let index: u32 = index.parse().ok()?;
            path.push_str(&format!("[{index}]"));
            rest = after;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return None;
            }
            property(&mut path, &after[..end]);
            rest = &after[end..];
        }
    }
    Some(path)
}

/// Adds `."name"`; SQLite reads JSON's escapes in it.
fn property(path: &mut String, name: &str) {
    path.push('.');
    path.push_str(&serde_json::to_string(name).unwrap_or_default());
}
