//! The one text that confirms an opt-out, where nobody else sends one. Plivo lets one message to the person through
//! within five minutes of a STOP.

use crate::{
    AUTH_ID, AUTH_TOKEN, document,
    webhook::{parameter, parameters},
};
use dndgate_adapter::{
    Answer, Channel, Event, EventKind, Reply, Secrets, Webhook, credentials, outbound::Call, request::xml,
};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

/// The area codes of toll-free numbers, on which the network itself answers a STOP.
const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];

pub(crate) fn confirms_itself(webhook: &Webhook<'_>, event: &Event<'_>) -> bool {
    let EventKind::Message { channel, spoken, .. } = &event.kind else { return true };
    let Ok(form) = parameters(webhook) else { return true };
    let business = parameter(&form, "To").unwrap_or_default();
    let national = business.trim_start_matches('+').strip_prefix('1').unwrap_or_default();
    let is_toll_free = national.len() == 10 && TOLL_FREE.iter().any(|code| national.starts_with(code));
    let said = spoken.texts.first().map(|text| text.trim()).unwrap_or_default();
    *channel == Channel::Sms && is_toll_free && said.eq_ignore_ascii_case("stop")
}

/// A `<Message>` in front of whatever else the answer does.
pub(crate) fn confirm(webhook: &Webhook<'_>, answer: &Answer<'_>, text: &str) -> Option<Reply> {
    if !answer.status.is_success() {
        return None;
    }
    let form = parameters(webhook).ok()?;
    let (person, business) = (parameter(&form, "From")?, parameter(&form, "To")?);
    let kind = parameter(&form, "Type").filter(|kind| &**kind == "whatsapp");
    let kind = kind.map_or("sms", |_| "whatsapp");
    let message = format!(
        "<Message src=\"{}\" dst=\"{}\" type=\"{kind}\">{}</Message>",
        xml(&business),
        xml(&person),
        ascii_xml(text)
    );
    let whole = format!("<Response>{message}</Response>");
    if answer.body.trim_ascii().is_empty() {
        return Some(Reply::new(StatusCode::OK, "text/xml", whole));
    }
    let document = std::str::from_utf8(answer.body).ok()?;
    let body = match document::start(document)? {
        Some(at) => [&document[..at], &message, &document[at..]].concat(),
        None => whole,
    };
    let content_type = answer.headers.get(header::CONTENT_TYPE).cloned();
    Some(Reply {
        status: StatusCode::OK,
        headers: vec![(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("text/xml")))],
        body: body.into_bytes(),
    })
}

/// XML that says the same in every charset that a document may claim.
fn ascii_xml(text: &str) -> String {
    let escaped = xml(text);
    escaped
        .chars()
        .map(|char| if char.is_ascii() { char.to_string() } else { format!("&#{};", u32::from(char)) })
        .collect()
}

/// From the number that the person wrote to.
pub(crate) fn confirm_call(webhook: &Webhook<'_>, text: &str, secrets: &Secrets) -> Option<Call> {
    let form = parameters(webhook).ok()?;
    let account = secrets.first(AUTH_ID)?;
    if !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let credentials = format!("{account}:{}", secrets.first(AUTH_TOKEN)?);
    let credentials = credentials::basic(&credentials)?;
    let (person, business) = (parameter(&form, "From")?, parameter(&form, "To")?);
    let kind = parameter(&form, "Type").filter(|kind| &**kind == "whatsapp");
    let body = json!({
        "src": business, "dst": person, "text": text, "type": kind.map_or("sms", |_| "whatsapp"),
    });
    Some(Call {
        method: Method::POST,
        host: None,
        path_and_query: format!("/v1/Account/{account}/Message/"),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ],
        body: body.to_string().into_bytes(),
    })
}
