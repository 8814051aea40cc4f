//! Errors in the shape of Google's APIs (`google.rpc.Status`): ours, and what its own say.

use dndgate_adapter::{
    Answer, Channel, Event, Learned, Refusal, RefusalCause, Reply, Sending, json, json::Json,
};
use http::StatusCode;
use serde_json::{Value, json};

/// Renders a refusal. Never 404, with which RCS says that a telephone cannot take it: senders then fall back to
/// SMS. Nor one of the reasons for which Google's clients try again.
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let (status, body) = error(refusal);
    Reply::new(status, "application/json; charset=UTF-8", body.to_string())
}

/// The status and the body of a refusal.
pub(crate) fn error(refusal: &Refusal<'_>) -> (StatusCode, Value) {
    let (status, name, reason) = match refusal.cause {
        RefusalCause::Blocked => (StatusCode::FORBIDDEN, "PERMISSION_DENIED", "RECIPIENT_OPTED_OUT"),
        RefusalCause::Unreadable => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "RECIPIENT_UNCERTAIN"),
        RefusalCause::Account => (StatusCode::FORBIDDEN, "PERMISSION_DENIED", "ACCOUNT_NOT_CONFIGURED"),
        RefusalCause::Signature => (StatusCode::FORBIDDEN, "PERMISSION_DENIED", "SIGNATURE_NOT_PROVEN"),
        RefusalCause::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "INVALID_ARGUMENT", "BODY_TOO_LARGE"),
        RefusalCause::BadGateway => (StatusCode::BAD_GATEWAY, "UNAVAILABLE", "PROVIDER_UNREACHABLE"),
        RefusalCause::GatewayTimeout => (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED", "PROVIDER_SILENT"),
        RefusalCause::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "GATEWAY_UNAVAILABLE"),
    };
    let mut metadata = json!({ "request": refusal.request_id });
    if let Some(channel) = refusal.channel {
        metadata["channel"] = Channel::name(channel).into();
    }
    if let Some(reason) = refusal.reason {
        metadata["reason"] = reason.into();
    }
    let body = json!({ "error": {
        "code": status.as_u16(),
        "message": format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id),
        "status": name,
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "dndgate",
            "metadata": metadata,
        }],
    } });
    (status, body)
}

/// A refusal by Google concerns the one person in the path; its status is the code.
pub(crate) fn learn(send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    let [recipient] = &send.recipients[..] else { return learned };
    if !answer.status.is_client_error() || send.kind == crate::batch::KIND {
        return learned;
    }
    let Ok(body) = json::read(answer.body) else { return learned };
    let Some(error) = body.get("error") else { return learned };
    let text = |name: &str| error.get(name).and_then(Json::as_str).map(str::to_owned);
    if let Some(code) = text("status") {
        let message = text("message").unwrap_or_default();
        learned.events.extend(Event::of_answer(answer, recipient, code, message));
    }
    learned
}
