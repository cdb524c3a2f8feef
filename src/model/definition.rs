//! The definition of a model: its table, its id and its columns, checked once.

use serde::{Deserialize, Serialize};

use super::path::{self, Step};
use crate::error::{Error, Result};
use crate::sql::is_internal;

/// A model as declared. In JSON: `{name, idCol?, keepRowId?, columns?: [Column], indexes?:
/// [CompoundIndex], fts?}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The table's name.
    pub name: String,
    /// The property that identifies a document.
    #[serde(default = "default_id")]
    pub id_col: String,
    /// Declared columns; the id may be among them.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// Whether rows keep their rowid over a VACUUM when the id is not an integer. Default true.
    #[serde(default = "yes")]
    pub keep_row_id: bool,
    /// Indexes over several columns.
    #[serde(default)]
    pub indexes: Vec<CompoundIndex>,
    /// FTS5's `tokenize` for the columns with [`Column::fts`]; its default when absent.
    #[serde(default)]
    pub tokenize: Option<String>,
}

/// An index over several columns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompoundIndex {
    /// Its name after the table's and `_`; default the columns' names joined by `_`.
    #[serde(default)]
    pub name: Option<String>,
    /// Declared columns, in order.
    pub columns: Vec<String>,
    /// Whether two rows may not have the same values.
    #[serde(default)]
    pub unique: bool,
    /// Leave out rows in which all of them are NULL.
    #[serde(default)]
    pub sparse: bool,
}

/// The row that a column refers to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignKey {
    /// The other model's name.
    pub model: String,
    /// Its column; default its id.
    #[serde(default)]
    pub column: Option<String>,
    /// The effect on a row when the row it refers to is removed.
    #[serde(default)]
    pub on_delete: Option<Reaction>,
    /// The effect on a row when the value it refers to changes.
    #[serde(default)]
    pub on_update: Option<Reaction>,
}

/// The effect on a row that refers to one that is removed (or changed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Reaction {
    /// It is removed (or changed) too.
    #[serde(rename = "CASCADE")]
    Cascade,
    /// Its column becomes NULL.
    #[serde(rename = "SET NULL")]
    SetNull,
    /// The other row may not go. The default.
    #[serde(rename = "RESTRICT")]
    Restrict,
}

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// Its name in searches, and in the table if it is real.
    pub name: String,
    /// The type of its values; a column with a type is real.
    #[serde(default, rename = "type")]
    pub ty: Option<ColumnType>,
    /// A column of the table; otherwise an expression over the JSON.
    #[serde(default)]
    pub real: bool,
    /// Where the value is in the document, dotted; default the name.
    #[serde(default)]
    pub path: Option<String>,
    /// Keep the value in the column alone and put it back when reading. Default for real columns.
    #[serde(default)]
    pub get: Option<bool>,
    /// The index to keep.
    #[serde(default)]
    pub index: Option<Index>,
    /// Whether the index is unique.
    #[serde(default)]
    pub unique: bool,
    /// The SQL expression to select and search, the developer's own; the table is `tbl` in it.
    /// Never real.
    #[serde(default)]
    pub sql: Option<String>,
    /// Stored as 1 or NULL; read as `true` or nothing.
    #[serde(default)]
    pub falsy_bool: bool,
    /// Integer ids only: SQLite never gives an id twice.
    #[serde(default)]
    pub auto_increment: bool,
    /// JSON columns: NULL is `{}`.
    #[serde(default)]
    pub always_object: bool,
    /// Aggregates leave NULLs out.
    #[serde(default)]
    pub ignore_null: bool,
    /// The collation of its text, in searches, sorts and indexes.
    #[serde(default)]
    pub collate: Option<Collation>,
    /// Part of the model's full-text index.
    #[serde(default)]
    pub fts: bool,
    /// The row it refers to. Real columns only.
    #[serde(default)]
    pub foreign_key: Option<ForeignKey>,
    /// A change of it rewrites the column in every row.
    #[serde(default)]
    pub version: Option<i64>,
    /// Real columns that are not read back: the value is not at the path but in the document's
    /// `$aside`, by the column's name. A column's function made it.
    #[serde(default)]
    pub aside: bool,
    /// Its name in the table while a migration has moved it; else its name.
    #[serde(skip)]
    pub(super) moved: Option<String>,
}

/// SQLite's own ways to compare text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Collation {
    /// Byte by byte.
    Binary,
    /// A to Z and a to z are the same.
    NoCase,
    /// Spaces at the end don't count.
    RTrim,
}

/// The type of a real column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ColumnType {
    /// Text.
    Text,
    /// Whatever looks like a number becomes one.
    Numeric,
    /// 64-bit integers.
    Integer,
    /// Doubles.
    Real,
    /// Any JSON, as its text.
    Json,
    /// Bytes; `{"$bytes": base64}` in the document's text.
    Blob,
    /// Milliseconds since 1970; a number in the document's text, a `Date` in JavaScript.
    Date,
    /// 64-bit integers; `{"$bigint": digits}` in the document's text, always a BigInt in
    /// JavaScript.
    BigInt,
}

/// Which rows an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Index {
    /// Every row.
    All,
    /// Rows where the value is not NULL.
    Sparse,
}

impl Collation {
    /// As an SQL operator, a space in front.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Collation::Binary => " COLLATE BINARY",
            Collation::NoCase => " COLLATE NOCASE",
            Collation::RTrim => " COLLATE RTRIM",
        }
    }
}

