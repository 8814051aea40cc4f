//! What a request is: who it would reach, and what the gateway may say about it.

use crate::{
    request::Place,
    webhook::Event,
    words::{AddressKind, Channel, Channels},
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::borrow::Cow;

/// The first look at a request's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Contacts nobody, whatever its body: streams through (R13).
    Nobody,
    /// May contact somebody; the body tells.
    Body,
    /// Not an endpoint that the adapter knows; the configuration's `unrecognised` decides.
    Unrecognised,
}

/// What a request with its body is.
#[derive(Debug, Clone, PartialEq)]
pub enum Outbound<'a> {
    /// Contacts nobody: passes untouched (R13).
    Nobody,
    /// Reaches these recipients.
    Send(Sending<'a>),
    /// Reaches people whom neither the request nor the provider names to us (a list, a segment): refused
    /// unless `allow_unnamed` holds this name, one of [`crate::Profile::unnamed`].
    Unnamed(&'static str),
    /// Reaches people whom the provider names when asked.
    Ask(Ask),
    /// Not an endpoint that the adapter knows.
    Unrecognised,
}

/// A request that reaches somebody.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sending<'a> {
    /// What it is in the provider's words (`message`, `call`, `verify`, …): for `exempt` and for records.
    pub kind: &'static str,
    /// Whom it reaches. May be empty when all that it would reach is nobody outside (a softphone).
    pub recipients: SmallVec<[Recipient<'a>; 1]>,
    /// Recipients (by index) that hang together: when the second is taken out, the first goes too (a fallback of
    /// a message, a part of a batch that uses another's answer).
    pub follows: Vec<(usize, usize)>,
    /// Hidden copies, and those without whom they are not sent.
    pub copies: Vec<Copies>,
    /// Something is left to be sent even when every recipient is taken out: a batch with a read in it. Such a
    /// request is trimmed and goes on; others are refused as a whole.
    pub rest: bool,
    /// Addresses of the CRM in it that the provider will call.
    pub callbacks: Vec<Callback<'a>>,
    /// Provider accounts that it names inside, beside the one of its head: all must be the tenant's.
    pub accounts: Vec<Cow<'a, str>>,
    /// It leaves later than now.
    pub scheduled: bool,
    /// Who sends, as the provider names it; empty when unknown.
    pub sender: Cow<'a, str>,
    /// Tags, template or category by which a send rule may judge.
    pub tags: Vec<Cow<'a, str>>,
    /// It also reaches people whom nobody names to us, as [`Outbound::Unnamed`]: refused unless the operator
    /// allows that name, and those who are named are judged in any case.
    pub unnamed: Option<&'static str>,
}

/// Hidden copies of one mail among the recipients of a send (by index): when everybody of `of` is taken out, these
/// go too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copies {
    /// Those who get a hidden copy.
    pub who: Vec<usize>,
    /// Those whom the mail is for.
    pub of: Vec<usize>,
}

impl Sending<'_> {
    /// These recipients and all who hang on them ([`Sending::follows`], [`Sending::copies`]), ascending.
    pub fn with_followers(&self, mut drop: Vec<usize>) -> Vec<usize> {
        let mut before = usize::MAX;
        loop {
            drop.sort_unstable();
            drop.dedup();
            if drop.len() == before {
                return drop;
            }
            before = drop.len();
            let followers = self.follows.iter().filter(|(_, leader)| drop.contains(leader));
            let copies = self.copies.iter().filter(|one| one.of.iter().all(|of| drop.contains(of)));
            let more: Vec<usize> = followers
                .map(|(follower, _)| *follower)
                .chain(copies.flat_map(|one| one.who.iter().copied()))
                .collect();
            drop.extend(more);
        }
    }
}

/// One person whom a send would reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient<'a> {
    /// Every channel that must be free for it (R9): a call over WhatsApp needs Call and WhatsApp.
    pub channels: Channels,
    /// The kind of address.
    pub kind: AddressKind,
    /// The address as the provider would read it: decoded, without prefix or display name, not normalised.
    pub address: Cow<'a, str>,
    /// Its part in the send.
    pub role: Role,
    /// What is certain about it.
    pub known: Known,
}

/// What is certain about a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Known {
    /// The address is the person's.
    #[default]
    Address,
    /// The address is a handle for somebody (a comment's id, a one-time token), written `what:id`. It counts when
    /// [`crate::EventKind::Same`] has told whose it is; otherwise the recipient is refused unless `allow_unnamed`
    /// holds this name, one of [`crate::Profile::unnamed`].
    Handle(&'static str),
    /// Nobody names whom this part of a request with several parts reaches, as [`Outbound::Unnamed`]: it is taken
    /// out unless `allow_unnamed` holds this name.
    Unnamed(&'static str),
    /// This part of a request with several parts cannot be read with certainty: it is taken out.
    Unreadable(Unreadable),
}

/// The part of a recipient in a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The addressee.
    #[default]
    To,
    /// Carbon copy.
    Cc,
    /// Blind carbon copy.
    Bcc,
}

/// An address of the CRM that stands in a send for the provider to call. The gateway puts one of its own
/// there that leads to it, so that it sees what the provider reports (R19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback<'a> {
    /// The CRM's address.
    pub url: Cow<'a, str>,
    /// Where it stands in the body.
    pub place: Place,
    /// What the provider expects there.
    pub kind: CallbackKind,
}

/// What a provider expects of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackKind {
    /// Nothing: it reports a status.
    Status,
    /// A document that tells it what to do next, which may reach further people (R14).
    Document,
}

