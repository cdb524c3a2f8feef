//! The second server: gateways that race before one ordered stream of messages. Each decides at the
//! tail that it has read, publishes under a compare on the client's last place in the stream, and
//! appends what it reads. They lag, die and start anew, and messages come late.

use super::conditions::Order;
use super::dice::Dice;
use super::mutants::Mutant;
use super::origin::{Bent, Origin, small_pull, verdict};
use super::workload::Op;
use std::cell::RefCell;
use std::rc::Rc;
use tidelog::error::{Error, Result};
use tidelog::sync;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::memory::MemoryLog;
use tidelog::sync::refusal::Refusal;
use tidelog::sync::server::{
    self, Appended, Asked, Decided, Decision, Facts, Pulled, Reply, Validator,
};
use tidelog::sync::wire::{At, Entry, Kind, Outgoing, Point, Pull, Push, to_json};

/// How often a push is decided again before its client must come again.
const TRIES: usize = 8;

/// A gateway: what it made of the stream so far.
#[derive(Debug, Clone)]
struct Gateway {
    log: MemoryLog,
    /// Messages read.
    read: usize,
}

/// A message that its gateway could not publish in time.
#[derive(Debug, Clone)]
struct Late {
    text: String,
    client: ClientId,
    /// The client's last place in the stream, as the gateway knew it.
    last: Option<usize>,
}

/// The stream and its gateways.
#[derive(Debug)]
pub(crate) struct Gateways {
    mutant: Mutant,
    epoch: Epoch,
    dice: Dice,
    /// Messages, each with the client it is of.
    stream: Vec<(ClientId, String)>,
    gateways: Vec<Gateway>,
    /// Reads everything, and is asked by nobody but the outside.
    witness: RefCell<Gateway>,
    /// Events that somebody tried to push under another's name.
    stolen: Vec<Id>,
    /// What is on its way to the stream outlives a stream that is put back.
    late: Rc<RefCell<Vec<Late>>>,
}

impl Gateway {
    fn read_on(
        &mut self,
        stream: &[(ClientId, String)],
        most: usize,
        mutant: Mutant,
    ) -> Result<Option<Appended>> {
        let mut last = None;
        for (_, text) in stream.iter().skip(self.read).take(most) {
            let decided = Decided::parse(text)?;
            let mut log = Bent::appending(&mut self.log, mutant, &decided);
            last = Some(server::append(&mut log, &decided)?);
            self.read += 1;
        }
        Ok(last)
    }
}

fn fresh(epoch: Epoch) -> Gateway {
    Gateway { log: MemoryLog::new("sim", epoch), read: 0 }
}

impl Gateways {
    /// The client's last place in the stream, as far as it was read.
    fn last_place(&self, client: &ClientId, read: usize) -> Option<usize> {
        self.stream[..read].iter().rposition(|(of, _)| of == client)
    }

    /// A gateway reads so many messages at most, and appends them.
    fn read_on(&mut self, g: usize, most: usize) -> Result<Option<Appended>> {
        self.gateways[g].read_on(&self.stream, most, self.mutant)
    }

    /// Publishes if nobody published for that client meanwhile.
    fn publish(&mut self, client: ClientId, last: Option<usize>, text: String) -> bool {
        let free = self.last_place(&client, self.stream.len()) == last;
        if free || matches!(self.mutant, Mutant::NoCompare | Mutant::NothingCompared) {
            self.stream.push((client, text));
            return true;
        }
        false
    }

    /// What came late arrives, if it still may.
    fn arrive_late(&mut self) {
        if self.dice.chance(30) {
            let late = std::mem::take(&mut *self.late.borrow_mut());
            for Late { text, client, last } in late {
                self.publish(client, last, text);
            }
        }
    }

    /// One of them, which may lag behind the stream, or have died and read little of it yet.
    fn pick(&mut self) -> Result<usize> {
        self.arrive_late();
        let g = self.dice.below(self.gateways.len() as u64) as usize;
        if self.dice.chance(20) {
            self.gateways[g] = fresh(self.epoch);
        }
        let most = if self.dice.chance(500) { usize::MAX } else { self.dice.below(4) as usize };
        self.read_on(g, most)?;
        Ok(g)
    }

