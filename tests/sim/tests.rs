//! The simulator as tests: fixed seeds, enough for every fault to come up, and mutants that must be
//! noticed. `npm run sim` and `npm run soak` run the same code at length.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::gateways::Gateways;
use super::mutants::{AMONG_GATEWAYS, HARMLESS, HARMLESS_AMONG_GATEWAYS, Mutant, NOTICED};
use super::origin::{InMemoryOrigin, Origin};
use super::process::{Native, Process};
use super::sqlite::SqliteOrigin;
use super::trace::Trace;
use super::{run_seed, run_seeds};
use std::collections::BTreeSet;

type InMemory = Native<super::in_memory::InMemory>;
type Sqlite = Native<super::sqlite::Sqlite>;

const STEPS: u64 = 300;
/// Seeds within which the absence of a rule must be noticed: the slowest takes about 270.
const WITHIN: u64 = 1_000;
/// Seeds in which nobody may notice what is harmless: twice what the slowest of the others takes.
const UNNOTICED: u64 = 500;

#[test]
fn replicas_in_memory_converge_in_a_hostile_world() {
    let report = run_seeds::<InMemory, InMemoryOrigin>(0, 4_000, STEPS, Mutant::None, false);
    assert_eq!(report.seeds, 4_000);
    report.check("memory", STEPS).unwrap();
}

#[test]
fn replicas_on_sqlite_converge_in_a_hostile_world() {
    let report = run_seeds::<Sqlite, SqliteOrigin>(0, 600, STEPS, Mutant::None, false);
    assert_eq!(report.seeds, 600);
    report.check("sqlite", STEPS).unwrap();
}

#[test]
fn gateways_before_one_stream_are_one_server() {
    let report = run_seeds::<InMemory, Gateways>(0, 2_000, STEPS, Mutant::None, false);
    assert_eq!(report.seeds, 2_000);
    report.check("gateways", STEPS).unwrap();
}

#[test]
fn rules_of_appending_taken_out_are_noticed_among_gateways() {
    for &mutant in AMONG_GATEWAYS {
        let report = run_seeds::<InMemory, Gateways>(0, WITHIN, STEPS, mutant, true);
        assert!(!report.failures.is_empty(), "nobody noticed {mutant:?} in {WITHIN} seeds");
    }
    for &mutant in HARMLESS_AMONG_GATEWAYS {
        let report = run_seeds::<InMemory, Gateways>(0, UNNOTICED, STEPS, mutant, false);
        let first = report.failures.first();
        assert!(first.is_none(), "{mutant:?} was noticed: move it to the others. {first:?}");
    }
}

#[test]
fn every_rule_taken_out_is_noticed() {
    for &mutant in NOTICED {
        let report = run_seeds::<InMemory, InMemoryOrigin>(0, WITHIN, STEPS, mutant, true);
        let why = report
            .failures
            .first()
            .map(|(_, why)| why.lines().next().unwrap_or_default().to_string());
        println!("{mutant:?}: noticed after {} seeds: {why:?}", report.seeds);
        assert!(!report.failures.is_empty(), "nobody noticed {mutant:?} in {WITHIN} seeds");
    }
}

/// What is only a second line of defence, or costs nothing but time, is shown to be that. When one
/// of these is noticed one day, something leans on it: move it to the others.
#[test]
fn what_other_rules_make_up_for_is_harmless() {
    for &mutant in HARMLESS {
        let report = run_seeds::<InMemory, InMemoryOrigin>(0, UNNOTICED, STEPS, mutant, false);
        let first = report.failures.first();
        assert!(first.is_none(), "{mutant:?} was noticed: move it to the others. {first:?}");
    }
}

/// Some of them again, seen through replicas on SQLite: the oracles look through them as well.
#[test]
fn rules_taken_out_are_noticed_by_replicas_on_sqlite() {
    for mutant in [
        Mutant::NoDedupe,
        Mutant::NoGapCheck,
        Mutant::NoUniqueId,
        Mutant::RejectionNotLogged,
        Mutant::ChainUnchecked,
        Mutant::ForkUnseen,
        Mutant::DivergedIgnored,
    ] {
        let report = run_seeds::<Sqlite, InMemoryOrigin>(0, WITHIN, STEPS, mutant, true);
        assert!(!report.failures.is_empty(), "nobody noticed {mutant:?} in {WITHIN} seeds");
    }
}

/// Everything that happens comes from the seed: with other chance hidden anywhere, no failure could
/// be seen again.
#[test]
fn a_seed_run_twice_leaves_the_same_trace() {
    twice::<InMemory, InMemoryOrigin>(200);
    twice::<Sqlite, SqliteOrigin>(40);
}

fn twice<P: Process, O: Origin>(seeds: u64) {
    let run = || run_seeds::<P, O>(0, seeds, STEPS, Mutant::None, false).traces;
    let (first, second) = (run(), run());
    let text = run_seed::<P, O>(0, STEPS, Mutant::None, true, Trace::kept()).trace.1.unwrap();
    assert!(text.lines().count() as u64 > STEPS, "a trace tells of every step:\n{text}");
    assert_eq!(first, second);
    assert_eq!(
        first.values().collect::<BTreeSet<_>>().len() as u64,
        seeds,
        "every seed is another story"
    );
}
