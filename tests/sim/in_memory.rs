//! A replica made of vectors. It keeps undo records and inverts them, as the real one does, so that
//! a wrong plan shows.

use super::dice::Dice;
use super::mutants::Mutant;
use super::replica::{Applied, Replica};
use super::rows::{self, Row};
use super::workload::{Op, State};
use tidelog::error::Result;
use tidelog::sync::client::{Identify, Queue, Rewind, Start};
use tidelog::sync::condition::Condition;
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::merge::{self, Role};
use tidelog::sync::wire::{At, Entry, Kind, Outgoing, Point, Segment};
use tidelog::sync::{chain, resume};

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
    dice: Dice,
    me: ClientId,
    mutant: Mutant,
    cursor: At,
    top: u64,
    /// Up to where it must read before it pushes.
    asof: Option<u64>,
    pending: Vec<Pending>,
    version: u32,
    held: Option<u64>,
    /// Own events confirmed behind the held one: their effects stay.
    shadows: Vec<(u64, Pending)>,
    /// All rows up to the cursor.
    log: Vec<Row>,
    /// Its names before this one.
    former: Vec<ClientId>,
    /// Own events of the log and where they are.
    own: Vec<(u64, ClientId, Pending)>,
    known: Vec<Point>,
    seen: std::collections::HashSet<Id>,
    state: State,
    dead: Vec<u64>,
    /// With the mutant that stores the cursor in a transaction of its own: what it will be.
    late_cursor: Option<At>,
}

/// The state before `op`, run as the event at `v`, of the one document it touches.
fn run(op: &Op, v: u64, state: &mut State) -> Option<State> {
    let before = state.get(&op.id).map(|doc| (op.id.clone(), doc.clone())).into_iter().collect();
    op.apply(v, state).then_some(before)
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

    /// Runs what is pending, after the log up to `head`.
    fn run_pending(&mut self, head: u64) {
        for (v, pending) in (head + 1..).zip(&mut self.pending) {
            pending.undo = run(&pending.op, v, &mut self.state);
        }
    }

    fn knows(&self, op: &Op) -> bool {
        op.tv() <= self.version
    }

    /// A segment that cannot be applied whole, because this version does not know an event of it or
    /// of the log before.
    fn hold(&mut self, segment: &Segment, plan: &merge::Plan) -> Applied {
        let mut left = Vec::new();
        for (i, pending) in self.pending.iter().enumerate() {
            let row = plan.roles.iter().position(|role| role.settles() == Some(i));
            match row {
                Some(r) if segment.entries[r].kind == Kind::Event => {
                    self.shadows.push((segment.from.seq + r as u64 + 1, pending.clone()));
                }
                Some(_) => {}
                None => left.push(pending.clone()),
            }
        }
        self.pending = left;
        self.log.extend(segment.entries.iter().map(Row::of));
        let struck = rows::struck(&self.log, self.mutant);
        self.shadows.retain(|(_, p)| !struck.contains(&p.out.id));
        if self.mutant != Mutant::ErasedApplied {
            for (first, seq) in rows::erase(&mut self.log) {
                let kept = self.mutant == Mutant::ErasedPointsKept;
                self.known.retain(|p| p.seq < first || p.seq >= seq || kept);
            }
        }
        self.rebuild();
        Applied { fork: plan.fork, rebased: true, dead: 0, erring: 0, bare: false }
    }

    fn carry_out(&mut self, segment: &Segment) -> Applied {
        let mut ids: Vec<Id> = self.pending.iter().map(|p| p.out.id).collect();
        if self.mutant == Mutant::ConfirmByPosition {
            // takes the i-th row of the segment for the i-th pending event, whatever it is
            for (id, row) in ids.iter_mut().zip(&segment.entries) {
                *id = row.id;
            }
        }
        let plan = merge::plan(&self.me, &ids, &segment.entries);
        for ((seq, row), role) in (segment.from.seq + 1..).zip(&segment.entries).zip(&plan.roles) {
            if let Some(p) = role.settles() {
                let mut own = self.pending[p].clone();
                own.out.n = row.n;
                self.own.push((seq, row.client, own));
            }
            if row.kind == Kind::Event || role.settles().is_some() {
                self.seen.insert(row.id);
            }
        }
        let whole = |entry: &Entry| {
            let row = Row::of(entry);
            let strikes = row.strikes.is_some() && self.mutant != Mutant::StruckNotRebuilt;
            row.bare || strikes || row.op.is_some_and(|op| !self.knows(&op))
        };
        if self.held.is_some() || segment.entries.iter().any(whole) {
            return self.hold(segment, &plan);
        }
        if plan.rebase {
            self.undo(plan.keep);
        }
        let mut dead = 0;
        for ((seq, row), role) in (segment.from.seq + 1..).zip(&segment.entries).zip(&plan.roles) {
            let threw = match role {
                Role::InPlace(p) => self.pending[*p].undo.is_none(),
                role if role.applies() => {
                    run(&Op::parse(row.text()), seq, &mut self.state).is_none()
                }
                _ => false,
            };
            if threw {
                dead += 1;
                self.dead.push(seq);
            }
            self.log.push(Row::of(row));
        }
        self.pending = plan.left.iter().map(|&i| self.pending[i].clone()).collect();
        if plan.rebase {
            self.run_pending(segment.to.seq);
        }
        let erring = self.pending.iter().filter(|p| p.undo.is_none()).count();
        Applied { fork: plan.fork, rebased: plan.rebase, dead, erring, bare: false }
    }
}

