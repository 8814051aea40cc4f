//! The one text that confirms an opt-out, where Vonage sends none itself.

use crate::{API_KEY, API_SECRET, fields::Fields};
use dndgate_adapter::{Channel, Event, EventKind, Secrets, Webhook, credentials, outbound::Call};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The words to which Vonage's opt-out management for numbers in the US and Canada replies by itself.
const ANSWERED_BY_VONAGE: [&str; 8] =
    ["stop", "stopall", "unsubscribe", "cancel", "end", "quit", "opt-out", "optout"];

pub(crate) fn confirms_itself(event: &Event<'_>) -> bool {
    let EventKind::Message { channel, from, spoken, .. } = &event.kind else { return true };
    let is_in_america = from.trim_start_matches('+').starts_with('1');
    let said = spoken.texts.first().map(|text| text.trim()).unwrap_or_default();
    *channel == Channel::Sms
        && is_in_america
        && ANSWERED_BY_VONAGE.iter().any(|word| said.eq_ignore_ascii_case(word))
}

/// From the number that the person wrote to, over the API that the message came by.
pub(crate) fn confirm_call(webhook: &Webhook<'_>, text: &str, secrets: &Secrets) -> Option<Call> {
    let credentials = format!("{}:{}", secrets.first(API_KEY)?, secrets.first(API_SECRET)?);
    let credentials = credentials::basic(&credentials)?;
    let fields = Fields::said(webhook).ok()?;
    let call = |host: &str, path: &str, media, body: Vec<u8>| Call {
        method: Method::POST,
        host: Some(host.to_owned()),
        path_and_query: path.to_owned(),
        headers: vec![
            (header::AUTHORIZATION, credentials),
            (header::CONTENT_TYPE, HeaderValue::from_static(media)),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ],
        body,
    };
    let business = fields.said_as("to");
    if let Some(person) = fields.said_as("msisdn") {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("to", &person)
            .append_pair("from", &business?)
            .append_pair("text", text)
            .append_pair("type", if text.is_ascii() { "text" } else { "unicode" })
            .finish();
        return Some(call(
            "rest.nexmo.com",
            "/sms/json",
            "application/x-www-form-urlencoded",
            body.into_bytes(),
        ));
    }
    let (person, channel) = (fields.said_as("from")?, fields.said_as("channel")?);
    let body = json!({
        "channel": channel, "message_type": "text", "to": person, "from": business?, "text": text,
    });
    Some(call("api.nexmo.com", "/v1/messages", "application/json", body.to_string().into_bytes()))
}
