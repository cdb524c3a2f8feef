//! SQLite on the memory storage: a writer and a reader in WAL on one file, and what they see of each other.
#![allow(clippy::unwrap_used)]

use rusqlite::{Connection, OpenFlags};
use tidelog::vfs::{Memory, Storage, Vfs};

fn connect(vfs: &Vfs, file: &str) -> Connection {
    let db = Connection::open_with_flags_and_vfs(file, OpenFlags::default(), vfs.name()).unwrap();
    let mode: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    db
}

fn count(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_reader_sees_only_commits_while_a_transaction_is_open() {
    let memory = Memory::new();
    let vfs = Vfs::register(memory.clone()).unwrap();
    let writer = connect(&vfs, "a.db");
    let reader = connect(&vfs, "a.db");
    writer.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES(1)").unwrap();
    assert_eq!(count(&reader), 1);
    writer.execute_batch("BEGIN; INSERT INTO t VALUES(2),(3)").unwrap();
    assert_eq!((count(&writer), count(&reader)), (3, 1));
    assert!(reader.execute_batch("INSERT INTO t VALUES(9)").is_err(), "two writers at once");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&reader), 3);
    writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; INSERT INTO t VALUES(4)").unwrap();
    assert_eq!(count(&reader), 4);
    drop((writer, reader));
    assert_eq!(memory.names().unwrap(), ["a.db"], "a clean close leaves no WAL");
    let again = connect(&vfs, "a.db");
    assert_eq!(count(&again), 4);
}
