//! The stages of a migration and how far one is.

/// Rows rewritten in one step.
pub(super) const BATCH: i64 = 500;

/// The progress of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// `columns`, `indexes`, `fullText` or `foreignKeys`.
    pub phase: &'static str,
    /// Rows or indexes that are done.
    pub done: i64,
    /// Of how many.
    pub total: i64,
}

/// The stages, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Table and columns.
    Shape,
    /// Indexes; the definition is recorded.
    Rest,
    /// Foreign keys, when every model has been through the others, and full text.
    Refer,
}
