//! What the machine makes of segments and refusals: one reaction to each answer a server can give.

use super::super::super::refusal::Refusal;
use super::super::super::wire::Segment;
use super::super::super::{backoff, chain};
use super::super::{Change, Tick};
use super::state::{Client, Flight, Halt, Token};

impl Client {
    /// A segment is taken only if it begins at the cursor and its chain holds; what it says of us
    /// must fit, too.
    pub(super) fn accept(&mut self, tick: Tick, segment: Segment) {
        self.at_head = false;
        if segment.from != self.cursor.point()
            || (segment.entries.is_empty() && segment.to.seq < segment.head)
        {
            return self.fail(tick, "STALE_PAGE");
        }
        if !chain::holds(&segment) {
            return self.fail(tick, "CHAIN");
        }
        if !self.heals() {
            let last = segment.last.map_or(0, |l| l.n);
            if last < self.confirmed {
                return self.diverge(tick);
            }
            if last > self.top {
                self.fork();
            }
        }
        if let Some(limits) = segment.limits {
            (self.limits, self.told) = (limits.bounded(), true);
            self.batch = self.batch.min(self.limits.push.entries);
        }
        self.ready = Some(Change::Segment(segment));
    }

    /// The queue is kept in all of it.
    pub(super) fn refused(&mut self, tick: Tick, flight: Flight, refusal: Refusal) {
        match refusal {
            Refusal::Gap { expect } if expect <= self.confirmed => self.diverge(tick),
            Refusal::Gap { .. } => {
                // an ack was wrong: begin again with the oldest
                self.acked = 0;
                self.at_head = false;
                self.fail(tick, "GAP");
            }
            Refusal::Fork { .. } => self.fork(),
            Refusal::Diverged { .. } | Refusal::Trimmed { .. } => self.diverge(tick),
            Refusal::Token => match self.token {
                Token::Have { renewed: false } => self.token = Token::Needed { refused: true },
                _ => self.fence("TOKEN"),
            },
            Refusal::Forbidden(_) => self.fence("FORBIDDEN"),
            Refusal::TooLarge { .. } => match flight.pushed {
                Some((1, _)) => self.fence("TOO_LARGE"),
                Some((count, _)) => self.batch = count / 2,
                None => self.fail(tick, "TOO_LARGE"),
            },
            Refusal::Upgrade { min, max } => self.halt = Halt::NeedsUpgrade { min, max },
            Refusal::Busy { retry_ms } | Refusal::Other { retry_ms, .. } => {
                self.fail(tick, "BUSY");
                // 0 would be an invitation to hammer
                if let Some(asked) = retry_ms.filter(|&ms| ms > 0) {
                    self.retry_at = tick.now + asked.min(backoff::ASKED_MS);
                }
            }
            Refusal::Malformed(_) => self.fail(tick, "PROTOCOL"),
            Refusal::NotSupported => self.fail(tick, "NOT_SUPPORTED"),
        }
    }
}
