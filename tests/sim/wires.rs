//! The network and the server's process: requests and answers are lost, doubled, delayed and forged
//! here, long polls are held, and the server dies.

use super::faults::Seen;
use super::mishaps::Regime;
use super::net::{Event, Sent};
use super::node::Node;
use super::origin::Origin;
use super::process::Process;
use super::trace::without_ts;
use super::world::World;
use tidelog::sync::client::{Request, Verb};
use tidelog::sync::id::{Epoch, Id};
use tidelog::sync::refusal::Refusal;
use tidelog::sync::resume::Resumed;
use tidelog::sync::server::CONFLICT;
use tidelog::sync::wire::{Last, Point, Push, Pushed, Segment, to_json};

impl<P: Process, O: Origin> World<P, O> {
    /// A client's request leaves.
    pub(crate) fn send(&mut self, node: usize, request: Request) {
        let Request { id, verb, body, .. } = &request;
        self.trace.note(format_args!("send {node} {id} {verb:?} {}", without_ts(body)));
        let Node { life, token, .. } = self.nodes[node];
        let sent = Sent { node, life, token, era: self.era, request };
        if self.dice.chance(self.rates.loss) {
            self.seen(Seen::RequestLost);
            if self.dice.chance(500) {
                // it knows at once; otherwise only its own timeout will tell
                self.break_off(&sent);
            }
            return;
        }
        if self.dice.chance(self.rates.dup) {
            self.seen(Seen::RequestDoubled);
            let at = self.now + self.dice.between(1, 20_000);
            self.net.put(at, Event::Arrive(sent.clone()));
        }
        let at = self.now + self.way(Seen::RequestDelayed);
        self.net.put(at, Event::Arrive(sent));
    }

    /// How long a message takes.
    fn way(&mut self, delayed: Seen) -> u64 {
        if self.dice.chance(self.rates.delay) {
            self.seen(delayed);
            return self.dice.between(50, 14_000);
        }
        self.dice.between(1, 40)
    }

    fn break_off(&mut self, sent: &Sent) {
        self.seen(Seen::ConnectionReset);
        let at = self.now + self.dice.between(1, 300);
        self.net
            .put(at, Event::Broken { node: sent.node, life: sent.life, request: sent.request.id });
    }

    /// A request reaches the server.
    pub(crate) fn arrive(&mut self, sent: Sent) {
        if self.now < self.down_until {
            self.seen(Seen::ServerDown);
            return self.break_off(&sent);
        }
        if self.obey(&sent) {
            return;
        }
        if self.dice.chance(self.rates.refuse) {
            return self.refuse(&sent);
        }
        if self.dice.chance(self.rates.server_kill) {
            self.seen(Seen::ServerKilledBeforeCommit);
            return self.crash(&sent);
        }
        let before = self.history.head;
        match sent.request.verb {
            Verb::Push => self.serve_push(sent),
            Verb::Pull => self.serve_pull(sent, true),
            Verb::Resume => self.serve_resume(&sent),
        }
        if let Err(failure) = self.note_server() {
            return self.fail(failure);
        }
        if self.history.head != before {
            self.wake_polls();
        }
    }

    /// Refuses what the present regime does not let in.
    fn obey(&mut self, sent: &Sent) -> bool {
        let (what, status, body) = match self.regime {
            Regime::Closed { status, until } if self.now < until => {
                let refusal = match status {
                    403 => Refusal::Forbidden("not for now".into()),
                    426 => Refusal::Upgrade { min: 3, max: 4 },
                    _ => Refusal::Busy { retry_ms: None },
                };
                let page = || "<html>closed</html>".to_string();
                let body =
                    if status == 200 { page() } else { refusal.to_json().unwrap_or_default() };
                (Seen::RefusedAtLength, status, body)
            }
            _ if sent.token < self.tokens => {
                (Seen::TokenExpired, 401, Refusal::Token.to_json().unwrap_or_default())
            }
            _ => {
                let events = Push::parse(&sent.request.body).map_or(0, |push| push.entries.len());
                if events <= self.limit {
                    return false;
                }
                let refusal = Refusal::TooLarge { limit: self.limit as u64 };
                (Seen::PushTooLarge, 413, refusal.to_json().unwrap_or_default())
            }
        };
        self.seen(what);
        self.respond(sent, status, body);
        true
    }

