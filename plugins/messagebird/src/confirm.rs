//! The one text that confirms an opt-out, where MessageBird sends none itself.

use crate::{schedule::credentials, sends, webhook::Fields};
use dndgate_adapter::{Channel, Event, EventKind, Secrets, Webhook, json::Json, outbound::Call};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The words to which MessageBird replies by itself for numbers in the US and Canada.
const ANSWERED_BY_MESSAGEBIRD: [&str; 6] = ["stop", "stopall", "unsubscribe", "cancel", "end", "quit"];

pub(crate) fn confirms_itself(event: &Event<'_>) -> bool {
    let EventKind::Message { channel, from, spoken, .. } = &event.kind else { return true };
    let is_in_america = from.trim_start_matches('+').starts_with('1');
    let said = spoken.texts.first().map(|text| text.trim()).unwrap_or_default();
    *channel == Channel::Sms
        && is_in_america
        && ANSWERED_BY_MESSAGEBIRD.iter().any(|word| said.eq_ignore_ascii_case(word))
}

/// From the number or channel that the person wrote to. Webhooks of Bird do not name the workspace that would have to
/// stand in the path.
pub(crate) fn confirm_call(
    webhook: &Webhook<'_>,
    event: &Event<'_>,
    text: &str,
    secrets: &Secrets,
) -> Option<Call> {
    let EventKind::Message { from, .. } = &event.kind else { return None };
    let fields = Fields::read(webhook).ok()?;
    let conversation = match &fields {
        Fields::Json(json) if json.get("service").is_some() => return None,
        Fields::Json(json) => json.get("message").filter(|message| message.as_object().is_some()),
        Fields::Form(_) => None,
    };
    let (host, path, body) = match conversation {
        Some(message) => {
            let channel = message.get("channelId").and_then(Json::as_str)?;
            let content = json!({ "text": text });
            let body = json!({ "to": from, "from": channel, "type": "text", "content": content });
            (sends::CONVERSATIONS, "/v1/send", body)
        }
        None => {
            let business = fields.get("recipient").or_else(|| fields.get("receiver"))?;
            let coding = if text.is_ascii() { "plain" } else { "unicode" };
            let body =
                json!({ "originator": business, "recipients": [from], "body": text, "datacoding": coding });
            (sends::REST, "/messages", body)
        }
    };
    Some(Call {
        method: Method::POST,
        host: Some(host.to_owned()),
        path_and_query: path.to_owned(),
        headers: vec![
            (header::AUTHORIZATION, credentials(secrets)?),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ],
        body: body.to_string().into_bytes(),
    })
}
