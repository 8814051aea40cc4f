//! What webhooks say: JSON events and the flat ones of before 2023. Inbound mail is in [`crate::inbound`].

use crate::{
    fields::Fields,
    inbound,
    outbound::address_of,
    webhook::{head, is_json, scalar},
};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Severity, Unreadable, Webhook,
    json::{self, Json, Value},
};
use jiff::Timestamp;
use std::borrow::Cow;

/// The most characters of a mail server's words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// The event in a webhook.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let event = if is_json(webhook) {
        from_json(webhook.body)?
    } else {
        let fields = Fields::read(&head(webhook), webhook.body)?;
        if inbound::is_inbound(&fields) { inbound::event(&fields)? } else { legacy(&fields)? }
    };
    Ok(vec![event])
}

fn from_json(body: &[u8]) -> Result<Event<'_>, Unreadable> {
    let whole = json::read(body)?;
    let event = whole.get("event-data").filter(|event| event.as_object().is_some());
    let event = event.ok_or_else(|| Unreadable::new("the webhook holds no event-data"))?;
    let name = text(event, &["event"]).ok_or_else(|| Unreadable::new("the event has no name"))?;
    let at = text(event, &["timestamp"]).and_then(|seconds| instant(&seconds));
    // Ids are unique within a day.
    let id = match (text(event, &["id"]), at) {
        (Some(id), Some(at)) => Cow::Owned(format!("{id}/{}", day(at))),
        (Some(id), None) => id,
        (None, _) => Cow::Owned(dndgate_adapter::sign::to_hex(&dndgate_adapter::sign::sha256(
            &body[event.range.clone()],
        ))),
    };
    Ok(Event { id, account: account(event), at, kind: kind(event, &name)? })
}

fn kind<'a>(event: &Json<'a>, name: &str) -> Result<EventKind<'a>, Unreadable> {
    let is_test = find(event, &["flags", "is-test-mode"]).is_some_and(|flag| flag.value == Value::Bool(true));
    if is_test {
        return Ok(EventKind::Other("test"));
    }
    let recipient = || {
        let to = text(event, &["recipient"]).or_else(|| text(event, &["message", "headers", "to"]));
        to.map(address_of)
            .filter(|to| !to.is_empty())
            .ok_or_else(|| Unreadable::new("the event names no recipient"))
    };
    Ok(match name {
        "failed" => EventKind::Failure {
            channel: Channel::Email,
            to_kind: AddressKind::Email,
            to: recipient()?,
            code: text(event, &["reason"])
                .filter(|code| !code.is_empty())
                .unwrap_or(Cow::Borrowed("unknown")),
            severity: match text(event, &["severity"]).as_deref() {
                Some("permanent") => Severity::Permanent,
                Some("temporary") => Severity::Temporary,
                _ => Severity::Unsaid,
            },
            message: server_said(event),
        },
        "unsubscribed" => EventKind::Unsubscribe {
            channel: Channel::Email,
            kind: AddressKind::Email,
            address: recipient()?,
        },
        "complained" => {
            EventKind::Complaint { channel: Channel::Email, kind: AddressKind::Email, address: recipient()? }
        }
        other => EventKind::Other(other_name(other)),
    })
}

