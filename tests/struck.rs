//! What a replica makes of rows of the server's own, of limits it is told, of conditions on their
//! way out, and of a database that synced in an older format.
#![cfg(not(target_family = "wasm"))]

use crate::rig::{TestApp, dispatch, now, open, other, rows, segment};
use tidelog::error::Error;
use tidelog::store::{Draft, Store};
use tidelog::sync::chain;
use tidelog::sync::client::{Identify, Queue, Rewind, Stop};
use tidelog::sync::condition::Condition;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::limits::{BODY, BODY_HARD, Limits};
use tidelog::sync::wire::{Entry, Kind, Segment};
use tidelog::vfs::Memory;

fn server_row(n: u64, kind: Kind, about: &str) -> Entry {
    Entry {
        id: Id::from_bytes([200 + n as u8; 16]),
        client: ClientId::SERVER,
        n,
        event_type: String::new(),
        tv: 0,
        body: about.into(),
        ts: None,
        x: None,
        kind,
        reference: None,
        code: None,
    }
}

fn with(mut segment: Segment, more: Vec<Entry>) -> Segment {
    segment.entries.extend(more);
    segment.to = chain::fold(segment.from, &segment.entries);
    segment.head = segment.to.seq;
    segment
}

fn apply(store: &Store<TestApp>, segment: &Segment) -> tidelog::store::Applied {
    now(store.apply(segment)).unwrap().unwrap()
}

const ADD: &str = r#"[1,"a",{"title":"x"}]"#;

/// An own event that is confirmed; gives its id.
fn confirmed(store: &Store<TestApp>) -> Id {
    dispatch(store, "es/todos", ADD).unwrap();
    let id = store.outgoing(1, 1, usize::MAX).unwrap()[0].id;
    let start = store.start().unwrap();
    let _ = apply(store, &segment(start.at.point(), &[(id, start.client, 1, "es/todos", ADD)]));
    id
}

#[test]
fn a_voided_event_has_no_effect_and_one_voided_unread_is_told() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    let id = confirmed(&store);
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"x"}]"#);
    let void = server_row(1, Kind::Void, &id.to_string());
    let at = store.start().unwrap().at.point();
    assert!(apply(&store, &with(segment(at, &[]), vec![void.clone()])).rebuilt);
    assert_eq!(rows(&store, "todos"), "[]");
    assert_eq!(store.verdict(*id.as_bytes()).unwrap().unwrap().refusal, Some(Error::Void));
    // the next is voided in the segment that confirms it
    dispatch(&store, "es/todos", ADD).unwrap();
    let next = store.outgoing(2, 1, usize::MAX).unwrap()[0].id;
    let start = store.start().unwrap();
    let mine = segment(start.at.point(), &[(next, start.client, 2, "es/todos", ADD)]);
    let both = with(mine, vec![server_row(2, Kind::Void, &next.to_string())]);
    assert_eq!(apply(&store, &both).verdicts[0].refusal, Some(Error::Void));
    drop(store);
    assert_eq!(rows(&open(&memory, Some("log"), 1), "todos"), "[]");
    // a reducer of another version makes the state anew, and leaves them out as well
    assert_eq!(rows(&open(&memory, Some("log"), 2), "todos"), "[]");
}

#[test]
fn an_erased_body_is_nowhere_any_more_and_is_not_offered_again() {
    let store = open(&Memory::default(), Some("log"), 1);
    let id = confirmed(&store);
    let at = store.start().unwrap().at.point();
    let erased = server_row(1, Kind::Erased, &id.to_string());
    let _ = apply(&store, &with(segment(at, &[]), vec![erased]));
    assert_eq!(rows(&store, "todos"), "[]");
    let sql = "SELECT count(*) FROM _log WHERE b LIKE '%title%'
               UNION ALL SELECT count(*) FROM _own WHERE b LIKE '%title%'";
    assert_eq!(store.db().reader().all(sql, &[], |r| r.int(0)).unwrap(), [0, 0]);
    // the point between the event and its erasing is not gone back to
    assert!(store.known().unwrap().iter().all(|p| p.seq != 1));
    let start = chain::start("log");
    let rewind = Rewind { common: start, epoch: Epoch::from_bytes([8; 8]), asof: 0 };
    now(store.rewind(&rewind)).unwrap();
    assert_eq!(store.progress().unwrap(), (0, 0));
}

