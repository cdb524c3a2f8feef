//! Making events: each is completed, run and logged in one transaction.

use super::{Position, Store, Turn};
use crate::error::{Error, Result};
use crate::event::queue::{self, LogRow, Pending};
use crate::event::{App, Event, Known, Models, Results, complete, own_model, preprocess, process};
use crate::sql::Recorder;
use crate::sync::condition::Condition;
use crate::sync::limits;
use crate::sync::wire::Kind;

/// An event to make.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Its identity, when the caller wants to be able to repeat the call.
    pub id: Option<[u8; 16]>,
    /// Its type.
    pub event_type: String,
    /// The schema version of its type; 0 for the one declared.
    pub tv: u32,
    /// Its data as JSON text.
    pub data: String,
    /// When it was made; the app's clock when absent.
    pub ts: Option<i64>,
    /// Its condition as JSON text, without `mine`: this replica's former names are written into it
    /// when it goes out. Without a server there is nobody to meet it.
    pub x: Option<String>,
}

/// An event that was made.
#[derive(Debug)]
pub struct Dispatched {
    /// The event as logged.
    pub event: Event,
    /// What was applied.
    pub results: Results,
    /// Whether it waits for the server.
    pub pending: bool,
}

impl<A: App> Store<A> {
    /// Makes events and runs them, all or none, durable when this returns.
    ///
    /// # Errors
    /// What a phase said. An event at fault is kept in the local history with its error. A
    /// [refused](Store::is_refused) write leaves nothing. So does one that met a fault of the
    /// surroundings (no room, I/O), which may be dispatched again.
    pub async fn dispatch(&self, drafts: Vec<Draft>) -> Result<Vec<Dispatched>> {
        let turn = self.enter().await?;
        let keep =
            |event: &Event, error: &Error| self.db.transaction(|| self.keep_failed(event, error));
        self.dispatch_in(&turn, drafts, Ok, keep).await
    }

    /// Makes events in a turn. `finish` ends their transaction and gives the reply; `keep` gets the
    /// event at fault.
    pub(super) async fn dispatch_in<T>(
        &self,
        _turn: &Turn,
        drafts: Vec<Draft>,
        finish: impl FnOnce(Vec<Dispatched>) -> Result<T>,
        keep: impl FnOnce(&Event, &Error) -> Result<()>,
    ) -> Result<T> {
        match self.dispatch_all(drafts, finish).await {
            Ok((position, reply)) => {
                *self.position.borrow_mut() = Some(position);
                Ok(reply)
            }
            Err((error, Some(event)))
                if !error.is_environmental() && !self.is_refused(&event, &error) =>
            {
                keep(&event, &error)?;
                self.db.settle().await?;
                Err(error)
            }
            Err((error, _)) => Err(error),
        }
    }

    async fn dispatch_all<T>(
        &self,
        drafts: Vec<Draft>,
        finish: impl FnOnce(Vec<Dispatched>) -> Result<T>,
    ) -> Result<(Position, T), (Error, Option<Event>)> {
        let early = |error| (error, None);
        let models = self.owned();
        let mut position = self.open_position().map_err(early)?;
        let mut made = Vec::with_capacity(drafts.len());
        let tx = self.db.begin().map_err(early)?;
        for draft in drafts {
            let x = condition(draft.x.as_deref(), &position).map_err(early)?;
            let mut event = self.event(draft, &position).map_err(early)?;
            match self.make(&models, &mut event, x, &mut position).await {
                Ok(results) => made.push(Dispatched { event, results, pending: self.synced() }),
                Err(error) => return Err((error, Some(event))),
            }
        }
        let reply = finish(made).map_err(early)?;
        tx.commit().map_err(early)?;
        self.db.settle().await.map_err(early)?;
        Ok((position, reply))
    }

