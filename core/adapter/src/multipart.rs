//! `multipart/form-data` (RFC 7578) read with certainty, remembering where each part and value stands.
//!
//! Whatever two parsers could split differently is an error: line ends other than CRLF around a delimiter,
//! text before the first or after the last delimiter, a delimiter that is longer than the boundary, folded or
//! repeated header fields, names that need unescaping.

use crate::{
    outbound::Unreadable,
    request::{Edit, Place, Quoting},
};
use memchr::memmem;
use std::ops::Range;

/// RFC 2046, section 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;
/// The largest header of a part, in bytes.
const HEADER_BYTES_MAX: usize = 8 << 10;
/// The most parts of a form.
const PARTS_MAX: usize = 10_000;

/// A form's parts in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Multipart<'a> {
    parts: Vec<Part<'a>>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// It came as a file.
    pub is_file: bool,
    /// Its media type, as written.
    pub content_type: Option<&'a str>,
    /// The bytes of its value.
    pub at: Range<usize>,
    /// Its bytes with its delimiter line, up to the next delimiter.
    pub whole: Range<usize>,
    value: &'a [u8],
}

impl<'a> Part<'a> {
    /// Its value as text.
    ///
    /// # Errors
    /// When it is not UTF-8, or says that it is something else, or holds NUL.
    pub fn text(&self) -> Result<&'a str, Unreadable> {
        if let Some(charset) = self.content_type.and_then(|media| parameter(media, "charset"))
            && !["utf-8", "us-ascii", "ascii"].iter().any(|good| charset.eq_ignore_ascii_case(good))
        {
            return Err(Unreadable::new("a part is neither UTF-8 nor ASCII"));
        }
        let text = std::str::from_utf8(self.value).map_err(|_| Unreadable::new("a part is not UTF-8"))?;
        if text.contains('\0') {
            return Err(Unreadable::new("a part holds a NUL byte"));
        }
        Ok(text)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.value
    }

    /// Where the value stands.
    pub fn place(&self) -> Place {
        Place { range: self.at.clone(), quoting: Quoting::Raw }
    }

    /// The edit that takes the part out.
    pub fn remove(&self) -> Edit {
        Edit { range: self.whole.clone(), with: Vec::new() }
    }
}

impl<'a> Multipart<'a> {
    /// All parts, in their order.
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }
}

fn bad(message: &'static str) -> Unreadable {
    Unreadable::new(message)
}

/// Reads a form. `content_type` is the value of the request's only `Content-Type`.
///
/// # Errors
/// When two parsers could disagree about it.
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Result<Multipart<'a>, Unreadable> {
    let boundary = boundary(content_type)?;
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let mut starts = Vec::new();
    for at in finder.find_iter(body) {
        // In the middle of a line it is content, whoever reads.
        if at > 0 && body[at - 1] != b'\n' {
            continue;
        }
        if at == 1 || at > 1 && body[at - 2] != b'\r' {
            return Err(bad("a multipart delimiter does not stand after CRLF"));
        }
        starts.push(at);
        if starts.len() > PARTS_MAX {
            return Err(bad("the multipart body has too many parts"));
        }
    }
    let Some((last, parts)) = starts.split_last() else { return Err(bad("the multipart body has no delimiter")) };
    if starts[0] != 0 {
        return Err(bad("something stands before the first multipart delimiter"));
    }
    let end = &body[last + delimiter.len()..];
    if !matches!(end, b"--" | b"--\r\n") {
        return Err(bad("the multipart body does not end with its closing delimiter"));
    }
    let mut form = Multipart { parts: Vec::with_capacity(parts.len()) };
    for (index, start) in parts.iter().enumerate() {
        let next = starts[index + 1];
        form.parts.push(part(body, *start, start + delimiter.len(), next)?);
    }
    Ok(form)
}

