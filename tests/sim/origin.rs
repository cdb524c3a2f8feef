//! The server's durable side in a simulation: one in memory, and the mutants of its rules.

use super::conditions::Order;
use super::mutants::Mutant;
use tidelog::error::Result;
use tidelog::sync;
use tidelog::sync::id::{ClientId, Epoch, Hash, Id};
use tidelog::sync::limits::Limits;
use tidelog::sync::memory::MemoryLog;
use tidelog::sync::server::{self, Decided, Facts, Log, Pulled, Reply, Validator};
use tidelog::sync::wire::{At, Entry, Kind, Last, Point, Pull, Push, to_json};

/// A server's log of name `sim`. Each call is one transaction.
pub(crate) trait Origin: Sized {
    /// A new log.
    fn create(mutant: Mutant) -> Self;
    /// Carries out a push; `reject` says what the [`verdict`]s are, if any, and `segment` is the
    /// most rows of a segment.
    fn push(
        &mut self,
        principal: &str,
        text: &str,
        reject: Option<u8>,
        segment: usize,
    ) -> Result<Reply>;
    /// Carries out a pull.
    fn pull(&mut self, principal: &str, text: &str, segment: usize) -> Result<Pulled>;
    /// Carries out a resume.
    fn resume(&mut self, principal: &str, text: &str) -> Result<Reply>;
    /// The server's operators have it append a row of its own; false when there is nothing to say.
    fn operate(&mut self, order: Order) -> Result<bool>;
    /// The rows after `seq`, each with the chain after it.
    fn rows(&self, after: u64) -> Vec<(Entry, Point)>;
    /// Dies and comes back with what is durable.
    fn reopen(&mut self);
    /// Before its `k`-th write from now, remembers what a death there would leave for the next
    /// [`Self::reopen`].
    fn arm(&mut self, _k: u64) {}
    /// Whether there were so many writes.
    fn caught(&mut self) -> bool {
        false
    }
    /// A copy as a backup would be.
    fn backup(&self) -> Self;
    /// The same log in a life of its own name.
    fn renamed(self, epoch: Epoch) -> Self;
}

/// Says no to about one event in seven, by its id and the server's life, so that each attempt in
/// one life gets the same verdict and one in another may not.
pub(crate) fn verdict<E>(entry: &Entry, life: u8) -> Result<Option<String>, E> {
    Ok(entry.id.as_bytes()[15].wrapping_add(life).is_multiple_of(7).then(|| "SEVENTH".into()))
}

/// A push whose answer has at most so many rows.
pub(crate) fn small_push(text: &str, segment: usize) -> Result<String> {
    let smaller = Push::parse(text).ok().map(|push| {
        let want = push.want.unwrap_or(u64::MAX).min(segment as u64);
        to_json(&Push { want: Some(want), ..push })
    });
    Ok(smaller.transpose()?.unwrap_or_else(|| text.into()))
}

/// A pull whose answer has at most so many rows.
pub(crate) fn small_pull(text: &str, segment: usize) -> Result<String> {
    let smaller =
        Pull::parse(text).ok().map(|pull| to_json(&Pull { limit: Some(segment as u64), ..pull }));
    Ok(smaller.transpose()?.unwrap_or_else(|| text.into()))
}

/// A log in memory.
#[derive(Debug, Clone)]
pub(crate) struct InMemoryOrigin {
    log: MemoryLog,
    mutant: Mutant,
}

