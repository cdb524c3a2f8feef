//! IndexedDB in a dedicated worker of a real browser: the conformance suite, and transactions that
//! fail.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)] // a test

use tidelog::sql::{Db, Durability, Options};
use tidelog::vfs::conformance::Opener;
use tidelog::vfs::idb::{self, Idb};
use tidelog::vfs::opfs;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::*;

struct Databases;

impl Opener for Databases {
    type Storage = Idb;
    const LOCKS: bool = true;

    async fn open(&self, name: &str) -> tidelog::error::Result<(Idb, String)> {
        Idb::open(name).await
    }
}

/// Names of this run only: the test's origin may have been used before.
fn fresh(name: &str) -> String {
    // letters that IndexedDB's name of it has as they are
    format!("idb-{name}-{}", js_sys::Date::now() + js_sys::Math::random())
}

/// Runs a piece of JS with `name`, IndexedDB's name of the database; awaits what it returns.
async fn js(name: &str, body: &str) -> JsValue {
    let name = js_sys::encode_uri_component(name)
        .as_string()
        .unwrap()
        .replace('I', "%49")
        .replace('S', "%53");
    let source = format!("return (async name => {{ {body} }})('tidelog/' + {name:?})");
    let call = js_sys::Function::new_no_args(&source).call0(&JsValue::NULL).unwrap();
    JsFuture::from(call.unchecked_into::<js_sys::Promise>()).await.unwrap()
}

async fn open(name: &str, durability: Durability) -> Db {
    let (vfs, main) = idb::open_idb(name).await.unwrap();
    let db = Db::open(vfs, &main, Options { durability, read_only: false }).unwrap();
    db.writer().exec("CREATE TABLE IF NOT EXISTS t(a INTEGER, b)").unwrap();
    db.flush().await.unwrap();
    db
}

async fn add(db: &Db, a: i64) -> tidelog::error::Result<()> {
    db.admit().await?;
    db.transaction(|| db.writer().exec(&format!("INSERT INTO t VALUES({a}, randomblob(3000))")))?;
    db.settle().await
}

fn sum(conn: &tidelog::sql::Conn) -> i64 {
    conn.one("SELECT coalesce(sum(a), 0) FROM t", &[], |r| r.int(0)).unwrap().unwrap()
}

