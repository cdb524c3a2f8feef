//! The plans that searches report: the index they enter, and the warning about a whole table.

use super::search_tests::{fill, open, page, things};
use super::*;
use crate::sql::{Conn, Db};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The plan by which SQLite would search, as JSON.
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
