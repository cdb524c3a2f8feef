//! Every decision on the sync of one replica; its words are defined in the module above.

use super::super::error::Result;
use super::super::id::ClientId;
use super::super::refusal::Refusal;
use super::super::resume::Resumed;
use super::super::wire::{self, At, Pull, Push, Pushed, Segment};
use super::super::{backoff, limits};
use super::{
    Action, Change, DEBOUNCE_MS, POLL_SLACK_MS, Queue, Request, Start, State, Status, TIMEOUT_MS,
    Tick, Verb,
};

mod change;
mod healing;
mod reaction;
mod state;

pub use state::Client;
use state::{Applying, Flight, Halt, Healing, Token};

impl Client {
    /// The machine of a replica, as its store has it.
    pub fn new(start: Start) -> Client {
        let Start { client: me, at: cursor, asof, limits, stopped } = start;
        let limits = limits.unwrap_or_default().bounded();
        Client {
            me,
            cursor,
            healing: asof.map_or(Healing::None, |asof| Healing::CatchUp { asof }),
            renew: false,
            last: None,
            named: Vec::new(),
            halt: stopped.map_or(Halt::None, Halt::Stopped),
            online: true,
            token: Token::Needed { refused: false },
            flight: None,
            ready: None,
            applying: None,
            head: cursor.seq,
            at_head: false,
            acked: 0,
            setbacks: 0,
            top: 0,
            confirmed: 0,
            polled: false,
            push_at: 0,
            retry_at: 0,
            failures: 0,
            error: None,
            batch: limits.push.entries,
            requests: 0,
            limits,
            told: false,
        }
    }

    /// What to do next. Call again after anything happened, and at the time it says.
    ///
    /// # Errors
    /// Those of the queue's storage.
    pub fn poll<Q: Queue>(&mut self, tick: Tick, queue: &Q) -> Result<Action, Q::Error> {
        self.look_at(queue, tick.now)?;
        if let Some(change) = self.ready.take() {
            self.applying = Some(Applying::of(&change));
            return Ok(Action::Apply(Box::new(change)));
        }
        if self.applying.is_some() {
            return Ok(Action::Wait(None));
        }
        if let Some(flight) = self.flight {
            return Ok(self.while_in_flight(flight, tick));
        }
        if self.halt != Halt::None || !self.online {
            return Ok(Action::Wait(None));
        }
        // An acked event that is not in the log though we read to its head: the ack was wrong. Push
        // it again.
        if self.at_head && self.acked > self.confirmed {
            self.acked = 0;
            self.set_back(tick, "ACK");
        }
        if tick.now < self.retry_at {
            return Ok(Action::Wait(Some(self.retry_at)));
        }
        match self.token {
            Token::Needed { refused } => {
                self.token = Token::Asked { refused, until: tick.now + TIMEOUT_MS };
                return Ok(Action::Token { refused });
            }
            Token::Asked { refused, until } if tick.now >= until => {
                self.token = Token::Needed { refused };
                self.fail(tick, "TIMEOUT");
                return Ok(Action::Wait(Some(self.retry_at)));
            }
            Token::Asked { until, .. } => return Ok(Action::Wait(Some(until))),
            Token::Have { .. } => {}
        }
        if self.healing == Healing::Ask {
            return self.resume(tick.now, queue);
        }
        if let Some(identify) = self.identify() {
            self.ready = Some(Change::Identify(identify));
            return self.poll(tick, queue);
        }
        if self.heals() {
            return Ok(self.pull(tick.now)?);
        }
        // A push begins at the first event that is not confirmed, so that the server compares its
        // id: behind one that is acked only, another might have taken its number meanwhile (a
        // clone, after the server was put back).
        if self.unpushed() && self.acked <= self.confirmed && tick.now >= self.push_at {
            return self.push(tick.now, queue);
        }
        if self.unpushed() && self.at_head {
            return Ok(Action::Wait(Some(self.push_at)));
        }
        Ok(self.pull(tick.now)?)
    }

    /// Takes the answer to a request. An answer to anything but the request in flight is dropped.
    pub fn handle(&mut self, tick: Tick, request: u64, status: u16, body: &str) {
        let Some(flight) = self.flight.take_if(|f| f.id == request) else { return };
        if status != 401 && matches!(self.token, Token::Have { .. }) {
            self.token = Token::Have { renewed: false };
        }
        if status != 200 {
            return self.refused(tick, flight, Refusal::parse(status, body));
        }
        let segment = match flight.verb {
            Verb::Pull => Segment::parse(body).map(Some),
            Verb::Push => Pushed::parse(body).map(|p| p.segment),
            Verb::Resume => return self.resumed(tick, Resumed::parse(body)),
        };
        let Ok(segment) = segment else { return self.fail(tick, "PROTOCOL") };
        if let Some((_, last)) = flight.pushed {
            self.acked = last;
        }
        match segment {
            Some(segment) => self.accept(tick, segment),
            // the server made no segment: the next poll pulls
            None => self.at_head = false,
        }
    }

    /// The request failed without an answer: no network, an abort, a timeout of the driver's own.
    pub fn failed(&mut self, tick: Tick, request: u64) {
        if self.flight.take_if(|f| f.id == request).is_some() {
            self.fail(tick, "NETWORK");
        }
    }

    /// There is a token, asked for or set by the application; lifts a fence.
    pub fn token(&mut self) {
        let renewed = matches!(self.token, Token::Asked { refused: true, .. });
        self.token = Token::Have { renewed };
        if matches!(self.halt, Halt::Fenced(_)) {
            self.halt = Halt::None;
            self.batch = self.limits.push.entries;
            self.wake();
        }
    }

