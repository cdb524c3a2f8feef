//! What happens to whole databases: profiles are copied, put back or cloned, and the server is put
//! back to a backup, its epoch changed or not, to another branch of its history, or emptied. Also
//! what its operators do for a while.

use super::faults::Seen;
use super::lineage::Lineage;
use super::net::Event;
use super::node::Node;
use super::origin::Origin;
use super::process::Process;
use super::workload::Op;
use super::world::World;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::wire::{At, Outgoing, Push, to_json};

/// Most nodes, clones among them.
const MOST_NODES: usize = 7;
/// Most copies and backups kept.
const MOST_KEPT: usize = 4;

/// A copy of a profile, on a shelf.
#[derive(Debug)]
pub(crate) struct Copy<P> {
    /// Whose it is.
    node: usize,
    process: P,
    lineage: Lineage,
}

/// What the server's operators, or something before it, do for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    /// Nothing.
    Open,
    /// Every request gets this answer until then.
    Closed {
        /// 403, 426, 503, or 200 for a page of HTML.
        status: u16,
        /// When it is over.
        until: u64,
    },
}

impl<P: Process, O: Origin> World<P, O> {
    /// Something happens to a profile.
    pub(crate) fn meddle(&mut self, i: usize) {
        let Some(line) = self.nodes[i].lineage.copy() else { return };
        let of_it: Vec<usize> =
            (0..self.copies.len()).filter(|&k| self.copies[k].node == i).collect();
        match self.dice.below(4) {
            0 | 1 if !of_it.is_empty() => {
                let k = of_it[self.dice.below(of_it.len() as u64) as usize];
                self.restore(i, k);
            }
            2 if self.nodes.len() < MOST_NODES => self.clone_node(i, line),
            _ => {
                self.seen(Seen::CopyTaken);
                self.trace.note(format_args!("a copy of client {i} is taken"));
                let dice = self.fresh_dice();
                let process = self.nodes[i].process.copy(dice);
                let copy = Copy { node: i, process, lineage: line };
                if self.copies.len() == MOST_KEPT {
                    self.copies.remove(0);
                }
                self.copies.push(copy);
            }
        }
    }

    /// The replica's files are put back as they were when a copy was taken.
    fn restore(&mut self, i: usize, k: usize) {
        self.seen(Seen::Restored);
        let old = std::mem::take(&mut self.nodes[i].lineage);
        self.nodes[i].lineage = self.copies[k].lineage.clone();
        let dice = self.fresh_dice();
        self.nodes[i].process = self.copies[k].process.copy(dice);
        let gone = old.acknowledged_beyond(&self.nodes[i].lineage);
        let pushed = gone.iter().filter(|id| self.history.first.contains_key(*id)).count();
        if pushed > 0 {
            self.seen(Seen::RestoredBehindTheLog);
        }
        if pushed < gone.len() {
            self.seen(Seen::UnpushedGone);
        }
        self.trace
            .note(format_args!("client {i} is put back to a copy, {} events before", gone.len()));
        let version = self.nodes[i].version;
        self.nodes[i].process.set_version(version);
        self.kill(i);
    }

    /// A copy goes on next to the original.
    fn clone_node(&mut self, i: usize, line: Lineage) {
        self.seen(Seen::Cloned);
        let dice = self.fresh_dice();
        let Node { process, version, slow, user, .. } = &self.nodes[i];
        let mut node = Node::new(process.copy(dice), *slow, *user);
        (node.lineage, node.version) = (line, *version);
        node.online = self.dice.chance(700);
        node.process.set_online(node.online);
        if !node.process.queued().is_empty() {
            self.seen(Seen::ClonedWithQueue);
        }
        let new = self.nodes.len();
        self.trace.note(format_args!("client {new} is a clone of client {i}"));
        self.nodes.push(node);
        self.drive(new);
    }

    /// Takes a backup of the server, or puts one back.
    pub(crate) fn roll_back(&mut self) -> Result<(), String> {
        if self.backups.is_empty() || self.dice.chance(400) {
            self.seen(Seen::BackedUp);
            self.trace.note(format_args!("the server is backed up"));
            let copy = self.origin.backup();
            if self.backups.len() == MOST_KEPT {
                self.backups.remove(0);
            }
            self.backups.push(copy);
            return Ok(());
        }
        self.origin = if self.dice.chance(100) {
            self.seen(Seen::Emptied);
            O::create(self.mutant)
        } else {
            self.seen(Seen::RolledBack);
            self.backups[self.dice.below(self.backups.len() as u64) as usize].backup()
        };
        if self.dice.chance(500) {
            self.seen(Seen::EpochChanged);
            let epoch = self.dice.bits().to_be_bytes();
            let empty = std::mem::replace(&mut self.origin, O::create(self.mutant));
            self.origin = empty.renamed(Epoch::from_bytes(epoch));
        } else {
            self.seen(Seen::RolledBackSilently);
        }
        self.era += 1;
        for sent in std::mem::take(&mut self.recent) {
            if self.dice.chance(300) {
                self.net.put(self.now + self.dice.between(1, 60_000), Event::Arrive(sent));
            }
        }
        self.held.clear();
        let before = self.history.head;
        self.history.roll_back(self.origin.rows(0))?;
        if self.dice.chance(300) {
            self.regrow()?;
        }
        let head = self.history.head.seq;
        let (common, lost) = self.history.lost(before);
        if !lost.is_empty() && common < head {
            self.seen(Seen::RolledBackToASibling);
        }
        self.trace.note(format_args!(
            "the server goes back from {} to {common}, its head is {head}",
            before.seq
        ));
        self.nodes.iter_mut().for_each(|node| node.calm.prodded());
        Ok(())
    }

