//! One replica in the world: its durable side, its machine, and the driver between them, which can
//! die anywhere.

use super::calm::Calm;
use super::conditions;
use super::faults::Seen;
use super::lineage::Lineage;
use super::mutants::Mutant;
use super::net::Event;
use super::origin::Origin;
use super::process::{Process, Step};
use super::workload::Op;
use super::world::World;
use tidelog::sync::backoff;
use tidelog::sync::client::{State as Phase, Tick};
use tidelog::sync::id::Id;
use tidelog::sync::refusal::Refusal;

/// A replica and what the outside knows of it.
#[derive(Debug)]
pub(crate) struct Node<P> {
    /// Its process and what is durable.
    pub(crate) process: P,
    /// How often the process was started.
    pub(crate) life: u32,
    /// The offline switch, which the application sets again after a restart.
    pub(crate) online: bool,
    /// Every answer takes ten times as long.
    pub(crate) slow: bool,
    /// The timer that is set.
    pub(crate) timer: Option<u64>,
    /// What the outside knows of it.
    pub(crate) lineage: Lineage,
    /// Whose it is: clones are the same person's.
    pub(crate) user: usize,
    /// The token it was given last, 0 for none; a later one is a greater number.
    pub(crate) token: u64,
    /// How it asks.
    pub(crate) calm: Calm,
    /// The version of the application.
    pub(crate) version: u32,
    /// How wrong the clock on its wall is.
    skew: i64,
    /// The request in flight if it is a push, and the last number in it.
    pushed: Option<(u64, u64)>,
    /// Requests sent.
    pub(crate) requests: u64,
}

impl<P: Process> Node<P> {
    /// A replica's first process.
    pub(crate) fn new(process: P, slow: bool, user: usize) -> Node<P> {
        Node {
            process,
            life: 0,
            online: true,
            slow,
            timer: None,
            lineage: Lineage::default(),
            user,
            token: 0,
            calm: Calm::default(),
            version: 1,
            skew: 0,
            pushed: None,
            requests: 0,
        }
    }

    /// The machine's state.
    pub(crate) fn phase(&self) -> Phase {
        self.process.status().state
    }
}

impl<P: Process, O: Origin> World<P, O> {
    /// The process dies and starts again with what is durable.
    pub(crate) fn kill(&mut self, i: usize) {
        let dice = self.fresh_dice();
        self.trace.note(format_args!("kill {i}"));
        self.nodes[i].process.reopen(dice);
        self.boot(i);
    }

    /// Its process begins.
    pub(crate) fn boot(&mut self, i: usize) {
        self.touched |= 1 << i;
        let node = &mut self.nodes[i];
        node.calm.admitted();
        node.process.set_online(node.online);
        node.life += 1;
        let (life, at) = (node.life, self.now + 1);
        node.timer = Some(at);
        self.net.put(at, Event::Timer { node: i, life, at });
    }

    /// The application's next version is started.
    pub(crate) fn upgrade(&mut self, i: usize) {
        if self.nodes[i].version > 1 {
            return;
        }
        let held = self.nodes[i].process.held().is_some();
        self.seen(if held { Seen::UpgradedWhileHeld } else { Seen::Upgraded });
        self.nodes[i].version = 2;
        self.nodes[i].process.set_version(2);
        self.kill(i);
    }

    /// The application makes an event, or tries again with one that never resolved.
    pub(crate) fn write(&mut self, i: usize) {
        self.touched |= 1 << i;
        let again = self.nodes[i].lineage.again();
        if again.is_some() {
            self.seen(Seen::RetriedById);
        }
        let (fresh, version) = (again.is_none(), self.nodes[i].version);
        let (id, op) = again.unwrap_or_else(|| {
            (Id::from_bytes(self.dice.bytes()), Op::draw(&mut self.dice, version))
        });
        if fresh {
            self.nodes[i].lineage.attempt(id, op.clone());
        }
        let ts = self.wall_clock(i);
        let armed = self.arm(i);
        let x = self.condition(i, id, &op, fresh);
        let taken = self.nodes[i].process.dispatch(id, &op, ts, x.as_deref());
        self.trace.note(format_args!("write {i} {id} {op:?} {x:?} {taken}"));
        if armed && self.nodes[i].process.caught() {
            // whether it was durable, only the next process will see
            self.seen(Seen::KilledMidWrite);
            self.nodes[i].lineage.leave(id, op);
            return self.kill(i);
        }
        if !taken {
            return self.seen(Seen::ThrownLocally);
        }
        self.seen(Seen::Dispatched);
        if self.dice.chance(self.rates.kill) {
            self.seen(Seen::KilledBeforeResolving);
            self.nodes[i].lineage.leave(id, op);
            return self.kill(i);
        }
        self.nodes[i].lineage.resolve(id);
        self.nodes[i].calm.prodded();
        self.drive(i);
    }

