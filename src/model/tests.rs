//! The promises of the room: documents come back whole, searches use indexes, tables follow their
//! definitions.

use super::*;
use crate::sql::{Db, Options, Value};
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn open(definition: &str) -> (Db, Model) {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap();
    let model = Model::new(Definition::parse(definition).unwrap());
    db.transaction(|| model.migrate(db.writer(), false)).unwrap();
    (db, model)
}

fn found(db: &Db, model: &Model, search: &str) -> String {
    model.search(db.reader(), &Search::parse(search).unwrap()).unwrap().items
}

const THINGS: &str = r#"{"name":"things","columns":[{"name":"id","type":"INTEGER"},
    {"name":"count","type":"INTEGER","index":"SPARSE"},{"name":"tags","type":"JSON"},
    {"name":"city","path":"home.city","index":"SPARSE"}]}"#;

#[test]
fn a_document_comes_back_whole() {
    let (db, model) = open(THINGS);
    let doc = r#"{"id":5,"name":"hi","count":3,"tags":["a","b"],"home":{"city":"Ulm","no":1},"none":null}"#;
    let written = model.set(db.writer(), doc, false).unwrap();
    assert_eq!((written.id, written.counted), (Value::Integer(5), false));
    let back = model.get(db.reader(), &Value::Integer(5)).unwrap().unwrap();
    let (a, b): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(doc).unwrap(), serde_json::from_str(&back).unwrap());
    assert_eq!(a, b);
    let raw =
        db.reader().one("SELECT json FROM things", &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    assert_eq!(raw.unwrap(), r#"{"name":"hi","home":{"city":"Ulm","no":1},"none":null}"#);
}

#[test]
fn real_and_virtual_columns_are_searched_by_their_index() {
    let (db, model) = open(THINGS);
    for (i, city) in ["Ulm", "Bonn", "Ulm"].iter().enumerate() {
        let doc = format!(r#"{{"count":{i},"home":{{"city":"{city}"}}}}"#);
        model.set(db.writer(), &doc, false).unwrap();
    }
    assert_eq!(
        found(&db, &model, r#"{"where":["col","count","$eq",1]}"#),
        r#"[{"id":2,"count":1,"home":{"city":"Bonn"}}]"#
    );
    let ulm = found(
        &db,
        &model,
        r#"{"where":["col","city","$eq","Ulm"],"sort":[["count",true]],"limit":1}"#,
    );
    assert_eq!(ulm, r#"[{"id":3,"count":2,"home":{"city":"Ulm"}}]"#);
    let plan = |sql: &str| {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        db.reader().all(&sql, &["x".into()], |r| Ok(r.text(3)?.to_string())).unwrap().join(";")
    };
    assert!(
        plan("SELECT id FROM things WHERE \"json\" ->> '$.\"home\".\"city\"' = ?")
            .contains("things_city")
    );
    assert!(plan("SELECT id FROM things WHERE count = ?").contains("things_count"));
}

#[test]
fn an_update_merges_and_a_null_removes() {
    let (db, model) = open(r#"{"name":"t"}"#);
    model.set(db.writer(), r#"{"id":"x","a":1,"b":2}"#, false).unwrap();
    let merged = model.update(db.writer(), r#"{"id":"x","b":null,"c":3}"#, false).unwrap();
    assert_eq!(merged, r#"{"id":"x","a":1,"c":3}"#);
    assert_eq!(
        model.update(db.writer(), r#"{"id":"y","c":3}"#, false).unwrap_err().code(),
        "ENOENT"
    );
    assert_eq!(
        model.update(db.writer(), r#"{"id":"y","c":3}"#, true).unwrap(),
        r#"{"id":"y","c":3}"#
    );
}

#[test]
fn a_document_without_data_or_id_is_told_apart() {
    let (db, model) = open(r#"{"name":"t"}"#);
    model.set(db.writer(), r#"{"id":""}"#, false).unwrap();
    assert_eq!(
        model.get(db.reader(), &Value::Text(String::new())).unwrap().unwrap(),
        r#"{"id":""}"#
    );
    assert_eq!(model.set(db.writer(), "{}", false).unwrap_err().code(), "REQUIRED");
    assert_eq!(
        model.set(db.writer(), r#"{"id":""}"#, true).unwrap_err().code(),
        "SQLITE_CONSTRAINT_UNIQUE"
    );
}

#[test]
fn a_later_definition_adds_columns_fills_them_and_rebuilds_indexes() {
    let (db, before) = open(r#"{"name":"t","columns":[{"name":"n","index":"SPARSE"}]}"#);
    before.set(db.writer(), r#"{"id":"x","n":7,"m":"deep"}"#, false).unwrap();
    let after = r#"{"name":"t","columns":[{"name":"n","type":"INTEGER","index":"ALL","unique":true},{"name":"m","real":true}]}"#;
    let after = Model::new(Definition::parse(after).unwrap());
    db.transaction(|| after.migrate(db.writer(), false)).unwrap();
    assert_eq!(
        found(&db, &after, r#"{"where":["col","n","$eq",7]}"#),
        r#"[{"id":"x","n":7,"m":"deep"}]"#
    );
    let twice = after.set(db.writer(), r#"{"id":"y","n":7}"#, false).unwrap_err();
    assert_eq!(twice.code(), "SQLITE_CONSTRAINT_UNIQUE");
}

#[test]
fn hostile_names_and_values_stay_values() {
    let (db, model) = open(r#"{"name":"o'b\u0000"}"#.replace("\\u0000", "").as_str());
    let doc = r#"{"id":"'; DROP TABLE x; --","__proto__":{"a":1},"q\"uote":"\u0000"}"#;
    model.set(db.writer(), doc, false).unwrap();
    assert_eq!(
        found(&db, &model, r#"{"where":["col","id","$eq","'; DROP TABLE x; --"]}"#).len(),
        doc.len() + 2
    );
    let unknown =
        model.search(db.reader(), &Search::parse(r#"{"where":["col","1=1 --","$eq",1]}"#).unwrap());
    assert_eq!(unknown.unwrap_err().code(), "UNKNOWN_COLUMN");
    assert_eq!(Definition::parse(r#"{"name":"a\"b"}"#).unwrap_err().code(), "BAD_NAME");
    assert_eq!(Definition::parse(r#"{"name":"_log"}"#).unwrap_err().code(), "BAD_NAME");
}

#[test]
fn a_model_is_not_called_as_tables_that_no_search_may_read() {
    for name in ["pragma_x", "PRAGMA_table_info", "dbstat", "DBStat2", "sqlite", "sqlitefoo", "_x"]
    {
        let refused = Definition::parse(&format!(r#"{{"name":"{name}"}}"#)).unwrap_err();
        assert_eq!(refused.code(), "BAD_NAME", "{name}");
    }
    for name in ["pragma", "pragmas", "db_stat"] {
        let (db, model) = open(&format!(r#"{{"name":"{name}"}}"#));
        model.set(db.writer(), r#"{"id":"x"}"#, false).unwrap();
        assert_eq!(
            found(&db, &model, r#"{"where":["col","id","$eq","x"]}"#),
            r#"[{"id":"x"}]"#,
            "{name}"
        );
    }
}
