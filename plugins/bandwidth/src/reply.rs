//! What the CRM answers to an event of a call can be a send too (R14).

use crate::bxml;
use dndgate_adapter::{Answer, Reply, ReplyGate, Unreadable, apply_edits};
use http::{HeaderValue, StatusCode, header};

/// The verdict on an answer. What is no XML does nothing at Bandwidth.
pub(crate) fn gate_reply(answer: &Answer<'_>, gate: &mut dyn ReplyGate) -> Result<Option<Reply>, Unreadable> {
    let text = std::str::from_utf8(answer.body).map_err(|_| Unreadable::new("the answer is not UTF-8"))?;
    if text.contains('\0') {
        return Err(Unreadable::new("the answer is not UTF-8"));
    }
    let written = text.trim_start_matches('\u{feff}').trim_start();
    if !written.starts_with('<') {
        return Ok(None);
    }
    let media = answer.headers.get(header::CONTENT_TYPE);
    let edits = bxml::read(text, media.and_then(|media| media.to_str().ok()))?.gated(gate);
    if edits.is_empty() {
        return Ok(None);
    }
    let media = media.cloned().unwrap_or(HeaderValue::from_static("application/xml"));
    Ok(Some(Reply {
        status: answer.status,
        headers: vec![(header::CONTENT_TYPE, media)],
        body: apply_edits(text.as_bytes(), &edits),
    }))
}

/// Nothing more is to be done.
pub(crate) fn nothing() -> Reply {
    Reply::new(StatusCode::OK, "application/xml", "<Response/>")
}

/// Turns a call away.
pub(crate) fn hang_up() -> Reply {
    Reply::new(StatusCode::OK, "application/xml", "<Response><Hangup/></Response>")
}
