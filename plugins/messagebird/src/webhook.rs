//! What webhooks say: of the SMS API, of conversations, of Bird.

use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Head, Severity, Spoken, Unreadable, Webhook,
    form::{self, Form},
    json::{self, Json, Value},
};
use http::Method;
use jiff::Timestamp;
use std::borrow::Cow;

/// States of a message that did not arrive.
const FAILED: &[&str] = &["delivery_failed", "failed", "rejected", "sending_failed", "undelivered"];
/// What MessageBird calls the failure of a message to somebody who opted out ("status reasons").
const OPTED_OUT: &str = "opted out";

/// The text of a string, or a number as it is written.
fn scalar<'a>(json: &Json<'a>) -> Option<Cow<'a, str>> {
    match &json.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(Cow::Borrowed(number)),
        _ => None,
    }
}

/// Parameters of the SMS API: a query, a form or JSON.
pub(crate) enum Fields<'a> {
    Form(Form<'a>),
    Json(Json<'a>),
}

impl<'a> Fields<'a> {
    pub(crate) fn read(webhook: &Webhook<'a>) -> Result<Fields<'a>, Unreadable> {
        let head =
            Head { method: &Method::POST, host: None, path: "/", query: None, headers: webhook.headers };
        if webhook.body.is_empty() {
            return Ok(Fields::Form(form::read(webhook.query().unwrap_or_default().as_bytes())?));
        }
        match head.media_type().as_deref() {
            Some("application/x-www-form-urlencoded") => Ok(Fields::Form(form::read(webhook.body)?)),
            _ => Ok(Fields::Json(json::read(webhook.body)?)),
        }
    }

    /// A value that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let value = match self {
            Fields::Form(form) => form.all(name).next().map(|pair| pair.value.clone()),
            Fields::Json(json) => json.get(name).and_then(scalar),
        };
        value.filter(|value| !value.is_empty())
    }
}

pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let fields = Fields::read(webhook)?;
    if let Fields::Json(json) = &fields {
        if let Some(payload) = json.get("payload").filter(|_| json.get("service").is_some()) {
            return bird(json, payload);
        }
        if let Some(message) = json.get("message").filter(|message| message.as_object().is_some()) {
            return conversation(json, message);
        }
    }
    Ok(vec![text(&fields)?])
}

fn event<'a>(id: String, at: Option<Cow<'a, str>>, kind: EventKind<'a>) -> Event<'a> {
    Event { id: id.into(), account: None, at: at.and_then(|at| time(&at)), kind }
}

/// RFC 3339, or digits run together as inbound messages have them (`20261123130000`).
fn time(text: &str) -> Option<Timestamp> {
    if text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let civil: jiff::civil::DateTime = format!("{}T{}", &text[..8], &text[8..]).parse().ok()?;
        return Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}

// --- SMS API ---------------------------------------------------------------------------------------------------

/// A text that came in, or a report. A report names the recipient and a status.
fn text<'a>(fields: &Fields<'a>) -> Result<Event<'a>, Unreadable> {
    let id = fields.get("id").or_else(|| fields.get("message_id")).unwrap_or_default();
    let Some(status) = fields.get("status").filter(|_| fields.get("originator").is_none()) else {
        let said = ["body", "payload", "message", "text"].iter().filter_map(|name| fields.get(name)).next();
        let person = ["originator", "sender", "source"].iter().filter_map(|name| fields.get(name)).next();
        let Some(from) = person else {
            if said.is_some() {
                return Err(Unreadable::new("the message names no sender"));
            }
            return Ok(event(id.into_owned(), None, EventKind::Other("other")));
        };
        if id.is_empty() {
            return Err(Unreadable::new("the message has no id"));
        }
        let at = fields.get("createdDatetime").or_else(|| fields.get("date_utc"));
        let spoken = Spoken { texts: said.into_iter().collect(), provider_meaning: None };
        let kind = EventKind::Message { channel: Channel::Sms, from_kind: AddressKind::Phone, from, spoken };
        return Ok(event(id.into_owned(), at, kind));
    };
    let person = fields.get("recipient").ok_or_else(|| Unreadable::new("the report names no recipient"))?;
    let reason = fields.get("statusReason").unwrap_or_default();
    let code = code(fields.get("statusErrorCode"), &reason, &status);
    let id = format!("{id}/{person}/{status}/{code}");
    let at = fields.get("statusDatetime");
    if !FAILED.contains(&&*status) {
        let name = if &*status == "delivered" { "delivered" } else { "message" };
        return Ok(event(id, at, EventKind::Other(name)));
    }
    Ok(event(id, at, failure(Channel::Sms, AddressKind::Phone, person, code.into(), reason)))
}

