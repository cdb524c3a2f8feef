//! The conformance suite on memory, natively.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tidelog::vfs::Memory;
use tidelog::vfs::conformance::Opener;

/// One memory per database name.
#[derive(Default)]
struct Memories(RefCell<BTreeMap<String, Memory>>);

impl Opener for Memories {
    type Storage = Memory;
    const LOCKS: bool = false;

    async fn open(&self, name: &str) -> tidelog::error::Result<(Memory, String)> {
        Ok((self.0.borrow_mut().entry(name.into()).or_default().clone(), format!("{name}.db")))
    }
}

#[test]
fn memory_does_all_that_sqlite_requires() {
    let memories = Memories::default();
    let suite = pin!(crate::suite::check(&memories, "m"));
    let done = suite.poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(done, Poll::Ready(()), "nothing here waits");
}

#[test]
fn a_fork_is_what_a_dead_machine_leaves() {
    let memory = Memory::new();
    let vfs = tidelog::vfs::Vfs::register(memory.clone()).unwrap();
    let open = |vfs: &tidelog::vfs::Vfs| {
        rusqlite::Connection::open_with_flags_and_vfs(
            "a",
            rusqlite::OpenFlags::default(),
            vfs.name(),
        )
        .unwrap()
    };
    let db = open(&vfs);
    db.execute_batch(
        "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(1); BEGIN; INSERT INTO t VALUES(2)",
    )
    .unwrap();
    let after = tidelog::vfs::Vfs::register(memory.fork()).unwrap();
    let count: i64 = open(&after).query_row("SELECT sum(a) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    db.execute_batch("COMMIT").unwrap();
    let count: i64 = open(&after).query_row("SELECT sum(a) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1, "the copy is not a copy");
}
