//! The queue as the sync machine sees it.

use super::Store;
use crate::error::{Error, Result};
use crate::event::{App, own, queue};
use crate::sql::Param;
use crate::sync::client::Queue;
use crate::sync::id::{Hash, Id};
use crate::sync::wire::{Outgoing, Point};
use crate::sync::{chain, limits};

impl<A: App> Queue for Store<A> {
    type Error = Error;

    fn top(&self) -> Result<u64> {
        Ok(self.position()?.top_n)
    }

    fn pending(&self) -> Result<u64> {
        Ok(self.position()?.pending)
    }

    fn outgoing(&self, from_n: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Outgoing>> {
        let top = self.position()?.top_n;
        let mut bytes = 0;
        let mut events = Vec::new();
        for p in queue::numbered(self.db().reader(), from_n, max_events)? {
            // one above the top is being made: its commit may still be undone
            let Some(n) = p.n.filter(|n| *n <= top) else { break };
            bytes += limits::size(&p.event_type, &p.data);
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            events.push(Outgoing {
                id: Id::from_bytes(p.id),
                n,
                event_type: p.event_type,
                tv: p.tv,
                data: p.data,
                ts: p.ts,
            });
        }
        Ok(events)
    }

    fn known(&self) -> Result<Vec<Point>> {
        let damaged = || Error::Corrupt("a hash in the table _known has not 16 bytes".into());
        let kept = own::known(self.db().reader())?.into_iter();
        let mut points: Vec<Point> = kept
            .map(|(seq, h)| Ok(Point { seq, h: Hash::from_slice(&h).ok_or_else(damaged)? }))
            .collect::<Result<_>>()?;
        let log = self.options.borrow().log.clone();
        points.push(chain::start(&log.unwrap_or_default()));
        Ok(points)
    }
}

impl<A: App> Store<A> {
    /// Marks pending events up to `n` as possibly gone out, durable when this returns.
    pub async fn mark_sent(&self, n: u64) -> Result<()> {
        let _turn = self.enter().await?;
        self.db().transaction(|| queue::mark_sent(self.db().writer(), n))?;
        // also with `relaxed`: the server must not learn of an event that a killed tab would forget
        self.db().flush().await
    }

    /// Whether the application's switch allows syncing.
    ///
    /// # Errors
    /// Only the storage's.
    pub fn online(&self) -> Result<bool> {
        Ok(queue::meta_int(self.db().reader(), "offline")?.unwrap_or(0) == 0)
    }

    /// Keeps the application's switch, durable when this returns.
    ///
    /// # Errors
    /// Only the storage's.
    pub async fn set_online(&self, online: bool) -> Result<()> {
        let _turn = self.enter().await?;
        let offline = Param::Integer((!online).into());
        self.db().transaction(|| queue::set_meta(self.db().writer(), "offline", offline))?;
        self.db().settle().await
    }
}
