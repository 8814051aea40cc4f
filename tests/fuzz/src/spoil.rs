//! The ways in which a request is spoilt.

use dndgate_adapter::fixture::Fixture;
use http::{HeaderValue, Method, header};
use std::collections::BTreeSet;

/// The most ways in which one request is spoilt.
const WAYS_MAX: u8 = 5;

/// What stands in for strange bytes, besides random ones.
const SNIPPETS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\u002b",
    b",",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b"&",
    b"=",
    b"%00",
    b"%2",
    b"%2B",
    b"+",
    b" ",
    b"\r\n",
    b"\n",
    b"\0",
    b";",
    b"<",
    b">",
    b"null",
    b"[]",
    b"\xef\xbb\xbf",
    b"\xc0\xaf",
    b"\xff",
    b"/*",
    b"//",
    b"--",
];
const MEDIA: &[&str] = &[
    "application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "application/json; charset=utf-16",
    "application/json;charset=utf-7",
    "application/xml",
    "multipart/form-data; boundary=x",
    "APPLICATION/JSON",
    "",
    "application/octet-stream",
    "text/json",
    "application/vnd.api+json",
];

/// An input as a series of choices. One that is used up chooses the first of everything.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Chooses as these bytes say.
    pub fn new(input: &'a [u8]) -> Choices<'a> {
        Choices(input)
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        let number = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
        if end == 0 { 0 } else { number % end }
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are none.
    pub fn of<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.below(all.len())]
    }
}

/// A request, spoilt.
#[derive(Debug)]
pub struct Spoilt(pub Fixture);

impl Spoilt {
    /// Spoils a request in some of the ways. `address` is somebody whom it reaches, `names` are where recipients stand.
    pub fn from(
        seed: &Fixture,
        address: &str,
        names: &BTreeSet<String>,
        choices: &mut Choices<'_>,
    ) -> Spoilt {
        let mut spoilt = Spoilt(seed.clone());
        let names: Vec<&String> = names.iter().collect();
        for _ in 0..=choices.byte() % WAYS_MAX {
            // Of a name on a way the last part is written.
            let name = choices.of(&names).rsplit('.').next().unwrap_or_default();
            spoilt.once(address, name, choices);
        }
        spoilt
    }

    fn once(&mut self, address: &str, name: &str, choices: &mut Choices<'_>) {
        let body = &mut self.0.body;
        let (at, end) = (choices.below(body.len() + 1), choices.below(body.len() + 1));
        match choices.byte() % 12 {
            0 => body.insert(at, choices.byte()),
            1 => {
                body.splice(at..at, choices.of(SNIPPETS).iter().copied());
            }
            2 => {
                if at < body.len() {
                    body[at] = choices.byte();
                }
            }
            3 => {
                body.drain(at.min(end)..at.max(end).min(at.min(end) + 24));
            }
            4 => {
                let copied = body[at.min(end)..at.max(end)].to_vec();
                let to = choices.below(body.len() + 1);
                body.splice(to..to, copied);
            }
            5 => respell(body, address, choices),
            6 => {
                let named = recipient(name, address, choices.byte());
                body.splice(at..at, named.into_bytes());
            }
            7 => {
                let media = choices.of(MEDIA);
                let value = HeaderValue::from_static(media);
                if choices.byte().is_multiple_of(4) {
                    self.0.headers.append(header::CONTENT_TYPE, value);
                } else if media.is_empty() {
                    self.0.headers.remove(header::CONTENT_TYPE);
                } else {
                    self.0.headers.insert(header::CONTENT_TYPE, value);
                }
            }
            8 => {
                let sign = if self.0.target.contains('?') { '&' } else { '?' };
                let value: String = form_urlencoded::byte_serialize(address.as_bytes()).collect();
                let array = ["", "[]", "[0]", "%5B%5D"][usize::from(choices.byte() % 4)];
                self.0.target += &format!("{sign}{name}{array}={value}");
            }
            // Reads contact nobody, whatever stands in them (R13).
            9 => self.0.method = choices.of(&[Method::POST, Method::PUT, Method::PATCH]).clone(),
            10 => rename(body, name, choices),
            _ => {
                // The last member once more, in front of everything.
                let last = body.iter().rposition(|byte| matches!(byte, b',' | b'&')).unwrap_or(0);
                let copied = body[last..].to_vec();
                let to = usize::from(!body.is_empty());
                body.splice(to..to, copied);
            }
        }
    }
}

/// Writes an address in another way wherever it stands.
fn respell(body: &mut Vec<u8>, address: &str, choices: &mut Choices<'_>) {
    let spelt = match choices.byte() % 9 {
        0 => address.replace('+', "00"),
        1 => address.chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect(),
        2 => address.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        3 => address.chars().flat_map(|char| [char, '\u{200b}']).collect(),
        4 => address.to_uppercase(),
        5 => format!(" {address}\t"),
        6 => format!("Somebody <{address}>"),
        7 => address
            .chars()
            .map(|char| {
                if char.is_ascii_digit() {
                    char::from_u32(u32::from(char) + 0xfee0).unwrap_or(char)
                } else {
                    char
                }
            })
            .collect(),
        _ => format!("{address},{address}"),
    };
    for written in [address.to_owned(), form_urlencoded::byte_serialize(address.as_bytes()).collect()] {
        let places: Vec<usize> = body
            .windows(written.len().max(1))
            .enumerate()
            .filter(|(_, part)| *part == written.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in places.into_iter().rev() {
            if at + written.len() <= body.len() {
                body.splice(at..at + written.len(), spelt.bytes());
            }
        }
    }
}

/// Writes a field's name in another way, once.
fn rename(body: &mut Vec<u8>, name: &str, choices: &mut Choices<'_>) {
    let lower: Vec<u8> = body.to_ascii_lowercase();
    let Some(at) = lower.windows(name.len().max(1)).position(|part| part == name.as_bytes()) else { return };
    let other = match choices.byte() % 5 {
        0 => name.to_uppercase(),
        1 => format!("{name} "),
        2 => format!("{name}[]"),
        3 => name.chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect(),
        _ => format!("%{:02x}{}", name.bytes().next().unwrap_or(b'x'), name.get(1..).unwrap_or_default()),
    };
    body.splice(at..at + name.len(), other.into_bytes());
}

/// A further recipient, as a member of the form in which it may stand.
fn recipient(name: &str, address: &str, way: u8) -> String {
    let encoded: String = form_urlencoded::byte_serialize(address.as_bytes()).collect();
    match way % 6 {
        0 => format!(",\"{name}\":\"{address}\""),
        1 => format!("\"{name}\":\"{address}\","),
        2 => format!("&{name}={encoded}"),
        3 => format!("&{name}[]={encoded}"),
        4 => format!(",\"{address}\""),
        _ => format!("\"{name}\":[\"{address}\"],"),
    }
}
