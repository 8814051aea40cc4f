//! What Twilio tells: inbound messages and calls, and what became of sends.

use crate::{
    learn::severity,
    signature::{Params, param, params},
};
use dndgate_adapter::{
    AddressKind, Authentic, Channel, Event, EventKind, Reply, Spoken, Unreadable, Webhook, sign,
};
use http::StatusCode;
use std::borrow::Cow;

/// Callers whom the network did not name: what it sends spells ANONYMOUS, RESTRICTED, UNAVAILABLE, BLOCKED,
/// UNKNOWN on a telephone's keys.
const NAMELESS: &[&str] = &["+266696687", "+7378742833", "+86282452253", "+2562533", "+8566696", "+8656696"];

const EMPTY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
const BUSY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Reject reason=\"busy\"/></Response>";

/// What a webhook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Somebody wrote.
    Message,
    /// What became of a message.
    MessageStatus,
    /// Somebody wrote in a conversation.
    Conversation,
    /// A call that begins or goes on: TwiML is awaited.
    Call,
    /// What became of a call or a recording.
    CallStatus,
    /// Something else.
    Other,
}

/// Tells webhooks apart by their parameters.
pub(crate) fn about(params: &Params<'_>) -> About {
    let has = |name: &str| !param(params, name).is_empty();
    if matches!(param(params, "EventType"), "onMessageAdded" | "onMessageAdd") {
        return About::Conversation;
    }
    if has("CallSid") {
        let reports = [
            "CallbackSource",
            "SequenceNumber",
            "StatusCallbackEvent",
            "RecordingStatus",
            "TranscriptionStatus",
        ];
        return if reports.iter().any(|name| has(name)) { About::CallStatus } else { About::Call };
    }
    if has("MessageSid") || has("SmsSid") {
        let status = Some(param(params, "MessageStatus")).filter(|status| !status.is_empty());
        return match status.unwrap_or(param(params, "SmsStatus")) {
            "received" | "receiving" if status.is_none() => About::Message,
            "" if params.iter().any(|(name, _)| name == "Body" || name == "NumMedia") => About::Message,
            _ => About::MessageStatus,
        };
    }
    About::Other
}

/// See [`dndgate_adapter::Adapter::events`].
pub(crate) fn events<'a>(webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let params = params(webhook.webhook());
    let about = about(&params);
    let (id, kind) = match about {
        About::Message => message(&params)?,
        About::MessageStatus => message_status(&params)?,
        About::Conversation => conversation(&params, webhook.webhook()),
        About::Call => call(&params),
        About::CallStatus => (call_id(&params), EventKind::Other("call_status")),
        About::Other => {
            let signed = [webhook.webhook().url.as_bytes(), webhook.webhook().body].concat();
            (sign::to_hex(&sign::sha256(&signed)[..16]), EventKind::Other("other"))
        }
    };
    let account = Some(param(&params, "AccountSid")).filter(|account| !account.is_empty());
    Ok(vec![Event {
        id: id.into(),
        account: account.map(|account| Cow::Owned(account.to_owned())),
        at: None,
        kind,
    }])
}

fn owned<'a>(text: &str) -> Cow<'a, str> {
    Cow::Owned(text.to_owned())
}

fn message<'a>(params: &Params<'_>) -> Result<(String, EventKind<'a>), Unreadable> {
    let id = sid(params)?;
    let Some((channel, from_kind, from)) = person(param(params, "From")) else {
        return Ok((id, EventKind::Other("message")));
    };
    Ok((id, EventKind::Message { channel, from_kind, from: owned(from), spoken: spoken(params) }))
}

fn spoken<'a>(params: &Params<'_>) -> Spoken<'a> {
    let mut texts: Vec<Cow<'a, str>> = Vec::new();
    for name in ["Body", "ButtonText", "ButtonPayload", "ListTitle", "ListId"] {
        // Signed with a name twice, both are said: whichever another reader takes, an opt-out in it counts.
        for (_, text) in params.iter().filter(|(key, _)| key == name) {
            if !text.is_empty() && texts.iter().all(|other| *other != **text) {
                texts.push(owned(text));
            }
        }
    }
    let meaning = param(params, "OptOutType");
    let known = [("STOP", "opt_out"), ("START", "opt_in"), ("HELP", "help")];
    let provider_meaning =
        known.iter().find(|(word, _)| meaning.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning);
    Spoken { texts, provider_meaning }
}

/// A message's id; one message has it under three names.
fn sid(params: &Params<'_>) -> Result<String, Unreadable> {
    let id = ["MessageSid", "SmsSid", "SmsMessageSid"]
        .into_iter()
        .map(|name| param(params, name))
        .find(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| Unreadable::new("the webhook has no message id"))
}

