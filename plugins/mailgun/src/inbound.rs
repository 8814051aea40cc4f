//! Mail that a person writes, as an inbound route posts it.

use crate::{
    events::{at, lower, token},
    fields::Fields,
    outbound::address_of,
};
use dndgate_adapter::{AddressKind, Channel, Event, EventKind, Spoken, Unreadable, json, mime};
use std::borrow::Cow;

/// Fields that only inbound mail has. Told from these and not from `event`: all header fields of the mail
/// stand among them, and whoever writes a mail may add one of that name.
const OWN: &[&str] = &[
    "body-plain",
    "body-html",
    "stripped-text",
    "stripped-html",
    "body-mime",
    "message-url",
    "attachment-count",
];

/// Is this mail, and no report?
pub(crate) fn is_inbound(fields: &Fields<'_>) -> bool {
    (0..fields.len()).any(|field| OWN.contains(&fields.name(field))) && fields.last("recipient").is_some()
}

/// What the person says.
pub(crate) fn event<'a>(fields: &Fields<'a>) -> Result<Event<'a>, Unreadable> {
    let account = fields.first("domain").or_else(|| {
        let recipient = address_of(fields.first("recipient")?);
        recipient.rsplit_once('@').map(|(_, domain)| Cow::Owned(domain.to_owned()))
    });
    let kind = if is_automatic(fields) { EventKind::Other("automatic_reply") } else { message(fields)? };
    Ok(Event { id: token(fields), account: account.map(lower), at: at(fields), kind })
}

fn message<'a>(fields: &Fields<'a>) -> Result<EventKind<'a>, Unreadable> {
    let is_address = |address: &Cow<'_, str>| address.contains('@');
    // The header names the person; the envelope may name a forwarder.
    let from = fields.first("from").map(address_of).filter(is_address);
    let from = from.or_else(|| fields.first("sender").map(address_of).filter(is_address));
    let from = from.ok_or_else(|| Unreadable::new("the mail names no sender"))?;
    let said = |name: &str| fields.first(name).filter(|text| !text.trim().is_empty());
    // Without the quoted text, where Mailgun could tell it apart: our own words are not the person's.
    let mut texts: Vec<Cow<'a, str>> =
        said("stripped-text").or_else(|| said("body-plain")).into_iter().collect();
    if texts.is_empty() {
        texts.extend(plain_mime(fields).map(Cow::Owned));
    }
    texts.extend(said("subject").or_else(|| mime_field(fields, "subject").map(Cow::Owned)));
    Ok(EventKind::Message {
        channel: Channel::Email,
        from_kind: AddressKind::Email,
        from,
        spoken: Spoken { texts, provider_meaning: None },
    })
}

/// Bounces and replies that no person wrote.
fn is_automatic(fields: &Fields<'_>) -> bool {
    if fields.first("sender").is_some_and(|sender| matches!(sender.trim(), "" | "<>")) {
        return true;
    }
    let says = |name: &str, value: &str| {
        let value = value.trim().to_ascii_lowercase();
        match name.to_ascii_lowercase().as_str() {
            "auto-submitted" => !value.is_empty() && !value.starts_with("no"),
            "precedence" => matches!(value.as_str(), "bulk" | "auto_reply" | "auto-reply" | "junk"),
            "x-autoreply" | "x-autorespond" => !matches!(value.as_str(), "" | "no"),
            _ => false,
        }
    };
    let among_fields = (0..fields.len()).any(|field| {
        fields.name(field).len() <= 16
            && fields.text(field).is_ok_and(|value| says(fields.name(field), &value))
    });
    let in_list = fields.first("message-headers").is_some_and(|list| {
        let list = json::read(list.as_bytes()).ok();
        let pairs = list.as_ref().and_then(|list| list.as_array()).unwrap_or_default();
        pairs.iter().any(|pair| match pair.as_array() {
            Some([name, value]) => says(name.as_str().unwrap_or(""), value.as_str().unwrap_or("")),
            _ => false,
        })
    });
    let in_mime = ["auto-submitted", "precedence", "x-autoreply", "x-autorespond"]
        .iter()
        .any(|name| mime_field(fields, name).is_some_and(|value| says(name, &value)));
    among_fields || in_list || in_mime
}

fn mime_field(fields: &Fields<'_>, name: &str) -> Option<String> {
    let field = fields.last("body-mime")?;
    mime::fields(fields.bytes(field), |other| other == name).into_iter().next().map(|(_, value)| value)
}

/// The text of a raw message that is text and nothing else.
fn plain_mime(fields: &Fields<'_>) -> Option<String> {
    let media = mime_field(fields, "content-type").unwrap_or_default().to_ascii_lowercase();
    let encoding = mime_field(fields, "content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    let is_plain = media.is_empty() || media.starts_with("text/plain");
    if !is_plain || !matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary") {
        return None;
    }
    let message = fields.bytes(fields.last("body-mime")?);
    Some(String::from_utf8_lossy(mime::body(message)).into_owned()).filter(|text| !text.trim().is_empty())
}
