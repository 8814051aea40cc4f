//! Webhooks as providers sign them. Written from the providers' descriptions, not with the gateway's code.

use super::{ACCOUNT, AUTH_TOKEN, PUBLIC_URL, SIGNING_KEY, client::Request, wire::form_of};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Makes ids differ.
static NUMBER: AtomicU64 = AtomicU64::new(1);

pub fn fresh() -> u64 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// `X-Twilio-Signature` of a form for a URL.
pub fn twilio_signature(token: &str, url: &str, pairs: &[(&str, &str)]) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let tail: String = sorted.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("any key");
    mac.update(format!("{url}{tail}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A Twilio webhook to a path of the gateway, signed for its public URL.
pub fn twilio_webhook(path: &str, pairs: &[(&str, &str)]) -> Request {
    let signature = twilio_signature(AUTH_TOKEN, &format!("{PUBLIC_URL}{path}"), pairs);
    Request::post(path)
        .field("X-Twilio-Signature", &signature)
        .body("application/x-www-form-urlencoded; charset=UTF-8", form_of(pairs))
}

/// Somebody writes. `from` and `to` may have a prefix such as `whatsapp:`.
pub fn text_message(from: &str, text: &str) -> Request {
    let sid = format!("SM{:032x}", fresh());
    text_message_with_id(&sid, from, text)
}

pub fn text_message_with_id(sid: &str, from: &str, text: &str) -> Request {
    let to = if from.contains(':') { "whatsapp:+15005550006" } else { "+15005550006" };
    let pairs = [
        ("ToCountry", "US"),
        ("MessageSid", sid),
        ("SmsSid", sid),
        ("SmsMessageSid", sid),
        ("SmsStatus", "received"),
        ("AccountSid", ACCOUNT),
        ("From", from),
        ("To", to),
        ("Body", text),
        ("NumMedia", "0"),
        ("FromCity", ""),
        ("ApiVersion", "2010-04-01"),
    ];
    twilio_webhook("/hooks/twilio", &pairs)
}

/// Somebody calls.
pub fn call(from: &str) -> Request {
    let sid = format!("CA{:032x}", fresh());
    let pairs = [
        ("CallSid", sid.as_str()),
        ("AccountSid", ACCOUNT),
        ("From", from),
        ("To", "+15005550006"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
    ];
    twilio_webhook("/hooks/twilio", &pairs)
}

/// What became of a message. An empty code: it arrived.
pub fn message_status(path: &str, to: &str, code: &str) -> Request {
    let sid = format!("SM{:032x}", fresh());
    let status = if code.is_empty() { "delivered" } else { "undelivered" };
    let mut pairs = vec![
        ("MessageSid", sid.as_str()),
        ("SmsSid", sid.as_str()),
        ("MessageStatus", status),
        ("SmsStatus", status),
        ("To", to),
        ("From", "+15005550006"),
        ("AccountSid", ACCOUNT),
        ("ApiVersion", "2010-04-01"),
    ];
    if !code.is_empty() {
        pairs.push(("ErrorCode", code));
    }
    twilio_webhook(path, &pairs)
}

/// `hex(HMAC-SHA256(key, timestamp + token))`
pub fn mailgun_signature(key: &str, timestamp: &str, token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(format!("{timestamp}{token}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A signature object with a fresh token.
pub fn mailgun_proof() -> Value {
    let token = format!("{:050x}", fresh());
    let timestamp = format!("{}", now() as u64);
    json!({ "timestamp": timestamp, "token": token, "signature": mailgun_signature(SIGNING_KEY, &timestamp, &token) })
}

/// A Mailgun webhook with this proof and this event.
pub fn mailgun_webhook(proof: &Value, event: &Value) -> Request {
    Request::post("/hooks/mailgun").json(&json!({ "signature": proof, "event-data": event }))
}

/// A Mailgun event about a recipient.
pub fn mail_event(event: &str, recipient: &str, more: Value) -> Value {
    let mut body = json!({
        "event": event,
        "id": format!("event-{}", fresh()),
        "timestamp": now(),
        "recipient": recipient,
        "domain": { "name": super::MAIL_DOMAIN },
        "flags": { "is-test-mode": false },
        "message": { "headers": { "to": recipient, "message-id": "1.fake@mg.example.com" } },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// A permanent failure with that reason.
pub fn mail_failure(recipient: &str, severity: &str, reason: &str) -> Value {
    mail_event("failed", recipient, json!({ "severity": severity, "reason": reason }))
}
