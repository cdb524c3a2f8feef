//! A table that events own is reshaped while events are pending, or has full text while they are
//! rebased: whatever happens, rows, searches and full text are those of a fresh replica that reads
//! the same log.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use crate::rig::{OTHER, TestApp, now, rows, segment};
use proptest::prelude::*;
use tidelog::model::{Definition, Search};
use tidelog::sql::{Db, Options};
use tidelog::store::{Draft, EventOptions, Store};
use tidelog::sync::id::{ClientId, Id};
use tidelog::vfs::{Memory, Vfs};

type Data = String;
type Row = (Id, ClientId, u64, Data);

/// The choices for each column of a definition: the first is always "not declared".
const COLUMNS: &[&[&str]] = &[
    &[
        "",
        r#"{"name":"n"}"#,
        r#"{"name":"n","index":"ALL"}"#,
        r#"{"name":"n","type":"INTEGER","index":"SPARSE"}"#,
        r#"{"name":"n","type":"TEXT"}"#,
        r#"{"name":"n","type":"REAL","get":false}"#,
        r#"{"name":"n","type":"JSON"}"#,
    ],
    &[
        "",
        r#"{"name":"u","index":"SPARSE"}"#,
        r#"{"name":"u","index":"SPARSE","unique":true}"#,
        r#"{"name":"u","type":"TEXT","index":"SPARSE","unique":true}"#,
        r#"{"name":"u","type":"NUMERIC"}"#,
    ],
    &[
        "",
        r#"{"name":"body"}"#,
        r#"{"name":"body","fts":true}"#,
        r#"{"name":"body","type":"TEXT","fts":true}"#,
        r#"{"name":"body","type":"TEXT"}"#,
    ],
    &[
        "",
        r#"{"name":"deep","path":"a.deep"}"#,
        r#"{"name":"deep","path":"a.deep","type":"TEXT","fts":true}"#,
        r#"{"name":"deep","path":"a.deep","type":"JSON","index":"ALL"}"#,
        r#"{"name":"a","type":"JSON"}"#,
    ],
];
/// Words that documents have, and searches ask for.
const WORDS: &[&str] = &["fox", "wolf", "red"];

type Choice = [usize; 4];

fn definition(choice: Choice) -> String {
    let columns: Vec<&str> =
        choice.iter().zip(COLUMNS).map(|(i, kinds)| kinds[i % kinds.len()]).collect();
    let columns: Vec<&str> = columns.into_iter().filter(|c| !c.is_empty()).collect();
    format!(r#"{{"name":"rows","columns":[{}]}}"#, columns.join(","))
}

/// The table brought to its definition, and nothing more yet: what a process that dies then leaves.
fn half_open(memory: &Memory, choice: Choice, salt: u8) -> Store<TestApp> {
    let db = Db::open(Vfs::register(memory.clone()).unwrap(), "t.db", Options::default()).unwrap();
    let store = Store::new(db, TestApp::salted(salt));
    now(store.add_model(Definition::parse(&definition(choice)).unwrap(), true)).unwrap();
    store
}

fn open(memory: &Memory, choice: Choice, salt: u8) -> Store<TestApp> {
    let store = half_open(memory, choice, salt);
    now(store.open_events(EventOptions { log: Some("log".into()), ..EventOptions::default() }))
        .unwrap();
    store
}

/// Applies a segment of these rows; whether the state had to be made anew.
fn apply(store: &Store<TestApp>, rows: &[Row]) -> bool {
    let rows: Vec<_> =
        rows.iter().map(|(id, c, n, b)| (*id, *c, *n, "es/rows", b.as_str())).collect();
    let segment = segment(store.start().unwrap().at.point(), &rows);
    now(store.apply(&segment)).unwrap().unwrap().rebuilt
}

fn dispatch(store: &Store<TestApp>, events: &[Data]) -> usize {
    let draft =
        |b: &Data| Draft { event_type: "es/rows".into(), data: b.clone(), ..Draft::default() };
    events.iter().filter(|b| now(store.dispatch(vec![draft(b)])).is_ok()).count()
}

/// The pending events as the server would log them.
fn pending(store: &Store<TestApp>) -> Vec<Row> {
    let me = store.start().unwrap().client;
    let sql = "SELECT id, n, b FROM _pending ORDER BY lo";
    let read = |r: &tidelog::sql::Row<'_>| {
        Ok((
            Id::from_bytes(r.blob(0)?.try_into().unwrap()),
            me,
            r.int(1)? as u64,
            r.text(2)?.to_string(),
        ))
    };
    store.db().writer().all(sql, &[], read).unwrap()
}

