//! Mail that a person writes, as a relay webhook gives it.

use crate::webhook::text;
use dndgate_adapter::{AddressKind, Channel, EventKind, Spoken, Unreadable, json::Json, letter, mailbox};
use std::borrow::Cow;

/// What the person says.
pub(crate) fn event<'a>(mail: &Json<'a>) -> Result<EventKind<'a>, Unreadable> {
    let content = mail.get("content").ok_or_else(|| Unreadable::new("the mail has no content"))?;
    if is_automatic(mail, content) {
        return Ok(EventKind::Other("automatic_reply"));
    }
    // The header names the person; the envelope may name a forwarder.
    let from = text(mail, "friendly_from").into_iter().chain(text(mail, "msg_from")).find_map(bare);
    let from = from.ok_or_else(|| Unreadable::new("the mail names no sender"))?;
    let written = text(content, "text").map(|text| letter::unquoted(&text)).filter(|text| !text.is_empty());
    let written = written.or_else(|| text(content, "html").map(|html| letter::words(&html)));
    let subject = text(content, "subject").filter(|subject| !subject.trim().is_empty());
    let texts = written.filter(|text| !text.is_empty()).map(Cow::Owned).into_iter().chain(subject).collect();
    Ok(EventKind::Message {
        channel: Channel::Email,
        from_kind: AddressKind::Email,
        from,
        spoken: Spoken { texts, provider_meaning: None },
    })
}

/// The address of a text that may hold a name too.
fn bare(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let list = mailbox::read(&text).ok()?;
    match &list[..] {
        [one] => Some(Cow::Owned(one.address.to_string())),
        _ => None,
    }
}

/// Bounces and replies that no person wrote.
fn is_automatic(mail: &Json<'_>, content: &Json<'_>) -> bool {
    if text(mail, "msg_from").is_some_and(|sender| matches!(sender.trim(), "" | "<>")) {
        return true;
    }
    let headers = content.get("headers").and_then(Json::as_array).unwrap_or_default();
    let fields = headers.iter().filter_map(Json::as_object).flatten();
    letter::is_automatic(fields.map(|field| (&*field.key, field.value.as_str().unwrap_or_default())))
}
