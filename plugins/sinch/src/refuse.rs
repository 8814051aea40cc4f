//! Errors in the shape of each of Sinch's APIs, and what its answers teach.

use crate::sends;
use dndgate_adapter::{
    Answer, Channel, Head, Learned, Refusal, RefusalCause, Reply, Request, Scheduled, Sending,
    json::{self, Json},
    path,
};
use http::StatusCode;
use serde_json::json;

/// Renders a refusal as the API that was called would.
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let message = format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id);
    let is_block = refusal.cause == RefusalCause::Blocked;
    let status = if is_block { StatusCode::FORBIDDEN } else { refusal.cause.status() };
    let dnd = json!({
        "channel": refusal.channel.map(Channel::label),
        "reason": refusal.reason,
        "request_id": refusal.request_id,
    });
    let is = |pattern: &str| head.host.is_some_and(|host| path::host_fits(pattern, host));
    let body = if is(sends::CONVERSATION) {
        let name = if is_block { "PERMISSION_DENIED" } else { "INVALID_ARGUMENT" };
        json!({ "error": { "code": status.as_u16(), "message": message, "status": name, "details": [dnd] } })
    } else if is(sends::VOICE) || is(sends::VOICE_IN) {
        let title = if is_block { "Recipient does not want to be contacted" } else { "Request refused" };
        json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": message, "dnd": dnd })
    } else if is(sends::CALLING) || is(sends::CALLING_IN) || is(sends::VERIFICATION) {
        let code = u32::from(status.as_u16()) * 100;
        json!({ "errorCode": code, "message": message, "reference": refusal.request_id, "dnd": dnd })
    } else if is(sends::FAX) {
        json!({ "status": status.as_u16(), "message": message, "details": [dnd] })
    } else {
        let code = match refusal.cause {
            RefusalCause::Blocked => "forbidden_number",
            RefusalCause::Unreadable | RefusalCause::TooLarge => "syntax_constraint_violation",
            RefusalCause::Account | RefusalCause::Signature => "unauthorized",
            _ => "internal_error",
        };
        json!({ "code": code, "text": message, "dnd": dnd })
    };
    Reply::json(status, &body)
}

/// A scheduled batch can be changed until it leaves: its id is kept for each of its people.
pub(crate) fn learn(
    request: &Request<'_>,
    send: &Sending<'_>,
    dropped: &[usize],
    answer: &Answer<'_>,
) -> Learned {
    let mut learned = Learned::default();
    if !send.scheduled || !answer.status.is_success() {
        return learned;
    }
    let Ok(body) = json::read(answer.body) else { return learned };
    let Some(id) = body.get("id").and_then(Json::as_str).filter(|id| sends::is_id(id)) else {
        return learned;
    };
    let Some(account) = sends::account(request.head.path).filter(|plan| sends::is_id(plan)) else {
        return learned;
    };
    // What an update adds to has others in it.
    let others = body.get("to").and_then(Json::as_array).map_or(0, <[_]>::len);
    let staying: Vec<_> =
        send.recipients.iter().enumerate().filter(|(index, _)| !dropped.contains(index)).collect();
    let handle = sends::handle(request.head.host, id, staying.len().max(others) == 1);
    for (_, one) in staying {
        learned.scheduled.push(Scheduled {
            account: account.to_owned(),
            id: handle.clone(),
            address: one.address.to_string(),
        });
    }
    learned
}
