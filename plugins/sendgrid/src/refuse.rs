//! Refusals in SendGrid's shape: `{"errors": [{"message", "field", "help"}]}`.

use crate::sends::MAIL_SEND;
use dndgate_adapter::{Head, Refusal, RefusalCause, Reply, mailbox};
use http::StatusCode;
use serde_json::{Value, json};

/// Renders a refusal.
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let request = refusal.request_id;
    let message = match refusal.cause {
        RefusalCause::Blocked => {
            let who = refusal.address.map_or_else(|| "a recipient".to_owned(), mailbox::masked);
            let channel = refusal.channel.map_or("email", |channel| channel.label());
            let reason = refusal.reason.unwrap_or("policy");
            format!(
                "Blocked by Do-Not-Disturb: {who} ({channel}, reason: {reason}); {} [request {request}]",
                refusal.message
            )
        }
        RefusalCause::Unreadable => {
            format!("{}; refused by the Do-Not-Disturb gateway [request {request}]", refusal.message)
        }
        _ => format!("{} [Do-Not-Disturb gateway, request {request}]", refusal.message),
    };
    let status = match refusal.cause {
        // 401 and 403 read as trouble with the key.
        RefusalCause::Account | RefusalCause::Signature => StatusCode::BAD_REQUEST,
        cause => cause.status(),
    };
    let about_people = matches!(refusal.cause, RefusalCause::Blocked | RefusalCause::Unreadable);
    let is_mail = head.path.trim_end_matches('/') == MAIL_SEND;
    let field = if about_people && is_mail { json!("personalizations") } else { Value::Null };
    Reply::json(
        status,
        &json!({ "errors": [{ "message": message, "field": field, "help": null }], "id": request }),
    )
}
