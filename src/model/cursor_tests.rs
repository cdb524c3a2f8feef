//! The promises of cursors: pages of results that follow each other both ways, in every order.

use super::search_tests::{fill, id_list, open, page, refused, things};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

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
