//! The simulator: replicas and a server in a hostile world of virtual time, ruled by seeds and judged by oracles.
//!
//! Runs the very machines that are shipped. What it may do and must find is in SYNC.md 10 and 12 of the design.

pub(crate) mod dice;
pub(crate) mod faults;
pub(crate) mod history;
pub(crate) mod net;
pub(crate) mod node;
pub(crate) mod origin;
pub(crate) mod replica;
pub(crate) mod sqlite;
pub(crate) mod wires;
pub(crate) mod workload;
pub(crate) mod world;

use faults::Counters;
use origin::Origin;
use replica::Replica;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use world::World;

/// I10: after healing, no client may need more requests than this.
pub(crate) const MOST_REQUESTS: u64 = 64;

/// A rule of SYNC.md 1 taken out, to see that somebody notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// All rules hold.
    None,
    /// The server takes an event it has for a new one.
    NoDedupe,
    /// The server takes an event after a hole.
    NoGapCheck,
    /// The server does not keep ids unique.
    NoUniqueId,
    /// The server does not compare the cursor with its history.
    NoAtCheck,
    /// The server forgets its verdicts.
    RejectionNotLogged,
    /// The client confirms the i-th pending event by the i-th row.
    ConfirmByPosition,
    /// The client stores its cursor in a transaction of its own.
    CursorNotAtomic,
    /// The client drops its queue when the server says no.
    PendingDropped,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Seeds run.
    pub(crate) seeds: u64,
    /// What happened in all of them.
    pub(crate) counters: Counters,
    /// Failing seeds and why, lowest first.
    pub(crate) failures: Vec<(u64, String)>,
}

/// Runs one seed.
pub(crate) fn run_seed<R: Replica, O: Origin>(
    seed: u64,
    steps: u64,
    mutant: Mutant,
) -> (Counters, Result<(), String>) {
    let mut world: World<R, O> = World::new(seed, mutant);
    let result = world.run(steps);
    (world.counters, result)
}

/// Runs `count` seeds from `first` on, on as many threads as there are cores. With `first_failure` the rest is left out
/// once a seed failed.
pub(crate) fn run_seeds<R: Replica, O: Origin>(
    first: u64,
    count: u64,
    steps: u64,
    mutant: Mutant,
    first_failure: bool,
) -> Report {
    let next = AtomicU64::new(0);
    let report = Mutex::new(Report::default());
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        return;
                    }
                    let seed = first + i;
                    let run = std::panic::catch_unwind(|| run_seed::<R, O>(seed, steps, mutant));
                    let (counters, result) =
                        run.unwrap_or_else(|_| (Counters::default(), Err("panicked, see above".into())));
                    let mut report = report.lock().unwrap_or_else(|e| e.into_inner());
                    report.seeds += 1;
                    report.counters.merge(&counters);
                    if let Err(why) = result {
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
            return Err(format!(
                "{failed} of {} seeds failed; the first is seed {seed}: {why}\nreplay: \
                 npm run sim -- --backend {backend} --seeds 1 --steps {steps} --seed {seed}\nothers: {:?}",
                self.seeds,
                self.failures.iter().skip(1).take(5).collect::<Vec<_>>()
            ));
        }
        let never = self.counters.never();
        if never.is_empty() {
            Ok(())
        } else {
            Err(format!("{never:?} never happened in {} seeds", self.seeds))
        }
    }
}
