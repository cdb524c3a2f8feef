//! File storage under SQLite: the [`Storage`] trait, its implementations, and [`Vfs`], which hands
//! a storage to SQLite.
//!
//! It owns everything between SQLite's file calls and the bytes: locks, the WAL index, gathering of
//! WAL frames, the rule that no rolled-back row comes back. It knows no SQL, no models, and never
//! opens a connection.

#[cfg(target_family = "wasm")]
mod browser;
#[doc(hidden)]
pub mod conformance;
mod disk;
mod file;
mod files;
#[cfg(target_family = "wasm")]
mod handle;
#[cfg(target_family = "wasm")]
pub mod idb;
#[cfg(target_family = "wasm")]
mod idb_calls;
mod image;
mod later;
mod locks;
mod memory;
#[cfg(any(test, target_family = "wasm"))]
mod names;
mod node;
#[cfg(target_family = "wasm")]
pub mod opfs;
#[cfg(target_family = "wasm")]
pub mod place;
mod shm;
#[cfg(target_family = "wasm")]
pub mod system;
mod transfer;
mod wal;

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(target_family = "wasm")]
pub(crate) use browser::{realm, storage_manager};
#[cfg(target_family = "wasm")]
pub use handle::{HandleFile, SyncHandle};
pub use image::{BLOCK, Batch, Block, Image};
pub use later::{Deferred, Keeper, Later, Work};
pub use memory::Memory;

use crate::error::{Error, Result};
use files::Files;

/// A place that holds named files, such as one OPFS directory or a map in memory.
///
/// Single-threaded and synchronous; opening the storage itself may have needed an async step
/// before. Whatever it owns (handles, a lock that keeps others out) it gives back when it is
/// dropped.
pub trait Storage: 'static {
    /// Opens a file. Opening the same name twice gives two views of one content.
    ///
    /// # Errors
    /// `NotFound` when it is absent and `create` is false.
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError>;
    /// Whether the file is there. A storage that opens its files ahead says no while a file is
    /// empty.
    fn exists(&self, name: &str) -> Result<bool, StorageError>;
    /// Removes a file for good: when this returns, a loss of power does not bring it back. Absent
    /// is fine.
    fn delete(&self, name: &str) -> Result<(), StorageError>;
    /// The names of all files that [exist](Storage::exists), in no particular order.
    fn names(&self) -> Result<Vec<String>, StorageError>;
    /// The way in which written data becomes durable, where that takes more than a
    /// [flush](StorageFile::flush).
    fn later(&self) -> Option<Rc<dyn Later>> {
        None
    }
}

/// One open file of a [`Storage`]; closed when dropped.
pub trait StorageFile: 'static {
    /// Fills `buf` from byte `at` on and says how much it got: less than asked only at the end of
    /// the file.
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError>;
    /// Writes all of `buf` at byte `at`, or fails. After a failure any part may have been written.
    /// A gap between the old end of the file and `at` reads as zeros.
    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError>;
    /// Cuts the file to `size` bytes, or fills it up with zeros.
    fn truncate(&self, size: u64) -> Result<(), StorageError>;
    /// Returns when everything written and cut so far survives a loss of power.
    fn flush(&self) -> Result<(), StorageError>;
    /// The size in bytes.
    fn size(&self) -> Result<u64, StorageError>;
}

/// Why a storage refused or failed, with the browser's or the system's own message.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StorageError {
    /// There is no room.
    #[error("no room left: {0}")]
    Quota(String),
    /// There is no such file.
    #[error("there is no file '{0}'")]
    NotFound(String),
    /// Somebody else holds it.
    #[error("'{0}' is open in another tab, worker or process")]
    Locked(String),
    /// Anything else.
    #[error("{0}")]
    Io(String),
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Quota(what) => Error::Quota(what),
            StorageError::NotFound(what) => Error::NotFound(what),
            StorageError::Locked(what) => Error::Locked(what),
            StorageError::Io(what) => Error::Io(what),
        }
    }
}

