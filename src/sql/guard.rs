//! What statements of searches may do: SQLite's authorizer, installed once on a connection.
//!
//! It is asked when a statement is compiled, and compiled again after a change of the schema; so searches are guarded
//! while they run, and with them what FTS5 prepares for itself meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::error::Result;

/// Functions that reach out of the database.
const REACHING: [&str; 4] = ["load_extension", "readfile", "writefile", "edit"];

/// The switch of a connection's authorizer. Atomic only because rusqlite's hooks are `Send`.
#[derive(Debug)]
pub(super) struct Guard(Arc<AtomicBool>);

impl Guard {
    pub(super) fn install(raw: &mut Connection) -> Result<Guard> {
        let on = Arc::new(AtomicBool::new(false));
        let asked = on.clone();
        raw.authorizer(Some(move |context: AuthContext<'_>| {
            match !asked.load(Ordering::Relaxed) || is_search(&context) {
                true => Authorization::Allow,
                false => Authorization::Deny,
            }
        }))?;
        Ok(Guard(on))
    }

    /// Guards until what it gives is dropped.
    pub(super) fn on(&self) -> impl Drop + use<> {
        struct On(Arc<AtomicBool>, bool);
        impl Drop for On {
            fn drop(&mut self) {
                self.0.store(self.1, Ordering::Relaxed);
            }
        }
        On(self.0.clone(), self.0.swap(true, Ordering::Relaxed))
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

/// Tables of ours and of SQLite's, which models cannot be called.
fn is_internal(table: &str) -> bool {
    let table = table.to_ascii_lowercase();
    table.starts_with('_')
        || table.starts_with("sqlite_")
        || table.starts_with("pragma_")
        || table.starts_with("dbstat")
}
