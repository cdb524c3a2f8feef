//! Each clause of the push rule and of the pull, on a log in memory.

use super::super::chain;
use super::super::id::{ClientId, Epoch, Id};
use super::super::limits::{self, Limits};
use super::super::memory::MemoryLog;
use super::super::refusal::Refusal;
use super::super::wire::{
    self, At, Entry, Kind, Last, Outgoing, Point, Pull, Push, Pushed, Segment,
};
use super::*;
use serde_json::{Value, json};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const A: ClientId = ClientId::from_bytes([1; 16]);
const B: ClientId = ClientId::from_bytes([2; 16]);

fn log() -> MemoryLog {
    MemoryLog::new("todo", Epoch::from_bytes([3; 8]))
}

fn start() -> At {
    let Point { seq, h } = chain::start("todo");
    At { epoch: None, seq, h }
}

fn id(x: u8) -> Id {
    Id::from_bytes([x; 16])
}

fn out(x: u8, n: u64) -> Outgoing {
    Outgoing {
        id: id(x),
        n,
        event_type: "t".into(),
        tv: 1,
        data: format!("{x}"),
        ts: Some(5),
        x: None,
    }
}

fn push_text(client: ClientId, at: At, entries: Vec<Outgoing>) -> String {
    wire::to_json(&Push { p: 2, client, at, entries, want: None, limits: false }).unwrap()
}

fn send(log: &mut MemoryLog, client: ClientId, at: At, entries: Vec<Outgoing>) -> Reply {
    push(log, "ann", &push_text(client, at, entries), None).unwrap()
}

fn segment_of(reply: &Reply) -> Segment {
    assert_eq!(reply.status, 200, "{}", reply.body);
    Pushed::parse(&reply.body).unwrap().segment.unwrap()
}

fn refused(reply: &Reply) -> Refusal {
    assert_ne!(reply.status, 200, "{}", reply.body);
    Refusal::parse(reply.status, &reply.body)
}

#[test]
fn a_push_is_answered_with_the_segment_after_the_cursor() {
    let mut log = log();
    send(&mut log, B, start(), vec![out(9, 1)]);
    let segment = segment_of(&send(&mut log, A, start(), vec![out(1, 1), out(2, 2)]));
    assert_eq!(segment.entries.iter().map(|e| e.id).collect::<Vec<_>>(), [id(9), id(1), id(2)]);
    assert_eq!(
        (segment.to.seq, segment.head, segment.last),
        (3, 3, Some(Last { n: 2, id: id(2) }))
    );
    assert!(chain::holds(&segment));
    assert_eq!(segment.entries[1].ts, Some(5));
}

#[test]
fn a_push_needs_no_knowledge_of_the_head() {
    let mut log = log();
    for n in 1..=5 {
        send(&mut log, B, start(), vec![out(10 + n, u64::from(n))]);
        assert!(send(&mut log, A, start(), vec![out(n, u64::from(n))]).is_ok());
    }
    assert_eq!(log.rows().len(), 10);
}

#[test]
fn a_repeated_push_appends_nothing_new() {
    let mut log = log();
    send(&mut log, A, start(), vec![out(1, 1), out(2, 2)]);
    let segment = segment_of(&send(&mut log, A, start(), vec![out(1, 1), out(2, 2), out(3, 3)]));
    assert_eq!((segment.entries.len(), log.rows().len()), (3, 3));
}

#[test]
fn a_missing_event_is_a_gap_and_nothing_is_appended() {
    let mut log = log();
    send(&mut log, A, start(), vec![out(1, 1)]);
    assert_eq!(
        refused(&send(&mut log, A, start(), vec![out(3, 3), out(4, 4)])),
        Refusal::Gap { expect: 2 }
    );
    assert_eq!(log.rows().len(), 1);
}

#[test]
fn another_event_under_a_known_number_is_a_fork() {
    let mut log = log();
    send(&mut log, A, start(), vec![out(1, 1), out(2, 2)]);
    let reply = send(&mut log, A, start(), vec![out(7, 1), out(8, 2), out(9, 3)]);
    assert_eq!(refused(&reply), Refusal::Fork { last: Last { n: 2, id: id(2) } });
    assert_eq!(log.rows().len(), 2);
}

