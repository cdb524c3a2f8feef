//! Figures over what a search finds: the largest, the smallest, sum and average, of numbers only.

use super::definition::ColumnType;
use super::document::write_exact;
use super::expression::{Sql, Target};
use super::query::{run, text};
use super::search::Search;
use super::select::Select;
use super::table::Model;
use crate::error::{Error, Result};
use crate::sql::{Conn, Value};

impl Model {
    /// `op` (`max`, `min`, `sum`, `avg`, `count`, `total`) over a column, as JSON; `null`, of the
    /// last two 0, when there is no number.
    ///
    /// Text that reads as a number counts as that; other text, blobs and NULL are left out.
    pub fn aggregate(&self, conn: &Conn, op: &str, name: &str, search: &Search) -> Result<String> {
        let op = op.to_ascii_lowercase();
        if !["max", "min", "sum", "avg", "count", "total"].contains(&op.as_str()) {
            return Err(Error::BadValue(format!(
                "unknown aggregate '{op}': use max, min, sum, avg, count or total"
            )));
        }
        let select = Select::new(self, search)?;
        let target = Target::find(&self.definition, name)?;
        let mut value = Sql::default();
        target.value(&mut value);
        let (number, only) = match target.ty() {
            // numbers come before all text, and an index knows where they end
            Some(
                ColumnType::Integer
                | ColumnType::Real
                | ColumnType::Numeric
                | ColumnType::Date
                | ColumnType::BigInt,
            ) => {
                let mut only = value.clone();
                only.push(" < ''");
                (value, only)
            }
            _ => {
                // compared with its own number, text that reads as one is equal to it and other
                // text is not
                let mut only = text("CAST(");
                only.add(&value).push(" AS NUMERIC) = ").add(&value);
                let mut number = text("CAST(");
                number.add(&value).push(" AS NUMERIC)");
                (number, only)
            }
        };
        let figure = |op: &str| -> Result<Value> {
            let mut what = text(&format!("{op}("));
            what.add(&number).push(")");
            let statement = select.figure(&what, Some(&only))?;
            let found = run(&statement, |params| {
                Ok(conn
                    .guarded(|| conn.one(&statement.text, params, |row| row.value(0)))?
                    .unwrap_or(Value::Null))
            })?;
            self.note_scan(conn, search, &statement)?;
            Ok(found)
        };
        let found = match figure(&op) {
            // a sum beyond 64 bits is a double, as in JavaScript
            Err(Error::Sqlite { message, .. }) if op == "sum" && message == "integer overflow" => {
                figure("total")?
            }
            found => found?,
        };
        let mut out = String::new();
        write_exact(&mut out, &found)?;
        Ok(out)
    }
}