    fn event(&self, draft: Draft, position: &Position) -> Result<Event> {
        let tv = match draft.tv {
            0 => self.options.borrow().types.version_of(&draft.event_type, &self.owned.borrow()),
            tv => Some(tv),
        };
        let Some(tv) = tv.filter(|&tv| self.knows(&draft.event_type, tv) != Known::No) else {
            return Err(Error::BadValue(format!(
                "event type '{}' is unknown: no model has it and the option 'types' does not declare it, so no reducer would ever get it",
                draft.event_type
            )));
        };
        Ok(Event {
            id: draft.id.unwrap_or_else(|| self.app.random()),
            v: position.at.seq + position.pending + 1,
            event_type: draft.event_type,
            tv,
            data: draft.data,
            ts: draft.ts.unwrap_or_else(|| self.app.now()),
        })
    }

    async fn make(
        &self,
        models: &Models,
        event: &mut Event,
        x: Option<String>,
        position: &mut Position,
    ) -> Result<Results> {
        let synced = self.synced();
        preprocess(models, &self.app, event).await?;
        if let Some(model) = own_model(models, &event.event_type)
            && let Some(data) =
                complete(self.db.writer(), model, &event.data, synced, || self.app.random())?
        {
            event.data = data;
        }
        if synced {
            limits::check(&event.event_type, &event.data, &position.limits)?;
            let (results, undo) = self.run(models, event).await?;
            position.top_n += 1;
            position.pending += 1;
            position.lo += 1;
            queue::push(
                self.db.writer(),
                &Pending {
                    lo: position.lo,
                    n: Some(position.top_n),
                    id: event.id,
                    event_type: event.event_type.clone(),
                    tv: event.tv,
                    data: event.data.clone(),
                    ts: Some(event.ts),
                    sent: false,
                    undo: Some(undo),
                    err: None,
                    seq: None,
                    x,
                },
            )?;
            return Ok(results);
        }
        let results = process(&self.db, models, &self.app, event).await?;
        position.at.seq += 1;
        position.top_n += 1;
        position.confirmed_n += 1;
        queue::append(
            self.db.writer(),
            LogRow {
                seq: position.at.seq,
                id: &event.id,
                client: position.client.as_bytes(),
                n: position.top_n,
                event_type: &event.event_type,
                tv: event.tv,
                data: &event.data,
                ts: Some(event.ts),
                kind: Kind::Event.byte(),
                reference: None,
                code: None,
                bh: None,
            },
        )?;
        Ok(results)
    }

    /// Runs an event and records its effect, so that it can be undone.
    pub(super) async fn run(&self, models: &Models, event: &Event) -> Result<(Results, Vec<u8>)> {
        let recorder = Recorder::start(&self.db, self.owned.borrow().keys().map(String::as_str))?;
        let results = process(&self.db, models, &self.app, event).await?;
        Ok((results, recorder.finish()?))
    }

    /// Whether an error is the answer to a write of a model rather than a failure of its event: the
    /// id is taken or missing, or a unique value is taken.
    fn is_refused(&self, event: &Event, error: &Error) -> bool {
        own_model(&self.owned.borrow(), &event.event_type).is_some()
            && ["EEXIST", "ENOENT", "SQLITE_CONSTRAINT_UNIQUE"].contains(&error.code())
    }

    /// Keeps an event at fault. Call in a transaction.
    pub(super) fn keep_failed(&self, event: &Event, error: &Error) -> Result<()> {
        let err = format!("{}: {error}", error.code());
        queue::keep_failed(self.db.writer(), event, &err)
    }
}

/// An event's condition as it is kept, if it is one that this replica may make.
fn condition(x: Option<&str>, position: &Position) -> Result<Option<String>> {
    let Some(text) = x else { return Ok(None) };
    let bad = |what: String| Error::BadValue(format!("the condition of an event: {what}"));
    let condition = Condition::parse(text).map_err(|e| bad(e.to_string()))?;
    if condition.mine.is_some() || text.len() > limits::CONDITION_MADE {
        let most = limits::CONDITION_MADE;
        return Err(bad(format!("it may have {most} bytes, and mine is filled in later")));
    }
    if condition.since > position.at.seq {
        let (since, seq) = (condition.since, position.at.seq);
        return Err(bad(format!("since is {since}, but the log is confirmed up to {seq}")));
    }
    Ok(Some(text.to_string()))
}