#[test]
fn a_known_id_under_another_number_becomes_a_dup() {
    let mut log = log();
    send(&mut log, A, start(), vec![out(1, 1)]);
    let segment = segment_of(&send(&mut log, B, start(), vec![out(1, 1), out(2, 2)]));
    let dup = &segment.entries[1];
    assert_eq!((dup.kind, dup.reference, dup.text(), dup.n), (Kind::Dup, Some(id(1)), "", 1));
    assert_eq!(segment.entries[2].kind, Kind::Event);
    assert!(chain::holds(&segment));
}

#[test]
fn a_rejected_event_is_a_row_without_its_body() {
    let mut log = log();
    let text = push_text(A, start(), vec![out(1, 1), out(2, 2)]);
    let no = |entry: &Entry| Ok((entry.text() == "1").then(|| "é".repeat(40)));
    let segment = segment_of(&push(&mut log, "ann", &text, Some(&no)).unwrap());
    assert_eq!((segment.entries[0].kind, segment.entries[0].text()), (Kind::Rej, ""));
    assert_eq!(segment.entries[0].code.as_deref(), Some("é".repeat(32).as_str()));
    assert_eq!(segment.entries[1].kind, Kind::Event);
    assert!(chain::holds(&segment));
    // and the verdict stands, even when the validator has changed its mind
    assert_eq!(segment_of(&push(&mut log, "ann", &text, None).unwrap()).entries, segment.entries);
}

#[test]
fn a_cursor_of_another_history_is_diverged() {
    let mut log = log();
    let segment = segment_of(&send(&mut log, A, start(), vec![out(1, 1)]));
    let wrong_hash = At { h: start().h, ..segment.cursor() };
    let beyond = At { seq: 2, ..segment.cursor() };
    for at in [wrong_hash, beyond] {
        let reply = send(&mut log, A, at, vec![out(2, 2)]);
        assert!(matches!(refused(&reply), Refusal::Diverged { head, .. } if head == segment.to));
        let text = wire::to_json(&Pull {
            p: 2,
            client: A,
            at,
            limit: None,
            wait_ms: Some(9),
            limits: false,
        })
        .unwrap();
        let pulled = pull(&log, "ann", &text).unwrap();
        assert!(matches!(refused(&pulled.reply), Refusal::Diverged { .. }) && pulled.wait_ms == 0);
    }
    assert_eq!(log.rows().len(), 1);
    // the epoch alone proves nothing: the chain does
    let other_epoch = At { epoch: Some(Epoch::from_bytes([9; 8])), ..segment.cursor() };
    assert!(send(&mut log, A, other_epoch, vec![out(2, 2)]).is_ok());
}

#[test]
fn a_cursor_below_the_trim_is_told_so() {
    let mut log = log();
    let segment = segment_of(&send(&mut log, A, start(), vec![out(1, 1), out(2, 2)]));
    log.set_trim(2);
    assert_eq!(refused(&send(&mut log, A, start(), vec![out(3, 3)])), Refusal::Trimmed { trim: 2 });
    assert!(send(&mut log, A, segment.cursor(), vec![out(3, 3)]).is_ok());
}

#[test]
fn a_client_belongs_to_its_first_principal() {
    let mut log = log();
    send(&mut log, A, start(), vec![out(1, 1)]);
    let stolen = push(&mut log, "bob", &push_text(A, start(), vec![out(2, 2)]), None).unwrap();
    assert!(matches!(refused(&stolen), Refusal::Forbidden(_)));
    let text = wire::to_json(&Pull {
        p: 2,
        client: A,
        at: start(),
        limit: None,
        wait_ms: None,
        limits: false,
    })
    .unwrap();
    assert_eq!(pull(&log, "bob", &text).unwrap().reply.status, 403);
    assert_eq!(log.rows().len(), 1);
    // a push that appends nothing binds nothing
    send(&mut log, B, start(), vec![]);
    assert_eq!(log.owner_of(&B).unwrap(), None);
}

