//! Errors in Brevo's shape, answers to mails out of which versions were taken, and mail that leaves later.

use crate::{API_KEY, credentials};
use dndgate_adapter::{
    Answer, Channel, Learned, Refusal, RefusalCause, Refused, Reply, Request, Scheduled, Secrets, Sending,
    json::{self, Json},
    outbound::Call,
};
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// Renders a refusal.
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    let code = match refusal.cause {
        RefusalCause::Blocked | RefusalCause::Unreadable | RefusalCause::TooLarge => "invalid_parameter",
        RefusalCause::Account | RefusalCause::Signature => "permission_denied",
        _ => "internal_error",
    };
    let message = match (refusal.cause, refusal.reason) {
        (RefusalCause::Blocked, Some(reason)) => format!(
            "Do-Not-Disturb: {} (channel: {}, reason: {reason}) [request {}]",
            refusal.message,
            refusal.channel.map_or("email", Channel::label),
            refusal.request_id
        ),
        _ => format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id),
    };
    Reply::json(refusal.cause.status(), &json!({ "code": code, "message": message }))
}

/// Which recipients, by their order in a send, each of `messageVersions` names: they are read list by list.
fn versions(body: &Json<'_>) -> Vec<Vec<usize>> {
    let count = |of: &Json<'_>, role: &str| of.get(role).and_then(Json::as_array).map_or(0, <[_]>::len);
    let list = body.get("messageVersions").and_then(Json::as_array).unwrap_or_default();
    let mut versions = vec![Vec::new(); list.len()];
    let mut next: usize = ["to", "cc", "bcc"].iter().map(|role| count(body, role)).sum();
    for role in ["to", "cc", "bcc"] {
        for (version, people) in list.iter().zip(&mut versions) {
            let more = count(version, role);
            people.extend(next..next + more);
            next += more;
        }
    }
    versions
}

/// The answer as if no version had been taken out: an empty id stands for each that was.
pub(crate) fn stitch(request: &Request<'_>, refused: &[Refused<'_>], answer: &Answer<'_>) -> Option<Vec<u8>> {
    if !answer.status.is_success() {
        return None;
    }
    let sent = json::read(request.body).ok()?;
    let gone = |person: &usize| refused.iter().any(|one| one.index == *person);
    let taken: Vec<bool> = versions(&sent).iter().map(|people| people.iter().all(gone)).collect();
    if !taken.contains(&true) {
        return None;
    }
    let body = json::read(answer.body).ok()?;
    let many = body.get("messageIds");
    let theirs: Vec<&str> = match many {
        Some(ids) => ids.as_array()?.iter().map(Json::as_str).collect::<Option<_>>()?,
        None => vec![body.get("messageId")?.as_str()?],
    };
    if theirs.len() != taken.iter().filter(|taken| !**taken).count() {
        return None;
    }
    let mut theirs = theirs.into_iter();
    let ids: Vec<&str> =
        taken.iter().map(|taken| if *taken { "" } else { theirs.next().unwrap_or_default() }).collect();
    let list = json!(ids).to_string();
    let whole = body.as_object()?.iter().find(|one| matches!(&*one.key, "messageIds" | "messageId"))?;
    let written = format!("\"messageIds\":{list}");
    let (start, end) = (whole.whole.start, whole.whole.end);
    Some([&answer.body[..start], written.as_bytes(), &answer.body[end..]].concat())
}

/// Is this a mail of several versions?
pub(crate) fn is_batch(send: &Sending<'_>) -> bool {
    send.kind == "message" && send.recipients.len() > 1
}

/// The handles of a scheduled mail: its id for each recipient, or the batch's where ids cannot be told apart. What is
/// cancelled for one person is cancelled for everybody of that mail.
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
    let (Ok(sent), Ok(body)) = (json::read(request.body), json::read(answer.body)) else { return learned };
    let text = |of: &Json<'_>, name: &str| of.get(name).and_then(Json::as_str).map(str::to_owned);
    let batch = text(&body, "batchId").or_else(|| text(&sent, "batchId"));
    let ids: Vec<String> = match body.get("messageIds").and_then(Json::as_array) {
        Some(ids) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        None => text(&body, "messageId").into_iter().collect(),
    };
    let goes = |person: &usize| dropped.contains(person);
    let versions: Vec<Vec<usize>> =
        versions(&sent).into_iter().filter(|people| !people.iter().all(goes)).collect();
    let id_of = |person: usize| -> Option<String> {
        let version = versions.iter().position(|people| people.contains(&person));
        let own = match version {
            Some(version) if versions.len() == ids.len() => ids.get(version),
            None if versions.is_empty() => ids.first(),
            _ => None,
        };
        batch.clone().or_else(|| own.cloned())
    };
    let stay = send.recipients.iter().enumerate().filter(|(person, _)| !goes(person));
    learned.scheduled = stay
        .filter_map(|(person, one)| {
            let id = id_of(person).filter(|id| is_id(id))?;
            Some(Scheduled { id, address: one.address.to_string(), ..Scheduled::default() })
        })
        .collect();
    learned
}

/// Ids are UUIDs or look like `<…@smtp-relay.mailin.fr>`; nothing else may come into a path.
fn is_id(id: &str) -> bool {
    (8..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

/// "Delete scheduled emails by batchId or messageId".
pub(crate) fn cancel(scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
    let headers = credentials(secrets.first(API_KEY)?)?;
    let id = utf8_percent_encode(&scheduled.id, NON_ALPHANUMERIC);
    Some(Call {
        method: Method::DELETE,
        host: None,
        path_and_query: format!("/v3/smtp/email/{id}"),
        headers,
        body: Vec::new(),
    })
}

/// Does this answer say that it will not leave?
pub(crate) fn cancelled(status: StatusCode) -> bool {
    status.is_success() || matches!(status.as_u16(), 400 | 404)
}
