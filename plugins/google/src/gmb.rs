//! Business Messages: chat that began in Google's search and maps. The person is a conversation.

use crate::{Service, call::Act, sandbox};
use dndgate_adapter::{
    AddressKind, Channel, Event, EventKind, Key, Profile, Spoken, Unreadable,
    json::{self, Json},
    sign,
};
use http::Method;
use jiff::Timestamp;
use std::{borrow::Cow, time::Duration};

pub(crate) const KEY: &str = "partner_key";

static PROFILE: Profile = Profile {
    name: "gmb",
    title: "Google Business Messages",
    channels: dndgate_adapter::Channels::of(Channel::Gmb),
    upstream: "https://businessmessages.googleapis.com",
    hosts: &["businessmessages.googleapis.com"],
    keys: &[Key {
        name: KEY,
        what: "the partner key, or the client token of the agent's webhook; several in a list",
        for_webhooks: true,
    }],
    // Google's clients for Java pack every body.
    compressed_bodies: true,
    webhook_timeout: Duration::from_secs(5),
    exemptions: &["survey"],
    ..Profile::USUAL
};

/// Lines about the conversation, which are no message.
const SIGNS: &[&str] = &["TYPING_STARTED", "TYPING_STOPPED", "REPRESENTATIVE_JOINED", "REPRESENTATIVE_LEFT"];

pub(crate) static SERVICE: Service = Service {
    profile: &PROFILE,
    way: (Channel::Gmb, AddressKind::Gmb),
    people: "conversations",
    calls: &[
        (Method::POST, "*/conversations/*/messages", Act::Send("message")),
        (Method::POST, "*/conversations/*/surveys", Act::Send("survey")),
        (Method::POST, "*/conversations/*/events", Act::Sign(SIGNS)),
        (Method::PATCH, "*/conversations/*/messages/*/receipt", Act::Sign(&["READ"])),
    ],
    account: None,
    key: KEY,
    signed: |body| Some(Cow::Borrowed(body)),
    says,
    sandbox: &sandbox::GMB,
};

/// What a webhook says: one thing, by the key under which it stands.
fn says(whole: &[u8], channel: Channel) -> Result<Vec<Event<'static>>, Unreadable> {
    let body = json::read(whole)?;
    let text = |json: &Json<'_>, name: &str| {
        json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let conversation =
        text(&body, "conversationId").ok_or_else(|| Unreadable::new("the webhook names no conversation"))?;
    let message = |texts: [Option<String>; 2]| EventKind::Message {
        channel,
        from_kind: AddressKind::Gmb,
        from: conversation.clone().into(),
        spoken: Spoken {
            texts: texts.into_iter().flatten().map(Cow::Owned).collect(),
            provider_meaning: None,
        },
    };
    let mut said: Vec<(&Json<'_>, EventKind<'static>)> = Vec::new();
    if let Some(one) = body.get("message") {
        said.push((one, message([text(one, "text"), None])));
    }
    if let Some(one) = body.get("suggestionResponse") {
        said.push((one, message([text(one, "text"), text(one, "postbackData")])));
    }
    for (key, name) in [
        ("userStatus", "status"),
        ("receipts", "receipt"),
        ("surveyResponse", "survey"),
        ("authenticationResponse", "authentication"),
    ] {
        said.extend(body.get(key).map(|one| (one, EventKind::Other(name))));
    }
    if said.is_empty() {
        said.push((&body, EventKind::Other("other")));
    }
    let (request, agent, sent) = (text(&body, "requestId"), text(&body, "agent"), text(&body, "sendTime"));
    let event = |(index, (about, kind)): (usize, (&Json<'_>, EventKind<'static>))| {
        let at = text(about, "createTime").or_else(|| sent.clone());
        let id = request.clone().or_else(|| text(about, "messageId"));
        let id = id.unwrap_or_else(|| sign::to_hex(&sign::sha256(whole)));
        Event {
            id: if index == 0 { id.into() } else { format!("{id}/{index}").into() },
            account: agent.clone().map(Cow::Owned),
            at: at.and_then(|at| at.parse::<Timestamp>().ok()),
            kind,
        }
    };
    Ok(said.into_iter().enumerate().map(event).collect())
}
