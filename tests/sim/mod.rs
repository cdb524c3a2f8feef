//! The simulator: replicas and a server in a hostile world of virtual time, ruled by seeds and
//! judged by oracles.
//!
//! Runs the very machines that are shipped. The oracles hold these, by which failures are called:
//!
//! - `acknowledged_survives`: an event that its application was told is safe is in the queue or the
//!   log
//! - `counts_once`: an event has an effect once in the log
//! - `numbers_have_no_holes`: a client's events have the numbers 1, 2, 3, … in the log
//! - `own_order_kept`: a client's events are in the log in the order in which they were made
//! - `state_is_log_then_pending`: the state is what a naive engine makes of the log and then the
//!   queue
//! - `chain_holds`: every cursor is a point of the log's one chain
//! - `leaves_by_the_log`: an event leaves the queue only by being in the log
//! - `drains`: after the faults have ended every queue gets empty, within [`MOST_REQUESTS`]
//! - `clocks_do_not_matter`: a world whose clocks jump takes the course of one whose clocks are
//!   right
//! - `held_waits`: nothing is applied from the first event on that a version does not know
//! - `conditions_hold`: no event counts whose condition failed, and none is refused whose did not
//! - `gateways_agree`: what one gateway has is the beginning of what all have
//! - `names_are_owned`: nobody writes under a client's name but its principal

pub(crate) mod calm;
pub(crate) mod conditions;
pub(crate) mod dice;
pub(crate) mod faults;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod gateways;
pub(crate) mod history;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod in_memory;
pub(crate) mod lineage;
pub(crate) mod mishaps;
pub(crate) mod mutants;
pub(crate) mod net;
pub(crate) mod node;
pub(crate) mod oracles;
pub(crate) mod origin;
pub(crate) mod process;
pub(crate) mod replica;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod rows;
#[cfg(target_family = "wasm")]
pub(crate) mod shipped;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod spied;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod sqlite;
#[cfg(target_family = "wasm")]
pub(crate) mod stage;
#[cfg(all(test, not(target_family = "wasm")))]
mod tests;
pub(crate) mod trace;
pub(crate) mod wires;
pub(crate) mod workload;
pub(crate) mod world;

use faults::Counters;
use mutants::Mutant;
use origin::Origin;
use process::Process;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use trace::Trace;
use world::World;

/// `drains`: after healing, no client may need more requests than this.
pub(crate) const MOST_REQUESTS: u64 = 64;

/// One seed in so many is run twice.
const SAMPLE: u64 = 50;

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The rule that was left out, if any.
    pub(crate) mutant: Mutant,
    /// Seeds run.
    pub(crate) seeds: u64,
    /// What happened in all of them.
    pub(crate) counters: Counters,
    /// Failing seeds and why, lowest first.
    pub(crate) failures: Vec<(u64, String)>,
    /// The hash of each seed's trace.
    pub(crate) traces: BTreeMap<u64, String>,
}

/// What one seed came to.
#[derive(Debug)]
pub(crate) struct Run {
    /// What happened.
    pub(crate) counters: Counters,
    /// The hash of everything that happened, and its text if it was kept.
    pub(crate) trace: (String, Option<String>),
    /// What went wrong.
    pub(crate) result: Result<(), String>,
}

/// Runs one seed, which begins with this trace. In a wild world the clocks on the walls jump, which
/// must change nothing else.
pub(crate) fn run_seed<P: Process, O: Origin>(
    seed: u64,
    steps: u64,
    mutant: Mutant,
    wild: bool,
    trace: Trace,
) -> Run {
    let mut world: World<P, O> = World::new(seed, mutant, wild, trace);
    let result = world
        .run(steps)
        .map_err(|why| format!("{why}\nthe last happenings:{}", world.trace.tail()));
    world.trace.note(format_args!("{result:?}"));
    Run { counters: world.counters, trace: world.trace.finish(), result }
}

/// Runs `count` seeds from `first` on, on as many threads as there are cores. With `first_failure`
/// the rest is left out once a seed failed. Every `SAMPLE`-th is run a second time with clocks that
/// are right: it must take the same course.
pub(crate) fn run_seeds<P: Process, O: Origin>(
    first: u64,
    count: u64,
    steps: u64,
    mutant: Mutant,
    first_failure: bool,
) -> Report {
    let next = AtomicU64::new(0);
    let report = Mutex::new(Report { mutant, ..Report::default() });
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let run = |seed: u64| {
        let sample = seed.is_multiple_of(SAMPLE) && mutant == Mutant::None;
        let trace = || if sample { Trace::kept() } else { Trace::default() };
        let mut run = run_seed::<P, O>(seed, steps, mutant, true, trace());
        if sample {
            let tame = run_seed::<P, O>(seed, steps, mutant, false, trace());
            if run.result.is_ok() && !trace::same_course(&run.trace, &tame.trace) {
                run.result =
                    Err("clocks_do_not_matter: with clocks that are right it takes another course"
                        .into());
            }
        }
        run
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        return;
                    }
                    let seed = first + i;
                    let ran = std::panic::catch_unwind(|| run(seed));
                    let mut report = report.lock().unwrap_or_else(|e| e.into_inner());
                    report.seeds += 1;
                    let ran = ran.unwrap_or_else(|_| Run {
                        counters: Counters::default(),
                        trace: ("panicked".into(), None),
                        result: Err("panicked, see above".into()),
                    });
                    report.counters.merge(&ran.counters);
                    report.traces.insert(seed, ran.trace.0);
                    if let Err(why) = ran.result {
                        report.failures.push((seed, why));
                        if first_failure {
                            next.store(count, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(|e| e.into_inner());
    report.failures.sort();
    report
}

impl Report {
    /// Fails with everything needed to see the failure again.
    pub(crate) fn check(&self, backend: &str, steps: u64) -> Result<(), String> {
        if let Some((seed, why)) = self.failures.first() {
            let failed = self.failures.len();
            let mutant = match self.mutant {
                Mutant::None => String::new(),
                mutant => format!(" --mutant {mutant:?}"),
            };
            return Err(format!(
                "{failed} of {} seeds failed; the first is seed {seed}: {why}\nreplay: npm run sim -- \
                 --backend {backend} --seeds 1 --steps {steps} --seed {seed}{mutant}\nothers: {:?}",
                self.seeds,
                self.failures.iter().skip(1).take(5).map(|(seed, _)| seed).collect::<Vec<_>>()
            ));
        }
        let mut never = self.counters.never();
        if backend != "sqlite" {
            // has no writes to die between
            never.retain(|s| !faults::MID_WRITE.contains(s));
        }
        if never.is_empty() {
            Ok(())
        } else {
            Err(format!("{never:?} never happened in {} seeds", self.seeds))
        }
    }
}