/// A question to the provider's API, asked with the caller's own credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// The API host, as in [`crate::Head::host`].
    pub host: Option<String>,
    /// Path and query of the `GET`.
    pub path_and_query: String,
    /// A 404 is an answer too: it is given to [`crate::Adapter::asked`] as an empty body. Otherwise it refuses
    /// the send as every other failure does.
    pub or_missing: bool,
    /// The name in `allow_unnamed` (one of [`crate::Profile::unnamed`]) with which an operator makes the
    /// question needless: then [`crate::Adapter::asked`] is called with no answers.
    pub unless_allowed: Option<&'static str>,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked<'a> {
    /// The send is clear now.
    Send(Sending<'a>),
    /// One more question (a further page).
    More(Ask),
    /// It would reach people whom nobody names to us, as [`Outbound::Unnamed`].
    Unnamed(&'static str),
}

/// A request whose recipients cannot be read with certainty. The sentence tells the caller what is wrong
/// with it and holds no value from the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// What is wrong, for the caller.
    pub message: Cow<'static, str>,
    /// The provider's own error code for it, where it has one.
    pub code: Option<u32>,
}

impl Unreadable {
    /// Says what is wrong.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Unreadable {
        Unreadable { message: message.into(), code: None }
    }
    /// Adds the provider's own error code.
    #[must_use]
    pub fn with_code(mut self, code: u32) -> Unreadable {
        self.code = Some(code);
        self
    }
}

/// Why the others alone cannot be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CannotTrim(pub Cow<'static, str>);

/// Why header fields cannot be added to a mail. It then goes as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotAdd {
    /// The sender has set them.
    #[error("the mail has its own")]
    Own,
    /// They have no place in it.
    #[error("{0}")]
    Unfit(&'static str),
}

/// A refusal to be rendered in the provider's shape.
#[derive(Debug, Clone)]
pub struct Refusal<'a> {
    /// Why.
    pub cause: RefusalCause,
    /// One sentence for the caller. Holds no address.
    pub message: &'a str,
    /// The recipient's address as it stood in the request, where there is one.
    pub address: Option<&'a str>,
    /// The blocked channel, where there is one.
    pub channel: Option<Channel>,
    /// The kind of DND reason (`keyword`, `bounce`, …), where there is one.
    pub reason: Option<&'a str>,
    /// The provider's own error code that the adapter named in [`Unreadable::code`].
    pub code: Option<u32>,
    /// The request's id, by which `dndgate why --request` explains it.
    pub request_id: &'a str,
}

/// One recipient who was taken out of a send, and what to say about it.
#[derive(Debug, Clone)]
pub struct Refused<'a> {
    /// Its index into [`Sending::recipients`].
    pub index: usize,
    /// Why.
    pub refusal: Refusal<'a>,
}

/// A request as it leaves, for adapters that sign it anew ([`crate::Profile::signs_onward`]).
#[derive(Debug, Clone, Copy)]
pub struct Onward<'a> {
    /// The request as it came in, whose own signature is to be checked. `None`: a call of the gateway's own.
    pub came: Option<Came<'a>>,
    /// The method.
    pub method: &'a Method,
    /// The server it goes to, `host` or `host:port`.
    pub authority: &'a str,
    /// Path and query there.
    pub path_and_query: &'a str,
    /// The header fields that go on, `Host` the provider's.
    pub headers: &'a http::HeaderMap,
    /// SHA-256 of the body that goes on.
    pub sha256: [u8; 32],
}

/// A request as its caller signed it.
#[derive(Debug, Clone, Copy)]
pub struct Came<'a> {
    /// The request.
    pub head: crate::request::Head<'a>,
    /// Path and query as the caller wrote them, the gateway's prefix included.
    pub path_and_query: &'a str,
    /// SHA-256 of the body.
    pub sha256: [u8; 32],
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCause {
    /// A recipient does not want it. Final (R12).
    Blocked,
    /// Its recipients cannot be read with certainty, or may not be known.
    Unreadable,
    /// It acts for an account that is not configured here.
    Account,
    /// The caller's own signature, which the gateway must replace, is missing or wrong.
    Signature,
    /// The body is larger than allowed.
    TooLarge,
    /// The provider cannot be reached, or broke off.
    BadGateway,
    /// The provider did not answer in time.
    GatewayTimeout,
    /// The gateway cannot do now what it must (its store does not take writes, it is overloaded).
    Unavailable,
}

impl RefusalCause {
    /// The status where the provider has no better one.
    pub const fn status(self) -> StatusCode {
        match self {
            RefusalCause::Blocked | RefusalCause::Unreadable => StatusCode::BAD_REQUEST,
            RefusalCause::Account | RefusalCause::Signature => StatusCode::FORBIDDEN,
            RefusalCause::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalCause::BadGateway => StatusCode::BAD_GATEWAY,
            RefusalCause::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
            RefusalCause::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An answer to a request, from the provider to a send or from the CRM to a webhook.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: &'a http::HeaderMap,
    /// The body, unpacked.
    pub body: &'a [u8],
}

/// What an answer taught.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Learned {
    /// What it says about recipients.
    pub events: Vec<Event<'static>>,
    /// The handles of what leaves later.
    pub scheduled: Vec<Scheduled>,
}

/// A send that waits at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scheduled {
    /// The provider account.
    pub account: String,
    /// The provider's id of the send.
    pub id: String,
    /// Its recipient as in [`Recipient::address`].
    pub address: String,
}

/// A request that the gateway makes of its own accord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The API host, as in [`crate::Head::host`].
    pub host: Option<String>,
    /// Path and query.
    pub path_and_query: String,
    /// Header fields, credentials included.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}
