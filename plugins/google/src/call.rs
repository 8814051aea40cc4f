//! What one call does, a request of its own or a part of a batch, and whom it reaches.

use crate::{Service, parameters};
use dndgate_adapter::{
    Head, Known, Outbound, Recipient, Role, Sending, Unreadable, form,
    json::{self, Json},
    path,
};
use http::Method;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A call of an API.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// Its `Content-Type`. `Err`: there are several.
    pub(crate) media: Result<Option<&'a str>, ()>,
    pub(crate) body: &'a [u8],
}

/// What calls do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// They contact nobody (R13).
    Nobody,
    /// They reach the person in the path. What they are in the API's words.
    Send(&'static str),
    /// They say one of these to the person's device, which shows no message. Anything else is a send.
    Sign(&'static [&'static str]),
}

impl<'a> Call<'a> {
    /// The call that a request makes.
    pub(crate) fn of(head: &Head<'a>, body: &'a [u8]) -> Call<'a> {
        let mut types = head.headers.get_all(http::header::CONTENT_TYPE).iter();
        let media = match (types.next(), types.next()) {
            (None, _) => Ok(None),
            (Some(one), None) => one.to_str().map(Some).map_err(|_| ()),
            (Some(_), Some(_)) => Err(()),
        };
        Call { method: head.method.clone(), path: head.path, query: head.query, media, body }
    }
}

/// Parameters with which Google's front ends make another request of this one ("System parameters",
/// documentation, and Google's own web clients).
const OVERRIDES: [&str; 5] =
    ["httpmethod", "httpheaders", "x-http-method-override", "x-http-method", "_method"];
/// Parameters that give a call another body, or name whom it reaches beside its path.
const BESIDE: [&str; 9] =
    ["req", "ct", "body", "parent", "name", "phone", "phonenumber", "conversation", "conversationid"];

/// Refuses parameters that change what the request is.
pub(crate) fn refuse_override(query: Option<&str>) -> Result<(), Unreadable> {
    let is = |name: &str| OVERRIDES.iter().any(|one| one.eq_ignore_ascii_case(name));
    match query {
        Some(query) if form::could_name(query, is) => Err(Unreadable::new(
            "a parameter overrides the method or the header: send the request as it is meant",
        )),
        _ => Ok(()),
    }
}

/// Refuses what is no REST: gRPC and its forms for browsers.
pub(crate) fn refuse_other_protocols(head: &Head<'_>) -> Result<(), Unreadable> {
    let is_grpc = head.headers.get_all(http::header::CONTENT_TYPE).iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        text.contains("grpc") || text.contains("protobuf")
    });
    if is_grpc || head.path.starts_with("/$rpc/") || head.path.starts_with("/google.") {
        return Err(Unreadable::new("the gateway reads the REST form of this API only: send JSON"));
    }
    Ok(())
}

/// What a call does; `None` when nobody here knows.
pub(crate) fn find(service: &Service, call: &Call<'_>) -> Result<Option<Act>, Unreadable> {
    let is_read = path::is_read(&call.method);
    let rows = service.calls.iter().filter(|(method, ..)| method == call.method);
    let rows = rows.map(|(_, path, act)| (*path, *act));
    match path::clean(call.path) {
        // What is merely looked at may be written in any way.
        Err(_) if is_read => Ok(Some(Act::Nobody)),
        Err(tricky) => Err(tricky),
        Ok(()) => match path::lookup(rows, &call.path[1..])? {
            None if is_read => Ok(Some(Act::Nobody)),
            found => Ok(found),
        },
    }
}

/// The account that a query names.
pub(crate) fn account<'a>(service: &Service, query: &'a str) -> Result<Option<Cow<'a, str>>, Unreadable> {
    let Some(name) = service.account else { return Ok(None) };
    if !form::query_could_name(query, |written| written.eq_ignore_ascii_case(name)) {
        return Ok(None);
    }
    let parameters = parameters(query)?;
    let pair =
        parameters.one(name)?.ok_or_else(|| Unreadable::new(format!("{name} stands there in disguise")))?;
    Ok(Some(bare_account(pair.value.clone())).filter(|account| !account.is_empty()))
}

/// An agent is written with and without its domain.
pub(crate) fn bare_account(account: Cow<'_, str>) -> Cow<'_, str> {
    match account.strip_suffix("@rbm.goog") {
        None => account,
        Some(bare) => Cow::Owned(bare.to_owned()),
    }
}

/// Whom a call reaches.
pub(crate) fn read<'a>(service: &Service, call: &Call<'a>) -> Result<Outbound<'a>, Unreadable> {
    let kind = match find(service, call)? {
        None => return Ok(Outbound::Unrecognised),
        Some(Act::Nobody) => return Ok(Outbound::Nobody),
        Some(Act::Send(kind)) => kind,
        Some(Act::Sign(known)) => {
            if is_sign(service, call, known)? {
                return Ok(Outbound::Nobody);
            }
            "event"
        }
    };
    refuse_beside(call.query.unwrap_or_default())?;
    let body = body(service, call)?;
    let tags = body.as_ref().and_then(|body| body.get("messageTrafficType")).and_then(Json::text);
    let sender = account(service, call.query.unwrap_or_default())?.unwrap_or_default();
    Ok(Outbound::Send(Sending {
        kind,
        recipients: smallvec::smallvec![recipient(service, call.path)?],
        tags: tags.into_iter().collect(),
        sender,
        ..Sending::default()
    }))
}

