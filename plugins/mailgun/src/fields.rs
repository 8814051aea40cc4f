//! The fields of a body, be it a form or a multipart, and what Mailgun could take each one for.

use dndgate_adapter::{
    Edit, Head, Role, Unreadable,
    form::{self, Form},
    multipart::{self, Multipart},
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A body's fields in their order; a field is named by its index.
#[derive(Debug)]
pub(crate) enum Fields<'a> {
    Form(Form<'a>, &'a [u8]),
    Multipart(Multipart<'a>),
}

/// Header fields that make Mailgun send later.
pub(crate) const SCHEDULES: &[&str] =
    &["x-mailgun-deliver-by", "x-mailgun-delivery-time-optimize-period", "x-mailgun-time-zone-localize"];

/// What a field could mean to Mailgun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// `to`, `cc`, `bcc`; not `exact` when a lenient reader is needed to see it (`To`, `to[]`).
    Recipients { role: Role, exact: bool },
    /// `h:To` and the like: a header with addresses, believed not to send.
    Header(Role),
    /// `recipient-variables`
    Variables,
    /// `message`: the MIME of `messages.mime`.
    Mime,
    /// It makes the mail leave later.
    Schedule,
    /// `from`
    From,
    /// `o:tag`, `template`: for send rules.
    Tag,
    /// Nothing that matters here.
    Other,
}

impl<'a> Fields<'a> {
    /// Reads a request's or a webhook's body.
    pub(crate) fn read(head: &Head<'_>, body: &'a [u8]) -> Result<Fields<'a>, Unreadable> {
        let whole = head.header("content-type").ok_or_else(wrong_type)?;
        match head.media_type().as_deref() {
            Some("application/x-www-form-urlencoded") => {
                let parameters =
                    whole.split_once(';').map_or("", |(_, rest)| rest).trim().to_ascii_lowercase();
                let charset = parameters.strip_prefix("charset=").map(|value| value.trim_matches('"'));
                if !parameters.is_empty() && !matches!(charset, Some("utf-8" | "utf8" | "us-ascii")) {
                    return Err(Unreadable::new("the form is in a charset other than UTF-8"));
                }
                let form = form::read(body)?;
                refuse_semicolons(body)?;
                Ok(Fields::Form(form, body))
            }
            Some("multipart/form-data") => Ok(Fields::Multipart(multipart::read(whole, body)?)),
            _ => Err(wrong_type()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Fields::Form(form, _) => form.pairs().len(),
            Fields::Multipart(multipart) => multipart.parts().len(),
        }
    }

    pub(crate) fn name(&self, field: usize) -> &str {
        match self {
            Fields::Form(form, _) => &form.pairs()[field].name,
            Fields::Multipart(multipart) => multipart.parts()[field].name,
        }
    }

