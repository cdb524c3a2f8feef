//! The files that a machine keeps when a process dies or its power fails: flushed changes for
//! certain, of the others any part in any order. Knows bytes and sectors, no SQLite.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// One change of a machine's files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Create(String),
    Delete(String),
    Write(String, u64, Vec<u8>),
    Truncate(String, u64),
    Flush(String),
}

impl Change {
    fn name(&self) -> &str {
        let (Change::Create(name)
        | Change::Delete(name)
        | Change::Write(name, ..)
        | Change::Truncate(name, _)
        | Change::Flush(name)) = self;
        name
    }

    fn apply(&self, files: &mut Files) {
        match self {
            Change::Delete(name) => drop(files.remove(name)),
            Change::Flush(_) => {}
            Change::Create(name) => drop(files.entry(name.clone()).or_default()),
            Change::Truncate(name, size) => {
                files.entry(name.clone()).or_default().resize(*size as usize, 0);
            }
            Change::Write(name, at, bytes) => put(files, name, *at as usize, bytes),
        }
    }
}

fn put(files: &mut Files, name: &str, at: usize, bytes: &[u8]) {
    let file = files.entry(name.into()).or_default();
    let end = at + bytes.len();
    file.resize(file.len().max(end), 0);
    file[at..end].copy_from_slice(bytes);
}

/// The fate of the changes that were not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Damage {
    /// All is there: only the process died.
    Kept,
    /// The process died within its next write, of which the first sectors are there.
    Started(usize),
    /// None of them is there.
    Lost,
    /// Files have grown and were cut, what was written into them is zeros or what was there before.
    Extended,
    /// The first of them are there, the last of these torn.
    Prefix,
    /// Each sector of each write is there or not.
    Torn(usize),
    /// Each is there as a whole or not, and they arrived in another order.
    Subset,
}

/// A process's death.
pub(crate) const DEATHS: [Damage; 3] = [Damage::Kept, Damage::Started(512), Damage::Started(4096)];
/// A loss of power.
pub(crate) const LOSSES: [Damage; 6] = [
    Damage::Lost,
    Damage::Extended,
    Damage::Prefix,
    Damage::Torn(512),
    Damage::Torn(4096),
    Damage::Subset,
];

impl Damage {
    pub(crate) fn is_power_loss(self) -> bool {
        LOSSES.contains(&self)
    }

    /// Whether another seed does another damage.
    pub(crate) fn varies(self) -> bool {
        !matches!(self, Damage::Kept | Damage::Lost | Damage::Extended)
    }
}

/// Numbers that a seed decides.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of the numbers below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n.max(1) as u64) as usize
    }
}

/// A machine's files: as processes see them, and as a loss of power may leave them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    pub(crate) live: Files,
    durable: Files,
    unsynced: Vec<Arc<Change>>,
}

impl Machine {
    /// A machine that finds these files, all of them flushed.
    pub(crate) fn with(files: Files) -> Self {
        Machine { live: files.clone(), durable: files, unsynced: Vec::new() }
    }

    pub(crate) fn apply(&mut self, change: &Arc<Change>) {
        change.apply(&mut self.live);
        match &**change {
            Change::Flush(name) => {
                let (flushed, rest) = std::mem::take(&mut self.unsynced)
                    .into_iter()
                    .partition(|change| change.name() == name);
                self.unsynced = rest;
                let flushed: Vec<Arc<Change>> = flushed;
                flushed.iter().for_each(|change| change.apply(&mut self.durable));
            }
            // when a deletion has returned it is for good: the contract of `Storage::delete`
            Change::Delete(name) => {
                self.unsynced.retain(|change| change.name() != name);
                self.durable.remove(name);
            }
            _ => self.unsynced.push(change.clone()),
        }
    }

    /// Whether a loss of power would change anything.
    pub(crate) fn is_at_risk(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// The files that are found afterwards; `next` is the change that was about to happen.
    pub(crate) fn found(&self, damage: Damage, seed: u64, next: Option<&Change>) -> Option<Files> {
        let mut dice = Dice::new(seed);
        match damage {
            Damage::Kept => return Some(self.live.clone()),
            Damage::Started(sector) => {
                let Some(Change::Write(name, at, bytes)) = next else { return None };
                let pieces: Vec<_> = sectors(*at as usize, bytes, sector).collect();
                if pieces.len() < 2 {
                    return None;
                }
                let mut files = self.live.clone();
                let kept = 1 + dice.below(pieces.len() - 1);
                pieces[..kept].iter().for_each(|(at, piece)| put(&mut files, name, *at, piece));
                return Some(files);
            }
            _ if !self.is_at_risk() => return None,
            _ => {}
        }
        let mut files = self.durable.clone();
        // losing one write of many and keeping one of many are as telling as losing half
        let odds = [4, 1, 7][seed as usize % 3];
        let kept = |dice: &mut Dice| dice.below(8) < odds;
        match damage {
            Damage::Lost => {}
            Damage::Extended => {
                for change in &self.unsynced {
                    match &**change {
                        Change::Write(name, at, bytes) => {
                            let file = files.entry(name.clone()).or_default();
                            file.resize(file.len().max(*at as usize + bytes.len()), 0);
                        }
                        change => change.apply(&mut files),
                    }
                }
            }
            Damage::Prefix => {
                let cut = dice.below(self.unsynced.len());
                self.unsynced[..cut].iter().for_each(|change| change.apply(&mut files));
                if let Change::Write(name, at, bytes) = &*self.unsynced[cut] {
                    let pieces: Vec<_> = sectors(*at as usize, bytes, 512).collect();
                    let torn = &pieces[..dice.below(pieces.len() + 1)];
                    torn.iter().for_each(|(at, piece)| put(&mut files, name, *at, piece));
                }
            }
            Damage::Torn(sector) => {
                for change in &self.unsynced {
                    match &**change {
                        Change::Write(name, at, bytes) => sectors(*at as usize, bytes, sector)
                            .filter(|_| kept(&mut dice))
                            .for_each(|(at, piece)| put(&mut files, name, at, piece)),
                        change if kept(&mut dice) => change.apply(&mut files),
                        _ => {}
                    }
                }
            }
            Damage::Subset => {
                let mut some: Vec<&Arc<Change>> =
                    self.unsynced.iter().filter(|_| kept(&mut dice)).collect();
                for last in (1..some.len()).rev() {
                    some.swap(last, dice.below(last + 1));
                }
                some.iter().for_each(|change| change.apply(&mut files));
            }
            Damage::Kept | Damage::Started(_) => {}
        }
        Some(files)
    }
}

/// A write in pieces that end where the file's sectors do.
fn sectors(at: usize, bytes: &[u8], sector: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let place = at + from;
        let len = (sector - place % sector).min(bytes.len() - from);
        let piece = &bytes[from..from + len];
        from += len;
        (len > 0).then_some((place, piece))
    })
}
