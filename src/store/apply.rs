//! Applying a segment of the server's log: one transaction for the log's tail, the state, the queue
//! and the cursor.

use super::{Position, Store};
use crate::error::{Error, Result};
use crate::event::queue::{self, LogRow, Pending};
use crate::event::{App, Event, Known, Models, own, process};
use crate::sql::{Param, undo};
use crate::sync::chain;
use crate::sync::client::{Change, Outcome};
use crate::sync::id::{ClientId, Id};
use crate::sync::merge::{Plan, Role, plan};
use crate::sync::wire::{Entry, Kind, Segment};

/// What applying a segment came to.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Applied {
    /// What became of this replica's own events.
    pub verdicts: Vec<Verdict>,
    /// Whether pending events were undone and run again.
    pub rebased: bool,
    /// Whether the state had to be rebuilt from the log because an effect could not be undone.
    pub rebuilt: bool,
    /// What the sync machine must know.
    pub outcome: Outcome,
}

/// What became of an own event: it is in the log now.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The event.
    pub id: [u8; 16],
    /// Its position.
    pub seq: u64,
    /// Why it has no effect there: the server's verdict, or the reducers'.
    pub refusal: Option<Error>,
}

impl<A: App> Store<A> {
    /// Carries out what the sync machine asks for. `None` when it does not fit: nothing was done.
    ///
    /// # Errors
    /// Those of [`apply`](Store::apply), [`rewind`](Store::rewind) and
    /// [`identify`](Store::identify).
    pub async fn carry_out(&self, change: &Change) -> Result<Option<Applied>> {
        match change {
            Change::Segment(segment) => self.apply(segment).await,
            Change::Rewind(rewind) => self.rewind(rewind).await.map(Some),
            Change::Identify(identify) => self.identify(identify).await.map(Some),
        }
    }

    /// Applies a segment. `None` when it does not follow the cursor: nothing was done, and a pull
    /// will tell.
    ///
    /// # Errors
    /// `PROTOCOL` when the segment's chain does not hold. Faults of the surroundings leave
    /// everything as it was.
    pub async fn apply(&self, segment: &Segment) -> Result<Option<Applied>> {
        let _turn = self.enter().await?;
        let mut position = self.position()?;
        if segment.from != position.at.point() {
            return Ok(None);
        }
        if !chain::holds(segment) {
            return Err(Error::Protocol(format!(
                "the chain of a segment from {} does not hold",
                segment.from.seq
            )));
        }
        let tx = self.db.begin()?;
        let applied = self.apply_segment(segment, &mut position).await?;
        tx.commit()?;
        self.db.settle().await?;
        *self.position.borrow_mut() = Some(position);
        Ok(Some(applied))
    }

    async fn apply_segment(&self, segment: &Segment, position: &mut Position) -> Result<Applied> {
        let w = self.db.writer();
        let models = self.owned();
        let (pending, plan) = self.plan(segment, &position.client)?;
        let mut applied = Applied {
            outcome: Outcome { fork: plan.fork, ..Outcome::default() },
            ..Applied::default()
        };
        // behind a held event nothing is applied, so nothing has to give way either
        let rebase = plan.rebase && position.held.is_none();
        applied.rebased = rebase;
        let mut redo_from = plan.keep;
        if rebase && !self.undo_after(&pending, plan.keep)? {
            applied.rebuilt = true;
            redo_from = 0;
            self.clear_owned()?;
            position.held = self.replay(&models, segment.from.seq).await?;
        }
        let was_held = position.held.is_some();
        let (mut gone, mut dropped) = (vec![false; pending.len()], false);
        for (row, role) in segment.entries.iter().zip(&plan.roles) {
            position.at.seq += 1;
            let seq = position.at.seq;
            let known = if row.kind == Kind::Event {
                self.knows(&row.event_type, row.tv)
            } else {
                Known::Yes
            };
            if known == Known::No && position.held.is_none() {
                position.held = Some(seq);
            }
            let mine = role.settles();
            let held = position.held.is_some();
            let run = !held
                && known == Known::Yes
                && (role.applies() || (applied.rebuilt && matches!(role, Role::InPlace(_))));
            let in_place = mine.filter(|_| !run && !held).map(|i| &pending[i]);
            let refusal = self.apply_row(&models, seq, row, in_place, run).await?;
            let Some(i) = mine else { continue };
            let p = &pending[i];
            if held && refusal.is_none() {
                queue::shadow(w, p.lo, seq)?;
            } else {
                queue::remove(w, p.lo)?;
                gone[i] = true;
                dropped |= was_held;
            }
            let data = (row.data != p.data).then_some(p.data.as_str());
            own::add(w, p.lo, seq, data)?;
            position.confirmed_n = position.confirmed_n.max(p.n.unwrap_or(0));
            position.pending -= 1;
            applied.verdicts.push(Verdict { id: p.id, seq, refusal });
        }
        if rebase {
            let left = pending.iter().zip(&gone).skip(redo_from).filter(|(_, gone)| !**gone);
            self.rerun(&models, left.map(|(p, _)| p), position.at.seq).await?;
        } else if dropped {
            // a rejected event's effect lies somewhere under the others'
            applied.rebuilt = true;
            position.held = self.remake(&models, position.at.seq).await?;
        }
        position.at = segment.cursor();
        position.top_n = position.top_n.max(position.confirmed_n);
        self.write_cursor(position)?;
        if !segment.entries.is_empty() {
            self.remember(&segment.to)?;
        }
        Ok(applied)
    }

