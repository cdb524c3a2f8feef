//! Whether a request may be looked at: its version, its form, whose client it is, and whether its
//! cursor is a point of this history.

use super::super::error::{Error, Result as Parsed};
use super::super::refusal::Refusal;
use super::super::wire::{self, At};
use super::log::Facts;

/// Reads a request of a version that is spoken here.
pub(super) fn read<T>(text: &str, parse: impl FnOnce(&str) -> Parsed<T>) -> Result<T, Refusal> {
    let (min, max) = wire::WINDOW;
    match wire::version(text) {
        Ok(p) if (min..=max).contains(&p) => parse(text).map_err(|e| refusal_of(&e)),
        Ok(_) => Err(Refusal::Upgrade { min, max }),
        Err(e) => Err(refusal_of(&e)),
    }
}

fn refusal_of(error: &Error) -> Refusal {
    match error {
        Error::TooLarge { limit, .. } => Refusal::TooLarge { limit: *limit },
        other => Refusal::Malformed(other.to_string()),
    }
}

/// A client that belongs to another principal is refused.
pub(super) fn not_owner(owner: Option<&str>, principal: &str) -> Option<Refusal> {
    owner.filter(|o| *o != principal).map(|_| {
        Refusal::Forbidden(
            "another principal was the first to push as this client, which is theirs since".into(),
        )
    })
}

/// The `at` check: the cursor must be a point of this very history. It stops a push that crossed a
/// rollback.
pub(super) fn not_in_history<F: Facts>(facts: &F, at: &At) -> Result<Option<Refusal>, F::Error> {
    let trim = facts.trim()?;
    if at.seq < trim {
        return Ok(Some(Refusal::Trimmed { trim }));
    }
    if facts.hash_at(at.seq)? == Some(at.h) {
        return Ok(None);
    }
    Ok(Some(Refusal::Diverged { epoch: facts.epoch()?, head: facts.head()? }))
}
