//! Own events of several actions, and actions that fail at their place: where they are made, run
//! again, and confirmed.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use std::cell::{Cell, RefCell};

use crate::rig::{TestApp, dispatch, now, open, other, rows, segment};
use tidelog::error::{Error, Result};
use tidelog::event::{App, Event, Filter, Phases, history};
use tidelog::model::{Definition, Search};
use tidelog::sql::{Db, Options};
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::client::Start;
use tidelog::sync::id::Id;
use tidelog::vfs::{Memory, Vfs};

fn add(store: &Store<TestApp>, definition: &str) {
    now(store.add_model(Definition::parse(definition).unwrap(), true)).unwrap();
}

fn failed(store: &Store<TestApp>) -> i64 {
    store.db().reader().one("SELECT count(*) FROM _failed", &[], |r| r.int(0)).unwrap().unwrap()
}

const NAMED: &str = r#"{"name":"named","columns":[{"name":"name","type":"TEXT"}],"indexes":[{"columns":["name"],"unique":true}]}"#;

#[test]
fn actions_run_one_after_the_other_and_each_sees_the_rows_of_the_ones_before() {
    let store = open(&Memory::default(), None, 1);
    let data = r#"[6,null,[[1,"a",{"n":1}],[5,"a",{"$inc":{"n":2}}],[2,"b",{}],[0,"b"],[2,"b",{"n":9}],[3,"a",{"done":true}],[4,"c",{"n":3}]]]"#;
    assert_eq!(dispatch(&store, "es/todos", data).unwrap(), 1);
    let todos = r#"[{"id":"a","n":3,"done":true},{"id":"b","n":9},{"id":"c","n":3}]"#;
    assert_eq!(rows(&store, "todos"), todos);
}

