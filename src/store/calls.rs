//! Calls of pages that take effect once: a write is recorded in its own transaction, and a page
//! that sends it again, to the next leader, gets the recorded reply. The worker
//! of the class API decides which tab leads and which is gone.

use super::{Dispatched, Draft, Store};
use crate::error::{Error, Result};
use crate::event::{App, Event};
use crate::sql::{Conn, Param};

/// `reply` is null where the call failed and its event is kept in `_failed` already.
const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS _calls(tab TEXT NOT NULL, n INTEGER NOT NULL, reply TEXT,
  PRIMARY KEY(tab, n)) WITHOUT ROWID";

/// A call as its page numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The page's random name.
    pub tab: String,
    /// Its count of calls.
    pub n: u64,
    /// The page has the answer of every call below this one.
    pub done: u64,
    /// Whether it may have been sent before.
    pub again: bool,
}

/// What is known of a call.
enum Known {
    New,
    /// It failed, and its event is kept with its error.
    Failed,
    Done(String),
}

/// Creates the table. Call in a transaction.
pub(super) fn create(conn: &Conn) -> Result<()> {
    conn.exec(TABLE)
}

fn known(conn: &Conn, call: &Call) -> Result<Known> {
    if !call.again {
        return Ok(Known::New);
    }
    let params = [(&call.tab).into(), Param::Integer(call.n as i64)];
    let reply = conn.one("SELECT reply FROM _calls WHERE tab = ? AND n = ?", &params, |r| {
        Ok(r.opt_text(0)?.map(String::from))
    })?;
    Ok(match reply {
        None => Known::New,
        Some(None) => Known::Failed,
        Some(Some(reply)) => Known::Done(reply),
    })
}

/// Records a call, and forgets those whose answers have arrived. Call in the transaction of its
/// effect.
fn record(conn: &Conn, call: &Call, reply: Option<&str>) -> Result<()> {
    let done = [(&call.tab).into(), Param::Integer(call.done as i64)];
    conn.run("DELETE FROM _calls WHERE tab = ? AND n < ?", &done)?;
    let params = [(&call.tab).into(), Param::Integer(call.n as i64), reply.into()];
    conn.run("INSERT OR REPLACE INTO _calls(tab, n, reply) VALUES (?, ?, ?)", &params)?;
    Ok(())
}

impl<A: App> Store<A> {
    /// [`Store::dispatch`] for a call of a page. `write` makes the reply; a repeated call gets the
    /// one of the first time.
    ///
    /// # Errors
    /// Those of [`Store::dispatch`]. A call that failed had no effect and runs anew when
    /// it is repeated; an event that was kept as failed is not kept again.
    pub async fn dispatch_once(
        &self,
        drafts: Vec<Draft>,
        call: &Call,
        write: impl FnOnce(&[Dispatched]) -> Result<String>,
    ) -> Result<String> {
        let turn = self.enter().await?;
        let known = known(self.db.writer(), call)?;
        if let Known::Done(reply) = known {
            return Ok(reply);
        }
        let finish = |made: Vec<Dispatched>| {
            let reply = write(&made)?;
            record(self.db.writer(), call, Some(&reply))?;
            Ok(reply)
        };
        let keep = |event: &Event, error: &Error| match known {
            Known::Failed => Ok(()),
            _ => self.db.transaction(|| {
                self.keep_failed(event, error)?;
                record(self.db.writer(), call, None)
            }),
        };
        self.dispatch_in(&turn, drafts, finish, keep).await
    }

    /// The tabs of which calls are recorded.
    pub fn call_tabs(&self) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT tab FROM _calls";
        self.db.reader().all(sql, &[], |r| Ok(r.text(0)?.to_string()))
    }

    /// Forgets the calls of a tab that is gone.
    pub async fn forget_calls(&self, tab: &str) -> Result<()> {
        let _turn = self.enter().await?;
        self.db.writer().run("DELETE FROM _calls WHERE tab = ?", &[tab.into()])?;
        self.db.settle().await
    }
}
