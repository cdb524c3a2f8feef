//! One replica in the world: its process, the driver around it, which can die anywhere, and what the outside knows.

use super::Mutant;
use super::faults::Seen;
use super::net::Event;
use super::process::{Process, Step};
use super::workload::Op;
use super::world::World;
use super::{origin::Origin, workload::State};
use tidelog::sync::client::{State as Phase, Tick};
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::wire::At;

/// A replica and what the outside knows of it.
#[derive(Debug)]
pub(crate) struct Node<P> {
    /// Machine and durable side.
    pub(crate) process: P,
    /// How often the process was started.
    pub(crate) life: u32,
    /// The offline switch, which the application sets again after a restart.
    pub(crate) online: bool,
    /// Every answer takes ten times as long.
    pub(crate) slow: bool,
    /// The timer that is set.
    pub(crate) timer: Option<u64>,
    /// Events whose dispatch resolved: the ledger of I1.
    pub(crate) ledger: Vec<Id>,
    /// Every event the application tried to make, in order, for I4.
    pub(crate) attempted: Vec<Id>,
    /// Made but never resolved, because the process died: the application tries again with the same id.
    pub(crate) unresolved: Option<(Id, Op)>,
    /// Requests sent.
    pub(crate) requests: u64,
}

/// What a replica holds.
#[derive(Debug)]
struct View {
    me: ClientId,
    cursor: At,
    queued: Vec<(Id, Op)>,
    state: State,
    dead: Vec<u64>,
}