    /// The pending events that the segment concerns, and what it means for them. A segment that
    /// only confirms what is first in the queue must not cost more the longer the queue is.
    fn plan(&self, segment: &Segment, me: &ClientId) -> Result<(Vec<Pending>, Plan)> {
        let planned = |limit| -> Result<(Vec<Pending>, Plan)> {
            let pending = queue::waiting(self.db.writer(), limit)?;
            let ids: Vec<Id> = pending.iter().map(|p| Id::from_bytes(p.id)).collect();
            let plan = plan(me, &ids, &segment.entries);
            Ok((pending, plan))
        };
        // one more than it has rows: so no row but those of the first in the queue leaves the state
        // as it is
        let first = planned(segment.entries.len() + 1)?;
        if first.1.rebase { planned(usize::MAX) } else { Ok(first) }
    }

    /// Logs one row and runs it where its event counts here; gives why it has no effect, if so.
    /// `in_place` is the pending event whose effect is in the state already.
    async fn apply_row(
        &self,
        models: &Models,
        seq: u64,
        row: &Entry,
        in_place: Option<&Pending>,
        run: bool,
    ) -> Result<Option<Error>> {
        let w = self.db.writer();
        queue::append(
            w,
            LogRow {
                seq,
                id: row.id.as_bytes(),
                client: row.client.as_bytes(),
                n: row.n,
                event_type: &row.event_type,
                tv: row.tv,
                data: &row.data,
                ts: row.ts,
                kind: row.kind.byte(),
                reference: row.reference.as_ref().map(|id| id.as_bytes().as_slice()),
                code: row.code.as_deref(),
            },
        )?;
        match row.kind {
            Kind::Rej | Kind::Void => {
                return Ok(Some(Error::Rejected(
                    row.code.clone().unwrap_or_else(|| "no reason given".into()),
                )));
            }
            Kind::Dup => return Ok(None),
            Kind::Event => {}
        }
        let event = Event {
            id: *row.id.as_bytes(),
            v: seq,
            event_type: row.event_type.clone(),
            tv: row.tv,
            data: row.data.clone(),
            ts: row.ts.unwrap_or(0),
        };
        if run {
            return self.run_confirmed(models, &event).await;
        }
        match in_place.and_then(|p| p.err.clone()) {
            Some(err) => {
                queue::bury(w, seq, &event.id, &err)?;
                Ok(Some(Error::User {
                    phase: format!("event '{}'", event.event_type),
                    message: err,
                }))
            }
            None => Ok(None),
        }
    }

    /// Runs an event at its final position. When it fails there it becomes a recorded no-op, the
    /// same on every replica; a fault of the surroundings fails the whole segment, which will come
    /// again.
    pub(super) async fn run_confirmed(
        &self,
        models: &Models,
        event: &Event,
    ) -> Result<Option<Error>> {
        let tx = self.db.begin()?;
        match process(&self.db, models, &self.app, event).await {
            Ok(_) => {
                tx.commit()?;
                Ok(None)
            }
            Err(e) if e.is_environmental() => Err(e),
            Err(e) => {
                tx.rollback()?;
                queue::bury(self.db.writer(), event.v, &event.id, &format!("{}: {e}", e.code()))?;
                Ok(Some(e))
            }
        }
    }

    /// Undoes what the pending events after the first `keep` did. `false` when that is not
    /// possible.
    fn undo_after(&self, pending: &[Pending], keep: usize) -> Result<bool> {
        let effects: Option<Vec<Vec<u8>>> =
            pending[keep..].iter().map(|p| p.undo.clone()).collect();
        match effects {
            Some(effects) => undo(&self.db, &effects),
            None => Ok(false),
        }
    }

    /// Runs pending events again, at the places they have now.
    pub(super) async fn rerun(
        &self,
        models: &Models,
        pending: impl Iterator<Item = &Pending>,
        mut head: u64,
    ) -> Result<()> {
        for p in pending {
            head += u64::from(p.seq.is_none());
            self.run_pending(models, p, p.seq.unwrap_or(head)).await?;
        }
        Ok(())
    }

    /// Runs a pending event again. When it fails it stays pending, without effect: its final place
    /// decides.
    pub(super) async fn run_pending(&self, models: &Models, p: &Pending, v: u64) -> Result<()> {
        if self.knows(&p.event_type, p.tv) == Known::No {
            let err = format!("HELD: this version does not know '{}' {}", p.event_type, p.tv);
            return queue::set_outcome(self.db.writer(), p.lo, &[], Some(&err));
        }
        let event = Event {
            id: p.id,
            v,
            event_type: p.event_type.clone(),
            tv: p.tv,
            data: p.data.clone(),
            ts: p.ts.unwrap_or(0),
        };
        let tx = self.db.begin()?;
        match self.run(models, &event).await {
            Ok((_, undo)) => {
                tx.commit()?;
                queue::set_outcome(self.db.writer(), p.lo, &undo, None)
            }
            Err(e) if e.is_environmental() => Err(e),
            Err(e) => {
                tx.rollback()?;
                queue::set_outcome(self.db.writer(), p.lo, &[], Some(&format!("{}: {e}", e.code())))
            }
        }
    }

    pub(super) fn write_cursor(&self, position: &Position) -> Result<()> {
        let w = self.db.writer();
        queue::set_meta(w, "seq", Param::Integer(position.at.seq as i64))?;
        queue::set_meta(w, "h", position.at.h.as_bytes().into())?;
        queue::set_meta(
            w,
            "epoch",
            position.at.epoch.as_ref().map(|e| e.as_bytes().as_slice()).into(),
        )?;
        queue::set_meta(w, "asof", position.asof.map(|seq| seq as i64).into())?;
        queue::set_meta(w, "held", position.held.map(|seq| seq as i64).into())?;
        queue::set_meta(w, "confirmed_n", Param::Integer(position.confirmed_n as i64))
    }
}
