//! The pure plan for one segment: which of its rows are our own, what must be undone, and what runs
//! again.
//!
//! ```text
//! pending      p1 p2 p3 p4                         segment p1 p2 x p4
//! in place     p1 p2            (state is already right)   p1 p2
//! undone             p3 p4      (newest first)
//! applied                                                        x p4
//! run again          p3
//! ```
//!
//! Owns no events and touches no state: the store carries a plan out in one transaction. Confirming
//! goes by id, never by position.

use super::id::{ClientId, Id};
use super::wire::{Entry, Kind};
use std::collections::HashMap;

/// What one row of the segment means here. Indices are positions in the pending list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Our event, confirmed where it stands: its effect is in the state already.
    InPlace(usize),
    /// Our event, confirmed at another place than it was run at: apply it here.
    Own(usize),
    /// Someone else's event: apply it here.
    Foreign,
    /// The server's verdict on our event: it leaves the queue without effect.
    Rejected(usize),
    /// Our event was in the log under another number already: it leaves the queue, its effect is
    /// there.
    Duplicate(usize),
    /// A verdict on someone else's event, or a row of the server's own: no event runs here.
    Nothing,
}

impl Role {
    /// The pending event that leaves the queue here.
    pub fn settles(self) -> Option<usize> {
        match self {
            Role::InPlace(i) | Role::Own(i) | Role::Rejected(i) | Role::Duplicate(i) => Some(i),
            Role::Foreign | Role::Nothing => None,
        }
    }

    /// Whether the row's event runs at this place.
    pub fn applies(self) -> bool {
        matches!(self, Role::Own(_) | Role::Foreign)
    }
}

/// What to do with a segment, in this order: undo, the rows one by one, run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// One role for each row.
    pub roles: Vec<Role>,
    /// How many pending events, from the oldest, keep their effects in the state.
    pub keep: usize,
    /// Whether the effects of the pending events after `keep` must be inverted, newest first,
    /// before any row is applied. When not, no row changes the state at all.
    pub rebase: bool,
    /// The pending events left, oldest first. In a rebase each runs again.
    pub left: Vec<usize>,
    /// The first row under our own name whose id we do not know: the database was cloned or
    /// restored from an old copy, and this replica needs a new identity.
    pub fork: Option<u64>,
}

