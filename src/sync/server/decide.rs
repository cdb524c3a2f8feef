//! What a push comes to, from what the log knows: the rows to append, or a refusal. Writes nothing,
//! so it may run far from where rows are appended, and before others are.

use super::super::condition::Condition;
use super::super::error::{Error, Result as Parsed};
use super::super::id::ClientId;
use super::super::json;
use super::super::limits::{self, Limits};
use super::super::refusal::Refusal;
use super::super::wire::{At, Body, Entry, Kind, Outgoing, Point, Push};
use super::gate;
use super::log::Facts;
use serde::{Deserialize, Serialize};

/// The application's word on an event before it is appended: `Some(code)` rejects it. When it
/// fails, the push fails: nothing is appended, and the client comes again.
pub type Validator<'a, E> = &'a dyn Fn(&Entry) -> Result<Option<String>, E>;

/// Rows on their way to the log. They may travel: one JSON message is one push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Whose push it is.
    pub principal: String,
    /// The replica that pushed.
    pub client: ClientId,
    /// The log's head where it was decided: it holds only in a history that has this point.
    pub at: Point,
    /// The rows, contiguous, oldest first. Duplicates are found when they are appended.
    pub entries: Vec<Entry>,
}

impl Decided {
    /// As one message.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Parsed<String> {
        json::to_json(self)
    }

    /// Reads such a message.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Parsed<Decided> {
        let decided: Decided = json::parse(text, limits::PUSH_TEXT)?;
        decided.entries.iter().try_for_each(Entry::check)?;
        Ok(decided)
    }
}

/// What a push wants to hear once its rows are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The replica that asks.
    pub client: ClientId,
    /// Its cursor.
    pub at: At,
    /// Most rows wanted back; 0 for no segment.
    pub want: u64,
    /// Whether the limits are to be told.
    pub limits: bool,
}

/// What a push comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is refused.
    Refused(Refusal),
    /// The log has all of it.
    Nothing(Asked),
    /// These rows are to be appended.
    Push(Decided, Asked),
}

/// Decides on a push of `principal`.
///
/// # Errors
/// Those of the log's storage, and of the validator.
pub fn decide<F: Facts>(
    facts: &F,
    principal: &str,
    text: &str,
    validate: Option<Validator<'_, F::Error>>,
) -> Result<Decision, F::Error> {
    let push = match gate::read(text, Push::parse) {
        Ok(push) => push,
        Err(refusal) => return Ok(Decision::Refused(refusal)),
    };
    let owner = facts.owner_of(&push.client)?;
    if let Some(refusal) = gate::not_owner(owner.as_deref(), principal) {
        return Ok(Decision::Refused(refusal));
    }
    if let Some(refusal) = gate::not_in_history(facts, &push.at)? {
        return Ok(Decision::Refused(refusal));
    }
    if let Some(refusal) = too_large(&push, &facts.limits()) {
        return Ok(Decision::Refused(refusal));
    }
    let want = push.want.unwrap_or(limits::SEGMENT_EVENTS as u64);
    let asked = Asked { client: push.client, at: push.at, want, limits: push.limits };
    let fresh = match fresh(facts, push.client, push.entries)? {
        Ok(fresh) => fresh,
        Err(refusal) => return Ok(Decision::Refused(refusal)),
    };
    if fresh.is_empty() {
        return Ok(Decision::Nothing(asked));
    }
    for x in fresh.iter().filter_map(|event| event.x.as_deref()) {
        for name in Condition::parse(x)?.mine.unwrap_or_default() {
            let owner = facts.owner_of(&name)?;
            if let Some(refusal) = gate::not_owner(owner.as_deref(), principal) {
                return Ok(Decision::Refused(refusal));
            }
        }
    }
    let mut entries = Vec::with_capacity(fresh.len());
    for event in fresh {
        entries.push(judged(facts, push.client, event, validate)?);
    }
    let (principal, at) = (principal.to_string(), facts.head()?);
    Ok(Decision::Push(Decided { principal, client: push.client, at, entries }, asked))
}

/// What a push has more of than this server takes.
fn too_large(push: &Push, limits: &Limits) -> Option<Refusal> {
    let bytes: usize = push.entries.iter().map(Outgoing::size).sum();
    let over = if push.entries.len() > limits.push.entries {
        Some(limits.push.entries)
    } else if bytes > limits.push.bytes && push.entries.len() > 1 {
        Some(limits.push.bytes)
    } else {
        let checked = push.entries.iter().map(|e| limits::check_data(&e.data, limits));
        checked.filter_map(Result::err).find_map(|error| match error {
            Error::TooLarge { limit, .. } => Some(limit as usize),
            _ => None,
        })
    };
    over.map(|limit| Refusal::TooLarge { limit: limit as u64 })
}

/// The events that the log does not have yet: a push is contiguous, so they are its end.
fn fresh<F: Facts>(
    facts: &F,
    client: ClientId,
    events: Vec<Outgoing>,
) -> Result<Result<Vec<Outgoing>, Refusal>, F::Error> {
    let last = facts.last_of(&client)?;
    let n = last.map_or(0, |l| l.n);
    if events.first().is_some_and(|first| first.n > n + 1) {
        return Ok(Err(Refusal::Gap { expect: n + 1 }));
    }
    let mut fresh = Vec::new();
    for event in events {
        if event.n > n {
            fresh.push(event);
            continue;
        }
        // below `trim` the row may be gone; the client's cursor is past it, so it was read and
        // confirmed
        match (facts.id_of(&client, event.n)?, last) {
            (Some(id), Some(last)) if id != event.id => return Ok(Err(Refusal::Fork { last })),
            _ => {}
        }
    }
    Ok(Ok(fresh))
}

/// The event's row, after the application's word on it. An id that is known will become a
/// duplicate, so nobody is asked about it.
fn judged<F: Facts>(
    facts: &F,
    client: ClientId,
    event: Outgoing,
    validate: Option<Validator<'_, F::Error>>,
) -> Result<Entry, F::Error> {
    let known = facts.seq_of(&event.id)?.is_some();
    let row = event.row(client);
    let code = match validate {
        Some(validate) if !known => validate(&row)?,
        _ => None,
    };
    Ok(match code {
        Some(code) => {
            Entry { kind: Kind::Rej, body: Body::from(""), code: Some(shortened(code)), ..row }
        }
        None => row,
    })
}

fn shortened(mut code: String) -> String {
    let end =
        (0..=limits::CODE.min(code.len())).rev().find(|&i| code.is_char_boundary(i)).unwrap_or(0);
    code.truncate(end);
    code
}
