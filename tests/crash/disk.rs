//! A storage that fails as planned, and that keeps a journal of all changes, so that any moment of
//! a run can be looked at afterwards. What a loss of power makes of a moment is `damage.rs`'s
//! business.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use tidelog::vfs::{Storage, StorageError, StorageFile};

use crate::crash::damage::{Change, Machine};

/// The way in which operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// One fails and has done nothing.
    Fail,
    /// One fails; a write leaves half of its bytes, a read comes short without an error.
    Half,
    /// One fails although it did everything.
    Late,
    /// One fails late and the two after it fail: the repair fails too.
    Burst,
    /// All fail from then on.
    Down,
    /// The first fails late, and all after it fail.
    DownLate,
    /// From then on all that changes something fails; reading goes on.
    Stuck,
    /// No room for anything from then on, not even to write over what is there.
    Full,
    /// No room to grow from then on: a write fails at the end of its file and leaves what fitted.
    Tight,
}

impl Fault {
    /// Whether it may begin with an operation: one that lasts begins with the next it hits.
    pub(crate) fn hits(self, kind: Kind) -> bool {
        match self {
            Fault::Stuck => kind != Kind::Read,
            Fault::Full => matches!(kind, Kind::Write(..)),
            Fault::Tight => matches!(kind, Kind::Write(end, size) if end > size),
            _ => true,
        }
    }

    /// Whether it lasts until [`Disk::heal`].
    pub(crate) fn lasts(self) -> bool {
        matches!(self, Fault::Down | Fault::DownLate | Fault::Stuck | Fault::Full | Fault::Tight)
    }

    pub(crate) fn is_full(self) -> bool {
        matches!(self, Fault::Full | Fault::Tight)
    }

    /// Whether reading works all the time, once it has happened.
    pub(crate) fn reads_go_on(self) -> bool {
        !matches!(self, Fault::Burst | Fault::Down | Fault::DownLate)
    }

    /// Whether a commit that failed may be undone only when the storage works again.
    pub(crate) fn delays_repair(self) -> bool {
        matches!(self, Fault::Burst | Fault::Down | Fault::DownLate | Fault::Stuck)
    }
}

/// A fault at an operation, counted from 1.
pub(crate) type Plan = Option<(Fault, u64)>;

/// The kind of an operation, as far as faults care.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// Changes nothing.
    Read,
    /// Any other change.
    Change,
    /// A write that ends there, in a file that ends there.
    Write(u64, u64),
}

/// The end of an operation.
enum End {
    Fine,
    /// Does this much and fails.
    Half,
    Late,
    Room(u64),
}

#[derive(Debug, Default)]
struct Inner {
    machine: Machine,
    journal: Vec<Arc<Change>>,
    plan: Plan,
    ops: Vec<Kind>,
    writes: u64,
    flushes: u64,
    fired: bool,
    healed: bool,
    /// Flushes say yes and do nothing.
    lies: bool,
    /// Files are there from the start and exist when they are not empty, as in OPFS.
    ahead: bool,
}

/// Clones share everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    inner: Rc<RefCell<Inner>>,
}

impl Disk {
    pub(crate) fn new(machine: Machine, plan: Plan, ahead: bool) -> Self {
        let inner = Inner { machine, plan, ahead, ..Inner::default() };
        Disk { inner: Rc::new(RefCell::new(inner)) }
    }

    /// A machine whose flushes do nothing.
    pub(crate) fn lying(machine: Machine) -> Self {
        Disk { inner: Rc::new(RefCell::new(Inner { machine, lies: true, ..Inner::default() })) }
    }

    /// The kind of each operation so far.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.inner.borrow().ops.clone()
    }

    /// Writes and flushes so far.
    pub(crate) fn writes_and_flushes(&self) -> (u64, u64) {
        let inner = self.inner.borrow();
        (inner.writes, inner.flushes)
    }

    /// Whether the planned fault has happened.
    pub(crate) fn fired(&self) -> bool {
        self.inner.borrow().fired
    }

    /// Whether a fault goes on.
    pub(crate) fn ails(&self) -> bool {
        let inner = self.inner.borrow();
        inner.fired && !inner.healed && inner.plan.is_some_and(|(fault, _)| fault.lasts())
    }

    /// Ends a fault that lasts.
    pub(crate) fn heal(&self) {
        self.inner.borrow_mut().healed = true;
    }

    pub(crate) fn size_of(&self, name: &str) -> usize {
        self.inner.borrow().machine.live.get(name).map_or(0, Vec::len)
    }

    pub(crate) fn machine(&self) -> Machine {
        self.inner.borrow().machine.clone()
    }

    /// The number of changes.
    pub(crate) fn moment(&self) -> usize {
        self.inner.borrow().journal.len()
    }

    pub(crate) fn take_journal(&self) -> Vec<Arc<Change>> {
        std::mem::take(&mut self.inner.borrow_mut().journal)
    }

    fn change(&self, change: Change) {
        let inner = &mut *self.inner.borrow_mut();
        let change = Arc::new(change);
        inner.machine.apply(&change);
        inner.journal.push(change);
    }

    /// Counts an operation and says how it ends; `Err` when before doing anything.
    fn step(&self, what: &str, kind: Kind) -> Result<End, StorageError> {
        let inner = &mut *self.inner.borrow_mut();
        inner.ops.push(kind);
        let now = inner.ops.len() as u64;
        let Some((fault, at)) = inner.plan.filter(|(_, at)| now >= *at && !inner.healed) else {
            return Ok(End::Fine);
        };
        let (first, past) = (now == at, now - at);
        let failed = Err(StorageError::Io(format!("injected at operation {now}: {what}")));
        let full = Err(StorageError::Quota(format!("injected at operation {now}: {what}")));
        let ended = match (fault, kind) {
            (Fault::Fail, _) if first => failed,
            (Fault::Half, _) if first => Ok(End::Half),
            (Fault::Late | Fault::Burst | Fault::DownLate, _) if first => Ok(End::Late),
            (Fault::Burst, _) if past <= 2 => failed,
            (Fault::Down | Fault::DownLate, _) => failed,
            (Fault::Stuck, Kind::Change | Kind::Write(..)) => failed,
            (Fault::Full, Kind::Write(..)) => full,
            (Fault::Tight, Kind::Write(end, size)) if end > size => Ok(End::Room(size)),
            _ => return Ok(End::Fine),
        };
        inner.fired = true;
        ended
    }

    fn len(&self, name: &str) -> u64 {
        self.size_of(name) as u64
    }
}

