//! The abilities that SQLite must have on every storage, as functions any test can call;
//! `conformance` has the other half.

use rusqlite::{Connection, OpenFlags};
use tidelog::vfs::Vfs;
use tidelog::vfs::conformance::{Opener, check_storage};

fn connect(vfs: &Vfs, main: &str, mode: &str) -> Connection {
    let db = Connection::open_with_flags_and_vfs(main, OpenFlags::default(), vfs.name()).unwrap();
    let got: String =
        db.query_row(&format!("PRAGMA journal_mode={mode}"), [], |row| row.get(0)).unwrap();
    assert_eq!(got, mode);
    db
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn intact(db: &Connection) {
    let verdict: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

fn fill(rows: i64) -> String {
    format!(
        "INSERT INTO t WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<{rows})
         SELECT i, printf('%0900d', i) FROM c;"
    )
}

/// Everything, on databases called `{prefix}-…`, which must not be there yet.
pub(crate) async fn check<O: Opener>(opener: &O, prefix: &str) {
    check_storage(opener, &format!("{prefix}-raw")).await.unwrap();
    two_connections_share_one_wal(opener, &format!("{prefix}-wal")).await;
    rollback_journals_work_too(opener, &format!("{prefix}-journal")).await;
    what_was_committed_is_there_after_reopening(opener, &format!("{prefix}-reopen")).await;
    many_databases_keep_apart(opener, &format!("{prefix}-many")).await;
    databases_travel_as_bytes(opener, &format!("{prefix}-bytes")).await;
    an_open_connection_keeps_its_files(opener, &format!("{prefix}-kept")).await;
}

async fn open<O: Opener>(opener: &O, name: &str) -> (Vfs, String) {
    let (storage, main) = opener.open(name).await.unwrap();
    (Vfs::register(storage).unwrap(), main)
}

async fn two_connections_share_one_wal<O: Opener>(opener: &O, name: &str) {
    let (vfs, main) = open(opener, name).await;
    let writer = connect(&vfs, &main, "wal");
    let reader = connect(&vfs, &main, "wal");
    writer.execute_batch("CREATE TABLE t(a, b)").unwrap();
    writer.execute_batch(&format!("BEGIN; {}", fill(3000))).unwrap();
    assert_eq!(number(&writer, "SELECT count(*) FROM t"), 3000);
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 0, "the reader sees an open transaction");
    assert!(reader.execute_batch("INSERT INTO t VALUES(0, 0)").is_err(), "two writers at once");
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 3000);

    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    writer.execute_batch("DELETE FROM t WHERE a > 1000").unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 3000, "a read's snapshot has moved");
    assert_eq!(
        number(&writer, "PRAGMA wal_checkpoint(TRUNCATE)"),
        1,
        "a checkpoint ran over a reader"
    );
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 1000);

    writer.execute_batch(&format!("BEGIN; {} ROLLBACK", fill(4000))).unwrap();
    writer
        .execute_batch(&format!("BEGIN; SAVEPOINT s; {} ROLLBACK TO s; COMMIT", fill(2000)))
        .unwrap();
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 1000, "undone rows came back");
    assert_eq!(number(&writer, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    let before = vfs.export(&main).unwrap().len();
    writer.execute_batch("VACUUM").unwrap();
    assert_eq!(number(&writer, "PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    assert!(vfs.export(&main).unwrap().len() < before / 2, "VACUUM did not shorten the file");
    intact(&reader);
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 1000);
    assert!(vfs.last_error().is_none(), "something failed unseen");
}

async fn rollback_journals_work_too<O: Opener>(opener: &O, name: &str) {
    let (vfs, main) = open(opener, name).await;
    for mode in ["delete", "truncate", "persist"] {
        let db = connect(&vfs, &main, mode);
        db.execute_batch(&format!("CREATE TABLE IF NOT EXISTS t(a, b); {}", fill(200))).unwrap();
        let rows = number(&db, "SELECT count(*) FROM t");
        db.execute_batch(&format!("PRAGMA cache_size=10; BEGIN; {} ROLLBACK", fill(2000))).unwrap();
        assert_eq!(number(&db, "SELECT count(*) FROM t"), rows, "{mode}");
        let other = connect(&vfs, &main, mode);
        db.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES(1, 1)").unwrap();
        assert!(other.execute_batch("BEGIN IMMEDIATE").is_err(), "{mode}: two writers at once");
        assert_eq!(number(&other, "SELECT count(*) FROM t"), rows, "{mode}");
        db.execute_batch("COMMIT").unwrap();
        assert_eq!(number(&other, "SELECT count(*) FROM t"), rows + 1, "{mode}");
        intact(&other);
    }
    let db = connect(&vfs, &main, "wal");
    let sorted = "SELECT count(*) FROM (SELECT DISTINCT b, a FROM t ORDER BY b DESC)";
    db.execute_batch("PRAGMA cache_size=10; CREATE TEMP TABLE temporary AS SELECT * FROM t")
        .unwrap();
    assert!(number(&db, sorted) > 0);
    assert_eq!(
        number(&db, "SELECT count(*) FROM temporary"),
        number(&db, "SELECT count(*) FROM t")
    );
}

async fn what_was_committed_is_there_after_reopening<O: Opener>(opener: &O, name: &str) {
    for round in 1..=5 {
        let (vfs, main) = open(opener, name).await;
        assert_eq!(vfs.contains(&main).unwrap(), round > 1);
        let db = connect(&vfs, &main, "wal");
        db.execute_batch("CREATE TABLE IF NOT EXISTS t(a, b)").unwrap();
        assert_eq!(number(&db, "SELECT count(*) FROM t"), (round - 1) * 300);
        db.execute_batch(&fill(300)).unwrap();
        db.execute_batch("BEGIN; DELETE FROM t").unwrap();
        drop(db);
        let db = connect(&vfs, &main, "wal");
        assert_eq!(
            number(&db, "SELECT count(*) FROM t"),
            round * 300,
            "closing committed an open transaction"
        );
        intact(&db);
    }
}

async fn many_databases_keep_apart<O: Opener>(opener: &O, name: &str) {
    let mut open_ones = Vec::new();
    for index in 0..5 {
        let (vfs, main) = open(opener, &format!("{name}-{index}")).await;
        let db = connect(&vfs, &main, "wal");
        db.execute_batch(&format!("CREATE TABLE t(a, b); {}", fill(index + 1))).unwrap();
        open_ones.push((db, vfs));
    }
    for (index, (db, _)) in open_ones.iter().enumerate() {
        assert_eq!(number(db, "SELECT count(*) FROM t"), index as i64 + 1);
    }
}

async fn databases_travel_as_bytes<O: Opener>(opener: &O, name: &str) {
    let (vfs, main) = open(opener, &format!("{name}-from")).await;
    let db = connect(&vfs, &main, "wal");
    db.execute_batch(&format!("CREATE TABLE t(a, b); {}", fill(500))).unwrap();
    assert_eq!(vfs.export(&main).unwrap_err().code(), "BAD_VALUE", "an export left the WAL out");
    drop(db);
    let bytes = vfs.export(&main).unwrap();
    let (to, to_main) = open(opener, &format!("{name}-to")).await;
    assert_eq!(to.export(&to_main).unwrap_err().code(), "NOT_FOUND");
    assert_eq!(to.import(&to_main, b"no database").unwrap_err().code(), "CORRUPT");
    to.import(&to_main, &bytes).unwrap();
    assert_eq!(to.import(&to_main, &bytes).unwrap_err().code(), "EXISTS");
    let db = connect(&to, &to_main, "wal");
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 500);
    intact(&db);
}

/// A connection that was forgotten must never call into freed memory, nor lose its lock to another.
async fn an_open_connection_keeps_its_files<O: Opener>(opener: &O, name: &str) {
    let (vfs, main) = open(opener, name).await;
    let db = connect(&vfs, &main, "wal");
    drop(vfs);
    db.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES(1)").unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM t"), 1);
    if O::LOCKS {
        assert_eq!(opener.open(name).await.err().unwrap().code(), "LOCKED");
    }
}
