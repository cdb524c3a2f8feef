//! A replica as the world meets it: the sync machine and the durable side under it, which live and
//! die together.
//!
//! The world sees nothing else of a replica, so one may also be implemented outside Rust.

use super::dice::Dice;
use super::faults::Seen;
use super::mutants::Mutant;
use super::replica::Replica;
use super::workload::{Op, State};
use tidelog::sync::client::{Action, Change, Client, Outcome, Request, Status, Tick};
use tidelog::sync::id::{ClientId, Id};
use tidelog::sync::wire::At;

/// What a machine wants done, as in [`Action`].
#[derive(Debug)]
pub(crate) enum Step {
    /// Mark, then send.
    Send(Request),
    /// Abort the request in flight.
    Abort,
    /// Call [`Process::apply`].
    Apply,
    /// Get a token, a new one when `refused`.
    Token {
        /// Whether the server refused the one there is.
        refused: bool,
    },
    /// Nothing until then.
    Wait(Option<u64>),
}

/// A replica's process. All its chance comes from the dice it is given at its start.
pub(crate) trait Process: Sized {
    /// A new replica of log `sim`.
    fn create(dice: Dice, mutant: Mutant) -> Self;
    /// Dies, and another comes with what is durable.
    fn reopen(&mut self, dice: Dice);
    /// One on a copy of what is durable.
    fn copy(&self, dice: Dice) -> Self;
    /// Before its `k`-th write from now, remembers what a death there would leave for the next
    /// [`Self::reopen`].
    fn arm(&mut self, k: u64);
    /// Whether there were so many writes.
    fn caught(&mut self) -> bool;

    /// Has its `k`-th write from now fail, once; a change that meets it is given back to the
    /// machine.
    fn break_write(&mut self, k: u64);
    /// From its next start on, the application is of this version.
    fn set_version(&mut self, version: u32);
    /// The position of the first event that this version does not know: nothing from there on is
    /// applied.
    fn held(&self) -> Option<u64>;
    /// Makes the state anew from the log, and checks the files.
    fn rebuild(&mut self);

    /// Makes an event when the clock on the wall shows `ts`; resolves to whether it was taken. One
    /// that is there already is taken again without effect.
    fn dispatch(&mut self, id: Id, op: &Op, ts: i64, x: Option<&str>) -> bool;
    /// What to do next.
    fn poll(&mut self, tick: Tick) -> Result<Step, String>;
    /// Marks events up to `n` as sent.
    fn mark_sent(&mut self, n: u64);
    /// Carries out the change that the last poll announced; gives what is worth counting of it.
    fn apply(&mut self, tick: Tick) -> Result<Vec<Seen>, String>;
    /// The process outlived the change.
    fn applied(&mut self) {}
    /// Takes the answer to a request.
    fn handle(&mut self, tick: Tick, request: u64, status: u16, body: &str);
    /// A request failed without an answer.
    fn failed(&mut self, tick: Tick, request: u64);
    /// The number of the request in flight.
    fn in_flight(&self) -> Option<u64>;
    /// There is a token.
    fn token(&mut self);
    /// There is none this time.
    fn failed_token(&mut self, tick: Tick);
    /// The offline switch.
    fn set_online(&mut self, online: bool);
    /// Tries at once.
    fn wake(&mut self);
    /// The machine at a glance.
    fn status(&self) -> Status;

    /// Its name.
    fn me(&self) -> ClientId;
    /// Its stored cursor.
    fn cursor(&self) -> At;
    /// The derived state.
    fn state(&self) -> State;
    /// The pending events, in order.
    fn queued(&self) -> Vec<(Id, Op)>;
    /// How many of them are marked as sent.
    fn sent(&self) -> usize;
    /// The positions of events that threw for good.
    fn dead(&self) -> Vec<u64>;
    /// Its last number, and the last one that is confirmed; only mutants ask.
    fn numbers(&self) -> (u64, u64) {
        (0, 0)
    }
    /// Gives up pending events up to number `n`, which a client must never do; only mutants call
    /// it.
    fn drop_pending(&mut self, _n: u64) {}
}

/// The machine as it is, on a durable side in Rust.
#[derive(Debug)]
pub(crate) struct Native<R> {
    mutant: Mutant,
    replica: R,
    client: Client,
    change: Option<Box<Change>>,
    outcome: Option<(Tick, Outcome)>,
}

impl<R: Replica> Native<R> {
    fn on(replica: R, mutant: Mutant) -> Native<R> {
        let client = Client::new(replica.start());
        Native { mutant, replica, client, change: None, outcome: None }
    }
}

