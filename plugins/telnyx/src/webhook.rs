//! Webhooks: whether they are Telnyx's, and what they say.

use crate::PUBLIC_KEY;
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Forged, Proof, Secrets, Severity, Spoken, Unreadable, Webhook,
    json::{self, Json},
    sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// Header fields of the proof.
pub(crate) const TIMESTAMP: &str = "telnyx-timestamp";
pub(crate) const SIGNATURE: &str = "telnyx-signature-ed25519";
/// How old a signature may be; what Telnyx's own SDKs allow.
const SECONDS_MAX: u64 = 300;

/// Ed25519 over the time stamp, `|` and the body ("Webhook signing", documentation).
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets, now: Timestamp) -> Result<Proof, Forged> {
    let field = |name: &str| {
        let mut values = webhook.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    let timestamp = field(TIMESTAMP).ok_or(Forged("it has no telnyx-timestamp"))?;
    let signature = field(SIGNATURE).ok_or(Forged("it has no telnyx-signature-ed25519"))?;
    let signature = sign::from_base64(signature).ok_or(Forged("its signature is not base64"))?;
    let seconds: i64 = timestamp.parse().map_err(|_| Forged("its time stamp is no number"))?;
    if seconds.abs_diff(now.as_second()) > SECONDS_MAX {
        return Err(Forged("its time stamp is too old, or from the future"));
    }
    let message = message(timestamp, webhook.body);
    let keys = secrets.all(PUBLIC_KEY).iter().filter_map(|key| sign::from_base64(key));
    let mut proven = false;
    for key in keys {
        proven |= sign::ed25519(&key, &message, &signature);
    }
    if proven { Ok(Proof::default()) } else { Err(Forged("its signature is not Telnyx's")) }
}

/// What is signed.
pub(crate) fn message(timestamp: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b"|", body].concat()
}

/// What a webhook says.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let body = json::read(webhook.body)?;
    let data = body.get("data").ok_or_else(|| Unreadable::new("the webhook holds no data"))?;
    let name = text(data, "event_type").ok_or_else(|| Unreadable::new("the event has no type"))?;
    let id = text(data, "id").ok_or_else(|| Unreadable::new("the event has no id"))?;
    let at = text(data, "occurred_at").and_then(|at| at.parse::<Timestamp>().ok());
    let payload = data.get("payload").unwrap_or(data);
    let event = |id, kind| Event { id, account: None, at, kind };
    Ok(match &*name {
        "message.received" => vec![event(id, received(payload)?)],
        "message.finalized" => finalized(payload)
            .into_iter()
            .enumerate()
            .map(|(index, kind)| event(Cow::Owned(format!("{id}/{index}")), kind))
            .collect(),
        "call.initiated" if text(payload, "direction").as_deref() == Some("incoming") => {
            let from = text(payload, "from").ok_or_else(|| Unreadable::new("the call names no caller"))?;
            vec![event(id, EventKind::InboundCall { from })]
        }
        name => vec![event(id, EventKind::Other(other(name)))],
    })
}

/// A name that is one of few, for metrics.
fn other(name: &str) -> &'static str {
    match name {
        "message.sent" => "sent",
        name if name.starts_with("message.") => "message",
        name if name.starts_with("call.") => "call",
        _ => "other",
    }
}

fn received<'a>(payload: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let from = payload.get("from").and_then(|from| text(from, "phone_number"));
    Ok(EventKind::Message {
        channel: channel(payload),
        from_kind: AddressKind::Phone,
        from: from.ok_or_else(|| Unreadable::new("the message names no sender"))?,
        spoken: Spoken { texts: text(payload, "text").into_iter().collect(), provider_meaning: None },
    })
}

/// A final report names each recipient with a status and, together, the errors.
fn finalized<'a>(payload: &Json<'a>) -> Vec<EventKind<'a>> {
    let error = payload.get("errors").and_then(Json::as_array).and_then(<[_]>::first);
    let code = error.and_then(|error| text(error, "code"));
    let message = error.and_then(|error| text(error, "title")).unwrap_or_default();
    let to = payload.get("to").and_then(Json::as_array).unwrap_or_default();
    to.iter()
        .filter_map(|one| {
            let status = text(one, "status")?;
            if !matches!(&*status, "sending_failed" | "delivery_failed") {
                return Some(EventKind::Other(if &*status == "delivered" { "delivered" } else { "message" }));
            }
            Some(EventKind::Failure {
                channel: channel(payload),
                to_kind: AddressKind::Phone,
                to: text(one, "phone_number")?,
                code: code.clone().unwrap_or(status),
                severity: Severity::Unsaid,
                message: message.clone(),
            })
        })
        .collect()
}

fn channel(payload: &Json<'_>) -> Channel {
    match text(payload, "type").as_deref() {
        Some("WhatsApp" | "WHATSAPP" | "whatsapp") => Channel::WhatsApp,
        _ => Channel::Sms,
    }
}

fn text<'a>(json: &Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    json.get(name).and_then(Json::text).filter(|text| !text.is_empty())
}
