//! Whether a client is calm: it does not ask on when it was told to stop, nor again and again
//! without getting anywhere. Part of `drains`, at any time and whatever the server says.

use std::collections::{HashSet, VecDeque};
use tidelog::sync::id::Hash;

/// Requests within a minute that come to nothing. With full jitter below 30 s, 24 failures within
/// one minute have a chance of less than one in 10^10.
const MOST: usize = 30;
/// Rewinds within a minute, when the server was not put back meanwhile.
const MOST_REWINDS: usize = 20;
const MINUTE: u64 = 60_000;

/// One client's requests as the outside sees them.
#[derive(Debug, Default)]
pub(crate) struct Calm {
    /// Times of requests since it last got anywhere.
    asked: VecDeque<u64>,
    rewound: VecDeque<u64>,
    /// Points that it reached since its last rewind.
    reached: HashSet<Hash>,
    /// It was told to ask no more, by this answer.
    barred: Option<&'static str>,
    /// It was asked not to come before.
    not_before: u64,
}

impl Calm {
    /// Its process was started, or its application said something: it may try at once, as often as
    /// that happens.
    pub(crate) fn prodded(&mut self) {
        self.asked.clear();
        self.rewound.clear();
    }

    /// It was told to try at once, whatever the server said.
    pub(crate) fn woken(&mut self) {
        self.not_before = 0;
        self.prodded();
    }

    /// It was let in again.
    pub(crate) fn admitted(&mut self) {
        self.barred = None;
        self.woken();
    }

    /// The server asked it to come back at that time.
    pub(crate) fn put_off(&mut self, until: u64) {
        self.not_before = until;
    }

    /// The server told it to ask no more until something changes here.
    pub(crate) fn bar(&mut self, why: &'static str) {
        self.barred = Some(why);
    }

    /// It has read up to here.
    pub(crate) fn reach(&mut self, h: Hash) {
        if self.reached.insert(h) {
            self.asked.clear();
        }
    }

    /// It went back.
    pub(crate) fn rewind(&mut self, now: u64) -> Result<(), String> {
        self.reached.clear();
        count(&mut self.rewound, now, MOST_REWINDS, "rewinds")
    }

    /// It asks.
    pub(crate) fn ask(&mut self, now: u64) -> Result<(), String> {
        if let Some(why) = self.barred {
            return Err(format!("asks on although it was told {why}"));
        }
        if now < self.not_before {
            return Err(format!(
                "asks at {now} although it was asked to wait until {}",
                self.not_before
            ));
        }
        count(&mut self.asked, now, MOST, "requests that came to nothing")
    }
}

fn count(times: &mut VecDeque<u64>, now: u64, most: usize, what: &str) -> Result<(), String> {
    times.push_back(now);
    while times.front().is_some_and(|&at| at + MINUTE < now) {
        times.pop_front();
    }
    if times.len() > most { Err(format!("{} {what} within a minute", times.len())) } else { Ok(()) }
}
