//! What follows from reasons: the state of a channel, of a contact, and the verdict on a send. Nothing here
//! is ever stored (R1, R3).

use crate::reason::{Blocks, Reason, ReasonKind};
use dndgate_adapter::{Channel, Channels};
use serde::{Deserialize, Serialize};

/// The state of a channel as the API shows it (R1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// No live reason.
    Inactive,
    /// Every live reason is one that an operator may end.
    Active,
    /// Some live reason is locked.
    Permanent,
}

impl Status {
    /// The name on the API.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Inactive => "inactive",
            Status::Active => "active",
            Status::Permanent => "permanent",
        }
    }
}

/// A contact's overall status (R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DndStatus {
    /// Every listed channel is blocked.
    On,
    /// None is.
    Off,
    /// Some are.
    Partial,
}

/// One channel's live reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelState<'a> {
    /// The state.
    pub status: Status,
    /// The live reasons, the one to name first.
    pub reasons: Vec<&'a Reason>,
}

/// The state of one channel from all of a contact's reasons, its addresses' included.
pub fn channel(reasons: &[Reason], channel: Channel) -> ChannelState<'_> {
    state_of(reasons, |blocks| blocks.channels().has(channel))
}

/// The state of the inbound block (R4).
pub fn inbound(reasons: &[Reason]) -> ChannelState<'_> {
    state_of(reasons, |blocks| blocks == Blocks::Inbound)
}

fn state_of(reasons: &[Reason], concerns: impl Fn(Blocks) -> bool) -> ChannelState<'_> {
    let mut live: Vec<&Reason> =
        reasons.iter().filter(|reason| reason.is_live() && concerns(reason.blocks)).collect();
    live.sort_by_key(|reason| (reason.lock().is_none(), rank(reason.kind), reason.began));
    let status = match live.first() {
        None => Status::Inactive,
        Some(first) if first.lock().is_some() => Status::Permanent,
        Some(_) => Status::Active,
    };
    ChannelState { status, reasons: live }
}

/// The overall status from the blocked and the listed channels (R3). With no channel listed, what is blocked
/// counts against all.
pub fn overall(blocked: Channels, listed: Channels) -> DndStatus {
    let listed = if listed.is_empty() { Channels::ALL } else { listed };
    let hit = blocked.common(listed);
    if hit == listed {
        DndStatus::On
    } else if blocked.is_empty() {
        DndStatus::Off
    } else {
        DndStatus::Partial
    }
}

/// The order in which reasons are named when several are alive: what the person did before what a machine
/// or an operator did.
const fn rank(kind: ReasonKind) -> u8 {
    match kind {
        ReasonKind::Complaint => 0,
        ReasonKind::Keyword => 1,
        ReasonKind::ProviderOptOut => 2,
        ReasonKind::Unsubscribe => 3,
        ReasonKind::Carrier => 4,
        ReasonKind::Bounce => 5,
        ReasonKind::All => 6,
        ReasonKind::Manual => 7,
        ReasonKind::Import => 8,
        ReasonKind::Propagated => 9,
        ReasonKind::Policy => 10,
    }
}

const BY_RANK: [ReasonKind; 11] = [
    ReasonKind::Complaint,
    ReasonKind::Keyword,
    ReasonKind::ProviderOptOut,
    ReasonKind::Unsubscribe,
    ReasonKind::Carrier,
    ReasonKind::Bounce,
    ReasonKind::All,
    ReasonKind::Manual,
    ReasonKind::Import,
    ReasonKind::Propagated,
    ReasonKind::Policy,
];

/// What an address is protected from, in four bytes: for each channel four bits that hold 0 or the reason to
/// name plus one, and a bit for inbound (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Suppressed(u32);

impl Suppressed {
    /// Protected from nothing.
    pub const NONE: Suppressed = Suppressed(0);
    const INBOUND: u32 = 1 << 24;

