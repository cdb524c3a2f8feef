//! The store with events, native: dispatch, failure, undo and rebase, rebuild. No network: pages are made by hand.

#![allow(clippy::unwrap_used)] // a test

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tidelog::error::{Error, Result};
use tidelog::event::{Event, Filter, Host, Phases, history};
use tidelog::model::{Definition, Search};
use tidelog::sql::{Db, Options};
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::chain;
use tidelog::sync::client::Start;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::wire::{Ev, Kind, Page, Point};
use tidelog::vfs::{Memory, Vfs};

/// Natively nothing ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a native future waited"),
    }
}

/// A host whose reducer keeps a counter and fails when asked to.
#[derive(Default)]
struct TestHost {
    random: Cell<u8>,
}

impl Host for TestHost {
    fn phases(&self) -> Phases {
        Phases { reduce: true, ..Phases::default() }
    }
    fn now(&self) -> i64 {
        1000
    }
    fn random(&self) -> [u8; 16] {
        self.random.set(self.random.get() + 1);
        [self.random.get(); 16]
    }
    async fn preprocess(&self, _: &mut Event) -> Result<()> {
        Ok(())
    }
    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        match event.t.as_str() {
            "fail" => Err(Error::User { phase: "reduce".into(), message: "as asked".into() }),
            "note" => Ok(Some(format!("{{\"notes\":{{\"ins\":[{}]}}}}", event.b))),
            "where" => Ok(Some(format!("{{\"notes\":{{\"set\":[{{\"id\":\"v{}\"}}]}}}}", event.v))),
            _ => Ok(None),
        }
    }
    async fn derive(&self, _: &Event, _: &str) -> Result<()> {
        Ok(())
    }
}

fn open(memory: &Memory, log: Option<&str>, version: i64) -> Store<TestHost> {
    let db = Db::open(Vfs::register(memory.clone()).unwrap(), "t.db", Options::default()).unwrap();
    let store = Store::new(db, TestHost::default());
    for model in [r#"{"name":"notes"}"#, r#"{"name":"todos","columns":[{"name":"done"}]}"#] {
        now(store.add_model(Definition::parse(model).unwrap(), true)).unwrap();
    }
    let options = EventOptions { log: log.map(String::from), version, ..EventOptions::default() };
    now(store.open_events(options)).unwrap();
    store
}

fn dispatch(store: &Store<TestHost>, t: &str, b: &str) -> Result<u64> {
    let draft = Draft { t: t.into(), b: b.into(), ..Draft::default() };
    now(store.dispatch(vec![draft])).map(|made| made[0].event.v)
}

fn rows(store: &Store<TestHost>, model: &str) -> String {
    store.search(store.db().reader(), model, &Search::default()).unwrap().items
}

/// A server's page after `from`: rows of somebody else, and of `me` by the ids given.
fn page(from: Point, rows: &[(Id, ClientId, u64, &str, &str)]) -> Page {
    let evs: Vec<Ev> = rows
        .iter()
        .map(|(id, c, n, t, b)| Ev {
            id: *id,
            c: *c,
            n: *n,
            t: t.to_string(),
            tv: 0,
            b: b.to_string(),
            ts: Some(1),
            k: Kind::E,
            reference: None,
            code: None,
        })
        .collect();
    let to = chain::fold(from, &evs);
    let epoch = Epoch::from_bytes([7; 8]);
    Page { epoch, from, evs, to, head: to.seq, safe: 0, trim: 0, last: None }
}

const OTHER: ClientId = ClientId::from_bytes([200; 16]);

