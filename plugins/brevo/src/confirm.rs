//! The one mail that confirms an opt-out by mail. Brevo itself sends none; to texts it answers what the account says.

use crate::{API_KEY, credentials, webhook::text};
use dndgate_adapter::{
    Channel, Event, EventKind, Secrets, Webhook,
    json::{self, Json},
    outbound::Call,
};
use http::{HeaderValue, Method, header};
use serde_json::json;

/// The longest subject that is repeated, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

/// What is needed to answer a mail.
pub(crate) struct Letter {
    to: String,
    subject: String,
    message_id: Option<String>,
}

/// The mail that this event tells of.
pub(crate) fn letter(webhook: &Webhook<'_>, event: &Event<'_>) -> Option<Letter> {
    let EventKind::Message { channel: Channel::Email, from, .. } = &event.kind else { return None };
    let body = json::read(webhook.body).ok()?;
    let mail = body.get("items")?.as_array()?.iter().find(|mail| {
        mail.get("From").and_then(|sender| text(sender, "Address")).is_some_and(|sender| sender == *from)
    })?;
    let to = mail.get("Recipients").and_then(Json::as_array).and_then(<[_]>::first).and_then(Json::as_str);
    let first = mail.get("To").and_then(Json::as_array).and_then(<[_]>::first);
    let to = to.map(str::to_owned).or_else(|| text(first?, "Address").map(|to| to.into_owned()))?;
    Some(Letter {
        to,
        subject: text(mail, "Subject").unwrap_or_default().into_owned(),
        message_id: text(mail, "MessageId")
            .filter(|id| !id.chars().any(char::is_control))
            .map(|id| id.into_owned()),
    })
}

/// The request that sends it: from the address that the person wrote to, marked as automatic.
pub(crate) fn confirm_call(
    webhook: &Webhook<'_>,
    event: &Event<'_>,
    words: &str,
    secrets: &Secrets,
) -> Option<Call> {
    let EventKind::Message { from: person, .. } = &event.kind else { return None };
    let letter = letter(webhook, event)?;
    let mut headers = credentials(secrets.first(API_KEY)?)?;
    headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    let subject: String =
        letter.subject.chars().filter(|char| !char.is_control()).take(SUBJECT_CHARS_MAX).collect();
    let subject =
        if subject.to_ascii_lowercase().starts_with("re:") { subject } else { format!("Re: {subject}") };
    let mut fields = json!({ "Auto-Submitted": "auto-replied" });
    if let Some(id) = letter.message_id {
        fields["In-Reply-To"] = id.into();
    }
    let mail = json!({
        "sender": { "email": letter.to }, "to": [{ "email": person }], "subject": subject, "textContent": words,
        "headers": fields,
    });
    Some(Call {
        method: Method::POST,
        host: None,
        path_and_query: "/v3/smtp/email".to_owned(),
        headers,
        body: mail.to_string().into_bytes(),
    })
}
