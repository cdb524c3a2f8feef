//! How the machine comes back together with a server that lost or replaced history, and with
//! another client that writes under its name.

use super::*;
use crate::sync::resume;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NEW: ClientId = ClientId::from_bytes([7; 16]);

impl Rig {
    /// Goes back as the store does.
    fn rewind(&mut self) -> Rewind {
        let Action::Apply(change) = self.poll() else { panic!("{:?}", self.status()) };
        let Change::Rewind(rewind) = *change else { panic!("{change:?}") };
        let (kept, lost): (Vec<_>, Vec<_>) =
            self.queue.own.drain(..).partition(|(s, _)| *s <= rewind.common.seq);
        self.queue.own = kept;
        self.queue.list.splice(0..0, lost.into_iter().map(|(_, out)| out));
        self.queue.known.retain(|p| p.seq <= rewind.common.seq);
        let tick = self.tick();
        self.client.applied(tick, Outcome::default());
        rewind
    }

    /// Numbers what is pending as the store does; whether it took a new name.
    fn identify(&mut self) -> bool {
        let Action::Apply(change) = self.poll() else { panic!("{:?}", self.status()) };
        let Change::Identify(Identify { last, renew }) = *change else { panic!("{change:?}") };
        let numbers: Vec<_> = self.queue.list.iter().map(|e| Some(e.n)).collect();
        let renewed = renew || !resume::follows(last, self.queue.top, numbers);
        if renewed {
            self.queue.top = self.queue.list.len() as u64;
            self.queue.list.iter_mut().zip(1..).for_each(|(e, n)| e.n = n);
        }
        let tick = self.tick();
        self.client.applied(
            tick,
            Outcome { fork: None, client: renewed.then_some(NEW), ..Outcome::default() },
        );
        renewed
    }

    /// The server says something that does not fit our history: we wait, then ask where they part.
    fn ask(&mut self) {
        let Action::Wait(Some(until)) = self.poll() else { panic!("{:?}", self.status()) };
        self.now = until;
        let request = self.sent();
        assert_eq!((request.verb, request.sent), (Verb::Resume, None));
        self.serve(&request);
    }
}

fn diverged(rig: &mut Rig) {
    let request = rig.sent();
    rig.serve(&request);
    assert_eq!((rig.error(), rig.state()), (Some("DIVERGED"), State::Offline));
    rig.ask();
}

#[test]
fn a_server_put_back_gets_the_lost_events_again_under_their_numbers() {
    let mut rig = Rig::new();
    rig.commit(2);
    rig.round_trip();
    rig.foreign(1);
    let backup = rig.log.clone();
    rig.commit_due();
    rig.round_trip();
    rig.commit_due();
    rig.round_trip();
    rig.log = backup;
    rig.log.set_epoch(Epoch::from_bytes([6; 8]));
    rig.commit_due();
    diverged(&mut rig);
    let rewind = rig.rewind();
    // the points read so far are 2, 4 and 5; the server is at 3
    assert_eq!((rewind.common.seq, rewind.asof, rewind.epoch), (2, 3, Epoch::from_bytes([6; 8])));
    assert_eq!((rig.state(), rig.status().pending), (State::Resume, 3));
    assert_eq!(rig.round_trip().to.seq, 3, "nothing is pushed before all was read");
    assert!(!rig.identify());
    let push = rig.sent();
    assert_eq!((push.verb, push.sent), (Verb::Push, Some(5)));
    rig.serve(&push);
    assert_eq!(rig.apply().entries.len(), 3);
    assert_eq!((rig.state(), rig.status().pending, rig.client.name()), (State::Live, 0, ME));
}

#[test]
fn an_emptied_server_is_filled_again() {
    let mut rig = Rig::new();
    rig.commit(3);
    rig.round_trip();
    rig.log = MemoryLog::new("log", Epoch::from_bytes([8; 8]));
    diverged(&mut rig);
    assert_eq!(rig.rewind().common, chain::start("log"));
    assert!(!rig.identify());
    assert_eq!(rig.round_trip().entries.len(), 3);
    assert_eq!((rig.log.rows().len(), rig.status().pending), (3, 0));
}

#[test]
fn a_server_put_back_again_on_the_way_is_read_to_its_head_only() {
    let mut rig = Rig::new();
    rig.commit(1);
    rig.round_trip();
    let backup = rig.log.clone();
    rig.commit_due();
    rig.round_trip();
    rig.log = backup.clone();
    (0..3).for_each(|_| rig.foreign(1));
    diverged(&mut rig);
    let rewind = rig.rewind();
    assert_eq!((rewind.common.seq, rewind.asof), (1, 4));
    rig.log = backup;
    assert_eq!(rig.round_trip().to.seq, 1);
    assert!(!rig.identify(), "it would ask for what never comes, again and again");
    assert_eq!((rig.round_trip().to.seq, rig.status().pending), (2, 0));
}

#[test]
fn own_events_found_on_the_way_leave_the_queue_and_holes_make_a_new_name() {
    let mut rig = Rig::new();
    rig.commit(1);
    rig.round_trip();
    let mut sibling = rig.log.clone();
    rig.commit_due();
    rig.commit(2);
    rig.round_trip();
    // in the other history only the third of our events arrived, by somebody else's hand
    let third = rig.queue.own[2].1.clone();
    let entry = Outgoing { n: 1, ..third }.row(OTHER);
    let at = chain::step(sibling.head().unwrap(), &entry);
    sibling.append(at, &entry).unwrap();
    rig.log = sibling;
    diverged(&mut rig);
    assert_eq!(rig.rewind().common.seq, 1);
    assert_eq!(rig.status().pending, 3);
    assert_eq!(rig.round_trip().entries.len(), 1);
    assert_eq!(rig.status().pending, 2, "the third is there; the second and the fourth are not");
    assert!(rig.identify());
    assert_eq!(rig.round_trip().entries.len(), 2);
    assert_eq!((rig.status().pending, rig.log.last_of(&NEW).unwrap().map(|l| l.n)), (0, Some(2)));
}

