//! Storages whose bytes are safe only some time after SQLite's synchronous calls: files in memory,
//! and changed blocks that are kept somewhere else, asynchronously, one whole batch per commit.
//! IndexedDB is one; tests bring others.
//!
//! The rules, which `sql::Db` and the lane above it carry out:
//! - *strict*: the writer keeps its turn in the lane until its batch is kept. When that fails the
//!   files go back to what is kept, SQLite forgets what it knew of them, and the write fails: no
//!   later one can build on it.
//! - *relaxed*: batches follow one another without anybody waiting, each with all that was
//!   committed meanwhile. When one fails nothing is taken back, since the writes were acknowledged;
//!   but no write is let in until a batch with everything owed is kept. Each refused write is the
//!   probe for that.
//! - A batch is what the files were at one instant between SQLite's calls, so what is kept is
//!   always what a process that was killed at that instant would have left on a disk: whole
//!   commits, in order.
//! - Reads never wait: for as long as a batch is under way they may see a commit that is then taken
//!   back.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::image::{Batch, Image};
use super::{Storage, StorageError, StorageFile};

/// Asynchronous work.
pub type Work<T> = Pin<Box<dyn Future<Output = T>>>;

/// Where blocks are kept.
pub trait Keeper: 'static {
    /// Keeps all of a batch or nothing of it; `strict`: in a way that survives a loss of power.
    fn keep(&self, batch: &Batch, strict: bool) -> Work<Result<(), StorageError>>;
    /// Runs the work in the background.
    fn spawn(&self, work: Work<()>);
}

/// The way in which written data becomes durable later, whatever the storage.
pub trait Later {
    /// Returns when everything written so far is kept, or says why it is not.
    fn flush(&self, strict: bool) -> Work<Result<(), StorageError>>;
    /// Makes everything written so far durable in the background.
    fn start(&self);
    /// Why the last batch failed, as long as its changes are not durable.
    fn failed(&self) -> Option<StorageError>;
    /// Takes the files back to what is kept. SQLite must be made to forget what it knew of them.
    fn go_back(&self);
}

/// Files in memory whose changed blocks a keeper keeps. Clones share them.
pub struct Deferred<K>(Rc<Inner<K>>);

struct Inner<K> {
    image: RefCell<Image>,
    keeper: K,
    /// A batch is under way.
    busy: Cell<bool>,
    /// The tasks that wait for its end.
    waiting: RefCell<Vec<Waker>>,
    failed: RefCell<Option<StorageError>>,
}

impl<K> Clone for Deferred<K> {
    fn clone(&self) -> Self {
        Deferred(self.0.clone())
    }
}

impl<K> fmt::Debug for Deferred<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred").finish_non_exhaustive()
    }
}

impl<K: Keeper> Deferred<K> {
    /// Files as they are kept.
    pub fn new(image: Image, keeper: K) -> Self {
        let (busy, waiting, failed) = Default::default();
        Deferred(Rc::new(Inner { image: RefCell::new(image), keeper, busy, waiting, failed }))
    }

    /// Where blocks are kept.
    pub fn keeper(&self) -> &K {
        &self.0.keeper
    }

    async fn flush_now(self, strict: bool) -> Result<(), StorageError> {
        let inner = &*self.0;
        poll_fn(|cx| match inner.busy.replace(true) {
            false => Poll::Ready(()),
            true => {
                inner.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
        let batch = inner.image.borrow().changes();
        let kept = match batch {
            None => Ok(()),
            Some(batch) => {
                let kept = inner.keeper.keep(&batch, strict).await;
                if kept.is_ok() {
                    inner.image.borrow_mut().keep(batch);
                }
                kept
            }
        };
        *inner.failed.borrow_mut() = kept.clone().err();
        inner.busy.set(false);
        for waker in inner.waiting.take() {
            waker.wake();
        }
        kept
    }
}

impl<K: Keeper> Later for Deferred<K> {
    fn flush(&self, strict: bool) -> Work<Result<(), StorageError>> {
        Box::pin(self.clone().flush_now(strict))
    }

    fn start(&self) {
        // whoever is under way or waiting takes what is written now along, unless it took its batch
        // already
        if self.0.waiting.borrow().is_empty() {
            let work = self.flush(false);
            // a failure is remembered, and told to the next writer
            self.0.keeper.spawn(Box::pin(async move { drop(work.await) }));
        }
    }

    fn failed(&self) -> Option<StorageError> {
        self.0.failed.borrow().clone()
    }

    fn go_back(&self) {
        self.0.image.borrow_mut().go_back();
        *self.0.failed.borrow_mut() = None;
    }
}

impl<K: Keeper> Storage for Deferred<K> {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        if !create && !self.exists(name)? {
            return Err(StorageError::NotFound(name.into()));
        }
        Ok(Box::new(DeferredFile { files: self.clone(), name: name.into() }))
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        Ok(self.0.image.borrow().size(name) > 0)
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.0.image.borrow_mut().truncate(name, 0)
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        Ok(self.0.image.borrow().names())
    }

    fn later(&self) -> Option<Rc<dyn Later>> {
        Some(Rc::new(self.clone()))
    }
}

/// An open file of [`Deferred`].
#[derive(Debug)]
struct DeferredFile<K> {
    files: Deferred<K>,
    name: String,
}

impl<K: Keeper> StorageFile for DeferredFile<K> {
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        Ok(self.files.0.image.borrow().read(&self.name, buf, at))
    }

    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        self.files.0.image.borrow_mut().write(&self.name, buf, at)
    }

    fn truncate(&self, size: u64) -> Result<(), StorageError> {
        self.files.0.image.borrow_mut().truncate(&self.name, size)
    }

    fn flush(&self) -> Result<(), StorageError> {
        // a commit is kept as one batch, later
        Ok(())
    }

    fn size(&self) -> Result<u64, StorageError> {
        Ok(self.files.0.image.borrow().size(&self.name))
    }
}