/// The person behind an address: channel, kind, and the address without prefix.
fn person(address: &str) -> Option<(Channel, AddressKind, &str)> {
    match address.split_once(':') {
        None if !address.is_empty() => Some((Channel::Sms, AddressKind::Phone, address)),
        Some(("whatsapp", id)) => {
            let is_phone = id.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit());
            Some((Channel::WhatsApp, if is_phone { AddressKind::Phone } else { AddressKind::Wa }, id))
        }
        Some(("messenger", id)) => Some((Channel::Fb, AddressKind::Psid, id)),
        Some(("rcs" | "sms", number)) => Some((Channel::Sms, AddressKind::Phone, number)),
        _ => None,
    }
}

fn message_status<'a>(params: &Params<'_>) -> Result<(String, EventKind<'a>), Unreadable> {
    let status = ["MessageStatus", "SmsStatus"]
        .into_iter()
        .map(|name| param(params, name))
        .find(|one| !one.is_empty());
    let code = param(params, "ErrorCode");
    let id = format!("{}:{}:{code}", sid(params)?, status.unwrap_or_default());
    if code.is_empty() || code == "0" {
        return Ok((id, EventKind::Other("message_status")));
    }
    let prefixed;
    let to = match (param(params, "To"), param(params, "ChannelToAddress"), param(params, "ChannelPrefix")) {
        ("", address, prefix) | (address, _, prefix) if !prefix.is_empty() && !address.contains(':') => {
            prefixed = format!("{prefix}:{address}");
            &prefixed
        }
        ("", address, _) | (address, _, _) => address,
    };
    let Some((channel, to_kind, to)) = person(to) else {
        return Ok((id, EventKind::Other("message_status")));
    };
    let message = [param(params, "ErrorMessage"), param(params, "ChannelStatusMessage")];
    let message = message.into_iter().find(|message| !message.is_empty()).unwrap_or_default();
    let kind = EventKind::Failure {
        channel,
        to_kind,
        to: owned(to),
        code: owned(code),
        severity: severity(code),
        message: owned(message),
    };
    Ok((id, kind))
}

/// A message in a conversation. People who write by telephone or chat channel are named by their address;
/// what the CRM itself wrote comes back here too.
fn conversation<'a>(params: &Params<'_>, webhook: &Webhook<'_>) -> (String, EventKind<'a>) {
    let id = match param(params, "MessageSid") {
        "" => format!("conversation:{}", sign::to_hex(&sign::sha256(webhook.body)[..16])),
        sid => sid.to_owned(),
    };
    let own = ["API", "SDK"].iter().any(|source| param(params, "Source").eq_ignore_ascii_case(source));
    let author = param(params, "Author");
    let is_address = author.contains(':') || author.starts_with('+');
    match person(author).filter(|_| !own && is_address) {
        Some((channel, from_kind, from)) => {
            (id, EventKind::Message { channel, from_kind, from: owned(from), spoken: spoken(params) })
        }
        None => (id, EventKind::Other("conversation")),
    }
}

fn call_id(params: &Params<'_>) -> String {
    let [call, status, number] = ["CallSid", "CallStatus", "SequenceNumber"].map(|name| param(params, name));
    format!("{call}:{status}:{number}")
}

/// A call asks what to do. Only its first question is somebody calling; on calls that the CRM placed the
/// person is at the other end.
fn call<'a>(params: &Params<'_>) -> (String, EventKind<'a>) {
    let first = param(params, "Direction") == "inbound" && param(params, "CallStatus") == "ringing";
    let kind = match caller(param(params, "From")).filter(|_| first) {
        Some(from) => EventKind::InboundCall { from: owned(from) },
        None => EventKind::Other("call"),
    };
    (call_id(params), kind)
}

fn caller(from: &str) -> Option<&str> {
    let number = from.strip_prefix("whatsapp:").unwrap_or(from);
    let is_number =
        number.starts_with(|char: char| char == '+' || char.is_ascii_digit()) && !number.contains(':');
    (is_number && !NAMELESS.contains(&number)).then_some(number)
}

/// See [`dndgate_adapter::Adapter::decline`].
pub(crate) fn decline(event: &Event<'_>) -> Option<Reply> {
    match event.kind {
        EventKind::InboundCall { .. } => Some(twiml(BUSY)),
        EventKind::Message { .. } => Some(twiml(EMPTY)),
        _ => None,
    }
}

/// See [`dndgate_adapter::Adapter::acknowledge`].
pub(crate) fn acknowledge(webhook: &Authentic<'_>) -> Reply {
    match about(&params(webhook.webhook())) {
        About::Message | About::Call => twiml(EMPTY),
        _ => Reply::empty(StatusCode::NO_CONTENT),
    }
}

/// The TwiML that does nothing.
pub(crate) fn nothing() -> Reply {
    twiml(EMPTY)
}

fn twiml(text: &'static str) -> Reply {
    Reply::new(StatusCode::OK, "text/xml", text)
}
