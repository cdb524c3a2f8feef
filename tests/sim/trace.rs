//! Everything that happens in a world, as text of which only the hash is kept: two runs that differ anywhere differ here.

use sha2::{Digest, Sha256};
use std::fmt::{self, Write};

/// Text is hashed in pieces of about this size: a hash of every word would cost more than the words.
const PIECE: usize = 8192;

/// The trace of one seed.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Sha256,
    text: String,
    /// All text stays, for people who look for the first difference.
    kept: bool,
}

impl Trace {
    /// One that keeps its text.
    pub(crate) fn kept() -> Trace {
        Trace { kept: true, ..Trace::default() }
    }

    /// This happened.
    pub(crate) fn note(&mut self, what: fmt::Arguments<'_>) {
        // a string refuses no text
        let _ = writeln!(self.text, "{what}");
        if self.text.len() >= PIECE && !self.kept {
            self.hash.update(&self.text);
            self.text.clear();
        }
    }

    /// The hash of all that happened, and the text if it was kept.
    pub(crate) fn finish(mut self) -> (String, Option<String>) {
        self.hash.update(&self.text);
        let hash = self.hash.finalize();
        let hash = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        (hash, self.kept.then_some(self.text))
    }
}
