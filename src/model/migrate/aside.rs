//! The parts of a schema that stand in the way while columns are moved: the indexes of a table, and
//! every view and trigger, which SQLite would rewrite after the moved columns. They are dropped,
//! and put back as they were: nothing of the user's own is lost.

use super::super::definition::Definition;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, quote};

const REMEDY: &str = "drop or change it in onBeforeMigrations, which runs in the same transaction";

/// The parts that were put aside, in the order of their making.
#[derive(Debug, Default)]
pub(super) struct Aside(Vec<Own>);

#[derive(Debug)]
struct Own {
    kind: String,
    name: String,
    sql: String,
}

impl Aside {
    /// Puts everything aside but the indexes of `gone`, which are dropped for good. `lost` are
    /// columns that go. An index that keeps ids unique stays, for writing a document needs it:
    /// strato-db's files have one of that kind.
    ///
    /// # Errors
    /// `BAD_VALUE` for a user's own index on a lost column.
    pub(super) fn put(
        conn: &Conn,
        model: &Definition,
        gone: &[String],
        lost: &[&str],
    ) -> Result<Aside> {
        let table = &model.name;
        let found = conn.all(
            "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL
               AND (type IN ('view', 'trigger') OR type = 'index' AND tbl_name = ?1 COLLATE NOCASE
                 AND name NOT IN (SELECT l.name FROM pragma_index_list(?1) l WHERE l.\"unique\" AND NOT l.partial
                   AND (SELECT count(*) = 1 AND max(name) = ?2 COLLATE NOCASE FROM pragma_index_info(l.name))))
             ORDER BY rowid",
            &[table.into(), (&model.id_col).into()],
            |r| {
                let [kind, name, sql] = [r.text(0)?, r.text(1)?, r.text(2)?].map(String::from);
                Ok(Own { kind, name, sql })
            },
        )?;
        let (ours, kept): (Vec<Own>, Vec<Own>) =
            found.into_iter().partition(|own| own.kind == "index" && gone.contains(&own.name));
        for own in kept.iter().filter(|own| own.kind == "index") {
            own.keeps_its_columns(conn, table, lost)?;
        }
        // triggers of views go with them
        for own in ours.iter().chain(&kept) {
            conn.exec(&format!("DROP {} IF EXISTS {}", own.kind, quote(&own.name)))?;
        }
        Ok(Aside(kept))
    }

    /// Puts everything back as it was.
    ///
    /// # Errors
    /// `BAD_VALUE` with the name of what uses a column that is gone.
    #[inline(never)]
    pub(super) fn back(self, conn: &Conn, table: &str) -> Result<()> {
        for own in &self.0 {
            conn.exec(&own.sql).map_err(|e| own.explain(table, e))?;
        }
        if self.0.iter().all(|own| own.kind == "index") {
            return Ok(());
        }
        // views and triggers may say what they like when they are made: SQLite looks at all of them
        // when it renames
        let table_name = quote(table);
        conn.exec(&format!("ALTER TABLE {table_name} RENAME COLUMN \"json\" TO \"json\"")).map_err(
            |e| match e {
                Error::Sqlite { code: "SQLITE_ERROR", message, .. } => Error::BadValue(format!(
                    "'{table}' lost a column that your own schema uses ({message}): {REMEDY}"
                )),
                e => e,
            },
        )
    }
}

impl Own {
    /// SQLite takes a quoted name that is no column for a text, and would make the index of that.
    fn keeps_its_columns(&self, conn: &Conn, table: &str, lost: &[&str]) -> Result<()> {
        for column in lost {
            let sql = "SELECT 1 FROM pragma_index_info(?) WHERE name = ? COLLATE NOCASE";
            let params: [Param<'_>; 2] = [self.name.as_str().into(), (*column).into()];
            let named = self.sql.to_ascii_lowercase().contains(&quote(column).to_ascii_lowercase());
            if named || conn.one(sql, &params, |_| Ok(()))?.is_some() {
                return Err(self.refuse(table, &format!("column '{column}'")));
            }
        }
        Ok(())
    }

    fn explain(&self, table: &str, error: Error) -> Error {
        match error {
            Error::Sqlite { code: "SQLITE_ERROR", message, .. } => self.refuse(table, &message),
            error => error,
        }
    }

    fn refuse(&self, table: &str, what: &str) -> Error {
        let Own { kind, name, .. } = self;
        Error::BadValue(format!(
            "your own {kind} '{name}' uses what the table of model '{table}' no longer has ({what}): {REMEDY}"
        ))
    }
}
