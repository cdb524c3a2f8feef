//! Making the state anew from the log: when the reducers changed, or when an effect could not be
//! undone.

use super::Store;
use super::lane::Turn;
use crate::error::Result;
use crate::event::{App, Event, Known, Models, RULES, queue, struck};
use crate::model::fresh;
use crate::sql::Param;

/// Events read from the log at a time.
const CHUNK: usize = 1000;

impl<A: App> Store<A> {
    /// Empties the tables that events own and runs the whole queue again, in one transaction. With
    /// `version`, notes whose reducers made them.
    pub async fn rebuild(&self, _turn: &Turn, version: Option<i64>) -> Result<()> {
        let mut position = self.position()?;
        let models = self.owned();
        let tx = self.db.begin()?;
        position.held = self.remake(&models, position.at.seq).await?;
        self.write_cursor(&position)?;
        fresh(self.db.writer())?;
        if let Some(version) = version {
            queue::set_meta(self.db.writer(), "version", Param::Integer(version))?;
            queue::set_meta(self.db.writer(), "rules", Param::Integer(RULES))?;
        }
        tx.commit()?;
        self.db.settle().await?;
        *self.position.borrow_mut() = Some(position);
        Ok(())
    }

    /// The state anew: the log up to `to`, then what is pending. Gives the first event that this
    /// version does not know: the log is run up to there only.
    pub(super) async fn remake(&self, models: &Models, to: u64) -> Result<Option<u64>> {
        self.clear_owned()?;
        let held = self.replay(models, to).await?;
        let w = self.db.writer();
        // confirmed behind an event that is held no longer: run at its own place now
        let run = Param::Integer(held.map_or(i64::MAX, |seq| seq as i64));
        w.run("DELETE FROM _pending WHERE seq < ?", &[run])?;
        self.rerun(models, queue::pending(w)?.iter(), to).await?;
        Ok(held)
    }

    pub(super) fn clear_owned(&self) -> Result<()> {
        // in whatever order they refer to each other
        self.db.writer().exec("PRAGMA defer_foreign_keys = ON")?;
        for name in self.owned.borrow().keys() {
            self.model(name)?.clear(self.db.writer())?;
        }
        self.db.writer().exec("PRAGMA defer_foreign_keys = OFF")
    }

    /// Runs the confirmed events up to `to` again, without those that are struck out, or to before
    /// the first that this version does not know or that has no body, which it gives.
    pub(super) async fn replay(&self, models: &Models, to: u64) -> Result<Option<u64>> {
        let w = self.db.writer();
        w.run("DELETE FROM _dead", &[])?;
        let struck = struck::all(w)?;
        let mut last = 0;
        loop {
            let events = queue::confirmed(w, last, CHUNK, |row| {
                let id = row.blob(1)?.try_into().unwrap_or_default();
                let bare = row.int(6)? == 1;
                let event = Event {
                    v: row.int(0)? as u64,
                    id,
                    event_type: row.text(2)?.to_string(),
                    tv: row.int(3)? as u32,
                    data: row.text(4)?.to_string(),
                    ts: row.opt_int(5)?.unwrap_or(0),
                };
                Ok((event, bare))
            })?;
            let counts = |event: &Event| event.v <= to && !struck.contains(&event.id);
            for (event, bare) in events.iter().filter(|(event, _)| counts(event)) {
                if *bare {
                    return Ok(Some(event.v));
                }
                match self.knows(&event.event_type, event.tv) {
                    Known::Yes => self.run_confirmed(models, event).await?,
                    Known::PassOver => None,
                    Known::No => return Ok(Some(event.v)),
                };
            }
            match events.last() {
                Some((event, _)) if event.v < to && events.len() == CHUNK => last = event.v,
                _ => return Ok(None),
            }
        }
    }
}
