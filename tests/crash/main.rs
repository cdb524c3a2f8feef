//! The crash loop: a workload of commits, checkpoints and a VACUUM, stopped at every storage operation and failed at
//! every storage operation once, in both durabilities; then reopened and checked. Prints how many points it tried.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

mod faulty;
mod gather;
mod workload;

use std::thread;

use faulty::{Faulty, Plan};
use tidelog::vfs::Memory;
use workload::{Told, check, run};

/// Everything a process or a machine that dies now may leave behind, and whether acknowledged commits must be in it.
fn images(disk: &Faulty, strict: bool, seed: u64) -> Vec<(&'static str, Memory, bool)> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let changes = disk.unsynced();
    let cut = if changes == 0 { 0 } else { random() as usize % changes };
    let tear = random() as usize;
    let mut images = vec![("kept", disk.kept(), true)];
    if changes > 0 {
        images.push(("lost", disk.powerless(|_, _| 0), strict));
        let torn = |index, len: usize| match index {
            _ if index < cut => len,
            _ if index == cut => tear % (len / 512 + 1) * 512,
            _ => 0,
        };
        images.push(("a torn prefix", disk.powerless(torn), strict));
        images.push((
            "some of them",
            disk.powerless(|_, len| if random() % 2 == 0 { len } else { 0 }),
            strict,
        ));
    }
    images
}

fn check_images(disk: &Faulty, strict: bool, seed: u64, told: &Told) -> Result<u64, String> {
    let images = images(disk, strict, seed);
    let count = images.len() as u64;
    for (what, image, complete) in images {
        check(image, told, complete).map_err(|error| format!("writes {what}: {error}"))?;
    }
    Ok(count)
}

#[derive(Debug, Default)]
struct Counts {
    points: u64,
    fired: u64,
    errors: u64,
    images: u64,
}

/// Tries one plan.
fn try_plan(plan: Plan, strict: bool, lies: bool, counts: &mut Counts) -> Result<(), String> {
    let disk = Faulty::new(plan, lies);
    let seed = disk_seed(plan);
    let mut images = 0;
    let ran = run(&disk, strict, |told| {
        if matches!(plan, Plan::Burst(_)) {
            // the repair failed as well: it is due before the next commit, not before this moment
            return Ok(());
        }
        images += check_images(&disk, strict, seed, told)?;
        Ok(())
    });
    let done = ran.and_then(|told| {
        images += check_images(&disk, strict, seed + 1, &told)?;
        counts.errors += told.errors;
        Ok(())
    });
    counts.points += 1;
    counts.fired += u64::from(disk.fired());
    counts.images += images;
    done.map_err(|error| format!("{plan:?}, {}: {error}", if strict { "strict" } else { "relaxed" }))
}

/// Operations of the workload's last commit and close, at least.
const LAST_STEP: u64 = 60;

fn disk_seed(plan: Plan) -> u64 {
    match plan {
        Plan::Fine => 0,
        Plan::Stop(at) | Plan::Fail(at) | Plan::Half(at) | Plan::Late(at) | Plan::Burst(at) => at * 2,
    }
}

/// How many operations the workload takes when nothing fails.
fn length(strict: bool) -> u64 {
    let disk = Faulty::new(Plan::Fine, false);
    let told = run(&disk, strict, |_| Ok(())).unwrap();
    assert_eq!((told.acked.len(), told.failed.len(), told.errors), (13, 0, 0));
    disk.ops()
}

/// Every operation of the workload under one kind of fault.
fn sweep(kind: fn(u64) -> Plan, strict: bool) {
    // a burst in the last step has nothing after it that could repair
    let length = length(strict) - if matches!(kind(0), Plan::Burst(_)) { LAST_STEP } else { 0 };
    let parts: Vec<_> = (0..2)
        .map(|part| {
            thread::spawn(move || {
                let mut counts = Counts::default();
                let found: Vec<String> = (1..=length)
                    .filter(|at| at % 2 == part)
                    .filter_map(|at| try_plan(kind(at), strict, false, &mut counts).err())
                    .collect();
                (counts, found)
            })
        })
        .collect();
    let mut all = Counts::default();
    let mut found = Vec::new();
    for part in parts {
        let (counts, some) = part.join().unwrap();
        all.points += counts.points;
        all.fired += counts.fired;
        all.errors += counts.errors;
        all.images += counts.images;
        found.extend(some);
    }
    println!("{:?}, strict {strict}: {all:?}", kind(0));
    assert!(found.is_empty(), "{} of {} points failed, first: {}", found.len(), all.points, found[0]);
    assert_eq!(all.fired, all.points, "some faults never happened");
}

#[test]
fn every_stop_leaves_a_whole_database_strict() {
    sweep(Plan::Stop, true);
}

#[test]
fn every_stop_leaves_a_whole_database_relaxed() {
    sweep(Plan::Stop, false);
}

#[test]
fn every_single_failure_is_survived_strict() {
    sweep(Plan::Fail, true);
    sweep(Plan::Half, true);
    sweep(Plan::Late, true);
}

#[test]
fn every_single_failure_is_survived_relaxed() {
    sweep(Plan::Fail, false);
    sweep(Plan::Half, false);
    sweep(Plan::Late, false);
}

#[test]
fn a_repair_that_fails_is_made_up_for() {
    sweep(Plan::Burst, true);
    sweep(Plan::Burst, false);
}

#[test]
fn the_loop_catches_a_storage_that_lies_about_flushing() {
    let mut counts = Counts::default();
    let caught = (1..=length(true)).any(|at| try_plan(Plan::Stop(at), true, true, &mut counts).is_err());
    assert!(caught, "{counts:?}");
}