fn intact(db: &Db) {
    let verdict =
        db.writer().one("PRAGMA integrity_check", &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    assert_eq!(verdict.as_deref(), Some("ok"));
}

#[wasm_bindgen_test]
async fn indexeddb_does_all_that_sqlite_requires() {
    crate::suite::check(&Databases, &fresh("suite")).await;
}

#[wasm_bindgen_test]
async fn indexeddb_databases_are_listed_exported_imported_renamed_and_deleted() {
    let (a, b, c) = (fresh("a"), fresh("b"), fresh("c"));
    let listed = async |name: &String| idb::list().await.unwrap().contains(name);
    assert_eq!(idb::export(&a).await.unwrap_err().code(), "NOT_FOUND");
    assert!(!listed(&a).await && !idb::contains(&a).await.unwrap(), "asking made a database");
    let db = open(&a, Durability::Strict).await;
    add(&db, 7).await.unwrap();
    assert!(listed(&a).await);
    assert_eq!(idb::open_idb(&a).await.unwrap_err().code(), "LOCKED");
    assert_eq!(
        opfs::open_opfs(&a).await.unwrap_err().code(),
        "LOCKED",
        "one name, two databases at a time"
    );
    assert_eq!(idb::delete(&a).await.unwrap_err().code(), "LOCKED");
    db.finish().await.unwrap();
    drop(db);
    let bytes = idb::export(&a).await.unwrap();
    assert_eq!(idb::import(&b, b"no database").await.unwrap_err().code(), "CORRUPT");
    assert!(!listed(&b).await, "a refused import left a database");
    idb::import(&b, &bytes).await.unwrap();
    assert_eq!(idb::import(&b, &bytes).await.unwrap_err().code(), "EXISTS");
    assert_eq!(idb::rename(&a, &b).await.unwrap_err().code(), "EXISTS");
    idb::rename(&a, &c).await.unwrap();
    assert!(!listed(&a).await && listed(&b).await && listed(&c).await);
    assert_eq!(idb::export(&c).await.unwrap(), bytes);
    idb::delete(&b).await.unwrap();
    assert_eq!(idb::delete(&b).await.unwrap_err().code(), "NOT_FOUND");
    idb::delete(&c).await.unwrap();
    assert!(!listed(&b).await && !listed(&c).await);
}

/// Makes the transactions of the worker go wrong: `globalThis.wrong` says how the next ones do.
const WRONG: &str = "
  if (globalThis.wrong !== undefined) return
  globalThis.wrong = null
  const begin = IDBDatabase.prototype.transaction
  IDBDatabase.prototype.transaction = function (...args) {
    const made = begin.apply(this, args)
    if (args[1] !== 'readwrite' || !globalThis.wrong) return made
    const wrong = globalThis.wrong
    if (wrong === 'throw') { made.abort(); throw new DOMException('over', 'QuotaExceededError') }
    const put = IDBObjectStore.prototype.put
    const store = made.objectStore.bind(made)
    made.objectStore = name => {
      const found = store(name)
      let puts = 0
      found.put = (...args) => {
        puts += 1
        if (wrong === 'throw in put' && puts === 2) throw new DOMException('over', 'QuotaExceededError')
        const request = put.apply(found, args)
        if (wrong === 'abort at once' && puts === 2) queueMicrotask(() => made.abort())
        if (wrong === 'abort after a put') request.addEventListener('success', () => made.abort())
        return request
      }
      return found
    }
    if (wrong === 'close') this.close()
    return made
  }";

async fn wrong(how: Option<&str>) {
    js("", WRONG).await;
    let how = how.map_or(JsValue::NULL, Into::into);
    js_sys::Reflect::set(&js_sys::global(), &"wrong".into(), &how).unwrap();
}

#[wasm_bindgen_test]
async fn a_commit_whose_transaction_fails_never_was() {
    let name = fresh("abort");
    let mut db = open(&name, Durability::Strict).await;
    let mut expected = 0;
    let ways = [
        ("throw", "QUOTA"),
        ("throw in put", "QUOTA"),
        ("abort at once", "IO"),
        ("abort after a put", "IO"),
    ];
    for k in 1..=60 {
        let (how, code) = ways[k % 4];
        wrong(Some(how)).await;
        let failed = add(&db, 1_000_000).await;
        wrong(None).await;
        assert_eq!(failed.unwrap_err().code(), code, "{how}");
        assert_eq!((sum(db.writer()), sum(db.reader())), (expected, expected), "{how}");
        add(&db, k as i64).await.unwrap();
        expected += k as i64;
        if k % 15 == 0 {
            // left behind without closing: what is kept must be all of it
            if k % 30 == 0 {
                db.finish().await.unwrap();
            }
            drop(db);
            db = open(&name, Durability::Strict).await;
        }
        assert_eq!((sum(db.writer()), sum(db.reader())), (expected, expected), "{how}");
        intact(&db);
    }
}

#[wasm_bindgen_test]
async fn a_connection_that_the_browser_closed_is_opened_again() {
    let name = fresh("closed");
    let db = open(&name, Durability::Strict).await;
    wrong(Some("close")).await;
    // closing waits for the transaction: this one still succeeds, the next finds the connection
    // closed
    add(&db, 1).await.unwrap();
    wrong(None).await;
    add(&db, 2).await.unwrap();
    drop(db);
    assert_eq!(sum(open(&name, Durability::Strict).await.reader()), 3);
}

#[wasm_bindgen_test]
async fn nothing_is_built_on_what_somebody_else_wrote_or_removed() {
    let head = "
      const db = await new Promise((ok, no) => {
        const request = indexedDB.open(name)
        request.onsuccess = () => ok(request.result)
        request.onerror = no
      })
      const done = db.transaction('blocks', 'readwrite')
      const store = done.objectStore('blocks')
      store.get('head').onsuccess = ({target}) => store.put({...target.result, writer: 0.5}, 'head')
      await new Promise(ok => { done.oncomplete = ok })
      db.close()";
    let remove = "
      await new Promise((ok, no) => Object.assign(indexedDB.deleteDatabase(name), {onsuccess: ok, onerror: no}))";
    for meddle in [head, remove] {
        let name = fresh("fence");
        let db = open(&name, Durability::Strict).await;
        add(&db, 1).await.unwrap();
        js(&name, meddle).await;
        for _ in 0..2 {
            assert_eq!(add(&db, 2).await.unwrap_err().code(), "IO");
            assert_eq!(sum(db.reader()), 1, "reads go on");
        }
        drop(db);
        assert_eq!(
            idb::contains(&name).await.unwrap(),
            meddle == head,
            "something was written back"
        );
    }
}

#[wasm_bindgen_test]
async fn relaxed_commits_follow_each_other_and_all_are_kept_in_the_end() {
    let name = fresh("relaxed");
    let db = open(&name, Durability::Relaxed).await;
    for _ in 0..200 {
        add(&db, 1).await.unwrap();
    }
    wrong(Some("abort at once")).await;
    add(&db, 1000).await.unwrap();
    let refused = loop {
        match add(&db, 1000).await {
            Ok(()) => js("", "await new Promise(ok => setTimeout(ok, 5))").await,
            Err(error) => break error,
        };
    };
    assert_eq!(refused.code(), "IO");
    let acknowledged = sum(db.reader());
    assert_eq!(db.finish().await.unwrap_err().code(), "IO");
    wrong(None).await;
    add(&db, 1).await.unwrap();
    db.finish().await.unwrap();
    drop(db);
    let db = open(&name, Durability::Relaxed).await;
    assert_eq!(sum(db.reader()), acknowledged + 1);
    intact(&db);
}