#[test]
fn an_event_without_its_body_waits_for_the_row_that_says_why() {
    let whole = segment(chain::start("log"), &[other(1, "es/todos", ADD)]);
    let mut bare = whole.clone();
    bare.entries[0].body = tidelog::sync::wire::Body::Erased(whole.entries[0].body.hash());
    let store = open(&Memory::default(), Some("log"), 1);
    assert!(apply(&store, &bare).outcome.bare);
    assert_eq!((store.held().unwrap().unwrap().seq, rows(&store, "todos").as_str()), (1, "[]"));
    let (from, id) = (store.start().unwrap().at.point(), whole.entries[0].id.to_string());
    let why = with(segment(from, &[]), vec![server_row(1, Kind::Erased, &id)]);
    assert!(!apply(&store, &why).outcome.bare);
    assert_eq!((store.held().unwrap(), rows(&store, "todos").as_str()), (None, "[]"));
}

#[test]
fn a_condition_goes_out_with_former_names_and_looks_back_to_the_common_point() {
    let store = open(&Memory::default(), Some("log"), 1);
    confirmed(&store);
    let made = |x: &str| {
        let (event_type, data) = ("es/todos".into(), ADD.into());
        Draft { event_type, data, x: Some(x.into()), ..Draft::default() }
    };
    for bad in ["{}", r#"{"since":2,"types":["t"]}"#, r#"{"since":1,"types":["t"],"mine":[]}"#] {
        let refused = now(store.dispatch(vec![made(bad)])).unwrap_err();
        assert_eq!(refused.code(), "BAD_VALUE", "{bad}");
    }
    let x = r#"{"since":1,"types":["es/todos"],"match":{"1":"b"}}"#;
    let draft = Draft { data: r#"[1,"b",{}]"#.into(), ..made(x) };
    now(store.dispatch(vec![draft])).unwrap();
    let first = store.start().unwrap().client;
    assert_eq!(store.outgoing(2, 9, usize::MAX).unwrap()[0].x.as_deref(), Some(x));
    let common = chain::start("log");
    let rewind = Rewind { common, epoch: Epoch::from_bytes([8; 8]), asof: 0 };
    now(store.rewind(&rewind)).unwrap();
    now(store.identify(&Identify { last: None, renew: true })).unwrap();
    let out = store.outgoing(1, 9, usize::MAX).unwrap();
    // the first was confirmed once, and had none
    assert_eq!((out.len(), out[0].x.as_deref()), (2, None));
    let condition = Condition::parse(out[1].x.as_deref().unwrap()).unwrap();
    assert_eq!((condition.since, condition.mine), (0, Some(vec![first])));
}

#[test]
fn the_limits_told_last_hold_also_after_a_restart() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    let body = |bytes: usize| format!(r#"[1,"a",{{"t":"{}"}}]"#, "x".repeat(bytes - 16));
    assert_eq!(dispatch(&store, "es/todos", &body(BODY + 1)).unwrap_err().code(), "TOO_LARGE");
    let limits = Limits { body: BODY_HARD, ..Limits::default() };
    let told = Segment { limits: Some(limits), ..segment(chain::start("log"), &[]) };
    let _ = apply(&store, &told);
    drop(store);
    let store = open(&memory, Some("log"), 1);
    assert_eq!(store.start().unwrap().limits, Some(limits));
    assert!(dispatch(&store, "es/todos", &body(BODY + 1)).is_ok());
    assert_eq!(dispatch(&store, "es/todos", &body(BODY_HARD + 1)).unwrap_err().code(), "TOO_LARGE");
}

/// Puts a database back to what format 1 was.
fn age(store: &Store<TestApp>) {
    let sql = "DROP INDEX _log_own; DROP INDEX _log_bare; ALTER TABLE _log DROP COLUMN bh;
               ALTER TABLE _pending DROP COLUMN x; UPDATE _meta SET v = 1 WHERE k = 'format'";
    store.db().writer().exec(sql).unwrap();
}

#[test]
fn a_database_that_synced_in_an_older_format_is_only_read() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    confirmed(&store);
    age(&store);
    drop(store);
    for _ in 0..2 {
        let store = open(&memory, Some("log"), 1);
        assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"x"}]"#);
        assert_eq!(dispatch(&store, "es/todos", ADD).unwrap_err().code(), "OLDER_FORMAT");
        assert_eq!(store.start().unwrap().stopped, Some(Stop::OlderFormat));
        let next = segment(store.start().unwrap().at.point(), &[other(1, "es/todos", ADD)]);
        assert_eq!(now(store.apply(&next)).unwrap_err().code(), "OLDER_FORMAT");
    }
}

#[test]
fn one_that_never_synced_goes_on() {
    for log in [None, Some("log")] {
        let memory = Memory::default();
        let store = open(&memory, log, 1);
        dispatch(&store, "es/todos", ADD).unwrap();
        age(&store);
        drop(store);
        let store = open(&memory, log, 1);
        assert!(dispatch(&store, "es/todos", r#"[1,"b",{}]"#).is_ok(), "{log:?}");
        assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"x"},{"id":"b"}]"#);
    }
}
