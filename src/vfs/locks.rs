//! The two kinds of locks SQLite takes, between connections of one instance: levels on the file,
//! and the WAL index's eight slots. Keeping other instances out is the storage's business.

use rsqlite_vfs::LockLevel;

/// The locks that the handles of one database file hold.
#[derive(Debug, Default)]
pub(super) struct FileLocks {
    /// Handles at `Shared` or above.
    shared: usize,
    /// A handle at `Reserved` or above.
    reserved: bool,
    /// A handle waits for readers to leave, or is alone: no new readers.
    pending: bool,
}

impl FileLocks {
    /// Raises one handle's level from `held` towards `wanted`; false when others are in the way.
    /// Like SQLite's own, a handle that cannot get `Exclusive` because of readers keeps `Pending`,
    /// so that no new ones come.
    pub(super) fn raise(&mut self, held: &mut LockLevel, wanted: LockLevel) -> bool {
        if *held >= wanted {
            return true;
        }
        if *held == LockLevel::None {
            if self.pending {
                return false;
            }
            self.shared += 1;
            *held = LockLevel::Shared;
        }
        if wanted >= LockLevel::Reserved && *held < LockLevel::Reserved {
            if self.reserved {
                return false;
            }
            self.reserved = true;
            *held = LockLevel::Reserved;
        }
        if wanted >= LockLevel::Pending && *held < LockLevel::Pending {
            self.pending = true;
            *held = LockLevel::Pending;
        }
        if wanted == LockLevel::Exclusive {
            if self.shared > 1 {
                return false;
            }
            *held = LockLevel::Exclusive;
        }
        true
    }

    /// Lowers one handle's level to `Shared` or `None`.
    pub(super) fn lower(&mut self, held: &mut LockLevel, to: LockLevel) {
        if *held >= LockLevel::Reserved {
            self.reserved = false;
        }
        if *held >= LockLevel::Pending {
            self.pending = false;
        }
        if to == LockLevel::None && *held >= LockLevel::Shared {
            self.shared -= 1;
        }
        *held = (*held).min(to);
    }

    /// Whether anybody is about to write.
    pub(super) fn reserved(&self) -> bool {
        self.reserved
    }
}

/// The eight lock slots of a WAL index.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Shared holders of each slot.
    shared: [u32; 8],
    /// One bit per slot held exclusively.
    exclusive: u8,
}

/// The slots of the [`Slots`] that one handle holds: one bit each.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Held {
    shared: u8,
    exclusive: u8,
}

impl Held {
    /// Whether the handle holds the WAL's write lock, slot 0.
    pub(super) fn writing(self) -> bool {
        self.exclusive & 1 != 0
    }
}

impl Slots {
    /// Takes the slots of `mask` for a handle, all or none.
    pub(super) fn take(&mut self, held: &mut Held, mask: u8, exclusive: bool) -> bool {
        let others = mask & !held.exclusive;
        if self.exclusive & others != 0 {
            return false;
        }
        if exclusive {
            let own = |slot: usize| u32::from(held.shared >> slot & 1);
            if (0..8).any(|slot| mask >> slot & 1 != 0 && self.shared[slot] > own(slot)) {
                return false;
            }
            self.exclusive |= mask;
            held.exclusive |= mask;
        } else {
            self.count(mask & !held.shared, 1);
            held.shared |= mask;
        }
        true
    }

    /// Gives the slots of `mask` back.
    pub(super) fn give(&mut self, held: &mut Held, mask: u8) {
        self.count(mask & held.shared, u32::MAX);
        self.exclusive &= !(mask & held.exclusive);
        held.shared &= !mask;
        held.exclusive &= !mask;
    }

    /// Adds to the shared holders of each slot in `mask`; `u32::MAX` is minus one.
    fn count(&mut self, mask: u8, by: u32) {
        for slot in (0..8).filter(|slot| mask >> slot & 1 != 0) {
            self.shared[slot] = self.shared[slot].wrapping_add(by);
        }
    }
}
