//! A document's id: as it stands in JSON, and as the table keeps it.

use super::definition::ColumnType;
use super::document::{self, Field, write_param, write_value};
use super::table::Model;
use super::tagged;
use crate::error::{Error, Result};
use crate::sql::Value;

impl Model {
    /// The id in a document's properties; NULL when there is none.
    pub fn id_in(&self, properties: &[Field<'_>]) -> Result<Value> {
        match properties.iter().find(|f| f.key == self.definition.id_col) {
            Some(field) => self.id_from(field.raw),
            None => Ok(Value::Null),
        }
    }

    /// An id as it stands in JSON.
    pub fn id_from(&self, raw: &str) -> Result<Value> {
        let tagged =
            if raw.starts_with('{') { tagged::bigint(raw).map(Value::Integer) } else { None };
        let id = match tagged.or_else(|| tagged::bytes(raw).map(Value::Blob)) {
            Some(id) => id,
            None => document::scalar(raw, &self.definition.id_col)?,
        };
        Ok(self.as_id(id))
    }

    /// An id as the table keeps it: `7` and `'7'` are the same one.
    pub fn as_id(&self, id: Value) -> Value {
        let text = self.id_type == ColumnType::Text;
        match &id {
            Value::Integer(i) if text => Value::Text(i.to_string()),
            Value::Real(f) if text => Value::Text(serde_json::to_string(f).unwrap_or_default()),
            Value::Text(s)
                if !matches!(
                    self.id_type,
                    ColumnType::Text | ColumnType::Json | ColumnType::Blob
                ) =>
            {
                match s.parse::<i64>() {
                    Ok(i) if i.to_string() == *s => Value::Integer(i),
                    _ => id,
                }
            }
            _ => id,
        }
    }

    /// Appends an id as it stands in a document.
    pub fn write_id(&self, out: &mut String, id: &Value) {
        write_param(out, id.param(), Some(self.id_type));
    }

    /// The error for an id that is not there.
    pub fn not_there(&self, action: &'static str, id: &Value) -> Error {
        let mut text = String::new();
        let _ = write_value(&mut text, id, false);
        Error::NotThere { model: self.definition.name.clone(), action, id: text }
    }

    /// The error for an id that is taken.
    pub fn already_there(&self, action: &'static str, id: &Value) -> Error {
        let mut text = String::new();
        let _ = write_value(&mut text, id, false);
        Error::AlreadyThere { model: self.definition.name.clone(), action, id: text }
    }
}
