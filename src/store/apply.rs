//! Applying a segment of the server's log: one transaction for the log's tail, the state, the queue
//! and the cursor.

use super::{Position, Store};
use crate::error::{Error, Result};
use crate::event::queue::{self, LogRow, Pending};
use crate::event::{App, Event, Known, Models, own, struck};
use crate::sql::Param;
use crate::sync::chain;
use crate::sync::client::{Change, Outcome};
use crate::sync::id::{ClientId, Id};
use crate::sync::merge::{Plan, Role, plan};
use crate::sync::wire::{Body, Entry, Kind, Segment};

/// What applying a segment came to.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Applied {
    /// What became of this replica's own events.
    pub verdicts: Vec<Verdict>,
    /// Events that failed at their place, this replica's own among them.
    pub noops: Vec<Noop>,
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

/// A confirmed event that has no effect, because it failed at its place: the same on every replica.
#[derive(Debug, Clone, PartialEq)]
pub struct Noop {
    /// The event.
    pub id: [u8; 16],
    /// Its position.
    pub seq: u64,
    /// Its type.
    pub event_type: String,
    /// Why.
    pub error: Error,
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
        let mut position = self.open_position()?;
        if segment.from != position.at.point() {
            return Ok(None);
        }
        if !chain::holds(segment) {
            return Err(Error::Protocol(format!(
                "the hashes of the log after position {} do not fit its events: it was damaged on the way or at the server",
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
        let models = self.owned();
        let (pending, plan) = self.plan(segment, &position.client)?;
        let mut applied = Applied {
            outcome: Outcome { fork: plan.fork, ..Outcome::default() },
            // behind a held event nothing is applied, so nothing has to give way either
            rebased: plan.rebase && position.held.is_none(),
            ..Applied::default()
        };
        let mut kept = plan.keep;
        if applied.rebased && !self.undo_after(&pending, kept)? {
            applied.rebuilt = true;
            kept = 0;
            self.clear_owned()?;
            position.held = self.replay(&models, segment.from.seq).await?;
        }
        let was_held = position.held.is_some();
        let mut gone = vec![false; pending.len()];
        for (row, role) in segment.entries.iter().zip(&plan.roles) {
            position.at.seq += 1;
            let own = role.settles().map(|i| &pending[i]);
            let case = self.case(row, *role, own, position, applied.rebuilt);
            let waits = matches!(case, Case::Waits);
            let refusal = self.apply_row(&models, position.at.seq, row, case).await?;
            if let Some(error) = refusal.clone().filter(|e| !matches!(e, Error::Rejected(_))) {
                let (id, event_type) = (*row.id.as_bytes(), row.event_type.clone());
                applied.noops.push(Noop { id, seq: position.at.seq, event_type, error });
            }
            if let Some(i) = role.settles() {
                self.confirm(&pending[i], row, waits, position)?;
                gone[i] = !waits;
                let (id, seq) = (pending[i].id, position.at.seq);
                applied.verdicts.push(Verdict { id, seq, refusal });
            }
        }
        let struck: Vec<Id> = segment.entries.iter().filter_map(Entry::names).collect();
        let voided = |v: &&mut Verdict| struck.contains(&Id::from_bytes(v.id));
        let verdicts = applied.verdicts.iter_mut().filter(voided);
        verdicts.for_each(|v| v.refusal = Some(Error::Void));
        applied.noops.retain(|noop| !struck.contains(&Id::from_bytes(noop.id)));
        if !struck.is_empty() {
            applied.rebuilt = true;
            position.held = self.remake(&models, position.at.seq).await?;
        } else if applied.rebased {
            let left = pending.iter().zip(&gone).skip(kept).filter(|(_, gone)| !**gone);
            self.rerun(&models, left.map(|(p, _)| p), position.at.seq).await?;
        } else if was_held && gone.contains(&true) {
            // a rejected event's effect lies somewhere under the others'
            applied.rebuilt = true;
            position.held = self.remake(&models, position.at.seq).await?;
        }
        position.at = segment.cursor();
        position.top_n = position.top_n.max(position.confirmed_n);
        self.write_cursor(position)?;
        if let Some(limits) = &segment.limits {
            position.limits = limits.bounded();
            self.write_limits(&position.limits)?;
        }
        applied.outcome.bare = struck::first_bare(self.db.writer())?.is_some();
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

    /// What a row comes to here. `own` is this replica's event that the row confirms; `rebuilt`
    /// says that the state has no effects of pending events any more. Notes the first event that is
    /// held.
    fn case<'p>(
        &self,
        row: &Entry,
        role: Role,
        own: Option<&'p Pending>,
        position: &mut Position,
        rebuilt: bool,
    ) -> Case<'p> {
        let known = match row.kind {
            Kind::Event if row.body.text().is_none() => Known::No,
            Kind::Event => self.knows(&row.event_type, row.tv),
            _ => Known::Yes,
        };
        if known == Known::No && position.held.is_none() {
            position.held = Some(position.at.seq);
        }
        match row.kind {
            Kind::Void | Kind::Erased | Kind::Trim => Case::Stands(None),
            Kind::Rej => Case::Refused,
            Kind::Dup | Kind::Event if position.held.is_some() => Case::Waits,
            Kind::Dup => Case::Repeats,
            Kind::Event if known == Known::PassOver => Case::Stands(own),
            Kind::Event if matches!(role, Role::InPlace(_)) && !rebuilt => Case::Stands(own),
            Kind::Event => Case::Runs,
        }
    }

    /// Logs a row and does what its case asks for; gives why its event has no effect, if so.
    async fn apply_row(
        &self,
        models: &Models,
        seq: u64,
        row: &Entry,
        case: Case<'_>,
    ) -> Result<Option<Error>> {
        let names = row.names();
        queue::append(self.db.writer(), log_row(seq, row, names.as_ref()))?;
        if let Some(id) = names {
            self.strike(seq, row.kind, &id)?;
        }
        match case {
            Case::Refused => {
                let code = row.code.clone().unwrap_or_else(|| "no reason given".into());
                Ok(Some(Error::Rejected(code)))
            }
            Case::Waits | Case::Repeats | Case::Stands(None) => Ok(None),
            Case::Stands(Some(own)) => self.bury_failed(own, seq, row),
            Case::Runs => self.run_confirmed(models, &event(seq, row)).await,
        }
    }

    /// An event has no effect any more; when it is erased, its body goes.
    fn strike(&self, seq: u64, kind: Kind, id: &Id) -> Result<()> {
        let (w, id) = (self.db.writer(), id.as_bytes());
        struck::forget_shadow(w, id)?;
        if kind == Kind::Erased {
            let hash = |body: &str| Body::from(body).hash().as_bytes().to_vec();
            struck::erase(w, seq, id, hash)?;
        }
        Ok(())
    }

    /// Records an own event that failed where it was made, and is confirmed there, as one without
    /// effect; gives why.
    fn bury_failed(&self, own: &Pending, seq: u64, row: &Entry) -> Result<Option<Error>> {
        let Some(message) = own.err.clone() else { return Ok(None) };
        queue::bury(self.db.writer(), seq, row.id.as_bytes(), &message)?;
        Ok(Some(Error::recorded(&row.event_type, &message)))
    }

    /// Takes an own event that a row confirms out of the queue. One that `waits` behind a held
    /// event stays there, with its effect, until that can be applied.
    fn confirm(
        &self,
        own: &Pending,
        row: &Entry,
        waits: bool,
        position: &mut Position,
    ) -> Result<()> {
        let (w, seq) = (self.db.writer(), position.at.seq);
        match waits {
            true => queue::shadow(w, own.lo, seq)?,
            false => queue::remove(w, own.lo)?,
        }
        let data = (row.text() != own.data).then_some(own.data.as_str());
        own::add(w, own.lo, seq, data)?;
        position.confirmed_n = position.confirmed_n.max(own.n.unwrap_or(0));
        position.pending -= 1;
        Ok(())
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

/// What a row of the server's log comes to on this replica.
enum Case<'p> {
    /// The server refused its event, which has no effect.
    Refused,
    /// It is the held event or stands behind it: nothing from there on is applied.
    Waits,
    /// Its event is in the log already, under another number: the effect is there.
    Repeats,
    /// Nothing runs. An own event that was made at this very place has had its effect, or failed,
    /// when it was made.
    Stands(Option<&'p Pending>),
    /// Its event runs at this place.
    Runs,
}

fn log_row<'a>(seq: u64, row: &'a Entry, names: Option<&'a Id>) -> LogRow<'a> {
    let bh = match &row.body {
        Body::Text(_) => None,
        Body::Erased(hash) => Some(hash.as_bytes().as_slice()),
    };
    LogRow {
        seq,
        id: row.id.as_bytes(),
        client: row.client.as_bytes(),
        n: row.n,
        event_type: &row.event_type,
        tv: row.tv,
        data: row.text(),
        ts: row.ts,
        kind: row.kind.byte(),
        reference: names.or(row.reference.as_ref()).map(|id| id.as_bytes().as_slice()),
        code: row.code.as_deref(),
        bh,
    }
}

fn event(seq: u64, row: &Entry) -> Event {
    Event {
        id: *row.id.as_bytes(),
        v: seq,
        event_type: row.event_type.clone(),
        tv: row.tv,
        data: row.text().to_string(),
        ts: row.ts.unwrap_or(0),
    }
}
