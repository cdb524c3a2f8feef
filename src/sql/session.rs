//! The effect of a transaction as an SQLite changeset, and its undoing.

use rusqlite::session::{ConflictAction, ConflictType, Session};

use super::db::Db;
use crate::error::{Error, Result};

/// Records what happens to the tables it was given, from its creation to [`Recorder::finish`].
///
/// Tables must have a primary key; DDL, `sqlite_sequence` and `user_version` are not recorded.
pub struct Recorder<'db> {
    db: &'db Db,
    session: Session<'db>,
}

impl std::fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl<'db> Recorder<'db> {
    /// Starts recording changes of `tables` on the writer.
    pub fn start<'t>(db: &'db Db, tables: impl Iterator<Item = &'t str>) -> Result<Recorder<'db>> {
        let mut session = Session::new(db.writer().raw()?).map_err(|e| explain(db, e))?;
        for table in tables {
            session.attach(Some(table)).map_err(|e| explain(db, e))?;
        }
        Ok(Recorder { db, session })
    }

    /// The recorded changes; empty when nothing changed.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if !self.session.is_empty() {
            self.session.changeset_strm(&mut bytes).map_err(|e| explain(self.db, e))?;
        }
        Ok(bytes)
    }
}

/// Sessions read and write tables, too: their errors name the storage's like those of statements.
fn explain(db: &Db, error: rusqlite::Error) -> Error {
    db.writer().explain(error.into(), "")
}

/// Undoes changesets, the last first, all or none. `false` when a row is not as the changeset left
/// it: nothing was changed then, and the caller has to rebuild from the log.
pub fn undo(db: &Db, changesets: &[Vec<u8>]) -> Result<bool> {
    let tx = db.begin()?;
    for changeset in changesets.iter().rev().filter(|c| !c.is_empty()) {
        let mut inverse = Vec::new();
        rusqlite::session::invert_strm(&mut changeset.as_slice(), &mut inverse)
            .map_err(|e| explain(db, e))?;
        let applied = db.writer().raw()?.apply_strm(
            &mut inverse.as_slice(),
            None::<fn(&str) -> bool>,
            |_: ConflictType, _| ConflictAction::SQLITE_CHANGESET_ABORT,
        );
        match applied.map_err(|e| explain(db, e)) {
            Ok(()) => {}
            Err(Error::Sqlite { code: "SQLITE_ABORT", .. }) => {
                tx.rollback()?;
                return Ok(false);
            }
            Err(e) => return Err(e),
        }
    }
    tx.commit()?;
    Ok(true)
}
