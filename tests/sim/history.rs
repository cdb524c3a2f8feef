//! Every history the server ever had, as a tree over the chain, with the state the naive engine has
//! at each point.
//!
//! The outside witness: it sees what is durable at the server and remembers it when the server does
//! not.

use super::conditions::{Asked, Facts};
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
    /// The point before it, and the row that led here; at the start there is none.
    step: Option<(Hash, Rc<Step>)>,
    /// The first event up to here that only version 2 of the application knows.
    pub(crate) newer: Option<u64>,
    /// What the naive engine makes of the log up to here.
    pub(crate) state: Rc<State>,
    /// Positions of the events that threw.
    pub(crate) dead: Rc<Vec<u64>>,
    /// Events that rows up to here have voided or erased.
    pub(crate) struck: Rc<HashSet<Id>>,
}

/// A row as the naive engine sees it.
#[derive(Debug)]
struct Step {
    seq: u64,
    id: Id,
    /// What it changes, if it is an event.
    op: Option<Op>,
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
    /// What every event there ever was changes.
    pub(crate) ops: HashMap<Id, Op>,
    /// Events that some log erased.
    pub(crate) erased: HashSet<Id>,
    /// Conditions as they were made.
    pub(crate) asked: HashMap<Id, Asked>,
    /// What the present log means for conditions.
    pub(crate) facts: Facts,
}

impl History {
    /// Before the first event.
    pub(crate) fn new() -> History {
        let head = chain::start("sim");
        let first = Moment {
            seq: 0,
            step: None,
            newer: None,
            state: Rc::default(),
            dead: Rc::default(),
            struck: Rc::default(),
        };
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
            ops: HashMap::new(),
            erased: HashSet::new(),
            asked: HashMap::new(),
            facts: Facts::default(),
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
            let step = self.moments.get(&at).and_then(|m| m.step.as_ref());
            let Some((before, row)) = step else { break };
            ids.insert(row.id);
            (at, seq) = (*before, seq - 1);
        }
        (seq, ids)
    }

    /// The rows on the way to a point, from the log's beginning.
    fn way(&self, point: Point) -> Vec<Rc<Step>> {
        let (mut moment, mut rows) = (&self.moments[&point.h], Vec::new());
        while let Some((before, row)) = &moment.step {
            rows.push(Rc::clone(row));
            moment = &self.moments[before];
        }
        rows.reverse();
        rows
    }

    /// What the naive engine makes of the log up to `seq` on the way to `point`, and the ids that
    /// count after it, without what was struck out up to `point`.
    pub(crate) fn split(&self, point: Point, seq: u64) -> (State, Vec<u64>, HashSet<Id>) {
        let struck = &self.moments[&point.h].struck;
        let counts = |row: &&Rc<Step>| row.op.is_some() && !struck.contains(&row.id);
        let rows = self.way(point);
        let (before, behind): (Vec<_>, Vec<_>) =
            rows.iter().filter(counts).partition(|row| row.seq <= seq);
        let (state, dead) = fold(before.into_iter());
        (state, dead, behind.iter().map(|row| row.id).collect())
    }

    /// Whether the row at `seq` on the way to a point is one of `ids`, and not struck out.
    pub(crate) fn way_has(&self, point: Point, seq: u64, ids: impl Fn(&Id) -> bool) -> bool {
        let struck = &self.moments[&point.h].struck;
        let rows = self.way(point);
        rows.iter().any(|row| row.seq == seq && ids(&row.id) && !struck.contains(&row.id))
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
            self.check_condition(&entry)?;
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
            if entry.kind == Kind::Event && entry.body.text().is_some() {
                self.ops.insert(entry.id, Op::parse(entry.text()));
            }
            if entry.kind == Kind::Erased {
                self.erased.extend(entry.text().parse::<Id>().ok());
            }
            self.facts.note(&entry);
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
        let op = self.ops.get(&entry.id).filter(|_| entry.kind == Kind::Event).cloned();
        let row = Rc::new(Step { seq: point.seq, id: entry.id, op });
        let before = &self.moments[&self.head.h];
        let mut moment =
            Moment { seq: point.seq, step: Some((self.head.h, Rc::clone(&row))), ..before.clone() };
        if let Some(op) = &row.op {
            if !op.apply(point.seq, Rc::make_mut(&mut moment.state)) {
                Rc::make_mut(&mut moment.dead).push(point.seq);
            }
            moment.newer = moment.newer.or((op.tv() > 1).then_some(point.seq));
        }
        let strikes = matches!(entry.kind, Kind::Void | Kind::Erased);
        if let (true, Ok(id)) = (strikes, entry.text().parse::<Id>()) {
            Rc::make_mut(&mut moment.struck).insert(id);
        }
        let struck = Rc::clone(&moment.struck);
        self.moments.insert(point.h, moment);
        if strikes {
            // from the beginning: the naive engine knows no better
            let rows = self.way(point);
            let counts = |row: &&Rc<Step>| row.op.is_some() && !struck.contains(&row.id);
            let rows: Vec<_> = rows.iter().filter(counts).collect();
            let (state, dead) = fold(rows.iter().copied());
            let newer = rows.iter().find(|row| row.op.as_ref().is_some_and(|op| op.tv() > 1));
            let newer = newer.map(|row| row.seq);
            let (state, dead) = (Rc::new(state), Rc::new(dead));
            self.moments.entry(point.h).and_modify(|m| {
                (m.state, m.dead, m.newer) = (state, dead, newer);
            });
        }
    }

    /// The server was put back: begins the present log again with these rows.
    pub(crate) fn roll_back(&mut self, rows: Vec<(Entry, Point)>) -> Result<(), String> {
        self.first.clear();
        self.counted.clear();
        self.log.clear();
        self.numbers.clear();
        self.facts = Facts::default();
        self.head = chain::start("sim");
        self.points = vec![self.head.h];
        self.extend(rows)
    }
}

/// The state that these events make, and the positions of those that throw.
fn fold<'a>(rows: impl Iterator<Item = &'a Rc<Step>>) -> (State, Vec<u64>) {
    let (mut state, mut dead) = (State::new(), Vec::new());
    for row in rows {
        if row.op.as_ref().is_some_and(|op| !op.apply(row.seq, &mut state)) {
            dead.push(row.seq);
        }
    }
    (state, dead)
}