/// Everything that can be seen of the table: documents, orders, what words find.
fn seen(store: &Store<TestApp>, choice: Choice) -> Vec<String> {
    let w = store.db().writer();
    let ok = w.one("PRAGMA integrity_check", &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    assert_eq!(ok.as_deref(), Some("ok"));
    let mut seen = vec![rows(store, "rows")];
    let definition = Definition::parse(&definition(choice)).unwrap();
    for column in &definition.columns {
        let search = Search { sort: vec![(column.name.clone(), false)], ..Search::default() };
        seen.push(store.search(store.db().reader(), "rows", &search).unwrap().items);
    }
    if definition.columns.iter().any(|c| c.fts) {
        w.run("INSERT INTO rows_fts(rows_fts, rank) VALUES ('integrity-check', 1)", &[]).unwrap();
        for column in definition.columns.iter().filter(|c| c.fts) {
            for word in WORDS {
                let text = format!(r#"{{"where":["col","{}","$match","{word}"]}}"#, column.name);
                let search: Search = serde_json::from_str(&text).unwrap();
                seen.push(store.search(store.db().reader(), "rows", &search).unwrap().items);
            }
        }
    } else {
        let left = w.one(
            "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'rows\\_fts%' ESCAPE '\\'",
            &[],
            |r| r.int(0),
        );
        assert_eq!(left.unwrap(), Some(0), "full text that is not declared is gone");
    }
    seen
}

/// An event on one of a few rows; some values suit one declaration and not another, some break a
/// unique column.
fn event() -> impl Strategy<Value = Data> {
    let value = prop_oneof![
        (-2..9i32).prop_map(|n| n.to_string()),
        Just("\"7\"".to_string()),
        Just("\"seven\"".to_string()),
        Just("1.5".to_string()),
        Just("null".to_string()),
        Just("{\"x\":[1,null]}".to_string()),
        Just("true".to_string()),
    ];
    let text = prop::collection::vec(0..WORDS.len(), 0..4)
        .prop_map(|words| words.into_iter().map(|i| WORDS[i]).collect::<Vec<_>>().join(" "));
    let rest = prop_oneof![
        text.clone().prop_map(|t| format!("\"body\":\"{t}\"")),
        text.prop_map(|t| format!("\"a\":{{\"deep\":\"{t}\",\"b\":1}}")),
        Just("\"a\":[1]".to_string()),
        Just("\"body\":null".to_string()),
        Just("\"more\":true".to_string()),
    ];
    let doc =
        (value, 0..4u8, any::<bool>(), rest.clone(), rest).prop_map(|(n, u, unique, one, two)| {
            let u = if unique { format!(",\"u\":\"{u}\"") } else { String::new() };
            format!("{{\"n\":{n}{u},{one},{two}}}").replace(&format!("{one},{one}"), &one)
        });
    // a property may not come twice
    let doc = doc.prop_filter("twice", |doc| {
        ["\"body\":", "\"a\":"].iter().all(|k| doc.matches(k).count() < 2)
    });
    prop_oneof![
        8 => (1..5u8, 0..5u8, doc).prop_map(|(action, id, doc)| format!("[{action},\"r{id}\",{doc}]")),
        1 => (0..5u8).prop_map(|id| format!("[0,\"r{id}\"]")),
        1 => (0..5u8, -2..9i32).prop_map(|(id, n)| format!("[5,\"r{id}\",{{\"$set\":{{\"n\":{n}}}}}]")),
    ]
}

fn choice() -> impl Strategy<Value = Choice> {
    [0..7usize, 0..5usize, 0..5usize, 0..5usize]
}

#[derive(Debug, Clone)]
enum Step {
    Mine(Vec<Data>),
    Theirs(Vec<Data>),
    /// The number of pending events that the server takes now.
    Confirm(usize),
    /// The next version of the application; with `true` the process died before its queue was open.
    Open(Choice, bool),
    /// The version before once more.
    Back,
}

fn events() -> impl Strategy<Value = Vec<Data>> {
    prop::collection::vec(event(), 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => events().prop_map(Step::Mine),
        3 => events().prop_map(Step::Theirs),
        1 => (1..4usize).prop_map(Step::Confirm),
        3 => (choice(), prop::bool::weighted(0.3)).prop_map(|(choice, dies)| Step::Open(choice, dies)),
        1 => Just(Step::Back),
    ]
}

fn theirs(log: &[Row], events: &[Data]) -> Vec<Row> {
    let first = log.len() as u64 + 1;
    let row = |(i, b): (usize, &Data)| {
        let n = first + i as u64;
        (Id::from_bytes((0xffff_0000_u128 + u128::from(n)).to_be_bytes()), OTHER, n, b.clone())
    };
    events.iter().enumerate().map(row).collect()
}

/// The rows of a replica that reads `log` for the first time, in the version that declares
/// `choice`.
fn fresh(log: &[Row], choice: Choice) -> Vec<String> {
    let store = open(&Memory::new(), choice, 9);
    apply(&store, log);
    seen(&store, choice)
}

/// Plays a history and compares with a fresh replica after each step that changes what is declared
/// or confirmed.
fn play(start: Choice, steps: &[Step]) {
    let memory = Memory::new();
    let (mut now, mut before) = (start, start);
    let mut store = open(&memory, now, 1);
    let mut log: Vec<Row> = Vec::new();
    let mut made = 0;
    for step in steps {
        match step {
            Step::Mine(events) => made += dispatch(&store, events),
            Step::Theirs(events) => {
                let rows = theirs(&log, events);
                apply(&store, &rows);
                log.extend(rows);
            }
            Step::Confirm(count) => {
                let mut rows = pending(&store);
                rows.truncate(*count);
                apply(&store, &rows);
                log.extend(rows);
            }
            Step::Open(choice, dies) => {
                drop(store);
                if *dies {
                    // and is tried again, with the version before
                    drop(half_open(&memory, *choice, 1));
                } else {
                    (before, now) = (now, *choice);
                }
                store = open(&memory, now, 1);
            }
            Step::Back => {
                drop(store);
                (before, now) = (now, before);
                store = open(&memory, now, 1);
            }
        }
        let all: Vec<Row> = log.iter().cloned().chain(pending(&store)).collect();
        assert_eq!(seen(&store, now), fresh(&all, now), "after {step:?}");
    }
    let rows = pending(&store);
    apply(&store, &rows);
    log.extend(rows);
    assert_eq!(pending(&store).len(), 0);
    let mine = log.iter().filter(|(_, c, ..)| *c != OTHER).count();
    assert_eq!(mine, made, "every acknowledged event is in the log");
    assert_eq!(seen(&store, now), fresh(&log, now), "in the end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::tries(250), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_reshaped_under_pending_events_is_that_of_a_fresh_replica(
        start in choice(),
        steps in prop::collection::vec(step(), 1..10),
    ) {
        play(start, &steps);
    }

    #[test]
    fn full_text_follows_undo_and_replay(
        body in 2..4usize,
        deep in 0..3usize,
        unique in 0..4usize,
        steps in prop::collection::vec(prop_oneof![
            events().prop_map(Step::Mine),
            events().prop_map(Step::Theirs),
            (1..4usize).prop_map(Step::Confirm),
        ], 2..10),
    ) {
        play([3, unique, body, deep], &steps);
    }
}
