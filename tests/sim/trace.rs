//! Everything that happens in a world, as text of which only the hash is kept: two runs that differ
//! anywhere differ here.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
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

/// Whether two kept traces tell the same story. Clocks are hashed, so the chain's hashes differ,
/// and what is named by them: names are told apart by where they come up first.
pub(crate) fn same_course(
    one: &(String, Option<String>),
    other: &(String, Option<String>),
) -> bool {
    one.0 == other.0
        || one.1.as_deref().map(with_places) == other.1.as_deref().map(with_places)
            && one.1.is_some()
}

/// A trace in which each name of 26 characters is the number of names before its first place.
fn with_places(text: &str) -> String {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut told = String::with_capacity(text.len());
    let digit = |c: char| matches!(c, 'a'..='z' | '2'..='7');
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !digit(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.len() == 26 {
            let next = places.len();
            let _ = write!(told, "#{}", places.entry(word).or_insert(next));
        } else {
            told.push_str(word);
        }
        let other = after.find(digit).unwrap_or(after.len());
        told.push_str(&after[..other]);
        rest = &after[other..];
    }
    told
}
