//! Sends that reach several people or name them in JSON, how people are taken out of them, and the questions
//! whose answers name them.

use crate::{
    address::{self, Way},
    endpoints::{self, Endpoint},
    fields::{self, pick, repeated, without},
};
use dndgate_adapter::{
    AddressKind, Ask, Asked, CallbackKind, CannotTrim, Channel, Edit, Head, Outbound, Recipient, Request,
    Role, Sending, Unreadable,
    form::{self, Form},
    json::{self, Json},
};
use smallvec::SmallVec;
use std::borrow::Cow;

type Recipients<'a> = SmallVec<[Recipient<'a>; 1]>;
/// A place in a body (of a form's pair, of an array's element) and a person named there.
type Named = (usize, Recipient<'static>);

/// Reads the endpoints that name people in lists or JSON.
pub(crate) fn read<'a>(endpoint: Endpoint, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let mut sending = Sending { kind: endpoint.kind(), ..Sending::default() };
    match endpoint {
        Endpoint::ConversationWithParticipants => {
            let form = form::read(request.body)?;
            sending.recipients = people(conversation_starters(&form)?);
        }
        Endpoint::Notification => {
            let form = form::read(request.body)?;
            let named = bindings(&form)?;
            let mut unnamed = false;
            for name in ["Identity", "Tag", "Segment"] {
                unnamed |= !repeated(&form, name)?.is_empty();
            }
            if unnamed && repeated(&form, "ToBinding")?.is_empty() {
                return Ok(Outbound::Unnamed("notify"));
            }
            if unnamed {
                return Err(Unreadable::new("name the recipients by ToBinding alone, not also by Identity, Tag or Segment"));
            }
            sending.callbacks = fields::callbacks(&form, &[("DeliveryCallbackUrl", CallbackKind::Status)])?;
            sending.recipients = people(named);
        }
        Endpoint::ProxySession => {
            let form = form::read(request.body)?;
            for (_, pair) in repeated(&form, "Participants")? {
                sending.recipients.extend(session_participants(&json::read(pair.value.as_bytes())?)?);
            }
        }
        Endpoint::Interaction => {
            let form = form::read(request.body)?;
            let [channel] = pick(&form, ["Channel"])?;
            let channel = channel.ok_or_else(|| Unreadable::new("the request names no Channel"))?;
            sending.recipients = interaction(&json::read(channel.value.as_bytes())?)?;
        }
        Endpoint::Action => sending.recipients = action(&json::read(request.body)?)?,
        Endpoint::Bulk => {
            let body = json::read(request.body)?;
            sending.recipients = people(bulk(&body)?);
            sending.sender = text(body.field("from")?);
        }
        Endpoint::Email => {
            let body = json::read(request.body)?;
            sending.recipients = people(email_lists(&body)?.into_iter().flat_map(|list| list.named).collect());
        }
        _ => return Ok(Outbound::Unrecognised),
    }
    Ok(Outbound::Send(sending))
}

fn people<'a>(named: Vec<Named>) -> Recipients<'a> {
    named.into_iter().map(|(_, recipient)| recipient).collect()
}

/// See [`dndgate_adapter::Adapter::trim`].
pub(crate) fn trim(request: &Request<'_>, sending: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let changed = |_| CannotTrim("the request reads differently now".into());
    if drop.is_empty() {
        return Ok(Vec::new());
    }
    match endpoints::find(&request.head).map_err(changed)? {
        Some(endpoint @ (Endpoint::ConversationWithParticipants | Endpoint::Notification)) => {
            let form = form::read(request.body).map_err(changed)?;
            let named = match endpoint {
                Endpoint::Notification => bindings(&form),
                _ => conversation_starters(&form),
            };
            Ok(without(&form, &whole_places(&named.map_err(changed)?, drop)?))
        }
        Some(Endpoint::Bulk) => {
            let body = json::read(request.body).map_err(changed)?;
            let messages = body.get("messages").ok_or(CannotTrim("there is no list of messages".into()))?;
            Ok(messages.without(&whole_places(&bulk(&body).map_err(changed)?, drop)?))
        }
        Some(Endpoint::Email) => {
            let body = json::read(request.body).map_err(changed)?;
            trim_email(request.body, &email_lists(&body).map_err(changed)?, drop)
        }
        _ if sending.recipients.len() == 1 => Err(CannotTrim("it has one recipient".into())),
        _ => Err(CannotTrim("this send cannot leave out one of those whom it reaches".into())),
    }
}

/// The places that go when these people go. A place that names two people goes only with both.
fn whole_places(named: &[Named], drop: &[usize]) -> Result<Vec<usize>, CannotTrim> {
    let mut places = Vec::new();
    for index in drop {
        let (place, _) = named.get(*index).ok_or(CannotTrim("no such recipient".into()))?;
        let is_whole = named.iter().enumerate().all(|(other, (at, _))| at != place || drop.contains(&other));
        if !is_whole {
            return Err(CannotTrim("one entry names two people of whom one may be reached".into()));
        }
        if places.last() != Some(place) {
            places.push(*place);
        }
    }
    Ok(places)
}

