//! A world: replicas, one server, a network and a clock, all in one thread and ruled by a seed.

use super::MOST_REQUESTS;
use super::dice::Dice;
use super::faults::{Counters, Rates, Seen};
use super::history::History;
use super::mishaps::{Copy, Regime};
use super::mutants::Mutant;
use super::net::{Event, Net, Sent};
use super::node::Node;
use super::origin::Origin;
use super::process::Process;
use super::trace::Trace;
use tidelog::sync::client::{State, Tick};

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
    /// How often the server was put back.
    pub(crate) era: u64,
    /// What its operators do for a while.
    pub(crate) regime: Regime,
    /// Most events it takes in a push.
    pub(crate) limit: usize,
    /// Tokens below this number have run out.
    pub(crate) tokens: u64,
    /// What the witness saw.
    pub(crate) history: History,
    /// What is under way.
    pub(crate) net: Net,
    /// What happened.
    pub(crate) trace: Trace,
    /// Whether the clocks on the walls jump, by dice of their own.
    pub(crate) wild: bool,
    pub(crate) clocks: Dice,
    /// The nodes that did something in this step, a bit for each.
    pub(crate) touched: u32,
    /// The first thing that went wrong.
    failure: Option<String>,
    /// Older copies of the server.
    pub(crate) backups: Vec<O>,
    /// Pushes that arrived lately: some come again after the server was put back.
    pub(crate) recent: Vec<Sent>,
    /// Older copies of replicas.
    pub(crate) copies: Vec<Copy<P>>,
    pub(super) polls: u64,
}

impl<P: Process, O: Origin> World<P, O> {
    /// The world of a seed.
    pub(crate) fn new(seed: u64, mutant: Mutant, wild: bool, trace: Trace) -> Self {
        let mut dice = Dice::new(seed);
        let rates = Rates::draw(&mut dice);
        let nodes = (0..dice.between(2, 5) as usize)
            .map(|user| {
                Node::new(P::create(Dice::new(dice.bits()), mutant), dice.chance(150), user)
            })
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
            era: 0,
            regime: Regime::Open,
            limit: usize::MAX,
            tokens: 1,
            history: History::new(),
            net: Net::default(),
            trace,
            wild,
            clocks: Dice::new(!seed),
            touched: 0,
            failure: None,
            backups: Vec::new(),
            recent: Vec::new(),
            copies: Vec::new(),
            polls: 0,
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
        let Rates { write, switch, kill, rollback, copy, regime, upgrade, operate, .. } =
            self.rates;
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
        } else if copy > 0 && self.dice.chance(copy) {
            self.meddle(i);
        } else if regime > 0 && self.dice.chance(regime) {
            self.reign();
        } else if upgrade > 0 && self.dice.chance(upgrade) {
            self.upgrade(i);
        } else if operate > 0 && self.dice.chance(operate) {
            self.operate()?;
        } else if self.dice.chance(10) && self.mutant != Mutant::NoDedupe {
            self.copy_somebody()?;
        } else {
            self.happen();
        }
        self.settle()
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
                self.sign_in(i);
            }
            self.seen(Seen::Woken);
        }
        self.nodes[i].calm.woken();
        self.drive(i);
    }

    /// After every step: what the server has is noted, and the replicas that acted are checked.
    fn settle(&mut self) -> Result<(), String> {
        self.note_server()?;
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let touched = std::mem::take(&mut self.touched);
        (0..self.nodes.len())
            .filter(|i| touched & (1 << i) != 0)
            .try_for_each(|i| self.check_node(i))
    }

    /// Takes note of what the server appended.
    pub(crate) fn note_server(&mut self) -> Result<(), String> {
        let rows = self.origin.rows(self.history.head.seq);
        if rows.is_empty() {
            return Ok(());
        }
        let pardoned = self.history.pardoned;
        self.history.extend(rows)?;
        (pardoned..self.history.pardoned).for_each(|_| self.seen(Seen::Pardoned));
        Ok(())
    }

    /// Everything is well from now on: every queue drains and every cursor reaches the head, in few
    /// requests.
    fn heal(&mut self) -> Result<(), String> {
        self.trace.note(format_args!("all is well from now on"));
        self.rates = self.rates.healed();
        self.down_until = 0;
        self.regime = Regime::Open;
        let before: Vec<u64> = self.nodes.iter().map(|n| n.requests).collect();
        for node in &mut self.nodes {
            node.slow = false;
            node.online = true;
            node.process.set_online(true);
            node.calm.woken();
        }
        (0..self.nodes.len()).for_each(|i| self.upgrade(i));
        let limit = self.limit;
        let waiting: Vec<u64> =
            self.nodes.iter().map(|n| (n.process.queued().len() / limit) as u64).collect();
        for round in 0..20_000 {
            if round % 20 == 0 {
                (0..self.nodes.len()).for_each(|i| self.help(i));
            }
            self.happen();
            self.settle()?;
            if round % 20 == 0 && (0..self.nodes.len()).all(|i| self.is_done(i)) {
                break;
            }
        }
        for (i, before) in before.iter().enumerate() {
            self.check_node(i)?;
            let status = self.nodes[i].process.status();
            if !self.is_done(i) {
                return Err(format!(
                    "drains: client {i} never drained: {status:?}, the head is {}",
                    self.history.head.seq
                ));
            }
            let used = self.nodes[i].requests - before;
            if used > MOST_REQUESTS + waiting[i] {
                return Err(format!(
                    "drains: client {i} needed {used} requests to drain: {status:?}"
                ));
            }
            self.nodes[i]
                .lineage
                .check_arrived(&self.history)
                .map_err(|e| format!("client {i}: {e}"))?;
            if self.dice.chance(200) {
                self.seen(Seen::Rebuilt);
                self.nodes[i].process.rebuild();
                self.check_node(i).map_err(|e| format!("after a rebuild: {e}"))?;
            }
            self.seen(Seen::Drained);
        }
        Ok(())
    }

    /// What a user does in the end: signs in again, or loads the new version. Refusals sent before
    /// the healing still arrive after it, so this is done now and then.
    fn help(&mut self, i: usize) {
        match self.nodes[i].phase() {
            State::NeedsUpgrade { .. } => self.kill(i),
            State::Fenced { .. } => self.sign_in(i),
            _ => {}
        }
        self.drive(i);
    }

    fn is_done(&self, i: usize) -> bool {
        let node = &self.nodes[i];
        match node.phase() {
            State::Live => {
                node.process.queued().is_empty()
                    && node.process.held().is_none()
                    && node.process.cursor().point() == self.history.head
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
