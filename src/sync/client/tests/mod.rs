//! The machine against the real server rules: the way things go, and the liveness traps. The rows
//! of the reaction table that stop or fence a client are in `refusals`.

use super::*;
use crate::sync::id::{ClientId, Epoch, Id};
use crate::sync::memory::MemoryLog;
use crate::sync::refusal::Refusal;
use crate::sync::wire::{At, Last, Outgoing, Point, Pushed, Segment, to_json};
use crate::sync::{chain, limits, merge, server};
use server::{Facts, Log};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod healing;
mod refusals;

const ME: ClientId = ClientId::from_bytes([1; 16]);
const OTHER: ClientId = ClientId::from_bytes([2; 16]);

struct Pending {
    top: u64,
    list: Vec<Outgoing>,
    /// Own events and where they are confirmed, oldest first.
    own: Vec<(u64, Outgoing)>,
    known: Vec<Point>,
}

impl Queue for Pending {
    type Error = Error;

    fn top(&self) -> Result<u64> {
        Ok(self.top)
    }
    fn pending(&self) -> Result<u64> {
        Ok(self.list.len() as u64)
    }
    fn known(&self) -> Result<Vec<Point>> {
        Ok(self.known.iter().rev().copied().collect())
    }
    fn outgoing(&self, from_n: u64, max_events: usize, _: usize) -> Result<Vec<Outgoing>> {
        Ok(self.list.iter().filter(|e| e.n >= from_n).take(max_events).cloned().collect())
    }
}

/// One replica, one server, a clock: what the driver does, in a few lines.
struct Rig {
    client: Client,
    queue: Pending,
    log: MemoryLog,
    now: u64,
}

impl Rig {
    fn new() -> Rig {
        let start = chain::start("log");
        let at = At { epoch: None, seq: start.seq, h: start.h };
        let mut client =
            Client::new(Start { client: ME, at, asof: None, limits: None, stopped: None });
        client.token();
        let queue = Pending { top: 0, list: Vec::new(), own: Vec::new(), known: vec![start] };
        Rig { client, queue, log: MemoryLog::new("log", Epoch::from_bytes([5; 8])), now: 1000 }
    }

    fn tick(&self) -> Tick {
        Tick { now: self.now, random: u32::MAX }
    }

    fn commit(&mut self, count: u64) {
        for _ in 0..count {
            self.queue.top += 1;
            self.queue.list.push(out(self.queue.top));
        }
    }

    fn poll(&mut self) -> Action {
        self.client.poll(self.tick(), &self.queue).unwrap()
    }

    fn sent(&mut self) -> Request {
        match self.poll() {
            Action::Send(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, request: &Request, status: u16, body: &str) {
        let tick = self.tick();
        self.client.handle(tick, request.id, status, body);
    }

    fn refuse(&mut self, request: &Request, refusal: &Refusal) {
        self.answer(request, refusal.status(), &refusal.to_json().unwrap());
    }

    fn serve(&mut self, request: &Request) {
        let reply = match request.verb {
            Verb::Push => server::push(&mut self.log, "ann", &request.body, None).unwrap(),
            Verb::Pull => server::pull(&self.log, "ann", &request.body).unwrap().reply,
            Verb::Resume => server::resume(&self.log, "ann", &request.body).unwrap(),
        };
        self.answer(request, reply.status, &reply.body);
    }

    fn apply(&mut self) -> Segment {
        let Action::Apply(change) = self.poll() else { panic!("{:?}", self.status()) };
        let Change::Segment(segment) = *change else { panic!("{change:?}") };
        let ids: Vec<Id> = self.queue.list.iter().map(|e| e.id).collect();
        let plan = merge::plan(&self.client.name(), &ids, &segment.entries);
        for (i, role) in plan.roles.iter().enumerate() {
            let own = role
                .settles()
                .map(|p| (segment.from.seq + i as u64 + 1, self.queue.list[p].clone()));
            self.queue.own.extend(own);
        }
        self.queue.list.retain(|e| plan.left.iter().any(|&i| ids[i] == e.id));
        self.queue.known.push(segment.to);
        let tick = self.tick();
        self.client.applied(tick, Outcome { fork: plan.fork, ..Outcome::default() });
        segment
    }

    /// One request there and back, and its segment applied.
    fn round_trip(&mut self) -> Segment {
        let request = self.sent();
        self.serve(&request);
        self.apply()
    }

    fn foreign(&mut self, count: u64) {
        for _ in 0..count {
            let n = self.log.last_of(&OTHER).unwrap().map_or(1, |l| l.n + 1);
            let entry = Outgoing { n, ..out(1000 + n) }.row(OTHER);
            let at = chain::step(self.log.head().unwrap(), &entry);
            self.log.append(at, &entry).unwrap();
        }
    }

    fn status(&self) -> Status {
        self.client.status(&self.queue).unwrap()
    }

    /// Commits one event and lets the debounce pass.
    fn commit_due(&mut self) {
        self.commit(1);
        assert_eq!(self.poll(), Action::Wait(Some(self.now + DEBOUNCE_MS)));
        self.now += DEBOUNCE_MS;
    }

    fn state(&self) -> State {
        self.status().state
    }

    fn error(&self) -> Option<&'static str> {
        self.status().error
    }
}

fn out(x: u64) -> Outgoing {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&x.to_be_bytes());
    Outgoing {
        id: Id::from_bytes(id),
        n: x,
        event_type: "t".into(),
        tv: 1,
        data: "1".into(),
        ts: None,
        x: None,
    }
}

