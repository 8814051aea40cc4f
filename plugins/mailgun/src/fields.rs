//! A send's fields, whether they came as a form or as multipart, and where recipients stand in them.

use crate::endpoints::{self, Endpoint};
use dndgate_adapter::{
    AddressKind, Channel, Edit, Place, Recipient, Request, Role, Unreadable,
    form::{self, Form},
    mailbox::{self, Mailbox},
    multipart::{self, Multipart},
};
use std::{borrow::Cow, ops::Range};

/// A read body.
pub(crate) enum Fields<'a> {
    Form(Form<'a>),
    Multipart(Multipart<'a>),
}

/// One field of text.
#[derive(Debug, Clone)]
pub(crate) struct Field<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Cow<'a, str>,
    pub(crate) place: Place,
    /// The bytes that go when the field goes.
    pub(crate) whole: Range<usize>,
}

/// A field that holds recipients, and the mailboxes in it.
#[derive(Debug, Clone)]
pub(crate) struct RecipientField<'a> {
    pub(crate) field: Field<'a>,
    pub(crate) role: Role,
    /// Recipients that are believed to be shown only, not written to (`h:Bcc`, a MIME `Bcc`): they are judged,
    /// and cannot be taken out.
    pub(crate) fixed: bool,
    /// Where each mailbox stands in the decoded value, with its address.
    pub(crate) mailboxes: Vec<(Range<usize>, String)>,
}

/// Reads a body by its media type.
pub(crate) fn read<'a>(request: &Request<'a>, endpoint: Endpoint) -> Result<Fields<'a>, Unreadable> {
    let wrong = || Unreadable::new("send multipart/form-data or application/x-www-form-urlencoded");
    match request.head.media_type().as_deref() {
        Some("multipart/form-data") => {
            let content_type = request.head.header("content-type").ok_or_else(wrong)?;
            let read = multipart::read(content_type, request.body)?;
            if read.parts().iter().any(|part| part.name == "_charset_") {
                return Err(Unreadable::new("a _charset_ field would change how the others are read"));
            }
            Ok(Fields::Multipart(read))
        }
        Some("application/x-www-form-urlencoded") if endpoint != Endpoint::Mime => {
            let charset = request.head.header("content-type").and_then(|media| media.split_once("charset="));
            if charset.is_some_and(|(_, charset)| !charset.trim_matches('"').eq_ignore_ascii_case("utf-8")) {
                return Err(Unreadable::new("the form is not UTF-8"));
            }
            Ok(Fields::Form(form::read(request.body)?))
        }
        _ => Err(wrong()),
    }
}

impl<'a> Fields<'a> {
    /// The fields of text for which `wanted` holds.
    ///
    /// # Errors
    /// When one of them is a file or not text.
    pub(crate) fn texts(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Field<'a>>, Unreadable> {
        match self {
            Fields::Form(form) => Ok(form
                .pairs()
                .iter()
                .filter(|pair| wanted(&pair.name))
                .map(|pair| Field {
                    name: pair.name.clone(),
                    value: pair.value.clone(),
                    place: pair.place(),
                    whole: form.remove(pair).range,
                })
                .collect()),
            Fields::Multipart(parts) => {
                let found = parts.parts().iter().filter(|part| wanted(part.name));
                found
                    .map(|part| {
                        if part.is_file {
                            return Err(Unreadable::new("a recipient or option came as a file"));
                        }
                        Ok(Field {
                            name: part.name.into(),
                            value: part.text()?.into(),
                            place: part.place(),
                            whole: part.whole.clone(),
                        })
                    })
                    .collect()
            }
        }
    }

    /// The raw message of `messages.mime`, with or without a file name.
    fn message(&self) -> Option<&'a [u8]> {
        match self {
            Fields::Form(_) => None,
            Fields::Multipart(parts) => {
                parts.parts().iter().find(|part| part.name == "message").map(|part| part.bytes())
            }
        }
    }
}

