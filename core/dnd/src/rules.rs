//! What begins and what ends a reason (R15–R24). Every door (API, console, import, webhooks, policies) comes
//! through these functions (R26).

use crate::{
    evidence::{self, Evidence},
    reason::{AddressKey, Blocks, Lock, Reason, ReasonKind, reporter},
    release::Release,
};
use dndgate_adapter::{Channel, suppressions::Listing};
use jiff::Timestamp;
use serde::Serialize;

/// Something that turns DND on (R15–R19).
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// The kind of reason it begins.
    pub kind: ReasonKind,
    /// What it blocks.
    pub blocks: Blocks,
    /// The address that it came from or concerns; none for what an operator sets on a contact.
    pub origin: Option<AddressKey>,
    /// See [`Reason::permanent`].
    pub permanent: bool,
    /// The provider's code.
    pub code: Option<String>,
    /// In plain words.
    pub message: String,
    /// Where it comes from.
    pub source: String,
    /// Who caused it.
    pub actor: String,
    /// When, by the provider's clock where it has one.
    pub at: Timestamp,
    /// When the reason ends by itself, by the policy. Heeded only where that may be.
    pub expires: Option<Timestamp>,
}

impl Cause {
    /// When its reason ends by itself: never what is permanent, never what a person said or an operator set.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires.filter(|_| self.kind.may_expire() && !self.permanent)
    }

    /// Is it over already? A report that comes so late begins nothing (R30).
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires().is_some_and(|at| at <= now)
    }
}

/// The reason that a cause begins on a subject with these reasons, or `None` when an equal or stronger one
/// is alive: a repetition changes nothing, and a weaker cause never weakens.
pub fn begin(reasons: &[Reason], cause: &Cause, id: impl FnOnce() -> String) -> Option<Reason> {
    let known = reasons.iter().any(|reason| reason.is_live() && covers(reason, cause));
    (!known).then(|| Reason {
        id: id(),
        kind: cause.kind,
        blocks: cause.blocks,
        origin: cause.origin.clone(),
        permanent: cause.permanent,
        code: cause.code.clone(),
        message: cause.message.clone(),
        source: cause.source.clone(),
        actor: cause.actor.clone(),
        began: cause.at,
        repeated: None,
        expires: cause.expires(),
        ended: None,
    })
}

/// Is it the same, and no weaker? A complaint is whose it is: each that reported one must let it go (R21).
fn covers(reason: &Reason, cause: &Cause) -> bool {
    reason.kind == cause.kind
        && reason.blocks == cause.blocks
        && reason.origin == cause.origin
        && reason.code == cause.code
        && (reason.kind != ReasonKind::Complaint || reporter(&reason.source) == reporter(&cause.source))
        && (reason.permanent || !cause.permanent)
}

/// Do two reasons say the same, on a contact and on its address, so that they count once? A complaint is whose it is:
/// of two reporters neither speaks for the other (R21).
pub fn is_twin(one: &Reason, other: &Reason) -> bool {
    (one.kind, one.blocks, one.permanent, one.is_live())
        == (other.kind, other.blocks, other.permanent, other.is_live())
        && one.origin == other.origin
        && one.code == other.code
        && (one.kind != ReasonKind::Complaint || reporter(&one.source) == reporter(&other.source))
}

/// The live reasons that a cause says again, later than ever before or for longer. They stay as they are, but what
/// came in between ends them no more: an older START, evidence that was recorded before (R22, R30), an earlier end by
/// expiry.
pub fn repeated<'a>(reasons: &'a [Reason], cause: &'a Cause) -> impl Iterator<Item = &'a Reason> {
    reasons.iter().filter(|reason| {
        reason.is_live()
            && covers(reason, cause)
            && (reason.last_said() < cause.at || later(reason.expires, cause.expires()) != reason.expires)
    })
}

/// The later of two ends; none is later than any.
pub fn later(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.zip(other).map(|(one, other)| one.max(other))
}

/// The reasons that are over by now: an end of its own kind, by the policy's clock and nobody's word.
pub fn expired(reasons: &[Reason], now: Timestamp) -> impl Iterator<Item = &Reason> {
    reasons.iter().filter(move |reason| reason.is_live() && reason.expires.is_some_and(|at| at <= now))
}

