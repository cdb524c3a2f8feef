//! Making the state anew from the log: when the reducers changed, or when an effect could not be undone.

use super::Store;
use super::lane::Turn;
use crate::error::Result;
use crate::event::{Event, Host, Models, queue};
use crate::sql::Param;

/// Events read from the log at a time.
const CHUNK: usize = 1000;

impl<H: Host> Store<H> {
    /// Empties the tables that events own and runs the whole queue again, in one transaction. With `version`, notes
    /// whose reducers made them.
    pub async fn rebuild(&self, _turn: &Turn, version: Option<i64>) -> Result<()> {
        let position = self.position()?;
        let models = self.models();
        let tx = self.db.begin()?;
        self.clear_owned()?;
        self.replay(&models, position.at.seq).await?;
        for (k, p) in queue::pending(self.db.writer(), 0, usize::MAX)?.iter().enumerate() {
            self.run_pending(&models, p, position.at.seq + k as u64 + 1).await?;
        }
        if let Some(version) = version {
            queue::set_meta(self.db.writer(), "version", Param::Integer(version))?;
        }
        tx.commit()?;
        self.db.settle().await
    }

    pub(super) fn clear_owned(&self) -> Result<()> {
        for name in self.owned.borrow().iter() {
            self.model(name)?.clear(self.db.writer())?;
        }
        Ok(())
    }

    /// Runs the confirmed events up to `to` again.
    pub(super) async fn replay(&self, models: &Models, to: u64) -> Result<()> {
        let w = self.db.writer();
        w.run("DELETE FROM _dead", &[])?;
        let mut last = 0;
        loop {
            let events = queue::confirmed(w, last, CHUNK, |row| {
                let id = row.blob(1)?.try_into().unwrap_or_default();
                Ok(Event {
                    v: row.int(0)? as u64,
                    id,
                    t: row.text(2)?.to_string(),
                    tv: row.int(3)? as u32,
                    b: row.text(4)?.to_string(),
                    ts: row.opt_int(5)?.unwrap_or(0),
                })
            })?;
            for event in events.iter().filter(|e| e.v <= to) {
                self.run_confirmed(models, event).await?;
            }
            match events.last() {
                Some(event) if event.v < to && events.len() == CHUNK => last = event.v,
                _ => return Ok(()),
            }
        }
    }
}
