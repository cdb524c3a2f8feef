//! Running events that were made before: at their final place in the log, or pending again at the
//! place they have now; and undoing what pending ones did.

use super::Store;
use crate::error::{Error, Result};
use crate::event::queue::{self, Pending};
use crate::event::{App, Event, Known, Models, process};
use crate::sql::undo;

impl<A: App> Store<A> {
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
    pub(super) fn undo_after(&self, pending: &[Pending], keep: usize) -> Result<bool> {
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
            let err = format!(
                "HELD: this version of the application does not know events of type '{}' in version {}",
                p.event_type, p.tv
            );
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
}