#[test]
fn a_push_confirms_in_one_round_trip_and_then_it_is_live() {
    let mut rig = Rig::new();
    rig.commit(2);
    let request = rig.sent();
    assert_eq!((request.verb, request.sent, request.timeout_ms), (Verb::Push, Some(2), 15_000));
    assert_eq!(rig.poll(), Action::Wait(Some(16_000)));
    rig.serve(&request);
    assert_eq!(rig.apply().entries.len(), 2);
    assert_eq!((rig.state(), rig.status().pending), (State::Live, 0));
    let poll = rig.sent();
    assert_eq!((poll.verb, poll.sent, poll.timeout_ms), (Verb::Pull, None, 35_000));
    assert!(poll.body.contains("\"wait_ms\":25000"));
}

#[test]
fn a_local_event_waits_for_company_and_then_interrupts_the_long_poll() {
    let mut rig = Rig::new();
    rig.round_trip();
    let poll = rig.sent();
    rig.commit(1);
    assert_eq!(rig.poll(), Action::Wait(Some(1010)));
    rig.now += 5;
    rig.commit(1);
    assert_eq!(rig.poll(), Action::Wait(Some(1010)));
    rig.now += 5;
    assert_eq!(rig.poll(), Action::Abort(poll.id));
    assert_eq!(rig.sent().sent, Some(2));
    // the answer of the aborted poll comes all the same, and is nobody's
    rig.serve(&poll);
    assert!(matches!(rig.poll(), Action::Wait(_)));
}

#[test]
fn a_segment_cut_at_its_limit_is_followed_at_once() {
    let mut rig = Rig::new();
    rig.foreign(2500);
    rig.commit(1);
    let first = rig.round_trip();
    assert_eq!((first.entries.len(), rig.state(), rig.status().pending), (1000, State::CatchUp, 1));
    // the event was acked: not pushed again, but not confirmed before it is read
    let second = rig.sent();
    assert_eq!(second.verb, Verb::Pull);
    assert!(!second.body.contains("wait_ms"));
    rig.serve(&second);
    rig.apply();
    assert_eq!(rig.round_trip().to.seq, 2501);
    assert_eq!((rig.state(), rig.status().pending), (State::Live, 0));
}

#[test]
fn behind_an_acked_event_nothing_is_pushed_before_it_is_read() {
    let mut rig = Rig::new();
    rig.foreign(2500);
    rig.commit(1);
    rig.round_trip();
    rig.commit(1);
    rig.round_trip();
    rig.now += DEBOUNCE_MS;
    // a push of the second alone would not say who made the first
    let pull = rig.sent();
    assert_eq!((pull.verb, rig.status().pending), (Verb::Pull, 2));
    rig.serve(&pull);
    rig.apply();
    assert_eq!((rig.status().pending, rig.sent().sent), (1, Some(2)));
}

