//! Mailgun: mail over its HTTP API.
//!
//! Reading order: [`path`] (which endpoint), [`fields`] (a form or multipart body), [`outbound`] (whom a send
//! reaches), [`lists`], [`trim`], [`headers`], [`schedule`], [`suppressions`], [`refuse`]; then [`webhook`] (proof,
//! signing anew),
//! [`events`], [`inbound`], [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod confirm;
mod events;
mod fields;
mod headers;
mod inbound;
mod lists;
mod outbound;
mod path;
mod refuse;
mod sandbox;
mod schedule;
mod suppressions;
mod trim;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Asked, Authentic, CannotAdd, CannotTrim, Channel, Channels, Edit, Event, Forged, Head,
    Key, Learned, Look, Outbound, Profile, Proof, Refusal, Reply, Request, Resigned, Scheduled, Secrets,
    Sending, Unreadable, Webhook, outbound::Call, sandbox::Sandbox, suppressions::Suppressions,
};
use http::StatusCode;
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mailgun;

/// The adapter, for the list of adapters.
pub static MAILGUN: Mailgun = Mailgun;

/// Name of the key that verifies webhooks.
const SIGNING_KEY: &str = "signing_key";
/// Name of the key that calls the API.
const API_KEY: &str = "api_key";

static PROFILE: Profile = Profile {
    name: "mailgun",
    title: "Mailgun",
    channels: Channels::of(Channel::Email),
    upstream: "https://api.mailgun.net",
    hosts: &[
        "api.mailgun.net",
        "api.eu.mailgun.net",
        "storage-*.api.mailgun.net",
        "se.api.mailgun.net",
        "si.api.mailgun.net",
        "so.api.mailgun.net",
        "sw.api.mailgun.net",
    ],
    keys: &[
        Key {
            name: SIGNING_KEY,
            what: "the account's HTTP webhook signing key, with which webhooks are verified and signed anew; \
                   several while it is rotated, or for subaccounts",
            for_webhooks: true,
        },
        Key {
            name: API_KEY,
            what: "an account API key (not a domain sending key), with which suppression lists are read and \
                   scheduled mail to people who opt out is stopped",
            for_webhooks: false,
        },
    ],
    compressed_bodies: true,
    // Mailgun takes 52.4 MiB.
    body_bytes_max: 53 << 20,
    // Not documented; what its peers allow.
    signs_onward: false,
    webhook_timeout: Duration::from_secs(10),
    exemptions: &[],
    unnamed: &[lists::LISTS, "scheduled"],
};

impl Adapter for Mailgun {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        path::domain(head.path)
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        path::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        outbound::read(request)
    }

    fn asked<'a>(&self, request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
        lists::asked(request, answers)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        trim::trim(request, drop)
    }

    fn add_headers(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Vec<Edit>, CannotAdd> {
        headers::add(request, headers)
    }

    fn refuse(&self, _: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(refusal)
    }

    fn wants_answer(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        // Mailgun takes a send to a suppressed recipient and reports it later: a refusal teaches nothing.
        send.scheduled && status.is_success()
    }

    fn learn(&self, request: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        schedule::learn(request, send, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        schedule::cancel(scheduled, secrets)
    }

    fn suppressions(&self) -> Option<&'static dyn Suppressions> {
        Some(&suppressions::MailgunSuppressions)
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
        events::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn confirms_itself(&self, webhook: &Authentic<'_>, _: &Event<'_>) -> bool {
        confirm::confirms_itself(webhook)
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        event: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::confirm_call(webhook, event, text, secrets)
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        _: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        // The signature binds neither address nor body: on time, the bytes verify as they came.
        if late { webhook::resign(webhook.webhook(), secrets, now) } else { None }
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&sandbox::MailgunSandbox)
    }
}
