//! Replicas and servers that are not here but on the stage: those of the published package. wasm32
//! only.

use super::conditions::Order;
use super::dice::Dice;
use super::faults::Seen;
use super::mutants::Mutant;
use super::origin::{Origin, small_pull, small_push};
use super::process::{Process, Step};
use super::stage::{Actor, POOL, hex, on_stage, pool, unhex};
use super::workload::{Op, State, state_of};
use std::cell::{Cell, RefCell};
use tidelog::error::{Error, Result};
use tidelog::sync::chain;
use tidelog::sync::client::{Request, State as Phase, Status, Stop, Tick, Verb};
use tidelog::sync::id::{ClientId, Epoch, Hash, Id};
use tidelog::sync::server::{Pulled, Reply};
use tidelog::sync::wire::{At, Entry, Point, Pull, Segment, to_json};

/// A replica of the published package.
#[derive(Debug)]
pub(crate) struct Shipped(Actor);

impl Drop for Shipped {
    fn drop(&mut self) {
        self.0.free();
    }
}

/// A code of the machine's, which are few and known there as constants only.
fn code(text: &serde_json::Value) -> Option<&'static str> {
    thread_local! {
        static CODES: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }
    let text = text.as_str()?;
    CODES.with_borrow_mut(|codes| {
        if !codes.contains(&text) {
            codes.push(String::from(text).leak());
        }
        codes.iter().find(|c| **c == text).copied()
    })
}

impl Process for Shipped {
    fn create(dice: Dice, _: Mutant) -> Self {
        Shipped(on_stage(|stage| stage.replica(&pool(dice))))
    }
    fn reopen(&mut self, dice: Dice) {
        self.0.reopen(&pool(dice));
    }
    fn copy(&self, dice: Dice) -> Self {
        Shipped(self.0.copy(&pool(dice)))
    }
    fn arm(&mut self, k: u64) {
        self.0.arm(k as f64);
    }
    fn caught(&mut self) -> bool {
        self.0.caught()
    }
    fn break_write(&mut self, k: u64) {
        self.0.break_write(k as f64);
    }
    fn set_version(&mut self, version: u32) {
        self.0.set_version(version);
    }
    fn held(&self) -> Option<u64> {
        self.0.held().map(|seq| seq as u64)
    }
    fn rebuild(&mut self) {
        self.0.rebuild();
    }
    fn dispatch(&mut self, id: Id, op: &Op, ts: i64, x: Option<&str>) -> bool {
        let x = x.map(String::from);
        self.0.dispatch(&id.to_string(), &hex(id.as_bytes()), op.tv(), &op.body(), ts as f64, x)
    }
    fn poll(&mut self, tick: Tick) -> std::result::Result<Step, String> {
        let action = self.0.poll(tick.now as f64, tick.random);
        Ok(match action.act().as_str() {
            "send" => Step::Send(Request {
                id: action.id().ok_or("no id")? as u64,
                verb: match action.verb().as_deref() {
                    Some("push") => Verb::Push,
                    Some("pull") => Verb::Pull,
                    Some("resume") => Verb::Resume,
                    other => return Err(format!("an unknown verb {other:?}")),
                },
                body: action.body().ok_or("no body")?,
                sent: action.sent().map(|n| n as u64),
                timeout_ms: 0,
            }),
            "abort" => Step::Abort,
            "apply" => Step::Apply,
            "token" => Step::Token { refused: action.refused().unwrap_or(false) },
            "wait" => Step::Wait(action.until().map(|until| until as u64)),
            other => return Err(format!("an unknown action '{other}'")),
        })
    }
    fn mark_sent(&mut self, n: u64) {
        self.0.mark_sent(n as f64);
    }
    fn apply(&mut self, tick: Tick) -> std::result::Result<Vec<Seen>, String> {
        self.0.apply(tick.now as f64, tick.random);
        Ok(Vec::new())
    }
    fn handle(&mut self, tick: Tick, request: u64, status: u16, body: &str) {
        self.0.handle(tick.now as f64, tick.random, request as f64, status, body);
    }
    fn failed(&mut self, tick: Tick, request: u64) {
        self.0.failed(tick.now as f64, tick.random, request as f64);
    }
    fn in_flight(&self) -> Option<u64> {
        self.0.in_flight().map(|id| id as u64)
    }
    fn token(&mut self) {
        self.0.token();
    }
    fn failed_token(&mut self, tick: Tick) {
        self.0.failed_token(tick.now as f64, tick.random);
    }
    fn set_online(&mut self, online: bool) {
        self.0.set_online(online);
    }
    fn wake(&mut self) {
        self.0.wake();
    }
    fn status(&self) -> Status {
        let json: serde_json::Value =
            serde_json::from_str(&Actor::status(&self.0)).expect("a status is JSON");
        let state = &json["state"];
        let number = |value: &serde_json::Value| value.as_u64().expect("a number");
        let state = match state["name"].as_str() {
            Some("offline") => Phase::Offline,
            Some("catchUp") => Phase::CatchUp,
            Some("live") => Phase::Live,
            Some("resume") => Phase::Resume,
            Some("fenced") => Phase::Fenced { code: code(&state["code"]).expect("a code") },
            Some("needsUpgrade") => {
                Phase::NeedsUpgrade { min: number(&state["min"]), max: number(&state["max"]) }
            }
            Some("stopped") => Phase::Stopped { code: Stop::Trimmed },
            _ => panic!("an unknown state: {json}"),
        };
        Status {
            state,
            seq: number(&json["seq"]),
            head: number(&json["head"]),
            pending: number(&json["pending"]),
            failures: number(&json["failures"]) as u32,
            error: code(&json["error"]),
            requests: number(&json["requests"]),
        }
    }
    fn me(&self) -> ClientId {
        self.0.me().parse().expect("a name is base32")
    }
    fn cursor(&self) -> At {
        let stored = self.0.cursor();
        let [seq, h, epoch] = &stored[..] else { panic!("a cursor has three parts: {stored:?}") };
        if h.is_empty() {
            let start = chain::start("sim");
            return At { epoch: None, seq: start.seq, h: start.h };
        }
        At {
            epoch: (!epoch.is_empty()).then(|| Epoch::from_slice(&unhex(epoch)).expect("an epoch")),
            seq: seq.parse().expect("a position"),
            h: Hash::from_slice(&unhex(h)).expect("a hash"),
        }
    }
    fn state(&self) -> State {
        state_of(&self.0.docs())
    }
    fn queued(&self) -> Vec<(Id, Op)> {
        let event = |pair: &[String]| {
            (Id::from_slice(&unhex(&pair[0])).expect("an id"), Op::parse(&pair[1]))
        };
        self.0.queued().chunks(2).map(event).collect()
    }
    fn sent(&self) -> usize {
        self.0.sent() as usize
    }
    fn dead(&self) -> Vec<u64> {
        self.0.dead().into_iter().map(|seq| seq as u64).collect()
    }
}

