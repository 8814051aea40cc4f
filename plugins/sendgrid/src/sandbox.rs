//! SendGrid's stand-in for the demo and for tests.

use crate::{
    SENDGRID, VERIFICATION_KEY,
    sends::MAIL_SEND,
    webhook::{SIGNATURE, TIMESTAMP},
};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Reply, Request, Role, Secrets, Sending,
    json::{self, Json},
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign::{self, EcdsaP256},
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The stand-in. It asks for no key, and knows no suppressed address.
#[derive(Debug)]
pub(crate) struct SendGridSandbox;

/// A key pair that signs nothing but the stand-in's webhooks.
static KEY_PAIR: LazyLock<Option<EcdsaP256>> = LazyLock::new(|| {
    let private = hex(b"5f4b0b025c0071e6f19f8d596e929ba280fad82f5631d9e7c930d16b59f360ab")?;
    let public = hex(
        b"0472bfdb1393d07dba25e2db64188b571a6a1cae88eb7a954360c0fec6d9631a75661421c1910af23c21e80655366f3f5da5b6f6b3b9bfae644ee5afaab2e30d21",
    )?;
    EcdsaP256::new(&private, &public)
});

impl Sandbox for SendGridSandbox {
    fn key(&self, name: &str) -> Option<String> {
        (name == VERIFICATION_KEY).then_some(())?;
        Some(sign::to_base64(&KEY_PAIR.as_ref()?.public_key()))
    }

    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let path = request.head.path.trim_end_matches('/');
        match (request.head.method, SENDGRID.read(request)) {
            (_, Ok(Outbound::Send(send))) if !send.recipients.is_empty() => sent(request, &send, serial),
            (_, Err(unreadable)) => {
                let error = json!({ "message": unreadable.message, "field": null, "help": null });
                answered(StatusCode::BAD_REQUEST, &json!({ "errors": [error] }))
            }
            (&Method::GET, _) if path.starts_with("/v3/suppression/") => answered(StatusCode::OK, &json!([])),
            (&Method::GET, _) => answered(StatusCode::OK, &json!({})),
            (&Method::DELETE, _) => {
                Answered { reply: Reply::empty(StatusCode::NO_CONTENT), delivered: Vec::new() }
            }
            _ if path == "/v3/mail/batch" => {
                answered(StatusCode::CREATED, &json!({ "batch_id": format!("sandbox-batch-{serial}") }))
            }
            _ if path == "/v3/validations/email" => {
                answered(StatusCode::OK, &json!({ "result": { "verdict": "Valid", "score": 0.9 } }))
            }
            _ => answered(StatusCode::CREATED, &json!({})),
        }
    }

    fn inbound(&self, message: &Inbound<'_>, url: &str, _: &Secrets, serial: u64, now: Timestamp) -> Call {
        let headers = format!(
            "From: {}\nTo: {}\nSubject: {}\nMessage-ID: <{serial}@sandbox.example>\n",
            message.from, message.to, message.text
        );
        let envelope = json!({ "to": [message.to], "from": message.from }).to_string();
        let charsets =
            json!({ "to": "UTF-8", "from": "UTF-8", "subject": "UTF-8", "text": "UTF-8" }).to_string();
        let fields = [
            ("headers", headers.as_str()),
            ("to", message.to),
            ("from", message.from),
            ("subject", message.text),
            ("text", message.text),
            ("envelope", &envelope),
            ("charsets", &charsets),
            ("SPF", "pass"),
        ];
        let boundary = format!("xYzZY{serial}");
        let part = |(name, value): &(&str, &str)| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body: String = fields.iter().map(part).chain([format!("--{boundary}--\r\n")]).collect();
        signed(url, &format!("multipart/form-data; boundary={boundary}"), body, now)
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
        let mut event = json!({
            "email": delivered.to,
            "timestamp": now.as_second(),
            "smtp-id": format!("<{}@sandbox.example>", delivered.id),
            "sg_message_id": format!("{}.sandbox-0", delivered.id),
            "sg_event_id": format!("sandbox-{serial}-{}", now.as_millisecond()),
            "category": [],
        });
        match code.split_once(": ") {
            Some(("dropped", reason)) => {
                event["event"] = "dropped".into();
                event["reason"] = reason.into();
            }
            _ if matches!(code, "spamreport" | "unsubscribe" | "group_unsubscribe" | "group_resubscribe") => {
                event["event"] = code.into();
                event["asm_group_id"] = 1.into();
            }
            _ => {
                let is_bounce = code == "bounce";
                event["event"] = "bounce".into();
                event["type"] = code.into();
                event["status"] = if is_bounce { "5.1.1" } else { "4.7.1" }.into();
                event["reason"] =
                    if is_bounce { "550 5.1.1 no such user" } else { "451 try again later" }.into();
            }
        }
        signed(url, "application/json", format!("{}\r\n", Value::Array(vec![event])), now)
    }
}

fn sent(request: &Request<'_>, send: &Sending<'_>, serial: u64) -> Answered {
    let body = json::read(request.body).ok();
    let text = |trail: &[&str]| {
        let found = trail.iter().try_fold(body.as_ref()?, |value, name| match name.parse::<usize>() {
            Ok(index) => value.as_array()?.get(index),
            Err(_) => value.get(name),
        });
        found.and_then(Json::as_str).map(str::to_owned)
    };
    let subject = text(&["subject"]).or_else(|| text(&["personalizations", "0", "subject"]));
    let said = text(&["content", "0", "value"]).or_else(|| text(&["template_id"]));
    let words: Vec<String> = [subject, said].into_iter().flatten().collect();
    let id = format!("sandbox{serial}");
    let delivered = send.recipients.iter().filter(|one| one.role != Role::Bcc).map(|one| Delivered {
        id: id.clone(),
        channel: Channel::Email,
        from: send.sender.to_string(),
        to: one.address.to_string(),
        text: words.join(": "),
        callback: String::new(),
    });
    let delivered = delivered.collect();
    let mut reply = Reply::empty(StatusCode::ACCEPTED);
    if request.head.path.trim_end_matches('/') == MAIL_SEND
        && let Ok(id) = HeaderValue::try_from(id.as_str())
    {
        reply.headers.push((HeaderName::from_static("x-message-id"), id));
    }
    Answered { reply, delivered }
}

fn answered(status: StatusCode, body: &Value) -> Answered {
    Answered { reply: Reply::json(status, body), delivered: Vec::new() }
}

/// A webhook as SendGrid would send it.
fn signed(url: &str, media: &str, body: String, now: Timestamp) -> Call {
    let timestamp = now.as_second().to_string();
    let signature = KEY_PAIR.as_ref().map(|pair| pair.sign(format!("{timestamp}{body}").as_bytes()));
    let fields = [
        (HeaderName::from_static(TIMESTAMP), timestamp),
        (HeaderName::from_static(SIGNATURE), sign::to_base64(&signature.unwrap_or_default())),
    ];
    sandbox::webhook(url, media, body, fields)
}

/// What hexadecimal digits stand for.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    (digits.len() == 2 * N).then_some(())?;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
