//! A world: replicas, one server, a network and a clock, all in one thread and ruled by a seed.

use super::dice::Dice;
use super::faults::{Counters, Rates, Seen};
use super::history::History;
use super::net::{Event, Net, Sent};
use super::node::Node;
use super::origin::Origin;
use super::process::Process;
use super::trace::Trace;
use super::{MOST_REQUESTS, Mutant};
use tidelog::sync::client::{State, Tick};
use tidelog::sync::id::ClientId;
use tidelog::sync::wire::{At, Outgoing, Push, to_json};

/// One simulated world.
#[derive(Debug)]
pub(crate) struct World<P, O> {
    /// All chance.
    pub(crate) dice: Dice,
    /// How likely what is.
    pub(crate) rates: Rates,
    /// What happened.
    pub(crate) counters: Counters,
    /// The rule that is left out, if any.
    pub(crate) mutant: Mutant,
    /// Virtual milliseconds.
    pub(crate) now: u64,
    /// The replicas.
    pub(crate) nodes: Vec<Node<P>>,
    /// The server's durable side.
    pub(crate) origin: O,
    /// The server is down until then.
    pub(crate) down_until: u64,
    /// Long polls the server holds, by number.
    pub(crate) held: Vec<(u64, Sent)>,
    /// What the witness saw.
    pub(crate) history: History,
    /// What is under way.
    pub(crate) net: Net,
    /// The first thing that went wrong.
    failure: Option<String>,
    /// Older copies of the server.
    backups: Vec<O>,
    pub(super) polls: u64,
    /// Everything that happens.
    pub(crate) trace: Trace,
}

impl<P: Process, O: Origin> World<P, O> {
    /// The world of a seed.
    pub(crate) fn new(seed: u64, mutant: Mutant, trace: Trace) -> Self {
        let mut dice = Dice::new(seed);
        let rates = Rates::draw(&mut dice);
        let nodes = (0..dice.between(2, 5))
            .map(|_| Node::new(P::create(Dice::new(dice.bits()), mutant), dice.chance(150)))
            .collect();
        World {
            dice,
            rates,
            counters: Counters::default(),
            mutant,
            now: 1,
            nodes,
            origin: O::create(mutant),
            down_until: 0,
            held: Vec::new(),
            history: History::new(),
            net: Net::default(),
            failure: None,
            backups: Vec::new(),
            polls: 0,
            trace,
        }
    }

    /// Runs so many steps, heals everything, and waits for all to agree.
    pub(crate) fn run(&mut self, steps: u64) -> Result<(), String> {
        for i in 0..self.nodes.len() {
            self.drive(i);
        }
        for step in 0..steps {
            self.step().map_err(|e| format!("step {step}: {e}"))?;
        }
        self.heal()
    }

    fn step(&mut self) -> Result<(), String> {
        let i = self.dice.below(self.nodes.len() as u64) as usize;
        let Rates { write, switch, kill, rollback, .. } = self.rates;
        if self.dice.chance(write) {
            self.write(i);
        } else if self.dice.chance(switch) {
            self.switch(i);
        } else if self.dice.chance(kill / 2) {
            self.seen(if self.nodes[i].process.in_flight().is_some() {
                Seen::KilledInFlight
            } else {
                Seen::KilledIdle
            });
            self.kill(i);
        } else if rollback > 0 && self.dice.chance(rollback) {
            self.roll_back()?;
        } else if self.dice.chance(10) {
            self.copy_somebody();
        } else {
            self.happen();
        }
        self.settle(i)
    }

    /// The next thing under way happens.
    fn happen(&mut self) {
        let Some((at, event)) = self.net.next() else { return };
        self.now = self.now.max(at);
        self.trace.note(format_args!("at {} {event}", self.now));
        match event {
            Event::Arrive(sent) => self.arrive(sent),
            Event::Answer { node, life, request, status, body } => {
                self.answer(node, life, request, status, &body)
            }
            Event::Broken { node, life, request } => self.broken(node, life, request),
            Event::PollEnd(poll) => self.end_poll(poll),
            Event::Timer { node, life, at } => {
                if self.nodes[node].life == life && self.nodes[node].timer == Some(at) {
                    self.nodes[node].timer = None;
                    self.drive(node);
                }
            }
        }
    }

    fn switch(&mut self, i: usize) {
        let node = &mut self.nodes[i];
        if !node.online || self.dice.chance(600) {
            node.online = !node.online;
            node.process.set_online(node.online);
            let what = if node.online { Seen::WentOnline } else { Seen::WentOffline };
            self.seen(what);
        } else {
            node.process.wake();
            if matches!(node.phase(), State::Fenced { .. }) {
                node.process.token();
            }
            self.seen(Seen::Woken);
        }
        self.drive(i);
    }

