//! All tests of `tests/` in one binary: linking is what takes long. Natively runs what says
//! `cfg(not(target_family = "wasm"))`; as wasm `wasm_node` in Node, `wasm_worker` and `wasm_idb` in
//! browsers' workers, `wasm_handles` in all of them. scripts/parts.mjs knows these names.
#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

mod actions;
mod architecture;
mod calls;
#[cfg(not(target_family = "wasm"))]
mod circles;
mod crash;
mod host;
mod later;
mod later_store;
mod migrate;
mod owned;
mod rejoin;
mod reshape;
mod rig;
mod shelf;
#[cfg(not(target_family = "wasm"))]
mod sim;
mod store;
mod struck;
mod suite;
mod undo;
mod vfs_memory;
mod wasm_handles;
mod wasm_idb;
mod wasm_node;
mod wasm_worker;
mod wire;

/// The number of times a property is tried: `few` times, or as often as `npm run soak` says.
#[cfg(not(target_family = "wasm"))]
fn tries(few: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}
