//! One table of JSON documents: its definition, its rows, its searches.
//!
//! Documents come and go as JSON text. Values are bound and names come from the definition: nothing of a document or
//! a search becomes SQL. Functions of users (defaults, computed values) are run by the caller, before.

mod definition;
mod document;
mod migrate;
mod query;
mod table;

pub use definition::{Column, ColumnType, Definition, Index};
pub use document::{Field, fields, scalar, write_value};
pub use migrate::{Migration, Progress, Stage, done_keys, forget, fresh, note_key, stale};
pub use query::{Found, Search};
pub use table::Model;

#[cfg(test)]
mod tests;
