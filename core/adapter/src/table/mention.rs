//! Every place where a send names somebody, in the order of its description.

use super::{Form, Send, To, Way};
use crate::{
    Request, Unreadable,
    form::{self, Pair},
    json::{self, Json, Value},
    outbound::{Known, Recipient, Role},
    sip,
    words::{AddressKind, Channel, Channels},
};
use smallvec::SmallVec;
use std::{borrow::Cow, collections::BTreeMap, ops::Range};

/// A body that was read.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Json(Json<'a>),
    Form(form::Form<'a>),
}

impl<'a> Body<'a> {
    /// Reads the body in the form that its media type names.
    pub(super) fn read(send: &Send, request: &Request<'a>) -> Result<Body<'a>, Unreadable> {
        let takes = |form| send.forms.contains(&form);
        let query = request.head.query.unwrap_or_default();
        if takes(Form::Query) && request.body.is_empty() {
            return Ok(Body::Form(form::read(query.as_bytes())?));
        }
        refuse_in_query(send, query)?;
        match request.head.media_type().as_deref() {
            Some("application/json") if takes(Form::Json) => {
                if !request.head.is_utf8() {
                    return Err(Unreadable::new("the JSON is in a charset other than UTF-8"));
                }
                let body = json::read(request.body)?;
                if let Some(check) = send.check {
                    check(&body)?;
                }
                Ok(Body::Json(body))
            }
            Some("application/x-www-form-urlencoded") if takes(Form::Urlencoded) => {
                if !request.head.keeps_ascii() {
                    return Err(Unreadable::new("the form is in a charset other than UTF-8"));
                }
                let form = form::read(request.body)?;
                // A name by which some readers are told the charset of the others (HTML, "form submission").
                if form.pairs().iter().any(|pair| pair.name.eq_ignore_ascii_case("_charset_")) {
                    return Err(Unreadable::new("a _charset_ field changes how the others are read"));
                }
                Ok(Body::Form(form))
            }
            _ if takes(Form::Json) => Err(Unreadable::new("send this as application/json")),
            _ => Err(Unreadable::new("send this as application/x-www-form-urlencoded")),
        }
    }
}

/// Whether a provider merges the query into the body is not known.
fn refuse_in_query(send: &Send, query: &str) -> Result<(), Unreadable> {
    let watched = || {
        let names = send.to.iter().map(|to| to.at).chain(send.unnamed.iter().map(|(at, _)| *at));
        let names = names.chain(send.scheduled.iter().copied());
        names.flat_map(|at| at.split(['.', '[', ']', '*'])).filter(|name| !name.is_empty())
    };
    for pair in form::read(query.as_bytes())?.pairs() {
        if watched().any(|name| form::same_field(&pair.name, name)) {
            return Err(Unreadable::new(
                "what decides who is reached, and when, stands in the query: put it into the body",
            ));
        }
    }
    Ok(())
}

/// One mention of a recipient.
#[derive(Debug)]
pub(super) struct Mention<'b, 'a> {
    pub(super) recipient: Recipient<'a>,
    /// The arrays on the way to it, from the outside, and where in each.
    pub(super) trail: Trail<'b, 'a>,
    pub(super) value: Place<'b, 'a>,
    /// Which part of the value's text it is.
    pub(super) part: Range<usize>,
    /// What stands between it and others in that text; empty when it stands there alone.
    pub(super) joined: &'static str,
    /// The field that names it in a JSON body, alone or together with others of its part.
    pub(super) field: Option<Field<'b, 'a>>,
}

pub(super) type Trail<'b, 'a> = SmallVec<[Step<'b, 'a>; 2]>;

/// A step into an array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'b, 'a> {
    /// The object in which the array stands; the array itself where it is the body.
    pub(super) holder: &'b Json<'a>,
    pub(super) array: &'b Json<'a>,
    pub(super) index: usize,
}

