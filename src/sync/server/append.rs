//! Appending what was decided, in the order of the log: a pure function of the log so far and the
//! message, so whoever appends the same messages in the same order has the same log.

use super::super::chain;
use super::super::condition::Condition;
use super::super::id::{ClientId, Id};
use super::super::wire::{Body, Entry, Kind, Point};
use super::decide::Decided;
use super::log::Log;

/// The verdict on an event whose condition failed.
pub const CONFLICT: &str = "CONFLICT";

/// Why a push is left out, to be decided again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// It was decided in another history.
    History,
    /// The client belongs to somebody else by now.
    Owner,
    /// Its first number does not follow the client's last.
    Number,
}

/// What appending came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Appended {
    /// The rows are in the log, which has this head now.
    Rows(Point),
    /// Nothing was appended.
    Stale(Stale),
}

/// Appends the rows of a push, or leaves it out as a whole.
///
/// # Errors
/// Those of the log's storage.
pub fn append<L: Log>(log: &mut L, decided: &Decided) -> Result<Appended, L::Error> {
    let owner = log.owner_of(&decided.client)?;
    if let Some(stale) = stale(log, decided, owner.as_deref())? {
        return Ok(Appended::Stale(stale));
    }
    if owner.is_none() {
        log.bind(&decided.client, &decided.principal)?;
    }
    let mut head = log.head()?;
    for entry in &decided.entries {
        let row = placed(log, entry.clone())?;
        head = chain::step(head, &row);
        log.append(head, &row)?;
        match row.kind {
            Kind::Erased => row.names().map_or(Ok(()), |id| log.erase(&id))?,
            Kind::Trim => log.raise(row.trims().unwrap_or(0).max(log.floor()?))?,
            Kind::Event | Kind::Rej | Kind::Dup | Kind::Void => {}
        }
    }
    Ok(Appended::Rows(head))
}

fn stale<L: Log>(
    log: &L,
    decided: &Decided,
    owner: Option<&str>,
) -> Result<Option<Stale>, L::Error> {
    if log.hash_at(decided.at.seq)? != Some(decided.at.h) {
        return Ok(Some(Stale::History));
    }
    if owner.is_some_and(|owner| owner != decided.principal) {
        return Ok(Some(Stale::Owner));
    }
    let last = log.last_of(&decided.client)?.map_or(0, |l| l.n);
    let follows = decided.entries.first().is_some_and(|first| first.n == last + 1);
    Ok((!follows).then_some(Stale::Number))
}

/// The row as it is at its place.
fn placed<L: Log>(log: &L, row: Entry) -> Result<Entry, L::Error> {
    if log.seq_of(&row.id)?.is_some() {
        let (kind, body, reference) = (Kind::Dup, Body::from(""), Some(row.id));
        return Ok(Entry { kind, body, reference, code: None, ..row });
    }
    if row.kind != Kind::Event {
        return Ok(row);
    }
    Ok(match conflict(log, &row)? {
        Some(reference) => {
            let (kind, body, code) = (Kind::Rej, Body::from(""), Some(CONFLICT.to_string()));
            Entry { kind, body, reference, code, ..row }
        }
        None => row,
    })
}

/// Whether the event's condition fails here, and by which event. What lies below the floor may be
/// gone, so a condition that looks there fails, by none.
fn conflict<L: Log>(log: &L, row: &Entry) -> Result<Option<Option<Id>>, L::Error> {
    let Some(condition) = row.x.as_deref().map(Condition::parse).transpose()? else {
        return Ok(None);
    };
    if condition.since < log.floor()? {
        return Ok(Some(None));
    }
    let hit = |client: &ClientId, body: Option<&str>| {
        condition.concerns(&row.client, client) && condition.matches(body)
    };
    Ok(log.find(condition.since, &condition.types, &hit)?.map(Some))
}