    /// A field's text.
    pub(crate) fn text(&self, field: usize) -> Result<Cow<'a, str>, Unreadable> {
        match self {
            Fields::Form(form, _) => Ok(form.pairs()[field].value.clone()),
            Fields::Multipart(multipart) => Ok(Cow::Borrowed(multipart.parts()[field].text()?)),
        }
    }

    /// A field's bytes, text or file.
    pub(crate) fn bytes(&self, field: usize) -> &[u8] {
        match self {
            Fields::Form(form, _) => form.pairs()[field].value.as_bytes(),
            Fields::Multipart(multipart) => multipart.parts()[field].value,
        }
    }

    /// The text of the first field of exactly that name, where it is one.
    pub(crate) fn first(&self, name: &str) -> Option<Cow<'a, str>> {
        (0..self.len()).find(|field| self.name(*field) == name).and_then(|field| self.text(field).ok())
    }

    /// The last field of exactly that name.
    pub(crate) fn last(&self, name: &str) -> Option<usize> {
        (0..self.len()).rev().find(|field| self.name(*field) == name)
    }

    /// The edit that gives a field another value; `None` when it cannot stand there.
    pub(crate) fn replace(&self, field: usize, value: &str) -> Option<Edit> {
        match self {
            Fields::Form(form, _) => Some(form.pairs()[field].place().replace(value)),
            Fields::Multipart(multipart) => multipart.replace(&multipart.parts()[field], value),
        }
    }

    /// The edit that adds a field at the end; `None` when its value cannot stand there.
    pub(crate) fn append(&self, name: &str, value: &str) -> Option<Edit> {
        match self {
            Fields::Form(form, _) => Some(form.append(name, value)),
            Fields::Multipart(multipart) => multipart.append(name, value),
        }
    }

    /// The edit that puts bytes into a field's value at a place in it; only where values stand as they are.
    pub(crate) fn insert(&self, field: usize, at: usize, text: &str) -> Option<Edit> {
        match self {
            Fields::Form(..) => None,
            Fields::Multipart(multipart) => {
                let place = multipart.parts()[field].at.start + at;
                let edit = Edit { range: place..place, with: text.as_bytes().to_vec() };
                multipart.is_free_of_boundary(text).then_some(edit)
            }
        }
    }

    /// The edits that take fields out (ascending); at least one other field stays.
    pub(crate) fn remove(&self, fields: &[usize]) -> Vec<Edit> {
        match self {
            Fields::Multipart(multipart) => {
                fields.iter().map(|field| multipart.remove(&multipart.parts()[*field])).collect()
            }
            Fields::Form(form, body) => {
                let mut edits: Vec<Edit> = Vec::new();
                for field in fields {
                    let whole = &form.pairs()[*field].whole;
                    let end = (whole.end + 1).min(body.len());
                    match edits.last_mut() {
                        Some(edit) if edit.range.end == whole.start => edit.range.end = end,
                        _ => edits.push(Edit { range: whole.start..end, with: Vec::new() }),
                    }
                }
                // Nothing follows the last one: the separator in front of it goes instead.
                if let Some(edit) = edits.last_mut()
                    && edit.range.end == body.len()
                    && body[..edit.range.start].ends_with(b"&")
                {
                    edit.range.start -= 1;
                }
                edits
            }
        }
    }
}

/// What Mailgun could take a field for, however leniently it reads names.
///
/// # Errors
/// When the name is written so that readers could differ about it, or changes how the body is read.
pub(crate) fn meaning(name: &str) -> Result<Meaning, Unreadable> {
    if name.contains('%') {
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        if decoded != name && meaning(&decoded)? != Meaning::Other {
            return Err(Unreadable::new("the name of a recipient field is percent-encoded"));
        }
    }
    if name.chars().any(char::is_control) {
        return Err(Unreadable::new("a field's name holds a control character"));
    }
    // A byte order mark, invisible or look-alike letters. Names of headers and variables are the sender's own.
    if !name.is_ascii() && !own_name(name) {
        return Err(Unreadable::new("a field's name is not plain ASCII"));
    }
    let bare = bare(name);
    if let Some((prefix, rest)) = bare.split_once(':') {
        return Ok(prefixed(prefix.trim(), rest.trim()));
    }
    let is = |other: &str| bare.eq_ignore_ascii_case(other);
    let recipients = |role, exact: &str| Meaning::Recipients { role, exact: name == exact };
    Ok(match bare.len() {
        2 if is("to") => recipients(Role::To, "to"),
        2 if is("cc") => recipients(Role::Cc, "cc"),
        3 if is("bcc") => recipients(Role::Bcc, "bcc"),
        4 if is("from") => Meaning::From,
        7 if is("message") => Meaning::Mime,
        8 if is("template") => Meaning::Tag,
        9 if is("_charset_") => {
            return Err(Unreadable::new("a _charset_ field changes how the others are read"));
        }
        19 if is("recipient-variables") => Meaning::Variables,
        _ => Meaning::Other,
    })
}

/// Does Mailgun write the field's value into the header of the mail?
pub(crate) fn stands_in_header(name: &str) -> bool {
    let bare = bare(name);
    let is = |other: &&str| bare.eq_ignore_ascii_case(other);
    match bare.split_once(':') {
        Some((prefix, _)) => prefix.trim().eq_ignore_ascii_case("h"),
        None => ["subject", "from"].iter().any(is),
    }
}

