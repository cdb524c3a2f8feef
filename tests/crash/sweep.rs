//! The points of the loop: every one is an operation and what goes wrong there, has a name that
//! says all of it, and is counted when files it left were opened and judged. The same files with
//! the same verdict to expect count once.

use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use crate::crash::damage::{Change, DEATHS, Damage, Files, LOSSES, Machine};
use crate::crash::disk::{Disk, Fault, Kind};
use crate::crash::judge::{fingerprint, judge, state_of};
use crate::crash::work::{Run, Told, Workload};

/// A workload in one durability, and what a run without faults did.
pub(crate) struct Case {
    pub(crate) workload: &'static dyn Workload,
    pub(crate) strict: bool,
    /// The hash of the database's content after each step.
    pub(crate) states: Vec<u64>,
    pub(crate) journal: Vec<Arc<Change>>,
    pub(crate) told: Told,
    /// The kind of each operation.
    pub(crate) ops: Vec<Kind>,
}

impl Case {
    pub(crate) fn record(workload: &'static dyn Workload, strict: bool) -> Case {
        Self::record_on(workload, strict, Disk::new(Machine::default(), None, workload.ahead()))
    }

    pub(crate) fn record_on(workload: &'static dyn Workload, strict: bool, disk: Disk) -> Case {
        let mut states = Vec::new();
        let run = Run { workload, strict, disk: &disk, fault: None, states: &[], detours: false };
        let told = run
            .from(-1, |_| {}, |_| states.push(state_of(&disk.machine().live).unwrap().unwrap()))
            .unwrap();
        assert_eq!(told.errors, 0);
        Case { workload, strict, states, journal: disk.take_journal(), told, ops: disk.kinds() }
    }

    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.workload.name(), if self.strict { "strict" } else { "relaxed" })
    }

    /// How the names of the points begin at which it dies after so many changes.
    pub(crate) fn crash_at(&self, moment: usize) -> String {
        format!("{}/crash@{moment}", self.name())
    }

    /// How the names of the points begin at which an operation meets a fault.
    pub(crate) fn fault_at(&self, fault: Fault, at: u64) -> String {
        format!("{}/{}@{at}", self.name(), format!("{fault:?}").to_lowercase())
    }

    /// The steps one of which must be the last, when `reached` was said to be done and the next may
    /// be.
    pub(crate) fn range(&self, damage: Damage, reached: i64, next: bool) -> RangeInclusive<i64> {
        let least = if damage.is_power_loss() && !self.strict { -1 } else { reached };
        least..=(reached + i64::from(next)).min(self.workload.steps())
    }

    /// The machine after so many changes.
    pub(crate) fn machine(&self, moment: usize) -> Machine {
        let mut machine = Machine::default();
        self.journal[..moment].iter().for_each(|change| machine.apply(change));
        machine
    }
}

/// The number of points to try, and the choice of them.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Seeds of each damage that has any.
    pub(crate) seeds: u64,
    /// The first of them.
    pub(crate) first: u64,
    /// Only points whose names begin like this.
    pub(crate) point: Option<String>,
}

/// The findings of a sweep so far. Shared by its threads.
pub(crate) struct Sweep {
    pub(crate) options: Options,
    seen: Mutex<HashSet<u64>>,
    /// Points by workload and what goes wrong.
    pub(crate) points: Mutex<BTreeMap<String, u64>>,
    pub(crate) failures: Mutex<Vec<String>>,
}

impl Sweep {
    pub(crate) fn new(options: Options) -> Self {
        let (seen, points, failures) = Default::default();
        Sweep { options, seen, points, failures }
    }

