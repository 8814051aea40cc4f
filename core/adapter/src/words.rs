//! The field's words: channels, kinds of address, a provider's profile.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A way to reach a person. The names are those of the contacts API (`dndSettings`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Channel {
    /// SMS, MMS and RCS.
    #[serde(rename = "SMS")]
    Sms,
    /// Voice calls.
    Call,
    /// Email.
    Email,
    /// WhatsApp messages.
    WhatsApp,
    /// Facebook Messenger.
    #[serde(rename = "FB")]
    Fb,
    /// Google My Business messages.
    #[serde(rename = "GMB")]
    Gmb,
}

impl Channel {
    /// All channels, in the order in which they are shown.
    pub const ALL: [Channel; 6] =
        [Channel::Sms, Channel::Email, Channel::Call, Channel::WhatsApp, Channel::Fb, Channel::Gmb];

    /// The name on the API.
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Sms => "SMS",
            Channel::Call => "Call",
            Channel::Email => "Email",
            Channel::WhatsApp => "WhatsApp",
            Channel::Fb => "FB",
            Channel::Gmb => "GMB",
        }
    }

    /// The lower-case name, for metric labels and headers.
    pub const fn label(self) -> &'static str {
        match self {
            Channel::Sms => "sms",
            Channel::Call => "call",
            Channel::Email => "email",
            Channel::WhatsApp => "whatsapp",
            Channel::Fb => "fb",
            Channel::Gmb => "gmb",
        }
    }

    /// Reads a name, whatever its case.
    pub fn parse(name: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.name().eq_ignore_ascii_case(name))
    }

    /// The kinds of address by which a person is reached on this channel.
    pub const fn kinds(self) -> &'static [AddressKind] {
        match self {
            Channel::Sms | Channel::Call => &[AddressKind::Phone],
            Channel::Email => &[AddressKind::Email],
            Channel::WhatsApp => &[AddressKind::Phone, AddressKind::Wa],
            Channel::Fb => &[AddressKind::Psid],
            Channel::Gmb => &[AddressKind::Gmb],
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of channels, one bit each (see [`Channels::bits`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channels(u8);

impl Channels {
    /// No channel.
    pub const NONE: Channels = Channels(0);
    /// Every channel, those not integrated included.
    pub const ALL: Channels = Channels(0b0011_1111);

    /// The set of one channel.
    pub const fn of(channel: Channel) -> Channels {
        Channels(1 << channel as u8)
    }
    /// A set from its bits; foreign bits are dropped.
    pub const fn from_bits(bits: u8) -> Channels {
        Channels(bits & Channels::ALL.0)
    }
    /// The bits, 0 to 5 in the order of [`Channel`]'s declaration.
    pub const fn bits(self) -> u8 {
        self.0
    }
    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Channels) -> Channels {
        Channels(self.0 | other.0)
    }
    /// What both sets share.
    #[must_use]
    pub const fn common(self, other: Channels) -> Channels {
        Channels(self.0 & other.0)
    }
    /// Is the channel in the set?
    pub const fn has(self, channel: Channel) -> bool {
        self.0 & (1 << channel as u8) != 0
    }
    /// Is the set empty?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The channels of the set, in the order of [`Channel::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| self.has(*channel))
    }
    /// The first channel of the set.
    pub fn first(self) -> Option<Channel> {
        self.iter().next()
    }
}

impl From<Channel> for Channels {
    fn from(channel: Channel) -> Channels {
        Channels::of(channel)
    }
}

impl FromIterator<Channel> for Channels {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Channels {
        channels.into_iter().fold(Channels::NONE, |all, channel| all.with(channel.into()))
    }
}

/// What kind of address a value is (RULES, "Words").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// A telephone number; normalised to E.164.
    Phone,
    /// An email address.
    Email,
    /// A page-scoped Messenger id.
    Psid,
    /// A Google My Business conversation id.
    Gmb,
    /// A WhatsApp user id that is no telephone number.
    Wa,
}

