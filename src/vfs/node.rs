//! The state that all handles of one file share: its storage, its locks, its WAL index, its
//! gathered frames.

use super::disk::Disk;
use super::locks::FileLocks;
use super::shm::Shm;
use super::wal::Gather;
use super::{StorageError, StorageFile};

/// One named file that is open at least once.
pub(super) struct Node {
    pub(super) disk: Disk,
    /// Handles open on it.
    pub(super) handles: usize,
    /// Levels held on it, if it is a database.
    pub(super) locks: FileLocks,
    /// Its WAL index, if it is a database.
    pub(super) shm: Shm,
    /// Its frames not yet handed over, if it is a WAL.
    pub(super) gather: Option<Gather>,
}

impl Node {
    pub(super) fn new(file: Box<dyn StorageFile>, gather: Option<Gather>) -> Self {
        Node {
            disk: Disk::new(file),
            handles: 0,
            locks: FileLocks::default(),
            shm: Shm::default(),
            gather,
        }
    }

    pub(super) fn read(&mut self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        match &mut self.gather {
            Some(gather) => gather.read(&mut self.disk, buf, at),
            None => self.disk.read(buf, at),
        }
    }

    pub(super) fn write(&mut self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        match &mut self.gather {
            Some(gather) => gather.write(&mut self.disk, buf, at),
            None => self.disk.write(buf, at),
        }
    }

    pub(super) fn truncate(&mut self, size: u64) -> Result<(), StorageError> {
        match &mut self.gather {
            Some(gather) => gather.truncate(&mut self.disk, size),
            None => self.disk.truncate(size),
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), StorageError> {
        match &mut self.gather {
            Some(gather) => gather.flush(&mut self.disk),
            None => self.disk.flush(),
        }
    }

    pub(super) fn size(&mut self) -> Result<u64, StorageError> {
        match &mut self.gather {
            Some(gather) => gather.size(&mut self.disk),
            None => self.disk.size(),
        }
    }

    /// Forgets what is known of the content; `limit` as for [`Gather::new`].
    pub(super) fn forget(&mut self, limit: usize) {
        self.disk.forget_size();
        self.shm.forget();
        if let Some(gather) = &mut self.gather {
            *gather = Gather::new(limit);
        }
    }

    /// Tries to make the cut of the WAL that is due, if any; whether it still is.
    pub(super) fn in_debt(&mut self) -> bool {
        self.gather.as_mut().is_some_and(|gather| {
            let _ = gather.settle(&mut self.disk);
            gather.in_debt()
        })
    }
}
