//! Tidelog's engine: SQLite, JSON models, events and sync, natively and as WebAssembly.
//!
//! # Layout
//!
//! Dependencies point one way: `js → store → {event, view, sync, replica} → model → sql → vfs → error`.
//!
//! - [`error`]: the one error type
//! - [`vfs`]: file storage under SQLite
//! - [`sql`]: databases, statements, values, transactions
//! - [`sync`]: the sync protocol as pure machines

pub mod error;
pub mod sql;
pub mod sync;
pub mod vfs;
