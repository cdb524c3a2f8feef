//! A database: a writer and a reader connection on one file, and transactions that nest.
//!
//! It does not queue anybody: who may write when is decided above, by the store's lane.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::conn::Conn;
use crate::error::{Error, Result};
use crate::vfs::{StorageError, Vfs};

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Flushed to the device: survives power loss.
    #[default]
    Strict,
    /// Handed to the storage: survives the death of the tab, worker or browser.
    Relaxed,
}

/// How to open a database.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// When a commit counts as done.
    pub durability: Durability,
    /// Refuse every write, and refuse to create the file.
    pub read_only: bool,
}

/// A database of this instance.
#[derive(Debug)]
pub struct Db {
    /// Closed before the writer, whose closing then empties the WAL.
    reader: Conn,
    writer: Conn,
    /// Tables whose rows changed since [`Db::take_changed`]. A mutex only because rusqlite's hooks are `Send`.
    changed: Arc<Mutex<BTreeSet<String>>>,
    /// How many transactions are open inside one another.
    depth: Cell<u32>,
    durability: Durability,
}

impl Db {
    /// Opens `file` in `vfs`, creating it unless read-only.
    pub fn open(vfs: Vfs, file: &str, options: Options) -> Result<Db> {
        let vfs = Rc::new(vfs);
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags |= match options.read_only {
            true => OpenFlags::SQLITE_OPEN_READ_ONLY,
            false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let connect = || -> Result<Conn> {
            let raw = Connection::open_with_flags_and_vfs(file, flags, vfs.name()).map_err(|e| match vfs
                .last_error()
            {
                Some(e) => e.into(),
                None => Error::from(e),
            })?;
            Ok(Conn::new(raw, vfs.clone()))
        };
        let writer = connect()?;
        configure(&writer, options)?;
        let reader = connect()?;
        for conn in [&writer, &reader] {
            // SQL of an application, or a file that came from elsewhere, cannot damage what SQLite relies on
            conn.raw.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        }
        reader.exec("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;")?;
        let changed = Arc::new(Mutex::new(BTreeSet::new()));
        let mut db = Db { reader, writer, changed, depth: Cell::new(0), durability: options.durability };
        db.watch()?;
        Ok(db)
    }

    /// Keeps note of every table whose rows the writer changes.
    fn watch(&mut self) -> Result<()> {
        let changed = self.changed.clone();
        let hook = move |_, _: &str, table: &str, _| {
            let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
            if !changed.contains(table) {
                changed.insert(table.to_string());
            }
        };
        Ok(self.writer.raw.update_hook(Some(hook))?)
    }

    /// The connection that writes, and that sees what an open transaction has done so far.
    pub fn writer(&self) -> &Conn {
        &self.writer
    }

    /// The connection that reads the last commit and never waits.
    pub fn reader(&self) -> &Conn {
        &self.reader
    }

    /// Begins a transaction, or a savepoint inside the open one. Dropped without [`Tx::commit`] it is undone.
    pub fn begin(&self) -> Result<Tx<'_>> {
        let depth = self.depth.get();
        match depth {
            0 => self.writer.run("BEGIN IMMEDIATE", &[])?,
            _ => self.writer.run(&format!("SAVEPOINT t{depth}"), &[])?,
        };
        self.depth.set(depth + 1);
        Ok(Tx { db: self, depth, done: false })
    }

