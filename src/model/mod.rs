//! One table of JSON documents: its definition, its rows, its searches.
//!
//! Documents come and go as JSON text. Values are bound and names come from the definition: nothing
//! of a document or a search becomes SQL. Functions of users (defaults, computed values) are run by
//! the caller, before.

mod alias;
mod condition;
mod cursor;
mod definition;
mod document;
mod expression;
mod figures;
mod fts;
mod id;
mod migrate;
mod number;
mod own_select;
mod patch;
mod path;
mod plan;
mod query;
mod rewrite;
mod scans;
mod search;
mod select;
mod table;
mod tagged;
mod write;

pub use condition::bound;
pub use definition::{Column, ColumnType, Definition, Index};
pub use document::{Field, fields, scalar, write_value};
pub use migrate::{Migration, Progress, Stage, done_keys, forget, fresh, note_key, stale};
pub use own_select::{Made, OwnSelect};
pub use patch::Patch;
pub use plan::Explained;
pub use query::Found;
pub use search::{MAX_DEPTH, MAX_NODES, Node, Op, Search, Snippet};
pub use table::Model;
pub use write::{News, Written};

#[cfg(test)]
mod cursor_tests;
#[cfg(test)]
mod fts_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod search_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod write_tests;
