//! Sinch: SMS, Conversation, Voice, Verification and Fax.
//!
//! Reading order: [`sends`] (whom a request reaches), [`svaml`], [`conversation`] and [`verify`] (what is no row of a
//! table), [`refuse`], [`proof`], [`webhook`], [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod conversation;
mod proof;
mod refuse;
mod sandbox;
mod sends;
mod svaml;
mod verify;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Asked, Authentic, CannotTrim, Channel, Channels, Edit, Event, EventKind, Forged, Head,
    Key, Known, Learned, Look, Outbound, Profile, Proof, Refusal, Reply, ReplyGate, Request, Resigned,
    Scheduled, Secrets, Sending, Unreadable, Webhook, json, outbound::Call, sandbox::Sandbox,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sinch;

/// The adapter, for the list of adapters.
pub static SINCH: Sinch = Sinch;

/// Name of the key that proves webhooks of messages.
const WEBHOOK_SECRET: &str = "webhook_secret";
/// Name of the key that proves webhooks of calls and verifications.
const APPLICATION: &str = "application";
/// Name of the key that calls the API.
const API_TOKEN: &str = "api_token";
/// Name of the key that says from which service plan confirmations go.
const SERVICE_PLAN: &str = "service_plan_id";

static PROFILE: Profile = Profile {
    name: "sinch",
    title: "Sinch",
    channels: Channels::of(Channel::Sms)
        .with(Channels::of(Channel::Call))
        .with(Channels::of(Channel::WhatsApp))
        .with(Channels::of(Channel::Fb)),
    upstream: "https://us.sms.api.sinch.com",
    hosts: sends::HOSTS,
    keys: &[
        Key {
            name: WEBHOOK_SECRET,
            what: "the secret of the SMS and Conversation webhooks, or user:password of their address",
            for_webhooks: true,
        },
        Key {
            name: APPLICATION,
            what: "key:secret of the Voice or Verification application, with which its webhooks are verified",
            for_webhooks: false,
        },
        Key {
            name: API_TOKEN,
            what: "the service plan's API token, or key_id:key_secret of a project, with which scheduled messages are cancelled",
            for_webhooks: false,
        },
        Key {
            name: SERVICE_PLAN,
            what: "the service plan (or project) from which opt-outs are confirmed",
            for_webhooks: false,
        },
    ],
    body_bytes_max: 10 << 20,
    // "Callbacks", documentation of Voice: five seconds; the others wait longer.
    webhook_timeout: Duration::from_secs(5),
    exemptions: &["verify"],
    unnamed: &[sends::GROUPS, sends::CONTACTS, sends::CALL_BATCHES, "scheduled"],
    ..Profile::USUAL
};

impl Adapter for Sinch {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        sends::account(head.path).map(Cow::Borrowed)
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        sends::API.look(&sends::found(head)?)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        match sends::read(request)? {
            Outbound::Unnamed(sends::CALLOUT | sends::COMMANDS | sends::VERIFY)
                if request.head.media_type().as_deref() != Some("application/json") =>
            {
                Err(Unreadable::new("send this as application/json"))
            }
            Outbound::Unnamed(sends::CALLOUT | sends::COMMANDS) => called(request.body),
            Outbound::Unnamed(sends::VERIFY) => verify::sending(request.body).map(Outbound::Send),
            Outbound::Send(sending) if request.head.path.ends_with(":send") => {
                conversation::read(request, sending)
            }
            Outbound::Send(sending) => Ok(Outbound::Send(with_groups(sending))),
            other => Ok(other),
        }
    }

    fn asked<'a>(&self, request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
        conversation::asked(request, answers)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        if drop.is_empty() {
            return Ok(Vec::new());
        }
        if request.head.path.ends_with(":send") && conversation::names_contact(request) {
            return Err(CannotTrim("the contact may be reached by an identity that must not be".into()));
        }
        let request = &Request { head: sends::placed(&request.head), ..*request };
        match sends::read(request) {
            Ok(Outbound::Send(_)) => sends::API.trim(request, drop),
            _ => Err(CannotTrim("the instructions of the call dial somebody who must not be called".into())),
        }
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(&sends::placed(head), refusal)
    }

    fn wants_answer(&self, send: &Sending<'_>, _: StatusCode) -> bool {
        send.scheduled
    }

    fn learn(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        dropped: &[usize],
        answer: &Answer<'_>,
    ) -> Learned {
        refuse::learn(request, send, dropped, answer)
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
        proof::verify(webhook, secrets, now)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn decline(&self, event: &Event<'_>) -> Option<Reply> {
        matches!(event.kind, EventKind::InboundCall { .. }).then(|| hangup(!event.id.starts_with("call.")))
    }

    fn acknowledge(&self, webhook: &Authentic<'_>) -> Reply {
        // Without instructions a call ends with an error; Sinch takes none for "go on" but while it lasts.
        if webhook::is_call(webhook.webhook()) {
            return Reply::json(StatusCode::OK, &json!({}));
        }
        Reply::empty(StatusCode::OK)
    }

    fn confirms_itself(&self, _: &Authentic<'_>, event: &Event<'_>) -> bool {
        !matches!(event.kind, EventKind::Message { channel: Channel::Sms, .. })
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        _: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        let (person, business) = webhook::written_to(webhook.webhook())?;
        let plan = secrets.first(SERVICE_PLAN).filter(|plan| sends::is_id(plan))?;
        let body = json!({ "to": [person], "from": business, "body": text });
        Some(Call {
            method: Method::POST,
            host: None,
            path_and_query: format!("/xms/v1/{plan}/batches"),
            headers: vec![
                (header::AUTHORIZATION, sends::credentials(secrets)?),
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            ],
            body: body.to_string().into_bytes(),
        })
    }

    fn gate_reply(
        &self,
        webhook: &Authentic<'_>,
        answer: &Answer<'_>,
        gate: &mut dyn ReplyGate,
    ) -> Result<Option<Reply>, Unreadable> {
        if !webhook::is_call(webhook.webhook()) || answer.body.trim_ascii().is_empty() {
            return Ok(None);
        }
        for number in svaml::dialled(&json::read(answer.body)?)? {
            if !gate.allows(&svaml::called(number)) {
                return Ok(Some(hangup(webhook::is_of_first_generation(webhook.webhook()))));
            }
        }
        Ok(None)
    }

    fn resign(
        &self,
        webhook: &Authentic<'_>,
        url: &str,
        secrets: &Secrets,
        now: jiff::Timestamp,
        late: bool,
    ) -> Option<Resigned> {
        proof::resign(webhook.webhook(), url, secrets, now, late)
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&SINCH)
    }
}

/// Ends a call, in the words of either generation of Voice.
fn hangup(is_of_first_generation: bool) -> Reply {
    let body = if is_of_first_generation {
        json!({ "action": { "name": "hangup" } })
    } else {
        json!({ "commands": [{ "command": "hangup" }] })
    };
    Reply::json(StatusCode::OK, &body)
}

/// Instructions that dial nobody outside (a menu, a message on a call that is there) reach nobody.
fn called<'a>(body: &[u8]) -> Result<Outbound<'a>, Unreadable> {
    let sending = svaml::sending(body, "call")?;
    Ok(if sending.recipients.is_empty() { Outbound::Nobody } else { Outbound::Send(sending) })
}

/// Among the recipients of a batch may be ids of groups, which are no telephone numbers.
fn with_groups(mut sending: Sending<'_>) -> Sending<'_> {
    for one in &mut sending.recipients {
        if one.address.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            one.known = Known::Unnamed(sends::GROUPS);
            sending.unnamed = Some(sends::GROUPS);
        }
    }
    sending
}
