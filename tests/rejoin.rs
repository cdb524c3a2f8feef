//! A replica on SQLite comes back together with a server that lost history, and waits for an event
//! it does not know. The simulator does this at length; here are the cases one can read.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use std::collections::BTreeMap;

use crate::rig::{TestApp, dispatch, now, replica, rows};
use tidelog::event::{TypeRule, Types};
use tidelog::store::{Applied, Draft, Store};
use tidelog::sync::client::{Action, Client, Queue, State, Tick, Verb};
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::memory::MemoryLog;
use tidelog::sync::server::{self, Facts, Log};
use tidelog::sync::wire::{Entry, Kind};
use tidelog::vfs::Memory;

/// A replica, the process of its machine and what came of all changes.
struct Device {
    memory: Memory,
    salt: u8,
    store: Store<TestApp>,
    client: Client,
    time: u64,
    applied: Vec<Applied>,
}

fn new_log() -> MemoryLog {
    MemoryLog::new("log", Epoch::from_bytes([7; 8]))
}

fn types(declared: &[(&str, u32, bool)]) -> Types {
    let rules =
        declared.iter().map(|&(t, tv, optional)| (t.to_string(), TypeRule { tv, optional }));
    Types::new(rules.collect::<BTreeMap<_, _>>())
}

impl Device {
    fn new(salt: u8, types: Types) -> Device {
        Device::on(Memory::default(), salt, types)
    }

    fn on(memory: Memory, salt: u8, types: Types) -> Device {
        let store = replica(&memory, salt, types);
        let mut client = Client::new(store.start().unwrap());
        client.token();
        Device { memory, salt, store, client, time: 1, applied: Vec::new() }
    }

    /// The process dies; the next one has these files and types.
    fn restart(self, types: Types) -> Device {
        Device::on(self.memory.fork(), self.salt + 1, types)
    }

    /// Syncs until there is nothing to do, with a server that rejects events of the type `no`.
    fn sync(&mut self, log: &mut MemoryLog) {
        let no = |entry: &Entry| Ok((entry.text() == "\"no\"").then(|| "NO".into()));
        for _ in 0..100 {
            let tick = Tick { now: self.time, random: u32::MAX };
            match self.client.poll(tick, &self.store).unwrap() {
                Action::Wait(Some(until)) => self.time = until,
                Action::Apply(change) => {
                    let applied = now(self.store.carry_out(&change)).unwrap().unwrap();
                    self.client.applied(tick, applied.outcome);
                    self.applied.push(applied);
                }
                Action::Send(request) if request.timeout_ms > 15_000 => {
                    // a long poll: at the head
                    self.client.failed(tick, request.id);
                    return self.client.wake();
                }
                Action::Send(request) => {
                    let who = "ann";
                    let reply = match request.verb {
                        Verb::Push => server::push(log, who, &request.body, Some(&no)).unwrap(),
                        Verb::Pull => server::pull(log, who, &request.body).unwrap().reply,
                        Verb::Resume => server::resume(log, who, &request.body).unwrap(),
                    };
                    self.client.handle(tick, request.id, reply.status, &reply.body);
                }
                other => panic!("{other:?}"),
            }
        }
        panic!("it never rests: {:?}", self.client.status(&self.store));
    }

    fn name(&self) -> ClientId {
        self.store.start().unwrap().client
    }

    fn note(&self, id: &str) {
        dispatch(&self.store, "note", &format!("{{\"id\":\"{id}\"}}")).unwrap();
    }

    fn notes(&self) -> String {
        rows(&self.store, "notes").replace(['{', '}', '"', '[', ']'], "").replace("id:", "")
    }

    fn int(&self, sql: &str) -> i64 {
        self.store.db().reader().one(sql, &[], |r| r.int(0)).unwrap().unwrap()
    }
}

fn kinds(log: &MemoryLog) -> Vec<Kind> {
    log.rows().iter().map(|row| row.kind).collect()
}

