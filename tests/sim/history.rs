//! Every history the server ever had, as a tree over the chain, with the state the naive engine has
//! at each point.
//!
//! The outside witness: it sees what is durable at the server and remembers it when the server does
//! not.

use super::workload::{Op, State};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use tidelog::sync::chain;
use tidelog::sync::id::{ClientId, Hash, Id};
use tidelog::sync::wire::{Entry, Kind, Point};

/// One point of a history.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Its position.
    pub(crate) seq: u64,
    /// The point before it, and the event that led here and whether it counts; at the start there
    /// is none.
    step: Option<(Hash, Id, bool)>,
    /// The first event up to here that only version 2 of the application knows.
    pub(crate) newer: Option<u64>,
    /// What the naive engine makes of the log up to here.
    pub(crate) state: Rc<State>,
    /// Positions of the events that threw.
    pub(crate) dead: Rc<Vec<u64>>,
}

/// All points, and the facts about the present log.
#[derive(Debug)]
pub(crate) struct History {
    moments: HashMap<Hash, Moment>,
    /// Where the present log stands.
    pub(crate) head: Point,
    /// The present log.
    pub(crate) log: Vec<Entry>,
    /// `points[seq]` of the present log.
    points: Vec<Hash>,
    /// Where each id of the present log stands first.
    pub(crate) first: HashMap<Id, u64>,
    /// Ids that count in the present log.
    counted: HashSet<Id>,
    /// The last number of each client in the present log.
    numbers: HashMap<ClientId, u64>,
    /// Ids that a log said no to, also one that is gone.
    rejected: HashSet<Id>,
    /// How often an event counted that had been rejected in a log that is gone.
    pub(crate) pardoned: u64,
}

impl History {
    /// Before the first event.
    pub(crate) fn new() -> History {
        let head = chain::start("sim");
        let first =
            Moment { seq: 0, step: None, newer: None, state: Rc::default(), dead: Rc::default() };
        History {
            moments: HashMap::from([(head.h, first)]),
            head,
            log: Vec::new(),
            points: vec![head.h],
            first: HashMap::new(),
            counted: HashSet::new(),
            numbers: HashMap::new(),
            rejected: HashSet::new(),
            pardoned: 0,
        }
    }

    /// The point of a chain hash, if it was ever one.
    pub(crate) fn at(&self, point: Point) -> Option<&Moment> {
        self.moments.get(&point.h).filter(|m| m.seq == point.seq)
    }

    /// How many events of this client the present log has.
    pub(crate) fn count_of(&self, client: &ClientId) -> u64 {
        self.numbers.get(client).copied().unwrap_or(0)
    }

    /// What a history up to `point` has and the present log has not, at least not up to there: the
    /// position where they part, and the ids after it.
    pub(crate) fn lost(&self, point: Point) -> (u64, HashSet<Id>) {
        let (mut at, mut seq, mut ids) = (point.h, point.seq, HashSet::new());
        while self.points.get(seq as usize) != Some(&at) {
            let Some((before, id, _)) = self.moments.get(&at).and_then(|m| m.step) else { break };
            ids.insert(id);
            (at, seq) = (before, seq - 1);
        }
        (seq, ids)
    }

    /// The moment at `seq` on the way to `point`, and the ids that count after it.
    pub(crate) fn split(&self, point: Point, seq: u64) -> (&Moment, HashSet<Id>) {
        let (mut moment, mut ids) = (&self.moments[&point.h], HashSet::new());
        while moment.seq > seq {
            let Some((before, id, counts)) = moment.step else { break };
            ids.extend(counts.then_some(id));
            moment = &self.moments[&before];
        }
        (moment, ids)
    }

    /// Takes note of rows after the head; the oracles `counts_once`, `numbers_have_no_holes` and
    /// `chain_holds` of the server's side.
    pub(crate) fn extend(&mut self, rows: Vec<(Entry, Point)>) -> Result<(), String> {
        for (entry, point) in rows {
            let expected = chain::step(self.head, &entry);
            if expected != point {
                return Err(format!(
                    "chain_holds: the stored chain at {} is not the one of its row",
                    point.seq
                ));
            }
            let number = self.numbers.entry(entry.client).or_default();
            *number += 1;
            if *number != entry.n {
                return Err(format!(
                    "numbers_have_no_holes: row {number} of {} has number {}",
                    entry.client, entry.n
                ));
            }
            if entry.kind == Kind::Event && !self.counted.insert(entry.id) {
                return Err(format!(
                    "counts_once: {} counts twice, again at {}",
                    entry.id, point.seq
                ));
            }
            match entry.kind {
                Kind::Event => self.pardoned += u64::from(self.rejected.remove(&entry.id)),
                Kind::Rej => _ = self.rejected.insert(entry.id),
                _ => {}
            }
            self.first.entry(entry.id).or_insert(point.seq);
            if !self.moments.contains_key(&point.h) {
                self.remember(&entry, point);
            }
            self.head = point;
            self.points.push(point.h);
            self.log.push(entry);
        }
        Ok(())
    }

    fn remember(&mut self, entry: &Entry, point: Point) {
        let before = &self.moments[&self.head.h];
        let (mut state, mut dead) = (before.state.clone(), before.dead.clone());
        if entry.kind == Kind::Event
            && !Op::parse(entry.text()).apply(point.seq, Rc::make_mut(&mut state))
        {
            Rc::make_mut(&mut dead).push(point.seq);
        }
        let counts = entry.kind == Kind::Event;
        let newer = before.newer.or((counts && entry.tv > 1).then_some(point.seq));
        let step = Some((self.head.h, entry.id, counts));
        self.moments.insert(point.h, Moment { seq: point.seq, step, newer, state, dead });
    }

    /// The server was put back: begins the present log again with these rows.
    pub(crate) fn roll_back(&mut self, rows: Vec<(Entry, Point)>) -> Result<(), String> {
        self.first.clear();
        self.counted.clear();
        self.log.clear();
        self.numbers.clear();
        self.head = chain::start("sim");
        self.points = vec![self.head.h];
        self.extend(rows)
    }
}
