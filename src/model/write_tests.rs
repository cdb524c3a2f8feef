//! Documents in and out of tables: every kind of column, what is told about a write, deep patches,
//! other ids.

use super::*;
use crate::error::Result;
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

fn tell(db: &Db, model: &Model, doc: &str) -> Result<News> {
    model.set_and_tell(db.writer(), doc, false)
}

fn text(s: &str) -> Value {
    Value::Text(s.into())
}

fn stored(db: &Db, column: &str) -> Value {
    let sql = format!("SELECT {column} FROM t");
    db.reader().one(&sql, &[], |r| r.value(0)).unwrap().unwrap()
}

#[test]
fn every_kind_of_column_reads_back_as_it_was_given() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"b","type":"BLOB"},{"name":"d","type":"DATE"},{"name":"g","type":"BIGINT"},
        {"name":"i","type":"INTEGER"},{"name":"f","real":true,"falsyBool":true},{"name":"o","type":"JSON","alwaysObject":true}]}"#,
    );
    let doc = r#"{"id":"x","b":{"$bytes":"AP8="},"d":5,"g":{"$bigint":"1"},"i":{"$bigint":"9007199254740993"},"f":true,"o":{},"rest":null}"#;
    assert_eq!(tell(&db, &model, doc).unwrap(), News::None);
    assert_eq!(model.get(db.reader(), &text("x")).unwrap().unwrap(), doc);
    assert_eq!(stored(&db, "b"), Value::Blob(vec![0, 255]));
    assert_eq!(
        (stored(&db, "i"), stored(&db, "o")),
        (Value::Integer(9_007_199_254_740_993), Value::Null)
    );
    assert_eq!(stored(&db, "json"), text(r#"{"rest":null}"#));
    for bad in
        [r#""b":"AP8=""#, r#""b":{"$bytes":"A"}"#, r#""d":"now""#, r#""g":1.5"#, r#""i":{"a":1}"#]
    {
        assert_eq!(
            tell(&db, &model, &format!(r#"{{"id":"y",{bad}}}"#)).unwrap_err().code(),
            "BAD_VALUE",
            "{bad}"
        );
    }
}

#[test]
fn what_reads_back_otherwise_is_told() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"id","type":"INTEGER"},{"name":"i","type":"INTEGER"},{"name":"s","type":"TEXT"},
        {"name":"f","real":true,"falsyBool":true},{"name":"o","type":"JSON","alwaysObject":true}]}"#,
    );
    let told = |doc: &str| tell(&db, &model, doc).unwrap();
    assert_eq!(told(r#"{"o":{}}"#), News::Id(Value::Integer(1)));
    assert_eq!(told(r#"{"o":{},"i":7,"id":1}"#), News::None);
    for (doc, read) in [
        (r#"{"id":1}"#, r#"{"id":1,"o":{}}"#),
        (r#"{"id":"1","o":{}}"#, r#"{"id":1,"o":{}}"#),
        (r#"{"id":1,"o":{},"i":"7"}"#, r#"{"id":1,"i":7,"o":{}}"#),
        (r#"{"id":1,"o":{},"s":7}"#, r#"{"id":1,"s":"7","o":{}}"#),
        (r#"{"id":1,"o":{},"f":0}"#, r#"{"id":1,"o":{}}"#),
        (r#"{"id":1,"o":null}"#, r#"{"id":1,"o":{}}"#),
        (r#"{"id":1,"o":{},"f":null}"#, r#"{"id":1,"o":{}}"#),
    ] {
        match told(doc) {
            News::Doc(now) => assert_eq!(now, read),
            other => panic!("{doc}: {other:?}"),
        }
    }
}

#[test]
fn nested_columns_are_cut_out_and_put_back() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"in","type":"INTEGER","path":"meta.list[1].n"},{"name":"meta","type":"JSON"},
        {"name":"mid","type":"JSON","path":"a.b"},{"name":"deep","type":"TEXT","path":"a.b.c.d"}]}"#,
    );
    let doc = r#"{"id":"x","meta":{"list":[0,{"n":5}]},"a":{"b":{"c":{"f":1,"d":"e"}}}}"#;
    assert_eq!(tell(&db, &model, doc).unwrap(), News::None);
    assert_eq!(model.get(db.reader(), &text("x")).unwrap().unwrap(), doc);
    assert_eq!(stored(&db, "meta"), text(r#"{"list":[0,{}]}"#));
    assert_eq!((stored(&db, "mid"), stored(&db, "deep")), (text(r#"{"c":{"f":1}}"#), text("e")));
    assert_eq!(stored(&db, "json"), text(r#"{"a":{}}"#));
    let patch = Patch::parse(r#"{"$inc":{"meta.list[1].n":1},"$unset":["a.b"]}"#).unwrap();
    let now = model.patch(db.writer(), &text("x"), &patch).unwrap();
    assert_eq!(now, r#"{"id":"x","meta":{"list":[0,{"n":6}]},"a":{}}"#);
}

#[test]
fn values_next_to_a_document_stay_out_of_it_and_survive_updates() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"low","type":"TEXT","get":false,"aside":true,"path":"name"}]}"#,
    );
    tell(&db, &model, r#"{"id":"x","name":"A","$aside":{"low":"a"}}"#).unwrap();
    assert_eq!(model.get(db.reader(), &text("x")).unwrap().unwrap(), r#"{"id":"x","name":"A"}"#);
    assert_eq!(stored(&db, "low"), text("a"));
    let now = model.update(db.writer(), r#"{"id":"x","more":1}"#, false).unwrap();
    assert_eq!(now, r#"{"id":"x","name":"A","more":1}"#);
    let patch = Patch::parse(r#"{"$set":{"name":"B"}}"#).unwrap();
    model.patch(db.writer(), &text("x"), &patch).unwrap();
    assert_eq!(stored(&db, "low"), text("a"), "it is for whoever knows the function to change it");
    // the document of an old event, by a definition of now: what was kept beside it is in it, and
    // the reverse
    let (now_db, now) =
        open(r#"{"name":"t","columns":[{"name":"low","type":"TEXT","path":"deep.low"}]}"#);
    tell(&now_db, &now, r#"{"id":"x","$aside":{"low":"a"}}"#).unwrap();
    assert_eq!(
        now.get(now_db.reader(), &text("x")).unwrap().unwrap(),
        r#"{"id":"x","deep":{"low":"a"}}"#
    );
    tell(&db, &model, r#"{"id":"y","name":"B"}"#).unwrap();
    assert_eq!(stored(&db, "(SELECT low FROM t WHERE id = 'y')"), text("B"));
    let (plain_db, plain) = open(r#"{"name":"t"}"#);
    assert_eq!(tell(&plain_db, &plain, r#"{"id":"x","$aside":1}"#).unwrap(), News::None);
    assert_eq!(
        plain.get(plain_db.reader(), &text("x")).unwrap().unwrap(),
        r#"{"id":"x","$aside":1}"#
    );
}

#[test]
fn ids_are_the_same_as_number_and_as_text() {
    let (db, model) =
        open(r#"{"name":"t","columns":[{"name":"n","path":"a.n","index":"SPARSE"}]}"#);
    for i in 1..=3 {
        tell(&db, &model, &format!(r#"{{"id":{i},"a":{{"n":{}}}}}"#, i * 10)).unwrap();
    }
    let told = tell(&db, &model, r#"{"id":3,"a":{"n":30}}"#).unwrap();
    assert_eq!(told, News::Doc(r#"{"id":"3","a":{"n":30}}"#.into()), "a text column gives text");
    let ids = [Value::Integer(3), text("1"), text("9")];
    let all = model.get_all(db.reader(), "id", &ids).unwrap();
    assert_eq!(all, r#"[{"id":"3","a":{"n":30}},{"id":"1","a":{"n":10}},null]"#);
    let by = model.get_all(db.reader(), "n", &[Value::Integer(20)]).unwrap();
    assert_eq!(by, r#"[{"id":"2","a":{"n":20}}]"#);
    model.change_id(db.writer(), &Value::Integer(1), &Value::Integer(7)).unwrap();
    assert!(
        model.exists(db.reader(), &text("7")).unwrap()
            && !model.exists(db.reader(), &text("1")).unwrap()
    );
    assert_eq!(model.change_id(db.writer(), &text("1"), &text("8")).unwrap_err().code(), "ENOENT");
    let taken = model.change_id(db.writer(), &text("7"), &text("2")).unwrap_err();
    assert_eq!(taken.code(), "SQLITE_CONSTRAINT_UNIQUE");
    assert!(model.remove(db.writer(), &Value::Integer(7)).unwrap());
    assert_eq!(
        model.get_by(db.reader(), "nope", &Value::Integer(1)).unwrap_err().code(),
        "UNKNOWN_COLUMN"
    );
}

#[test]
fn computed_columns_are_read_and_not_written() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"n","type":"INTEGER"},{"name":"twice","sql":"tbl.n * 2","get":true,"path":"x.twice"}]}"#,
    );
    tell(&db, &model, r#"{"id":"x","n":2}"#).unwrap();
    assert_eq!(
        model.get(db.reader(), &text("x")).unwrap().unwrap(),
        r#"{"id":"x","n":2,"x":{"twice":4}}"#
    );
    let patch = Patch::parse(r#"{"$inc":{"n":1}}"#).unwrap();
    let now = model.patch(db.writer(), &text("x"), &patch).unwrap();
    assert_eq!(now, r#"{"id":"x","n":3,"x":{"twice":6}}"#);
    assert_eq!(stored(&db, "json"), Value::Null);
    assert_eq!(
        model
            .patch(db.writer(), &text("x"), &Patch::parse(r#"{"$set":{"id":"y"}}"#).unwrap())
            .unwrap_err()
            .code(),
        "BAD_VALUE"
    );
}

#[test]
fn a_sum_is_what_its_place_holds() {
    let (db, model) = open(
        r#"{"name":"t","columns":[{"name":"i","type":"INTEGER"},{"name":"g","type":"BIGINT"},{"name":"d","type":"DATE"},
        {"name":"c","type":"BIGINT","get":false}]}"#,
    );
    let doc =
        r#"{"id":"x","i":9007199254740991,"g":{"$bigint":"5"},"d":5,"n":1,"old":{"$bigint":"7"}}"#;
    let sum = |path: &str, by: &str| {
        tell(&db, &model, doc).unwrap();
        let patch = Patch::parse(&format!(r#"{{"$inc":{{"{path}":{by}}}}}"#)).unwrap();
        let (handed_out, id) = (model.patched(db.writer(), &text("x"), &patch), text("x"));
        let set = model.patch(db.writer(), &id, &patch);
        match (handed_out, set) {
            (Ok(Some(doc)), Ok(set)) => {
                let value = |doc: &str| {
                    serde_json::from_str::<serde_json::Value>(doc).unwrap()[path].to_string()
                };
                assert_eq!(value(&doc), value(&set), "{path} {by}");
                value(&set)
            }
            (_, Err(e)) => format!("{}: {e}", e.code()),
            (e, Ok(set)) => panic!("{path} {by}: {e:?} {set}"),
        }
    };
    let big = r#"{"$bigint":"2"}"#;
    for by in ["2", big] {
        assert_eq!(sum("n", by), "3");
        assert_eq!(sum("new", by), "2");
        assert_eq!(sum("i", by), r#"{"$bigint":"9007199254740993"}"#);
        assert_eq!(sum("g", by), r#"{"$bigint":"7"}"#);
        assert_eq!(sum("c", by), big);
        assert_eq!(sum("d", by), "7");
        assert_eq!(sum("old", by), r#"{"$bigint":"9"}"#);
    }
    assert_eq!(sum("i", "-1"), "9007199254740990");
    for by in ["0.9", "-0.9", "0.1e1"] {
        let whole = (5.0 + by.parse::<f64>().unwrap()) as i64;
        assert_eq!(sum("d", by), whole.to_string());
        assert_eq!(stored(&db, "d"), Value::Integer(whole));
    }
    for (path, by) in
        [("d", "1e20"), ("d", "8640000000000000"), ("d", r#"{"$bigint":"-8640000000000006"}"#)]
    {
        let refused = sum(path, by);
        assert!(refused.starts_with("BAD_VALUE: ") && refused.contains("$inc 'd'"), "{refused}");
    }
    let refused = sum("n", r#"{"$bigint":"9007199254740991"}"#);
    assert!(refused.starts_with("BAD_VALUE: ") && refused.contains("$inc 'n'"), "{refused}");
}

#[test]
fn dates_are_whole_milliseconds_that_a_date_can_have() {
    let (db, model) = open(r#"{"name":"t","columns":[{"name":"d","type":"DATE"}]}"#);
    assert_eq!(
        tell(&db, &model, r#"{"id":"x","d":1.5}"#).unwrap(),
        News::Doc(r#"{"id":"x","d":1}"#.into())
    );
    assert_eq!(stored(&db, "d"), Value::Integer(1));
    assert_eq!(tell(&db, &model, r#"{"id":"x","d":-8640000000000000}"#).unwrap(), News::None);
    for bad in ["8640000000000001", "1e17", "-1e300", "true"] {
        let refused = tell(&db, &model, &format!(r#"{{"id":"x","d":{bad}}}"#)).unwrap_err();
        assert_eq!(refused.code(), "BAD_VALUE", "{bad}");
    }
}
