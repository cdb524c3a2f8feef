//! What the outside knows of one line of a replica's life, and what it may expect of it:
//! `acknowledged_survives`, `own_order_kept` and `leaves_by_the_log`.
//!
//! A copy that is put back, or goes on as a clone, is a line of its own: what was made until it was
//! taken, and then what is made on it. What a line that ended had never pushed is gone with it.

use super::history::History;
use super::workload::Op;
use std::collections::HashSet;
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::wire::Point;

/// One line of life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lineage {
    /// Every event the application tried to make, in order.
    attempted: Vec<(Id, Op)>,
    /// Those whose dispatch resolved.
    ledger: Vec<Id>,
    /// Made but never resolved, because the process died: the application tries again with the same
    /// id.
    unresolved: Option<(Id, Op)>,
    /// What was pending when it was looked at last.
    waited: Vec<Id>,
    /// What left it, for having been read in the log.
    confirmed: HashSet<Id>,
    /// Its name, and those it had before.
    name: Option<ClientId>,
    former: Vec<ClientId>,
}

impl Lineage {
    /// The line that goes on from a copy taken now. None while a call waits to be tried again:
    /// whether its event is in the copy nobody knows.
    pub(crate) fn copy(&self) -> Option<Lineage> {
        self.unresolved.is_none().then(|| self.clone())
    }

    /// The events it was told are safe that the other was not told of.
    pub(crate) fn acknowledged_beyond(&self, other: &Lineage) -> Vec<Id> {
        let known: HashSet<&Id> = other.ledger.iter().collect();
        self.ledger.iter().filter(|id| !known.contains(id)).copied().collect()
    }

    /// An event that did not resolve, to be tried again.
    pub(crate) fn again(&mut self) -> Option<(Id, Op)> {
        self.unresolved.take()
    }

    /// The application makes a new event.
    pub(crate) fn attempt(&mut self, id: Id, op: Op) {
        self.attempted.push((id, op));
    }

    /// All it tried to make, in order.
    pub(crate) fn made(&self) -> impl Iterator<Item = &(Id, Op)> {
        self.attempted.iter()
    }

    /// The process died before it said so.
    pub(crate) fn leave(&mut self, id: Id, op: Op) {
        self.unresolved = Some((id, op));
    }

    /// It said that the event is safe.
    pub(crate) fn resolve(&mut self, id: Id) {
        self.ledger.push(id);
    }

    /// It goes by this name.
    pub(crate) fn called(&mut self, name: ClientId) {
        let before = self.name.replace(name);
        self.former.extend(before.filter(|before| *before != name));
    }

    /// Its last former names, as many as a condition may have.
    pub(crate) fn former(&self) -> &[ClientId] {
        &self.former[self.former.len().saturating_sub(32)..]
    }

    /// Whether it ever read the event in a log.
    pub(crate) fn was_confirmed(&self, id: &Id) -> bool {
        self.confirmed.contains(id)
    }

    /// own_order_kept: the log has its events in the order in which they were made. One that a log
    /// erased is not offered again, but an older copy may still do so, behind later ones.
    pub(crate) fn check_order(&self, history: &History) -> Result<(), String> {
        let mut last = 0;
        for (id, _) in self.attempted.iter().filter(|(id, _)| !history.erased.contains(id)) {
            match history.first.get(id) {
                Some(&seq) if seq < last => {
                    return Err(format!(
                        "own_order_kept: {id} at {seq} is before an event that was made earlier, at {last}"
                    ));
                }
                Some(&seq) => last = seq,
                None => {}
            }
        }
        Ok(())
    }

    /// `acknowledged_survives` and `leaves_by_the_log`, for a replica that has read up to `cursor`
    /// and has `pending` in its queue: what was acknowledged is in the queue, in what it has read,
    /// or in the present log; and what left the queue is in what it has read.
    pub(crate) fn check_kept(
        &mut self,
        history: &History,
        cursor: Point,
        pending: Vec<Id>,
    ) -> Result<(), String> {
        let (common, lost) = history.lost(cursor);
        let read =
            |id: &Id| history.first.get(id).is_some_and(|&seq| seq <= common) || lost.contains(id);
        let waits: HashSet<&Id> = pending.iter().collect();
        let there = |id: &&Id| {
            history.first.contains_key(*id)
                || waits.contains(id)
                || lost.contains(*id)
                || history.erased.contains(*id)
        };
        if let Some(id) = self.ledger.iter().find(|id| !there(id)) {
            return Err(format!(
                "acknowledged_survives: {id} is nowhere, though it was said to be safe"
            ));
        }
        if let Some(id) = self.waited.iter().find(|id| !waits.contains(id) && !read(id)) {
            return Err(format!(
                "leaves_by_the_log: {id} left the queue, but is not in the log up to {}",
                cursor.seq
            ));
        }
        self.confirmed.extend(self.waited.iter().filter(|id| !waits.contains(id)));
        self.waited = pending;
        Ok(())
    }

    /// `acknowledged_survives` in the end: all that was acknowledged has reached the log.
    pub(crate) fn check_arrived(&self, history: &History) -> Result<(), String> {
        let gone = |id: &&Id| !history.first.contains_key(*id) && !history.erased.contains(*id);
        match self.ledger.iter().find(gone) {
            Some(id) => Err(format!("acknowledged_survives: {id} never reached the log")),
            None => Ok(()),
        }
    }
}
