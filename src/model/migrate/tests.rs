//! Tables follow their definitions and documents stay what they were: by hand for each kind of
//! change, then at random.

use super::super::{Definition, Model};
use super::*;
use crate::sql::{Db, Options};
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn empty() -> Db {
    Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap()
}

fn model(db: &Db, definition: &str) -> Result<Model> {
    let model = Model::new(Definition::parse(definition)?);
    db.transaction(|| model.migrate(db.writer(), false))?;
    Ok(model)
}

fn all(db: &Db, model: &Model) -> Vec<serde_json::Value> {
    let ids = model.ids(db.writer(), None, 10_000).unwrap();
    let doc = |id| serde_json::from_str(&model.get(db.writer(), &id).unwrap().unwrap()).unwrap();
    ids.into_iter().map(doc).collect()
}

fn names(db: &Db, kind: &str, table: &str) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL ORDER BY name";
    db.writer().all(sql, &[kind.into(), table.into()], |r| Ok(r.text(0)?.to_string())).unwrap()
}

fn value(db: &Db, sql: &str) -> Value {
    db.writer().one(sql, &[], |r| r.value(0)).unwrap().unwrap()
}

use crate::sql::Value;

#[test]
fn a_column_that_is_no_longer_declared_gives_its_values_back_to_the_documents() {
    let db = empty();
    let before = model(
        &db,
        r#"{"name":"t","columns":[{"name":"a","type":"INTEGER","index":"ALL"},{"name":"b","type":"JSON"}]}"#,
    )
    .unwrap();
    before.set(db.writer(), r#"{"id":"x","a":5,"b":{"c":[1]},"d":0}"#, false).unwrap();
    let docs = all(&db, &before);
    let after = model(&db, r#"{"name":"t","columns":[{"name":"b","index":"SPARSE"}]}"#).unwrap();
    assert_eq!(all(&db, &after), docs);
    let columns: Vec<String> =
        physical::columns(db.writer(), "t").unwrap().into_iter().map(|c| c.name).collect();
    assert_eq!(columns, ["rowId", "id", "json"]);
    assert_eq!(names(&db, "index", "t"), ["t_b"]);
}

#[test]
fn a_column_of_another_type_keeps_its_values_in_the_new_affinity() {
    let db = empty();
    let before =
        model(&db, r#"{"name":"t","columns":[{"name":"a","type":"TEXT","index":"ALL"}]}"#).unwrap();
    for (id, a) in [("x", "12"), ("y", "many")] {
        before.set(db.writer(), &format!(r#"{{"id":"{id}","a":"{a}"}}"#), false).unwrap();
    }
    model(&db, r#"{"name":"t","columns":[{"name":"a","type":"INTEGER","index":"ALL"}]}"#).unwrap();
    assert_eq!(value(&db, "SELECT a FROM t WHERE id = 'x'"), Value::Integer(12));
    assert_eq!(value(&db, "SELECT a FROM t WHERE id = 'y'"), Value::Text("many".into()));
    assert_eq!(names(&db, "index", "t"), ["t_a"]);
    let json = model(&db, r#"{"name":"t","columns":[{"name":"a","type":"JSON"}]}"#).unwrap();
    assert_eq!(all(&db, &json)[1]["a"], "many");
}

#[test]
fn indexes_are_made_changed_and_dropped_and_a_users_own_stays() {
    let db = empty();
    let t = r#"{"name":"t","indexes":[{"columns":["a","b"],"unique":true,"sparse":true}],"columns":[
        {"name":"a","index":"ALL"},{"name":"b","type":"TEXT","collate":"NOCASE","index":"ALL","unique":true}]}"#;
    let t = model(&db, t).unwrap();
    db.writer()
        .exec("CREATE INDEX t_mine ON t(b); CREATE TRIGGER seen AFTER UPDATE ON t BEGIN SELECT 1; END")
        .unwrap();
    assert_eq!(names(&db, "index", "t"), ["t_a", "t_a_b", "t_b", "t_mine"]);
    t.set(db.writer(), r#"{"id":"1","b":"Ulm"}"#, false).unwrap();
    let twice = t.set(db.writer(), r#"{"id":"2","b":"ULM"}"#, false).unwrap_err();
    assert_eq!(twice.code(), "SQLITE_CONSTRAINT_UNIQUE");
    let t = model(
        &db,
        r#"{"name":"t","columns":[{"name":"a","type":"REAL"},{"name":"b","type":"TEXT","index":"SPARSE"}]}"#,
    )
    .unwrap();
    assert_eq!(names(&db, "index", "t"), ["t_b", "t_mine"]);
    assert_eq!(names(&db, "trigger", "t"), ["seen"]);
    t.set(db.writer(), r#"{"id":"2","b":"ULM"}"#, false).unwrap();
    let own =
        r#"{"name":"t","columns":[{"name":"b","type":"TEXT"},{"name":"mine","index":"ALL"}]}"#;
    let taken = model(&db, own).unwrap_err();
    assert_eq!(taken.code(), "BAD_NAME");
}

#[test]
fn a_unique_index_over_equal_values_fails_and_changes_nothing() {
    let db = empty();
    let t = model(&db, r#"{"name":"t","columns":[{"name":"a","type":"TEXT"}]}"#).unwrap();
    for id in ["x", "y"] {
        t.set(db.writer(), &format!(r#"{{"id":"{id}","a":"same"}}"#), false).unwrap();
    }
    let (docs, schema) =
        (all(&db, &t), value(&db, "SELECT sql FROM sqlite_schema WHERE name = 't'"));
    let unique =
        r#"{"name":"t","columns":[{"name":"a","type":"JSON","index":"ALL","unique":true}]}"#;
    assert_eq!(model(&db, unique).unwrap_err().code(), "SQLITE_CONSTRAINT_UNIQUE");
    assert_eq!(value(&db, "SELECT sql FROM sqlite_schema WHERE name = 't'"), schema);
    assert_eq!(all(&db, &t), docs);
}

#[test]
fn a_foreign_key_comes_to_a_column_that_is_there_and_goes_again() {
    let db = empty();
    let parents = model(&db, r#"{"name":"p"}"#).unwrap();
    let plain = r#"{"name":"c","columns":[{"name":"p","type":"TEXT","index":"ALL"}]}"#;
    let c = model(&db, plain).unwrap();
    parents.set(db.writer(), r#"{"id":"a"}"#, false).unwrap();
    c.set(db.writer(), r#"{"id":"1","p":"a"}"#, false).unwrap();
    let docs = all(&db, &c);
    let bound = r#"{"name":"c","columns":[{"name":"p","type":"TEXT","index":"ALL","foreignKey":{"model":"p","onDelete":"CASCADE"}}]}"#;
    let c = model(&db, bound).unwrap();
    assert_eq!(all(&db, &c), docs);
    assert_eq!(names(&db, "index", "c"), ["c_p"]);
    let orphan = |id: &str| c.set(db.writer(), &format!(r#"{{"id":"{id}","p":"nobody"}}"#), false);
    assert_eq!(orphan("2").unwrap_err().code(), "SQLITE_CONSTRAINT_FOREIGNKEY");
    model(&db, bound).unwrap();
    parents.remove(db.writer(), &Value::Text("a".into())).unwrap();
    assert!(all(&db, &c).is_empty(), "removed with what it referred to");
    model(&db, plain).unwrap();
    orphan("2").unwrap();
    let refused = model(&db, bound).unwrap_err();
    assert_eq!(refused.code(), "SQLITE_CONSTRAINT_FOREIGNKEY");
    assert!(
        refused.to_string().starts_with("c.p refers to p.id: document '2' has 'nobody'"),
        "{refused}"
    );
    assert_eq!(all(&db, &c).len(), 1);
    let unknown =
        r#"{"name":"d","columns":[{"name":"p","type":"TEXT","foreignKey":{"model":"none"}}]}"#;
    let unknown = model(&db, unknown).unwrap_err();
    assert!(
        unknown.to_string().starts_with("d.p refers to 'none', which is no model"),
        "{unknown}"
    );
}

#[test]
fn a_foreign_key_to_what_cannot_be_referred_to_is_explained() {
    let db = empty();
    model(&db, r#"{"name":"p","columns":[{"name":"n","type":"TEXT"},{"name":"v"}]}"#).unwrap();
    for (parent, column, why) in [
        ("p", "n", "c.k refers to p.n, which must be the id or a column with a type"),
        ("p", "v", "c.k refers to p.v, which must be"),
        ("none", "n", "c.k refers to 'none', which is no model"),
    ] {
        let key = format!(r#""foreignKey":{{"model":"{parent}","column":"{column}"}}"#);
        let child = format!(r#"{{"name":"c","columns":[{{"name":"k","type":"TEXT",{key}}}]}}"#);
        let refused = model(&db, &child).unwrap_err();
        assert!(refused.to_string().starts_with(why), "{refused}");
    }
}

#[test]
fn a_parent_keeps_its_children_while_its_columns_change() {
    let db = empty();
    let parents = model(&db, r#"{"name":"p","columns":[{"name":"n","type":"TEXT"}]}"#).unwrap();
    let child = r#"{"name":"c","columns":[{"name":"p","type":"TEXT","foreignKey":{"model":"p","onDelete":"CASCADE"}}]}"#;
    let c = model(&db, child).unwrap();
    parents.set(db.writer(), r#"{"id":"a","n":"1"}"#, false).unwrap();
    c.set(db.writer(), r#"{"id":"1","p":"a"}"#, false).unwrap();
    model(
        &db,
        r#"{"name":"p","columns":[{"name":"n","type":"INTEGER"},{"name":"m","real":true}]}"#,
    )
    .unwrap();
    assert_eq!(all(&db, &c).len(), 1);
}

#[test]
fn a_table_from_before_definitions_were_kept_is_adopted() {
    let db = empty();
    db.writer()
        .exec(
            r#"CREATE TABLE t("rowId" INTEGER PRIMARY KEY, "id" TEXT NOT NULL UNIQUE, "json" TEXT, "n" INTEGER);
               CREATE INDEX t_n ON t(n) WHERE n IS NOT NULL;
               INSERT INTO t VALUES (1, 'x', '{"m":1}', 7)"#,
        )
        .unwrap();
    let t = model(
        &db,
        r#"{"name":"t","columns":[{"name":"n","type":"INTEGER","index":"ALL"},{"name":"m","real":true}]}"#,
    )
    .unwrap();
    assert_eq!(all(&db, &t)[0], serde_json::json!({"id":"x","n":7,"m":1}));
    assert_eq!(names(&db, "index", "t"), ["t_n"]);
}

#[test]
fn an_id_of_another_kind_is_refused() {
    let db = empty();
    model(&db, r#"{"name":"t"}"#).unwrap();
    let other =
        model(&db, r#"{"name":"t","columns":[{"name":"id","type":"INTEGER"}]}"#).unwrap_err();
    assert_eq!(other.code(), "BAD_VALUE");
}

#[test]
fn only_columns_of_another_version_are_to_be_rewritten() {
    let db = empty();
    let t = |a: &str, b: &str| {
        format!(r#"{{"name":"t","columns":[{{"name":"a"{a}}},{{"name":"b"{b}}}]}}"#)
    };
    model(&db, &t("", r#","version":1"#)).unwrap();
    let next = Definition::parse(&t(r#","version":1"#, r#","version":1"#)).unwrap();
    assert_eq!(Migration::plan(db.writer(), &next, false).unwrap().rewritten(), ["a"]);
    let aside = t(r#","real":true,"get":false,"aside":true"#, "");
    model(&db, &aside).unwrap();
    let read = Definition::parse(&t(r#","real":true"#, "")).unwrap();
    assert_eq!(
        Migration::plan(db.writer(), &read, false).unwrap().rewritten(),
        ["a"],
        "its values are nowhere else"
    );
}

#[test]
fn a_change_that_reshapes_an_owned_table_is_remembered() {
    let db = empty();
    let owned = |definition: &str| {
        let definition = Definition::parse(definition).unwrap();
        db.transaction(|| Model::new(definition.clone()).migrate(db.writer(), true)).unwrap();
        stale(db.writer()).unwrap()
    };
    assert!(!owned(r#"{"name":"t"}"#));
    assert!(!owned(r#"{"name":"t"}"#));
    assert!(owned(r#"{"name":"t","columns":[{"name":"a","real":true}]}"#));
    assert!(
        owned(r#"{"name":"t","columns":[{"name":"a","real":true}]}"#),
        "until the rows were made anew"
    );
    fresh(db.writer()).unwrap();
    assert!(!stale(db.writer()).unwrap());
}
