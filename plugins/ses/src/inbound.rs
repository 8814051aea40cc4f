//! Mail that a person writes, as a receipt rule publishes it.

use crate::events::{at, bare};
use dndgate_adapter::{AddressKind, Channel, EventKind, Spoken, Unreadable, json::Json, letter, mime, sign};
use jiff::Timestamp;
use mail_parser::MessageParser;
use std::borrow::Cow;

/// The longest text that is kept, in characters: opt-outs are short.
const TEXT_CHARS_MAX: usize = 4096;

/// The message of a `Received` notification.
pub(crate) fn events(told: &Json<'_>) -> Result<Vec<(Option<Timestamp>, EventKind<'static>)>, Unreadable> {
    let mail = told.get("mail").ok_or_else(|| Unreadable::new("the mail is missing"))?;
    let received = Received::read(told);
    let kind = if received.is_automatic(mail) {
        EventKind::Other("automatic_reply")
    } else {
        received.message(mail)?
    };
    Ok(vec![(at(mail), kind)])
}

/// To whom the business can answer, and about what.
pub(crate) struct Letter {
    /// The address that the person wrote to.
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) message_id: Option<String>,
}

/// What is needed for an answer to it.
pub(crate) fn letter(told: &Json<'_>) -> Option<Letter> {
    let mail = told.get("mail")?;
    let list = told.get("receipt").and_then(|receipt| receipt.get("recipients")).and_then(Json::as_array);
    let to = list.or_else(|| mail.get("destination").and_then(Json::as_array))?.first()?.as_str()?;
    let common = |name: &str| mail.get("commonHeaders")?.get(name)?.as_str().map(str::to_owned);
    Some(Letter {
        to: bare(to),
        subject: common("subject").unwrap_or_default(),
        message_id: common("messageId").filter(|id| !id.chars().any(char::is_control)),
    })
}

/// A mail with its content, where the rule's action brings it along.
struct Received {
    content: Option<Vec<u8>>,
}

impl Received {
    fn read(told: &Json<'_>) -> Received {
        let encoding =
            told.get("receipt").and_then(|receipt| receipt.get("action")?.get("encoding")?.as_str());
        let content = told.get("content").and_then(Json::as_str);
        let content = content.and_then(|content| match encoding {
            Some("BASE64") => sign::from_base64(content),
            _ => Some(content.as_bytes().to_vec()),
        });
        Received { content }
    }

    /// Bounces and replies that no person wrote.
    fn is_automatic(&self, mail: &Json<'_>) -> bool {
        if mail.get("source").and_then(Json::as_str).is_some_and(|source| matches!(source.trim(), "" | "<>"))
        {
            return true;
        }
        let headers = mail.get("headers").and_then(Json::as_array).unwrap_or_default().iter();
        let listed = headers.map(|header| {
            let text = |name: &str| header.get(name).and_then(Json::as_str).unwrap_or_default();
            (text("name"), text("value"))
        });
        let own = self.content.as_deref().map(|content| mime::fields(content, |_| true)).unwrap_or_default();
        letter::is_automatic(listed.chain(own.iter().map(|(name, value)| (&**name, &**value))))
    }

    fn message(&self, mail: &Json<'_>) -> Result<EventKind<'static>, Unreadable> {
        let common = mail.get("commonHeaders");
        let list = |name: &str| common.and_then(|common| common.get(name)?.as_array()?.first()?.as_str());
        // The header names the person; the envelope may name a forwarder.
        let from = list("from").or_else(|| mail.get("source").and_then(Json::as_str));
        let from = from.map(bare).filter(|from| from.contains('@'));
        let from = from.ok_or_else(|| Unreadable::new("the mail names no sender"))?;
        let mut texts: Vec<Cow<'static, str>> = self.text().into_iter().map(Cow::Owned).collect();
        let subject = common.and_then(|common| common.get("subject")?.as_str());
        texts.extend(subject.filter(|text| !text.trim().is_empty()).map(|text| Cow::Owned(text.to_owned())));
        Ok(EventKind::Message {
            channel: Channel::Email,
            from_kind: AddressKind::Email,
            from: Cow::Owned(from),
            spoken: Spoken { texts, provider_meaning: None },
        })
    }

    /// What the person wrote, as text.
    fn text(&self) -> Option<String> {
        let message = MessageParser::default().parse(self.content.as_deref()?)?;
        let text = message.body_text(0)?;
        let own = letter::unquoted(&text);
        // Who answers below the quotation alone is heard as a whole.
        let own = if own.is_empty() { text.trim() } else { &own };
        Some(own.chars().take(TEXT_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
    }
}
