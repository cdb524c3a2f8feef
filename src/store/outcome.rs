//! What became of events: of an own one, asked by its id, as a page does whose leader died before
//! the answer came; and of those that have no effect at their place.

use super::{Noop, Store, Verdict};
use crate::error::{Error, Result};
use crate::event::{App, struck};
use crate::sql::Param;
use crate::sync::wire::Kind;

impl<A: App> Store<A> {
    /// How many confirmed events have no effect, and the last of them.
    pub fn noops(&self) -> Result<(u64, Option<Noop>)> {
        let r = self.db.reader();
        let count = r.one("SELECT count(*) FROM _dead", &[], |row| row.int(0))?.unwrap_or(0);
        let sql = "SELECT d.seq, d.id, l.t, d.err FROM _dead d JOIN _log l ON l.seq = d.seq
             ORDER BY d.seq DESC LIMIT 1";
        let last = r.one(sql, &[], |row| {
            let event_type = row.text(2)?.to_string();
            let error = Error::recorded(&event_type, row.text(3)?);
            let id = row.blob(1)?.try_into().unwrap_or_default();
            Ok(Noop { id, seq: row.int(0)? as u64, event_type, error })
        })?;
        Ok((count as u64, last))
    }

    /// The verdict on an event; `None` while it is pending. Reads the log backwards: such an event
    /// is a recent one, and an index over all ids would cost every confirmed event more than this
    /// rare question.
    pub fn verdict(&self, id: [u8; 16]) -> Result<Option<Verdict>> {
        let r = self.db.reader();
        let pending =
            r.one("SELECT 1 FROM _pending WHERE id = ? AND seq IS NULL", &[(&id).into()], |_| {
                Ok(())
            })?;
        if pending.is_some() {
            return Ok(None);
        }
        let sql = "SELECT seq, k, code, t FROM _log WHERE id = ? ORDER BY seq DESC LIMIT 1";
        let row = r.one(sql, &[(&id).into()], |row| {
            let code = row.opt_text(2)?.map(String::from);
            Ok((row.int(0)?, row.int(1)?, code, row.text(3)?.to_string()))
        })?;
        let Some((seq, kind, code, event_type)) = row else { return Ok(None) };
        let dead = r.one("SELECT err FROM _dead WHERE seq = ?", &[Param::Integer(seq)], |row| {
            Ok(row.text(0)?.to_string())
        })?;
        let refused = i64::from(Kind::Rej.byte()) == kind;
        let refusal = match dead {
            _ if struck::is(r, &id)? => Some(Error::Void),
            _ if refused => Some(Error::Rejected(code.unwrap_or_else(|| "no reason given".into()))),
            Some(recorded) => Some(Error::recorded(&event_type, &recorded)),
            None => None,
        };
        Ok(Some(Verdict { id, seq: seq as u64, refusal }))
    }
}
