//! A stand-in for Telnyx: answers as it does and signs webhooks as it would.

use crate::{PUBLIC_KEY, Telnyx, webhook};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Reply, Request, Secrets, Sending, json,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign::{self, Ed25519},
};
use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The seed of a key pair that signs nothing but the stand-in's webhooks.
static KEY_PAIR: LazyLock<Option<Ed25519>> =
    LazyLock::new(|| Ed25519::new(b"dndgate, Telnyx's stand-in's key"));

impl Sandbox for Telnyx {
    fn key(&self, name: &str) -> Option<String> {
        (name == PUBLIC_KEY).then_some(())?;
        Some(sign::to_base64(KEY_PAIR.as_ref()?.public_key()))
    }

    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        match self.read(request) {
            Ok(Outbound::Send(sending)) if !sending.recipients.is_empty() => sent(request, &sending, serial),
            Err(unreadable) => {
                let error = json!({ "code": "10015", "title": "Bad Request", "detail": unreadable.message });
                answered(StatusCode::BAD_REQUEST, &json!({ "errors": [error] }))
            }
            _ if request.head.method == http::Method::DELETE => answered(StatusCode::OK, &json!({})),
            _ => answered(StatusCode::OK, &json!({ "data": {} })),
        }
    }

    fn inbound(&self, message: &Inbound<'_>, url: &str, _: &Secrets, serial: u64, now: Timestamp) -> Call {
        let (name, payload) = match message.channel {
            Channel::Call => (
                "call.initiated",
                json!({
                    "call_control_id": format!("v3:{}", id(serial, 1)), "direction": "incoming",
                    "from": message.from, "to": message.to, "state": "parked",
                }),
            ),
            channel => (
                "message.received",
                json!({
                    "id": id(serial, 1), "record_type": "message", "direction": "inbound",
                    "type": kind(channel), "from": { "phone_number": message.from, "carrier": "", "line_type": "Wireless" },
                    "to": [{ "phone_number": message.to, "status": "webhook_delivered" }], "text": message.text,
                }),
            ),
        };
        signed(url, name, &payload, serial, now)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        _: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let to = json!([{ "phone_number": delivered.to, "status": "delivery_failed", "carrier": "" }]);
        let payload = json!({
            "id": delivered.id, "record_type": "message", "direction": "outbound", "type": kind(delivered.channel),
            "from": { "phone_number": delivered.from }, "to": to, "text": delivered.text,
            "errors": [{ "code": code, "title": "Message failed", "detail": "as the stand-in was told" }],
        });
        signed(url, "message.finalized", &payload, serial, now)
    }
}

fn sent(request: &Request<'_>, sending: &Sending<'_>, serial: u64) -> Answered {
    let reached = sending.recipients.iter().filter_map(|one| Some((one, one.channels.first()?)));
    let text = text(request);
    let callback = sending.callbacks.first().map(|callback| callback.url.to_string()).unwrap_or_default();
    // One id for a message, whoever else gets it.
    let id = id(serial, 0);
    let delivered: Vec<Delivered> = reached
        .map(|(one, channel)| Delivered {
            id: id.clone(),
            channel,
            from: sending.sender.to_string(),
            to: one.address.to_string(),
            text: text.clone(),
            callback: callback.clone(),
        })
        .collect();
    let to: Vec<Value> = delivered
        .iter()
        .map(|one| json!({ "phone_number": one.to, "status": "queued", "carrier": "", "line_type": "" }))
        .collect();
    let data = match sending.kind {
        "call" | "transfer" => json!({
            "record_type": "call", "call_control_id": format!("v3:{id}"), "call_leg_id": id,
            "call_session_id": id, "is_alive": false,
        }),
        "verify" => json!({
            "id": id, "record_type": "verification", "status": "pending", "timeout_secs": 300,
            "phone_number": to.first().map(|one| &one["phone_number"]),
        }),
        _ => json!({
            "id": id, "record_type": "message", "direction": "outbound", "to": to, "text": text, "parts": 1,
            "type": kind(delivered.first().map_or(Channel::Sms, |one| one.channel)),
            "from": { "phone_number": sending.sender, "carrier": "Telnyx" }, "errors": [], "webhook_url": callback,
        }),
    };
    Answered { delivered, ..answered(StatusCode::OK, &json!({ "data": data })) }
}

fn text(request: &Request<'_>) -> String {
    let body = json::read(request.body).ok();
    let text = body.as_ref().and_then(|body| body.get("text")).and_then(json::Json::as_str);
    text.map(str::to_owned).unwrap_or_default()
}

fn kind(channel: Channel) -> &'static str {
    if channel == Channel::WhatsApp { "WHATSAPP" } else { "SMS" }
}

/// A UUID as Telnyx's ids are.
fn id(serial: u64, part: u16) -> String {
    format!("40300000-{part:04x}-4000-8000-{:012x}", serial & 0xffff_ffff_ffff)
}

fn answered(status: StatusCode, body: &Value) -> Answered {
    Answered { reply: Reply::json(status, body), delivered: Vec::new() }
}

/// A webhook as Telnyx would send it.
fn signed(url: &str, name: &str, payload: &Value, serial: u64, now: Timestamp) -> Call {
    let body = json!({
        "data": {
            "event_type": name, "id": id(serial, 2), "occurred_at": now.to_string(), "payload": payload,
            "record_type": "event",
        },
        "meta": { "attempt": 1, "delivered_to": url },
    })
    .to_string();
    let timestamp = now.as_second().to_string();
    let signature = KEY_PAIR.as_ref().map(|pair| pair.sign(&webhook::message(&timestamp, body.as_bytes())));
    let fields = [
        (HeaderName::from_static(webhook::TIMESTAMP), timestamp),
        (HeaderName::from_static(webhook::SIGNATURE), sign::to_base64(&signature.unwrap_or_default())),
    ];
    sandbox::webhook(url, "application/json", body, fields)
}
