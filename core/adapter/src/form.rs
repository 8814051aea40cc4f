//! `application/x-www-form-urlencoded` read with certainty, remembering where each value stands.
//!
//! The reading is that of the WHATWG URL standard, section 5.1 (`&` pairs, first `=`, `+` is a space), but
//! whatever two readers could see differently is an error: broken percent escapes, bytes that are not UTF-8,
//! NUL.

use crate::{
    outbound::Unreadable,
    request::{Edit, Place, Quoting},
};
use std::{borrow::Cow, ops::Range};

/// A form's pairs in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form<'a> {
    pairs: Vec<Pair<'a>>,
    length: usize,
}

/// One name and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The decoded name.
    pub name: Cow<'a, str>,
    /// The decoded value.
    pub value: Cow<'a, str>,
    /// The bytes of the whole pair, separators not included.
    pub whole: Range<usize>,
    /// The bytes of the encoded value.
    pub at: Range<usize>,
}

impl Pair<'_> {
    /// Where the value stands.
    pub fn place(&self) -> Place {
        Place { range: self.at.clone(), quoting: Quoting::Form }
    }
}

/// Reads a form.
///
/// # Errors
/// When two readers could disagree about it.
pub fn read(body: &[u8]) -> Result<Form<'_>, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::new("the form is not UTF-8"))?;
    let mut pairs = Vec::with_capacity(8);
    let mut start = 0;
    for part in text.split('&') {
        let whole = start..start + part.len();
        start = whole.end + 1;
        if part.is_empty() {
            continue;
        }
        let (name, value, at) = match memchr::memchr(b'=', part.as_bytes()) {
            Some(sign) => (&part[..sign], &part[sign + 1..], whole.start + sign + 1..whole.end),
            None => (part, "", whole.end..whole.end),
        };
        pairs.push(Pair { name: decode(name)?, value: decode(value)?, whole, at });
    }
    Ok(Form { pairs, length: body.len() })
}

/// Decodes one name or value.
///
/// # Errors
/// On a broken escape, bytes that are not UTF-8, and NUL.
pub fn decode(text: &str) -> Result<Cow<'_, str>, Unreadable> {
    if memchr::memchr3(b'%', b'+', 0, text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high << 4 | low) as u8,
                    _ => return Err(Unreadable::new("the form has a broken percent escape")),
                }
            }
            byte => byte,
        });
    }
    if out.contains(&0) {
        return Err(Unreadable::new("the form holds a NUL byte"));
    }
    String::from_utf8(out).map(Cow::Owned).map_err(|_| Unreadable::new("the form is not UTF-8"))
}

impl<'a> Form<'a> {
    /// All pairs, in their order.
    pub fn pairs(&self) -> &[Pair<'a>] {
        &self.pairs
    }

    /// The edit that adds a pair behind the others.
    pub fn append(&self, name: &str, value: &str) -> Edit {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("&{}={}", encoded(name), encoded(value));
        Edit { range: self.length..self.length, with: pair.into_bytes() }
    }

    /// Every pair of that name, exactly as written.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Pair<'a>> {
        self.pairs.iter().filter(move |pair| pair.name == name)
    }

    /// The only pair of that name.
    ///
    /// # Errors
    /// When the name stands there more than once, or a name that equals it but for case, surrounding white
    /// space or array brackets stands there: readers disagree about which one counts.
    pub fn one(&self, name: &str) -> Result<Option<&Pair<'a>>, Unreadable> {
        let mut found = None;
        for pair in &self.pairs {
            if !same_field(&pair.name, name) {
                continue;
            }
            if pair.name != name || found.is_some() {
                return Err(Unreadable::new(format!("{name} stands there more than once or misspelt")));
            }
            found = Some(pair);
        }
        Ok(found)
    }

    /// The edit that takes a pair out, with one of its separators. Removing every pair in separate edits
    /// is not supported; at least one stays.
    pub fn remove(&self, pair: &Pair<'_>) -> Edit {
        let Range { start, end } = pair.whole;
        let range = if end < self.length { start..end + 1 } else { start.saturating_sub(1)..end };
        Edit { range, with: Vec::new() }
    }
}

/// Could a lenient reader take `written` for `name`? Case, white space and array brackets are ignored.
pub fn same_field(written: &str, name: &str) -> bool {
    unbracketed(written.trim()).trim_end().eq_ignore_ascii_case(name)
}

/// A name without array brackets, wherever readers take them off: `to[]`, `to[0]`, `[to]`, `to]`.
pub fn unbracketed(name: &str) -> &str {
    let inner = name.trim_start_matches(['[', ']']);
    inner.split(['[', ']']).next().unwrap_or(inner)
}

