//! Statements that stay prepared, by their owner and their text. A statement compiled under one
//! owner's rules is never run for another, for the rules are asked when it is compiled.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::{Connection, PrepFlags, Statement};

use super::guard::Whose;

/// Statements each connection keeps.
const KEPT: usize = 128;

/// The prepared statements of a connection, the last used ones.
#[derive(Debug, Default)]
pub(super) struct Statements(RefCell<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Where in `slots` a statement is: a map for each of [`Whose`].
    places: [HashMap<Rc<str>, usize>; Whose::COUNT],
    slots: Vec<Slot>,
    /// Uses so far.
    clock: u64,
}

#[derive(Debug)]
struct Slot {
    whose: Whose,
    sql: Rc<str>,
    /// The clock at its last use.
    used: u64,
    /// Absent while it is in use.
    prepared: Option<Prepared>,
}

/// A statement with the connection it borrows, which it keeps open.
#[derive(Debug)]
struct Prepared {
    // above the connection, so that it is dropped first
    statement: Statement<'static>,
    _raw: Rc<Connection>,
}

impl Prepared {
    fn new(raw: &Rc<Connection>, sql: &str) -> rusqlite::Result<Prepared> {
        let raw = raw.clone();
        // SAFETY: the `Rc` beside the statement keeps the connection alive and at its place for as
        // long as the statement, which is dropped first and is lent out no longer than itself.
        let borrowed: &'static Connection = unsafe { &*Rc::as_ptr(&raw) };
        let flags = PrepFlags::SQLITE_PREPARE_PERSISTENT;
        Ok(Prepared { statement: borrowed.prepare_with_flags(sql, flags)?, _raw: raw })
    }
}

impl Statements {
    /// Runs `work` with the statement of a text, prepared now or before.
    ///
    /// # Errors
    /// SQLite's, when it does not compile.
    pub(super) fn with<T>(
        &self,
        raw: &Rc<Connection>,
        whose: Whose,
        sql: &str,
        work: impl FnOnce(&mut Statement<'_>) -> T,
    ) -> rusqlite::Result<T> {
        let sql = sql.trim();
        let (place, mut prepared) = self.take(raw, whose, sql)?;
        let done = work(&mut prepared.statement);
        prepared.statement.clear_bindings();
        self.0.borrow_mut().put_back(place, whose, sql, prepared);
        Ok(done)
    }

    /// A statement, and the slot it comes from. Prepared anew where it is not kept, or where a
    /// statement runs while one of the same text does.
    fn take(
        &self,
        raw: &Rc<Connection>,
        whose: Whose,
        sql: &str,
    ) -> rusqlite::Result<(Option<usize>, Prepared)> {
        let mut kept = self.0.borrow_mut();
        let place = kept.places[whose as usize].get(sql).copied();
        let found = place.and_then(|place| kept.slots[place].prepared.take());
        drop(kept); // SQLite calls functions while it compiles, and they may have statements
        Ok((place, found.map_or_else(|| Prepared::new(raw, sql), Ok)?))
    }

    /// Drops all that are not in use.
    pub(super) fn clear(&self) {
        *self.0.borrow_mut() = Kept::default();
    }
}

impl Kept {
    fn put_back(&mut self, place: Option<usize>, whose: Whose, sql: &str, prepared: Prepared) {
        self.clock += 1;
        let is_its = |slot: &&mut Slot| slot.whose == whose && &*slot.sql == sql;
        let place = place.and_then(|place| self.slots.get_mut(place)).filter(is_its);
        match place {
            Some(slot) => (slot.used, slot.prepared) = (self.clock, Some(prepared)),
            None => self.add(whose, sql, prepared),
        }
    }

    /// Keeps a new one, in the place of the one that was not used for the longest.
    fn add(&mut self, whose: Whose, sql: &str, prepared: Prepared) {
        let sql: Rc<str> = sql.into();
        let slot = Slot { whose, sql: sql.clone(), used: self.clock, prepared: Some(prepared) };
        if let Some(place) = self.places[whose as usize].get(&sql) {
            self.slots[*place] = slot;
            return;
        }
        let place = if self.slots.len() < KEPT {
            self.slots.push(slot);
            self.slots.len() - 1
        } else {
            let idle = self.slots.iter().enumerate().filter(|(_, slot)| slot.prepared.is_some());
            let Some((place, _)) = idle.min_by_key(|(_, slot)| slot.used) else { return };
            let old = std::mem::replace(&mut self.slots[place], slot);
            self.places[old.whose as usize].remove(&old.sql);
            place
        };
        self.places[whose as usize].insert(sql, place);
    }
}
