//! The crash loop: workloads whose process dies at every change, whose power is lost there with
//! damage to what was not flushed, whose storage fails or is full at every operation, and the same
//! again while that is recovered from.
//!
//! `npm run crash -- --seeds 20` tries more of everything, `--first 20` other seeds than the first,
//! `--point events/strict/crash@17` only points that begin so.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

mod damage;
mod disk;
mod events;
mod gather;
mod judge;
mod pushes;
mod rows;
mod sweep;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::Mutex;
use std::time::Instant;
use std::{env, thread};

use damage::{Damage, Machine};
use disk::{Disk, Fault, Kind};
use sweep::{Case, Options, Sweep};
use work::Workload;

const WORKLOADS: [&dyn Workload; 3] =
    [&rows::RowsOfSql, &events::EventsOfStore, &pushes::PushesToServer];

/// Points that `npm test` must try.
const POINTS: u64 = 20_000;

/// Faults at every operation of every workload.
const FAULTS: [Fault; 9] = [
    Fault::Fail,
    Fault::Half,
    Fault::Late,
    Fault::Burst,
    Fault::Down,
    Fault::DownLate,
    Fault::Stuck,
    Fault::Full,
    Fault::Tight,
];

/// How the names of its points begin, and what to do.
type Job<'a> = (String, Box<dyn FnOnce(&Sweep) + Send + 'a>);

/// Everything to try, a few points each. With more seeds, recovery is looked at after more crashes.
fn jobs(cases: &[Case], seeds: u64) -> VecDeque<Job<'_>> {
    let mut jobs: VecDeque<Job<'_>> = VecDeque::new();
    for case in cases {
        for moment in 0..=case.journal.len() {
            let name = case.crash_at(moment);
            jobs.push_back((name, Box::new(move |sweep| sweep.crash(case, moment))));
        }
        for (at, kind) in (1..).zip(&case.ops) {
            for (index, fault) in (0..).zip(FAULTS).filter(|(_, fault)| fault.hits(*kind)) {
                // with one seed, these at every change and the others now and then
                let always = case.strict
                    && *kind != Kind::Read
                    && [Fault::Fail, Fault::Late, Fault::Down, Fault::Full].contains(&fault);
                let every = if case.strict { 4 } else { 8 };
                if seeds > 1 || always || at % every == index % every {
                    let name = case.fault_at(fault, at);
                    jobs.push_back((name, Box::new(move |sweep| sweep.fault(case, fault, at))));
                }
            }
        }
        let every = if seeds == 1 { 60 } else { (20 / seeds).max(1) as usize };
        for (index, moment) in (0..=case.journal.len()).step_by(every).enumerate() {
            let damage =
                [Damage::Kept, Damage::Torn(512), Damage::Prefix, Damage::Torn(4096)][index % 4];
            let look = move |sweep: &Sweep| sweep.recovery(case, moment, damage, &FAULTS[..6]);
            jobs.push_back((case.crash_at(moment), Box::new(look)));
        }
    }
    jobs
}

/// Past the capture of the test's output: the count is to be seen.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn run(options: Options, cases: &[Case]) -> (u64, Vec<String>) {
    let mut jobs = jobs(cases, options.seeds);
    let sweep = Sweep::new(options);
    jobs.retain(|(name, _)| sweep.wants(name));
    if let (Some(point), true) = (&sweep.options.point, jobs.is_empty()) {
        say(&format!(
            "no point begins with '{point}': give one as a failure prints it, such as \
             events/strict/crash@17"
        ));
        std::process::exit(2);
    }
    let jobs = Mutex::new(jobs);
    let start = Instant::now();
    let work = || {
        loop {
            let job = jobs.lock().unwrap().pop_front();
            let Some((_, job)) = job else { return };
            job(&sweep);
        }
    };
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let points = sweep.points.into_inner().unwrap();
    let sum: u64 = points.values().sum();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in &points {
        *kinds.entry(name.rsplit(' ').next().unwrap_or_default()).or_default() += count;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    say(&format!(
        "crash loop: {sum} points in {} s ({})",
        start.elapsed().as_secs(),
        kinds.join(", ")
    ));
    (sum, sweep.failures.into_inner().unwrap())
}

fn record() -> Vec<Case> {
    WORKLOADS
        .iter()
        .flat_map(|workload| [true, false].map(|strict| Case::record(*workload, strict)))
        .collect()
}

#[test]
fn whatever_dies_is_torn_or_fails_what_was_acknowledged_is_there_and_nothing_else() {
    let point = env::var("CRASH_POINT").ok();
    let number = |name, otherwise| env::var(name).map_or(otherwise, |n| n.parse().unwrap());
    let (seeds, first) = (number("CRASH_SEEDS", 1), number("CRASH_FIRST", 0));
    let options = Options { seeds, first, point: point.clone() };
    let (points, mut failures) = run(options, &record());
    failures.sort_by_key(String::len);
    for failure in failures.iter().take(20) {
        say(&format!("failed: {failure}"));
        let point = failure.split(": ").next().unwrap_or_default();
        say(&format!(
            "  again: npm run crash -- --seeds {seeds} --first {first} --point '{point}'"
        ));
    }
    assert!(failures.is_empty(), "{} failures at {points} points", failures.len());
    match point {
        Some(point) => assert!(points > 0, "no point begins with '{point}'"),
        None => assert!(points >= POINTS, "only {points} points"),
    }
}

#[test]
fn the_loop_catches_a_storage_that_lies_about_flushing() {
    let lying = Disk::lying(Machine::default());
    let case = Case::record_on(WORKLOADS[0], true, lying);
    let sweep = Sweep::new(Options { seeds: 1, first: 0, point: None });
    for moment in (0..=case.journal.len()).step_by(10) {
        sweep.crash(&case, moment);
    }
    assert!(!sweep.failures.into_inner().unwrap().is_empty());
}
