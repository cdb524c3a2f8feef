//! The promises of upkeep: versions that tell whose writes, pages given back, and that SQL cannot
//! damage the file.

use super::*;
use crate::vfs::{Memory, Vfs};
use rusqlite::{Connection, OpenFlags};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_data_version_moves_with_others_writes_and_not_with_ours() {
    let vfs = Vfs::register(Memory::default()).unwrap();
    let name = vfs.name().to_string();
    let db = Db::open(vfs, "test.db", Options::default()).unwrap();
    db.writer().exec("CREATE TABLE t(a)").unwrap();
    let reader = || db.reader().one("PRAGMA data_version", &[], |r| r.int(0)).unwrap().unwrap();
    let (before, seen) = (db.data_version().unwrap(), reader());
    db.writer().exec("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(db.data_version().unwrap(), before);
    assert_ne!(reader(), seen, "to the reader our own writer is another connection");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let other = Connection::open_with_flags_and_vfs("test.db", flags, name.as_str()).unwrap();
    other.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    assert_ne!(db.data_version().unwrap(), before);
}

#[test]
fn neither_connection_lets_sql_write_the_schema_or_a_shadow_table() {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap();
    db.writer().exec("CREATE VIRTUAL TABLE f USING fts5(a)").unwrap();
    for sql in ["PRAGMA writable_schema = ON; DELETE FROM sqlite_schema", "DELETE FROM f_data"] {
        let refused = db.writer().exec(sql).unwrap_err();
        assert!(refused.to_string().contains("may not be modified"), "{refused}");
    }
    for conn in [db.writer(), db.reader()] {
        for (pragma, wanted) in [("trusted_schema", 0), ("cell_size_check", 1)] {
            let found = conn.one(&format!("PRAGMA {pragma}"), &[], |r| r.int(0)).unwrap();
            assert_eq!(found, Some(wanted), "{pragma}");
        }
    }
}

#[test]
fn free_pages_are_given_back_a_step_at_a_time() {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap();
    db.make_incremental().unwrap();
    db.writer()
        .exec("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(400000)); DROP TABLE t")
        .unwrap();
    let free = db.free_pages().unwrap();
    assert!(free > 90, "{free}");
    assert_eq!(db.give_back(10).unwrap(), free - 10);
    db.vacuum().unwrap();
    assert_eq!(db.free_pages().unwrap(), 0);
    db.optimize().unwrap();
}
