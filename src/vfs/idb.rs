//! IndexedDB: one of its databases per database of ours, which is loaded whole at open; changed
//! blocks go back in one of its transactions per commit. The rules are `later.rs`'s, the memory
//! `image.rs`'s.
//!
//! Each transaction first reads the head that the last one wrote and aborts when it is another one:
//! whatever went wrong before (a commit that happened after all, a second owner), nothing is ever
//! built on something else.

use std::cell::RefCell;
use std::collections::HashMap;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use super::browser::WebLock;
use super::idb_calls::{self, Head};
use super::names::{directory_of, name_of};
use super::{
    Batch, Deferred, Image, Keeper, Later, Storage, StorageError, StorageFile, Vfs, Work, transfer,
};
use crate::error::{Error, Result};

/// The file to open on an [`Idb`] storage.
const MAIN: &str = "main";
/// Before the names of IndexedDB's databases that are ours.
const PREFIX: &str = "tidelog/";

thread_local! {
    /// Databases let go in this worker whose last blocks are still being kept, by name.
    static CLOSING: RefCell<HashMap<String, Promise>> = RefCell::default();
}

/// The files of one database. After it is dropped, unsaved blocks are written in the background and
/// the lock is released.
#[derive(Debug)]
pub struct Idb {
    name: String,
    files: Deferred<Blocks>,
    /// Taken by `drop`.
    lock: Option<WebLock>,
}

impl Idb {
    /// Opens the database `name`, which is made by its first commit. Gives the storage and the file
    /// to open.
    ///
    /// # Errors
    /// `LOCKED` when another tab or worker has it; `NOT_SUPPORTED` where there is no
    /// IndexedDB; `NEWER_FORMAT`, `BAD_NAME`.
    pub async fn open(name: &str) -> Result<(Idb, String)> {
        let (database, lock) = reserve(name).await?;
        let connection =
            idb_calls::open(&database, true).await?.ok_or(Error::NotSupported("IndexedDB"))?;
        let (head, files) = connection.load().await?;
        let blocks =
            Blocks { database, name: name.into(), state: RefCell::new((connection, head)).into() };
        let files = Deferred::new(Image::load(files)?, blocks);
        Ok((Idb { name: name.into(), files, lock: Some(lock) }, MAIN.into()))
    }

    /// Returns when everything written so far is durable; goes back to the last durable state when
    /// that fails.
    async fn settle(&self) -> Result<()> {
        let kept = self.files.flush(true).await;
        if kept.is_err() {
            self.files.go_back();
        }
        Ok(kept?)
    }
}

impl Drop for Idb {
    fn drop(&mut self) {
        let (files, lock) = (self.files.clone(), self.lock.take());
        let closing: Work<Result<JsValue, JsValue>> = Box::pin(async move {
            // only `relaxed` writes can still be unsaved here, and `Db::close` reports their loss
            let _ = files.flush(true).await;
            files.keeper().state.borrow().0.close();
            drop(lock);
            Ok(JsValue::UNDEFINED)
        });
        CLOSING.with_borrow_mut(|all| all.insert(self.name.clone(), future_to_promise(closing)));
    }
}

impl Storage for Idb {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        self.files.open(name, create)
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        self.files.exists(name)
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.files.delete(name)
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        self.files.names()
    }

    fn later(&self) -> Option<std::rc::Rc<dyn Later>> {
        self.files.later()
    }
}

/// IndexedDB as a keeper of blocks.
#[derive(Debug)]
pub struct Blocks {
    /// IndexedDB's name of the database, and ours.
    database: String,
    name: String,
    /// The connection, and the head that was read or written last.
    state: std::rc::Rc<RefCell<(idb_calls::Connection, Head)>>,
}

