//! Databases: connections, statements, values, transactions. The only room that knows rusqlite.
//!
//! SQL text comes in whole and values are bound, never spliced; names are quoted by [`quote`].

mod bind;
mod conn;
mod db;
mod ending;
mod guard;
mod host;
mod placeholders;
mod session;
mod statements;
mod theirs;
mod tx;
mod upkeep;
mod value;

pub use conn::{Conn, Row};
pub use db::{Db, Durability, Options};
pub use ending::check_inside;
pub use guard::is_internal;
pub use host::{HostRows, HostSqlite};
pub use placeholders::may_write;
pub use session::{Recorder, undo};
pub use tx::Tx;
pub use value::{Changes, Param, Params, Value};

/// A name as an SQL identifier: in double quotes, inner ones doubled.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod upkeep_tests;
