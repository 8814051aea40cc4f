//! Mailgun's stand-in for the demo and for tests.

use crate::{
    SIGNING_KEY,
    fields::Fields,
    outbound::{Home, Read},
    path::{self, SendPoint},
    webhook::signed,
};
use dndgate_adapter::{
    Channel, Reply, Request, Secrets, mime,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The stand-in. It asks for no key, and knows no suppressed address.
#[derive(Debug)]
pub(crate) struct MailgunSandbox;

impl Sandbox for MailgunSandbox {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        if *request.head.method == Method::POST
            && let Some(point) = path::send_point(request.head.path)
        {
            return send(request, point, serial)
                .unwrap_or_else(|message| answered(StatusCode::BAD_REQUEST, &json!({ "message": message })));
        }
        other(request)
    }

    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> Call {
        let token = token(serial, now);
        let timestamp = now.as_second().to_string();
        let signature = signed(secrets.first(SIGNING_KEY).unwrap_or_default(), &timestamp, &token);
        let headers =
            json!([["From", message.from], ["To", message.to], ["Subject", message.text]]).to_string();
        let fields = [
            ("recipient", message.to),
            ("sender", message.from),
            ("subject", message.text),
            ("from", message.from),
            ("body-plain", message.text),
            ("stripped-text", message.text),
            ("stripped-signature", ""),
            ("message-headers", &headers),
            ("timestamp", &timestamp),
            ("token", &token),
            ("signature", &signature),
        ];
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        sandbox::webhook(url, "application/x-www-form-urlencoded", body.join("&"), [])
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
        let token = token(serial, now);
        let timestamp = now.as_second().to_string();
        let signature = signed(secrets.first(SIGNING_KEY).unwrap_or_default(), &timestamp, &token);
        let message_id = delivered.id.trim_matches(['<', '>']);
        let domain = message_id.rsplit_once('@').map_or("", |(_, domain)| domain);
        let mut event = json!({
            "event": "failed",
            "id": &token[..22],
            "timestamp": now.as_millisecond() as f64 / 1e3,
            "log-level": "error",
            "recipient": delivered.to,
            "recipient-domain": delivered.to.rsplit_once('@').map_or("", |(_, domain)| domain),
            "domain": { "name": domain },
            "flags": { "is-routed": false, "is-authenticated": true, "is-system-test": false, "is-test-mode": false },
            "message": {
                "headers": { "to": delivered.to, "message-id": message_id, "from": delivered.from, "subject": "" },
                "attachments": [],
                "size": delivered.text.len(),
            },
            "tags": [],
            "campaigns": [],
            "user-variables": {},
        });
        if matches!(code, "complained" | "unsubscribed") {
            event["event"] = code.into();
            event["log-level"] = "warn".into();
        } else {
            let (number, description) = status(code);
            event["severity"] =
                if matches!(code, "greylisted" | "temporary") { "temporary" } else { "permanent" }.into();
            event["reason"] = code.into();
            event["delivery-status"] =
                json!({ "attempt-no": 1, "code": number, "message": "", "description": description });
        }
        let signature = json!({ "timestamp": timestamp, "token": token, "signature": signature });
        let body = json!({ "signature": signature, "event-data": event });
        sandbox::webhook(url, "application/json", body.to_string(), [])
    }
}

fn send(request: &Request<'_>, point: SendPoint, serial: u64) -> Result<Answered, String> {
    let read = Read::new(request, point).map_err(|unreadable| unreadable.message.into_owned())?;
    let is_to = |home: Home| matches!(home, Home::Sent { exact: true, .. });
    let mut people: Vec<usize> =
        read.entries.iter().filter(|entry| is_to(entry.home)).map(|entry| entry.recipient).collect();
    people.sort_unstable();
    people.dedup();
    if people.is_empty() {
        return Err("to parameter is missing".to_owned());
    }
    let (from, text) = content(&read.fields, point)?;
    let domain = path::domain(request.head.path).unwrap_or_default();
    let id = format!("<{serial}.sandbox@{domain}>");
    let delivered = people.into_iter().map(|person| Delivered {
        id: id.clone(),
        channel: Channel::Email,
        from: from.clone(),
        to: read.people.list[person].address.to_string(),
        text: text.clone(),
        callback: String::new(),
    });
    let delivered = delivered.collect();
    let body = json!({ "id": id, "message": "Queued. Thank you." });
    Ok(Answered { reply: Reply::json(StatusCode::OK, &body), delivered })
}

