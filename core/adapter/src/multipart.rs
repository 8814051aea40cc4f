//! `multipart/form-data` (RFC 7578) read with certainty, remembering where each part stands.
//!
//! Readers of this format are famously lenient, each in its own way. Whatever two of them could read
//! differently is an error here: the boundary anywhere but in a delimiter, line ends other than CRLF, text
//! before the first delimiter or after the last, folded or repeated header fields, escapes in a name,
//! extended parameters (`name*=`), nested multiparts, transfer encodings, a part's own `Content-Length` that
//! is not true.
//!
//! ```
//! use dndgate_adapter::{apply_edits, multipart};
//!
//! let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
//!              --x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n--x--\r\n";
//! let form = multipart::read("multipart/form-data; boundary=x", body)?;
//! let (a, b) = (&form.parts()[0], &form.parts()[1]);
//! assert_eq!((&*a.name, a.text()?), ("a", "1"));
//! let edits = [form.remove(a), form.replace(b, "3").expect("holds no boundary")];
//! let left = b"--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n3\r\n--x--\r\n";
//! assert_eq!(apply_edits(body, &edits), left);
//! # Ok::<(), dndgate_adapter::Unreadable>(())
//! ```

use crate::{
    outbound::Unreadable,
    request::{Edit, Place, Quoting},
};
use memchr::memmem;
use std::ops::Range;

/// The most parts of a body.
pub const PARTS_MAX: usize = 16_384;
/// The most bytes of one part's header.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// The longest boundary (RFC 2046, section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// A body's parts in their order.
#[derive(Debug, Clone)]
pub struct Multipart<'a> {
    parts: Vec<Part<'a>>,
    delimiter: Vec<u8>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// Does it claim to be a file? Its name is of no concern.
    pub is_file: bool,
    /// Its media type as written, parameters included.
    pub content_type: Option<&'a str>,
    /// Its bytes.
    pub value: &'a [u8],
    /// Where these stand in the body.
    pub at: Range<usize>,
    /// The whole part, from its delimiter to the next one.
    pub whole: Range<usize>,
}

/// Reads a body. `content_type` is the request's `Content-Type`.
///
/// # Errors
/// When two readers could disagree about it.
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Result<Multipart<'a>, Unreadable> {
    let delimiter = [b"--", boundary(content_type)?.as_bytes()].concat();
    let mut parts = Vec::new();
    let mut open: Option<usize> = None;
    let mut closed = None;
    for at in memmem::find_iter(body, &delimiter) {
        let after = at + delimiter.len();
        let begins_line =
            if open.is_none() { at == 0 || &body[..at] == b"\r\n" } else { body[..at].ends_with(b"\r\n") };
        if closed.is_some() || !begins_line {
            return Err(bad("the boundary stands where no part begins or ends"));
        }
        if let Some(start) = open {
            if parts.len() == PARTS_MAX {
                return Err(bad("too many parts"));
            }
            parts.push(part(body, start, start + delimiter.len() + 2, at)?);
        }
        if body[after..].starts_with(b"--") && open.is_some() {
            closed = Some(after + 2);
        } else if body[after..].starts_with(b"\r\n") {
            open = Some(at);
        } else {
            return Err(bad("a boundary is followed by something else on its line"));
        }
    }
    let end = closed.ok_or_else(|| bad("the closing boundary is missing"))?;
    if !body[end..].iter().all(u8::is_ascii_whitespace) {
        return Err(bad("something follows the closing boundary"));
    }
    Ok(Multipart { parts, delimiter })
}

impl<'a> Multipart<'a> {
    /// All parts, in their order.
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// Every part of that name, exactly as written.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Part<'a>> {
        self.parts.iter().filter(move |part| part.name == name)
    }

    /// The edit that gives a part another value; `None` when that would hold the boundary.
    pub fn replace(&self, part: &Part<'_>, value: &str) -> Option<Edit> {
        self.is_free_of_boundary(value).then(|| part.place().replace(value))
    }

    /// The edit that adds a text part behind the others; `None` when it would hold the boundary.
    pub fn append(&self, name: &str, value: &str) -> Option<Edit> {
        let end = self.parts.last()?.whole.end;
        let delimiter = std::str::from_utf8(&self.delimiter).ok()?;
        let part =
            format!("{delimiter}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let clean = self.is_free_of_boundary(name) && self.is_free_of_boundary(value);
        clean.then(|| Edit { range: end..end, with: part.into_bytes() })
    }

    /// May this text stand in a value?
    pub fn is_free_of_boundary(&self, text: &str) -> bool {
        memmem::find(text.as_bytes(), &self.delimiter).is_none()
    }

    /// The edit that takes a part out, header and delimiter included. Removing every part is not supported;
    /// at least one stays.
    pub fn remove(&self, part: &Part<'_>) -> Edit {
        Edit { range: part.whole.clone(), with: Vec::new() }
    }
}

