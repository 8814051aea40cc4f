//! Whom a send reaches: the messages of a request, and the mailboxes in each.

use crate::path::{self, Point};
use dndgate_adapter::{
    AddressKind, Channel, Channels, Known, Outbound, Recipient, Request, Role, Sending, Unreadable, form,
    json::{self, Json, Value},
    mailbox,
    mime::{breaks_into_recipients, names_recipients},
};
use std::{borrow::Cow, ops::Range};

/// The most recipients that are read in one request.
const RECIPIENTS_MAX: usize = 100_000;
/// Where the recipients of a message stand.
const FIELDS: [(&str, Role); 3] = [("To", Role::To), ("Cc", Role::Cc), ("Bcc", Role::Bcc)];

/// One message of a request.
#[derive(Debug)]
pub(crate) struct Part<'b, 'a> {
    /// Where it stands.
    pub(crate) json: &'b Json<'a>,
    /// The index of its first recipient in [`Sending::recipients`].
    pub(crate) first: usize,
    /// The fields that name somebody, in the order To, Cc, Bcc; or why that cannot be said. A part that cannot be
    /// read is one recipient.
    pub(crate) fields: Result<Vec<Field<'b, 'a>>, Unreadable>,
}

impl Part<'_, '_> {
    /// The indices of its recipients.
    pub(crate) fn indices(&self) -> Range<usize> {
        let count = match &self.fields {
            Ok(fields) => fields.iter().map(|field| field.boxes.len()).sum(),
            Err(_) => 1,
        };
        self.first..self.first + count
    }
}

/// A field with mailboxes.
#[derive(Debug)]
pub(crate) struct Field<'b, 'a> {
    pub(crate) role: Role,
    /// Its place among the members of the message.
    pub(crate) member: usize,
    pub(crate) value: &'b Json<'a>,
    /// Its text.
    pub(crate) text: Cow<'a, str>,
    /// Whom it names.
    pub(crate) boxes: Boxes<'a>,
}

/// Where in a text each mailbox stands, and its address.
type Boxes<'a> = Vec<(Range<usize>, Cow<'a, str>)>;

/// See [`dndgate_adapter::Adapter::read`].
pub(crate) fn read<'a>(request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
    let Some(point) = path::point(&request.head)? else { return Ok(Outbound::Unrecognised) };
    match point {
        Point::Nobody => return Ok(Outbound::Nobody),
        Point::Unnamed(name) => return Ok(Outbound::Unnamed(name)),
        _ => {}
    }
    let body = body(request)?;
    if let Point::Address(kind, field) = point {
        return address(&body, kind, field);
    }
    let parts = parts(point, &body)?;
    let mut sending = Sending { kind: "message", ..Sending::default() };
    for part in &parts {
        match &part.fields {
            Err(why) if point == Point::Message => return Err(why.clone()),
            Err(why) => {
                sending.recipients.push(recipient("".into(), Role::To, Known::Unreadable(why.clone())))
            }
            Ok(fields) => {
                for field in fields {
                    let boxes = field.boxes.iter();
                    let people =
                        boxes.map(|(_, address)| recipient(address.clone(), field.role, Known::Address));
                    sending.recipients.extend(people);
                }
                hidden_follow(part, fields, &mut sending.follows);
            }
        }
        if sending.recipients.len() > RECIPIENTS_MAX {
            return Err(Unreadable::new("more recipients than the gateway reads in one request (100,000)"));
        }
    }
    describe(&body, &parts, &mut sending)?;
    Ok(Outbound::Send(sending))
}

/// The body, as Postmark would read it.
///
/// # Errors
/// When it could be read in two ways.
pub(crate) fn body<'a>(request: &Request<'a>) -> Result<Json<'a>, Unreadable> {
    if request.head.media_type().as_deref() != Some("application/json") || !request.head.is_utf8() {
        return Err(Unreadable::new("send this as application/json, in UTF-8"));
    }
    for pair in form::read(request.head.query.unwrap_or_default().as_bytes())?.pairs() {
        let watched = ["To", "Cc", "Bcc", "Messages", "FromEmail", "RequestedBy"];
        if watched.iter().any(|name| form::same_field(&pair.name, name)) {
            return Err(Unreadable::new("a recipient stands in the query: put it into the body"));
        }
    }
    json::read(request.body)
}

/// The messages of a request, in their order.
///
/// # Errors
/// When it does not hold them as the endpoint wants them.
pub(crate) fn parts<'b, 'a>(point: Point, body: &'b Json<'a>) -> Result<Vec<Part<'b, 'a>>, Unreadable> {
    let messages: &[Json<'a>] = match point {
        Point::Message => std::slice::from_ref(body),
        Point::Batch => {
            body.as_array().ok_or_else(|| Unreadable::new("the body must be an array of messages"))?
        }
        _ => {
            if FIELDS.iter().any(|(name, _)| !matches!(body.field_in_any_case(name), Ok(None))) {
                return Err(Unreadable::new("To, Cc and Bcc belong into Messages"));
            }
            let messages = body.field_in_any_case("Messages")?.and_then(|(_, messages)| messages.as_array());
            messages.ok_or_else(|| Unreadable::new("Messages must be an array of messages"))?
        }
    };
    if messages.is_empty() {
        return Err(Unreadable::new("there is no message: nobody is named whom this would reach"));
    }
    if body.as_object().is_some() && point != Point::Message {
        headers_name_nobody(body)?;
    }
    let mut first = 0;
    let parts = messages.iter().map(|json| {
        let part = Part { json, first, fields: fields(json) };
        first = part.indices().end;
        part
    });
    Ok(parts.collect())
}

