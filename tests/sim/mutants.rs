//! Rules of the protocol and reactions of the client taken out, to see that somebody notices.
//!
//! The server's rules are bent in [`origin`](super::origin), the replica's in
//! `in_memory`, and the machine's reactions here: it is handed another answer than
//! came.

use super::origin::Origin;
use super::process::Process;
use super::world::World;
use tidelog::sync::chain;
use tidelog::sync::refusal::Refusal;
use tidelog::sync::resume::Resumed;
use tidelog::sync::wire::{Pushed, Segment, to_json};

macro_rules! mutants {
    ($($list:ident { $($(#[$doc:meta])* $name:ident,)* })*) => {
        /// What is left out, or done wrong.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub(crate) enum Mutant {
            /// All rules hold.
            #[default]
            None,
            $($($(#[$doc])* $name,)*)*
        }

        $(pub(crate) const $list: &[Mutant] = &[$(Mutant::$name),*];)*
    };
}

mutants! {
    NOTICED {
        /// Exactly once: the server takes an event it has for a new one.
        NoDedupe,
        /// Numbers without holes: the server takes an event after a hole.
        NoGapCheck,
        /// Exactly once: the server does not keep ids unique.
        NoUniqueId,
        /// One history: the server does not compare the cursor of a push with its history.
        NoAtCheckOnPush,
        /// One history: the same for a pull.
        NoAtCheckOnPull,
        /// One history: the server compares the epoch and not the chain.
        EpochTrusted,
        /// Verdicts stand: the server forgets its verdicts.
        RejectionNotLogged,
        /// Confirmed by id: the client confirms the i-th pending event by the i-th row.
        ConfirmByPosition,
        /// The log alone confirms: an event leaves the queue when a push of it was answered.
        AckTrusted,
        /// One transaction: the client stores its cursor in a transaction of its own.
        CursorNotAtomic,
        /// Nothing is lost with a server: own events that a server lost are not offered again.
        OwnNotOffered,
        /// The queue only grows till confirmed: the client drops its queue when the server says no.
        PendingDropped,
        /// The same: it drops its queue when it goes back.
        PendingDroppedOnReset,
        /// On a segment: one that does not begin at the cursor is applied.
        MisfitSegmentApplied,
        /// Held events wait: an event of a newer version is passed over.
        HeldPassedOver,
        /// Conditions: the server does not look.
        ConditionUnchecked,
        /// Conditions: the author's own events count, under whatever name.
        OwnEventsCounted,
        /// Conditions: the author's former names are not heeded.
        NamesUnheeded,
        /// Conditions: a body that was erased does not match.
        ErasedUnmatched,
        /// Conditions: what lies below a trim is not there.
        TrimUnheeded,
        /// Conditions: the client does not tell its former names.
        NamesNotTold,
        /// Conditions: after a rollback the client still looks back to where it had read.
        SinceNotLowered,
        /// Conditions: an event that had been confirmed is offered with its condition.
        ConditionOffered,
        /// Rows of the server: the state is not made anew without what they strike out.
        StruckReplayed,
        /// Rows of the server: the state stays as it was when one strikes an event out.
        StruckNotRebuilt,
        /// Rows of the server: a replica that is held at such an event stays so.
        StruckNotPassed,
        /// Rows of the server: an event without its body is passed over before anything says why.
        BarePassedOver,
        /// Rows of the server: an erased event keeps its effect.
        ErasedApplied,
        /// Rows of the server: the client goes back to where it has neither body nor row.
        ErasedPointsKept,
        /// On a version: the server answers any version.
        AnyVersionTaken,
        /// On a segment: one whose chain does not hold is applied.
        ChainUnchecked,
        /// On a fork: nobody else is ever seen under the own name.
        ForkUnseen,
        /// On a fork: the server's word on it is not heeded.
        ForkAnswerIgnored,
        /// On diverged: it is tried again later.
        DivergedIgnored,
        /// On diverged: own events are offered again in the wrong order.
        OwnOutOfOrder,
        /// On diverged: the name is kept though the numbers have holes.
        HolesKept,
        /// On 401: no new token is asked for.
        TokenNotRenewed,
        /// On 403: it is tried again later.
        ForbiddenNotFenced,
        /// On 413: the batch is sent again as it was.
        BatchNotHalved,
        /// On 426: it is tried again later.
        UpgradeNotHeeded,
        /// On 429 and 503: it is tried again at once.
        NoBackOff,
        /// The same: when to come back is not heeded.
        RetryMsIgnored,
    }
    AMONG_GATEWAYS {
        /// Appending: a message of another history is taken.
        HistoryUnchecked,
        /// Appending: a duplicate is one only where it was known when it was decided.
        DupDecidedOnly,
        /// Appending and publishing: nobody looks whether a message follows the client's last.
        NothingCompared,
    }
    HARMLESS_AMONG_GATEWAYS {
        /// Publishing without a compare. What does not follow is left out when it is appended.
        NoCompare,
        /// Appending whatever number comes. The compare keeps it out of the stream.
        NumberUnchecked,
        /// Appending for whoever comes. A client that somebody else has, has a number as well.
        OwnerUnchecked,
    }
    HARMLESS {
        /// On a gap: taken for a yes. Acks are hints.
        GapTakenForYes,
        /// On a gap: lost numbers are not seen by `last` and `expect`. The chain tells before they
        /// do.
        LostNumbersUnseen,
        /// On a fork: an unknown id in the log under the own name is not seen. `last` or the
        /// answer to a push tells.
        UnknownOwnIdUnseen,
        /// On a fork: that `last` is above the own count is not seen. The rows themselves tell.
        LastAboveTopUnseen,
        /// On a fork: renamed before all is read. Ids are unique, and `at` is checked.
        RenamedBeforeHead,
        /// On diverged: pushed before all up to `asof` is read. The same.
        PushedBeforeAsof,
        /// On diverged: pending events are numbered anew under the old name. The same.
        RenumberedInPlace,
    }
}

impl Mutant {
    /// Whether the plan's word on unknown ids under the own name is kept from the machine.
    pub(crate) fn is_blind(self) -> bool {
        matches!(self, Mutant::ForkUnseen | Mutant::UnknownOwnIdUnseen)
    }
}

impl<P: Process, O: Origin> World<P, O> {
    /// The answer as client `i` gets to see it; `pushed` is the last number of the push that it
    /// answers.
    pub(crate) fn bend(
        &mut self,
        i: usize,
        status: u16,
        body: &str,
        pushed: Option<u64>,
    ) -> (u16, String) {
        let same = || (status, body.to_string());
        if self.mutant == Mutant::None {
            return same();
        }
        if status == 200 {
            return self.bend_segment(i, body, pushed).map_or_else(same, |body| (200, body));
        }
        let busy = (503, String::new());
        let process = &mut self.nodes[i].process;
        let refusal = Refusal::parse(status, body);
        match (self.mutant, refusal) {
            (Mutant::PendingDropped, _) => process.drop_pending(u64::MAX),
            (Mutant::GapTakenForYes, Refusal::Gap { .. }) => {
                return (200, "{\"p\":2,\"segment\":null}".into());
            }
            (Mutant::LostNumbersUnseen, Refusal::Gap { .. }) => {
                let expect = process.numbers().1;
                return (409, Refusal::Gap { expect }.to_json().unwrap_or_default());
            }
            (Mutant::ForkUnseen | Mutant::ForkAnswerIgnored, Refusal::Fork { .. }) => return busy,
            (Mutant::DivergedIgnored, Refusal::Diverged { .. }) => return busy,
            (Mutant::TokenNotRenewed, Refusal::Token) => return busy,
            (Mutant::ForbiddenNotFenced, Refusal::Forbidden(_)) => return busy,
            (Mutant::BatchNotHalved, Refusal::TooLarge { .. }) => return busy,
            (Mutant::UpgradeNotHeeded, Refusal::Upgrade { .. }) => return busy,
            (Mutant::RetryMsIgnored, Refusal::Busy { .. }) => return busy,
            _ => {}
        }
        same()
    }

    /// The same for an answer with a segment, or with where histories part.
    fn bend_segment(&mut self, i: usize, body: &str, pushed: Option<u64>) -> Option<String> {
        if let (Mutant::PushedBeforeAsof, Ok(mut resumed)) = (self.mutant, Resumed::parse(body)) {
            resumed.asof = resumed.common?;
            return to_json(&resumed).ok();
        }
        if let Ok(mut segment) = Segment::parse(body) {
            self.spoil(i, &mut segment);
            return to_json(&segment).ok();
        }
        let mut answer = Pushed::parse(body).ok()?;
        if let (Mutant::AckTrusted, Some(n)) = (self.mutant, pushed) {
            self.nodes[i].process.drop_pending(n);
        }
        self.spoil(i, answer.segment.as_mut()?);
        to_json(&answer).ok()
    }

    fn spoil(&self, i: usize, segment: &mut Segment) {
        let process = &self.nodes[i].process;
        let (top, confirmed) = process.numbers();
        match self.mutant {
            Mutant::MisfitSegmentApplied if segment.from != process.cursor().point() => {
                segment.from = process.cursor().point();
                segment.to = chain::fold(segment.from, &segment.entries);
                segment.head = segment.head.max(segment.to.seq);
            }
            Mutant::ChainUnchecked if segment.from == process.cursor().point() => {
                segment.to = chain::fold(segment.from, &segment.entries);
            }
            Mutant::LostNumbersUnseen if segment.last.map_or(0, |l| l.n) < confirmed => {
                segment.last = segment.last.or(segment
                    .entries
                    .first()
                    .map(|entry| tidelog::sync::wire::Last { n: 0, id: entry.id }));
                segment.last.iter_mut().for_each(|l| l.n = confirmed);
            }
            Mutant::ForkUnseen | Mutant::LastAboveTopUnseen => {
                segment.last.iter_mut().for_each(|l| l.n = l.n.min(top));
            }
            Mutant::RenamedBeforeHead => segment.head = segment.to.seq,
            _ => {}
        }
    }
}
