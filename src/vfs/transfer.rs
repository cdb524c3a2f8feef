//! Whole databases as bytes: out of a storage, into one, from one to another. Closed databases, or
//! quiet ones whose WAL was just folded in; it never merges a WAL and never overwrites a database.

use super::{Storage, StorageError, StorageFile};
use crate::error::{Error, Result};

/// The beginning of every database file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// The size of a file; nothing when it is absent.
fn size_of(storage: &dyn Storage, file: &str) -> Result<u64, StorageError> {
    match storage.open(file, false) {
        Ok(file) => file.size(),
        Err(StorageError::NotFound(_)) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Whether the database has a WAL or journal with something in it.
fn has_log(storage: &dyn Storage, main: &str) -> Result<bool, StorageError> {
    Ok(size_of(storage, &format!("{main}-wal"))? > 0
        || size_of(storage, &format!("{main}-journal"))? > 0)
}

/// Whether a database is there. One whose import did not reach its end, which is marked by a header
/// of zeros and has no log, is not.
pub(super) fn is_there(storage: &dyn Storage, main: &str) -> Result<bool, StorageError> {
    if has_log(storage, main)? {
        return Ok(true);
    }
    if size_of(storage, main)? == 0 {
        return Ok(false);
    }
    let mut header = [0; MAGIC.len()];
    let read = storage.open(main, false)?.read(&mut header, 0)?;
    Ok(header[..read].iter().any(|byte| *byte != 0))
}

/// The bytes of the database `main`.
///
/// # Errors
/// `NOT_FOUND`, and `BAD_VALUE` while changes are in its log: checkpoint (or open and
/// close) it first.
pub(super) fn export(storage: &dyn Storage, main: &str, name: &str) -> Result<Vec<u8>> {
    let size = check_source(storage, main, name)?;
    let too_large =
        |_| Error::BadValue(format!("'{name}' is too large for one piece of memory: {size} bytes"));
    let length = usize::try_from(size).map_err(|_| too_large(()))?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| too_large(()))?;
    bytes.resize(length, 0);
    read_all(&*storage.open(main, false)?, &mut bytes, 0)?;
    Ok(bytes)
}

/// Checks that the main file alone is the whole database; gives its size.
pub(super) fn check_source(storage: &dyn Storage, main: &str, name: &str) -> Result<u64> {
    if !is_there(storage, main)? {
        return Err(Error::NotFound(name.into()));
    }
    if has_log(storage, main)? {
        return Err(Error::BadValue(format!(
            "'{name}' has changes in its log: open and close it first"
        )));
    }
    Ok(size_of(storage, main)?)
}

/// Checks that `bytes`, of `size` in all, begin a database.
pub(super) fn check_header(bytes: &[u8], size: u64, name: &str) -> Result<()> {
    let page = match bytes.get(16..18) {
        Some([0, 1]) => 65536,
        Some(&[high, low]) => u64::from(u16::from_be_bytes([high, low])),
        _ => 0,
    };
    let plausible = bytes.starts_with(MAGIC)
        && page.is_power_of_two()
        && page >= 512
        && size.is_multiple_of(page);
    if plausible {
        Ok(())
    } else {
        Err(Error::Corrupt(format!(
            "the bytes given for '{name}' are not a whole SQLite database file"
        )))
    }
}

/// Makes `bytes` the database `main`.
///
/// # Errors
/// `EXISTS` when there is one, `CORRUPT` when the bytes are no database. After a failure
/// there is none.
pub(super) fn import(storage: &dyn Storage, main: &str, name: &str, bytes: &[u8]) -> Result<()> {
    check_header(bytes, bytes.len() as u64, name)?;
    put(storage, main, name, bytes.len() as u64, &mut |buf, at| {
        let at = at as usize;
        buf.copy_from_slice(&bytes[at..at + buf.len()]);
        Ok(())
    })
}

/// Copies a closed database to a place where there is none.
#[cfg(any(test, target_family = "wasm"))]
pub(super) fn copy(
    from: &dyn Storage,
    old: (&str, &str),
    to: &dyn Storage,
    new: (&str, &str),
) -> Result<()> {
    let size = check_source(from, old.0, old.1)?;
    let source = from.open(old.0, false)?;
    put(to, new.0, new.1, size, &mut |buf, at| Ok(read_all(&*source, buf, at)?))
}

/// Writes a database of `size` bytes. The header comes last and after a flush, so that a
/// half-written one is never taken for a database.
fn put(
    storage: &dyn Storage,
    main: &str,
    name: &str,
    size: u64,
    fill: &mut dyn FnMut(&mut [u8], u64) -> Result<()>,
) -> Result<()> {
    if is_there(storage, main)? {
        return Err(Error::Exists(name.into()));
    }
    let file = storage.open(main, true)?;
    let mut write = || {
        file.truncate(0)?;
        let mut header = [0; MAGIC.len()];
        let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
        let mut at = 0;
        while at < size {
            let len = chunk.len().min(usize::try_from(size - at).unwrap_or(CHUNK));
            fill(&mut chunk[..len], at)?;
            if at == 0 {
                header.copy_from_slice(&chunk[..MAGIC.len()]);
                chunk[..MAGIC.len()].fill(0);
            }
            file.write(&chunk[..len], at)?;
            at += len as u64;
        }
        file.flush()?;
        file.write(&header, 0)?;
        Ok(file.flush()?)
    };
    let written: Result<()> = write();
    if written.is_err() {
        // the header of zeros says the same, should this fail too
        let _ = file.truncate(0).and_then(|()| file.flush());
        let _ = storage.delete(main);
    }
    written
}

fn read_all(file: &dyn StorageFile, buf: &mut [u8], at: u64) -> Result<(), StorageError> {
    let read = file.read(buf, at)?;
    if read == buf.len() {
        Ok(())
    } else {
        Err(StorageError::Io(format!(
            "the file ends early: read {read} of {} bytes at {at}",
            buf.len()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Something that begins like a database of 512-byte pages.
    fn database(pages: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..pages * 512).map(|at| (at / 512) as u8).collect();
        bytes[..18].copy_from_slice(b"SQLite format 3\0\x02\0");
        bytes
    }

    #[test]
    fn a_database_is_copied_whole_and_never_over_another() {
        let (one, two) = (Memory::new(), Memory::new());
        let bytes = database(5000);
        import(&one, "a", "a", &bytes).unwrap();
        copy(&one, ("a", "a"), &two, ("b", "b")).unwrap();
        assert_eq!(export(&two, "b", "b").unwrap(), bytes);
        assert_eq!(copy(&one, ("a", "a"), &two, ("b", "b")).unwrap_err().code(), "EXISTS");
        assert_eq!(import(&two, "b", "b", &database(1)).unwrap_err().code(), "EXISTS");
        assert_eq!(export(&two, "c", "c").unwrap_err().code(), "NOT_FOUND");
    }

    #[test]
    fn what_is_no_database_or_not_all_of_one_is_refused() {
        let memory = Memory::new();
        for bytes in [&b"hello"[..], &database(1)[..511], &[0; 512][..]] {
            assert_eq!(import(&memory, "a", "a", bytes).unwrap_err().code(), "CORRUPT");
        }
        assert!(memory.names().unwrap().is_empty());
        import(&memory, "a", "a", &database(1)).unwrap();
        memory.open("a-wal", true).unwrap().write(b"frames", 0).unwrap();
        assert_eq!(export(&memory, "a", "a").unwrap_err().code(), "BAD_VALUE");
    }

    #[test]
    fn an_import_that_died_halfway_is_no_database_and_may_be_made_anew() {
        let memory = Memory::new();
        memory.open("a", true).unwrap().write(&[0; 600], 0).unwrap();
        assert!(!is_there(&memory, "a").unwrap());
        import(&memory, "a", "a", &database(2)).unwrap();
        assert_eq!(export(&memory, "a", "a").unwrap().len(), 1024);
    }
}