/// The events of before 2023: a flat form.
fn legacy<'a>(fields: &Fields<'a>) -> Result<Event<'a>, Unreadable> {
    let name = fields.first("event").ok_or_else(|| Unreadable::new("the webhook names no event"))?;
    let recipient = || {
        let to = fields.first("recipient").map(address_of).filter(|to| !to.is_empty());
        to.ok_or_else(|| Unreadable::new("the event names no recipient"))
    };
    let failure = |code: Cow<'a, str>| -> Result<EventKind<'a>, Unreadable> {
        let words =
            ["code", "error", "notification", "description"].iter().filter_map(|name| fields.first(name));
        Ok(EventKind::Failure {
            channel: Channel::Email,
            to_kind: AddressKind::Email,
            to: recipient()?,
            code,
            severity: Severity::Permanent,
            message: joined(words),
        })
    };
    let kind = match &*name {
        "bounced" => failure(Cow::Borrowed("bounce"))?,
        "dropped" => failure(match fields.first("code").as_deref() {
            Some("605") => Cow::Borrowed("suppress-bounce"),
            Some("606") => Cow::Borrowed("suppress-unsubscribe"),
            Some("607") => Cow::Borrowed("suppress-complaint"),
            _ => {
                fields.first("reason").filter(|reason| !reason.is_empty()).unwrap_or(Cow::Borrowed("unknown"))
            }
        })?,
        "unsubscribed" => EventKind::Unsubscribe {
            channel: Channel::Email,
            kind: AddressKind::Email,
            address: recipient()?,
        },
        "complained" => {
            EventKind::Complaint { channel: Channel::Email, kind: AddressKind::Email, address: recipient()? }
        }
        other => EventKind::Other(other_name(other)),
    };
    Ok(Event { id: token(fields), account: fields.first("domain").map(lower), at: at(fields), kind })
}

/// A form webhook has no id but its token.
pub(crate) fn token<'a>(fields: &Fields<'a>) -> Cow<'a, str> {
    fields.last("token").and_then(|field| fields.text(field).ok()).unwrap_or_default()
}

pub(crate) fn at(fields: &Fields<'_>) -> Option<Timestamp> {
    instant(&fields.text(fields.last("timestamp")?).ok()?)
}

/// The sending domain. Said outright in newer events; else it stands in the address of the stored message,
/// or behind the @ of what Mailgun made up for the domain.
fn account<'a>(event: &Json<'a>) -> Option<Cow<'a, str>> {
    let said = text(event, &["domain", "name"]).or_else(|| text(event, &["domain"]));
    let stored = || {
        let url = text(event, &["storage", "url"])?;
        let (_, after) = url.split_once("/domains/")?;
        Some(Cow::Owned(after.split('/').next()?.to_owned()))
    };
    let behind_at = |path: &[&str]| {
        let address = address_of(text(event, path)?);
        let (_, domain) = address.rsplit_once('@')?;
        Some(Cow::Owned(domain.trim_end_matches('>').to_owned()))
    };
    let domain = said
        .or_else(stored)
        .or_else(|| behind_at(&["message", "headers", "message-id"]))
        .or_else(|| behind_at(&["envelope", "sender"]))
        .or_else(|| behind_at(&["message", "headers", "from"]));
    domain.filter(|domain| !domain.is_empty()).map(lower)
}

/// A mail server's words with its codes, for policies.
fn server_said<'a>(event: &Json<'a>) -> Cow<'a, str> {
    let status = |name: &str| text(event, &["delivery-status", name]).filter(|text| !text.is_empty());
    let words = status("message").or_else(|| status("description"));
    joined([status("code"), status("enhanced-code"), words].into_iter().flatten())
}

fn joined<'a>(words: impl Iterator<Item = Cow<'a, str>>) -> Cow<'a, str> {
    let text = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Cow::Owned(text.chars().take(MESSAGE_CHARS_MAX).collect())
}

/// Names for metrics: few.
fn other_name(event: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "accepted",
        "rejected",
        "delivered",
        "opened",
        "clicked",
        "stored",
        "list_member_uploaded",
        "list_uploaded",
    ];
    NAMES.iter().find(|name| **name == event).copied().unwrap_or("other")
}

fn find<'j, 'a>(value: &'j Json<'a>, path: &[&str]) -> Option<&'j Json<'a>> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

fn text<'a>(value: &Json<'a>, path: &[&str]) -> Option<Cow<'a, str>> {
    find(value, path).and_then(scalar)
}

/// Seconds since 1970, with a fraction.
fn instant(seconds: &str) -> Option<Timestamp> {
    let seconds: f64 = seconds.parse().ok()?;
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok().filter(|_| seconds.is_finite())
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

pub(crate) fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text
    }
}