impl Origin for InMemoryOrigin {
    fn create(mutant: Mutant) -> Self {
        InMemoryOrigin { log: MemoryLog::new("sim", Epoch::from_bytes([7; 8])), mutant }
    }
    fn push(
        &mut self,
        principal: &str,
        text: &str,
        reject: Option<u8>,
        segment: usize,
    ) -> Result<Reply> {
        let push = Push::parse(text).ok();
        let first_n = push.as_ref().and_then(|p| p.entries.first()).map_or(1, |e| e.n);
        let (at, client) = (push.as_ref().map(|p| p.at), push.as_ref().map(|p| p.client));
        let text = &match self.mutant {
            Mutant::AnyVersionTaken => text.replace("\"p\":3", "\"p\":2"),
            _ => text.to_string(),
        };
        let (log, mutant, pushes) = (&mut self.log, self.mutant, true);
        let mut bent = Bent { log, mutant, first_n, at, client, pushes, segment };
        let judge = reject.map(|life| move |entry: &Entry| verdict(entry, life));
        let validate = judge.as_ref().map(|j| j as Validator<'_, sync::Error>);
        Ok(server::push(&mut bent, principal, text, validate)?)
    }
    fn pull(&mut self, principal: &str, text: &str, segment: usize) -> Result<Pulled> {
        let at = Pull::parse(text).ok().map(|p| p.at);
        let log = &mut self.log;
        let (mutant, pushes) = (self.mutant, false);
        let bent = Bent { log, mutant, first_n: 1, at, client: None, pushes, segment };
        Ok(server::pull(&bent, principal, text)?)
    }
    fn resume(&mut self, principal: &str, text: &str) -> Result<Reply> {
        Ok(server::resume(&self.log, principal, text)?)
    }
    fn operate(&mut self, order: Order) -> Result<bool> {
        let decided = match order {
            Order::Void(id) => server::void(&self.log, &id)?,
            Order::Erase(id) => server::erase(&self.log, &id)?,
            Order::Trim(seq) => server::trim(&self.log, seq)?,
        };
        match decided {
            Some(decided) => {
                let appended = server::append(&mut self.log, &decided)?;
                Ok(matches!(appended, server::Appended::Rows(_)))
            }
            None => Ok(false),
        }
    }
    fn rows(&self, after: u64) -> Vec<(Entry, Point)> {
        let rows = self.log.rows().iter().enumerate().skip(after as usize);
        rows.filter_map(|(i, entry)| Some((entry.clone(), self.log.point(i as u64 + 1)?))).collect()
    }
    fn reopen(&mut self) {}
    fn backup(&self) -> Self {
        self.clone()
    }
    fn renamed(mut self, epoch: Epoch) -> Self {
        self.log.set_epoch(epoch);
        self
    }
}

/// The log as the rules see it, which without a mutant is the log as it is, in small segments.
pub(crate) struct Bent<'a> {
    log: &'a mut MemoryLog,
    mutant: Mutant,
    /// The first number of the push that is being carried out.
    first_n: u64,
    /// The cursor of the request.
    at: Option<At>,
    /// Whose it is.
    client: Option<ClientId>,
    /// Whether it is a push.
    pushes: bool,
    segment: usize,
}

impl<'a> Bent<'a> {
    /// The log as a gateway appends a message to it.
    pub(crate) fn appending(log: &'a mut MemoryLog, mutant: Mutant, decided: &Decided) -> Bent<'a> {
        let first_n = decided.entries.first().map_or(1, |entry| entry.n);
        let Point { seq, h } = decided.at;
        let (at, client) = (Some(At { epoch: None, seq, h }), Some(decided.client));
        Bent { log, mutant, first_n, at, client, pushes: true, segment: usize::MAX }
    }
}

impl Facts for Bent<'_> {
    type Error = sync::Error;