    /// Has a decision made, published and read back; what is stale is decided again.
    fn carry(
        &mut self,
        g: usize,
        decide: &dyn Fn(&MemoryLog) -> Result<Decision>,
    ) -> Result<Carried> {
        for _ in 0..TRIES {
            let (decided, asked) = match decide(&self.gateways[g].log)? {
                Decision::Refused(refusal) => {
                    // it may be only that this gateway does not know yet
                    if self.gateways[g].read == self.stream.len() {
                        return Ok(Carried::Refused(refusal));
                    }
                    self.read_on(g, usize::MAX)?;
                    continue;
                }
                Decision::Nothing(asked) => return Ok(Carried::Done(asked)),
                Decision::Push(decided, asked) => (decided, asked),
            };
            let (client, text) = (decided.client, decided.to_json()?);
            let last = self.last_place(&client, self.gateways[g].read);
            if self.dice.chance(120) {
                // the gateway hangs: its client hears nothing, the message may still arrive
                self.late.borrow_mut().push(Late { text, client, last });
                return Ok(Carried::Hangs);
            }
            if !self.publish(client, last, text) {
                self.read_on(g, usize::MAX)?;
                continue;
            }
            if self.dice.chance(40) {
                // it dies when its message is in the stream and nothing answered
                self.gateways[g] = fresh(self.epoch);
                return Ok(Carried::Hangs);
            }
            match self.read_on(g, usize::MAX)? {
                Some(Appended::Rows(_)) => return Ok(Carried::Done(asked)),
                _ => continue,
            }
        }
        Ok(Carried::Hangs)
    }

    /// Somebody else pushes under the name of a client that this gateway did not know yet.
    fn steal(&mut self, client: ClientId, before: &MemoryLog, at: At) -> Result<()> {
        let id = Id::from_bytes(self.dice.bytes());
        let body = Op::draw(&mut self.dice, 1).body();
        let (event_type, ts, x) = ("change".to_string(), None, None);
        let event = Outgoing { id, n: 1, event_type, tv: 1, data: body, ts, x };
        let push = Push { p: 2, client, at, entries: vec![event], want: None, limits: false };
        let decision = server::decide(before, "thief", &to_json(&push)?, None)?;
        if let Decision::Push(decided, _) = decision {
            self.stolen.push(id);
            self.publish(client, None, decided.to_json()?);
        }
        Ok(())
    }

    /// What one gateway has is the beginning of what the witness has, and nothing in it was stolen.
    fn check(&self, witness: &MemoryLog) {
        for gateway in &self.gateways {
            let head = gateway.log.head().expect("memory");
            assert_eq!(
                witness.point(head.seq),
                Some(head),
                "gateways_agree: gateways have another log"
            );
        }
        let stolen = |id: &Id| witness.seq_of(id).expect("memory").is_some();
        assert!(
            !self.stolen.iter().any(stolen),
            "names_are_owned: somebody wrote under another's name"
        );
    }
}

/// What became of a push.
enum Carried {
    Done(Asked),
    Refused(Refusal),
    /// Nobody will answer.
    Hangs,
}

