//! A stand-in for Bandwidth: takes messages, calls and codes, and calls back with the application's credentials.

use crate::{Bandwidth, WEBHOOK_CREDENTIALS, sends};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Reply, Request, Secrets, Sending,
    json::{self, Json},
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

impl Sandbox for Bandwidth {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let id = format!("sandbox{serial:x}");
        match self.read(request) {
            Ok(Outbound::Send(sending)) => {
                let (status, body) = taken(request, &sending, &id);
                Answered { reply: Reply::json(status, &body), delivered: delivered(request, &sending, &id) }
            }
            Err(unreadable) => {
                let error = json!({ "type": "request-validation", "description": unreadable.message });
                Answered { reply: Reply::json(StatusCode::BAD_REQUEST, &error), delivered: Vec::new() }
            }
            _ => Answered { reply: Reply::json(StatusCode::OK, &json!({})), delivered: Vec::new() },
        }
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let now = now.to_string();
        let body = if message.channel == Channel::Call {
            json!({
                "eventType": "initiate", "eventTime": now, "accountId": "9900000", "applicationId": "app",
                "from": message.from, "to": message.to, "direction": "inbound", "callId": format!("c-{serial:x}"),
            })
        } else {
            json!([{
                "type": "message-received", "time": now, "description": "Incoming message received", "to": message.to,
                "message": {
                    "id": format!("in{serial:x}"), "owner": message.to, "applicationId": "app", "time": now,
                    "segmentCount": 1, "direction": "in", "to": [message.to], "from": message.from,
                    "text": message.text,
                },
            }])
        };
        calls_back(url, &body, secrets)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        _serial: u64,
        now: Timestamp,
    ) -> Call {
        let now = now.to_string();
        let body = json!([{
            "type": "message-failed", "time": now, "description": "failed", "to": delivered.to,
            "errorCode": code.parse::<u32>().unwrap_or(9999),
            "message": {
                "id": delivered.id, "owner": delivered.from, "applicationId": "app", "time": now, "segmentCount": 1,
                "direction": "out", "to": [delivered.to], "from": delivered.from, "text": delivered.text,
            },
        }]);
        calls_back(url, &body, secrets)
    }
}

/// What the API says to a send that it takes.
fn taken(request: &Request<'_>, sending: &Sending<'_>, id: &str) -> (StatusCode, Value) {
    let people: Vec<&str> = sending.recipients.iter().map(|one| &*one.address).collect();
    match sending.kind {
        "verify" => (StatusCode::OK, json!({ "messageId": id, "callId": id })),
        "call" => (
            StatusCode::CREATED,
            json!({
                "applicationId": "app", "accountId": sends::account(request.head.path), "callId": id,
                "to": people.first(), "from": sending.sender, "callUrl": "", "answerUrl": "", "answerMethod": "POST",
                "disconnectMethod": "POST",
            }),
        ),
        _ => (
            StatusCode::ACCEPTED,
            json!({
                "id": id, "owner": sending.sender, "applicationId": "app", "time": "2026-01-01T00:00:00Z",
                "segmentCount": 1, "direction": "out", "to": people, "from": sending.sender,
            }),
        ),
    }
}

fn delivered(request: &Request<'_>, sending: &Sending<'_>, id: &str) -> Vec<Delivered> {
    let body = json::read(request.body).ok();
    let text = body.as_ref().and_then(|body| body.get("text")).and_then(Json::as_str);
    let text = text.map_or_else(|| format!("({})", sending.kind), str::to_owned);
    let people = sending.recipients.iter().enumerate();
    people
        .map(|(index, one)| Delivered {
            id: if index == 0 { id.to_owned() } else { format!("{id}-{index}") },
            channel: one.channels.first().unwrap_or(Channel::Sms),
            from: sending.sender.to_string(),
            to: one.address.to_string(),
            text: text.clone(),
            callback: String::new(),
        })
        .collect()
}

fn calls_back(url: &str, body: &Value, secrets: &Secrets) -> Call {
    let pair = secrets.first(WEBHOOK_CREDENTIALS).unwrap_or_default();
    // A password alone is shown with some user name.
    let pair = if pair.contains(':') { pair.to_owned() } else { format!("bandwidth:{pair}") };
    let basic = format!("Basic {}", sign::to_base64(pair.as_bytes()));
    let media = "application/json; charset=utf-8";
    sandbox::webhook(url, media, body.to_string(), [(header::AUTHORIZATION, basic)])
}
