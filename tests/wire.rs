//! The fixtures of tests/fixtures/wire: every message of every version of the protocol is read, and
//! written again byte for byte; the chain is the one that another program computed.
#![cfg(not(target_family = "wasm"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tidelog::sync::chain;
use tidelog::sync::refusal::Refusal;
use tidelog::sync::resume::{Resume, Resumed};
use tidelog::sync::server::Decided;
use tidelog::sync::wire::{Entry, Kind, Pull, Push, Pushed, Segment, to_json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire/2")
}

fn fixture(name: &str) -> String {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    text.trim_end_matches('\n').to_string()
}

/// Reads a message by the package and writes it again.
fn again(name: &str, text: &str) -> Option<String> {
    let written = match name {
        "push" | "push-full" | "push-empty" => to_json(&Push::parse(text).unwrap()),
        "pushed" | "pushed-none" => to_json(&Pushed::parse(text).unwrap()),
        "pull" | "pull-full" => to_json(&Pull::parse(text).unwrap()),
        "segment" | "segment-limits" => to_json(&Segment::parse(text).unwrap()),
        "resume" => to_json(&Resume::parse(text).unwrap()),
        "resumed" | "resumed-none" => to_json(&Resumed::parse(text).unwrap()),
        "decided" => Decided::parse(text).unwrap().to_json(),
        name => {
            let (status, _) = name.strip_prefix("refusal-")?.split_once('-')?;
            let status = status.parse().unwrap();
            let refusal = Refusal::parse(status, text);
            assert_eq!(refusal.status(), status, "{name}");
            assert!(!matches!(refusal, Refusal::Other { .. }), "{name} is no refusal of ours");
            refusal.to_json()
        }
    };
    Some(written.unwrap())
}

#[test]
fn every_message_is_read_and_written_byte_for_byte() {
    let mut kinds = BTreeSet::new();
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        if path.extension().is_none_or(|kind| kind != "json") || name == "chain" {
            continue;
        }
        let text = fixture(&name);
        let written = again(&name, &text).unwrap_or_else(|| panic!("nobody reads {name}.json"));
        assert_eq!(written, text, "{name}.json");
        kinds.insert(name);
    }
    assert_eq!(kinds.len(), 24, "{kinds:?}");
}

#[test]
fn the_chain_is_the_one_of_another_program() {
    let vectors: serde_json::Value = serde_json::from_str(&fixture("chain")).unwrap();
    let mut at = chain::start(vectors["log"].as_str().unwrap());
    assert_eq!(at.h.to_string(), vectors["start"]);
    let mut kinds = BTreeSet::new();
    for row in vectors["rows"].as_array().unwrap() {
        let entry: Entry = serde_json::from_value(row["entry"].clone()).unwrap();
        entry.check().unwrap();
        kinds.insert(entry.kind.byte());
        at = chain::step(at, &entry);
        assert_eq!(at.h.to_string(), row["h"], "row {}", at.seq);
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    // one row of it is erased there
    assert!(chain::holds(&Segment::parse(&fixture("segment")).unwrap()));
}

#[test]
fn a_row_of_another_form_is_refused() {
    let segment: serde_json::Value = serde_json::from_str(&fixture("segment")).unwrap();
    let spoilt = |row: usize, field: &str, value: serde_json::Value| {
        let mut segment = segment.clone();
        segment["entries"][row][field] = value;
        Segment::parse(&segment.to_string()).unwrap_err().code()
    };
    let server = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    for (row, field, value) in [
        (0, "more", 1.into()),
        (0, "b", "and bh".into()),
        (1, "k", "e".into()),
        (1, "k", "void".into()),
        (1, "c", server.into()),
        (1, "ref", server.into()),
        (1, "code", "NO".into()),
        (3, "b", "a verdict has none".into()),
        (3, "code", serde_json::Value::Null),
        (5, "ref", serde_json::Value::Null),
        (6, "b", "no id".into()),
        (6, "ts", 1.into()),
        (6, "t", "t".into()),
        (8, "b", "04".into()),
        (8, "k", "trimmed".into()),
    ] {
        assert_eq!(spoilt(row, field, value.clone()), "PROTOCOL", "{row} {field} {value}");
    }
    let mut more = segment.clone();
    more["more"] = serde_json::json!({ "later": true });
    assert!(Segment::parse(&more.to_string()).is_ok(), "at the top a server may say more");
    let kinds: Vec<Kind> =
        Segment::parse(&more.to_string()).unwrap().entries.iter().map(|e| e.kind).collect();
    assert_eq!(kinds[5..], [Kind::Dup, Kind::Void, Kind::Erased, Kind::Trim]);
}
