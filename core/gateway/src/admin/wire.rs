//! Contacts as JSON, in the vocabulary of the HighLevel contacts API (v2), and back.

use super::problem::Problem;
use axum::{extract::FromRequestParts, http::request::Parts};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::Status;
use dndgate_store::{ChannelWish, ContactDraft, ContactView, Part, events};
use serde_json::{Map, Value, json};
use std::convert::Infallible;

/// How a client spells channels: the API's version 3 writes them in lower case, as it says by its `Version`.
/// Such a client is shown both spellings and may send either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `SMS`, `Email`, …
    V2,
    /// `sms`, `email`, … as well.
    V3,
}

impl<S: Send + Sync> FromRequestParts<S> for Dialect {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Dialect, Infallible> {
        let v3 = parts.headers.get("version").is_some_and(|version| version == "v3");
        Ok(if v3 { Dialect::V3 } else { Dialect::V2 })
    }
}

/// A channel's name in version 3.
const fn v3_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "sms",
        Channel::Call => "call",
        Channel::Email => "email",
        Channel::WhatsApp => "whatsApp",
        Channel::Fb => "fb",
        Channel::Gmb => "gmb",
    }
}

/// Members that say who is reached where; everything else is kept as it came.
const ADDRESS_MEMBERS: [&str; 5] = ["email", "additionalEmails", "phone", "additionalPhones", "addresses"];
const DND_MEMBERS: [&str; 3] = ["dnd", "dndSettings", "inboundDndSettings"];
/// Members that are derived: what a client sends back of them is not a wish.
const DERIVED_MEMBERS: [&str; 9] = [
    "id",
    "locationId",
    "dndStatus",
    "dateAdded",
    "dateUpdated",
    "dndBlocked",
    "stillBlocked",
    "searchAfter",
    "createNewIfDuplicateAllowed",
];

/// Reads the body of a create, upsert or update.
pub(super) fn draft(body: Value) -> Result<ContactDraft, Problem> {
    let Value::Object(mut body) = body else { return Err(Problem::bad_request("send a JSON object")) };
    let (addresses, parts) = addresses(&body)?;
    let dnd = match body.get("dnd") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(dnd)) => Some(*dnd),
        Some(_) => return Err(Problem::bad_request("dnd is not true or false")),
    };
    let settings = settings(body.get("dndSettings"))?;
    let inbound = match body.get("inboundDndSettings").and_then(|all| all.get("all")) {
        None | Some(Value::Null) => None,
        Some(one) => Some(wish("inboundDndSettings.all", one)?),
    };
    for name in ADDRESS_MEMBERS.iter().chain(&DND_MEMBERS).chain(&DERIVED_MEMBERS) {
        body.remove(*name);
    }
    Ok(ContactDraft { fields: body, addresses, parts, dnd, settings, inbound })
}

type Wholes = Vec<(AddressKind, Vec<String>)>;
type Partly = Vec<(AddressKind, Part)>;

/// The addresses that a body names: kinds as a whole, and parts of kinds. What is not named stays.
fn addresses(body: &Map<String, Value>) -> Result<(Wholes, Partly), Problem> {
    let (mut all, mut parts) = (Vec::new(), Vec::new());
    for (kind, first, more) in
        [(AddressKind::Phone, "phone", "additionalPhones"), (AddressKind::Email, "email", "additionalEmails")]
    {
        let main = text(first, body.get(first))?;
        let others = match body.get(more) {
            None | Some(Value::Null) => None,
            Some(Value::Array(list)) => {
                let mut values = Vec::new();
                for one in list {
                    // HighLevel writes additional emails as {"email": …} and additional phones as {"phone": …} too.
                    let inner = one.get(first).unwrap_or(one);
                    values.extend(text(more, Some(inner))?);
                }
                Some(values)
            }
            Some(_) => return Err(Problem::bad_request(format!("{more} is not a list"))),
        };
        match (body.contains_key(first), others) {
            (false, None) => {}
            (true, None) => parts.push((kind, Part::Main(main))),
            (false, Some(others)) => parts.push((kind, Part::Others(others))),
            (true, Some(others)) => all.push((kind, main.into_iter().chain(others).collect())),
        }
    }
    match body.get("addresses") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for kind in [AddressKind::Psid, AddressKind::Gmb, AddressKind::Wa] {
                let mut values = Vec::new();
                for one in list.iter().filter(|one| one["kind"] == kind.name()) {
                    values.extend(text("addresses[].value", one.get("value"))?);
                }
                all.push((kind, values));
            }
        }
        Some(_) => return Err(Problem::bad_request("addresses is not a list")),
    }
    Ok((all, parts))
}

