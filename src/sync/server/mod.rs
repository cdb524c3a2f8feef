//! The server's rules over any log: [`decide`] says what a push comes to, [`append`] appends it in
//! the order of the log, and [`pushed`], [`pull`] and [`resume`] answer.
//!
//! The two may be apart in place and time: what is decided can travel as one message of an ordered
//! stream, which several gateways read back and append, and all of them have the same log. A log in
//! one place does both in one transaction: [`push`]. Whether the principal may use the log at all
//! was decided before (`authorize`).
//!
//! [`void`], [`erase`] and [`trim`] decide on rows that the server makes itself.

mod answer;
mod append;
mod decide;
mod gate;
mod log;
mod operate;

pub use answer::{Pulled, Reply, pull, pushed, resume};
pub use append::{Appended, CONFLICT, Stale, append};
pub use decide::{Asked, Decided, Decision, Validator, decide};
pub use log::{Facts, Log};
pub use operate::{erase, trim, void};

use super::error::{Error, Result};

/// Carries out a push where the log is in one place. The caller opens the transaction, commits it
/// when the answer is a 200, rolls back otherwise, and answers after the commit is durable.
///
/// # Errors
/// Those of the log's storage.
pub fn push<L: Log>(
    log: &mut L,
    principal: &str,
    text: &str,
    validate: Option<Validator<'_, L::Error>>,
) -> Result<Reply, L::Error> {
    let asked = match decide(log, principal, text, validate)? {
        Decision::Refused(refusal) => return Ok(Reply::refuse(&refusal)?),
        Decision::Nothing(asked) => asked,
        Decision::Push(decided, asked) => {
            if let Appended::Stale(stale) = append(log, &decided)? {
                let what = format!("a push became stale ({stale:?}) in its own transaction");
                return Err(Error::Corrupt(what).into());
            }
            asked
        }
    };
    pushed(log, &asked)
}

#[cfg(test)]
mod apart_tests;
#[cfg(test)]
mod condition_tests;
#[cfg(test)]
mod tests;
