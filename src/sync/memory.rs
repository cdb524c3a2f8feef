//! A server's log in memory, for tests and the simulator. Keeps nothing when dropped.

use super::chain;
use super::error::{Error, Result};
use super::id::{ClientId, Epoch, Hash, Id};
use super::limits::Limits;
use super::server::{Facts, Log};
use super::wire::{Body, Entry, Kind, Last, Point};
use std::collections::HashMap;

/// A [`Log`] of vectors and maps.
#[derive(Debug, Clone)]
pub struct MemoryLog {
    epoch: Epoch,
    /// `points[seq]` is the chain at `seq`.
    points: Vec<Point>,
    /// `rows[seq - 1]` is the row at `seq`.
    rows: Vec<Entry>,
    numbers: HashMap<(ClientId, u64), Id>,
    lasts: HashMap<ClientId, Last>,
    ids: HashMap<Id, u64>,
    owners: HashMap<ClientId, String>,
    trim: u64,
    floor: u64,
    limits: Limits,
}

impl MemoryLog {
    /// An empty log.
    pub fn new(log: &str, epoch: Epoch) -> MemoryLog {
        MemoryLog {
            epoch,
            points: vec![chain::start(log)],
            rows: Vec::new(),
            numbers: HashMap::new(),
            lasts: HashMap::new(),
            ids: HashMap::new(),
            owners: HashMap::new(),
            trim: 0,
            floor: 0,
            limits: Limits::default(),
        }
    }

    /// All rows.
    pub fn rows(&self) -> &[Entry] {
        &self.rows
    }

    /// The chain at `seq`, whatever the trim.
    pub fn point(&self, seq: u64) -> Option<Point> {
        self.points.get(seq as usize).copied()
    }

    /// Appends what the rules forbid, for tests that take a rule out.
    ///
    /// # Errors
    /// `CORRUPT` when the position is not the next one.
    pub fn append_unchecked(&mut self, at: Point, row: &Entry) -> Result<()> {
        self.numbers.remove(&(row.client, row.n));
        self.append(at, row)
    }

    /// Names the history anew, as a restore with our tools does.
    pub fn set_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    /// Gives it limits of its own.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Says that rows up to `seq` are gone.
    pub fn set_trim(&mut self, seq: u64) {
        self.trim = seq;
    }
}

impl Facts for MemoryLog {
    type Error = Error;

    fn epoch(&self) -> Result<Epoch> {
        Ok(self.epoch)
    }
    fn head(&self) -> Result<Point> {
        Ok(self.points[self.rows.len()])
    }
    fn hash_at(&self, seq: u64) -> Result<Option<Hash>> {
        Ok(self.point(seq).filter(|p| p.seq >= self.trim).map(|p| p.h))
    }
    fn trim(&self) -> Result<u64> {
        Ok(self.trim)
    }
    fn safe(&self) -> Result<u64> {
        Ok(0)
    }
    fn read(&self, after: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Entry>> {
        let mut bytes = 0;
        let rest = self.rows.iter().skip(after as usize).take(max_events);
        let fits = rest.enumerate().take_while(|(i, entry)| {
            bytes += entry.size();
            *i == 0 || bytes <= max_bytes
        });
        Ok(fits.map(|(_, entry)| entry.clone()).collect())
    }
    fn last_of(&self, client: &ClientId) -> Result<Option<Last>> {
        Ok(self.lasts.get(client).copied())
    }
    fn id_of(&self, client: &ClientId, n: u64) -> Result<Option<Id>> {
        Ok(self.numbers.get(&(*client, n)).copied())
    }
    fn seq_of(&self, id: &Id) -> Result<Option<u64>> {
        Ok(self.ids.get(id).copied())
    }
    fn owner_of(&self, client: &ClientId) -> Result<Option<String>> {
        Ok(self.owners.get(client).cloned())
    }
    fn limits(&self) -> Limits {
        self.limits
    }
    fn floor(&self) -> Result<u64> {
        Ok(self.floor)
    }
    fn find(
        &self,
        since: u64,
        types: &[String],
        hit: &dyn Fn(&ClientId, Option<&str>) -> bool,
    ) -> Result<Option<Id>> {
        let found = self.rows.iter().skip(since as usize).find(|row| {
            row.kind == Kind::Event
                && types.contains(&row.event_type)
                && hit(&row.client, row.body.text())
        });
        Ok(found.map(|row| row.id))
    }
}

impl Log for MemoryLog {
    fn bind(&mut self, client: &ClientId, principal: &str) -> Result<()> {
        self.owners.insert(*client, principal.into());
        Ok(())
    }
    fn append(&mut self, at: Point, row: &Entry) -> Result<()> {
        if at.seq != self.rows.len() as u64 + 1 {
            return Err(Error::Corrupt(format!(
                "the row of position {} cannot follow that of {}",
                at.seq,
                self.rows.len()
            )));
        }
        if self.numbers.insert((row.client, row.n), row.id).is_some() {
            return Err(Error::Corrupt(format!(
                "client {} has two events with number {}",
                row.client, row.n
            )));
        }
        self.ids.entry(row.id).or_insert(at.seq);
        self.lasts.insert(row.client, Last { n: row.n, id: row.id });
        self.points.push(at);
        self.rows.push(row.clone());
        Ok(())
    }
    fn erase(&mut self, id: &Id) -> Result<()> {
        if let Some(row) = self.ids.get(id).and_then(|seq| self.rows.get_mut(*seq as usize - 1)) {
            row.body = Body::Erased(row.body.hash());
        }
        Ok(())
    }
    fn raise(&mut self, floor: u64) -> Result<()> {
        self.floor = floor;
        Ok(())
    }
}