    /// A condition of a new event, now and then.
    fn condition(&mut self, i: usize, id: Id, op: &Op, fresh: bool) -> Option<String> {
        if !fresh || !self.dice.chance(self.rates.condition) {
            return None;
        }
        self.seen(Seen::ConditionMade);
        let read = self.nodes[i].process.cursor().point();
        let (x, asked) = conditions::draw(&mut self.dice, op, read);
        self.history.asked.insert(id, asked);
        Some(x)
    }

    /// What the clock on the wall of client `i` shows. Its own dice: in a tame world all else is
    /// the same.
    fn wall_clock(&mut self, i: usize) -> i64 {
        const TEN_YEARS: u64 = 315_576_000_000;
        let (jumps, to) =
            (self.clocks.chance(100), self.clocks.below(2 * TEN_YEARS) as i64 - TEN_YEARS as i64);
        if jumps && self.wild {
            // not traced: a tame world has the same trace
            self.counters.add(Seen::ClockJumped);
            self.nodes[i].skew = to;
        }
        1_700_000_000_000 + self.now as i64 + self.nodes[i].skew
    }

    /// Does what the machine says until it waits: the driver of a real client, with a sudden death
    /// at each seam.
    pub(crate) fn drive(&mut self, i: usize) {
        self.touched |= 1 << i;
        // a machine that never waits would spin for ever: that is a failure of its own
        for _ in 0..1000 {
            let tick = self.tick();
            let node = &mut self.nodes[i];
            let step = match node.process.poll(tick) {
                Ok(step) => step,
                Err(e) => return self.fail(format!("poll: {e}")),
            };
            match &step {
                // a request is told where it leaves
                Step::Send(request) => {
                    self.trace.note(format_args!("sends {i} {:?}", request.sent))
                }
                step => self.trace.note(format_args!("step {i} {step:?}")),
            }
            self.note_phase(i);
            match step {
                Step::Wait(until) => return self.set_timer(i, until),
                Step::Abort => {}
                Step::Token { refused } => self.give_token(i, tick, refused),
                Step::Send(request) => {
                    self.nodes[i].pushed = request.sent.map(|n| (request.id, n));
                    if let Some(n) = request.sent {
                        self.nodes[i].process.mark_sent(n);
                        if self.dice.chance(self.rates.kill) {
                            self.seen(Seen::KilledBetweenMarkAndSend);
                            return self.kill(i);
                        }
                    }
                    self.nodes[i].requests += 1;
                    if let Err(e) = self.check_push(i, &request.body) {
                        return self.fail(format!("client {i}: {e}"));
                    }
                    if let Err(e) = self.nodes[i].calm.ask(self.now) {
                        return self.fail(format!("drains: client {i}: {e}"));
                    }
                    self.send(i, request);
                }
                Step::Apply => {
                    if !self.carry_out(i, tick) {
                        return;
                    }
                }
            }
        }
        self.fail(format!("client {i} acts without end: {:?}", self.nodes[i].phase()));
    }

    /// Has a change carried out; false when the process died meanwhile.
    fn carry_out(&mut self, i: usize, tick: Tick) -> bool {
        if self.dice.chance(self.rates.kill) {
            self.seen(Seen::KilledBeforeApply);
            self.kill(i);
            return false;
        }
        let armed = self.arm(i);
        if self.dice.chance(self.rates.kill / 2) {
            let k = self.dice.below(4);
            self.nodes[i].process.break_write(k);
        }
        let (name, before) = (self.nodes[i].process.me(), self.nodes[i].process.cursor());
        let seen = match self.nodes[i].process.apply(tick) {
            Ok(seen) => seen,
            Err(e) => {
                self.fail(e);
                return false;
            }
        };
        // not traced: what they tell is not to be seen from outside of a shipped replica
        seen.into_iter().for_each(|what| self.counters.add(what));
        let cursor = self.nodes[i].process.cursor();
        let (rewound, renamed) = (cursor.seq < before.seq, self.nodes[i].process.me() != name);
        let mid = self.nodes[i].process.caught() && armed;
        if mid || self.dice.chance(self.rates.kill) {
            self.seen(match () {
                () if !mid => Seen::KilledAfterApply,
                () if rewound => Seen::KilledMidRewind,
                () if renamed => Seen::KilledMidIdentify,
                () => Seen::KilledMidWrite,
            });
            self.kill(i);
            return false;
        }
        self.nodes[i].process.applied();
        if rewound && let Err(e) = self.nodes[i].calm.rewind(self.now) {
            self.fail(format!("drains: client {i}: {e}"));
        }
        self.nodes[i].calm.reach(cursor.h);
        true
    }

