//! The log of a replica made of vectors: its rows, and what the server's own rows among them strike
//! out.

use super::mutants::Mutant;
use super::workload::Op;
use std::collections::HashSet;
use tidelog::sync::id::Id;
use tidelog::sync::wire::{Entry, Kind};

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The event's.
    pub(crate) id: Id,
    /// What it changes, if it is an event whose body is there.
    pub(crate) op: Option<Op>,
    /// An event without its body.
    pub(crate) bare: bool,
    /// The event that it strikes out.
    pub(crate) strikes: Option<Id>,
    /// Whether that event's body goes.
    pub(crate) erases: bool,
}

impl Row {
    /// From the wire.
    pub(crate) fn of(entry: &Entry) -> Row {
        let (event, body) = (entry.kind == Kind::Event, entry.body.text());
        Row {
            id: entry.id,
            op: body.filter(|_| event).map(Op::parse),
            bare: event && body.is_none(),
            strikes: entry.names(),
            erases: entry.kind == Kind::Erased,
        }
    }
}

/// What the log strikes out.
pub(crate) fn struck(log: &[Row], mutant: Mutant) -> HashSet<Id> {
    let heeded = |row: &&Row| match mutant {
        Mutant::StruckReplayed => false,
        Mutant::ErasedApplied => !row.erases,
        _ => true,
    };
    log.iter().filter(heeded).filter_map(|row| row.strikes).collect()
}

/// Events that the log erases.
pub(crate) fn erased(log: &[Row]) -> HashSet<Id> {
    log.iter().filter(|row| row.erases).filter_map(|row| row.strikes).collect()
}

/// The position of the first event without its body, though nothing says why.
pub(crate) fn first_bare(log: &[Row], mutant: Mutant) -> Option<u64> {
    let struck = struck(log, mutant);
    let open = |row: &Row| row.bare && !struck.contains(&row.id);
    log.iter().position(open).map(|i| i as u64 + 1)
}

/// Deletes the bodies of erased events; gives where each stood, and where its erasing stands.
pub(crate) fn erase(log: &mut [Row]) -> Vec<(u64, u64)> {
    let erasing: Vec<(u64, Id)> = (1..)
        .zip(&*log)
        .filter_map(|(seq, row)| Some((seq, row.strikes.filter(|_| row.erases)?)))
        .collect();
    let mut between = Vec::new();
    for (seq, id) in erasing {
        let event = |row: &Row| row.id == id && (row.bare || row.op.is_some());
        if let Some(first) = log.iter().position(event) {
            (log[first].bare, log[first].op) = (true, None);
            between.push((first as u64 + 1, seq));
        }
    }
    between
}
