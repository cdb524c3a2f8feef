//! Undo equals replay: for any history, a store that undid its pending events, applied others' and
//! ran its own again has the very rows of one that applied the others' first, and of one rebuilt
//! from the log.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use tidelog::error::{Error, Result};
use tidelog::event::{App, Event, Phases};
use tidelog::model::{Definition, Search};
use tidelog::sql::{Db, Options};
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::chain;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::wire::{Entry, Kind, Segment};
use tidelog::vfs::{Memory, Vfs};

fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a native future waited"),
    }
}

/// Its reducer depends on the state: `swap` moves what one row has to another and fails when there
/// is nothing to move.
struct StateApp {
    last: Cell<u64>,
}

impl App for StateApp {
    fn phases(&self) -> Phases {
        Phases { reduce: true, ..Phases::default() }
    }
    fn now(&self) -> i64 {
        0
    }
    fn random(&self) -> [u8; 16] {
        self.last.set(self.last.get() + 1);
        u128::from(self.last.get()).to_be_bytes()
    }
    async fn preprocess(&self, _: &mut Event) -> Result<()> {
        Ok(())
    }
    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        let fail = |why: &str| Err(Error::User { phase: "reduce".into(), message: why.into() });
        match (event.event_type.as_str(), event.v % 3) {
            ("moody", 0) => fail("not at this place"),
            ("moody", _) => Ok(Some(format!(
                "{{\"rows\":{{\"set\":[{{\"id\":\"moody\",\"v\":{}}}]}}}}",
                event.v
            ))),
            ("claim", _) => Ok(Some(format!("{{\"rows\":{{\"ins\":[{}]}}}}", event.data))),
            _ => Ok(None),
        }
    }
    async fn derive(&self, _: &Event, _: &str) -> Result<()> {
        Ok(())
    }
}

fn open() -> Store<StateApp> {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "t.db", Options::default()).unwrap();
    let store = Store::new(db, StateApp { last: Cell::new(0) });
    let rows = r#"{"name":"rows","columns":[{"name":"n","type":"INTEGER","index":"SPARSE"},{"name":"u","index":"SPARSE","unique":true}]}"#;
    now(store.add_model(Definition::parse(rows).unwrap(), true)).unwrap();
    let options = EventOptions { log: Some("log".into()), ..EventOptions::default() };
    now(store.open_events(options)).unwrap();
    store
}

fn rows(store: &Store<StateApp>) -> String {
    store.search(store.db().reader(), "rows", &Search::default()).unwrap().items
}

/// An event on one of a few rows, so that they collide; some break the unique column, some fail at
/// some places.
fn event() -> impl Strategy<Value = (String, String)> {
    let id = 0..5u8;
    prop_oneof![
        (1..5u8, id.clone(), 0..9u8, 0..4u8).prop_map(|(action, id, n, u)| {
            (
                "es/rows".to_string(),
                format!(
                    "[{action},\"r{id}\",{{\"n\":{n},\"u\":\"{u}\",\"a{n}\":{{\"deep\":[{u}]}}}}]"
                ),
            )
        }),
        (1..5u8, id.clone()).prop_map(|(action, id)| {
            ("es/rows".to_string(), format!("[{action},\"r{id}\",{{\"n\":null,\"b\":\"text\"}}]"))
        }),
        id.clone().prop_map(|id| ("es/rows".to_string(), format!("[0,\"r{id}\"]"))),
        id.prop_map(|id| ("claim".to_string(), format!("{{\"id\":\"r{id}\",\"claimed\":true}}"))),
        Just(("moody".to_string(), "null".to_string())),
    ]
}

fn segment(store: &Store<StateApp>, events: &[(String, String)], first: u64) -> Segment {
    let from = store.start().unwrap().at.point();
    let entries: Vec<Entry> = events
        .iter()
        .enumerate()
        .map(|(i, (t, b))| Entry {
            id: Id::from_bytes((0xffff_0000_u128 + u128::from(first) + i as u128).to_be_bytes()),
            client: ClientId::from_bytes([9; 16]),
            n: first + i as u64,
            event_type: t.clone(),
            tv: 0,
            body: b.clone().into(),
            ts: None,
            x: None,
            kind: Kind::Event,
            reference: None,
            code: None,
        })
        .collect();
    let to = chain::fold(from, &entries);
    Segment {
        p: 2,
        limits: None,
        epoch: Epoch::from_bytes([1; 8]),
        from,
        entries,
        to,
        head: to.seq,
        safe: 0,
        trim: 0,
        last: None,
    }
}

fn dispatch(store: &Store<StateApp>, events: &[(String, String)]) -> Vec<(String, String)> {
    let mut made = Vec::new();
    for (t, b) in events {
        let draft = Draft { event_type: t.clone(), data: b.clone(), ..Draft::default() };
        if now(store.dispatch(vec![draft])).is_ok() {
            made.push((t.clone(), b.clone()));
        }
    }
    made
}

fn apply(store: &Store<StateApp>, events: &[(String, String)], first: u64) -> bool {
    let segment = segment(store, events, first);
    let applied = now(store.apply(&segment)).unwrap().unwrap();
    applied.rebuilt
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::tries(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn undo_equals_replay(
        before in prop::collection::vec(event(), 0..8),
        mine in prop::collection::vec(event(), 1..12),
        theirs in prop::collection::vec(event(), 1..8),
        later in prop::collection::vec(event(), 1..8),
    ) {
        let store = open();
        apply(&store, &before, 1);
        let base = rows(&store);
        dispatch(&store, &mine);
        prop_assert!(!apply(&store, &theirs, 100), "every effect can be undone");
        prop_assert!(!apply(&store, &later, 200), "also after having been run again");
        let rebased = rows(&store);

        // a store that never had anything pending reads the same log
        let reader = open();
        apply(&reader, &before, 1);
        prop_assert_eq!(&rows(&reader), &base);
        apply(&reader, &theirs, 100);
        apply(&reader, &later, 200);
        let confirmed = rows(&reader);

        // what is left when the pending events are taken back is that
        let turn = now(store.enter()).unwrap();
        now(store.rebuild(&turn, None)).unwrap();
        drop(turn);
        prop_assert_eq!(&rows(&store), &rebased, "replay of log and queue");
        store.db().writer().exec("DELETE FROM _pending").unwrap();
        let turn = now(store.enter()).unwrap();
        now(store.rebuild(&turn, None)).unwrap();
        prop_assert_eq!(&rows(&store), &confirmed, "replay of the log alone");
    }
}