/// A server of the published package.
#[derive(Debug)]
pub(crate) struct ShippedOrigin {
    server: Actor,
    /// The points of the log that were seen, by position.
    points: RefCell<Vec<Point>>,
    /// Something may have been appended since.
    asked: Cell<bool>,
}

impl ShippedOrigin {
    fn on(server: Actor) -> ShippedOrigin {
        let points = RefCell::new(vec![chain::start("sim")]);
        ShippedOrigin { server, points, asked: Cell::new(true) }
    }

    fn ask(
        &self,
        verb: &str,
        principal: &str,
        text: &str,
        reject: Option<u8>,
    ) -> Result<(Reply, u64)> {
        let answer = self.server.ask(verb, principal, text, reject);
        let answer = answer.map_err(|e| Error::BadValue(format!("{verb}: {e:?}")))?;
        let wait_ms = answer.wait_ms().unwrap_or(0.0) as u64;
        Ok((Reply { status: answer.status(), body: answer.body() }, wait_ms))
    }
}

impl Drop for ShippedOrigin {
    fn drop(&mut self) {
        self.server.free();
    }
}

/// What the server's generator gives: its epoch, should it be new.
const EPOCH: [u8; POOL] = [7; POOL];

impl Origin for ShippedOrigin {
    fn create(_: Mutant) -> Self {
        ShippedOrigin::on(on_stage(|stage| stage.server(&EPOCH)))
    }
    fn push(
        &mut self,
        principal: &str,
        text: &str,
        reject: Option<u8>,
        segment: usize,
    ) -> Result<Reply> {
        self.asked.set(true);
        Ok(self.ask("push", principal, &small_push(text, segment)?, reject)?.0)
    }
    fn pull(&mut self, principal: &str, text: &str, segment: usize) -> Result<Pulled> {
        let (reply, wait_ms) = self.ask("pull", principal, &small_pull(text, segment)?, None)?;
        Ok(Pulled { reply, wait_ms })
    }
    fn resume(&mut self, principal: &str, text: &str) -> Result<Reply> {
        Ok(self.ask("resume", principal, text, None)?.0)
    }
    fn operate(&mut self, order: Order) -> Result<bool> {
        self.asked.set(true);
        let done = match order {
            Order::Void(id) => self.server.operate("void", &id.to_string()),
            Order::Erase(id) => self.server.operate("erase", &id.to_string()),
            Order::Trim(seq) => self.server.operate("trim", &seq.to_string()),
        };
        done.map_err(|e| Error::BadValue(format!("{order:?}: {e:?}")))
    }
    fn rows(&self, after: u64) -> Vec<(Entry, Point)> {
        let mut points = self.points.borrow_mut();
        if !self.asked.replace(false) && points.len() as u64 == after + 1 {
            return Vec::new();
        }
        // a witness reads as clients do: a server that shows them another log would show it here
        points.truncate(after as usize + 1);
        let mut rows = Vec::new();
        loop {
            let last = *points.last().expect("the chain's start");
            let at = At { epoch: None, seq: last.seq, h: last.h };
            let pull = Pull {
                p: 2,
                client: ClientId::from_bytes([0xee; 16]),
                at,
                limit: None,
                wait_ms: None,
                limits: false,
            };
            let text = to_json(&pull).expect("a pull is JSON");
            let (reply, _) = self.ask("pull", "witness", &text, None).expect("a read works");
            let segment = Segment::parse(&reply.body).expect("a segment");
            for entry in segment.entries {
                let point = chain::step(*points.last().expect("the chain's start"), &entry);
                points.push(point);
                rows.push((entry, point));
            }
            if segment.to.seq == segment.head {
                assert_eq!(
                    points.last(),
                    Some(&segment.to),
                    "the stored chain is the one of the rows"
                );
                return rows;
            }
        }
    }
    fn reopen(&mut self) {
        self.asked.set(true);
        self.server.reopen(&EPOCH);
    }
    fn arm(&mut self, k: u64) {
        self.server.arm(k as f64);
    }
    fn caught(&mut self) -> bool {
        self.server.caught()
    }
    fn backup(&self) -> Self {
        ShippedOrigin::on(self.server.copy(&EPOCH))
    }
    fn renamed(self, epoch: Epoch) -> Self {
        ShippedOrigin::on(self.server.renamed(&hex(epoch.as_bytes()), &EPOCH))
    }
}
