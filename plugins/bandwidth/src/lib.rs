//! Bandwidth: messages, calls and verification codes.
//!
//! Reading order: [`sends`] (whom a request reaches), [`bxml`] (instructions of calls), [`refuse`], [`webhook`] (proof
//! and events), [`reply`], [`confirm`], [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bxml;
mod confirm;
mod refuse;
mod reply;
mod sandbox;
mod sends;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotTrim, Channel, Channels, Edit, Event, EventKind, Forged, Head, Key,
    Look, Outbound, Profile, Proof, Refusal, Reply, ReplyGate, Request, Secrets, Sending, Unreadable,
    Webhook, outbound::Call, sandbox::Sandbox,
};
use http::StatusCode;
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bandwidth;

/// The adapter, for the list of adapters.
pub static BANDWIDTH: Bandwidth = Bandwidth;

/// Name of the key that proves webhooks.
const WEBHOOK_CREDENTIALS: &str = "webhook_credentials";
/// Name of the key that calls the API.
const API_CREDENTIALS: &str = "api_credentials";
/// Name of the key that says from which account confirmations go.
const ACCOUNT_ID: &str = "account_id";

static PROFILE: Profile = Profile {
    name: "bandwidth",
    title: "Bandwidth",
    channels: Channels::of(Channel::Sms).with(Channels::of(Channel::Call)),
    upstream: "https://messaging.bandwidth.com",
    hosts: sends::HOSTS,
    keys: &[
        Key {
            name: WEBHOOK_CREDENTIALS,
            what: "user:password of the application's callbacks, with which webhooks are proven",
            for_webhooks: true,
        },
        Key {
            name: API_CREDENTIALS,
            what: "user:password of the API, with which opt-outs are confirmed",
            for_webhooks: false,
        },
        Key { name: ACCOUNT_ID, what: "the account from which opt-outs are confirmed", for_webhooks: false },
    ],
    body_bytes_max: 4 << 20,
    // "Webhooks", documentation of Messaging: ten seconds.
    webhook_timeout: Duration::from_secs(10),
    exemptions: &["verify"],
    ..Profile::USUAL
};

impl Adapter for Bandwidth {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        sends::account(head.path).map(Cow::Borrowed)
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        sends::table().look(&sends::placed(head))
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        match sends::read(request)? {
            Outbound::Unnamed(sends::BXML) => {
                let text = std::str::from_utf8(request.body)
                    .map_err(|_| Unreadable::new("the BXML is not UTF-8"))?;
                let media = request.head.header("content-type");
                Ok(Outbound::Send(bxml::read(text, media)?.sending()))
            }
            other => Ok(other),
        }
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        let request = &Request { head: sends::placed(&request.head), ..*request };
        match sends::read(request) {
            Ok(Outbound::Send(_)) => sends::table().trim(request, drop),
            _ if drop.is_empty() => Ok(Vec::new()),
            _ => Err(CannotTrim("the instructions of the call dial somebody who must not be called".into())),
        }
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(&sends::placed(head), refusal)
    }

    fn wants_answer(&self, _: &Sending<'_>, _: StatusCode) -> bool {
        // Who opted out is told by webhooks only.
        false
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, _: jiff::Timestamp) -> Result<Proof, Forged> {
        webhook::verify(webhook, secrets)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn decline(&self, event: &Event<'_>) -> Option<Reply> {
        matches!(event.kind, EventKind::InboundCall { .. }).then(reply::hang_up)
    }

    fn acknowledge(&self, webhook: &Authentic<'_>) -> Reply {
        if webhook::is_call(webhook.webhook()) { reply::nothing() } else { Reply::empty(StatusCode::OK) }
    }

    fn confirms_itself(&self, webhook: &Authentic<'_>, _: &Event<'_>) -> bool {
        confirm::is_answered(webhook.webhook())
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        _: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::call(webhook.webhook(), text, secrets)
    }

    fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        if webhook::is_call(webhook.webhook()) { reply::gate_reply(answer, gate) } else { Ok(None) }
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&BANDWIDTH)
    }
}
