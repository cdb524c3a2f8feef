//! Bringing a table to what its model declares, from what it was declared to be when it was last
//! opened.
//!
//! In stages, each a number of bounded steps in the caller's one transaction: the *shape* (table
//! and columns, rows rewritten), then whatever the application migrates, then the *rest* (indexes,
//! full text), and when all models are there what they *refer* to. Nothing is lost: a value that no
//! column holds any more is in the document again. Code that most opens do not need is not inlined,
//! because browsers compile a function whole when it is first called. Uses nothing that a host's
//! SQLite may refuse: no BEGIN, no `user_version`, no switching off of foreign keys.

#[cfg(test)]
mod adopt_tests;
mod aside;
mod foreign;
mod full_text;
mod index;
mod keys;
#[cfg(test)]
mod own_tests;
mod physical;
mod progress;
mod record;
mod shape;
mod strange;
#[cfg(test)]
mod tests;

pub use keys::{done_keys, note_key};
pub use progress::{Progress, Stage};
pub use record::{forget, fresh, stale};

use super::definition::{Column, Definition};
use super::table::Model;
use crate::error::{Error, Result};
use crate::sql::{Conn, quote};
use shape::Shape;

/// The way of one table from one definition to another.
#[derive(Debug)]
pub struct Migration {
    new: Definition,
    /// The former definition; none when the table is made now.
    old: Option<Definition>,
    /// Whether it was recorded, and is not merely taken from how the table looks.
    recorded: bool,
    /// Whether what is recorded is another definition than the new one.
    changed: bool,
    /// Written by events alone.
    owned: bool,
    shape: Option<Shape>,
    indexes: Vec<(String, String)>,
    done: i64,
}

impl Migration {
    /// Looks at the table and decides what there is to do. Call in the transaction of all that
    /// follows.
    ///
    /// # Errors
    /// `BAD_VALUE` when the id is another one than before.
    pub fn plan(conn: &Conn, new: &Definition, owned: bool) -> Result<Migration> {
        record::create(conn)?;
        let mut there = physical::columns(conn, &new.name)?;
        let known = record::read(conn, &new.name)?;
        let recorded = known.is_some() && !there.is_empty();
        let changed = !recorded || known.as_ref() != Some(new);
        let old = match (there.is_empty(), known) {
            (true, _) => None,
            (false, Some(mut old)) => {
                record::complete(conn, &mut old, new, &there, false)?;
                strange::relax_known(conn, &old, new, &there)?;
                Some(old)
            }
            (false, None) => {
                let (old, columns) = strange::accept(conn, new, there)?;
                there = columns;
                Some(old)
            }
        };
        if let Some(old) = &old {
            shape::same_id(old, new)?;
        }
        let shape = Shape::plan(new, old.as_ref(), &there, owned, recorded);
        Ok(Migration {
            new: new.clone(),
            old,
            recorded,
            changed,
            owned,
            shape: Some(shape),
            indexes: Vec::new(),
            done: 0,
        })
    }

    /// The columns of which the application must write the values, because their `version` is
    /// another one, or because they are beside the documents and new, or no longer beside them.
    pub fn rewritten(&self) -> Vec<String> {
        let Some(old) = &self.old else { return Vec::new() };
        let before = |name: &str| old.columns.iter().find(|c| c.name == name);
        let changed = |c: &&Column| match before(&c.name) {
            Some(before) => before.version != c.version || c.aside != before.aside,
            // nothing of it is in the documents
            None => c.aside,
        };
        self.new.columns.iter().filter(changed).map(|c| c.name.clone()).collect()
    }

    /// Does the next step of a stage; nothing when the stage is over.
    pub fn step(&mut self, conn: &Conn, stage: Stage) -> Result<Option<Progress>> {
        match stage {
            Stage::Shape => {
                let Some(shape) = &mut self.shape else { return Ok(None) };
                let progress = shape.step(conn)?;
                if progress.is_none() {
                    self.shape = None;
                    self.prepare_rest(conn)?;
                }
                Ok(progress)
            }
            Stage::Rest => self.rest(conn),
            Stage::Refer => match foreign::refer(conn, self.old.as_ref(), &self.new, self.owned)? {
                None => full_text::make(conn, &self.new),
                step => Ok(step),
            },
        }
    }

    /// All steps of a stage.
    pub fn run(&mut self, conn: &Conn, stage: Stage) -> Result<()> {
        while self.step(conn, stage)?.is_some() {}
        Ok(())
    }

    /// Drops first what is no longer wanted: an index must not stand in the way of what is
    /// migrated.
    fn prepare_rest(&mut self, conn: &Conn) -> Result<()> {
        full_text::outdated(conn, self.old.as_ref(), &self.new)?;
        self.indexes = index::outdated(conn, self.old.as_ref(), &self.new, self.recorded)?;
        self.done = 0;
        Ok(())
    }

    fn rest(&mut self, conn: &Conn) -> Result<Option<Progress>> {
        let total = self.indexes.len() as i64;
        if let Some(index) = self.indexes.get(self.done as usize) {
            // the name may have become another model's meanwhile
            let (_, sql) = &index::free(conn, &self.new, index)?;
            match conn.exec(sql) {
                // rows that break a new rule were made before it: the log makes them anew, see
                // `stale`
                Err(Error::Sqlite { code, .. })
                    if self.owned && code.starts_with("SQLITE_CONSTRAINT") =>
                {
                    conn.run(&format!("DELETE FROM {}", quote(&self.new.name)), &[])?;
                    conn.exec(sql)?;
                }
                done => done?,
            }
            self.done += 1;
            return Ok(Some(Progress { phase: "indexes", done: self.done, total }));
        }
        if self.changed {
            record::write(conn, &self.new, self.owned && self.old.is_some())?;
        }
        Ok(None)
    }
}

impl Model {
    /// Brings the table to the definition, all stages at once, made by events alone if `owned`: for
    /// a table that refers to no other's changes. Call in a transaction.
    pub fn migrate(&self, conn: &Conn, owned: bool) -> Result<()> {
        let mut migration = Migration::plan(conn, &self.definition, owned)?;
        for stage in [Stage::Shape, Stage::Rest, Stage::Refer] {
            migration.run(conn, stage)?;
        }
        Ok(())
    }
}
