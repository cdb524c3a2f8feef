//! The server's rules: what a push appends and what a pull reads, over any [`ServerLog`].
//!
//! Whether the principal may use the log at all was decided before (`authorize`). The caller opens
//! the transaction, commits it when the answer is a 200, rolls back otherwise, and answers after
//! the commit is durable.

use super::chain;
use super::error::{Error, Result};
use super::id::{ClientId, Epoch, Hash, Id};
use super::limits;
use super::refusal::Refusal;
use super::resume::{Resume, Resumed};
use super::wire::{self, At, Entry, Kind, Last, Point, Pull, Push, Pushed, Segment};

/// One log as the server stores it. Every method works inside the caller's transaction.
pub trait ServerLog {
    /// What its storage says when it fails.
    type Error: From<Error>;
    /// This log's epoch.
    fn epoch(&self) -> Result<Epoch, Self::Error>;
    /// The last position.
    fn head(&self) -> Result<Point, Self::Error>;
    /// The chain at `seq`; at 0 it is the chain's beginning. `None` beyond the head or below what
    /// is kept.
    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, Self::Error>;
    /// The highest `seq` whose row is gone, 0 if none is.
    fn trim(&self) -> Result<u64, Self::Error>;
    /// The highest `seq` known to be in an independent durable copy.
    fn safe(&self) -> Result<u64, Self::Error>;
    /// Rows after `after`: at most so many, and so many bytes by [`limits::size`], but at least one
    /// if there is one.
    fn read(
        &self,
        after: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, Self::Error>;
    /// The last row of a client.
    fn last_of(&self, client: &ClientId) -> Result<Option<Last>, Self::Error>;
    /// The id under `(client, n)`; `None` when there is none or its row is gone.
    fn id_of(&self, client: &ClientId, n: u64) -> Result<Option<Id>, Self::Error>;
    /// Where the id stands, also when its row is gone.
    fn seq_of(&self, id: &Id) -> Result<Option<u64>, Self::Error>;
    /// The principal that a client belongs to.
    fn owner_of(&self, client: &ClientId) -> Result<Option<String>, Self::Error>;
    /// Gives a client to a principal, for good.
    fn bind(&mut self, client: &ClientId, principal: &str) -> Result<(), Self::Error>;
    /// Appends a row, which becomes `at`.
    fn append(&mut self, at: Point, row: &Entry) -> Result<(), Self::Error>;
}

/// The application's word on an event before it is appended: `Some(code)` rejects it. When it
/// fails, the push fails: nothing is appended, and the client comes again.
pub type Validator<'a, E> = &'a dyn Fn(&Entry) -> Result<Option<String>, E>;

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

/// Carries out a push. Appends nothing unless the answer is a 200.
///
/// # Errors
/// Those of the log's storage.
pub fn push<L: ServerLog>(
    log: &mut L,
    principal: &str,
    text: &str,
    validate: Option<Validator<'_, L::Error>>,
) -> Result<Reply, L::Error> {
    match try_push(log, principal, text, validate)? {
        Ok(segment) => Ok(Reply::ok(&Pushed { p: wire::VERSION, segment })?),
        Err(refusal) => Ok(Reply::refuse(&refusal)?),
    }
}

/// Carries out a pull.
///
/// # Errors
/// Those of the log's storage.
pub fn pull<L: ServerLog>(log: &L, principal: &str, text: &str) -> Result<Pulled, L::Error> {
    let (segment, wait_ms) = match try_pull(log, principal, text)? {
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
pub fn resume<L: ServerLog>(log: &L, principal: &str, text: &str) -> Result<Reply, L::Error> {
    match try_resume(log, principal, text)? {
        Ok(resumed) => Ok(Reply::ok(&resumed)?),
        Err(refusal) => Ok(Reply::refuse(&refusal)?),
    }
}

/// The answer to the verbs that are not built yet: live, range.
///
/// # Errors
/// None in practice.
pub fn not_supported() -> Result<Reply> {
    Reply::refuse(&Refusal::NotSupported)
}

fn try_push<L: ServerLog>(
    log: &mut L,
    principal: &str,
    text: &str,
    validate: Option<Validator<'_, L::Error>>,
) -> Result<Result<Option<Segment>, Refusal>, L::Error> {
    let push =
        match check_version(text).and_then(|()| Push::parse(text).map_err(|e| refusal_of(&e))) {
            Ok(push) => push,
            Err(refusal) => return Ok(Err(refusal)),
        };
    let owner = log.owner_of(&push.client)?;
    if let Some(refusal) = not_owner(owner.as_deref(), principal) {
        return Ok(Err(refusal));
    }
    if let Some(refusal) = not_in_history(log, &push.at)? {
        return Ok(Err(refusal));
    }
    let mut last = log.last_of(&push.client)?;
    let mut head = log.head()?;
    let mut bound = owner.is_some();
    for event in push.entries {
        let n = last.map_or(0, |l| l.n);
        if event.n <= n {
            // below `trim` the row may be gone; the client's cursor is past it, so it was read and
            // confirmed
            match (log.id_of(&push.client, event.n)?, last) {
                (Some(id), Some(last)) if id != event.id => return Ok(Err(Refusal::Fork { last })),
                _ => continue,
            }
        }
        // Only the first event can be here or above, because a push is contiguous: nothing was
        // appended yet.
        if event.n > n + 1 {
            return Ok(Err(Refusal::Gap { expect: n + 1 }));
        }
        if !bound {
            log.bind(&push.client, principal)?;
            bound = true;
        }
        let mut row = Entry {
            id: event.id,
            client: push.client,
            n: event.n,
            event_type: event.event_type,
            tv: event.tv,
            data: event.data,
            ts: event.ts,
            kind: Kind::Event,
            reference: None,
            code: None,
        };
        if log.seq_of(&row.id)?.is_some() {
            row = Entry { kind: Kind::Dup, data: String::new(), reference: Some(row.id), ..row };
        } else if let Some(code) = validate.map_or(Ok(None), |v| v(&row))? {
            row =
                Entry { kind: Kind::Rej, data: String::new(), code: Some(shortened(code)), ..row };
        }
        head = chain::step(head, &row);
        log.append(head, &row)?;
        last = Some(Last { n: row.n, id: row.id });
    }
    let want = push.want.unwrap_or(limits::SEGMENT_EVENTS as u64);
    if want == 0 {
        return Ok(Ok(None));
    }
    Ok(Ok(Some(segment(log, &push.client, &push.at, want)?)))
}

fn try_pull<L: ServerLog>(
    log: &L,
    principal: &str,
    text: &str,
) -> Result<Result<(Segment, u64), Refusal>, L::Error> {
    let pull =
        match check_version(text).and_then(|()| Pull::parse(text).map_err(|e| refusal_of(&e))) {
            Ok(pull) => pull,
            Err(refusal) => return Ok(Err(refusal)),
        };
    if let Some(refusal) = not_owner(log.owner_of(&pull.client)?.as_deref(), principal) {
        return Ok(Err(refusal));
    }
    if let Some(refusal) = not_in_history(log, &pull.at)? {
        return Ok(Err(refusal));
    }
    let segment =
        segment(log, &pull.client, &pull.at, pull.limit.unwrap_or(limits::SEGMENT_EVENTS as u64))?;
    Ok(Ok((segment, pull.wait_ms.unwrap_or(0).min(limits::WAIT_MS))))
}

fn try_resume<L: ServerLog>(
    log: &L,
    principal: &str,
    text: &str,
) -> Result<Result<Resumed, Refusal>, L::Error> {
    let resume =
        match check_version(text).and_then(|()| Resume::parse(text).map_err(|e| refusal_of(&e))) {
            Ok(resume) => resume,
            Err(refusal) => return Ok(Err(refusal)),
        };
    if let Some(refusal) = not_owner(log.owner_of(&resume.client)?.as_deref(), principal) {
        return Ok(Err(refusal));
    }
    let mut common = None;
    for (seq, h) in resume.known {
        if log.hash_at(seq)? == Some(h) {
            common = Some(Point { seq, h });
            break;
        }
    }
    let mut have = String::with_capacity(resume.ids.len());
    for id in &resume.ids {
        have.push(if log.seq_of(id)?.is_some() { '1' } else { '0' });
    }
    let last = log.last_of(&resume.client)?;
    Ok(Ok(Resumed { p: wire::VERSION, epoch: log.epoch()?, common, asof: log.head()?, last, have }))
}

/// The segment after `at`, which is in the history. `want` is brought into bounds.
fn segment<L: ServerLog>(
    log: &L,
    client: &ClientId,
    at: &At,
    want: u64,
) -> Result<Segment, L::Error> {
    let want = want.clamp(1, limits::SEGMENT_EVENTS as u64) as usize;
    let entries = log.read(at.seq, want, limits::SEGMENT_BYTES)?;
    let seq = at.seq + entries.len() as u64;
    // The stored chain, never one folded here: a client that folds the rows must find a
    // disagreement.
    let h = log
        .hash_at(seq)?
        .ok_or_else(|| Error::Corrupt(format!("the log has no hash at position {seq}")))?;
    Ok(Segment {
        epoch: log.epoch()?,
        from: at.point(),
        entries,
        to: Point { seq, h },
        head: log.head()?.seq,
        safe: log.safe()?,
        trim: log.trim()?,
        last: log.last_of(client)?,
    })
}

fn check_version(text: &str) -> Result<(), Refusal> {
    let (min, max) = wire::WINDOW;
    match wire::version(text) {
        Ok(p) if (min..=max).contains(&p) => Ok(()),
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

fn not_owner(owner: Option<&str>, principal: &str) -> Option<Refusal> {
    owner.filter(|o| *o != principal).map(|_| {
        Refusal::Forbidden(
            "another principal was the first to push as this client, which is theirs since".into(),
        )
    })
}

/// The `at` check: the cursor must be a point of this very history. It stops a push that crossed a
/// rollback.
fn not_in_history<L: ServerLog>(log: &L, at: &At) -> Result<Option<Refusal>, L::Error> {
    let trim = log.trim()?;
    if at.seq < trim {
        return Ok(Some(Refusal::Trimmed { trim }));
    }
    if log.hash_at(at.seq)? == Some(at.h) {
        return Ok(None);
    }
    Ok(Some(Refusal::Diverged { epoch: log.epoch()?, head: log.head()? }))
}

fn shortened(mut code: String) -> String {
    let end =
        (0..=limits::CODE.min(code.len())).rev().find(|&i| code.is_char_boundary(i)).unwrap_or(0);
    code.truncate(end);
    code
}

#[cfg(test)]
mod tests;
