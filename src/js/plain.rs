//! Options, definitions, status and other small structured values as plain objects and arrays.
//!
//! Documents and events do not come this way: they are JSON text, whose numbers and spelling must
//! stay as they are. SQL values are `value.rs`'s.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::error::{Error, Result};

/// Reads a value that JavaScript gave. A property that is undefined must belong to an `Option`; one
/// that is unknown is ignored, so callers check names on their side. `what` names it in the error.
pub(super) fn read<T: DeserializeOwned>(given: JsValue, what: &str) -> Result<T> {
    serde_wasm_bindgen::from_value(given).map_err(|e| Error::BadValue(format!("{what}: {e}")))
}

/// Makes a value for JavaScript, as `JSON.parse` would have made it: maps are objects, `None` is
/// null. Fails for an integer that no JavaScript number holds.
pub(super) fn write<T: Serialize + ?Sized>(value: &T) -> Result<JsValue> {
    let written = value.serialize(&Serializer::json_compatible());
    written.map_err(|e| Error::BadValue(e.to_string()))
}
