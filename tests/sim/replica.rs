//! What a simulation asks of a replica's durable side, and one in memory.
//!
//! The one in memory keeps undo records and inverts them, as the real one does, so that a wrong plan shows.

use super::Mutant;
use super::dice::Dice;
use super::workload::{Op, State};
use tidelog::error::Result;
use tidelog::sync::client::{Identify, Queue, Rewind, Start};
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::merge::{self, Role};
use tidelog::sync::wire::{At, Kind, Outgoing, Page, Point};
use tidelog::sync::{chain, limits, resume};

/// What applying a page came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    /// As in the plan.
    pub(crate) fork: Option<u64>,
    /// Whether pending events were undone.
    pub(crate) rebased: bool,
    /// How many rows threw at their final position.
    pub(crate) dead: usize,
    /// How many pending events have no effect where they stand now.
    pub(crate) erring: usize,
}

/// The durable side of one replica. Each method is one transaction.
pub(crate) trait Replica: Queue + Sized {
    /// A new replica of log `sim`; all its chance comes from the dice.
    fn create(dice: Dice, mutant: Mutant) -> Self;
    /// Makes an event; resolves to whether it was taken. One that is there already is taken again without effect.
    fn dispatch(&mut self, id: Id, op: &Op) -> bool;
    /// Marks events up to `n` as sent.
    fn mark_sent(&mut self, n: u64);
    /// Applies a page.
    fn apply(&mut self, page: &Page) -> Result<Applied>;
    /// Goes back to where the server's history and this one part.
    fn rewind(&mut self, rewind: &Rewind) -> Result<()>;
    /// Sees to it that what is pending can be pushed; gives the new name if there is one.
    fn identify(&mut self, identify: &Identify) -> Result<Option<ClientId>>;
    /// Its name and cursor, where its machine starts.
    fn start(&self) -> Start;
    /// Dies and comes back with what is durable.
    fn reopen(&mut self, dice: Dice);
    /// Another replica on a copy of what is durable.
    fn copy(&self, dice: Dice) -> Self;
    /// Before its `k`-th write from now, remembers what a death there would leave for the next [`Self::reopen`].
    fn arm(&mut self, _k: u64) {}
    /// Whether there were so many writes.
    fn caught(&mut self) -> bool {
        false
    }
    /// The derived state.
    fn state(&self) -> State;
    /// The pending events, in order.
    fn queued(&self) -> Vec<(Id, Op)>;
    /// How many of them are marked as sent.
    fn sent(&self) -> usize;
    /// The positions of events that threw for good.
    fn dead(&self) -> Vec<u64>;
    /// What a client must never do; only mutants call it.
    fn drop_pending(&mut self) {}
    /// The second half of the mutant that stores the cursor in a transaction of its own.
    fn settle_cursor(&mut self) {}
}

#[derive(Debug, Clone)]
struct Pending {
    out: Outgoing,
    op: Op,
    sent: bool,
    /// The documents it changed, as they were before; `None` when it threw.
    undo: Option<State>,
}

/// A replica made of vectors.
#[derive(Debug, Clone)]
pub(crate) struct InMemory {
    me: ClientId,
    dice: Dice,
    mutant: Mutant,
    cursor: At,
    top: u64,
    /// Up to where it must read before it pushes.
    asof: Option<u64>,
    pending: Vec<Pending>,
    /// Everybody's events up to the cursor, as far as they count.
    log: Vec<Option<Op>>,
    /// Own events of the log and where they are.
    own: Vec<(u64, ClientId, Pending)>,
    known: Vec<Point>,
    seen: std::collections::HashSet<Id>,
    state: State,
    dead: Vec<u64>,
    /// With the mutant that stores the cursor in a transaction of its own: what it will be.
    late_cursor: Option<At>,
}

/// The state before `op` of the one document it touches.
fn run(op: &Op, state: &mut State) -> Option<State> {
    let before = state.get(&op.id).map(|doc| (op.id.clone(), doc.clone())).into_iter().collect();
    op.apply(state).then_some(before)
}

impl InMemory {
    fn undo(&mut self, from: usize) {
        for pending in self.pending[from..].iter().rev() {
            if let Some(before) = &pending.undo {
                self.state.remove(&pending.op.id);
                self.state.extend(before.clone());
            }
        }
    }

    fn carry_out(&mut self, page: &Page) -> Applied {
        let mut ids: Vec<Id> = self.pending.iter().map(|p| p.out.id).collect();
        if self.mutant == Mutant::ConfirmByPosition {
            // takes the i-th row of the page for the i-th pending event, whatever it is
            for (id, row) in ids.iter_mut().zip(&page.evs) {
                *id = row.id;
            }
        }
        let plan = merge::plan(&self.me, &ids, &page.evs);
        if plan.rebase {
            self.undo(plan.keep);
        }
        let mut dead = 0;
        for ((i, row), role) in page.evs.iter().enumerate().zip(&plan.roles) {
            let threw = match role {
                Role::InPlace(p) => self.pending[*p].undo.is_none(),
                role if role.applies() => run(&Op::parse(&row.b), &mut self.state).is_none(),
                _ => false,
            };
            if threw {
                dead += 1;
                self.dead.push(page.from.seq + i as u64 + 1);
            }
            if row.k == Kind::E || role.settles().is_some() {
                self.seen.insert(row.id);
            }
            self.log.push((row.k == Kind::E).then(|| Op::parse(&row.b)));
            if let Some(p) = role.settles() {
                self.own.push((page.from.seq + i as u64 + 1, self.me, self.pending[p].clone()));
            }
        }
        self.pending = plan.left.iter().map(|&i| self.pending[i].clone()).collect();
        if plan.rebase {
            for pending in &mut self.pending {
                pending.undo = run(&pending.op, &mut self.state);
            }
        }
        let erring = self.pending.iter().filter(|p| p.undo.is_none()).count();
        Applied { fork: plan.fork, rebased: plan.rebase, dead, erring }
    }
}