#[test]
fn ids_of_several_actions_are_counted_up_beyond_one_another() {
    let store = open(&Memory::default(), None, 1);
    add(&store, r#"{"name":"counted","columns":[{"name":"id","type":"INTEGER"}]}"#);
    dispatch(&store, "es/counted", "[1,3,{}]").unwrap();
    let data = "[6,null,[[1,null,{}],[2,8,{}],[1,null,{}],[2,null,{}]]]";
    dispatch(&store, "es/counted", data).unwrap();
    assert_eq!(rows(&store, "counted"), r#"[{"id":3},{"id":4},{"id":8},{"id":9},{"id":10}]"#);
    let kept = &history(store.db().reader(), &Filter::default()).unwrap()[1].data;
    assert_eq!(kept, "[6,null,[[1,4,{}],[2,8,{}],[1,9,{}],[2,10,{}]]]");
}

#[test]
fn an_action_that_is_refused_leaves_nothing() {
    for log in [None, Some("log")] {
        let store = open(&Memory::default(), log, 1);
        add(&store, NAMED);
        dispatch(&store, "es/named", r#"[2,"a",{"name":"Ann"}]"#).unwrap();
        let before = rows(&store, "named");
        for (data, code) in [
            (r#"[2,"a",{}]"#, "EEXIST"),
            (r#"[3,"b",{"name":"Bob"}]"#, "ENOENT"),
            (r#"[5,"b",{"$set":{"name":"Bob"}}]"#, "ENOENT"),
            (r#"[1,"b",{"name":"Ann"}]"#, "SQLITE_CONSTRAINT_UNIQUE"),
            (r#"[6,null,[[1,"b",{"name":"Bob"}],[2,"a",{}]]]"#, "EEXIST"),
            (r#"[6,null,[[0,"a"],[3,"a",{}]]]"#, "ENOENT"),
        ] {
            assert_eq!(dispatch(&store, "es/named", data).unwrap_err().code(), code, "{data}");
        }
        assert_eq!((rows(&store, "named"), failed(&store)), (before, 0));
        let (confirmed, pending) = store.progress().unwrap();
        assert_eq!(confirmed + pending, 1);
    }
}

#[test]
fn what_somebody_else_took_first_is_a_recorded_no_op() {
    let mine = [
        ("es/todos", r#"[2,"a",{"title":"mine"}]"#, "EEXIST"),
        ("es/todos", r#"[3,"b",{"title":"mine"}]"#, "ENOENT"),
        ("es/todos", r#"[6,null,[[0,"c"],[2,"a",{"title":"moved"}]]]"#, "EEXIST"),
        ("es/named", r#"[1,"m",{"name":"Ann"}]"#, "SQLITE_CONSTRAINT_UNIQUE"),
    ];
    let store = open(&Memory::default(), Some("log"), 1);
    add(&store, NAMED);
    let at = store.start().unwrap().at;
    let before = segment(
        at.point(),
        &[other(1, "es/todos", r#"[1,"b",{}]"#), other(2, "es/todos", r#"[1,"c",{"title":"c"}]"#)],
    );
    now(store.apply(&before)).unwrap().unwrap();
    for (event_type, data, _) in &mine[..2] {
        dispatch(&store, event_type, data).unwrap();
    }
    dispatch(&store, "es/todos", r#"[0,"a"]"#).unwrap();
    dispatch(&store, mine[2].0, mine[2].1).unwrap();
    dispatch(&store, mine[3].0, mine[3].1).unwrap();
    let theirs = segment(
        before.to,
        &[
            other(3, "es/todos", r#"[1,"a",{"title":"theirs"}]"#),
            other(4, "es/todos", r#"[0,"b"]"#),
            other(5, "es/named", r#"[1,"t",{"name":"Ann"}]"#),
        ],
    );
    let applied = now(store.apply(&theirs)).unwrap().unwrap();
    assert!(applied.rebased && applied.noops.is_empty(), "{applied:?}");
    // pending, without effect where they stand now, which the queue tells
    let pending: Vec<Option<String>> = history(store.db().reader(), &Filter::default())
        .unwrap()
        .into_iter()
        .filter(|row| row.pending)
        .map(|row| row.err.map(|err| err.split(':').next().unwrap_or_default().to_string()))
        .collect();
    let codes = |code: &str| Some(code.to_string());
    let unique = "SQLITE_CONSTRAINT_UNIQUE";
    // the removal of 'a' makes room for the change of an id behind it
    assert_eq!(pending, [codes("EEXIST"), codes("ENOENT"), None, None, codes(unique)]);
    // the server leaves the removal of 'a' to the end: the move fails there
    let sql = "SELECT id FROM _pending ORDER BY lo";
    let ids: Vec<Id> =
        store.db().reader().all(sql, &[], |r| Ok(Id::from_slice(r.blob(0)?).unwrap())).unwrap();
    let Start { client: me, at, .. } = store.start().unwrap();
    let confirmed = segment(
        at.point(),
        &[
            (ids[0], me, 1, mine[0].0, mine[0].1),
            (ids[1], me, 2, mine[1].0, mine[1].1),
            (ids[3], me, 4, mine[2].0, mine[2].1),
            (ids[4], me, 5, mine[3].0, mine[3].1),
        ],
    );
    let applied = now(store.apply(&confirmed)).unwrap().unwrap();
    let refused: Vec<&str> =
        applied.verdicts.iter().map(|v| v.refusal.as_ref().unwrap().code()).collect();
    assert_eq!(refused, mine.map(|(_, _, code)| code));
    assert_eq!(applied.noops.iter().map(|n| n.seq).collect::<Vec<_>>(), [6, 7, 8, 9]);
    assert_eq!(applied.noops.iter().map(|n| n.error.code()).collect::<Vec<_>>(), refused);
    // all or none: the document whose id was to change is there
    assert_eq!(
        store.get(store.db().reader(), "todos", &tidelog::sql::Value::Text("c".into())).unwrap(),
        Some(r#"{"id":"c","title":"c"}"#.into())
    );
    // whoever asks later is told the same
    let codes: Vec<&str> = [0, 1, 3, 4]
        .map(|i| store.verdict(*ids[i].as_bytes()).unwrap().unwrap().refusal.unwrap().code())
        .to_vec();
    assert_eq!(codes, refused);
    let (count, last) = store.noops().unwrap();
    let last = last.unwrap();
    assert_eq!((count, last.seq, last.error.code()), (4, 9, unique));
    assert_eq!(last.event_type, "es/named");
}

#[test]
fn somebody_elses_event_without_effect_is_told_of() {
    let store = open(&Memory::default(), Some("log"), 1);
    let at = store.start().unwrap().at;
    let theirs = [other(1, "es/todos", "[2,\"a\",{}]"), other(2, "es/todos", "[2,\"a\",{}]")];
    let applied = now(store.apply(&segment(at.point(), &theirs))).unwrap().unwrap();
    assert_eq!(applied.noops.len(), 1);
    assert_eq!((applied.noops[0].seq, applied.noops[0].error.code()), (2, "EEXIST"));
    assert!(applied.verdicts.is_empty());
}

#[test]
fn other_rules_of_the_engine_rebuild_what_events_made() {
    let memory = Memory::default();
    let store = open(&memory, Some("log"), 1);
    dispatch(&store, "es/todos", r#"[1,"a",{"title":"mine"}]"#).unwrap();
    let tampered = "UPDATE todos SET json = '{}'";
    store.db().writer().exec(tampered).unwrap();
    drop(store);
    let same = open(&memory, Some("log"), 1);
    assert_eq!(rows(&same, "todos"), r#"[{"id":"a"}]"#);
    for change in
        ["UPDATE _meta SET v = v + 1 WHERE k = 'rules'", "DELETE FROM _meta WHERE k = 'rules'"]
    {
        let store = open(&memory, Some("log"), 1);
        store.db().writer().exec(tampered).unwrap();
        store.db().writer().exec(change).unwrap();
        drop(store);
        let rebuilt = open(&memory, Some("log"), 1);
        assert_eq!(rows(&rebuilt, "todos"), r#"[{"id":"a","title":"mine"}]"#, "{change}");
    }
}

/// An application that notes what its phases are called with, and whose preprocessor makes of an
/// event what it was told.
#[derive(Default)]
struct Phased {
    seen: RefCell<Vec<String>>,
    made: Cell<Option<(&'static str, &'static str)>>,
    random: Cell<u8>,
}

impl App for Phased {
    fn phases(&self) -> Phases {
        Phases { preprocess: true, reduce: true, derive: true }
    }
    fn now(&self) -> i64 {
        1000
    }
    fn random(&self) -> [u8; 16] {
        self.random.set(self.random.get() + 1);
        [self.random.get(); 16]
    }
    async fn preprocess(&self, event: &mut Event) -> Result<()> {
        self.seen.borrow_mut().push(format!("preprocess {}", event.data));
        if let Some((event_type, data)) = self.made.get() {
            (event.event_type, event.data) = (event_type.into(), data.into());
        }
        Ok(())
    }
    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        self.seen.borrow_mut().push(format!("reduce {}", event.data));
        match event.data.contains("fail") {
            true => Err(Error::User { phase: "reduce".into(), message: "as asked".into() }),
            false => Ok(None),
        }
    }
    async fn derive(&self, event: &Event, results: &str) -> Result<()> {
        self.seen.borrow_mut().push(format!("derive {} {results}", event.data));
        Ok(())
    }
}

fn phased() -> Store<Phased> {
    let db = Db::open(Vfs::register(Memory::default()).unwrap(), "t.db", Options::default());
    let store = Store::new(db.unwrap(), Phased::default());
    now(store.add_model(Definition::parse(r#"{"name":"todos"}"#).unwrap(), true)).unwrap();
    now(store.open_events(EventOptions::default())).unwrap();
    store
}

fn send(store: &Store<Phased>, data: &str) -> Result<String> {
    let draft = Draft { event_type: "es/todos".into(), data: data.into(), ..Draft::default() };
    now(store.dispatch(vec![draft])).map(|made| serde_json::to_string(&made[0].results).unwrap())
}

#[test]
fn phases_are_called_once_per_action_in_the_form_of_one() {
    let store = phased();
    let results = send(&store, r#"[6,null,[[1,"a",{}],[0,"b"]],"m"]"#).unwrap();
    assert_eq!(results, r#"[{"todos":{"set":[{"id":"a"}]}},{"todos":{"rm":["b"]}}]"#);
    assert_eq!(
        *store.app().seen.borrow(),
        [
            r#"preprocess [1,"a",{},"m"]"#,
            r#"preprocess [0,"b",null,"m"]"#,
            r#"reduce [1,"a",{},"m"]"#,
            r#"derive [1,"a",{},"m"] {"todos":{"set":[{"id":"a"}]}}"#,
            r#"reduce [0,"b",null,"m"]"#,
            r#"derive [0,"b",null,"m"] {"todos":{"rm":["b"]}}"#,
        ]
    );
    let error = send(&store, r#"[6,null,[[1,"c",{}],[1,"fail",{}]]]"#).unwrap_err();
    assert_eq!(error.code(), "USER");
    let left = store.search(store.db().reader(), "todos", &Search::default()).unwrap().items;
    assert_eq!(left, r#"[{"id":"a"}]"#);
}

#[test]
fn a_preprocessor_changes_the_document_of_an_action_and_nothing_else_of_it() {
    let several = r#"[6,null,[[1,"a",{}],[1,"b",{}]]]"#;
    let store = phased();
    store.app().made.set(Some(("es/todos", r#"[1,"x",{"n":1}]"#)));
    send(&store, several).unwrap();
    let log = history(store.db().reader(), &Filter::default()).unwrap();
    assert_eq!(log[0].data, r#"[6,null,[[1,"x",{"n":1}],[1,"x",{"n":1}]]]"#);
    for made in [("es/other", r#"[1,"a",{}]"#), ("es/todos", r#"[0,"a"]"#), ("es/todos", several)] {
        store.app().made.set(Some(made));
        let error = send(&store, several).unwrap_err();
        assert_eq!(error.code(), "BAD_VALUE", "{made:?}");
        assert!(error.to_string().contains("not its type or action"), "{error}");
    }
}
