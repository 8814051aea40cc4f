//! A stand-in for MessageBird: answers as it does and signs webhooks as it would.

use crate::{MessageBird, SIGNING_KEY, sends, signature};
use dndgate_adapter::{
    Adapter, Channel, Outbound, Recipient, Reply, Request, Secrets, form,
    json::{self, Json},
    outbound::Call,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

impl Sandbox for MessageBird {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        // A conversation's id says who is in it, as in `with-14155550100`.
        if let Some(number) = asked_about(request) {
            let body = json!({
                "id": format!("with-{number}"), "status": "active",
                "contact": { "id": id(1), "msisdn": number.parse::<u64>().unwrap_or_default() },
                "channels": [{ "id": id(2), "platformId": "whatsapp", "status": "active" }],
            });
            return Answered { reply: Reply::json(StatusCode::OK, &body), delivered: Vec::new() };
        }
        let sending = match self.read(request) {
            Ok(Outbound::Send(sending)) => sending,
            Ok(Outbound::Ask(_)) => {
                let number =
                    sends::conversation(&request.head).unwrap_or_default().trim_start_matches("with-");
                let to = Some((Channel::WhatsApp, number.to_owned()));
                let reply =
                    Reply::json(StatusCode::CREATED, &json!({ "id": id(serial), "status": "pending" }));
                return Answered { reply, delivered: delivered(request, to, "", serial).collect() };
            }
            _ => {
                let error = json!({ "code": 20, "description": "not found", "parameter": null });
                let reply = Reply::json(StatusCode::NOT_FOUND, &json!({ "errors": [error] }));
                return Answered { reply, delivered: Vec::new() };
            }
        };
        let scheduled = sending.scheduled;
        let people: Vec<&Recipient<'_>> = sending.recipients.iter().collect();
        let body = match sending.kind {
            sends::MESSAGE if request.head.host != Some(sends::BIRD) => counted(&people, scheduled, serial),
            sends::VOICE_MESSAGE => counted(&people, scheduled, serial),
            "call" => json!({ "data": [{ "id": id(serial), "status": "queued" }] }),
            "verify" => {
                json!({ "id": id(serial), "status": "sent", "recipient": people.first().map(|one| &*one.address) })
            }
            _ => json!({ "id": id(serial), "status": "accepted" }),
        };
        let status =
            if request.head.host == Some(sends::BIRD) { StatusCode::ACCEPTED } else { StatusCode::CREATED };
        let to = people.iter().filter_map(|one| Some((one.channels.first()?, one.address.to_string())));
        let delivered =
            if scheduled { Vec::new() } else { delivered(request, to, &sending.sender, serial).collect() };
        Answered { reply: Reply::json(status, &body), delivered }
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
        let platform = match message.channel {
            Channel::WhatsApp => "whatsapp",
            Channel::Fb => "facebook",
            _ => "sms",
        };
        let body = match message.channel {
            Channel::Sms => json!({
                "id": id(serial), "originator": from, "recipient": to, "body": message.text,
                "createdDatetime": now.to_string(),
            }),
            Channel::Call => json!({
                "items": [{ "type": "callUpdate", "payload": { "id": id(serial), "source": from, "destination": to } }],
            }),
            Channel::Email => json!({
                "service": "channels", "event": "email.inbound",
                "payload": {
                    "id": id(serial), "createdAt": now.to_string(),
                    "sender": { "contact": { "identifierKey": "emailaddress", "identifierValue": message.from } },
                    "body": { "type": "text", "text": { "text": message.text } },
                },
            }),
            _ => json!({
                "type": "message.created", "contact": { "id": id(1) },
                "message": {
                    "id": id(serial), "platform": platform, "channelId": id(2), "from": message.from, "to": message.to,
                    "direction": "received", "status": "received", "type": "text",
                    "content": { "text": message.text }, "createdDatetime": now.to_string(),
                },
            }),
        };
        webhook(url, &body, secrets, (serial, now))
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
        let reason = if code == "opted out" { code } else { "" };
        let body = match delivered.channel {
            Channel::WhatsApp | Channel::Fb => json!({
                "type": "message.updated",
                "message": {
                    "id": delivered.id, "to": delivered.to, "from": delivered.from, "direction": "sent",
                    "platform": if delivered.channel == Channel::Fb { "facebook" } else { "whatsapp" },
                    "status": "failed", "updatedDatetime": now.to_string(),
                    "error": { "code": code.parse::<u64>().unwrap_or_default(), "description": reason },
                },
            }),
            _ => json!({
                "id": delivered.id, "recipient": digits(&delivered.to), "status": "delivery_failed",
                "statusReason": reason, "statusErrorCode": if reason.is_empty() { code } else { "" },
                "statusDatetime": now.to_string(),
            }),
        };
        webhook(url, &body, secrets, (serial, now))
    }
}

fn asked_about<'a>(request: &Request<'a>) -> Option<&'a str> {
    let reads = *request.head.method == Method::GET && request.head.host == Some(sends::CONVERSATIONS);
    let number = request.head.path.strip_prefix("/v1/conversations/with-").filter(|_| reads)?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

/// The answer of the SMS API.
fn counted(people: &[&Recipient<'_>], scheduled: bool, serial: u64) -> Value {
    let status = if scheduled { "scheduled" } else { "sent" };
    let items: Vec<Value> = people
        .iter()
        .map(|one| json!({ "recipient": digits(&one.address).parse::<u64>().unwrap_or_default(), "status": status }))
        .collect();
    let recipients = json!({
        "totalCount": items.len(), "totalSentCount": items.len(), "totalDeliveredCount": 0,
        "totalDeliveryFailedCount": 0, "items": items,
    });
    json!({ "id": id(serial), "direction": "mt", "type": "sms", "recipients": recipients })
}

fn delivered<'r>(
    request: &'r Request<'_>,
    people: impl IntoIterator<Item = (Channel, String)> + 'r,
    from: &'r str,
    serial: u64,
) -> impl Iterator<Item = Delivered> + 'r {
    let text = text(request);
    people.into_iter().map(move |(channel, to)| Delivered {
        id: id(serial),
        channel,
        from: from.to_owned(),
        to,
        text: text.clone(),
        callback: String::new(),
    })
}

fn text(request: &Request<'_>) -> String {
    let Ok(body) = json::read(request.body) else {
        let form = form::read(request.body).unwrap_or_default();
        return form.all("body").next().map(|pair| pair.value.to_string()).unwrap_or_default();
    };
    let content = body.get("content").or_else(|| body.get("body"));
    let text = content.and_then(|content| content.get("text")).or(content);
    let text = text.and_then(|text| text.get("text").or(Some(text)));
    text.and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn id(serial: u64) -> String {
    format!("{serial:032x}")
}

fn digits(address: &str) -> &str {
    address.trim_start_matches('+')
}

fn webhook(url: &str, body: &Value, secrets: &Secrets, (serial, now): (u64, Timestamp)) -> Call {
    let body = body.to_string().into_bytes();
    let key = secrets.first(SIGNING_KEY).unwrap_or_default();
    let token = signature::sign_token(&body, url, key, now, &id(serial));
    sandbox::webhook(url, "application/json", body, [(signature::token_field(), token)])
}