fn other(n: u8, t: &'static str, b: &'static str) -> (Id, ClientId, u64, &'static str, &'static str) {
    (Id::from_bytes([100 + n; 16]), OTHER, u64::from(n), t, b)
}

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
    let kept = store.db().reader().all("SELECT t, err FROM _failed", &[], |r| Ok(r.text(1)?.to_string()));
    assert_eq!(kept.unwrap(), ["USER: reduce failed: as asked"]);
    assert_eq!(dispatch(&store, "note", r#"{"id":"n"}"#).unwrap(), 1);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let store = open(&Memory::default(), Some("log"), 1);
    let drafts =
        ["note", "fail"].map(|t| Draft { t: t.into(), b: r#"{"id":"n"}"#.into(), ..Draft::default() });
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
    let theirs = page(at.point(), &[other(1, "es/todos", r#"[1,"a",{"title":"theirs"}]"#)]);
    let applied = now(store.apply(&theirs)).unwrap().unwrap();
    assert!(applied.rebased && !applied.rebuilt && applied.verdicts.is_empty());
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"mine","done":true}]"#);
    assert_eq!(store.progress().unwrap(), (1, 2));
    // what comes back in the order it was made in is confirmed where it stands
    let Start { client: me, at, .. } = store.start().unwrap();
    let ids = pending_ids(&store);
    let mine = page(
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

fn pending_ids(store: &Store<TestHost>) -> Vec<Id> {
    let sql = "SELECT id FROM _pending ORDER BY lo";
    store.db().reader().all(sql, &[], |r| Ok(Id::from_slice(r.blob(0)?).unwrap())).unwrap()
}

#[test]
fn a_reducer_that_looks_at_its_position_sees_the_final_one() {
    let store = open(&Memory::default(), Some("log"), 1);
    dispatch(&store, "where", "null").unwrap();
    assert_eq!(rows(&store, "notes"), r#"[{"id":"v1"}]"#);
    let Start { client: me, at, .. } = store.start().unwrap();
    let mut refused = page(at.point(), &[other(1, "note", "")]);
    refused.evs[0].k = Kind::Rej;
    refused.to = chain::fold(refused.from, &refused.evs);
    now(store.apply(&refused)).unwrap().unwrap();
    assert_eq!(rows(&store, "notes"), r#"[{"id":"v2"}]"#);
    let mine = page(refused.to, &[(pending_ids(&store)[0], me, 1, "where", "null")]);
    assert!(!now(store.apply(&mine)).unwrap().unwrap().rebased);
    assert_eq!(rows(&store, "notes"), r#"[{"id":"v2"}]"#);
}

#[test]
fn an_event_that_fails_at_its_place_is_a_recorded_no_op() {
    let store = open(&Memory::default(), Some("log"), 1);
    dispatch(&store, "note", r#"{"id":"n","by":"me"}"#).unwrap();
    let Start { client: me, at, .. } = store.start().unwrap();
    let theirs = page(at.point(), &[other(1, "note", r#"{"id":"n","by":"them"}"#)]);
    now(store.apply(&theirs)).unwrap().unwrap();
    assert_eq!(rows(&store, "notes"), r#"[{"id":"n","by":"them"}]"#);
    let at = store.start().unwrap().at;
    let mine = page(at.point(), &[(pending_ids(&store)[0], me, 1, "note", r#"{"id":"n","by":"me"}"#)]);
    let applied = now(store.apply(&mine)).unwrap().unwrap();
    assert!(applied.verdicts[0].refusal.is_some());
    assert_eq!(rows(&store, "notes"), r#"[{"id":"n","by":"them"}]"#);
    let entries = history(store.db().reader(), &Filter::default()).unwrap();
    assert!(entries[1].err.as_ref().is_some_and(|e| e.contains("UNIQUE")), "{entries:?}");
}

#[test]
fn a_page_that_does_not_follow_or_does_not_hold_changes_nothing() {
    let store = open(&Memory::default(), Some("log"), 1);
    let at = store.start().unwrap().at;
    let mut first = page(at.point(), &[other(1, "note", r#"{"id":"n"}"#)]);
    let second = page(first.to, &[other(2, "note", r#"{"id":"m"}"#)]);
    assert_eq!(now(store.apply(&second)).unwrap(), None);
    first.evs[0].b = r#"{"id":"forged"}"#.into();
    assert_eq!(now(store.apply(&first)).unwrap_err().code(), "PROTOCOL");
    assert_eq!((rows(&store, "notes").as_str(), store.progress().unwrap()), ("[]", (0, 0)));
}

#[test]
fn other_reducers_rebuild_what_events_made() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    let at = store.start().unwrap().at;
    now(store.apply(&page(at.point(), &[other(1, "note", r#"{"id":"n"}"#)]))).unwrap().unwrap();
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
    now(store.apply(&page(at.point(), &[other(1, "note", r#"{"id":"n"}"#)]))).unwrap().unwrap();
    dispatch(&store, "es/todos", r#"[1,"a",{"title":"mine"}]"#).unwrap();
    // somebody wrote past the events
    store.db().writer().exec("UPDATE todos SET json = '{\"title\":\"tampered\"}'").unwrap();
    let at = store.start().unwrap().at;
    let applied = now(store.apply(&page(at.point(), &[other(2, "note", r#"{"id":"m"}"#)]))).unwrap().unwrap();
    assert!(applied.rebuilt);
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"mine"}]"#);
    assert_eq!(rows(&store, "notes"), r#"[{"id":"m"},{"id":"n"}]"#);
}

#[test]
fn ids_that_a_database_would_count_up_are_refused_in_a_synced_log() {
    let store = open(&Memory::default(), Some("log"), 1);
    let counted =
        Definition::parse(r#"{"name":"counted","columns":[{"name":"id","type":"INTEGER"}]}"#).unwrap();
    now(store.add_model(counted, true)).unwrap();
    assert_eq!(dispatch(&store, "es/counted", r#"[1,null,{"a":1}]"#).unwrap_err().code(), "REQUIRED");
    dispatch(&store, "es/counted", r#"[1,7,{"a":1}]"#).unwrap();
    assert_eq!(rows(&store, "counted"), r#"[{"id":7,"a":1}]"#);
}
