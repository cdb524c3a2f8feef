//! The hash chain over a log, from which a changed, moved or missing row is seen:
//!
//! ```text
//! h0  = H("tidelog2" ‖ log)                        H: the first 16 bytes of SHA-256
//! h_i = H(h_{i-1} ‖ u64be(i) ‖ R)
//! R   = SHA-256(id ‖ client ‖ u64be(n) ‖ kind ‖ u32be(tv) ‖ text(t) ‖ opt(i64be(ts))
//!       ‖ opt(text(x)) ‖ opt(ref) ‖ opt(text(code)) ‖ SHA-256(body))
//! ```
//! `text(s)` is the length in bytes as u32be, then the bytes; `opt(v)` is 0x00, or 0x01 and `v`. It
//! hashes bytes as sent: JSON is never rewritten. An erased body leaves its hash, so the chain
//! holds.

use super::entry::Entry;
use super::id::Hash;
use super::wire::{Point, Segment};
use sha2::{Digest, Sha256};

/// The chain before the first event of `log`.
pub fn start(log: &str) -> Point {
    Point {
        seq: 0,
        h: finish(Sha256::new().chain_update(b"tidelog2").chain_update(log.as_bytes())),
    }
}

/// The chain after `entry`, which comes right after `at`.
pub fn step(at: Point, entry: &Entry) -> Point {
    let mut row = Sha256::new();
    row.update(entry.id.as_bytes());
    row.update(entry.client.as_bytes());
    row.update(entry.n.to_be_bytes());
    row.update([entry.kind.byte()]);
    row.update(entry.tv.to_be_bytes());
    text(&mut row, &entry.event_type);
    opt(&mut row, entry.ts, |row, ts| row.update(ts.to_be_bytes()));
    opt(&mut row, entry.x.as_deref(), text);
    opt(&mut row, entry.reference, |row, id| row.update(id.as_bytes()));
    opt(&mut row, entry.code.as_deref(), text);
    row.update(entry.body.hash().as_bytes());
    let seq = at.seq + 1;
    let chained = Sha256::new()
        .chain_update(at.h.as_bytes())
        .chain_update(seq.to_be_bytes())
        .chain_update(row.finalize());
    Point { seq, h: finish(chained) }
}

fn opt<T>(hasher: &mut Sha256, value: Option<T>, then: impl FnOnce(&mut Sha256, T)) {
    hasher.update([u8::from(value.is_some())]);
    if let Some(value) = value {
        then(hasher, value);
    }
}

fn text(hasher: &mut Sha256, text: &str) {
    // every text of a row is bounded far below 4 GiB
    hasher.update((text.len() as u32).to_be_bytes());
    hasher.update(text.as_bytes());
}

/// The chain after all of `entries`.
pub fn fold<'a>(at: Point, entries: impl IntoIterator<Item = &'a Entry>) -> Point {
    entries.into_iter().fold(at, step)
}

/// Whether a segment's rows lead from its beginning to its end.
pub fn holds(segment: &Segment) -> bool {
    fold(segment.from, &segment.entries) == segment.to
}

fn finish(hasher: Sha256) -> Hash {
    let digest = hasher.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    Hash::from_bytes(short)
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Body, Kind};
    use super::super::id::{ClientId, Id};
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn entry(n: u64) -> Entry {
        Entry {
            id: Id::from_bytes([n as u8; 16]),
            client: ClientId::from_bytes([9; 16]),
            n,
            event_type: "todos".into(),
            tv: 1,
            body: format!("{{\"n\":{n}}}").into(),
            ts: None,
            x: None,
            kind: Kind::Event,
            reference: None,
            code: None,
        }
    }

    #[test]
    fn every_part_of_a_row_counts() {
        let at = start("log");
        let base = step(at, &entry(1));
        assert_ne!(start("other"), at);
        let changed: [fn(&mut Entry); 12] = [
            |e| e.id = Id::from_bytes([8; 16]),
            |e| e.client = ClientId::from_bytes([8; 16]),
            |e| e.n = 2,
            |e| e.event_type = "todo".into(),
            |e| e.tv = 2,
            |e| e.body = Body::Text(format!("{} ", e.text())),
            |e| e.kind = Kind::Void,
            |e| e.ts = Some(0),
            |e| e.x = Some(String::new()),
            |e| e.reference = Some(Id::from_bytes([0; 16])),
            |e| e.code = Some(String::new()),
            |e| (e.event_type, e.x) = ("todo".into(), Some("s".into())),
        ];
        for (i, change) in changed.iter().enumerate() {
            let mut other = entry(1);
            change(&mut other);
            assert_ne!(step(at, &other), base, "change {i}");
        }
        assert_ne!(step(Point { seq: 1, ..at }, &entry(1)).h, base.h);
    }

    #[test]
    fn an_erased_body_leaves_the_chain_as_it_was() {
        let whole = entry(1);
        let erased = Entry { body: Body::Erased(whole.body.hash()), ..whole.clone() };
        assert_eq!(step(start("log"), &erased), step(start("log"), &whole));
    }

    #[cfg(not(target_family = "wasm"))]
    proptest::proptest! {
        #[test]
        fn folding_in_pieces_is_folding_at_once(count in 0u64..40, cut in 0usize..40) {
            let entries: Vec<Entry> = (1..=count).map(entry).collect();
            let (a, b) = entries.split_at(cut.min(entries.len()));
            let at = start("log");
            proptest::prop_assert_eq!(fold(fold(at, a), b), fold(at, &entries));
            proptest::prop_assert_eq!(fold(at, &entries).seq, count);
        }

        #[test]
        fn a_row_moved_dropped_or_doubled_is_noticed(count in 2u64..30, i in 0usize..30, j in 0usize..30) {
            let entries: Vec<Entry> = (1..=count).map(entry).collect();
            let (i, j) = (i % entries.len(), j % entries.len());
            let whole = fold(start("log"), &entries);
            let mut dropped = entries.clone();
            dropped.remove(i);
            proptest::prop_assert_ne!(fold(start("log"), &dropped).h, whole.h);
            let mut doubled = entries.clone();
            doubled.insert(j, entries[i].clone());
            proptest::prop_assert_ne!(fold(start("log"), &doubled).h, whole.h);
            if i != j {
                let mut moved = entries.clone();
                moved.swap(i, j);
                proptest::prop_assert_ne!(fold(start("log"), &moved), whole);
            }
        }
    }
}
