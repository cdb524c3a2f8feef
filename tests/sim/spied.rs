//! Storage that can be caught in the middle: a copy of all files is taken just before its k-th
//! write, which is what the next process finds if this one dies there. What the dying process still
//! does afterwards is forgotten.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tidelog::vfs::{Memory, Storage, StorageError, StorageFile};

/// Files in memory under observation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spied {
    files: Memory,
    spy: Rc<Spy>,
}

#[derive(Debug, Default)]
struct Spy {
    /// Writes left until the copy is taken.
    left: Cell<Option<u64>>,
    taken: RefCell<Option<Memory>>,
    /// Writes left until one fails.
    sound: Cell<Option<u64>>,
}

impl Spied {
    /// Storage with these files, unobserved.
    fn of(files: Memory) -> Spied {
        Spied { files, spy: Rc::default() }
    }

    /// Takes a copy just before the `k`-th write from now.
    pub(crate) fn arm(&self, k: u64) {
        self.spy.left.set(Some(k));
        self.spy.taken.take();
    }

    /// Has the `k`-th write from now fail, once.
    pub(crate) fn break_write(&self, k: u64) {
        self.spy.sound.set(Some(k));
    }

    /// Whether the copy was taken; if not, none will be.
    pub(crate) fn caught(&self) -> bool {
        self.spy.left.set(None);
        self.spy.sound.set(None);
        self.spy.taken.borrow().is_some()
    }

    /// What the next process finds: the copy, if one was taken, else the files as they are.
    pub(crate) fn fork(&self) -> Spied {
        Spied::of(self.spy.taken.take().unwrap_or_else(|| self.files.fork()))
    }

    fn before_write(&self) -> Result<(), StorageError> {
        match self.spy.sound.get() {
            Some(0) => {
                self.spy.sound.set(None);
                return Err(StorageError::Io("the disk says no".into()));
            }
            Some(k) => self.spy.sound.set(Some(k - 1)),
            None => {}
        }
        match self.spy.left.get() {
            Some(0) => {
                self.spy.left.set(None);
                self.spy.taken.replace(Some(self.files.fork()));
            }
            Some(k) => self.spy.left.set(Some(k - 1)),
            None => {}
        }
        Ok(())
    }
}

impl Storage for Spied {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        Ok(Box::new(SpiedFile { file: self.files.open(name, create)?, storage: self.clone() }))
    }
    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        self.files.exists(name)
    }
    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.before_write()?;
        self.files.delete(name)
    }
    fn names(&self) -> Result<Vec<String>, StorageError> {
        self.files.names()
    }
}

/// An open file of [`Spied`].
pub(crate) struct SpiedFile {
    file: Box<dyn StorageFile>,
    storage: Spied,
}

impl StorageFile for SpiedFile {
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        self.file.read(buf, at)
    }
    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        self.storage.before_write()?;
        self.file.write(buf, at)
    }
    fn truncate(&self, size: u64) -> Result<(), StorageError> {
        self.storage.before_write()?;
        self.file.truncate(size)
    }
    fn flush(&self) -> Result<(), StorageError> {
        // a moment of its own: everything is written and nothing answered
        self.storage.before_write()?;
        self.file.flush()
    }
    fn size(&self) -> Result<u64, StorageError> {
        self.file.size()
    }
}
