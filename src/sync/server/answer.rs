//! The answers: the segment after a cursor, and where histories part. Reads only.

use super::super::error::{Error, Result};
use super::super::id::ClientId;
use super::super::limits;
use super::super::refusal::Refusal;
use super::super::resume::{Resume, Resumed};
use super::super::wire::{self, At, Point, Pull, Pushed, Segment};
use super::decide::Asked;
use super::gate;
use super::log::Facts;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl Reply {
    /// A refusal as an answer.
    ///
    /// # Errors
    /// None in practice.
    pub fn refuse(refusal: &Refusal) -> Result<Reply> {
        Ok(Reply { status: refusal.status(), body: refusal.to_json()? })
    }

    fn ok<T: serde::Serialize>(message: &T) -> Result<Reply> {
        Ok(Reply { status: 200, body: wire::to_json(message)? })
    }

    /// Whether the request was carried out, so that its transaction is to be committed.
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }
}

/// What a pull comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The answer, good now.
    pub reply: Reply,
    /// Above 0 the segment is empty and the client would rather wait: hold the answer back for so
    /// long, and pull again as soon as something is appended.
    pub wait_ms: u64,
}

/// The answer to a push whose rows are in the facts.
///
/// # Errors
/// Those of the log's storage.
pub fn pushed<F: Facts>(facts: &F, asked: &Asked) -> Result<Reply, F::Error> {
    let segment = match asked.want {
        0 => None,
        want => {
            let mut segment = segment(facts, &asked.client, &asked.at, want)?;
            segment.limits = asked.limits.then(|| facts.limits());
            Some(segment)
        }
    };
    Ok(Reply::ok(&Pushed { p: wire::VERSION, segment })?)
}

/// Carries out a pull.
///
/// # Errors
/// Those of the log's storage.
pub fn pull<F: Facts>(facts: &F, principal: &str, text: &str) -> Result<Pulled, F::Error> {
    let (segment, wait_ms) = match try_pull(facts, principal, text)? {
        Ok(good) => good,
        Err(refusal) => return Ok(Pulled { reply: Reply::refuse(&refusal)?, wait_ms: 0 }),
    };
    let wait_ms = if segment.entries.is_empty() { wait_ms } else { 0 };
    Ok(Pulled { reply: Reply::ok(&segment)?, wait_ms })
}

/// Carries out a resume: says where the client's history and this one part.
///
/// # Errors
/// Those of the log's storage.
pub fn resume<F: Facts>(facts: &F, principal: &str, text: &str) -> Result<Reply, F::Error> {
    match try_resume(facts, principal, text)? {
        Ok(resumed) => Ok(Reply::ok(&resumed)?),
        Err(refusal) => Ok(Reply::refuse(&refusal)?),
    }
}

fn try_pull<F: Facts>(
    facts: &F,
    principal: &str,
    text: &str,
) -> Result<Result<(Segment, u64), Refusal>, F::Error> {
    let pull = match gate::read(text, Pull::parse) {
        Ok(pull) => pull,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(refusal) = gate::not_owner(facts.owner_of(&pull.client)?.as_deref(), principal) {
        return Ok(Err(refusal));
    }
    if let Some(refusal) = gate::not_in_history(facts, &pull.at)? {
        return Ok(Err(refusal));
    }
    let mut segment = segment(
        facts,
        &pull.client,
        &pull.at,
        pull.limit.unwrap_or(limits::SEGMENT_EVENTS as u64),
    )?;
    segment.limits = pull.limits.then(|| facts.limits());
    Ok(Ok((segment, pull.wait_ms.unwrap_or(0).min(limits::WAIT_MS))))
}

fn try_resume<F: Facts>(
    facts: &F,
    principal: &str,
    text: &str,
) -> Result<Result<Resumed, Refusal>, F::Error> {
    let resume = match gate::read(text, Resume::parse) {
        Ok(resume) => resume,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(refusal) = gate::not_owner(facts.owner_of(&resume.client)?.as_deref(), principal) {
        return Ok(Err(refusal));
    }
    let mut common = None;
    for (seq, h) in resume.known {
        if facts.hash_at(seq)? == Some(h) {
            common = Some(Point { seq, h });
            break;
        }
    }
    let mut have = String::with_capacity(resume.ids.len());
    for id in &resume.ids {
        have.push(if facts.seq_of(id)?.is_some() { '1' } else { '0' });
    }
    let last = facts.last_of(&resume.client)?;
    Ok(Ok(Resumed {
        p: wire::VERSION,
        epoch: facts.epoch()?,
        common,
        asof: facts.head()?,
        last,
        have,
    }))
}

/// The segment after `at`, which is in the history. `want` is brought into bounds.
fn segment<F: Facts>(
    facts: &F,
    client: &ClientId,
    at: &At,
    want: u64,
) -> Result<Segment, F::Error> {
    let most = facts.limits().bounded().segment;
    let want = want.clamp(1, most.entries as u64) as usize;
    let entries = facts.read(at.seq, want, most.bytes)?;
    let seq = at.seq + entries.len() as u64;
    // The stored chain, never one folded here: a client that folds the rows must find a
    // disagreement.
    let h = facts
        .hash_at(seq)?
        .ok_or_else(|| Error::Corrupt(format!("the log has no hash at position {seq}")))?;
    Ok(Segment {
        p: wire::VERSION,
        epoch: facts.epoch()?,
        from: at.point(),
        entries,
        to: Point { seq, h },
        head: facts.head()?.seq,
        safe: facts.safe()?,
        trim: facts.trim()?,
        last: facts.last_of(client)?,
        limits: None,
    })
}
