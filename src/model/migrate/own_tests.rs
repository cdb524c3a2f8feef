//! The user's own tables, indexes, views and triggers: never dropped, and named where the model
//! cannot go on beside them. And records that are not ours to read.

use super::super::{Definition, Model};
use super::*;
use crate::sql::{Db, Options, Value};
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const BEFORE: &str =
    r#"{"name":"t","columns":[{"name":"a","type":"TEXT"},{"name":"b","type":"TEXT"}]}"#;
/// `a` goes, `b` is another type.
const AFTER: &str = r#"{"name":"t","columns":[{"name":"b","type":"INTEGER"}]}"#;

fn model(db: &Db, definition: &str) -> Result<Model> {
    let model = Model::new(Definition::parse(definition)?);
    db.transaction(|| model.migrate(db.writer(), false))?;
    Ok(model)
}

/// A table with a row, and what the user has made himself.
fn with(own: &str) -> Db {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "t.db", Options::default()).unwrap();
    let t = model(&db, BEFORE).unwrap();
    t.set(db.writer(), r#"{"id":"x","a":"text","b":"7"}"#, false).unwrap();
    db.writer().exec(own).unwrap();
    db
}

fn schema(db: &Db) -> Vec<String> {
    let own = "SELECT sql FROM sqlite_schema WHERE name LIKE 'own%' ORDER BY name";
    db.writer().all(own, &[], |r| Ok(r.text(0)?.to_string())).unwrap()
}

#[test]
fn what_uses_a_column_that_goes_is_named_and_stays() {
    let cases = [
        "CREATE INDEX own ON t(a)",
        "CREATE INDEX own ON t(\"a\")",
        "CREATE INDEX own ON t(lower(\"a\"))",
        "CREATE INDEX own ON t(b) WHERE a > 'x'",
        "CREATE VIEW own AS SELECT a FROM t",
        "CREATE TRIGGER own AFTER INSERT ON t BEGIN SELECT new.a; END",
        "CREATE TABLE u(x); CREATE TRIGGER own AFTER INSERT ON u BEGIN UPDATE t SET b = a; END",
    ];
    for own in cases {
        let db = with(own);
        let before = schema(&db);
        let error = model(&db, AFTER).unwrap_err();
        assert_eq!(error.code(), "BAD_VALUE", "{own}: {error}");
        let text = error.to_string();
        assert!(text.contains("own") && text.contains("onBeforeMigrations"), "{own}: {text}");
        assert!(
            text.contains("'own'") || text.contains("view own") || text.contains("trigger own"),
            "{text}"
        );
        assert_eq!(schema(&db), before, "{own}");
        let kind = own.split(' ').nth(if own.contains("TABLE") { 4 } else { 1 }).unwrap();
        db.writer().exec(&format!("DROP {kind} own")).unwrap();
        model(&db, AFTER).unwrap();
    }
}

