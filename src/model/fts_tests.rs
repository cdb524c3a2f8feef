//! The promises of full text: it follows its rows whatever happens to them; and that the raw SQL of
//! a search reaches nothing but what can be read.

use super::*;
use crate::sql::{Conn, Db, Options, Recorder, undo};
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

fn refused(db: &Db, model: &Model, search: &str) -> crate::error::Error {
    Search::parse(search).and_then(|search| model.search(db.reader(), &search)).unwrap_err()
}

const TEXTS: &str = r#"{"name":"o'texts","tokenize":"porter unicode61","columns":[{"name":"title","type":"TEXT","fts":true},
    {"name":"body","path":"deep.bo'dy","fts":true},{"name":"n","type":"INTEGER"}]}"#;

fn sound(db: &Db) {
    db.writer()
        .exec(r#"INSERT INTO "o'texts_fts"("o'texts_fts", rank) VALUES ('integrity-check', 1)"#)
        .unwrap();
}

fn hits(db: &Db, model: &Model, what: &str) -> String {
    let search = format!(r#"{{"where":["and",[["match",{what}]]],"cols":["id"]}}"#);
    page(db.reader(), model, &search).items.replace("\"id\":", "")
}

#[test]
fn full_text_follows_every_change_of_its_rows() {
    let (db, model) = open(TEXTS);
    fill(
        &db,
        &model,
        &[
            r#"{"id":"a","title":"Running home","deep":{"bo'dy":"the quick \"fox\""}}"#,
            r#"{"id":"b","title":"Stand still","deep":{"bo'dy":"a lazy dog"}}"#,
        ],
    );
    assert_eq!(hits(&db, &model, r#""run""#), r#"[{"a"}]"#);
    assert_eq!(hits(&db, &model, r#""quick running""#), r#"[{"a"}]"#);
    assert_eq!(hits(&db, &model, r#"{"words":"laz","prefix":true}"#), r#"[{"b"}]"#);
    assert_eq!(hits(&db, &model, r#"{"phrase":"lazy dog"}"#), r#"[{"b"}]"#);
    assert_eq!(hits(&db, &model, r#"{"query":"fox OR dog"}"#), r#"[{"a"},{"b"}]"#);
    for open in ["x) OR (dog", "\\\"dog", "(dog", "dog)", "\\\"(\\\")"] {
        let search = format!(r#"{{"where":["col","body","match",{{"query":"{open}"}}]}}"#);
        assert_eq!(refused(&db, &model, &search).code(), "BAD_VALUE", "{open}");
    }
    assert_eq!(hits(&db, &model, r#""""#), r#"[{"a"},{"b"}]"#);
    for safe in [r#""\"AND ( * NEAR:^ -fox' \u0000""#, r#""fox\"""#, r#""!!! ???""#] {
        hits(&db, &model, safe);
    }
    for bad in [
        r#"{"query":"\"fox"}"#,
        r#"{"query":"nope: fox"}"#,
        r#"{"query":"AND"}"#,
        r#"{"word":"x"}"#,
    ] {
        let error = refused(&db, &model, &format!(r#"{{"where":["match",{bad}]}}"#));
        assert_eq!(error.code(), "BAD_VALUE", "{bad}: {error}");
    }
    fill(&db, &model, &[r#"{"id":"a","title":"Gone","n":1}"#]);
    assert_eq!(hits(&db, &model, r#""run""#), "[]");
    assert_eq!(hits(&db, &model, r#""gone""#), r#"[{"a"}]"#);
    db.writer()
        .exec(r#"REPLACE INTO "o'texts"("rowId", id, title) VALUES (1, 'b', 'both replaced')"#)
        .unwrap();
    assert_eq!(hits(&db, &model, r#""dog""#), "[]");
    assert_eq!(hits(&db, &model, r#""replaced""#), r#"[{"b"}]"#);
    sound(&db);
    db.writer().exec("VACUUM").unwrap();
    assert_eq!(hits(&db, &model, r#""replaced""#), r#"[{"b"}]"#);
    model.remove(db.writer(), &crate::sql::Value::Text("b".into())).unwrap();
    assert_eq!(hits(&db, &model, r#""replaced""#), "[]");
    sound(&db);
}

#[test]
fn full_text_survives_undo_and_a_rebuild() {
    let (db, model) = open(TEXTS);
    fill(&db, &model, &[r#"{"id":"a","title":"one"}"#, r#"{"id":"b","title":"two"}"#]);
    let tx = db.begin().unwrap();
    let recorder = Recorder::start(&db, ["o'texts"].into_iter()).unwrap();
    fill(&db, &model, &[r#"{"id":"a","title":"three"}"#, r#"{"id":"c","title":"four"}"#]);
    model.remove(db.writer(), &crate::sql::Value::Text("b".into())).unwrap();
    let changes = recorder.finish().unwrap();
    tx.commit().unwrap();
    assert_eq!(hits(&db, &model, r#""three""#), r#"[{"a"}]"#);
    assert!(undo(&db, &[changes]).unwrap());
    for (word, expected) in
        [("one", r#"[{"a"}]"#), ("two", r#"[{"b"}]"#), ("three", "[]"), ("four", "[]")]
    {
        assert_eq!(hits(&db, &model, &format!("\"{word}\"")), expected, "{word}");
    }
    sound(&db);
    let later = TEXTS.replace("porter unicode61", "trigram");
    let later = Model::new(Definition::parse(&later).unwrap());
    db.transaction(|| later.migrate(db.writer(), false)).unwrap();
    assert_eq!(hits(&db, &later, r#""wo""#), "[]");
    assert_eq!(hits(&db, &later, r#""two""#), r#"[{"b"}]"#);
    sound(&db);
}

#[test]
fn rank_sorts_and_snippets_show() {
    let (db, model) = open(TEXTS);
    for i in 0..30 {
        let body = if i % 3 == 0 { "fox ".repeat(i / 3 + 1) } else { "hen".into() };
        fill(
            &db,
            &model,
            &[&format!(r#"{{"id":"{i}","title":"fox {i}","deep":{{"bo'dy":"{body}"}},"n":{i}}}"#)],
        );
    }
    let asked = r#""where":["and",[["col","body","$match","fox"],["col","n","$gt",3]]],"sort":[["$rank",false]],
        "snippet":{"body":{"before":"[","after":"]","tokens":2}}"#;
    let all = page(db.reader(), &model, &format!("{{{asked}}}"));
    let items: Vec<serde_json::Value> = serde_json::from_str(&all.items).unwrap();
    assert_eq!(items.len(), 8);
    assert_eq!(items[0]["n"], 27);
    assert_eq!(items[0]["$snippet"]["body"], "[fox] [fox]…");
    let ranks: Vec<f64> = items.iter().map(|item| item["$rank"].as_f64().unwrap()).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] <= pair[1]), "{ranks:?}");
    let (mut cursor, mut pages) = (String::from("null"), Vec::new());
    loop {
        let found =
            page(db.reader(), &model, &format!(r#"{{{asked},"limit":3,"cursor":{cursor}}}"#));
        pages.extend(serde_json::from_str::<Vec<serde_json::Value>>(&found.items).unwrap());
        match found.cursor {
            Some(next) => cursor = format!("\"{next}\""),
            None => break,
        }
    }
    assert_eq!(pages, items);
    let begins = r#"{"limit":1,"snippet":{"body":{"before":"[","ellipsis":" …","tokens":2},"title":{"tokens":2}}}"#;
    let found = page(db.reader(), &model, begins);
    assert!(
        found.items.ends_with(r#""$snippet":{"body":"fox ","title":"fox 0"}}]"#),
        "{}",
        found.items
    );
    fill(&db, &model, &[r#"{"id":"!","deep":{"bo'dy":"«Ein, Fähnlein» weht"}}"#]);
    let found = page(db.reader(), &model, begins);
    let snippet = r#""$snippet":{"body":"«Ein, Fähnlein …","title":""}}]"#;
    assert!(found.items.ends_with(snippet), "{}", found.items);
    let without = refused(&db, &model, r#"{"sort":[["$rank",false]]}"#);
    assert!(without.to_string().contains("needs a $match"), "{without}");
}

#[test]
fn full_text_that_cannot_be_kept_is_refused() {
    for bad in [
        r#"{"name":"t","keepRowId":false,"columns":[{"name":"a","fts":true}]}"#,
        r#"{"name":"t","columns":[{"name":"a","sql":"tbl.b","fts":true}]}"#,
        r#"{"name":"t","columns":[{"name":"rank","fts":true}]}"#,
    ] {
        assert_eq!(Definition::parse(bad).unwrap_err().code(), "BAD_VALUE", "{bad}");
    }
}

#[test]
fn raw_sql_reads_the_models_and_nothing_else() {
    let (db, model) = open(TEXTS);
    fill(&db, &model, &[r#"{"id":"a","title":"one"}"#]);
    db.writer()
        .exec(
            "CREATE TABLE _secret(x); CREATE TABLE open_one(x); INSERT INTO open_one VALUES ('a')",
        )
        .unwrap();
    let raw = |sql: &str| {
        let sql = serde_json::to_string(sql).unwrap();
        Search::parse(&format!(r#"{{"where":["raw",{sql},[]]}}"#)).unwrap()
    };
    for conn in [db.reader(), db.writer()] {
        let allowed =
            raw("tbl.id IN (SELECT x FROM open_one) AND EXISTS (SELECT 1 FROM json_each('[1]'))");
        assert_eq!(model.search(conn, &allowed).unwrap().total, Some(1));
        let matching =
            raw("tbl.rowId IN (SELECT rowid FROM \"o'texts_fts\" WHERE title MATCH 'one')");
        assert_eq!(model.search(conn, &matching).unwrap().total, Some(1));
        for hostile in [
            "EXISTS (SELECT 1 FROM _secret)",
            "EXISTS (SELECT x FROM \"_SECRET\")",
            "EXISTS (SELECT 1 FROM sqlite_schema)",
            "EXISTS (SELECT 1 FROM pragma_table_info('open_one'))",
            "load_extension('x')",
            "1) UNION SELECT * FROM (SELECT x, x, x, x, x FROM _secret",
        ] {
            let error = model.search(conn, &raw(hostile)).unwrap_err();
            // for functions SQLite has the words but not the code; the wasm build has no such
            // function at all
            let words = ["not authorized", "no such function: load_extension"];
            let denied = error.code() == "SQLITE_AUTH"
                || words.iter().any(|w| error.to_string().contains(w));
            assert!(denied, "{hostile}: {error}");
        }
        for statement in [
            "DELETE FROM open_one",
            "INSERT INTO open_one VALUES (1)",
            "UPDATE open_one SET x = 1",
            "CREATE TABLE x(y)",
            "CREATE TEMP TABLE x(y)",
            "DROP TABLE open_one",
            "ALTER TABLE open_one RENAME TO y",
            "ATTACH ':memory:' AS m",
            "PRAGMA user_version",
            "PRAGMA writable_schema = ON",
            "BEGIN",
            "SAVEPOINT s",
            "REINDEX",
            "ANALYZE",
            "CREATE VIRTUAL TABLE v USING fts5(a)",
            "SELECT * FROM _secret",
        ] {
            let error = conn.guarded(|| conn.run(statement, &[])).unwrap_err();
            assert_eq!(error.code(), "SQLITE_AUTH", "{statement}: {error}");
        }
        assert!(
            conn.guarded(|| conn.one("PRAGMA data_version", &[], |r| r.int(0))).unwrap().is_some()
        );
    }
    // compiled again after a change of the schema, a search is guarded still; and afterwards nobody
    // is
    db.writer().exec("CREATE TABLE later(x)").unwrap();
    let hidden = raw("EXISTS (SELECT 1 FROM later)");
    assert_eq!(model.search(db.writer(), &hidden).unwrap().total, Some(0));
    db.writer().exec("DROP TABLE later; CREATE VIEW later AS SELECT x FROM _secret").unwrap();
    assert_eq!(model.search(db.writer(), &hidden).unwrap_err().code(), "SQLITE_AUTH");
    assert_eq!(
        db.reader().one("SELECT count(*) FROM _secret", &[], |r| r.int(0)).unwrap(),
        Some(0)
    );
}

#[test]
fn full_text_that_is_not_made_yet_says_so() {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap();
    let migrate = |definition: &str| {
        let model = Model::new(Definition::parse(definition).unwrap());
        let mut migration = super::Migration::plan(db.writer(), &model.definition, false).unwrap();
        migration.run(db.writer(), super::Stage::Shape).unwrap();
        model
    };
    let model = migrate(r#"{"name":"t","columns":[{"name":"a","fts":true}]}"#);
    let search = Search::parse(r#"{"where":["col","a","$match","x"]}"#).unwrap();
    let refused = model.search(db.writer(), &search).unwrap_err();
    assert_eq!(refused.code(), "BAD_VALUE");
    assert!(refused.to_string().contains("made after the migrations"), "{refused}");
}
