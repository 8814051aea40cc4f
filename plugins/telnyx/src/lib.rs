//! Telnyx: SMS, WhatsApp and calls over its API v2.
//!
//! Reading order: [`sends`] (whom a request reaches), [`refuse`], [`webhook`] (proof and events), [`sandbox`] (the stand-in).
//! What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod refuse;
mod sandbox;
mod sends;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key, Learned, Look,
    Outbound, Profile, Proof, Refusal, Reply, Request, Scheduled, Secrets, Sending, Unreadable, Webhook,
    outbound::Call, sandbox::Sandbox,
};
use http::StatusCode;
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Telnyx;

/// The adapter, for the list of adapters.
pub static TELNYX: Telnyx = Telnyx;

/// Name of the key that verifies webhooks.
const PUBLIC_KEY: &str = "public_key";
/// Name of the key that calls the API.
const API_KEY: &str = "api_key";

static PROFILE: Profile = Profile {
    name: "telnyx",
    title: "Telnyx",
    channels: Channels::of(Channel::Sms)
        .with(Channels::of(Channel::Call))
        .with(Channels::of(Channel::WhatsApp)),
    upstream: "https://api.telnyx.com",
    hosts: &[sends::HOST],
    keys: &[
        Key {
            name: PUBLIC_KEY,
            what: "the account's public key (base64, from the portal), with which webhooks are verified",
            for_webhooks: true,
        },
        Key {
            name: API_KEY,
            what: "an API key, with which scheduled messages to people who opt out are cancelled",
            for_webhooks: false,
        },
    ],
    compressed_bodies: false,
    body_bytes_max: 1 << 20,
    // "Webhooks", documentation: an answer is awaited for 2 seconds.
    signs_onward: false,
    webhook_timeout: Duration::from_secs(2),
    exemptions: &["verify"],
    unnamed: &["scheduled", "texml"],
};

impl Adapter for Telnyx {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, _: &Head<'a>) -> Option<Cow<'a, str>> {
        // The API key alone says whose request it is.
        None
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        sends::API.look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        sends::API.read(request)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        sends::API.trim(request, drop)
    }

    fn refuse(&self, _: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(refusal)
    }

    fn learn(&self, request: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        refuse::learn(request, send, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        sends::cancel(scheduled, secrets)
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
        webhook::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&TELNYX)
    }
}