// --- conversations ---------------------------------------------------------------------------------------

/// `Participant`, repeated, each a JSON text with a messaging binding or an identity.
fn conversation_starters(form: &Form<'_>) -> Result<Vec<Named>, Unreadable> {
    let mut named = Vec::new();
    for (place, pair) in repeated(form, "Participant")? {
        let mut addresses = Vec::new();
        collect_addresses(&json::read(pair.value.as_bytes())?, &mut addresses)?;
        for address in addresses {
            named.extend(address::read(&Cow::Owned(address), Way::Message)?.map(|recipient| (place, recipient)));
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
fn action<'a>(body: &Json<'_>) -> Result<Recipients<'a>, Unreadable> {
    let to = match body.field("payload")? {
        Some(payload) => payload.field("to")?,
        None => None,
    };
    let to = to.and_then(Json::as_array).ok_or_else(|| Unreadable::new("the action names no recipients in payload.to"))?;
    let mut recipients = Recipients::new();
    for entry in to {
        let Some(address) = entry.field("address")?.and_then(Json::as_str) else {
            return Err(Unreadable::new("name the recipients by address: the gateway cannot look up a participantId"));
        };
        let channel = text(entry.field("channel")?).to_ascii_uppercase();
        let way = match &*channel {
            "SMS" | "RCS" | "WHATSAPP" => Way::Message,
            "VOICE" => Way::Call,
            "CHAT" => continue,
            _ => return Err(Unreadable::new("the gateway does not know this channel")),
        };
        let mut recipient = address::read(&Cow::Owned(address.to_owned()), way)?;
        if let Some(recipient) = recipient.as_mut().filter(|one| channel == "WHATSAPP" && one.kind == AddressKind::Phone) {
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
    if endpoints::product(head.host) == "proxy" { path.to_owned() } else { format!("{path}/Participants?PageSize=100") }
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
                next = page.get("meta").and_then(|meta| meta.get("next_page_url")).and_then(Json::text).map(Cow::into_owned);
            }
            if let Some(next) = next {
                let path_and_query = next_page(&request.head, &next)?;
                return Ok(Asked::More(Ask { host: request.head.host.map(str::to_owned), path_and_query, ..Ask::default() }));
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
        let Some(binding) = participant.get("messaging_binding").filter(|binding| !binding.is_null()) else { continue };
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
            if !host.ends_with(".twilio.com") || endpoints::product(Some(host)) != endpoints::product(head.host) {
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

// --- lists of messages, mails, bindings ----------------------------------------------------------------------

/// JSON `messages[].to`.
fn bulk(body: &Json<'_>) -> Result<Vec<Named>, Unreadable> {
    for later in ["sendAt", "scheduleType", "schedule"] {
        if body.field(later)?.is_some() {
            return Err(Unreadable::new("bulk messages that leave later could not be cancelled: send them now"));
        }
    }
    if body.field("to")?.is_some() {
        return Err(Unreadable::new("name the recipients in messages[].to"));
    }
    let messages = body.field("messages")?.and_then(Json::as_array).filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Unreadable::new("the request has no list of messages"))?;
    let mut named = Vec::with_capacity(messages.len());
    for (place, message) in messages.iter().enumerate() {
        let to = message.field("to")?.and_then(Json::text).ok_or_else(|| Unreadable::new("a message has no text in `to`"))?;
        named.extend(address::read(&Cow::Owned(to.into_owned()), Way::Message)?.map(|recipient| (place, recipient)));
    }
    Ok(named)
}

/// One list of a mail.
struct EmailList<'j, 'a> {
    list: &'j Json<'a>,
    named: Vec<Named>,
}

/// JSON `to[].address`, and `cc`, `bcc` where they are.
fn email_lists<'j, 'a>(body: &'j Json<'a>) -> Result<Vec<EmailList<'j, 'a>>, Unreadable> {
    let mut lists = Vec::new();
    for (key, role) in [("to", Role::To), ("cc", Role::Cc), ("bcc", Role::Bcc)] {
        let Some(list) = body.field(key)?.filter(|list| !list.is_null()) else { continue };
        let entries = list.as_array().ok_or_else(|| Unreadable::new(format!("{key} is not a list")))?;
        let mut named = Vec::with_capacity(entries.len());
        for (place, entry) in entries.iter().enumerate() {
            let address = entry.field("address")?.and_then(Json::text);
            let address = address.ok_or_else(|| Unreadable::new(format!("an entry of {key} has no address")))?;
            named.push((place, address::email(&Cow::Owned(address.into_owned()), role)));
        }
        lists.push(EmailList { list, named });
    }
    if lists.first().is_none_or(|to| !to.named.first().is_some_and(|(_, one)| one.role == Role::To)) {
        return Err(Unreadable::new("the mail names nobody in `to`"));
    }
    Ok(lists)
}

/// Takes people out of a mail's lists. Where `to` is left empty the first cc takes its place (R11).
fn trim_email(body: &[u8], lists: &[EmailList<'_, '_>], drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let mut edits = Vec::new();
    let mut first = 0;
    let mut gone: Vec<Vec<usize>> = Vec::new();
    for list in lists {
        gone.push(drop.iter().filter_map(|index| index.checked_sub(first)).filter(|at| *at < list.named.len()).collect());
        first += list.named.len();
    }
    if gone[0].len() == lists[0].named.len() {
        let cc = lists.get(1).filter(|list| list.named.first().is_some_and(|(_, one)| one.role == Role::Cc));
        let stays = cc.and_then(|cc| (0..cc.named.len()).find(|at| !gone[1].contains(at)).map(|at| (cc, at)));
        let Some((cc, at)) = stays else {
            return Err(CannotTrim("only blind copies would be left".into()));
        };
        let (to, risen) = (lists[0].list.as_array().unwrap_or_default(), &cc.list.as_array().unwrap_or_default()[at]);
        let range = to[0].range.start..to[to.len() - 1].range.end;
        edits.push(Edit { range, with: body[risen.range.clone()].to_vec() });
        gone[0].clear();
        gone[1].push(at);
        gone[1].sort_unstable();
    }
    for (list, gone) in lists.iter().zip(&gone) {
        edits.extend(list.list.without(gone));
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// `ToBinding`, repeated, each `{"binding_type": "sms", "address": "+…"}`.
fn bindings(form: &Form<'_>) -> Result<Vec<Named>, Unreadable> {
    let mut named = Vec::new();
    for (place, pair) in repeated(form, "ToBinding")? {
        let binding = json::read(pair.value.as_bytes())?;
        let address = binding.field("address")?.and_then(Json::text);
        let address = address.ok_or_else(|| Unreadable::new("a ToBinding has no address"))?.into_owned();
        let whole = match &*text(binding.field("binding_type")?) {
            "sms" => address,
            "facebook-messenger" if !address.contains(':') => format!("messenger:{address}"),
            "facebook-messenger" => address,
            // Apps on the tenant's own users' devices.
            "apn" | "fcm" | "gcm" => continue,
            _ => return Err(Unreadable::new("the gateway does not know this binding_type")),
        };
        named.extend(address::read(&Cow::Owned(whole), Way::Message)?.map(|recipient| (place, recipient)));
    }
    for (_, pair) in repeated(form, "Sms")? {
        if json::read(pair.value.as_bytes())?.field("to")?.is_some() {
            return Err(Unreadable::new("name the recipients by ToBinding"));
        }
    }
    Ok(named)
}

// --- proxy, flex -------------------------------------------------------------------------------------------

/// One participant of a new session, or a list of them: `{"Identifier": "+…"}`.
fn session_participants<'a>(json: &Json<'_>) -> Result<Recipients<'a>, Unreadable> {
    let one = std::slice::from_ref(json);
    let mut recipients = Recipients::new();
    for participant in json.as_array().unwrap_or(one) {
        let identifier = participant.field("Identifier")?.and_then(Json::text);
        let identifier = identifier.ok_or_else(|| Unreadable::new("a participant has no Identifier"))?;
        recipients.extend(address::read(&Cow::Owned(identifier.into_owned()), Way::Either)?);
    }
    Ok(recipients)
}

/// The channel of an interaction that the tenant's staff begins.
fn interaction<'a>(channel: &Json<'_>) -> Result<Recipients<'a>, Unreadable> {
    let kind = text(channel.field("type")?).to_ascii_lowercase();
    let participants = channel.field("participants")?.and_then(Json::as_array).unwrap_or_default();
    let mut recipients = Recipients::new();
    for participant in participants {
        let Some(address) = participant.field("address")?.filter(|address| !address.is_null()) else { continue };
        let address = address.as_str().ok_or_else(|| Unreadable::new("an address is not a text"))?;
        let role = match &*text(participant.field("level")?).to_ascii_lowercase() {
            "cc" => Role::Cc,
            "bcc" => Role::Bcc,
            _ => Role::To,
        };
        let (whole, way) = match &*kind {
            "email" => {
                recipients.push(address::email(&Cow::Owned(address.to_owned()), role));
                continue;
            }
            "sms" | "mms" | "rcs" => (address.to_owned(), Way::Message),
            "whatsapp" | "messenger" if !address.contains(':') => (format!("{kind}:{address}"), Way::Message),
            "whatsapp" | "messenger" => (address.to_owned(), Way::Message),
            "voice" | "phone" => (address.to_owned(), Way::Call),
            "web" | "chat" => continue,
            _ => return Err(Unreadable::new("the gateway does not know this type of Channel")),
        };
        recipients.extend(address::read(&Cow::Owned(whole), way)?);
    }
    let from_customer = text(channel.field("initiated_by")?).eq_ignore_ascii_case("customer");
    if recipients.is_empty() && !from_customer && !matches!(&*kind, "web" | "chat") {
        return Err(Unreadable::new("the Channel names no participant's address"));
    }
    Ok(recipients)
}

/// The text of a JSON string; empty when it is none.
fn text<'a>(json: Option<&Json<'_>>) -> Cow<'a, str> {
    json.and_then(Json::as_str).map(|text| Cow::Owned(text.to_owned())).unwrap_or_default()
}
