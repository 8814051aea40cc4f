//! Brevo: transactional mail, SMS and WhatsApp over its API v3.
//!
//! Reading order: [`sends`] (whom a request reaches), [`answers`]; then [`webhook`] (proof and events), [`inbound`],
//! [`confirm`]; [`suppressions`], [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answers;
mod confirm;
mod inbound;
mod sandbox;
mod sends;
mod suppressions;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key, Learned, Look,
    Outbound, Profile, Proof, Refusal, Refused, Reply, Request, Scheduled, Secrets, Sending, Unreadable,
    Webhook, outbound::Call, sandbox::Sandbox, suppressions::Suppressions,
};
use http::{HeaderName, HeaderValue, StatusCode};
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Brevo;

/// The adapter, for the list of adapters.
pub static BREVO: Brevo = Brevo;

/// Name of the key by which webhooks are believed.
const WEBHOOK_SECRET: &str = "webhook_secret";
/// Name of the key that calls the API.
const API_KEY: &str = "api_key";

static PROFILE: Profile = Profile {
    name: "brevo",
    title: "Brevo",
    channels: Channels::of(Channel::Email)
        .with(Channels::of(Channel::Sms))
        .with(Channels::of(Channel::WhatsApp)),
    upstream: "https://api.brevo.com",
    hosts: &["api.brevo.com", "api.sendinblue.com"],
    keys: &[
        Key {
            name: WEBHOOK_SECRET,
            what: "what Brevo must bear at the webhook, which it does not sign: user:password (or the password) of \
                   basic auth, or the token of a bearer",
            for_webhooks: true,
        },
        Key {
            name: API_KEY,
            what: "an API key, with which blocked contacts are read and scheduled mail to people who opt out is \
                   cancelled",
            for_webhooks: false,
        },
    ],
    // "Attachments", documentation: 20 MB a mail, in base64.
    body_bytes_max: 32 << 20,
    webhook_timeout: Duration::from_secs(10),
    exemptions: &["account", "double_opt_in", "event", "report", "test"],
    unnamed: &[
        sends::CAMPAIGNS,
        sends::TEST_LISTS,
        sends::CONVERSATIONS,
        sends::AUTOMATIONS,
        sends::PAYMENTS,
        sends::INVITATIONS,
        "scheduled",
    ],
    ..Profile::USUAL
};

impl Adapter for Brevo {
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
        sends::read(request)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        sends::API.trim(request, drop)
    }

    fn refuse(&self, _: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        answers::refuse(refusal)
    }

    fn wants_answer(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        // Brevo takes a mail to a blocked contact and reports it later: a refusal teaches nothing.
        send.scheduled && status.is_success()
    }

    fn learn(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        dropped: &[usize],
        answer: &Answer<'_>,
    ) -> Learned {
        answers::learn(request, send, dropped, answer)
    }

    fn stitches(&self, send: &Sending<'_>) -> bool {
        answers::is_batch(send)
    }

    fn stitch(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        answers::stitch(request, refused, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        answers::cancel(scheduled, secrets)
    }

    fn cancelled(&self, status: StatusCode) -> bool {
        answers::cancelled(status)
    }

    fn suppressions(&self) -> Option<&'static dyn Suppressions> {
        Some(&suppressions::BrevoSuppressions)
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

    fn confirms_itself(&self, webhook: &Authentic<'_>, event: &Event<'_>) -> bool {
        confirm::letter(webhook.webhook(), event).is_none()
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
        Some(&sandbox::BrevoSandbox)
    }
}

/// The header field that bears an API key.
fn credentials(key: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    Some(vec![(HeaderName::from_static("api-key"), dndgate_adapter::credentials::secret(key)?)])
}