    /// Whether points that begin with this name are to be tried.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let point = self.options.point.as_deref().unwrap_or_default();
        name.starts_with(point) || point.starts_with(name)
    }

    pub(crate) fn fail(&self, name: &str, what: &str) {
        self.failures.lock().unwrap().push(format!("{name}: {what}"));
    }

    /// Judges files, unless these were judged before.
    pub(crate) fn judge(
        &self,
        case: &Case,
        kind: &str,
        name: &str,
        files: Files,
        range: &RangeInclusive<i64>,
    ) -> Option<i64> {
        let print = fingerprint(&files, range) ^ (case.states[1] + u64::from(case.strict));
        if !self.wants(name) || !self.seen.lock().unwrap().insert(print) {
            return None;
        }
        *self.points.lock().unwrap().entry(format!("{} {kind}", case.name())).or_default() += 1;
        judge(case.workload, case.strict, &case.states, files, range)
            .map_err(|what| self.fail(name, &what))
            .ok()
    }

    /// Judges what a machine leaves behind that dies now, in each of these ways.
    #[allow(clippy::too_many_arguments)] // what goes wrong, where, and what may be found
    pub(crate) fn judge_machine(
        &self,
        case: &Case,
        kind: &str,
        name: &str,
        machine: &Machine,
        next: Option<&Change>,
        damages: &[Damage],
        range: impl Fn(Damage) -> RangeInclusive<i64>,
    ) {
        for &damage in damages {
            let Options { seeds, first, .. } = self.options;
            for seed in if damage.varies() { first..first + seeds } else { 0..1 } {
                let name = format!("{name}/{}", label(damage, seed));
                if self.wants(&name)
                    && let Some(files) = machine.found(damage, seed ^ salt(&name), next)
                {
                    self.judge(case, kind, &name, files, &range(damage));
                }
            }
        }
    }

    /// The process or the machine dies at a moment of a run without faults.
    pub(crate) fn crash(&self, case: &Case, moment: usize) {
        let name = case.crash_at(moment);
        if !self.wants(&name) {
            return;
        }
        let machine = case.machine(moment);
        let reached = case.told.reached(moment);
        let range = |damage| case.range(damage, reached, true);
        let next = case.journal.get(moment).map(|change| &**change);
        let all: Vec<Damage> = DEATHS.into_iter().chain(LOSSES).collect();
        self.judge_machine(case, "crash", &name, &machine, next, &all, range);
    }

    /// An operation fails, and the workload goes on.
    pub(crate) fn fault(&self, case: &Case, fault: Fault, at: u64) {
        let kind = format!("{fault:?}").to_lowercase();
        let name = case.fault_at(fault, at);
        if !self.wants(&name) {
            return;
        }
        let disk = Disk::new(Machine::default(), Some((fault, at)), case.workload.ahead());
        let run = Run {
            workload: case.workload,
            strict: case.strict,
            disk: &disk,
            fault: Some(fault),
            states: &case.states,
            detours: at % 2 == 1,
        };
        // one damage of the machine next to the death of the process: the faults differ more than
        // the damages
        let losses: Vec<Damage> = match self.options.seeds {
            0 | 1 => vec![Damage::Kept, LOSSES[at as usize % LOSSES.len()]],
            _ => [Damage::Kept].into_iter().chain(LOSSES).collect(),
        };
        let judge = |what: &str, reached, in_doubt| {
            let range = |damage| case.range(damage, reached, in_doubt);
            let name = format!("{name}/{what}");
            self.judge_machine(case, &kind, &name, &disk.machine(), None, &losses, range);
        };
        // the first opening is more than one transaction
        let told = run.from(
            -1,
            |reached| judge("then", reached, reached < 0 || fault.delays_repair()),
            |_| {},
        );
        match told {
            Ok(_) if !disk.fired() && !fault.lasts() => self.fail(&name, "never happened"),
            Ok(_) => judge("end", case.workload.steps(), false),
            Err(what) => self.fail(&name, &what),
        }
    }

    /// A process or machine dies, and what comes next dies too, or meets a fault.
    pub(crate) fn recovery(&self, case: &Case, moment: usize, damage: Damage, faults: &[Fault]) {
        let name = format!("{}/{}", case.crash_at(moment), label(damage, 0));
        if !self.wants(&name) {
            return;
        }
        let next = case.journal.get(moment).map(|change| &**change);
        let machine = case.machine(moment);
        let Some(files) = machine.found(damage, salt(&name), next) else { return };
        // a process's death leaves what was not flushed as it was
        let machine = if damage == Damage::Kept { machine } else { Machine::with(files) };
        let reached = case.told.reached(moment);
        let range = case.range(damage, reached, true);
        let found =
            match judge(case.workload, case.strict, &case.states, machine.live.clone(), &range) {
                Ok(found) => found,
                Err(what) => return self.fail(&name, &what),
            };
        let least = if case.strict { reached.min(found) } else { -1 };
        let reopen = |plan| -> Result<(Disk, Told), String> {
            let disk = Disk::new(machine.clone(), plan, case.workload.ahead());
            let told = reopen(case, &disk, found)?;
            Ok((disk, told))
        };
        let (disk, told) = match reopen(None) {
            Ok(done) => done,
            Err(what) => return self.fail(&name, &what),
        };
        let ops = disk.kinds().len() as u64;
        let mut at = machine.clone();
        let journal = disk.take_journal();
        for (after, change) in journal.iter().enumerate() {
            let name = format!("{name}/crash@{after}");
            let range = |damage: Damage| match damage.is_power_loss() && told.reached(after) < 0 {
                true => least..=found.max(0),
                false => case.range(damage, found, found < 0),
            };
            let losses = [LOSSES[after % LOSSES.len()], LOSSES[(after + 3) % LOSSES.len()]];
            let damages: Vec<Damage> = DEATHS.into_iter().chain(losses).collect();
            self.judge_machine(case, "recovery", &name, &at, Some(change), &damages, range);
            at.apply(change);
        }
        for &fault in faults {
            for op in 1..=ops {
                let name = format!("{name}/{}@{op}", format!("{fault:?}").to_lowercase());
                if !self.wants(&name) {
                    continue;
                }
                match reopen(Some((fault, op))) {
                    Ok((disk, _)) => {
                        let range = |damage| case.range(damage, found.max(0), false);
                        let damages = [Damage::Kept, LOSSES[op as usize % LOSSES.len()]];
                        self.judge_machine(
                            case,
                            "recovery",
                            &name,
                            &disk.machine(),
                            None,
                            &damages,
                            range,
                        );
                    }
                    Err(what) => self.fail(&name, &what),
                }
            }
        }
    }
}

/// The work after a crash: opening, a transaction, a checkpoint, closing.
fn reopen(case: &Case, disk: &Disk, found: i64) -> Result<Told, String> {
    let mut told = Told::default();
    let mut attempt = |last: bool| -> tidelog::error::Result<()> {
        let vfs = Run::register(disk)?;
        let mut session = case.workload.open(vfs, case.strict, found.max(0))?;
        session.exec(crate::crash::work::DETOUR)?;
        told.acks.push((disk.moment(), found.max(0)));
        let folded = session.exec("PRAGMA wal_checkpoint(PASSIVE)");
        if last { folded } else { Ok(()) }
    };
    for _ in 0..2 {
        match attempt(false) {
            Ok(()) => return Ok(told),
            Err(error) if !disk.fired() => return Err(format!("reopening: {error}")),
            Err(_) => disk.heal(),
        }
    }
    attempt(true).map_err(|error| format!("reopening after the fault: {error}"))?;
    Ok(told)
}

fn label(damage: Damage, seed: u64) -> String {
    let name: String =
        format!("{damage:?}").to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    if damage.varies() { format!("{name}#{seed}") } else { name }
}

/// Lets equal seeds do different things at different points.
fn salt(name: &str) -> u64 {
    name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) << 8
}
