//! What a simulation asks of a replica's durable side: the trait that the one in memory, the real
//! store and the shipped package implement.

use super::dice::Dice;
use super::mutants::Mutant;
use super::workload::{Op, State};
use tidelog::error::Result;
use tidelog::sync::client::{Identify, Queue, Rewind, Start};
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::wire::Segment;

/// What applying a segment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    /// As in the plan.
    pub(crate) fork: Option<u64>,
    /// Whether pending events were undone.
    pub(crate) rebased: bool,
    /// How many rows threw at their final position.
    pub(crate) dead: usize,
    /// How many pending events have no effect where they stand now.
    pub(crate) erring: usize,
    /// Whether an event's body is gone and nothing says why yet.
    pub(crate) bare: bool,
}

/// The durable side of one replica. Each method is one transaction.
pub(crate) trait Replica: Queue<Error = tidelog::error::Error> + Sized {
    /// A new replica of log `sim`. Its names come from the dice.
    fn create(dice: Dice, mutant: Mutant) -> Self;
    /// Makes an event when the clock on the wall shows `ts`; resolves to whether it was taken. One
    /// that is there already is taken again without effect.
    fn dispatch(&mut self, id: Id, op: &Op, ts: i64, x: Option<&str>) -> bool;
    /// Marks events up to `n` as sent.
    fn mark_sent(&mut self, n: u64);
    /// Applies a segment.
    fn apply(&mut self, segment: &Segment) -> Result<Applied>;
    /// Goes back to where the server's history and this one part.
    fn rewind(&mut self, rewind: &Rewind) -> Result<()>;
    /// Sees to it that what is pending can be pushed; gives the new name if there is one.
    fn identify(&mut self, identify: &Identify) -> Result<Option<ClientId>>;
    /// Where its machine starts.
    fn start(&self) -> Start;
    /// Dies and comes back with what is durable.
    fn reopen(&mut self, dice: Dice);
    /// One on a copy of what is durable: what somebody who copies a profile gets.
    fn copy(&self, dice: Dice) -> Self;
    /// From its next start on, the application is of this version.
    fn set_version(&mut self, version: u32);
    /// The position of the first event that this version does not know: nothing from there on is
    /// applied.
    fn held(&self) -> Option<u64>;
    /// Makes the state anew from the log.
    fn rebuild(&mut self);
    /// Before its `k`-th write from now, remembers what a death there would leave for the next
    /// [`Self::reopen`].
    fn arm(&mut self, _k: u64) {}
    /// Whether there were so many writes.
    fn caught(&mut self) -> bool {
        false
    }
    /// Has its `k`-th write from now fail, once.
    fn break_write(&mut self, _k: u64) {}
    /// The derived state.
    fn state(&self) -> State;
    /// The pending events, in order.
    fn queued(&self) -> Vec<(Id, Op)>;
    /// How many of them are marked as sent.
    fn sent(&self) -> usize;
    /// The positions of events that threw for good.
    fn dead(&self) -> Vec<u64>;
    /// Gives up pending events up to number `n`, which a client must never do; only mutants call
    /// it.
    fn drop_pending(&mut self, _n: u64) {}
    /// The second half of the mutant that stores the cursor in a transaction of its own.
    fn settle_cursor(&mut self) {}
}
