//! Errors in the shape of each of Bandwidth's APIs.

use crate::sends::{MFA, VOICE};
use dndgate_adapter::{Channel, Head, Refusal, RefusalCause, Reply};
use serde_json::json;

/// Renders a refusal as the API that was called would.
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let message = format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id);
    let status = refusal.cause.status();
    let dnd = json!({ "channel": refusal.channel.map(Channel::label), "reason": refusal.reason });
    let kind = match refusal.cause {
        RefusalCause::Account | RefusalCause::Signature => "forbidden",
        _ if status.is_client_error() => "request-validation",
        _ => "service-unavailable",
    };
    let body = match head.host {
        Some(VOICE) => json!({
            "type": if kind == "request-validation" { "validation" } else { kind },
            "description": message, "id": refusal.request_id, "dnd": dnd,
        }),
        Some(MFA) => json!({ "error": message, "requestId": refusal.request_id, "dnd": dnd }),
        _ => json!({
            "type": kind, "description": message, "dnd": dnd,
            "fieldErrors": [{ "fieldName": "to", "description": message }],
        }),
    };
    Reply::json(status, &body)
}