fn default_id() -> String {
    "id".into()
}

fn yes() -> bool {
    true
}

impl ColumnType {
    pub(super) fn sql(self) -> &'static str {
        match self {
            ColumnType::Text => "TEXT",
            ColumnType::Numeric => "NUMERIC",
            ColumnType::Integer | ColumnType::Date | ColumnType::BigInt => "INTEGER",
            ColumnType::Real => "REAL",
            // no affinity: 'JSON' would turn the text "3" into a number
            ColumnType::Json | ColumnType::Blob => "BLOB",
        }
    }
}

impl Definition {
    /// Reads and checks a definition.
    pub fn parse(json: &str) -> Result<Definition> {
        let definition: Definition = serde_json::from_str(json)
            .map_err(|e| Error::BadValue(format!("model definition: {e}")))?;
        definition.checked()
    }

    /// The definition itself, if its names, columns and paths are such as a table can have.
    pub fn checked(self) -> Result<Definition> {
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        check_name("model", &self.name)?;
        if is_internal(&self.name) || self.name.to_ascii_lowercase().starts_with("sqlite") {
            return Err(bad_name(
                "model",
                &self.name,
                "Tidelog and SQLite have the names that begin with '_', 'sqlite', 'pragma_' or 'dbstat': use another",
            ));
        }
        if self.name.starts_with("{sdb}") {
            return Err(bad_name(
                "model",
                &self.name,
                "strato-db has the names that begin with '{sdb}': use another",
            ));
        }
        check_name("column", &self.id_col)?;
        if ["json", "rowid"].iter().any(|taken| taken.eq_ignore_ascii_case(&self.id_col)) {
            return Err(bad_name(
                "column",
                &self.id_col,
                "every table has a column of that name already: give the id another",
            ));
        }
        let mut seen: Vec<&str> = vec!["json", "rowid"];
        for column in &self.columns {
            check_name("column", &column.name)?;
            if seen.iter().any(|s| s.eq_ignore_ascii_case(&column.name)) {
                return Err(bad_name(
                    "column",
                    &column.name,
                    "the table has a column of that name already: use another",
                ));
            }
            seen.push(&column.name);
            if column.steps()?.first() == Some(&Step::Key(self.id_col.clone()))
                && column.name != self.id_col
            {
                return Err(bad_name(
                    "path",
                    column.path(),
                    "the document's id is there: use another path",
                ));
            }
        }
        self.check_full_text()
    }

    /// Refuses what full-text search cannot follow.
    fn check_full_text(&self) -> Result<()> {
        for column in self.columns.iter().filter(|c| c.fts) {
            let refuse = |why| {
                let (model, name) = (&self.name, &column.name);
                Err(Error::BadValue(format!("{model}.{name}: fts {why}")))
            };
            if !self.integer_id() && !self.keep_row_id {
                return refuse("needs rowids that stay: use keepRowId or an INTEGER id");
            }
            if column.sql.is_some() {
                return refuse("is not for sql columns: use a real or a virtual one");
            }
            if ["rank", "rowid", "docid"]
                .iter()
                .any(|taken| column.name.eq_ignore_ascii_case(taken))
            {
                return refuse("cannot have a column of that name: give it another and a path");
            }
        }
        Ok(())
    }

    /// The declared type of the id, if it is declared.
    pub(super) fn id_type(&self) -> ColumnType {
        let declared = self.columns.iter().find(|c| c.name == self.id_col).and_then(|c| c.ty);
        declared.unwrap_or(ColumnType::Text)
    }

    /// Whether the id is the table's rowid, which SQLite counts up by itself.
    pub fn integer_id(&self) -> bool {
        self.id_type() == ColumnType::Integer
    }

    /// The declared columns but the id.
    pub(super) fn data_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| c.name != self.id_col)
    }
}

impl Column {
    /// Whether it is a column of the table.
    pub fn is_real(&self) -> bool {
        self.sql.is_none() && (self.real || self.ty.is_some())
    }

    pub(super) fn get(&self) -> bool {
        self.is_real() && self.get.unwrap_or(true)
    }

    pub(super) fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.name)
    }

    /// Where the value is in the document.
    pub(super) fn steps(&self) -> Result<Vec<Step>> {
        match &self.path {
            Some(path) => path::parse(path),
            // a column without a path may have dots in its name: it is one property then
            None => Ok(vec![Step::Key(self.name.clone())]),
        }
    }

    /// Its name in the table, if it is real.
    pub(super) fn stored_name(&self) -> &str {
        self.moved.as_deref().unwrap_or(&self.name)
    }

    /// `$."a"."b"` as the inside of an SQL literal; names with quotes were refused.
    pub(super) fn json_path(&self) -> String {
        path::for_sqlite(&self.steps().unwrap_or_default()).replace('\'', "''")
    }
}

fn check_name(what: &'static str, name: &str) -> Result<()> {
    if name.is_empty() || name.len() > 200 || name.contains(['"', '\\', '\0', '[', ']']) {
        return Err(bad_name(what, name, "use 1 to 200 characters, none of \" \\ [ ] or NUL"));
    }
    Ok(())
}

fn bad_name(what: &'static str, name: &str, remedy: &'static str) -> Error {
    Error::BadName { what, name: name.to_string(), remedy }
}
