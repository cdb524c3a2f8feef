//! Coming back together with a server whose history is not the one that was read: rewind, and a new
//! identity. The client machine says when to do which.

use super::{Applied, Store};
use crate::error::Result;
use crate::event::{App, own, queue, struck};
use crate::sync::client::{Identify, Outcome, Rewind};
use crate::sync::condition::Condition;
use crate::sync::id::ClientId;
use crate::sync::wire::{At, Point};
use crate::sync::{limits, resume};

impl<A: App> Store<A> {
    /// Goes back to the last point that the server's history has, too. Own events after it are
    /// pending again; the state is made anew.
    ///
    /// # Errors
    /// Faults of the surroundings leave everything as it was.
    pub async fn rewind(&self, rewind: &Rewind) -> Result<Applied> {
        let _turn = self.enter().await?;
        let mut position = self.open_position()?;
        let Point { seq, h } = rewind.common;
        let rebuilt = seq < position.at.seq;
        let tx = self.db.begin()?;
        if rebuilt {
            position.pending += own::take_back(self.db.writer(), seq, position.client.as_bytes())?;
            self.lower_conditions(seq)?;
            position.held = self.remake(&self.owned(), seq).await?;
        }
        position.at = At { epoch: Some(rewind.epoch), seq, h };
        position.asof = Some(rewind.asof);
        self.write_cursor(&position)?;
        tx.commit()?;
        self.db.settle().await?;
        *self.position.borrow_mut() = Some(position);
        Ok(Applied { rebuilt, ..Applied::default() })
    }

    /// Sees to it that what is pending can be pushed: under this client if the numbers follow what
    /// the server has of it, else under a new one.
    ///
    /// # Errors
    /// Faults of the surroundings leave everything as it was.
    pub async fn identify(&self, identify: &Identify) -> Result<Applied> {
        let _turn = self.enter().await?;
        let mut position = self.position()?;
        let w = self.db.writer();
        let tx = self.db.begin()?;
        let numbers = queue::numbers(w)?;
        let mut outcome = Outcome::default();
        if identify.renew
            || !resume::follows(identify.last, position.top_n, numbers.iter().copied())
        {
            self.keep_name(&position.client)?;
            position.client = ClientId::from_bytes(self.app.random());
            position.top_n = position.pending;
            own::renumber(w)?;
            queue::set_meta(w, "client", position.client.as_bytes().into())?;
            outcome.client = Some(position.client);
        }
        position.confirmed_n = position.top_n - position.pending;
        position.asof = None;
        self.write_cursor(&position)?;
        tx.commit()?;
        self.db.settle().await?;
        *self.position.borrow_mut() = Some(position);
        Ok(Applied { outcome, ..Applied::default() })
    }

    /// Nobody has read more than the common point of the history that is left.
    fn lower_conditions(&self, since: u64) -> Result<()> {
        let w = self.db.writer();
        for (lo, x) in queue::conditions(w)? {
            let mut condition = Condition::parse(&x)?;
            if condition.since > since {
                condition.since = since;
                queue::set_condition(w, lo, &condition.to_text()?)?;
            }
        }
        Ok(())
    }

    /// Keeps a name that was this replica's, for the conditions of later events.
    fn keep_name(&self, name: &ClientId) -> Result<()> {
        let w = self.db.writer();
        let mut former = queue::meta_blob(w, "former")?.unwrap_or_default();
        former.extend(name.as_bytes());
        let start = former.len().saturating_sub(16 * limits::CONDITION_MINE);
        queue::set_meta(w, "former", former[start..].into())
    }

    /// Keeps the point that a segment ended at, and gives up those that it makes superfluous.
    pub(super) fn remember(&self, point: &Point) -> Result<()> {
        let w = self.db.writer();
        if struck::first_bare(w)?.is_some() {
            // going back to here would not bring the body
            return Ok(());
        }
        own::add_known(w, point.seq, point.h.as_bytes())?;
        let seqs: Vec<u64> = own::known(w)?.into_iter().map(|(seq, _)| seq).collect();
        let keep = resume::keep(point.seq, &seqs);
        seqs.iter().filter(|seq| !keep.contains(seq)).try_for_each(|&seq| own::forget_known(w, seq))
    }
}
