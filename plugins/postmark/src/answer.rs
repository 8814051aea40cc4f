//! Postmark's answers: what they say of a person, and how they look to whoever sent more than Postmark got.

use crate::{
    message::{self, Part},
    path,
    refuse::{self, INACTIVE},
};
use dndgate_adapter::{
    AddressKind, Answer, Channel, Edit, Event, EventKind, Learned, Refused, Request, Sending, Severity,
    apply_edits,
    json::{self, Json, Value},
    sign,
};
use std::borrow::Cow;

/// What stands in front of the addresses that Postmark does not deliver to, …
const BEFORE: &str = "inactive addresses: ";
/// … and behind them.
const BEHIND: &str = ". Inactive";

/// See [`dndgate_adapter::Adapter::learn`]: a refusal names the inactive in its text.
pub(crate) fn learn(send: &Sending<'_>, dropped: &[usize], answer: &Answer<'_>) -> Learned {
    let mut learned = Learned::default();
    let Ok(body) = json::read(answer.body) else { return learned };
    let message = body.get("Message").and_then(Json::as_str).unwrap_or_default();
    if code(&body) != Some(INACTIVE) {
        return learned;
    }
    let Some((_, after)) = message.split_once(BEFORE) else { return learned };
    let named = after.rsplit_once(BEHIND).map_or(after, |(named, _)| named);
    let named: Vec<String> =
        named.split(',').map(|one| one.trim().trim_end_matches('.').to_lowercase()).collect();
    let digest = sign::to_hex(&sign::sha256(answer.body));
    for (index, person) in send.recipients.iter().enumerate() {
        if dropped.contains(&index) || !named.contains(&person.address.to_lowercase()) {
            continue;
        }
        learned.events.push(Event {
            id: format!("{digest}/{index}").into(),
            account: None,
            at: None,
            kind: EventKind::Failure {
                channel: Channel::Email,
                to_kind: AddressKind::Email,
                to: Cow::Owned(person.address.to_string()),
                code: INACTIVE.to_string().into(),
                severity: Severity::Permanent,
                message: "Postmark has the address marked as inactive".into(),
            },
        });
    }
    learned
}

/// See [`dndgate_adapter::Adapter::stitch`].
pub(crate) fn stitch(request: &Request<'_>, refused: &[Refused<'_>], answer: &Answer<'_>) -> Option<Vec<u8>> {
    let point = path::point(&request.head).ok()??;
    let sent = message::body(request).ok()?;
    let parts = message::parts(point, &sent).ok()?;
    let body = json::read(answer.body).ok()?;
    if point.is_answered_by_position() {
        return by_position(&parts, refused, &body, answer.body);
    }
    let all: Vec<_> = refused.iter().map(|one| &one.refusal).collect();
    let edit = told(&body, &all)?;
    Some(apply_edits(answer.body, &[edit]))
}

/// An answer for each message that the caller sent: Postmark's own, and ours for those that were taken out.
fn by_position(
    parts: &[Part<'_, '_>],
    refused: &[Refused<'_>],
    body: &Json<'_>,
    bytes: &[u8],
) -> Option<Vec<u8>> {
    let answers = body.as_array()?;
    let mut theirs = answers.iter();
    let mut whole: Vec<Vec<u8>> = Vec::with_capacity(parts.len());
    for part in parts {
        let out = refuse::of(part, refused);
        if out.len() == part.indices().len() {
            whole.push(refuse::error(&out).to_string().into_bytes());
            continue;
        }
        let answer = theirs.next()?;
        let mut own = bytes[answer.range.clone()].to_vec();
        if !out.is_empty()
            && let Some(edit) = told(answer, &out)
        {
            let at = answer.range.start;
            let range = edit.range.start - at..edit.range.end - at;
            own = apply_edits(&own, &[Edit { range, ..edit }]);
        }
        whole.push(own);
    }
    // Fewer or more answers than messages: nobody can tell whose they are.
    theirs.next().is_none().then(|| [b"[", &whole.join(&b","[..])[..], b"]"].concat())
}

/// The edit that names those who were taken out in the sentence of an answer to the others.
fn told(answer: &Json<'_>, refused: &[&dndgate_adapter::Refusal<'_>]) -> Option<Edit> {
    let code = code(answer)?;
    let message = answer.get("Message")?;
    let (text, place) = (message.as_str()?, message.place()?);
    let addresses = refuse::addresses(refused);
    if addresses.is_empty() {
        return None;
    }
    let said = match text.split_once(BEFORE) {
        Some((start, after)) if code == 0 || code == INACTIVE => {
            format!("{start}{BEFORE}{addresses}, {after}")
        }
        None if code == 0 => {
            let sent = if text == "OK" { "Message OK" } else { text.trim_end_matches('.') };
            format!("{sent}, but will not deliver to these {}", refuse::inactive(refused))
        }
        _ => return None,
    };
    Some(place.replace(&said))
}

fn code(answer: &Json<'_>) -> Option<u16> {
    match &answer.get("ErrorCode")?.value {
        Value::Number(digits) => digits.parse().ok(),
        _ => None,
    }
}