impl Keeper for Blocks {
    fn keep(&self, batch: &Batch, strict: bool) -> Work<Result<(), StorageError>> {
        let (database, name) = (self.database.clone(), self.name.clone());
        let (state, batch) = (self.state.clone(), batch.clone());
        Box::pin(async move {
            let (mut connection, head) = state.borrow().clone();
            let next = head.next(&batch);
            let mut begun = connection.begin(strict);
            if begun.is_err() {
                // browsers close connections of their own accord, as Safari does in the background
                if let Some(again) = idb_calls::open(&database, false).await.unwrap_or(None) {
                    state.borrow_mut().0 = again.clone();
                    connection = again;
                    begun = connection.begin(strict);
                }
            }
            let begun = begun.map_err(|error| idb_calls::failure(&error, &name))?;
            begun.put(&batch, &head, &next, &name).await?;
            state.borrow_mut().1 = next;
            Ok(())
        })
    }

    fn spawn(&self, work: Work<()>) {
        spawn_local(work);
    }
}

/// Takes the lock of a database: the same as for OPFS, so that a name means one database at a time.
/// IndexedDB's name of it.
async fn reserve(name: &str) -> Result<(String, WebLock)> {
    let directory = directory_of(name)?;
    if let Some(closing) = CLOSING.with_borrow_mut(|all| all.remove(name)) {
        // it never rejects
        let _ = JsFuture::from(closing).await;
    }
    match WebLock::take(&format!("tidelog:{directory}")).await? {
        Some(lock) => Ok((format!("{PREFIX}{directory}"), lock)),
        None => Err(Error::Locked(name.into())),
    }
}

/// Opens the database `name` in IndexedDB: what [`Idb::open`] does, registered. Gives the VFS and
/// the file to open on it.
///
/// # Errors
/// Those of [`Idb::open`].
pub async fn open_idb(name: &str) -> Result<(Vfs, String)> {
    let (storage, main) = Idb::open(name).await?;
    Ok((Vfs::register(storage)?, main))
}

/// Whether there is a database `name`. Asking makes none.
pub async fn contains(name: &str) -> Result<bool> {
    let database = format!("{PREFIX}{}", directory_of(name)?);
    let Some(connection) = idb_calls::open(&database, false).await? else { return Ok(false) };
    let there = connection.head().await;
    connection.close();
    Ok(!there?.is_new())
}

/// The names of all databases in IndexedDB, sorted.
///
/// # Errors
/// `NOT_SUPPORTED` where there is no IndexedDB or it cannot list.
pub async fn list() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for database in idb_calls::databases().await? {
        let name = database.strip_prefix(PREFIX).and_then(name_of);
        if let Some(name) = name
            && contains(&name).await?
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

async fn existing(name: &str) -> Result<(Idb, String)> {
    if contains(name).await? { Idb::open(name).await } else { Err(Error::NotFound(name.into())) }
}

/// The bytes of the closed database `name`.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn export(name: &str) -> Result<Vec<u8>> {
    let (storage, main) = existing(name).await?;
    transfer::export(&storage, &main, name)
}

/// Makes `bytes` the database `name`.
///
/// # Errors
/// `EXISTS` when there is one, `CORRUPT` when the bytes are no database, `LOCKED`, `QUOTA`.
pub async fn import(name: &str, bytes: &[u8]) -> Result<()> {
    transfer::check_header(bytes, bytes.len() as u64, name)?;
    let (storage, main) = Idb::open(name).await?;
    transfer::import(&storage, &main, name, bytes)?;
    storage.settle().await
}

/// Removes the database `name` with all that is in it.
///
/// # Errors
/// `LOCKED` while anybody has it open, `NOT_FOUND`.
pub async fn delete(name: &str) -> Result<()> {
    let (database, _lock) = reserve(name).await?;
    if !contains(name).await? {
        return Err(Error::NotFound(name.into()));
    }
    idb_calls::delete(&database, name).await
}

/// Gives the closed database `name` another name.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`, `EXISTS`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn rename(name: &str, to: &str) -> Result<()> {
    if name == to {
        return Err(if contains(name).await? {
            Error::Exists(to.into())
        } else {
            Error::NotFound(name.into())
        });
    }
    // a database cannot be renamed, so it is copied; the old one stays until the new one is whole
    let (old, old_main) = existing(name).await?;
    transfer::check_source(&old, &old_main, name)?;
    let (new, new_main) = Idb::open(to).await?;
    transfer::copy(&old, (&old_main, name), &new, (&new_main, to))?;
    new.settle().await?;
    drop((old, new));
    delete(name).await
}
