//! Making events: each is completed, run and logged in one transaction.

use super::{Position, Store};
use crate::error::{Error, Result};
use crate::event::queue::{self, LogRow, Pending};
use crate::event::{Event, Host, Models, Results, complete, process};
use crate::sql::Recorder;
use crate::sync::limits;
use crate::sync::wire::Kind;

/// An event to make.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Its identity, when the caller wants to be able to repeat the call.
    pub id: Option<[u8; 16]>,
    /// Its type.
    pub t: String,
    /// The schema version of its type.
    pub tv: u32,
    /// Its data as JSON text.
    pub b: String,
    /// When it was made; the host's clock when absent.
    pub ts: Option<i64>,
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

impl<H: Host> Store<H> {
    /// Makes events and runs them, all or none, durable when this returns.
    ///
    /// # Errors
    /// What a phase said. An event at fault is kept in the local history with its error; one that met a fault of the
    /// surroundings (no room, I/O) leaves nothing and may be dispatched again.
    pub async fn dispatch(&self, drafts: Vec<Draft>) -> Result<Vec<Dispatched>> {
        let _turn = self.enter().await?;
        let mut made = Vec::with_capacity(drafts.len());
        match self.dispatch_all(drafts, &mut made).await {
            Ok(position) => {
                *self.position.borrow_mut() = Some(position);
                Ok(made)
            }
            Err((error, Some(event))) if !error.is_environmental() => {
                self.keep_failed(&event, &error).await?;
                Err(error)
            }
            Err((error, _)) => Err(error),
        }
    }

    async fn dispatch_all(
        &self,
        drafts: Vec<Draft>,
        made: &mut Vec<Dispatched>,
    ) -> Result<Position, (Error, Option<Event>)> {
        let early = |error| (error, None);
        let models = self.models();
        let mut position = self.position().map_err(early)?;
        let tx = self.db.begin().map_err(early)?;
        for draft in drafts {
            let mut event = self.event(draft, &position);
            match self.make(&models, &mut event, &mut position).await {
                Ok(results) => made.push(Dispatched { event, results, pending: self.synced() }),
                Err(error) => return Err((error, Some(event))),
            }
        }
        tx.commit().map_err(early)?;
        self.db.settle().await.map_err(early)?;
        Ok(position)
    }

    fn event(&self, draft: Draft, position: &Position) -> Event {
        Event {
            id: draft.id.unwrap_or_else(|| self.host.random()),
            v: position.at.seq + position.pending + 1,
            t: draft.t,
            tv: draft.tv,
            b: draft.b,
            ts: draft.ts.unwrap_or_else(|| self.host.now()),
        }
    }

    async fn make(&self, models: &Models, event: &mut Event, position: &mut Position) -> Result<Results> {
        let synced = self.synced();
        if self.host.phases().preprocess {
            self.host.preprocess(event).await?;
        }
        if let Some(model) = event.t.strip_prefix("es/").and_then(|name| models.get(name))
            && let Some(b) = complete(self.db.writer(), model, &event.b, synced, self.host.random())?
        {
            event.b = b;
        }
        if synced {
            limits::check(&event.t, &event.b, self.options.borrow().max_body)?;
            let (results, undo) = self.run(models, event).await?;
            position.top_n += 1;
            position.pending += 1;
            position.lo += 1;
            queue::push(
                self.db.writer(),
                &Pending {
                    lo: position.lo,
                    n: position.top_n,
                    id: event.id,
                    t: event.t.clone(),
                    tv: event.tv,
                    b: event.b.clone(),
                    ts: Some(event.ts),
                    sent: false,
                    undo: Some(undo),
                    err: None,
                },
            )?;
            return Ok(results);
        }
        let results = process(&self.db, models, &self.host, event).await?;
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
                t: &event.t,
                tv: event.tv,
                b: &event.b,
                ts: Some(event.ts),
                k: Kind::E.byte(),
                reference: None,
                code: None,
            },
        )?;
        Ok(results)
    }

    /// Runs an event and records its effect, so that it can be undone.
    pub(super) async fn run(&self, models: &Models, event: &Event) -> Result<(Results, Vec<u8>)> {
        let owned = self.owned.borrow().clone();
        let recorder = Recorder::start(&self.db, owned.iter().map(String::as_str))?;
        let results = process(&self.db, models, &self.host, event).await?;
        Ok((results, recorder.finish()?))
    }

    async fn keep_failed(&self, event: &Event, error: &Error) -> Result<()> {
        self.db.transaction(|| {
            let err = format!("{}: {error}", error.code());
            queue::keep_failed(self.db.writer(), &event.id, &event.t, event.tv, &event.b, event.ts, &err)
        })?;
        self.db.settle().await
    }
}
