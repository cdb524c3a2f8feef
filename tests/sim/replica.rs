//! What a simulation asks of a replica's durable side, and one in memory.
//!
//! The one in memory keeps undo records and inverts them, as the real one does, so that a wrong plan shows.

use super::Mutant;
use super::workload::{Op, State};
use tidelog::error::Result;
use tidelog::sync::client::Queue;
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::merge::{self, Role};
use tidelog::sync::wire::{At, Kind, Outgoing, Page};
use tidelog::sync::{chain, limits};

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
    /// A new replica of log `sim`.
    fn create(me: ClientId, mutant: Mutant) -> Self;
    /// Its name.
    fn me(&self) -> ClientId;
    /// Its stored cursor.
    fn cursor(&self) -> At;
    /// Makes an event; resolves to whether it was taken. One that is there already is taken again without effect.
    fn dispatch(&mut self, id: Id, op: &Op) -> bool;
    /// Marks events up to `n` as sent.
    fn mark_sent(&mut self, n: u64);
    /// Applies a page.
    fn apply(&mut self, page: &Page) -> Result<Applied>;
    /// Dies and comes back with what is durable.
    fn reopen(&mut self);
    /// Before its `k`-th write from now, remembers what a death there would leave for the next [`Self::reopen`].
    fn arm(&mut self, _k: u64) {}
    /// Whether there were so many writes.
    fn caught(&mut self) -> bool {
        false
    }
    /// The derived state.
    fn state(&self) -> State;
    /// The pending events, in order.
    fn pending(&self) -> Vec<(Id, Op)>;
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
    /// The documents it changed, as they were before; `None` when it threw.
    undo: Option<State>,
}

/// A replica made of vectors.
#[derive(Debug, Clone)]
pub(crate) struct InMemory {
    me: ClientId,
    mutant: Mutant,
    cursor: At,
    top: u64,
    pending: Vec<Pending>,
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
    fn confirmed(&self) -> Result<u64> {
        Ok(self.pending.first().map_or(self.top, |p| p.out.n - 1))
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
    fn create(me: ClientId, mutant: Mutant) -> InMemory {
        let start = chain::start("sim");
        InMemory {
            me,
            mutant,
            cursor: At { epoch: None, seq: start.seq, h: start.h },
            top: 0,
            pending: Vec::new(),
            seen: Default::default(),
            state: State::new(),
            dead: Vec::new(),
            late_cursor: None,
        }
    }
    fn me(&self) -> ClientId {
        self.me
    }
    fn cursor(&self) -> At {
        self.cursor
    }
    fn dispatch(&mut self, id: Id, op: &Op) -> bool {
        if self.seen.contains(&id) || self.pending.iter().any(|p| p.out.id == id) {
            return true;
        }
        let Some(before) = run(op, &mut self.state) else { return false };
        self.top += 1;
        let out = Outgoing { id, n: self.top, t: "change".into(), tv: 1, b: op.body(), ts: None };
        self.pending.push(Pending { out, op: op.clone(), undo: Some(before) });
        true
    }
    fn mark_sent(&mut self, _n: u64) {}
    fn apply(&mut self, page: &Page) -> Result<Applied> {
        let applied = self.carry_out(page);
        match self.mutant {
            Mutant::CursorNotAtomic => self.late_cursor = Some(page.cursor()),
            _ => self.cursor = page.cursor(),
        }
        Ok(applied)
    }
    fn reopen(&mut self) {
        self.late_cursor = None;
    }
    fn state(&self) -> State {
        self.state.clone()
    }
    fn pending(&self) -> Vec<(Id, Op)> {
        self.pending.iter().map(|p| (p.out.id, p.op.clone())).collect()
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
