//! `npm run sim -- --seeds N --steps M [--seed S] [--backend sqlite|memory|gateways] [--mutant
//! NAME] [--trace hash|text]`: the simulator at length. `--trace hash` prints what each seed's
//! trace hashes to, `--trace text` the first seed's trace. With `--mutant` a rule is left out and
//! failures are what is hoped for.
#![cfg_attr(target_family = "wasm", no_main)]
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../tests/sim/mod.rs"]
mod sim;

use sim::faults::ALL;
use sim::gateways::Gateways;
use sim::in_memory::InMemory;
use sim::mutants::{AMONG_GATEWAYS, HARMLESS, HARMLESS_AMONG_GATEWAYS, Mutant, NOTICED};
use sim::origin::InMemoryOrigin;
use sim::process::Native;
use sim::sqlite::{Sqlite, SqliteOrigin};
use sim::trace::Trace;
use sim::{run_seed, run_seeds};
use std::process::ExitCode;
use std::time::Instant;

/// A run so short need not have seen everything.
const FULL_RUN: u64 = 100 * 300;

const OPTIONS: [&str; 6] = ["--seeds", "--steps", "--seed", "--backend", "--trace", "--mutant"];

fn main() -> ExitCode {
    let (mut seeds, mut steps, mut first, mut backend) =
        (1000u64, 300u64, 0u64, String::from("sqlite"));
    let (mut mutant, mut trace) = (Mutant::None, String::new());
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        if !OPTIONS.contains(&name.as_str()) {
            return usage(&format!("there is no option '{name}'"));
        }
        let Some(value) = args.next() else { return usage(&format!("{name} needs a value")) };
        let number = value.parse::<u64>();
        match (name.as_str(), number) {
            ("--seeds", Ok(n)) if n > 0 => seeds = n,
            ("--steps", Ok(n)) if n > 0 => steps = n,
            ("--seed", Ok(n)) => first = n,
            ("--backend", _) => backend = value,
            ("--trace", _) if ["hash", "text"].contains(&value.as_str()) => trace = value,
            ("--mutant", _) => {
                let lists = [NOTICED, HARMLESS, AMONG_GATEWAYS, HARMLESS_AMONG_GATEWAYS];
                match lists.iter().copied().flatten().find(|m| format!("{m:?}") == value) {
                    Some(&found) => mutant = found,
                    None => {
                        return usage(&format!(
                            "there is no mutant '{value}': {NOTICED:?} {HARMLESS:?}"
                        ));
                    }
                }
            }
            _ => return usage(&format!("'{name} {value}' is not understood")),
        }
    }
    if trace == "text" {
        let run = match backend.as_str() {
            "gateways" => {
                run_seed::<Native<InMemory>, Gateways>(first, steps, mutant, true, Trace::kept())
            }
            "memory" => run_seed::<Native<InMemory>, InMemoryOrigin>(
                first,
                steps,
                mutant,
                true,
                Trace::kept(),
            ),
            _ => {
                run_seed::<Native<Sqlite>, SqliteOrigin>(first, steps, mutant, true, Trace::kept())
            }
        };
        print!("{}", run.trace.1.unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    let begin = Instant::now();
    let report = match backend.as_str() {
        "memory" => {
            run_seeds::<Native<InMemory>, InMemoryOrigin>(first, seeds, steps, mutant, false)
        }
        "gateways" => run_seeds::<Native<InMemory>, Gateways>(first, seeds, steps, mutant, false),
        "sqlite" => run_seeds::<Native<Sqlite>, SqliteOrigin>(first, seeds, steps, mutant, false),
        other => return usage(&format!("there is no backend '{other}'")),
    };
    let seconds = begin.elapsed().as_secs_f64();
    let total = seeds * steps;
    println!(
        "backend {backend}: {} seeds from {first}, {steps} steps each: {total} steps",
        report.seeds
    );
    println!("{seconds:.1} s, {:.0} steps/s", total as f64 / seconds);
    for &what in ALL {
        println!("  {:<28}{:>12}", format!("{what:?}"), report.counters.of(what));
    }
    for (seed, why) in report.failures.iter().take(10) {
        println!("FAILED seed {seed}: {why}");
    }
    for (seed, hash) in report.traces.iter().filter(|_| trace == "hash") {
        println!("seed {seed} {hash}");
    }
    println!("{} failures", report.failures.len());
    match report.check(&backend, steps) {
        Err(why) if !report.failures.is_empty() || total >= FULL_RUN => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn usage(problem: &str) -> ExitCode {
    eprintln!(
        "{problem}\nusage: npm run sim -- [--seeds N] [--steps M] [--seed S] [--backend sqlite|memory|gateways] [--mutant NAME] [--trace hash|text]"
    );
    ExitCode::from(2)
}
