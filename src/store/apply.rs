//! Applying a page of the server's log: one transaction for the log's tail, the state, the queue and the cursor.

use super::{Position, Store};
use crate::error::{Error, Result};
use crate::event::queue::{self, LogRow, Pending};
use crate::event::{Event, Host, Models, process};
use crate::sql::{Param, undo};
use crate::sync::chain;
use crate::sync::id::Id;
use crate::sync::merge::{Plan, Role, plan};
use crate::sync::wire::{Ev, Kind, Page};

/// What applying a page came to.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Applied {
    /// What became of this replica's own events.
    pub verdicts: Vec<Verdict>,
    /// Whether pending events were undone and run again.
    pub rebased: bool,
    /// Whether the state had to be rebuilt from the log because an effect could not be undone.
    pub rebuilt: bool,
    /// The first row under this replica's name that it does not know.
    pub fork: Option<u64>,
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

impl<H: Host> Store<H> {
    /// Applies a page. `None` when it does not follow the cursor: nothing was done, and a pull will tell.
    ///
    /// # Errors
    /// `PROTOCOL` when the page's chain does not hold. Faults of the surroundings leave everything as it was.
    pub async fn apply(&self, page: &Page) -> Result<Option<Applied>> {
        let _turn = self.enter().await?;
        let mut position = self.position()?;
        if page.from != position.at.point() {
            return Ok(None);
        }
        if !chain::holds(page) {
            return Err(Error::Protocol(format!("the chain of a page from {} does not hold", page.from.seq)));
        }
        let tx = self.db.begin()?;
        let applied = self.apply_page(page, &mut position).await?;
        tx.commit()?;
        self.db.settle().await?;
        *self.position.borrow_mut() = Some(position);
        Ok(Some(applied))
    }

    async fn apply_page(&self, page: &Page, position: &mut Position) -> Result<Applied> {
        let w = self.db.writer();
        let models = self.models();
        let pending = queue::pending(w, 0, usize::MAX)?;
        let ids: Vec<Id> = pending.iter().map(|p| Id::from_bytes(p.id)).collect();
        let plan = plan(&position.client, &ids, &page.evs);
        let mut applied = Applied { rebased: plan.rebase, fork: plan.fork, ..Applied::default() };
        if plan.rebase && !self.undo_after(&pending, plan.keep)? {
            applied.rebuilt = true;
            self.clear_owned()?;
            self.replay(&models, page.from.seq).await?;
        }
        for (row, role) in page.evs.iter().zip(&plan.roles) {
            position.at.seq += 1;
            let mine = role.settles().map(|i| &pending[i]);
            let run = role.applies() || (applied.rebuilt && matches!(role, Role::InPlace(_)));
            let refusal = self.apply_row(&models, position.at.seq, row, mine.filter(|_| !run), run).await?;
            if let Some(p) = mine {
                queue::remove(w, p.lo)?;
                queue::own(w, p.lo, position.at.seq)?;
                position.confirmed_n = position.confirmed_n.max(p.n);
                position.pending -= 1;
                applied.verdicts.push(Verdict { id: p.id, seq: position.at.seq, refusal });
            }
        }
        if plan.rebase {
            self.rerun(&models, &pending, &plan, position.at.seq).await?;
        }
        position.at = page.cursor();
        position.top_n = position.top_n.max(position.confirmed_n);
        self.write_cursor(position)?;
        Ok(applied)
    }

    /// Logs one row and runs it where its event counts here; gives why it has no effect, if so. `in_place` is the
    /// pending event whose effect is in the state already.
    async fn apply_row(
        &self,
        models: &Models,
        seq: u64,
        row: &Ev,
        in_place: Option<&Pending>,
        run: bool,
    ) -> Result<Option<Error>> {
        let w = self.db.writer();
        queue::append(
            w,
            LogRow {
                seq,
                id: row.id.as_bytes(),
                client: row.c.as_bytes(),
                n: row.n,
                t: &row.t,
                tv: row.tv,
                b: &row.b,
                ts: row.ts,
                k: row.k.byte(),
                reference: row.reference.as_ref().map(|id| id.as_bytes().as_slice()),
                code: row.code.as_deref(),
            },
        )?;
        match row.k {
            Kind::Rej | Kind::Void => {
                return Ok(Some(Error::Rejected(
                    row.code.clone().unwrap_or_else(|| "no reason given".into()),
                )));
            }
            Kind::Dup => return Ok(None),
            Kind::E => {}
        }
        let event = Event {
            id: *row.id.as_bytes(),
            v: seq,
            t: row.t.clone(),
            tv: row.tv,
            b: row.b.clone(),
            ts: row.ts.unwrap_or(0),
        };
        if run {
            return self.run_confirmed(models, &event).await;
        }
        match in_place.and_then(|p| p.err.clone()) {
            Some(err) => {
                queue::bury(w, seq, &event.id, &err)?;
                Ok(Some(Error::User { phase: format!("event '{}'", event.t), message: err }))
            }
            None => Ok(None),
        }
    }

    /// Runs an event at its final position. When it fails there it becomes a recorded no-op, the same on every
    /// replica; a fault of the surroundings fails the whole page, which will come again.
    pub(super) async fn run_confirmed(&self, models: &Models, event: &Event) -> Result<Option<Error>> {
        let tx = self.db.begin()?;
        match process(&self.db, models, &self.host, event).await {
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

    /// Undoes what the pending events after the first `keep` did. `false` when that is not possible.
    fn undo_after(&self, pending: &[Pending], keep: usize) -> Result<bool> {
        let effects: Option<Vec<Vec<u8>>> = pending[keep..].iter().map(|p| p.undo.clone()).collect();
        match effects {
            Some(effects) => undo(&self.db, &effects),
            None => Ok(false),
        }
    }

    /// Runs the pending events that are left again, at the places they have now.
    async fn rerun(&self, models: &Models, pending: &[Pending], plan: &Plan, head: u64) -> Result<()> {
        for (k, &i) in plan.left.iter().enumerate() {
            self.run_pending(models, &pending[i], head + k as u64 + 1).await?;
        }
        Ok(())
    }

    /// Runs a pending event again. When it fails it stays pending, without effect: its final place decides.
    pub(super) async fn run_pending(&self, models: &Models, p: &Pending, v: u64) -> Result<()> {
        let event = Event { id: p.id, v, t: p.t.clone(), tv: p.tv, b: p.b.clone(), ts: p.ts.unwrap_or(0) };
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

    fn write_cursor(&self, position: &Position) -> Result<()> {
        let w = self.db.writer();
        queue::set_meta(w, "seq", Param::Integer(position.at.seq as i64))?;
        queue::set_meta(w, "h", position.at.h.as_bytes().into())?;
        queue::set_meta(w, "epoch", position.at.epoch.as_ref().map(|e| e.as_bytes().as_slice()).into())?;
        queue::set_meta(w, "confirmed_n", Param::Integer(position.confirmed_n as i64))
    }
}
