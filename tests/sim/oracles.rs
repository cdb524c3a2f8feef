//! The oracles of one replica, asked whenever it did something.

use super::faults::Seen;
use super::origin::Origin;
use super::process::Process;
use super::workload::{Op, State};
use super::world::World;
use std::collections::HashSet;
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::wire::At;

/// The position that an event is run at when it is not known which that was.
const SOMEWHERE: u64 = i64::MAX as u64;

/// What a replica holds.
#[derive(Debug)]
struct View {
    me: ClientId,
    cursor: At,
    queued: Vec<(Id, Op)>,
    state: State,
    dead: Vec<u64>,
    held: Option<u64>,
}

impl<P: Process, O: Origin> World<P, O> {
    /// Looks at what a replica holds, which goes into the trace.
    fn look_at(&mut self, i: usize) -> View {
        let process = &self.nodes[i].process;
        let view = View {
            me: process.me(),
            cursor: process.cursor(),
            queued: process.queued(),
            state: process.state(),
            dead: process.dead(),
            held: process.held(),
        };
        self.trace.note(format_args!("node {i} sent {} {view:?}", process.sent()));
        self.nodes[i].lineage.called(view.me);
        view
    }

    /// Checks a replica.
    pub(crate) fn check_node(&mut self, i: usize) -> Result<(), String> {
        let view = self.look_at(i);
        self.check_view(i, &view).map_err(|e| format!("client {i}: {e}"))
    }

    fn check_view(&mut self, i: usize, view: &View) -> Result<(), String> {
        let point = view.cursor.point();
        let history = &self.history;
        let Some(moment) = history.at(point) else {
            return Err(format!(
                "chain_holds: the cursor {} was never a point of the log",
                point.seq
            ));
        };
        let lineage = &mut self.nodes[i].lineage;
        lineage.check_kept(history, point, view.queued.iter().map(|(id, _)| *id).collect())?;
        lineage.check_order(history)?;
        let newer = moment.newer.filter(|_| self.nodes[i].version == 1);
        // an event whose body some log erased may have been read without it
        let bare = view.held.filter(|&seq| newer.is_none_or(|newer| seq < newer)).filter(|&seq| {
            let erased = |id: &Id| history.erased.contains(id);
            history.way_has(point, seq, erased)
        });
        let held = bare.or(newer);
        if view.held != held {
            return Err(format!(
                "held_waits: it holds at {:?}, the first it does not know is {newer:?}",
                view.held
            ));
        }
        if bare.is_some() {
            self.counters.add(Seen::HeldWithoutBody);
        }
        if let Some(held) = held {
            return self.check_held(i, held, view);
        }
        let mut expected: State = State::clone(&moment.state);
        for (v, (_, op)) in (point.seq + 1..).zip(&view.queued) {
            op.apply(v, &mut expected);
        }
        compare(view, &moment.dead, &expected)
    }

    /// Nothing of the log from `held` on is applied, but its own events stand where they were made.
    fn check_held(&mut self, i: usize, held: u64, view: &View) -> Result<(), String> {
        let (mut expected, dead, behind) = self.history.split(view.cursor.point(), held - 1);
        let waiting: HashSet<&Id> = view.queued.iter().map(|(id, _)| id).collect();
        let mut shadows = 0;
        for (id, op) in self.nodes[i].lineage.made() {
            shadows += u32::from(behind.contains(id));
            if waiting.contains(id) || behind.contains(id) {
                op.apply(SOMEWHERE, &mut expected);
            }
        }
        // what was written is a position, which may have moved since: any will do
        for (id, doc) in &mut expected {
            for (field, value) in doc.iter_mut().filter(|(_, value)| **value == SOMEWHERE as i64) {
                *value = view.state.get(id).and_then(|d| d.get(field)).copied().unwrap_or(*value);
            }
        }
        let result =
            compare(view, &dead, &expected).map_err(|e| format!("held_waits, held at {held}: {e}"));
        self.seen(if shadows > 0 { Seen::ShadowedBehindHeld } else { Seen::Held });
        result
    }
}

fn compare(view: &View, dead: &[u64], expected: &State) -> Result<(), String> {
    let (seq, pending) = (view.cursor.seq, view.queued.len());
    if view.state != *expected {
        return Err(format!(
            "state_is_log_then_pending: at {seq} with {pending} pending it has {:?}, the naive engine has {expected:?}",
            view.state
        ));
    }
    if view.dead != dead {
        return Err(format!(
            "state_is_log_then_pending: at {seq} it disagrees about what threw: {:?}, not {:?}",
            view.dead, dead
        ));
    }
    Ok(())
}