/// `h:NAME` and `o:NAME`.
fn prefixed(prefix: &str, rest: &str) -> Meaning {
    let is = |other: &&str| rest.eq_ignore_ascii_case(other);
    if prefix.eq_ignore_ascii_case("o") {
        return match rest {
            _ if ["deliverytime", "deliverytime-optimize-period", "time-zone-localize"].iter().any(is) => {
                Meaning::Schedule
            }
            _ if is(&"tag") => Meaning::Tag,
            _ => Meaning::Other,
        };
    }
    if !prefix.eq_ignore_ascii_case("h") {
        return Meaning::Other;
    }
    match rest {
        _ if ["to", "resent-to", "apparently-to"].iter().any(is) => Meaning::Header(Role::To),
        _ if ["cc", "resent-cc"].iter().any(is) => Meaning::Header(Role::Cc),
        _ if ["bcc", "resent-bcc"].iter().any(is) => Meaning::Header(Role::Bcc),
        _ if SCHEDULES.iter().any(is) => Meaning::Schedule,
        _ => Meaning::Other,
    }
}

/// Is it a name whose end the sender chooses?
fn own_name(name: &str) -> bool {
    name.split_once(':').is_some_and(|(prefix, rest)| prefix.is_ascii() && (prefix == "v" || rest.is_ascii()))
}

/// A name without what some readers take off it: white space, quotes and angle brackets around it, array
/// brackets and dots behind it.
fn bare(name: &str) -> &str {
    let name = form::unbracketed(name.trim());
    let name = name.trim_matches(|char: char| char.is_whitespace() || "'\"`<>".contains(char));
    name.trim_end_matches('.').trim_end()
}

/// Older readers take a `;` for a separator too.
fn refuse_semicolons(body: &[u8]) -> Result<(), Unreadable> {
    for piece in body.split(|byte| *byte == b';').skip(1) {
        let name = piece.split(|byte| matches!(byte, b'=' | b'&')).next().unwrap_or(piece);
        let name = String::from_utf8_lossy(name);
        if piece.get(name.len()) == Some(&b'=')
            && form::could_name(&name, |name| meaning(name) != Ok(Meaning::Other))
        {
            return Err(Unreadable::new(
                "escape the ; in the form as %3B: some readers take it for a separator",
            ));
        }
    }
    Ok(())
}

fn wrong_type() -> Unreadable {
    Unreadable::new("send the fields as multipart/form-data or application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dndgate_adapter::apply_edits;

    #[test]
    fn lenient_names_count() {
        let to = |exact| Ok(Meaning::Recipients { role: Role::To, exact });
        assert_eq!(meaning("to"), to(true));
        for name in ["To", "TO", "to[]", "to[0]", " to ", "to [a]", "to[", "'to'", "<to>", "to.", "\"to\""] {
            assert_eq!(meaning(name), to(false), "{name}");
        }
        for name in ["h:Bcc", "H:bcc", "h: BCC", "h:Resent-Bcc", "h:bcc[]"] {
            assert_eq!(meaning(name), Ok(Meaning::Header(Role::Bcc)), "{name}");
        }
        for name in [
            "t%6f",
            "%74o",
            "t%6F[]",
            "t%256f",
            "_charset_",
            "to\0",
            "t\no",
            "\u{a0}to",
            "\u{feff}to",
            "to\u{200b}",
            "ｔo",
            "tо",
            "h:Bcc\u{200b}",
        ] {
            assert!(meaning(name).is_err(), "{name}");
        }
        for name in
            ["subject", "tox", "v:to", "v:größe", "o:tracking", "o:deliver-within", "h:Reply-To", "", "50%"]
        {
            assert_eq!(meaning(name), Ok(Meaning::Other), "{name}");
        }
        for name in ["o:deliverytime", "o:time-zone-localize", "h:X-Mailgun-Deliver-By"] {
            assert_eq!(meaning(name), Ok(Meaning::Schedule), "{name}");
        }
    }

    #[test]
    fn pairs_are_removed_with_their_separators() {
        let body: &[u8] = b"a=1&b=2&c=3&d=4";
        let fields = Fields::Form(form::read(body).unwrap(), body);
        for (drop, left) in [
            (&[0][..], "b=2&c=3&d=4"),
            (&[3], "a=1&b=2&c=3"),
            (&[2, 3], "a=1&b=2"),
            (&[0, 1], "c=3&d=4"),
            (&[0, 2], "b=2&d=4"),
            (&[1, 2, 3], "a=1"),
        ] {
            assert_eq!(apply_edits(body, &fields.remove(drop)), left.as_bytes(), "{drop:?}");
        }
    }
}
