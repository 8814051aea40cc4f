//! What webhooks say. One address may get those of pages and of WhatsApp accounts: `object` tells which.

mod account;
mod page;

pub(crate) use page::owner;

use dndgate_adapter::{
    Event, EventKind, Unreadable,
    json::{self, Json, Value},
    sign,
};
use std::borrow::Cow;

/// All events of a webhook, which may hold many entries.
///
/// # Errors
/// When it is not JSON.
pub(crate) fn read(body: &[u8]) -> Result<Vec<Event<'_>>, Unreadable> {
    let root = json::read(body)?;
    let entries = array(root.get("entry")).iter();
    let reader = Reader { body };
    let mut events: Vec<Event<'_>> = match text(root.get("object")).as_deref() {
        Some("page" | "instagram") => entries.flat_map(|entry| reader.page(entry)).collect(),
        Some("whatsapp_business_account") => entries.flat_map(|entry| reader.account(entry)).collect(),
        _ => Vec::new(),
    };
    if events.is_empty() {
        events.push(other("other"));
    }
    Ok(events)
}

/// Reads events out of a body.
#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    body: &'a [u8],
}

impl Reader<'_> {
    /// An id for what has none: the same for the same text, wherever it stands.
    fn digest<'e>(&self, json: &Json<'_>) -> Cow<'e, str> {
        sign::to_hex(&sign::sha256(&self.body[json.range.clone()])[..16]).into()
    }
}

fn array<'j, 'a>(json: Option<&'j Json<'a>>) -> &'j [Json<'a>] {
    json.and_then(Json::as_array).unwrap_or_default()
}

/// What stands behind these keys.
fn at<'j, 'a>(json: &'j Json<'a>, keys: &[&str]) -> Option<&'j Json<'a>> {
    keys.iter().try_fold(json, |json, key| json.get(key))
}

/// What concerns nobody's DND.
fn other(name: &'static str) -> Event<'static> {
    Event { id: "".into(), account: None, at: None, kind: EventKind::Other(name) }
}

/// A text, or a number as it is written.
fn text<'a>(json: Option<&Json<'a>>) -> Option<Cow<'a, str>> {
    match &json?.value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(Cow::Borrowed(*number)),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

fn is_true(json: Option<&Json<'_>>) -> bool {
    json.is_some_and(|json| json.value == Value::Bool(true))
}

/// A time in seconds since 1970.
fn seconds(json: Option<&Json<'_>>) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_second(text(json)?.parse().ok()?).ok()
}

/// A time in milliseconds since 1970.
fn millis(json: Option<&Json<'_>>) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(text(json)?.parse().ok()?).ok()
}