    /// Before anybody comes back, a stranger has written as much as was lost.
    fn regrow(&mut self) -> Result<(), String> {
        self.seen(Seen::Regrown);
        let entries = (1..=self.dice.between(1, 12)).map(|n| {
            let (id, b) = (Id::from_bytes(self.dice.bytes()), Op::draw(&mut self.dice, 1).body());
            Outgoing { id, n, event_type: "change".into(), tv: 1, data: b, ts: None, x: None }
        });
        let entries = entries.collect();
        let client = ClientId::from_bytes(self.dice.bytes());
        self.push_from_outside("stranger", client, entries)
    }

    /// Someone outside pushes an event of the log again under a name of its own: it must not count
    /// twice. Now and then it leaves out a number, which must not be taken.
    pub(crate) fn copy_somebody(&mut self) -> Result<(), String> {
        if self.history.log.is_empty() {
            return Ok(());
        }
        let client = ClientId::from_bytes([0xcc; 16]);
        if self.dice.chance(100) {
            return self.speak_strangely(client);
        }
        let entry = &self.history.log[self.dice.below(self.history.log.len() as u64) as usize];
        if entry.kind.is_servers() {
            return Ok(());
        }
        let (id, event_type, tv, data) =
            (entry.id, entry.event_type.clone(), entry.tv, entry.text().to_string());
        let hole = u64::from(self.dice.chance(200));
        let n = self.history.count_of(&client) + 1 + hole;
        let event = Outgoing { id, n, event_type, tv, data, ts: None, x: None };
        if hole > 0 {
            self.seen(Seen::HoleRefused);
            return match self.push_from_outside("copycat", client, vec![event]) {
                Err(e) if e.contains("gap") => Ok(()),
                other => {
                    Err(format!("numbers_have_no_holes: a push after a hole came to {other:?}"))
                }
            };
        }
        self.seen(Seen::DupRow);
        self.push_from_outside("copycat", client, vec![event])
    }

    /// Somebody speaks a version that is not spoken here, and must be told so.
    fn speak_strangely(&mut self, client: ClientId) -> Result<(), String> {
        let text = format!("{{\"p\":3,\"client\":\"{client}\",\"entries\":[]}}");
        let at = At { epoch: None, seq: self.history.head.seq, h: self.history.head.h };
        let at = to_json(&at).unwrap_or_default();
        let text = text.replace("\"entries\"", &format!("\"at\":{at},\"entries\""));
        match self.origin.push("copycat", &text, None, 1) {
            Ok(reply) if reply.status == 426 => Ok(()),
            other => Err(format!("a push of another version came to {other:?}")),
        }
    }

    fn push_from_outside(
        &mut self,
        who: &str,
        client: ClientId,
        entries: Vec<Outgoing>,
    ) -> Result<(), String> {
        let at = At { epoch: None, seq: self.history.head.seq, h: self.history.head.h };
        let push = Push { p: 2, client, at, entries, want: Some(0), limits: false };
        let text = to_json(&push).unwrap_or_default();
        // a gateway may hang, and then they come again
        let mut pushed = self.origin.push(who, &text, None, 1);
        for _ in 0..20 {
            if pushed.is_err() {
                pushed = self.origin.push(who, &text, None, 1);
            }
        }
        match pushed {
            Ok(reply) if reply.is_ok() => self.note_server(),
            other => Err(format!("a {who}'s push came to {other:?}")),
        }
    }

    /// The server's operators do something.
    pub(crate) fn reign(&mut self) {
        match self.dice.below(4) {
            0 => {
                self.tokens += 1;
                self.trace.note(format_args!("all tokens run out"));
            }
            1 => {
                self.limit = self.dice.between(4, 32) as usize;
                let limit = self.limit;
                self.trace.note(format_args!(
                    "pushes of more than {limit} events are refused from now on"
                ));
            }
            _ => {
                let status = [403, 426, 503, 503, 200][self.dice.below(5) as usize];
                let until = self.now + self.dice.between(10_000, 180_000);
                self.regime = Regime::Closed { status, until };
                self.trace.note(format_args!("every answer is {status} until {until}"));
            }
        }
    }
}
