//! Opening the queue of a database: its tables, this replica's identity, where the queue stands.

use super::{EventOptions, Position, Store, calls};
use crate::error::{Error, Result};
use crate::event::{App, Known, RULES, queue};
use crate::model::stale;
use crate::sql::Param;
use crate::sync::chain;
use crate::sync::id::{ClientId, Epoch, Hash};
use crate::sync::wire::At;

impl<A: App> Store<A> {
    /// Opens the queue: creates or checks its tables, and rebuilds when the reducers' version or
    /// the engine's own rules are other ones. Add the models first.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` in a host's SQLite, which records no changesets.
    pub async fn open_events(&self, options: EventOptions) -> Result<()> {
        if self.db.is_hosted() {
            return Err(Error::NotSupported(
                "an event queue in a host's SQLite (give the database a file instead of an adapter: sync needs the bundled engine)",
            ));
        }
        let turn = self.enter().await?;
        let log = options.log.clone().unwrap_or_default();
        let version = options.version;
        let tx = self.db.begin()?;
        let w = self.db.writer();
        queue::create(w)?;
        calls::create(w)?;
        self.close_records();
        let client = match queue::meta_blob(w, "client")? {
            Some(bytes) => ClientId::from_slice(&bytes).ok_or_else(|| {
                Error::Corrupt("the client's id in the table _meta has not 16 bytes".into())
            })?,
            None => {
                let client = ClientId::from_bytes(self.app.random());
                queue::set_meta(w, "client", client.as_bytes().into())?;
                queue::set_meta(w, "log", Param::Text(&log))?;
                queue::set_meta(w, "version", Param::Integer(version))?;
                queue::set_meta(w, "rules", Param::Integer(RULES))?;
                client
            }
        };
        let birth = queue::meta_blob(w, "birth")?.and_then(|bytes| ClientId::from_slice(&bytes));
        if birth.is_none() {
            queue::set_meta(w, "birth", client.as_bytes().into())?;
        }
        let position = self.read_position(client, &log)?;
        // effects recorded for a table of another shape cannot be undone, and rows may break what
        // is declared now
        let reshaped = stale(w)?;
        tx.commit()?;
        self.db.settle().await?;
        self.birth.set(Some(birth.unwrap_or(client)));
        *self.options.borrow_mut() = options;
        *self.position.borrow_mut() = Some(position);
        let noted = |name| queue::meta_int(self.db.writer(), name);
        let other = noted("version")? != Some(version) || noted("rules")? != Some(RULES);
        if other
            || reshaped
            || self.held()?.is_some_and(|held| self.knows(&held.event_type, held.tv) != Known::No)
        {
            self.rebuild(&turn, Some(version)).await?;
        }
        Ok(())
    }

    fn read_position(&self, client: ClientId, log: &str) -> Result<Position> {
        let w = self.db.writer();
        let damaged =
            || Error::Corrupt("the position of the sync in the table _meta is damaged".into());
        let start = chain::start(log);
        let seq = queue::meta_int(w, "seq")?.map_or(start.seq, |seq| seq as u64);
        let h = match queue::meta_blob(w, "h")? {
            Some(bytes) => Hash::from_slice(&bytes).ok_or_else(damaged)?,
            None => start.h,
        };
        let epoch = match queue::meta_blob(w, "epoch")? {
            Some(bytes) => Some(Epoch::from_slice(&bytes).ok_or_else(damaged)?),
            None => None,
        };
        let asof = queue::meta_int(w, "asof")?.map(|seq| seq as u64);
        let held = queue::meta_int(w, "held")?.map(|seq| seq as u64);
        let confirmed_n = queue::meta_int(w, "confirmed_n")?.unwrap_or(0) as u64;
        let (pending, top) = w
            .one("SELECT count(*) FILTER (WHERE seq IS NULL), max(n) FROM _pending", &[], |r| {
                Ok((r.int(0)? as u64, r.opt_int(1)?))
            })?
            .unwrap_or((0, None));
        let at = match log {
            "" => At { epoch: None, seq: queue::head(w)?, h },
            _ => At { epoch, seq, h },
        };
        let top_n = top.map_or(0, |n| n as u64).max(confirmed_n);
        let (lo, older) = (queue::last_lo(w)?, queue::meta_int(w, "older")?);
        let limits = self.read_limits()?;
        Ok(Position { client, at, confirmed_n, top_n, pending, lo, asof, held, limits, older })
    }
}
