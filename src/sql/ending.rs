//! Only the owner of a transaction ends it: the code that began it. When SQL of an application, or
//! SQLite on an error, ends one, it is lost: it is undone as far as it still can be, nothing more
//! is committed, and every later part of it is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rusqlite::Connection;

use super::placeholders::statements;
use crate::error::{Error, Result};

const FREE: u8 = 0;
const HELD: u8 = 1;
const LOST: u8 = 2;

/// Whether a transaction is open that only its owner may end. Atomic only because rusqlite's hooks
/// are `Send`.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending(Arc<AtomicU8>);

impl Ending {
    /// Has the bundled engine refuse commits that are not the owner's, and tell of what it undoes.
    pub(super) fn watch(&self, raw: &mut Connection) -> Result<()> {
        let (commits, undoes) = (self.clone(), self.clone());
        raw.commit_hook(Some(move || commits.lose()))?;
        raw.rollback_hook(Some(move || {
            undoes.lose();
        }))?;
        Ok(())
    }

    /// A transaction begins.
    pub(super) fn hold(&self) {
        self.0.store(HELD, Ordering::Relaxed);
    }

    /// Its owner ends it.
    pub(super) fn free(&self) {
        self.0.store(FREE, Ordering::Relaxed);
    }

    /// Another than its owner ends it; gives whether one is open.
    pub(super) fn lose(&self) -> bool {
        let open = self.0.load(Ordering::Relaxed) != FREE;
        if open {
            self.0.store(LOST, Ordering::Relaxed);
        }
        open
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.load(Ordering::Relaxed) == HELD
    }

    pub(super) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed) == LOST
    }
}

/// The error that every call of a lost transaction gets.
pub(super) fn lost() -> Error {
    Error::Sqlite {
        code: "SQLITE_ABORT_ROLLBACK",
        message: "this transaction is broken: SQL ended it (a ROLLBACK or COMMIT, ON CONFLICT ROLLBACK, RAISE(ROLLBACK)); nothing more of it is written".into(),
        sql: String::new(),
    }
}

/// Refuses statements that would end the transaction they run in, or begin one.
///
/// # Errors
/// `BAD_VALUE` with the remedy. A savepoint's end is none of them.
pub fn check_inside(sql: &str) -> Result<()> {
    for (i, statement) in statements(sql).iter().enumerate() {
        let mut words =
            statement.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| !w.is_empty());
        let first = words.next().unwrap_or("").to_ascii_uppercase();
        let ends = match first.as_str() {
            "COMMIT" => true,
            "ROLLBACK" => !words.take(2).any(|word| word.eq_ignore_ascii_case("to")),
            // a trigger's body ends so, too
            "BEGIN" | "END" => i == 0,
            _ => false,
        };
        if ends {
            return Err(Error::BadValue(format!(
                "{first} inside a transaction: withTransaction ends it, by committing when its function resolves and undoing when it rejects; nest withTransaction for a part"
            )));
        }
    }
    Ok(())
}