/// The person in a path.
fn recipient<'a>(service: &Service, path: &'a str) -> Result<Recipient<'a>, Unreadable> {
    let mut segments = path.split('/').skip_while(|segment| *segment != service.people);
    let person = segments.nth(1).ok_or_else(|| Unreadable::new("the path names nobody"))?;
    let address = percent_decode_str(person)
        .decode_utf8()
        .map_err(|_| Unreadable::new("what names the person in the path is not UTF-8"))?;
    let (channel, kind) = service.way;
    Ok(Recipient { channels: channel.into(), kind, address, role: Role::To, known: Known::Address })
}

/// Does the call only give such a sign?
fn is_sign(service: &Service, call: &Call<'_>, known: &[&str]) -> Result<bool, Unreadable> {
    refuse_beside(call.query.unwrap_or_default())?;
    let body = body(service, call)?;
    let Some(body) = &body else { return Ok(false) };
    let mut said = None;
    for name in ["eventType", "receiptType"] {
        said = said.or(body.field(name)?.and_then(Json::as_str));
    }
    Ok(said.is_some_and(|said| known.contains(&said)))
}

/// Refuses a query that could name somebody beside the path, or give the call another body.
fn refuse_beside(query: &str) -> Result<(), Unreadable> {
    let is = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or(name);
        BESIDE.iter().any(|one| one.eq_ignore_ascii_case(last))
    };
    if form::query_could_name(query, is) {
        return Err(Unreadable::new(
            "a parameter could name somebody beside the path, or stand for the body: leave it out",
        ));
    }
    Ok(())
}

/// The body, where it is JSON as everybody reads it. `None`: it is empty, or JSON as Google's own samples write
/// it (in single quotes) and names nobody.
fn body<'a>(service: &Service, call: &Call<'a>) -> Result<Option<Json<'a>>, Unreadable> {
    let media = call.media.map_err(|()| Unreadable::new("there is more than one Content-Type"))?;
    if call.body.trim_ascii().is_empty() {
        return Ok(None);
    }
    if !media.is_some_and(is_json) {
        return Err(Unreadable::new("send this as application/json in UTF-8"));
    }
    let read = match json::read(call.body) {
        Ok(read) => read,
        Err(_) if is_free_of_names(call.body) => return Ok(None),
        Err(unreadable) => return Err(unreadable),
    };
    if let Some(name) = read.field("name")? {
        let own = name.as_str().is_some_and(|name| is_below(service, name, call.path));
        if !name.is_null() && !own {
            return Err(Unreadable::new("the name in the body is not that of the path: leave it out"));
        }
    }
    if read.field("parent")?.is_some() {
        return Err(Unreadable::new("leave parent out of the body: it stands in the path"));
    }
    Ok(Some(read))
}

/// JSON, in the one charset that it has (RFC 8259, section 8.1).
fn is_json(media: &str) -> bool {
    let (media, rest) = media.split_once(';').unwrap_or((media, ""));
    let is_utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim_matches([' ', '"']).eq_ignore_ascii_case("utf-8")
    };
    media.trim().eq_ignore_ascii_case("application/json") && rest.split(';').all(is_utf8)
}

/// Is that the name of something that belongs to the person in this path?
fn is_below(service: &Service, name: &str, path: &str) -> bool {
    let person = |path: &str| {
        let mut segments = path.split('/').skip_while(|segment| *segment != service.people);
        segments.nth(1).map(|person| percent_decode_str(person).decode_utf8_lossy().into_owned())
    };
    name.starts_with(service.people) && person(name).is_some() && person(name) == person(path)
}

/// Can no key of a body in lenient JSON be `name` or `parent`?
fn is_free_of_names(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let escaped = |pair: &[u8]| pair[0] == b'\\' && (pair[1].is_ascii_digit() || b"uUxX".contains(&pair[1]));
    if body.windows(2).any(escaped) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    ["name", "parent"].iter().all(|key| {
        lower.match_indices(key).all(|(at, _)| {
            let before = lower[..at].bytes().next_back();
            let is_longer = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let after = lower[at + key.len()..].trim_start_matches(['\'', '"']).trim_start();
            is_longer || !after.starts_with(':')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_a_query_that_names_somebody_is_refused() {
        for query in [
            "parent=phones/+1",
            "agentMessage.name=x",
            "%70arent=x",
            "$req={}",
            "a=1;name=x",
            "%24ct=x",
            "x=%",
        ] {
            assert!(refuse_beside(query).is_err(), "{query}");
        }
        for query in ["", "messageId=name&agentId=parent", "alt=json&fields=name,sendTime", "$.xgafv=2&key=K"]
        {
            assert!(refuse_beside(query).is_ok(), "{query}");
        }
        for query in ["$httpMethod=POST", "%24httpMethod=POST", "$httpHeaders=X:y", "_method=DELETE"] {
            assert!(refuse_override(Some(query)).is_err(), "{query}");
        }
    }

    #[test]
    fn lenient_json_may_name_nobody() {
        for body in
            ["{'contentMessage':{'text':'my name is Ada','fileName':'x'}}", "{contentMessage:{text:'x'},}"]
        {
            assert!(is_free_of_names(body.as_bytes()), "{body}");
        }
        for body in [
            "{'name':'phones/+1/agentMessages/2'}",
            "{name : 1}",
            "{'Name':1}",
            r"{'\u006eame':1}",
            "{'parent':1}",
        ] {
            assert!(!is_free_of_names(body.as_bytes()), "{body}");
        }
    }
}
