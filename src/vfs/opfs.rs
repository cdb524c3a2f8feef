//! OPFS: one directory per database under `tidelog`, three files in it that are opened ahead, a Web
//! Lock around them.
//!
//! Dedicated workers only: others are given no sync access handles. A failed open deletes nothing.

use wasm_bindgen::prelude::*;

use super::browser::{Directory, WebLock, both, has_handles, root, sleep, time};
use super::handle::{HandleFile, failure};
use super::names::{directory_of, name_of};
use super::{Storage, StorageError, StorageFile, Vfs, transfer};
use crate::error::{Error, Result};

/// The file to open on an [`Opfs`] storage.
const MAIN: &str = "main";
/// All files of a database.
const FILES: [&str; 3] = [MAIN, "main-wal", "main-journal"];
/// The time to wait for the handles of a dead worker, in ms; Chromium was seen to take 2 s.
const PATIENCE: f64 = 15_000.0;

/// The files of one database. Dropping it closes them and lets the next one in.
#[derive(Debug)]
pub struct Opfs {
    files: Vec<(&'static str, HandleFile)>,
    /// Released after the handles are closed.
    _lock: WebLock,
}

impl Drop for Opfs {
    fn drop(&mut self) {
        for (_, file) in &self.files {
            file.close();
        }
    }
}

impl Opfs {
    /// Opens the files of the database `name` and makes them if need be. Gives the storage and the
    /// file to open.
    ///
    /// # Errors
    /// `LOCKED` at once when another tab or worker has it, and after 15 s when only its
    /// handles are not free yet; `NOT_SUPPORTED` where there is no OPFS or this is no dedicated
    /// worker; `BAD_NAME`.
    pub async fn open(name: &str) -> Result<(Opfs, String)> {
        if !has_handles() {
            return Err(Error::NotSupported("OPFS outside of a dedicated worker"));
        }
        let (reserved, root) = both(reserve(name), root()).await;
        let (directory, lock) = reserved?;
        let directory =
            root?.directory(&directory, true).await.map_err(|error| failure(&error, name))?;
        let start = time();
        let open = |file| open_file(&directory, file, name, start);
        let [main, wal, journal] = FILES;
        // each takes the browser two messages there and back, which need not wait for one another
        let (main, (wal, journal)) = both(open(main), both(open(wal), open(journal))).await;
        // those that came are closed when another did not
        let files = [main, wal, journal].into_iter().collect::<Result<Vec<_>>>()?;
        Ok((Opfs { files, _lock: lock }, MAIN.into()))
    }

    fn find(&self, name: &str) -> Option<&HandleFile> {
        self.files.iter().find(|(known, _)| *known == name).map(|(_, file)| file)
    }

    fn file(&self, name: &str) -> Result<&HandleFile, StorageError> {
        self.find(name).ok_or_else(|| StorageError::NotFound(name.into()))
    }
}

/// Opens a file of the database `name`, whose handles may come free a little later than its lock.
async fn open_file(
    directory: &Directory,
    file: &'static str,
    name: &str,
    start: f64,
) -> Result<(&'static str, HandleFile)> {
    loop {
        match directory.open(file).await {
            Ok(handle) => return Ok((file, HandleFile::new(handle, name))),
            Err(error) => pause(&error, name, start).await?,
        }
    }
}

/// Takes the lock of a database; gives its directory's name too.
async fn reserve(name: &str) -> Result<(String, WebLock)> {
    let directory = directory_of(name)?;
    match WebLock::take(&format!("tidelog:{directory}")).await? {
        Some(lock) => Ok((directory, lock)),
        None => Err(Error::Locked(name.into())),
    }
}

/// Waits a little when `error` says that a handle is busy, until [`PATIENCE`] has passed since
/// `start`. Any other error is returned.
async fn pause(error: &JsValue, name: &str, start: f64) -> Result<()> {
    match failure(error, name) {
        StorageError::Locked(_) if time() - start < PATIENCE => sleep(5).await,
        error => Err(error.into()),
    }
}

impl Storage for Opfs {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        let file = self.file(name)?;
        if !create && file.size()? == 0 {
            return Err(StorageError::NotFound(name.into()));
        }
        Ok(Box::new(file.clone()))
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        match self.find(name) {
            Some(file) => Ok(file.size()? > 0),
            None => Ok(false),
        }
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        match self.find(name) {
            Some(file) if file.size()? > 0 => file.truncate(0).and_then(|()| file.flush()),
            _ => Ok(()),
        }
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let mut names = Vec::new();
        for (name, file) in &self.files {
            if file.size()? > 0 {
                names.push((*name).into());
            }
        }
        Ok(names)
    }
}

