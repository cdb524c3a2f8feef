//! Conditions of events, rows of the server's own, and the limits it tells, on a log in memory.

use super::super::chain;
use super::super::id::{ClientId, Epoch, Id};
use super::super::limits::{self, Limits};
use super::super::memory::MemoryLog;
use super::super::refusal::Refusal;
use super::super::wire::{
    At, Body, Entry, Kind, Outgoing, Point, Pull, Push, Pushed, Segment, to_json,
};
use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const A: ClientId = ClientId::from_bytes([1; 16]);
const B: ClientId = ClientId::from_bytes([2; 16]);
const C: ClientId = ClientId::from_bytes([3; 16]);

fn log() -> MemoryLog {
    MemoryLog::new("todo", Epoch::from_bytes([3; 8]))
}

fn id(x: u8) -> Id {
    Id::from_bytes([x; 16])
}

fn out(x: u8, n: u64, x_text: Option<&str>) -> Outgoing {
    let (event_type, data, x_text) =
        ("t".into(), format!("{{\"a\":{x}}}"), x_text.map(String::from));
    Outgoing { id: id(x), n, event_type, tv: 1, data, ts: None, x: x_text }
}

/// A push at the log's head.
fn reply(log: &mut MemoryLog, who: &str, client: ClientId, entries: Vec<Outgoing>) -> Reply {
    let Point { seq, h } = log.head().unwrap();
    let at = At { epoch: None, seq, h };
    let push = Push { p: 2, client, at, entries, want: None, limits: false };
    super::push(log, who, &to_json(&push).unwrap(), None).unwrap()
}

fn row(log: &mut MemoryLog, who: &str, client: ClientId, event: Outgoing) -> Entry {
    let reply = reply(log, who, client, vec![event]);
    assert!(reply.is_ok(), "{}", reply.body);
    log.rows().last().unwrap().clone()
}

