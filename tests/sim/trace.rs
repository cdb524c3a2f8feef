//! What happened in a world, as a hash over all of it and the last happenings in words.

use std::collections::VecDeque;

/// How many happenings are kept to be shown.
const TAIL: usize = 30;

/// A run's happenings.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    tail: VecDeque<String>,
}

impl Default for Trace {
    fn default() -> Self {
        // FNV-1a: the same number on every machine, and in any language
        Trace { hash: 0xcbf2_9ce4_8422_2325, tail: VecDeque::new() }
    }
}

impl Trace {
    /// Something happened.
    pub(crate) fn note(&mut self, what: String) {
        self.count(&what);
        self.count("\n");
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(what);
    }

    /// Counts for the hash only: too long to be shown.
    pub(crate) fn count(&mut self, what: &str) {
        for byte in what.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The hash over all of it.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The last happenings, oldest first.
    pub(crate) fn tail(&self) -> String {
        self.tail.iter().map(|line| format!("\n  {line}")).collect()
    }
}

/// A message without the authors' clocks: nothing but data may depend on them.
pub(crate) fn without_ts(body: &str) -> String {
    let mut parts = body.split("\"ts\":");
    let mut kept = parts.next().unwrap_or_default().to_string();
    for part in parts {
        kept.push_str(part.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit()));
    }
    kept
}
