//! Everything that happens in a world, as text of which only the hash is kept: two runs that differ
//! anywhere differ here.

use sha2::{Digest, Sha256};
use std::fmt::{self, Write};

/// Text is hashed in pieces of about this size: a hash of every word would cost more than the
/// words.
const PIECE: usize = 8192;
/// How many of the last happenings are shown with a failure, and how much of each.
const TAIL: usize = 30;
const WIDTH: usize = 160;

/// The trace of one seed.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Sha256,
    /// The piece before, which is hashed.
    before: String,
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
            std::mem::swap(&mut self.before, &mut self.text);
            self.text.clear();
        }
    }

    /// The last happenings, oldest first, each on a line.
    pub(crate) fn tail(&self) -> String {
        let mut lines: Vec<&str> =
            self.before.lines().chain(self.text.lines()).rev().take(TAIL).collect();
        lines.reverse();
        lines.into_iter().fold(String::new(), |mut all, line| {
            let _ = write!(all, "\n  {}", line.chars().take(WIDTH).collect::<String>());
            all
        })
    }

    /// The hash of all that happened, and the text if it was kept.
    pub(crate) fn finish(mut self) -> (String, Option<String>) {
        self.hash.update(&self.text);
        let hash = self.hash.finalize();
        let hash = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        (hash, self.kept.then_some(self.text))
    }
}

/// A message without the authors' clocks, on which nothing but data may depend.
pub(crate) fn without_ts(body: &str) -> String {
    let mut parts = body.split("\"ts\":");
    let mut kept = parts.next().unwrap_or_default().to_string();
    for part in parts {
        kept.push_str(part.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit()));
    }
    kept
}