/// Which reasons an opt-in reply from `origin` on `channel` at `at` ends (R23): what that number itself
/// stopped there, no newer than the reply (R30).
pub fn opt_in<'a>(
    reasons: &'a [Reason],
    channel: Channel,
    origin: &'a AddressKey,
    at: Timestamp,
) -> impl Iterator<Item = &'a Reason> {
    reasons.iter().filter(move |reason| {
        reason.is_live()
            && reason.kind.ends_by_opt_in()
            && reason.blocks == Blocks::Channel(channel)
            && reason.origin.as_ref() == Some(origin)
            && reason.last_said() <= at
    })
}

/// What an operator wants to end (R20, R24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lift {
    /// Everything that blocks one channel.
    Channel(Channel),
    /// The switch for all channels, and nothing else (R24).
    AllSwitch,
    /// The switch, and on every channel whatever may be ended (R24, "asked for by name").
    Everything,
    /// The block of inbound calls and SMS (R4).
    Inbound,
}

/// What comes of a wish to end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lifted {
    /// Ids of the reasons that end.
    pub ends: Vec<String>,
    /// What stays in the way, and what each would need.
    pub stays: Vec<Stays>,
}

/// A reason that stays.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stays {
    /// What it blocks: a channel's name, `all` or `inbound`.
    pub blocks: &'static str,
    /// Its kind.
    pub kind: ReasonKind,
    /// What would be needed, in plain words.
    pub how: &'static str,
}

/// What opens locked reasons, as far as it is there.
#[derive(Debug, Clone, Copy)]
pub struct Proofs<'a> {
    /// Evidence of opt-ins; it opens what the person closed before it was recorded (R22).
    pub evidence: &'a [Evidence],
    /// Releases of addresses that were marked as spam (R21).
    pub releases: &'a [Release],
    /// Now.
    pub now: Timestamp,
}

/// Decides an operator's wish (R20–R24).
pub fn lift(reasons: &[Reason], wish: &Lift, proofs: &Proofs<'_>) -> Lifted {
    let mut lifted = Lifted::default();
    for reason in reasons.iter().filter(|reason| reason.is_live()) {
        let wanted = match wish {
            Lift::Channel(channel) => reason.blocks.channels().has(*channel),
            // A switch that came with an import (R25) is the same switch.
            Lift::AllSwitch => {
                reason.kind == ReasonKind::All
                    || reason.kind == ReasonKind::Import && reason.blocks == Blocks::AllChannels
            }
            Lift::Everything => reason.blocks != Blocks::Inbound,
            Lift::Inbound => reason.blocks == Blocks::Inbound,
        };
        if !wanted {
            continue;
        }
        match needs(reason, wish, proofs) {
            None => lifted.ends.push(reason.id.clone()),
            Some(how) => {
                let stays = Stays { blocks: reason.blocks.name(), kind: reason.kind, how };
                if !lifted.stays.contains(&stays) {
                    lifted.stays.push(stays);
                }
            }
        }
    }
    lifted
}

