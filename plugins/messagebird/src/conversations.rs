//! Whom a message reaches whose channel only an id tells, and who is in a conversation.

use crate::sends::{TEXTS, conversation};
use dndgate_adapter::{
    AddressKind, Asked, Channel, Channels, Known, Recipient, Request, Role, Sending, Unreadable,
    json::{self, Json, Value},
};
use std::borrow::Cow;

/// E.164 allows 15 digits; ids of Messenger have as many or more.
const PHONE_DIGITS_MAX: usize = 15;

/// Of the readings of such a recipient those stay that the address can have: a number, an id on Messenger, or both.
pub(crate) fn whom(sending: &mut Sending<'_>) {
    sending.recipients.retain(|one| match one.kind {
        AddressKind::Phone => {
            let digits = one.address.bytes().filter(u8::is_ascii_digit).count();
            digits <= PHONE_DIGITS_MAX || one.address.bytes().any(|byte| !byte.is_ascii_digit())
        }
        AddressKind::Psid => !one.address.is_empty() && one.address.bytes().all(|byte| byte.is_ascii_digit()),
        _ => true,
    });
}

/// The channels that the message itself names, by their ids.
fn named(request: &Request<'_>) -> Result<Vec<String>, Unreadable> {
    let body = json::read(request.body)?;
    let fallback = body.field("fallback")?.map(|fallback| fallback.field("from")).transpose()?.flatten();
    let named = [body.field("channelId")?, fallback];
    Ok(named.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect())
}

/// What the provider said of the conversation: its contact, and over which channels it goes.
pub(crate) fn asked<'a>(request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
    if conversation(&request.head).is_none() {
        return Err(Unreadable::new("this adapter asks about conversations only"));
    }
    let mut sending = Sending { kind: "conversation", ..Sending::default() };
    let [answer] = answers else {
        // The operator allows what nobody can judge.
        sending.unnamed = Some("conversations");
        return Ok(Asked::Send(sending));
    };
    let answer = json::read(answer)?;
    let mut channels = Channels::NONE;
    let mut ids = Vec::new();
    for channel in answer.field("channels")?.and_then(Json::as_array).unwrap_or_default() {
        ids.extend(channel.get("id").and_then(Json::as_str));
        channels = match channel.get("platformId").and_then(Json::as_str) {
            Some("sms") => channels.with(Channel::Sms.into()),
            Some("whatsapp" | "whatsapp_sandbox") => channels.with(Channel::WhatsApp.into()),
            // Somebody whose id the answer does not tell.
            _ => return Ok(Asked::Unnamed("conversations")),
        };
    }
    // A channel that the conversation has not used yet may be any.
    if !named(request)?.iter().all(|id| ids.contains(&&**id)) {
        channels = TEXTS;
    }
    let contact = answer.field("contact")?.map(|contact| contact.field("msisdn")).transpose()?.flatten();
    let number = match contact.map(|number| &number.value) {
        Some(Value::Number(number)) if *number != "0" => (*number).to_owned(),
        Some(Value::String(number)) if !number.is_empty() => number.to_string(),
        _ => return Ok(Asked::Unnamed("conversations")),
    };
    sending.recipients.push(Recipient {
        channels: if channels.is_empty() { TEXTS } else { channels },
        kind: AddressKind::Phone,
        address: Cow::Owned(number),
        role: Role::To,
        known: Known::Address,
    });
    Ok(Asked::Send(sending))
}
