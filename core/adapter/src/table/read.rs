//! Whom a described send reaches.

use super::{
    Send,
    mention::{self, Body, Mention},
};
use crate::{
    Callback, Outbound, Request, Sending, Unreadable,
    json::{Json, Value},
    outbound::{Copies, Role},
};
use std::borrow::Cow;

/// The most recipients that one request may name. No provider takes more.
const RECIPIENTS_MAX: usize = 10_000;

pub(super) fn read<'a>(send: &Send, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let body = Body::read(send, request)?;
    let mentions = mention::all(send, &body)?;
    if mentions.len() > RECIPIENTS_MAX {
        return Err(Unreadable::new("more recipients than the gateway reads in one request (10,000)"));
    }
    let unnamed = unnamed(send, &body)?;
    if mentions.is_empty() && unnamed.is_none() && (send.optional || !send.to.is_empty()) {
        return if send.optional {
            Ok(Outbound::Nobody)
        } else {
            let at = send.to.first().map_or("the recipient", |to| to.at);
            Err(Unreadable::new(format!("{at} is missing: nobody is named whom this would reach")))
        };
    }
    let copies = copies(&mentions);
    let recipients = mentions.into_iter().map(|mention| mention.recipient).collect();
    let mut sending = Sending { kind: send.kind, recipients, copies, unnamed, ..Sending::default() };
    // What stands in a query is not edited.
    let callbacks = if request.body.is_empty() { &[] } else { send.callbacks };
    for (at, kind) in callbacks {
        each(&body, at, &mut |text, place| {
            sending.callbacks.push(Callback { url: text, place, kind: *kind });
        })?;
    }
    for at in send.scheduled {
        sending.scheduled |= stands_there(&body, at)?;
    }
    if sending.scheduled && !send.handle.is_empty() && !stands_there(&body, send.handle)? {
        sending.unnamed.get_or_insert("scheduled");
    }
    if !send.sender.is_empty() {
        each(&body, send.sender, &mut |text, _| sending.sender = text)?;
    }
    for at in send.tags {
        each(&body, at, &mut |text, _| sending.tags.push(text))?;
    }
    Ok(Outbound::Send(sending))
}

/// Hidden copies go with the mail that they are copies of: alone they would have to be shown.
fn copies(mentions: &[Mention<'_, '_>]) -> Vec<Copies> {
    let mails = mention::mails(mentions).into_iter();
    let copies = mails.map(|mail| {
        let (who, of) = mail.into_iter().partition(|index| mentions[*index].recipient.role == Role::Bcc);
        Copies { who, of }
    });
    copies.filter(|one| !one.who.is_empty() && !one.of.is_empty()).collect()
}

fn unnamed(send: &Send, body: &Body<'_>) -> Result<Option<&'static str>, Unreadable> {
    for (at, name) in send.unnamed {
        if stands_there(body, at)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Does a field say something?
fn stands_there(body: &Body<'_>, at: &str) -> Result<bool, Unreadable> {
    let says = |json: &Json<'_>| match &json.value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        _ => true,
    };
    let mut found = false;
    match body {
        Body::Form(form) => found = form.one(at)?.is_some_and(|pair| !pair.value.is_empty()),
        Body::Json(json) => mention::walk(json, at, &mut |one| {
            found |= says(one.value);
            Ok(())
        })?,
    }
    Ok(found)
}

/// Calls `visit` with every text that a trail leads to.
fn each<'a>(
    body: &Body<'a>,
    at: &str,
    visit: &mut dyn FnMut(Cow<'a, str>, crate::Place),
) -> Result<(), Unreadable> {
    match body {
        Body::Form(form) => {
            if let Some(pair) = form.one(at)? {
                visit(pair.value.clone(), pair.place());
            }
            Ok(())
        }
        Body::Json(json) => mention::walk(json, at, &mut |found| {
            if let (Some(text), Some(place)) = (found.value.text(), found.value.place()) {
                visit(text, place);
            }
            Ok(())
        }),
    }
}
