//! MessageBird, and Bird's channels: SMS, MMS, WhatsApp, Messenger, calls, voice messages, verifications.
//!
//! Reading order: [`sends`] (whom a request reaches), [`conversations`] (who is in one), [`refuse`], [`stitch`],
//! [`schedule`]; then [`signature`], [`webhook`], [`flow`] (what a call is told to do), [`confirm`] for the way back,
//! and [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod confirm;
mod conversations;
mod flow;
mod refuse;
pub mod sandbox;
mod schedule;
mod sends;
mod signature;
mod stitch;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Asked, Authentic, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Refused, Reply, ReplyGate, Request, Resigned,
    Scheduled, Secrets, Sending, Unreadable, Webhook, outbound::Call,
};
use http::StatusCode;
use std::borrow::Cow;

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageBird;

/// The adapter, for the list of adapters.
pub static MESSAGEBIRD: MessageBird = MessageBird;

/// Name of the key that verifies and signs webhooks.
const SIGNING_KEY: &str = "signing_key";
/// Name of the key that calls the API.
const ACCESS_KEY: &str = "access_key";

static PROFILE: Profile = Profile {
    name: "messagebird",
    title: "MessageBird",
    channels: Channels::of(Channel::Sms)
        .with(Channels::of(Channel::Call))
        .with(Channels::of(Channel::Email))
        .with(Channels::of(Channel::WhatsApp))
        .with(Channels::of(Channel::Fb)),
    upstream: "https://rest.messagebird.com",
    hosts: sends::HOSTS,
    keys: &[
        Key {
            name: SIGNING_KEY,
            what: "the account's signing key (dashboard, developer settings), or that of a webhook subscription at Bird, \
                   with which webhooks are verified; several of them",
            for_webhooks: true,
        },
        Key {
            name: ACCESS_KEY,
            what: "an access key, with which scheduled messages are cancelled and opt-outs confirmed",
            for_webhooks: false,
        },
    ],
    body_bytes_max: 1 << 20,
    exemptions: &["verify"],
    unnamed: &["groups", "contacts", "conversations", "call_flows", "campaigns", "verify", "scheduled"],
    ..Profile::USUAL
};

impl Adapter for MessageBird {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// The workspace in a path of Bird's. The access key of the older APIs names no account.
    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        sends::workspace(head).map(Cow::Borrowed)
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        sends::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        sends::read(request)
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
        sends::trim(request, send, drop)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(head, refusal)
    }

    fn learn(&self, request: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        schedule::learn(request, send, answer)
    }

    fn stitches(&self, send: &Sending<'_>) -> bool {
        stitch::stitches(send)
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

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        schedule::cancel(scheduled, secrets)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        signature::verify(webhook, secrets.all(SIGNING_KEY), now)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn confirms_itself(&self, _: &Authentic<'_>, event: &Event<'_>) -> bool {
        confirm::confirms_itself(event)
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

    fn gate_reply(
        &self,
        _: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        flow::gate_reply(answer, gate)
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        url: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        _: bool,
    ) -> Option<Resigned> {
        signature::resign(webhook.webhook(), url, secrets.first(SIGNING_KEY)?, now)
    }

    fn sandbox(&self) -> Option<&'static dyn dndgate_adapter::sandbox::Sandbox> {
        Some(&MESSAGEBIRD)
    }
}