/// A field with those whom it names: an array, one element for each, or a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'b, 'a> {
    /// The object in which it stands.
    pub(super) holder: &'b Json<'a>,
    /// Its value.
    pub(super) value: &'b Json<'a>,
}

impl<'b, 'a> Mention<'b, 'a> {
    /// The element of a list that names it, by where the list begins.
    pub(super) fn element(&self) -> Option<(usize, usize)> {
        let step = self
            .trail
            .last()
            .filter(|step| self.field.is_some_and(|field| field.value.range == step.array.range));
        step.map(|step| (step.array.range.start, step.index))
    }

    /// The arrays around the object in which its field stands.
    pub(super) fn around(&self) -> &[Step<'b, 'a>] {
        let is_element = self.field.is_some_and(|field| field.value.as_array().is_some());
        &self.trail[..self.trail.len() - usize::from(is_element)]
    }
}

/// Mentions by the object in whose fields they stand, for each mail that has copies: whom one mail reaches.
pub(super) fn mails(mentions: &[Mention<'_, '_>]) -> Vec<Vec<usize>> {
    let mut mails: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, mention) in mentions.iter().enumerate() {
        if let Some(field) = mention.field {
            mails.entry(field.holder.range.start).or_default().push(index);
        }
    }
    let has_copies = |mail: &Vec<usize>| mail.iter().any(|one| mentions[*one].recipient.role != Role::To);
    mails.into_values().filter(has_copies).collect()
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'b, 'a> {
    Json(&'b Json<'a>),
    Pair(&'b Pair<'a>),
}

/// All mentions in a body.
pub(super) fn all<'b, 'a>(send: &Send, body: &'b Body<'a>) -> Result<Vec<Mention<'b, 'a>>, Unreadable> {
    let mut mentions = Vec::new();
    for to in send.to {
        match body {
            Body::Json(json) => walk(json, to.at, &mut |found| in_json(to, found, &mut mentions))?,
            Body::Form(form) => {
                if let Some(pair) = form.one(to.at.trim_end_matches("[]"))? {
                    let way = match to.way {
                        Way::Always(channels, kind) => (channels, kind),
                        Way::Beside(name, rows) => {
                            beside(rows, name, form.one(name)?.map(|pair| pair.value.as_ref()))?
                        }
                    };
                    let places = (SmallVec::new(), Place::Pair(pair), None);
                    split(to, way, pair.value.clone(), places, &mut mentions)?;
                }
            }
        }
    }
    Ok(mentions)
}

fn in_json<'b, 'a>(
    to: &To,
    found: Found<'b, 'a>,
    mentions: &mut Vec<Mention<'b, 'a>>,
) -> Result<(), Unreadable> {
    let text = match &found.value.value {
        Value::Null => return Ok(()),
        Value::String(text) => text.clone(),
        // Numbers without quotes: digits are digits, whatever else a number may be is none's address.
        Value::Number(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Cow::Borrowed(*digits),
        _ => return Err(Unreadable::new(format!("{} must be text", to.at))),
    };
    let way = match to.way {
        Way::Always(channels, kind) => (channels, kind),
        Way::Beside(name, rows) => {
            let value = found.parent.field(name)?;
            beside(rows, name, value.and_then(Json::as_str))?
        }
    };
    let field = match found.trail.last() {
        Some(step) if to.joined.is_empty() => Field { holder: step.holder, value: step.array },
        _ => Field { holder: found.parent, value: found.value },
    };
    let field = Some(field);
    split(to, way, text, (found.trail, Place::Json(found.value), field), mentions)
}

fn beside(
    rows: &[(&str, Channels, AddressKind)],
    name: &str,
    value: Option<&str>,
) -> Result<(Channels, AddressKind), Unreadable> {
    let value = value.unwrap_or_default();
    let row = rows.iter().find(|(one, ..)| *one == value);
    row.map(|(_, channels, kind)| (*channels, *kind))
        .ok_or_else(|| Unreadable::new(format!("the gateway does not know this value of {name}")))
}

/// Takes a text apart where it holds several addresses.
fn split<'b, 'a>(
    to: &To,
    (channels, kind): (Channels, AddressKind),
    text: Cow<'a, str>,
    (trail, value, field): (Trail<'b, 'a>, Place<'b, 'a>, Option<Field<'b, 'a>>),
    mentions: &mut Vec<Mention<'b, 'a>>,
) -> Result<(), Unreadable> {
    let mut start = 0;
    let pieces: SmallVec<[&str; 4]> =
        if to.joined.is_empty() { SmallVec::from_slice(&[&*text]) } else { text.split(to.joined).collect() };
    for piece in pieces {
        let lead = piece.len() - piece.trim_start().len();
        let part = start + lead..start + lead + piece.trim().len();
        start += piece.len() + to.joined.len();
        if part.is_empty() {
            continue;
        }
        let address = match &text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[part.clone()]),
            Cow::Owned(text) => Cow::Owned(text[part.clone()].to_owned()),
        };
        let recipient = Recipient { channels, kind, address, role: to.role, known: Known::Address };
        let recipient = dialled(recipient)?;
        mentions.push(Mention { recipient, trail: trail.clone(), value, part, joined: to.joined, field });
    }
    Ok(())
}

