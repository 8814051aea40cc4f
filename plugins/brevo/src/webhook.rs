//! Webhooks: whether they are Brevo's, and what they say. One object, or an array of them where batches are on.

use crate::{WEBHOOK_SECRET, inbound};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Forged, Proof, Secrets, Severity, Spoken, Unreadable, Webhook,
    json::{self, Json, Value},
    sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// The most characters of a mail server's words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// Brevo signs nothing: whoever knows the secret is believed.
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets) -> Result<Proof, Forged> {
    if webhook.bears(secrets.all(WEBHOOK_SECRET), &["x-webhook-secret"]) {
        Ok(Proof::default())
    } else {
        Err(Forged("it does not bear the webhook_secret (basic auth, or a bearer's token)"))
    }
}

/// What a webhook says. An event that cannot be read keeps none of the others from counting.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let body = json::read(webhook.body)?;
    if let Some(items) = body.get("items").and_then(Json::as_array) {
        return Ok(items.iter().map(inbound::event).collect());
    }
    match body.as_array() {
        Some(list) => Ok(list.iter().map(event).collect()),
        None if body.as_object().is_some() => Ok(vec![event(&body)]),
        None => Err(Unreadable::new("the webhook is no event")),
    }
}

fn event<'a>(json: &Json<'a>) -> Event<'a> {
    let kind = if json.get("msg_status").is_some() {
        sms(json)
    } else if json.get("contactNumber").is_some() {
        whatsapp(json)
    } else {
        mail(json)
    };
    Event { id: id(json), account: None, at: at(json), kind: kind.unwrap_or(EventKind::Other("unreadable")) }
}

/// Brevo gives its events no ids: what happened to whom, in which message and when, is one.
fn id(json: &Json<'_>) -> Cow<'static, str> {
    let names = [
        "event",
        "msg_status",
        "email",
        "to",
        "contactNumber",
        "message-id",
        "messageId",
        "ts_epoch",
        "ts_event",
        "id",
        "date",
    ];
    let mut parts = Vec::new();
    for name in names {
        parts.push(text(json, name).unwrap_or_default().into_owned());
    }
    Cow::Owned(sign::to_hex(&sign::sha256(parts.join("\n").as_bytes())))
}

/// `ts_epoch` is in milliseconds of UTC; the other times are in the account's zone.
fn at(json: &Json<'_>) -> Option<Timestamp> {
    let milliseconds: i64 = text(json, "ts_epoch")?.parse().ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

/// Mail, of transactions and of campaigns.
fn mail<'a>(json: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let name = text(json, "event").ok_or_else(|| Unreadable::new("the event has no name"))?;
    let (channel, kind) = (Channel::Email, AddressKind::Email);
    let email =
        || text(json, "email").filter(|text| text.contains('@')).ok_or_else(|| Unreadable::new("no email"));
    let failure = |severity| -> Result<EventKind<'a>, Unreadable> {
        Ok(EventKind::Failure {
            channel,
            to_kind: kind,
            to: email()?,
            code: Cow::Owned(folded(&name)),
            severity,
            message: reason(json),
        })
    };
    Ok(match &*folded(&name) {
        "hard_bounce" | "invalid_email" => failure(Severity::Permanent)?,
        "blocked" => failure(Severity::Unsaid)?,
        "soft_bounce" | "deferred" => failure(Severity::Temporary)?,
        "error" => failure(Severity::Unsaid)?,
        "spam" | "complaint" => EventKind::Complaint { channel, kind, address: email()? },
        "unsubscribe" | "unsubscribed" => EventKind::Unsubscribe { channel, kind, address: email()? },
        "delivered" => EventKind::Other("delivered"),
        "request" | "sent" => EventKind::Other("sent"),
        "opened" | "unique_opened" | "proxy_open" | "unique_proxy_open" => EventKind::Other("opened"),
        "click" => EventKind::Other("clicked"),
        _ => EventKind::Other("other"),
    })
}

/// A campaign's events are written `hardBounce`, a mail's `hard_bounce`.
fn folded(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    for char in name.chars() {
        if char.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

fn sms<'a>(json: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let status = text(json, "msg_status").unwrap_or_default();
    let number = || {
        let found = text(json, "to").or_else(|| text(json, "mobile"));
        found.map(international).ok_or_else(|| Unreadable::new("the event names no number"))
    };
    let channel = Channel::Sms;
    Ok(match &*folded(&status) {
        "replied" => reply(channel, number()?, text(json, "reply").or_else(|| text(json, "content"))),
        "sent" | "accepted" => EventKind::Other("sent"),
        "delivered" => EventKind::Other("delivered"),
        status @ ("unsubscribe" | "unsubscribed" | "blocklisted" | "blacklisted" | "hard_bounces"
        | "hard_bounce" | "soft_bounces" | "soft_bounce" | "rejected" | "skip") => EventKind::Failure {
            channel,
            to_kind: AddressKind::Phone,
            to: number()?,
            code: Cow::Owned(format!("sms/{}", singular(status))),
            severity: if status.starts_with("soft") { Severity::Temporary } else { Severity::Unsaid },
            message: reason(json),
        },
        _ => EventKind::Other("other"),
    })
}

fn whatsapp<'a>(json: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let name = text(json, "event").ok_or_else(|| Unreadable::new("the event has no name"))?;
    let number = text(json, "contactNumber").map(international);
    let number = number.ok_or_else(|| Unreadable::new("the event names no number"))?;
    let channel = Channel::WhatsApp;
    Ok(match &*folded(&name) {
        "reply" => reply(channel, number, text(json, "body")),
        "unsubscribe" | "unsubscribed" => {
            EventKind::Unsubscribe { channel, kind: AddressKind::Phone, address: number }
        }
        "error" | "soft_bounce" | "soft-bounce" | "hard_bounce" => EventKind::Failure {
            channel,
            to_kind: AddressKind::Phone,
            to: number,
            code: Cow::Owned(format!("whatsapp/{}", folded(&name).replace('-', "_"))),
            severity: Severity::Unsaid,
            message: reason(json),
        },
        "sent" => EventKind::Other("sent"),
        "delivered" => EventKind::Other("delivered"),
        "read" => EventKind::Other("opened"),
        _ => EventKind::Other("other"),
    })
}

/// One name for what Brevo writes in several ways.
fn singular(status: &str) -> &str {
    match status {
        "unsubscribed" => "unsubscribe",
        "blacklisted" => "blocklisted",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

/// Brevo writes numbers with their country's code and without the plus.
fn international(number: Cow<'_, str>) -> Cow<'_, str> {
    let bare = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
    if bare { Cow::Owned(format!("+{number}")) } else { number }
}

fn reply<'a>(channel: Channel, from: Cow<'a, str>, said: Option<Cow<'a, str>>) -> EventKind<'a> {
    EventKind::Message {
        channel,
        from_kind: AddressKind::Phone,
        from,
        spoken: Spoken { texts: said.into_iter().collect(), provider_meaning: None },
    }
}

fn reason<'a>(json: &Json<'a>) -> Cow<'a, str> {
    let words = text(json, "reason").or_else(|| text(json, "description")).unwrap_or_default();
    words.chars().take(MESSAGE_CHARS_MAX).collect::<String>().into()
}

/// The text of a member, be it a string or a number.
pub(crate) fn text<'a>(json: &Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    let found = match &json.get(name)?.value {
        Value::String(text) => text.clone(),
        Value::Number(digits) => Cow::Borrowed(*digits),
        _ => return None,
    };
    Some(found).filter(|text| !text.is_empty())
}