impl Queue for InMemory {
    type Error = tidelog::error::Error;

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
        let waiting =
            self.pending.iter().map(|p| &p.out).filter(|o| o.n >= from_n).take(max_events);
        let fits = waiting.enumerate().take_while(|(i, o)| {
            bytes += o.size();
            *i == 0 || bytes <= max_bytes
        });
        let named = |o: &Outgoing| {
            let x = o.x.as_deref().map(|x| {
                let mut condition = Condition::parse(x)?;
                let former = &self.former[self.former.len().saturating_sub(32)..];
                condition.mine = (!former.is_empty() && self.mutant != Mutant::NamesNotTold)
                    .then(|| former.to_vec());
                condition.to_text()
            });
            Ok(Outgoing { x: x.transpose()?, ..o.clone() })
        };
        fits.map(|(_, o)| named(o)).collect()
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
            version: 1,
            held: None,
            shadows: Vec::new(),
            log: Vec::new(),
            former: Vec::new(),
            own: Vec::new(),
            known: Vec::new(),
            seen: Default::default(),
            state: State::new(),
            dead: Vec::new(),
            late_cursor: None,
        }
    }
    fn start(&self) -> Start {
        Start { client: self.me, at: self.cursor, asof: self.asof, limits: None, stopped: None }
    }
    fn dispatch(&mut self, id: Id, op: &Op, ts: i64, x: Option<&str>) -> bool {
        if self.seen.contains(&id) || self.pending.iter().any(|p| p.out.id == id) {
            return true;
        }
        let v = self.cursor.seq + self.pending.len() as u64 + 1;
        let Some(before) = run(op, v, &mut self.state) else { return false };
        self.top += 1;
        let out = Outgoing {
            id,
            n: self.top,
            event_type: "change".into(),
            tv: op.tv(),
            data: op.body(),
            ts: Some(ts),
            x: x.map(String::from),
        };
        self.pending.push(Pending { out, op: op.clone(), sent: false, undo: Some(before) });
        true
    }
    fn mark_sent(&mut self, n: u64) {
        self.pending.iter_mut().filter(|p| p.out.n <= n).for_each(|p| p.sent = true);
    }
    fn apply(&mut self, segment: &Segment) -> Result<Applied> {
        let applied = self.carry_out(segment);
        let seqs: Vec<u64> = self.known.iter().map(|p| p.seq).chain([segment.to.seq]).collect();
        let bare = rows::first_bare(&self.log, self.mutant).is_some();
        self.known.extend((!segment.entries.is_empty() && !bare).then_some(segment.to));
        let keep = resume::keep(segment.to.seq, &seqs);
        self.known.retain(|p| keep.contains(&p.seq));
        match self.mutant {
            Mutant::CursorNotAtomic => self.late_cursor = Some(segment.cursor()),
            _ => self.cursor = segment.cursor(),
        }
        Ok(Applied { bare, ..applied })
    }
    fn rewind(&mut self, rewind: &Rewind) -> Result<()> {
        let Point { seq, h } = rewind.common;
        self.cursor = At { epoch: Some(rewind.epoch), seq, h };
        self.asof = Some(rewind.asof);
        let erased = rows::erased(&self.log);
        self.log.truncate(seq as usize);
        for x in self.pending.iter_mut().filter_map(|p| p.out.x.as_mut()) {
            let mut condition = Condition::parse(x)?;
            if condition.since > seq && self.mutant != Mutant::SinceNotLowered {
                condition.since = seq;
                *x = condition.to_text()?;
            }
        }
        self.known.retain(|p| p.seq <= seq);
        self.shadows.retain(|(at, _)| *at <= seq);
        let (kept, lost): (Vec<_>, Vec<_>) = self.own.drain(..).partition(|(at, ..)| *at <= seq);
        self.own = kept;
        let offered = |(_, _, p): &(u64, ClientId, Pending)| !erased.contains(&p.out.id);
        let back = lost.into_iter().filter(offered).map(|(_, client, mut p)| {
            if self.mutant != Mutant::ConditionOffered {
                p.out.x = None;
            }
            // number 0: made under an older name
            p.out.n = if client == self.me { p.out.n } else { 0 };
            p
        });
        match self.mutant {
            Mutant::OwnNotOffered => {}
            Mutant::OwnOutOfOrder => self.pending.splice(0..0, back.rev()).for_each(drop),
            Mutant::PendingDroppedOnReset => self.pending = back.collect(),
            _ => self.pending.splice(0..0, back).for_each(drop),
        }
        self.rebuild();
        Ok(())
    }
    fn identify(&mut self, identify: &Identify) -> Result<Option<ClientId>> {
        let numbers = self.pending.iter().map(|p| (p.out.n > 0).then_some(p.out.n));
        let renew = identify.renew || !resume::follows(identify.last, self.top, numbers);
        self.asof = None;
        if !renew || self.mutant == Mutant::HolesKept {
            return Ok(None);
        }
        if self.mutant == Mutant::RenumberedInPlace {
            // goes on under the name it has
            let last = identify.last.map_or(0, |l| l.n);
            self.top = last + self.pending.len() as u64;
            self.pending.iter_mut().zip(last + 1..).for_each(|(p, n)| p.out.n = n);
            return Ok(None);
        }
        self.former.push(self.me);
        self.me = ClientId::from_bytes(self.dice.bytes());
        self.top = self.pending.len() as u64;
        self.pending.iter_mut().zip(1..).for_each(|(p, n)| p.out.n = n);
        Ok(Some(self.me))
    }
    fn reopen(&mut self, dice: Dice) {
        self.late_cursor = None;
        self.dice = dice;
        if self.held.is_some() {
            self.rebuild();
        }
    }
    fn set_version(&mut self, version: u32) {
        self.version = version;
    }
    fn held(&self) -> Option<u64> {
        self.held
    }
    fn copy(&self, dice: Dice) -> InMemory {
        InMemory { late_cursor: None, dice, ..self.clone() }
    }
    fn rebuild(&mut self) {
        self.state.clear();
        self.dead.clear();
        let struck = rows::struck(&self.log, self.mutant);
        let stays = self.held.is_some() && self.mutant == Mutant::StruckNotPassed;
        let unknown = |row: &Row| {
            let op = row.op.as_ref();
            let bare = row.bare && self.mutant != Mutant::BarePassedOver;
            (stays || !struck.contains(&row.id)) && (bare || op.is_some_and(|op| !self.knows(op)))
        };
        self.held = self.log.iter().position(unknown).map(|i| i as u64 + 1);
        if self.mutant == Mutant::HeldPassedOver {
            self.held = None;
        }
        let end = self.held.unwrap_or(u64::MAX);
        for (seq, row) in (1..end).zip(&self.log).filter(|(_, row)| !struck.contains(&row.id)) {
            let op = row.op.as_ref().filter(|op| op.tv() <= self.version);
            if op.is_some_and(|op| run(op, seq, &mut self.state).is_none()) {
                self.dead.push(seq);
            }
        }
        self.shadows.retain(|(seq, _)| *seq >= end);
        for (seq, shadow) in &self.shadows {
            run(&shadow.op, *seq, &mut self.state);
        }
        self.run_pending(self.log.len() as u64);
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
    fn drop_pending(&mut self, n: u64) {
        let left = self.pending.iter().position(|p| p.out.n > n).unwrap_or(self.pending.len());
        self.undo(0);
        self.pending.drain(..left);
        self.run_pending(self.cursor.seq);
    }
    fn settle_cursor(&mut self) {
        if let Some(cursor) = self.late_cursor.take() {
            self.cursor = cursor;
        }
    }
}