/// What an address says of itself: a user id on WhatsApp is no number, and a SIP address is called only where a
/// telephone is behind it.
fn dialled(mut recipient: Recipient<'_>) -> Result<Recipient<'_>, Unreadable> {
    if recipient.kind != AddressKind::Phone {
        return Ok(recipient);
    }
    if recipient.channels.has(Channel::WhatsApp) {
        recipient.kind = AddressKind::on_whatsapp(&recipient.address);
    }
    let scheme = recipient.address.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
    if is_sip && recipient.channels.has(Channel::Call) {
        match sip::number(&recipient.address)? {
            Some(number) => recipient.address = Cow::Owned(number),
            // Somebody inside: nobody to us, but one of those who stand there.
            None => (recipient.channels, recipient.kind) = (Channels::NONE, AddressKind::Wa),
        }
    }
    Ok(recipient)
}

/// What a trail leads to.
pub(super) struct Found<'b, 'a> {
    /// The value.
    pub(super) value: &'b Json<'a>,
    /// The object in which its name stands.
    parent: &'b Json<'a>,
    trail: Trail<'b, 'a>,
}

/// Calls `visit` with everything that a trail leads to.
pub(super) fn walk<'b, 'a>(
    root: &'b Json<'a>,
    at: &str,
    visit: &mut dyn FnMut(Found<'b, 'a>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    step(Found { value: root, parent: root, trail: SmallVec::new() }, at, visit)
}

fn step<'b, 'a>(
    here: Found<'b, 'a>,
    at: &str,
    visit: &mut dyn FnMut(Found<'b, 'a>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    if at.is_empty() {
        return visit(here);
    }
    let (name, rest) = at.split_once('.').unwrap_or((at, ""));
    let (name, is_list) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
    if name == "*" {
        for member in here.value.as_object().unwrap_or_default() {
            step(Found { value: &member.value, parent: here.value, trail: here.trail.clone() }, rest, visit)?;
        }
        return Ok(());
    }
    let value = if name.is_empty() {
        here.value
    } else {
        match here.value.field(name)? {
            Some(value) => value,
            None if here.value.is_null() || here.value.as_object().is_some() => return Ok(()),
            None => return Err(Unreadable::new(format!("an object is expected around {name}"))),
        }
    };
    match value.as_array() {
        Some(elements) if is_list => {
            for (index, element) in elements.iter().enumerate() {
                let mut trail = here.trail.clone();
                trail.push(Step { holder: here.value, array: value, index });
                step(Found { value: element, parent: here.value, trail }, rest, visit)?;
            }
            Ok(())
        }
        Some(_) if !rest.is_empty() => Err(Unreadable::new(format!("{name} is not expected to be a list"))),
        _ => step(Found { value, parent: here.value, trail: here.trail }, rest, visit),
    }
}
