//! Calls of pages, native: each takes effect once, however often it is sent, also over a leader
//! that dies between.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use crate::rig::{TestApp, dispatch, now, open, other, replica, rows, segment};
use tidelog::error::Result;
use tidelog::event::Types;
use tidelog::store::{Call, Draft, Store};
use tidelog::sync::chain;
use tidelog::sync::client::Start;
use tidelog::sync::id::Id;
use tidelog::sync::wire::{Kind, Point};
use tidelog::vfs::Memory;

fn call(tab: &str, n: u64, done: u64) -> Call {
    Call { tab: tab.into(), n, done, again: false }
}

fn again(call: &Call) -> Call {
    Call { again: true, ..call.clone() }
}

/// Dispatches one event for a call; the reply names its position.
fn once(store: &Store<TestApp>, call: &Call, t: &str, b: &str) -> Result<String> {
    let draft = Draft { event_type: t.into(), data: b.into(), ..Draft::default() };
    now(store.dispatch_once(vec![draft], call, |made| Ok(format!("v{}", made[0].event.v))))
}

fn numbers(store: &Store<TestApp>, sql: &str) -> Vec<i64> {
    store.db().reader().all(sql, &[], |r| r.int(0)).unwrap()
}

const CALLS: &str = "SELECT n FROM _calls ORDER BY n";

#[test]
fn a_call_that_is_sent_again_gets_its_first_reply_and_has_no_second_effect() {
    for synced in [false, true] {
        let memory = Memory::default();
        let open = |process: u8| match synced {
            true => replica(&memory, process, Types::default()),
            false => open(&memory, None, 1),
        };
        let first = open(1);
        assert_eq!(once(&first, &call("a", 1, 1), "where", "null").unwrap(), "v1");
        assert_eq!(dispatch(&first, "note", r#"{"id":"n"}"#).unwrap(), 2);
        drop(first);
        let next = open(2);
        assert_eq!(once(&next, &again(&call("a", 1, 1)), "where", "null").unwrap(), "v1");
        assert_eq!(rows(&next, "notes"), r#"[{"id":"n"},{"id":"v1"}]"#);
        // another tab's first call is another call, and one that never came runs
        assert_eq!(once(&next, &again(&call("b", 1, 1)), "where", "null").unwrap(), "v3");
        assert_eq!(once(&next, &again(&call("a", 2, 1)), "where", "null").unwrap(), "v4");
    }
}

#[test]
fn a_call_whose_commit_failed_is_not_recorded() {
    let store = open(&Memory::default(), Some("log"), 1);
    assert_eq!(once(&store, &call("a", 1, 1), "fail", "null").unwrap_err().code(), "USER");
    assert_eq!(once(&store, &again(&call("a", 1, 1)), "note", r#"{"id":"n"}"#).unwrap(), "v1");
    assert_eq!(once(&store, &again(&call("a", 1, 1)), "note", r#"{"id":"n"}"#).unwrap(), "v1");
    assert_eq!(store.progress().unwrap(), (0, 1));
}

#[test]
fn an_event_at_fault_is_kept_once_however_often_it_is_sent() {
    let store = open(&Memory::default(), Some("log"), 1);
    for call in [call("a", 1, 1), again(&call("a", 1, 1)), again(&call("a", 1, 1))] {
        assert_eq!(once(&store, &call, "fail", "null").unwrap_err().code(), "USER");
    }
    assert_eq!(numbers(&store, "SELECT count(*) FROM _failed"), [1]);
    assert_eq!(once(&store, &call("a", 2, 2), "fail", "null").unwrap_err().code(), "USER");
    assert_eq!(numbers(&store, "SELECT count(*) FROM _failed"), [2]);
}

#[test]
fn what_is_answered_is_forgotten_with_the_next_write() {
    let store = open(&Memory::default(), None, 1);
    for n in 1..=4 {
        once(&store, &call("a", n, 1), "where", "null").unwrap();
    }
    assert_eq!(numbers(&store, CALLS), [1, 2, 3, 4]);
    once(&store, &call("a", 5, 4), "where", "null").unwrap();
    assert_eq!(numbers(&store, CALLS), [4, 5]);
    once(&store, &call("b", 9, 9), "where", "null").unwrap();
    assert_eq!(numbers(&store, CALLS), [4, 5, 9]);
    assert_eq!(store.call_tabs().unwrap(), ["a", "b"]);
    now(store.forget_calls("a")).unwrap();
    assert_eq!(numbers(&store, CALLS), [9]);
    // no segment, no record
    dispatch(&store, "where", "null").unwrap();
    assert_eq!(numbers(&store, CALLS), [9]);
}

#[test]
fn an_events_verdict_is_found_by_its_id() {
    let store = open(&Memory::default(), Some("log"), 1);
    let Start { client: me, at, .. } = store.start().unwrap();
    let drafts = ["a", "b", "c", "d"].map(|id| Draft {
        id: Some([id.as_bytes()[0]; 16]),
        event_type: "note".into(),
        data: format!(r#"{{"id":"{id}"}}"#),
        ..Draft::default()
    });
    now(store.dispatch(drafts.to_vec())).unwrap();
    let verdict = |id: &str| store.verdict([id.as_bytes()[0]; 16]).unwrap();
    assert!(["a", "b", "c", "d", "x"].iter().all(|id| verdict(id).is_none()));

    let id = |id: &str| Id::from_bytes([id.as_bytes()[0]; 16]);
    let start = Point { seq: at.seq, h: at.h };
    // somebody else's note takes the place of b's
    let rows = [
        other(1, "note", r#"{"id":"b"}"#),
        (id("a"), me, 1, "note", r#"{"id":"a"}"#),
        (id("b"), me, 2, "note", r#"{"id":"b"}"#),
        (id("c"), me, 3, "note", r#"{"id":"c"}"#),
    ];
    let mut confirmed = segment(start, &rows);
    confirmed.entries[3].kind = Kind::Rej;
    confirmed.entries[3].body = "".into();
    confirmed.entries[3].code = Some("TOO_OLD".into());
    confirmed.to = chain::fold(start, &confirmed.entries);
    assert!(now(store.apply(&confirmed)).unwrap().is_some());
    let told = |id: &str| {
        verdict(id)
            .map(|v| (v.seq, v.refusal.map(|e| e.code().to_string() + ": " + &e.to_string())))
    };
    assert_eq!(told("a"), Some((2, None)));
    let (seq, dead) = told("b").unwrap();
    assert!(seq == 3 && dead.unwrap().starts_with("SQLITE_CONSTRAINT_UNIQUE: "));
    let (seq, refused) = told("c").unwrap();
    assert!(seq == 4 && refused.as_ref().unwrap().contains("TOO_OLD"), "{refused:?}");
    assert_eq!(told("d"), None, "still pending");
}
