//! Twilio: SMS, WhatsApp and Messenger through it, calls, and every other of its endpoints that contacts
//! somebody. What is and is not understood stands in the README beside this.
//!
//! Reading order: [`endpoints`] (which paths reach somebody), [`address`] (whom), [`outbound`] and [`lists`]
//! (where the request names them), [`refuse`], [`learn`]; then [`signature`], [`webhook`], [`reply`] and
//! [`twiml`] for the way back.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod confirm;
mod conversations;
mod endpoints;
mod fields;
mod hosts;
mod learn;
mod lists;
mod outbound;
mod refuse;
mod reply;
pub mod sandbox;
mod signature;
mod twiml;
mod webhook;

use base64::{Engine, engine::general_purpose::STANDARD};
use dndgate_adapter::{
    Adapter, Answer, Asked, Authentic, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Reply, ReplyGate, Request, Resigned, Scheduled,
    Secrets, Sending, Unreadable, Webhook, outbound::Call,
};
use http::{HeaderName, header};
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Twilio;

/// The adapter, ready for the gateway's list.
pub static TWILIO: Twilio = Twilio;

static PROFILE: Profile = Profile {
    name: "twilio",
    title: "Twilio",
    channels: Channels::of(Channel::Sms)
        .with(Channels::of(Channel::Call))
        .with(Channels::of(Channel::WhatsApp))
        .with(Channels::of(Channel::Fb)),
    upstream: "https://api.twilio.com",
    hosts: hosts::HOSTS,
    keys: &[
        Key {
            name: "auth_token",
            what: "the account's auth token, which signs webhooks and cancels scheduled messages; several while it is \
                   rotated; \"AC…:token\" for that account alone",
            for_webhooks: true,
        },
        Key {
            name: "shared_key",
            what: "the secret of a shared key that signs webhooks with HMAC-SHA256 (public beta), or \"key id:secret\"; \
                   with it no other signature is believed",
            for_webhooks: true,
        },
    ],
    compressed_bodies: false,
    // Twilio's own limits are far below; a notification to 10,000 people comes to about 1 MB.
    body_bytes_max: 8 << 20,
    signs_onward: false,
    webhook_timeout: Duration::from_secs(15),
    // What a person asked for this minute, or rings the tenant's own people.
    exemptions: &["verify", "caller_id", "taskrouter"],
    unnamed: &["notify", "chat", "scheduled"],
};

impl Adapter for Twilio {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// The account in the path; for products without one there, the account that authenticates.
    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        if let Some(account) = endpoints::account(head) {
            return Some(Cow::Borrowed(account));
        }
        let credentials = head.header(header::AUTHORIZATION.as_str())?;
        let (scheme, encoded) = credentials.split_once(' ')?;
        let decoded =
            STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let user = std::str::from_utf8(&decoded).ok()?.split(':').next()?;
        user.starts_with("AC").then(|| Cow::Owned(user.to_owned()))
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        outbound::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        outbound::read(request)
    }

    fn asked<'a>(&self, request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
        conversations::asked(request, answers)
    }

    fn trim(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        drop: &[usize],
    ) -> Result<Vec<Edit>, CannotTrim> {
        lists::trim(request, send, drop)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(head, refusal)
    }

    fn wants_answer(&self, send: &Sending<'_>, status: http::StatusCode) -> bool {
        send.kind == "message" && (status.is_client_error() || send.scheduled)
    }

    fn learn(&self, request: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        learn::learn(request, send, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        learn::cancel(scheduled, secrets)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        _now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        signature::verify(webhook, secrets)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook)
    }

    fn decline(&self, event: &Event<'_>) -> Option<Reply> {
        webhook::decline(event)
    }

    fn acknowledge(&self, webhook: &Authentic<'_>) -> Reply {
        webhook::acknowledge(webhook)
    }

    fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        reply::gate_reply(webhook, answer, gate)
    }

    fn confirms_itself(&self, webhook: &Authentic<'_>, _: &Event<'_>) -> bool {
        confirm::confirms_itself(webhook)
    }

    fn confirm(&self, _: &Authentic<'_>, _: &Event<'_>, answer: &Answer<'_>, text: &str) -> Option<Reply> {
        confirm::confirm(answer, text)
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        _: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::confirm_call(webhook, text, secrets)
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        url: &str,
        secrets: &Secrets,
        _now: jiff::Timestamp,
        _late: bool,
    ) -> Option<Resigned> {
        let signature = signature::resign(webhook.webhook(), url, secrets)?;
        let name = HeaderName::from_static(signature::SIGNATURE);
        Some(Resigned { headers: vec![(name, signature)], edits: Vec::new() })
    }

    fn sandbox(&self) -> Option<&'static dyn dndgate_adapter::sandbox::Sandbox> {
        Some(&TWILIO)
    }
}

#[cfg(test)]
mod tests;
