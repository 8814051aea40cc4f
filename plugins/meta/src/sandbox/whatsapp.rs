//! A stand-in for the Cloud API of WhatsApp.

use super::{answer, id_or, webhook};
use crate::{
    graph::{Field, Fields, Path},
    product::Product,
};
use dndgate_adapter::{
    AddressKind, Channel, Request, Secrets, Sending,
    outbound::Call,
    sandbox::{Answered, Delivered, Inbound, Sandbox},
};
use http::StatusCode;
use serde_json::{Value, json};

/// See [`dndgate_adapter::sandbox::Sandbox`].
#[derive(Debug)]
pub(crate) struct WhatsApp;

/// The telephone number of the business, where a webhook needs one.
const NUMBER: &str = "106540352242922";

impl Sandbox for WhatsApp {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        answer(Product::WhatsApp, one, request, serial)
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: jiff::Timestamp,
    ) -> Call {
        let from = message.from.trim_start_matches('+');
        let more = json!({
            "contacts": [{ "profile": { "name": "Somebody" }, "wa_id": from }],
            "messages": [{
                "from": from, "id": format!("wamid.in{serial}"), "timestamp": now.as_second().to_string(),
                "type": "text", "text": { "body": message.text },
            }],
        });
        webhook(url, &envelope(message.to, more), secrets)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        _serial: u64,
        now: jiff::Timestamp,
    ) -> Call {
        let more = json!({ "statuses": [{
            "id": delivered.id, "status": "failed", "timestamp": now.as_second().to_string(),
            "recipient_id": delivered.to.trim_start_matches('+'),
            "errors": [{ "code": code.parse::<u64>().unwrap_or(131_026), "title": "Message undeliverable" }],
        }] });
        webhook(url, &envelope(&delivered.from, more), secrets)
    }
}

fn envelope(number: &str, mut value: Value) -> Value {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] =
        json!({ "display_phone_number": "15550783881", "phone_number_id": id_or(number, NUMBER) });
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "field": "messages", "value": value }] }],
    })
}

fn one(
    path: &Path<'_>,
    fields: &Fields,
    sending: &Sending<'_>,
    serial: u64,
) -> (StatusCode, Value, Vec<Delivered>) {
    let Some(to) = sending.recipients.first() else {
        return (StatusCode::OK, json!({ "success": true }), Vec::new());
    };
    let text = match fields.get("text") {
        Some(Field::Json(text)) => text["body"].as_str().unwrap_or_default().to_owned(),
        _ => format!("({})", fields.get("type").and_then(Field::scalar).unwrap_or(sending.kind)),
    };
    let id = format!("wamid.out{serial}");
    let delivered = Delivered {
        id: id.clone(),
        channel: Channel::WhatsApp,
        from: path.node().to_owned(),
        to: to.address.to_string(),
        text,
        callback: String::new(),
    };
    let answer = if sending.kind == "call" {
        json!({ "messaging_product": "whatsapp", "calls": [{ "id": format!("wacid.{serial}") }] })
    } else {
        let mut contact = json!({ "input": to.address });
        let key = if to.kind == AddressKind::Wa { "user_id" } else { "wa_id" };
        contact[key] = to.address.trim_start_matches('+').into();
        json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [{ "id": id }] })
    };
    (StatusCode::OK, answer, vec![delivered])
}
