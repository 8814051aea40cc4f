//! What the CRM answers to a webhook can be a send too (R14): TwiML, or a plain text that Twilio sends back.

use crate::{
    address::{self, Way},
    signature::{Params, param, params},
    twiml::{self, Context, Other},
    webhook::{About, about, nothing},
};
use dndgate_adapter::{Answer, Authentic, Reply, ReplyGate, Unreadable, apply_edits};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::borrow::Cow;

/// See [`dndgate_adapter::Adapter::gate_reply`].
pub(crate) fn gate_reply(
    webhook: &Authentic<'_>,
    answer: &Answer<'_>,
    gate: &mut dyn ReplyGate,
) -> Result<Option<Reply>, Unreadable> {
    if answer.status.is_redirection() || answer.body.trim_ascii().is_empty() {
        return Ok(None);
    }
    let params = params(webhook.webhook());
    let about = about(&params);
    let result = match media(answer) {
        Media::Twiml => document(webhook, &params, about, answer, gate),
        // Whether anything but text is sent on is not known.
        Media::Text | Media::Other if about == About::Message => plain(&params, gate),
        Media::Text | Media::Other => Ok(None),
    };
    match result {
        // Twilio does not run what comes with an error; should it, there is nothing now to run.
        Err(_) if !answer.status.is_success() => Ok(Some(Reply::empty(answer.status))),
        // Nor what answers a report. Most of these answers are no TwiML at all.
        Err(_)
            if matches!(
                about,
                About::MessageStatus | About::CallStatus | About::Other | About::Conversation
            ) =>
        {
            Ok(Some(Reply::empty(StatusCode::NO_CONTENT)))
        }
        result => result,
    }
}

enum Media {
    Twiml,
    Text,
    Other,
}

/// What Twilio takes an answer for.
fn media(answer: &Answer<'_>) -> Media {
    let value = answer.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let media = value.split(|byte| *byte == b';').next().unwrap_or(value).trim_ascii().to_ascii_lowercase();
    match &media[..] {
        b"text/plain" => Media::Text,
        // Without a type nobody knows what it is taken for; text that is no TwiML is sent as text.
        b"" if !answer.body.trim_ascii_start().starts_with(b"<") => Media::Text,
        b"" | b"text/xml" | b"application/xml" | b"text/html" => Media::Twiml,
        other if other.ends_with(b"xml") => Media::Twiml,
        _ => Media::Other,
    }
}

fn document(
    webhook: &Authentic<'_>,
    params: &Params<'_>,
    about: About,
    answer: &Answer<'_>,
    gate: &mut dyn ReplyGate,
) -> Result<Option<Reply>, Unreadable> {
    let text = text(answer)?;
    let other = match other_end(params, about) {
        "" => Other::Unknown,
        other => Other::Person(other),
    };
    let twiml =
        twiml::read(text, Context { other, voice: matches!(about, About::Call | About::CallStatus) })?;
    let edits = twiml.gated(gate);
    let keeps = !twiml.nouns.is_empty() && is_kept_by_provider(webhook, answer);
    if edits.is_empty() && !keeps {
        return Ok(None);
    }
    let mut headers = vec![(
        header::CONTENT_TYPE,
        answer.headers.get(header::CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static("text/xml")),
    )];
    if keeps {
        headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    }
    Ok(Some(Reply { status: answer.status, headers, body: apply_edits(text.as_bytes(), &edits) }))
}

/// Twilio keeps what answers a `GET` as the CRM allows, and would run it again after somebody opted out.
fn is_kept_by_provider(webhook: &Authentic<'_>, answer: &Answer<'_>) -> bool {
    let marks: [HeaderName; 4] =
        [header::ETAG, header::LAST_MODIFIED, header::EXPIRES, header::CACHE_CONTROL];
    *webhook.webhook().method == Method::GET && marks.iter().any(|mark| answer.headers.contains_key(mark))
}

/// The person at the other end: who wrote or called, or whom the CRM wrote to or called.
fn other_end<'p>(params: &'p Params<'_>, about: About) -> &'p str {
    let outbound = about == About::MessageStatus || param(params, "Direction").starts_with("outbound");
    param(params, if outbound { "To" } else { "From" })
}

/// A plain text goes back to whoever wrote.
fn plain(params: &Params<'_>, gate: &mut dyn ReplyGate) -> Result<Option<Reply>, Unreadable> {
    let from: Cow<'_, str> = Cow::Borrowed(param(params, "From"));
    match address::read(&from, Way::Message) {
        Ok(Some(person)) if !gate.allows(&person) => Ok(Some(nothing())),
        // Who is no person to us (a short code) has said nothing either.
        _ => Ok(None),
    }
}

/// The text of an answer, when all its readers see the same one.
fn text<'a>(answer: &Answer<'a>) -> Result<&'a str, Unreadable> {
    let text = std::str::from_utf8(answer.body).map_err(|_| Unreadable::new("the TwiML is not UTF-8"))?;
    let content_type =
        answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let declaration =
        text.split("?>").next().filter(|start| start.trim_start_matches('\u{feff}').starts_with("<?xml"));
    for (place, name) in [(Some(content_type), "charset"), (declaration, "encoding")] {
        let Some(charset) = place.and_then(|place| value_after(place, name)) else { continue };
        // Those that agree about every byte below 128 are one to a text that has no others.
        let ascii = ["us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "latin1"];
        let agrees = charset.eq_ignore_ascii_case("utf-8")
            || charset.eq_ignore_ascii_case("utf8")
            || (text.is_ascii() && ascii.iter().any(|one| charset.eq_ignore_ascii_case(one)));
        if !agrees {
            return Err(Unreadable::new("the TwiML is not UTF-8"));
        }
    }
    Ok(text)
}

/// The value of `name=value` or `name="value"` in a header or declaration.
fn value_after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let at = text.to_ascii_lowercase().find(name)?;
    let rest = text[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
    Some(rest.trim_start_matches(['"', '\'']).split(['"', '\'', ';', ' ']).next().unwrap_or(rest))
}
