//! Vonage: the SMS API, the Messages API (SMS, MMS, RCS, WhatsApp, Messenger, Viber), calls, verifications.
//!
//! Reading order: [`sends`] (whom a request reaches), [`voice`] and [`ncco`] (calls and what happens in them),
//! [`refuse`], [`learn`]; then [`signature`], [`webhook`], [`confirm`] for the way back, and [`sandbox`].
//! What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod confirm;
mod fields;
mod learn;
mod ncco;
mod refuse;
pub mod sandbox;
mod sends;
mod signature;
mod voice;
mod webhook;

use base64::{Engine, engine::general_purpose::STANDARD};
use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Channels, Edit, Event, EventKind, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Reply, ReplyGate, Request, Resigned, Secrets, Sending,
    Unreadable, Webhook, form, jwt, outbound::Call,
};
use http::{StatusCode, header};
use serde_json::json;
use std::borrow::Cow;

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vonage;

/// The adapter, for the list of adapters.
pub static VONAGE: Vonage = Vonage;

/// Name of the key that verifies webhooks.
const SIGNATURE_SECRET: &str = "signature_secret";
/// Names of the keys that call the API.
const API_KEY: &str = "api_key";
const API_SECRET: &str = "api_secret";

static PROFILE: Profile = Profile {
    name: "vonage",
    title: "Vonage",
    channels: Channels::of(Channel::Sms)
        .with(Channels::of(Channel::Call))
        .with(Channels::of(Channel::WhatsApp))
        .with(Channels::of(Channel::Fb)),
    upstream: "https://api.nexmo.com",
    hosts: sends::HOSTS,
    keys: &[
        Key {
            name: SIGNATURE_SECRET,
            what: "the account's signature secret (dashboard, API settings), with which webhooks are verified; \
                   several while it is rotated",
            for_webhooks: true,
        },
        Key { name: API_KEY, what: "the account's API key, which confirms opt-outs", for_webhooks: false },
        Key { name: API_SECRET, what: "the API secret that belongs to it", for_webhooks: false },
    ],
    body_bytes_max: 1 << 20,
    exemptions: &["verify"],
    unnamed: &["verify", "conversations", "proactive_connect", "voicexml"],
    ..Profile::USUAL
};

impl Adapter for Vonage {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    /// The API key that authenticates, or the application whose token does.
    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        if let Some(credentials) = head.header(header::AUTHORIZATION.as_str()) {
            let (scheme, value) = credentials.split_once(' ')?;
            if scheme.eq_ignore_ascii_case("bearer") {
                return jwt::claim_unproven(value, "application_id").map(Cow::Owned);
            }
            let decoded = STANDARD.decode(value.trim()).ok();
            let decoded = decoded.filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
            let user = std::str::from_utf8(&decoded).ok()?.split(':').next()?;
            return Some(Cow::Owned(user.to_owned()));
        }
        let query = form::read(head.query?.as_bytes()).ok()?;
        query.one("api_key").ok()?.map(|pair| Cow::Owned(pair.value.to_string()))
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        sends::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        sends::read(request)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        sends::trim(request, drop)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(head, refusal)
    }

    /// The SMS API tells errors with a 200.
    fn wants_answer(&self, send: &Sending<'_>, status: StatusCode) -> bool {
        status.is_client_error() || (send.kind == sends::SMS && status.is_success())
    }

    fn learn(&self, _: &Request<'_>, send: &Sending<'_>, _: &[usize], answer: &Answer<'_>) -> Learned {
        learn::learn(send, answer)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        signature::verify(webhook, secrets.all(SIGNATURE_SECRET), now)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    /// A call that is told to do nothing ends.
    fn decline(&self, event: &Event<'_>) -> Option<Reply> {
        matches!(event.kind, EventKind::InboundCall { .. }).then(|| Reply::json(StatusCode::OK, &json!([])))
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
        _: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::confirm_call(webhook.webhook(), text, secrets)
    }

    fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        voice::gate_reply(webhook.webhook(), answer, gate)
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        _: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        if late { signature::resign(webhook.webhook(), secrets, now) } else { None }
    }

    fn sandbox(&self) -> Option<&'static dyn dndgate_adapter::sandbox::Sandbox> {
        Some(&VONAGE)
    }
}
