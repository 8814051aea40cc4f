//! Sends that reach several people or name them in JSON, and how people are taken out of them.

use crate::{
    address::{self, Way},
    conversations,
    endpoints::{self, Endpoint},
    fields::{self, pick, repeated, without},
};
use dndgate_adapter::{
    CallbackKind, CannotTrim, Edit, Outbound, Recipient, Request, Role, Sending, Unreadable,
    form::Form,
    json::{self, Json},
};
use smallvec::SmallVec;
use std::borrow::Cow;

pub(crate) type Recipients<'a> = SmallVec<[Recipient<'a>; 1]>;
/// A place in a body (of a form's pair, of an array's element) and a person named there.
pub(crate) type Named = (usize, Recipient<'static>);

/// Reads the endpoints that name people in lists or JSON.
pub(crate) fn read<'a>(endpoint: Endpoint, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let mut sending = Sending { kind: endpoint.kind(), ..Sending::default() };
    match endpoint {
        Endpoint::ConversationWithParticipants => {
            let form = fields::form(request.body)?;
            sending.recipients = people(conversations::starters(&form)?);
        }
        Endpoint::Notification => {
            let form = fields::form(request.body)?;
            let named = bindings(&form)?;
            let mut unnamed = false;
            for name in ["Identity", "Tag", "Segment"] {
                unnamed |= !repeated(&form, name)?.is_empty();
            }
            if unnamed && repeated(&form, "ToBinding")?.is_empty() {
                return Ok(Outbound::Unnamed("notify"));
            }
            if unnamed {
                return Err(Unreadable::new(
                    "name the recipients by ToBinding alone, not also by Identity, Tag or Segment",
                ));
            }
            sending.callbacks = fields::callbacks(&form, &[("DeliveryCallbackUrl", CallbackKind::Status)])?;
            sending.recipients = people(named);
        }
        Endpoint::ProxySession => {
            let form = fields::form(request.body)?;
            for (_, pair) in repeated(&form, "Participants")? {
                sending.recipients.extend(session_participants(&json::read(pair.value.as_bytes())?)?);
            }
        }
        Endpoint::Interaction => {
            let form = fields::form(request.body)?;
            let [channel] = pick(&form, ["Channel"])?;
            let channel = channel.ok_or_else(|| Unreadable::new("the request names no Channel"))?;
            sending.recipients = interaction(&json::read(channel.value.as_bytes())?)?;
        }
        Endpoint::Action => sending.recipients = conversations::action(&json::read(request.body)?)?,
        Endpoint::Bulk => {
            let body = json::read(request.body)?;
            sending.recipients = people(bulk(&body)?);
            sending.sender = text(body.field("from")?);
        }
        Endpoint::Email => {
            let body = json::read(request.body)?;
            sending.recipients =
                people(email_lists(&body)?.into_iter().flat_map(|list| list.named).collect());
        }
        _ => return Ok(Outbound::Unrecognised),
    }
    Ok(Outbound::Send(sending))
}

fn people<'a>(named: Vec<Named>) -> Recipients<'a> {
    named.into_iter().map(|(_, recipient)| recipient).collect()
}

/// See [`dndgate_adapter::Adapter::trim`].
pub(crate) fn trim(
    request: &Request<'_>,
    sending: &Sending<'_>,
    drop: &[usize],
) -> Result<Vec<Edit>, CannotTrim> {
    let changed = |_| CannotTrim("the request reads differently now".into());
    if drop.is_empty() {
        return Ok(Vec::new());
    }
    match endpoints::find(&request.head).map_err(changed)? {
        Some(endpoint @ (Endpoint::ConversationWithParticipants | Endpoint::Notification)) => {
            let form = fields::form(request.body).map_err(changed)?;
            let named = match endpoint {
                Endpoint::Notification => bindings(&form),
                _ => conversations::starters(&form),
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

// --- lists of messages, mails, bindings ----------------------------------------------------------------------

/// JSON `messages[].to`.
fn bulk(body: &Json<'_>) -> Result<Vec<Named>, Unreadable> {
    for later in ["sendAt", "scheduleType", "schedule"] {
        if body.field(later)?.is_some() {
            return Err(Unreadable::new(
                "bulk messages that leave later could not be cancelled: send them now",
            ));
        }
    }
    if body.field("to")?.is_some() {
        return Err(Unreadable::new("name the recipients in messages[].to"));
    }
    let messages = body.field("messages")?.and_then(Json::as_array).filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Unreadable::new("the request has no list of messages"))?;
    let mut named = Vec::with_capacity(messages.len());
    for (place, message) in messages.iter().enumerate() {
        let to = message
            .field("to")?
            .and_then(Json::text)
            .ok_or_else(|| Unreadable::new("a message has no text in `to`"))?;
        named.extend(
            address::read(&Cow::Owned(to.into_owned()), Way::Message)?.map(|recipient| (place, recipient)),
        );
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
            let address =
                address.ok_or_else(|| Unreadable::new(format!("an entry of {key} has no address")))?;
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
        gone.push(
            drop.iter()
                .filter_map(|index| index.checked_sub(first))
                .filter(|at| *at < list.named.len())
                .collect(),
        );
        first += list.named.len();
    }
    if gone[0].len() == lists[0].named.len() {
        let cc = lists.get(1).filter(|list| list.named.first().is_some_and(|(_, one)| one.role == Role::Cc));
        let stays = cc.and_then(|cc| (0..cc.named.len()).find(|at| !gone[1].contains(at)).map(|at| (cc, at)));
        let Some((cc, at)) = stays else {
            return Err(CannotTrim("only blind copies would be left".into()));
        };
        let (to, risen) =
            (lists[0].list.as_array().unwrap_or_default(), &cc.list.as_array().unwrap_or_default()[at]);
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
        let Some(address) = participant.field("address")?.filter(|address| !address.is_null()) else {
            continue;
        };
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
pub(crate) fn text<'a>(json: Option<&Json<'_>>) -> Cow<'a, str> {
    json.and_then(Json::as_str).map(|text| Cow::Owned(text.to_owned())).unwrap_or_default()
}
