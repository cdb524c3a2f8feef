//! A store with a simple application, natively, and segments as a server would make them; shared by
//! the tests of the store.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, dead_code)] // not every test uses all of it

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tidelog::error::{Error, Result};
use tidelog::event::{App, Event, Phases, Types};
use tidelog::model::{Definition, Search};
use tidelog::sql::{Db, Options};
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::chain;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::wire::{Entry, Kind, Point, Segment};
use tidelog::vfs::{Memory, Vfs};

/// Natively nothing ever waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a native future waited"),
    }
}

/// An app whose reducer keeps a counter and fails when asked to.
#[derive(Default)]
pub(crate) struct TestApp {
    random: Cell<u8>,
    /// Sets the random bytes of one replica's process off from another's.
    salt: u8,
}

impl TestApp {
    pub(crate) fn salted(salt: u8) -> TestApp {
        TestApp { salt, ..TestApp::default() }
    }
}

impl App for TestApp {
    fn phases(&self) -> Phases {
        Phases { reduce: true, ..Phases::default() }
    }
    fn now(&self) -> i64 {
        1000
    }
    fn random(&self) -> [u8; 16] {
        self.random.set(self.random.get() + 1);
        let mut bytes = [self.random.get(); 16];
        bytes[0] = self.salt;
        bytes
    }
    async fn preprocess(&self, _: &mut Event) -> Result<()> {
        Ok(())
    }
    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        match event.event_type.as_str() {
            "fail" => Err(Error::User { phase: "reduce".into(), message: "as asked".into() }),
            "note" => Ok(Some(format!("{{\"notes\":{{\"ins\":[{}]}}}}", event.data))),
            "where" => Ok(Some(format!("{{\"notes\":{{\"set\":[{{\"id\":\"v{}\"}}]}}}}", event.v))),
            _ => Ok(None),
        }
    }
    async fn derive(&self, _: &Event, _: &str) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn open(memory: &Memory, log: Option<&str>, version: i64) -> Store<TestApp> {
    open_with(
        memory,
        0,
        EventOptions { log: log.map(String::from), version, ..EventOptions::default() },
    )
}

/// A replica of the log `log` whose process has `salt` of its own.
pub(crate) fn replica(memory: &Memory, salt: u8, types: Types) -> Store<TestApp> {
    open_with(
        memory,
        salt,
        EventOptions { log: Some("log".into()), types, ..EventOptions::default() },
    )
}

fn open_with(memory: &Memory, salt: u8, options: EventOptions) -> Store<TestApp> {
    let db = Db::open(Vfs::register(memory.clone()).unwrap(), "t.db", Options::default()).unwrap();
    let store = Store::new(db, TestApp { salt, ..TestApp::default() });
    for model in [r#"{"name":"notes"}"#, r#"{"name":"todos","columns":[{"name":"done"}]}"#] {
        now(store.add_model(Definition::parse(model).unwrap(), true)).unwrap();
    }
    now(store.open_events(options)).unwrap();
    store
}

pub(crate) fn dispatch(store: &Store<TestApp>, t: &str, b: &str) -> Result<u64> {
    let draft = Draft { event_type: t.into(), data: b.into(), ..Draft::default() };
    now(store.dispatch(vec![draft])).map(|made| made[0].event.v)
}

pub(crate) fn rows(store: &Store<TestApp>, model: &str) -> String {
    store.search(store.db().reader(), model, &Search::default()).unwrap().items
}

/// A server's segment after `from`: rows of somebody else, and of `me` by the ids given.
pub(crate) fn segment(from: Point, rows: &[(Id, ClientId, u64, &str, &str)]) -> Segment {
    let entries: Vec<Entry> = rows
        .iter()
        .map(|(id, c, n, t, b)| Entry {
            id: *id,
            client: *c,
            n: *n,
            event_type: t.to_string(),
            tv: 0,
            body: b.to_string().into(),
            ts: Some(1),
            x: None,
            kind: Kind::Event,
            reference: None,
            code: None,
        })
        .collect();
    let to = chain::fold(from, &entries);
    let epoch = Epoch::from_bytes([7; 8]);
    Segment {
        p: 2,
        limits: None,
        epoch,
        from,
        entries,
        to,
        head: to.seq,
        safe: 0,
        trim: 0,
        last: None,
    }
}

pub(crate) const OTHER: ClientId = ClientId::from_bytes([200; 16]);

pub(crate) fn other(
    n: u8,
    t: &'static str,
    b: &'static str,
) -> (Id, ClientId, u64, &'static str, &'static str) {
    (Id::from_bytes([100 + n; 16]), OTHER, u64::from(n), t, b)
}