#[test]
fn an_answer_without_a_segment_is_followed_by_a_pull() {
    let mut rig = Rig::new();
    rig.commit(1);
    let request = rig.sent();
    server::push(&mut rig.log, "ann", &request.body, None).unwrap();
    rig.answer(&request, 200, &to_json(&Pushed { p: 2, segment: None }).unwrap());
    assert_eq!(rig.round_trip().entries.len(), 1);
    assert_eq!(rig.status().pending, 0);
}

#[test]
fn a_false_ack_is_noticed_at_the_head_and_the_event_pushed_again() {
    let mut rig = Rig::new();
    rig.commit(1);
    let request = rig.sent();
    rig.answer(&request, 200, &to_json(&Pushed { p: 2, segment: None }).unwrap());
    rig.round_trip();
    assert_eq!(rig.poll(), Action::Wait(Some(1250)));
    rig.now = 1250;
    assert_eq!(rig.round_trip().entries.len(), 1);
    assert_eq!((rig.state(), rig.status().pending), (State::Live, 0));
}

#[test]
fn failures_back_off_and_a_segment_resets_them() {
    let mut rig = Rig::new();
    let mut wait = 250;
    for status in [500, 502, 400, 501, 404] {
        let request = rig.sent();
        rig.answer(&request, status, "<html>");
        assert_eq!((rig.poll(), rig.state()), (Action::Wait(Some(rig.now + wait)), State::Offline));
        rig.now += wait;
        wait *= 2;
    }
    let request = rig.sent();
    rig.refuse(&request, &Refusal::Busy { retry_ms: Some(77) });
    assert_eq!(rig.poll(), Action::Wait(Some(rig.now + 77)));
    rig.now += 77;
    let request = rig.sent();
    rig.answer(&request, 200, "<html>captive portal</html>");
    assert_eq!(rig.error(), Some("PROTOCOL"));
    rig.client.wake();
    let request = rig.sent();
    let tick = rig.tick();
    rig.client.failed(tick, request.id);
    assert_eq!((rig.poll(), rig.status().failures), (Action::Wait(Some(rig.now + 30_000)), 8));
    rig.client.wake();
    rig.round_trip();
    assert_eq!((rig.status().failures, rig.state()), (0, State::Live));
}

#[test]
fn a_request_that_hangs_is_given_up() {
    let mut rig = Rig::new();
    let request = rig.sent();
    rig.now += TIMEOUT_MS;
    assert_eq!(rig.poll(), Action::Abort(request.id));
    assert_eq!((rig.error(), rig.poll()), (Some("TIMEOUT"), Action::Wait(Some(rig.now + 250))));
}

#[test]
fn nothing_is_sent_while_switched_off() {
    let mut rig = Rig::new();
    let request = rig.sent();
    rig.client.set_online(false);
    rig.commit(1);
    assert_eq!(rig.poll(), Action::Abort(request.id));
    assert_eq!((rig.poll(), rig.state()), (Action::Wait(None), State::Offline));
    rig.client.set_online(true);
    rig.now += DEBOUNCE_MS;
    assert_eq!(rig.sent().verb, Verb::Push);
}

#[test]
fn a_segment_that_cannot_be_applied_is_asked_for_again() {
    let mut rig = Rig::new();
    rig.foreign(1);
    let request = rig.sent();
    rig.serve(&request);
    let Action::Apply(_) = rig.poll() else { panic!() };
    assert_eq!(rig.poll(), Action::Wait(None));
    let tick = rig.tick();
    rig.client.apply_failed(tick, "QUOTA");
    assert_eq!((rig.error(), rig.client.cursor().seq), (Some("QUOTA"), 0));
    rig.now += 250;
    assert_eq!(rig.round_trip().to.seq, 1);
}

#[test]
fn a_large_queue_goes_in_batches_of_the_limit() {
    let mut rig = Rig::new();
    rig.commit(600);
    let mut sizes = Vec::new();
    while rig.status().pending > 0 || sizes.is_empty() {
        sizes.push(rig.round_trip().entries.len());
    }
    assert_eq!(sizes, [limits::PUSH_EVENTS, limits::PUSH_EVENTS, 88]);
    assert_eq!(rig.status().requests, 3);
}
