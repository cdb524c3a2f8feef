//! Files that strato-db 3.11 and driftdb made: taken over as they are, with every document, and
//! reshaped from then on as one of ours is.

use serde_json::json;

use super::super::{Definition, Model};
use super::*;
use crate::sql::{Db, Options, Value};
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The schema that strato-db's migrations leave: the id's unique index beside the table, a column
/// and an index per declaration.
const STRATO: &str = r#"
    CREATE TABLE "k"("rowId" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL, "json" JSON);
    CREATE UNIQUE INDEX "k_id" ON "k"("id");
    ALTER TABLE "k" ADD COLUMN "t" TEXT;
    CREATE INDEX "k_t" ON "k"("t") WHERE "t" IS NOT NULL;
    ALTER TABLE "k" ADD COLUMN "n" INTEGER;
    CREATE UNIQUE INDEX "k_n" ON "k"("n") WHERE "n" IS NOT NULL;
    ALTER TABLE "k" ADD COLUMN "j" JSON;
    ALTER TABLE "k" ADD COLUMN "f" INTEGER;
    CREATE INDEX "k_f" ON "k"("f") WHERE "f" IS NOT NULL;
    ALTER TABLE "k" ADD COLUMN "any" BLOB;
    ALTER TABLE "k" ADD COLUMN "copy" REAL;
    ALTER TABLE "k" ADD COLUMN "deep" TEXT;
    CREATE INDEX "k_v" ON "k"(json_extract("json",'$."v"')) WHERE json_extract("json",'$."v"') IS NOT NULL;
    INSERT INTO k(id, json, t, n, j, f, "any", copy, deep) VALUES
      ('a', '{"v":"one","x":1,"copy":1.5,"o":{"p":1}}', 'sea', 7, '[1,{"k":"ü"}]', 1, 'text', 1.5, 'd'),
      ('b', '{"v":"two"}', NULL, NULL, '3', NULL, 5, NULL, NULL),
      ('c', NULL, '12', 8, '"words"', NULL, NULL, NULL, NULL),
      ('7', '{"x":[true,null]}', 'x', NULL, '{}', 1, 1.25, NULL, NULL)"#;