    /// Runs `f` in a transaction: committed when it succeeds, undone when it fails.
    pub fn transaction<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let tx = self.begin()?;
        let value = f()?;
        tx.commit()?;
        Ok(value)
    }

    /// Goes on with a transaction that was [kept](Tx::keep) open.
    pub fn resume(&self, depth: u32) -> Tx<'_> {
        Tx { db: self, depth, done: false }
    }

    /// To be called by whoever is about to write: refuses while earlier writes that were acknowledged are not kept and
    /// still cannot be. Only [`Durability::Relaxed`] on a storage that keeps things [later](crate::vfs::Later) can
    /// get there; every other call is ready at once.
    ///
    /// # Errors
    /// What keeps the earlier writes from being kept, such as `QUOTA`.
    pub async fn admit(&self) -> Result<()> {
        let Some(later) = self.writer.vfs.later() else { return Ok(()) };
        match later.failed() {
            Some(_) => Ok(later.flush(false).await?),
            None => Ok(()),
        }
    }

    /// To be called after each commit, with the lane still held and before anything in memory follows the commit:
    /// returns when it is as safe as the durability asks. Ready at once where storage is synchronous.
    ///
    /// # Errors
    /// The commit could not be kept. It is undone, and so is everything that was not kept before it.
    pub async fn settle(&self) -> Result<()> {
        match (self.durability, self.writer.vfs.later()) {
            (Durability::Relaxed, Some(later)) => later.start(),
            _ => self.flush().await?,
        }
        self.writer.vfs.set_full(false);
        Ok(())
    }

    /// Returns when everything committed so far is kept, whatever the durability; with the lane held.
    ///
    /// # Errors
    /// As [`Db::settle`], but `relaxed` commits stay: they were acknowledged, and the next write tries again.
    pub async fn flush(&self) -> Result<()> {
        if self.durability == Durability::Relaxed {
            return self.catch_up().await;
        }
        let Some(later) = self.writer.vfs.later() else { return Ok(()) };
        let kept = later.flush(true).await;
        if let Err(error) = &kept {
            self.writer.vfs.set_full(matches!(error, StorageError::Quota(_)));
            self.go_back()?;
        }
        Ok(kept?)
    }

    /// Returns when the `relaxed` commits so far are kept; `strict` ones are when they have settled. Needs no turn.
    ///
    /// # Errors
    /// Why they are not. The next write tries again.
    pub async fn catch_up(&self) -> Result<()> {
        match (self.durability, self.writer.vfs.later()) {
            (Durability::Relaxed, Some(later)) => Ok(later.flush(false).await?),
            _ => Ok(()),
        }
    }

    /// Takes the files back to what is kept and makes both connections see it: the WAL index is rebuilt from the file,
    /// which empties their page caches, and a schema that is another one now is noticed by reading it, before its
    /// version can come to mean a third one.
    fn go_back(&self) -> Result<()> {
        self.writer.vfs.go_back();
        self.take_changed();
        for conn in [&self.writer, &self.reader] {
            conn.one("SELECT 1 FROM sqlite_schema", &[], |_| Ok(()))?;
        }
        Ok(())
    }

    /// Folds the WAL into the file where nobody else does it before the storage is let go, and has all of it kept.
    pub async fn finish(&self) -> Result<()> {
        if self.writer.vfs.later().is_some() {
            // what it would save, the next open does as well
            let _ = self.writer.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        self.flush().await
    }

    /// Whether the last write found no room.
    pub fn is_full(&self) -> bool {
        self.writer.vfs.is_full()
    }

    /// How many transactions are open inside one another.
    pub fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// The tables whose rows changed since the last call. A `DELETE` of a whole table is not seen by SQLite's
    /// hook: whoever runs statements of others must assume the worst.
    pub fn take_changed(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Same pragmas natively and in wasm, whatever the two builds default to.
fn configure(conn: &Conn, options: Options) -> Result<()> {
    let synchronous = match options.durability {
        Durability::Strict => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    if !options.read_only {
        conn.exec(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 4000000;",
        )?;
    }
    conn.exec(&format!(
        "PRAGMA synchronous = {synchronous};
         PRAGMA foreign_keys = ON;
         PRAGMA recursive_triggers = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -16384;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 1000;"
    ))
}

/// An open transaction or savepoint.
#[must_use = "a transaction that is dropped is undone"]
#[derive(Debug)]
pub struct Tx<'db> {
    db: &'db Db,
    depth: u32,
    done: bool,
}

impl Tx<'_> {
    /// Makes it permanent, or part of the transaction around it. When this fails nothing of it is kept.
    pub fn commit(mut self) -> Result<()> {
        match self.depth {
            0 => self.db.writer.run("COMMIT", &[])?,
            n => self.db.writer.run(&format!("RELEASE t{n}"), &[])?,
        };
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
        // SQLite itself ends the transaction on some errors
        if !self.db.writer.in_transaction() {
            return Ok(());
        }
        match self.depth {
            0 => {
                self.db.take_changed();
                self.db.writer.run("ROLLBACK", &[])?;
            }
            n => self.db.writer.exec(&format!("ROLLBACK TO t{n}; RELEASE t{n}"))?,
        }
        Ok(())
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
