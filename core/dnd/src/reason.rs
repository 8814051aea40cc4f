//! Reasons: why a channel is blocked, and who may end that.

use dndgate_adapter::{AddressKind, Channel, Channels};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of reason (RULES, "Words").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// An operator or the API set it on one channel.
    Manual,
    /// The switch for all channels (R2).
    All,
    /// An opt-out reply (R16).
    Keyword,
    /// An unsubscribe link, header or event (R17).
    Unsubscribe,
    /// An opt-out elsewhere that the policy carries to this channel.
    Propagated,
    /// The provider says that the person opted out (R19).
    ProviderOptOut,
    /// Marked as spam (R18).
    Complaint,
    /// Permanent mail failure (R18).
    Bounce,
    /// SMS error codes (R19).
    Carrier,
    /// Came with an import (R25).
    Import,
    /// A policy's function asked for it.
    Policy,
}

impl ReasonKind {
    /// All kinds.
    pub const ALL: [ReasonKind; 11] = [
        ReasonKind::Manual,
        ReasonKind::All,
        ReasonKind::Keyword,
        ReasonKind::Unsubscribe,
        ReasonKind::Propagated,
        ReasonKind::ProviderOptOut,
        ReasonKind::Complaint,
        ReasonKind::Bounce,
        ReasonKind::Carrier,
        ReasonKind::Import,
        ReasonKind::Policy,
    ];

    /// The name in the API, the store, metrics and policies.
    pub const fn name(self) -> &'static str {
        match self {
            ReasonKind::Manual => "manual",
            ReasonKind::All => "all",
            ReasonKind::Keyword => "keyword",
            ReasonKind::Unsubscribe => "unsubscribe",
            ReasonKind::Propagated => "propagated",
            ReasonKind::ProviderOptOut => "provider_opt_out",
            ReasonKind::Complaint => "complaint",
            ReasonKind::Bounce => "bounce",
            ReasonKind::Carrier => "carrier",
            ReasonKind::Import => "import",
            ReasonKind::Policy => "policy",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<ReasonKind> {
        ReasonKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Does it concern the address alone (R6)? All other kinds are the person's and hold for all of a
    /// contact's addresses.
    pub const fn concerns_address(self) -> bool {
        matches!(self, ReasonKind::Bounce | ReasonKind::Complaint | ReasonKind::Carrier)
    }

    /// May it end by itself, when the policy says so? Technical failures pass; what a person said, or an operator set,
    /// does not.
    pub const fn may_expire(self) -> bool {
        matches!(self, ReasonKind::Bounce | ReasonKind::Carrier)
    }

    /// May an opt-in reply on the channel end it (R23)?
    pub const fn ends_by_opt_in(self) -> bool {
        matches!(self, ReasonKind::Keyword | ReasonKind::ProviderOptOut | ReasonKind::Carrier)
    }
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a reason blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Blocks {
    /// Sends on one channel.
    #[serde(rename = "channel")]
    Channel(Channel),
    /// Sends on every channel, those integrated later too (R2).
    #[serde(rename = "all")]
    AllChannels,
    /// Inbound calls and inbound SMS (R4).
    #[serde(rename = "inbound")]
    Inbound,
}

impl Blocks {
    /// The outbound channels that it blocks.
    pub const fn channels(self) -> Channels {
        match self {
            Blocks::Channel(channel) => Channels::of(channel),
            Blocks::AllChannels => Channels::ALL,
            Blocks::Inbound => Channels::NONE,
        }
    }

    /// The name in the store: a channel's, `all` or `inbound`.
    pub const fn name(self) -> &'static str {
        match self {
            Blocks::Channel(channel) => channel.name(),
            Blocks::AllChannels => "all",
            Blocks::Inbound => "inbound",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Blocks> {
        match name {
            "all" => Some(Blocks::AllChannels),
            "inbound" => Some(Blocks::Inbound),
            other => Channel::parse(other).map(Blocks::Channel),
        }
    }
}

/// An address as the rules compare it: its kind and match key (see [`crate::address`]).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressKey {
    /// The kind.
    pub kind: AddressKind,
    /// The normalised value.
    pub key: String,
}

/// One live or ended cause of DND (R1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Identity in the store.
    pub id: String,
    /// The kind.
    pub kind: ReasonKind,
    /// What it blocks.
    pub blocks: Blocks,
    /// The address it came from, for what a person said or an address suffered; none for what was set on
    /// the contact.
    pub origin: Option<AddressKey>,
    /// A technical failure that does not pass (R19: 30004), or a state imported as permanent (R25).
    pub permanent: bool,
    /// The provider's code.
    pub code: Option<String>,
    /// In plain words.
    pub message: String,
    /// Where it comes from: `api`, `console`, `webhook:twilio`, `import:file.csv`, …
    pub source: String,
    /// Who caused it.
    pub actor: String,
    /// When it began, by the provider's clock where it has one.
    pub began: Timestamp,
    /// When the same was last said again, where that was later: what is older does not end it (R30).
    pub repeated: Option<Timestamp>,
    /// When it ends by itself. None: not by itself.
    pub expires: Option<Timestamp>,
    /// When, by whom and why it ended.
    pub ended: Option<Ended>,
}

/// The end of a reason. Ended reasons stay on record (R1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Reason {
    /// Is it alive?
    pub const fn is_live(&self) -> bool {
        self.ended.is_none()
    }

    /// When it was last said.
    pub fn last_said(&self) -> Timestamp {
        self.repeated.map_or(self.began, |at| at.max(self.began))
    }

    /// May an operator end it without more ado (R20)? Otherwise what would be needed.
    pub fn lock(&self) -> Option<Lock> {
        match (self.kind, self.blocks) {
            (ReasonKind::Complaint, _) => Some(Lock::EmailRelease),
            (ReasonKind::Keyword | ReasonKind::ProviderOptOut, Blocks::Channel(Channel::Sms)) => {
                Some(Lock::OptIn)
            }
            (ReasonKind::Carrier | ReasonKind::Import, _) if self.permanent => Some(Lock::OptIn),
            _ => None,
        }
    }
}

/// What it takes to end a locked reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// R21: the provider's lists are clear, the address is validated, an operator ends it.
    EmailRelease,
    /// R22: a START reply from that number, or opt-in evidence and an operator.
    OptIn,
}

impl Lock {
    /// In plain words, for API, console and errors.
    pub const fn how(self) -> &'static str {
        match self {
            Lock::EmailRelease => {
                "marked as spam: run the email release (POST /v1/contacts/{id}/email-release), which checks the \
                 provider's suppression lists and validates the address"
            }
            Lock::OptIn => {
                "ended by a START reply from that number, or after opt-in evidence is recorded \
                 (POST /v1/contacts/{id}/evidence)"
            }
        }
    }
}

/// The provider that a reason's source names: `webhook:NAME event …`, `reconciliation:NAME …`. `None` for any other
/// source (an import, an operator).
pub fn reporter(source: &str) -> Option<&str> {
    let (what, rest) = source.split_once(':')?;
    let name = rest.split(' ').next().filter(|name| !name.is_empty())?;
    matches!(what, "webhook" | "reconciliation").then_some(name)
}
