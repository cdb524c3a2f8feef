//! A storage that dies or fails at a chosen operation, and knows which writes a loss of power may undo.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tidelog::vfs::{Memory, Storage, StorageError, StorageFile};

/// What goes wrong, at which operation (counted from 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plan {
    /// Nothing.
    Fine,
    /// This operation and all after it fail: the process is dead.
    Stop(u64),
    /// This one fails and has done nothing.
    Fail(u64),
    /// This one fails; a write leaves half of its bytes.
    Half(u64),
    /// This one fails although it did everything.
    Late(u64),
    /// This one fails late and the two after it fail: the repair fails too.
    Burst(u64),
}

/// One change that was not flushed.
#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Change::Write(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                file.resize(file.len().max(end), 0);
                file[at..end].copy_from_slice(bytes);
            }
            Change::Truncate(size) => file.resize(*size as usize, 0),
        }
    }
}

#[derive(Debug, Default)]
struct Machine {
    live: BTreeMap<String, Vec<u8>>,
    durable: BTreeMap<String, Vec<u8>>,
    unsynced: Vec<(String, Change)>,
    plan: Option<Plan>,
    ops: u64,
    writes: u64,
    flushes: u64,
    fired: bool,
    /// Flushes say yes and do nothing.
    lies: bool,
}

/// Clones share the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faulty {
    machine: Rc<RefCell<Machine>>,
}

impl Faulty {
    pub(crate) fn new(plan: Plan, lies: bool) -> Self {
        let machine = Machine { plan: Some(plan), lies, ..Machine::default() };
        Faulty { machine: Rc::new(RefCell::new(machine)) }
    }

    /// A machine that finds these files, all of them durable.
    pub(crate) fn with_files(plan: Plan, files: BTreeMap<String, Vec<u8>>) -> Self {
        let disk = Faulty::new(plan, false);
        disk.machine.borrow_mut().durable = files.clone();
        disk.machine.borrow_mut().live = files;
        disk
    }

    pub(crate) fn ops(&self) -> u64 {
        self.machine.borrow().ops
    }

    /// Writes and flushes so far.
    pub(crate) fn writes_and_flushes(&self) -> (u64, u64) {
        let machine = self.machine.borrow();
        (machine.writes, machine.flushes)
    }

    /// Whether the planned fault has happened.
    pub(crate) fn fired(&self) -> bool {
        self.machine.borrow().fired
    }

    /// Whether the process is dead: answers it got since don't count.
    pub(crate) fn stopped(&self) -> bool {
        let machine = self.machine.borrow();
        machine.fired && matches!(machine.plan, Some(Plan::Stop(_)))
    }

    pub(crate) fn size_of(&self, name: &str) -> usize {
        self.machine.borrow().live.get(name).map_or(0, Vec::len)
    }

    /// How many changes are not flushed.
    pub(crate) fn unsynced(&self) -> usize {
        self.machine.borrow().unsynced.len()
    }

    /// What another process finds when all writes were kept.
    pub(crate) fn kept(&self) -> Memory {
        Memory::from_files(self.machine.borrow().live.clone())
    }

    /// What is found after a loss of power: flushed changes, and of the others those `keep` picks. A picked write for
    /// which it says less than its length is torn there.
    pub(crate) fn powerless(&self, mut keep: impl FnMut(usize, usize) -> usize) -> Memory {
        let machine = self.machine.borrow();
        let mut files = machine.durable.clone();
        for (index, (name, change)) in machine.unsynced.iter().enumerate() {
            let Some(file) = files.get_mut(name) else { continue };
            match change {
                Change::Write(at, bytes) => {
                    let len = keep(index, bytes.len()).min(bytes.len());
                    if len > 0 {
                        Change::Write(*at, bytes[..len].to_vec()).apply(file);
                    }
                }
                Change::Truncate(_) if keep(index, 1) > 0 => change.apply(file),
                Change::Truncate(_) => {}
            }
        }
        Memory::from_files(files)
    }