/// The end of an operation that did all it was to do.
fn end<T>(end: End, what: &str, value: T) -> Result<T, StorageError> {
    match end {
        End::Fine => Ok(value),
        End::Room(_) => Err(StorageError::Quota(format!("injected: {what}"))),
        End::Half | End::Late => {
            Err(StorageError::Io(format!("injected, after it was done: {what}")))
        }
    }
}

impl Storage for Disk {
    fn open(&self, name: &str, create: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        let ended = self.step("open", Kind::Read)?;
        let (there, ahead) = {
            let inner = self.inner.borrow();
            let content = inner.machine.live.get(name);
            (content.is_some_and(|bytes| !inner.ahead || !bytes.is_empty()), inner.ahead)
        };
        if !there && !create {
            return Err(StorageError::NotFound(name.into()));
        }
        let made = ahead && self.inner.borrow().machine.live.contains_key(name);
        if !there && !made {
            self.change(Change::Create(name.into()));
        }
        end(ended, "open", Box::new(DiskFile { disk: self.clone(), name: name.into() }))
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        let ended = self.step("exists", Kind::Read)?;
        let inner = self.inner.borrow();
        let there =
            inner.machine.live.get(name).is_some_and(|bytes| !inner.ahead || !bytes.is_empty());
        end(ended, "exists", there)
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        let ended = self.step("delete", Kind::Change)?;
        let ahead = self.inner.borrow().ahead;
        match ahead {
            true if self.len(name) > 0 => {
                self.change(Change::Truncate(name.into(), 0));
                if !matches!(ended, End::Half) {
                    self.change(Change::Flush(name.into()));
                }
            }
            true => {}
            false => self.change(Change::Delete(name.into())),
        }
        end(ended, "delete", ())
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let ended = self.step("names", Kind::Read)?;
        end(ended, "names", self.inner.borrow().machine.live.keys().cloned().collect())
    }
}

pub(crate) struct DiskFile {
    disk: Disk,
    name: String,
}

impl StorageFile for DiskFile {
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        let ended = self.disk.step("read", Kind::Read)?;
        let inner = self.disk.inner.borrow();
        let live = inner.machine.live.get(&self.name).map_or(&[][..], Vec::as_slice);
        let from = (at as usize).min(live.len());
        let len = buf.len().min(live.len() - from);
        buf[..len].copy_from_slice(&live[from..from + len]);
        match ended {
            // a short read is no error by itself: it must not be taken for the end of the file
            End::Half if len > 1 => Ok(len / 2),
            ended => end(ended, "read", len),
        }
    }

    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        let kind = Kind::Write(at + buf.len() as u64, self.disk.len(&self.name));
        let ended = self.disk.step("write", kind)?;
        self.disk.inner.borrow_mut().writes += 1;
        let len = match ended {
            End::Half => buf.len() / 2,
            End::Room(size) => (size.saturating_sub(at) as usize).min(buf.len()),
            _ => buf.len(),
        };
        if len > 0 {
            self.disk.change(Change::Write(self.name.clone(), at, buf[..len].to_vec()));
        }
        end(ended, "write", ())
    }

    fn truncate(&self, size: u64) -> Result<(), StorageError> {
        let ended = self.disk.step("truncate", Kind::Change)?;
        self.disk.change(Change::Truncate(self.name.clone(), size));
        end(ended, "truncate", ())
    }

    fn flush(&self) -> Result<(), StorageError> {
        let ended = self.disk.step("flush", Kind::Change)?;
        let lies = {
            let inner = &mut *self.disk.inner.borrow_mut();
            inner.flushes += 1;
            inner.lies
        };
        if !lies && !matches!(ended, End::Half) {
            self.disk.change(Change::Flush(self.name.clone()));
        }
        end(ended, "flush", ())
    }

    fn size(&self) -> Result<u64, StorageError> {
        let ended = self.disk.step("size", Kind::Read)?;
        end(ended, "size", self.disk.len(&self.name))
    }
}
