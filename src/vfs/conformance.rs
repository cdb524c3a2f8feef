//! The duties of every [`Storage`], as a function any test can call. The half that needs SQLite is
//! in `tests/suite`.

use super::{Storage, StorageError, StorageFile};
use crate::error::{Error, Result};

/// The result of a check: a message when it fails.
pub type Verdict = Result<(), String>;

/// Opens the storage of a database by name; gives it and the file that holds the database.
pub trait Opener {
    /// The storage that is opened.
    type Storage: Storage;
    /// Opens it; a second time only after the first was dropped, where storages lock.
    fn open(&self, name: &str) -> impl Future<Output = Result<(Self::Storage, String)>>;
    /// Whether a second opener must be turned away.
    const LOCKS: bool;
}

fn ensure(holds: bool, what: &str) -> Verdict {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn said<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

/// Runs all checks on databases called `{prefix}-…`, which must not be there yet.
pub async fn check_storage<O: Opener>(opener: &O, prefix: &str) -> Verdict {
    let one = format!("{prefix}-one");
    {
        let (storage, main) = opener.open(&one).await.map_err(said("open"))?;
        names(&storage, &main)?;
        bytes(&storage, &main)?;
        growth(&storage, &main)?;
        if O::LOCKS {
            let second = opener.open(&one).await.map(|_| ());
            ensure(matches!(second, Err(Error::Locked(_))), "a second opener was not turned away")?;
        }
        let (other, other_main) =
            opener.open(&format!("{prefix}-two")).await.map_err(said("open another"))?;
        write(&other, &other_main, b"two", 0)?;
        write(&storage, &main, b"one", 0)?;
        ensure(read(&other, &other_main, 0, 9)? == b"two", "two databases share a file")?;
    }
    let (storage, main) = opener.open(&one).await.map_err(said("open again"))?;
    ensure(read(&storage, &main, 0, 9)? == b"one", "a reopened file has lost its bytes")?;
    storage.delete(&main).map_err(said("delete"))
}

fn file(storage: &dyn Storage, name: &str) -> Result<Box<dyn StorageFile>, String> {
    storage.open(name, true).map_err(said("open a file"))
}

fn write(storage: &dyn Storage, name: &str, bytes: &[u8], at: u64) -> Verdict {
    file(storage, name)?.write(bytes, at).map_err(said("write"))
}

fn read(storage: &dyn Storage, name: &str, at: u64, len: usize) -> Result<Vec<u8>, String> {
    let mut buf = vec![0xAA; len];
    let got = file(storage, name)?.read(&mut buf, at).map_err(said("read"))?;
    buf.truncate(got);
    Ok(buf)
}

/// Files come to be, are there, and go.
fn names(storage: &dyn Storage, main: &str) -> Verdict {
    let wal = format!("{main}-wal");
    let exists = |name: &str| storage.exists(name).map_err(said("exists"));
    let listed = || storage.names().map_err(said("names"));
    ensure(!exists(&wal)?, "a file is there before it was made")?;
    let absent = storage.open(&wal, false).map(|_| ());
    ensure(
        matches!(absent, Err(StorageError::NotFound(_))),
        "an absent file was opened without being made",
    )?;
    storage.delete(&wal).map_err(said("delete an absent file"))?;
    write(storage, &wal, b"wal", 0)?;
    ensure(exists(&wal)? && listed()?.contains(&wal), "a written file is not there")?;
    ensure(storage.open(&wal, false).is_ok(), "a written file cannot be opened")?;
    storage.delete(&wal).map_err(said("delete"))?;
    ensure(!exists(&wal)? && !listed()?.contains(&wal), "a deleted file is still there")?;
    ensure(read(storage, &wal, 0, 9)?.is_empty(), "a deleted file came back with its bytes")?;
    storage.delete(&wal).map_err(said("delete an empty file"))
}

/// Bytes are where they were written, for every handle.
fn bytes(storage: &dyn Storage, main: &str) -> Verdict {
    let (one, two) = (file(storage, main)?, file(storage, main)?);
    one.write(b"hello", 0).map_err(said("write"))?;
    ensure(read(storage, main, 0, 5)? == b"hello", "written bytes are not read")?;
    ensure(two.size().map_err(said("size"))? == 5, "another handle sees another size")?;
    two.write(b"J", 0).map_err(said("write by another handle"))?;
    ensure(read(storage, main, 0, 9)? == b"Jello", "a read at the end is not cut short there")?;
    ensure(read(storage, main, 2, 2)? == b"ll", "a read in the middle is wrong")?;
    ensure(read(storage, main, 5, 4)?.is_empty(), "a read past the end finds something")?;
    ensure(read(storage, main, 1 << 40, 4)?.is_empty(), "a read far past the end finds something")?;
    one.write(b"x", 10).map_err(said("write past the end"))?;
    ensure(read(storage, main, 4, 20)? == b"o\0\0\0\0\0x", "a gap does not read as zeros")?;
    one.truncate(3).map_err(said("truncate"))?;
    ensure(read(storage, main, 0, 9)? == b"Jel", "a truncated file has the wrong bytes")?;
    one.truncate(6).map_err(said("lengthen"))?;
    ensure(
        read(storage, main, 0, 9)? == b"Jel\0\0\0",
        "a lengthened file is not filled with zeros",
    )?;
    one.flush().map_err(said("flush"))?;
    one.truncate(0).map_err(said("empty"))?;
    ensure(two.size().map_err(said("size"))? == 0, "an emptied file has a size")
}

/// Large writes, and many small ones, arrive whole.
fn growth(storage: &dyn Storage, main: &str) -> Verdict {
    let file = file(storage, main)?;
    let pattern = |at: usize| (at * 31 + at / 4096) as u8;
    let large: Vec<u8> = (0..3 << 20).map(pattern).collect();
    file.write(&large, 0).map_err(said("a large write"))?;
    for page in 0..64 {
        let at = large.len() + page * 4096;
        let bytes: Vec<u8> = (at..at + 4096).map(pattern).collect();
        file.write(&bytes, at as u64).map_err(said("a small write"))?;
    }
    file.flush().map_err(said("flush"))?;
    let size = large.len() + 64 * 4096;
    ensure(file.size().map_err(said("size"))? == size as u64, "a grown file has the wrong size")?;
    let back = read(storage, main, 0, size + 1)?;
    ensure(back.len() == size, "a grown file is read short")?;
    ensure(
        back.iter().enumerate().all(|(at, byte)| *byte == pattern(at)),
        "a grown file has wrong bytes",
    )?;
    file.truncate(0).map_err(said("empty"))
}