/// The mailboxes of a message.
fn fields<'b, 'a>(message: &'b Json<'a>) -> Result<Vec<Field<'b, 'a>>, Unreadable> {
    if message.as_object().is_none() {
        return Err(Unreadable::new("a message must be an object"));
    }
    let mut fields = Vec::new();
    for (name, role) in FIELDS {
        let Some((member, value)) = message.field_in_any_case(name)? else { continue };
        let text = match &value.value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            _ => return Err(Unreadable::new(format!("{name} must be text"))),
        };
        let boxes = boxes(&text).map_err(|why| Unreadable::new(format!("{name}: {}", why.message)))?;
        if !boxes.is_empty() {
            fields.push(Field { role, member, value, text, boxes });
        }
    }
    headers_name_nobody(message)?;
    if fields.is_empty() {
        return Err(Unreadable::new("To is missing: nobody is named whom this would reach"));
    }
    Ok(fields)
}

/// The mailboxes of a text.
fn boxes<'a>(text: &Cow<'a, str>) -> Result<Boxes<'a>, Unreadable> {
    fn read(text: &str) -> Result<Boxes<'_>, Unreadable> {
        let list = mailbox::read(text)?;
        if list.iter().any(|one| one.in_group) {
            return Err(Unreadable::new("name everybody, without groups"));
        }
        Ok(list.into_iter().map(|one| (one.at, one.address)).collect())
    }
    match text {
        Cow::Borrowed(text) => read(text),
        Cow::Owned(text) => {
            Ok(read(text)?.into_iter().map(|(at, address)| (at, Cow::Owned(address.into_owned()))).collect())
        }
    }
}

/// Whether Postmark would send to somebody whom only a header field names is not known, so nobody may be named there.
fn headers_name_nobody(message: &Json<'_>) -> Result<(), Unreadable> {
    for name in ["Subject", "From", "ReplyTo", "Tag"] {
        let text = message.field_in_any_case(name)?.and_then(|(_, value)| value.as_str());
        if text.is_some_and(breaks_into_recipients) {
            return Err(Unreadable::new(format!(
                "a line of {name} reads as a header field that names recipients"
            )));
        }
    }
    let list = match message.field_in_any_case("Headers")? {
        None => return Ok(()),
        Some((_, list)) if list.is_null() => return Ok(()),
        Some((_, list)) => list.as_array().ok_or_else(|| Unreadable::new("Headers must be an array"))?,
    };
    for header in list {
        let field = |name| Ok::<_, Unreadable>(header.field_in_any_case(name)?.map(|(_, value)| value));
        let name = field("Name")?.and_then(Json::as_str);
        let name = name.ok_or_else(|| Unreadable::new("each of Headers must have a Name that is text"))?;
        let value = field("Value")?.and_then(Json::as_str).unwrap_or_default();
        if names_recipients(name) || name.contains(['\r', '\n', ':']) || breaks_into_recipients(value) {
            return Err(Unreadable::new("a header field names recipients: put them into To, Cc or Bcc"));
        }
    }
    Ok(())
}

/// Somebody hidden who stands beside one addressee alone goes with the addressee: nobody else could take that place.
fn hidden_follow(part: &Part<'_, '_>, fields: &[Field<'_, '_>], follows: &mut Vec<(usize, usize)>) {
    if let [to, bcc] = fields
        && (to.role, bcc.role) == (Role::To, Role::Bcc)
        && to.boxes.len() == 1
    {
        follows.extend((part.first + 1..part.indices().end).map(|hidden| (hidden, part.first)));
    }
}

fn recipient(address: Cow<'_, str>, role: Role, known: Known) -> Recipient<'_> {
    Recipient { channels: Channels::of(Channel::Email), kind: AddressKind::Email, address, role, known }
}

/// Sender and tags, for send rules.
fn describe<'a>(
    body: &Json<'a>,
    parts: &[Part<'_, 'a>],
    sending: &mut Sending<'a>,
) -> Result<(), Unreadable> {
    let mut described: Vec<&Json<'a>> = vec![body];
    described.extend(parts.iter().map(|part| part.json));
    for one in described {
        let text =
            |name| Ok::<_, Unreadable>(one.field_in_any_case(name)?.and_then(|(_, value)| value.text()));
        if sending.sender.is_empty() {
            sending.sender = text("From")?.unwrap_or_default();
        }
        for name in ["Tag", "TemplateAlias"] {
            if let Some(tag) = text(name)?.filter(|tag| !tag.is_empty() && !sending.tags.contains(tag)) {
                sending.tags.push(tag);
            }
        }
    }
    Ok(())
}

/// Mail of Postmark's own to an address that a field names.
fn address<'a>(body: &Json<'a>, kind: &'static str, name: &str) -> Result<Outbound<'a>, Unreadable> {
    let text = body.field_in_any_case(name)?.and_then(|(_, value)| value.text());
    let text = text.ok_or_else(|| Unreadable::new(format!("{name} must be text")))?;
    match &boxes(&text)?[..] {
        [(_, address)] => {
            let person = recipient(address.clone(), Role::To, Known::Address);
            Ok(Outbound::Send(Sending {
                kind,
                recipients: [person].into_iter().collect(),
                ..Sending::default()
            }))
        }
        _ => Err(Unreadable::new(format!("{name} must name one address"))),
    }
}