    /// Now and then, has the replica's next transaction die at one of its writes.
    fn arm(&mut self, i: usize) -> bool {
        let status = self.nodes[i].process.status();
        let heals = self.rates.kill > 0
            && (status.state == Phase::Resume || status.error == Some("DIVERGED"));
        let armed = self.dice.chance(if heals { 250 } else { self.rates.kill });
        if armed {
            // most transactions write twice
            let most = [3, 12][self.dice.below(2) as usize];
            let k = self.dice.below(most);
            self.nodes[i].process.arm(k);
        }
        armed
    }

    /// An answer reaches the machine.
    pub(crate) fn answer(&mut self, i: usize, life: u32, request: u64, status: u16, body: &str) {
        let tick = self.tick();
        let (same_life, expected) =
            (life == self.nodes[i].life, self.nodes[i].process.in_flight() == Some(request));
        if !same_life {
            // The process that asked is dead. Once in a while its answer is given to the next one
            // all the same, which must make nothing of it: acks are hints.
            if status != 200 || !self.dice.chance(300) {
                return;
            }
            self.seen(Seen::AnswerOfAFormerLife);
        }
        if same_life && !expected {
            self.seen(Seen::LateAnswerDropped);
        }
        if expected {
            match status {
                403 => self.nodes[i].calm.bar("that it may not"),
                426 => self.nodes[i].calm.bar("that it is too old"),
                _ => {}
            }
        }
        if let (true, Refusal::Busy { retry_ms: Some(ms) }) =
            (expected, Refusal::parse(status, body))
        {
            let until = self.now + ms.min(backoff::ASKED_MS);
            self.nodes[i].calm.put_off(until);
        }
        let pushed =
            self.nodes[i].pushed.filter(|(id, _)| expected && *id == request).map(|(_, n)| n);
        let (status, body) = self.bend(i, status, body, pushed);
        self.nodes[i].process.handle(tick, request, status, &body);
        if self.mutant == Mutant::NoBackOff && expected {
            self.nodes[i].process.wake();
        }
        self.drive(i);
    }

    /// The connection broke before an answer came.
    pub(crate) fn broken(&mut self, i: usize, life: u32, request: u64) {
        if life == self.nodes[i].life {
            let tick = self.tick();
            self.nodes[i].process.failed(tick, request);
            self.drive(i);
        }
    }

    fn give_token(&mut self, i: usize, tick: Tick, refused: bool) {
        let refuse = self.rates.refuse;
        if self.dice.chance(refuse) {
            self.seen(Seen::TokenDenied);
            return self.nodes[i].process.failed_token(tick);
        }
        if self.dice.chance(refuse) {
            // the machine's own timeout must get it out of this
            return self.seen(Seen::TokenHung);
        }
        // an application keeps its token as long as nobody refuses it
        if refused || self.nodes[i].token == 0 {
            self.nodes[i].token = self.tokens;
        }
        self.nodes[i].process.token();
    }

    /// The application has the user sign in again.
    pub(crate) fn sign_in(&mut self, i: usize) {
        self.nodes[i].token = self.tokens;
        self.nodes[i].calm.admitted();
        self.nodes[i].process.token();
    }

    fn set_timer(&mut self, i: usize, until: Option<u64>) {
        let life = self.nodes[i].life;
        self.nodes[i].timer = until;
        if let Some(at) = until {
            if at <= self.now {
                return self.fail(format!("client {i} waits for {at}, it is {}", self.now));
            }
            self.net.put(at, Event::Timer { node: i, life, at });
        }
    }

    fn note_phase(&mut self, i: usize) {
        let status = self.nodes[i].process.status();
        self.seen(match status.state {
            Phase::Offline => Seen::Offline,
            Phase::CatchUp => Seen::CatchUp,
            Phase::Live => Seen::Live,
            Phase::Fenced { .. } => Seen::Fenced,
            Phase::NeedsUpgrade { .. } => Seen::NeedsUpgrade,
            Phase::Resume => Seen::Resuming,
            // only a snapshot would help it, and nothing is trimmed here
            Phase::Stopped { code } => return self.fail(format!("client {i} stopped: {code:?}")),
        });
        if status.error == Some("GAP") {
            self.seen(Seen::Gap);
        }
    }
}