impl<R: Replica> Process for Native<R> {
    fn create(dice: Dice, mutant: Mutant) -> Self {
        Native::on(R::create(dice, mutant), mutant)
    }
    fn reopen(&mut self, dice: Dice) {
        self.replica.reopen(dice);
        self.client = Client::new(self.replica.start());
        (self.change, self.outcome) = (None, None);
    }
    fn copy(&self, dice: Dice) -> Self {
        Native::on(self.replica.copy(dice), self.mutant)
    }
    fn arm(&mut self, k: u64) {
        self.replica.arm(k);
    }
    fn caught(&mut self) -> bool {
        self.replica.caught()
    }
    fn break_write(&mut self, k: u64) {
        self.replica.break_write(k);
    }
    fn set_version(&mut self, version: u32) {
        self.replica.set_version(version);
    }
    fn held(&self) -> Option<u64> {
        self.replica.held()
    }
    fn rebuild(&mut self) {
        self.replica.rebuild();
    }
    fn dispatch(&mut self, id: Id, op: &Op, ts: i64, x: Option<&str>) -> bool {
        self.replica.dispatch(id, op, ts, x)
    }
    fn poll(&mut self, tick: Tick) -> Result<Step, String> {
        let action = self.client.poll(tick, &self.replica).map_err(|e| e.to_string())?;
        Ok(match action {
            Action::Send(request) => Step::Send(request),
            Action::Abort(_) => Step::Abort,
            Action::Apply(change) => {
                self.change = Some(change);
                Step::Apply
            }
            Action::Token { refused } => Step::Token { refused },
            Action::Wait(until) => Step::Wait(until),
        })
    }
    fn mark_sent(&mut self, n: u64) {
        self.replica.mark_sent(n);
    }
    fn apply(&mut self, tick: Tick) -> Result<Vec<Seen>, String> {
        let change = self.change.take().ok_or("nothing to apply")?;
        let mut seen = Vec::new();
        let done = match &*change {
            Change::Segment(segment) => self.replica.apply(segment).map(|applied| {
                let rebased = if applied.rebased { Seen::Rebased } else { Seen::ConfirmedInPlace };
                seen.extend((!segment.entries.is_empty()).then_some(rebased));
                seen.extend((applied.dead > 0).then_some(Seen::ThrownForGood));
                seen.extend((applied.erring > 0).then_some(Seen::ThrownInRebase));
                Outcome {
                    fork: applied.fork.filter(|_| !self.mutant.is_blind()),
                    client: None,
                    bare: applied.bare,
                }
            }),
            Change::Rewind(rewind) => self.replica.rewind(rewind).map(|()| {
                seen.push(Seen::Rewound);
                Outcome::default()
            }),
            Change::Identify(identify) => self.replica.identify(identify).map(|client| {
                seen.push(if client.is_some() { Seen::Renamed } else { Seen::NameKept });
                Outcome { client, ..Outcome::default() }
            }),
        };
        let outcome = match done {
            Ok(outcome) => outcome,
            Err(e) if e.is_environmental() => {
                self.client.apply_failed(tick, e.code());
                return Ok(vec![Seen::StorageFailed]);
            }
            Err(e) => return Err(format!("{change:?}: {e}")),
        };
        self.outcome = Some((tick, outcome));
        Ok(seen)
    }
    fn applied(&mut self) {
        self.replica.settle_cursor();
        if let Some((tick, outcome)) = self.outcome.take() {
            self.client.applied(tick, outcome);
        }
    }
    fn handle(&mut self, tick: Tick, request: u64, status: u16, body: &str) {
        self.client.handle(tick, request, status, body);
    }
    fn failed(&mut self, tick: Tick, request: u64) {
        self.client.failed(tick, request);
    }
    fn in_flight(&self) -> Option<u64> {
        self.client.in_flight()
    }
    fn token(&mut self) {
        self.client.token();
    }
    fn failed_token(&mut self, tick: Tick) {
        self.client.failed_token(tick);
    }
    fn set_online(&mut self, online: bool) {
        self.client.set_online(online);
    }
    fn wake(&mut self) {
        self.client.wake();
    }
    fn status(&self) -> Status {
        self.client.status(&self.replica).expect("a status needs no more than a read")
    }
    fn me(&self) -> ClientId {
        self.replica.start().client
    }
    fn cursor(&self) -> At {
        self.replica.start().at
    }
    fn state(&self) -> State {
        self.replica.state()
    }
    fn queued(&self) -> Vec<(Id, Op)> {
        self.replica.queued()
    }
    fn sent(&self) -> usize {
        self.replica.sent()
    }
    fn dead(&self) -> Vec<u64> {
        self.replica.dead()
    }
    fn numbers(&self) -> (u64, u64) {
        let top = self.replica.top().unwrap_or(0);
        (top, top.saturating_sub(self.replica.pending().unwrap_or(0)))
    }
    fn drop_pending(&mut self, n: u64) {
        self.replica.drop_pending(n);
    }
}
