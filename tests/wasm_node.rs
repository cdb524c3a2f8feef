//! The conformance suite in Node: memory and the system's files.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;

use tidelog::vfs::conformance::Opener;
use tidelog::vfs::system::{self, System, SystemFs};
use tidelog::vfs::{Memory, open_memory};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::*;

/// Runs a piece of JS that has `fs`, `path`, `os` and `systemFs`; awaits what it returns.
async fn js(body: &str) -> wasm_bindgen::JsValue {
    let module =
        concat!("file://", env!("CARGO_MANIFEST_DIR"), "/pkg-template/platform/node-files.js");
    let source = format!(
        "return (async () => {{
           const [fs, path, os, {{systemFs}}] = await Promise.all(
             [import('node:fs'), import('node:path'), import('node:os'), import('{module}')])
           {body}
         }})()"
    );
    let call = js_sys::Function::new_no_args(&source).call0(&wasm_bindgen::JsValue::NULL).unwrap();
    JsFuture::from(call.unchecked_into::<js_sys::Promise>()).await.unwrap()
}

async fn directory() -> String {
    js("return fs.mkdtempSync(path.join(os.tmpdir(), 'tidelog-test-'))").await.as_string().unwrap()
}

async fn system_fs() -> SystemFs {
    js("return systemFs").await.unchecked_into()
}

struct SystemFiles {
    fs: SystemFs,
    directory: String,
}

impl Opener for SystemFiles {
    type Storage = System;
    const LOCKS: bool = true;

    async fn open(&self, name: &str) -> tidelog::error::Result<(System, String)> {
        System::open(&self.fs, &format!("{}/data/{name}.db", self.directory)).await
    }
}

#[wasm_bindgen_test]
async fn system_files_do_all_that_sqlite_requires() {
    let files = SystemFiles { fs: system_fs().await, directory: directory().await };
    crate::suite::check(&files, "h").await;
}

#[derive(Default)]
struct Memories(RefCell<BTreeMap<String, Memory>>);

impl Opener for Memories {
    type Storage = Memory;
    const LOCKS: bool = false;

    async fn open(&self, name: &str) -> tidelog::error::Result<(Memory, String)> {
        Ok((self.0.borrow_mut().entry(name.into()).or_default().clone(), format!("{name}.db")))
    }
}

#[wasm_bindgen_test]
async fn memory_does_all_that_sqlite_requires() {
    crate::suite::check(&Memories::default(), "m").await;
    let (vfs, main) = open_memory().unwrap();
    assert!(!vfs.contains(&main).unwrap());
}

#[wasm_bindgen_test]
async fn system_databases_are_listed_exported_imported_renamed_and_deleted() {
    let (fs, directory) = (system_fs().await, directory().await);
    let at = |name: &str| format!("{directory}/deep/{name}");
    let (vfs, main) = system::open_file(&fs, &at("a.db")).await.unwrap();
    let flags = rusqlite::OpenFlags::default();
    let db = rusqlite::Connection::open_with_flags_and_vfs(&main, flags, vfs.name()).unwrap();
    db.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(7)")
        .unwrap();
    assert_eq!(system::list(&fs, &at("")).unwrap(), ["a.db"]);
    assert_eq!(system::export(&fs, &at("a.db")).await.unwrap_err().code(), "LOCKED");
    assert_eq!(system::delete(&fs, &at("a.db")).await.unwrap_err().code(), "LOCKED");
    drop((db, vfs));
    let bytes = system::export(&fs, &at("a.db")).await.unwrap();
    system::import(&fs, &at("b.db"), &bytes).await.unwrap();
    assert_eq!(system::import(&fs, &at("b.db"), &bytes).await.unwrap_err().code(), "EXISTS");
    assert_eq!(system::rename(&fs, &at("a.db"), &at("b.db")).await.unwrap_err().code(), "EXISTS");
    system::rename(&fs, &at("a.db"), &at("c.db")).await.unwrap();
    assert_eq!(system::list(&fs, &at("")).unwrap(), ["b.db", "c.db"]);
    system::delete(&fs, &at("b.db")).await.unwrap();
    assert_eq!(system::delete(&fs, &at("b.db")).await.unwrap_err().code(), "NOT_FOUND");
    assert_eq!(system::list(&fs, &at("")).unwrap(), ["c.db"]);
    assert_eq!(system::export(&fs, &at("c.db")).await.unwrap(), bytes);
    assert_eq!(system::list(&fs, &at("none")).unwrap_err().code(), "NOT_FOUND");
    let left = js(&format!("return fs.readdirSync('{directory}/deep').join()")).await;
    assert_eq!(left.as_string().unwrap(), "c.db", "locks were left behind");
}