/// Opens the database `name` in OPFS: what [`Opfs::open`] does, registered. Gives the VFS and the
/// file to open on it.
///
/// # Errors
/// Those of [`Opfs::open`].
pub async fn open_opfs(name: &str) -> Result<(Vfs, String)> {
    let (storage, main) = Opfs::open(name).await?;
    Ok((Vfs::register(storage)?, main))
}

/// The names of all databases in OPFS, sorted.
pub async fn list() -> Result<Vec<String>> {
    let mut names: Vec<String> =
        root().await?.names().await?.iter().filter_map(|name| name_of(name)).collect();
    names.sort();
    Ok(names)
}

/// Whether there is a database `name`.
async fn is_listed(name: &str) -> Result<bool> {
    Ok(list().await?.iter().any(|known| known == name))
}

/// The bytes of the closed database `name`.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn export(name: &str) -> Result<Vec<u8>> {
    if !is_listed(name).await? {
        return Err(Error::NotFound(name.into()));
    }
    let (storage, main) = Opfs::open(name).await?;
    transfer::export(&storage, &main, name)
}

/// Makes `bytes` the database `name`.
///
/// # Errors
/// `EXISTS` when there is one, `CORRUPT` when the bytes are no database, `LOCKED`, `QUOTA`.
pub async fn import(name: &str, bytes: &[u8]) -> Result<()> {
    transfer::check_header(bytes, bytes.len() as u64, name)?;
    let (storage, main) = Opfs::open(name).await?;
    let imported = transfer::import(&storage, &main, name, bytes);
    tidy(storage, &main, name, imported).await
}

/// After an attempt to fill a database that was not there: removes its empty directory when that
/// failed.
async fn tidy(storage: Opfs, main: &str, name: &str, filled: Result<()>) -> Result<()> {
    if filled.is_err() && !transfer::is_there(&storage, main)? {
        drop(storage);
        delete(name).await?;
    }
    filled
}

/// Removes the database `name` with all that is in it.
///
/// # Errors
/// `LOCKED` while anybody has it open, `NOT_FOUND`.
pub async fn delete(name: &str) -> Result<()> {
    let (directory, _lock) = reserve(name).await?;
    let root: Directory = root().await?;
    let start = time();
    while let Err(error) = root.remove(&directory).await {
        pause(&error, name, start).await?;
    }
    Ok(())
}

/// Gives the closed database `name` another name.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`, `EXISTS`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn rename(name: &str, to: &str) -> Result<()> {
    if !is_listed(name).await? {
        return Err(Error::NotFound(name.into()));
    }
    if name == to {
        return Err(Error::Exists(to.into()));
    }
    // directories cannot be moved everywhere, so the database is copied; the old one stays until
    // the new one is whole
    let (old, old_main) = Opfs::open(name).await?;
    transfer::check_source(&old, &old_main, name)?;
    let (new, new_main) = Opfs::open(to).await?;
    let copied = transfer::copy(&old, (&old_main, name), &new, (&new_main, to));
    tidy(new, &new_main, to, copied).await?;
    drop(old);
    delete(name).await
}
