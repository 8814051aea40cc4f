//! Errors in the shapes of SES, and answers to bulk sends out of which people were taken.

use crate::{
    path::{Point, point},
    v1, v2,
};
use dndgate_adapter::{
    Answer, Channel, Head, Refusal, RefusalCause, Refused, Reply, Request, json, request::xml,
};
use http::{HeaderName, HeaderValue};
use serde_json::json;

/// What stands for an entry that was taken out, in the words of both versions.
const REJECTED: (&str, &str) = ("MESSAGE_REJECTED", "MessageRejected");

/// Renders a refusal. Its type stands in a header field; without it AWS's SDKs raise no exception of their own.
pub(crate) fn refuse(head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
    let kind = match refusal.cause {
        RefusalCause::Blocked | RefusalCause::Unreadable => "MessageRejected",
        RefusalCause::Account => "AccessDeniedException",
        RefusalCause::Signature => "SignatureDoesNotMatch",
        RefusalCause::TooLarge => "BadRequestException",
        RefusalCause::BadGateway | RefusalCause::GatewayTimeout | RefusalCause::Unavailable => {
            "ServiceUnavailable"
        }
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
    let status = refusal.cause.status();
    if matches!(point(head), Ok(Some(Point::Query))) {
        let side = if status.is_server_error() { "Receiver" } else { "Sender" };
        let body = format!(
            "<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><Error><Type>{side}</Type>\
             <Code>{kind}</Code><Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            xml(&message),
            xml(refusal.request_id)
        );
        return Reply::new(status, "text/xml", body);
    }
    let mut reply = Reply::json(status, &json!({ "message": message }));
    let field = HeaderName::from_static("x-amzn-errortype");
    reply.headers.push((field, HeaderValue::from_static(kind)));
    reply
}

/// The answer to a bulk send as if nobody had been taken out: one result for each entry, in their order.
pub(crate) fn stitch(request: &Request<'_>, refused: &[Refused<'_>], answer: &Answer<'_>) -> Option<Vec<u8>> {
    if !answer.status.is_success() {
        return None;
    }
    let drop: Vec<usize> = refused.iter().map(|one| one.index).collect();
    let why = refused.first().map_or("a recipient does not want to be contacted", |one| one.refusal.message);
    match point(&request.head).ok()?? {
        Point::Bulk => {
            let (entries, gone) = v2::gone(request, &drop).ok()?;
            let body = json::read(answer.body).ok()?;
            let results = body.get("BulkEmailEntryResults")?;
            let theirs = results.as_array()?.iter().map(|one| answer.body[one.range.clone()].to_vec());
            let ours = json!({ "Status": REJECTED.0, "Error": why }).to_string();
            let all = interleaved(entries, &gone, theirs, ours.as_bytes())?;
            let list = [b"[".as_slice(), &all.join(&b','), b"]"].concat();
            Some(spliced(answer.body, results.range.clone(), &list))
        }
        Point::Query => {
            let (entries, gone) = v1::gone(request, &drop).ok()?;
            let text = std::str::from_utf8(answer.body).ok()?;
            let start = text.find("<Status>")? + "<Status>".len();
            let end = text.rfind("</Status>")?;
            let inside = text.get(start..end)?;
            let theirs = inside.split_inclusive("</member>").map(str::trim).filter(|one| !one.is_empty());
            let ours = format!("<member><Status>{}</Status><Error>{}</Error></member>", REJECTED.1, xml(why));
            let all =
                interleaved(entries, &gone, theirs.map(|one| one.as_bytes().to_vec()), ours.as_bytes())?;
            Some(spliced(answer.body, start..end, &all.concat()))
        }
        _ => None,
    }
}

/// Theirs in their order, ours at these places. `None` when there are not as many as there should be.
fn interleaved(
    entries: usize,
    gone: &[usize],
    mut theirs: impl Iterator<Item = Vec<u8>>,
    ours: &[u8],
) -> Option<Vec<Vec<u8>>> {
    let all: Option<Vec<Vec<u8>>> = (0..entries)
        .map(|entry| if gone.contains(&entry) { Some(ours.to_vec()) } else { theirs.next() })
        .collect();
    all.filter(|_| theirs.next().is_none())
}

fn spliced(body: &[u8], range: std::ops::Range<usize>, with: &[u8]) -> Vec<u8> {
    [&body[..range.start], with, &body[range.end..]].concat()
}
