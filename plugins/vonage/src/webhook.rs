//! What webhooks say.

use crate::{
    fields::{Fields, scalar},
    learn,
    signature::time,
};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Head, Severity, Spoken, Unreadable, Webhook, json::Json, jwt,
};
use http::{Method, header};
use std::borrow::Cow;

pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let fields = Fields::said(webhook)?;
    let has = |name: &str| fields.said_as(name).is_some();
    let mut events = match fields.json() {
        Some(json) if has("message_uuid") => message(json)?,
        _ if has("msisdn") => vec![text(&fields)?],
        _ if has("uuid") || has("conversation_uuid") || has("call_uuid") => vec![call(webhook, &fields)?],
        _ if has("request_id") => vec![other(&fields, "request_id", "verify")],
        _ => vec![other(&fields, "id", "other")],
    };
    let account = fields.said_as("api-key").or_else(|| account(webhook).map(Cow::Owned));
    events.iter_mut().for_each(|event| event.account.clone_from(&account));
    Ok(events)
}

/// The application or account of the token.
fn account(webhook: &Webhook<'_>) -> Option<String> {
    let head = Head { method: &Method::POST, host: None, path: "/", query: None, headers: webhook.headers };
    let (_, token) = head.header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
    jwt::claim_unproven(token, "application_id").or_else(|| jwt::claim_unproven(token, "api_key"))
}

fn event<'a>(id: String, fields: &Fields<'a>, kind: EventKind<'a>) -> Event<'a> {
    let at = ["message-timestamp", "timestamp"].iter().find_map(|name| time(&fields.said_as(name)?));
    Event { id: id.into(), account: None, at, kind }
}

fn other<'a>(fields: &Fields<'a>, id: &str, name: &'static str) -> Event<'a> {
    event(fields.said_as(id).unwrap_or_default().into_owned(), fields, EventKind::Other(name))
}

// --- SMS API ---------------------------------------------------------------------------------------------------

/// A text that came in, or a delivery receipt. In a receipt `to` is the sender.
fn text<'a>(fields: &Fields<'a>) -> Result<Event<'a>, Unreadable> {
    let person = fields.text("msisdn")?.ok_or_else(|| Unreadable::new("the webhook names nobody"))?;
    let id = fields.said_as("messageId").or_else(|| fields.said_as("message-id"));
    let id = id.ok_or_else(|| Unreadable::new("the message has no id"))?;
    let status = fields.text("status")?.unwrap_or_default();
    let code = fields.text("err-code")?.unwrap_or_default();
    if status.is_empty() && code.is_empty() {
        let texts = fields.text("text")?.into_iter().collect();
        let kind = EventKind::Message {
            channel: Channel::Sms,
            from_kind: AddressKind::Phone,
            from: person,
            spoken: Spoken { texts, provider_meaning: None },
        };
        return Ok(event(id.into_owned(), fields, kind));
    }
    let failed = !matches!(&*status, "delivered" | "accepted" | "buffered");
    let kind = if failed && code != "0" {
        EventKind::Failure {
            channel: Channel::Sms,
            to_kind: AddressKind::Phone,
            to: person,
            code: if code.is_empty() { status.clone() } else { code.clone() },
            severity: Severity::Unsaid,
            message: status.clone(),
        }
    } else {
        EventKind::Other(if &*status == "delivered" { "delivered" } else { "message" })
    };
    Ok(event(format!("{id}/{status}/{code}"), fields, kind))
}

// --- Messages API ----------------------------------------------------------------------------------------------

/// A message that came in, or what became of one, of both versions of the API.
fn message<'a>(json: &Json<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    let fields = Fields::Json(json.clone());
    let id = fields.said_as("message_uuid").unwrap_or_default();
    let status = fields.text("status")?;
    let side = if status.is_some() { "to" } else { "from" };
    let mut events = same(json, &fields, &id);
    let kind = match status {
        Some(status) => failure(json, &status)?,
        None => {
            let (channel, from_kind, from) = person(json, side)?;
            let spoken = Spoken { texts: spoken(json), provider_meaning: None };
            EventKind::Message { channel, from_kind, from, spoken }
        }
    };
    let status = fields.said_as("status").map(|status| format!("/{status}")).unwrap_or_default();
    events.push(event(format!("{id}{status}"), &fields, kind));
    Ok(events)
}

