//! Mail that a person writes, as Inbound Parse posts it: taken apart, or raw in the field `email`.

use crate::{events::address, webhook::head};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Spoken, Unreadable, Webhook, letter, mime,
    multipart::{self, Multipart},
    sign,
};
use encoding_rs::Encoding;
use std::borrow::Cow;

/// Header fields by which software says that it wrote a mail.
const AUTOMATIC: [&str; 4] = ["auto-submitted", "precedence", "x-autoreply", "x-autorespond"];

/// Mail that was posted.
pub(crate) struct Mail<'a> {
    form: Multipart<'a>,
    /// In which charset each field is, by SendGrid's word.
    charsets: serde_json::Value,
}

impl<'a> Mail<'a> {
    pub(crate) fn read(webhook: &Webhook<'a>) -> Result<Mail<'a>, Unreadable> {
        let media = head(webhook).header("content-type");
        let form = multipart::read(media.unwrap_or_default(), webhook.body)?;
        let charsets = form.all("charsets").next().and_then(|part| serde_json::from_slice(part.value).ok());
        Ok(Mail { charsets: charsets.unwrap_or_default(), form })
    }

    /// A field's text, if it says something.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let part = self.form.all(name).next()?;
        let charset = self.charsets.get(name).and_then(serde_json::Value::as_str).unwrap_or("utf-8");
        let encoding = Encoding::for_label(charset.as_bytes()).unwrap_or(encoding_rs::UTF_8);
        let text = match std::str::from_utf8(part.value) {
            Ok(text) if encoding.is_ascii_compatible() && part.value.is_ascii() => text.to_owned(),
            _ => encoding.decode(part.value).0.into_owned(),
        };
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// The bytes that hold the mail's header: the field `headers`, or the whole mail.
    fn header(&self) -> &'a [u8] {
        ["headers", "email"].iter().find_map(|name| self.form.all(name).next()).map_or(b"", |part| part.value)
    }

    /// A field of the mail's own header.
    pub(crate) fn header_field(&self, name: &str) -> Option<String> {
        mime::fields(self.header(), |other| other == name).into_iter().next().map(|(_, value)| value)
    }

    /// The text of a raw mail that is text and nothing else.
    fn raw_text(&self) -> Option<String> {
        let raw = self.form.all("email").next()?.value;
        let media = self.header_field("content-type").unwrap_or_default().to_ascii_lowercase();
        let coding = self.header_field("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
        let is_plain = media.is_empty() || media.starts_with("text/plain");
        let is_open = matches!(coding.as_str(), "" | "7bit" | "8bit" | "binary");
        let text = String::from_utf8_lossy(mime::body(raw)).into_owned();
        Some(text.trim().to_owned()).filter(|text| is_plain && is_open && !text.is_empty())
    }

    /// The business's address.
    pub(crate) fn business(&self) -> Option<String> {
        let envelope: Option<serde_json::Value> =
            self.field("envelope").and_then(|text| serde_json::from_str(&text).ok());
        let to = envelope.as_ref().and_then(|all| all.get("to")?.get(0)?.as_str().map(str::to_owned));
        Some(address(&to.or_else(|| self.field("to"))?)?.into_owned())
    }

    /// Bounces and replies that no person wrote.
    fn is_automatic(&self) -> bool {
        let envelope: Option<serde_json::Value> =
            self.field("envelope").and_then(|text| serde_json::from_str(&text).ok());
        let sender = envelope.as_ref().and_then(|all| all.get("from")?.as_str());
        if sender.is_some_and(|sender| matches!(sender.trim(), "" | "<>")) {
            return true;
        }
        let fields = mime::fields(self.header(), |name| AUTOMATIC.contains(&name));
        letter::is_automatic(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

/// What the person says.
pub(crate) fn event<'a>(webhook: &Webhook<'_>) -> Result<Event<'a>, Unreadable> {
    let mail = Mail::read(webhook)?;
    // There is no id; repeated, the same mail is the same bytes.
    let id = Cow::Owned(format!("inbound/{}", sign::to_hex(&sign::sha256(webhook.body))));
    let kind = if mail.is_automatic() { EventKind::Other("automatic_reply") } else { message(&mail)? };
    Ok(Event { id, account: None, at: None, kind })
}

fn message<'a>(mail: &Mail<'_>) -> Result<EventKind<'a>, Unreadable> {
    // The header names the person; the envelope may name a forwarder.
    let from = mail.field("from").or_else(|| mail.header_field("from"));
    let from = from.as_deref().and_then(address).filter(|from| from.contains('@'));
    let from = from.ok_or_else(|| Unreadable::new("the mail names no sender"))?;
    let text = mail.field("text").or_else(|| mail.raw_text());
    let text = text.or_else(|| mail.field("html").map(|html| letter::words(&html)));
    let subject = mail.field("subject").or_else(|| mail.header_field("subject"));
    Ok(EventKind::Message {
        channel: Channel::Email,
        from_kind: AddressKind::Email,
        from,
        spoken: Spoken {
            texts: text.into_iter().chain(subject).map(Cow::Owned).collect(),
            provider_meaning: None,
        },
    })
}