    /// What these reasons protect an address from.
    pub fn by<'a>(reasons: impl IntoIterator<Item = &'a Reason>) -> Suppressed {
        let mut all = Suppressed::NONE;
        for reason in reasons.into_iter().filter(|reason| reason.is_live()) {
            all = all.with(Suppressed::one(reason.kind, reason.blocks));
        }
        all
    }

    /// What one reason protects from.
    pub fn one(kind: ReasonKind, blocks: Blocks) -> Suppressed {
        if blocks == Blocks::Inbound {
            return Suppressed(Suppressed::INBOUND);
        }
        let code = u32::from(rank(kind)) + 1;
        Suppressed(blocks.channels().iter().fold(0, |bits, channel| bits | code << (4 * channel as u32)))
    }

    /// Both together; the reason to name first wins on each channel.
    #[must_use]
    pub fn with(self, other: Suppressed) -> Suppressed {
        let mut bits = (self.0 | other.0) & Suppressed::INBOUND;
        for channel in Channel::ALL {
            let (ours, theirs) = (self.code(channel), other.code(channel));
            let code = if ours == 0 || theirs == 0 { ours | theirs } else { ours.min(theirs) };
            bits |= code << (4 * channel as u32);
        }
        Suppressed(bits)
    }

    const fn code(self, channel: Channel) -> u32 {
        self.0 >> (4 * channel as u32) & 0xf
    }

    /// The reason to name when a send on this channel is blocked.
    pub fn reason(self, channel: Channel) -> Option<ReasonKind> {
        match self.code(channel) {
            0 => None,
            code => BY_RANK.get(code as usize - 1).copied().or(Some(ReasonKind::Policy)),
        }
    }

    /// The first blocked channel among those that all must be free, with its reason (R9).
    pub fn verdict(self, channels: Channels) -> Option<(Channel, ReasonKind)> {
        if self.0 & !Suppressed::INBOUND == 0 {
            return None;
        }
        channels.iter().find_map(|channel| self.reason(channel).map(|kind| (channel, kind)))
    }

    /// The blocked channels.
    pub fn channels(self) -> Channels {
        Channel::ALL.into_iter().filter(|channel| self.code(*channel) != 0).collect()
    }

    /// Are inbound calls and SMS blocked (R4)?
    pub const fn inbound(self) -> bool {
        self.0 & Suppressed::INBOUND != 0
    }

    /// Protected from nothing?
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The raw bits, for the cache.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// From raw bits.
    pub const fn from_bits(bits: u32) -> Suppressed {
        Suppressed(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::AddressKey;
    use dndgate_adapter::AddressKind;
    use proptest::prelude::*;

    fn reason(kind: ReasonKind, blocks: Blocks) -> Reason {
        Reason {
            id: String::new(),
            kind,
            blocks,
            origin: Some(AddressKey { kind: AddressKind::Phone, key: "+14155550100".into() }),
            permanent: false,
            code: None,
            message: String::new(),
            source: String::new(),
            actor: String::new(),
            began: jiff::Timestamp::UNIX_EPOCH,
            repeated: None,
            expires: None,
            ended: None,
        }
    }

    #[test]
    fn ranks_and_kinds_agree() {
        for kind in ReasonKind::ALL {
            assert_eq!(BY_RANK[rank(kind) as usize], kind);
        }
    }

    #[test]
    fn r1_the_shown_state_is_derived() {
        let mut reasons = vec![
            reason(ReasonKind::Manual, Blocks::Channel(Channel::Sms)),
            reason(ReasonKind::Keyword, Blocks::Channel(Channel::Sms)),
        ];
        let state = channel(&reasons, Channel::Sms);
        assert_eq!((state.status, state.reasons[0].kind), (Status::Permanent, ReasonKind::Keyword));
        reasons[1].ended = Some(crate::reason::Ended {
            at: jiff::Timestamp::UNIX_EPOCH,
            by: String::new(),
            why: String::new(),
        });
        assert_eq!(channel(&reasons, Channel::Sms).status, Status::Active);
        assert_eq!(channel(&reasons, Channel::Email).status, Status::Inactive);
    }

    #[test]
    fn r2_all_blocks_every_channel() {
        let all = Suppressed::by(&[reason(ReasonKind::All, Blocks::AllChannels)]);
        assert_eq!(all.channels(), Channels::ALL);
        assert!(!all.inbound(), "r4: inbound is separate");
    }

    #[test]
    fn r3_overall_status() {
        let listed: Channels = [Channel::Sms, Channel::Email].into_iter().collect();
        assert_eq!(overall(Channels::NONE, listed), DndStatus::Off);
        assert_eq!(overall(Channel::Sms.into(), listed), DndStatus::Partial);
        assert_eq!(overall(Channels::ALL, listed), DndStatus::On);
        assert_eq!(overall(Channel::Fb.into(), listed), DndStatus::Partial, "blocked though not listed");
    }

    #[test]
    fn r4_inbound_is_no_outbound_block() {
        let inbound = Suppressed::by(&[reason(ReasonKind::Manual, Blocks::Inbound)]);
        assert!(inbound.inbound());
        assert_eq!(inbound.verdict(Channels::ALL), None);
    }

    #[test]
    fn r9_every_channel_must_be_free() {
        let whatsapp = Suppressed::one(ReasonKind::Keyword, Blocks::Channel(Channel::WhatsApp));
        let call = Channels::from(Channel::Call);
        assert_eq!(whatsapp.verdict(call), None);
        let both = call.with(Channel::WhatsApp.into());
        assert_eq!(whatsapp.verdict(both), Some((Channel::WhatsApp, ReasonKind::Keyword)));
    }

    proptest! {
        #[test]
        fn suppressed_is_what_the_reasons_say(picks in prop::collection::vec((0usize..11, 0usize..8), 0..12)) {
            let reasons: Vec<Reason> = picks.iter().map(|(kind, blocks)| {
                let blocks = match blocks {
                    6 => Blocks::AllChannels,
                    7 => Blocks::Inbound,
                    index => Blocks::Channel(Channel::ALL[*index]),
                };
                reason(ReasonKind::ALL[*kind], blocks)
            }).collect();
            let bits = Suppressed::by(&reasons);
            for each in Channel::ALL {
                let live = channel(&reasons, each);
                prop_assert_eq!(bits.channels().has(each), !live.reasons.is_empty());
                let best = live.reasons.iter().map(|reason| rank(reason.kind)).min();
                prop_assert_eq!(bits.reason(each).map(rank), best);
            }
            prop_assert_eq!(bits.inbound(), !inbound(&reasons).reasons.is_empty());
        }
    }
}
