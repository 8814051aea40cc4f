//! Errors in Telnyx's shape: ours, and what its own say.

use dndgate_adapter::{
    AddressKind, Answer, Channel, Event, Learned, Refusal, RefusalCause, Reply, Request, Scheduled, Sending,
    json,
};
use serde_json::json;

/// "Blocked due to STOP message" ("Messaging error codes", documentation).
const BLOCKED: &str = "40300";

/// Renders a refusal. Its code is text, as all of Telnyx's are.
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let status = refusal.cause.status();
    let (code, title) = match refusal.cause {
        RefusalCause::Blocked => (BLOCKED, "Blocked due to STOP message"),
        RefusalCause::Unreadable => ("10015", "Bad Request"),
        RefusalCause::Account => ("10010", "Authorization failed"),
        RefusalCause::TooLarge => ("10015", "Payload too large"),
        _ => ("10007", "Unexpected error"),
    };
    let error = json!({
        "code": code,
        "title": title,
        "detail": format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id),
        "meta": {
            "dnd_channel": refusal.channel.map(Channel::name),
            "dnd_reason": refusal.reason,
            "request_id": refusal.request_id,
        },
    });
    Reply::json(status, &json!({ "errors": [error] }))
}

/// A refusal by Telnyx names no recipient: only a send to one person teaches something of that person.
pub(crate) fn learn(_: &Request<'_>, send: &Sending<'_>, answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    let [recipient] = &send.recipients[..] else { return learned };
    let Ok(body) = json::read(answer.body) else { return learned };
    if answer.status.is_success() {
        let id = body.get("data").and_then(|data| data.get("id")).and_then(json::Json::as_str);
        if let (true, Some(id)) = (send.scheduled, id.filter(|id| is_id(id))) {
            let address = recipient.address.to_string();
            learned.scheduled.push(Scheduled { id: id.to_owned(), address, ..Scheduled::default() });
        }
        return learned;
    }
    let error = body.get("errors").and_then(json::Json::as_array).and_then(<[_]>::first);
    let Some(error) = error else { return learned };
    let text = |name: &str| error.get(name).and_then(json::Json::as_str).map(str::to_owned);
    if let Some(code) = text("code").filter(|_| recipient.kind == AddressKind::Phone) {
        let title = text("title").unwrap_or_default();
        learned.events.extend(Event::of_answer(answer, recipient, code, title));
    }
    learned
}

/// Ids are UUIDs; nothing else may come into a path.
fn is_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
