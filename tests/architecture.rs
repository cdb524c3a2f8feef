//! The rules of the house, read from the files themselves: which room and which file may name
//! which, how long a file may be, one version, and every error code in the published types.
//!
//! Reads text, not syntax: comments and strings are left out roughly, which the tests of the
//! readers pin down.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::expect_used)] // a test

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::circles::{Module, Names, rooms_through_super};

/// The rooms that each room may name, itself left out. `lib.rs` may name all.
const ROOMS: &[(&str, &[&str])] = &[
    // the protocol comes into it like a crate
    ("error", &["sync"]),
    ("vfs", &["error"]),
    ("sql", &["vfs", "error"]),
    ("model", &["sql", "vfs", "error"]),
    ("event", &["model", "sql", "vfs", "error"]),
    // pure machines, which could be a crate of their own
    ("sync", &[]),
    ("store", &["event", "sync", "model", "sql", "vfs", "error"]),
    ("server", &["sync", "sql", "vfs", "error"]),
    ("js", &["store", "server", "event", "sync", "model", "sql", "vfs", "error"]),
];

/// Rooms in which files still name each other in circles.
const CIRCLES_LEFT: [&str; 2] = ["vfs", "js"];

/// Crates that only some rooms may name.
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["sql", "error"]),
    ("rsqlite_vfs", &["vfs"]),
    ("sqlite_wasm_rs", &["sql", "vfs"]),
    ("wasm_bindgen", &["js", "vfs"]),
    ("wasm_bindgen_futures", &["js", "vfs"]),
    ("js_sys", &["js", "vfs"]),
    ("web_sys", &["js", "vfs"]),
];

/// Rooms that are given time, randomness and storage, and the parts of `std` that have them.
const PURE: [&str; 2] = ["sync", "event"];
const IMPURE: [&str; 7] = ["env", "fs", "net", "os", "process", "thread", "time"];

/// At most this many lines in a file written by hand.
const LONGEST: usize = 400;

#[test]
fn imports_point_one_way() {
    let broken: Vec<String> =
        sources().iter().flat_map(|(path, room, code)| broken_imports(path, room, code)).collect();
    assert!(broken.is_empty(), "imports that ROOMS forbids:\n{}", broken.join("\n"));
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let names = names();
    let left = |circle: &Vec<&Module>| {
        circle.iter().all(|module| CIRCLES_LEFT.contains(&module[0].as_str()))
    };
    let list = |circle: Vec<&Module>| -> Vec<String> {
        circle.iter().map(|module| module.join("/")).collect()
    };
    let circles: Vec<Vec<String>> =
        names.circles().into_iter().filter(|circle| !left(circle)).map(list).collect();
    assert!(circles.is_empty(), "these files name each other in a circle: {circles:?}");
}

#[test]
fn only_migrations_know_migrations() {
    let names = names();
    assert!(
        names.names(&["model", "migrate"], &["model", "definition"]),
        "the readers find nothing"
    );
    assert!(!names.names(&["model"], &["model", "migrate"]), "a part of model/ names migrate");
}

#[test]
fn every_room_has_a_rule_and_every_rule_a_room() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    let rooms: BTreeSet<String> =
        sources().into_iter().map(|(_, room, _)| room).filter(|room| room != "lib").collect();
    let unknown: Vec<&String> =
        rooms.iter().filter(|room| !known.contains(room.as_str())).collect();
    assert!(
        unknown.is_empty(),
        "no import rule for {unknown:?}: add it to ROOMS and to ARCHITECTURE.md"
    );
    let named = ROOMS.iter().flat_map(|(room, others)| [&[*room], *others].concat());
    let named = named.chain(CRATES.iter().flat_map(|(_, rooms)| rooms.iter().copied()));
    let gone: BTreeSet<&str> =
        named.chain(CIRCLES_LEFT).chain(PURE).filter(|room| !rooms.contains(*room)).collect();
    assert!(gone.is_empty(), "rules for rooms that are not in src/: {gone:?}");
}

#[test]
fn no_file_is_longer_than_the_limit() {
    let folders = ["src", "tests", "pkg-template", "scripts", "www", "benches", "examples"];
    let files: Vec<PathBuf> =
        folders.iter().flat_map(|folder| files_of(&root().join(folder))).collect();
    assert!(files.len() > 10, "only {} files were found", files.len());
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, text(file).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(file, lines)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST} lines:\n{}", long.join("\n"));
}

#[test]
fn no_file_is_a_catch_all() {
    let banned = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    let found: Vec<PathBuf> = ["src", "tests", "pkg-template", "scripts", "www"]
        .iter()
        .flat_map(|folder| files_of(&root().join(folder)))
        .filter(|file| {
            let path = file.strip_prefix(root()).unwrap_or(file).with_extension("");
            path.iter().any(|part| banned.contains(&part.to_string_lossy().as_ref()))
        })
        .collect();
    assert!(found.is_empty(), "name what it is about: {found:?}");
}