impl<'a> Part<'a> {
    /// Where the value stands.
    pub fn place(&self) -> Place {
        Place { range: self.at.clone(), quoting: Quoting::Raw }
    }

    /// The value as text.
    ///
    /// # Errors
    /// When it is a file, is not UTF-8, holds NUL, or claims a charset in which it could read differently.
    pub fn text(&self) -> Result<&'a str, Unreadable> {
        if self.is_file {
            return Err(bad("a file stands where a text belongs"));
        }
        if let Some(charset) =
            self.content_type.map(|value| parameter(value, "charset")).transpose()?.flatten()
        {
            let charset = charset.to_ascii_lowercase();
            let unicode = matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii" | "ascii");
            let latin = charset.starts_with("iso-8859-") || charset.starts_with("windows-125");
            if !unicode && (!latin || !self.value.is_ascii()) {
                return Err(bad("a text is in a charset other than UTF-8"));
            }
        }
        let text = std::str::from_utf8(self.value).map_err(|_| bad("a text is not UTF-8"))?;
        if text.contains('\0') { Err(bad("a text holds a NUL byte")) } else { Ok(text) }
    }
}

/// One part, whose delimiter begins at `start`, whose header begins at `header`, and whose next delimiter
/// begins at `next`.
fn part(body: &[u8], start: usize, header: usize, next: usize) -> Result<Part<'_>, Unreadable> {
    // The line end before a delimiter belongs to it; so a header without a value has none left to end it.
    let inside = body.get(header..next - 2).ok_or_else(|| bad("a part has no header"))?;
    let blank = memmem::find(&inside[..inside.len().min(HEADER_BYTES_MAX)], b"\r\n\r\n");
    let length = blank.ok_or_else(|| bad("a part's header has no end, or is too long"))?;
    let fields = Fields::read(&inside[..length])?;
    let at = header + length + 4..next - 2;
    let value = &body[at.clone()];
    if fields.length.is_some_and(|claimed| claimed != value.len()) {
        return Err(bad("a part's Content-Length is not true"));
    }
    let Disposition { name, is_file } =
        fields.disposition.ok_or_else(|| bad("a part has no Content-Disposition"))?;
    Ok(Part { name, is_file, content_type: fields.content_type, value, at, whole: start..next })
}

/// What a part's header says.
#[derive(Default)]
struct Fields<'a> {
    disposition: Option<Disposition<'a>>,
    content_type: Option<&'a str>,
    length: Option<usize>,
}

struct Disposition<'a> {
    name: &'a str,
    is_file: bool,
}

impl<'a> Fields<'a> {
    fn read(header: &'a [u8]) -> Result<Fields<'a>, Unreadable> {
        let text = std::str::from_utf8(header).map_err(|_| bad("a part's header is not UTF-8"))?;
        let mut fields = Fields::default();
        for line in text.split("\r\n") {
            let (name, value) =
                line.split_once(':').ok_or_else(|| bad("a part's header has a line without a colon"))?;
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(bad("a part's header has a broken or folded line"));
            }
            if value.chars().any(|char| char.is_control() && char != '\t') {
                return Err(bad("a part's header holds a control character"));
            }
            fields.take(&name.to_ascii_lowercase(), value.trim_matches([' ', '\t']))?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &'a str) -> Result<(), Unreadable> {
        let repeated = match name {
            "content-disposition" => self.disposition.replace(disposition(value)?).is_some(),
            "content-type" => {
                if value.len() >= 10 && value.as_bytes()[..10].eq_ignore_ascii_case(b"multipart/") {
                    return Err(bad("a part is itself a multipart"));
                }
                self.content_type.replace(value).is_some()
            }
            "content-length" => {
                let length = value.parse().map_err(|_| bad("a part's Content-Length is not a number"))?;
                self.length.replace(length).is_some()
            }
            "content-transfer-encoding" => {
                if !["7bit", "8bit", "binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain)) {
                    return Err(bad("a part has a Content-Transfer-Encoding"));
                }
                false
            }
            "content-encoding" => return Err(bad("a part has a Content-Encoding")),
            _ => false,
        };
        if repeated { Err(bad("a part's header repeats a field")) } else { Ok(()) }
    }
}

fn disposition(value: &str) -> Result<Disposition<'_>, Unreadable> {
    let (kind, rest) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim_matches([' ', '\t']).eq_ignore_ascii_case("form-data") {
        return Err(bad("a part's Content-Disposition is not form-data"));
    }
    let (mut name, mut file, mut file_extended) = (None, None, None);
    for parameter in Parameters(rest) {
        let (key, value) = parameter?;
        let repeated = match key.to_ascii_lowercase().as_str() {
            "name" => {
                // Some readers undo escapes and encoded words in a name and some do not.
                if value.contains(['\\', '\0']) || value.contains("=?") {
                    return Err(bad("a part's name is escaped"));
                }
                name.replace(value).is_some()
            }
            "filename" => file.replace(value).is_some(),
            "filename*" => file_extended.replace(value).is_some(),
            key if key.contains('*') => {
                return Err(bad("a part's Content-Disposition has an extended parameter"));
            }
            _ => false,
        };
        if repeated {
            return Err(bad("a part's Content-Disposition repeats a parameter"));
        }
    }
    let name = name.ok_or_else(|| bad("a part has no name"))?;
    Ok(Disposition { name, is_file: file.is_some() || file_extended.is_some() })
}

