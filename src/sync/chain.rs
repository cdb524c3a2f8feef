//! The hash chain over a log: `h0 = H("tidelog1" ‖ log)`, `h_i = H(h_{i-1} ‖ u64be(i) ‖ id ‖ client
//! ‖ u64be(n) ‖ kind ‖ SHA-256(t ‖ 0 ‖ u32be(tv) ‖ body))`, where `H` is the first 16 bytes of
//! SHA-256. It hashes bytes as sent: JSON is never rewritten.

use super::id::Hash;
use super::wire::{Entry, Kind, Point, Segment};
use sha2::{Digest, Sha256};

/// The chain before the first event of `log`.
pub fn start(log: &str) -> Point {
    Point {
        seq: 0,
        h: finish(Sha256::new().chain_update(b"tidelog1").chain_update(log.as_bytes())),
    }
}

/// The chain after `entry`, which comes right after `at`.
pub fn step(at: Point, entry: &Entry) -> Point {
    // The content is hashed on its own so that a body can be erased one day and its hash kept.
    // `rej` and `dup` rows are hashed without a body because every replica may have dropped it.
    let body: &str = if matches!(entry.kind, Kind::Rej | Kind::Dup) { "" } else { &entry.data };
    let content = Sha256::new()
        .chain_update(entry.event_type.as_bytes())
        .chain_update([0])
        .chain_update(entry.tv.to_be_bytes())
        .chain_update(body.as_bytes())
        .finalize();
    let seq = at.seq + 1;
    let row = Sha256::new()
        .chain_update(at.h.as_bytes())
        .chain_update(seq.to_be_bytes())
        .chain_update(entry.id.as_bytes())
        .chain_update(entry.client.as_bytes())
        .chain_update(entry.n.to_be_bytes())
        .chain_update([entry.kind.byte()])
        .chain_update(content);
    Point { seq, h: finish(row) }
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
            data: format!("{{\"n\":{n}}}"),
            ts: None,
            kind: Kind::Event,
            reference: None,
            code: None,
        }
    }

    #[test]
    fn the_chain_is_the_one_of_the_specification() {
        // computed independently, by Python's hashlib, from the formula above
        assert_eq!(start("todo").h.to_string(), "6mp5js2ibch2dzr3lmzvdhripe");
        assert_eq!(step(start("todo"), &entry(1)).h.to_string(), "srly5u6hjmyx7ha6nquvjhd36e");
    }

    #[test]
    fn every_part_of_a_row_counts() {
        let at = start("log");
        let base = step(at, &entry(1));
        assert_ne!(start("other"), at);
        let changed: [fn(&mut Entry); 7] = [
            |e| e.id = Id::from_bytes([8; 16]),
            |e| e.client = ClientId::from_bytes([8; 16]),
            |e| e.n = 2,
            |e| e.event_type = "todo".into(),
            |e| e.tv = 2,
            |e| e.data.push(' '),
            |e| e.kind = Kind::Void,
        ];
        for (i, change) in changed.iter().enumerate() {
            let mut other = entry(1);
            change(&mut other);
            assert_ne!(step(at, &other), base, "change {i}");
        }
        assert_ne!(step(Point { seq: 1, ..at }, &entry(1)).h, base.h);
    }

    #[test]
    fn a_verdict_hashes_no_body() {
        for k in [Kind::Rej, Kind::Dup] {
            let full = Entry { kind: k, ..entry(1) };
            let bare = Entry { data: String::new(), ..full.clone() };
            assert_eq!(step(start("log"), &full), step(start("log"), &bare));
        }
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
