//! What searches promise: each operator, NULL as a value, cursors both ways, figures, plans.

use super::*;
use crate::sql::{Conn, Db, Options};
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

fn fill(db: &Db, model: &Model, docs: &[&str]) {
    for doc in docs {
        model.set(db.writer(), doc, false).unwrap();
    }
}

fn page(conn: &Conn, model: &Model, search: &str) -> Found {
    model.search(conn, &Search::parse(search).unwrap()).unwrap()
}

/// The ids a condition finds.
fn ids(db: &Db, model: &Model, node: &str) -> Vec<i64> {
    let search = format!(r#"{{"where":{node},"cols":["id"]}}"#);
    id_list(&page(db.reader(), model, &search))
}

fn id_list(found: &Found) -> Vec<i64> {
    let items: Vec<serde_json::Value> = serde_json::from_str(&found.items).unwrap();
    items.iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

fn refused(db: &Db, model: &Model, search: &str) -> crate::error::Error {
    Search::parse(search).and_then(|search| model.search(db.reader(), &search)).unwrap_err()
}

const THINGS: &str = r#"{"name":"things","columns":[{"name":"id","type":"INTEGER"},
    {"name":"n","type":"INTEGER","index":"ALL"},{"name":"tags","type":"JSON"},{"name":"v"},
    {"name":"name","collate":"NOCASE"},{"name":"done","falsyBool":true},{"name":"twice","sql":"tbl.n * 2"}]}"#;