/// Who sends, and what stands for the text.
fn content(fields: &Fields<'_>, point: SendPoint) -> Result<(String, String), String> {
    let first = |name: &str| fields.first(name).map(|text| text.into_owned()).filter(|text| !text.is_empty());
    match point {
        SendPoint::Messages => {
            let template = first("template");
            let from = first("from").or(template.clone()).ok_or("from parameter is missing")?;
            let text = first("text").or_else(|| first("html")).or_else(|| first("amp-html")).or(template);
            let missing =
                "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified";
            let text = text.ok_or(missing)?;
            Ok((from, first("subject").map_or(text.clone(), |subject| format!("{subject}: {text}"))))
        }
        SendPoint::Mime => {
            let message = fields.last("message").ok_or("'message' parameter is not a file")?;
            let message = fields.bytes(message);
            let field = |name: &str| {
                mime::fields(message, |other| other == name).into_iter().next().map(|(_, value)| value)
            };
            let text = String::from_utf8_lossy(mime::body(message)).trim().to_owned();
            Ok((
                field("from").unwrap_or_default(),
                format!("{}: {text}", field("subject").unwrap_or_default()),
            ))
        }
        SendPoint::Resend => Ok((String::new(), "a stored message, sent again".to_owned())),
    }
}

/// Everything that sends nothing.
fn other(request: &Request<'_>) -> Answered {
    let segments: Vec<&str> = request.head.path.trim_end_matches('/').split('/').skip(1).collect();
    let reads = matches!(*request.head.method, Method::GET | Method::DELETE);
    let address = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    match segments[..] {
        [_, _, "bounces", _] if reads => {
            answered(StatusCode::NOT_FOUND, &json!({ "message": "Address not found in bounces table" }))
        }
        [_, _, "unsubscribes", _] if reads => {
            answered(StatusCode::NOT_FOUND, &json!({ "message": "Address not found in unsubscribers table" }))
        }
        [_, _, "complaints", _] if reads => answered(
            StatusCode::NOT_FOUND,
            &json!({ "message": "No spam complaints found for this address" }),
        ),
        [_, _, "bounces" | "unsubscribes" | "complaints" | "whitelists" | "events"] if reads => {
            let page = format!("https://api.mailgun.net{}", request.head.path);
            let paging = json!({ "first": page, "next": page, "previous": page, "last": page });
            answered(StatusCode::OK, &json!({ "items": [], "paging": paging }))
        }
        [_, _, table @ ("bounces" | "unsubscribes" | "complaints")] => {
            let added =
                Fields::read(&request.head, request.body).ok().and_then(|fields| fields.first("address"));
            let message = format!("Address has been added to the {table} table");
            answered(StatusCode::OK, &json!({ "message": message, "address": added.unwrap_or_default() }))
        }
        [_, "address", "validate"] => {
            let query = request.head.query.unwrap_or_default();
            let asked = query.split('&').find_map(|pair| pair.strip_prefix("address=")).unwrap_or_default();
            let body = json!({ "address": address(asked), "is_disposable_address": false, "is_role_address": false,
                "reason": [], "result": "deliverable", "risk": "low" });
            answered(StatusCode::OK, &body)
        }
        [_, "lists", address_of_list] if reads => {
            let message = format!("Mailing list {} not found", address(address_of_list));
            answered(StatusCode::NOT_FOUND, &json!({ "message": message }))
        }
        [_, "domains"] => answered(StatusCode::OK, &json!({ "items": [], "total_count": 0 })),
        _ => {
            let reply = Reply::new(StatusCode::OK, "text/plain", "Mailgun Magnificent API");
            Answered { reply, delivered: Vec::new() }
        }
    }
}

fn answered(status: StatusCode, body: &Value) -> Answered {
    Answered { reply: Reply::json(status, body), delivered: Vec::new() }
}

/// The number and words that go with a reason.
fn status(reason: &str) -> (u16, &'static str) {
    match reason {
        "suppress-bounce" => (605, "Not delivering to previously bounced address"),
        "suppress-unsubscribe" => (606, "Not delivering to unsubscribed address"),
        "suppress-complaint" => (607, "Not delivering to a user who marked your messages as spam"),
        "old" => (602, "Too old"),
        "greylisted" => (451, "Try again later"),
        _ => (550, "No such user"),
    }
}

/// Fifty hexadecimal digits, as Mailgun's have.
fn token(serial: u64, now: Timestamp) -> String {
    let mut digits = sign::to_hex(&sign::sha256(format!("{serial} {now}").as_bytes()));
    digits.truncate(50);
    digits
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
