//! Messages and calls of WhatsApp.

use crate::graph::{Field, Fields};
use dndgate_adapter::{
    AddressKind, Channel, Channels, Known, Outbound, Recipient, Role, Sending, Unreadable,
};
use serde_json::Value;
use smallvec::SmallVec;
use std::{borrow::Cow, ops::RangeInclusive};

/// E.164 allows 15 digits; the shortest numbers in use with a country code have 7.
const DIGITS: RangeInclusive<usize> = 7..=15;

type Recipients<'a> = SmallVec<[Recipient<'a>; 1]>;

/// A request to `messages` or `marketing_messages`.
///
/// # Errors
/// When it cannot be read with certainty whom it reaches.
pub(crate) fn message<'a>(edge: &str, fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    let sends = ["to", "recipient", "type", "recipient_type"].iter().any(|name| fields.has(name));
    if fields.has("status") && !sends {
        // A read receipt, with a typing sign or without one.
        return Ok(Outbound::Nobody);
    }
    if fields.has("encrypted_contents") {
        return Err(encrypted());
    }
    match fields.word("recipient_type")?.as_deref() {
        None | Some("individual") => {}
        Some("group") => return group(fields),
        Some(_) => return Err(Unreadable::new("recipient_type is neither individual nor group")),
    }
    let mut tags: Vec<Cow<'static, str>> = Vec::new();
    if edge == "marketing_messages" {
        tags.push("marketing".into());
    }
    if let Some(Field::Json(template)) = fields.get("template")
        && let Some(name) = template.get("name").and_then(Value::as_str)
    {
        tags.push(format!("template:{name}").into());
    }
    Ok(send("message", people(fields, Channel::WhatsApp.into())?, tags))
}

/// A message to a group, by its id and nothing else.
fn group<'a>(fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    let id = fields.get("to").and_then(Field::scalar).filter(|_| !fields.has("recipient"));
    let is_id = |id: &str| {
        let id = id.trim();
        id.bytes().any(|byte| byte.is_ascii_alphabetic())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-=:@.+/".contains(&byte))
            && !is_user_id(id)
    };
    match id {
        Some(id) if is_id(id) => Ok(Outbound::Unnamed("groups")),
        _ => Err(Unreadable::new("a message to a group that does not name one group")),
    }
}

/// What nobody but Meta can read.
pub(crate) fn encrypted() -> Unreadable {
    Unreadable::new("an encrypted message does not show whom it reaches")
}

/// A request to `calls`.
///
/// # Errors
/// When it cannot be read with certainty whom it reaches.
pub(crate) fn call<'a>(fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    match fields.word("action")?.as_deref() {
        // Of a call that is there already.
        Some("pre_accept" | "accept" | "reject" | "terminate") if fields.has("call_id") => {
            Ok(Outbound::Nobody)
        }
        _ => {
            let channels = Channels::of(Channel::WhatsApp).with(Channel::Call.into());
            Ok(send("call", people(fields, channels)?, Vec::new()))
        }
    }
}

/// A group that is made, or people who are put into one. Mostly nobody is: people join by a link.
///
/// # Errors
/// When it cannot be read with certainty whom it reaches.
pub(crate) fn participants<'a>(fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    let all = match fields.get("participants") {
        None => return Ok(Outbound::Nobody),
        Some(Field::Json(Value::Array(all))) => all,
        Some(_) => return Err(Unreadable::new("participants is not a list")),
    };
    let mut recipients = Recipients::new();
    for one in all {
        let members = one.as_object().ok_or(Unreadable::new("a participant is no object"))?;
        let named = members.iter().filter(|(key, _)| {
            let key = key.trim().to_ascii_lowercase();
            ["user", "wa_id", "user_id"].contains(&&*key)
        });
        let before = recipients.len();
        for (key, user) in named {
            let user =
                user.as_str().filter(|_| key.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()));
            recipients.push(person(
                Channel::WhatsApp.into(),
                user.ok_or(Unreadable::new("a participant's user can be read in several ways"))?,
            )?);
        }
        if recipients.len() == before {
            return Err(Unreadable::new("a participant without a user"));
        }
    }
    Ok(if recipients.is_empty() { Outbound::Nobody } else { send("participants", recipients, Vec::new()) })
}

fn send<'a>(kind: &'static str, recipients: Recipients<'a>, tags: Vec<Cow<'a, str>>) -> Outbound<'a> {
    // There is no sending to the others alone.
    let pairs =
        |one: usize| (0..recipients.len()).filter(move |other| *other != one).map(move |other| (one, other));
    let follows = (0..recipients.len()).flat_map(pairs).collect();
    Outbound::Send(Sending { kind, recipients, follows, tags, ..Sending::default() })
}

/// `to` and `recipient`: Meta takes `to` where both stand there; both must be free.
fn people<'a>(fields: &Fields, channels: Channels) -> Result<Recipients<'a>, Unreadable> {
    let mut all = Recipients::new();
    for name in ["to", "recipient"] {
        let Some(field) = fields.get(name) else { continue };
        let text = field
            .scalar()
            .ok_or_else(|| Unreadable::new(format!("{name} is neither one text nor one number")))?;
        let one = person(channels, text)?;
        if !all.contains(&one) {
            all.push(one);
        }
    }
    if all.is_empty() { Err(Unreadable::new("neither to nor recipient names anybody")) } else { Ok(all) }
}

/// Reads `to` as Meta does: a user id, or a number with the signs that people write.
fn person<'a>(channels: Channels, written: &str) -> Result<Recipient<'a>, Unreadable> {
    let text = written.trim();
    let one = |kind, address: String| {
        let (address, known) = (Cow::Owned(address), Known::Address);
        Recipient { channels, kind, address, role: Role::To, known }
    };
    if is_user_id(text) {
        return Ok(one(AddressKind::Wa, text.to_owned()));
    }
    let mut digits = String::with_capacity(text.len());
    let readable = text.chars().all(|char| match char {
        '0'..='9' => {
            digits.push(char);
            true
        }
        '+' if digits.is_empty() => {
            digits.push(char);
            true
        }
        ' ' | '-' | '(' | ')' | '.' => true,
        _ => false,
    });
    if !readable || !DIGITS.contains(&digits.trim_start_matches('+').len()) {
        return Err(Unreadable::new("the recipient is neither a telephone number nor a WhatsApp user id"));
    }
    Ok(one(AddressKind::Phone, digits))
}

/// `US.13491208655302741918`, `US.ENT.11815799212886844830`.
pub(crate) fn is_user_id(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else { return false };
    let rest = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=128).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
