//! How a machine comes back together with a server whose history is not the one it had read, or
//! with another client that writes under its name.
//!
//! ```text
//! diverged, trimmed, lost number ─ resume ─ rewind to the common point ─ pull to asof ┐
//! fork, own name with an unknown id ──────────────────────────────── pull to the head ┴ identify
//! ```
//! Nothing is pushed on the way. The queue only grows: own events after the common point are
//! pending again.

use super::super::super::error::Result;
use super::super::super::limits;
use super::super::super::resume::{Resume, Resumed};
use super::super::super::wire;
use super::super::{Action, Change, Identify, Queue, Rewind, Stop, Tick, Verb};
use super::state::{Client, Halt, Healing};

impl Client {
    /// Whether nothing may be pushed for now.
    pub(super) fn heals(&self) -> bool {
        self.healing != Healing::None || self.renew
    }

    /// The server's history is not ours: asks it where they part, after a while.
    pub(super) fn diverge(&mut self, tick: Tick) {
        self.healing = Healing::Ask;
        self.acked = 0;
        self.at_head = false;
        self.set_back(tick, "DIVERGED");
    }

    /// Another client writes under our name.
    pub(super) fn fork(&mut self) {
        self.renew = true;
        self.acked = 0;
        self.at_head = false;
    }

    /// Whether all that might be in the log was read, so that what is pending is to be pushed.
    pub(super) fn identify(&self) -> Option<Identify> {
        let read = match self.healing {
            Healing::None => self.renew && self.at_head,
            Healing::Ask => false,
            // the head may come before `asof`: the server was put back once more, or had not told
            // the truth
            Healing::CatchUp { asof } => self.at_head || (self.cursor.seq >= asof && !self.renew),
        };
        self.last.filter(|_| read).map(|last| Identify { last, renew: self.renew })
    }

    pub(super) fn resume<Q: Queue>(&mut self, now: u64, queue: &Q) -> Result<Action, Q::Error> {
        self.named = queue.known()?;
        self.named.truncate(limits::KNOWN);
        let known = self.named.iter().map(|p| (p.seq, p.h)).collect();
        // every own event after the common point is read again on the way to `asof`: no need to ask
        // for ids
        let body =
            wire::to_json(&Resume { p: wire::VERSION, client: self.me, known, ids: Vec::new() })?;
        Ok(self.send(now, Verb::Resume, body, None, 0))
    }

    pub(super) fn resumed(&mut self, tick: Tick, answer: Result<Resumed>) {
        let Ok(answer) = answer else { return self.fail(tick, "PROTOCOL") };
        match answer.common {
            None => self.halt = Halt::Stopped(Stop::Trimmed),
            Some(common) if !self.named.contains(&common) => self.fail(tick, "PROTOCOL"),
            Some(common) => {
                self.last = Some(answer.last);
                let rewind = Rewind { common, epoch: answer.epoch, asof: answer.asof.seq };
                self.ready = Some(Change::Rewind(rewind));
            }
        }
    }
}
