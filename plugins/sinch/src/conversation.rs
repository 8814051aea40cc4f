//! The Conversation API: a recipient may be a contact, whom only Sinch knows; it is asked.

use crate::sends::{CHANNELS, CONTACTS};
use dndgate_adapter::{
    Ask, Asked, Known, Outbound, Recipient, Request, Role, Sending, Unreadable,
    json::{self, Json},
};
use std::borrow::Cow;

/// A described send, judged further: typing signs reach nobody, contacts are asked for.
pub(crate) fn read<'a>(request: &Request<'a>, sending: Sending<'a>) -> Result<Outbound<'a>, Unreadable> {
    if sending.kind == "event" && is_typing(request.body)? {
        return Ok(Outbound::Nobody);
    }
    if sending.unnamed != Some(CONTACTS) {
        return Ok(Outbound::Send(sending));
    }
    if !sending.recipients.is_empty() {
        return Err(Unreadable::new("the recipient is a contact and identities at once: name one of them"));
    }
    let body = json::read(request.body)?;
    let contact = contact(&body)?.unwrap_or_default();
    let project = crate::sends::account(request.head.path).unwrap_or_default();
    if !crate::sends::is_id(&contact) || !crate::sends::is_id(project) {
        return Err(Unreadable::new("recipient.contact_id is no id of a contact"));
    }
    Ok(Outbound::Ask(Ask {
        host: request.head.host.map(str::to_owned),
        path_and_query: format!("/v1/projects/{project}/contacts/{contact}"),
        or_missing: false,
        unless_allowed: Some(CONTACTS),
    }))
}

/// Does this request name its recipient as a contact?
pub(crate) fn names_contact(request: &Request<'_>) -> bool {
    json::read(request.body).is_ok_and(|body| !matches!(contact(&body), Ok(None)))
}

fn contact(body: &Json<'_>) -> Result<Option<String>, Unreadable> {
    let recipient = body.field("recipient")?;
    let id = recipient.map(|one| one.field("contact_id")).transpose()?.flatten();
    match id {
        None => Ok(None),
        Some(id) => match id.as_str() {
            Some(id) => Ok((!id.is_empty()).then(|| id.to_owned())),
            None => Err(Unreadable::new("recipient.contact_id must be text")),
        },
    }
}

fn is_typing(body: &[u8]) -> Result<bool, Unreadable> {
    let body = json::read(body)?;
    let event = body.field("event")?.and_then(Json::as_object);
    Ok(event.is_some_and(|members| {
        !members.is_empty()
            && members.iter().all(|one| ["composing_event", "composing_end_event"].contains(&&*one.key))
    }))
}

/// What Sinch says of the contact: the identities by which the send may reach it.
pub(crate) fn asked<'a>(request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
    let Some(answer) = answers.first() else { return Ok(Asked::Unnamed(CONTACTS)) };
    let Ok(Outbound::Send(sending)) = crate::sends::read(request) else {
        return Err(Unreadable::new("this send asks nothing"));
    };
    let order = order(request.body)?;
    let answer = json::read(answer)?;
    let identities = answer.get("channel_identities").and_then(Json::as_array);
    let identities =
        identities.ok_or_else(|| Unreadable::new("Sinch names no identities of this contact"))?;
    let mut sending = Sending { unnamed: None, ..sending };
    for one in identities {
        let text = |name: &str| one.get(name).and_then(Json::as_str).unwrap_or_default();
        let channel = text("channel");
        if order.as_ref().is_some_and(|order| !order.iter().any(|wanted| wanted == channel)) {
            continue;
        }
        let row = CHANNELS.iter().find(|(name, ..)| *name == channel);
        let (_, channels, kind) = row.ok_or_else(|| {
            Unreadable::new(
                "the contact could be reached on a channel of which the gateway knows no opt-outs: name the \
                             others in channel_priority_order",
            )
        })?;
        sending.recipients.push(Recipient {
            channels: *channels,
            kind: *kind,
            address: Cow::Owned(text("identity").to_owned()),
            role: Role::To,
            known: Known::Address,
        });
    }
    if sending.recipients.is_empty() {
        return Err(Unreadable::new("Sinch names no identity by which this contact would be reached"));
    }
    Ok(Asked::Send(sending))
}

/// The channels that the send itself wants, in its order.
fn order(body: &[u8]) -> Result<Option<Vec<String>>, Unreadable> {
    let body = json::read(body)?;
    let Some(order) = body.field("channel_priority_order")?.filter(|order| !order.is_null()) else {
        return Ok(None);
    };
    let names = order.as_array().map(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect());
    match names {
        Some(Some(names)) => Ok(Some(names).filter(|names: &Vec<String>| !names.is_empty())),
        _ => Err(Unreadable::new("channel_priority_order must be a list of texts")),
    }
}
