//! Rows that the server makes itself, for its operators: an event has no effect any more, its body
//! is gone, rows may be gone up to a position. Decided here, and appended like a push.

use super::super::id::{ClientId, Id};
use super::super::wire::{Body, Entry, Kind};
use super::decide::Decided;
use super::log::Facts;
use sha2::{Digest, Sha256};

/// Has an event of the log count no longer. None when the log has no such event.
///
/// # Errors
/// Those of the log's storage.
pub fn void<F: Facts>(facts: &F, id: &Id) -> Result<Option<Decided>, F::Error> {
    match event(facts, id)? {
        Some(_) => own_row(facts, Kind::Void, id.to_string()).map(Some),
        None => Ok(None),
    }
}

/// The same, and its body is deleted here and on every replica. None when the log has no such
/// event, or no body of it.
///
/// # Errors
/// Those of the log's storage.
pub fn erase<F: Facts>(facts: &F, id: &Id) -> Result<Option<Decided>, F::Error> {
    match event(facts, id)?.filter(|row| row.body.text().is_some()) {
        Some(_) => own_row(facts, Kind::Erased, id.to_string()).map(Some),
        None => Ok(None),
    }
}

/// Says that rows up to `seq` may be gone. None when that was said before, or the log is shorter.
///
/// # Errors
/// Those of the log's storage.
pub fn trim<F: Facts>(facts: &F, seq: u64) -> Result<Option<Decided>, F::Error> {
    match seq > facts.floor()? && seq <= facts.head()?.seq {
        true => own_row(facts, Kind::Trim, seq.to_string()).map(Some),
        false => Ok(None),
    }
}

/// The row of an event that counted where it was appended.
fn event<F: Facts>(facts: &F, id: &Id) -> Result<Option<Entry>, F::Error> {
    let Some(seq) = facts.seq_of(id)? else { return Ok(None) };
    let row = facts.read(seq - 1, 1, usize::MAX)?.into_iter().next();
    Ok(row.filter(|row| row.kind == Kind::Event && row.id == *id))
}

fn own_row<F: Facts>(facts: &F, kind: Kind, body: String) -> Result<Decided, F::Error> {
    let (client, at) = (ClientId::SERVER, facts.head()?);
    let n = facts.last_of(&client)?.map_or(0, |l| l.n) + 1;
    // no chance here: the same row after the same history is the same row
    let digest = Sha256::new()
        .chain_update(b"tidelog2 row")
        .chain_update([kind.byte()])
        .chain_update(n.to_be_bytes())
        .chain_update(at.h.as_bytes())
        .chain_update(&body)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    let entry = Entry {
        id: Id::from_bytes(id),
        client,
        n,
        event_type: String::new(),
        tv: 0,
        body: Body::Text(body),
        ts: None,
        x: None,
        kind,
        reference: None,
        code: None,
    };
    Ok(Decided { principal: String::new(), client, at, entries: vec![entry] })
}
