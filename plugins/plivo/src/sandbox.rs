//! A stand-in for Plivo: answers as it does and signs webhooks as it would.

use crate::{AUTH_TOKEN, Plivo, sends, signature};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Reply, Request, Secrets, Sending, form, json,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::json;

impl Sandbox for Plivo {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let Ok(Outbound::Send(sending)) = self.read(request) else {
            let reply =
                Reply::json(StatusCode::NOT_FOUND, &json!({ "api_id": id(serial, 0), "error": "not found" }));
            return Answered { reply, delivered: Vec::new() };
        };
        let reached: Vec<_> = sending.recipients.iter().filter(|one| !one.channels.is_empty()).collect();
        let ids: Vec<String> = (0..reached.len()).map(|index| id(serial, index)).collect();
        let body = match sending.kind {
            sends::MESSAGE => {
                json!({ "message": "message(s) queued", "message_uuid": ids, "api_id": id(serial, 9_999) })
            }
            "verify" => {
                json!({ "message": "Session initiated", "session_uuid": id(serial, 0), "api_id": id(serial, 9_999) })
            }
            _ => {
                json!({ "message": "call fired", "request_uuid": id(serial, 0), "api_id": id(serial, 9_999) })
            }
        };
        let status = if sending.kind == "call" { StatusCode::CREATED } else { StatusCode::ACCEPTED };
        let text = text(request);
        let delivered = reached.iter().zip(ids).filter_map(|(one, id)| {
            Some(Delivered {
                id,
                channel: one.channels.first()?,
                from: sending.sender.to_string(),
                to: one.address.to_string(),
                text: text.clone(),
                callback: callback(&sending),
            })
        });
        Answered { delivered: delivered.collect(), reply: Reply::json(status, &body) }
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        _: Timestamp,
    ) -> Call {
        let (from, to) = (digits(message.from), digits(message.to));
        let mut form = vec![("From", from.to_owned()), ("To", to.to_owned())];
        if message.channel == Channel::Call {
            form.extend([("CallUUID", id(serial, 0)), ("CallStatus", "ringing".to_owned())]);
            form.extend([("Direction", "inbound".to_owned()), ("Event", "StartApp".to_owned())]);
        } else {
            let kind = if message.channel == Channel::WhatsApp { "whatsapp" } else { "sms" };
            form.extend([("Text", message.text.to_owned()), ("Type", kind.to_owned())]);
            form.push(("MessageUUID", id(serial, 0)));
        }
        webhook(url, &form, secrets, serial)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        _: Timestamp,
    ) -> Call {
        let kind = if delivered.channel == Channel::WhatsApp { "whatsapp" } else { "sms" };
        let form = vec![
            ("From", delivered.from.clone()),
            ("To", digits(&delivered.to).to_owned()),
            ("MessageUUID", delivered.id.clone()),
            ("ParentMessageUUID", delivered.id.clone()),
            ("Type", kind.to_owned()),
            ("Status", "failed".to_owned()),
            ("ErrorCode", code.to_owned()),
        ];
        webhook(url, &form, secrets, serial)
    }
}

fn id(serial: u64, index: usize) -> String {
    format!("db3ce55a-7f1d-11e1-{index:04x}-{serial:012x}")
}

fn digits(address: &str) -> &str {
    address.trim_start_matches('+')
}

fn callback(sending: &Sending<'_>) -> String {
    sending.callbacks.first().map(|callback| callback.url.to_string()).unwrap_or_default()
}

fn text(request: &Request<'_>) -> String {
    if let Ok(body) = json::read(request.body) {
        return body.get("text").and_then(json::Json::as_str).unwrap_or_default().to_owned();
    }
    let form = form::read(request.body).unwrap_or_default();
    form.all("text").next().map(|pair| pair.value.to_string()).unwrap_or_default()
}

fn webhook(url: &str, form: &[(&str, String)], secrets: &Secrets, serial: u64) -> Call {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let token = secrets.first(AUTH_TOKEN).unwrap_or_default();
    let headers = signature::sign_form(token, url, body.as_bytes(), &serial.to_string());
    let path_and_query = sandbox::path_of(url).to_owned();
    Call { method: Method::POST, host: None, path_and_query, headers, body: body.into_bytes() }
}