/// Every field that names recipients, in the order of the body; those that are shown only come last.
pub(crate) fn recipients<'a>(
    fields: &Fields<'a>,
    endpoint: Endpoint,
) -> Result<Vec<RecipientField<'a>>, Unreadable> {
    let mut all = Vec::new();
    let role_of = |name: &str| {
        [("to", Role::To), ("cc", Role::Cc), ("bcc", Role::Bcc)]
            .into_iter()
            .find_map(|(field, role)| form::same_field(name, field).then_some(role))
    };
    for field in fields.texts(|name| role_of(name).is_some())? {
        let role = role_of(&field.name).unwrap_or_default();
        let mailboxes = mailboxes(&field.value)?;
        all.push(RecipientField { field, role, fixed: false, mailboxes });
    }
    for field in fields.texts(|name| shown_only(name).is_some())? {
        let role = shown_only(&field.name).unwrap_or_default();
        let value = field.value.replace("%recipient%", "");
        all.push(RecipientField { mailboxes: mailboxes(&value)?, field, role, fixed: true });
    }
    if endpoint == Endpoint::Mime {
        let message = fields.message().ok_or_else(|| Unreadable::new("'message' parameter is missing"))?;
        for value in blind_copies(message)? {
            let field = Field {
                name: "message".into(),
                value: value.clone().into(),
                place: Place { range: 0..0, quoting: dndgate_adapter::Quoting::Raw },
                whole: 0..0,
            };
            all.push(RecipientField { mailboxes: mailboxes(&value)?, field, role: Role::Bcc, fixed: true });
        }
    }
    Ok(all)
}

/// `h:To`, `h:Cc`, `h:Bcc`: believed to be shown only; not verified, so they are judged.
fn shown_only(name: &str) -> Option<Role> {
    let header = name.trim().strip_prefix("h:").or_else(|| name.trim().strip_prefix("H:"))?;
    [
        ("to", Role::To),
        ("cc", Role::Cc),
        ("bcc", Role::Bcc),
        ("resent-to", Role::To),
        ("resent-cc", Role::Cc),
        ("resent-bcc", Role::Bcc),
    ]
    .into_iter()
    .find_map(|(field, role)| form::same_field(header, field).then_some(role))
}

fn mailboxes(value: &str) -> Result<Vec<(Range<usize>, String)>, Unreadable> {
    let read = mailbox::list(value)?;
    Ok(read.into_iter().map(|Mailbox { address, at }| (at, address.into_owned())).collect())
}

/// The values of `Bcc` and `Resent-Bcc` in a message's header.
fn blind_copies(message: &[u8]) -> Result<Vec<String>, Unreadable> {
    let odd = || Unreadable::new("the header of the message cannot be read");
    let mut values: Vec<String> = Vec::new();
    let mut within = false;
    for line in message.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if folded && within {
            let more = std::str::from_utf8(line).map_err(|_| odd())?;
            values.last_mut().ok_or_else(odd)?.push_str(&more.replace('\t', " "));
        }
        if folded {
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..colon]).trim().to_ascii_lowercase();
        within = name == "bcc" || name == "resent-bcc";
        if within {
            let value = std::str::from_utf8(line.get(colon + 1..).unwrap_or_default()).map_err(|_| odd())?;
            values.push(value.trim().to_owned());
        }
    }
    Ok(values)
}

/// The recipients of these fields, in their order.
pub(crate) fn named<'a>(fields: &[RecipientField<'a>]) -> impl Iterator<Item = Recipient<'a>> {
    fields.iter().flat_map(|field| {
        field.mailboxes.iter().map(|(_, address)| Recipient {
            channels: Channel::Email.into(),
            kind: AddressKind::Email,
            address: address.clone().into(),
            role: field.role,
        })
    })
}

/// Fields, recipients and endpoint of a send.
pub(crate) fn of<'a>(
    request: &Request<'a>,
) -> Result<(Endpoint, Fields<'a>, Vec<RecipientField<'a>>), Unreadable> {
    let endpoint =
        endpoints::endpoint(request.head.path).ok_or_else(|| Unreadable::new("this is no send"))?;
    let fields = read(request, endpoint)?;
    let recipients = recipients(&fields, endpoint)?;
    Ok((endpoint, fields, recipients))
}

/// Edits in the order of the body, with overlapping removals joined: two neighbouring pairs of a form that both
/// go share the separator between them.
pub(crate) fn in_order(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut end = 0;
    for edit in &mut edits {
        edit.range.start = edit.range.start.max(end);
        edit.range.end = edit.range.end.max(edit.range.start);
        end = edit.range.end;
    }
    edits
}
