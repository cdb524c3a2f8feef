//! Events: the log and queue tables, and what happens to one event (preprocess → reduce → apply →
//! derive).
//!
//! Decides nothing about sync or transactions; both are the store's.

mod action;
mod app;
mod crud;
mod history;
pub mod own;
mod process;
pub mod queue;
mod result;
pub mod struck;
mod types;

pub use action::{Act, Action, Actions};
pub use app::{App, Event, Phases};
pub use crud::complete;
pub use history::count as count_events;
pub use history::{Filter, HistoryRow, history};
pub use process::{Models, RULES, own_model, preprocess, process};
pub use result::{ByModel, ModelResult, Results};
pub use types::{Known, TypeRule, Types};
