//! The engine's interface for JavaScript: its classes, the users' functions, values and errors
//! across the boundary.
//!
//! Documents and events cross as JSON text, options and other small structured values as plain
//! objects, bytes as `Uint8Array`. Nothing is decided here.

mod access;
mod app;
mod databases;
mod documents;
mod engine;
mod error;
mod events;
mod host_sql;
mod models;
mod plain;
mod search;
mod server;
mod settle;
mod sql;
mod sync;
mod upkeep;
mod value;

pub use databases::{
    delete_database, export_database, import_database, list_databases, rename_database,
};
pub use engine::Engine;
pub use error::set_error_maker;
pub use server::ServerLog;
