//! The rights of statements of searches and of applications: SQLite's authorizer, installed once on
//! a connection.
//!
//! It is asked when a statement is compiled, and compiled again after a change of the schema; so it
//! has to know for the whole run [whose](Whose) statements these are: FTS5 prepares some for itself
//! meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::error::{Error, Result};

/// Functions that reach out of the database.
const REACHING: [&str; 4] = ["load_extension", "readfile", "writefile", "edit"];

/// The settings that keep rows whole, and events from having another outcome on one replica.
const KEPT_ON: [&str; 2] = ["foreign_keys", "recursive_triggers"];

/// Whose statements run: each has rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Whose {
    /// Ours, which may do anything.
    Ours,
    /// A search's, with what an application put into it: it may only read.
    Search,
    /// An application's.
    Theirs,
    /// An application's in a phase of an event: it may write what events own.
    Phase,
}

impl Whose {
    /// The number of variants.
    pub(super) const COUNT: usize = 4;

    fn from_byte(byte: u8) -> Whose {
        [Whose::Ours, Whose::Search, Whose::Theirs, Whose::Phase]
            .into_iter()
            .find(|whose| *whose as u8 == byte)
            .unwrap_or(Whose::Search)
    }
}

/// The rules of a connection's authorizer.
#[derive(Debug)]
pub(super) struct Guard {
    rules: Arc<Rules>,
}

/// Atomic and locked only because rusqlite's hooks are `Send`.
#[derive(Debug, Default)]
struct Rules {
    /// [`Whose`] statements run, as its byte.
    whose: AtomicU8,
    /// The tables that an application may only read, in lower case: tables that events own, and our
    /// records, whose names begin with `_`, as no model's can.
    closed: Mutex<BTreeSet<String>>,
    /// The reason why the last statement of an application was refused.
    refused: Mutex<Option<String>>,
}

impl Guard {
    pub(super) fn install(raw: &mut Connection) -> Result<Guard> {
        let rules = Arc::new(Rules::default());
        let asked = rules.clone();
        raw.authorizer(Some(move |context: AuthContext<'_>| {
            let allowed = match asked.whose() {
                Whose::Ours => true,
                Whose::Search => is_search(&context),
                Whose::Theirs => asked.allow(&context, false),
                Whose::Phase => asked.allow(&context, true),
            };
            if allowed { Authorization::Allow } else { Authorization::Deny }
        }))?;
        Ok(Guard { rules })
    }

    /// Statements are those of `whose` until what it gives is dropped.
    pub(super) fn switch(&self, whose: Whose) -> Switched<'_> {
        Switched(&self.rules, self.rules.whose.swap(whose as u8, Ordering::Relaxed))
    }

    /// Whose statements run now.
    pub(super) fn whose(&self) -> Whose {
        self.rules.whose()
    }

    /// Refuses writes of the application to a table.
    pub(super) fn close(&self, table: &str) {
        locked(&self.rules.closed).insert(table.to_ascii_lowercase());
    }

    /// Takes [`Guard::close`] back.
    pub(super) fn open(&self, table: &str) {
        locked(&self.rules.closed).remove(&table.to_ascii_lowercase());
    }

    /// Why the authorizer said no to an application's statement, if it did since the last call.
    pub(super) fn take_refused(&self) -> Option<Error> {
        match self.whose() {
            Whose::Ours | Whose::Search => None,
            Whose::Theirs | Whose::Phase => locked(&self.rules.refused).take().map(Error::Owned),
        }
    }
}

/// Puts back whose statements were compiled before.
pub(super) struct Switched<'a>(&'a Rules, u8);

impl Drop for Switched<'_> {
    fn drop(&mut self) {
        self.0.whose.store(self.1, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Rules {
    fn whose(&self) -> Whose {
        Whose::from_byte(self.whose.load(Ordering::Relaxed))
    }

    /// Whether an application's statement may do something. Cascades of foreign keys come as if it
    /// did them itself, and its triggers with their names.
    fn allow(&self, context: &AuthContext<'_>, in_phase: bool) -> bool {
        let refused = match context.action {
            AuthAction::Pragma { pragma_name, pragma_value } => self.loosens(pragma_name, pragma_value),
            AuthAction::Insert { table_name }
            | AuthAction::Update { table_name, .. }
            | AuthAction::Delete { table_name }
            | AuthAction::DropTable { table_name }
            | AuthAction::DropView { view_name: table_name }
            | AuthAction::AlterTable { table_name, .. }
            // would stand before ours
            | AuthAction::CreateTempTable { table_name }
            | AuthAction::CreateTempView { view_name: table_name } => self.writes(table_name, context, in_phase),
            _ => None,
        };
        let allowed = refused.is_none();
        if !allowed {
            *locked(&self.refused) = refused;
        }
        allowed
    }

    fn writes(&self, table: &str, context: &AuthContext<'_>, in_phase: bool) -> Option<String> {
        // VACUUM writes all tables into a database of this name
        if context.database_name.is_some_and(|name| name.starts_with("vacuum_")) {
            return None;
        }
        let open = in_phase && !table.starts_with('_');
        if open || !locked(&self.closed).contains(&table.to_ascii_lowercase()) {
            return None;
        }
        let by = context
            .accessor
            .map_or(String::new(), |trigger| format!(" (by the trigger '{trigger}')"));
        let why = match table.starts_with('_') {
            true => "it is one of Tidelog's own records, which SQL may only read",
            false => {
                "its rows are made from events alone, so that every replica has the same: dispatch an event, or write a table of your own"
            }
        };
        Some(format!("the table '{table}'{by}: {why}"))
    }

    fn loosens(&self, name: &str, value: Option<&str>) -> Option<String> {
        let is = |known: &[&str], given: &str| {
            known.iter().any(|known| known.eq_ignore_ascii_case(given))
        };
        let loosens = is(&KEPT_ON, name)
            && value.is_some_and(|value| is(&["off", "0", "no", "false"], value));
        let owned = || locked(&self.closed).iter().any(|table| !table.starts_with('_'));
        (loosens && owned()).then(|| {
            format!(
                "PRAGMA {name}: events would have another outcome here than on the other replicas"
            )
        })
    }
}

fn is_search(context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        AuthAction::Read { table_name, .. } => !is_internal(table_name),
        AuthAction::Function { function_name } => {
            !REACHING.iter().any(|name| name.eq_ignore_ascii_case(function_name))
        }
        // FTS5 looks whether another connection wrote
        AuthAction::Pragma { pragma_name, pragma_value } => {
            pragma_value.is_none() && pragma_name.eq_ignore_ascii_case("data_version")
        }
        _ => false,
    }
}

/// Whether a table has a name of ours or of SQLite's: models cannot be called so, for no search may
/// read it.
pub fn is_internal(table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    table.starts_with('_')
        || table.starts_with("sqlite_")
        || table.starts_with("pragma_")
        || table.starts_with("dbstat")
}