/// Plans a segment for replica `me`, whose pending events in order are `pending`.
pub fn plan(me: &ClientId, pending: &[Id], rows: &[Entry]) -> Plan {
    let index: HashMap<&Id, usize> = pending.iter().enumerate().map(|(i, id)| (id, i)).collect();
    let mut settled = vec![false; pending.len()];
    let mut keep = 0;
    let mut in_place = true;
    let mut fork = None;
    let mut roles = Vec::with_capacity(rows.len());
    for row in rows {
        // an id that was settled by an earlier row of this very segment is no longer pending
        let mine = index.get(&row.id).copied().filter(|&i| !settled[i]);
        let role = match (row.kind, mine) {
            (Kind::Event, Some(i)) if in_place && i == keep => Role::InPlace(i),
            (Kind::Event, Some(i)) => Role::Own(i),
            (Kind::Event, None) => Role::Foreign,
            (Kind::Rej, Some(i)) => Role::Rejected(i),
            (Kind::Dup, Some(i)) => Role::Duplicate(i),
            (Kind::Rej | Kind::Dup, None) | (Kind::Void | Kind::Erased | Kind::Trim, _) => {
                Role::Nothing
            }
        };
        if row.client == *me
            && role.settles().is_none()
            && !index.contains_key(&row.id)
            && fork.is_none()
        {
            fork = Some(row.n);
        }
        match role {
            Role::InPlace(_) => keep += 1,
            // it takes a position, so the events still pending move on by one; a reducer may look
            // at its event's
            Role::Nothing => in_place = in_place && keep == pending.len(),
            // from here on the state is no longer "the log, then pending in order"
            Role::Own(_) | Role::Foreign | Role::Rejected(_) | Role::Duplicate(_) => {
                in_place = false
            }
        }
        if let Some(i) = role.settles() {
            settled[i] = true;
        }
        roles.push(role);
    }
    let left = (0..pending.len()).filter(|&i| !settled[i]).collect();
    Plan { roles, keep, rebase: !in_place, left, fork }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ME: ClientId = ClientId::from_bytes([1; 16]);

    fn id(x: u8) -> Id {
        Id::from_bytes([x; 16])
    }

    fn row(x: u8, mine: bool, kind: Kind) -> Entry {
        let client = if mine { ME } else { ClientId::from_bytes([2; 16]) };
        let (event_type, body) = ("t".into(), String::new().into());
        Entry {
            id: id(x),
            client,
            n: u64::from(x),
            event_type,
            tv: 1,
            body,
            ts: None,
            x: None,
            kind,
            reference: None,
            code: None,
        }
    }

    fn plan_of(pending: &[u8], rows: &[Entry]) -> Plan {
        plan(&ME, &pending.iter().map(|&x| id(x)).collect::<Vec<_>>(), rows)
    }

    #[test]
    fn a_segment_that_is_a_prefix_of_the_queue_confirms_in_place() {
        let p = plan_of(&[1, 2, 3], &[row(1, true, Kind::Event), row(2, true, Kind::Event)]);
        assert_eq!(p.roles, [Role::InPlace(0), Role::InPlace(1)]);
        assert_eq!((p.rebase, p.keep, p.left), (false, 2, vec![2]));
    }

    #[test]
    fn a_foreign_event_rebases_what_comes_after_it() {
        let rows =
            [row(1, true, Kind::Event), row(9, false, Kind::Event), row(2, true, Kind::Event)];
        let p = plan_of(&[1, 2, 3], &rows);
        assert_eq!(p.roles, [Role::InPlace(0), Role::Foreign, Role::Own(1)]);
        assert_eq!((p.rebase, p.keep, p.left), (true, 1, vec![2]));
    }

    #[test]
    fn a_rejected_event_is_undone_and_leaves() {
        let p = plan_of(&[1, 2], &[row(1, true, Kind::Rej), row(2, true, Kind::Event)]);
        assert_eq!(p.roles, [Role::Rejected(0), Role::Own(1)]);
        assert_eq!((p.rebase, p.keep, p.left), (true, 0, vec![]));
    }

    #[test]
    fn other_peoples_verdicts_move_what_is_still_pending() {
        let rows = [row(8, false, Kind::Rej), row(1, true, Kind::Event), row(9, false, Kind::Dup)];
        let p = plan_of(&[1, 2], &rows);
        assert_eq!(p.roles, [Role::Nothing, Role::Own(0), Role::Nothing]);
        assert_eq!((p.rebase, p.keep, p.left), (true, 0, vec![1]));
        let after = plan_of(&[1], &[row(1, true, Kind::Event), row(8, false, Kind::Rej)]);
        assert_eq!((after.rebase, after.keep, after.left), (false, 1, vec![]));
    }

    #[test]
    fn a_dup_after_its_first_occurrence_in_one_segment_settles_once() {
        // a clone pushed our event under its own name, then ours became the dup
        let rows = [row(1, false, Kind::Event), row(1, true, Kind::Dup)];
        let p = plan_of(&[1, 2], &rows);
        assert_eq!(p.roles, [Role::InPlace(0), Role::Nothing]);
        assert_eq!((p.fork, p.left), (None, vec![1]));
    }

    #[test]
    fn an_unknown_event_under_our_own_name_is_a_fork() {
        let p = plan_of(&[1], &[row(7, true, Kind::Event)]);
        assert_eq!((p.roles, p.fork), (vec![Role::Foreign], Some(7)));
        assert_eq!(plan_of(&[1], &[row(7, false, Kind::Event)]).fork, None);
    }

    #[cfg(not(target_family = "wasm"))]
    mod properties {
        use super::*;
        use proptest::prelude::*;

        /// Rows over a small set of ids, so that they meet the queue often, in any order and of any
        /// kind.
        fn rows() -> impl Strategy<Value = Vec<Entry>> {
            let kind =
                prop_oneof![4 => Just(Kind::Event), 1 => Just(Kind::Rej), 1 => Just(Kind::Dup)];
            prop::collection::vec(
                (0u8..12, any::<bool>(), kind).prop_map(|(x, m, k)| row(x, m, k)),
                0..14,
            )
        }

        /// Runs a plan on a state that is the list of effects, as the store would.
        fn carry_out(pending: &[Id], rows: &[Entry], plan: &Plan) -> Option<Vec<Id>> {
            let mut state = pending.to_vec();
            if plan.rebase {
                state.truncate(plan.keep);
            }
            for (row, role) in rows.iter().zip(&plan.roles) {
                if role.applies() {
                    plan.rebase.then(|| state.push(row.id))?;
                }
            }
            if plan.rebase {
                state.extend(plan.left.iter().map(|&i| pending[i]));
            }
            Some(state)
        }

        proptest! {
            #[test]
            fn the_state_is_the_log_and_then_what_is_pending(queue in prop::collection::hash_set(0u8..12, 0..8), rows in rows()) {
                let pending: Vec<Id> = queue.into_iter().map(id).collect();
                let p = plan(&ME, &pending, &rows);
                prop_assert_eq!(p.roles.len(), rows.len());
                let left: Vec<Id> = p.left.iter().map(|&i| pending[i]).collect();
                let mut expected: Vec<Id> = rows.iter().filter(|r| r.kind == Kind::Event).map(|r| r.id).collect();
                expected.extend(&left);
                prop_assert_eq!(carry_out(&pending, &rows, &p), Some(expected));
                // nothing leaves the queue but by its id standing in the segment, and nothing
                // leaves twice
                let mut gone: Vec<usize> = p.roles.iter().filter_map(|r| r.settles()).collect();
                for &i in &gone {
                    prop_assert!(rows.iter().any(|r| r.id == pending[i]));
                }
                gone.extend(&p.left);
                gone.sort_unstable();
                prop_assert_eq!(gone, (0..pending.len()).collect::<Vec<_>>());
                prop_assert!(p.left.iter().all(|&i| rows.iter().all(|r| r.id != pending[i])));
            }
        }
    }
}