fn things() -> (Db, Model) {
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
fn pages_follow_each_other_both_ways_past_nulls_and_mixed_types() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"id","type":"INTEGER"},{"name":"x"},{"name":"y","type":"NUMERIC","index":"ALL"}]}"#,
    );
    let values = ["null", "-5", "null", "\"a\"", "3", "-1", "2.5", "\"B\"", "true", "3", "[1]"];
    for (i, x) in values.iter().enumerate() {
        fill(
            &db,
            &model,
            &[&format!(r#"{{"x":{x},"y":{}}}"#, values[(i * 7) % 11].replace("[1]", "7"))],
        );
    }
    for sort in [
        r#"[["x",false]]"#,
        r#"[["x",true]]"#,
        r#"[["y",true],["x",false]]"#,
        r#"[["y",true],["id",true]]"#,
    ] {
        let all = id_list(&page(db.reader(), &model, &format!(r#"{{"sort":{sort}}}"#)));
        assert_eq!(all.len(), values.len());
        for limit in [1, 2, 3, 11, 12] {
            let (mut forth, mut back, mut cursor) = (Vec::new(), Vec::new(), String::new());
            let get = |cursor: &str| {
                let cursor =
                    if cursor.is_empty() { "null".into() } else { format!("\"{cursor}\"") };
                page(
                    db.reader(),
                    &model,
                    &format!(r#"{{"sort":{sort},"limit":{limit},"cursor":{cursor}}}"#),
                )
            };
            let mut last = None;
            loop {
                let found = get(&cursor);
                assert_eq!(found.prev_cursor.is_none(), cursor.is_empty(), "{sort} {limit}");
                assert_eq!(found.total, Some(11));
                forth.extend(id_list(&found));
                assert!(forth.len() <= all.len(), "{sort} {limit}: {forth:?}");
                let next = found.cursor.clone();
                last = Some(found).or(last);
                match next {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            assert_eq!(forth, all, "{sort} {limit}");
            let mut found = last.unwrap();
            back.splice(0..0, id_list(&found));
            while let Some(cursor) = &found.prev_cursor {
                found = get(cursor);
                assert!(found.cursor.is_some());
                back.splice(0..0, id_list(&found));
            }
            assert_eq!(back, all, "{sort} {limit} back");
        }
    }
    let first = page(db.reader(), &model, r#"{"sort":[["x",false]],"limit":2}"#).cursor.unwrap();
    let other =
        refused(&db, &model, &format!(r#"{{"sort":[["x",true]],"limit":2,"cursor":"{first}"}}"#));
    assert!(other.to_string().contains("another model or order"));
}

/// How SQLite would search, as JSON.
fn plan(conn: &Conn, model: &Model, search: &Search) -> String {
    serde_json::to_string(&model.explain(conn, search).unwrap()).unwrap()
}

#[test]
fn a_page_enters_the_index_at_its_cursor() {
    let (db, model) = things();
    for sort in [r#"[["n",false]]"#, r#"[["n",true]]"#] {
        let cursor =
            page(db.reader(), &model, &format!(r#"{{"sort":{sort},"limit":1}}"#)).cursor.unwrap();
        let search = format!(r#"{{"sort":{sort},"limit":1,"cursor":"{cursor}"}}"#);
        let plan = plan(db.reader(), &model, &Search::parse(&search).unwrap());
        // the first row's n is NULL where it rises: then everything comes after it
        let entered = plan.contains("SEARCH tbl USING INDEX things_n (n") || sort.contains("false");
        assert!(entered && !plan.contains("TEMP B-TREE FOR ORDER"), "{plan}");
        assert!(plan.contains(r#""indexes":["things_n"]"#), "{plan}");
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

/// More rows than a search may read without a word.
fn many(db: &Db) {
    let some = "WITH n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 10009) SELECT i, '{\"v\":1}' FROM n";
    db.writer().exec(&format!("INSERT INTO things(id, json) {some}")).unwrap();
}

#[test]
fn reading_a_large_table_from_end_to_end_warns_once_for_each_set_of_columns() {
    let (db, model) = things();
    many(&db);
    let warning = |search: &str| page(db.reader(), &model, search).warning;
    let first = warning(r#"{"where":["col","v","$eq",1]}"#).unwrap();
    assert_eq!(first, "things: a search by v reads all of 10004 rows: declare an index on 'v'");
    assert_eq!(warning(r#"{"where":["col","v","$eq",2]}"#), None);
    assert_eq!(warning(r#"{"where":["col","v","$gt",2]}"#), None);
    assert!(
        warning(r#"{"where":["and",[["col","v","$gt",2],["col","name","$eq","x"]]]}"#).is_some()
    );
    assert_eq!(warning(r#"{"where":["col","n","$eq",1]}"#), None);
    assert_eq!(warning("{}"), None);
    assert!(warning(r#"{"sort":[["name",false]],"limit":1}"#).unwrap().contains("by name"));
    assert_eq!(warning(r#"{"sort":[["n",false]],"limit":1}"#), None);
}

#[test]
fn a_path_that_is_declared_elsewhere_uses_that_index() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"home"},{"name":"meta","type":"JSON"},
        {"name":"city","path":"home.ci'ty","index":"SPARSE"},{"name":"k","path":"meta.k","index":"ALL"}]}"#,
    );
    fill(&db, &model, &[r#"{"id":"a","home":{"ci'ty":"Ulm"},"meta":{"k":1}}"#]);
    for (node, index) in [
        (r#"["col","home.ci'ty","$eq","Ulm"]"#, "t_city"),
        (r#"["col","city","$eq","Ulm"]"#, "t_city"),
        (r#"["col","meta.k","$eq",1]"#, "t_k"),
        (r#"["col","k","$gt",0]"#, "t_k"),
    ] {
        let search = Search::parse(&format!(r#"{{"where":{node}}}"#)).unwrap();
        let plan = plan(db.reader(), &model, &search);
        assert!(plan.contains(&format!(r#""indexes":["{index}"]"#)), "{plan}");
        assert_eq!(model.count(db.reader(), &search).unwrap(), 1, "{node}");
    }
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

#[test]
fn rows_that_a_join_multiplies_have_no_cursors() {
    let (db, model) = things();
    let search = |limit: u8, list: &str| {
        let search = format!(
            r#"{{"join":"JOIN json_each(?) je","joinVals":["{list}"],"cols":["id"],"limit":{limit}}}"#
        );
        page(db.reader(), &model, &search)
    };
    // also where only the row after the page tells
    for limit in [1, 2, 3] {
        let found = search(limit, "[1,2]");
        assert_eq!((found.total, found.cursor), (Some(8), None), "{limit}");
        assert!(found.warning.unwrap().contains("several rows"));
    }
    let found = search(2, "[1]");
    assert!(found.cursor.is_some() && found.warning.is_none());
}

#[test]
fn counts_and_figures_keep_their_warning_until_it_is_asked_for() {
    type Ask = fn(&Model, &crate::sql::Conn, &Search);
    let asks: [Ask; 3] = [
        |m, c, s| assert!(m.count(c, s).is_ok()),
        |m, c, s| assert!(m.any(c, s).is_ok()),
        |m, c, s| assert!(m.aggregate(c, "sum", "name", s).is_ok()),
    ];
    for ask in asks {
        let (db, model) = things();
        let search = |text: &str| Search::parse(text).unwrap();
        ask(&model, db.reader(), &search(r#"{"where":["col","v","$eq",1]}"#));
        assert_eq!(model.take_warning(), None, "it is small");
        db.writer().exec("INSERT INTO things(id) VALUES (1700000000000)").unwrap();
        ask(&model, db.reader(), &search(r#"{"where":["col","v","$eq",1]}"#));
        assert_eq!(model.take_warning(), None, "a large id is not many rows");
        many(&db);
        for text in ["{}", r#"{"where":["col","n","$eq",1]}"#] {
            ask(&model, db.reader(), &search(text));
            assert_eq!(model.take_warning(), None, "{text}");
        }
        ask(&model, db.reader(), &search(r#"{"where":["col","v","$eq",1]}"#));
        assert!(model.take_warning().unwrap().contains("a search by v"));
        ask(&model, db.reader(), &search(r#"{"where":["col","v","$eq",2]}"#));
        assert_eq!(model.take_warning(), None, "once");
    }
}

#[test]
fn a_cursor_is_refused_when_what_it_sorts_by_is_ordered_otherwise() {
    let of = |column: &str| open(&format!(r#"{{"name":"t","columns":[{{"name":"n"{column}}}]}}"#));
    let (db, text) = of(r#","type":"TEXT""#);
    fill(&db, &text, &[r#"{"id":"a","n":"1"}"#, r#"{"id":"b","n":"2"}"#, r#"{"id":"c","n":"10"}"#]);
    let cursor = page(db.reader(), &text, r#"{"sort":[["n",false]],"limit":1}"#).cursor.unwrap();
    let next = format!(r#"{{"sort":[["n",false]],"limit":1,"cursor":"{cursor}"}}"#);
    page(db.reader(), &text, &next);
    for column in [r#","type":"INTEGER""#, r#","type":"TEXT","collate":"NOCASE""#, ""] {
        let (db, other) = of(column);
        let why = refused(&db, &other, &next).to_string();
        assert!(why.contains("another model or order"), "{column}: {why}");
    }
}