fn failure<'a>(json: &Json<'a>, status: &str) -> Result<EventKind<'a>, Unreadable> {
    if !matches!(status, "rejected" | "undeliverable") {
        return Ok(EventKind::Other(match status {
            "delivered" => "delivered",
            "read" => "read",
            _ => "message",
        }));
    }
    let (channel, to_kind, to) = person(json, "to")?;
    let error = json.get("error").and_then(learn::code);
    let (code, message) = error.unwrap_or_else(|| (status.to_owned(), String::new()));
    Ok(EventKind::Failure {
        channel,
        to_kind,
        to,
        code: code.into(),
        severity: Severity::Unsaid,
        message: message.into(),
    })
}

/// The person at that side: an address, or in the first version of the API an object with a type.
fn person<'a>(json: &Json<'a>, side: &str) -> Result<(Channel, AddressKind, Cow<'a, str>), Unreadable> {
    let missing = || Unreadable::new("the message does not say from whom or to whom");
    let at = json.field(side)?.ok_or_else(missing)?;
    let channel = json.get("channel").or_else(|| at.get("type")).and_then(Json::as_str);
    let address = match at.as_object() {
        None => scalar(at),
        Some(_) => ["number", "id"].iter().find_map(|name| at.get(name).and_then(scalar)),
    };
    let address = address.filter(|address| !address.is_empty()).ok_or_else(missing)?;
    Ok(match channel.unwrap_or_default() {
        "whatsapp" => (Channel::WhatsApp, AddressKind::on_whatsapp(&address), address),
        "messenger" => (Channel::Fb, AddressKind::Psid, address),
        _ => (Channel::Sms, AddressKind::Phone, address),
    })
}

/// Everything that a person may have said: text, what was pressed, what stands under a picture.
fn spoken<'a>(json: &Json<'a>) -> Vec<Cow<'a, str>> {
    let content = json.get("message").and_then(|message| message.get("content"));
    let mut texts = Vec::new();
    for place in [Some(json), content].into_iter().flatten() {
        texts.extend(place.get("text").and_then(Json::text));
        for (object, names) in [
            ("reply", &["title", "id"][..]),
            ("button", &["text", "payload", "title", "id"]),
            ("postback", &["title", "payload"]),
            ("image", &["caption"]),
            ("video", &["caption"]),
            ("file", &["caption"]),
        ] {
            let object = place.get(object);
            texts.extend(names.iter().filter_map(|name| object?.get(name)?.text()));
        }
    }
    texts.retain(|text| !text.is_empty());
    texts
}

/// WhatsApp tells a person's number and user ids beside each other.
fn same<'a>(json: &Json<'a>, fields: &Fields<'a>, id: &str) -> Vec<Event<'a>> {
    let whatsapp = json.get("whatsapp");
    let mut events = Vec::new();
    for side in ["recipient", "sender"] {
        let one = whatsapp.and_then(|whatsapp| whatsapp.get(side));
        let text = |name: &str| one?.get(name)?.text().filter(|text| !text.is_empty());
        for name in ["user_id", "parent_user_id"] {
            if let (Some(number), Some(user)) = (text("wa_id"), text(name)) {
                let kind = EventKind::Same {
                    kind: AddressKind::Phone,
                    address: number,
                    other_kind: AddressKind::Wa,
                    other: user,
                };
                events.push(event(format!("{id}/{side}/{name}"), fields, kind));
            }
        }
    }
    events
}

// --- Voice API -------------------------------------------------------------------------------------------------

/// A person calls: the question what to do, or the report that it rings. The question about a call of the CRM's
/// own comes to the address that its request named, which leads through the gateway.
fn call<'a>(webhook: &Webhook<'a>, fields: &Fields<'a>) -> Result<Event<'a>, Unreadable> {
    let id = ["uuid", "call_uuid", "conversation_uuid"].iter().find_map(|name| fields.said_as(name));
    let id = id.unwrap_or_default();
    let status = fields.said_as("status");
    let comes_in = match (&status, fields.said_as("direction").as_deref()) {
        (_, Some("outbound")) => false,
        (Some(status), Some("inbound")) => matches!(&**status, "started" | "ringing"),
        (Some(_), _) => false,
        (None, _) => !webhook.url.contains("/cb/"),
    };
    let id = format!("{id}/{}", status.unwrap_or(Cow::Borrowed("asked")));
    Ok(match fields.said_as("from") {
        Some(from) if comes_in => event(id, fields, EventKind::InboundCall { from }),
        _ => event(id, fields, EventKind::Other("call")),
    })
}
