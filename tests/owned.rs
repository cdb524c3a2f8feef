//! The things that an application's SQL may not do: write tables that events own, or our records;
//! by itself, by its triggers, by foreign keys, or after a change of the schema.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use crate::rig::{TestApp, dispatch, now, open, other, rows, segment};
use tidelog::error::Result;
use tidelog::model::Definition;
use tidelog::sql::{Changes, Params, Value};
use tidelog::store::Store;
use tidelog::vfs::Memory;

fn theirs(store: &Store<TestApp>, sql: &str) -> Result<Changes> {
    let writer = store.db().writer();
    writer.theirs(|| writer.statement(sql, &Params::Positional(vec![]), |_| {}, |_| Ok(true)))
}

/// Refused as a statement and as one of several, with the table's name, and nothing changed.
fn refused(store: &Store<TestApp>, sql: &str, what: &str) {
    let before = rows(store, "todos");
    let writer = store.db().writer();
    for error in [theirs(store, sql).unwrap_err(), writer.theirs(|| writer.exec(sql)).unwrap_err()]
    {
        assert_eq!(error.code(), "NOT_SUPPORTED", "{sql}: {error}");
        assert!(error.to_string().contains(what), "{sql}: {error}");
    }
    assert_eq!(rows(store, "todos"), before, "{sql}");
}