impl Origin for Gateways {
    fn create(mutant: Mutant) -> Self {
        let epoch = Epoch::from_bytes([7; 8]);
        Gateways {
            mutant,
            epoch,
            dice: Dice::new(7),
            stream: Vec::new(),
            gateways: vec![fresh(epoch); 3],
            witness: RefCell::new(fresh(epoch)),
            stolen: Vec::new(),
            late: Rc::default(),
        }
    }
    fn push(
        &mut self,
        principal: &str,
        text: &str,
        reject: Option<u8>,
        segment: usize,
    ) -> Result<Reply> {
        let g = self.pick()?;
        let mutant = self.mutant;
        let judge = reject.map(|life| move |entry: &Entry| verdict(entry, life));
        let decide = |log: &MemoryLog| {
            let validate = judge.as_ref().map(|j| j as Validator<'_, sync::Error>);
            let mut decision = server::decide(log, principal, text, validate)?;
            if let (Decision::Push(decided, _), Mutant::DupDecidedOnly) = (&mut decision, mutant) {
                for entry in &mut decided.entries {
                    if log.seq_of(&entry.id)?.is_some() {
                        (entry.kind, entry.reference) = (Kind::Dup, Some(entry.id));
                        entry.body = "".into();
                    }
                }
            }
            Ok(decision)
        };
        let unknown = Push::parse(text)
            .ok()
            .filter(|push| push.entries.first().is_some_and(|first| first.n == 1))
            .map(|push| (push.client, self.gateways[g].log.clone(), push.at));
        let asked = match self.carry(g, &decide)? {
            Carried::Done(asked) => asked,
            Carried::Hangs => return Err(Error::Io("the gateway hangs".into())),
            Carried::Refused(refusal) => return Ok(Reply::refuse(&refusal)?),
        };
        if let Some((client, before, at)) = unknown {
            self.steal(client, &before, at)?;
        }
        let asked = Asked { want: asked.want.min(segment as u64), ..asked };
        Ok(server::pushed(&self.gateways[g].log, &asked)?)
    }
    fn pull(&mut self, principal: &str, text: &str, segment: usize) -> Result<Pulled> {
        let g = self.pick()?;
        let text = small_pull(text, segment)?;
        let known = Pull::parse(&text).ok().is_none_or(|pull| {
            self.gateways[g].log.point(pull.at.seq).is_some_and(|p| p == pull.at.point())
        });
        if !known {
            self.read_on(g, usize::MAX)?;
        }
        Ok(server::pull(&self.gateways[g].log, principal, &text)?)
    }
    fn resume(&mut self, principal: &str, text: &str) -> Result<Reply> {
        let g = self.pick()?;
        self.read_on(g, usize::MAX)?;
        Ok(server::resume(&self.gateways[g].log, principal, text)?)
    }
    fn operate(&mut self, order: Order) -> Result<bool> {
        let g = self.pick()?;
        let start = tidelog::sync::chain::start("sim");
        let at = At { epoch: None, seq: start.seq, h: start.h };
        let asked = Asked { client: ClientId::SERVER, at, want: 0, limits: false };
        let decide = |log: &MemoryLog| {
            let decided = match order {
                Order::Void(id) => server::void(log, &id)?,
                Order::Erase(id) => server::erase(log, &id)?,
                Order::Trim(seq) => server::trim(log, seq)?,
            };
            Ok(decided.map_or(Decision::Nothing(asked), |d| Decision::Push(d, asked)))
        };
        let before = self.stream.len();
        self.carry(g, &decide)?;
        Ok(self.stream.len() > before)
    }
    fn rows(&self, after: u64) -> Vec<(Entry, Point)> {
        let mut witness = self.witness.borrow_mut();
        witness.read_on(&self.stream, usize::MAX, self.mutant).expect("a message can be read");
        self.check(&witness.log);
        let log = &witness.log;
        let rows = log.rows().iter().enumerate().skip(after as usize);
        rows.filter_map(|(i, entry)| Some((entry.clone(), log.point(i as u64 + 1)?))).collect()
    }
    fn reopen(&mut self) {
        self.gateways.fill(fresh(self.epoch));
    }
    fn backup(&self) -> Self {
        Gateways {
            mutant: self.mutant,
            epoch: self.epoch,
            dice: self.dice.clone(),
            stream: self.stream.clone(),
            gateways: self.gateways.clone(),
            witness: RefCell::new(self.witness.borrow().clone()),
            stolen: self.stolen.clone(),
            late: Rc::clone(&self.late),
        }
    }
    fn renamed(mut self, epoch: Epoch) -> Self {
        self.epoch = epoch;
        self.gateways.iter_mut().for_each(|gateway| gateway.log.set_epoch(epoch));
        self
    }
}
