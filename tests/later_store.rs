//! The store on storage whose commits are kept later: an operation that answered is kept, one whose
//! commit was not kept never was, and nothing tells the server of an event before.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::shelf::{Shelf, now};
use tidelog::error::Result;
use tidelog::event::{App, Event, Phases};
use tidelog::model::{Definition, Search};
use tidelog::sql::Durability;
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::client::Queue;

#[derive(Default)]
struct Quiet(Cell<u8>);

impl App for Quiet {
    fn phases(&self) -> Phases {
        Phases::default()
    }
    fn now(&self) -> i64 {
        1000
    }
    fn random(&self) -> [u8; 16] {
        self.0.set(self.0.get() + 1);
        [self.0.get(); 16]
    }
    async fn preprocess(&self, _: &mut Event) -> Result<()> {
        Ok(())
    }
    async fn reduce(&self, _: &Event) -> Result<Option<String>> {
        Ok(None)
    }
    async fn derive(&self, _: &Event, _: &str) -> Result<()> {
        Ok(())
    }
}

fn model(name: &str) -> Definition {
    Definition::parse(&format!("{{\"name\":{name:?},\"columns\":[]}}")).unwrap()
}

fn open(shelf: &Shelf) -> Store<Quiet> {
    let db = shelf.open(Durability::Strict);
    now(db.flush()).unwrap();
    let store = Store::new(db, Quiet::default());
    now(store.add_model(model("notes"), true)).unwrap();
    now(store.add_model(model("plain"), false)).unwrap();
    let log = Some("app".to_string());
    now(store.open_events(EventOptions { log, ..EventOptions::default() })).unwrap();
    store
}

/// A digest of all that an application can see, and of the queue.
fn look(store: &Store<Quiet>) -> String {
    let found = |name| {
        store.search(store.db().reader(), name, &Search::parse("{}").unwrap()).unwrap().items
    };
    let tables = "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema ORDER BY name)";
    let tables = store.db().reader().one(tables, &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    let sent = "SELECT group_concat(n || ':' || sent) FROM _pending";
    let sent =
        store.db().reader().one(sent, &[], |r| Ok(r.opt_text(0)?.map(String::from))).unwrap();
    let calls = store.call_tabs().unwrap();
    let progress = store.progress().unwrap();
    format!(
        "{} {} {} {progress:?} {sent:?} {calls:?} {tables:?}",
        found("notes"),
        found("plain"),
        store.online().unwrap()
    )
}

fn draft(id: &str) -> Vec<Draft> {
    vec![Draft {
        event_type: "es/notes".into(),
        data: format!("[1,{id:?},{{\"id\":{id:?}}}]"),
        ..Draft::default()
    }]
}

/// Each writing operation by its name.
async fn operate(store: &Store<Quiet>, what: &str, id: &str) -> Result<()> {
    let doc = |n: u8| format!("{{\"id\":\"p{n}\",\"v\":{id:?}}}");
    match what {
        "dispatch" => store.dispatch(draft(id)).await.map(drop),
        "set one" => store.set("plain", &doc(1), false).await.map(drop),
        "set two" => store.set("plain", &format!("{}\n{}", doc(2), doc(3)), false).await.map(drop),
        "update" => store.update("plain", &[doc(2)], true).await.map(drop),
        "remove" => {
            store.remove("plain", &[tidelog::sql::Value::Text("p1".into())]).await.map(drop)
        }
        "mark sent" => store.mark_sent(100).await,
        "switch" => store.set_online(!store.online()?).await,
        "add a model" => store.add_model(model(&format!("model_{id}")), false).await,
        "rebuild" => {
            let turn = store.enter().await?;
            store.rebuild(&turn, Some(7)).await
        }
        other => panic!("{other}"),
    }
}

const OPERATIONS: [&str; 9] = [
    "dispatch",
    "set one",
    "set two",
    "update",
    "mark sent",
    "remove",
    "switch",
    "add a model",
    "rebuild",
];

#[test]
fn what_answered_is_kept_and_what_was_not_kept_never_was() {
    let shelf = Shelf::default();
    let store = open(&shelf);
    for (round, what) in OPERATIONS.iter().chain(OPERATIONS.iter()).enumerate() {
        let id = format!("r{round}");
        let before = look(&store);
        assert_eq!(look(&open(&shelf.kept())), before);
        let batches = shelf.disk.borrow().batches;
        shelf.fails.set(true);
        for _ in 0..2 {
            let failed = now(operate(&store, what, &id)).err().map(|error| error.code());
            assert_eq!(failed, Some("QUOTA"), "{what} in round {round}");
            assert_eq!(look(&store), before, "{what} left something behind");
        }
        assert_eq!(shelf.disk.borrow().batches, batches);
        shelf.fails.set(false);
        now(operate(&store, what, &id)).unwrap();
        assert_eq!(shelf.disk.borrow().batches, batches + 1, "{what} answered before it was kept");
        assert_eq!(look(&open(&shelf.kept())), look(&store), "{what} is not kept whole");
    }
}

#[test]
fn the_server_does_not_hear_of_an_event_that_may_still_be_undone() {
    let shelf = Shelf::default();
    let store = open(&shelf);
    let outgoing = || store.outgoing(1, 10, 1 << 20).unwrap().len();
    for fails in [true, false] {
        shelf.fails.set(fails);
        let mut making = pin!(store.dispatch(draft("a")));
        let poll = making.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(poll, Poll::Pending), "it did not wait");
        let rows =
            store.db().reader().one("SELECT count(*) FROM _pending", &[], |r| r.int(0)).unwrap();
        assert_eq!(
            (rows, outgoing(), store.top().unwrap()),
            (Some(1), 0, 0),
            "its commit is under way"
        );
        assert_eq!(now(making).is_err(), fails);
        assert_eq!(outgoing(), usize::from(!fails));
    }
}
