//! Access to the open transaction, by token.
//!
//! An application's transaction gets a token, and so does each phase of an event that runs users'
//! functions. A call that carries the valid token works inside the open transaction. Any other call
//! waits for its turn to write, or reads the last commit.

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
    /// Gives a token for the open transaction, to read or to write as well.
    pub(super) fn grant(&self, writes: bool) -> u32 {
        let token = self.last.get() + 1;
        self.last.set(token);
        self.open.set(Some(Grant { token, writes }));
        token
    }

    /// Makes the token invalid.
    pub(super) fn revoke(&self) {
        self.open.set(None);
    }

    /// Keeps the turn for an application's transaction; gives its token.
    pub(super) fn hold(&self, turn: Turn) -> u32 {
        self.turn.replace(Some(turn));
        self.grant(true)
    }

    /// Ends an application's transaction; its turn ends when the result is dropped.
    pub(super) fn release(&self, token: u32) -> Result<Turn> {
        self.check(token, true)?;
        self.revoke();
        self.turn.take().ok_or_else(over)
    }

    /// Whether the open transaction is an event's, and not the application's own.
    pub(super) fn is_phase(&self) -> bool {
        self.turn.borrow().is_none()
    }

    /// Whether `token` may read, and if asked write, inside the open transaction.
    pub(super) fn check(&self, token: u32, writes: bool) -> Result<()> {
        match self.open.get() {
            Some(grant) if grant.token == token && (grant.writes || !writes) => Ok(()),
            Some(grant) if grant.token == token => Err(Error::BadValue(
                "reducers only read: return the changes instead of writing them".into(),
            )),
            _ => Err(over()),
        }
    }
}

fn over() -> Error {
    Error::BadValue("this transaction is over: await every call made inside its function".into())
}
