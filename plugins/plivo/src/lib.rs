//! Plivo: SMS, MMS, WhatsApp, calls, conferences, verifications.
//!
//! Reading order: [`sends`] (whom a request reaches), [`refuse`] and [`stitch`]; then [`signature`], [`webhook`],
//! [`reply`] with [`document`] (what the CRM answers), [`confirm`] for the way back, and [`sandbox`].
//! What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod confirm;
mod document;
mod refuse;
mod reply;
pub mod sandbox;
mod sends;
mod signature;
mod stitch;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key, Learned, Look,
    Outbound, Profile, Proof, Refusal, Refused, Reply, ReplyGate, Request, Resigned, Secrets, Sending,
    Unreadable, Webhook, outbound::Call,
};
use std::borrow::Cow;

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plivo;

/// The adapter, for the list of adapters.
pub static PLIVO: Plivo = Plivo;

/// Name of the key that verifies and signs webhooks.
const AUTH_TOKEN: &str = "auth_token";
/// Name of the key with which it calls the API.
const AUTH_ID: &str = "auth_id";

static PROFILE: Profile = Profile {
    name: "plivo",
    title: "Plivo",
    channels: Channels::of(Channel::Sms)
        .with(Channels::of(Channel::Call))
        .with(Channels::of(Channel::WhatsApp)),
    upstream: "https://api.plivo.com",
    hosts: sends::HOSTS,
    keys: &[
        Key {
            name: AUTH_TOKEN,
            what: "the account's auth token, which signs webhooks; several while it is rotated, and those of subaccounts",
            for_webhooks: true,
        },
        Key {
            name: AUTH_ID,
            what: "the account's auth id, with which opt-outs are confirmed",
            for_webhooks: false,
        },
    ],
    body_bytes_max: 1 << 20,
    exemptions: &["verify", "caller_id"],
    unnamed: &["phlo"],
    ..Profile::USUAL
};

impl Adapter for Plivo {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        sends::account(head).map(Cow::Borrowed)
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

    fn learn(&self, _: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        refuse::learn(send, answer)
    }

    fn stitches(&self, send: &Sending<'_>) -> bool {
        send.kind == sends::MESSAGE
    }

    fn stitch(
        &self,
        _: &Request<'_>,
        send: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        stitch::stitch(send, refused, answer)
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, _: jiff::Timestamp) -> Result<Proof, Forged> {
        signature::verify(webhook, secrets.all(AUTH_TOKEN))
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn decline(&self, event: &Event<'_>) -> Option<Reply> {
        reply::decline(event)
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        reply::nothing()
    }

    fn confirms_itself(&self, webhook: &Authentic<'_>, event: &Event<'_>) -> bool {
        confirm::confirms_itself(webhook.webhook(), event)
    }

    fn confirm(
        &self,
        webhook: &Authentic<'_>,
        _: &Event<'_>,
        answer: &Answer<'_>,
        text: &str,
    ) -> Option<Reply> {
        confirm::confirm(webhook.webhook(), answer, text)
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        _: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::confirm_call(webhook.webhook(), text, secrets)
    }

    fn gate_reply(
        &self,
        _: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        reply::gate_reply(answer, gate)
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        url: &str,
        secrets: &Secrets,
        _: jiff::Timestamp,
        _: bool,
    ) -> Option<Resigned> {
        signature::resign(webhook.webhook(), url, secrets.all(AUTH_TOKEN))
    }

    fn sandbox(&self) -> Option<&'static dyn dndgate_adapter::sandbox::Sandbox> {
        Some(&PLIVO)
    }
}
