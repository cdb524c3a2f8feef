//! The queue as the sync machine sees it.

use super::Store;
use crate::error::Result;
use crate::event::{Host, queue};
use crate::sync::client::Queue;
use crate::sync::id::Id;
use crate::sync::limits;
use crate::sync::wire::Outgoing;

impl<H: Host> Queue for Store<H> {
    fn top(&self) -> Result<u64> {
        Ok(self.position()?.top_n)
    }

    fn confirmed(&self) -> Result<u64> {
        Ok(self.position()?.confirmed_n)
    }

    fn outgoing(&self, from_n: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Outgoing>> {
        let top = self.position()?.top_n;
        let mut bytes = 0;
        let mut events = Vec::new();
        // an event above the top is being made: its commit may still be undone
        for p in queue::pending(self.db().reader(), from_n, max_events)?.into_iter().filter(|p| p.n <= top) {
            bytes += limits::size(&p.t, &p.b);
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            events.push(Outgoing { id: Id::from_bytes(p.id), n: p.n, t: p.t, tv: p.tv, b: p.b, ts: p.ts });
        }
        Ok(events)
    }
}

impl<H: Host> Store<H> {
    /// Marks pending events up to `n` as possibly gone out, durable when this returns.
    pub async fn mark_sent(&self, n: u64) -> Result<()> {
        let _turn = self.enter().await?;
        self.db().transaction(|| queue::mark_sent(self.db().writer(), n))?;
        // also with `relaxed`: the server must not learn of an event that a killed tab would forget
        self.db().flush().await
    }
}
