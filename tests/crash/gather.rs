//! The cost of a commit for the storage, and the corners of gathering that the loop meets only by
//! luck.

use rusqlite::{Connection, OpenFlags};
use tidelog::vfs::{Memory, Vfs};

use crate::crash::damage::Machine;
use crate::crash::disk::{Disk, Fault};

fn connect(vfs: &Vfs, synchronous: &str) -> Connection {
    let db = Connection::open_with_flags_and_vfs("a.db", OpenFlags::default(), vfs.name()).unwrap();
    db.execute_batch(&format!("PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}"))
        .unwrap();
    db.execute_batch("CREATE TABLE IF NOT EXISTS t(a, b)").unwrap();
    db
}

fn rows(db: &Connection) -> i64 {
    db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
}

/// Writes and flushes that `sql` takes.
fn cost(disk: &Disk, db: &Connection, sql: &str) -> (u64, u64) {
    let before = disk.writes_and_flushes();
    db.execute_batch(sql).unwrap();
    let after = disk.writes_and_flushes();
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn a_commit_is_one_write_and_in_strict_one_flush() {
    for (synchronous, flushes) in [("FULL", 1), ("NORMAL", 0)] {
        let disk = Disk::new(Machine::default(), None, false);
        let vfs = Vfs::register(disk.clone()).unwrap();
        let db = connect(&vfs, synchronous);
        assert_eq!(cost(&disk, &db, "INSERT INTO t VALUES(1, 2)"), (1, flushes));
        let many =
            "BEGIN; CREATE INDEX i ON t(a); INSERT INTO t VALUES(1, randomblob(90000)); COMMIT";
        assert_eq!(cost(&disk, &db, many), (1, flushes));
        assert_eq!(cost(&disk, &db, "BEGIN; INSERT INTO t VALUES(1, 2); ROLLBACK"), (0, 0));
    }
}

#[test]
fn a_transaction_larger_than_the_buffer_goes_out_in_few_writes() {
    let disk = Disk::new(Machine::default(), None, false);
    let vfs = Vfs::register(disk.clone()).unwrap();
    let db = connect(&vfs, "FULL");
    db.execute_batch("PRAGMA cache_size=100; PRAGMA wal_autocheckpoint=0").unwrap();
    let bulk =
        "BEGIN; INSERT INTO t WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<3000)
                SELECT i, randomblob(4000) FROM c; COMMIT";
    let (writes, flushes) = cost(&disk, &db, bulk);
    assert!((3..=20).contains(&writes), "12 MB took {writes} writes");
    assert_eq!(flushes, 1);
    let undone = bulk.replace("COMMIT", "ROLLBACK");
    let size = disk.size_of("a.db-wal");
    assert!(cost(&disk, &db, &undone).0 <= 20);
    assert!(disk.size_of("a.db-wal") > size, "nothing spilled: the test tests nothing");
    assert_eq!((rows(&db), rows(&connect(&vfs, "FULL"))), (3000, 3000));
}

/// A loss of power that keeps the end of a transaction and loses its start leaves frames that must
/// never count again, though the same transaction, tried anew, would fill the gap with the very
/// frames that were lost.
#[test]
fn what_recovery_did_not_believe_stays_unbelieved() {
    let image = Memory::new();
    let vfs = Vfs::register(image.clone()).unwrap();
    let db = connect(&vfs, "NORMAL");
    db.execute_batch("INSERT INTO t VALUES(1, 1)").unwrap();
    let before = image.snapshot()["a.db-wal"].len();
    db.execute_batch("INSERT INTO t VALUES(2, zeroblob(9000))").unwrap();
    let mut files = image.snapshot();
    let lost: Vec<u8> = files["a.db-wal"][before..before + 24 + 4096].to_vec();
    files.get_mut("a.db-wal").unwrap()[before..before + lost.len()].fill(0);

    let image = Memory::from_files(files);
    let vfs = Vfs::register(image.clone()).unwrap();
    let db = Connection::open_with_flags_and_vfs("a.db", OpenFlags::default(), vfs.name()).unwrap();
    assert_eq!(rows(&db), 1);
    let mut files = image.snapshot();
    let wal = files.get_mut("a.db-wal").unwrap();
    // a write of the same frame, and then the process dies
    wal.resize(wal.len().max(before + lost.len()), 0);
    wal[before..before + lost.len()].copy_from_slice(&lost);
    let vfs = Vfs::register(Memory::from_files(files)).unwrap();
    assert_eq!(rows(&connect(&vfs, "NORMAL")), 1, "a transaction that was gone came back");
}

#[test]
fn a_read_that_fails_during_recovery_costs_no_commit() {
    let image = Memory::new();
    let vfs = Vfs::register(image.clone()).unwrap();
    let db = connect(&vfs, "FULL");
    db.execute_batch("INSERT INTO t VALUES(1, 1)").unwrap();
    let files = image.snapshot();
    let mut failed = 0;
    for at in 1..40 {
        for fault in [Fault::Fail, Fault::Half, Fault::Late] {
            let disk = Disk::new(Machine::with(files.clone()), Some((fault, at)), false);
            let vfs = Vfs::register(disk.clone()).unwrap();
            let open = || {
                let db =
                    Connection::open_with_flags_and_vfs("a.db", OpenFlags::default(), vfs.name())?;
                db.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
            };
            while !disk.fired() {
                failed += u64::from(open().is_err());
            }
            assert_eq!(open(), Ok(1), "{fault:?} at {at}");
        }
    }
    assert!(failed > 10, "only {failed} faults were met");
}
