//! The queue as the sync machine sees it.

use super::Store;
use crate::error::{Error, Result};
use crate::event::{App, own, queue};
use crate::sql::Param;
use crate::sync::chain;
use crate::sync::client::Queue;
use crate::sync::condition::Condition;
use crate::sync::id::{ClientId, Hash, Id};
use crate::sync::limits::Limits;
use crate::sync::wire::{Outgoing, Point, to_json};

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
            let event = Outgoing {
                id: Id::from_bytes(p.id),
                n,
                event_type: p.event_type,
                tv: p.tv,
                data: p.data,
                ts: p.ts,
                x: p.x.map(|x| self.with_names(&x)).transpose()?,
            };
            bytes += event.size();
            if bytes > max_bytes && !events.is_empty() {
                break;
            }
            events.push(event);
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
    /// A condition with this replica's former names.
    fn with_names(&self, x: &str) -> Result<String> {
        let mut condition = Condition::parse(x)?;
        let former = queue::meta_blob(self.db().reader(), "former")?.unwrap_or_default();
        let names: Vec<ClientId> = former.chunks(16).filter_map(ClientId::from_slice).collect();
        condition.mine = (!names.is_empty()).then_some(names);
        Ok(condition.to_text()?)
    }

    /// Marks pending events up to `n` as possibly gone out, durable when this returns.
    pub async fn mark_sent(&self, n: u64) -> Result<()> {
        let _turn = self.enter().await?;
        self.db().transaction(|| queue::mark_sent(self.db().writer(), n))?;
        // also with `relaxed`: the server must not learn of an event that a killed tab would forget
        self.db().flush().await
    }

    /// The limits that a server told last; the usual ones before that.
    pub(super) fn read_limits(&self) -> Result<Limits> {
        let sql = "SELECT v FROM _meta WHERE k = 'limits'";
        let told = self.db().writer().one(sql, &[], |r| Ok(r.opt_text(0)?.map(String::from)))?;
        let told = told.flatten().and_then(|text| serde_json::from_str::<Limits>(&text).ok());
        Ok(told.unwrap_or_default().bounded())
    }

    pub(super) fn write_limits(&self, limits: &Limits) -> Result<()> {
        let text = to_json(limits)?;
        queue::set_meta(self.db().writer(), "limits", text.as_str().into())
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
