//! SparkPost's stand-in for the demo and for tests.

use crate::{
    WEBHOOK_SECRET,
    path::{self, Point},
    transmission,
};
use dndgate_adapter::{
    Channel, Outbound, Reply, Request, Secrets,
    json::Json,
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The stand-in. It asks for no key, and knows no suppressed address.
#[derive(Debug)]
pub(crate) struct SparkPostSandbox;

impl Sandbox for SparkPostSandbox {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        match path::point(&request.head) {
            Ok(Some(Point::Transmission)) => send(request, serial),
            Ok(_) => other(request),
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
        let event = json!({
            "content": {
                "subject": message.text, "text": message.text, "to": [message.to],
                "headers": [{ "From": message.from }, { "To": message.to }, { "Date": now.to_string() }],
                "email_rfc822": format!(
                    "From: {}\r\nTo: {}\r\nMessage-ID: <{serial}@sandbox>\r\n\r\n{}\r\n",
                    message.from, message.to, message.text
                ),
                "email_rfc822_is_base64": false,
            },
            "customer_id": "1337", "friendly_from": message.from, "msg_from": message.from,
            "rcpt_to": message.to, "protocol": "smtp", "webhook_id": "4839201967643219",
        });
        call(url, &json!([{ "msys": { "relay_message": event } }]), secrets)
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
        let mut event = json!({
            "type": "bounce", "event_id": serial.to_string(), "timestamp": now.as_second().to_string(),
            "rcpt_to": delivered.to, "raw_rcpt_to": delivered.to, "transmission_id": delivered.id,
            "friendly_from": delivered.from, "customer_id": "1337",
        });
        let class = match code {
            "spam_complaint" => "message_event",
            "list_unsubscribe" | "link_unsubscribe" => "unsubscribe_event",
            "suppressed" => "gen_event",
            _ => "message_event",
        };
        match code {
            "spam_complaint" | "list_unsubscribe" | "link_unsubscribe" => event["type"] = code.into(),
            "suppressed" => {
                event["type"] = "generation_rejection".into();
                event["reason"] = "554 5.7.1 recipient address suppressed due to customer policy".into();
            }
            bounce_class => {
                event["bounce_class"] = bounce_class.into();
                event["reason"] = "550 5.1.1 unknown user".into();
            }
        }
        call(url, &json!([{ "msys": { class: event } }]), secrets)
    }
}

fn send(request: &Request<'_>, serial: u64) -> Answered {
    let sending = match transmission::read(request) {
        Ok(Outbound::Send(sending)) => sending,
        Ok(_) => return answered(&results(0, serial), Vec::new()),
        Err(why) => return refused(&why.message),
    };
    let body = dndgate_adapter::json::read(request.body);
    let content = body.as_ref().ok().and_then(|body| body.get("content"));
    let text =
        |name: &str| content.and_then(|content| content.get(name)).and_then(Json::as_str).unwrap_or_default();
    let words = ["text", "html", "template_id", "email_rfc822"].iter().map(|name| text(name));
    let words = words.into_iter().find(|words| !words.is_empty());
    let Some(words) = words else { return refused("content must hold text, html, a template or a message") };
    let words = format!("{}: {words}", text("subject"));
    let delivered: Vec<Delivered> = sending
        .recipients
        .iter()
        .map(|one| Delivered {
            id: id(serial),
            channel: one.channels.first().unwrap_or(Channel::Email),
            from: sending.sender.to_string(),
            to: one.address.to_string(),
            text: words.clone(),
            callback: String::new(),
        })
        .collect();
    answered(&results(delivered.len(), serial), delivered)
}

fn results(accepted: usize, serial: u64) -> Value {
    json!({ "results": {
        "total_rejected_recipients": 0, "total_accepted_recipients": accepted, "id": id(serial),
    } })
}

/// Everything that sends nothing.
fn other(request: &Request<'_>) -> Answered {
    let segments: Vec<&str> = request.head.path.trim_matches('/').split('/').collect();
    let reads = *request.head.method == Method::GET;
    match segments[..] {
        ["api", "v1", "suppression-list", _] if reads || *request.head.method == Method::DELETE => {
            let body = json!({ "errors": [{ "message": "Recipient could not be found" }] });
            Answered { reply: Reply::json(StatusCode::NOT_FOUND, &body), delivered: Vec::new() }
        }
        ["api", "v1", "suppression-list"] if reads => {
            answered(&json!({ "results": [], "links": [], "total_count": 0 }), Vec::new())
        }
        ["api", "v1", "recipient-validation", "single", _] => {
            answered(&json!({ "results": { "valid": true, "result": "valid" } }), Vec::new())
        }
        ["api", "v1", "transmissions", _] if *request.head.method == Method::DELETE => {
            Answered { reply: Reply::empty(StatusCode::NO_CONTENT), delivered: Vec::new() }
        }
        _ if reads => answered(&json!({ "results": [] }), Vec::new()),
        _ => answered(&json!({ "results": { "message": "ok" } }), Vec::new()),
    }
}

fn answered(body: &Value, delivered: Vec<Delivered>) -> Answered {
    Answered { reply: Reply::json(StatusCode::OK, body), delivered }
}

fn refused(why: &str) -> Answered {
    let error = json!({ "message": "invalid data format/type", "description": why, "code": "1300" });
    let reply = Reply::json(StatusCode::UNPROCESSABLE_ENTITY, &json!({ "errors": [error] }));
    Answered { reply, delivered: Vec::new() }
}

fn id(serial: u64) -> String {
    format!("{:017}", serial % 100_000_000_000_000_000)
}

fn call(url: &str, body: &Value, secrets: &Secrets) -> Call {
    let secret = secrets.first(WEBHOOK_SECRET).unwrap_or_default();
    let pair = if secret.contains(':') { secret.to_owned() } else { format!("sparkpost:{secret}") };
    let basic = format!("Basic {}", sign::to_base64(pair.as_bytes()));
    sandbox::webhook(url, "application/json", body.to_string(), [(header::AUTHORIZATION, basic)])
}