impl AddressKind {
    /// All kinds.
    pub const ALL: [AddressKind; 5] =
        [AddressKind::Phone, AddressKind::Email, AddressKind::Psid, AddressKind::Gmb, AddressKind::Wa];

    /// The name on the API and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            AddressKind::Phone => "phone",
            AddressKind::Email => "email",
            AddressKind::Psid => "psid",
            AddressKind::Gmb => "gmb",
            AddressKind::Wa => "wa",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<AddressKind> {
        AddressKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of an address on WhatsApp: a telephone number, or a user id that has the two letters of a country in
    /// front (`US.13491208655302741918`).
    pub fn on_whatsapp(address: &str) -> AddressKind {
        let is_user_id = |(country, id): (&str, &str)| {
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic()) && !id.is_empty()
        };
        match address.split_once('.').is_some_and(is_user_id) {
            true => AddressKind::Wa,
            false => AddressKind::Phone,
        }
    }

    /// The channels that an address of this kind serves.
    pub fn channels(self) -> Channels {
        Channel::ALL.into_iter().filter(|channel| channel.kinds().contains(&self)).collect()
    }
}

/// What the gateway must know about a provider before any request.
///
/// Adapters write what is theirs and take the rest from [`Profile::USUAL`].
#[derive(Debug)]
pub struct Profile {
    /// The adapter's name in the configuration.
    pub name: &'static str,
    /// The provider's name as people write it.
    pub title: &'static str,
    /// Its channels.
    pub channels: Channels,
    /// The provider's main API, `https://host`.
    pub upstream: &'static str,
    /// Its further API hosts, which may stand as the first segment of a path. A leading `*` matches one or
    /// more characters other than a dot.
    pub hosts: &'static [&'static str],
    /// Names of the adapter's own configuration keys.
    pub keys: &'static [Key],
    /// Does the provider unpack `Content-Encoding: gzip` and `deflate` request bodies? Elsewhere such a
    /// body is refused.
    pub compressed_bodies: bool,
    /// The largest request body that the provider takes, in bytes; the gateway's own limit applies too.
    pub body_bytes_max: u64,
    /// The provider signs host and body, so that every request is signed anew on its way
    /// ([`crate::Adapter::sign_onward`]); those that contact nobody are collected for it too.
    pub signs_onward: bool,
    /// How long the provider waits for the answer to a webhook.
    pub webhook_timeout: std::time::Duration,
    /// The kinds of send (see [`crate::Sending::kind`]) that an operator may exempt by name (R9).
    pub exemptions: &'static [&'static str],
    /// The kinds of send to recipients unknown to the gateway that an operator may allow by name.
    pub unnamed: &'static [&'static str],
}

impl Profile {
    /// What is right for most: no further hosts, no keys, 10 MiB, 15 seconds.
    pub const USUAL: Profile = Profile {
        name: "",
        title: "",
        channels: Channels::NONE,
        upstream: "",
        hosts: &[],
        keys: &[],
        compressed_bodies: false,
        body_bytes_max: 10 << 20,
        signs_onward: false,
        webhook_timeout: std::time::Duration::from_secs(15),
        exemptions: &[],
        unnamed: &[],
    };
}

/// A configuration key of an adapter.
#[derive(Debug)]
pub struct Key {
    /// Its name in `dndgate.toml`.
    pub name: &'static str,
    /// What it is and what for, for error messages.
    pub what: &'static str,
    /// Without it webhooks cannot be verified, and are refused.
    pub for_webhooks: bool,
}

/// The values of an adapter's keys. A key may have several values, for rotation; the first is the one to
/// sign with.
#[derive(Clone, Default)]
pub struct Secrets(Vec<(&'static str, Vec<String>)>);

impl Secrets {
    /// Collects values by key name.
    pub fn new(values: Vec<(&'static str, Vec<String>)>) -> Secrets {
        Secrets(values)
    }
    /// The values of a key, none when it is not configured.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.iter().find(|(key, _)| *key == name).map_or(&[], |(_, values)| values)
    }
    /// The first value of a key.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