/// What ending this reason by this wish would need, or `None` when it may end.
fn needs(reason: &Reason, wish: &Lift, proofs: &Proofs<'_>) -> Option<&'static str> {
    if reason.blocks == Blocks::AllChannels && matches!(wish, Lift::Channel(_)) {
        return Some("all channels are switched off: switch that off first (dnd: false)");
    }
    match reason.lock()? {
        Lock::OptIn => evidence::needed(reason, proofs.evidence, proofs.now),
        Lock::EmailRelease => {
            let of_it = |one: &&Release| {
                reason.origin.as_ref() == Some(&one.address) && one.began >= reason.last_said()
            };
            let open = proofs.releases.iter().filter(of_it).any(|one| one.is_open(proofs.now));
            (!open).then(|| Lock::EmailRelease.how())
        }
    }
}

/// The kind of reason that an entry on a provider's suppression list stands for.
pub const fn listed(listing: Listing) -> ReasonKind {
    match listing {
        Listing::Bounce => ReasonKind::Bounce,
        Listing::Unsubscribe => ReasonKind::Unsubscribe,
        Listing::Complaint => ReasonKind::Complaint,
    }
}

/// Is an entry on a provider's list known here already? What blocks Email for the address says so much, but a
/// complaint must be known as one: it is locked, and nothing else stands in for it (R21).
pub fn knows(reasons: &[Reason], listing: Listing) -> bool {
    reasons.iter().any(|reason| {
        reason.is_live()
            && reason.blocks.channels().has(Channel::Email)
            && (listing != Listing::Complaint || reason.kind == ReasonKind::Complaint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Standing;
    use dndgate_adapter::AddressKind;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn phone() -> AddressKey {
        AddressKey { kind: AddressKind::Phone, key: "+14155550100".into() }
    }

    fn cause(kind: ReasonKind, blocks: Blocks, permanent: bool) -> Cause {
        Cause {
            kind,
            blocks,
            origin: Some(phone()),
            permanent,
            code: None,
            message: String::new(),
            source: "test".into(),
            actor: "test".into(),
            at: at(100),
            expires: None,
        }
    }

    fn reason(kind: ReasonKind, blocks: Blocks, permanent: bool) -> Reason {
        begin(&[], &cause(kind, blocks, permanent), || format!("{kind}-{}", blocks.name()))
            .expect("first of its kind")
    }

    const NONE: Proofs<'_> = Proofs { evidence: &[], releases: &[], now: Timestamp::MAX };

    fn recorded(channel: Channel, second: i64) -> Evidence {
        let recorded_at = at(second);
        Evidence { channel, recorded_at, standing: Standing::Approved, counts_from: Some(recorded_at) }
    }

    const SMS: Blocks = Blocks::Channel(Channel::Sms);
    const EMAIL: Blocks = Blocks::Channel(Channel::Email);
    const FB: Blocks = Blocks::Channel(Channel::Fb);

    #[test]
    fn r1_reasons_stand_side_by_side_and_repetitions_change_nothing() {
        let keyword = reason(ReasonKind::Keyword, SMS, false);
        let have = [keyword];
        assert_eq!(begin(&have, &cause(ReasonKind::Keyword, SMS, false), || "x".into()), None);
        assert!(begin(&have, &cause(ReasonKind::Manual, SMS, false), || "x".into()).is_some());
        assert!(begin(&have, &cause(ReasonKind::Keyword, FB, false), || "x".into()).is_some());
    }

    #[test]
    fn r19_a_weaker_cause_never_weakens() {
        let permanent = [reason(ReasonKind::Carrier, SMS, true)];
        assert_eq!(begin(&permanent, &cause(ReasonKind::Carrier, SMS, false), || "x".into()), None);
        let temporary = [reason(ReasonKind::Carrier, SMS, false)];
        assert!(begin(&temporary, &cause(ReasonKind::Carrier, SMS, true), || "x".into()).is_some());
    }

    #[test]
    fn r19_only_a_failure_that_passes_expires() {
        for kind in ReasonKind::ALL {
            for permanent in [false, true] {
                let cause = Cause { expires: Some(at(500)), ..cause(kind, SMS, permanent) };
                let begun = begin(&[], &cause, || "1".into()).expect("the first");
                let passes = matches!(kind, ReasonKind::Carrier | ReasonKind::Bounce) && !permanent;
                assert_eq!(begun.expires.is_some(), passes, "{kind} {permanent}");
                assert_eq!(cause.is_over(at(500)), passes, "{kind} {permanent}");
                assert!(!cause.is_over(at(499)));
                assert_eq!(expired(&[begun], Timestamp::MAX).count(), usize::from(passes));
            }
        }
    }

    #[test]
    fn r19_r30_a_later_report_puts_the_end_off_and_none_brings_it_forward() {
        let carrier = |said, expires: Option<i64>| Cause {
            at: at(said),
            expires: expires.map(at),
            ..cause(ReasonKind::Carrier, SMS, false)
        };
        let begun = begin(&[], &carrier(100, Some(400)), || "1".into()).expect("the first");
        let known = [begun];
        assert_eq!(expired(&known, at(399)).count(), 0);
        assert_eq!(expired(&known, at(400)).count(), 1);
        for (said, expires, counts) in [
            (100, Some(400), false),
            (90, Some(390), false),
            (200, Some(500), true),
            (90, Some(500), true),
            (90, None, true),
        ] {
            let again = carrier(said, expires);
            assert_eq!(begin(&known, &again, || "2".into()), None, "{said} {expires:?}");
            assert_eq!(repeated(&known, &again).count() == 1, counts, "{said} {expires:?}");
        }
        assert_eq!(later(Some(at(1)), Some(at(2))), Some(at(2)));
        assert_eq!(later(Some(at(1)), None), None, "without end is later than any end");
        let endless = [begin(&[], &carrier(100, None), || "1".into()).expect("the first")];
        assert_eq!(repeated(&endless, &carrier(100, Some(400))).count(), 0, "it gets no end afterwards");
    }

    /// R20–R22 as a table: kind, blocked, permanent → may an operator end it without more ado?
    #[test]
    fn r20_r21_r22_who_may_end_what() {
        use ReasonKind::*;
        for (kind, blocks, permanent, free) in [
            (Manual, SMS, false, true),
            (All, Blocks::AllChannels, false, true),
            (Propagated, SMS, false, true),
            (Carrier, SMS, false, true),
            (Carrier, SMS, true, false),
            (Bounce, EMAIL, true, true),
            (Unsubscribe, EMAIL, false, true),
            (Import, SMS, false, true),
            (Import, SMS, true, false),
            (Keyword, SMS, false, false),
            (Keyword, FB, false, true),
            (Keyword, EMAIL, false, true),
            (Keyword, Blocks::Channel(Channel::WhatsApp), false, true),
            (ProviderOptOut, SMS, false, false),
            (ProviderOptOut, Blocks::Channel(Channel::WhatsApp), false, true),
            (Complaint, EMAIL, false, false),
        ] {
            let reasons = [reason(kind, blocks, permanent)];
            let wish = match blocks {
                Blocks::Channel(channel) => Lift::Channel(channel),
                _ => Lift::AllSwitch,
            };
            let lifted = lift(&reasons, &wish, &NONE);
            assert_eq!(lifted.ends.len() == 1, free, "{kind} on {}", blocks.name());
            assert_eq!(lifted.stays.is_empty(), free, "{kind} on {}", blocks.name());
        }
    }

    #[test]
    fn r21_a_complaint_is_whose_it_is() {
        let told =
            |source: &str| Cause { source: source.into(), ..cause(ReasonKind::Complaint, EMAIL, false) };
        let first = begin(&[], &told("webhook:mailgun event 1 request 2"), || "1".into()).expect("the first");
        let known = [first];
        for (source, is_new) in [
            ("webhook:mailgun event 3 request 4", false),
            ("reconciliation:mailgun complaints run 5", false),
            ("webhook:sendgrid event 1 request 2", true),
            ("import:complaints.csv", true),
        ] {
            assert_eq!(begin(&known, &told(source), || "2".into()).is_some(), is_new, "{source}");
        }
        let said = |source: &str| begin(&[], &told(source), || "1".into()).expect("the first");
        let by_mailgun = said("webhook:mailgun event 1");
        assert!(is_twin(&by_mailgun, &said("webhook:mailgun event 2")));
        assert!(!is_twin(&by_mailgun, &said("webhook:sendgrid event 1")), "each has to let it go");
        let bounce =
            |source: &str| Cause { source: source.into(), ..cause(ReasonKind::Bounce, EMAIL, false) };
        let known = [begin(&[], &bounce("webhook:mailgun event 1"), || "1".into()).expect("the first")];
        assert!(begin(&known, &bounce("webhook:sendgrid event 1"), || "2".into()).is_none());
    }

    #[test]
    fn r22_evidence_opens_what_was_closed_before_it() {
        let reasons = [reason(ReasonKind::Keyword, SMS, false)];
        let wish = Lift::Channel(Channel::Sms);
        let with =
            |second| lift(&reasons, &wish, &Proofs { evidence: &[recorded(Channel::Sms, second)], ..NONE });
        assert_eq!(with(100).ends.len(), 1);
        assert_eq!(with(99).ends.len(), 0, "an opt-out after the evidence needs new evidence");
    }

    /// R22 as a table: standing, from when it counts → does it open at second 200?
    #[test]
    fn r22_only_approved_evidence_after_its_cool_down_opens() {
        let reasons = [reason(ReasonKind::Keyword, SMS, false)];
        for (standing, counts_from, opens, says) in [
            (Standing::Approved, Some(200), true, ""),
            (Standing::Approved, Some(201), false, "cool-down"),
            (Standing::Pending, None, false, "second person"),
            (Standing::Rejected, Some(100), false, "START"),
        ] {
            let counts_from = counts_from.map(at);
            let evidence = [Evidence { standing, counts_from, ..recorded(Channel::Sms, 150) }];
            let proofs = Proofs { evidence: &evidence, now: at(200), ..NONE };
            let lifted = lift(&reasons, &Lift::Channel(Channel::Sms), &proofs);
            assert_eq!(lifted.ends.len() == 1, opens, "{standing:?}");
            assert!(lifted.stays.iter().all(|one| one.how.contains(says)), "{standing:?}: {lifted:?}");
        }
    }

    #[test]
    fn r30_what_is_said_again_counts_from_then() {
        let mut said = reason(ReasonKind::Keyword, SMS, false);
        let again = Cause { at: at(300), ..cause(ReasonKind::Keyword, SMS, false) };
        assert_eq!(begin(std::slice::from_ref(&said), &again, || "x".into()), None, "no second reason");
        assert_eq!(repeated(std::slice::from_ref(&said), &again).count(), 1);
        said.repeated = Some(at(300));
        let have = [said];
        assert_eq!(repeated(&have, &again).count(), 0, "the same event once more");
        let start = |second| opt_in(&have, Channel::Sms, &phone(), at(second)).count();
        assert_eq!((start(200), start(300)), (0, 1), "a START between the two came too early");
        let proven = |second| {
            let proofs = Proofs { evidence: &[recorded(Channel::Sms, second)], ..NONE };
            lift(&have, &Lift::Channel(Channel::Sms), &proofs).ends.len()
        };
        assert_eq!((proven(200), proven(300)), (0, 1), "r22: so did evidence");
        assert_eq!(have[0].began, at(100), "it began when it began");
    }

    #[test]
    fn r21_evidence_does_not_open_a_complaint() {
        let reasons = [reason(ReasonKind::Complaint, EMAIL, false)];
        let proofs = Proofs { evidence: &[recorded(Channel::Email, 1000)], ..NONE };
        assert!(lift(&reasons, &Lift::Channel(Channel::Email), &proofs).ends.is_empty());
    }

    #[test]
    fn r21_a_complaint_ends_by_an_open_release_of_its_own_address_that_began_after_it() {
        let reasons = [reason(ReasonKind::Complaint, EMAIL, false)];
        let ends = |address: AddressKey, began: i64, open_until: Option<i64>, now: i64| {
            let release = Release { open_until: open_until.map(at), ..Release::new(address, at(began)) };
            let proofs = Proofs { releases: &[release], now: at(now), ..NONE };
            !lift(&reasons, &Lift::Channel(Channel::Email), &proofs).ends.is_empty()
        };
        let other = AddressKey { kind: AddressKind::Phone, key: "+14155550101".into() };
        assert!(ends(phone(), 100, Some(200), 200));
        assert!(!ends(phone(), 100, Some(200), 201), "its last reading is too old");
        assert!(!ends(phone(), 100, None, 150), "something is missing");
        assert!(!ends(phone(), 99, Some(200), 150), "the complaint came after");
        assert!(!ends(other, 100, Some(200), 150), "another address");
    }

    #[test]
    fn r23_start_ends_what_that_number_stopped_there_and_nothing_else() {
        let whatsapp = Blocks::Channel(Channel::WhatsApp);
        let reasons = [
            reason(ReasonKind::Keyword, SMS, false),
            reason(ReasonKind::ProviderOptOut, SMS, false),
            reason(ReasonKind::Carrier, SMS, true),
            reason(ReasonKind::Manual, SMS, false),
            reason(ReasonKind::All, Blocks::AllChannels, false),
            reason(ReasonKind::Propagated, SMS, false),
            reason(ReasonKind::Keyword, whatsapp, false),
        ];
        let ids = |origin: &AddressKey, second| -> Vec<String> {
            opt_in(&reasons, Channel::Sms, origin, at(second)).map(|reason| reason.id.clone()).collect()
        };
        assert_eq!(ids(&phone(), 100), ["keyword-SMS", "provider_opt_out-SMS", "carrier-SMS"]);
        let other = AddressKey { kind: AddressKind::Phone, key: "+14155550101".into() };
        assert!(ids(&other, 100).is_empty(), "from a number that never stopped");
        assert!(ids(&phone(), 99).is_empty(), "r30: an older lift never undoes a newer block");
    }

    #[test]
    fn r24_the_switch_ends_itself_alone() {
        let reasons = [
            reason(ReasonKind::All, Blocks::AllChannels, false),
            reason(ReasonKind::Manual, SMS, false),
            reason(ReasonKind::Keyword, SMS, false),
        ];
        assert_eq!(lift(&reasons, &Lift::AllSwitch, &NONE).ends, ["all-all"]);
        let imported =
            [reason(ReasonKind::Import, Blocks::AllChannels, false), reason(ReasonKind::Import, SMS, false)];
        assert_eq!(
            lift(&imported, &Lift::AllSwitch, &NONE).ends,
            ["import-all"],
            "r25: the switch as imported"
        );
        let everything = lift(&reasons, &Lift::Everything, &NONE);
        assert_eq!(everything.ends, ["all-all", "manual-SMS"]);
        assert_eq!(everything.stays.len(), 1);
        let single = lift(&reasons, &Lift::Channel(Channel::Sms), &NONE);
        assert_eq!(single.stays.len(), 2, "the switch and the keyword are both in the way");
    }
}
