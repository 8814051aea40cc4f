//! Mailgun: email.
//!
//! Reading order: [`endpoints`] (what is a send), [`outbound`] (who gets it), [`trim`] (taking somebody out),
//! [`refuse`], [`webhook`] (what its webhooks say), [`signature`].

mod endpoints;
mod fields;
mod outbound;
mod refuse;
mod sandbox;
mod signature;
mod trim;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Asked, Authentic, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Reply, Request, Resigned, Scheduled, Secrets, Sending,
    Unreadable, Webhook, outbound::Call,
};
use http::StatusCode;
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy)]
pub struct Mailgun;

/// The adapter, for lists of adapters.
pub static MAILGUN: Mailgun = Mailgun;

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
        "sw.api.mailgun.net",
        "so.api.mailgun.net",
    ],
    keys: &[
        Key { name: "signing_key", what: "the account's HTTP webhook signing key", for_webhooks: true },
        Key {
            name: "api_key",
            what: "an account key, for suppression lists and for cancelling scheduled mail",
            for_webhooks: false,
        },
    ],
    compressed_bodies: true,
    // Mailgun's request limit is 52.4 MiB.
    body_bytes_max: 53 << 20,
    // Not documented; mail providers give up after ten seconds or more.
    webhook_timeout: Duration::from_secs(10),
    exemptions: &["message", "mime", "resend"],
    unnamed: &["lists", "scheduled"],
};

impl Adapter for Mailgun {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        endpoints::domain(head.path).map(Cow::Borrowed)
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        endpoints::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        outbound::read(request)
    }

    fn asked<'a>(&self, request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
        outbound::asked(request, answers)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        trim::trim(request, drop)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(head, refusal)
    }

    fn wants_answer(&self, sending: &Sending<'_>, status: StatusCode) -> bool {
        sending.scheduled && status.is_success()
    }

    fn learn(&self, request: &Request<'_>, sending: &Sending<'_>, answer: &Answer<'_>) -> Learned {
        outbound::learn(request, sending, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        outbound::cancel(scheduled, secrets)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        signature::verify(webhook, secrets, now)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::json(StatusCode::OK, &serde_json::json!({ "message": "taken" }))
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        _: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        // The signature binds neither address nor body: what is passed on at once verifies as it is.
        late.then(|| signature::renew(webhook.webhook(), secrets, now)).flatten()
    }

    fn sandbox(&self) -> Option<&'static dyn dndgate_adapter::sandbox::Sandbox> {
        Some(&sandbox::Mailbox)
    }
}