#[test]
fn a_condition_fails_by_the_first_matching_event_of_somebody_else() {
    let mut log = log();
    row(&mut log, "ann", A, out(1, 1, None));
    row(&mut log, "bob", B, out(2, 1, None));
    row(&mut log, "bob", B, out(3, 2, None));
    let x = |since: u64, more: &str| format!("{{\"since\":{since},\"types\":[\"t\"]{more}}}");
    // after what it had read nothing happened
    let good = row(&mut log, "ann", A, out(4, 2, Some(&x(3, ""))));
    assert_eq!((good.kind, good.x.as_deref()), (Kind::Event, Some(x(3, "").as_str())));
    let failed = row(&mut log, "ann", A, out(5, 3, Some(&x(1, ""))));
    assert_eq!((failed.kind, failed.text(), failed.reference), (Kind::Rej, "", Some(id(2))));
    assert_eq!(failed.code.as_deref(), Some(CONFLICT));
    let third = row(&mut log, "ann", A, out(6, 4, Some(&x(0, r#","match":{"a":3}"#))));
    assert_eq!(third.reference, Some(id(3)));
    let none = row(&mut log, "ann", A, out(7, 5, Some(&x(0, r#","match":{"a":9}"#))));
    assert_eq!(none.kind, Kind::Event);
    let other = "{\"since\":0,\"types\":[\"u\"]}";
    assert_eq!(row(&mut log, "ann", A, out(8, 6, Some(other))).kind, Kind::Event);
    // a verdict is no event that others meet
    let since = x(5, r#","match":{"a":5}"#);
    assert_eq!(row(&mut log, "bob", B, out(9, 3, Some(&since))).kind, Kind::Event);
}

#[test]
fn own_names_do_not_count_and_must_be_ones_own() {
    let mut log = log();
    row(&mut log, "ann", A, out(1, 1, None));
    row(&mut log, "bob", B, out(2, 1, None));
    let mine = |name: ClientId| {
        format!("{{\"since\":0,\"types\":[\"t\"],\"match\":{{\"a\":1}},\"mine\":[\"{name}\"]}}")
    };
    assert_eq!(row(&mut log, "ann", C, out(3, 1, Some(&mine(A)))).kind, Kind::Event);
    let stolen = reply(&mut log, "ann", C, vec![out(4, 2, Some(&mine(B)))]);
    assert!(matches!(Refusal::parse(stolen.status, &stolen.body), Refusal::Forbidden(_)));
    // a name that nobody has yet may be one that never pushed
    let unknown = mine(ClientId::from_bytes([9; 16]));
    assert_eq!(row(&mut log, "ann", C, out(5, 2, Some(&unknown))).reference, Some(id(1)));
}

#[test]
fn a_condition_that_nobody_can_judge_is_malformed() {
    let mut log = log();
    row(&mut log, "ann", A, out(1, 1, None));
    for x in ["{}", "no", r#"{"since":2,"types":["t"]}"#, r#"{"since":0,"types":["t"],"y":1}"#] {
        assert_eq!(reply(&mut log, "ann", A, vec![out(2, 2, Some(x))]).status, 400, "{x}");
    }
}

fn operate(log: &mut MemoryLog, decided: Option<Decided>) -> Entry {
    let message = Decided::parse(&decided.unwrap().to_json().unwrap()).unwrap();
    assert!(matches!(append(log, &message).unwrap(), Appended::Rows(_)));
    log.rows().last().unwrap().clone()
}

#[test]
fn an_erased_body_is_gone_and_counts_as_matching() {
    let mut log = log();
    row(&mut log, "bob", B, out(2, 1, None));
    let x = r#"{"since":0,"types":["t"],"match":{"a":9}}"#;
    assert_eq!(row(&mut log, "ann", A, out(3, 1, Some(x))).kind, Kind::Event);
    let (before, decided) = (log.head().unwrap(), erase(&log, &id(2)).unwrap());
    let erased = operate(&mut log, decided);
    assert_eq!((erased.kind, erased.names(), erased.n), (Kind::Erased, Some(id(2)), 1));
    assert!(matches!(log.rows()[0].body, Body::Erased(_)));
    assert_eq!(chain::fold(chain::start("todo"), log.rows()), log.head().unwrap());
    assert_eq!(log.point(2), Some(before));
    assert_eq!(row(&mut log, "ann", A, out(4, 2, Some(x))).reference, Some(id(2)));
    // there is nothing left to erase
    assert_eq!(erase(&log, &id(2)).unwrap(), None);
}

#[test]
fn rows_of_the_server_have_a_count_of_their_own_and_no_chance() {
    let (mut one, mut other) = (log(), log());
    for log in [&mut one, &mut other] {
        row(log, "bob", B, out(2, 1, None));
        let decided = void(log, &id(2)).unwrap();
        assert_eq!(operate(log, decided).n, 1);
        let decided = trim(log, 1).unwrap();
        assert_eq!(operate(log, decided).n, 2);
        assert!(void(log, &id(9)).unwrap().is_none() && trim(log, 1).unwrap().is_none());
        assert!(trim(log, 9).unwrap().is_none());
    }
    assert_eq!(one.rows(), other.rows());
    // what may be gone cannot be looked at, so a condition from before fails, by nothing
    let x = r#"{"since":0,"types":["u"]}"#;
    let failed = row(&mut one, "ann", A, out(3, 1, Some(x)));
    assert_eq!((failed.kind, failed.reference), (Kind::Rej, None));
    let x = r#"{"since":1,"types":["u"]}"#;
    assert_eq!(row(&mut one, "ann", A, out(4, 2, Some(x))).kind, Kind::Event);
}

#[test]
fn nobody_asks_in_the_servers_name() {
    let mut log = log();
    let pushed = reply(&mut log, "ann", ClientId::SERVER, vec![out(1, 1, None)]);
    assert!(pushed.status == 400 && log.rows().is_empty());
}

#[test]
fn limits_are_told_to_who_asks_and_hold() {
    let mut log = log();
    let limits = Limits { body: 20, depth: 2, keys: 2, ..Limits::default() };
    log.set_limits(limits);
    let Point { seq, h } = chain::start("todo");
    let at = At { epoch: None, seq, h };
    let ask = |limits| Pull { p: 2, client: A, at, limit: None, wait_ms: None, limits };
    let told = |asks| {
        let pulled = pull(&log, "ann", &to_json(&ask(asks)).unwrap()).unwrap();
        Segment::parse(&pulled.reply.body).unwrap().limits
    };
    assert_eq!((told(true), told(false)), (Some(limits), None));
    let large = |data: &str| Outgoing { data: data.into(), ..out(1, 1, None) };
    for data in ["\"123456789012345678901\"", "[[[1]]]", r#"{"a":1,"b":2,"c":3}"#] {
        assert_eq!(reply(&mut log, "ann", A, vec![large(data)]).status, 413, "{data}");
    }
    let pushed = reply(&mut log, "ann", A, vec![large("[[1]]")]);
    assert!(Pushed::parse(&pushed.body).unwrap().segment.is_some());
    assert_eq!(Limits { body: usize::MAX, ..limits }.bounded().body, limits::BODY_HARD);
}
