//! Files in memory: the storage of tests, of edge replicas, and of browsers that offer nothing
//! else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Storage, StorageError, StorageFile};

/// One file's bytes, shared by everyone who has it open.
type Content = Rc<RefCell<Vec<u8>>>;

/// Named files in memory. Clones share the files; [`fork`](Memory::fork) copies them. Nothing locks
/// a second [`Vfs`](super::Vfs) out: one at a time per content, and a fork for whoever wants to
/// look meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    files: Rc<RefCell<BTreeMap<String, Content>>>,
}

impl Memory {
    /// An empty storage.
    pub fn new() -> Self {
        Memory::default()
    }

    /// A copy of all files as they are now, of its own from here on: what a machine would find
    /// after this one died.
    pub fn fork(&self) -> Self {
        Memory::from_files(self.snapshot())
    }

    /// The bytes of every file.
    pub fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        self.files
            .borrow()
            .iter()
            .map(|(name, content)| (name.clone(), content.borrow().clone()))
            .collect()
    }

    /// A storage with these files.
    pub fn from_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        let files =
            files.into_iter().map(|(name, bytes)| (name, Rc::new(RefCell::new(bytes)))).collect();
        Memory { files: Rc::new(RefCell::new(files)) }
    }
}

impl Storage for Memory {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        let mut files = self.files.borrow_mut();
        if let Some(content) = files.get(name) {
            return Ok(Box::new(MemoryFile { content: content.clone() }));
        }
        if !create {
            return Err(StorageError::NotFound(name.into()));
        }
        let content = Content::default();
        files.insert(name.into(), content.clone());
        Ok(Box::new(MemoryFile { content }))
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        Ok(self.files.borrow().contains_key(name))
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.files.borrow_mut().remove(name);
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.files.borrow().keys().cloned().collect())
    }
}

/// An open file of [`Memory`].
#[derive(Debug)]
struct MemoryFile {
    content: Content,
}

impl MemoryFile {
    /// `at` as an index, or the error that this machine cannot address it.
    fn index(at: u64) -> Result<usize, StorageError> {
        usize::try_from(at)
            .map_err(|_| StorageError::Quota(format!("no memory for a file of {at} bytes")))
    }

    /// Grows the content by zeros to at least `size`; running out of memory is an error and not an
    /// abort.
    fn grow(content: &mut Vec<u8>, size: usize) -> Result<(), StorageError> {
        let more = size.saturating_sub(content.len());
        content
            .try_reserve(more)
            .map_err(|_| StorageError::Quota(format!("no memory for a file of {size} bytes")))?;
        content.resize(content.len() + more, 0);
        Ok(())
    }
}

impl StorageFile for MemoryFile {
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        let content = self.content.borrow();
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(content.len());
        let len = buf.len().min(content.len() - from);
        buf[..len].copy_from_slice(&content[from..from + len]);
        Ok(len)
    }

    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        let from = Self::index(at)?;
        let end = Self::index(at.saturating_add(buf.len() as u64))?;
        let mut content = self.content.borrow_mut();
        Self::grow(&mut content, end)?;
        content[from..end].copy_from_slice(buf);
        Ok(())
    }

    fn truncate(&self, size: u64) -> Result<(), StorageError> {
        let size = Self::index(size)?;
        let mut content = self.content.borrow_mut();
        Self::grow(&mut content, size)?;
        content.truncate(size);
        Ok(())
    }

    fn flush(&self) -> Result<(), StorageError> {
        Ok(())
    }

    fn size(&self) -> Result<u64, StorageError> {
        Ok(self.content.borrow().len() as u64)
    }
}
