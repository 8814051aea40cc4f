//! What webhooks say.

use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Severity, Spoken, Unreadable, Webhook,
    form::{self, Form},
    json::{Json, Value},
};
use http::Method;
use jiff::Timestamp;
use std::borrow::Cow;

/// Where a person's words may stand: texts, and on WhatsApp what was pressed.
const WORDS: &[&str] =
    &["Text", "Body", "ButtonText", "ButtonPayload", "InteractiveTitle", "InteractiveId", "Caption"];
/// States of a message that did not arrive.
const FAILED: &[&str] = &["failed", "undelivered", "rejected"];

/// The parameters: a `GET` has them in its query.
pub(crate) fn parameters<'a>(webhook: &Webhook<'a>) -> Result<Form<'a>, Unreadable> {
    match *webhook.method {
        Method::GET => form::read(webhook.query().unwrap_or_default().as_bytes()),
        _ => form::read(webhook.body),
    }
}

/// A parameter that is not empty.
pub(crate) fn parameter<'a>(form: &Form<'a>, name: &str) -> Option<Cow<'a, str>> {
    form.all(name).next().map(|pair| pair.value.clone()).filter(|value| !value.is_empty())
}

/// Text, or a number as it is written.
pub(crate) fn scalar<'a>(json: &Json<'a>) -> Option<Cow<'a, str>> {
    match &json.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(Cow::Borrowed(number)),
        _ => None,
    }
}

pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let form = parameters(webhook)?;
    let get = |name: &str| parameter(&form, name);
    let (id, kind) = if let Some(id) = get("MessageUUID") {
        message(&form, &id)?
    } else if let Some(id) = get("CallUUID").or_else(|| get("RequestUUID")) {
        call(&form, &id)?
    } else {
        let id = get("SessionUUID").unwrap_or_default();
        (id.into_owned(), EventKind::Other(if get("SessionUUID").is_some() { "verify" } else { "other" }))
    };
    let at = ["DeliveryReportTime", "SentTime", "MessageTime", "QueuedTime"].iter();
    let at = at.filter_map(|name| time(&get(name)?)).next();
    let account = get("ParentAuthID").or_else(|| get("AuthID"));
    Ok(vec![Event { id: id.into(), account, at, kind }])
}

/// A message that came in, or the state of one.
fn message<'a>(form: &Form<'a>, id: &str) -> Result<(String, EventKind<'a>), Unreadable> {
    let get = |name: &str| parameter(form, name);
    let channel = match get("Type").as_deref() {
        Some("whatsapp") => Channel::WhatsApp,
        _ => Channel::Sms,
    };
    let missing = || Unreadable::new("the message does not say from whom or to whom");
    let kind_of = |address: &str| match channel {
        Channel::WhatsApp => AddressKind::on_whatsapp(address),
        _ => AddressKind::Phone,
    };
    let Some(status) = get("Status").or_else(|| get("MessageState")) else {
        let from = get("From").ok_or_else(missing)?;
        let texts = WORDS.iter().filter_map(|name| get(name)).collect();
        let kind = EventKind::Message {
            channel,
            from_kind: kind_of(&from),
            from,
            spoken: Spoken { texts, provider_meaning: None },
        };
        return Ok((id.to_owned(), kind));
    };
    let code = get("ErrorCode").filter(|code| &**code != "000").unwrap_or_default();
    let id = format!("{id}/{status}/{code}");
    if !FAILED.contains(&&*status) {
        let name = if &*status == "delivered" { "delivered" } else { "message" };
        return Ok((id, EventKind::Other(name)));
    }
    let to = get("To").ok_or_else(missing)?;
    let kind = EventKind::Failure {
        channel,
        to_kind: kind_of(&to),
        to,
        code: if code.is_empty() { status.clone() } else { code },
        severity: Severity::Unsaid,
        message: status,
    };
    Ok((id, kind))
}

/// A person calls while it rings; what follows is said of the same call.
fn call<'a>(form: &Form<'a>, id: &str) -> Result<(String, EventKind<'a>), Unreadable> {
    let get = |name: &str| parameter(form, name);
    let state = get("CallStatus").unwrap_or_default();
    let event = get("Event").unwrap_or_default();
    let id = format!("{id}/{state}/{event}");
    let comes_in =
        get("Direction").as_deref() == Some("inbound") && &*state == "ringing" && &*event != "Hangup";
    Ok(match get("From") {
        // Somebody inside calls from a SIP address.
        Some(from) if comes_in && !from.contains(':') => (id, EventKind::InboundCall { from }),
        _ => (id, EventKind::Other("call")),
    })
}

/// `2026-11-24 10:00:00+00:00`, with or without its offset.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let civil: jiff::civil::DateTime = text.get(..19)?.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}