#[test]
fn what_uses_columns_that_stay_is_as_it_was_after_they_were_made_again() {
    let own = "CREATE INDEX own1 ON t(b) WHERE b > 0; CREATE INDEX own2 ON t(lower(b));
        CREATE VIEW own3 AS SELECT id, b FROM t; CREATE VIEW own4 AS SELECT b FROM own3;
        CREATE TRIGGER own5 INSTEAD OF DELETE ON own3 BEGIN DELETE FROM t WHERE id = old.id; END;
        CREATE TABLE own6(x); CREATE TRIGGER own7 AFTER UPDATE OF b ON t BEGIN INSERT INTO own6 VALUES (new.b); END";
    let db = with(own);
    let before = schema(&db);
    let t = model(&db, AFTER).unwrap();
    assert_eq!(schema(&db), before);
    let one = |sql: &str| db.writer().one(sql, &[], |r| r.int(0)).unwrap();
    assert_eq!(one("SELECT b FROM own4"), Some(7));
    assert_eq!(one("SELECT count(*) FROM own6"), Some(0), "a migration fires no trigger of theirs");
    t.set(db.writer(), r#"{"id":"x","b":8}"#, false).unwrap();
    assert_eq!(one("SELECT x FROM own6"), Some(8));
    db.writer().exec("DELETE FROM own3").unwrap();
    assert_eq!(one("SELECT count(*) FROM t"), Some(0));
}

#[test]
fn a_record_of_a_newer_version_or_a_damaged_one_is_told_apart() {
    let cases = [
        (r#"{"name":"t","columns":[],"spirit":1}"#, "NEWER_FORMAT"),
        (r#"{"name":"t","columns":[{"name":"a","type":"VECTOR"}]}"#, "NEWER_FORMAT"),
        (r#"{"name":"t","columns":[{"name":"a","mood":true}]}"#, "NEWER_FORMAT"),
        (r#"{"name":"t","colu"#, "CORRUPT"),
        ("", "CORRUPT"),
        ("[]", "CORRUPT"),
        (r#"{"name":7}"#, "CORRUPT"),
    ];
    for (record, code) in cases {
        let db = with("");
        db.writer().run("UPDATE _models SET definition = ?", &[record.into()]).unwrap();
        assert_eq!(model(&db, AFTER).unwrap_err().code(), code, "{record}");
    }
}

#[test]
fn a_file_of_strato_db_is_taken_over_with_its_rows() {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "s.db", Options::default()).unwrap();
    db.writer()
        .exec(
            r#"CREATE TABLE "t"("rowId" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL, json JSON);
               CREATE UNIQUE INDEX "t_id" ON "t"("id");
               ALTER TABLE "t" ADD COLUMN "a" JSON;
               ALTER TABLE "t" ADD COLUMN "yes" JSON;
               CREATE INDEX IF NOT EXISTS "t_a" ON "t"("a") WHERE "a" IS NOT NULL;
               INSERT INTO t(id, json, a, yes) VALUES ('x', '{"m":1}', '3', 'true'), ('y', NULL, '"3"', NULL)"#,
        )
        .unwrap();
    let definition = r#"{"name":"t","columns":[{"name":"a","type":"JSON","index":"SPARSE"},{"name":"yes","real":true,"falsyBool":true}]}"#;
    for _ in 0..2 {
        let t = model(&db, definition).unwrap();
        let read = |id: &str| t.get(db.writer(), &Value::Text(id.into())).unwrap().unwrap();
        assert_eq!(read("x"), r#"{"id":"x","a":3,"yes":true,"m":1}"#);
        assert_eq!(read("y"), r#"{"id":"y","a":"3"}"#);
        t.set(db.writer(), r#"{"id":"x","a":3,"yes":true,"m":1}"#, false).unwrap();
    }
    assert_eq!(db.writer().one("SELECT count(*) FROM t", &[], |r| r.int(0)).unwrap(), Some(2));
}

fn indexes(db: &Db, table: &str) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL ORDER BY name";
    db.writer().all(sql, &[table.into()], |r| Ok(r.text(0)?.to_string())).unwrap()
}

#[test]
fn an_index_of_the_users_own_stays_under_a_name_that_one_of_ours_might_get() {
    let indexed = r#"{"name":"t","columns":[{"name":"a","type":"TEXT"},{"name":"b","type":"TEXT","index":"ALL"}]}"#;
    let db = with("");
    model(&db, indexed).unwrap();
    db.writer().exec("CREATE INDEX \"t_b~2\" ON t(b, id)").unwrap();
    let both = ["t_b", "t_b~2"];
    for definition in
        [indexed, BEFORE, indexed, r#"{"name":"t","columns":[{"name":"b","index":"ALL"}]}"#]
    {
        match model(&db, definition) {
            Ok(_) => assert!(indexes(&db, "t").contains(&"t_b~2".to_string()), "{definition}"),
            Err(e) => assert!(e.to_string().contains("your own index 't_b~2'"), "{e}"),
        }
    }
    assert_eq!(indexes(&db, "t"), both);
    // nor is it taken for ours where ours would need that name
    let db = with("CREATE TABLE t_b(x); CREATE INDEX \"t_b~2\" ON t(b, id)");
    assert_eq!(model(&db, indexed).unwrap_err().code(), "BAD_NAME");
    db.writer().exec("DROP INDEX \"t_b~2\"").unwrap();
    model(&db, indexed).unwrap();
    assert_eq!(indexes(&db, "t"), ["t_b~2"]);
    db.writer().exec("DROP TABLE t_b").unwrap();
    model(&db, indexed).unwrap();
    assert_eq!(indexes(&db, "t"), ["t_b"]);
}

#[test]
fn columns_called_like_what_we_call_things_meanwhile_are_columns() {
    let db = with("CREATE TABLE k_a(x)");
    let plain = r#"{"name":"k","columns":[{"name":"a","type":"TEXT","index":"ALL"},{"name":"a~","type":"TEXT","index":"ALL"},
        {"name":"a~2","type":"TEXT","index":"ALL"}]}"#;
    let bound = &plain.replacen(
        "\"index\":\"ALL\"",
        "\"index\":\"ALL\",\"foreignKey\":{\"model\":\"t\"}",
        1,
    );
    let names = ["k_a~", "k_a~2", "k_a~3"];
    for definition in [plain, plain, bound, bound, plain] {
        let k = model(&db, definition).unwrap();
        assert_eq!(indexes(&db, "k"), names, "{definition}");
        let doc = r#"{"id":"1","a":"x","a~":"y","a~2":"z"}"#;
        k.set(db.writer(), doc, false).unwrap();
        assert_eq!(k.get(db.writer(), &Value::Text("1".into())).unwrap().unwrap(), doc);
    }
    db.writer().exec("DROP TABLE k_a").unwrap();
    model(&db, plain).unwrap();
    assert_eq!(indexes(&db, "k"), ["k_a", "k_a~", "k_a~2"]);
}