fn part<'a>(body: &'a [u8], start: usize, after_delimiter: usize, next: usize) -> Result<Part<'a>, Unreadable> {
    let rest = &body[after_delimiter..next];
    if !rest.starts_with(b"\r\n") {
        return Err(bad("something stands behind a multipart delimiter"));
    }
    // Header fields end with an empty line; both the first and the last CRLF may be the same one.
    let window = &rest[..rest.len().min(HEADER_BYTES_MAX)];
    let blank = memmem::find(window, b"\r\n\r\n").ok_or_else(|| bad("a part's header does not end"))?;
    let header = std::str::from_utf8(&rest[2.min(blank)..blank]).map_err(|_| bad("a part's header is not UTF-8"))?;
    let value_start = after_delimiter + blank + 4;
    let value_end = next.checked_sub(2).filter(|end| *end >= value_start).ok_or_else(|| bad("a part has no value"))?;
    let (mut disposition, mut content_type, mut encoding) = (None, None, None);
    for line in header.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) || line.contains(['\n', '\r']) {
            return Err(bad("a part's header is folded"));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a part's header field has no colon"))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Err(bad("a part's header field has an odd name"));
        }
        let slot = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => &mut disposition,
            "content-type" => &mut content_type,
            "content-transfer-encoding" => &mut encoding,
            _ => continue,
        };
        if slot.replace(value.trim()).is_some() {
            return Err(bad("a part's header field stands there twice"));
        }
    }
    if encoding.is_some_and(|one| !["7bit", "8bit", "binary"].iter().any(|plain| one.eq_ignore_ascii_case(plain))) {
        return Err(bad("a part is encoded once more"));
    }
    if content_type.is_some_and(|media: &str| media.to_ascii_lowercase().starts_with("multipart/mixed")) {
        return Err(bad("a part is multipart itself"));
    }
    let disposition = disposition.ok_or_else(|| bad("a part has no Content-Disposition"))?;
    let (name, is_file) = name_of(disposition)?;
    Ok(Part {
        name,
        is_file,
        content_type,
        at: value_start..value_end,
        whole: start..next,
        value: &body[value_start..value_end],
    })
}

/// Name and whether there is a file name, from a `Content-Disposition`.
fn name_of(disposition: &str) -> Result<(&str, bool), Unreadable> {
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(bad("a part is not form-data"));
    }
    let (mut name, mut file) = (None, None);
    let mut rest = parameters.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(|| bad("a Content-Disposition has an odd parameter"))?;
        let key = key.trim();
        let value;
        if let Some(quoted) = after.strip_prefix('"') {
            let end = quoted_end(quoted).ok_or_else(|| bad("a Content-Disposition has an open quote"))?;
            value = &quoted[..end];
            rest = quoted[end + 1..].trim_start();
        } else {
            let end = after.find(';').unwrap_or(after.len());
            value = after[..end].trim();
            rest = &after[end..];
            if value.contains(['"', ' ', '\t']) {
                return Err(bad("a Content-Disposition has an odd parameter"));
            }
        }
        match rest.strip_prefix(';') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => {}
            None => return Err(bad("a Content-Disposition has an odd parameter")),
        }
        match key.to_ascii_lowercase().as_str() {
            "name" if name.replace(value).is_some() => return Err(bad("a part has two names")),
            "name" => {}
            "name*" => return Err(bad("a part's name is encoded")),
            "filename" if file.replace(value).is_some() => return Err(bad("a part has two file names")),
            "filename" => {}
            "filename*" => {
                file.get_or_insert(value);
            }
            _ => {}
        }
    }
    let name = name.ok_or_else(|| bad("a part has no name"))?;
    if name.contains(['\\', '%']) || name.chars().any(char::is_control) {
        return Err(bad("a part's name is escaped"));
    }
    Ok((name, file.is_some()))
}

/// Where a quoted string ends; a backslash takes the next character along.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(index),
            _ => {}
        }
    }
    None
}

