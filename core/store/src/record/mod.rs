//! What the policies judged, kept for a while so that other policies can judge it anew: sends, replies, error codes.
//!
//! One JSON object a line, in files by time ([`Segments`] writes, [`read`] reads). It is no proof of anything and
//! nothing depends on it: lines may be lost when the process or the machine dies, and the ledger is elsewhere.
//!
//! A line names a person by [`Who`] alone, but for sends: there the rules judge the address, so that it is kept
//! as long as the line. [`Segments::forget`] takes all lines of a person away (R5).

mod read;
mod segments;

pub use read::{Reading, read};
pub use segments::{Limits, Segments};

use dndgate_adapter::{AddressKind, Channel, Channels, Severity};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, path::PathBuf};

/// The folder of the record, beside the database.
pub fn folder(store_url: &str) -> PathBuf {
    PathBuf::from(format!("{}-record", store_url.trim_start_matches("sqlite:")))
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// Whom it is about. Stands first in the line, where [`Segments::forget`] looks for it.
    pub who: Who,
    /// When it was judged, in microseconds.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub at: Timestamp,
    /// The tenant.
    #[serde(borrow)]
    pub tenant: Cow<'a, str>,
    /// The provider's name in the configuration.
    #[serde(borrow)]
    pub provider: Cow<'a, str>,
    /// The request's id of a send; the provider's id of an event.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// What was judged.
    #[serde(borrow)]
    pub about: About<'a>,
    /// What came of it.
    #[serde(borrow)]
    pub was: Outcome<'a>,
}

/// What was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About<'a> {
    /// A send to one recipient.
    #[serde(borrow)]
    Send(SendAbout<'a>),
    /// A reply.
    #[serde(borrow)]
    Message(MessageAbout<'a>),
    /// An error code, or a button of the provider's.
    #[serde(borrow)]
    Code(CodeAbout<'a>),
    /// The provider says that the person unsubscribed.
    Unsubscribe(Channel),
}

impl About<'_> {
    /// The channel that it came by or would leave by.
    pub fn channel(&self) -> Option<Channel> {
        match self {
            About::Send(send) => send.channels.first(),
            About::Message(message) => Some(message.channel),
            About::Code(code) => Some(code.channel),
            About::Unsubscribe(channel) => Some(*channel),
        }
    }
}

/// A send to one recipient, as send rules see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SendAbout<'a> {
    /// Every channel that must be free for it.
    pub channels: Channels,
    /// What it is in the provider's words.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// The kind of address.
    pub address_kind: AddressKind,
    /// The address, normalised.
    #[serde(borrow)]
    pub address: Cow<'a, str>,
    /// Who sends.
    #[serde(borrow, default, skip_serializing_if = "is_empty")]
    pub sender: Cow<'a, str>,
    /// Tags, template or category.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Cow<'a, str>>,
    /// It leaves later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// Sends of a share of all people alone were recorded at that time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thinned: bool,
    /// Do-Not-Disturb kept it back for this kind of reason, so that no rule was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_back: Option<Cow<'a, str>>,
}

/// A reply, as `keywords.lua` sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageAbout<'a> {
    /// The channel.
    pub channel: Channel,
    /// What the person wrote or pressed; absent where it is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<Vec<Cow<'a, str>>>,
    /// What the provider took it for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_meaning: Option<Cow<'a, str>>,
}

/// A code, as `error_codes.lua` sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeAbout<'a> {
    /// The channel.
    pub channel: Channel,
    /// The provider's adapter.
    #[serde(borrow)]
    pub adapter: Cow<'a, str>,
    /// The code.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// How final the provider calls it.
    #[serde(with = "severity", default, skip_serializing_if = "severity::is_unsaid")]
    pub severity: Severity,
    /// The provider's words.
    #[serde(borrow, default, skip_serializing_if = "is_empty")]
    pub message: Cow<'a, str>,
    /// A button was pressed: does the person want messages again?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<bool>,
}

/// What policies made of something, in words that can be compared: `opt_out SMS`, `temporary carrier SMS`, `block`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome<'a> {
    /// What happens.
    #[serde(borrow)]
    pub what: Cow<'a, str>,
    /// By which rule, or why.
    #[serde(borrow, default, skip_serializing_if = "is_empty")]
    pub rule: Cow<'a, str>,
}

fn is_empty(text: &str) -> bool {
    text.is_empty()
}

mod severity {
    use super::{Cow, Deserialize, Severity};
    use serde::{Deserializer, Serializer, de::Error};

    pub(super) fn is_unsaid(severity: &Severity) -> bool {
        *severity == Severity::Unsaid
    }

    pub(super) fn serialize<S: Serializer>(severity: &Severity, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match severity {
            Severity::Unsaid => "unsaid",
            Severity::Permanent => "permanent",
            Severity::Temporary => "temporary",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Severity, D::Error> {
        match &*<Cow<'de, str>>::deserialize(from)? {
            "unsaid" => Ok(Severity::Unsaid),
            "permanent" => Ok(Severity::Permanent),
            "temporary" => Ok(Severity::Temporary),
            other => Err(D::Error::custom(format_args!("no severity: {other}"))),
        }
    }
}

/// A person in the record: a keyed hash of tenant and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Who(u64);

impl Who {
    /// The person behind an address. `secret` is the installation's: without it nobody finds out who is meant.
    pub fn new(secret: &[u8; 32], tenant: &str, address: &AddressKey) -> Who {
        let mut named = Vec::with_capacity(tenant.len() + address.key.len() + 24);
        for piece in [b"record", tenant.as_bytes(), address.kind.name().as_bytes(), address.key.as_bytes()] {
            named.extend_from_slice(&(piece.len() as u32).to_le_bytes());
            named.extend_from_slice(piece);
        }
        let hash = dndgate_adapter::sign::hmac_sha256(secret, &named);
        Who(u64::from_be_bytes(std::array::from_fn(|index| hash[index])))
    }

    /// Reads the 16 hexadecimal digits.
    fn read(digits: &[u8]) -> Option<Who> {
        let text = std::str::from_utf8(digits).ok().filter(|text| text.len() == 16)?;
        u64::from_str_radix(text, 16).ok().map(Who)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Who {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Who, D::Error> {
        let digits = <Cow<'de, str>>::deserialize(from)?;
        Who::read(digits.as_bytes()).ok_or_else(|| serde::de::Error::custom("not 16 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests;