    /// Takes a backup, or puts one back.
    fn roll_back(&mut self) -> Result<(), String> {
        if self.backups.len() < 3 || self.dice.chance(500) {
            let copy = self.origin.backup();
            self.backups.push(copy);
            return Ok(());
        }
        self.seen(Seen::RolledBack);
        let i = self.dice.below(self.backups.len() as u64) as usize;
        self.origin = self.backups[i].backup();
        self.backups.truncate(i + 1);
        self.held.clear();
        self.history.roll_back(self.origin.rows(0))
    }

    /// Someone outside pushes an event of the log again under a name of its own: it must not count twice.
    fn copy_somebody(&mut self) {
        if self.history.log.is_empty() || self.mutant == Mutant::NoDedupe {
            return;
        }
        let client = ClientId::from_bytes([0xcc; 16]);
        let ev = &self.history.log[self.dice.below(self.history.log.len() as u64) as usize];
        let known = self.history.by_client.get(&client).map_or(0, Vec::len) as u64;
        let event = Outgoing { id: ev.id, n: known + 1, t: ev.t.clone(), tv: 1, b: ev.b.clone(), ts: None };
        let at = At { epoch: None, seq: self.history.head.seq, h: self.history.head.h };
        let push = Push { p: 1, client, at, evs: vec![event], want: Some(0) };
        let text = to_json(&push).unwrap_or_default();
        if self.origin.push("copycat", &text, false, 1).is_ok_and(|r| r.is_ok()) {
            self.seen(Seen::DupRow);
        }
    }

    /// After every step: what the server has is noted, and the replica that acted is checked.
    fn settle(&mut self, i: usize) -> Result<(), String> {
        self.note_server()?;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.check_node(i)
    }

    /// Takes note of what the server appended.
    pub(crate) fn note_server(&mut self) -> Result<(), String> {
        let rows = self.origin.rows(self.history.head.seq);
        if rows.is_empty() {
            return Ok(());
        }
        self.history.extend(rows)
    }

    /// Everything is well from now on: every queue drains and every cursor reaches the head, in few requests.
    fn heal(&mut self) -> Result<(), String> {
        self.rates = self.rates.healed();
        self.down_until = 0;
        let before: Vec<u64> = self.nodes.iter().map(|n| n.requests).collect();
        for node in &mut self.nodes {
            node.slow = false;
            node.online = true;
            node.process.set_online(true);
        }
        for round in 0..20_000 {
            if round % 20 == 0 {
                (0..self.nodes.len()).for_each(|i| self.help(i));
            }
            self.happen();
            self.note_server()?;
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if round % 20 == 0 && (0..self.nodes.len()).all(|i| self.is_done(i)) {
                break;
            }
        }
        for (i, before) in before.iter().enumerate() {
            self.check_node(i)?;
            let status = self.nodes[i].process.status();
            if !self.is_done(i) {
                return Err(format!(
                    "I10: client {i} never drained: {status:?}, the head is {}",
                    self.history.head.seq
                ));
            }
            let used = self.nodes[i].requests - before;
            if used > MOST_REQUESTS {
                return Err(format!("I10: client {i} needed {used} requests to drain: {status:?}"));
            }
            self.seen(Seen::Drained);
        }
        Ok(())
    }

    /// What a user does in the end: signs in again, or loads the new version. Refusals sent before the healing still
    /// arrive after it, so this is done now and then.
    fn help(&mut self, i: usize) {
        match self.nodes[i].phase() {
            State::NeedsUpgrade { .. } => self.kill(i),
            State::Fenced { .. } => self.nodes[i].process.token(),
            _ => {}
        }
        self.drive(i);
    }

    fn is_done(&self, i: usize) -> bool {
        let node = &self.nodes[i];
        match node.phase() {
            State::Live => {
                node.process.queued().is_empty() && node.process.cursor().point() == self.history.head
            }
            _ => false,
        }
    }

    /// Counts.
    pub(crate) fn seen(&mut self, what: Seen) {
        self.trace.note(format_args!("{what:?}"));
        self.counters.add(what);
    }

    /// Something went wrong; the step reports the first.
    pub(crate) fn fail(&mut self, what: String) {
        self.failure.get_or_insert(what);
    }

    /// All chance of a process that begins.
    pub(crate) fn fresh_dice(&mut self) -> Dice {
        Dice::new(self.dice.bits())
    }

    /// Time and chance for a machine.
    pub(crate) fn tick(&mut self) -> Tick {
        Tick { now: self.now, random: self.dice.bits() as u32 }
    }
}
