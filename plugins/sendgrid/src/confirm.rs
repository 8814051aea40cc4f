//! The one mail that confirms an opt-out by mail. SendGrid itself sends none.

use crate::{API_KEY, credentials, inbound::Mail, sends::MAIL_SEND};
use dndgate_adapter::{Event, EventKind, Secrets, Webhook, outbound::Call};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The longest subject that is repeated, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

/// The request that sends it: from the address that the person wrote to, marked as automatic.
pub(crate) fn confirm_call(
    webhook: &Webhook<'_>,
    event: &Event<'_>,
    text: &str,
    secrets: &Secrets,
) -> Option<Call> {
    let EventKind::Message { from: person, .. } = &event.kind else { return None };
    let mut headers = credentials(secrets.first(API_KEY)?, "")?;
    headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    let mail = Mail::read(webhook).ok()?;
    let subject: String = mail
        .field("subject")
        .unwrap_or_default()
        .chars()
        .filter(|char| !char.is_control())
        .take(SUBJECT_CHARS_MAX)
        .collect();
    let subject =
        if subject.to_ascii_lowercase().starts_with("re:") { subject } else { format!("Re: {subject}") };
    let mut fields = json!({ "Auto-Submitted": "auto-replied" });
    if let Some(id) = mail.header_field("message-id").filter(|id| !id.chars().any(char::is_control)) {
        fields["In-Reply-To"] = id.into();
    }
    let off = json!({ "enable": false });
    let body = json!({
        "personalizations": [{ "to": [{ "email": person }] }],
        "from": { "email": mail.business()? },
        "subject": subject,
        "content": [{ "type": "text/plain", "value": text }],
        "headers": fields,
        "tracking_settings": { "click_tracking": off, "open_tracking": off, "subscription_tracking": off },
    });
    let (path_and_query, body) = (MAIL_SEND.to_owned(), body.to_string().into_bytes());
    Some(Call { method: Method::POST, host: None, path_and_query, headers, body })
}
