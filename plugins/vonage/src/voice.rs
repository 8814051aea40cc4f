//! Calls: requests that make or change one, and what the CRM tells a call to do.

use crate::{
    fields::Fields,
    ncco::{self, Ncco, endpoint, texts},
};
use dndgate_adapter::{
    Answer, Callback, CallbackKind, CannotTrim, Edit, Outbound, Recipient, Reply, ReplyGate, ReplyLink,
    Request, Sending, Unreadable, Webhook,
    json::{self, Json},
    sip,
};
use http::{HeaderValue, header};
use std::borrow::Cow;

/// Reads a request's JSON and gives it on.
fn body<'a>(request: &Request<'a>) -> Result<Json<'a>, Unreadable> {
    match request.head.media_type().as_deref() {
        Some("application/json") => json::read(request.body),
        _ => Err(Unreadable::new("send this as application/json")),
    }
}

/// A call that is made: those it rings, and those whom its NCCO connects to.
pub(crate) fn call<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let body = body(request)?;
    let mut sending = Sending { kind: "call", ..Sending::default() };
    sending.recipients.extend(rung(&body)?.into_iter().map(|(_, person)| person));
    if let Some(actions) = body.field("ncco")? {
        add(&mut sending, &ncco::read(actions)?);
    }
    documents(&mut sending, body.field("answer_url")?, CallbackKind::Document);
    documents(&mut sending, body.field("event_url")?, CallbackKind::Status);
    if let Some(number) = body.field("from")?.and_then(|from| from.get("number")).and_then(Json::text) {
        sending.sender = number;
    }
    Ok(Outbound::Send(sending))
}

/// A call that is changed: its transfer may connect to further people.
pub(crate) fn change<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let body = body(request)?;
    match body.field("action")?.and_then(Json::as_str) {
        Some("hangup" | "mute" | "unmute" | "earmuff" | "unearmuff") => return Ok(Outbound::Nobody),
        Some("transfer") => {}
        _ => return Err(Unreadable::new("the gateway does not know this change of a call")),
    }
    let destination = body.field("destination")?;
    let destination = destination.ok_or_else(|| Unreadable::new("the transfer has no destination"))?;
    let mut sending = Sending { kind: "transfer", ..Sending::default() };
    if let Some(actions) = destination.field("ncco")? {
        add(&mut sending, &ncco::read(actions)?);
    }
    documents(&mut sending, destination.field("url")?, CallbackKind::Document);
    Ok(Outbound::Send(sending))
}

/// A video session that calls a SIP address.
pub(crate) fn dial<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let body = body(request)?;
    let uri = body.field("sip")?.map(|sip| sip.field("uri")).transpose()?.flatten();
    let uri =
        uri.and_then(Json::text).ok_or_else(|| Unreadable::new("sip.uri is missing: nobody is named"))?;
    let mut sending = Sending { kind: "call", ..Sending::default() };
    sending.recipients.extend(sip::number(&uri)?.map(|number| ncco::called(Cow::Owned(number))));
    Ok(Outbound::Send(sending))
}

/// Those whom a call rings, each with its place in `to`.
fn rung<'a>(body: &Json<'a>) -> Result<Vec<(usize, Recipient<'a>)>, Unreadable> {
    let to = body.field("to")?.and_then(Json::as_array);
    let to = to.ok_or_else(|| Unreadable::new("to is missing: nobody is named whom this would call"))?;
    let people = to.iter().enumerate().map(|(place, one)| Ok(endpoint(one)?.map(|person| (place, person))));
    people.filter_map(Result::transpose).collect()
}

fn add<'a>(sending: &mut Sending<'a>, ncco: &Ncco<'_, 'a>) {
    sending.recipients.extend(ncco.people.iter().map(|person| person.recipient.clone()));
    let links = ncco.links.iter().cloned();
    sending.callbacks.extend(links.map(|(url, place)| Callback { url, place, kind: CallbackKind::Document }));
}

