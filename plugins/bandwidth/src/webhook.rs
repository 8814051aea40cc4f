//! Webhooks: whether they are Bandwidth's, and what they say. Messages come as a list of one; calls as an object, or in
//! the query where the CRM asked for GET.

use crate::WEBHOOK_CREDENTIALS;
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Forged, Proof, Secrets, Severity, Spoken, Unreadable, Webhook,
    json::{self, Json, Value},
    sign,
};
use jiff::Timestamp;
use std::borrow::Cow;

/// Nothing is signed: the credentials of the application, or the address that the gateway itself gave.
pub(crate) fn verify(webhook: &Webhook<'_>, secrets: &Secrets) -> Result<Proof, Forged> {
    let keys = secrets.all(WEBHOOK_CREDENTIALS);
    if keys.is_empty() {
        return Err(Forged("no webhook_credentials are configured: it cannot be proven"));
    }
    if webhook.bears(keys, &[]) || webhook.is_callback() {
        return Ok(Proof::default());
    }
    Err(Forged("it does not bear the application's credentials"))
}

/// What a webhook says.
pub(crate) fn events<'a>(webhook: &Webhook<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
    if webhook.body.is_empty() {
        // Asked for by GET: the events of a call that the business itself makes.
        let id = sign::to_hex(&sign::sha256(webhook.query().unwrap_or_default().as_bytes())).into();
        return Ok(vec![Event { id, account: None, at: None, kind: EventKind::Other("call") }]);
    }
    let body = json::read(webhook.body)?;
    match &body.value {
        Value::Array(all) => all.iter().map(message).collect(),
        _ if body.get("eventType").is_some() => Ok(vec![call(&body, webhook.body)]),
        _ => message(&body).map(|event| vec![event]),
    }
}

fn message<'a>(one: &Json<'a>) -> Result<Event<'a>, Unreadable> {
    let name = text(one, "type").ok_or_else(|| Unreadable::new("the event has no type"))?;
    let inside = one.get("message").ok_or_else(|| Unreadable::new("the event holds no message"))?;
    let id = text(inside, "id").ok_or_else(|| Unreadable::new("the message has no id"))?;
    let to = text(one, "to");
    let at = text(one, "eventTime").or_else(|| text(one, "time")).and_then(|at| at.parse::<Timestamp>().ok());
    let kind = match &*name {
        "message-received" | "suggestion-response" => {
            let from = text(inside, "from").ok_or_else(|| Unreadable::new("the message names no sender"))?;
            let pressed = inside.get("suggestionResponse");
            let texts = [
                text(inside, "text"),
                pressed.and_then(|pressed| text(pressed, "text")),
                pressed.and_then(|pressed| text(pressed, "postbackData")),
            ];
            EventKind::Message {
                channel: Channel::Sms,
                from_kind: AddressKind::Phone,
                from,
                spoken: Spoken { texts: texts.into_iter().flatten().collect(), provider_meaning: None },
            }
        }
        "message-failed" => EventKind::Failure {
            channel: Channel::Sms,
            to_kind: AddressKind::Phone,
            // Of a group the outer one says whom it is about.
            to: to.clone().ok_or_else(|| Unreadable::new("the failure names nobody"))?,
            code: text(one, "errorCode").unwrap_or("message-failed".into()),
            severity: Severity::Unsaid,
            message: text(one, "description").unwrap_or_default(),
        },
        "message-delivered" => EventKind::Other("delivered"),
        _ => EventKind::Other("message"),
    };
    let id = format!("{name}/{id}/{}", to.unwrap_or_default());
    Ok(Event { id: Cow::Owned(id), account: None, at, kind })
}

fn call<'a>(body: &Json<'a>, raw: &[u8]) -> Event<'a> {
    let name = text(body, "eventType").unwrap_or_default();
    let kind = match (&*name, text(body, "from")) {
        ("initiate", Some(from)) => EventKind::InboundCall { from },
        _ => EventKind::Other("call"),
    };
    Event {
        id: sign::to_hex(&sign::sha256(raw)).into(),
        account: text(body, "accountId"),
        at: text(body, "eventTime").and_then(|at| at.parse().ok()),
        kind,
    }
}

/// Is it an event of a call, whose answer may be BXML?
pub(crate) fn is_call(webhook: &Webhook<'_>) -> bool {
    webhook.body.is_empty() || json::read(webhook.body).is_ok_and(|body| body.get("eventType").is_some())
}

/// What the person wrote, from which number and to which.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) person: String,
    pub(crate) business: String,
    pub(crate) application: String,
    pub(crate) text: String,
}

/// The first message in a webhook, for a confirmation.
pub(crate) fn written(webhook: &Webhook<'_>) -> Option<Written> {
    let body = json::read(webhook.body).ok()?;
    let one = body.as_array()?.iter().find(|one| text(one, "type").as_deref() == Some("message-received"))?;
    let inside = one.get("message")?;
    // In a group everybody would read it.
    if inside.get("to")?.as_array()?.len() != 1 {
        return None;
    }
    let field = |name: &str| text(inside, name).map(Cow::into_owned);
    Some(Written {
        person: field("from")?,
        business: field("owner")?,
        application: field("applicationId")?,
        text: field("text").unwrap_or_default(),
    })
}

fn text<'a>(json: &Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    match &json.get(name)?.value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        _ => None,
    }
}
