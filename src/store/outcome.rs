//! What became of an own event, asked by its id: by a page whose leader died before the answer
//! came.

use super::{Store, Verdict};
use crate::error::{Error, Result};
use crate::event::App;
use crate::sql::Param;
use crate::sync::wire::Kind;

impl<A: App> Store<A> {
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
        let sql = "SELECT seq, k, code FROM _log WHERE id = ? ORDER BY seq DESC LIMIT 1";
        let row = r.one(sql, &[(&id).into()], |row| {
            Ok((row.int(0)?, row.int(1)?, row.opt_text(2)?.map(String::from)))
        })?;
        let Some((seq, kind, code)) = row else { return Ok(None) };
        let dead = r.one("SELECT err FROM _dead WHERE seq = ?", &[Param::Integer(seq)], |row| {
            Ok(row.text(0)?.to_string())
        })?;
        let refused = [Kind::Rej, Kind::Void].iter().any(|k| i64::from(k.byte()) == kind);
        let refusal = match dead {
            _ if refused => Some(Error::Rejected(code.unwrap_or_else(|| "no reason given".into()))),
            Some(message) => Some(Error::User { phase: "event".into(), message }),
            None => None,
        };
        Ok(Some(Verdict { id, seq: seq as u64, refusal }))
    }
}
