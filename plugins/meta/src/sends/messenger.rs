//! Messages and calls of Messenger and Instagram Direct.

use crate::graph::{Field, Fields};
use dndgate_adapter::{
    AddressKind, Channel, Channels, Known, Outbound, Recipient, Role, Sending, Unreadable, sign,
};
use serde_json::Value;
use smallvec::smallvec;
use std::borrow::Cow;

/// The longest handle that is kept as it is, in bytes.
const HANDLE_BYTES_MAX: usize = 200;

/// A request to `messages`.
///
/// # Errors
/// When it cannot be read with certainty whom it reaches.
pub(crate) fn message<'a>(fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    let content = ["message", "payload", "attachment"].iter().any(|name| fields.has(name));
    match fields.word("sender_action")?.as_deref() {
        // `react` and `unreact` are seen by the person.
        Some("typing_on" | "typing_off" | "mark_seen") if !content => return Ok(Outbound::Nobody),
        None if !content && fields.has("thread_control") => return Ok(Outbound::Nobody),
        _ => {}
    }
    let mut tags = Vec::new();
    for name in ["messaging_type", "tag"] {
        tags.extend(fields.word(name)?.map(Cow::Owned));
    }
    let recipients = smallvec![recipient(fields)?];
    Ok(Outbound::Send(Sending { kind: "message", recipients, tags, ..Sending::default() }))
}

/// Whom `recipient` names, in exactly one of its ways.
fn recipient<'a>(fields: &Fields) -> Result<Recipient<'a>, Unreadable> {
    if fields.has("to") {
        return Err(Unreadable::new("both to and recipient name somebody"));
    }
    let Some(Field::Json(Value::Object(members))) = fields.get("recipient") else {
        return Err(Unreadable::new("recipient is not one object"));
    };
    // A name goes with a telephone number.
    let mut named = members.iter().filter(|(key, value)| key.as_str() != "name" && !value.is_null());
    let (Some((key, value)), None) = (named.next(), named.next()) else {
        return Err(Unreadable::new("recipient names nobody, or somebody in several ways"));
    };
    let id = value.as_str().map(str::trim).filter(|id| !id.is_empty());
    let id = id.ok_or(Unreadable::new("recipient holds no id"))?;
    Ok(match key.as_str() {
        "id" => person(id)?,
        "phone_number" => one(AddressKind::Phone, phone(id)?, Known::Address),
        "notification_messages_token" | "one_time_notif_token" => by_handle(TOKEN, id, "tokens"),
        "user_ref" => by_handle(USER_REF, id, "tokens"),
        "comment_id" | "post_id" => by_handle(OBJECT, id, "comment replies"),
        _ => return Err(Unreadable::new("recipient names somebody in a way that the gateway does not know")),
    })
}

/// A private reply to a comment or a post, which the path names.
pub(crate) fn private_reply<'a>(object: &str) -> Outbound<'a> {
    let recipients = smallvec![by_handle(OBJECT, object, "comment replies")];
    Outbound::Send(Sending { kind: "private_reply", recipients, ..Sending::default() })
}

/// A request to `calls`.
///
/// # Errors
/// When it cannot be read with certainty whom it reaches.
pub(crate) fn call<'a>(fields: &Fields) -> Result<Outbound<'a>, Unreadable> {
    match fields.word("action")?.as_deref() {
        // Of a call that is there already.
        Some("accept" | "reject" | "terminate" | "media_update") if fields.has("call_id") => {
            return Ok(Outbound::Nobody);
        }
        _ => {}
    }
    if fields.has("recipient") {
        return Err(Unreadable::new("both to and recipient name somebody"));
    }
    let to = fields.get("to").and_then(Field::scalar).ok_or(Unreadable::new("to names nobody"))?;
    let channels = Channels::of(Channel::Fb).with(Channel::Call.into());
    let recipients = smallvec![Recipient { channels, ..person(to.trim())? }];
    Ok(Outbound::Send(Sending { kind: "call", recipients, ..Sending::default() }))
}

fn one<'a>(kind: AddressKind, address: String, known: Known) -> Recipient<'a> {
    Recipient { channels: Channel::Fb.into(), kind, address: address.into(), role: Role::To, known }
}

/// A page-scoped id: digits.
fn person<'a>(id: &str) -> Result<Recipient<'a>, Unreadable> {
    if id.len() > 64 || id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unreadable::new("the recipient's id is not a page-scoped id"));
    }
    Ok(one(AddressKind::Psid, id.to_owned(), Known::Address))
}

/// A number of whoever has not written yet; in full, as the documentation demands.
fn phone(written: &str) -> Result<String, Unreadable> {
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit() || b"+ -().".contains(&byte));
    if is_number {
        Ok(written.to_owned())
    } else {
        Err(Unreadable::new("phone_number is no telephone number"))
    }
}

fn by_handle<'a>(what: &str, id: &str, name: &'static str) -> Recipient<'a> {
    one(AddressKind::Psid, handle(what, id), Known::Handle(name))
}

/// A token that stands for a person, of a notification or of another opt-in.
pub(crate) const TOKEN: &str = "token";
/// A person who ticked a box on a web site.
pub(crate) const USER_REF: &str = "user_ref";
/// A comment or a post, for whoever wrote it. Their ids do not overlap.
pub(crate) const OBJECT: &str = "object";

/// How a handle is written as an address: beside the ids, in a way that no id is.
pub(crate) fn handle(what: &str, id: &str) -> String {
    if id.len() > HANDLE_BYTES_MAX || id.contains(|char: char| char.is_whitespace() || char.is_control()) {
        format!("{what}:sha256:{}", sign::to_hex(&sign::sha256(id.as_bytes())))
    } else {
        format!("{what}:{id}")
    }
}
