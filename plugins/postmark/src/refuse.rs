//! Refusals in Postmark's shape.
//!
//! Clients cut the addresses out of the sentence of error 406, so its beginning is Postmark's own: the addresses
//! stand between "inactive addresses: " and ". Inactive recipients".

use crate::{
    message::{self, Part},
    path::{self, Point},
};
use dndgate_adapter::{Refusal, RefusalCause, Refused, Reply, Request};
use http::StatusCode;
use serde_json::{Value, json};

/// "Inactive recipient" (API error codes).
pub(crate) const INACTIVE: u16 = 406;
/// "Invalid email request".
const INVALID: u16 = 300;
/// "Bad or missing API token".
const TOKEN: u16 = 10;

/// See [`dndgate_adapter::Adapter::refuse`].
pub(crate) fn refuse(refusal: &Refusal<'_>) -> Reply {
    Reply::json(status(refusal.cause), &error(&[refusal]))
}

/// See [`dndgate_adapter::Adapter::refuse_each`]: a batch is answered part by part, and one message names all who
/// are refused.
pub(crate) fn each(request: &Request<'_>, refused: &[Refused<'_>]) -> Option<Reply> {
    let point = path::point(&request.head).ok()??;
    if matches!(point, Point::Address(..)) {
        return None;
    }
    let body = message::body(request).ok()?;
    let parts = message::parts(point, &body).ok()?;
    if point.is_answered_by_position() {
        let answers: Vec<Value> = parts.iter().map(|part| error(&of(part, refused))).collect();
        return Some(Reply::json(StatusCode::OK, &Value::Array(answers)));
    }
    let all: Vec<&Refusal<'_>> = refused.iter().map(|one| &one.refusal).collect();
    let decisive = decisive(&all)?;
    Some(Reply::json(status(decisive.cause), &error(&all)))
}

/// Those of a part who are refused.
pub(crate) fn of<'r, 'a>(part: &Part<'_, '_>, refused: &'r [Refused<'a>]) -> Vec<&'r Refusal<'a>> {
    let indices = part.indices();
    refused.iter().filter(|one| indices.contains(&one.index)).map(|one| &one.refusal).collect()
}

/// The error that tells of these, who are all that a message would reach.
pub(crate) fn error(refused: &[&Refusal<'_>]) -> Value {
    let Some(decisive) = decisive(refused) else {
        return json!({ "ErrorCode": INVALID, "Message": "not sent: nobody would be reached" });
    };
    let (code, message) = match decisive.cause {
        RefusalCause::Blocked => (
            INACTIVE,
            format!(
                "You tried to send to recipient(s) that have been marked as inactive. Found {}",
                inactive(refused)
            ),
        ),
        RefusalCause::Account | RefusalCause::Signature => (TOKEN, told(decisive)),
        RefusalCause::Unreadable => (INVALID, told(decisive)),
        // Names no error of Postmark's: the gateway's own.
        _ => (0, told(decisive)),
    };
    json!({ "ErrorCode": code, "Message": message })
}

/// "inactive addresses: … Inactive recipients …", as clients look for it.
pub(crate) fn inactive(refused: &[&Refusal<'_>]) -> String {
    format!("inactive addresses: {}. Inactive recipients {}", addresses(refused), why(refused))
}

/// The addresses, as Postmark writes them: in small letters, without names.
pub(crate) fn addresses(refused: &[&Refusal<'_>]) -> String {
    let mut all: Vec<String> = refused
        .iter()
        .filter_map(|one| one.address)
        .filter(|one| !one.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut seen = std::collections::HashSet::new();
    all.retain(|one| seen.insert(one.clone()));
    all.join(", ")
}

/// What is said of them.
fn why(refused: &[&Refusal<'_>]) -> String {
    let channel = refused.iter().find_map(|one| one.channel).map_or("email", |channel| channel.label());
    let mut reasons: Vec<&str> = refused.iter().filter_map(|one| one.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    let id = refused.first().map_or("", |one| one.request_id);
    format!(
        "are ones that must not be contacted (Do-Not-Disturb: {channel}; reason={}) [request {id}]",
        reasons.join("+")
    )
}

/// A block weighs more than what could not be read.
fn decisive<'r, 'a>(refused: &[&'r Refusal<'a>]) -> Option<&'r Refusal<'a>> {
    refused.iter().find(|one| one.cause == RefusalCause::Blocked).or(refused.first()).copied()
}

fn told(refusal: &Refusal<'_>) -> String {
    format!("{} [Do-Not-Disturb gateway, request {}]", refusal.message, refusal.request_id)
}

/// Clients tell input errors by 422; 401 and 500 would be taken for something else.
fn status(cause: RefusalCause) -> StatusCode {
    match cause {
        RefusalCause::Blocked | RefusalCause::Unreadable => StatusCode::UNPROCESSABLE_ENTITY,
        other => other.status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::Channel;

    fn refusal<'a>(cause: RefusalCause, address: &'a str) -> Refusal<'a> {
        Refusal {
            cause,
            message: "why",
            address: Some(address),
            channel: Some(Channel::Email),
            reason: Some("complaint"),
            code: None,
            request_id: "0199",
        }
    }

    #[test]
    fn r12_the_sentence_is_the_one_that_clients_take_apart() {
        let (ann, bob) =
            (refusal(RefusalCause::Blocked, "Ann@Example.com"), refusal(RefusalCause::Blocked, "b@x.com"));
        let error = error(&[&ann, &bob, &ann]);
        assert_eq!(error["ErrorCode"], 406);
        assert_eq!(
            error["Message"],
            "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: \
             ann@example.com, b@x.com. Inactive recipients are ones that must not be contacted (Do-Not-Disturb: \
             email; reason=complaint) [request 0199]"
        );
    }

    #[test]
    fn statuses_are_those_that_no_client_misreads() {
        for (cause, status, code) in [
            (RefusalCause::Blocked, 422, 406),
            (RefusalCause::Unreadable, 422, 300),
            (RefusalCause::Account, 403, 10),
            (RefusalCause::TooLarge, 413, 0),
            (RefusalCause::BadGateway, 502, 0),
        ] {
            let reply = refuse(&refusal(cause, "a@x.com"));
            assert_eq!(reply.status, status);
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(body["ErrorCode"], code);
            assert!(body["Message"].is_string());
        }
    }
}