#[test]
fn a_pull_at_the_head_may_wait_and_one_behind_does_not() {
    let mut log = log();
    let ask = |log: &MemoryLog, at, limit, wait_ms| {
        let pulled = pull(
            log,
            "ann",
            &wire::to_json(&Pull { p: 2, client: A, at, limit, wait_ms, limits: false }).unwrap(),
        )
        .unwrap();
        (Segment::parse(&pulled.reply.body).unwrap(), pulled.wait_ms)
    };
    assert_eq!(ask(&log, start(), None, Some(90_000)).1, limits::WAIT_MS);
    assert_eq!(ask(&log, start(), None, None).1, 0);
    send(&mut log, B, start(), vec![out(1, 1), out(2, 2), out(3, 3)]);
    let (segment, wait) = ask(&log, start(), Some(2), Some(1000));
    assert_eq!(
        (segment.entries.len(), segment.to.seq, segment.head, wait, segment.last),
        (2, 2, 3, 0, None)
    );
    assert!(chain::holds(&segment));
    let (rest, _) = ask(&log, segment.cursor(), Some(0), None);
    assert_eq!((rest.entries.len(), rest.from, rest.to.seq), (1, segment.to, 3));
}

#[test]
fn no_segment_is_made_when_none_is_wanted() {
    let text = wire::to_json(&Push {
        p: 2,
        client: A,
        at: start(),
        entries: vec![out(1, 1)],
        want: Some(0),
        limits: false,
    })
    .unwrap();
    let reply = push(&mut log(), "ann", &text, None).unwrap();
    assert_eq!(Pushed::parse(&reply.body).unwrap(), Pushed { p: 2, segment: None });
}

#[test]
fn hostile_pushes_are_refused_by_their_status() {
    let good: Value = serde_json::from_str(&push_text(A, start(), vec![out(1, 1)])).unwrap();
    let with = |path: &str, value: Value| {
        let mut v = good.clone();
        *v.pointer_mut(path).unwrap() = value;
        v.to_string()
    };
    let status = |text: &str| {
        let mut log = log();
        log.set_limits(Limits { body: limits::BODY_HARD, ..Limits::default() });
        push(&mut log, "ann", text, None).unwrap().status
    };
    assert_eq!(status(&good.to_string()), 200);
    for place in ["", "/at", "/entries/0"] {
        let mut more = good.clone();
        more.pointer_mut(place).unwrap()["future"] = json!({"x": [1]});
        let refused = refused(&push(&mut log(), "ann", &more.to_string(), None).unwrap());
        assert!(matches!(&refused, Refusal::Malformed(why) if why.contains("future")), "{place}");
    }
    for (path, value) in [
        ("/client", json!("short")),
        ("/at/seq", json!(-1)),
        ("/at/seq", json!(1u64 << 53)),
        ("/at/h", json!(null)),
        ("/entries", json!({})),
        ("/entries/0/n", json!(0)),
        ("/entries/0/n", json!(1.5)),
        ("/entries/0/n", json!("1")),
        ("/entries/0/tv", json!(1u64 << 32)),
        ("/entries/0/t", json!("")),
        ("/entries/0/t", json!("a\u{0}")),
        ("/entries/0/t", json!("t".repeat(97))),
        ("/entries/0/b", json!(7)),
        ("/entries/0/b", json!("x".repeat(limits::BODY_HARD + 1))),
        ("/entries/0/ts", json!(1u64 << 53)),
    ] {
        assert_eq!(status(&with(path, value.clone())), 400, "{path} {value:.40}");
    }
    for text in ["", "[]", "{", "{\"p\":2}", "{\"p\":\"1\"}", "<html>"] {
        assert_eq!(status(text), 400, "{text}");
    }
    assert_eq!(status(&push_text(A, start(), vec![out(1, 1), out(2, 3)])), 400);
    assert_eq!(
        refused(&push(&mut log(), "ann", "{\"p\":1}", None).unwrap()),
        Refusal::Upgrade { min: 2, max: 2 }
    );
    let many = (1..=257).map(|n| out(n as u8, n)).collect();
    assert_eq!(status(&push_text(A, start(), many)), 413);
    let big = |n| Outgoing { data: "x".repeat(limits::BODY_HARD - 200), ..out(n as u8, n) };
    assert_eq!(status(&push_text(A, start(), vec![big(1), big(2)])), 200);
    assert_eq!(status(&push_text(A, start(), vec![big(1), big(2), out(3, 3)])), 200);
    assert_eq!(status(&push_text(A, start(), vec![big(1), big(2), big(3)])), 413);
    assert_eq!(status(&" ".repeat(limits::PUSH_TEXT + 1)), 400);
}
