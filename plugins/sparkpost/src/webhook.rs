//! Webhooks: whether they are SparkPost's, and what they say. One webhook holds many events.

use crate::{WEBHOOK_SECRET, inbound};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Forged, Proof, Secrets, Severity, Unreadable, Webhook,
    json::{self, Json, Value},
    sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// The header field that bears the auth token of a relay webhook.
const FIELD: &str = "x-messagesystems-webhook-token";
/// The most characters of a mail server's words that are kept.
const MESSAGE_CHARS_MAX: usize = 300;

/// SparkPost signs nothing: whoever knows the secret is believed.
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets) -> Result<Proof, Forged> {
    if webhook.bears(secrets.all(WEBHOOK_SECRET), &[FIELD]) {
        Ok(Proof::default())
    } else {
        Err(Forged(
            "it does not bear the webhook_secret (basic auth, or the field X-MessageSystems-Webhook-Token)",
        ))
    }
}

/// What a webhook says. An event that cannot be read keeps none of the others from counting.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let body = json::read(webhook.body)?;
    let list = body.as_array().ok_or_else(|| Unreadable::new("the webhook is no array of events"))?;
    let mut events = Vec::new();
    for one in list {
        let classes = one.get("msys").and_then(Json::as_object);
        let classes = classes.ok_or_else(|| Unreadable::new("an event holds no msys"))?;
        for member in classes {
            events.push(event(&member.key, &member.value, webhook.body));
        }
    }
    Ok(events)
}

fn event<'a>(class: &str, json: &Json<'a>, body: &'a [u8]) -> Event<'a> {
    let kind = match class {
        "relay_message" => inbound::event(json),
        "track_event" => Ok(EventKind::Other("tracked")),
        _ => reported(json),
    };
    let id = text(json, "event_id").filter(|id| !id.is_empty());
    // What comes without an id is known by its bytes.
    let id = id.unwrap_or_else(|| sign::to_hex(&sign::sha256(&body[json.range.clone()])).into());
    let subaccount = json.get("subaccount_id").and_then(scalar).filter(|id| !matches!(&**id, "" | "0"));
    Event {
        id,
        account: subaccount.map(|id| Cow::Owned(format!("subaccount:{id}"))),
        at: text(json, "timestamp").and_then(|at| instant(&at)),
        kind: kind.unwrap_or(EventKind::Other("unreadable")),
    }
}

fn reported<'a>(json: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let name = text(json, "type").ok_or_else(|| Unreadable::new("the event has no type"))?;
    let to = || {
        let fields = ["rcpt_to", "raw_rcpt_to"].iter().filter_map(|name| text(json, name));
        let found = fields.into_iter().find(|text| text.contains('@'));
        found.ok_or_else(|| Unreadable::new("the event names no recipient"))
    };
    Ok(match &*name {
        "bounce" | "out_of_band" => bounced(json, to()?),
        "policy_rejection" | "generation_rejection" | "generation_failure" => {
            let said = reason(json);
            // On SparkPost's list; which kind of entry is not said.
            let code = if said.contains("suppressed") { "suppressed".into() } else { name };
            failure(to()?, code, Severity::Unsaid, said)
        }
        "spam_complaint" if text(json, "fbtype").as_deref() == Some("not-spam") => {
            EventKind::Other("not_spam")
        }
        "spam_complaint" => {
            EventKind::Complaint { channel: Channel::Email, kind: AddressKind::Email, address: to()? }
        }
        "list_unsubscribe" | "link_unsubscribe" => unsubscribe(to()?),
        "delivery" => EventKind::Other("delivered"),
        "delay" => EventKind::Other("delayed"),
        "injection" => EventKind::Other("accepted"),
        _ => EventKind::Other("other"),
    })
}

/// By its class ("Bounce classification codes", documentation).
fn bounced<'a>(json: &Json<'a>, to: Cow<'a, str>) -> EventKind<'a> {
    let class = json.get("bounce_class").and_then(scalar).filter(|class| !class.is_empty());
    let class = class.unwrap_or(Cow::Borrowed("1"));
    let severity = match &*class {
        "60" | "80" => return EventKind::Other("automatic_reply"),
        "90" => return unsubscribe(to),
        "10" | "30" => Severity::Permanent,
        "20" | "21" | "22" | "23" | "24" | "40" | "70" | "100" => Severity::Temporary,
        _ => Severity::Unsaid,
    };
    failure(to, class, severity, reason(json))
}

fn failure<'a>(
    to: Cow<'a, str>,
    code: Cow<'a, str>,
    severity: Severity,
    message: Cow<'a, str>,
) -> EventKind<'a> {
    EventKind::Failure { channel: Channel::Email, to_kind: AddressKind::Email, to, code, severity, message }
}

fn unsubscribe(address: Cow<'_, str>) -> EventKind<'_> {
    EventKind::Unsubscribe { channel: Channel::Email, kind: AddressKind::Email, address }
}

fn reason<'a>(json: &Json<'a>) -> Cow<'a, str> {
    let words = text(json, "raw_reason").or_else(|| text(json, "reason")).unwrap_or_default();
    words.chars().take(MESSAGE_CHARS_MAX).collect::<String>().into()
}

/// Seconds since 1970, or RFC 3339.
fn instant(written: &str) -> Option<Timestamp> {
    match written.parse::<i64>() {
        Ok(seconds) => Timestamp::from_second(seconds).ok(),
        Err(_) => written.parse().ok(),
    }
}

/// The text of a member, be it a string or a number.
pub(crate) fn text<'a>(json: &Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    json.get(name).and_then(scalar)
}

fn scalar<'a>(value: &Json<'a>) -> Option<Cow<'a, str>> {
    match &value.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        _ => None,
    }
}
