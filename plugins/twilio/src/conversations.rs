//! Conversations: whom their participants name, and the questions whose answers do.

use crate::{
    address::{self, Way},
    endpoints::{self, Endpoint},
    fields::repeated,
    lists::{Named, Recipients, text},
};
use dndgate_adapter::{
    AddressKind, Ask, Asked, Channel, Head, Request, Role, Sending, Unreadable,
    form::Form,
    json::{self, Json},
};
use std::borrow::Cow;

/// `Participant`, repeated, each a JSON text with a messaging binding or an identity.
pub(crate) fn starters(form: &Form<'_>) -> Result<Vec<Named>, Unreadable> {
    let mut named = Vec::new();
    for (place, pair) in repeated(form, "Participant")? {
        let mut addresses = Vec::new();
        collect_addresses(&json::read(pair.value.as_bytes())?, &mut addresses)?;
        for address in addresses {
            named.extend(
                address::read(&Cow::Owned(address), Way::Message)?.map(|recipient| (place, recipient)),
            );
        }
    }
    Ok(named)
}

/// Every address in a binding, however its keys are spelt, but for the tenant's own (proxy) address.
fn collect_addresses(json: &Json<'_>, found: &mut Vec<String>) -> Result<(), Unreadable> {
    for element in json.as_array().unwrap_or_default() {
        collect_addresses(element, found)?;
    }
    for member in json.as_object().unwrap_or_default() {
        let letters = member.key.chars().filter(|char| char.is_alphanumeric());
        let key: String = letters.flat_map(char::to_lowercase).collect();
        if !key.ends_with("address") {
            collect_addresses(&member.value, found)?;
        } else if !key.ends_with("proxyaddress") && !member.value.is_null() {
            let address = member.value.as_str().ok_or_else(|| Unreadable::new("an address is not a text"))?;
            found.extend((!address.is_empty()).then(|| address.to_owned()));
        }
    }
    Ok(())
}

/// JSON `{"type": "SEND_MESSAGE", "payload": {"to": [{"address", "channel"}]}}`.
pub(crate) fn action<'a>(body: &Json<'_>) -> Result<Recipients<'a>, Unreadable> {
    let to = match body.field("payload")? {
        Some(payload) => payload.field("to")?,
        None => None,
    };
    let to = to
        .and_then(Json::as_array)
        .ok_or_else(|| Unreadable::new("the action names no recipients in payload.to"))?;
    let mut recipients = Recipients::new();
    for entry in to {
        let Some(address) = entry.field("address")?.and_then(Json::as_str) else {
            return Err(Unreadable::new(
                "name the recipients by address: the gateway cannot look up a participantId",
            ));
        };
        let channel = text(entry.field("channel")?).to_ascii_uppercase();
        let way = match &*channel {
            "SMS" | "RCS" | "WHATSAPP" => Way::Message,
            "VOICE" => Way::Call,
            "CHAT" => continue,
            _ => return Err(Unreadable::new("the gateway does not know this channel")),
        };
        let mut recipient = address::read(&Cow::Owned(address.to_owned()), way)?;
        if let Some(recipient) =
            recipient.as_mut().filter(|one| channel == "WHATSAPP" && one.kind == AddressKind::Phone)
        {
            recipient.channels = Channel::WhatsApp.into();
        }
        recipients.extend(recipient);
    }
    Ok(recipients)
}

/// The question whose answer names the people that a send reaches.
pub(crate) fn question(head: &Head<'_>) -> Ask {
    Ask { host: head.host.map(str::to_owned), path_and_query: question_path(head), ..Ask::default() }
}

fn question_path(head: &Head<'_>) -> String {
    let end = head.path.rfind('/').unwrap_or(head.path.len());
    let path = &head.path[..end];
    if endpoints::product(head.host) == "proxy" {
        path.to_owned()
    } else {
        format!("{path}/Participants?PageSize=100")
    }
}

