//! Runs a workload step by step on a disk that may fail. A step that failed must have changed
//! nothing, and is tried again, after another transaction or at once: what it left in the files
//! must not come back either way.

use rusqlite::Connection;
use tidelog::error::{Error, Result};
use tidelog::vfs::Vfs;

use crate::crash::disk::{Disk, Fault};
use crate::crash::judge;

/// The file all workloads use.
pub(crate) const FILE: &str = "a.db";

/// Uncommitted bytes the VFS may keep back: few, so that frames go out early too.
const GATHERED: usize = 12 << 10;

/// Something that writes in steps, each of which is done whole or not at all.
pub(crate) trait Workload: Sync {
    fn name(&self) -> &'static str;
    /// Its last step; opening for the first time is step 0.
    fn steps(&self) -> i64;
    /// Whether its files are there from the start, as in OPFS.
    fn ahead(&self) -> bool;
    /// Opens the database in which `step` was done last, or is about to be, when it is one that
    /// opens anew.
    fn open(&self, vfs: Vfs, strict: bool, step: i64) -> Result<Box<dyn Session>>;
    /// Whether the step is closing and opening anew.
    fn reopens(&self, step: i64) -> bool;
}

/// An open database of a workload.
pub(crate) trait Session {
    fn step(&mut self, step: i64) -> Result<()>;
    /// Runs a statement as a transaction of its own.
    fn exec(&mut self, sql: &str) -> Result<()>;
    /// Whether readers see only what they should when `reached` was done last.
    fn look(&self, reached: i64) -> Result<(), String>;
}

/// A transaction that no step makes, and that no state shows.
pub(crate) const DETOUR: &str = "INSERT INTO detour(n) VALUES(1)";
pub(crate) const CREATE_DETOUR: &str =
    "CREATE TABLE IF NOT EXISTS detour(id INTEGER PRIMARY KEY, n INTEGER)";

/// The reports of a run to its caller.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// When, counted in changes, each step was said to be done.
    pub(crate) acks: Vec<(usize, i64)>,
    /// Steps that failed.
    pub(crate) errors: u64,
}

impl Told {
    /// The last step that was done at a moment; -1 before there is a database.
    pub(crate) fn reached(&self, moment: usize) -> i64 {
        self.acks.iter().take_while(|(at, _)| *at <= moment).last().map_or(-1, |(_, step)| *step)
    }
}

/// A run of a workload.
pub(crate) struct Run<'a> {
    pub(crate) workload: &'a dyn Workload,
    pub(crate) strict: bool,
    pub(crate) disk: &'a Disk,
    pub(crate) fault: Option<Fault>,
    /// The hash of the database's content after each step.
    pub(crate) states: &'a [u64],
    /// Whether another transaction follows a step that failed.
    pub(crate) detours: bool,
}

impl Run<'_> {
    pub(crate) fn register(disk: &Disk) -> Result<Vfs> {
        Vfs::register_gathering(disk.clone(), GATHERED)
    }

    /// Runs the steps after `reached`, which the disk holds already. `fired` is called when a step
    /// in which the fault happened is over, with the last step that is done; `done` after each
    /// step.
    pub(crate) fn from(
        &self,
        reached: i64,
        mut fired: impl FnMut(i64),
        mut done: impl FnMut(i64),
    ) -> Result<Told, String> {
        let mut told = Told::default();
        let mut open: Option<(Box<dyn Session>, String)> = None;
        let mut looked = false;
        for step in reached + 1..=self.workload.steps() {
            let mut failures = 0;
            let mut healed = false;
            loop {
                let result = self.attempt(&mut open, step);
                let over = if result.is_ok() { step } else { step - 1 };
                if self.disk.fired() && !looked {
                    looked = true;
                    fired(over);
                }
                let Err(error) = result else { break };
                told.errors += 1;
                failures += 1;
                let at = |what: &str| format!("step {step}: {what}: {error} ({})", error.code());
                self.check_failure(&error, failures, healed).map_err(|what| at(&what))?;
                self.look(open.as_ref(), over).map_err(|what| at(&what))?;
                if let Some((session, _)) = open.as_mut().filter(|_| self.detours) {
                    let again = session.exec(DETOUR);
                    self.check_detour(again).map_err(|what| at(&what))?;
                }
                if failures == 2 && self.disk.ails() {
                    self.disk.heal();
                    healed = true;
                }
            }
            told.acks.push((self.disk.moment(), step));
            let before = self.disk.fired();
            if let Some((session, _)) = open.as_ref().filter(|_| !self.disk.ails()) {
                let seen = session.look(step);
                // the fault may have hit this very look
                let hit =
                    self.disk.fired() && (!before || !self.fault.is_some_and(Fault::reads_go_on));
                seen.or_else(|what| if hit { Ok(()) } else { Err(what) })?;
            }
            done(step);
        }
        drop(open);
        Ok(told)
    }

    fn attempt(&self, open: &mut Option<(Box<dyn Session>, String)>, step: i64) -> Result<()> {
        let anew = step == 0 || self.workload.reopens(step);
        if let Some((session, _)) = open.as_mut().filter(|_| !anew) {
            return session.step(step);
        }
        *open = None;
        let vfs = Self::register(self.disk)?;
        let name = vfs.name().to_string();
        let session = self.workload.open(vfs, self.strict, if anew { step } else { step - 1 })?;
        let (session, _) = open.insert((session, name));
        if anew { Ok(()) } else { session.step(step) }
    }

    /// A failure has the right name, and does not outlast its cause.
    fn check_failure(&self, error: &Error, failures: u32, healed: bool) -> Result<(), String> {
        let Some(fault) = self.fault.filter(|_| self.disk.fired()) else {
            return Err("failed though nothing was wrong".into());
        };
        if fault.is_full() && error.code() != "QUOTA" {
            return Err("a full disk is called something else".into());
        }
        if !error.is_environmental() {
            return Err("the storage's fault is laid at the caller's door".into());
        }
        let most = match fault {
            Fault::Fail | Fault::Half | Fault::Late => 1,
            Fault::Burst => 3,
            _ => 2,
        };
        if healed || failures > most {
            Err("the failure outlasts its cause".into())
        } else {
            Ok(())
        }
    }

    fn check_detour(&self, again: Result<()>) -> Result<(), String> {
        match (again, self.fault) {
            (Ok(()), _) | (Err(_), Some(Fault::Burst)) => Ok(()),
            (Err(error), Some(fault)) if self.disk.ails() => {
                match fault.is_full() && error.code() != "QUOTA" {
                    true => Err(format!("a full disk is called {error}")),
                    false => Ok(()),
                }
            }
            (Err(error), _) => Err(format!("nothing can be written afterwards: {error}")),
        }
    }

    /// After a failure everything is as it was, for those who have it open and for those who come.
    fn look(&self, open: Option<&(Box<dyn Session>, String)>, reached: i64) -> Result<(), String> {
        let reads = self.fault.is_some_and(Fault::reads_go_on);
        let Some((session, vfs)) = open.filter(|_| reads && reached >= 0) else { return Ok(()) };
        session.look(reached)?;
        let seen = judge::connect(vfs).and_then(|db: Connection| judge::state(&db));
        match seen.map_err(|error| format!("reading after the failure: {error}"))? {
            Some(state) if state == self.states[reached as usize] => Ok(()),
            _ => Err(format!("after the failure the database is not as step {reached} left it")),
        }
    }
}
