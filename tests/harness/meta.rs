//! Meta's Graph API as a stand-in, and webhooks as Meta signs them.

use super::{Fake, Message, Reaction, Request, Setup, json_answer};
use dndgate_adapter::sign;
use serde_json::{Value, json};

pub const APP_SECRET: &str = "5d41402abc4b2a76b9719d911017c592";
pub const VERIFY_TOKEN: &str = "meatyhamhock";
/// The business's telephone number, by Meta's id.
pub const NUMBER: &str = "106540352242922";
pub const PAGE: &str = "1234567890";

/// Takes messages and batches of them as Graph does.
pub fn graph() -> Fake {
    Fake::with(|request| Reaction::Answer(graph_answer(request)))
}

/// What Graph says to a request that it takes.
pub fn graph_answer(request: &Message) -> Message {
    let batch = request.form("batch").into_iter().next().or_else(|| {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        Some(body.get("batch")?).map(|batch| batch.as_str().map_or_else(|| batch.to_string(), str::to_owned))
    });
    let Some(batch) = batch else {
        return json_answer(200, &one_answer(&String::from_utf8_lossy(&request.body)));
    };
    let parts: Vec<Value> = serde_json::from_str(&batch).expect("a batch");
    let answer = |part: &Value| {
        let said = one_answer(part["body"].as_str().unwrap_or_default());
        json!({ "code": 200, "body": said.to_string() })
    };
    json_answer(200, &Value::from(parts.iter().map(answer).collect::<Vec<_>>()))
}

fn one_answer(body: &str) -> Value {
    if body.contains("whatsapp") {
        let messages = json!([{ "id": "wamid.X" }]);
        return json!({
            "messaging_product": "whatsapp", "messages": messages, "success": true, "id": "MEDIA",
            "contacts": [{ "input": "1", "wa_id": "1" }], "calls": [{ "id": "wacid.X" }],
        });
    }
    json!({ "recipient_id": "7777777777777777", "message_id": "m_X" })
}

/// Both products, with a stand-in for Graph. `more` is added to each.
pub fn setup(graph: &Fake, crm: &Fake, more: &str) -> Setup {
    let provider = |name: &str| {
        format!(
            "[[provider]]\nname = \"{name}\"\nadapter = \"{name}\"\nupstream = \"{}\"\napp_secret = \"{APP_SECRET}\"\n\
             verify_token = \"{VERIFY_TOKEN}\"\ncrm_webhook = \"{}/{name}\"\n{more}\n",
            graph.url(),
            crm.url()
        )
    };
    Setup::default().tail(&provider("whatsapp")).tail(&provider("messenger"))
}

/// A webhook with Meta's signature.
pub fn webhook(provider: &str, body: &Value) -> Request {
    // As Meta writes it: what is no ASCII is escaped.
    let body: String = body
        .to_string()
        .chars()
        .flat_map(|char| {
            let escaped = if char.is_ascii() {
                vec![char.to_string()]
            } else {
                char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            };
            escaped.into_iter().collect::<String>().chars().collect::<Vec<_>>()
        })
        .collect();
    let signature =
        format!("sha256={}", sign::to_hex(&sign::hmac_sha256(APP_SECRET.as_bytes(), body.as_bytes())));
    Request::post(&format!("/hooks/{provider}"))
        .body("application/json", body)
        .field("X-Hub-Signature-256", &signature)
}

/// A webhook of WhatsApp's field `messages` or another, for the business's number.
pub fn account_says(number: &str, field: &str, mut value: Value) -> Request {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = json!({ "display_phone_number": "15550783881", "phone_number_id": number });
    let changes = json!([{ "field": field, "value": value }]);
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "102290129340398", "changes": changes }] });
    webhook("whatsapp", &body)
}

/// A text that somebody writes over WhatsApp; `person` holds `from`, `from_user_id`.
pub fn whatsapp_text(id: &str, mut person: Value, text: &str) -> Request {
    person["id"] = id.into();
    person["timestamp"] = jiff::Timestamp::now().as_second().to_string().into();
    person["type"] = "text".into();
    person["text"] = json!({ "body": text });
    account_says(NUMBER, "messages", json!({ "messages": [person] }))
}

/// A webhook of the page, in one of its lists.
pub fn page_says(list: &str, elements: &[Value]) -> Request {
    let mut entry = json!({ "id": PAGE, "time": jiff::Timestamp::now().as_millisecond() });
    entry[list] = elements.into();
    webhook("messenger", &json!({ "object": "page", "entry": [entry] }))
}

/// What somebody does in Messenger.
pub fn element(person: &str, mut what: Value) -> Value {
    what["sender"] = json!({ "id": person });
    what["recipient"] = json!({ "id": PAGE });
    what["timestamp"] = jiff::Timestamp::now().as_millisecond().into();
    what
}
