//! The one mail that confirms an opt-out by mail. SES itself sends none.

use crate::{inbound, sns::Message, suppressions::call};
use dndgate_adapter::{Authentic, Event, EventKind, Secrets, json, outbound::Call};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The longest subject that is repeated, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

/// Mail from a person can be answered; reports cannot.
pub(crate) fn confirms_itself(event: &Event<'_>) -> bool {
    !matches!(event.kind, EventKind::Message { .. })
}

/// The request that sends it: from the address that the person wrote to, marked as automatic.
pub(crate) fn confirm_call(
    webhook: &Authentic<'_>,
    event: &Event<'_>,
    text: &str,
    secrets: &Secrets,
) -> Option<Call> {
    let EventKind::Message { from: person, .. } = &event.kind else { return None };
    let message = Message::read(webhook.webhook().body)?.text("Message")?.into_owned();
    let letter = inbound::letter(&json::read(message.as_bytes()).ok()?)?;
    let subject: String =
        letter.subject.chars().filter(|char| !char.is_control()).take(SUBJECT_CHARS_MAX).collect();
    let subject =
        if subject.to_ascii_lowercase().starts_with("re:") { subject } else { format!("Re: {subject}") };
    let mut headers = vec![json!({ "Name": "Auto-Submitted", "Value": "auto-replied" })];
    headers.extend(letter.message_id.map(|id| json!({ "Name": "In-Reply-To", "Value": id })));
    let mail = json!({
        "FromEmailAddress": letter.to,
        "Destination": { "ToAddresses": [person] },
        "Content": { "Simple": {
            "Subject": { "Data": subject, "Charset": "UTF-8" },
            "Body": { "Text": { "Data": text, "Charset": "UTF-8" } },
            "Headers": headers,
        } },
    });
    let mut call = call(Method::POST, "/v2/email/outbound-emails".to_owned(), secrets)?;
    call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    call.body = mail.to_string().into_bytes();
    Some(call)
}