impl Queue for InMemory {
    fn top(&self) -> Result<u64> {
        Ok(self.top)
    }
    fn pending(&self) -> Result<u64> {
        Ok(self.pending.len() as u64)
    }
    fn known(&self) -> Result<Vec<Point>> {
        Ok(self.known.iter().rev().copied().chain([chain::start("sim")]).collect())
    }
    fn outgoing(&self, from_n: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Outgoing>> {
        let mut bytes = 0;
        let waiting = self.pending.iter().map(|p| &p.out).filter(|o| o.n >= from_n).take(max_events);
        let fits = waiting.enumerate().take_while(|(i, o)| {
            bytes += limits::size(&o.t, &o.b);
            *i == 0 || bytes <= max_bytes
        });
        Ok(fits.map(|(_, o)| o.clone()).collect())
    }
}

impl Replica for InMemory {
    fn create(mut dice: Dice, mutant: Mutant) -> InMemory {
        let start = chain::start("sim");
        InMemory {
            me: ClientId::from_bytes(dice.bytes()),
            dice,
            mutant,
            cursor: At { epoch: None, seq: start.seq, h: start.h },
            top: 0,
            asof: None,
            pending: Vec::new(),
            log: Vec::new(),
            own: Vec::new(),
            known: Vec::new(),
            seen: Default::default(),
            state: State::new(),
            dead: Vec::new(),
            late_cursor: None,
        }
    }
    fn start(&self) -> Start {
        Start { client: self.me, at: self.cursor, asof: self.asof }
    }
    fn dispatch(&mut self, id: Id, op: &Op) -> bool {
        if self.seen.contains(&id) || self.pending.iter().any(|p| p.out.id == id) {
            return true;
        }
        let Some(before) = run(op, &mut self.state) else { return false };
        self.top += 1;
        let out = Outgoing { id, n: self.top, t: "change".into(), tv: 1, b: op.body(), ts: None };
        self.pending.push(Pending { out, op: op.clone(), sent: false, undo: Some(before) });
        true
    }
    fn mark_sent(&mut self, n: u64) {
        self.pending.iter_mut().filter(|p| p.out.n <= n).for_each(|p| p.sent = true);
    }
    fn apply(&mut self, page: &Page) -> Result<Applied> {
        let applied = self.carry_out(page);
        let seqs: Vec<u64> = self.known.iter().map(|p| p.seq).chain([page.to.seq]).collect();
        self.known.extend((!page.evs.is_empty()).then_some(page.to));
        let keep = resume::keep(page.to.seq, &seqs);
        self.known.retain(|p| keep.contains(&p.seq));
        match self.mutant {
            Mutant::CursorNotAtomic => self.late_cursor = Some(page.cursor()),
            _ => self.cursor = page.cursor(),
        }
        Ok(applied)
    }
    fn rewind(&mut self, rewind: &Rewind) -> Result<()> {
        let Point { seq, h } = rewind.common;
        self.cursor = At { epoch: Some(rewind.epoch), seq, h };
        self.asof = Some(rewind.asof);
        self.log.truncate(seq as usize);
        self.known.retain(|p| p.seq <= seq);
        let (kept, lost): (Vec<_>, Vec<_>) = self.own.drain(..).partition(|(at, ..)| *at <= seq);
        self.own = kept;
        let back = lost.into_iter().map(|(_, client, mut p)| {
            // number 0: made under an older name
            p.out.n = if client == self.me { p.out.n } else { 0 };
            p
        });
        self.pending.splice(0..0, back);
        self.state.clear();
        self.dead.clear();
        for (i, op) in self.log.iter().enumerate() {
            if op.as_ref().is_some_and(|op| run(op, &mut self.state).is_none()) {
                self.dead.push(i as u64 + 1);
            }
        }
        for pending in &mut self.pending {
            pending.undo = run(&pending.op, &mut self.state);
        }
        Ok(())
    }
    fn identify(&mut self, identify: &Identify) -> Result<Option<ClientId>> {
        let numbers = self.pending.iter().map(|p| (p.out.n > 0).then_some(p.out.n));
        let renew = identify.renew || !resume::follows(identify.last, self.top, numbers);
        self.asof = None;
        if !renew {
            return Ok(None);
        }
        self.me = ClientId::from_bytes(self.dice.bytes());
        self.top = self.pending.len() as u64;
        self.pending.iter_mut().zip(1..).for_each(|(p, n)| p.out.n = n);
        Ok(Some(self.me))
    }
    fn reopen(&mut self, dice: Dice) {
        self.dice = dice;
        self.late_cursor = None;
    }
    fn copy(&self, dice: Dice) -> InMemory {
        InMemory { dice, late_cursor: None, ..self.clone() }
    }
    fn state(&self) -> State {
        self.state.clone()
    }
    fn queued(&self) -> Vec<(Id, Op)> {
        self.pending.iter().map(|p| (p.out.id, p.op.clone())).collect()
    }
    fn sent(&self) -> usize {
        self.pending.iter().filter(|p| p.sent).count()
    }
    fn dead(&self) -> Vec<u64> {
        self.dead.clone()
    }
    fn drop_pending(&mut self) {
        self.undo(0);
        self.pending.clear();
    }
    fn settle_cursor(&mut self) {
        if let Some(cursor) = self.late_cursor.take() {
            self.cursor = cursor;
        }
    }
}
