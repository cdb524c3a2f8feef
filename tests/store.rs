//! The store with events, native: dispatch, failure, undo and rebase, rebuild. No network: segments
//! are made by hand.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use crate::rig::{TestApp, dispatch, now, open, other, rows, segment};
use tidelog::event::{Filter, history};
use tidelog::model::Definition;
use tidelog::store::{Draft, Store};
use tidelog::sync::chain;
use tidelog::sync::client::Start;
use tidelog::sync::id::Id;
use tidelog::sync::wire::Kind;
use tidelog::vfs::Memory;

#[test]
fn without_sync_an_event_is_confirmed_at_once() {
    let store = open(&Memory::default(), None, 1);
    assert_eq!(dispatch(&store, "es/todos", r#"[1,"a",{"title":"milk"}]"#).unwrap(), 1);
    assert_eq!(dispatch(&store, "note", r#"{"id":"n"}"#).unwrap(), 2);
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"milk"}]"#);
    assert_eq!(store.progress().unwrap(), (2, 0));
}

#[test]
fn a_failed_event_rejects_and_is_kept_in_the_local_history_alone() {
    let store = open(&Memory::default(), Some("log"), 1);
    assert_eq!(dispatch(&store, "fail", "null").unwrap_err().code(), "USER");
    assert_eq!(store.progress().unwrap(), (0, 0));
    let kept =
        store.db().reader().all("SELECT t, err FROM _failed", &[], |r| Ok(r.text(1)?.to_string()));
    assert_eq!(kept.unwrap(), ["USER: reduce failed: as asked"]);
    assert_eq!(dispatch(&store, "note", r#"{"id":"n"}"#).unwrap(), 1);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let store = open(&Memory::default(), Some("log"), 1);
    let drafts = ["note", "fail"].map(|t| Draft {
        event_type: t.into(),
        data: r#"{"id":"n"}"#.into(),
        ..Draft::default()
    });
    assert!(now(store.dispatch(drafts.to_vec())).is_err());
    assert_eq!((rows(&store, "notes").as_str(), store.progress().unwrap()), ("[]", (0, 0)));
}

#[test]
fn a_foreign_event_that_came_first_rebases_mine() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    dispatch(&store, "es/todos", r#"[1,"a",{"title":"mine"}]"#).unwrap();
    dispatch(&store, "es/todos", r#"[3,"a",{"done":true}]"#).unwrap();
    let at = store.start().unwrap().at;
    let theirs = segment(at.point(), &[other(1, "es/todos", r#"[1,"a",{"title":"theirs"}]"#)]);
    let applied = now(store.apply(&theirs)).unwrap().unwrap();
    assert!(applied.rebased && !applied.rebuilt && applied.verdicts.is_empty());
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"mine","done":true}]"#);
    assert_eq!(store.progress().unwrap(), (1, 2));
    // what comes back in the order it was made in is confirmed where it stands
    let Start { client: me, at, .. } = store.start().unwrap();
    let ids = pending_ids(&store);
    let mine = segment(
        at.point(),
        &[
            (ids[0], me, 1, "es/todos", r#"[1,"a",{"title":"mine"}]"#),
            (ids[1], me, 2, "es/todos", r#"[3,"a",{"done":true}]"#),
        ],
    );
    let applied = now(store.apply(&mine)).unwrap().unwrap();
    assert!(!applied.rebased);
    assert_eq!(applied.verdicts.iter().map(|v| v.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(store.progress().unwrap(), (3, 0));
    // and all of it is there after reopening
    drop(store);
    let store = open(&memory, Some("log"), 1);
    assert_eq!(store.progress().unwrap(), (3, 0));
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"mine","done":true}]"#);
}

fn pending_ids(store: &Store<TestApp>) -> Vec<Id> {
    let sql = "SELECT id FROM _pending ORDER BY lo";
    store.db().reader().all(sql, &[], |r| Ok(Id::from_slice(r.blob(0)?).unwrap())).unwrap()
}

#[test]
fn a_reducer_that_looks_at_its_position_sees_the_final_one() {
    let store = open(&Memory::default(), Some("log"), 1);
    dispatch(&store, "where", "null").unwrap();
    assert_eq!(rows(&store, "notes"), r#"[{"id":"v1"}]"#);
    let Start { client: me, at, .. } = store.start().unwrap();
    let mut refused = segment(at.point(), &[other(1, "note", "")]);
    refused.entries[0].kind = Kind::Rej;
    refused.to = chain::fold(refused.from, &refused.entries);
    now(store.apply(&refused)).unwrap().unwrap();
    assert_eq!(rows(&store, "notes"), r#"[{"id":"v2"}]"#);
    let mine = segment(refused.to, &[(pending_ids(&store)[0], me, 1, "where", "null")]);
    assert!(!now(store.apply(&mine)).unwrap().unwrap().rebased);
    assert_eq!(rows(&store, "notes"), r#"[{"id":"v2"}]"#);
}

#[test]
fn an_event_that_fails_at_its_place_is_a_recorded_no_op() {
    let store = open(&Memory::default(), Some("log"), 1);
    dispatch(&store, "note", r#"{"id":"n","by":"me"}"#).unwrap();
    let Start { client: me, at, .. } = store.start().unwrap();
    let theirs = segment(at.point(), &[other(1, "note", r#"{"id":"n","by":"them"}"#)]);
    now(store.apply(&theirs)).unwrap().unwrap();
    assert_eq!(rows(&store, "notes"), r#"[{"id":"n","by":"them"}]"#);
    let at = store.start().unwrap().at;
    let mine =
        segment(at.point(), &[(pending_ids(&store)[0], me, 1, "note", r#"{"id":"n","by":"me"}"#)]);
    let applied = now(store.apply(&mine)).unwrap().unwrap();
    assert!(applied.verdicts[0].refusal.is_some());
    assert_eq!(rows(&store, "notes"), r#"[{"id":"n","by":"them"}]"#);
    let entries = history(store.db().reader(), &Filter::default()).unwrap();
    assert!(entries[1].err.as_ref().is_some_and(|e| e.contains("UNIQUE")), "{entries:?}");
}

#[test]
fn a_segment_that_does_not_follow_or_does_not_hold_changes_nothing() {
    let store = open(&Memory::default(), Some("log"), 1);
    let at = store.start().unwrap().at;
    let mut first = segment(at.point(), &[other(1, "note", r#"{"id":"n"}"#)]);
    let second = segment(first.to, &[other(2, "note", r#"{"id":"m"}"#)]);
    assert_eq!(now(store.apply(&second)).unwrap(), None);
    first.entries[0].body = r#"{"id":"forged"}"#.into();
    assert_eq!(now(store.apply(&first)).unwrap_err().code(), "PROTOCOL");
    assert_eq!((rows(&store, "notes").as_str(), store.progress().unwrap()), ("[]", (0, 0)));
}

#[test]
fn other_reducers_rebuild_what_events_made() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    let at = store.start().unwrap().at;
    now(store.apply(&segment(at.point(), &[other(1, "note", r#"{"id":"n"}"#)]))).unwrap().unwrap();
    dispatch(&store, "es/todos", r#"[1,"a",{"title":"mine"}]"#).unwrap();
    store.db().writer().exec("DELETE FROM notes; DELETE FROM todos").unwrap();
    drop(store);
    let same = open(&memory, Some("log"), 1);
    assert_eq!((rows(&same, "notes").as_str(), rows(&same, "todos").as_str()), ("[]", "[]"));
    drop(same);
    let newer = open(&memory, Some("log"), 2);
    assert_eq!(rows(&newer, "notes"), r#"[{"id":"n"}]"#);
    assert_eq!(rows(&newer, "todos"), r#"[{"id":"a","title":"mine"}]"#);
}

#[test]
fn an_effect_that_cannot_be_undone_means_a_rebuild_from_the_log() {
    let store = open(&Memory::default(), Some("log"), 1);
    let at = store.start().unwrap().at;
    now(store.apply(&segment(at.point(), &[other(1, "note", r#"{"id":"n"}"#)]))).unwrap().unwrap();
    dispatch(&store, "es/todos", r#"[1,"a",{"title":"mine"}]"#).unwrap();
    // somebody wrote past the events
    store.db().writer().exec("UPDATE todos SET json = '{\"title\":\"tampered\"}'").unwrap();
    let at = store.start().unwrap().at;
    let applied = now(store.apply(&segment(at.point(), &[other(2, "note", r#"{"id":"m"}"#)])))
        .unwrap()
        .unwrap();
    assert!(applied.rebuilt);
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"mine"}]"#);
    assert_eq!(rows(&store, "notes"), r#"[{"id":"m"},{"id":"n"}]"#);
}

#[test]
fn ids_that_a_database_would_count_up_are_refused_in_a_synced_log() {
    let store = open(&Memory::default(), Some("log"), 1);
    let counted =
        Definition::parse(r#"{"name":"counted","columns":[{"name":"id","type":"INTEGER"}]}"#)
            .unwrap();
    now(store.add_model(counted, true)).unwrap();
    assert_eq!(
        dispatch(&store, "es/counted", r#"[1,null,{"a":1}]"#).unwrap_err().code(),
        "REQUIRED"
    );
    dispatch(&store, "es/counted", r#"[1,7,{"a":1}]"#).unwrap();
    assert_eq!(rows(&store, "counted"), r#"[{"id":7,"a":1}]"#);
}
