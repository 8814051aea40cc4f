//! Call flows: what a call is told to do, in a request or in the CRM's answer.

use dndgate_adapter::{
    AddressKind, Answer, Channel, Edit, Known, Place, Recipient, Reply, ReplyGate, ReplyLink, Role,
    Unreadable, apply_edits,
    json::{self, Json},
    sip,
};
use http::{HeaderValue, header};
use std::borrow::Cow;

/// Actions whose effect on further people is known: `transfer` names whom it calls, the others reach nobody else.
const ACTIONS: &[&str] =
    &["fetchCallFlow", "hangup", "pause", "play", "record", "say", "sendKeys", "transfer", "detect"];

/// See [`dndgate_adapter::table::Send::check`].
pub(crate) fn check_call(call: &Json<'_>) -> Result<(), Unreadable> {
    match call.field("callFlow")? {
        Some(flow) if !flow.is_null() => steps(flow).map(drop),
        _ => Ok(()),
    }
}

/// The steps of a flow, when all their actions are known.
fn steps<'b, 'a>(flow: &'b Json<'a>) -> Result<&'b [Json<'a>], Unreadable> {
    let Some(steps) = flow.field("steps")? else { return Ok(&[]) };
    let steps = steps.as_array().ok_or_else(|| Unreadable::new("the steps of a call flow are a list"))?;
    for step in steps {
        let action = step.field("action")?.and_then(Json::as_str).unwrap_or_default();
        if !ACTIONS.contains(&action) {
            return Err(Unreadable::new("the call flow holds an action that the gateway does not know"));
        }
        let named = step.field("options")?.map(|options| options.field("destination")).transpose()?.flatten();
        if (action == "transfer") != named.is_some_and(|one| one.as_str().is_some_and(|one| !one.is_empty()))
        {
            return Err(Unreadable::new(
                "a transfer in the call flow names one destination, and nothing else does",
            ));
        }
    }
    Ok(steps)
}

/// The verdict on what the CRM tells a call to do (R14). What is no call flow does nothing.
pub(crate) fn gate_reply(answer: &Answer<'_>, gate: &mut dyn ReplyGate) -> Result<Option<Reply>, Unreadable> {
    let written = answer.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(answer.body).trim_ascii_start();
    match written.first() {
        Some(b'{') => {}
        Some(b'<') if !is_page(written) => {
            return Err(Unreadable::new("the gateway reads call flows in JSON only"));
        }
        _ => return Ok(None),
    }
    let body = json::read(answer.body)?;
    if body.field("steps")?.is_none() {
        return Ok(None);
    }
    let steps = steps(&body)?;
    let mut gone = Vec::new();
    let mut edits = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let options = step.get("options");
        let destination = options.and_then(|options| options.get("destination")).and_then(Json::as_str);
        if let Some(person) = destination.map(called).transpose()?.flatten()
            && !gate.allows(&person)
        {
            gone.push(index);
            continue;
        }
        let finish = step.get("onFinish");
        for link in [options.and_then(|options| options.get("url")), finish].into_iter().flatten() {
            edits.extend(led(link, gate));
        }
    }
    if let Some(list) = body.get("steps") {
        edits.extend(list.without(&gone));
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
        body: apply_edits(answer.body, &edits),
    }))
}

/// A page of HTML is no call flow.
fn is_page(written: &[u8]) -> bool {
    ["<!doctype html", "<html"].iter().any(|start| {
        written.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start.as_bytes()))
    })
}

fn led(link: &Json<'_>, gate: &mut dyn ReplyGate) -> Option<Edit> {
    let (url, place): (Cow<'_, str>, Place) = (link.text()?, link.place()?);
    let next = gate.link(&url, ReplyLink::Document);
    (next != *url).then(|| place.replace(&next))
}

/// Whom a destination is; nobody outside when no telephone is behind it.
fn called(destination: &str) -> Result<Option<Recipient<'static>>, Unreadable> {
    let is_sip = destination.contains(':') || destination.contains('@');
    let number = if is_sip { sip::number(destination)? } else { Some(destination.to_owned()) };
    Ok(number.map(|number| Recipient {
        channels: Channel::Call.into(),
        kind: AddressKind::Phone,
        address: Cow::Owned(number),
        role: Role::To,
        known: Known::Address,
    }))
}