/// An opt-out by its name, else the code, else the reason, else the status.
fn code(number: Option<Cow<'_, str>>, reason: &str, status: &str) -> String {
    let opted_out = reason.eq_ignore_ascii_case(OPTED_OUT);
    match number.filter(|code| !opted_out && &**code != "0") {
        Some(number) => number.into_owned(),
        None if opted_out => OPTED_OUT.to_owned(),
        None if !reason.is_empty() => reason.to_ascii_lowercase(),
        None => status.to_owned(),
    }
}

fn failure<'a>(
    channel: Channel,
    to_kind: AddressKind,
    to: Cow<'a, str>,
    code: Cow<'a, str>,
    message: Cow<'a, str>,
) -> EventKind<'a> {
    EventKind::Failure { channel, to_kind, to, code, severity: Severity::Unsaid, message }
}

// --- Conversations ---------------------------------------------------------------------------------------------

/// The channels of a platform. Where none is named it may be either of those that numbers have.
fn channels(platform: Option<&str>) -> &'static [Channel] {
    match platform {
        Some("sms") => &[Channel::Sms],
        Some("whatsapp" | "whatsapp_sandbox") => &[Channel::WhatsApp],
        Some("facebook" | "messenger") => &[Channel::Fb],
        None => &[Channel::Sms, Channel::WhatsApp],
        Some(_) => &[],
    }
}

fn kind_of(channel: Channel, address: &str) -> AddressKind {
    match channel {
        Channel::Fb => AddressKind::Psid,
        Channel::Email => AddressKind::Email,
        Channel::WhatsApp => AddressKind::on_whatsapp(address),
        _ => AddressKind::Phone,
    }
}

fn conversation<'a>(webhook: &Json<'a>, message: &Json<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let get = |name: &str| message.get(name).and_then(scalar).filter(|value| !value.is_empty());
    let id = get("id").ok_or_else(|| Unreadable::new("the message has no id"))?;
    let received = get("direction").as_deref() == Some("received");
    let status = get("status").unwrap_or_default();
    let platform = get("platform");
    let contact = webhook.get("contact").and_then(|contact| contact.get("msisdn")).and_then(scalar);
    let person = || {
        let named = if received { get("from") } else { get("to") };
        named.or_else(|| contact.clone()).ok_or_else(|| Unreadable::new("the message names nobody"))
    };
    let mut events = Vec::new();
    for channel in channels(platform.as_deref()) {
        let label = channel.label();
        if received {
            // An update of what a person wrote (read, deleted) is not said again.
            if webhook.get("type").and_then(Json::as_str) == Some("message.updated") {
                continue;
            }
            let from = person()?;
            let spoken = Spoken { texts: said(message), provider_meaning: None };
            let kind =
                EventKind::Message { channel: *channel, from_kind: kind_of(*channel, &from), from, spoken };
            events.push(event(format!("{id}/{label}"), get("createdDatetime"), kind));
        } else if FAILED.contains(&&*status) {
            let to = person()?;
            let error = message.get("error");
            let text = |name: &str| error.and_then(|error| error.get(name)).and_then(scalar);
            let reason = text("description").unwrap_or_default();
            let code = code(text("code"), &reason, &status);
            let at = get("updatedDatetime");
            let kind = failure(*channel, kind_of(*channel, &to), to, code.into(), reason);
            events.push(event(format!("{id}/{label}/{status}"), at, kind));
        }
    }
    if events.is_empty() {
        let name = if &*status == "delivered" && !received { "delivered" } else { "message" };
        events.push(event(format!("{id}/{status}"), None, EventKind::Other(name)));
    }
    Ok(events)
}

