//! Requests as an adapter sees them, and edits to their bodies.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::{borrow::Cow, ops::Range};

/// Names of UTF-8, and of the part of it that every charset here has.
const UTF_8: [&str; 3] = ["utf-8", "utf8", "us-ascii"];

/// A request without its body.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The API host, when the path named one of [`crate::Profile::hosts`]; otherwise the provider's main
    /// API is meant.
    pub host: Option<&'a str>,
    /// The path at the provider, as sent (still percent-encoded), beginning with `/`.
    pub path: &'a str,
    /// The query, as sent, without `?`.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    /// The media type of the body, lower-case, without parameters. `None` when there is no `Content-Type`,
    /// or more than one, or it is not text.
    pub fn media_type(&self) -> Option<Cow<'a, str>> {
        let mut values = self.headers.get_all(http::header::CONTENT_TYPE).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let media = value.split(';').next().unwrap_or(value).trim();
        Some(if media.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(media.to_ascii_lowercase())
        } else {
            Cow::Borrowed(media)
        })
    }

    /// Is the body in UTF-8, by what its `Content-Type` says (or does not say)?
    pub fn is_utf8(&self) -> bool {
        self.charsets(|charset| UTF_8.iter().any(|good| charset.eq_ignore_ascii_case(good)))
    }

    /// Is it in UTF-8, or in a charset in which plain ASCII reads the same (ISO 8859, Windows 125x)?
    pub fn keeps_ascii(&self) -> bool {
        self.charsets(|charset| {
            let charset = charset.to_ascii_lowercase();
            let latin = ["iso-8859-", "windows-125"].iter().any(|start| charset.starts_with(start));
            latin || UTF_8.contains(&charset.as_str())
        })
    }

    /// Does each charset that the `Content-Type` names fit?
    fn charsets(&self, fits: impl Fn(&str) -> bool) -> bool {
        let whole = self.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let parameters = whole.and_then(|whole| whole.split_once(';')).map_or("", |(_, rest)| rest);
        parameters.split(';').filter_map(|one| one.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || fits(value.trim().trim_matches('"'))
        })
    }

    /// A header field's value as text, if it stands there exactly once.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }
}

/// A request with its body, unpacked where it came compressed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The head.
    pub head: Head<'a>,
    /// The body.
    pub body: &'a [u8],
}

/// A change to a body: these bytes give way to those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What goes, as byte positions of the unedited body. Empty: an insertion.
    pub range: Range<usize>,
    /// What comes instead.
    pub with: Vec<u8>,
}

/// Applies edits, which must lie in ascending order and not overlap.
///
/// # Panics
/// When they overlap or lie outside the body: an error of the adapter, which the laws would have shown.
pub fn apply_edits(body: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + edits.iter().map(|edit| edit.with.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        out.extend_from_slice(&body[at..edit.range.start]);
        out.extend_from_slice(&edit.with);
        at = edit.range.end;
    }
    out.extend_from_slice(&body[at..]);
    out
}

/// Where a value stands in a body and how it is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The bytes of the encoded value, quotes not included.
    pub range: Range<usize>,
    /// Its encoding.
    pub quoting: Quoting,
}

/// How a value is written in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// Inside a JSON string.
    Json,
    /// As it is (a multipart value).
    Raw,
    /// In the XML of a form's value (inline TwiML).
    FormXml,
}

impl Place {
    /// The edit that writes another value there.
    pub fn replace(&self, value: &str) -> Edit {
        let with = match self.quoting {
            Quoting::Form => form(value),
            Quoting::FormXml => form(&xml(value)),
            Quoting::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.as_bytes()[1..quoted.len() - 1].to_vec()
            }
            Quoting::Raw => value.as_bytes().to_vec(),
        };
        Edit { range: self.range.clone(), with }
    }
}

fn form(value: &str) -> Vec<u8> {
    form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().into_bytes()
}

/// Text as it stands in XML, in an attribute too.
pub fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            char => out.push(char),
        }
    }
    out
}

/// An answer that an adapter renders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Header fields, `Content-Type` among them when there is a body.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer of one media type.
    pub fn new(status: StatusCode, media_type: &'static str, body: impl Into<Vec<u8>>) -> Reply {
        let content_type = (http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Reply { status, headers: vec![content_type], body: body.into() }
    }

    /// An `application/json` answer.
    pub fn json(status: StatusCode, body: &serde_json::Value) -> Reply {
        Reply::new(status, "application/json", body.to_string())
    }

    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new() }
    }
}