#[test]
fn every_source_file_opens_with_what_it_owns() {
    let silent: Vec<PathBuf> = files_of(&root().join("src"))
        .into_iter()
        .filter(|file| !text(file).starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "no //! at the top of {silent:?}");
}

#[test]
fn cargo_and_npm_have_one_version() {
    let npm: serde_json::Value =
        serde_json::from_str(&text(&root().join("package.json"))).expect("package.json");
    assert_eq!(npm["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(npm["name"], env!("CARGO_PKG_NAME"));
    let lock: serde_json::Value =
        serde_json::from_str(&text(&root().join("package-lock.json"))).expect("the lock");
    assert_eq!(lock["version"], env!("CARGO_PKG_VERSION"), "run npm install");
}

#[test]
fn every_error_code_is_in_the_published_types() {
    let codes = error_codes(&text(&root().join("src/error.rs")));
    assert!(codes.len() > 20, "only {} codes were found in src/error.rs", codes.len());
    let types = root().join("pkg-template/index.d.ts");
    if !types.exists() {
        return; // the classes come after the house; from then on this is a condition
    }
    let types = text(&types);
    let missing: Vec<&String> =
        codes.iter().filter(|code| !types.contains(&format!("'{code}'"))).collect();
    assert!(missing.is_empty(), "codes that index.d.ts does not know: {missing:?}");
}

/// The calls by which a function that took its turn in the lane waits for its commit to be kept:
/// itself, or through one that does.
const SETTLING: [&str; 6] = ["settle()", "flush()", "dispatch_in(", "rebuild(", "alone(", "hold("];

#[test]
fn whoever_enters_the_lane_settles() {
    let mut seen = 0;
    let mut forgetful = Vec::new();
    for (path, _, code) in sources().iter().filter(|(_, room, _)| room == "store" || room == "js") {
        let code = without_comments(code).replace("lane.enter()", "");
        for function in code.split("fn ").filter(|function| function.contains(".enter()")) {
            seen += 1;
            if !SETTLING.iter().any(|call| function.contains(call)) {
                forgetful.push(format!("{}: {}", path.display(), word(function)));
            }
        }
    }
    assert!(seen > 10, "only {seen} functions enter the lane");
    assert!(forgetful.is_empty(), "commits that nobody waits for, see Db::settle: {forgetful:?}");
}

#[test]
fn the_readers_see_imports_and_nothing_else() {
    let broken = |room: &str, code: &str| {
        broken_imports(&root().join("src").join(room).join("x.rs"), room, code).len()
    };
    assert_eq!(broken("sql", "use crate::{error::Error, store::Store};"), 1);
    assert_eq!(
        broken("sql", "use crate::{\n    error,\n    model::{row, query},\n    sql::Db,\n};"),
        1
    );
    assert_eq!(broken("sql", "let x = crate::event::Event::new();"), 1);
    assert_eq!(broken("sql", "use super::super::store::Store;"), 1);
    assert_eq!(broken("sql", "use super::super::{error, store::{Store}};"), 1);
    assert_eq!(broken("sql", "let x = super::super::event::Event::new();"), 1);
    assert_eq!(broken("sql", "use self::super::super::store;"), 1);
    assert_eq!(broken("sync", "use super::error::Error;"), 0, "a file of its own");
    let tests = "#[cfg(test)]\nmod tests {\n    use super::super::error::Error;\n}";
    assert_eq!(broken("sync", tests), 0, "the tests of a file lie deeper");
    assert_eq!(broken("model", "use ::rusqlite as x;"), 1);
    assert_eq!(broken("model", "fn f(e: &::rusqlite::Error) {}"), 1);
    assert_eq!(broken("model", "use crate::sql::rusqlite::Error;"), 0, "what sql hands on");
    for code in ["std::time::Instant::now()", "use std::{fmt, fs::File};", "use ::std as x;"] {
        assert_eq!(broken("sync", code), 1, "{code}");
        assert_eq!(broken("event", code), 1, "{code}");
        assert_eq!(broken("store", code), 0, "{code}");
    }
    assert_eq!(broken("sync", "use std::{fmt, mem};"), 0);
    assert_eq!(broken("model", "use rusqlite::Connection;"), 1);
    assert_eq!(broken("model", "fn f(e: &rusqlite::Error) {}"), 1);
    assert_eq!(
        broken("model", "// rusqlite::Error\n/// [`crate::store`]\nlet my_rusqlite = 1;"),
        0
    );
    assert_eq!(broken("js", "use crate::store::Store;\nuse wasm_bindgen::prelude::*;"), 0);
    assert_eq!(
        error_codes("a => \"LOCKED\", b => \"lower\", c => \"SQLITE_FULL\""),
        ["LOCKED"].map(String::from)
    );
}

/// The parts of `code`, a file of `room`, that break the rules.
fn broken_imports(path: &Path, room: &str, code: &str) -> Vec<String> {
    let code = without_comments(code);
    let mut broken = Vec::new();
    if let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) {
        for named in [firsts(&code, "crate::"), rooms_through_super(&module(path), &code)].concat()
        {
            let is_room = ROOMS.iter().any(|(name, _)| *name == named);
            if is_room && named != room && !allowed.contains(&named.as_str()) {
                broken.push(format!("{}: {room} names crate::{named}", path.display()));
            }
        }
    }
    for (name, rooms) in CRATES {
        if room != "lib" && !rooms.contains(&room) && names_crate(&code, name) {
            broken.push(format!("{}: {room} names {name}", path.display()));
        }
    }
    if PURE.contains(&room) {
        let whole = code.contains("std as ").then(|| "by another name".to_string());
        let parts = firsts(&code, "std::");
        let parts = parts.into_iter().filter(|part| IMPURE.contains(&part.as_str()));
        let broke = |part| format!("{}: {room} names std {part}", path.display());
        broken.extend(parts.chain(whole).map(broke));
    }
    broken
}

/// The first segment after `start` of every path, groups opened one level.
fn firsts(code: &str, start: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, found) in code.match_indices(start) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue; // another name, or a macro's own crate
        }
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            None => named.push(word(rest)),
            Some(group) => named.extend(first_segments(group)),
        }
    }
    named
}

