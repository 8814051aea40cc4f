//! Mail that a person writes, as "Inbound parsing" gives it.

use crate::webhook::text;
use dndgate_adapter::{AddressKind, Channel, Event, EventKind, Spoken, Unreadable, json::Json, letter, sign};
use std::borrow::Cow;

/// One mail of a webhook.
pub(crate) fn event<'a>(mail: &Json<'a>) -> Event<'a> {
    let own = mail.get("Uuid").and_then(Json::as_array).and_then(<[_]>::first).and_then(Json::text);
    let id = own.or_else(|| text(mail, "MessageId")).unwrap_or_else(|| {
        let parts = ["Subject", "SentAtDate", "RawTextBody"].map(|name| text(mail, name).unwrap_or_default());
        Cow::Owned(sign::to_hex(&sign::sha256(parts.join("\n").as_bytes())))
    });
    let at = text(mail, "SentAtDate").and_then(|at| jiff::fmt::rfc2822::parse(&at).ok());
    Event {
        id,
        account: None,
        at: at.map(|at| at.timestamp()),
        kind: said(mail).unwrap_or(EventKind::Other("unreadable")),
    }
}

fn said<'a>(mail: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    if is_automatic(mail) {
        return Ok(EventKind::Other("automatic_reply"));
    }
    let from = mail.get("From").and_then(|from| text(from, "Address")).filter(|from| from.contains('@'));
    let from = from.ok_or_else(|| Unreadable::new("the mail names no sender"))?;
    let written =
        text(mail, "RawTextBody").map(|text| letter::unquoted(&text)).filter(|text| !text.is_empty());
    let written = written
        .or_else(|| text(mail, "ExtractedMarkdownMessage").map(Cow::into_owned))
        .or_else(|| text(mail, "RawHtmlBody").map(|html| letter::words(&html)));
    let subject = text(mail, "Subject").filter(|subject| !subject.trim().is_empty());
    Ok(EventKind::Message {
        channel: Channel::Email,
        from_kind: AddressKind::Email,
        from,
        spoken: Spoken {
            texts: written.map(Cow::Owned).into_iter().chain(subject).collect(),
            provider_meaning: None,
        },
    })
}

/// Bounces and replies that no person wrote. A field that stands there twice is a list.
fn is_automatic(mail: &Json<'_>) -> bool {
    let fields = mail.get("Headers").and_then(Json::as_object).unwrap_or_default();
    letter::is_automatic(fields.iter().flat_map(|field| {
        let one = field.value.as_str().into_iter();
        let many = field.value.as_array().unwrap_or_default().iter().filter_map(Json::as_str);
        one.chain(many).map(|value| (&*field.key, value))
    }))
}
