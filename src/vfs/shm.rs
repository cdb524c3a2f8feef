//! The WAL index: SQLite's shared memory, kept in this instance's own memory, and the SQLite
//! callbacks for it.
//!
//! It reads the index in one place only, to learn how much of the WAL is committed, and writes
//! nothing to it but zeros over its header, which have it rebuilt.

use std::ffi::{c_int, c_void};

use rsqlite_vfs::SQLiteVfsFile;
use rsqlite_vfs::ffi::{
    SQLITE_BUSY, SQLITE_IOERR_NOMEM, SQLITE_OK, SQLITE_SHM_EXCLUSIVE, SQLITE_SHM_LOCK, sqlite3_file,
};

use super::file::File;
use super::locks::Slots;
use super::wal::committed_end;

/// The index's header, which is there twice, in words.
const HEADER_WORDS: usize = 12;

/// One database's WAL index.
#[derive(Debug, Default)]
pub(super) struct Shm {
    /// The memory SQLite asked for; never moved while mapped.
    regions: Vec<Box<[u64]>>,
    pub(super) slots: Slots,
    /// Handles that have it mapped.
    mapped: usize,
    /// The index is made and SQLite has not rebuilt it from the file yet.
    fresh: bool,
}

impl Shm {
    /// A handle maps the index for the first time.
    pub(super) fn attach(&mut self) {
        self.mapped += 1;
    }

    /// A handle unmaps it; the last one frees it, so that the next to come reads the WAL anew.
    pub(super) fn detach(&mut self) {
        self.mapped -= 1;
        if self.mapped == 0 {
            *self = Shm::default();
        }
    }

    /// Makes SQLite rebuild the index from the WAL before anything else: each connection then drops
    /// the pages it keeps. The memory stays where it is, since connections point to it.
    pub(super) fn forget(&mut self) {
        let Some(header) = self.regions.first_mut() else { return };
        for word in header.iter_mut().take(HEADER_WORDS) {
            // SAFETY: `word` is a live reference into the region; SQLite writes it through its own
            // pointer.
            unsafe { std::ptr::write_volatile(word, 0) };
        }
        self.fresh = true;
    }

    /// The address of a region; null when it is absent and not to be made, an error when memory is
    /// short.
    fn region(&mut self, index: usize, bytes: usize, extend: bool) -> Result<*mut c_void, ()> {
        while extend && self.regions.len() <= index {
            let words = bytes.div_ceil(8);
            let mut region = Vec::new();
            region.try_reserve_exact(words).map_err(|_| ())?;
            region.resize(words, 0);
            self.fresh |= self.regions.is_empty();
            self.regions.push(region.into_boxed_slice());
        }
        Ok(self
            .regions
            .get_mut(index)
            .map_or(std::ptr::null_mut(), |region| region.as_mut_ptr().cast()))
    }

    /// Where the committed part of the WAL ends, and whether the index was just rebuilt from the
    /// file. `None` while the index is not valid, as after a recovery that failed: nothing is known
    /// then.
    pub(super) fn committed(&mut self) -> Option<(u64, bool)> {
        // WalIndexHdr: isInit is byte 12, szPage the u16 at 14, mxFrame the u32 at 16, all
        // native-endian; 48 bytes, twice. SQLite writes it through its own pointer, so it is read
        // as volatile.
        let header = self.regions.first()?;
        let mut words = [0u64; HEADER_WORDS];
        for (word, from) in words.iter_mut().zip(header.iter()) {
            // SAFETY: `from` is a live reference into the region.
            *word = unsafe { std::ptr::read_volatile(from) };
        }
        let mut bytes = [0u8; 8 * HEADER_WORDS];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        if bytes[12] == 0 || bytes[..48] != bytes[48..] {
            return None;
        }
        let page = u32::from(u16::from_ne_bytes([bytes[14], bytes[15]]));
        let page = (page & 0xfe00) + ((page & 1) << 16);
        let max_frame = u32::from_ne_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
        Some((committed_end(max_frame, page), std::mem::take(&mut self.fresh)))
    }
}

/// The file behind SQLite's pointer.
///
/// # Safety
/// `file` was opened by our `xOpen`, is not closed, and nobody else refers to it during the call.
unsafe fn opened<'a>(file: *mut sqlite3_file) -> &'a mut File {
    // SAFETY: as above; our method table is only installed on files of this type.
    unsafe { (*SQLiteVfsFile::from_file(file)).handle_mut::<File>() }
}

/// `xShmMap`.
pub(super) unsafe extern "C" fn map(
    file: *mut sqlite3_file,
    index: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite calls with a live file of ours and a valid out pointer.
    let (file, out) = unsafe { (opened(file), &mut *out) };
    *out = std::ptr::null_mut();
    let File::Stored(handle) = file else { return SQLITE_IOERR_NOMEM };
    let shm = &mut handle.node.borrow_mut().shm;
    if !handle.mapped {
        handle.mapped = true;
        shm.attach();
    }
    match shm.region(index.max(0) as usize, bytes.max(0) as usize, extend != 0) {
        Ok(region) => {
            *out = region;
            SQLITE_OK
        }
        Err(()) => SQLITE_IOERR_NOMEM,
    }
}

/// `xShmLock`.
pub(super) unsafe extern "C" fn lock(
    file: *mut sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: SQLite calls with a live file of ours.
    let File::Stored(handle) = (unsafe { opened(file) }) else { return SQLITE_BUSY };
    let mask = (((1u32 << count.clamp(0, 8)) - 1) << first.clamp(0, 7)) as u8;
    if flags & SQLITE_SHM_LOCK == 0 {
        handle.give_slots(mask);
        return SQLITE_OK;
    }
    if handle.take_slots(mask, flags & SQLITE_SHM_EXCLUSIVE != 0) { SQLITE_OK } else { SQLITE_BUSY }
}

/// `xShmBarrier`: one thread needs none.
pub(super) unsafe extern "C" fn barrier(_: *mut sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// `xShmUnmap`.
pub(super) unsafe extern "C" fn unmap(file: *mut sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: SQLite calls with a live file of ours.
    if let File::Stored(handle) = unsafe { opened(file) } {
        handle.unmap();
    }
    SQLITE_OK
}
