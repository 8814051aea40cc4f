//! Stand-ins for the Cloud API and the Send API. They keep no state.

mod messenger;
mod whatsapp;

pub(crate) use messenger::Messenger;
pub(crate) use whatsapp::WhatsApp;

use crate::{
    graph::{Field, Fields, Path, answers::JSON, batch},
    product::Product,
};
use dndgate_adapter::{
    Head, Outbound, Reply, Request, Secrets, Sending,
    outbound::Call,
    sandbox::{self, Answered, Delivered},
    sign,
};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};

/// Answers one send: status, body, what was delivered.
type One = fn(&Path<'_>, &Fields, &Sending<'_>, u64) -> (StatusCode, Value, Vec<Delivered>);

/// Answers a request or a batch of them.
fn answer(home: Product, one: One, request: &Request<'_>, serial: u64) -> Answered {
    let items = Fields::read(request).ok().and_then(|fields| match fields.get("batch") {
        Some(Field::Json(Value::Array(items))) => Some(items.clone()),
        _ => None,
    });
    let Some(items) = items else {
        let (status, body, delivered) = single(home, one, request, serial);
        return Answered { reply: Reply::new(status, JSON, body.to_string()), delivered };
    };
    let (mut all, mut delivered) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let url = text("relative_url");
        let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
        let method: Method = text("method").parse().unwrap_or(Method::GET);
        let head = Head { method: &method, host: None, path, query, headers: &HeaderMap::new() };
        let part = Request { head, body: text("body").as_bytes() };
        let (status, body, more) = single(home, one, &part, serial * 100 + index as u64);
        delivered.extend(more);
        all.push(json!({ "code": status.as_u16(), "body": body.to_string() }));
    }
    Answered { reply: Reply::new(StatusCode::OK, JSON, Value::from(all).to_string()), delivered }
}

fn single(
    home: Product,
    one: One,
    request: &Request<'_>,
    serial: u64,
) -> (StatusCode, Value, Vec<Delivered>) {
    let Ok(path) = Path::read(request.head.path) else {
        return (StatusCode::NOT_FOUND, json!({ "error": { "message": "Unknown path" } }), Vec::new());
    };
    match (batch::read(home, request), Fields::read(request)) {
        (Ok(Outbound::Send(sending)), Ok(fields)) => one(&path, &fields, &sending, serial),
        _ if *request.head.method == Method::GET => (StatusCode::OK, json!({ "data": [] }), Vec::new()),
        _ => (StatusCode::OK, json!({ "success": true }), Vec::new()),
    }
}

/// A webhook as Meta would send it to `url`.
fn webhook(url: &str, body: &Value, secrets: &Secrets) -> Call {
    let body = body.to_string().into_bytes();
    let key = secrets.first("app_secret").unwrap_or_default();
    let signature = format!("sha256={}", sign::to_hex(&sign::hmac_sha256(key.as_bytes(), &body)));
    let fields = [
        (header::USER_AGENT, "facebookexternalua".to_owned()),
        (HeaderName::from_static("x-hub-signature-256"), signature),
    ];
    sandbox::webhook(url, "application/json", body, fields)
}

/// The id in an address of the business, or a usual one.
fn id_or<'a>(written: &'a str, usual: &'a str) -> &'a str {
    let is_id = written.len() > 5 && written.bytes().all(|byte| byte.is_ascii_digit());
    if is_id { written } else { usual }
}
