//! What the CRM answers to a webhook can be a send too (R14): Plivo XML.

use crate::document;
use dndgate_adapter::{Answer, Event, EventKind, Reply, ReplyGate, Unreadable, apply_edits};
use http::{HeaderValue, StatusCode, header};

/// The verdict on an answer. What is no XML does nothing at Plivo.
pub(crate) fn gate_reply(answer: &Answer<'_>, gate: &mut dyn ReplyGate) -> Result<Option<Reply>, Unreadable> {
    let text = match std::str::from_utf8(answer.body) {
        Ok(text) => text,
        // An encoding that is read in another way here.
        Err(_) => return Err(Unreadable::new("the answer is not UTF-8")),
    };
    let written = text.trim_start_matches('\u{feff}').trim_start();
    if !written.starts_with('<') {
        return if written.contains('\0') {
            Err(Unreadable::new("the answer is not UTF-8"))
        } else {
            Ok(None)
        };
    }
    if !speaks_utf8(answer, written) {
        return Err(Unreadable::new("the XML is not UTF-8"));
    }
    // A page of HTML is none of Plivo's.
    let is_page = ["<!doctype html", "<html"]
        .iter()
        .any(|start| written.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)));
    if is_page {
        return Ok(None);
    }
    let edits = document::read(text)?.gated(gate);
    if edits.is_empty() {
        return Ok(None);
    }
    let content_type = answer.headers.get(header::CONTENT_TYPE).cloned();
    Ok(Some(Reply {
        status: answer.status,
        headers: vec![(header::CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("text/xml")))],
        body: apply_edits(text.as_bytes(), &edits),
    }))
}

/// Whatever charset is claimed, does it read the text as UTF-8 does? One without bytes above 127 reads the same in
/// all that have ASCII in them.
fn speaks_utf8(answer: &Answer<'_>, text: &str) -> bool {
    let content_type = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let declaration = text.split("?>").next().filter(|start| start.starts_with("<?xml"));
    [(content_type, "charset"), (declaration, "encoding")].into_iter().all(|(place, name)| {
        let lower = place.unwrap_or_default().to_ascii_lowercase();
        let Some(at) = lower.find(name) else { return true };
        let rest = lower[at + name.len()..].trim_start().trim_start_matches('=').trim_start();
        let charset =
            rest.trim_start_matches(['"', '\'']).split(['"', '\'', ';', ' ']).next().unwrap_or(rest);
        let ascii = ["us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "latin1"];
        matches!(charset, "utf-8" | "utf8") || (text.is_ascii() && ascii.contains(&charset))
    })
}

/// Nothing more is to be done.
pub(crate) fn nothing() -> Reply {
    Reply::new(StatusCode::OK, "text/xml", "<Response/>")
}

/// Turns a call away.
pub(crate) fn decline(event: &Event<'_>) -> Option<Reply> {
    matches!(event.kind, EventKind::InboundCall { .. })
        .then(|| Reply::new(StatusCode::OK, "text/xml", "<Response><Hangup reason=\"rejected\"/></Response>"))
}
