//! What a replica says, keeps and checks so that it can come back together with a server whose
//! history is not the one it had read. Pure: the store carries it out, the client machine says
//! when.

use super::error::{Error, Result};
use super::id::{ClientId, Epoch, Hash, Id};
use super::json::parse;
use super::limits;
use super::limits::safe_integer;
use super::wire::{Last, Point, check_client, check_version};
use serde::{Deserialize, Serialize};

/// `POST /v1/{log}/resume`: where do our histories part?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Protocol version.
    pub p: u64,
    /// The replica that asks.
    pub client: ClientId,
    /// Points it has read up to, newest first, at most [`limits::KNOWN`].
    pub known: Vec<(u64, Hash)>,
    /// Events it would like to know of, at most [`limits::RESUME_IDS`].
    #[serde(default)]
    pub ids: Vec<Id>,
}

impl Resume {
    /// Reads a resume.
    ///
    /// # Errors
    /// `PROTOCOL`; `TOO_LARGE` above the limits.
    pub fn parse(text: &str) -> Result<Resume> {
        let resume: Resume = parse(text, limits::PUSH_TEXT)?;
        limits::at_most("resume", resume.known.len(), limits::KNOWN, "points")?;
        limits::at_most("resume", resume.ids.len(), limits::RESUME_IDS, "ids")?;
        check_client(&resume.client)?;
        resume.known.iter().try_for_each(|(seq, _)| safe_integer(*seq))?;
        Ok(resume)
    }
}

/// The answer to a resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// Protocol version.
    pub p: u64,
    /// The server's epoch.
    pub epoch: Epoch,
    /// The newest known point that is in the server's history; none when all it had are gone.
    pub common: Option<Point>,
    /// The server's head.
    pub asof: Point,
    /// The server's record of the asking client.
    pub last: Option<Last>,
    /// For each of the ids asked about, `1` when the log has it up to `asof`, else `0`.
    pub have: String,
}

impl Resumed {
    /// Reads the answer to a resume.
    ///
    /// # Errors
    /// `PROTOCOL`.
    pub fn parse(text: &str) -> Result<Resumed> {
        let resumed: Resumed = parse(text, limits::PUSH_TEXT)?;
        check_version(resumed.p)?;
        let common = resumed.common.map_or(0, |c| c.seq);
        safe_integer(resumed.asof.seq)?;
        if common > resumed.asof.seq {
            return Err(Error::Protocol(format!(
                "the common point {common} is beyond the end of the log, {}",
                resumed.asof.seq
            )));
        }
        Ok(resumed)
    }
}

/// Which points of the history read so far to keep, newest first, when the newest is at `head`: a
/// point goes when its older neighbour is at most four times as far back as its newer one. So about
/// 32 of them reach back 2^32 events, and wherever two histories part, a common point is at most
/// about four times as far. `seqs` newest first.
pub fn keep(head: u64, seqs: &[u64]) -> Vec<u64> {
    let seqs: Vec<u64> = seqs.iter().copied().filter(|&seq| seq <= head).collect();
    let mut kept: Vec<u64> = Vec::new();
    for (i, &seq) in seqs.iter().enumerate() {
        let between = kept.last().zip(seqs.get(i + 1));
        if between.is_none_or(|(newer, older)| head - older > 4 * (head - newer)) {
            kept.push(seq);
        }
    }
    kept
}

/// Whether pending events with these numbers, in local commit order, can be pushed after `last` as
/// they are. A number is missing when the event was made under an older name.
pub fn follows(
    last: Option<Last>,
    top: u64,
    numbers: impl IntoIterator<Item = Option<u64>>,
) -> bool {
    let last = last.map_or(0, |l| l.n);
    let mut due = None;
    for n in numbers {
        match (n, due) {
            (Some(n), None) if n <= last + 1 => due = Some(n + 1),
            (Some(n), Some(expected)) if n == expected => due = Some(n + 1),
            _ => return false,
        }
    }
    // more at the server than this replica ever made, or fewer than it has, is somebody else's
    // doing
    match due {
        Some(next) => last < next && top < next,
        None => last == top,
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(n: u64) -> Option<Last> {
        (n > 0).then(|| Last { n, id: Id::from_bytes([1; 16]) })
    }

    #[test]
    fn numbers_follow_without_holes_under_one_name() {
        assert!(follows(at(4), 6, [Some(5), Some(6)]));
        assert!(follows(None, 2, [Some(1), Some(2)]));
        // the server may have more of them than was read: it skips what it has
        assert!(follows(at(5), 6, [Some(5), Some(6)]));
        assert!(follows(at(3), 3, []) && follows(None, 0, []));
        for (last, top, numbers) in [
            (4, 7, vec![Some(6), Some(7)]),
            (4, 6, vec![Some(6), Some(5)]),
            (4, 7, vec![Some(5), Some(7)]),
            (4, 5, vec![None, Some(5)]),
            (4, 5, vec![Some(5), None]),
            (9, 6, vec![Some(5), Some(6)]),
            (4, 8, vec![Some(5), Some(6)]),
            (2, 3, vec![]),
            (4, 3, vec![]),
        ] {
            assert!(!follows(at(last), top, numbers.clone()), "{last} {top} {numbers:?}");
        }
    }

    proptest! {
        #[test]
        fn points_reach_back_ever_sparser(steps in prop::collection::vec(1u64..40, 1..400)) {
            let (mut kept, mut head) = (Vec::new(), 0);
            for step in steps {
                head += step;
                kept.insert(0, head);
                kept = keep(head, &kept);
                prop_assert!(kept.len() <= 31 && kept.contains(&head));
            }
            // points come at steps of up to 40
            for distance in 1..head {
                let found = kept.iter().filter(|&&seq| seq <= head - distance).max().copied().unwrap_or(0);
                prop_assert!(head - found <= 4 * distance + 80, "{distance} back: {found} of {kept:?}");
            }
        }
    }
}