fn text(name: &str, value: Option<&Value>) -> Result<Option<String>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Problem::bad_request(format!("{name} is not text"))),
    }
}

fn settings(value: Option<&Value>) -> Result<Vec<(Channel, ChannelWish)>, Problem> {
    let Some(Value::Object(map)) = value else {
        return match value {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(_) => Err(Problem::bad_request("dndSettings is not an object")),
        };
    };
    let mut all = Vec::new();
    for (name, one) in map {
        let channel = Channel::parse(name).ok_or_else(|| {
            let names: Vec<_> = Channel::ALL.into_iter().map(Channel::name).collect();
            Problem::bad_request(format!("dndSettings.{name} is no channel; there are {}", names.join(", ")))
        })?;
        if !one.is_null() {
            all.push((channel, wish(&format!("dndSettings.{name}"), one)?));
        }
    }
    Ok(all)
}

fn wish(name: &str, value: &Value) -> Result<ChannelWish, Problem> {
    let status = match value.get("status").and_then(Value::as_str) {
        Some("active") => Status::Active,
        Some("inactive") => Status::Inactive,
        Some("permanent") => Status::Permanent,
        _ => {
            return Err(Problem::bad_request(format!(
                "{name}.status is none of active, inactive, permanent"
            )));
        }
    };
    Ok(ChannelWish {
        status,
        message: text(&format!("{name}.message"), value.get("message"))?,
        code: value.get("code").and_then(|code| match code {
            Value::String(code) => Some(code.clone()),
            Value::Number(code) => Some(code.to_string()),
            _ => None,
        }),
    })
}

/// A contact as the API shows it.
pub(super) fn shown(view: &ContactView, listed: Channels, dialect: Dialect) -> Value {
    let mut body = view.fields.clone();
    let of = |kind: AddressKind| view.addresses.iter().filter(move |one| one.kind == kind);
    let mut phones = of(AddressKind::Phone).map(|one| one.shown.clone());
    let mut emails = of(AddressKind::Email).map(|one| one.shown.clone());
    body.insert("id".into(), json!(view.id));
    body.insert("locationId".into(), json!(view.tenant));
    body.insert("phone".into(), json!(phones.next()));
    body.insert("additionalPhones".into(), json!(phones.collect::<Vec<_>>()));
    body.insert("email".into(), json!(emails.next()));
    body.insert("additionalEmails".into(), json!(emails.collect::<Vec<_>>()));
    let addresses: Vec<Value> = view
        .addresses
        .iter()
        .map(|one| {
            let blocked: Vec<_> = one.suppressed.channels().iter().map(Channel::name).collect();
            json!({ "kind": one.kind.name(), "value": one.shown, "blocked": blocked })
        })
        .collect();
    body.insert("addresses".into(), json!(addresses));
    body.extend(events::dnd_json(&view.reasons, listed));
    if let (Dialect::V3, Some(settings)) =
        (dialect, body.get_mut("dndSettings").and_then(Value::as_object_mut))
    {
        for channel in Channel::ALL {
            let state = settings.get(channel.name()).cloned().unwrap_or_default();
            settings.insert(v3_name(channel).into(), state);
        }
    }
    body.insert("dateAdded".into(), json!(view.created.to_string()));
    body.insert("dateUpdated".into(), json!(view.updated.to_string()));
    Value::Object(body)
}
