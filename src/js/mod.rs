//! The exported engine: what JavaScript sees of this crate. Holds no state and decides nothing.

use wasm_bindgen::prelude::*;

/// The version of the package the engine was built for.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
