//! Tidelog's engine: SQLite, JSON models, events and sync, natively and as WebAssembly.
//!
//! # Layout
//!
//! Dependencies point one way: `js → store → {event, view, sync, replica} → model → sql → vfs →
//! error`.
//!
//! - [`error`]: the one error type
//! - [`vfs`]: file storage under SQLite
//! - [`sql`]: databases, statements, values, transactions
//! - [`model`]: one table of JSON documents
//! - [`event`]: the log, the queue, and what happens to one event
//! - [`sync`]: the sync protocol as pure machines
//! - [`store`]: what a database is made of; one method per operation
//! - [`server`]: a server's log in a database of its own
//! - `js`: the engine's interface for JavaScript, wasm32 only

pub mod error;
pub mod event;
#[cfg(target_family = "wasm")]
pub mod js;
pub mod model;
pub mod server;
pub mod sql;
pub mod store;
pub mod sync;
pub mod vfs;
