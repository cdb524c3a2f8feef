//! Storage whose commits are kept later, against a keeper that fails on demand: natively, what the
//! browser tests do with IndexedDB itself.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::shelf::{Shelf, now};
use tidelog::sql::{Db, Durability};
use tidelog::vfs::Deferred;
use tidelog::vfs::conformance::Opener;

fn sum(conn: &tidelog::sql::Conn) -> i64 {
    conn.one("SELECT coalesce(sum(a), 0) FROM t", &[], |r| r.int(0)).unwrap().unwrap_or(0)
}

/// The sum that an opening of the kept files finds now.
fn kept(shelf: &Shelf) -> i64 {
    sum(shelf.kept().open(Durability::Strict).writer())
}

/// Does the work that nobody waits for.
fn work(shelf: &Shelf) {
    loop {
        let Some(job) = shelf.jobs.0.borrow_mut().pop_front() else { return };
        now(job);
    }
}

fn intact(db: &Db) {
    for conn in [db.writer(), db.reader()] {
        let verdict =
            conn.one("PRAGMA integrity_check", &[], |r| Ok(r.text(0)?.to_string())).unwrap();
        assert_eq!(verdict.as_deref(), Some("ok"));
    }
}

fn add(db: &Db, a: i64) -> tidelog::error::Result<()> {
    now(async {
        db.admit().await?;
        db.transaction(|| {
            db.writer().exec(&format!("INSERT INTO t VALUES({a}, randomblob(5000))"))
        })?;
        db.settle().await
    })
}

#[derive(Default)]
struct Shelves(RefCell<BTreeMap<String, Deferred<Shelf>>>);

impl Opener for Shelves {
    type Storage = Deferred<Shelf>;
    const LOCKS: bool = false;

    async fn open(&self, name: &str) -> tidelog::error::Result<(Deferred<Shelf>, String)> {
        let files = || Shelf::default().files();
        Ok((
            self.0.borrow_mut().entry(name.into()).or_insert_with(files).clone(),
            format!("{name}.db"),
        ))
    }
}

#[test]
fn files_kept_later_do_all_that_sqlite_requires() {
    now(crate::suite::check(&Shelves::default(), "later"));
}

#[test]
fn a_strict_commit_is_kept_when_it_is_settled_and_not_before() {
    let shelf = Shelf::default();
    let db = shelf.open(Durability::Strict);
    db.writer().exec("CREATE TABLE t(a INTEGER, b)").unwrap();
    add(&db, 1).unwrap();
    assert_eq!(kept(&shelf), 1);
    db.writer().exec("INSERT INTO t VALUES(2, 0)").unwrap();
    assert_eq!((sum(db.reader()), kept(&shelf)), (3, 1));
    let batches = shelf.disk.borrow().batches;
    now(db.settle()).unwrap();
    now(db.settle()).unwrap();
    assert_eq!(
        (kept(&shelf), shelf.disk.borrow().batches),
        (3, batches + 1),
        "an empty batch was kept"
    );
}

