//! Who may touch the open transaction: the application's own, or a phase of an event that runs
//! users' functions.
//!
//! Each gets a token; calls that carry it work inside the transaction, all others queue or read the
//! last commit.

use std::cell::{Cell, RefCell};

use crate::error::{Error, Result};
use crate::store::Turn;

/// The token that is valid now, if any.
#[derive(Debug, Default)]
pub(super) struct Access {
    last: Cell<u32>,
    open: Cell<Option<Grant>>,
    /// The turn of an application's transaction.
    turn: RefCell<Option<Turn>>,
}

#[derive(Debug, Clone, Copy)]
struct Grant {
    token: u32,
    writes: bool,
}

impl Access {
    /// Opens the transaction to whoever holds the token.
    pub(super) fn grant(&self, writes: bool) -> u32 {
        let token = self.last.get() + 1;
        self.last.set(token);
        self.open.set(Some(Grant { token, writes }));
        token
    }

    /// Ends what was granted.
    pub(super) fn revoke(&self) {
        self.open.set(None);
    }

    /// Keeps the lane for an application's transaction.
    pub(super) fn hold(&self, turn: Turn) -> u32 {
        self.turn.replace(Some(turn));
        self.grant(true)
    }

    /// Ends an application's transaction; the turn is over when the result is dropped.
    pub(super) fn release(&self, token: u32) -> Result<Turn> {
        self.check(token, true)?;
        self.revoke();
        self.turn.take().ok_or_else(over)
    }

    /// Whether what is open is open to a phase of an event.
    pub(super) fn is_phase(&self) -> bool {
        self.turn.borrow().is_none()
    }

    /// Whether `token` may read, and if asked write, inside the open transaction.
    pub(super) fn check(&self, token: u32, writes: bool) -> Result<()> {
        match self.open.get() {
            Some(grant) if grant.token == token && (grant.writes || !writes) => Ok(()),
            Some(grant) if grant.token == token => {
                Err(Error::BadValue("reducers only read: return what is to be written".into()))
            }
            _ => Err(over()),
        }
    }
}

fn over() -> Error {
    Error::BadValue("this transaction is over: await every call inside it".into())
}