fn with_a_todo() -> Store<TestApp> {
    let store = open(&Memory::default(), Some("log"), 1);
    dispatch(&store, "es/todos", r#"[1,"a",{"title":"milk"}]"#).unwrap();
    store.db().writer().exec("CREATE TABLE mine(a INTEGER PRIMARY KEY, b)").unwrap();
    store
}

#[test]
fn tables_of_events_are_only_read_by_the_applications_sql() {
    let store = with_a_todo();
    for sql in [
        "DELETE FROM todos",
        "delete from \"TODOS\" where id = 'a'",
        "DELETE FROM main.todos",
        "INSERT INTO todos(id) VALUES ('b')",
        "INSERT INTO todos(id) VALUES ('a') ON CONFLICT DO NOTHING",
        "REPLACE INTO todos(id) VALUES ('a')",
        "UPDATE todos SET id = 'b' RETURNING id",
        "WITH x AS (SELECT 1) UPDATE todos SET id = 'b'",
        "DROP TABLE todos",
        "ALTER TABLE todos RENAME TO others",
        "ALTER TABLE todos ADD COLUMN x",
        "ALTER TABLE todos DROP COLUMN json",
        "CREATE TEMP TABLE todos(id)",
        "CREATE TEMP VIEW todos AS SELECT 1",
    ] {
        refused(&store, sql, "'todos'");
    }
    for sql in ["PRAGMA foreign_keys = OFF", "PRAGMA recursive_triggers(0)"] {
        refused(&store, sql, "PRAGMA");
    }
    for sql in [
        "SELECT count(*) FROM todos JOIN _log",
        "INSERT INTO mine(b) SELECT id FROM todos",
        "CREATE VIEW seen AS SELECT * FROM todos",
        "CREATE INDEX todos_own ON todos(id)",
        "DROP INDEX todos_own",
        "PRAGMA foreign_keys = ON",
        "PRAGMA foreign_keys",
        "ANALYZE",
        "REINDEX",
        "VACUUM",
    ] {
        theirs(&store, sql).unwrap();
    }
}

#[test]
fn no_record_of_ours_is_written_by_the_applications_sql() {
    let store = with_a_todo();
    let sql =
        "SELECT name FROM sqlite_schema WHERE name LIKE '\\_%' ESCAPE '\\' AND type = 'table'";
    let tables = store.db().reader().all(sql, &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    assert!(tables.len() >= 9, "{tables:?}");
    for table in tables {
        refused(&store, &format!("DELETE FROM {table}"), &format!("'{table}'"));
        refused(&store, &format!("DROP TABLE {table}"), &format!("'{table}'"));
        theirs(&store, &format!("SELECT * FROM {table}")).unwrap();
    }
    refused(&store, "DROP VIEW _history", "'_history'");
}

#[test]
fn what_we_prepared_is_not_lent_to_the_application() {
    let store = with_a_todo();
    let ours = "DELETE FROM \"todos\"";
    store.db().writer().run(ours, &[]).unwrap();
    dispatch(&store, "es/todos", r#"[1,"b",{}]"#).unwrap();
    refused(&store, ours, "'todos'");
    // nor does the application's refusal reach us
    store.db().writer().run(ours, &[]).unwrap();
    assert_eq!(rows(&store, "todos"), "[]");
}

#[test]
fn triggers_of_the_application_do_not_write_what_events_own() {
    let store = with_a_todo();
    now(store.add_model(Definition::parse(r#"{"name":"local"}"#).unwrap(), false)).unwrap();
    let insert = "INSERT INTO mine(b) VALUES (1)";
    theirs(&store, insert).unwrap();
    now(store.set("local", r#"{"id":"a"}"#, false)).unwrap();
    for (trigger, table) in [("t1", "mine"), ("t2", "local")] {
        let sql = format!(
            "CREATE TRIGGER {trigger} AFTER INSERT ON {table} BEGIN DELETE FROM todos; END"
        );
        theirs(&store, &sql).unwrap();
    }
    // prepared before the trigger was there
    refused(&store, insert, "'todos' (by the trigger 't1')");
    let error = now(store.set("local", r#"{"id":"b"}"#, false)).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().contains("trigger 't2'")),
        ("NOT_SUPPORTED", true),
        "{error}"
    );
    assert_eq!(rows(&store, "local"), r#"[{"id":"a"}]"#);
    theirs(&store, "CREATE VIEW seen AS SELECT id FROM todos").unwrap();
    theirs(
        &store,
        "CREATE TRIGGER t3 INSTEAD OF DELETE ON seen BEGIN DELETE FROM todos WHERE id = old.id; END",
    )
    .unwrap();
    refused(&store, "DELETE FROM seen", "trigger 't3'");
    // a trigger on what events own may write a table of the application
    theirs(&store, "CREATE TRIGGER t4 AFTER DELETE ON todos BEGIN UPDATE mine SET b = 2; END")
        .unwrap();
    dispatch(&store, "es/todos", r#"[0,"a"]"#).unwrap();
    assert_eq!(store.db().reader().one("SELECT b FROM mine", &[], |r| r.int(0)).unwrap(), Some(2));
}

#[test]
fn foreign_keys_do_not_carry_the_applications_sql_into_what_events_own() {
    let store = with_a_todo();
    let child = r#"{"name":"kids","columns":[{"name":"of","type":"TEXT","foreignKey":{"model":"homes","onDelete":"CASCADE"}}]}"#;
    now(store.add_model(Definition::parse(r#"{"name":"homes"}"#).unwrap(), false)).unwrap();
    now(store.add_model(Definition::parse(child).unwrap(), true)).unwrap();
    now(store.set("homes", r#"{"id":"h"}"#, false)).unwrap();
    dispatch(&store, "es/kids", r#"[1,"k",{"of":"h"}]"#).unwrap();
    refused(&store, "DELETE FROM homes", "'kids'");
    let error = now(store.remove("homes", &[Value::Text("h".into())])).unwrap_err();
    assert_eq!(error.code(), "NOT_SUPPORTED", "{error}");
    assert_eq!(rows(&store, "kids"), r#"[{"id":"k","of":"h"}]"#);
    // what cascades nowhere is written as ever
    now(store.set("homes", r#"{"id":"h","name":"home"}"#, false)).unwrap();
}

#[test]
fn a_phase_of_an_event_writes_what_events_own_and_no_record() {
    let store = with_a_todo();
    let writer = store.db().writer();
    let phase = |sql| {
        writer.phase(|| writer.statement(sql, &Params::Positional(vec![]), |_| {}, |_| Ok(true)))
    };
    let sql = "UPDATE todos SET json = '{}'";
    assert_eq!(phase(sql).unwrap().changes, 1);
    assert_eq!(phase("DELETE FROM _log").unwrap_err().code(), "NOT_SUPPORTED");
    refused(&store, sql, "'todos'");
}

#[test]
fn events_segments_and_rebuilds_write_as_before() {
    let store = with_a_todo();
    for sql in ["DELETE FROM todos", "DELETE FROM _pending"] {
        refused(&store, sql, "SQL may not change the table");
    }
    let at = store.start().unwrap().at;
    let theirs = segment(at.point(), &[other(1, "es/todos", r#"[1,"b",{"title":"theirs"}]"#)]);
    assert!(now(store.apply(&theirs)).unwrap().unwrap().rebased);
    now(store.rebuild(&now(store.enter()).unwrap(), None)).unwrap();
    assert_eq!(rows(&store, "todos"), r#"[{"id":"a","title":"milk"},{"id":"b","title":"theirs"}]"#);
}

#[test]
fn what_events_own_is_closed_before_its_models_are_added() {
    let memory = Memory::default();
    drop(open(&memory, None, 1));
    let db = || {
        let vfs = tidelog::vfs::Vfs::register(memory.clone()).unwrap();
        tidelog::sql::Db::open(vfs, "t.db", Default::default()).unwrap()
    };
    let store = Store::new(db(), TestApp::default());
    store.claim(&["todos".into()]).unwrap();
    assert_eq!(theirs(&store, "DELETE FROM todos").unwrap_err().code(), "NOT_SUPPORTED");
    assert_eq!(theirs(&store, "DELETE FROM _log").unwrap_err().code(), "NOT_SUPPORTED");
    theirs(&store, "DELETE FROM notes").unwrap();
}

#[test]
fn a_database_without_events_has_but_its_definitions_closed() {
    let vfs = tidelog::vfs::Vfs::register(Memory::default()).unwrap();
    let db = tidelog::sql::Db::open(vfs, "t.db", Default::default()).unwrap();
    let store = Store::new(db, TestApp::default());
    store.claim(&["todos".into()]).unwrap();
    now(store.add_model(Definition::parse(r#"{"name":"todos"}"#).unwrap(), false)).unwrap();
    for sql in [
        "CREATE TABLE _log(a)",
        "INSERT INTO _log VALUES (1)",
        "DELETE FROM todos",
        "PRAGMA foreign_keys = OFF",
        "DROP TABLE todos",
    ] {
        theirs(&store, sql).unwrap();
    }
    let error = theirs(&store, "DELETE FROM _models").unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().contains("'_models'")),
        ("NOT_SUPPORTED", true),
        "{error}"
    );
}

#[test]
fn the_file_attached_under_another_name_is_no_way_around() {
    let store = with_a_todo();
    if theirs(&store, "ATTACH 't.db' AS again").is_ok() {
        assert_eq!(theirs(&store, "DELETE FROM again.todos").unwrap_err().code(), "NOT_SUPPORTED");
    }
    theirs(&store, "ATTACH ':memory:' AS m").unwrap();
    theirs(&store, "CREATE TABLE m.other(a)").unwrap();
    theirs(&store, "INSERT INTO m.other SELECT id FROM todos").unwrap();
}