#[test]
fn who_shares_a_name_reads_to_the_head_and_takes_another() {
    for seen in ["409", "last", "row"] {
        let mut rig = Rig::new();
        rig.commit(1);
        rig.round_trip();
        // a clone of ours, or we ourselves before we were put back, made a second event
        let entry = Outgoing { id: Id::from_bytes([0xee; 16]), ..out(2) }.row(ME);
        let at = chain::step(rig.log.head().unwrap(), &entry);
        rig.log.append(at, &entry).unwrap();
        if seen == "409" {
            rig.commit_due();
            let push = rig.sent();
            rig.serve(&push);
        } else if seen == "last" {
            let pull = rig.sent();
            rig.serve(&pull);
        } else {
            // the row is read while an event of ours has that number
            let pull = rig.sent();
            rig.commit(1);
            rig.serve(&pull);
        }
        if seen == "409" {
            assert_eq!(rig.sent().verb, Verb::Pull, "first all is read");
            rig.serve(&Request { id: rig.client.in_flight().unwrap(), ..pull_of(&rig) });
        }
        rig.apply();
        assert_eq!(rig.state(), State::Resume, "{seen}");
        assert!(rig.identify(), "{seen}");
        rig.now += 1000;
        if rig.status().pending > 0 {
            assert_eq!(
                rig.round_trip().entries.last().map(|e| (e.client, e.n)),
                Some((NEW, 1)),
                "{seen}"
            );
        }
        assert_eq!(rig.status().pending, 0);
    }
}

fn pull_of(rig: &Rig) -> Request {
    let at = rig.client.cursor();
    let pull =
        crate::sync::wire::Pull { p: 2, client: ME, at, limit: None, wait_ms: None, limits: false };
    Request { id: 0, verb: Verb::Pull, body: to_json(&pull).unwrap(), sent: None, timeout_ms: 0 }
}

#[test]
fn lost_numbers_are_asked_about() {
    let mut rig = Rig::new();
    rig.commit(1);
    rig.round_trip();
    rig.commit_due();
    let request = rig.sent();
    let reply = server::push(&mut rig.log, "ann", &request.body, None).unwrap();
    let mut pushed = Pushed::parse(&reply.body).unwrap();
    pushed.segment.as_mut().unwrap().last = None;
    rig.answer(&request, 200, &to_json(&pushed).unwrap());
    assert_eq!((rig.error(), rig.status().pending), (Some("DIVERGED"), 1));
    rig.ask();
    assert_eq!(rig.rewind().common.seq, 1, "the cursor itself is in the history");
}

#[test]
fn a_rewound_machine_goes_on_after_a_restart() {
    let mut rig = Rig::new();
    rig.commit(2);
    let lost = rig.queue.list.clone();
    rig.round_trip();
    rig.log = MemoryLog::new("log", Epoch::from_bytes([8; 8]));
    rig.foreign(2);
    let start = chain::start("log");
    let at = At { epoch: None, seq: start.seq, h: start.h };
    rig.client = Client::new(Start { client: ME, at, asof: Some(2), limits: None, stopped: None });
    rig.client.token();
    rig.queue.list = lost;
    assert_eq!(rig.round_trip().entries.len(), 2);
    assert!(!rig.identify());
    assert_eq!(rig.round_trip().entries.len(), 2);
}

#[test]
fn when_nothing_is_in_common_only_a_snapshot_would_help() {
    let mut rig = Rig::new();
    rig.foreign(9);
    rig.commit(1);
    rig.log.set_trim(5);
    diverged(&mut rig);
    assert_eq!(
        (rig.state(), rig.poll()),
        (State::Stopped { code: Stop::Trimmed }, Action::Wait(None))
    );
    assert_eq!(rig.status().pending, 1);
}

#[test]
fn an_answer_to_a_resume_must_fit_the_question() {
    let mut rig = Rig::new();
    rig.commit(1);
    rig.round_trip();
    rig.log = MemoryLog::new("log", Epoch::from_bytes([8; 8]));
    let request = rig.sent();
    rig.serve(&request);
    let Action::Wait(Some(until)) = rig.poll() else { panic!() };
    rig.now = until;
    let request = rig.sent();
    let elsewhere = resume::Resumed {
        p: 2,
        epoch: Epoch::from_bytes([8; 8]),
        common: Some(Point { seq: 9, ..chain::start("x") }),
        asof: Point { seq: 9, ..chain::start("x") },
        last: None,
        have: String::new(),
    };
    rig.answer(&request, 200, &to_json(&elsewhere).unwrap());
    assert_eq!((rig.error(), rig.client.cursor().seq), (Some("PROTOCOL"), 1));
    rig.ask();
    assert_eq!(rig.rewind().common.seq, 0);
}

#[test]
fn a_server_that_contradicts_itself_is_asked_ever_more_slowly() {
    let mut rig = Rig::new();
    rig.commit(1);
    let last = Last { n: 9, id: out(9).id };
    let mut waits = Vec::new();
    for _ in 0..5 {
        let push = loop {
            match rig.poll() {
                Action::Wait(Some(until)) => {
                    waits.push(until - rig.now);
                    rig.now = until;
                }
                Action::Send(request) => break request,
                other => panic!("{other:?}"),
            }
        };
        rig.refuse(&push, &Refusal::Fork { last });
        let request = rig.sent();
        rig.serve(&request);
        rig.apply();
        rig.identify();
    }
    assert_eq!(waits, [500, 1000, 2000]);
}