/// The model of these tables: name, the rest of the column.
const COLUMNS: &[(&str, &str)] = &[
    ("t", r#""type":"TEXT","index":"SPARSE""#),
    ("n", r#""type":"INTEGER","index":"SPARSE","unique":true"#),
    ("j", r#""type":"JSON""#),
    ("f", r#""real":true,"falsyBool":true,"index":"SPARSE""#),
    ("any", r#""real":true"#),
    ("copy", r#""type":"REAL","get":false"#),
    ("deep", r#""type":"TEXT","path":"o.deep""#),
    ("v", r#""index":"SPARSE""#),
];

fn documents() -> serde_json::Value {
    json!([
        {"id": "7", "x": [true, null], "t": "x", "j": {}, "f": true, "any": 1.25},
        {"id": "a", "v": "one", "x": 1, "copy": 1.5, "o": {"p": 1, "deep": "d"}, "t": "sea", "n": 7, "j": [1, {"k": "ü"}],
         "f": true, "any": "text"},
        {"id": "b", "v": "two", "j": 3, "any": 5},
        {"id": "c", "t": "12", "n": 8, "j": "words"},
    ])
}

/// The definition with some columns otherwise; an empty text for one that is no longer declared.
fn but(other: &[(&str, &str)], more: &str) -> String {
    let is = |name: &str| other.iter().any(|(n, _)| *n == name);
    let all = COLUMNS
        .iter()
        .filter(|(name, _)| !is(name))
        .chain(other)
        .filter(|(_, rest)| !rest.is_empty());
    let columns: Vec<String> =
        all.map(|(name, rest)| format!(r#"{{"name":"{name}",{rest}}}"#)).collect();
    format!(r#"{{"name":"k","columns":[{}]{more}}}"#, columns.join(","))
}

fn with(sql: &str) -> Db {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "t.db", Options::default()).unwrap();
    db.writer().exec(sql).unwrap();
    db
}

fn model(db: &Db, definition: &str) -> Result<Model> {
    let model = Model::new(Definition::parse(definition)?);
    db.transaction(|| model.migrate(db.writer(), false))?;
    Ok(model)
}

fn all(db: &Db, model: &Model) -> serde_json::Value {
    let ids = model.ids(db.writer(), None, 100).unwrap();
    let doc = |id| model.get(db.writer(), id).unwrap().unwrap();
    ids.iter().map(|id| serde_json::from_str::<serde_json::Value>(&doc(id)).unwrap()).collect()
}

fn value(db: &Db, sql: &str) -> Value {
    db.writer().one(sql, &[], |r| r.value(0)).unwrap().unwrap()
}

/// Documents are written by their ids, are found by them, and are no more than before.
fn lives(db: &Db, model: &Model, definition: &str) {
    let before = all(db, model);
    for doc in before.as_array().unwrap() {
        model.set(db.writer(), &doc.to_string(), false).unwrap();
    }
    assert_eq!(all(db, model), before, "{definition}");
    model.set(db.writer(), r#"{"id":"new","t":"z","name":"z"}"#, true).unwrap();
    let twice = model.set(db.writer(), r#"{"id":"new","name":"z"}"#, true).unwrap_err();
    assert!(twice.code().starts_with("SQLITE_CONSTRAINT_"), "{definition}: {twice}");
    model.remove(db.writer(), &Value::Text("new".into())).unwrap();
    assert_eq!(value(db, "PRAGMA integrity_check"), Value::Text("ok".into()));
}

#[test]
fn a_file_of_strato_db_is_taken_over_and_takes_every_shape() {
    let shapes = [
        but(&[], ""),
        but(&[("x", r#""type":"JSON","index":"ALL""#)], ""),
        but(&[("t", r#""type":"INTEGER""#), ("n", r#""type":"TEXT","index":"ALL""#)], ""),
        but(&[("j", ""), ("f", ""), ("any", ""), ("t", "")], ""),
        but(&[("deep", r#""type":"JSON","path":"o""#)], ""),
        but(&[("copy", r#""type":"REAL""#), ("deep", "")], ""),
        but(&[("t", ""), ("title", r#""type":"TEXT","path":"t","index":"SPARSE""#)], ""),
        but(
            &[
                ("t", r#""index":"ALL""#),
                ("v", r#""type":"TEXT","fts":true"#),
                ("f", r#""type":"JSON""#),
            ],
            "",
        ),
        but(
            &[("n", r#""type":"INTEGER""#), ("t", r#""type":"TEXT","index":"ALL","unique":true"#)],
            "",
        ),
    ];
    for shape in &shapes {
        // at once, and after it was taken over as it is; where values were in documents before is
        // not known at once
        let at_once = !shape.contains(r#""path":"o""#);
        for first in [shape, &shapes[0]].into_iter().filter(|first| at_once || *first != shape) {
            let db = with(STRATO);
            let mut as_shaped = None;
            for definition in [first, &shapes[0], shape, shape] {
                let k =
                    model(&db, definition).unwrap_or_else(|e| panic!("{first} {definition}: {e}"));
                let docs = all(&db, &k);
                match definition == &shapes[0] {
                    true => {
                        assert_eq!(docs, documents(), "{first} {definition}");
                        as_shaped = None;
                    }
                    false => {
                        assert_eq!(as_shaped.get_or_insert(docs.clone()), &docs, "{definition}")
                    }
                }
                lives(&db, &k, definition);
            }
        }
    }
}

#[test]
fn what_strato_db_left_in_the_documents_is_found_in_its_column() {
    let db = with(
        r#"CREATE TABLE k("rowId" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL, "json" JSON);
           CREATE UNIQUE INDEX k_id ON k(id); INSERT INTO k(id, json) VALUES ('a', '{"t":"old","o":{"p":"deep"}}');
           ALTER TABLE k ADD COLUMN t TEXT; ALTER TABLE k ADD COLUMN p TEXT; INSERT INTO k(id, t) VALUES ('b', 'new')"#,
    );
    let definition = r#"{"name":"k","columns":[{"name":"t","type":"TEXT"},{"name":"p","type":"TEXT","path":"o.p"}]}"#;
    let k = model(&db, definition).unwrap();
    assert_eq!(
        value(&db, "SELECT group_concat(t ORDER BY id) FROM k"),
        Value::Text("old,new".into())
    );
    assert_eq!(value(&db, "SELECT p FROM k WHERE id = 'a'"), Value::Text("deep".into()));
    assert_eq!(value(&db, "SELECT json FROM k WHERE id = 'a'"), Value::Text(r#"{"o":{}}"#.into()));
    assert_eq!(all(&db, &k)[0], json!({"id": "a", "t": "old", "o": {"p": "deep"}}));
    db.writer()
        .exec(
            "CREATE TRIGGER no BEFORE UPDATE ON k BEGIN SELECT RAISE(ABORT, 'written again'); END",
        )
        .unwrap();
    model(&db, definition).unwrap();
}

#[test]
fn ids_of_strato_db_are_primary_keys_too() {
    let tables = [
        (
            r#""id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL"#,
            r#"{"name":"id","type":"INTEGER","autoIncrement":true},"#,
            "",
        ),
        (r#""id" INTEGER PRIMARY KEY NOT NULL"#, r#"{"name":"id","type":"INTEGER"},"#, ""),
        (r#""id" TEXT PRIMARY KEY NOT NULL"#, "", r#","keepRowId":false"#),
    ];
    for (id, column, more) in tables {
        let db = with(&format!(
            r#"CREATE TABLE "k"({id}, "json" JSON); ALTER TABLE "k" ADD COLUMN "j" JSON;
               INSERT INTO k(id, json, j) VALUES(5, '{{"x":1}}', '[1]'), (6, NULL, NULL)"#
        ));
        let k = |more_columns: &str| {
            let columns = format!(r#"{column}{{"name":"j","type":"JSON"}}{more_columns}"#);
            model(&db, &format!(r#"{{"name":"k","columns":[{columns}]{more}}}"#)).unwrap()
        };
        let before = all(&db, &k(""));
        assert_eq!(before[0]["j"], json!([1]), "{before}");
        let k = k(r#",{"name":"x","type":"INTEGER","index":"ALL"}"#);
        assert_eq!(all(&db, &k), before, "{id}");
    }
}

#[test]
fn a_file_of_driftdb_is_taken_over_and_takes_every_shape() {
    let db = with(
        "CREATE TABLE users(id TEXT PRIMARY KEY, name TEXT NOT NULL, age INTEGER DEFAULT 5, tags TEXT, seen DATETIME, raw BLOB);
         INSERT INTO users VALUES ('a', 'Ann', 30, '[\"x\"]', 1700000000000, x'0102'), ('b', 'Bob', NULL, NULL, NULL, NULL)",
    );
    let users = |columns: &str| {
        let id = r#"{"name":"id","type":"TEXT"}"#;
        let users =
            model(&db, &format!(r#"{{"name":"users","columns":[{id}{columns}]}}"#)).unwrap();
        lives(&db, &users, columns);
        all(&db, &users)
    };
    let typed = r#",{"name":"name","type":"TEXT","index":"ALL"},{"name":"age","type":"INTEGER"},{"name":"tags","type":"JSON"},
        {"name":"seen","type":"DATE"},{"name":"raw","type":"BLOB"}"#;
    let ann = json!({"id": "a", "name": "Ann", "age": 30, "tags": ["x"], "seen": 1_700_000_000_000i64,
        "raw": {"$bytes": "AQI="}});
    let both = json!([ann, {"id": "b", "name": "Bob"}]);
    assert_eq!(users(typed), both);
    assert_eq!(
        users(r#",{"name":"age","type":"TEXT"},{"name":"who","path":"name","index":"ALL"}"#)[0]["name"],
        "Ann"
    );
    assert_eq!(users(typed), both);
    assert_eq!(users(""), both);
}

#[test]
fn a_column_of_the_users_own_gives_its_values_to_the_one_that_is_declared_later() {
    let db = with("");
    let plain = model(&db, r#"{"name":"k"}"#).unwrap();
    plain.set(db.writer(), r#"{"id":"a","x":1}"#, false).unwrap();
    db.writer().exec("ALTER TABLE k ADD COLUMN own TEXT; UPDATE k SET own = '7'").unwrap();
    for ty in ["TEXT", "INTEGER", "TEXT"] {
        let k =
            model(&db, &format!(r#"{{"name":"k","columns":[{{"name":"own","type":"{ty}"}}]}}"#))
                .unwrap();
        let own = if ty == "TEXT" { json!("7") } else { json!(7) };
        assert_eq!(all(&db, &k), json!([{"id": "a", "x": 1, "own": own}]), "{ty}");
    }
    assert_eq!(
        all(&db, &model(&db, r#"{"name":"k"}"#).unwrap()),
        json!([{"id": "a", "x": 1, "own": "7"}])
    );
}

#[test]
fn the_index_that_makes_the_id_unique_is_nobodys_to_drop() {
    let db = with(STRATO);
    let id = |db: &Db| value(db, "SELECT sql FROM sqlite_schema WHERE name = 'k_id'");
    let before = id(&db);
    let mine = but(&[], r#","indexes":[{"columns":["id"]},{"columns":["v","n"]}]"#);
    for definition in [&mine, &but(&[], ""), &mine, &mine] {
        let k = model(&db, definition).unwrap();
        lives(&db, &k, definition);
        assert_eq!(id(&db), before, "{definition}");
    }
    let names = "SELECT group_concat(name ORDER BY name) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'k'";
    assert_eq!(value(&db, names), Value::Text("k_f,k_id,k_id~2,k_n,k_t,k_v,k_v_n".into()));
    let loose =
        with("CREATE TABLE k(id TEXT, json JSON); INSERT INTO k VALUES ('a', NULL), ('a', NULL)");
    let refused = model(&loose, r#"{"name":"k"}"#).unwrap_err().to_string();
    assert!(refused.contains("'id' has no unique index"), "{refused}");
}
