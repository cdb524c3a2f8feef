//! Handles that lie, fail and throw, in Node: no count is believed, and SQLite hears of every
//! failure.
#![cfg(target_family = "wasm")]
#![allow(clippy::unwrap_used)]

use rusqlite::{Connection, OpenFlags};
use tidelog::vfs::{HandleFile, Storage, StorageError, StorageFile, SyncHandle, Vfs};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::*;

/// Files in JS arrays whose writes go wrong once `globalThis.wrong` is set.
const FILES: &str = "
  const files = {}
  globalThis.wrong = null
  return name => ({
    read(view, {at}) {
      const bytes = (files[name] ?? []).slice(at, at + view.length)
      view.set(bytes)
      return globalThis.wrong?.startsWith('read') ? Number(globalThis.wrong.slice(5)) : bytes.length
    },
    write(view, {at}) {
      const wrong = globalThis.wrong
      if (wrong === 'throw') throw new DOMException('over the quota', 'QuotaExceededError')
      if (wrong === 'ENOSPC') throw Object.assign(new Error('no space'), {code: 'ENOSPC'})
      if (wrong === 'EIO') throw Object.assign(new Error('bad disk'), {code: 'EIO'})
      const file = (files[name] ??= [])
      const count = wrong === 'short' ? view.length >> 1 : view.length
      while (file.length < at) file.push(0)
      for (let i = 0; i < count; i++) file[at + i] = view[i]
      return wrong?.startsWith('count') ? Number(wrong.slice(6)) : count
    },
    truncate(size) { (files[name] ??= []).length = size },
    flush() { if (globalThis.wrong === 'flush') throw new DOMException('lost', 'InvalidStateError') },
    getSize() { return globalThis.wrong === 'size' ? undefined : (files[name] ?? []).length },
    close() {},
  })";

struct Lying(js_sys::Function);

impl Lying {
    fn new() -> Self {
        let make = js_sys::Function::new_no_args(FILES).call0(&JsValue::NULL).unwrap();
        Lying(make.unchecked_into())
    }
}

impl Storage for Lying {
    fn open(&self, name: &str, _: bool) -> Result<Box<dyn StorageFile>, StorageError> {
        let handle: SyncHandle =
            self.0.call1(&JsValue::NULL, &name.into()).unwrap().unchecked_into();
        Ok(Box::new(HandleFile::new(handle, name)))
    }
    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        Ok(self.open(name, false)?.size()? > 0)
    }
    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.open(name, false)?.truncate(0)
    }
    fn names(&self) -> Result<Vec<String>, StorageError> {
        Ok(Vec::new())
    }
}

fn wrong(what: Option<&str>) {
    let what = what.map_or(JsValue::NULL, Into::into);
    js_sys::Reflect::set(&js_sys::global(), &"wrong".into(), &what).unwrap();
}

#[wasm_bindgen_test]
fn every_wrong_write_is_an_error_and_rolls_back() {
    let vfs = Vfs::register(Lying::new()).unwrap();
    let connect =
        || Connection::open_with_flags_and_vfs("main", OpenFlags::default(), vfs.name()).unwrap();
    let (db, reader) = (connect(), connect());
    db.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1)")
        .unwrap();
    let count = |db: &Connection| {
        db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let cases = [
        ("throw", "SQLITE_FULL"),
        ("ENOSPC", "SQLITE_FULL"),
        ("short", "SQLITE_FULL"),
        ("count 4294967288", "SQLITE_FULL"),
        ("count 0", "SQLITE_FULL"),
        ("count 99999999", "SQLITE_IOERR"),
        ("count 4294967295", "SQLITE_IOERR"),
        ("count -1", "SQLITE_IOERR"),
        ("count x", "SQLITE_IOERR"),
        ("EIO", "SQLITE_IOERR"),
        ("flush", "SQLITE_IOERR"),
    ];
    for (what, code) in cases {
        vfs.last_error();
        wrong(Some(what));
        let failed = db.execute_batch("INSERT INTO t VALUES(2)");
        wrong(None);
        assert_eq!(tidelog::error::Error::from(failed.unwrap_err()).code(), code, "{what}");
        let cause = vfs.last_error().unwrap();
        assert_eq!(
            matches!(cause, StorageError::Quota(_)),
            code == "SQLITE_FULL",
            "{what}: {cause}"
        );
        assert!(db.is_autocommit());
        assert_eq!((count(&db), count(&reader)), (1, 1), "{what}");
    }
    db.execute_batch("INSERT INTO t VALUES(3)").unwrap();
    assert_eq!(count(&reader), 2);
    drop((db, reader));
    assert_eq!(count(&connect()), 2, "a rolled-back row came back");
}

#[wasm_bindgen_test]
fn a_wrong_count_of_a_read_is_no_end_of_file() {
    let lying = Lying::new();
    lying.open("main", true).unwrap().write(&[7; 100], 0).unwrap();
    for (what, fails) in
        [("read 200", true), ("read -1", true), ("read x", true), ("read 10", false)]
    {
        wrong(Some(what));
        let read = lying.open("main", true).unwrap().read(&mut [0; 100], 0);
        wrong(None);
        assert_eq!(read.is_err(), fails, "{what}: {read:?}");
    }
    let vfs = Vfs::register(Lying::new()).unwrap();
    let db = Connection::open_with_flags_and_vfs("main", OpenFlags::default(), vfs.name()).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA cache_size=0; CREATE TABLE t(a); INSERT INTO t VALUES(1)",
    )
    .unwrap();
    let count = || db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
    assert_eq!(count(), Ok(1));
    db.execute_batch("PRAGMA shrink_memory").unwrap();
    wrong(Some("read 10"));
    let short = count();
    wrong(None);
    assert!(short.is_err(), "a short read was taken for the end: {short:?}");
    assert_eq!(count(), Ok(1));
    wrong(Some("size"));
    let size = lying.open("main", true).unwrap().size();
    wrong(None);
    assert!(size.is_err(), "{size:?}");
}
