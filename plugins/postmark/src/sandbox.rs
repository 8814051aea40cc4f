//! Postmark's stand-in for the demo and for tests.

use crate::{
    WEBHOOK_SECRET,
    message::{self, Part},
    path::{self, Point},
};
use dndgate_adapter::{
    Channel, Reply, Request, Role, Secrets,
    json::Json,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The stand-in. It asks for no token, and knows no suppressed address.
#[derive(Debug)]
pub(crate) struct PostmarkSandbox;

impl Sandbox for PostmarkSandbox {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        match path::point(&request.head) {
            Ok(Some(Point::Nobody) | None) => other(request),
            Ok(Some(Point::Address(..) | Point::Unnamed(_))) => {
                answered(&json!({ "ErrorCode": 0, "Message": "OK" }), Vec::new())
            }
            Ok(Some(point)) => send(request, point, serial),
            Err(why) => refused(&why.message),
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
        let body = json!({
            "FromName": "", "MessageStream": "inbound", "From": message.from,
            "FromFull": { "Email": message.from, "Name": "", "MailboxHash": "" },
            "To": message.to, "ToFull": [{ "Email": message.to, "Name": "", "MailboxHash": "" }],
            "OriginalRecipient": message.to, "Subject": message.text, "MessageID": id(serial),
            "Date": now.to_string(), "TextBody": message.text, "HtmlBody": "", "StrippedTextReply": message.text,
            "Headers": [], "Attachments": [],
        });
        call(url, &body, secrets)
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
        let at = now.to_string();
        let body = if matches!(code, "ManualSuppression" | "unsubscribe") {
            json!({
                "RecordType": "SubscriptionChange", "MessageID": delivered.id, "ServerID": 23,
                "MessageStream": "outbound", "ChangedAt": at, "Recipient": delivered.to, "Origin": "Recipient",
                "SuppressSending": true, "SuppressionReason": "ManualSuppression", "Metadata": {},
            })
        } else {
            let record = if code == "SpamComplaint" { "SpamComplaint" } else { "Bounce" };
            let inactive =
                matches!(code, "HardBounce" | "SpamComplaint" | "BadEmailAddress" | "ManuallyDeactivated");
            json!({
                "RecordType": record, "ID": serial, "Type": code, "Name": code, "Tag": "", "ServerID": 23,
                "MessageID": delivered.id, "MessageStream": "outbound", "Email": delivered.to,
                "From": delivered.from, "Subject": delivered.text, "BouncedAt": at, "Inactive": inactive,
                "CanActivate": record == "Bounce", "DumpAvailable": false, "Details": "", "Description": "",
                "Metadata": {},
            })
        };
        call(url, &body, secrets)
    }
}

fn send(request: &Request<'_>, point: Point, serial: u64) -> Answered {
    let read = message::body(request);
    let body = match &read {
        Ok(body) => body,
        Err(why) => return refused(&why.message),
    };
    let parts = match message::parts(point, body) {
        Ok(parts) => parts,
        Err(why) => return refused(&why.message),
    };
    let mut delivered = Vec::new();
    let mut answers = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let id = id(serial.wrapping_mul(1_000).wrapping_add(place as u64));
        let (answer, went) = one(part, body, &id);
        if point == Point::Message && answer["ErrorCode"] != 0 {
            return Answered {
                reply: Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &answer),
                delivered: Vec::new(),
            };
        }
        answers.push(answer);
        delivered.extend(went);
    }
    let body = match point {
        Point::Message => answers.remove(0),
        Point::Bulk => json!({ "ID": id(serial), "Status": "Accepted", "PercentageCompleted": 0.0 }),
        _ => Value::Array(answers),
    };
    answered(&body, delivered)
}

/// The answer to one message, and what it delivers. What stands beside a bulk's messages holds for all of them.
fn one(part: &Part<'_, '_>, whole: &Json<'_>, id: &str) -> (Value, Vec<Delivered>) {
    let text = |name: &str| {
        let field = |json: &Json<'_>| {
            let field = json.field_in_any_case(name).ok().flatten();
            field.and_then(|(_, value)| value.as_str()).map(str::to_owned)
        };
        field(part.json).or_else(|| field(whole)).unwrap_or_default()
    };
    let fields = match &part.fields {
        Ok(fields) => fields,
        Err(why) => return (error(&why.message), Vec::new()),
    };
    if text("From").is_empty() {
        return (error("Invalid 'From' value."), Vec::new());
    }
    let words =
        ["TextBody", "HtmlBody", "TemplateAlias"].iter().map(|name| text(name)).find(|one| !one.is_empty());
    let words = format!("{}: {}", text("Subject"), words.unwrap_or_default());
    let delivered = fields.iter().flat_map(|field| &field.boxes).map(|(_, address)| Delivered {
        id: id.to_owned(),
        channel: Channel::Email,
        from: text("From"),
        to: address.to_string(),
        text: words.clone(),
        callback: String::new(),
    });
    let mut answer = json!({
        "SubmittedAt": "2026-01-01T00:00:00.0000000Z", "MessageID": id, "ErrorCode": 0, "Message": "OK",
    });
    for field in fields {
        let name = match field.role {
            Role::To => "To",
            Role::Cc => "Cc",
            Role::Bcc => "Bcc",
        };
        answer[name] = field.text.as_ref().into();
    }
    (answer, delivered.collect())
}

/// Everything that sends nothing.
fn other(request: &Request<'_>) -> Answered {
    let segments: Vec<&str> = request.head.path.trim_matches('/').split('/').collect();
    let body = match segments[..] {
        ["message-streams"] => json!({ "TotalCount": 2, "MessageStreams": [
            { "ID": "outbound", "MessageStreamType": "Transactional" },
            { "ID": "broadcast", "MessageStreamType": "Broadcasts" },
        ] }),
        ["message-streams", _, "suppressions", "dump"] => json!({ "Suppressions": [] }),
        ["message-streams", _, "suppressions", ..] => {
            let status = if segments.last() == Some(&"delete") { "Deleted" } else { "Suppressed" };
            let asked: Value = serde_json::from_slice(request.body).unwrap_or_default();
            let entries = asked["Suppressions"].as_array().cloned().unwrap_or_default();
            let told = entries
                .iter()
                .map(|one| json!({ "EmailAddress": one["EmailAddress"], "Status": status, "Message": null }));
            json!({ "Suppressions": told.collect::<Vec<_>>() })
        }
        ["bounces"] => json!({ "TotalCount": 0, "Bounces": [] }),
        _ => json!({ "ErrorCode": 0, "Message": "OK" }),
    };
    answered(&body, Vec::new())
}

fn answered(body: &Value, delivered: Vec<Delivered>) -> Answered {
    Answered { reply: Reply::json(StatusCode::OK, body), delivered }
}

fn error(why: &str) -> Value {
    json!({ "ErrorCode": 300, "Message": why })
}

fn refused(why: &str) -> Answered {
    Answered { reply: Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &error(why)), delivered: Vec::new() }
}

/// A UUID for a number.
fn id(serial: u64) -> String {
    let hex = sign::to_hex(&sign::sha256(&serial.to_be_bytes()));
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn call(url: &str, body: &Value, secrets: &Secrets) -> Call {
    let secret = secrets.first(WEBHOOK_SECRET).unwrap_or_default();
    let pair = if secret.contains(':') { secret.to_owned() } else { format!("postmark:{secret}") };
    let basic = format!("Basic {}", sign::to_base64(pair.as_bytes()));
    sandbox::webhook(url, "application/json", body.to_string(), [(header::AUTHORIZATION, basic)])
}