    fn serve_resume(&mut self, sent: &Sent) {
        let principal = format!("user{}", self.nodes[sent.node].user);
        match self.origin.resume(&principal, &sent.request.body) {
            Ok(reply) => self.respond(sent, reply.status, reply.body),
            Err(e) => self.fail(format!("resume: {e}")),
        }
    }

    fn serve_push(&mut self, sent: Sent) {
        if self.recent.len() == 8 {
            self.recent.remove(0);
        }
        self.recent.push(sent.clone());
        let principal = format!("user{}", self.nodes[sent.node].user);
        let reject = (self.rates.reject > 0).then_some(self.era as u8);
        let head = self.history.head.seq;
        let armed = self.dice.chance(self.rates.server_kill);
        if armed {
            let k = self.dice.below(16);
            self.origin.arm(k);
        }
        let reply =
            match self.origin.push(&principal, &sent.request.body, reject, self.rates.segment) {
                Ok(reply) => reply,
                Err(_) => return self.respond(&sent, 503, "{\"err\":\"busy\"}".into()),
            };
        if sent.era != self.era && reply.status == 409 {
            self.seen(Seen::CrossedARollback);
        }
        if armed && self.origin.caught() {
            self.seen(Seen::ServerKilledMidWrite);
            return self.crash(&sent);
        }
        let codes: Vec<Option<String>> =
            self.origin.rows(head).into_iter().map(|(entry, _)| entry.code).collect();
        if codes.iter().flatten().any(|code| code == CONFLICT) {
            self.seen(Seen::Conflict);
        } else if codes.iter().any(Option::is_some) {
            self.seen(Seen::Rejected);
        }
        if self.dice.chance(self.rates.server_kill) {
            self.seen(Seen::ServerKilledAfterCommit);
            return self.crash(&sent);
        }
        if let Ok(Pushed { segment: Some(segment), .. }) = Pushed::parse(&reply.body)
            && segment.to.seq < segment.head
        {
            self.seen(Seen::SegmentCut);
        }
        self.respond(&sent, reply.status, reply.body);
    }

    fn serve_pull(&mut self, sent: Sent, may_wait: bool) {
        let principal = format!("user{}", self.nodes[sent.node].user);
        let pulled = match self.origin.pull(&principal, &sent.request.body, self.rates.segment) {
            Ok(pulled) => pulled,
            Err(_) => return self.respond(&sent, 503, "{\"err\":\"busy\"}".into()),
        };
        if may_wait && pulled.wait_ms > 0 {
            self.seen(Seen::LongPollWaited);
            self.polls += 1;
            self.net.put(self.now + pulled.wait_ms, Event::PollEnd(self.polls));
            return self.held.push((self.polls, sent));
        }
        self.respond(&sent, pulled.reply.status, pulled.reply.body);
    }

    pub(crate) fn wake_polls(&mut self) {
        for (_, sent) in std::mem::take(&mut self.held) {
            self.seen(Seen::LongPollWoken);
            self.serve_pull(sent, false);
        }
    }

    /// The server holds a long poll no longer.
    pub(crate) fn end_poll(&mut self, poll: u64) {
        let Some(i) = self.held.iter().position(|(p, _)| *p == poll) else { return };
        self.seen(Seen::LongPollExpired);
        let (_, sent) = self.held.remove(i);
        self.serve_pull(sent, false);
    }

    /// The server's process dies and is started again; whoever waits for it hears so, or nothing.
    fn crash(&mut self, sent: &Sent) {
        self.origin.reopen();
        self.down_until = self.now + self.dice.between(1, 3000);
        let mut waiting: Vec<Sent> =
            std::mem::take(&mut self.held).into_iter().map(|(_, s)| s).collect();
        if !waiting.is_empty() {
            self.seen(Seen::LongPollCut);
        }
        waiting.push(sent.clone());
        for sent in waiting {
            if self.dice.chance(700) {
                self.break_off(&sent);
            }
        }
    }

