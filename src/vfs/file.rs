//! The file SQLite holds: a handle on a shared [`Node`], or a temporary file in memory. Translates,
//! decides nothing.

use std::rc::Rc;

use rsqlite_vfs::{
    DeviceCharacteristics, LockLevel, MemChunksFile, SyncOptions, VfsError, VfsErrorCode, VfsFile,
    VfsResult,
};

use super::StorageError;
use super::files::{Files, Shared};
use super::locks::Held;
use super::node::Node;

/// A file that SQLite opened.
pub(super) enum File {
    /// A file of the storage.
    Stored(Handle),
    /// A temporary, transient or statement-journal file, which nothing needs after the process.
    Temporary(MemChunksFile),
}

/// One opening of a storage file.
pub(super) struct Handle {
    pub(super) files: Rc<Files>,
    pub(super) name: String,
    pub(super) node: Shared,
    /// The level this handle holds on the file.
    level: LockLevel,
    /// The slots this handle holds on the WAL index.
    slots: Held,
    /// It has mapped the WAL index.
    pub(super) mapped: bool,
}

impl Handle {
    pub(super) fn new(files: Rc<Files>, name: String, node: Shared) -> Self {
        node.borrow_mut().handles += 1;
        Handle { files, name, node, level: LockLevel::None, slots: Held::default(), mapped: false }
    }

    /// Takes slots of the WAL index; with the write lock begins gathering.
    pub(super) fn take_slots(&mut self, mask: u8, exclusive: bool) -> bool {
        let was_writing = self.slots.writing();
        let taken = self.node.borrow_mut().shm.slots.take(&mut self.slots, mask, exclusive);
        if self.slots.writing() && !was_writing {
            self.with_wal(|wal| {
                if let Some(gather) = &mut wal.gather {
                    gather.hold();
                }
            });
        }
        taken
    }

    /// Gives slots of the WAL index back; with the write lock ends gathering, before anybody else
    /// can have it.
    pub(super) fn give_slots(&mut self, mask: u8) {
        if self.slots.writing() && mask & 1 != 0 {
            let committed = self.node.borrow_mut().shm.committed();
            self.with_wal(|wal| {
                if let Some(gather) = &mut wal.gather {
                    let recovered = committed.is_some_and(|(_, recovered)| recovered);
                    gather.release(&mut wal.disk, committed.map(|(end, _)| end), recovered);
                }
            });
        }
        self.node.borrow_mut().shm.slots.give(&mut self.slots, mask);
    }

    /// Gives all slots of the WAL index back and unmaps it.
    pub(super) fn unmap(&mut self) {
        if self.mapped {
            self.give_slots(u8::MAX);
            self.mapped = false;
            self.node.borrow_mut().shm.detach();
        }
    }

    /// Does something with this database's WAL, if it is open.
    fn with_wal(&self, act: impl FnOnce(&mut Node)) {
        if let Some(wal) = self.files.node(&format!("{}-wal", self.name)) {
            act(&mut wal.borrow_mut());
        }
    }

    /// Gives back everything but the node's place in `files`.
    pub(super) fn close(&mut self) {
        self.unmap();
        let mut node = self.node.borrow_mut();
        node.locks.lower(&mut self.level, LockLevel::None);
        node.handles -= 1;
    }

    /// SQLite's error for a storage's, which is kept for
    /// [`Vfs::last_error`](super::Vfs::last_error).
    fn fail(&self, error: StorageError, otherwise: VfsErrorCode) -> VfsError {
        self.files.fail(error, otherwise)
    }
}

fn busy() -> VfsError {
    VfsError::new(VfsErrorCode::Busy, "held by another connection".into())
}

impl VfsFile for File {
    fn device_characteristics(&self) -> DeviceCharacteristics {
        // a write that is cut off by power loss leaves its neighbours alone: no browser or system
        // of ours rewrites more
        DeviceCharacteristics::POWERSAFE_OVERWRITE
    }

    fn read(&mut self, buf: &mut [u8], offset: u64) -> VfsResult<usize> {
        match self {
            File::Stored(handle) => {
                let read = handle.node.borrow_mut().read(buf, offset);
                read.map_err(|error| handle.fail(error, VfsErrorCode::IoRead))
            }
            File::Temporary(file) => file.read(buf, offset),
        }
    }

    fn write(&mut self, buf: &[u8], offset: u64) -> VfsResult<()> {
        match self {
            File::Stored(handle) => {
                let written = handle.node.borrow_mut().write(buf, offset);
                written.map_err(|error| handle.fail(error, VfsErrorCode::IoWrite))
            }
            File::Temporary(file) => file.write(buf, offset),
        }
    }

    fn truncate(&mut self, size: u64) -> VfsResult<()> {
        match self {
            File::Stored(handle) => {
                let cut = handle.node.borrow_mut().truncate(size);
                cut.map_err(|error| handle.fail(error, VfsErrorCode::IoTruncate))
            }
            File::Temporary(file) => file.truncate(size),
        }
    }

    fn sync(&mut self, options: SyncOptions) -> VfsResult<()> {
        match self {
            File::Stored(handle) => {
                let flushed = handle.node.borrow_mut().flush();
                flushed.map_err(|error| handle.fail(error, VfsErrorCode::IoSync))
            }
            File::Temporary(file) => file.sync(options),
        }
    }

    fn size(&self) -> VfsResult<u64> {
        match self {
            File::Stored(handle) => {
                let size = handle.node.borrow_mut().size();
                size.map_err(|error| handle.fail(error, VfsErrorCode::IoStat))
            }
            File::Temporary(file) => file.size(),
        }
    }

    fn lock(&mut self, level: LockLevel) -> VfsResult<()> {
        match self {
            File::Stored(handle) => {
                let raised = handle.node.borrow_mut().locks.raise(&mut handle.level, level);
                if raised { Ok(()) } else { Err(busy()) }
            }
            File::Temporary(_) => Ok(()),
        }
    }

    fn unlock(&mut self, level: LockLevel) -> VfsResult<()> {
        if let File::Stored(handle) = self {
            handle.node.borrow_mut().locks.lower(&mut handle.level, level);
        }
        Ok(())
    }

    fn check_reserved_lock(&self) -> VfsResult<bool> {
        match self {
            File::Stored(handle) => Ok(handle.node.borrow().locks.reserved()),
            File::Temporary(_) => Ok(false),
        }
    }
}