impl<P: Process> Node<P> {
    /// A new replica's first process.
    pub(crate) fn new(process: P, slow: bool) -> Node<P> {
        Node {
            process,
            life: 0,
            online: true,
            slow,
            timer: None,
            ledger: Vec::new(),
            attempted: Vec::new(),
            unresolved: None,
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
        let node = &mut self.nodes[i];
        node.process.reopen(dice);
        node.process.set_online(node.online);
        node.life += 1;
        node.timer = None;
        let (life, at) = (node.life, self.now + 1);
        self.nodes[i].timer = Some(at);
        self.net.put(at, Event::Timer { node: i, life, at });
    }

    /// The application makes an event, or tries again with one that never resolved.
    pub(crate) fn write(&mut self, i: usize) {
        let again = self.nodes[i].unresolved.take();
        if again.is_some() {
            self.seen(Seen::RetriedById);
        }
        let fresh = again.is_none();
        let (id, op) = again.unwrap_or_else(|| (Id::from_bytes(self.dice.bytes()), Op::draw(&mut self.dice)));
        if fresh {
            self.nodes[i].attempted.push(id);
        }
        let armed = self.arm(i);
        let taken = self.nodes[i].process.dispatch(id, &op);
        self.trace.note(format_args!("write {i} {id} {op:?} {taken}"));
        if armed && self.nodes[i].process.caught() {
            // whether it was durable, only the next process will see
            self.seen(Seen::KilledMidWrite);
            self.nodes[i].unresolved = Some((id, op));
            return self.kill(i);
        }
        if !taken {
            return self.seen(Seen::ThrownLocally);
        }
        self.seen(Seen::Dispatched);
        if self.dice.chance(self.rates.kill) {
            self.seen(Seen::KilledBeforeResolving);
            self.nodes[i].unresolved = Some((id, op));
            return self.kill(i);
        }
        self.nodes[i].ledger.push(id);
        self.drive(i);
    }

    /// Does what the machine says until it waits: the driver of a real client, with a sudden death at each seam.
    pub(crate) fn drive(&mut self, i: usize) {
        // a machine that never waits would spin for ever: that is a failure of its own
        for _ in 0..1000 {
            let tick = self.tick();
            let step = match self.nodes[i].process.poll(tick) {
                Ok(step) => step,
                Err(e) => return self.fail(format!("poll: {e}")),
            };
            match &step {
                // a request is told where it leaves
                Step::Send(request) => self.trace.note(format_args!("sends {i} {:?}", request.sent)),
                step => self.trace.note(format_args!("step {i} {step:?}")),
            }
            self.note_phase(i);
            match step {
                Step::Wait(until) => return self.set_timer(i, until),
                Step::Abort => {}
                Step::Token => self.give_token(i, tick),
                Step::Send(request) => {
                    if let Some(n) = request.sent {
                        self.nodes[i].process.mark_sent(n);
                        if self.dice.chance(self.rates.kill) {
                            self.seen(Seen::KilledBetweenMarkAndSend);
                            return self.kill(i);
                        }
                    }
                    self.nodes[i].requests += 1;
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

    /// Carries out a change; false when the process died meanwhile.
    fn carry_out(&mut self, i: usize, tick: Tick) -> bool {
        if self.dice.chance(self.rates.kill) {
            self.seen(Seen::KilledBeforeApply);
            self.kill(i);
            return false;
        }
        let armed = self.arm(i);
        let seen = match self.nodes[i].process.apply(tick) {
            Ok(seen) => seen,
            Err(e) => {
                self.fail(e);
                return false;
            }
        };
        // not traced: what they tell is not to be seen from outside of a shipped replica
        seen.into_iter().for_each(|what| self.counters.add(what));
        let mid = armed && self.nodes[i].process.caught();
        if mid || self.dice.chance(self.rates.kill) {
            self.seen(if mid { Seen::KilledMidWrite } else { Seen::KilledAfterApply });
            self.kill(i);
            return false;
        }
        self.nodes[i].process.applied();
        self.look_at(i);
        true
    }

    /// Looks at what a replica holds, which goes into the trace.
    fn look_at(&mut self, i: usize) -> View {
        let process = &self.nodes[i].process;
        let view = View {
            me: process.me(),
            cursor: process.cursor(),
            queued: process.queued(),
            state: process.state(),
            dead: process.dead(),
        };
        self.trace.note(format_args!("node {i} sent {} {view:?}", process.sent()));
        view
    }

    /// Now and then, has the replica's next transaction die at one of its writes.
    fn arm(&mut self, i: usize) -> bool {
        let armed = self.dice.chance(self.rates.kill);
        if armed {
            let k = self.dice.below(12);
            self.nodes[i].process.arm(k);
        }
        armed
    }

    /// An answer reaches the machine.
    pub(crate) fn answer(&mut self, i: usize, life: u32, request: u64, status: u16, body: &str) {
        let tick = self.tick();
        let node = &mut self.nodes[i];
        if life != node.life {
            // The process that asked is dead. Once in a while its answer is given to the next one all the same,
            // which must make nothing of it: acks are hints.
            if status != 200 || !self.dice.chance(300) {
                return;
            }
            self.seen(Seen::AnswerOfAFormerLife);
        }
        if self.mutant == Mutant::PendingDropped && status != 200 {
            self.nodes[i].process.drop_pending();
        }
        if life == self.nodes[i].life && self.nodes[i].process.in_flight() != Some(request) {
            self.seen(Seen::LateAnswerDropped);
        }
        self.nodes[i].process.handle(tick, request, status, body);
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

    fn give_token(&mut self, i: usize, tick: Tick) {
        let refuse = self.rates.refuse;
        if self.dice.chance(refuse) {
            self.seen(Seen::TokenDenied);
            return self.nodes[i].process.failed_token(tick);
        }
        if self.dice.chance(refuse) {
            // the machine's own timeout must get it out of this
            return self.seen(Seen::TokenHung);
        }
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

    /// The oracles of one replica: I1, I4, I5 to I8 and I9.
    pub(crate) fn check_node(&mut self, i: usize) -> Result<(), String> {
        let View { me, cursor, queued: pending, state, dead } = self.look_at(i);
        let node = &self.nodes[i];
        let Some(moment) = self.history.at(cursor.point()) else {
            return Err(format!("I7: the cursor {} of client {i} was never a point of the log", cursor.seq));
        };
        for id in &node.ledger {
            let kept = self.history.ids.contains(id) || pending.iter().any(|(p, _)| p == id);
            if !kept && !self.history.rolled_back.contains(id) {
                return Err(format!("I1/I9: client {i} lost {id}, which it had said it had"));
            }
        }
        let mut attempts = node.attempted.iter();
        if let Some(mine) = self.history.by_client.get(&me)
            && let Some(wrong) = mine.iter().find(|id| !attempts.any(|a| a == *id))
        {
            return Err(format!("I4: {wrong} of client {i} is out of its author's order"));
        }
        let mut expected: State = State::clone(&moment.state);
        for (_, op) in &pending {
            op.apply(&mut expected);
        }
        if state != expected {
            return Err(format!(
                "I5/I6/I8: client {i} at {} with {} pending has {state:?}, the naive engine has {expected:?}",
                cursor.seq,
                pending.len()
            ));
        }
        if dead != *moment.dead {
            return Err(format!("I5: client {i} at {} disagrees about what threw", cursor.seq));
        }
        Ok(())
    }
}