    /// Counts an operation; `Err` when it is to fail before doing anything, `Ok(true)` when after.
    fn step(&self, what: &str) -> Result<Option<Plan>, StorageError> {
        let machine = &mut *self.machine.borrow_mut();
        machine.ops += 1;
        let error = Err(StorageError::Io(format!("injected at operation {}: {what}", machine.ops)));
        match machine.plan {
            Some(Plan::Stop(at)) if machine.ops >= at => {
                machine.fired = true;
                error
            }
            Some(Plan::Fail(at)) if machine.ops == at => {
                machine.fired = true;
                error
            }
            Some(Plan::Burst(at)) if machine.ops == at + 1 || machine.ops == at + 2 => error,
            Some(plan @ (Plan::Half(at) | Plan::Late(at) | Plan::Burst(at))) if machine.ops == at => {
                machine.fired = true;
                Ok(Some(plan))
            }
            _ => Ok(None),
        }
    }
}

/// The end of an operation that was to fail late.
fn end<T>(fault: Option<Plan>, what: &str, value: T) -> Result<T, StorageError> {
    match fault {
        None => Ok(value),
        Some(plan) => Err(StorageError::Io(format!("injected {plan:?}: {what}"))),
    }
}

impl Storage for Faulty {
    type File = FaultyFile;

    fn open(&self, name: &str, create: bool) -> Result<FaultyFile, StorageError> {
        let fault = self.step("open")?;
        let machine = &mut *self.machine.borrow_mut();
        if !machine.live.contains_key(name) {
            if !create {
                return Err(StorageError::NotFound(name.into()));
            }
            machine.live.insert(name.into(), Vec::new());
            machine.durable.insert(name.into(), Vec::new());
        }
        end(fault, "open", FaultyFile { storage: self.clone(), name: name.into() })
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        let fault = self.step("exists")?;
        end(fault, "exists", self.machine.borrow().live.contains_key(name))
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        let fault = self.step("delete")?;
        let machine = &mut *self.machine.borrow_mut();
        machine.live.remove(name);
        machine.durable.remove(name);
        machine.unsynced.retain(|(file, _)| file != name);
        end(fault, "delete", ())
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let fault = self.step("names")?;
        end(fault, "names", self.machine.borrow().live.keys().cloned().collect())
    }
}

pub(crate) struct FaultyFile {
    storage: Faulty,
    name: String,
}

impl FaultyFile {
    fn change(&self, change: Change) {
        let machine = &mut *self.storage.machine.borrow_mut();
        change.apply(machine.live.entry(self.name.clone()).or_default());
        machine.unsynced.push((self.name.clone(), change));
    }
}

impl StorageFile for FaultyFile {
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        let fault = self.storage.step("read")?;
        let machine = self.storage.machine.borrow();
        let live = &machine.live[&self.name];
        let from = (at as usize).min(live.len());
        let len = buf.len().min(live.len() - from);
        buf[..len].copy_from_slice(&live[from..from + len]);
        match fault {
            // a short read is no error by itself: it must not be taken for the end of the file
            Some(Plan::Half(_)) if len > 1 => Ok(len / 2),
            fault => end(fault, "read", len),
        }
    }

    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        let fault = self.storage.step("write")?;
        self.storage.machine.borrow_mut().writes += 1;
        let len = if matches!(fault, Some(Plan::Half(_))) { buf.len() / 2 } else { buf.len() };
        self.change(Change::Write(at, buf[..len].to_vec()));
        end(fault, "write", ())
    }

    fn truncate(&self, size: u64) -> Result<(), StorageError> {
        let fault = self.storage.step("truncate")?;
        self.change(Change::Truncate(size));
        end(fault, "truncate", ())
    }

    fn flush(&self) -> Result<(), StorageError> {
        let fault = self.storage.step("flush")?;
        let machine = &mut *self.storage.machine.borrow_mut();
        machine.flushes += 1;
        if !machine.lies && !matches!(fault, Some(Plan::Half(_))) {
            let changes = std::mem::take(&mut machine.unsynced);
            for (name, change) in changes {
                match machine.durable.get_mut(&name) {
                    Some(file) if name == self.name => change.apply(file),
                    _ => machine.unsynced.push((name, change)),
                }
            }
        }
        end(fault, "flush", ())
    }

    fn size(&self) -> Result<u64, StorageError> {
        let fault = self.storage.step("size")?;
        end(fault, "size", self.storage.machine.borrow().live[&self.name].len() as u64)
    }
}
