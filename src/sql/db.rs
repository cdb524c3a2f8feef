//! A database: a writer and a reader connection on one file. A host's has one connection for both.
//! Its transactions are in tx.rs.
//!
//! It does not queue writers: the store's lane does, above.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::conn::Conn;
use super::ending::{Ending, lost};
use super::host::{HostConn, HostSqlite};
use crate::error::{Error, Result};
use crate::vfs::{Later, StorageError, Vfs};

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Flushed to the device: survives power loss.
    #[default]
    Strict,
    /// Handed to the storage: survives the death of the tab, worker or browser.
    Relaxed,
}

/// The options to open a database with.
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
    /// Closed before the writer, whose closing then empties the WAL. A host's database has none.
    reader: Option<Conn>,
    writer: Conn,
    /// Where the bundled engine's files are.
    vfs: Option<Rc<Vfs>>,
    /// Tables whose rows changed since [`Db::take_changed`]. A mutex only because rusqlite's hooks
    /// are `Send`.
    changed: Arc<Mutex<BTreeSet<String>>>,
    /// The number of transactions that are open inside one another.
    pub(super) depth: Cell<u32>,
    /// The owner of the open transaction, who alone may end it.
    pub(super) ending: Ending,
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
            let raw = Connection::open_with_flags_and_vfs(file, flags, vfs.name()).map_err(
                |e| match vfs.last_error() {
                    Some(e) => e.into(),
                    None => Error::from(e),
                },
            )?;
            Conn::new(raw, vfs.clone())
        };
        let writer = connect()?;
        configure(&writer, options)?;
        let reader = connect()?;
        for conn in [&writer, &reader] {
            // SQL of an application, or a file that came from elsewhere, cannot damage what SQLite
            // relies on
            conn.raw()?.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        }
        reader.exec("PRAGMA query_only = ON; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")?;
        let changed = Arc::new(Mutex::new(BTreeSet::new()));
        let reader = Some(reader);
        let mut db = Db {
            reader,
            writer,
            vfs: Some(vfs),
            changed,
            depth: Cell::new(0),
            ending: Ending::default(),
            durability: options.durability,
        };
        db.watch()?;
        Ok(db)
    }

    /// Takes a host's database as it is. Foreign keys and recursive triggers are switched on, as in
    /// the bundled engine, where the host lets us.
    pub fn of_host(host: Box<dyn HostSqlite>) -> Result<Db> {
        let calls_only = host.calls_only();
        let writer = Conn::of_host(host);
        let set = writer.exec("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON;");
        if !calls_only {
            set?;
        }
        Ok(Db {
            reader: None,
            writer,
            vfs: None,
            changed: Arc::default(),
            depth: Cell::new(0),
            ending: Ending::default(),
            durability: Durability::Strict,
        })
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
        self.ending.watch(self.writer.raw_mut()?)?;
        Ok(self.writer.raw_mut()?.update_hook(Some(hook))?)
    }

    /// The connection that writes, and that sees what an open transaction has done so far.
    pub fn writer(&self) -> &Conn {
        &self.writer
    }

    /// The connection that reads the last commit and never waits. A host's database has but one
    /// connection: while a transaction is open there, a read outside of it has to wait for its
    /// end, which JavaScript sees to.
    pub fn reader(&self) -> &Conn {
        self.reader.as_ref().unwrap_or(&self.writer)
    }

    /// A connection that sees the last commit: the writer, in whose cache pages are, unless a
    /// transaction is open there. For statements of ours, which only read.
    pub fn committed(&self) -> &Conn {
        match &self.reader {
            Some(reader) if self.writer.in_transaction() => reader,
            _ => &self.writer,
        }
    }

    /// Whether it is a host's database: without sessions, an update hook, and a reader of its own.
    pub fn is_hosted(&self) -> bool {
        self.writer.host().is_some()
    }

    pub(super) fn calls_only(&self) -> Option<&HostConn> {
        self.writer.host().filter(|conn| conn.host.calls_only())
    }

    fn later(&self) -> Option<&Rc<dyn Later>> {
        self.vfs.as_ref()?.later()
    }

    fn set_full(&self, full: bool) {
        if let Some(vfs) = &self.vfs {
            vfs.set_full(full);
        }
    }

    /// Refuses the statements of a transaction that was ended by another than its owner.
    ///
    /// # Errors
    /// `SQLITE_ABORT_ROLLBACK`, until its owner ends it.
    pub fn check_open(&self) -> Result<()> {
        // a host has no hooks, and may say whether a transaction is open
        let told =
            |conn: &HostConn| !conn.host.calls_only() && conn.host.in_transaction() == Some(false);
        if self.ending.is_held() && self.writer.host().is_some_and(told) {
            self.ending.lose();
        }
        if self.ending.is_lost() { Err(lost()) } else { Ok(()) }
    }

    /// To be called before a write: refuses while earlier writes that were
    /// acknowledged are not kept and still cannot be. Only [`Durability::Relaxed`] on a storage
    /// that keeps things [later](crate::vfs::Later) can get there; every other call is ready at
    /// once.
    ///
    /// # Errors
    /// The reason why the earlier writes could not be kept, such as `QUOTA`.
    pub async fn admit(&self) -> Result<()> {
        let Some(later) = self.later() else { return Ok(()) };
        match later.failed() {
            Some(_) => Ok(later.flush(false).await?),
            None => Ok(()),
        }
    }

    /// To be called after each commit, with the lane still held and before anything in memory
    /// follows the commit: returns when it is as safe as the durability asks. Ready at once where
    /// storage is synchronous.
    ///
    /// # Errors
    /// The commit could not be kept. It is undone, and so is everything that was not kept
    /// before it.
    pub async fn settle(&self) -> Result<()> {
        match (self.durability, self.later()) {
            (Durability::Relaxed, Some(later)) => later.start(),
            _ => self.flush().await?,
        }
        self.set_full(false);
        Ok(())
    }

    /// Returns when everything committed so far is kept, whatever the durability; with the lane
    /// held.
    ///
    /// # Errors
    /// As [`Db::settle`], but `relaxed` commits stay: they were acknowledged, and the next
    /// write tries again.
    pub async fn flush(&self) -> Result<()> {
        if self.durability == Durability::Relaxed {
            return self.catch_up().await;
        }
        let Some(later) = self.later() else { return Ok(()) };
        let kept = later.flush(true).await;
        if let Err(error) = &kept {
            self.set_full(matches!(error, StorageError::Quota(_)));
            self.go_back()?;
        }
        Ok(kept?)
    }

    /// Returns when the `relaxed` commits so far are kept; `strict` ones are when they have
    /// settled. Needs no turn.
    ///
    /// # Errors
    /// Why they are not. The next write tries again.
    pub async fn catch_up(&self) -> Result<()> {
        match (self.durability, self.later()) {
            (Durability::Relaxed, Some(later)) => Ok(later.flush(false).await?),
            _ => Ok(()),
        }
    }

    /// Takes the files back to what is kept and makes both connections see it: the WAL index is
    /// rebuilt from the file, which empties their page caches, and a schema that is another one now
    /// is noticed by reading it, before its version can come to mean a third one.
    fn go_back(&self) -> Result<()> {
        if let Some(vfs) = &self.vfs {
            vfs.go_back();
        }
        self.take_changed();
        for conn in [&self.writer, self.reader()] {
            conn.one("SELECT 1 FROM sqlite_schema", &[], |_| Ok(()))?;
        }
        Ok(())
    }

    /// Folds the WAL into the file where closing does not, and has all of it kept.
    pub async fn finish(&self) -> Result<()> {
        if self.later().is_some() {
            // what it would save, the next open does as well
            let _ = self.writer.exec("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        self.flush().await
    }

    /// Whether the last write found no room.
    pub fn is_full(&self) -> bool {
        self.vfs.as_ref().is_some_and(|vfs| vfs.is_full())
    }

    /// The number of transactions that are open inside one another.
    pub fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// Whether a host's database was written to since the last call; it does not say which tables.
    pub fn take_wrote(&self) -> bool {
        self.writer.host().is_some_and(HostConn::take_wrote)
    }

    /// Lets a host's database go; the bundled engine's files go with the `Db`.
    pub fn close_host(&self) -> Result<()> {
        self.writer.host().map_or(Ok(()), |conn| conn.host.close())
    }

    /// The tables whose rows changed since the last call. A `DELETE` of a whole table is not seen
    /// by SQLite's hook: after a statement of an application all tables may have changed.
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