/// See [`dndgate_adapter::Adapter::asked`].
pub(crate) fn asked<'a>(request: &Request<'a>, answers: &[Vec<u8>]) -> Result<Asked<'a>, Unreadable> {
    let endpoint = endpoints::find(&request.head)?;
    let mut sending = Sending::default();
    match endpoint {
        Some(endpoint @ Endpoint::ConversationMessage) => {
            sending.kind = endpoint.kind();
            let mut next = None;
            for answer in answers {
                let page = json::read(answer).map_err(|_| unclear())?;
                sending.recipients.extend(participants(&page)?);
                next = page
                    .get("meta")
                    .and_then(|meta| meta.get("next_page_url"))
                    .and_then(Json::text)
                    .map(Cow::into_owned);
            }
            if let Some(next) = next {
                let path_and_query = next_page(&request.head, &next)?;
                return Ok(Asked::More(Ask {
                    host: request.head.host.map(str::to_owned),
                    path_and_query,
                    ..Ask::default()
                }));
            }
        }
        Some(endpoint @ Endpoint::ProxyMessage) => {
            sending.kind = endpoint.kind();
            let answer = answers.first().ok_or_else(unclear)?;
            let participant = json::read(answer).map_err(|_| unclear())?;
            let identifier = participant.get("identifier").and_then(Json::text).ok_or_else(unclear)?;
            sending.recipients.extend(address::read(&Cow::Owned(identifier.into_owned()), Way::Either)?);
        }
        _ => return Err(Unreadable::new("this request needs no question")),
    }
    Ok(Asked::Send(sending))
}

fn unclear() -> Unreadable {
    Unreadable::new("the provider's answer to the question whom this send would reach is not clear")
}

fn participants<'a>(page: &Json<'_>) -> Result<Recipients<'a>, Unreadable> {
    let list = page.get("participants").and_then(Json::as_array).ok_or_else(unclear)?;
    let mut recipients = Recipients::new();
    for participant in list {
        let Some(binding) = participant.get("messaging_binding").filter(|binding| !binding.is_null()) else {
            continue;
        };
        let members = binding.as_object().ok_or_else(unclear)?;
        let member = |key: &str| members.iter().find(|member| member.key == key).map(|member| &member.value);
        // A participant of a group without an address of its own is one of the tenant's people.
        let Some(address) = member("address").filter(|address| !address.is_null()) else { continue };
        let address = address.as_str().ok_or_else(unclear)?;
        let kind = text(member("type")).to_ascii_lowercase();
        let whole = match &*kind {
            "email" => {
                recipients.push(address::email(&Cow::Owned(address.to_owned()), Role::To));
                continue;
            }
            "whatsapp" | "messenger" if !address.contains(':') => format!("{kind}:{address}"),
            "" | "sms" | "mms" | "rcs" | "groupmms" | "whatsapp" | "messenger" => address.to_owned(),
            _ if address.contains(':') => address.to_owned(),
            _ => return Err(unclear()),
        };
        recipients.extend(address::read(&Cow::Owned(whole), Way::Message)?);
    }
    Ok(recipients)
}

/// The path of a further page, which must be one of the same list at Twilio.
fn next_page(head: &Head<'_>, url: &str) -> Result<String, Unreadable> {
    let path = match url.strip_prefix("https://") {
        Some(rest) => {
            let (host, _) = rest.split_once('/').ok_or_else(unclear)?;
            if !host.ends_with(".twilio.com")
                || endpoints::product(Some(host)) != endpoints::product(head.host)
            {
                return Err(unclear());
            }
            &rest[host.len()..]
        }
        None => url,
    };
    let first = question_path(head);
    let list = first.split('?').next().unwrap_or(&first);
    match path.strip_prefix(list) {
        Some(rest) if rest.starts_with('?') && !rest.contains(['#', ' ']) => Ok(path.to_owned()),
        _ => Err(unclear()),
    }
}
