//! What the rules ask of a log, and how they write to it: [`Facts`] is all that deciding needs, and
//! [`Log`] what appending needs besides. Decides nothing.

use super::super::error::Error;
use super::super::id::{ClientId, Epoch, Hash, Id};
use super::super::limits::Limits;
use super::super::wire::{Entry, Last, Point};

/// What a log knows.
pub trait Facts {
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
    /// Rows after `after`: at most so many, and so many bytes by
    /// [`limits::size`](super::super::limits::size), but at least one if there is one.
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
    /// The server's limits.
    fn limits(&self) -> Limits;
    /// The position of the newest `trim` row, 0 if there is none: rows may be gone up to there, so
    /// nothing can be said of them.
    fn floor(&self) -> Result<u64, Self::Error>;
    /// The first event after `since` of one of these types that `hit` takes, by its client and its
    /// body, which is none if it was erased.
    fn find(
        &self,
        since: u64,
        types: &[String],
        hit: &dyn Fn(&ClientId, Option<&str>) -> bool,
    ) -> Result<Option<Id>, Self::Error>;
}

/// A log that can be written to, in the order of its rows.
pub trait Log: Facts {
    /// Gives a client to a principal, for good.
    fn bind(&mut self, client: &ClientId, principal: &str) -> Result<(), Self::Error>;
    /// Appends a row, which becomes `at`.
    fn append(&mut self, at: Point, row: &Entry) -> Result<(), Self::Error>;
    /// Deletes the body of an event, for good; its hash stays.
    fn erase(&mut self, id: &Id) -> Result<(), Self::Error>;
    /// Raises the [floor](Facts::floor).
    fn raise(&mut self, floor: u64) -> Result<(), Self::Error>;
}
