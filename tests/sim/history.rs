//! Every history the server ever had, as a tree over the chain, with the state the naive engine has at each point.
//!
//! The outside witness: it sees what is durable at the server and remembers it when the server does not.

use super::workload::{Op, State};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use tidelog::sync::chain;
use tidelog::sync::id::{ClientId, Hash, Id};
use tidelog::sync::wire::{Ev, Kind, Point};

/// One point of a history.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// Its position.
    pub(crate) seq: u64,
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
    pub(crate) log: Vec<Ev>,
    /// Ids in the present log.
    pub(crate) ids: HashSet<Id>,
    /// Ids that were in a log that was rolled back.
    pub(crate) rolled_back: HashSet<Id>,
    counted: HashSet<Id>,
    /// The present log's ids of each client, in order.
    pub(crate) by_client: HashMap<ClientId, Vec<Id>>,
}

impl History {
    /// Before the first event.
    pub(crate) fn new() -> History {
        let head = chain::start("sim");
        let first = Moment { seq: 0, state: Rc::default(), dead: Rc::default() };
        History {
            moments: HashMap::from([(head.h, first)]),
            head,
            log: Vec::new(),
            ids: HashSet::new(),
            rolled_back: HashSet::new(),
            counted: HashSet::new(),
            by_client: HashMap::new(),
        }
    }

    /// The point of a chain hash, if it was ever one.
    pub(crate) fn at(&self, point: Point) -> Option<&Moment> {
        self.moments.get(&point.h).filter(|m| m.seq == point.seq)
    }

    /// Takes note of rows after the head; the oracles I2, I3 and I7 of the server's side.
    pub(crate) fn extend(&mut self, rows: Vec<(Ev, Point)>) -> Result<(), String> {
        for (ev, point) in rows {
            let expected = chain::step(self.head, &ev);
            if expected != point {
                return Err(format!("I7: the stored chain at {} is not the one of its row", point.seq));
            }
            let of_client = self.by_client.entry(ev.c).or_default();
            of_client.push(ev.id);
            if of_client.len() as u64 != ev.n {
                return Err(format!("I3: row {} of {} has number {}", of_client.len(), ev.c, ev.n));
            }
            if ev.k == Kind::E && !self.counted.insert(ev.id) {
                return Err(format!("I2: {} counts twice, again at {}", ev.id, point.seq));
            }
            self.ids.insert(ev.id);
            let before = &self.moments[&self.head.h];
            let (mut state, mut dead) = (before.state.clone(), before.dead.clone());
            if ev.k == Kind::E && !Op::parse(&ev.b).apply(Rc::make_mut(&mut state)) {
                Rc::make_mut(&mut dead).push(point.seq);
            }
            self.moments.insert(point.h, Moment { seq: point.seq, state, dead });
            self.head = point;
            self.log.push(ev);
        }
        Ok(())
    }

    /// The server was put back: begins the present log again with these rows.
    pub(crate) fn roll_back(&mut self, rows: Vec<(Ev, Point)>) -> Result<(), String> {
        self.rolled_back.extend(self.ids.drain());
        self.counted.clear();
        self.log.clear();
        self.by_client.clear();
        self.head = chain::start("sim");
        self.extend(rows)
    }
}
