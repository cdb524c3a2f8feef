//! Transactions and savepoints that undo themselves, by statements or, where a host wants it so, by
//! its own call.

use super::db::Db;
use crate::error::{Error, Result};

/// An open transaction or savepoint.
#[must_use = "a transaction that is dropped is undone"]
#[derive(Debug)]
pub struct Tx<'db> {
    pub(super) db: &'db Db,
    pub(super) depth: u32,
    pub(super) done: bool,
}

impl Db {
    /// Begins a transaction, or a savepoint inside the open one. Dropped without [`Tx::commit`] it
    /// is undone.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` on a host that knows transactions as calls only: use
    /// [`Db::transaction`] there.
    pub fn begin(&self) -> Result<Tx<'_>> {
        if self.calls_only().is_some() {
            return Err(Error::NotSupported("BEGIN in this host's SQLite (use withTransaction)"));
        }
        let depth = self.depth.get();
        self.check_open()?;
        match depth {
            0 => self.writer().run("BEGIN IMMEDIATE", &[])?,
            _ => self.writer().run(&format!("SAVEPOINT t{depth}"), &[])?,
        };
        if depth == 0 {
            self.ending.hold();
        }
        self.depth.set(depth + 1);
        Ok(Tx { db: self, depth, done: false })
    }

    /// Runs `f` in a transaction: committed when it succeeds, undone when it fails.
    pub fn transaction<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let (mut f, mut value) = (Some(f), None);
        self.in_transaction(&mut || {
            let Some(f) = f.take() else {
                return Err(Error::BadValue("the host's SQLite ran the function of a transaction twice: its adapter must call it once".into()));
            };
            value = Some(f()?);
            Ok(())
        })?;
        value.ok_or_else(|| Error::BadValue("the host's SQLite did not run the function of a transaction: its adapter must call it once".into()))
    }

    /// Compiled once, not for each `f`.
    fn in_transaction(&self, f: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if let Some(conn) = self.calls_only() {
            return conn.host.transaction(f);
        }
        let tx = self.begin()?;
        f()?;
        tx.commit()
    }

    /// Begins a transaction that spans turns of the event loop. Where the host knows transactions
    /// as calls only, JavaScript has it open such a call around the whole, which also undoes it;
    /// here it is counted, no more.
    pub fn begin_long(&self) -> Result<Tx<'_>> {
        if self.calls_only().is_none() {
            return self.begin();
        }
        let depth = self.depth.get();
        self.depth.set(depth + 1);
        Ok(Tx { db: self, depth, done: false })
    }

    /// Goes on with a transaction that was [kept](Tx::keep) open.
    pub fn resume(&self, depth: u32) -> Tx<'_> {
        Tx { db: self, depth, done: false }
    }
}

impl Tx<'_> {
    /// Makes it permanent, or part of the transaction around it. When this fails nothing of it is
    /// kept.
    pub fn commit(mut self) -> Result<()> {
        self.db.check_open()?;
        if self.depth == 0 {
            self.db.ending.free();
        }
        if self.db.calls_only().is_none() {
            match self.depth {
                0 => self.db.writer().run("COMMIT", &[])?,
                n => self.db.writer().run(&format!("RELEASE t{n}"), &[])?,
            };
        }
        self.done = true;
        self.db.depth.set(self.depth);
        Ok(())
    }

    /// Leaves it open for [`Db::resume`]; gives the depth to resume at.
    pub fn keep(mut self) -> u32 {
        self.done = true;
        self.depth
    }

    /// Undoes it.
    pub fn rollback(mut self) -> Result<()> {
        self.undo()
    }

    fn undo(&mut self) -> Result<()> {
        self.done = true;
        self.db.depth.set(self.depth);
        if self.depth == 0 {
            self.db.ending.free();
        } else if self.db.ending.is_lost() {
            return Ok(());
        }
        if self.db.is_hosted() {
            return self.undo_on_host();
        }
        // SQLite itself ends the transaction on some errors
        if !self.db.writer().in_transaction() {
            return Ok(());
        }
        match self.depth {
            0 => {
                self.db.take_changed();
                self.db.writer().run("ROLLBACK", &[])?;
            }
            n => self.db.writer().exec(&format!("ROLLBACK TO t{n}; RELEASE t{n}"))?,
        }
        Ok(())
    }

    fn undo_on_host(&self) -> Result<()> {
        if self.db.calls_only().is_some() {
            return Ok(());
        }
        let undone = match self.depth {
            0 => self.db.writer().exec("ROLLBACK"),
            n => self.db.writer().exec(&format!("ROLLBACK TO t{n}; RELEASE t{n}")),
        };
        match undone {
            // SQLite itself has ended it
            Err(Error::Sqlite { message, .. })
                if message.contains("no transaction is active")
                    || message.contains("no such savepoint") =>
            {
                Ok(())
            }
            undone => undone,
        }
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if !self.done {
            // an error of the undoing itself shows at the next statement
            let _ = self.undo();
        }
    }
}
