//! The WAL index: SQLite's shared memory, kept in this instance's own memory, and the SQLite
//! callbacks for it.
//!
//! It reads the index in one place only, to learn how much of the WAL is committed, and writes
//! nothing to it but zeros over its header, which have it rebuilt.

use std::cell::Cell;
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

/// A piece of the index in words of 8 bytes. SQLite writes it through raw pointers at any time, so
/// it must lie behind an `UnsafeCell`, which `Cell` is: a plain `u64` would entitle the compiler to
/// believe that nothing changes behind our references.
type Region = Vec<Cell<u64>>;

/// One database's WAL index.
#[derive(Debug, Default)]
pub(super) struct Shm {
    /// The memory SQLite asked for; never moved or resized while mapped.
    regions: Vec<Region>,
    pub(super) slots: Slots,
    /// Handles that have it mapped.
    mapped: usize,
    /// The index is new, and SQLite has not rebuilt it from the WAL yet.
    fresh: bool,
}

impl Shm {
    /// A handle maps the index for the first time.
    pub(super) fn attach(&mut self) {
        self.mapped += 1;
    }

    /// A handle unmaps it; the last one frees it, so that the next to map it reads the WAL anew.
    pub(super) fn detach(&mut self) {
        self.mapped -= 1;
        if self.mapped == 0 {
            *self = Shm::default();
        }
    }

    /// Makes SQLite rebuild the index from the WAL before anything else: each connection then drops
    /// the pages it keeps. The memory stays where it is, since connections point to it.
    pub(super) fn forget(&mut self) {
        let Some(region) = self.regions.first() else { return };
        for word in region.iter().take(HEADER_WORDS) {
            word.set(0);
        }
        self.fresh = true;
    }

    /// The address of a region; null when it is absent and not to be made, an error when memory is
    /// short.
    fn region(&mut self, index: usize, bytes: usize, extend: bool) -> Result<*mut c_void, ()> {
        while extend && self.regions.len() <= index {
            let words = bytes.div_ceil(8);
            let mut region = Region::new();
            region.try_reserve_exact(words).map_err(|_| ())?;
            region.resize(words, Cell::new(0));
            self.fresh |= self.regions.is_empty();
            self.regions.push(region);
        }
        // `as_mut_ptr` makes no reference to the words, so the addresses given before stay good
        let region = self.regions.get_mut(index);
        Ok(region.map_or(std::ptr::null_mut(), |region| region.as_mut_ptr().cast()))
    }

    /// Where the committed part of the WAL ends, and whether the index was just rebuilt from the
    /// file. `None` while the index is not valid, as after a recovery that failed: nothing is known
    /// then.
    pub(super) fn committed(&mut self) -> Option<(u64, bool)> {
        // WalIndexHdr: isInit is byte 12, szPage the u16 at 14, mxFrame the u32 at 16, all
        // native-endian; 48 bytes, twice
        let region = self.regions.first()?;
        let mut bytes = [0u8; 8 * HEADER_WORDS];
        for (to, word) in bytes.chunks_exact_mut(8).zip(region) {
            to.copy_from_slice(&word.get().to_ne_bytes());
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

/// Does something with the file behind SQLite's pointer, which is borrowed for as long as that
/// takes.
///
/// # Safety
/// `file` was opened by our `xOpen` and is not closed, and nothing else refers to its [`File`]
/// during the call.
unsafe fn with_file<T>(file: *mut sqlite3_file, act: impl FnOnce(&mut File) -> T) -> T {
    // SAFETY: by the contract above the pointer is to a live `SQLiteVfsFile` (our method table is
    // installed on no other), its handle is a `File` (the type of `Store`, for which `xOpen` made
    // it), and no other reference to either exists while `act` runs.
    act(unsafe { (*SQLiteVfsFile::from_file(file)).handle_mut::<File>() })
}

/// `xShmMap`.
///
/// # Safety
/// SQLite's to keep: `file` is open by our `xOpen`, `out` may be written, and no other method of
/// this file runs.
pub(super) unsafe extern "C" fn map(
    file: *mut sqlite3_file,
    index: c_int,
    bytes: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    let (index, bytes) = (index.max(0) as usize, bytes.max(0) as usize);
    let mapped = |file: &mut File| map_region(file, index, bytes, extend != 0);
    // SAFETY: as this function's contract has it; mapping calls nothing that could call SQLite.
    let (address, code) = match unsafe { with_file(file, mapped) } {
        Ok(address) => (address, SQLITE_OK),
        Err(()) => (std::ptr::null_mut(), SQLITE_IOERR_NOMEM),
    };
    // SAFETY: SQLite gives the address of a variable of its own for the answer.
    unsafe { out.write(address) };
    code
}

/// Maps the index for a file that has not yet; the address of a region as [`Shm::region`] gives it.
fn map_region(
    file: &mut File,
    index: usize,
    bytes: usize,
    extend: bool,
) -> Result<*mut c_void, ()> {
    // a temporary file has no WAL, and SQLite asks for no index
    let File::Stored(handle) = file else { return Err(()) };
    let shm = &mut handle.node.borrow_mut().shm;
    if !handle.mapped {
        handle.mapped = true;
        shm.attach();
    }
    shm.region(index, bytes, extend)
}

/// `xShmLock`.
///
/// # Safety
/// SQLite's to keep: `file` is open by our `xOpen`, and no other method of this file runs.
pub(super) unsafe extern "C" fn lock(
    file: *mut sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    let mask = (((1u32 << count.clamp(0, 8)) - 1) << first.clamp(0, 7)) as u8;
    let change = |file: &mut File| {
        let File::Stored(handle) = file else { return false };
        if flags & SQLITE_SHM_LOCK == 0 {
            handle.give_slots(mask);
            return true;
        }
        handle.take_slots(mask, flags & SQLITE_SHM_EXCLUSIVE != 0)
    };
    // SAFETY: as this function's contract has it; giving and taking slots writes to storage files,
    // whose code does not call SQLite.
    if unsafe { with_file(file, change) } { SQLITE_OK } else { SQLITE_BUSY }
}

/// `xShmBarrier`: one thread needs none.
pub(super) unsafe extern "C" fn barrier(_: *mut sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// `xShmUnmap`.
///
/// # Safety
/// As for [`lock`].
pub(super) unsafe extern "C" fn unmap(file: *mut sqlite3_file, _delete: c_int) -> c_int {
    let unmap = |file: &mut File| {
        if let File::Stored(handle) = file {
            handle.unmap();
        }
    };
    // SAFETY: as this function's contract has it; unmapping does no more than giving slots.
    unsafe { with_file(file, unmap) };
    SQLITE_OK
}
