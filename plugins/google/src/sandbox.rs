//! The stand-ins of both APIs for the demo and for tests.

use crate::{Service, batch, call, call::Call, gmb, rbm};
use dndgate_adapter::{
    Outbound, Reply, Request, Secrets,
    json::{self, Json},
    outbound::Call as HttpCall,
    sandbox::{self, Answered, Delivered, Inbound, Sandbox},
    sign,
};
use http::{HeaderName, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A stand-in. It asks for no credentials, and knows no suppressed address.
#[derive(Debug)]
pub(crate) struct Stand {
    service: fn() -> &'static Service,
    /// The event of a person who writes, and a report on a message.
    writes: fn(&Inbound<'_>, &str, Timestamp) -> Value,
    reports: fn(&Delivered, &str, &str, Timestamp) -> Value,
    /// The body in which an event comes.
    envelope: fn(&Value, &str, Timestamp) -> Value,
}

pub(crate) static GMB: Stand = Stand {
    service: || &gmb::SERVICE,
    writes: |message, id, now| {
        let conversation = message.from;
        json!({
            "agent": "brands/demo/agents/demo",
            "conversationId": conversation,
            "requestId": id,
            "message": {
                "messageId": id,
                "name": format!("conversations/{conversation}/messages/{id}"),
                "text": message.text,
                "createTime": now.to_string(),
            },
            "context": { "entryPoint": "PLACESHEET", "userInfo": { "userDeviceLocale": "en-US" }, "resolvedLocale": "en" },
            "sendTime": now.to_string(),
        })
    },
    reports: |delivered, code, id, now| {
        let conversation = &delivered.to;
        let kind = if code.eq_ignore_ascii_case("READ") { "READ" } else { "DELIVERED" };
        let message = format!("conversations/{conversation}/messages/{}", delivered.id);
        json!({
            "agent": "brands/demo/agents/demo",
            "conversationId": conversation,
            "requestId": id,
            "receipts": { "receipts": [{ "message": message, "receiptType": kind }], "createTime": now.to_string() },
            "sendTime": now.to_string(),
        })
    },
    envelope: |event, _, _| event.clone(),
};

pub(crate) static RBM: Stand = Stand {
    service: || &rbm::AS_SMS,
    writes: |message, id, now| {
        json!({
            "senderPhoneNumber": message.from,
            "text": message.text,
            "eventId": id,
            "messageId": id,
            "sendTime": now.to_string(),
            "agentId": "demo@rbm.goog",
        })
    },
    // What the app's buttons say, or that a message expired.
    reports: |delivered, code, id, now| {
        let code = code.to_ascii_uppercase();
        let is_user = matches!(&*code, "UNSUBSCRIBE" | "SUBSCRIBE" | "DELIVERED" | "READ" | "IS_TYPING");
        let person = if is_user { "senderPhoneNumber" } else { "phoneNumber" };
        json!({
            person: delivered.to,
            "eventType": if is_user { &code } else { "TTL_EXPIRATION_REVOKED" },
            "eventId": id,
            "messageId": delivered.id,
            "sendTime": now.to_string(),
            "agentId": "demo@rbm.goog",
        })
    },
    envelope: |event, id, now| {
        json!({
            "message": {
                "attributes": { "business_id": "demo@rbm.goog", "product": "RBM", "type": "message" },
                "data": sign::to_base64(event.to_string().as_bytes()),
                "messageId": id,
                "publishTime": now.to_string(),
            },
            "subscription": "projects/demo/subscriptions/demo",
        })
    },
};

impl Sandbox for Stand {
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered {
        let call = Call::of(&request.head, request.body);
        if !batch::is_one(&call) {
            let (status, body, delivered) = self.one(&call, serial);
            return Answered {
                reply: Reply::json(status, &body),
                delivered: delivered.into_iter().collect(),
            };
        }
        match batch::parts(request) {
            Ok(parts) => self.many(&parts, serial),
            Err(why) => {
                let body = error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", &why.message);
                Answered { reply: Reply::json(StatusCode::BAD_REQUEST, &body), delivered: Vec::new() }
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
    ) -> HttpCall {
        let id = format!("sandbox-{serial}");
        self.webhook(&(self.writes)(message, &id, now), &id, url, secrets, now)
    }

    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: Timestamp,
    ) -> HttpCall {
        let id = format!("sandbox-{serial}");
        self.webhook(&(self.reports)(delivered, code, &id, now), &id, url, secrets, now)
    }
}

impl Stand {
    /// The answer to one call, and what it delivered.
    fn one(&self, call: &Call<'_>, serial: u64) -> (StatusCode, Value, Option<Delivered>) {
        let service = (self.service)();
        match call::read(service, call) {
            Ok(Outbound::Send(sending)) => {
                let Some(person) = sending.recipients.first() else {
                    return (StatusCode::OK, json!({}), None);
                };
                let body = json::read(call.body).ok();
                let given =
                    parameter(call.query, "messageId").or_else(|| field(body.as_ref(), &["messageId"]));
                let id = given.unwrap_or_else(|| format!("sandbox-{serial}"));
                let text = field(body.as_ref(), &["text"])
                    .or_else(|| field(body.as_ref(), &["contentMessage", "text"]));
                let collection = call.path.rsplit('/').next().unwrap_or_default();
                let name = format!("{}/{}/{collection}/{id}", service.people, person.address);
                let delivered = Delivered {
                    id,
                    channel: service.way.0,
                    from: sending.sender.to_string(),
                    to: person.address.to_string(),
                    text: text.unwrap_or_else(|| format!("[{}]", sending.kind)),
                    callback: String::new(),
                };
                (StatusCode::OK, json!({ "name": name, "messageId": delivered.id }), Some(delivered))
            }
            Ok(Outbound::Unrecognised) => {
                (StatusCode::NOT_FOUND, error(StatusCode::NOT_FOUND, "NOT_FOUND", "Method not found."), None)
            }
            Ok(_) => (StatusCode::OK, json!({}), None),
            Err(why) => (
                StatusCode::BAD_REQUEST,
                error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", &why.message),
                None,
            ),
        }
    }

    /// The answer to a batch.
    fn many(&self, parts: &[batch::Part<'_>], serial: u64) -> Answered {
        let mut body = String::new();
        let mut delivered = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let (status, answer) = match &part.call {
                Ok(call) => {
                    let (status, answer, one) = self.one(call, serial * 1000 + index as u64);
                    delivered.extend(one);
                    (status, answer.to_string())
                }
                Err(why) => {
                    let status = StatusCode::BAD_REQUEST;
                    (status, error(status, "INVALID_ARGUMENT", &why.message).to_string())
                }
            };
            let id = part.id.map(|id| format!("Content-ID: {}\r\n", id.replacen('<', "<response-", 1)));
            body += &format!(
                "--batch_sandbox\r\nContent-Type: application/http\r\n{}\r\nHTTP/1.1 {} {}\r\n\
                 Content-Type: application/json; charset=UTF-8\r\nContent-Length: {}\r\n\r\n{answer}\r\n",
                id.unwrap_or_default(),
                status.as_u16(),
                status.canonical_reason().unwrap_or_default(),
                answer.len(),
            );
        }
        body += "--batch_sandbox--\r\n";
        Answered {
            reply: Reply::new(StatusCode::OK, "multipart/mixed; boundary=batch_sandbox", body),
            delivered,
        }
    }

    /// An event on its way to `url`, signed.
    fn webhook(&self, event: &Value, id: &str, url: &str, secrets: &Secrets, now: Timestamp) -> HttpCall {
        let service = (self.service)();
        let body = (self.envelope)(event, id, now).to_string().into_bytes();
        let key = secrets.first(service.key).unwrap_or_default();
        let signed = (service.signed)(&body).unwrap_or_default();
        let signature = sign::to_base64(&sign::hmac_sha512(key.as_bytes(), &signed));
        sandbox::webhook(
            url,
            "application/json",
            body,
            [(HeaderName::from_static("x-goog-signature"), signature)],
        )
    }
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let parameters = crate::parameters(query?).ok()?;
    parameters.all(name).next().map(|pair| pair.value.to_string())
}

fn field(body: Option<&Json<'_>>, trail: &[&str]) -> Option<String> {
    trail.iter().try_fold(body?, |json, name| json.get(name))?.as_str().map(str::to_owned)
}

fn error(status: StatusCode, name: &str, message: &str) -> Value {
    json!({ "error": { "code": status.as_u16(), "message": message, "status": name } })
}
