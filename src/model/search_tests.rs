//! The promises of searches: each operator, NULL as a value, figures. Cursors are in
//! `cursor_tests.rs`, plans in `plan_tests.rs`.

use super::*;
use crate::sql::{Conn, Db, Options};
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(super) fn open(definition: &str) -> (Db, Model) {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap();
    let model = Model::new(Definition::parse(definition).unwrap());
    db.transaction(|| model.migrate(db.writer(), false)).unwrap();
    (db, model)
}

pub(super) fn fill(db: &Db, model: &Model, docs: &[&str]) {
    for doc in docs {
        model.set(db.writer(), doc, false).unwrap();
    }
}

pub(super) fn page(conn: &Conn, model: &Model, search: &str) -> Found {
    model.search(conn, &Search::parse(search).unwrap()).unwrap()
}

/// The ids a condition finds.
pub(super) fn ids(db: &Db, model: &Model, node: &str) -> Vec<i64> {
    let search = format!(r#"{{"where":{node},"cols":["id"]}}"#);
    id_list(&page(db.reader(), model, &search))
}

pub(super) fn id_list(found: &Found) -> Vec<i64> {
    let items: Vec<serde_json::Value> = serde_json::from_str(&found.items).unwrap();
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

pub(super) fn refused(db: &Db, model: &Model, search: &str) -> crate::error::Error {
    Search::parse(search).and_then(|search| model.search(db.reader(), &search)).unwrap_err()
}

const THINGS: &str = r#"{"name":"things","columns":[{"name":"id","type":"INTEGER"},
    {"name":"n","type":"INTEGER","index":"ALL"},{"name":"tags","type":"JSON"},{"name":"v"},
    {"name":"name","collate":"NOCASE"},{"name":"done","falsyBool":true},{"name":"twice","sql":"tbl.n * 2"}]}"#;

pub(super) fn things() -> (Db, Model) {
    let (db, model) = open(THINGS);
    fill(
        &db,
        &model,
        &[
            r#"{"id":1,"n":5,"tags":["a","b"],"v":true,"name":"Äb"}"#,
            r#"{"id":2,"tags":[1,null,["x"]],"v":"1","name":"AB","done":true}"#,
            r#"{"id":3,"n":-3,"tags":{"k":"a"},"v":1.5,"name":"a%b"}"#,
            r#"{"id":4,"n":9007199254740993,"tags":"a","v":{"deep":{"er":[7,8]}}}"#,
        ],
    );
    (db, model)
}

