//! The conformance suite in a dedicated worker of a real browser, on real OPFS.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]

use tidelog::vfs::conformance::Opener;
use tidelog::vfs::opfs::{self, Opfs};
use wasm_bindgen_test::*;

struct Directories;

impl Opener for Directories {
    type Storage = Opfs;
    const LOCKS: bool = true;

    async fn open(&self, name: &str) -> tidelog::error::Result<(Opfs, String)> {
        Opfs::open(name).await
    }
}

/// Names of this run only: OPFS of the test's origin may have been used before.
fn fresh(name: &str) -> String {
    format!("Test/{name} {}", js_sys::Date::now() + js_sys::Math::random())
}

#[wasm_bindgen_test]
async fn opfs_does_all_that_sqlite_requires() {
    crate::suite::check(&Directories, &fresh("suite")).await;
}

#[wasm_bindgen_test]
async fn opfs_databases_are_listed_exported_imported_renamed_and_deleted() {
    let (a, b, c) = (fresh("a"), fresh("b"), fresh("c"));
    let listed = async |name: &String| opfs::list().await.unwrap().contains(name);
    assert_eq!(opfs::export(&a).await.unwrap_err().code(), "NOT_FOUND");
    assert!(!listed(&a).await, "asking made a database");
    let (vfs, main) = opfs::open_opfs(&a).await.unwrap();
    let flags = rusqlite::OpenFlags::default();
    let db = rusqlite::Connection::open_with_flags_and_vfs(&main, flags, vfs.name()).unwrap();
    db.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(7)")
        .unwrap();
    assert!(listed(&a).await);
    assert_eq!(opfs::open_opfs(&a).await.unwrap_err().code(), "LOCKED");
    assert_eq!(opfs::delete(&a).await.unwrap_err().code(), "LOCKED");
    drop((db, vfs));
    let bytes = opfs::export(&a).await.unwrap();
    assert_eq!(opfs::import(&b, b"no database").await.unwrap_err().code(), "CORRUPT");
    assert!(!listed(&b).await, "a refused import left a database");
    opfs::import(&b, &bytes).await.unwrap();
    assert_eq!(opfs::import(&b, &bytes).await.unwrap_err().code(), "EXISTS");
    assert_eq!(opfs::rename(&a, &b).await.unwrap_err().code(), "EXISTS");
    opfs::rename(&a, &c).await.unwrap();
    assert!(!listed(&a).await && listed(&b).await && listed(&c).await);
    assert_eq!(opfs::export(&c).await.unwrap(), bytes);
    opfs::delete(&b).await.unwrap();
    assert_eq!(opfs::delete(&b).await.unwrap_err().code(), "NOT_FOUND");
    opfs::delete(&c).await.unwrap();
    assert!(!listed(&b).await && !listed(&c).await);
}

#[wasm_bindgen_test]
async fn a_lock_that_is_given_back_can_be_taken_at_once() {
    let name = fresh("again");
    for _ in 0..20 {
        let (vfs, _) = opfs::open_opfs(&name).await.unwrap();
        assert_eq!(opfs::open_opfs(&name).await.unwrap_err().code(), "LOCKED");
        drop(vfs);
    }
}

/// A dead worker's handles come free later than its lock: here one is held without the lock, and
/// let go in a while.
#[wasm_bindgen_test]
async fn a_busy_handle_is_waited_for() {
    let name = fresh("busy");
    drop(opfs::open_opfs(&name).await.unwrap());
    let hold = js_sys::Function::new_with_args(
        "name",
        "return (async () => {
           const root = await (await navigator.storage.getDirectory()).getDirectoryHandle('tidelog')
           for await (const key of root.keys()) {
             if (decodeURIComponent(key) !== name) continue
             const file = await (await root.getDirectoryHandle(key)).getFileHandle('main-wal')
             const handle = await file.createSyncAccessHandle()
             const start = performance.now()
             setTimeout(() => handle.close(), 400)
             return start
           }
           throw new Error('not found: ' + name)
         })()",
    );
    let held = hold.call1(&wasm_bindgen::JsValue::NULL, &name.as_str().into()).unwrap();
    let start = wasm_bindgen_futures::JsFuture::from(js_sys::Promise::from(held)).await.unwrap();
    let (vfs, _) = opfs::open_opfs(&name).await.unwrap();
    let now = js_sys::Function::new_no_args("return performance.now()")
        .call0(&wasm_bindgen::JsValue::NULL)
        .unwrap();
    let waited = now.as_f64().unwrap() - start.as_f64().unwrap();
    assert!((390.0..5000.0).contains(&waited), "waited {waited} ms");
    drop(vfs);
}