    /// No token could be got; it is asked for again after a while.
    pub fn failed_token(&mut self, tick: Tick) {
        if let Token::Asked { refused, .. } = self.token {
            self.token = Token::Needed { refused };
            self.fail(tick, "TOKEN");
        }
    }

    /// There is no token but the one that was refused: fenced until the application
    /// [sets](Client::token) one.
    pub fn no_token(&mut self) {
        self.token = Token::Needed { refused: true };
        self.fence("TOKEN");
    }

    /// The network may be back, or the page became visible: tries once, at once.
    pub fn wake(&mut self) {
        self.retry_at = 0;
        // A long poll that slept through a suspension may be dead without anyone having noticed.
        self.at_head = false;
    }

    /// The application's offline switch. While off nothing is sent.
    pub fn set_online(&mut self, online: bool) {
        if online && !self.online {
            self.wake();
        }
        self.online = online;
    }

    /// The name it goes by.
    pub fn name(&self) -> ClientId {
        self.me
    }

    /// The number of the request in flight.
    pub fn in_flight(&self) -> Option<u64> {
        self.flight.map(|f| f.id)
    }

    /// The position up to which everything was applied.
    pub fn cursor(&self) -> At {
        self.cursor
    }

    /// This client at a glance.
    ///
    /// # Errors
    /// Those of the queue's storage.
    pub fn status<Q: Queue>(&self, queue: &Q) -> Result<Status, Q::Error> {
        let state = match self.halt {
            Halt::Fenced(code) => State::Fenced { code },
            Halt::NeedsUpgrade { min, max } => State::NeedsUpgrade { min, max },
            Halt::Stopped(code) => State::Stopped { code },
            Halt::None if !self.online || self.failures > 0 => State::Offline,
            Halt::None if self.heals() => State::Resume,
            Halt::None if self.at_head => State::Live,
            Halt::None => State::CatchUp,
        };
        Ok(Status {
            state,
            seq: self.cursor.seq,
            head: self.head,
            pending: queue.pending()?,
            failures: self.failures,
            error: self.error,
            requests: self.requests,
        })
    }

    /// Notes what the queue holds; a first unpushed event starts the debounce.
    fn look_at<Q: Queue>(&mut self, queue: &Q, now: u64) -> Result<(), Q::Error> {
        let waited = self.unpushed();
        let top = queue.top()?;
        let confirmed = top.saturating_sub(queue.pending()?);
        if confirmed > self.confirmed || (confirmed == top && self.at_head && !self.heals()) {
            self.setbacks = 0;
        }
        self.confirmed = confirmed;
        if top > self.top && !waited && self.polled {
            self.push_at = now + DEBOUNCE_MS;
        }
        self.top = top;
        self.polled = true;
        Ok(())
    }

    fn unpushed(&self) -> bool {
        self.top > self.acked.max(self.confirmed)
    }

    fn while_in_flight(&mut self, flight: Flight, tick: Tick) -> Action {
        if tick.now >= flight.deadline {
            self.flight = None;
            self.fail(tick, "TIMEOUT");
            return Action::Abort(flight.id);
        }
        let push_due = self.unpushed() && tick.now >= self.push_at;
        let idle = flight.waits && (push_due || !self.at_head);
        if idle || !self.online || self.halt != Halt::None {
            self.flight = None;
            return Action::Abort(flight.id);
        }
        let push_at = if flight.waits && self.unpushed() { self.push_at } else { u64::MAX };
        Action::Wait(Some(flight.deadline.min(push_at)))
    }

    fn push<Q: Queue>(&mut self, now: u64, queue: &Q) -> Result<Action, Q::Error> {
        let entries = queue.outgoing(self.confirmed + 1, self.batch, self.limits.push.bytes)?;
        let Some(last) = entries.last().map(|e| e.n) else { return Ok(self.pull(now)?) };
        let pushed = Some((entries.len(), last));
        let body = wire::to_json(&Push {
            p: wire::VERSION,
            client: self.me,
            at: self.cursor,
            entries,
            want: None,
            limits: !self.told,
        })?;
        Ok(self.send(now, Verb::Push, body, pushed, 0))
    }

    fn pull(&mut self, now: u64) -> Result<Action> {
        let wait = if self.at_head && !self.heals() { limits::WAIT_MS } else { 0 };
        let wait_ms = (wait > 0).then_some(wait);
        let pull = Pull {
            p: wire::VERSION,
            client: self.me,
            at: self.cursor,
            limit: None,
            wait_ms,
            limits: !self.told,
        };
        let body = wire::to_json(&pull)?;
        Ok(self.send(now, Verb::Pull, body, None, wait))
    }

    fn send(
        &mut self,
        now: u64,
        verb: Verb,
        body: String,
        pushed: Option<(usize, u64)>,
        wait: u64,
    ) -> Action {
        self.requests += 1;
        let timeout_ms = if wait > 0 { wait + POLL_SLACK_MS } else { TIMEOUT_MS };
        let id = self.requests;
        self.flight =
            Some(Flight { id, verb, deadline: now + timeout_ms, pushed, waits: wait > 0 });
        Action::Send(Request { id, verb, body, sent: pushed.map(|(_, last)| last), timeout_ms })
    }

    /// Fails, and longer each time until the log bears out that something went on.
    fn set_back(&mut self, tick: Tick, code: &'static str) {
        self.failures = self.setbacks;
        self.setbacks = self.setbacks.saturating_add(1);
        self.fail(tick, code);
    }

    fn fence(&mut self, code: &'static str) {
        self.halt = Halt::Fenced(code);
    }

    fn fail(&mut self, tick: Tick, code: &'static str) {
        self.failures = self.failures.saturating_add(1);
        self.error = Some(code);
        self.retry_at = tick.now + backoff::wait_ms(self.failures, tick.random).max(1);
    }
}
