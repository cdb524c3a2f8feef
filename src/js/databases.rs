//! Whole databases: listed, exported, imported, renamed and deleted while nobody has them open.
//!
//! With a host's file system `fs` a name is a path, without one it names one of the browser's.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::error::to_js;
use crate::vfs::{host, place};

/// The names of the databases, on a host those in `directory`.
#[wasm_bindgen(js_name = listDatabases)]
pub async fn list_databases(fs: JsValue, directory: String) -> Result<Array, JsValue> {
    let names = match fs.is_undefined() {
        true => place::list().await,
        false => host::list(fs.unchecked_ref(), &directory),
    };
    Ok(names.map_err(to_js)?.iter().map(|name| JsValue::from_str(name)).collect())
}

/// A database's bytes, its WAL included.
#[wasm_bindgen(js_name = exportDatabase)]
pub async fn export_database(fs: JsValue, name: String) -> Result<Vec<u8>, JsValue> {
    match fs.is_undefined() {
        true => place::export(&name).await,
        false => host::export(fs.unchecked_ref(), &name).await,
    }
    .map_err(to_js)
}

/// Makes a database of bytes; one that exists is never overwritten.
#[wasm_bindgen(js_name = importDatabase)]
pub async fn import_database(fs: JsValue, name: String, bytes: Vec<u8>) -> Result<(), JsValue> {
    match fs.is_undefined() {
        true => place::import(&name, &bytes).await,
        false => host::import(fs.unchecked_ref(), &name, &bytes).await,
    }
    .map_err(to_js)
}

/// Removes a database and all it has.
#[wasm_bindgen(js_name = deleteDatabase)]
pub async fn delete_database(fs: JsValue, name: String) -> Result<(), JsValue> {
    match fs.is_undefined() {
        true => place::delete(&name).await,
        false => host::delete(fs.unchecked_ref(), &name).await,
    }
    .map_err(to_js)
}

/// Gives a database another name.
#[wasm_bindgen(js_name = renameDatabase)]
pub async fn rename_database(fs: JsValue, name: String, to: String) -> Result<(), JsValue> {
    match fs.is_undefined() {
        true => place::rename(&name, &to).await,
        false => host::rename(fs.unchecked_ref(), &name, &to).await,
    }
    .map_err(to_js)
}
