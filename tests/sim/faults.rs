//! What can happen in a simulation, how often each thing did, and how likely each is under a seed.

use super::dice::Dice;

macro_rules! happenings {
    ($($name:ident),* $(,)?) => {
        /// Everything that is counted: faults injected, and states and paths reached.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Seen { $($name),* }

        /// All of them, in the order of their counters.
        pub(crate) const ALL: &[Seen] = &[$(Seen::$name),*];
    };
}

happenings! {
    // the network
    RequestLost, RequestDoubled, RequestDelayed, AnswerLost, AnswerDoubled, AnswerDelayed, ConnectionReset,
    AnswerOfAFormerLife,
    // clients
    Dispatched, RetriedById, ThrownLocally, KilledIdle, KilledInFlight, KilledBetweenMarkAndSend, KilledBeforeApply,
    KilledAfterApply, KilledBeforeResolving, KilledMidWrite, KilledMidRewind, KilledMidIdentify, WentOffline, WentOnline, Woken, SlowClient, TokenDenied, TokenHung,
    ClockJumped, CopyTaken, Restored, RestoredBehindTheLog, UnpushedGone, Cloned, ClonedWithQueue, Rebuilt, StorageFailed,
    Held, HeldWithoutBody, ShadowedBehindHeld, ConditionMade, ConditionPushed, Upgraded, UpgradedWhileHeld,
    // the server
    ServerKilledBeforeCommit, ServerKilledAfterCommit, ServerKilledMidWrite, ServerDown, LongPollWaited, LongPollWoken, LongPollExpired,
    LongPollCut, SegmentCut, Refused401, Refused403, Refused413, Refused426, Refused503, CaptivePortal, FalseAck, SegmentForged,
    ResumeForged, FalseVerdict, TokenExpired, RefusedAtLength, PushTooLarge, HoleRefused, Rejected, Conflict, Voided, Erased, Trimmed, Pardoned, DupRow, BackedUp, RolledBack,
    RolledBackSilently, EpochChanged, RolledBackToASibling, Emptied, Regrown, CrossedARollback,
    // what came of it
    ConfirmedInPlace, Rebased, ThrownInRebase, ThrownForGood, Gap, Fenced, NeedsUpgrade, Resuming, Rewound, Renamed, NameKept, Offline, CatchUp,
    Live, LateAnswerDropped, Drained,
}

/// What needs writes to die between.
pub(crate) const MID_WRITE: &[Seen] = &[
    Seen::KilledMidWrite,
    Seen::KilledMidRewind,
    Seen::KilledMidIdentify,
    Seen::ServerKilledMidWrite,
    Seen::StorageFailed,
];

/// How often each thing happened.
#[derive(Debug, Clone)]
pub(crate) struct Counters(Vec<u64>);

impl Default for Counters {
    fn default() -> Self {
        Counters(vec![0; ALL.len()])
    }
}

impl Counters {
    /// It happened.
    pub(crate) fn add(&mut self, what: Seen) {
        self.0[what as usize] += 1;
    }

    /// How often.
    pub(crate) fn of(&self, what: Seen) -> u64 {
        self.0[what as usize]
    }

    /// Adds another run's.
    pub(crate) fn merge(&mut self, other: &Counters) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    /// What never happened.
    pub(crate) fn never(&self) -> Vec<Seen> {
        ALL.iter().copied().filter(|&s| self.of(s) == 0).collect()
    }
}

/// Chances per mille, drawn once for each seed so that quiet and wild worlds are both visited.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    /// A request or answer is lost.
    pub(crate) loss: u64,
    /// It comes twice.
    pub(crate) dup: u64,
    /// It takes long enough to be overtaken.
    pub(crate) delay: u64,
    /// A client dies at a given point.
    pub(crate) kill: u64,
    /// The server dies while it handles a request.
    pub(crate) server_kill: u64,
    /// The server refuses for a reason of its own.
    pub(crate) refuse: u64,
    /// An event has a condition.
    pub(crate) condition: u64,
    /// The server's operators void or erase an event, or announce a trim.
    pub(crate) operate: u64,
    /// The validator says no.
    pub(crate) reject: u64,
    /// A client goes offline or comes back.
    pub(crate) switch: u64,
    /// The server is backed up, put back to such a copy, or emptied.
    pub(crate) rollback: u64,
    /// A client is copied, put back to its copy, or a copy of it goes on as another.
    pub(crate) copy: u64,
    /// The server's rules change for a while: tokens run out, pushes must be small, nobody is let
    /// in.
    pub(crate) regime: u64,
    /// A client gets a newer version of the application.
    pub(crate) upgrade: u64,
    /// Most rows in a segment.
    pub(crate) segment: usize,
    /// The rest of the steps in which someone writes rather than time passing.
    pub(crate) write: u64,
}

impl Rates {
    /// Those of a seed.
    pub(crate) fn draw(dice: &mut Dice) -> Rates {
        let mut up_to = |max: u64| if dice.chance(250) { 0 } else { dice.below(max + 1) };
        Rates {
            loss: up_to(400),
            dup: up_to(400),
            delay: up_to(500),
            kill: up_to(50),
            server_kill: up_to(60),
            refuse: up_to(100),
            reject: up_to(150),
            switch: up_to(40),
            rollback: up_to(30).saturating_sub(8),
            copy: up_to(30).saturating_sub(8),
            regime: up_to(20).saturating_sub(8),
            upgrade: up_to(12).saturating_sub(6),
            condition: up_to(500),
            operate: up_to(24).saturating_sub(8),
            segment: if up_to(2) == 2 { 3 } else { 1000 },
            write: 60 + up_to(340),
        }
    }

    /// A world where nothing goes wrong any more.
    pub(crate) fn healed(&self) -> Rates {
        Rates {
            loss: 0,
            dup: 0,
            delay: 0,
            kill: 0,
            server_kill: 0,
            refuse: 0,
            switch: 0,
            rollback: 0,
            copy: 0,
            regime: 0,
            upgrade: 0,
            condition: 0,
            operate: 0,
            write: 0,
            segment: 1000,
            reject: self.reject,
        }
    }
}