/// The boundary of a `multipart/form-data` media type.
fn boundary(content_type: &str) -> Result<&str, Unreadable> {
    let boundary = parameter(content_type, "boundary").ok_or_else(|| bad("the multipart body names no boundary"))?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if boundary.is_empty()
        || boundary.len() > BOUNDARY_BYTES_MAX
        || boundary.ends_with(' ')
        || !boundary.bytes().all(fine)
        || content_type.to_ascii_lowercase().matches("boundary").count() > 1
    {
        return Err(bad("the multipart boundary is odd"));
    }
    Ok(boundary)
}

/// A parameter of a media type, unquoted.
fn parameter<'t>(media: &'t str, wanted: &str) -> Option<&'t str> {
    media.split(';').skip(1).find_map(|one| {
        let (name, value) = one.split_once('=')?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        name.trim().eq_ignore_ascii_case(wanted).then_some(bare)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::apply_edits;
    use proptest::prelude::*;

    const MEDIA: &str = "multipart/form-data; boundary=xYz";

    fn form(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut body = String::new();
        for (name, value) in parts {
            body.push_str(&format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
        }
        (body + "--xYz--\r\n").into_bytes()
    }

    #[test]
    fn reads_parts_and_their_places() {
        let body = form(&[("to", "a@x"), ("text", "line\r\n--xY\r\nmore --xYz in a line"), ("empty", "")]);
        let read = read(MEDIA, &body).expect("good");
        let seen: Vec<_> = read.parts().iter().map(|part| (part.name, part.text().expect("text"))).collect();
        assert_eq!(seen[0], ("to", "a@x"));
        assert_eq!(seen[1].1, "line\r\n--xY\r\nmore --xYz in a line");
        assert_eq!(seen[2], ("empty", ""));
        let edits = [read.parts()[0].place().replace("b@y"), read.parts()[1].remove()];
        assert_eq!(apply_edits(&body, &edits), form(&[("to", "b@y"), ("empty", "")]));
    }

    #[test]
    fn refuses_what_parsers_split_differently() {
        let good = String::from_utf8(form(&[("to", "a@x")])).expect("text");
        for (what, body) in [
            ("preamble", format!("hello\r\n{good}")),
            ("epilogue", format!("{good}--xYz\r\n")),
            ("no end", good.replace("--xYz--\r\n", "")),
            ("bare line feeds", good.replace("\r\n", "\n")),
            ("longer delimiter", good.replacen("--xYz\r\n", "--xYzz\r\n", 1)),
            ("two names", good.replace("name=\"to\"", "name=\"to\"; name=\"cc\"")),
            ("encoded name", good.replace("name=\"to\"", "name*=utf-8''to")),
            ("escaped name", good.replace("name=\"to\"", "name=\"t\\o\"")),
            ("transfer encoding", good.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n")),
            ("two dispositions", good.replace("\r\n\r\n", "\r\nContent-Disposition: form-data; name=\"cc\"\r\n\r\n")),
            ("folded header", good.replace("; name", ";\r\n name")),
            ("bare delimiter inside", good.replace("a@x", "a@x\n--xYz\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nb@y")),
        ] {
            assert!(read(MEDIA, body.as_bytes()).is_err(), "{what}");
        }
        assert!(read("multipart/form-data", good.as_bytes()).is_err());
        assert!(read("multipart/form-data; boundary=xYz; boundary=a", good.as_bytes()).is_err());
        let latin = good.replace("\r\n\r\n", "\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n");
        assert!(read(MEDIA, latin.as_bytes()).expect("parses").parts()[0].text().is_err());
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = read(MEDIA, &body);
        }

        #[test]
        fn reads_what_was_written(parts in prop::collection::vec(("[a-z:A-Z-]{1,12}", "[^\0]{0,40}"), 1..8)) {
            let pairs: Vec<_> = parts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let body = form(&pairs);
            if let Ok(read) = read(MEDIA, &body) {
                let seen: Vec<_> = read.parts().iter().map(|part| (part.name, part.text().expect("text"))).collect();
                prop_assert_eq!(seen, pairs);
            }
        }
    }
}
