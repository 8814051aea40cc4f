//! RCS for Business: chat in the telephone's messages. The person is a telephone number.

use crate::{
    Service,
    call::{Act, bare_account},
    sandbox,
};
use dndgate_adapter::{
    AddressKind, Channel, Channels, Event, EventKind, Key, Profile, Spoken, Unreadable,
    json::{self, Json},
    sign,
};
use http::Method;
use jiff::Timestamp;
use std::{borrow::Cow, time::Duration};

pub(crate) const KEY: &str = "client_token";

static PROFILE: Profile = Profile {
    name: "rbm",
    title: "Google RCS for Business",
    channels: Channels::of(Channel::Sms),
    upstream: "https://rcsbusinessmessaging.googleapis.com",
    hosts: &[
        "rcsbusinessmessaging.googleapis.com",
        "us-rcsbusinessmessaging.googleapis.com",
        "europe-rcsbusinessmessaging.googleapis.com",
        "asia-rcsbusinessmessaging.googleapis.com",
    ],
    keys: &[Key {
        name: KEY,
        what: "the client token of the webhook, from the developer console; several in a list",
        for_webhooks: true,
    }],
    // Google's clients for Java pack every body.
    compressed_bodies: true,
    webhook_timeout: Duration::from_secs(5),
    exemptions: &["dialogflow", "tester"],
    ..Profile::USUAL
};

static PROFILE_AS_GMB: Profile = Profile { channels: Channels::of(Channel::Gmb), ..PROFILE };

pub(crate) static AS_SMS: Service = Service {
    profile: &PROFILE,
    way: (Channel::Sms, AddressKind::Phone),
    people: "phones",
    calls: &[
        (Method::POST, "*/phones/*/agentMessages", Act::Send("message")),
        (Method::POST, "*/phones/*/dialogflowMessages", Act::Send("dialogflow")),
        (Method::POST, "*/phones/*/testers", Act::Send("tester")),
        (Method::POST, "*/phones/*/agentEvents", Act::Sign(&["IS_TYPING", "READ"])),
        (Method::POST, "*/phones/*/capability:requestCapabilityCallback", Act::Nobody),
        (Method::POST, "*/users:batchGet", Act::Nobody),
        (Method::POST, "*/files", Act::Nobody),
        (Method::POST, "upload/*/files", Act::Nobody),
        (Method::PUT, "upload/*/files", Act::Nobody),
        (Method::POST, "resumable/upload/*/files", Act::Nobody),
        (Method::PUT, "resumable/upload/*/files", Act::Nobody),
    ],
    account: Some("agentId"),
    key: KEY,
    signed: data,
    says,
    sandbox: &sandbox::RBM,
};

pub(crate) static AS_GMB: Service =
    Service { profile: &PROFILE_AS_GMB, way: (Channel::Gmb, AddressKind::Phone), ..AS_SMS };

/// What is signed of an envelope, and so the only thing in it that is to be believed: its data, unpacked.
fn data(body: &[u8]) -> Option<Cow<'_, [u8]>> {
    let envelope = json::read(body).ok()?;
    let data = envelope.field("message").ok()??.field("data").ok()??;
    sign::from_base64(data.as_str()?).map(Cow::Owned)
}

/// What the data of a webhook say.
fn says(data: &[u8], channel: Channel) -> Result<Vec<Event<'static>>, Unreadable> {
    let body = json::read(data)?;
    let text = |json: &Json<'_>, name: &str| {
        json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let from = text(&body, "senderPhoneNumber");
    let event_type = text(&body, "eventType");
    let message = |texts: Vec<String>, provider_meaning| match &from {
        None => Err(Unreadable::new("the webhook names nobody who speaks")),
        Some(from) => Ok(EventKind::Message {
            channel,
            from_kind: AddressKind::Phone,
            from: from.clone().into(),
            spoken: Spoken { texts: texts.into_iter().map(Cow::Owned).collect(), provider_meaning },
        }),
    };
    let said = body.get("suggestionResponse");
    let kind = match event_type.as_deref() {
        // A button of Google's app, beside which it sends the country's own word for it in the person's name: an
        // opt-out of the same kind, so that the second of the two changes nothing.
        Some("UNSUBSCRIBE") => message(vec!["UNSUBSCRIBE".to_owned()], Some("opt_out"))?,
        Some("SUBSCRIBE") => message(Vec::new(), Some("opt_in"))?,
        Some(other) => EventKind::Other(match other {
            "DELIVERED" => "delivered",
            "READ" => "read",
            "IS_TYPING" => "typing",
            "TTL_EXPIRATION_REVOKED" | "TTL_EXPIRATION_REVOKE_FAILED" => "expired",
            _ => "other",
        }),
        None => match (text(&body, "text"), said) {
            (None, None) => EventKind::Other(match () {
                () if body.get("userFile").is_some() => "file",
                () if body.get("location").is_some() => "location",
                () => "other",
            }),
            (written, said) => {
                let pressed = said.map(|one| [text(one, "text"), text(one, "postbackData")]);
                let texts = written.into_iter().chain(pressed.into_iter().flatten().flatten());
                message(texts.collect(), None)?
            }
        },
    };
    let named = |name: &str| text(&body, name).map(|id| format!("{name}:{id}"));
    // A report names the message that it is about; only of the person's own message it is the id.
    let id = named("eventId").or_else(|| named("messageId").filter(|_| event_type.is_none()));
    Ok(vec![Event {
        id: id.unwrap_or_else(|| sign::to_hex(&sign::sha256(data))).into(),
        account: text(&body, "agentId").map(|agent| bare_account(Cow::Owned(agent))),
        at: text(&body, "sendTime").and_then(|at| at.parse::<Timestamp>().ok()),
        kind,
    }])
}
