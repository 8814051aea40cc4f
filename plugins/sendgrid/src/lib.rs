//! SendGrid: mail over its API v3.
//!
//! Reading order: [`sends`] (whom a request reaches), [`certain`] (what must hold of it besides), [`headers`],
//! [`schedule`], [`refuse`], [`suppressions`]; then [`webhook`] (proof), [`events`], [`inbound`], [`confirm`],
//! [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod certain;
mod confirm;
mod events;
mod headers;
mod inbound;
mod refuse;
mod sandbox;
mod schedule;
mod sends;
mod suppressions;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotAdd, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Reply, Request, Scheduled, Secrets, Sending,
    Unreadable, Webhook, outbound::Call, sandbox::Sandbox, suppressions::Suppressions,
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendGrid;

/// The adapter, for the list of adapters.
pub static SENDGRID: SendGrid = SendGrid;

/// Name of the key that verifies webhooks.
const VERIFICATION_KEY: &str = "verification_key";
/// Name of the key that an unsigned Inbound Parse webhook bears.
const INBOUND_SECRET: &str = "inbound_secret";
/// Name of the key that calls the API.
const API_KEY: &str = "api_key";
/// Name of the key that has addresses validated.
const VALIDATION_KEY: &str = "validation_key";
/// The header field with which a parent account acts for one of its subusers.
const ON_BEHALF_OF: &str = "on-behalf-of";
/// In front of a subuser's name where an account is meant.
const SUBUSER: &str = "subuser:";

static PROFILE: Profile = Profile {
    name: "sendgrid",
    title: "SendGrid",
    channels: Channels::of(Channel::Email),
    upstream: "https://api.sendgrid.com",
    hosts: &["api.sendgrid.com", "api.eu.sendgrid.com", "email.twilio.com"],
    keys: &[
        Key {
            name: VERIFICATION_KEY,
            what: "the public key of the signed Event Webhook (base64), with which webhooks are verified; several \
                   while it is rotated, or for a signed Inbound Parse webhook",
            for_webhooks: true,
        },
        Key {
            name: INBOUND_SECRET,
            what: "the secret that the address of an Inbound Parse webhook bears, as password or user:password \
                   (https://user:password@…), where SendGrid does not sign it",
            for_webhooks: true,
        },
        Key {
            name: API_KEY,
            what: "an API key that may read and write suppressions and scheduled sends: for releases, comparisons \
                   and scheduled mail to people who opt out",
            for_webhooks: false,
        },
        Key {
            name: VALIDATION_KEY,
            what: "an Email Address Validation API key; absent: api_key",
            for_webhooks: false,
        },
    ],
    // "Mail body compression", for some accounts.
    compressed_bodies: true,
    // "The total message size should not exceed 30 MB", to which attachments in base64 count.
    body_bytes_max: 31 << 20,
    signs_onward: false,
    // Not documented; what its peers allow.
    webhook_timeout: Duration::from_secs(10),
    exemptions: &["message", "test", "account"],
    unnamed: &["scheduled", "resumed", "lists", "account", "v2"],
};

impl Adapter for SendGrid {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        // Otherwise the API key alone says whose request it is.
        let name = head.header(ON_BEHALF_OF)?.trim();
        (!name.is_empty()).then(|| Cow::Owned(format!("{SUBUSER}{name}")))
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        if head.headers.contains_key(ON_BEHALF_OF) && self.account(head).is_none() {
            return Err(Unreadable::new("on-behalf-of must name one account"));
        }
        sends::API.look(&sends::anywhere(head))
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        let read = sends::API.read(&Request { head: sends::anywhere(&request.head), ..*request })?;
        if matches!(read, Outbound::Send(_)) {
            sends::refuse_query(request.head.query)?;
        }
        Ok(read)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        sends::API.trim(&Request { head: sends::anywhere(&request.head), ..*request }, drop)
    }

    fn add_headers(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Vec<Edit>, CannotAdd> {
        headers::add(request, send, headers)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(head, refusal)
    }

    fn wants_answer(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        // SendGrid takes a send to a suppressed recipient and reports it later: a refusal teaches nothing.
        send.scheduled && status.is_success()
    }

    fn learn(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        dropped: &[usize],
        answer: &Answer<'_>,
    ) -> Learned {
        schedule::learn(self.account(&request.head), request, send, dropped, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        schedule::cancel(scheduled, secrets)
    }

    fn cancelled(&self, status: StatusCode) -> bool {
        // A 400 says that the batch is cancelled already, or that ten others are and no more can be.
        status.is_success() || status == StatusCode::NOT_FOUND
    }

    fn suppressions(&self) -> Option<&'static dyn Suppressions> {
        Some(&suppressions::SendGridSuppressions)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        webhook::verify(webhook, secrets, now)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        let webhook = webhook.webhook();
        if webhook::is_inbound(webhook) {
            inbound::event(webhook).map(|event| vec![event])
        } else {
            events::events(webhook.body)
        }
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn confirms_itself(&self, webhook: &Authentic<'_>, _: &Event<'_>) -> bool {
        // Mail from a person can be answered; reports cannot.
        !webhook::is_inbound(webhook.webhook())
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        event: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::confirm_call(webhook.webhook(), event, text, secrets)
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&sandbox::SendGridSandbox)
    }
}

/// The header fields of a call with an API key, for a subuser where the account is one. `None` for any other.
fn credentials(key: &str, account: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let mut fields = vec![(header::AUTHORIZATION, dndgate_adapter::credentials::bearer(key)?)];
    if !account.is_empty() {
        let name = account.strip_prefix(SUBUSER)?;
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        fields.push((
            HeaderName::from_static(ON_BEHALF_OF),
            HeaderValue::try_from(plain.then_some(name)?).ok()?,
        ));
    }
    Some(fields)
}