/// Failures at every kind of commit: plain, with a checkpoint, after a checkpoint emptied the WAL,
/// with a new schema, with frames that were spilled before. After each, both connections and what
/// is kept are as they were.
#[test]
fn a_strict_commit_that_is_not_kept_never_was() {
    let kinds = [
        "INSERT INTO t VALUES(100, zeroblob(100))",
        "INSERT INTO t VALUES(100, 0); PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES(100, 0)",
        "CREATE TABLE more(x); INSERT INTO more VALUES(1); UPDATE t SET a = 7",
        "ALTER TABLE t ADD COLUMN c DEFAULT 4; UPDATE t SET c = 5",
        "DELETE FROM t; VACUUM",
        "PRAGMA user_version = 9; INSERT INTO t SELECT 100, randomblob(900) FROM generate",
    ];
    for before in 0..3 {
        for kind in kinds {
            let shelf = Shelf::default();
            let db = shelf.open(Durability::Strict);
            let w = db.writer();
            w.exec("CREATE TABLE t(a INTEGER, b); CREATE TABLE generate(n)").unwrap();
            w.exec("INSERT INTO generate WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<9000) SELECT i FROM c").unwrap();
            for a in 1..=3 + before {
                add(&db, a).unwrap();
            }
            if before == 1 {
                w.exec("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
                now(db.settle()).unwrap();
            }
            let expected = sum(w);
            assert_eq!(sum(db.reader()), expected);
            for _ in 0..2 {
                shelf.fails.set(true);
                w.exec(kind).unwrap();
                assert_eq!(now(db.settle()).unwrap_err().code(), "QUOTA");
                assert!(db.is_full());
                assert_eq!(
                    (sum(w), sum(db.reader()), kept(&shelf)),
                    (expected, expected, expected),
                    "{kind}"
                );
                assert!(
                    w.exec("SELECT c FROM t").is_err() && w.exec("SELECT x FROM more").is_err()
                );
                assert!(db.reader().exec("SELECT c FROM t").is_err(), "{kind}");
                intact(&db);
                shelf.fails.set(false);
            }
            // the same schema version comes to mean something else now
            w.exec("ALTER TABLE t ADD COLUMN d DEFAULT 6").unwrap();
            add_row(&db);
            assert!(!db.is_full());
            let d = |conn: &tidelog::sql::Conn| {
                conn.one("SELECT sum(d) FROM t", &[], |r| r.int(0)).unwrap()
            };
            assert_eq!(d(db.reader()), d(w), "{kind}");
            assert_eq!(kept(&shelf), expected + 1000, "{kind}");
            intact(&db);
        }
    }
}

/// The version of a schema that was undone comes to mean another one, and a connection that read
/// nothing in between must notice.
#[test]
fn a_schema_that_was_undone_is_not_taken_for_the_next_one() {
    let shelf = Shelf::default();
    let db = shelf.open(Durability::Strict);
    db.writer().exec("CREATE TABLE t(a INTEGER, b)").unwrap();
    add(&db, 1).unwrap();
    shelf.fails.set(true);
    db.writer().exec("ALTER TABLE t ADD COLUMN lost DEFAULT 5").unwrap();
    let value = |sql: &str| db.reader().one(sql, &[], |r| r.int(0));
    assert_eq!(value("SELECT lost FROM t").unwrap(), Some(5));
    assert_eq!(now(db.settle()).unwrap_err().code(), "QUOTA");
    shelf.fails.set(false);
    db.writer().exec("ALTER TABLE t ADD COLUMN next DEFAULT 6").unwrap();
    now(db.settle()).unwrap();
    assert_eq!(value("SELECT next FROM t").unwrap(), Some(6));
    assert!(value("SELECT lost FROM t").is_err());
}

fn add_row(db: &Db) {
    now(async {
        db.writer().exec("INSERT INTO t(a) VALUES(1000)").unwrap();
        db.settle().await.unwrap();
    });
}

#[test]
fn relaxed_commits_do_not_wait_and_after_a_failure_none_comes_before_all_are_kept() {
    let shelf = Shelf::default();
    let db = shelf.open(Durability::Relaxed);
    db.writer().exec("CREATE TABLE t(a INTEGER, b)").unwrap();
    now(db.flush()).unwrap();
    add(&db, 1).unwrap();
    assert_eq!(kept(&shelf), 0, "it waited");
    work(&shelf);
    assert_eq!(kept(&shelf), 1);
    shelf.fails.set(true);
    add(&db, 10).unwrap();
    add(&db, 100).unwrap();
    assert!(!db.is_full());
    work(&shelf);
    assert!(db.is_full(), "a failure that nobody waited for does not show");
    assert_eq!(add(&db, 1000).unwrap_err().code(), "QUOTA");
    assert_eq!((sum(db.reader()), kept(&shelf)), (111, 1), "an acknowledged write was taken back");
    assert_eq!(now(db.finish()).unwrap_err().code(), "QUOTA", "closing hides what would be lost");
    shelf.fails.set(false);
    add(&db, 1000).unwrap();
    assert!(!db.is_full());
    assert_eq!(kept(&shelf), 111, "the probe keeps what was owed");
    work(&shelf);
    assert_eq!((sum(db.writer()), kept(&shelf)), (1111, 1111));
    intact(&db);
}