    fn epoch(&self) -> Result<Epoch, sync::Error> {
        self.log.epoch()
    }
    fn head(&self) -> Result<Point, sync::Error> {
        self.log.head()
    }
    fn hash_at(&self, seq: u64) -> Result<Option<Hash>, sync::Error> {
        match (self.mutant, self.at) {
            (Mutant::NoAtCheckOnPush | Mutant::HistoryUnchecked, Some(at))
                if at.seq == seq && self.pushes =>
            {
                Ok(Some(at.h))
            }
            (Mutant::NoAtCheckOnPull, Some(at)) if at.seq == seq && !self.pushes => Ok(Some(at.h)),
            (Mutant::EpochTrusted, Some(at)) if at.seq == seq && seq <= self.log.head()?.seq => {
                Ok((at.epoch.is_none() || at.epoch == Some(self.log.epoch()?)).then_some(at.h))
            }
            _ => self.log.hash_at(seq),
        }
    }
    fn trim(&self) -> Result<u64, sync::Error> {
        self.log.trim()
    }
    fn safe(&self) -> Result<u64, sync::Error> {
        self.log.safe()
    }
    fn read(
        &self,
        after: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, sync::Error> {
        self.log.read(after, max_events.min(self.segment), max_bytes)
    }
    fn last_of(&self, client: &ClientId) -> Result<Option<Last>, sync::Error> {
        let last = self.log.last_of(client)?;
        Ok(match self.mutant {
            // whatever comes is taken for the next one
            Mutant::NoDedupe if last.is_some_and(|l| l.n >= self.first_n) => {
                Some(Last { n: self.first_n - 1, id: Id::from_bytes([0; 16]) })
            }
            Mutant::NumberUnchecked | Mutant::NothingCompared
                if last.map_or(0, |l| l.n) + 1 != self.first_n && self.first_n > 1 =>
            {
                Some(Last { n: self.first_n - 1, id: Id::from_bytes([0; 16]) })
            }
            Mutant::NoGapCheck if last.map_or(0, |l| l.n) + 1 < self.first_n => {
                Some(Last { n: self.first_n - 1, id: Id::from_bytes([0; 16]) })
            }
            _ => last,
        })
    }
    fn id_of(&self, client: &ClientId, n: u64) -> Result<Option<Id>, sync::Error> {
        self.log.id_of(client, n)
    }
    fn seq_of(&self, id: &Id) -> Result<Option<u64>, sync::Error> {
        match self.mutant {
            Mutant::NoUniqueId | Mutant::NoDedupe | Mutant::DupDecidedOnly => Ok(None),
            _ => self.log.seq_of(id),
        }
    }
    fn owner_of(&self, client: &ClientId) -> Result<Option<String>, sync::Error> {
        match self.mutant {
            Mutant::OwnerUnchecked => Ok(None),
            _ => self.log.owner_of(client),
        }
    }
    fn limits(&self) -> Limits {
        self.log.limits()
    }
    fn floor(&self) -> Result<u64, sync::Error> {
        match self.mutant {
            Mutant::TrimUnheeded => Ok(0),
            _ => self.log.floor(),
        }
    }
    fn find(
        &self,
        since: u64,
        types: &[String],
        hit: &dyn Fn(&ClientId, Option<&str>) -> bool,
    ) -> Result<Option<Id>, sync::Error> {
        let stranger = ClientId::from_bytes([0xfe; 16]);
        match self.mutant {
            Mutant::ConditionUnchecked => Ok(None),
            Mutant::OwnEventsCounted => {
                self.log.find(since, types, &|_, body| hit(&stranger, body))
            }
            Mutant::NamesUnheeded => self.log.find(since, types, &|client, body| {
                hit(if Some(*client) == self.client { client } else { &stranger }, body)
            }),
            Mutant::ErasedUnmatched => {
                self.log.find(since, types, &|client, body| hit(client, body.or(Some("{}"))))
            }
            _ => self.log.find(since, types, hit),
        }
    }
}

impl Log for Bent<'_> {
    fn bind(&mut self, client: &ClientId, principal: &str) -> Result<(), sync::Error> {
        self.log.bind(client, principal)
    }
    fn append(&mut self, at: Point, row: &Entry) -> Result<(), sync::Error> {
        match self.mutant {
            // the verdict is given and forgotten
            Mutant::RejectionNotLogged if row.kind == Kind::Rej => Ok(()),
            Mutant::NoDedupe => self.log.append_unchecked(at, row),
            _ => self.log.append(at, row),
        }
    }
    fn erase(&mut self, id: &Id) -> Result<(), sync::Error> {
        self.log.erase(id)
    }
    fn raise(&mut self, floor: u64) -> Result<(), sync::Error> {
        self.log.raise(floor)
    }
}
