//! Postmark: mail over its HTTP API.
//!
//! Reading order: [`path`] (which endpoint), [`message`] (whom a send reaches), [`trim`], [`headers`], [`refuse`],
//! [`answer`] (what Postmark's own answers say, stitched for the caller), [`suppressions`]; then [`webhook`] (proof
//! and events), [`inbound`], [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod headers;
mod inbound;
mod message;
mod path;
mod refuse;
mod sandbox;
mod suppressions;
mod trim;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotAdd, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Refused, Reply, Request, Secrets, Sending, Unreadable,
    Webhook, sandbox::Sandbox, suppressions::Suppressions,
};
use http::StatusCode;
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postmark;

/// The adapter, for the list of adapters.
pub static POSTMARK: Postmark = Postmark;

/// Name of the secret that webhooks bear.
const WEBHOOK_SECRET: &str = "webhook_secret";
/// Name of the key that calls the API.
const SERVER_TOKEN: &str = "server_token";

static PROFILE: Profile = Profile {
    name: "postmark",
    title: "Postmark",
    channels: Channels::of(Channel::Email),
    upstream: "https://api.postmarkapp.com",
    keys: &[
        Key {
            name: WEBHOOK_SECRET,
            what: "the user:password, or the password alone, of the HTTP basic auth set at the webhook, or the value of \
                   its header X-Webhook-Secret: Postmark signs nothing",
            for_webhooks: true,
        },
        Key {
            name: SERVER_TOKEN,
            what: "a server API token, with which suppression lists are read",
            for_webhooks: false,
        },
    ],
    // A message may have 10 MB, a batch 50 MB (API overview).
    body_bytes_max: 52 << 20,
    // "Webhooks overview": an answer is awaited for two minutes; the gateway does not wait as long for a CRM.
    webhook_timeout: Duration::from_secs(30),
    exemptions: &["confirmation"],
    unnamed: &[path::CONFIRMATIONS],
    ..Profile::USUAL
};

impl Adapter for Postmark {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, _: &Head<'a>) -> Option<Cow<'a, str>> {
        // The server token alone says whose request it is, and it is secret.
        None
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        path::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        message::read(request)
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

    fn refuse_each(&self, request: &Request<'_>, _: &Sending<'_>, refused: &[Refused<'_>]) -> Option<Reply> {
        refuse::each(request, refused)
    }

    fn learn(&self, _: &Request<'_>, send: &Sending<'_>, dropped: &[usize], answer: &Answer<'_>) -> Learned {
        answer::learn(send, dropped, answer)
    }

    fn stitches(&self, _: &Sending<'_>) -> bool {
        true
    }

    fn stitch(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        answer::stitch(request, refused, answer)
    }

    fn suppressions(&self) -> Option<&'static dyn Suppressions> {
        Some(&suppressions::PostmarkSuppressions)
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, _: jiff::Timestamp) -> Result<Proof, Forged> {
        webhook::verify(webhook, secrets)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&sandbox::PostmarkSandbox)
    }
}