/// What a person wrote or pressed, in a message of either API.
fn said<'a>(message: &Json<'a>) -> Vec<Cow<'a, str>> {
    let content = message.get("content").or_else(|| message.get("body"));
    let mut texts = Vec::new();
    let mut take = |path: &[&str]| {
        let mut here = content;
        for name in path {
            here = here.and_then(|json| json.get(name));
        }
        texts.extend(here.and_then(Json::text).filter(|text| !text.is_empty()));
    };
    for path in [
        &["text"][..],
        &["text", "text"],
        &["button", "text"],
        &["button", "payload"],
        &["interactive", "reply", "text"],
        &["interactive", "reply", "title"],
        &["interactive", "reply", "id"],
        &["image", "caption"],
        &["image", "text"],
        &["video", "caption"],
        &["file", "caption"],
    ] {
        take(path);
    }
    for action in content
        .and_then(|body| body.get("text"))
        .and_then(|text| text.get("actions"))
        .and_then(Json::as_array)
        .unwrap_or_default()
    {
        let postback = action.get("postback");
        texts.extend(["text", "payload"].iter().filter_map(|name| postback?.get(name)?.text()));
    }
    texts
}

// --- Bird ------------------------------------------------------------------------------------------------------

/// `{"service": "channels", "event": "sms.inbound", "payload": {…}}`
fn bird<'a>(webhook: &Json<'a>, payload: &Json<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let name = webhook.get("event").and_then(Json::as_str).unwrap_or_default();
    let get = |name: &str| payload.get(name).and_then(scalar).filter(|value| !value.is_empty());
    let id = get("id").unwrap_or_default();
    let channel = match name.split('.').next().unwrap_or_default() {
        "sms" | "rcs" => Channel::Sms,
        "whatsapp" => Channel::WhatsApp,
        "facebook" | "messenger" => Channel::Fb,
        "email" => Channel::Email,
        _ => return Ok(vec![event(id.into_owned(), None, EventKind::Other("other"))]),
    };
    let value =
        |contact: &Json<'a>| contact.get("identifierValue").and_then(scalar).filter(|one| !one.is_empty());
    let nobody = || Unreadable::new("the message names nobody");
    if name.ends_with(".inbound") {
        let sender = payload.get("sender").and_then(|sender| sender.get("contact"));
        let from = sender.and_then(value).ok_or_else(nobody)?;
        if id.is_empty() {
            return Err(Unreadable::new("the message has no id"));
        }
        let spoken = Spoken { texts: said(payload), provider_meaning: None };
        let kind = EventKind::Message { channel, from_kind: kind_of(channel, &from), from, spoken };
        return Ok(vec![event(id.into_owned(), get("createdAt"), kind)]);
    }
    let status = get("status").unwrap_or_default();
    if !FAILED.contains(&&*status) {
        let name = if &*status == "delivered" { "delivered" } else { "message" };
        return Ok(vec![event(format!("{id}/{status}"), get("lastStatusAt"), EventKind::Other(name))]);
    }
    let failed = payload.get("failure");
    let source = failed.and_then(|failure| failure.get("source"));
    let by_carrier = source.filter(|source| {
        source.get("name").and_then(Json::as_str).is_some_and(|name| name.starts_with("sms"))
    });
    let number = by_carrier.and_then(|source| source.get("code")).and_then(scalar).map(Cow::into_owned);
    let number = number.or_else(|| {
        let code = failed.and_then(|failure| failure.get("code")).and_then(scalar)?;
        Some(format!("bird/{code}"))
    });
    let reason = get("details").or_else(|| get("reason")).unwrap_or_default();
    let code = code(number.map(Cow::Owned), &reason.replace('_', " "), &status);
    let contacts =
        payload.get("receiver").and_then(|receiver| receiver.get("contacts")).and_then(Json::as_array);
    let people: Vec<_> = contacts.unwrap_or_default().iter().filter_map(value).collect();
    if people.is_empty() {
        return Err(nobody());
    }
    let at = get("lastStatusAt");
    Ok(people
        .into_iter()
        .map(|to| {
            let kind =
                failure(channel, kind_of(channel, &to), to.clone(), code.clone().into(), reason.clone());
            event(format!("{id}/{to}/{status}"), at.clone(), kind)
        })
        .collect())
}
