//! Finds which of a browser's storages has a database: by trying, the best first, and never by the
//! browser's name.
//!
//! A database stays where it is. One that is in IndexedDB and not in OPFS is opened there even
//! where OPFS has become available; one that is in OPFS is never opened as an empty one elsewhere.
//! Were a name in both, OPFS is meant, and the other one is left alone.

use super::{Vfs, idb, open_memory, opfs};
use crate::error::{Error, Result};

/// A storage of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The origin-private file system, through synchronous access handles.
    Opfs,
    /// IndexedDB.
    IndexedDb,
    /// This realm's memory: nothing is kept.
    Memory,
}

impl Place {
    /// Its name in options and in the status.
    pub fn name(self) -> &'static str {
        match self {
            Place::Opfs => "opfs",
            Place::IndexedDb => "indexeddb",
            Place::Memory => "memory",
        }
    }

    /// The one of a name.
    pub fn from_name(name: &str) -> Option<Place> {
        [Place::Opfs, Place::IndexedDb, Place::Memory]
            .into_iter()
            .find(|place| place.name() == name)
    }

    /// Opens the database `name` there. Gives the VFS and the file to open on it.
    ///
    /// # Errors
    /// `LOCKED`; `NOT_SUPPORTED` where this realm has no such storage; `BAD_NAME`.
    pub async fn open(self, name: &str) -> Result<(Vfs, String)> {
        match self {
            Place::Opfs => opfs::open_opfs(name).await,
            Place::IndexedDb => idb::open_idb(name).await,
            Place::Memory => open_memory(),
        }
    }
}

/// `otherwise` where a storage does not exist.
fn unless_missing<T>(result: Result<T>, otherwise: T) -> Result<T> {
    match result {
        Err(Error::NotSupported(_)) => Ok(otherwise),
        result => result,
    }
}

async fn in_opfs(name: &str) -> Result<bool> {
    unless_missing(opfs::list().await.map(|names| names.iter().any(|known| known == name)), false)
}

async fn in_idb(name: &str) -> Result<bool> {
    unless_missing(idb::contains(name).await, false)
}

/// Opens the database `name` where it is, or makes it in the best storage there is.
///
/// # Errors
/// `LOCKED`, `BAD_NAME`; `NOT_SUPPORTED` when it is in OPFS and this realm has no handles for it.
pub async fn open(name: &str) -> Result<(Place, Vfs, String)> {
    match Place::Opfs.open(name).await {
        Ok((vfs, main)) => {
            if vfs.contains(&main)? || !in_idb(name).await? {
                return Ok((Place::Opfs, vfs, main));
            }
        }
        Err(error @ Error::NotSupported(_)) if in_opfs(name).await? => return Err(error),
        Err(Error::NotSupported(_)) => {}
        Err(error) => return Err(error),
    }
    match Place::IndexedDb.open(name).await {
        Ok((vfs, main)) => Ok((Place::IndexedDb, vfs, main)),
        Err(Error::NotSupported(_)) => {
            Place::Memory.open(name).await.map(|(vfs, main)| (Place::Memory, vfs, main))
        }
        Err(error) => Err(error),
    }
}

/// The storage that has the closed database `name`.
async fn find(name: &str) -> Result<Place> {
    let (opfs, idb) = (in_opfs(name).await?, in_idb(name).await?);
    match (opfs, idb) {
        (true, false) => Ok(Place::Opfs),
        (false, true) => Ok(Place::IndexedDb),
        (false, false) => Err(Error::NotFound(name.into())),
        // files that were opened ahead and never written may lie in OPFS
        (true, true) => {
            let (vfs, main) = Place::Opfs.open(name).await?;
            Ok(if vfs.contains(&main)? { Place::Opfs } else { Place::IndexedDb })
        }
    }
}

/// The names of all databases, sorted.
pub async fn list() -> Result<Vec<String>> {
    let mut names = unless_missing(opfs::list().await, Vec::new())?;
    names.extend(unless_missing(idb::list().await, Vec::new())?);
    names.sort();
    names.dedup();
    Ok(names)
}

/// The bytes of the closed database `name`.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn export(name: &str) -> Result<Vec<u8>> {
    match find(name).await? {
        Place::Opfs => opfs::export(name).await,
        _ => idb::export(name).await,
    }
}

/// Makes `bytes` the database `name`, in the best storage there is.
///
/// # Errors
/// `EXISTS` when there is one, `CORRUPT` when the bytes are no database, `LOCKED`,
/// `QUOTA`, `NOT_SUPPORTED`.
pub async fn import(name: &str, bytes: &[u8]) -> Result<()> {
    if in_idb(name).await? {
        return Err(Error::Exists(name.into()));
    }
    match opfs::import(name, bytes).await {
        Err(Error::NotSupported(_)) if !in_opfs(name).await? => idb::import(name, bytes).await,
        done => done,
    }
}

/// Removes the database `name` with all that is in it.
///
/// # Errors
/// `LOCKED` while anybody has it open, `NOT_FOUND`.
pub async fn delete(name: &str) -> Result<()> {
    let (opfs, idb) = (in_opfs(name).await?, in_idb(name).await?);
    if !opfs && !idb {
        return Err(Error::NotFound(name.into()));
    }
    if opfs {
        opfs::delete(name).await?;
    }
    if idb { idb::delete(name).await } else { Ok(()) }
}

/// Gives the closed database `name` another name, where it is.
///
/// # Errors
/// `LOCKED`, `NOT_FOUND`, `EXISTS`; `BAD_VALUE` when its last user died: open and close it first.
pub async fn rename(name: &str, to: &str) -> Result<()> {
    let place = find(name).await?;
    if in_opfs(to).await? || in_idb(to).await? {
        return Err(Error::Exists(to.into()));
    }
    match place {
        Place::Opfs => opfs::rename(name, to).await,
        _ => idb::rename(name, to).await,
    }
}
