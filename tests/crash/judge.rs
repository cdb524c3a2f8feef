//! The conditions that files left behind must meet: they open, are whole, hold the state after one
//! of the steps that may have been the last, and go on from there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use tidelog::vfs::{Memory, Vfs};

use crate::crash::damage::Files;
use crate::crash::work::{DETOUR, FILE, Workload};

/// A connection of our own, past everything the workload has opened.
pub(crate) fn connect(vfs: &str) -> rusqlite::Result<Connection> {
    Connection::open_with_flags_and_vfs(FILE, OpenFlags::default(), vfs)
}

/// All tables and rows as a number; nothing while the database is still being made.
pub(crate) fn state(db: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut state = DefaultHasher::new();
    let mut tables =
        db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables: Vec<(String, String)> = tables
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut made = false;
    for (name, sql) in tables {
        if name == "detour" {
            made = true;
            continue;
        }
        (&name, sql).hash(&mut state);
        let mut all = db.prepare(&format!("SELECT * FROM \"{name}\" ORDER BY 1, 2"))?;
        let columns = all.column_count();
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Null => 0.hash(&mut state),
                    ValueRef::Integer(n) => (1, n).hash(&mut state),
                    ValueRef::Real(x) => (2, x.to_bits()).hash(&mut state),
                    ValueRef::Text(bytes) => (3, bytes).hash(&mut state),
                    ValueRef::Blob(bytes) => (4, bytes).hash(&mut state),
                }
            }
        }
    }
    Ok(made.then(|| state.finish()))
}

/// The state of files that nobody has open.
pub(crate) fn state_of(files: &Files) -> Result<Option<u64>, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let vfs =
        Vfs::register(Memory::from_files(files.clone())).map_err(|error| error.to_string())?;
    let db = connect(vfs.name()).map_err(text)?;
    state(&db).map_err(text)
}

/// Which files, for not judging them twice.
pub(crate) fn fingerprint(files: &Files, range: &RangeInclusive<i64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (files, range).hash(&mut hasher);
    hasher.finish()
}

/// Which of the steps in `range` was the last; -1 says that the database was not made yet.
fn find(state: Option<u64>, states: &[u64], range: &RangeInclusive<i64>) -> Result<i64, String> {
    let Some(state) = state else {
        return if *range.start() < 0 { Ok(-1) } else { Err("there is no database".into()) };
    };
    let is =
        |step: &i64| usize::try_from(*step).ok().and_then(|step| states.get(step)) == Some(&state);
    let all = 0..states.len() as i64;
    match range.clone().rev().find(is) {
        Some(step) => Ok(step),
        None => Err(match all.clone().find(is) {
            Some(step) => format!("step {step} was the last, it should be one of {range:?}"),
            None => format!("the state is that after no step, it should be one of {range:?}"),
        }),
    }
}

/// Opens what was left and checks it, then writes, and checks what that leaves. Gives the step that
/// was the last.
pub(crate) fn judge(
    workload: &dyn Workload,
    strict: bool,
    states: &[u64],
    files: Files,
    range: &RangeInclusive<i64>,
) -> Result<i64, String> {
    let text = |error: rusqlite::Error| error.to_string();
    let image = Memory::from_files(files);
    let found = {
        let vfs = Vfs::register(image.fork()).map_err(|error| error.to_string())?;
        let db = connect(vfs.name()).map_err(text)?;
        for check in ["integrity_check", "foreign_key_check"] {
            let mut complaints = db.prepare(&format!("PRAGMA {check}")).map_err(text)?;
            let said = complaints.query_row([], |row| row.get::<_, String>(0));
            if said.as_ref().is_ok_and(|said| said != "ok") {
                return Err(format!("{check}: {}", said.unwrap_or_default()));
            }
        }
        find(state(&db).map_err(text)?, states, range)?
    };
    let vfs = Vfs::register(image.clone()).map_err(|error| error.to_string())?;
    let mut session =
        workload.open(vfs, strict, found.max(0)).map_err(|error| format!("opening: {error}"))?;
    session.look(found.max(0))?;
    session.exec(DETOUR).map_err(|error| format!("writing: {error}"))?;
    // once more after this process, too, has worked on it and died, and when it has closed instead
    let died = image.snapshot();
    drop(session);
    for (how, files) in [("dying", died), ("closing", image.snapshot())] {
        let now = state_of(&files).map_err(|error| format!("after {how}: {error}"))?;
        find(now, states, &(found.max(0)..=found.max(0)))
            .map_err(|error| format!("after {how}: {error}"))?;
    }
    Ok(found)
}