/// A storage registered with SQLite under a [`name`](Vfs::name) of its own; unregistered when
/// dropped.
///
/// Close all connections first. One that is still open keeps the storage (and its lock) alive for
/// good, because SQLite would otherwise call into freed memory. Connections opened on it must stay
/// on the thread that made it.
pub struct Vfs {
    name: String,
    files: Rc<Files>,
    later: Option<Rc<dyn Later>>,
    full: Cell<bool>,
    /// Taken by `drop`.
    release: Cell<Option<Box<dyn FnOnce()>>>,
}

impl Vfs {
    /// Makes the files of `storage` openable through [`name`](Vfs::name).
    ///
    /// # Errors
    /// SQLite's error when it cannot be initialised.
    pub fn register<S: Storage>(storage: S) -> Result<Vfs> {
        Self::register_gathering(storage, wal::LIMIT)
    }

    /// The same, with the number of uncommitted bytes of a WAL that are kept back at most: tests
    /// want few.
    #[doc(hidden)]
    pub fn register_gathering<S: Storage>(storage: S, limit: usize) -> Result<Vfs> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("tidelog-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let later = storage.later();
        let files = Rc::new(Files::new(Box::new(storage), limit));
        let release = files::register(&name, files.clone()).map_err(Error::Io)?;
        Ok(Vfs { name, files, later, full: Cell::new(false), release: Cell::new(Some(release)) })
    }

    /// The name to give to `sqlite3_open_v2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes the storage's last failure, so that a caller of SQLite can say what its `SQLITE_FULL`
    /// or `SQLITE_IOERR` came from. Successful calls don't clear it: ask only after one that
    /// failed.
    pub fn last_error(&self) -> Option<StorageError> {
        self.files.take_last_error()
    }

    /// The bytes of the database `file`, which may be open when nobody writes and its WAL is empty,
    /// as after `PRAGMA wal_checkpoint(TRUNCATE)`.
    ///
    /// # Errors
    /// `NOT_FOUND`; `BAD_VALUE` while changes are in its WAL.
    pub fn export(&self, file: &str) -> Result<Vec<u8>> {
        transfer::export(self.files.storage(), file, file)
    }

    /// Makes `bytes` the database `file`; before any connection to it is opened.
    ///
    /// # Errors
    /// `EXISTS` when there is one, `CORRUPT` when the bytes are no database. After a
    /// failure there is none.
    pub fn import(&self, file: &str, bytes: &[u8]) -> Result<()> {
        transfer::import(self.files.storage(), file, file, bytes)
    }

    /// Whether the last write failed because the storage is full.
    pub fn is_full(&self) -> bool {
        let owed = self.later.as_ref().and_then(|later| later.failed());
        self.full.get() || matches!(owed, Some(StorageError::Quota(_)))
    }

    /// Notes whether a write failed because the storage is full.
    pub fn set_full(&self, full: bool) {
        self.full.set(full);
    }

    /// The way in which commits become durable, where that is asynchronous.
    pub fn later(&self) -> Option<&Rc<dyn Later>> {
        self.later.as_ref()
    }

    /// Takes the files back to their [durable](Later) state. No connection may have a transaction
    /// or a statement under way. Each must read something next, to notice that its schema may have
    /// changed.
    pub fn go_back(&self) {
        if let Some(later) = &self.later {
            later.go_back();
            self.files.forget_all();
        }
    }

    /// Whether there is a database `file` with something in it.
    ///
    /// # Errors
    /// The storage's error.
    pub fn contains(&self, file: &str) -> Result<bool> {
        Ok(transfer::is_there(self.files.storage(), file)?)
    }
}

/// A new database in memory, gone with the VFS. Gives the VFS and the file to open on it.
///
/// # Errors
/// SQLite's error when it cannot be initialised.
pub fn open_memory() -> Result<(Vfs, String)> {
    Ok((Vfs::register(Memory::new())?, "main".into()))
}

impl Drop for Vfs {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release();
        }
    }
}

impl fmt::Debug for Vfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vfs").field("name", &self.name).finish_non_exhaustive()
    }
}