fn documents<'a>(sending: &mut Sending<'a>, urls: Option<&Json<'a>>, kind: CallbackKind) {
    let urls = urls.map(texts).unwrap_or_default();
    sending.callbacks.extend(urls.into_iter().map(|(url, place)| Callback { url, place, kind }));
}

/// Takes people out of a call that is made or changed.
pub(crate) fn trim(request: &Request<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
    let cannot = |unreadable: Unreadable| CannotTrim(unreadable.message);
    let body = body(request).map_err(cannot)?;
    let destination = body.get("destination").unwrap_or(&body);
    let rung = if body.get("to").is_some() { rung(&body).map_err(cannot)? } else { Vec::new() };
    let (ringing, connecting): (Vec<usize>, Vec<usize>) = drop.iter().partition(|index| **index < rung.len());
    let mut edits = Vec::new();
    if !ringing.is_empty() {
        let to = body.get("to").ok_or(CannotTrim("nobody is rung".into()))?;
        if ringing.len() == to.as_array().map_or(0, <[_]>::len) {
            return Err(CannotTrim("nobody would be left who is called".into()));
        }
        edits.extend(to.without(&ringing.iter().map(|index| rung[*index].0).collect::<Vec<_>>()));
    }
    if !connecting.is_empty() {
        let actions = destination.get("ncco").ok_or(CannotTrim("the call has no NCCO".into()))?;
        let ncco = ncco::read(actions).map_err(cannot)?;
        let connecting: Vec<usize> = connecting.iter().map(|index| index - rung.len()).collect();
        let (without, something_is_left) = ncco.without(&connecting);
        if !something_is_left {
            return Err(CannotTrim("nothing would be left that the call does".into()));
        }
        edits.extend(without);
    }
    edits.sort_by_key(|edit| edit.range.start);
    Ok(edits)
}

/// The verdict on what the CRM tells a call to do (R14). Answers to messages and verifications are not read by
/// Vonage.
pub(crate) fn gate_reply(
    webhook: &Webhook<'_>,
    answer: &Answer<'_>,
    gate: &mut dyn ReplyGate,
) -> Result<Option<Reply>, Unreadable> {
    let written = answer.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(answer.body).trim_ascii_start();
    if !matches!(written.first(), Some(b'[' | b'{')) || !may_tell(webhook) {
        return Ok(None);
    }
    let body = json::read(answer.body)?;
    if body.as_array().is_none() {
        return match body.get("action").or(body.get("ncco")) {
            None => Ok(None),
            Some(_) => Err(Unreadable::new("an NCCO is a list of actions")),
        };
    }
    let ncco = ncco::read(&body)?;
    let blocked =
        |(index, person): (usize, &ncco::Person<'_, '_>)| (!gate.allows(&person.recipient)).then_some(index);
    let drop: Vec<usize> = ncco.people.iter().enumerate().filter_map(blocked).collect();
    let (mut edits, _) = ncco.without(&drop);
    let goes = edits.clone();
    for (url, place) in &ncco.links {
        let next = gate.link(url, ReplyLink::Document);
        if next != *url && !goes.iter().any(|edit| edit.range.contains(&place.range.start)) {
            edits.push(place.replace(&next));
        }
    }
    if edits.is_empty() {
        return Ok(None);
    }
    edits.sort_by_key(|edit| edit.range.start);
    let content_type = answer.headers.get(header::CONTENT_TYPE).cloned();
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/json"));
    Ok(Some(Reply {
        status: answer.status,
        headers: vec![(header::CONTENT_TYPE, content_type)],
        body: dndgate_adapter::apply_edits(answer.body, &edits),
    }))
}

/// Is it a webhook about a call, or one that nobody knows?
fn may_tell(webhook: &Webhook<'_>) -> bool {
    let Ok(fields) = Fields::said(webhook) else { return true };
    ["message_uuid", "msisdn", "request_id"].iter().all(|name| fields.said_as(name).is_none())
}
