//! A keeper of blocks for tests: waits one poll, fails when told to, and lets somebody else look at
//! what is kept.
#![cfg(not(target_family = "wasm"))]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tidelog::sql::{Db, Durability, Options};
use tidelog::vfs::{Batch, Block, Deferred, Image, Keeper, StorageError, Vfs, Work};

/// Where batches end up.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    sizes: Vec<(String, u64)>,
    blocks: BTreeMap<(String, usize), Block>,
    pub(crate) batches: usize,
}

impl Disk {
    fn put(&mut self, batch: &Batch) {
        self.batches += 1;
        self.sizes = batch.sizes.clone();
        for (name, from) in &batch.cuts {
            self.blocks.retain(|(of, index), _| of != name || index < from);
        }
        for (name, index, block) in &batch.puts {
            self.blocks.insert((name.clone(), *index), block.clone());
        }
    }
}

/// A keeper that waits one poll, fails when told to, and has background work done by
/// [`Shelf::work`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) disk: Rc<RefCell<Disk>>,
    pub(crate) fails: Rc<Cell<bool>>,
    pub(crate) jobs: Jobs,
}

#[derive(Clone, Default)]
pub(crate) struct Jobs(pub(crate) Rc<RefCell<VecDeque<Work<()>>>>);

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jobs")
    }
}

impl Shelf {
    pub(crate) fn files(&self) -> Deferred<Shelf> {
        let disk = self.disk.borrow();
        let files = disk.sizes.iter().map(|(name, size)| {
            let blocks = disk.blocks.iter().filter(|((of, _), _)| of == name);
            (name.clone(), *size, blocks.map(|(_, block)| block.clone()).collect())
        });
        Deferred::new(Image::load(files.collect()).unwrap(), self.clone())
    }

    pub(crate) fn open(&self, durability: Durability) -> Db {
        let vfs = Vfs::register(self.files()).unwrap();
        Db::open(vfs, "main", Options { durability, read_only: false }).unwrap()
    }

    /// A copy of the files that are kept now, to be opened by another process.
    pub(crate) fn kept(&self) -> Shelf {
        let Disk { sizes, blocks, batches } = &*self.disk.borrow();
        let disk = Disk { sizes: sizes.clone(), blocks: blocks.clone(), batches: *batches };
        Shelf { disk: Rc::new(RefCell::new(disk)), ..Shelf::default() }
    }
}

impl Keeper for Shelf {
    fn keep(&self, batch: &Batch, _strict: bool) -> Work<Result<(), StorageError>> {
        let (this, batch, mut polls) = (self.clone(), batch.clone(), 0);
        Box::pin(async move {
            std::future::poll_fn(|cx| {
                polls += 1;
                cx.waker().wake_by_ref();
                if polls > 1 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            if this.fails.get() {
                return Err(StorageError::Quota("the shelf is full".into()));
            }
            this.disk.borrow_mut().put(&batch);
            Ok(())
        })
    }

    fn spawn(&self, work: Work<()>) {
        self.jobs.0.borrow_mut().push_back(work);
    }
}

/// Runs a future that only waits for itself.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    let mut work: Pin<&mut _> = pin!(work);
    for _ in 0..1000 {
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
    panic!("it waits for somebody else");
}