#[test]
fn every_operator_finds_what_it_says() {
    let (db, model) = things();
    for (node, expected) in [
        (r#"["col","n","$eq",5]"#, &[1][..]),
        (r#"["col","n","$ne",5]"#, &[2, 3, 4]),
        (r#"["not",["col","n","$gt",0]]"#, &[2, 3]),
        (r#"["col","n","$eq",null]"#, &[2]),
        (r#"["col","n","$ne",null]"#, &[1, 3, 4]),
        (r#"["col","n","$in",[5,null]]"#, &[1, 2]),
        (r#"["col","n","$nin",[5]]"#, &[2, 3, 4]),
        (r#"["col","n","$nin",[5,null]]"#, &[3, 4]),
        (r#"["col","n","$in",[]]"#, &[]),
        (r#"["col","n","$nin",[]]"#, &[1, 2, 3, 4]),
        (r#"["col","n","$eq",{"$bigint":"9007199254740993"}]"#, &[4]),
        (r#"["col","n","$eq",9007199254740992]"#, &[]),
        (r#"["col","n","$between",[-3,5]]"#, &[1, 3]),
        (r#"["col","n","$exists",false]"#, &[2]),
        (r#"["col","n","$null",false]"#, &[1, 3, 4]),
        (r#"["col","twice","$eq",-6]"#, &[3]),
        (r#"["col","v","$eq",1]"#, &[1]),
        (r#"["col","v","$eq",true]"#, &[1]),
        (r#"["col","v","$gt",1]"#, &[2, 3, 4]),
        (r#"["col","name","$eq","ab"]"#, &[2]),
        (r#"["col","name","$like","a%b"]"#, &[2, 3]),
        (r#"["col","name","$text","A%"]"#, &[3]),
        (r#"["col","name","$glob","A*"]"#, &[2]),
        (r#"["col","done","$eq",true]"#, &[2]),
        (r#"["col","done","$eq",false]"#, &[1, 3, 4]),
        (r#"["col","done","$ne",true]"#, &[1, 3, 4]),
        (r#"["col","done","$lt",1]"#, &[1, 3, 4]),
        (r#"["col","tags","$contains","a"]"#, &[1]),
        (r#"["col","tags","$contains",null]"#, &[2]),
        (r#"["col","tags","$contains",["x"]]"#, &[2]),
        (r#"["col","tags","$containsAll",["a","b"]]"#, &[1]),
        (r#"["col","tags","$containsAll",[]]"#, &[1, 2, 3, 4]),
        (r#"["col","tags","$containsAny",["b",1]]"#, &[1, 2]),
        (r#"["col","tags","$eq","a"]"#, &[4]),
        (r#"["col","tags","$eq",["a","b"]]"#, &[1]),
        (r#"["col","tags","$in",["a",{"k":"a"}]]"#, &[3, 4]),
        (r#"["col","tags","$like","A"]"#, &[4]),
        (r#"["col","tags.k","$eq","a"]"#, &[3]),
        (r#"["col","tags[2][0]","$eq","x"]"#, &[2]),
        (r#"["col","v.deep.er[1]","$eq",8]"#, &[4]),
        (r#"["col","v.deep.er","$contains",7]"#, &[4]),
        (
            r#"["or",[["col","id","$eq",1],["and",[["col","id","$gt",2],["col","id","$lt",4]]]]]"#,
            &[1, 3],
        ),
        (r#"["not",["or",[["col","n","$gt",0],["raw","tbl.id = ?",[3]]]]]"#, &[2]),
    ] {
        assert_eq!(ids(&db, &model, node), expected, "{node}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let (db, model) = things();
    for (search, code) in [
        (r#"{"where":["col","nope","$eq",1]}"#, "UNKNOWN_COLUMN"),
        (r#"{"where":["col","nope.x","$eq",1]}"#, "UNKNOWN_COLUMN"),
        (r#"{"where":["col","n.x","$eq",1]}"#, "BAD_NAME"),
        (r#"{"where":["col","v..x","$eq",1]}"#, "BAD_NAME"),
        (r#"{"where":["col","v[x]","$eq",1]}"#, "BAD_NAME"),
        (r#"{"where":["col","n","$gt",null]}"#, "BAD_VALUE"),
        (r#"{"where":["col","n","$eq",[1]]}"#, "BAD_VALUE"),
        (r#"{"where":["col","n","$contains",1]}"#, "BAD_VALUE"),
        (r#"{"where":["col","n","$match","x"]}"#, "BAD_VALUE"),
        (r#"{"where":["col","n","$between",[1]]}"#, "BAD_VALUE"),
        (r#"{"where":["col","n","$exists",1]}"#, "BAD_VALUE"),
        (r#"{"where":["raw","n = ?",[]]}"#, "BAD_VALUE"),
        (r#"{"sort":[["n; DROP TABLE things",false]]}"#, "UNKNOWN_COLUMN"),
        (r#"{"cursor":"x"}"#, "BAD_VALUE"),
    ] {
        assert_eq!(refused(&db, &model, search).code(), code, "{search}");
    }
}

#[test]
fn figures_are_of_numbers_only() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"x"},{"name":"n","type":"INTEGER"},{"name":"b","type":"INTEGER"}]}"#,
    );
    let none = Search::default();
    assert_eq!(model.aggregate(db.reader(), "max", "n", &none).unwrap(), "null");
    for (i, x) in ["-2", "\"12\"", "\"abc\"", "null", "1.5"].iter().enumerate() {
        fill(&db, &model, &[&format!(r#"{{"id":"{i}","x":{x},"n":{x},"b":9223372036854775807}}"#)]);
    }
    for column in ["x", "n"] {
        for (op, value) in
            [("max", "12"), ("min", "-2"), ("sum", "11.5"), ("AVG", "3.8333333333333335")]
        {
            assert_eq!(
                model.aggregate(db.reader(), op, column, &none).unwrap(),
                value,
                "{op} {column}"
            );
        }
    }
    assert_eq!(model.aggregate(db.reader(), "sum", "b", &none).unwrap(), "4.611686018427388e+19");
    assert_eq!(
        model.aggregate(db.reader(), "max", "b", &none).unwrap(),
        r#"{"$bigint":"9223372036854775807"}"#
    );
    for (op, value) in [("count", "3"), ("TOTAL", "11.5")] {
        assert_eq!(model.aggregate(db.reader(), op, "x", &none).unwrap(), value, "{op}");
    }
    let nobody = Search::parse(r#"{"where":["col","id","$eq","z"]}"#).unwrap();
    assert_eq!(model.aggregate(db.reader(), "count", "n", &nobody).unwrap(), "0");
    assert_eq!(model.aggregate(db.reader(), "median", "n", &none).unwrap_err().code(), "BAD_VALUE");
}

#[test]
fn a_path_is_the_column_that_has_its_value() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"id","type":"INTEGER"},{"name":"x","type":"JSON"},
        {"name":"n","path":"x.n","type":"INTEGER"},{"name":"v"},{"name":"vj","path":"v.j","type":"JSON"},
        {"name":"q","path":"y.q'","type":"TEXT"},{"name":"r","path":"y.q'"},{"name":"s","path":"y.q'","real":true}]}"#,
    );
    fill(
        &db,
        &model,
        &[
            r#"{"id":1,"x":{"n":5,"w":1},"v":{"j":{"z":[7]},"k":2},"y":{"q'":"q","o":3}}"#,
            r#"{"id":2,"x":{"w":1},"v":{"k":3}}"#,
        ],
    );
    assert_eq!(
        model
            .get(db.reader(), &crate::sql::Value::Integer(1))
            .unwrap()
            .unwrap()
            .matches("\"q\"")
            .count(),
        1
    );
    for node in [
        r#"["col","x.n","$eq",5]"#,
        r#"["col","v.j","$eq",{"z":[7]}]"#,
        r#"["col","v.j.z[0]","$eq",7]"#,
        r#"["col","v.j.z","$contains",7]"#,
        r#"["col","v.k","$eq",2]"#,
        r#"["col","vj.z[0]","$eq",7]"#,
        r#"["col","q","$eq","q"]"#,
        r#"["col","r","$eq","q"]"#,
        r#"["col","s","$eq","q"]"#,
        r#"["col","y.q'","$eq","q"]"#,
    ] {
        assert_eq!(ids(&db, &model, node), [1], "{node}");
    }
    assert_eq!(ids(&db, &model, r#"["col","x.w","$eq",1]"#), [1, 2]);
    assert_eq!(ids(&db, &model, r#"["col","x","$exists",true]"#), [1, 2]);
    for search in [
        r#"{"where":["col","x","$eq",{"w":1}]}"#,
        r#"{"where":["col","v","$ne",null]}"#,
        r#"{"cols":["x"]}"#,
        r#"{"sort":[["v",false]]}"#,
    ] {
        let error = refused(&db, &model, search);
        assert!(
            error.code() == "BAD_VALUE" && error.to_string().contains("holds a part"),
            "{error}"
        );
    }
    assert_eq!(refused(&db, &model, r#"{"sort":[["y.o",false]]}"#).code(), "UNKNOWN_COLUMN");
    let found =
        page(db.reader(), &model, r#"{"cols":["x.n","v.j.z"],"sort":[["x.n",true]],"limit":1}"#);
    assert_eq!(found.items, r#"[{"x.n":5,"v.j.z":[7]}]"#);
}

#[test]
fn a_nul_is_text_like_any_other() {
    let (db, model) = things();
    fill(&db, &model, &[r#"{"id":5,"name":"a\u0000B","v":"a\u0000B"}"#]);
    for name in ["name", "v"] {
        for (text, expected) in [("\\u0000b", &[5][..]), ("\\u0000c", &[]), ("\\u0000", &[5])] {
            let node = format!(r#"["col","{name}","$text","{text}"]"#);
            assert_eq!(ids(&db, &model, &node), expected, "{node}");
        }
    }
    for op in ["$like", "$glob"] {
        let search = format!(r#"{{"where":["col","name","{op}","a\u0000c"]}}"#);
        assert_eq!(refused(&db, &model, &search).code(), "BAD_VALUE");
    }
    let long = format!(r#"["col","name","$text","{}"]"#, "%".repeat(60_000));
    assert!(ids(&db, &model, &long).is_empty());
}