#[test]
fn what_a_server_lost_is_offered_again_the_rejected_with_its_body() {
    let mut log = new_log();
    let mut ann = Device::new(1, Types::default());
    ann.note("a");
    ann.sync(&mut log);
    let backup = log.clone();
    ann.note("b");
    dispatch(&ann.store, "word", "\"no\"").unwrap();
    ann.note("c");
    ann.sync(&mut log);
    assert_eq!(kinds(&log), [Kind::Event, Kind::Event, Kind::Rej, Kind::Event]);
    let name = ann.name();
    for (lost, epoch) in [(backup.clone(), [7; 8]), (backup, [8; 8]), (new_log(), [9; 8])] {
        log = lost;
        log.set_epoch(Epoch::from_bytes(epoch));
        ann.sync(&mut log);
        assert_eq!(kinds(&log), [Kind::Event, Kind::Event, Kind::Rej, Kind::Event]);
        assert_eq!((ann.notes().as_str(), ann.store.progress().unwrap()), ("a,b,c", (4, 0)));
        assert_eq!(ann.name(), name, "its numbers still follow");
    }
}

#[test]
fn a_rewound_replica_pushes_nothing_before_it_has_read_all_also_after_a_restart() {
    let mut log = new_log();
    let mut ann = Device::new(1, Types::default());
    ann.note("a");
    ann.sync(&mut log);
    let resumed = log.clone();
    log = new_log();
    let mut bob = Device::new(100, Types::default());
    bob.note("b");
    bob.sync(&mut log);
    // go as far as the rewind, then die
    loop {
        let tick = Tick { now: ann.time, random: u32::MAX };
        match ann.client.poll(tick, &ann.store).unwrap() {
            Action::Wait(Some(until)) => ann.time = until,
            Action::Apply(change) => {
                now(ann.store.carry_out(&change)).unwrap().unwrap();
                break;
            }
            Action::Send(request) => {
                let reply = match request.verb {
                    Verb::Resume => server::resume(&log, "ann", &request.body).unwrap(),
                    _ => server::pull(&log, "ann", &request.body).unwrap().reply,
                };
                ann.client.handle(tick, request.id, reply.status, &reply.body);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((ann.store.start().unwrap().asof, ann.notes().as_str()), (Some(1), "a"));
    let mut ann = ann.restart(Types::default());
    assert_eq!(ann.client.status(&ann.store).unwrap().state, State::Resume);
    ann.sync(&mut log);
    assert_eq!((ann.notes().as_str(), log.rows().len()), ("a,b", 2));
    assert_eq!(ann.store.start().unwrap().asof, None);
    assert_eq!(resumed.rows().len(), 1);
}

#[test]
fn a_copied_database_takes_a_name_of_its_own_and_loses_nothing() {
    let mut log = new_log();
    let mut ann = Device::new(1, Types::default());
    ann.note("a");
    ann.sync(&mut log);
    ann.note("shared");
    let mut copy = Device::on(ann.memory.fork(), 50, Types::default());
    ann.note("b");
    copy.note("c");
    assert_eq!(copy.name(), ann.name());
    ann.sync(&mut log);
    copy.sync(&mut log);
    ann.sync(&mut log);
    assert_ne!(copy.name(), ann.name());
    assert_eq!((ann.notes(), copy.notes()), ("a,b,c,shared".into(), "a,b,c,shared".into()));
    // and later, when the server is put back, both offer what is theirs
    log = new_log();
    copy.sync(&mut log);
    ann.sync(&mut log);
    copy.sync(&mut log);
    assert_eq!(copy.notes(), ann.notes());
    assert_eq!(ann.notes().split(',').count(), 4);
}

#[test]
fn a_database_put_back_to_an_old_copy_takes_a_new_name_and_reads_what_it_had_made() {
    let mut log = new_log();
    let mut ann = Device::new(1, Types::default());
    ann.note("a");
    ann.sync(&mut log);
    let old = ann.memory.fork();
    ann.note("b");
    ann.sync(&mut log);
    let name = ann.name();
    let mut ann = Device::on(old, 60, Types::default());
    ann.note("c");
    ann.sync(&mut log);
    assert_eq!(ann.notes(), "a,b,c");
    assert_ne!(ann.name(), name);
}

#[test]
fn an_unknown_event_holds_the_state_while_the_log_goes_on() {
    let mut log = new_log();
    let old = types(&[("note", 1, false), ("word", 1, false), ("gone", 0, true)]);
    let new = types(&[("note", 2, false), ("word", 1, false), ("later", 1, false)]);
    let (mut ann, mut bob) = (Device::new(1, old.clone()), Device::new(100, new.clone()));
    ann.note("a");
    ann.sync(&mut log);
    bob.sync(&mut log);
    bob.note("b");
    dispatch(&bob.store, "later", "1").unwrap();
    bob.note("d");
    ann.note("e");
    dispatch(&ann.store, "word", "\"no\"").unwrap();
    ann.note("f");
    bob.sync(&mut log);
    ann.sync(&mut log);
    let held = ann.store.held().unwrap().unwrap();
    assert_eq!((held.seq, held.event_type.as_str(), held.tv), (2, "note", 2));
    // what is its own stays to be seen, also where it is confirmed; the rejected one is gone
    assert_eq!((ann.notes().as_str(), ann.store.progress().unwrap()), ("a,e,f", (7, 0)));
    assert_eq!(
        (ann.int("SELECT count(*) FROM _log"), ann.int("SELECT count(*) FROM _history")),
        (7, 7)
    );
    ann.note("g");
    ann.sync(&mut log);
    assert_eq!(ann.notes(), "a,e,f,g");
    // the same after a restart, and when the state is made anew
    let mut ann = ann.restart(old);
    let turn = now(ann.store.enter()).unwrap();
    now(ann.store.rebuild(&turn, None)).unwrap();
    drop(turn);
    assert_eq!((ann.notes().as_str(), ann.store.held().unwrap().unwrap().seq), ("a,e,f,g", 2));
    ann.note("h");
    ann.sync(&mut log);
    // upgraded, it applies what it had passed over, in the log's order
    let mut ann = ann.restart(new);
    bob.sync(&mut log);
    ann.sync(&mut log);
    assert_eq!((ann.notes(), ann.store.held().unwrap()), (bob.notes(), None));
    assert_eq!(ann.notes(), "a,b,d,e,f,g,h");
    assert_eq!(ann.int("SELECT count(*) FROM _pending"), 0);
}

#[test]
fn what_was_declared_optional_is_passed_over() {
    let mut log = new_log();
    let some = types(&[("note", 0, false), ("es/todos", 0, false), ("extra", 0, true)]);
    let all = types(&[("note", 0, false), ("extra", 3, false)]);
    let (mut ann, mut bob) = (Device::new(1, some), Device::new(100, all));
    dispatch(&bob.store, "extra", "1").unwrap();
    bob.note("b");
    bob.sync(&mut log);
    ann.sync(&mut log);
    assert_eq!((ann.notes().as_str(), ann.store.held().unwrap()), ("b", None));
    let refused = dispatch(&ann.store, "nobody", "1").unwrap_err();
    assert_eq!(refused.code(), "BAD_VALUE");
    assert!(refused.to_string().contains("'nobody'"), "{refused}");
}

#[test]
fn an_event_of_a_model_that_is_not_there_holds_too_and_a_server_put_back_is_rewound_as_well() {
    let mut log = new_log();
    let mut ann = Device::new(1, Types::default());
    let backup = log.clone();
    let row = Entry {
        id: Id::from_bytes([9; 16]),
        client: ClientId::from_bytes([9; 16]),
        n: 1,
        event_type: "es/newer".into(),
        tv: 0,
        body: "[1,\"x\",{}]".into(),
        x: None,
        ts: None,
        kind: Kind::Event,
        reference: None,
        code: None,
    };
    let at = tidelog::sync::chain::step(log.head().unwrap(), &row);
    log.append(at, &row).unwrap();
    ann.note("a");
    ann.sync(&mut log);
    assert_eq!(ann.store.held().unwrap().unwrap().event_type, "es/newer");
    assert_eq!((ann.notes().as_str(), ann.store.progress().unwrap()), ("a", (2, 0)));
    log = backup;
    ann.sync(&mut log);
    assert_eq!((ann.store.held().unwrap(), ann.notes().as_str()), (None, "a"));
    assert_eq!((log.rows().len(), ann.store.progress().unwrap()), (1, (1, 0)));
    let draft =
        Draft { event_type: "es/newer".into(), data: "[1,\"x\",{}]".into(), ..Draft::default() };
    assert!(now(ann.store.dispatch(vec![draft])).is_err());
    assert_eq!(ann.store.known().unwrap().len(), 2);
}
