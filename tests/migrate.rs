//! Whatever a model was and becomes, its documents stay: random sequences of definitions over
//! random documents.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tidelog::model::{Definition, Model};
use tidelog::sql::{Db, Options, Value as Stored};
use tidelog::vfs::{Memory, Vfs};

/// A property of the documents, the types that hold its values as they are, and the column's path
/// if it lies deeper.
const PROPERTIES: &[(&str, &[&str], Option<&str>)] = &[
    ("text", &["TEXT", "NUMERIC", "INTEGER", "JSON", ""], None),
    ("whole", &["INTEGER", "NUMERIC", "REAL", "JSON", ""], None),
    ("any", &["JSON"], None),
    ("it's", &["TEXT", "JSON"], None),
    ("deep", &["TEXT", "JSON", "NUMERIC"], Some("any.deep")),
];

/// A column of a definition: property, type (beyond the list: virtual), `get`, index, unused.
type Choice = (usize, usize, bool, u8);

fn column(&(property, ty, get, index): &Choice) -> Value {
    let (name, types, path) = PROPERTIES[property];
    let mut column = json!({ "name": name });
    if let Some(ty) = types.get(ty) {
        match *ty {
            "" => column["real"] = json!(true),
            ty => column["type"] = json!(ty),
        }
        column["get"] = json!(get && path.is_none());
    }
    if let Some(path) = path {
        column["path"] = json!(path);
    }
    match index {
        1 => column["index"] = json!("ALL"),
        2 => column["index"] = json!("SPARSE"),
        _ => {}
    }
    column
}

fn definition(choices: &[Choice], integer_id: bool) -> Value {
    let columns: BTreeMap<usize, Value> = choices.iter().map(|c| (c.0, column(c))).collect();
    let mut columns: Vec<Value> = columns.into_values().collect();
    let compound = columns.len() > 1;
    let indexes = match compound {
        true => {
            json!([{ "columns": [columns[0]["name"], columns[1]["name"]], "sparse": choices.len().is_multiple_of(2) }])
        }
        false => json!([]),
    };
    if integer_id {
        columns.push(json!({ "name": "id", "type": "INTEGER" }));
    }
    json!({ "name": "docs", "columns": columns, "indexes": indexes })
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof!["[a-zü'\" ]{0,8}x", Just("x\0y".to_string())].prop_map(Value::from)
}

fn document() -> impl Strategy<Value = Map<String, Value>> {
    let whole = prop_oneof![-5i64..5, Just(1 << 40)].prop_map(Value::from);
    let any = prop_oneof![
        text().prop_map(|deep| json!({ "deep": deep, "list": [1, "a", null, {}] })),
        Just(json!([true, {}])),
        Just(json!({ "other": 1.5 })),
    ];
    let maybe = |s: BoxedStrategy<Value>| prop::option::of(s);
    (maybe(text().boxed()), maybe(whole.boxed()), maybe(any.boxed()), maybe(text().boxed()), text())
        .prop_map(|(text, whole, any, its, rest)| {
            let all = [
                ("text", text),
                ("whole", whole),
                ("any", any),
                ("it's", its),
                ("rest", Some(rest)),
            ];
            all.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
        })
}

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec((0..PROPERTIES.len(), 0usize..6, any::<bool>(), 0u8..3), 1..7)
}

/// Numbers compare as numbers: a REAL column gives 5 as 5.0.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(n) => json!(n.as_f64()),
        Value::Object(map) => {
            map.into_iter().map(|(k, v)| (k, plain(v))).collect::<Map<_, _>>().into()
        }
        Value::Array(list) => list.into_iter().map(plain).collect(),
        other => other,
    }
}

fn check(db: &Db, model: &Model, wanted: &BTreeMap<i64, Value>, definition: &Value) {
    let w = db.writer();
    for (id, doc) in wanted {
        let id = if model.definition.integer_id() {
            Stored::Integer(*id)
        } else {
            Stored::Text(id.to_string())
        };
        let text = model.get(w, &id).unwrap().unwrap();
        let mut found: Map<String, Value> = serde_json::from_str(&text).unwrap();
        found.remove("id");
        assert_eq!(plain(found.into()), plain(doc.clone()), "with {definition}");
    }
    let count = |sql: &str| w.one(sql, &[], |r| r.int(0)).unwrap().unwrap();
    assert_eq!(count("SELECT count(*) FROM docs"), wanted.len() as i64);
    let ok = w.one("PRAGMA integrity_check", &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    assert_eq!(ok.unwrap(), "ok");
    let mut columns = vec!["id".to_string(), "json".into()];
    let mut indexes: Vec<String> =
        model.definition.indexes.iter().map(|i| format!("docs_{}", i.columns.join("_"))).collect();
    for column in model.definition.columns.iter().filter(|c| c.name != "id") {
        if column.index.is_some() {
            indexes.push(format!("docs_{}", column.name));
        }
        if column.is_real() {
            columns.push(column.name.clone());
            let has = |doc: &&Value| match column.name.as_str() {
                "deep" => doc.pointer("/any/deep").is_some(),
                name => doc.get(name).is_some(),
            };
            let quoted = tidelog::sql::quote(&column.name);
            let filled = count(&format!("SELECT count(*) FROM docs WHERE {quoted} IS NOT NULL"));
            assert_eq!(
                filled,
                wanted.values().filter(has).count() as i64,
                "{} with {definition}",
                column.name
            );
        }
    }
    let names = |sql: &str| {
        let mut names = w.all(sql, &[], |r| Ok(r.text(0)?.to_string())).unwrap();
        names.sort();
        names
    };
    columns.sort();
    indexes.sort();
    assert_eq!(names("SELECT name FROM pragma_table_info('docs') WHERE name <> 'rowId'"), columns);
    assert_eq!(
        names(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'docs' AND sql IS NOT NULL"
        ),
        indexes
    );
}

/// A definition, and what is written while it is in force.
type Time = (Vec<Choice>, Vec<(i64, Map<String, Value>)>);

fn play(integer_id: bool, steps: Vec<Time>) {
    let db =
        Db::open(Vfs::register(Memory::default()).unwrap(), "test.db", Options::default()).unwrap();
    let mut wanted = BTreeMap::new();
    for (choices, docs) in steps {
        let definition = definition(&choices, integer_id);
        let model = Model::new(Definition::parse(&definition.to_string()).unwrap());
        db.transaction(|| model.migrate(db.writer(), false)).unwrap();
        check(&db, &model, &wanted, &definition);
        for (id, doc) in docs {
            let mut with_id = doc.clone();
            with_id.insert("id".into(), if integer_id { json!(id) } else { json!(id.to_string()) });
            model.set(db.writer(), &Value::from(with_id).to_string(), false).unwrap();
            wanted.insert(id, doc.into());
        }
        check(&db, &model, &wanted, &definition);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::tries(1000), ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_definitions_changes_a_document(
        integer_id in any::<bool>(),
        steps in prop::collection::vec((choices(), prop::collection::vec((1i64..30, document()), 0..6)), 2..8),
    ) {
        play(integer_id, steps);
    }
}