/// The boundary that a `Content-Type` names.
///
/// # Errors
/// When it names none, or more than one, or something that is none.
pub fn boundary(content_type: &str) -> Result<&str, Unreadable> {
    let boundary =
        parameter(content_type, "boundary")?.ok_or_else(|| bad("the Content-Type names no boundary"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? *!#$%&^`|~".contains(&byte);
    if boundary.is_empty()
        || boundary.len() > BOUNDARY_BYTES_MAX
        || boundary.ends_with(' ')
        || !boundary.bytes().all(allowed)
    {
        return Err(bad("the boundary is not one"));
    }
    Ok(boundary)
}

/// A parameter of a field such as `Content-Type`, which must not be repeated nor extended there.
fn parameter<'a>(value: &'a str, name: &str) -> Result<Option<&'a str>, Unreadable> {
    let (_, rest) = value.split_once(';').unwrap_or((value, ""));
    let mut found = None;
    for parameter in Parameters(rest) {
        let (key, value) = parameter?;
        let bare = key.split('*').next().unwrap_or(key);
        if bare.eq_ignore_ascii_case(name) && (bare.len() != key.len() || found.replace(value).is_some()) {
            return Err(bad("a parameter is repeated or extended"));
        }
    }
    Ok(found)
}

/// The parameters after the first semicolon of a field: `key=token` or `key="quoted"`.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<(&'a str, &'a str), Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.trim_matches([' ', '\t']);
        if self.0.is_empty() {
            return None;
        }
        let read = self.one();
        if read.is_none() {
            self.0 = "";
        }
        Some(read.ok_or_else(|| bad("a header parameter is broken")))
    }
}

impl<'a> Parameters<'a> {
    fn one(&mut self) -> Option<(&'a str, &'a str)> {
        let (key, after) = self.0.split_once('=')?;
        if key.is_empty() || !key.bytes().all(is_token) {
            return None;
        }
        let (value, rest) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = closing_quote(quoted)?;
                // Does an escaped quote end the value? Readers differ, and for some of them a semicolon
                // after it would begin another parameter.
                if quoted[..end].contains("\\\"") && quoted[..end].contains(';') {
                    return None;
                }
                (&quoted[..end], &quoted[end + 1..])
            }
            None => after.split_at(after.bytes().position(|byte| !is_token(byte)).unwrap_or(after.len())),
        };
        let rest = rest.trim_start_matches([' ', '\t']);
        self.0 = match rest.strip_prefix(';') {
            // A semicolon promises one more.
            Some(more) if !more.trim_matches([' ', '\t']).is_empty() => more,
            None if rest.is_empty() => "",
            _ => return None,
        };
        Some((key, value))
    }
}

