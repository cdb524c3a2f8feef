//! The simulator as tests: fixed seeds, and mutants that must be noticed. `npm run sim` runs the same code at length.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sim/mod.rs"]
mod sim;

use sim::origin::InMemoryOrigin;
use sim::replica::InMemory;
use sim::sqlite::{Sqlite, SqliteOrigin};
use sim::{Mutant, run_seeds};

const STEPS: u64 = 300;

#[test]
fn replicas_in_memory_converge_in_a_hostile_world() {
    let report = run_seeds::<InMemory, InMemoryOrigin>(0, 5_000, STEPS, Mutant::None, false);
    assert_eq!(report.seeds, 5_000);
    report.check("memory", STEPS).unwrap();
}

#[test]
fn replicas_on_sqlite_converge_in_a_hostile_world() {
    let report = run_seeds::<Sqlite, SqliteOrigin>(0, 1_000, STEPS, Mutant::None, false);
    assert_eq!(report.seeds, 1_000);
    report.check("sqlite", STEPS).unwrap();
}

#[test]
fn every_rule_taken_out_is_noticed() {
    for (mutant, within) in [
        (Mutant::NoDedupe, 50),
        (Mutant::NoGapCheck, 1000),
        (Mutant::NoUniqueId, 50),
        (Mutant::NoAtCheck, 1000),
        (Mutant::RejectionNotLogged, 50),
        (Mutant::ConfirmByPosition, 50),
        (Mutant::CursorNotAtomic, 100),
        (Mutant::PendingDropped, 50),
    ] {
        let report = run_seeds::<InMemory, InMemoryOrigin>(0, within, STEPS, mutant, true);
        println!("{mutant:?}: noticed after {} seeds: {:?}", report.seeds, report.failures.first());
        assert!(!report.failures.is_empty(), "nobody noticed {mutant:?} in {within} seeds");
    }
}

#[test]
fn a_seed_says_everything() {
    let run = || sim::run_seed::<InMemory, InMemoryOrigin>(7, STEPS, Mutant::None);
    let ((first, _), (second, _)) = (run(), run());
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}
