//! Errors in MessageBird's and Bird's shapes.

use crate::sends::BIRD;
use dndgate_adapter::{Channel, Head, Refusal, RefusalCause, Reply};
use http::StatusCode;
use serde_json::json;

/// Renders a refusal. 9 is a missing or invalid parameter ("API errors"); which code an opted-out number gets is not
/// written down. The SDK for Python reads the bodies of 401, 404, 405 and 422 only.
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let status = match refusal.cause {
        RefusalCause::Blocked | RefusalCause::Unreadable => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalCause::Account | RefusalCause::Signature => StatusCode::UNAUTHORIZED,
        cause => cause.status(),
    };
    let words = format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id);
    if head.host == Some(BIRD) {
        let code = match refusal.cause {
            RefusalCause::Blocked => "RecipientBlocked",
            RefusalCause::Unreadable => "InvalidPayload",
            RefusalCause::Account => "AuthenticationFailure",
            _ => "RequestNotCarriedOut",
        };
        let details = json!({
            "dnd_channel": refusal.channel.map(Channel::name), "dnd_reason": refusal.reason,
        });
        return Reply::json(status, &json!({ "code": code, "message": words, "details": details }));
    }
    let (code, what, parameter) = match refusal.cause {
        RefusalCause::Blocked => (9, "no (correct) recipients found", Some("recipients")),
        RefusalCause::Unreadable => (9, "invalid parameters", Some("recipients")),
        RefusalCause::Account => (2, "request not allowed", Some("access_key")),
        _ => (99, "the request was not carried out", None),
    };
    let description = format!("{what}: {words}");
    let error = json!({
        "code": code,
        "description": description,
        // The voice API calls it so.
        "message": description,
        "parameter": parameter,
        "dnd_channel": refusal.channel.map(Channel::name),
        "dnd_reason": refusal.reason,
    });
    Reply::json(status, &json!({ "errors": [error] }))
}
