//! Answers to batches, and what answers say of people.

use super::batch::{self, Batch};
use crate::product::Product;
use dndgate_adapter::{Answer, Refusal, RefusalCause, Refused, Reply, Request, Sending, json, json::Json};
use http::StatusCode;
use serde_json::{Value, json as value};

/// Media type of Graph's answers.
pub(crate) const JSON: &str = "application/json; charset=UTF-8";

/// The answers of the parts that go, by their places.
fn refusals(home: Product, batch: &Batch, refused: &[Refused<'_>]) -> Vec<(usize, String)> {
    let drop: Vec<usize> = refused.iter().map(|one| one.index).collect();
    let homes = batch.homes();
    let answer = |index: usize| {
        let of_part = refused.iter().filter(|one| homes.get(one.index) == Some(&index));
        // Of several in one part the blocked one is told.
        let own = of_part.min_by_key(|one| one.refusal.cause != RefusalCause::Blocked);
        let hangs = Refusal {
            cause: RefusalCause::Unreadable,
            message: "it hangs on another part of this batch, which is refused",
            address: None,
            channel: None,
            reason: None,
            code: None,
            request_id: refused.first().map_or("", |one| one.refusal.request_id),
        };
        let error = home.error(&batch.parts[index].path, own.map_or(&hangs, |one| &one.refusal));
        let mut answer = value!({ "code": 400 });
        if batch.include_headers {
            answer["headers"] = value!([{ "name": "Content-Type", "value": JSON }]);
        }
        answer["body"] = error.to_string().into();
        (index, answer.to_string())
    };
    batch.gone(&drop).into_iter().map(answer).collect()
}

/// See [`dndgate_adapter::Adapter::refuse_each`].
pub(crate) fn refuse_each(home: Product, request: &Request<'_>, refused: &[Refused<'_>]) -> Option<Reply> {
    let batch = batch::again(home, request)?;
    let all: Vec<String> = refusals(home, &batch, refused).into_iter().map(|(_, text)| text).collect();
    (all.len() == batch.parts.len()).then(|| Reply::new(StatusCode::OK, JSON, format!("[{}]", all.join(","))))
}

/// See [`dndgate_adapter::Adapter::stitch`].
pub(crate) fn stitch(
    home: Product,
    request: &Request<'_>,
    refused: &[Refused<'_>],
    answer: &Answer<'_>,
) -> Option<Vec<u8>> {
    let batch = batch::again(home, request)?;
    let mut ours = refusals(home, &batch, refused).into_iter().peekable();
    let theirs = json::read(answer.body).ok()?;
    let mut theirs = theirs.as_array()?.iter().map(|one: &Json<'_>| &answer.body[one.range.clone()]);
    if theirs.len() + ours.len() != batch.parts.len() {
        return None;
    }
    let mut body = Vec::with_capacity(answer.body.len() + 512 * ours.len());
    for index in 0..batch.parts.len() {
        body.push(if index == 0 { b'[' } else { b',' });
        match ours.next_if(|(place, _)| *place == index) {
            Some((_, text)) => body.extend_from_slice(text.as_bytes()),
            None => body.extend_from_slice(theirs.next()?),
        }
    }
    body.push(b']');
    Some(body)
}

/// What the provider said of each recipient: its index, and the body of the answer that concerns it.
pub(crate) fn told(
    home: Product,
    request: &Request<'_>,
    send: &Sending<'_>,
    dropped: &[usize],
    answer: &Answer<'_>,
) -> Vec<(usize, Vec<u8>)> {
    if send.kind != batch::KIND {
        // To whom of several an error belongs is not said.
        let one = send.recipients.len() == 1;
        return if one { vec![(0, answer.body.to_vec())] } else { Vec::new() };
    }
    let Some(batch) = batch::again(home, request) else { return Vec::new() };
    let Ok(Value::Array(theirs)) = serde_json::from_slice(answer.body) else { return Vec::new() };
    let gone = batch.gone(dropped);
    let stay = (0..batch.parts.len()).filter(|index| !gone.contains(index));
    let homes = batch.homes();
    let mut all = Vec::new();
    for (part, theirs) in stay.zip(&theirs) {
        let Some(body) = theirs.get("body").and_then(Value::as_str) else { continue };
        let mut of_part = homes.iter().enumerate().filter(|(_, home)| **home == part).map(|(index, _)| index);
        if let (Some(index), None) = (of_part.next(), of_part.next()) {
            all.push((index, body.as_bytes().to_vec()));
        }
    }
    all
}

/// An error of Graph's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GraphError {
    /// `code`, or `code/subcode` where there is one.
    pub(crate) code: String,
    /// The sentence.
    pub(crate) message: String,
    /// Meta's id of the answer, by which a repetition is known.
    pub(crate) trace: String,
}

/// The error in an answer, if it is one.
pub(crate) fn error_of(body: &[u8]) -> Option<GraphError> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let error = answer.get("error")?;
    let code = error.get("code")?.as_u64()?;
    let subcode = error.get("error_subcode").and_then(Value::as_u64).filter(|subcode| *subcode != 0);
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(GraphError {
        code: subcode.map_or_else(|| code.to_string(), |subcode| format!("{code}/{subcode}")),
        message: text("message"),
        trace: text("fbtrace_id"),
    })
}