/// The first word of each entry of a `use` group, whose opening brace is gone.
fn first_segments(group: &str) -> Vec<String> {
    let mut depth = 1;
    let mut entry = String::new();
    let mut entries = Vec::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => entries.push(std::mem::take(&mut entry)),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && c != ',' {
            entry.push(c);
        }
    }
    entries.push(entry);
    entries.iter().map(|entry| word(entry.trim())).filter(|word| !word.is_empty()).collect()
}

/// Whether the code has a path that starts with this crate.
fn names_crate(code: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        let before = &code[..at];
        let after = &code[at + name.len()..];
        // `::name` is the crate, `a::name` is something of `a`
        let before = before.strip_suffix("::").unwrap_or(before);
        let starts = !before.ends_with(part) && !before.ends_with(['"', '>']);
        starts && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The code without comments. Tests inside a file are judged like the rest, except for the line
/// that lets them run as wasm.
fn without_comments(code: &str) -> String {
    code.lines()
        .filter(|line| !line.contains("wasm_bindgen_test"))
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The codes that are this crate's own; SQLite's come through as they are.
fn error_codes(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap_or("");
    code.match_indices("=> \"")
        .filter_map(|(at, arrow)| code[at + arrow.len()..].split('"').next())
        .filter(|code| {
            code.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !code.starts_with("SQLITE_")
        })
        .map(String::from)
        .collect()
}

/// Which module names which.
fn names() -> Names {
    let files = sources().into_iter().filter(|(_, room, _)| room != "lib");
    let files: Vec<(Module, String)> =
        files.map(|(path, _, code)| (module(&path), without_comments(&code))).collect();
    Names::read(&files)
}

/// The module that a file of `src/` is.
fn module(path: &Path) -> Module {
    let inside = path.strip_prefix(root().join("src")).expect("a file of src").with_extension("");
    let parts = inside.iter().map(|part| part.to_string_lossy().to_string());
    parts.filter(|part| part != "mod").collect()
}

/// Every Rust source with the room it stands in.
fn sources() -> Vec<(PathBuf, String, String)> {
    let src = root().join("src");
    files_of(&src)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
        .map(|file| {
            let inside = file.strip_prefix(&src).expect("a file of src");
            let room = inside
                .iter()
                .next()
                .expect("a name")
                .to_string_lossy()
                .trim_end_matches(".rs")
                .to_string();
            let code = text(&file);
            (file, room, code)
        })
        .collect()
}

/// Files written by hand under a folder, none when it is not there.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
        let made =
            ["node_modules", "dist", "target"].contains(&name.as_str()) || name.starts_with('.');
        if path.is_dir() && !made {
            files.extend(files_of(&path));
        } else if ["rs", "js", "mjs", "ts", "css", "html", "md", "sh"]
            .iter()
            .any(|kind| path.extension().is_some_and(|e| e == *kind))
        {
            files.push(path);
        }
    }
    files
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
