//! Mail that a person writes, as the inbound webhook gives it.

use crate::webhook::{address, text};
use dndgate_adapter::{AddressKind, Channel, EventKind, Spoken, Unreadable, json::Json};
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
    let written = written.or_else(|| said("HtmlBody").map(|html| Cow::Owned(words(&html))));
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
    headers.iter().any(|header| {
        let field =
            |name| header.get(name).and_then(Json::as_str).unwrap_or_default().trim().to_ascii_lowercase();
        let value = field("Value");
        match field("Name").as_str() {
            "auto-submitted" => !value.is_empty() && !value.starts_with("no"),
            "precedence" => matches!(value.as_str(), "bulk" | "auto_reply" | "auto-reply" | "junk"),
            "x-autoreply" | "x-autorespond" => !matches!(value.as_str(), "" | "no"),
            "return-path" => matches!(value.as_str(), "" | "<>"),
            _ => false,
        }
    })
}

/// What is left of a page without its tags.
fn words(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut inside = false;
    for char in html.chars() {
        match char {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                out.push('\n');
            }
            char if !inside => out.push(char),
            _ => {}
        }
    }
    let lines = out.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n").replace("&nbsp;", " ").replace("&amp;", "&")
}
