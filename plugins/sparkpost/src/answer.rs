//! SparkPost's answers: how they look to whoever sent more than SparkPost got, what they teach, and how a
//! transmission that waits is stopped for somebody who opts out in between (R14).

use crate::{SUBACCOUNT, call, call_with, path::EU, refuse::REJECTED, suppressions, transmission};
use dndgate_adapter::{
    AddressKind, Answer, Channel, Edit, Event, EventKind, Learned, Refused, Request, Scheduled, Secrets,
    Sending, Severity, apply_edits,
    json::{self, Json, Value},
    outbound::Call,
    sign,
};
use http::{HeaderValue, Method, StatusCode};
use std::borrow::Cow;

/// In front of the handle of a transmission to one person, which is cancelled, …
const ALONE: &str = "alone";
/// … and of one to several, where that person alone is suppressed.
const AMONG: &str = "among";

/// See [`dndgate_adapter::Adapter::stitch`]: those who were taken out count as rejected.
pub(crate) fn stitch(request: &Request<'_>, refused: &[Refused<'_>], answer: &Answer<'_>) -> Option<Vec<u8>> {
    if answer.status != StatusCode::OK {
        return None;
    }
    let sent = transmission::body(request).ok()?;
    let read = transmission::transmission(&sent).ok()?;
    let out = |index: usize| refused.iter().any(|one| one.index == index);
    let count = read.entries.iter().filter(|entry| entry.indices().all(out)).count() as u64;
    let body = json::read(answer.body).ok()?;
    let rejected = body.get("results")?.get("total_rejected_recipients")?;
    let Value::Number(digits) = &rejected.value else { return None };
    let total = digits.parse::<u64>().ok()?.checked_add(count)?;
    let edit = Edit { range: rejected.range.clone(), with: total.to_string().into_bytes() };
    Some(apply_edits(answer.body, &[edit]))
}

/// See [`dndgate_adapter::Adapter::learn`].
pub(crate) fn learn(
    request: &Request<'_>,
    send: &Sending<'_>,
    dropped: &[usize],
    answer: &Answer<'_>,
) -> Learned {
    let mut learned = Learned::default();
    let Ok(body) = json::read(answer.body) else { return learned };
    let stay = || send.recipients.iter().enumerate().filter(|(index, _)| !dropped.contains(index));
    if answer.status.is_success() {
        let id = body.get("results").and_then(|results| results.get("id")).and_then(Json::as_str);
        if let (true, Some(id)) = (send.scheduled, id.filter(|id| is_id(id))) {
            // Where the suppression list would not be looked at, all of it is stopped.
            let one = stay().count() == 1 || skips_suppression(request);
            let mode = if one { ALONE } else { AMONG };
            let host = request.head.host.unwrap_or_default();
            let account = request.head.header(SUBACCOUNT.as_str()).unwrap_or_default().trim().to_owned();
            learned.scheduled.extend(stay().map(|(_, person)| Scheduled {
                account: account.clone(),
                id: format!("{host}/{mode}/{id}"),
                address: person.address.to_string(),
            }));
        }
        return learned;
    }
    // A refusal names nobody: only one of a send to one person teaches something.
    let mut people = stay();
    let (Some((_, person)), None) = (people.next(), people.next()) else { return learned };
    let error = body.get("errors").and_then(Json::as_array).and_then(<[_]>::first);
    let text =
        |name: &str| error.and_then(|error| error.get(name)).and_then(Json::as_str).unwrap_or_default();
    if text("code") == REJECTED && person.kind == AddressKind::Email {
        let said = text("description");
        let code = if said.contains("suppressed") { "suppressed" } else { REJECTED };
        learned.events.push(Event {
            id: sign::to_hex(&sign::sha256_of([answer.body, person.address.as_bytes()])).into(),
            account: None,
            at: None,
            kind: EventKind::Failure {
                channel: Channel::Email,
                to_kind: AddressKind::Email,
                to: Cow::Owned(person.address.to_string()),
                code: code.into(),
                severity: Severity::Unsaid,
                message: said.to_owned().into(),
            },
        });
    }
    learned
}

fn skips_suppression(request: &Request<'_>) -> bool {
    let Ok(body) = json::read(request.body) else { return true };
    let skips = body.get("options").and_then(|options| options.get("skip_suppression"));
    skips.is_some_and(|flag| flag.value != Value::Bool(false))
}

/// Ids are digits; nothing else may come into a path.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// See [`dndgate_adapter::Adapter::cancel`].
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let mut parts = scheduled.id.splitn(3, '/');
    let (host, mode, id) = (parts.next().unwrap_or_default(), parts.next(), parts.next().unwrap_or_default());
    let mut stop = match mode {
        Some(AMONG) => {
            let entries = suppressions::entries(&[&scheduled.address], "opted out of scheduled mail");
            call_with(Method::PUT, "/api/v1/suppression-list".to_owned(), &entries, secrets)?
        }
        _ => call(Method::DELETE, format!("/api/v1/transmissions/{id}"), secrets)?,
    };
    stop.host = (host == EU).then(|| EU.to_owned());
    if !scheduled.account.is_empty() {
        let number = scheduled.account.rsplit(':').next().unwrap_or_default();
        stop.headers.push((SUBACCOUNT, HeaderValue::try_from(number).ok()?));
    }
    Some(stop)
}
