//! Errors in Plivo's shape: ours, and what its own say.

use dndgate_adapter::{
    Answer, Channel, Event, Learned, Refusal, RefusalCause, Reply, Sending,
    json::{self, Json},
};
use http::StatusCode;
use serde_json::json;

/// Renders a refusal. Plivo answers errors with a sentence ("API response", documentation); a 400 is a parameter
/// that it does not take.
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let status = match refusal.cause {
        // A 403 would tell the SDKs of countries that are not enabled.
        RefusalCause::Account | RefusalCause::Signature => StatusCode::UNAUTHORIZED,
        cause => cause.status(),
    };
    let what = match refusal.cause {
        RefusalCause::Blocked => "the recipient has opted out",
        RefusalCause::Unreadable => "invalid parameters",
        RefusalCause::Account => "not authorised",
        _ => "the request was not carried out",
    };
    let error =
        format!("{what}: {} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id);
    let body = json!({
        "api_id": refusal.request_id,
        "error": error,
        "dnd_channel": refusal.channel.map(Channel::name),
        "dnd_reason": refusal.reason,
    });
    Reply::json(status, &body)
}

/// Errors of the API have no codes; where one has a code, it concerns a send to one person only.
pub(crate) fn learn(send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    let [recipient] = &send.recipients[..] else { return learned };
    let Ok(body) = json::read(answer.body) else { return learned };
    let Some(code) = body.get("error_code").and_then(crate::webhook::scalar) else { return learned };
    let message = body.get("error").and_then(Json::as_str).unwrap_or_default().to_owned();
    learned.events.extend(Event::of_answer(answer, recipient, code.into_owned(), message));
    learned
}
