//! The sync protocol as pure machines: no I/O, no clock, no randomness, no SQL of their own.
//! Names nothing outside of this room, so that it could be a crate of its own.
//!
//! - [`error`]: what can be wrong with a message, an event or a log
//! - [`id`], [`limits`], [`entry`], [`wire`], [`refusal`]: what is said, and how large it may be
//! - [`condition`]: what an event may ask of its place in the log
//! - [`chain`]: the hash chain over a log
//! - [`client`]: what a replica does next, and what it makes of an answer
//! - [`merge`]: what a segment means for the queue
//! - [`resume`]: what a replica must know to come back together with a server that lost history
//! - [`server`]: what a push appends and a pull reads, over any log

pub mod backoff;
pub mod chain;
pub mod client;
pub mod condition;
pub mod entry;
pub mod error;
pub mod id;
mod json;
pub mod limits;
#[doc(hidden)]
pub mod memory;
pub mod merge;
pub mod refusal;
pub mod resume;
pub mod server;
pub mod wire;

pub use error::Error;
