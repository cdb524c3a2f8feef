//! Deciding and appending apart: messages of one stream, decided by several gateways that lag, and
//! appended by all of them.

use super::super::id::{ClientId, Epoch, Id};
use super::super::memory::MemoryLog;
use super::super::wire::{At, Entry, Kind, Outgoing, Point, Push, to_json};
use super::super::{Error, chain};
use super::*;
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

fn out(x: u8, n: u64) -> Outgoing {
    let (event_type, data) = ("t".into(), format!("{x}"));
    Outgoing { id: Id::from_bytes([x; 16]), n, event_type, tv: 1, data, ts: Some(5), x: None }
}

fn decided(log: &MemoryLog, who: &str, client: ClientId, entries: Vec<Outgoing>) -> Decided {
    let text =
        to_json(&Push { p: 2, client, at: start(), entries, want: None, limits: false }).unwrap();
    match decide(log, who, &text, None).unwrap() {
        Decision::Push(decided, _) => decided,
        other => panic!("{other:?}"),
    }
}

#[test]
fn deciding_writes_nothing_and_a_message_survives_its_way() {
    let log = log();
    let message = decided(&log, "ann", A, vec![out(1, 1), out(2, 2)]);
    assert!(log.rows().is_empty() && log.owner_of(&A).unwrap().is_none());
    assert_eq!(Decided::parse(&message.to_json().unwrap()).unwrap(), message);
    assert_eq!((message.at, message.entries.len()), (start().point(), 2));
}

#[test]
fn whoever_appends_the_same_messages_in_order_has_the_same_log() {
    let (mut one, mut other) = (log(), log());
    // both were decided before either was appended
    let messages = [
        decided(&one, "ann", A, vec![out(1, 1), out(2, 2)]),
        decided(&one, "bob", B, vec![out(9, 1), out(2, 2)]),
    ];
    for message in &messages {
        let appended = append(&mut one, message).unwrap();
        assert_eq!(append(&mut other, message).unwrap(), appended);
        assert_eq!(appended, Appended::Rows(one.head().unwrap()));
    }
    assert_eq!(one.rows(), other.rows());
    // the id was not known where the second was decided
    let kinds: Vec<Kind> = one.rows().iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [Kind::Event, Kind::Event, Kind::Event, Kind::Dup]);
    assert_eq!((one.rows()[3].text(), one.rows()[3].reference), ("", Some(out(2, 2).id)));
}

#[test]
fn a_message_of_another_history_is_left_out() {
    let mut log = log();
    let first = decided(&log, "ann", A, vec![out(1, 1)]);
    let _ = append(&mut log, &first).unwrap();
    let second = decided(&log, "ann", A, vec![out(1, 1), out(2, 2)]);
    let mut put_back = MemoryLog::new("todo", Epoch::from_bytes([3; 8]));
    assert_eq!(append(&mut put_back, &second).unwrap(), Appended::Stale(Stale::History));
    let other = decided(&put_back, "bob", B, vec![out(9, 1)]);
    let _ = append(&mut put_back, &other).unwrap();
    assert_eq!(append(&mut put_back, &second).unwrap(), Appended::Stale(Stale::History));
    assert_eq!(put_back.rows().len(), 1);
}

#[test]
fn a_client_that_somebody_else_bound_meanwhile_is_left_out() {
    let mut log = log();
    let ann = decided(&log, "ann", A, vec![out(1, 1)]);
    let bob = decided(&log, "bob", A, vec![out(2, 1)]);
    assert!(matches!(append(&mut log, &ann).unwrap(), Appended::Rows(_)));
    assert_eq!(append(&mut log, &bob).unwrap(), Appended::Stale(Stale::Owner));
    assert_eq!(log.owner_of(&A).unwrap().as_deref(), Some("ann"));
}

#[test]
fn what_does_not_follow_is_left_out_and_decided_again() {
    let mut log = log();
    let first = decided(&log, "ann", A, vec![out(1, 1)]);
    // the client came again before the first was appended anywhere
    let again = decided(&log, "ann", A, vec![out(1, 1), out(2, 2)]);
    let _ = append(&mut log, &first).unwrap();
    for message in [&first, &again] {
        assert_eq!(append(&mut log, message).unwrap(), Appended::Stale(Stale::Number));
    }
    let fresh = decided(&log, "ann", A, vec![out(1, 1), out(2, 2)]);
    assert_eq!(fresh.entries.len(), 1);
    assert!(matches!(append(&mut log, &fresh).unwrap(), Appended::Rows(_)));
    assert_eq!(log.last_of(&A).unwrap().map(|l| l.n), Some(2));
}

#[test]
fn a_duplicate_is_one_whatever_the_validator_said_before_it_was_known() {
    let mut log = log();
    let no = |_: &Entry| -> Result<Option<String>, Error> { Ok(Some("NO".into())) };
    let text = to_json(&Push {
        p: 2,
        client: B,
        at: start(),
        entries: vec![out(1, 1)],
        want: None,
        limits: false,
    })
    .unwrap();
    let Decision::Push(refused, _) = decide(&log, "bob", &text, Some(&no)).unwrap() else {
        panic!()
    };
    let first = decided(&log, "ann", A, vec![out(1, 1)]);
    let _ = append(&mut log, &first).unwrap();
    let _ = append(&mut log, &refused).unwrap();
    let row = &log.rows()[1];
    assert_eq!((row.kind, row.code.as_deref(), row.reference), (Kind::Dup, None, Some(row.id)));
}
