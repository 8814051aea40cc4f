//! A stand-in for the Send API of Messenger.

use super::{answer, id_or, webhook};
use crate::{
    graph::{Field, Fields, Path},
    product::Product,
};
use dndgate_adapter::{
    Channel, Request, Secrets, Sending,
    outbound::Call,
    sandbox::{Answered, Delivered, Inbound, Sandbox},
};
use http::StatusCode;
use serde_json::{Value, json};

/// See [`dndgate_adapter::sandbox::Sandbox`].
#[derive(Debug)]
pub(crate) struct Messenger;

/// The page, where a webhook needs one.
const PAGE: &str = "1234567890";
/// A person of this id is not available: 551.
const GONE: &str = "5510000000000000";

impl Sandbox for Messenger {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        answer(Product::Messenger, one, request, serial)
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: jiff::Timestamp,
    ) -> Call {
        let said = json!({ "message": { "mid": format!("m_in{serial}"), "text": message.text } });
        webhook(url, &element(message.from, id_or(message.to, PAGE), now, said), secrets)
    }

    /// Messenger reports no failure: the answer to the next send does. What comes instead is the one thing that it
    /// does report of a person who has had enough: "Stop messages" was pressed.
    fn failure(
        &self,
        delivered: &Delivered,
        _code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: jiff::Timestamp,
    ) -> Call {
        let pressed = json!({ "optin": {
            "type": "notification_messages", "notification_messages_token": format!("token{serial}"),
            "notification_messages_status": "STOP NOTIFICATIONS",
        } });
        webhook(url, &element(&delivered.to, id_or(&delivered.from, PAGE), now, pressed), secrets)
    }
}

fn element(person: &str, page: &str, now: jiff::Timestamp, mut what: Value) -> Value {
    let millis = now.as_millisecond();
    what["sender"] = json!({ "id": person });
    what["recipient"] = json!({ "id": page });
    what["timestamp"] = millis.into();
    json!({ "object": "page", "entry": [{ "id": page, "time": millis, "messaging": [what] }] })
}

fn one(
    path: &Path<'_>,
    fields: &Fields,
    sending: &Sending<'_>,
    serial: u64,
) -> (StatusCode, Value, Vec<Delivered>) {
    let to = sending.recipients.first().map_or("", |one| &one.address);
    if to == GONE {
        let error = json!({ "error": {
            "message": "(#551) This person isn't available right now.", "type": "OAuthException", "code": 551,
            "error_subcode": 1_545_041, "fbtrace_id": format!("trace{serial}"),
        } });
        return (StatusCode::BAD_REQUEST, error, Vec::new());
    }
    let text = match fields.get("message") {
        Some(Field::Json(message)) => message["text"].as_str().unwrap_or("(attachment)"),
        _ => sending.kind,
    };
    let id = format!("m_out{serial}");
    let delivered = Delivered {
        id: id.clone(),
        channel: Channel::Fb,
        from: path.node().to_owned(),
        to: to.to_owned(),
        text: text.to_owned(),
        callback: String::new(),
    };
    (StatusCode::OK, json!({ "recipient_id": to, "message_id": id }), vec![delivered])
}
