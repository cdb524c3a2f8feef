//! A model's memory of its searches: which of them read the whole table, and which the developer
//! was warned about. plan.rs finds that out.

use std::cell::RefCell;
use std::collections::HashMap;

/// The knowledge of a model about its searches.
#[derive(Debug, Default)]
pub(super) struct Scans {
    /// Whether a statement, by the hash of its text, reads the whole table for want of an index.
    pub(super) known: RefCell<HashMap<u64, bool>>,
    /// Sets of columns that were warned about.
    pub(super) warned: RefCell<Vec<Vec<String>>>,
    /// A warning that was not handed out yet.
    pub(super) untold: RefCell<Option<String>>,
}
