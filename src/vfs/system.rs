//! The operating system's files in Node, Bun and Deno, through
//! `pkg-template/platform/node-files.js`, whose handles look like OPFS's.
//!
//! Paths are the system's own. One storage is one database: its file, its WAL, its journal, and a
//! lock on them.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::handle::{HandleFile, SyncHandle, failure};
use super::{Storage, StorageError, StorageFile, Vfs, transfer};
use crate::error::{Error, Result};

#[wasm_bindgen]
extern "C" {
    // by hand: the object is this package's own
    /// The object `systemFs` of `node-files.js`.
    #[derive(Debug, Clone)]
    pub type SystemFs;

    #[wasm_bindgen(method, catch)]
    fn lock(this: &SystemFs, path: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn open(this: &SystemFs, path: &str, create: bool) -> Result<SyncHandle, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn exists(this: &SystemFs, path: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &SystemFs, path: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn rename(this: &SystemFs, path: &str, to: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn list(this: &SystemFs, directory: &str) -> Result<Vec<String>, JsValue>;

    /// The lock that `lock` gives.
    #[derive(Debug)]
    type SystemLock;
    #[wasm_bindgen(method, catch)]
    fn release(this: &SystemLock) -> Result<(), JsValue>;
}

/// The files that may lie beside a database.
const COMPANIONS: [&str; 2] = ["-wal", "-journal"];

/// One database in the system's files, locked. Dropping it lets the next one in.
#[derive(Debug)]
pub struct System {
    fs: SystemFs,
    path: String,
    lock: SystemLock,
}

impl Drop for System {
    fn drop(&mut self) {
        // a lock that could not be released dies with the process
        let _ = self.lock.release();
    }
}

impl System {
    /// Locks the database at `path`; missing directories are made. Gives the storage and the file
    /// to open.
    ///
    /// # Errors
    /// `LOCKED` when this or another living process has it open, `IO`, `BAD_NAME`.
    pub async fn open(fs: &SystemFs, path: &str) -> Result<(System, String)> {
        if path.is_empty() || path.contains('\0') {
            let remedy = "give the path of a file";
            return Err(Error::BadName { what: "database", name: path.into(), remedy });
        }
        let fail = |error: JsValue| failure(&error, path);
        let mut lock = fs.lock(path).map_err(fail)?;
        if let Some(promise) = lock.dyn_ref::<Promise>() {
            lock = JsFuture::from(promise.clone()).await.map_err(fail)?;
        }
        if lock.is_null() || lock.is_undefined() {
            return Err(Error::Locked(path.into()));
        }
        Ok((System { fs: fs.clone(), path: path.into(), lock: lock.unchecked_into() }, path.into()))
    }
}

impl Storage for System {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        let handle = self.fs.open(name, create).map_err(|error| failure(&error, name))?;
        Ok(Box::new(HandleFile::new(handle, name)))
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        self.fs.exists(name).map_err(|error| failure(&error, name))
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.fs.delete(name).map_err(|error| failure(&error, name))
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let mut names = vec![self.path.clone()];
        names.extend(COMPANIONS.iter().map(|companion| format!("{}{companion}", self.path)));
        let mut found = Vec::new();
        for name in names {
            if self.exists(&name)? {
                found.push(name);
            }
        }
        Ok(found)
    }
}

/// Opens the database at `path`: what [`System::open`] does, registered. Gives the VFS and the file
/// to open on it.
///
/// # Errors
/// Those of [`System::open`].
pub async fn open_file(fs: &SystemFs, path: &str) -> Result<(Vfs, String)> {
    let (storage, main) = System::open(fs, path).await?;
    Ok((Vfs::register(storage)?, main))
}

/// The databases in a directory, by file name, sorted.
///
/// # Errors
/// `NOT_FOUND` when there is no such directory.
pub fn list(fs: &SystemFs, directory: &str) -> Result<Vec<String>> {
    Ok(fs.list(directory).map_err(|error| failure(&error, directory))?)
}

/// The bytes of the closed database at `path`.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn export(fs: &SystemFs, path: &str) -> Result<Vec<u8>> {
    let (storage, main) = System::open(fs, path).await?;
    transfer::export(&storage, &main, path)
}

/// Makes `bytes` the database at `path`.
///
/// # Errors
/// `EXISTS` when there is one, `CORRUPT` when the bytes are no database, `LOCKED`, `QUOTA`.
pub async fn import(fs: &SystemFs, path: &str, bytes: &[u8]) -> Result<()> {
    transfer::check_header(bytes, bytes.len() as u64, path)?;
    let (storage, main) = System::open(fs, path).await?;
    transfer::import(&storage, &main, path, bytes)
}

/// Removes the database at `path`.
///
/// # Errors
/// `LOCKED` while anybody has it open, `NOT_FOUND`.
pub async fn delete(fs: &SystemFs, path: &str) -> Result<()> {
    let (storage, main) = System::open(fs, path).await?;
    if storage.names()?.is_empty() {
        return Err(Error::NotFound(path.into()));
    }
    // the database first: a WAL without one is void, one without its WAL is an older state
    storage.delete(&main)?;
    for companion in COMPANIONS {
        storage.delete(&format!("{path}{companion}"))?;
    }
    Ok(())
}

/// Gives the closed database at `path` another path on the same file system.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`, `EXISTS`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn rename(fs: &SystemFs, path: &str, to: &str) -> Result<()> {
    if path == to {
        return Err(Error::Exists(to.into()));
    }
    let (old, main) = System::open(fs, path).await?;
    transfer::check_source(&old, &main, path)?;
    let (new, _) = System::open(fs, to).await?;
    if !new.names()?.is_empty() {
        return Err(Error::Exists(to.into()));
    }
    let renamed = fs.rename(path, to).map_err(|error| failure(&error, path))?;
    if renamed { Ok(()) } else { Err(Error::Exists(to.into())) }
}
