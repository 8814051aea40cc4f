//! Mail that a person writes, as the inbound webhook gives it.

use crate::webhook::{address, text};
use dndgate_adapter::{AddressKind, Channel, EventKind, Spoken, Unreadable, json::Json, letter};
use std::borrow::Cow;

/// What the person says.
pub(crate) fn event<'a>(body: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    if ["From", "FromFull"].iter().all(|name| body.get(name).is_none()) {
        return Err(Unreadable::new("the webhook is neither an event nor mail"));
    }
    if is_automatic(body) {
        return Ok(EventKind::Other("automatic_reply"));
    }
    let full = body.get("FromFull").filter(|full| full.as_object().is_some());
    let from = full.and_then(|full| address(full, &["Email"]).ok());
    let from = from.map_or_else(|| address(body, &["From"]), Ok)?;
    let said = |name: &str| text(body, name).filter(|text| !text.trim().is_empty());
    // Without the quoted text, where Postmark could tell it apart: our own words are not the person's.
    let written = said("StrippedTextReply").or_else(|| said("TextBody"));
    let written = written.or_else(|| said("HtmlBody").map(|html| Cow::Owned(letter::words(&html))));
    let texts = written.into_iter().chain(said("Subject")).collect();
    Ok(EventKind::Message {
        channel: Channel::Email,
        from_kind: AddressKind::Email,
        from,
        spoken: Spoken { texts, provider_meaning: None },
    })
}

/// Bounces and replies that no person wrote.
fn is_automatic(body: &Json<'_>) -> bool {
    let headers = body.get("Headers").and_then(Json::as_array).unwrap_or_default();
    letter::is_automatic(headers.iter().map(|header| {
        let field = |name| header.get(name).and_then(Json::as_str).unwrap_or_default();
        (field("Name"), field("Value"))
    }))
}
