//! What the machine makes of refusals and of segments that do not fit: a test for each reaction.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn segments_that_do_not_fit_are_dropped_and_asked_for_again() {
    let mut rig = Rig::new();
    rig.foreign(3);
    let request = rig.sent();
    let good =
        Segment::parse(&server::pull(&rig.log, "ann", &request.body).unwrap().reply.body).unwrap();
    let mut forged = good.clone();
    forged.entries[1].body = "2".into();
    let mut elsewhere = good.clone();
    (elsewhere.from, elsewhere.to) = (rig.log.point(1).unwrap(), Point { seq: 4, ..good.to });
    elsewhere.head = 4;
    let nothing = Segment { entries: vec![], to: good.from, ..good.clone() };
    let short = Segment { entries: vec![], ..good.clone() };
    let mut request = Some(request);
    for (segment, error) in
        [(forged, "CHAIN"), (elsewhere, "STALE_PAGE"), (nothing, "STALE_PAGE"), (short, "PROTOCOL")]
    {
        let asked = request.take().unwrap_or_else(|| rig.sent());
        rig.answer(&asked, 200, &to_json(&segment).unwrap());
        assert_eq!((rig.error(), rig.state()), (Some(error), State::Offline));
        let Action::Wait(Some(until)) = rig.poll() else { panic!() };
        rig.now = until;
    }
    assert_eq!(rig.round_trip(), good);
    assert_eq!((rig.error(), rig.state(), rig.client.cursor()), (None, State::Live, good.cursor()));
}

#[test]
fn gaps_begin_again_with_the_oldest_or_tell_of_lost_events() {
    let mut rig = Rig::new();
    rig.commit(1);
    rig.round_trip();
    rig.commit_due();
    let request = rig.sent();
    rig.refuse(&request, &Refusal::Gap { expect: 2 });
    assert_eq!((rig.error(), rig.status().pending), (Some("GAP"), 1));
    rig.now += 250;
    let request = rig.sent();
    // number 1 was confirmed, and the server does not have it
    rig.refuse(&request, &Refusal::Gap { expect: 1 });
    assert_eq!((rig.error(), rig.status().pending), (Some("DIVERGED"), 1));
}

#[test]
fn a_refused_token_is_renewed_once_and_then_it_is_fenced_until_there_is_one() {
    let mut rig = Rig::new();
    rig.commit(1);
    for _ in 0..2 {
        let request = rig.sent();
        rig.refuse(&request, &Refusal::Token);
        assert_eq!(rig.poll(), Action::Token { refused: true });
        assert_eq!(rig.poll(), Action::Wait(Some(rig.now + TIMEOUT_MS)));
        rig.client.token();
        rig.round_trip();
        rig.commit_due();
    }
    let request = rig.sent();
    rig.refuse(&request, &Refusal::Token);
    assert_eq!(rig.poll(), Action::Token { refused: true });
    rig.client.token();
    let request = rig.sent();
    rig.refuse(&request, &Refusal::Token);
    assert_eq!((rig.state(), rig.poll()), (State::Fenced { code: "TOKEN" }, Action::Wait(None)));
    rig.client.token();
    assert_eq!(rig.round_trip().entries.len(), 1);
}

#[test]
fn a_token_that_does_not_come_is_asked_for_again() {
    let mut rig = Rig::new();
    rig.client = Client::new(Start {
        client: ME,
        at: rig.client.cursor(),
        asof: None,
        limits: None,
        stopped: None,
    });
    assert_eq!(rig.poll(), Action::Token { refused: false });
    rig.now += TIMEOUT_MS;
    assert_eq!(rig.poll(), Action::Wait(Some(rig.now + 250)));
    rig.now += 250;
    assert_eq!(rig.poll(), Action::Token { refused: false });
    let tick = rig.tick();
    rig.client.failed_token(tick);
    assert_eq!((rig.error(), rig.poll()), (Some("TOKEN"), Action::Wait(Some(rig.now + 500))));
    rig.client.no_token();
    assert_eq!((rig.state(), rig.poll()), (State::Fenced { code: "TOKEN" }, Action::Wait(None)));
    rig.client.token();
    assert_eq!(rig.round_trip().entries.len(), 0);
}

#[test]
fn a_forbidden_client_is_fenced_and_an_old_one_needs_an_upgrade() {
    let mut rig = Rig::new();
    rig.commit(1);
    let request = rig.sent();
    rig.refuse(&request, &Refusal::Forbidden("no".into()));
    assert_eq!((rig.state(), rig.status().pending), (State::Fenced { code: "FORBIDDEN" }, 1));
    rig.client.token();
    let request = rig.sent();
    rig.refuse(&request, &Refusal::Upgrade { min: 2, max: 3 });
    assert_eq!(
        (rig.state(), rig.poll()),
        (State::NeedsUpgrade { min: 2, max: 3 }, Action::Wait(None))
    );
}

#[test]
fn a_batch_that_is_too_large_is_halved_down_to_one() {
    let mut rig = Rig::new();
    rig.commit(5);
    for last in [5, 2, 1] {
        let request = rig.sent();
        assert_eq!(request.sent, Some(last));
        rig.refuse(&request, &Refusal::TooLarge { limit: 1 });
    }
    assert_eq!(rig.state(), State::Fenced { code: "TOO_LARGE" });
    rig.client.token();
    assert_eq!(rig.sent().sent, Some(5));
}
