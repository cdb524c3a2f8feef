//! The SQLite log against the one in memory, and what must survive a restart.

use super::*;
use crate::sql::Options;
use crate::sync::limits;
use crate::sync::memory::MemoryLog;
use crate::sync::server as rules;
use crate::sync::wire::{At, Outgoing, Pull, Push, Pushed, Segment, to_json};
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const EPOCH: [u8; 8] = [3; 8];

fn open(storage: &Memory) -> Result<Server> {
    let db = Db::open(Vfs::register(storage.clone())?, "log.db", Options::default())?;
    Server::open(db, "todo", Epoch::from_bytes(EPOCH))
}

fn start() -> At {
    let Point { seq, h } = chain::start("todo");
    At { epoch: None, seq, h }
}

fn out(x: u8, n: u64, data: &str) -> Outgoing {
    Outgoing {
        id: Id::from_bytes([x; 16]),
        n,
        event_type: "tä".into(),
        tv: 2,
        data: data.into(),
        ts: Some(-5),
        x: None,
    }
}

fn push(client: u8, at: At, entries: Vec<Outgoing>) -> String {
    to_json(&Push {
        p: 2,
        client: ClientId::from_bytes([client; 16]),
        at,
        entries,
        want: None,
        limits: false,
    })
    .unwrap()
}

/// Pushes of all kinds: fresh, repeated, gap, fork, dup, rejected, stolen, another history.
fn workload() -> Vec<(&'static str, String)> {
    let elsewhere = At { seq: 1, ..start() };
    vec![
        ("ann", push(1, start(), vec![out(1, 1, "1"), out(2, 2, "no"), out(3, 3, "ü\u{0}\"")])),
        ("bob", push(2, start(), vec![out(9, 1, "9"), out(1, 2, "1")])),
        ("ann", push(1, start(), vec![out(2, 2, "no"), out(3, 3, "ü\u{0}\""), out(4, 4, "4")])),
        ("ann", push(1, start(), vec![out(6, 6, "6")])),
        ("ann", push(1, start(), vec![out(7, 4, "7")])),
        ("bob", push(1, start(), vec![out(5, 5, "5")])),
        ("ann", push(1, elsewhere, vec![out(5, 5, "5")])),
        ("ann", push(1, start(), vec![])),
        ("bob", push(2, start(), vec![out(2, 3, "yes")])),
        ("ann", "{\"p\":1".into()),
        ("ann", push(1, start(), vec![out(5, 5, "5")])),
    ]
}

fn no<E>(entry: &Entry) -> Result<Option<String>, E> {
    Ok((entry.text() == "no").then(|| "NO".into()))
}

#[test]
fn it_answers_exactly_like_the_log_in_memory() {
    let mut server = open(&Memory::new()).unwrap();
    let mut memory = MemoryLog::new("todo", Epoch::from_bytes(EPOCH));
    for (i, (principal, text)) in workload().into_iter().enumerate() {
        let expected = rules::push(&mut memory, principal, &text, Some(&no)).unwrap();
        let reply = server.push(principal, &text, Some(&no)).unwrap();
        assert_eq!(reply, expected, "push {i}");
        assert_eq!(server.head().unwrap(), memory.head().unwrap(), "push {i}");
        let at =
            Segment::parse(&server.pull("ann", &pull(start(), None)).unwrap().reply.body).unwrap();
        assert!(chain::holds(&at));
        for limit in [None, Some(2)] {
            let text = pull(start(), limit);
            assert_eq!(
                server.pull("ann", &text).unwrap(),
                rules::pull(&memory, "ann", &text).unwrap(),
                "push {i}"
            );
        }
    }
    assert_eq!(server.head().unwrap().seq, 8);
    assert_eq!(server.read(0, 100, usize::MAX).unwrap(), memory.rows());
}

fn pull(at: At, limit: Option<u64>) -> String {
    to_json(&Pull {
        p: 2,
        client: ClientId::from_bytes([1; 16]),
        at,
        limit,
        wait_ms: Some(7),
        limits: false,
    })
    .unwrap()
}

#[test]
fn what_was_answered_survives_the_servers_death() {
    let storage = Memory::new();
    let mut server = open(&storage).unwrap();
    let mut storage = storage;
    let mut head = start().point();
    for (principal, text) in workload() {
        let reply = server.push(principal, &text, Some(&no)).unwrap();
        if reply.is_ok() {
            head = Pushed::parse(&reply.body).unwrap().segment.unwrap().to;
        }
        // dies without closing: the next one sees only what is in the storage
        storage = storage.fork();
        server = open(&storage).unwrap();
        assert_eq!(server.head().unwrap(), head);
    }
    assert_eq!(head.seq, 8);
    assert_eq!(server.epoch().unwrap(), Epoch::from_bytes(EPOCH));
}

#[test]
fn a_segment_ends_where_its_bytes_are_full_but_has_at_least_one_row() {
    let mut server = open(&Memory::new()).unwrap();
    server.set_body_limit(limits::BODY_HARD);
    let big = "x".repeat(limits::BODY_HARD);
    for n in 1..=6 {
        server.push("ann", &push(1, start(), vec![out(n as u8, n, &big)]), None).unwrap();
    }
    let log = server;
    assert_eq!(log.read(0, 1000, limits::SEGMENT_BYTES).unwrap().len(), 3);
    assert_eq!(log.read(0, 2, limits::SEGMENT_BYTES).unwrap().len(), 2);
    assert_eq!(log.read(4, 1000, 10).unwrap().len(), 1);
    assert_eq!(log.read(6, 1000, 10).unwrap().len(), 0);
}

#[test]
fn a_database_of_another_log_or_a_newer_version_is_refused() {
    let storage = Memory::new();
    drop(open(&storage).unwrap());
    // one at a time: nothing keeps two instances off one memory
    let db =
        || Db::open(Vfs::register(storage.clone()).unwrap(), "log.db", Options::default()).unwrap();
    assert_eq!(
        Server::open(db(), "other", Epoch::from_bytes(EPOCH)).unwrap_err().code(),
        "CORRUPT"
    );
    assert_eq!(
        Server::open(db(), "Other", Epoch::from_bytes(EPOCH)).unwrap_err().code(),
        "BAD_NAME"
    );
    let server = open(&storage).unwrap();
    server.db().writer().run("UPDATE meta SET v = 3 WHERE k = 'format'", &[]).unwrap();
    drop(server);
    assert_eq!(
        Server::open(db(), "todo", Epoch::from_bytes(EPOCH)).unwrap_err().code(),
        "NEWER_FORMAT"
    );
    db().writer().run("UPDATE meta SET v = 1 WHERE k = 'format'", &[]).unwrap();
    assert_eq!(
        Server::open(db(), "todo", Epoch::from_bytes(EPOCH)).unwrap_err().code(),
        "OLDER_FORMAT"
    );
}
