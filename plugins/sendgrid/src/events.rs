//! What the Event Webhook says: a list of events of several people and mails.
//!
//! The sender's own arguments stand among an event's members. So an event is read leniently, and one that cannot be
//! read takes no other with it.

use dndgate_adapter::{AddressKind, Channel, Event, EventKind, Severity, Unreadable, mailbox, sign};
use jiff::Timestamp;
use serde_json::Value;
use std::borrow::Cow;

/// The most characters of a mail server's words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// The events in a webhook.
pub(crate) fn events<'a>(body: &[u8]) -> Result<Vec<Event<'a>>, Unreadable> {
    let all: Vec<Value> =
        serde_json::from_slice(body).map_err(|_| Unreadable::new("the webhook is no list of events"))?;
    Ok(all.iter().map(event).collect())
}

fn event<'a>(event: &Value) -> Event<'a> {
    let id = text(event, "sg_event_id").map(str::to_owned);
    let id = id.unwrap_or_else(|| sign::to_hex(&sign::sha256(event.to_string().as_bytes())));
    let at = event.get("timestamp").and_then(|at| at.as_f64().or_else(|| at.as_str()?.parse().ok()));
    let kind = kind(event).unwrap_or(EventKind::Other("unreadable"));
    Event { id: id.into(), account: None, at: at.and_then(instant), kind }
}

/// What happened; none when the event names nobody.
fn kind<'a>(event: &Value) -> Option<EventKind<'a>> {
    let (channel, kind) = (Channel::Email, AddressKind::Email);
    let name = text(event, "event")?;
    let address = || text(event, "email").and_then(address);
    let code = |code: String, severity| {
        let message = Cow::Owned(said(event));
        Some(EventKind::Failure {
            channel,
            to_kind: kind,
            to: address()?,
            code: code.into(),
            severity,
            message,
        })
    };
    let preference = |name: &'static str, resumes| {
        Some(EventKind::Preference { channel, kind, address: address()?, resumes, code: name.into() })
    };
    match name {
        // A block is a refusal of the mail and not of the address; without a type it is a bounce.
        "bounce" => match text(event, "type").unwrap_or("bounce").to_ascii_lowercase() {
            word if word == "bounce" => code(word, Severity::Permanent),
            word => code(word, Severity::Temporary),
        },
        "blocked" => code("blocked".into(), Severity::Temporary),
        "dropped" => {
            let reason = text(event, "reason").or_else(|| text(event, "type")).unwrap_or("without a reason");
            code(format!("dropped: {}", reason.trim().to_lowercase()), Severity::Unsaid)
        }
        "spamreport" => Some(EventKind::Complaint { channel, kind, address: address()? }),
        "unsubscribe" => Some(EventKind::Unsubscribe { channel, kind, address: address()? }),
        "group_unsubscribe" => preference("group_unsubscribe", false),
        "group_resubscribe" => preference("group_resubscribe", true),
        other => Some(EventKind::Other(other_name(other))),
    }
}

/// Names for metrics: few.
fn other_name(event: &str) -> &'static str {
    const NAMES: [&str; 6] = ["processed", "delivered", "deferred", "open", "click", "account_status_change"];
    NAMES.iter().find(|name| **name == event).copied().unwrap_or("other")
}

/// A mail server's words with its code, for policies.
fn said(event: &Value) -> String {
    let words = ["status", "bounce_classification", "reason"].iter().filter_map(|name| text(event, name));
    words.collect::<Vec<_>>().join(" ").chars().take(MESSAGE_CHARS_MAX).collect()
}

/// The address, without the name that may stand beside it.
pub(crate) fn address<'a>(text: &str) -> Option<Cow<'a, str>> {
    let list = mailbox::read(text).ok();
    let address = match list.as_deref() {
        Some([one]) => one.address.to_string(),
        _ => text.trim().to_owned(),
    };
    (!address.is_empty()).then_some(Cow::Owned(address))
}

fn text<'v>(event: &'v Value, name: &str) -> Option<&'v str> {
    event.get(name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// Seconds since 1970.
fn instant(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok().filter(|_| seconds.is_finite())
}