/// Where a quoted string ends.
fn closing_quote(quoted: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + quoted[from..].find('"')?;
        if !quoted[..at].ends_with('\\') {
            return Some(at);
        }
        from = at + 1;
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn bad(why: &'static str) -> Unreadable {
    Unreadable::new(format!("malformed multipart/form-data request: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::apply_edits;
    use proptest::prelude::*;

    const TYPE: &str = "multipart/form-data; boundary=XyZ";

    fn body(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut body = String::new();
        for (header, value) in parts {
            body += &format!("--XyZ\r\n{header}\r\n\r\n{value}\r\n");
        }
        (body + "--XyZ--\r\n").into_bytes()
    }

    fn named(name: &str, value: &str) -> Vec<u8> {
        body(&[(&format!("Content-Disposition: form-data; name={name}"), value)])
    }

    #[test]
    fn reads_what_clients_write() {
        let body = body(&[
            ("Content-Disposition: form-data; name=\"to\"", "Bob Ö <bob@example.com>"),
            (
                "content-disposition:form-data;name=subject\r\nContent-Type: text/plain; charset=UTF-8",
                "line\nline",
            ),
            (
                "Content-Disposition: form-data; name=\"attachment\"; filename=\"a;b=\u{fc}.bin\"\r\n\
                 Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary",
                "\r\n--Xy\r\n\0",
            ),
            ("Content-Disposition: form-data; name=\"f\"; filename*=utf-8''%e2%82%ac.txt", ""),
            ("Content-Disposition: form-data; name=\"n\"\r\nContent-Length: 3", "abc"),
            ("Content-Disposition: form-data; name=\"q\"; filename=\"a \\\"b\\\".txt\"", ""),
        ]);
        let form = read(TYPE, &body).expect("good");
        let seen: Vec<_> = form.parts().iter().map(|part| (part.name, part.is_file)).collect();
        assert_eq!(
            seen,
            [("to", false), ("subject", false), ("attachment", true), ("f", true), ("n", false), ("q", true)]
        );
        assert_eq!(form.parts()[0].text().expect("text"), "Bob Ö <bob@example.com>");
        assert_eq!(form.parts()[2].value, b"\r\n--Xy\r\n\0");
        assert!(form.parts()[2].text().is_err(), "a file is no text");
        assert!(read("Multipart/Form-Data; charset=utf-8; boundary=\"XyZ\"", &body).is_ok());
    }

    #[test]
    fn refuses_odd_boundaries() {
        let body = named("to", "x");
        for content_type in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=XyZ; boundary=other",
            "multipart/form-data; boundary=XyZ; Boundary=XyZ",
            "multipart/form-data; boundary*=utf-8''XyZ",
            "multipart/form-data; boundary*0=Xy; boundary*1=Z",
            "multipart/form-data; boundary=\"Xy\\Z\"",
            "multipart/form-data; boundary=XyZ, text/plain",
            "multipart/form-data; boundary=XyZ;",
            "multipart/form-data; boundary = XyZ",
            "multipart/form-data; boundary=XyZ XyZ",
            "multipart/form-data; boundary=\"XyZ",
        ] {
            assert!(read(content_type, &body).is_err(), "{content_type}");
        }
    }

    #[test]
    fn refuses_odd_framing() {
        let good = String::from_utf8(named("to", "x")).expect("text");
        for odd in [
            good.replace("\r\n", "\n"),
            format!("preamble\r\n{good}"),
            format!("{good}epilogue"),
            format!("{good}{good}"),
            good.replace("--XyZ--", "--XyZ"),
            good.replace("--XyZ--", ""),
            good.replacen("--XyZ\r\n", "--XyZ \r\n", 1),
            good.replace("\r\nx\r\n", "\r\nx\n--XyZ\r\n"),
            good.replace("\r\nx\r\n", "\r\nx--XyZ\r\n"),
            good.replace("\r\nx\r\n", "\r\nx\r\n--XyZabc\r\n"),
            good.replace("\r\n\r\nx", "\r\nx"),
            "--XyZ--\r\n".to_owned(),
            "--XyZ\r\n--XyZ--\r\n".to_owned(),
            "--XyZ\r\n\r\n--XyZ--\r\n".to_owned(),
            String::new(),
        ] {
            assert!(read(TYPE, odd.as_bytes()).is_err(), "{odd:?}");
        }
        assert!(read(TYPE, format!("\r\n{good}\r\n").as_bytes()).is_ok());
        assert!(read(TYPE, good.trim_end().as_bytes()).is_ok());
    }

    #[test]
    fn refuses_odd_headers() {
        for header in [
            "Content-Disposition: form-data",
            "Content-Type: text/plain",
            "Content-Disposition: attachment; name=\"to\"",
            "Content-Disposition: form-data; name=\"to\"; name=\"cc\"",
            "Content-Disposition: form-data; name=\"x\"; NAME=\"to\"",
            "Content-Disposition: form-data; name*=utf-8''to",
            "Content-Disposition: form-data; name=\"x\"; name*0=\"t\"; name*1=\"o\"",
            "Content-Disposition: form-data; name=\"t\\o\"",
            "Content-Disposition: form-data; name=\"=?utf-8?q?to?=\"",
            "Content-Disposition: form-data; filename=\"a\\\"; name=\"to\"",
            "Content-Disposition: form-data; name=\"x\"; filename=\"a\\\"; name=to; b=\"",
            "Content-Disposition: form-data; name=\"x\"; filename=\"a\\\"",
            "Content-Disposition: form-data; name=\"to",
            "Content-Disposition: form-data; name=\"to\" x",
            "Content-Disposition: form-data; name = \"to\"",
            "Content-Disposition: form-data; name=\"to\"\r\nContent-Disposition: form-data; name=\"cc\"",
            "Content-Disposition: form-data;\r\n name=\"to\"",
            "Content-Disposition : form-data; name=\"to\"",
            "Content-Disposition: form-data; name=\"to\"\nX: y",
            "Content-Disposition: form-data; name=\"to\"\rX: y",
            "Content-Disposition: form-data; name=\"to\"\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=\"to\"\r\nContent-Encoding: gzip",
            "Content-Disposition: form-data; name=\"to\"\r\nContent-Length: 1",
            "Content-Disposition: form-data; name=\"to\"\r\nContent-Type: multipart/mixed; boundary=y",
            "Content-Disposition: form-data; name=\"to\"\r\nnonsense",
        ] {
            assert!(read(TYPE, &body(&[(header, "some")])).is_err(), "{header}");
        }
        let latin = |value: &str| {
            let header =
                "Content-Disposition: form-data; name=to\r\nContent-Type: text/plain; charset=ISO-8859-1";
            read(TYPE, &body(&[(header, value)])).expect("good").parts()[0].text().map(str::to_owned)
        };
        assert!(latin("bob@example.com").is_ok(), "ASCII reads the same in both");
        assert!(latin("böb@example.com").is_err());
        let utf16 = "Content-Disposition: form-data; name=to\r\nContent-Type: text/plain; charset=utf-16";
        assert!(read(TYPE, &body(&[(utf16, "ab")])).expect("good").parts()[0].text().is_err());
        assert!(read(TYPE, &named("to", "a\0b")).expect("good").parts()[0].text().is_err());
    }

    #[test]
    fn a_value_that_holds_the_boundary_is_not_written() {
        let body = named("to", "x");
        let form = read(TYPE, &body).expect("good");
        assert!(form.replace(&form.parts()[0], "a--XyZ").is_none());
    }

    proptest! {
        #[test]
        fn never_panics(content_type in "\\PC{0,40}", body: Vec<u8>) {
            let _ = read(&content_type, &body);
            let _ = read("multipart/form-data; boundary=a", &body);
        }

        #[test]
        fn damage_never_panics(at in 0usize..300, byte: u8) {
            let mut bytes = body(&[("Content-Disposition: form-data; name=\"to\"; filename=\"x\"", "v"), ("Content-Disposition: form-data; name=a", "")]);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(TYPE, &bytes);
        }

        #[test]
        fn edits_leave_the_others_alone(
            values in prop::collection::vec(("[a-z:]{1,6}", "[^\0]{0,20}"), 2..8),
            drop: prop::sample::Index,
            change: prop::sample::Index,
        ) {
            let parts: Vec<_> = values.iter()
                .map(|(name, value)| (format!("Content-Disposition: form-data; name=\"{name}\""), value.clone()))
                .collect();
            let body = body(&parts.iter().map(|(header, value)| (header.as_str(), value.as_str())).collect::<Vec<_>>());
            let form = read(TYPE, &body).expect("good");
            let read_back: Vec<_> = form.parts().iter()
                .map(|part| (part.name.to_owned(), part.text().expect("text").to_owned())).collect();
            prop_assert_eq!(&read_back, &values);
            let (drop, change) = (drop.index(values.len()), change.index(values.len()));
            let mut edits = vec![form.remove(&form.parts()[drop])];
            let mut expected = values.clone();
            if change != drop {
                edits.push(form.replace(&form.parts()[change], "new").expect("clean"));
                expected[change].1 = "new".to_owned();
            }
            edits.sort_by_key(|edit| edit.range.start);
            expected.remove(drop);
            let edited = apply_edits(&body, &edits);
            let form = read(TYPE, &edited).expect("still good");
            let after: Vec<_> = form.parts().iter()
                .map(|part| (part.name.to_owned(), part.text().expect("text").to_owned())).collect();
            prop_assert_eq!(after, expected);
        }
    }
}
