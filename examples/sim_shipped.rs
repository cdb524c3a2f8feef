//! The world of tests/sim as wasm, over replicas and servers of the published package: what
//! tests/shipped runs. Built for wasm32 alone and never published.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
#![allow(dead_code)] // what only native runs use

#[path = "../tests/sim/mod.rs"]
mod sim;

use sim::mutants::Mutant;
use sim::run_seed;
use sim::shipped::{Shipped, ShippedOrigin};
use sim::stage::{Stage, set_stage};
use sim::trace::Trace;
use wasm_bindgen::prelude::*;

/// Runs a seed on a stage; gives the hash of its trace, which also holds what went wrong.
#[wasm_bindgen(js_name = hashOf)]
pub fn hash_of(stage: Stage, seed: u32, steps: u32) -> String {
    run(stage, seed, steps, Trace::default()).0
}

/// Runs a seed on a stage; gives its trace.
#[wasm_bindgen(js_name = traceOf)]
pub fn trace_of(stage: Stage, seed: u32, steps: u32) -> String {
    run(stage, seed, steps, Trace::kept()).1.unwrap()
}

fn run(stage: Stage, seed: u32, steps: u32, trace: Trace) -> (String, Option<String>) {
    set_stage(stage);
    run_seed::<Shipped, ShippedOrigin>(seed.into(), steps.into(), Mutant::None, true, trace).trace
}
