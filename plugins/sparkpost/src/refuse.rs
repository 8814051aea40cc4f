//! Refusals in SparkPost's shape.

use dndgate_adapter::{Channel, Refusal, RefusalCause, Reply};
use serde_json::json;

/// "Message generation rejected" (API error codes): what SparkPost says of a suppressed recipient.
pub(crate) const REJECTED: &str = "1902";

/// See [`dndgate_adapter::Adapter::refuse`].
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let (message, code) = match refusal.cause {
        RefusalCause::Blocked => ("Message generation rejected", REJECTED),
        RefusalCause::Unreadable => ("invalid data format/type", "1300"),
        RefusalCause::Account | RefusalCause::Signature => ("Forbidden.", "1100"),
        RefusalCause::TooLarge => ("Request entity too large", "1300"),
        _ => ("An unexpected error occurred", "1200"),
    };
    let why = match (refusal.cause, refusal.reason) {
        (RefusalCause::Blocked, Some(reason)) => {
            let channel = refusal.channel.map_or("email", Channel::label);
            format!("{} (Do-Not-Disturb: {channel}; reason={reason})", refusal.message)
        }
        _ => refusal.message.to_owned(),
    };
    let error = json!({
        "message": message,
        "code": code,
        "description": format!("{why} [Do-Not-Disturb gateway, request {}]", refusal.request_id),
    });
    Reply::json(refusal.cause.status(), &json!({ "errors": [error] }))
}
