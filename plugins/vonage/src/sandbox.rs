//! A stand-in for Vonage: answers as it does and signs webhooks as it would.

use crate::{SIGNATURE_SECRET, Vonage, sends, signature};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Reply, Request, Secrets, Sending, json,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde_json::json;

/// The account of webhooks.
const ACCOUNT: &str = "abcd1234";

impl Sandbox for Vonage {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let Ok(Outbound::Send(sending)) = self.read(request) else {
            let body =
                json!({ "title": "Not found", "detail": "the stand-in knows sends only", "instance": "0" });
            let reply = Reply::new(StatusCode::NOT_FOUND, "application/problem+json", body.to_string());
            return Answered { reply, delivered: Vec::new() };
        };
        let id = id(serial);
        let to = sending.recipients.first().map_or_else(String::new, |one| one.address.to_string());
        let reply = match sending.kind {
            sends::SMS => taken(request, &to, &id),
            "call" | "transfer" => Reply::json(
                StatusCode::CREATED,
                &json!({ "uuid": id, "status": "started", "direction": "outbound", "conversation_uuid": format!("CON-{id}") }),
            ),
            "verify" if request.head.path.starts_with("/v2/") => {
                Reply::json(StatusCode::ACCEPTED, &json!({ "request_id": id }))
            }
            "verify" => Reply::json(StatusCode::OK, &json!({ "request_id": id, "status": "0" })),
            _ => Reply::json(StatusCode::ACCEPTED, &json!({ "message_uuid": id })),
        };
        let delivered = delivered(request, &sending, &id);
        Answered { reply, delivered }
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let (from, to) = (digits(message.from), digits(message.to));
        let at = now.strftime("%Y-%m-%d %H:%M:%S").to_string();
        match message.channel {
            Channel::Sms => parameters(
                url,
                vec![
                    ("msisdn", from.to_owned()),
                    ("to", to.to_owned()),
                    ("messageId", format!("0B{serial:014X}")),
                    ("text", message.text.to_owned()),
                    ("type", "text".to_owned()),
                    ("keyword", message.text.split(' ').next().unwrap_or_default().to_uppercase()),
                    ("message-timestamp", at),
                ],
                (secrets, now),
            ),
            Channel::Call => token(
                url,
                &json!({ "uuid": id(serial), "conversation_uuid": format!("CON-{}", id(serial)), "from": from, "to": to }),
                (secrets, now),
            ),
            channel => token(
                url,
                &json!({
                    "channel": if channel == Channel::Fb { "messenger" } else { "whatsapp" },
                    "message_uuid": id(serial), "from": from, "to": to, "timestamp": now.to_string(),
                    "message_type": "text", "text": message.text,
                }),
                (secrets, now),
            ),
        }
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
        // The SMS API's codes have two digits at most.
        if delivered.channel == Channel::Sms && code.len() < 3 {
            let at = now.strftime("%Y-%m-%d %H:%M:%S").to_string();
            let receipt = vec![
                ("msisdn", digits(&delivered.to).to_owned()),
                ("to", delivered.from.clone()),
                ("messageId", delivered.id.clone()),
                ("status", "failed".to_owned()),
                ("err-code", code.to_owned()),
                ("message-timestamp", at),
            ];
            return parameters(url, receipt, (secrets, now));
        }
        let body = json!({
            "message_uuid": delivered.id, "to": digits(&delivered.to), "from": delivered.from,
            "timestamp": now.to_string(), "status": "rejected", "client_ref": serial.to_string(),
            "channel": match delivered.channel {
                Channel::WhatsApp => "whatsapp",
                Channel::Fb => "messenger",
                _ => "sms",
            },
            "error": {
                "type": format!("https://developer.vonage.com/api-errors/messages#{code}"),
                "title": code, "detail": "made up by the stand-in", "instance": id(serial),
            },
        });
        token(url, &body, (secrets, now))
    }
}

/// The SMS API's answer.
fn taken(request: &Request<'_>, to: &str, id: &str) -> Reply {
    let message = json!({
        "to": to, "message-id": id, "status": "0", "remaining-balance": "10.0", "message-price": "0.03", "network": "00000",
    });
    if request.head.path.ends_with("xml") {
        let body = format!(
            "<mt-submission-response><messages count='1'><message><to>{to}</to><messageId>{id}</messageId><status>0</status>\
             </message></messages></mt-submission-response>"
        );
        return Reply::new(StatusCode::OK, "application/xml", body);
    }
    Reply::json(StatusCode::OK, &json!({ "message-count": "1", "messages": [message] }))
}

/// Only the first of a message and its fallbacks goes out at once.
fn delivered(request: &Request<'_>, sending: &Sending<'_>, id: &str) -> Vec<Delivered> {
    let text = match json::read(request.body) {
        Ok(body) => body.get("text").and_then(json::Json::as_str).unwrap_or_default().to_owned(),
        Err(_) => form_urlencoded::parse(request.body)
            .find(|(name, _)| name == "text")
            .map(|(_, text)| text.into_owned())
            .unwrap_or_default(),
    };
    let first = sending.recipients.iter().find(|one| !one.channels.is_empty());
    let one = first.and_then(|one| {
        Some(Delivered {
            id: id.to_owned(),
            channel: one.channels.first()?,
            from: sending.sender.to_string(),
            to: one.address.to_string(),
            text,
            callback: sending.callbacks.first().map(|callback| callback.url.to_string()).unwrap_or_default(),
        })
    });
    one.into_iter().collect()
}

fn id(serial: u64) -> String {
    format!("aaaaaaaa-bbbb-4ccc-8ddd-{serial:012x}")
}

fn digits(address: &str) -> &str {
    address.trim_start_matches('+')
}

/// A webhook of the SMS API.
fn parameters(url: &str, mut all: Vec<(&str, String)>, (secrets, now): (&Secrets, Timestamp)) -> Call {
    all.push(("api-key", ACCOUNT.to_owned()));
    all.push(("timestamp", now.as_second().to_string()));
    all.push(("nonce", sign::to_hex(&sign::sha256(all[0].1.as_bytes())[..8])));
    let secret = secrets.first(SIGNATURE_SECRET).unwrap_or_default();
    let signature = signature::sign_parameters(&all, secret);
    all.push(("sig", signature));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&all).finish();
    sandbox::webhook(url, "application/x-www-form-urlencoded", body, [])
}

/// A webhook of the other APIs.
fn token(url: &str, body: &serde_json::Value, (secrets, now): (&Secrets, Timestamp)) -> Call {
    let body = body.to_string().into_bytes();
    let claims = json!({
        "iss": "Vonage", "iat": now.as_second(), "jti": id(0), "api_key": ACCOUNT,
        "payload_hash": sign::to_hex(&sign::sha256(&body)),
    });
    let secret = secrets.first(SIGNATURE_SECRET).unwrap_or_default();
    let signed = dndgate_adapter::jwt::sign(&claims, secret.as_bytes());
    let bearer = format!("Bearer {signed}");
    sandbox::webhook(url, "application/json", body, [(header::AUTHORIZATION, bearer)])
}
