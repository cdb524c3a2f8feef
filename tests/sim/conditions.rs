//! Conditions of events, and rows of the server's own: how they come about, and what the outside
//! expects of them. It reads conditions by itself and shares no code with the rules under test.

use super::dice::Dice;
use super::faults::Seen;
use super::history::History;
use super::origin::Origin;
use super::process::Process;
use super::workload::Op;
use super::world::World;
use std::collections::HashSet;
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::wire::{Entry, Kind, Point, Push};

/// What the server's operators have it do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// An event counts no longer.
    Void(Id),
    /// The same, and its body goes.
    Erase(Id),
    /// Rows may be gone up to there.
    Trim(u64),
}

/// A condition as its author made it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// What the author had read.
    read: Point,
    since: u64,
}

/// A condition as the outside reads it.
#[derive(Debug)]
struct Plain {
    since: u64,
    id: Option<String>,
    mine: Vec<String>,
}

impl Plain {
    fn of(x: &str) -> Plain {
        let json: serde_json::Value = serde_json::from_str(x).expect("a condition is JSON");
        let mine = json["mine"].as_array().cloned().unwrap_or_default();
        Plain {
            since: json["since"].as_u64().expect("a position"),
            id: json["match"]["id"].as_str().map(String::from),
            mine: mine.iter().filter_map(|name| name.as_str().map(String::from)).collect(),
        }
    }
}

/// A condition that nothing happened to the op's document, or to any, since `read` or a little
/// before.
pub(crate) fn draw(dice: &mut Dice, op: &Op, read: Point) -> (String, Asked) {
    let since = read.seq - if dice.chance(300) { dice.below(read.seq.min(8) + 1) } else { 0 };
    let with = match dice.chance(800) {
        true => format!(r#","match":{{"id":"{}"}}"#, op.id),
        false => String::new(),
    };
    (format!(r#"{{"since":{since},"types":["change"]{with}}}"#), Asked { read, since })
}

/// What the present log means for conditions.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Events that were erased up to the head.
    erased: HashSet<Id>,
    /// Rows up to there may be gone.
    floor: u64,
}

impl Facts {
    /// Takes note of a row.
    pub(crate) fn note(&mut self, row: &Entry) {
        match row.kind {
            Kind::Erased => self.erased.extend(row.text().parse::<Id>().ok()),
            Kind::Trim => self.floor = self.floor.max(row.text().parse().unwrap_or(0)),
            _ => {}
        }
    }
}

impl History {
    /// The first event that the row's condition fails by; `Err` is a trim.
    fn hit(&self, row: &Entry, plain: &Plain) -> Result<Option<Id>, ()> {
        if plain.since < self.facts.floor {
            return Err(());
        }
        let foreign = |other: &Entry| {
            other.client != row.client && !plain.mine.contains(&other.client.to_string())
        };
        let matches = |other: &Entry| {
            self.facts.erased.contains(&other.id)
                || plain
                    .id
                    .as_ref()
                    .is_none_or(|id| self.ops.get(&other.id).is_some_and(|op| op.id == *id))
        };
        let between = self.log.iter().skip(plain.since as usize);
        let found = between
            .filter(|other| other.kind == Kind::Event && foreign(other))
            .find(|other| matches(other));
        Ok(found.map(|other| other.id))
    }

    /// A row that is about to be noted is what its condition makes of it, and the condition is one
    /// that its author could make.
    pub(crate) fn check_condition(&self, row: &Entry) -> Result<(), String> {
        let conflict = row.kind == Kind::Rej && row.code.as_deref() == Some("CONFLICT");
        let Some(x) = row.x.as_deref() else {
            return if conflict {
                Err(format!("conditions_hold: {} had no condition", row.id))
            } else {
                Ok(())
            };
        };
        let plain = Plain::of(x);
        if let Some(asked) = self.asked.get(&row.id) {
            let most = asked.since.min(self.lost(asked.read).0);
            if plain.since > most {
                let since = plain.since;
                return Err(format!(
                    "conditions_hold: {} looks back to {since}, its author knew {most}",
                    row.id
                ));
            }
        }
        match (self.hit(row, &plain), row.kind) {
            (Ok(None), Kind::Event) | (Err(()), Kind::Rej)
                if !conflict || row.reference.is_none() =>
            {
                Ok(())
            }
            (Ok(Some(id)), Kind::Rej) if conflict && row.reference == Some(id) => Ok(()),
            (_, Kind::Rej) if !conflict => Ok(()),
            (_, Kind::Dup) => Ok(()),
            (hit, _) => Err(format!("conditions_hold: {row:?} where its condition meets {hit:?}")),
        }
    }
}

impl<P: Process, O: Origin> World<P, O> {
    /// A client's push names all its former names, and no condition of an event that had been
    /// confirmed.
    pub(crate) fn check_push(&mut self, i: usize, text: &str) -> Result<(), String> {
        let Ok(push) = Push::parse(text) else { return Ok(()) };
        let me = self.nodes[i].process.me();
        self.nodes[i].lineage.called(me);
        let lineage = &self.nodes[i].lineage;
        for entry in &push.entries {
            let Some(x) = &entry.x else { continue };
            self.counters.add(Seen::ConditionPushed);
            if lineage.was_confirmed(&entry.id) {
                return Err(format!(
                    "conditions_hold: {} was confirmed, and has its condition",
                    entry.id
                ));
            }
            let former = lineage.former();
            let named: Vec<String> = former.iter().map(ClientId::to_string).collect();
            if Plain::of(x).mine != named {
                return Err(format!(
                    "conditions_hold: {x} is not of one that was called {named:?}"
                ));
            }
        }
        Ok(())
    }

    /// The server's operators void or erase an event, or announce a trim.
    pub(crate) fn operate(&mut self) -> Result<(), String> {
        let head = self.history.head.seq;
        if head == 0 {
            return Ok(());
        }
        let row = &self.history.log[self.dice.below(head) as usize];
        let order = match self.dice.below(5) {
            0 | 1 => Order::Void(row.id),
            2 | 3 => Order::Erase(row.id),
            _ => Order::Trim(self.dice.between(1, head)),
        };
        self.trace.note(format_args!("operators: {order:?}"));
        if self.origin.operate(order).map_err(|e| format!("{order:?}: {e}"))? {
            self.seen(match order {
                Order::Void(_) => Seen::Voided,
                Order::Erase(_) => Seen::Erased,
                Order::Trim(_) => Seen::Trimmed,
            });
            self.note_server()?;
            self.wake_polls();
        }
        Ok(())
    }
}
