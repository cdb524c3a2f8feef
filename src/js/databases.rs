//! Whole databases: listed, exported, imported, renamed and deleted while nobody has them open.
//!
//! With the system's files `fs` a name is a path, without one it names one of the browser's.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use super::plain;
use super::settle::settle;
use crate::vfs::{place, system};

/// The names of the databases: with `fs` those in `directory`.
#[wasm_bindgen(js_name = listDatabases)]
pub fn list_databases(fs: JsValue, directory: String) -> Result<JsValue, JsValue> {
    settle(async move {
        let names = match fs.is_undefined() {
            true => place::list().await?,
            false => system::list(fs.unchecked_ref(), &directory)?,
        };
        plain::write(&names)
    })
}

/// A database's bytes, its WAL included.
#[wasm_bindgen(js_name = exportDatabase)]
pub fn export_database(fs: JsValue, name: String) -> Result<JsValue, JsValue> {
    settle(async move {
        let bytes = match fs.is_undefined() {
            true => place::export(&name).await?,
            false => system::export(fs.unchecked_ref(), &name).await?,
        };
        Ok(Uint8Array::from(bytes.as_slice()).into())
    })
}

/// Makes a database of bytes; one that exists is never overwritten.
#[wasm_bindgen(js_name = importDatabase)]
pub fn import_database(fs: JsValue, name: String, bytes: Vec<u8>) -> Result<JsValue, JsValue> {
    settle(async move {
        match fs.is_undefined() {
            true => place::import(&name, &bytes).await?,
            false => system::import(fs.unchecked_ref(), &name, &bytes).await?,
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Removes a database and all it has.
#[wasm_bindgen(js_name = deleteDatabase)]
pub fn delete_database(fs: JsValue, name: String) -> Result<JsValue, JsValue> {
    settle(async move {
        match fs.is_undefined() {
            true => place::delete(&name).await?,
            false => system::delete(fs.unchecked_ref(), &name).await?,
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Gives a database another name.
#[wasm_bindgen(js_name = renameDatabase)]
pub fn rename_database(fs: JsValue, name: String, to: String) -> Result<JsValue, JsValue> {
    settle(async move {
        match fs.is_undefined() {
            true => place::rename(&name, &to).await?,
            false => system::rename(fs.unchecked_ref(), &name, &to).await?,
        }
        Ok(JsValue::UNDEFINED)
    })
}
