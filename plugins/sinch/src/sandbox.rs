//! A stand-in for Sinch: takes batches, messages and callouts, and signs webhooks as it would.

use crate::{
    Sinch, WEBHOOK_SECRET,
    proof::{self, NONCE, SIGNATURE, TIMESTAMP},
};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Reply, Request, Secrets, Sending,
    json::{self, Json},
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
};
use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

impl Sandbox for Sinch {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let id = format!("01SANDBOX{serial:X}");
        match self.read(request) {
            Ok(Outbound::Send(sending)) => {
                let reply = Reply::json(StatusCode::CREATED, &taken(request, &sending, &id));
                Answered { reply, delivered: delivered(request, &sending, &id) }
            }
            Err(unreadable) => {
                let error = json!({ "code": "syntax_invalid_json", "text": unreadable.message });
                Answered { reply: Reply::json(StatusCode::BAD_REQUEST, &error), delivered: Vec::new() }
            }
            // A token for whoever asks; nothing for whoever looks.
            _ => {
                let body = json!({ "access_token": "sandbox", "expires_in": 3600, "token_type": "bearer" });
                Answered { reply: Reply::json(StatusCode::OK, &body), delivered: Vec::new() }
            }
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
        let bare = |address: &str| address.trim_start_matches('+').to_owned();
        let body = match message.channel {
            Channel::Sms => json!({
                "type": "mo_text", "id": format!("01MO{serial:X}"), "from": bare(message.from), "to": bare(message.to),
                "body": message.text, "operator_id": "35000", "received_at": now.to_string(),
            }),
            Channel::Call => json!({
                "event": "ice", "callid": format!("call{serial:x}"), "timestamp": now.to_string(), "version": 1,
                "cli": bare(message.from), "to": { "type": "did", "endpoint": message.to }, "originationType": "PSTN",
            }),
            channel => json!({
                "app_id": "01APP", "project_id": "01PROJECT", "event_time": now.to_string(),
                "message": {
                    "id": format!("01MSG{serial:X}"), "direction": "TO_APP", "contact_id": "01CONTACT",
                    "contact_message": { "text_message": { "text": message.text } },
                    "channel_identity": { "channel": name(channel), "identity": bare(message.from) },
                },
            }),
        };
        signed(url, &body, secrets, serial, now)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let to = delivered.to.trim_start_matches('+');
        let body = if delivered.channel == Channel::Sms {
            let is_code = code.bytes().all(|byte| byte.is_ascii_digit());
            json!({
                "type": "recipient_delivery_report_sms", "batch_id": delivered.id, "recipient": to, "at": now.to_string(),
                "code": if is_code { code.parse().unwrap_or(0) } else { 0 },
                "status": if is_code { "Aborted" } else { code },
            })
        } else {
            json!({
                "app_id": "01APP", "project_id": "01PROJECT", "event_time": now.to_string(),
                "message_delivery_report": {
                    "message_id": delivered.id, "status": "FAILED", "reason": { "code": code, "description": "" },
                    "channel_identity": { "channel": name(delivered.channel), "identity": to },
                },
            })
        };
        signed(url, &body, secrets, serial, now)
    }
}

/// What the Conversation API calls a channel.
fn name(channel: Channel) -> &'static str {
    match channel {
        Channel::WhatsApp => "WHATSAPP",
        Channel::Fb => "MESSENGER",
        _ => "SMS",
    }
}

/// What the API says to a send that it takes.
fn taken(request: &Request<'_>, sending: &Sending<'_>, id: &str) -> Value {
    if request.head.path.ends_with(":send") {
        return json!({ "message_id": id, "accepted_time": "2026-01-01T00:00:00Z" });
    }
    if sending.kind == "call" {
        return json!({ "callId": id, "sessionId": id, "projectId": "project1", "serviceId": "service1" });
    }
    if sending.kind == "verify" {
        return json!({ "id": id, "method": "sms" });
    }
    let to: Vec<&str> = sending.recipients.iter().map(|one| one.address.trim_start_matches('+')).collect();
    json!({ "id": id, "to": to, "canceled": false, "type": "mt_text", "from": sending.sender })
}

fn delivered(request: &Request<'_>, sending: &Sending<'_>, id: &str) -> Vec<Delivered> {
    let body = json::read(request.body).ok();
    let text = body.as_ref().and_then(|body| body.get("body").or_else(|| body.get("message")));
    let text = text.map(|text| text.as_str().map_or_else(|| "(message)".to_owned(), str::to_owned));
    let from = body.as_ref().and_then(|body| body.get("from")).and_then(Json::as_str).unwrap_or_default();
    let one = |(index, one): (usize, &dndgate_adapter::Recipient<'_>)| Delivered {
        id: if index == 0 { id.to_owned() } else { format!("{id}-{index}") },
        channel: one.channels.first().unwrap_or(Channel::Sms),
        from: from.to_owned(),
        to: one.address.to_string(),
        text: text.clone().unwrap_or_else(|| format!("({})", sending.kind)),
        callback: sending.callbacks.first().map(|callback| callback.url.to_string()).unwrap_or_default(),
    };
    sending.recipients.iter().enumerate().map(one).collect()
}

fn signed(url: &str, body: &Value, secrets: &Secrets, serial: u64, now: Timestamp) -> Call {
    let body = body.to_string().into_bytes();
    let (nonce, stamp) = (format!("nonce{serial:x}"), now.as_second().to_string());
    let secret = secrets.first(WEBHOOK_SECRET).unwrap_or_default();
    let signature = proof::sign_body(secret, &body, &nonce, &stamp);
    let fields = [(SIGNATURE, signature), (NONCE, nonce), (TIMESTAMP, stamp)];
    let fields = fields.map(|(name, value)| (HeaderName::from_static(name), value));
    sandbox::webhook(url, "application/json", body, fields)
}