    /// The server, or something before it, says no for reasons of its own.
    fn refuse(&mut self, sent: &Sent) {
        let point = Point { seq: self.dice.below(9), h: self.history.head.h };
        let last = Last { n: point.seq, id: Id::from_bytes([0xee; 16]) };
        let (what, refusal) = match self.dice.below(10) {
            7 if point.seq == 0 => (Seen::FalseVerdict, Refusal::Trimmed { trim: 7 }),
            7 => (
                Seen::FalseVerdict,
                Refusal::Diverged { epoch: Epoch::from_bytes([1; 8]), head: point },
            ),
            8 => (Seen::FalseVerdict, Refusal::Gap { expect: point.seq }),
            9 => (Seen::FalseVerdict, Refusal::Fork { last }),
            0 => (Seen::Refused401, Refusal::Token),
            1 => (Seen::Refused403, Refusal::Forbidden("not today".into())),
            2 => (Seen::Refused413, Refusal::TooLarge { limit: 1 }),
            3 if self.dice.chance(100) => (Seen::Refused426, Refusal::Upgrade { min: 3, max: 4 }),
            5 if sent.request.verb == Verb::Push => {
                // says that it took what it never saw
                self.seen(Seen::FalseAck);
                return self.respond(sent, 200, "{\"p\":2,\"segment\":null}".into());
            }
            3 | 4 => (Seen::Refused503, Refusal::Busy { retry_ms: Some(self.dice.below(5000)) }),
            _ => {
                self.seen(Seen::CaptivePortal);
                return self.respond(
                    sent,
                    200,
                    "<html>log in to the hotel's network</html>".into(),
                );
            }
        };
        self.seen(what);
        let body = refusal.to_json().unwrap_or_default();
        self.respond(sent, refusal.status(), body);
    }

    /// An answer leaves the server.
    fn respond(&mut self, sent: &Sent, status: u16, body: String) {
        let shown = without_ts(&body);
        self.trace.note(format_args!("respond {} {} {status} {shown}", sent.node, sent.request.id));
        if self.dice.chance(self.rates.loss) {
            self.seen(Seen::AnswerLost);
            if self.dice.chance(500) {
                self.break_off(sent);
            }
            return;
        }
        let body = if self.dice.chance(self.rates.refuse / 3) {
            self.forge(&sent.request.verb, body)
        } else {
            body
        };
        let event = Event::Answer {
            node: sent.node,
            life: sent.life,
            request: sent.request.id,
            status,
            body,
        };
        if self.dice.chance(self.rates.dup) {
            self.seen(Seen::AnswerDoubled);
            let at = self.now + self.dice.between(1, 20_000);
            self.net.put(at, event.clone());
        }
        let mut way = self.way(Seen::AnswerDelayed);
        if self.nodes[sent.node].slow {
            self.seen(Seen::SlowClient);
            way *= 10;
        }
        self.net.put(self.now + way, event);
    }

    /// Damages a segment so that it still parses: the chain must tell.
    fn forge(&mut self, verb: &Verb, body: String) -> String {
        let spoil = |segment: &mut Segment| match segment.entries.first_mut() {
            Some(entry) => {
                entry.body = "{\"verb\":\"rm\",\"id\":\"k0\",\"field\":\"a\",\"value\":0}".into()
            }
            None => segment.to.h = segment.from.h,
        };
        let forged = match verb {
            Verb::Pull => Segment::parse(&body).ok().and_then(|mut segment| {
                spoil(&mut segment);
                to_json(&segment).ok()
            }),
            Verb::Push => Pushed::parse(&body).ok().and_then(|mut pushed| {
                pushed.segment.as_mut().map(spoil);
                to_json(&pushed).ok()
            }),
            Verb::Resume => Resumed::parse(&body).ok().and_then(|mut resumed| {
                match self.dice.below(3) {
                    0 => resumed.asof.seq += 1000,
                    1 => resumed.common.iter_mut().for_each(|common| common.seq = 0),
                    _ => resumed.last = None,
                }
                to_json(&resumed).ok()
            }),
        };
        match forged {
            Some(forged) if forged != body => {
                let resumes = *verb == Verb::Resume;
                self.seen(if resumes { Seen::ResumeForged } else { Seen::SegmentForged });
                forged
            }
            _ => body,
        }
    }
}