/// Could a lenient reader find a name for which `is` says so in this query? Always, when it is not to be read
/// with certainty: a broken escape is skipped by some and ends the reading of others.
pub fn query_could_name(query: &str, is: impl Fn(&str) -> bool) -> bool {
    let unreadable = query.split('&').any(|piece| {
        let bytes = piece.as_bytes();
        let broken = |at: usize| !matches!(bytes.get(at + 1..at + 3), Some(two) if two.iter().all(u8::is_ascii_hexdigit));
        memchr::memchr_iter(b'%', bytes).any(broken)
    });
    unreadable || could_name(query, is)
}

/// As [`query_could_name`], for what stands behind a `;` of a form too.
///
/// A query is read by many a server more leniently than a body is: split at `;`, decoded once more, with
/// leftovers of HTML in it. What is no letter, digit or one of `.:_-` does not count in a name.
pub fn could_name(text: &str, is: impl Fn(&str) -> bool) -> bool {
    let once: Vec<u8> = percent_encoding::percent_decode_str(text).collect();
    let twice: Vec<u8> = percent_encoding::percent_decode(&once).collect();
    [text.as_bytes(), &once, &twice].into_iter().any(|spelling| {
        let spelling = String::from_utf8_lossy(spelling);
        spelling.split(['&', ';', '?']).any(|piece| {
            let name = unbracketed(piece.split('=').next().unwrap_or(piece));
            let counts = |char: &char| char.is_ascii_alphanumeric() || ".:_-".contains(*char);
            is(name.chars().filter(counts).collect::<String>().trim_end_matches('.'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::apply_edits;
    use proptest::prelude::*;

    #[test]
    fn reads_pairs_and_their_places() {
        let body = b"To=%2B14155550100&&Body=a+b%26c&Empty=&Bare";
        let form = read(body).expect("good form");
        let seen: Vec<_> = form.pairs().iter().map(|pair| (&*pair.name, &*pair.value)).collect();
        assert_eq!(seen, [("To", "+14155550100"), ("Body", "a b&c"), ("Empty", ""), ("Bare", "")]);
        let to = form.one("To").expect("once").expect("there");
        assert_eq!(&body[to.at.clone()], b"%2B14155550100");
        assert_eq!(apply_edits(body, &[to.place().replace("x y&")]), b"To=x+y%26&&Body=a+b%26c&Empty=&Bare");
        assert_eq!(apply_edits(body, &[form.remove(to)]), b"&Body=a+b%26c&Empty=&Bare");
    }

    #[test]
    fn r10_a_name_in_a_query_is_found_in_every_disguise() {
        for query in [
            "to=x",
            "TO=x",
            "a=1&to=x",
            "a=1;to=x",
            "to[]=x",
            "%74o=x",
            "%2574o=x",
            "a%26to=x",
            "?to=x",
            "a&amp;to=x",
            "%E2%80%8Bto=x",
            "+to=x",
            "to%00=x",
            "to.=x",
            "to",
            "a=1%3Bto=x",
        ] {
            assert!(could_name(query, |name| name.eq_ignore_ascii_case("to")), "{query}");
        }
        for query in ["%", "a=%", "a=%4", "a=%zz", "%4g=1&b=2"] {
            assert!(query_could_name(query, |_| false), "{query}");
        }
        assert!(!query_could_name("a=%41&b=%ff", |_| false));
        for query in ["", "tos=x", "a=to", "page=2&size=to", "t=o"] {
            assert!(!could_name(query, |name| name.eq_ignore_ascii_case("to")), "{query}");
        }
    }

    #[test]
    fn refuses_what_readers_see_differently() {
        for body in [&b"To=%2"[..], b"To=%zz", b"To=\xff", b"To=%ff", b"To=a%00b", b"%=1"] {
            assert!(read(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
        for body in
            [&b"To=1&To=2"[..], b"to=1", b"To=1&to=2", b"To[]=1", b"+To=1", b"To[0]=1", b"[To]=1", b"To]=1"]
        {
            assert!(read(body).expect("good form").one("To").is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    proptest! {
        #[test]
        fn never_panics(body: Vec<u8>) {
            let _ = read(&body);
        }

        #[test]
        fn agrees_with_the_url_standard(pairs in prop::collection::vec(("[a-zA-Z +é&=%]{1,8}", "\\PC{0,12}"), 1..6)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let form = read(body.as_bytes()).expect("good form");
            let ours: Vec<_> = form.pairs().iter().map(|pair| (pair.name.to_string(), pair.value.to_string())).collect();
            let theirs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
