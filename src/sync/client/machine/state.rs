//! What the machine of one replica is, as plain data. What it does is in the files beside.

use super::super::super::id::ClientId;
use super::super::super::limits::Limits;
use super::super::super::wire::{At, Last, Point};
use super::super::{Change, Stop, Verb};

/// What keeps the machine from going on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    None,
    Fenced(&'static str),
    NeedsUpgrade { min: u64, max: u64 },
    Stopped(Stop),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// One must be got; `refused` says that the server did not take the last.
    Needed { refused: bool },
    /// Asked for; `until` is when we stop waiting.
    Asked { refused: bool, until: u64 },
    /// There is one; `renewed` says that it was got because of a refusal and has not been accepted
    /// yet.
    Have { renewed: bool },
}

/// The request in flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) id: u64,
    pub(super) verb: Verb,
    pub(super) deadline: u64,
    /// Pushed events: how many, and the number of the last one. None in a pull.
    pub(super) pushed: Option<(usize, u64)>,
    /// A long poll, to be aborted as soon as there is something to push.
    pub(super) waits: bool,
}

/// The machine of one replica on one log.
#[derive(Debug)]
pub struct Client {
    pub(super) me: ClientId,
    /// Everything up to here has been applied.
    pub(super) cursor: At,
    pub(super) halt: Halt,
    pub(super) online: bool,
    pub(super) token: Token,
    pub(super) flight: Option<Flight>,
    /// A change that the driver has not been given yet.
    pub(super) ready: Option<Change>,
    /// The change that is being carried out.
    pub(super) applying: Option<Applying>,
    pub(super) healing: Healing,
    /// Someone else writes under our name: read to the head, then take another.
    pub(super) renew: bool,
    /// The server's record of us, once we heard of it.
    pub(super) last: Option<Option<Last>>,
    /// The points that the resume in flight named.
    pub(super) named: Vec<Point>,
    /// The log's head when we last heard of it.
    pub(super) head: u64,
    /// Whether the last segment reached the head.
    pub(super) at_head: bool,
    /// A hint: the server said it took our events up to here. Only the log confirms them.
    pub(super) acked: u64,
    /// How often in a row the server contradicted itself: acks that the log did not bear out,
    /// histories that part again and again. Segments come and reset the failures meanwhile, so
    /// these have a count of their own.
    pub(super) setbacks: u32,
    /// The queue as of the last poll.
    pub(super) top: u64,
    pub(super) confirmed: u64,
    /// Not before the first poll, when all that waits is pushed at once.
    pub(super) polled: bool,
    /// No push before this time.
    pub(super) push_at: u64,
    /// No request before this time.
    pub(super) retry_at: u64,
    pub(super) failures: u32,
    pub(super) error: Option<&'static str>,
    /// Most events in a push; halved when the server finds one too large.
    pub(super) batch: usize,
    pub(super) requests: u64,
    /// The server's limits as told last, in this process or before.
    pub(super) limits: Limits,
    /// Whether they were told in this process.
    pub(super) told: bool,
}

/// What the machine is once the change is carried out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Applying {
    Segment { cursor: At, head: u64, last: Option<Last> },
    Rewind { cursor: At, asof: u64 },
    Identify,
}

impl Applying {
    pub(super) fn of(change: &Change) -> Applying {
        match change {
            Change::Segment(p) => {
                Applying::Segment { cursor: p.cursor(), head: p.head, last: p.last }
            }
            Change::Rewind(r) => {
                let cursor = At { epoch: Some(r.epoch), seq: r.common.seq, h: r.common.h };
                Applying::Rewind { cursor, asof: r.asof }
            }
            Change::Identify(_) => Applying::Identify,
        }
    }
}

/// Where the machine is on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Healing {
    /// It is not.
    None,
    /// The server is to be asked where the histories part.
    Ask,
    /// Rewound; own events may turn up until here.
    CatchUp { asof: u64 },
}
