//! Brevo's stand-in for the demo and for tests. It asks for no key, and blocks nobody.

use crate::{WEBHOOK_SECRET, sends};
use dndgate_adapter::{
    Channel, Outbound, Recipient, Reply, Request, Secrets,
    json::{self, Json},
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The stand-in.
#[derive(Debug)]
pub(crate) struct BrevoSandbox;

impl Sandbox for BrevoSandbox {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        if *request.head.method == Method::GET || *request.head.method == Method::DELETE {
            return quiet(read(request));
        }
        match sends::read(request) {
            Ok(Outbound::Send(send)) => {
                let body = json::read(request.body).ok();
                let shown = body.as_ref().map(shown).unwrap_or_default();
                let versions =
                    body.as_ref().and_then(|body| body.get("messageVersions")?.as_array().map(<[_]>::len));
                let id = format!("<{serial}@sandbox.brevo>");
                let delivered = send.recipients.iter().map(|one| delivered(one, &id, &send.sender, &shown));
                Answered { delivered: delivered.collect(), reply: taken(request.head.path, serial, versions) }
            }
            Ok(_) => quiet(Reply::empty(StatusCode::NO_CONTENT)),
            Err(why) => quiet(Reply::json(
                StatusCode::BAD_REQUEST,
                &json!({ "code": "invalid_parameter", "message": why.message }),
            )),
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
        let epoch = now.as_millisecond();
        let body = match message.channel {
            Channel::Email => json!({ "items": [{
                "Uuid": [format!("{serial}")], "MessageId": format!("<{serial}@sandbox>"),
                "From": { "Name": null, "Address": message.from }, "To": [{ "Name": null, "Address": message.to }],
                "Recipients": [message.to], "Subject": message.text.lines().next().unwrap_or_default(),
                "SentAtDate": now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
                "RawTextBody": message.text, "ExtractedMarkdownMessage": message.text, "Headers": {},
            }] }),
            Channel::WhatsApp => json!({
                "event": "reply", "contactNumber": digits(message.from), "senderNumber": digits(message.to),
                "body": message.text, "messageId": serial.to_string(), "ts_epoch": epoch,
            }),
            _ => json!({
                "msg_status": "replied", "to": digits(message.from), "reply": message.text, "messageId": serial,
                "ts_epoch": epoch, "type": "transactional",
            }),
        };
        call(url, secrets, &body)
    }

    /// `code` is what the event is called: `hard_bounce`, `spam`, `unsubscribed`, …
    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let epoch = now.as_millisecond();
        let body = match delivered.channel {
            Channel::Email => json!({
                "event": code, "email": delivered.to, "id": serial, "message-id": delivered.id, "ts_epoch": epoch,
                "reason": "sandbox", "sender_email": delivered.from,
            }),
            Channel::WhatsApp => json!({
                "event": code.trim_start_matches("whatsapp/"), "contactNumber": digits(&delivered.to),
                "messageId": delivered.id, "ts_epoch": epoch,
            }),
            _ => json!({
                "msg_status": code.trim_start_matches("sms/"), "to": digits(&delivered.to), "messageId": serial,
                "ts_epoch": epoch, "type": "transactional",
            }),
        };
        call(url, secrets, &body)
    }
}

/// Brevo writes numbers without the plus.
fn digits(number: &str) -> &str {
    number.trim_start_matches('+')
}

fn delivered(one: &Recipient<'_>, id: &str, from: &str, text: &str) -> Delivered {
    Delivered {
        id: id.to_owned(),
        channel: one.channels.first().unwrap_or(Channel::Email),
        from: from.to_owned(),
        to: one.address.to_string(),
        text: text.to_owned(),
        callback: String::new(),
    }
}

/// What stands for the text.
fn shown(body: &Json<'_>) -> String {
    let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let words = ["textContent", "htmlContent", "content", "text"].iter().find_map(|name| text(name));
    let words = words.unwrap_or("a template");
    text("subject").map_or_else(|| words.to_owned(), |subject| format!("{subject}: {words}"))
}

fn taken(path: &str, serial: u64, versions: Option<usize>) -> Reply {
    let id = |version: usize| format!("<{serial}.{version}@smtp-relay.mailin.fr>");
    let body = match (path, versions) {
        ("/v3/smtp/email", Some(versions)) => {
            json!({ "messageIds": (0..versions).map(id).collect::<Vec<_>>() })
        }
        ("/v3/smtp/email", None) => json!({ "messageId": id(0) }),
        ("/v3/transactionalSMS/sms" | "/v3/transactionalSMS/send", _) => {
            json!({ "messageId": serial, "reference": serial.to_string(), "smsCount": 1, "usedCredits": 1, "remainingCredits": 99 })
        }
        _ => json!({ "messageId": serial.to_string() }),
    };
    Reply::json(StatusCode::CREATED, &body)
}

/// Everything that is asked or deleted.
fn read(request: &Request<'_>) -> Reply {
    let path = request.head.path;
    if *request.head.method == Method::DELETE {
        return Reply::empty(StatusCode::NO_CONTENT);
    }
    if path == "/v3/smtp/blockedContacts" {
        return Reply::json(StatusCode::OK, &json!({ "count": 0, "contacts": [] }));
    }
    if path.starts_with("/v3/contacts/") {
        let missing = json!({ "code": "document_not_found", "message": "Contact does not exist" });
        return Reply::json(StatusCode::NOT_FOUND, &missing);
    }
    Reply::json(StatusCode::OK, &Value::Object(serde_json::Map::new()))
}

fn quiet(reply: Reply) -> Answered {
    Answered { reply, delivered: Vec::new() }
}

fn call(url: &str, secrets: &Secrets, body: &Value) -> Call {
    let secret = secrets.first(WEBHOOK_SECRET).unwrap_or_default();
    let pair = if secret.contains(':') { secret.to_owned() } else { format!("brevo:{secret}") };
    let basic = format!("Basic {}", sign::to_base64(pair.as_bytes()));
    sandbox::webhook(url, "application/json", body.to_string(), [(header::AUTHORIZATION, basic)])
}
