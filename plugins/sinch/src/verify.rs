//! Verification codes: by text, by a call that is not to be answered, or by one that is.

use dndgate_adapter::{
    AddressKind, Channel, Channels, Known, Recipient, Role, Sending, Unreadable,
    json::{self, Json},
};
use std::borrow::Cow;

/// Whom a verification reaches, and how.
pub(crate) fn sending<'a>(body: &[u8]) -> Result<Sending<'a>, Unreadable> {
    let json = json::read(body)?;
    let identity = json.field("identity")?.ok_or_else(|| Unreadable::new("identity is missing"))?;
    let number = identity.field("endpoint")?.and_then(Json::as_str);
    let number = number.ok_or_else(|| Unreadable::new("identity.endpoint must be text"))?;
    let sms = Channels::of(Channel::Sms);
    let call = Channels::of(Channel::Call);
    let method = json.field("method")?.and_then(Json::as_str).map(str::to_ascii_lowercase);
    let channels = match method.as_deref() {
        Some("sms") => sms,
        Some("flashcall" | "callout" | "phonecall") => call,
        Some("whatsapp") => Channels::of(Channel::WhatsApp),
        // Sinch picks a way later: each must be free (R9).
        _ => sms.with(call),
    };
    let recipient = Recipient {
        channels,
        kind: AddressKind::Phone,
        address: Cow::Owned(number.to_owned()),
        role: Role::To,
        known: Known::Address,
    };
    Ok(Sending { kind: "verify", recipients: [recipient].into_iter().collect(), ..Sending::default() })
}
