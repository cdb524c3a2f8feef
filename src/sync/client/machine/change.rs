//! The changes a machine hands out: what it is once each is carried out, or was not.

use super::super::{Outcome, Tick};
use super::state::{Applying, Client, Healing};

impl Client {
    /// The change of [`Action::Apply`] is carried out and committed.
    pub fn applied(&mut self, tick: Tick, outcome: Outcome) {
        let mut bare = false;
        match self.applying.take() {
            None => return,
            Some(Applying::Segment { cursor, head, last }) => {
                (self.cursor, self.head, self.last) = (cursor, head, Some(last));
                self.at_head = cursor.seq >= head;
                self.renew |= outcome.fork.is_some();
                bare = outcome.bare && self.at_head;
            }
            Some(Applying::Rewind { cursor, asof }) => {
                (self.cursor, self.head) = (cursor, asof);
                self.healing = Healing::CatchUp { asof };
                self.at_head = false;
            }
            Some(Applying::Identify) => {
                self.healing = Healing::None;
                self.renew = false;
                self.at_head = false;
            }
        }
        self.failures = 0;
        self.retry_at = 0;
        self.error = None;
        if bare {
            // its `erased` row was in a history that is gone: here the event has its body
            return self.diverge(tick);
        }
        if let Some(client) = outcome.client {
            self.me = client;
            self.last = None;
            if self.setbacks > 0 {
                return self.set_back(tick, "FORK");
            }
            self.setbacks = 1;
        }
    }

    /// The change could not be carried out and was rolled back; it will come again. `code` is the
    /// error's.
    pub fn apply_failed(&mut self, tick: Tick, code: &'static str) {
        if self.applying.take().is_some() {
            self.at_head = false;
            self.fail(tick, code);
        }
    }
}
