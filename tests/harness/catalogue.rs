//! Requests kept as data, written to the wire as they stand: what the catalogue in `tests/bypass` is made of.
//!
//! A file holds cases, each under a line `### title`: notes (`# …`), a request line, fields, a blank line, the body.
//! `# outcome: …` says what must come of it ([`Outcome`]), `# sent: …` how it is written, any of:
//!
//! ```text
//! gzip, deflate    the body is packed (its Content-Encoding stands among the fields)
//! chunked          the body goes in pieces of a few bytes
//! crlf             the body's lines end in CRLF
//! escapes          \r \n \t \\ and \xHH stand for bytes, in fields and body
//! until closed     everything that comes back is read, until the gateway closes
//! http2            over HTTP/2; lines that begin with a colon are pseudo-header fields, in place of the usual ones
//! ```
//!
//! `Content-Length` is added unless the request frames its body itself. Other notes are for people.

use super::wire::{Message, Wire};
use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
use std::{io::Write, path::Path};

/// What must come of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An error that is final, and nothing reaches the provider: it cannot be read with certainty.
    Refused,
    /// The same, because a recipient is blocked.
    Blocked,
    /// The blocked are taken out.
    Trimmed,
    /// It reaches the provider as it is.
    Passes,
}

/// A request of the catalogue.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub outcome: Outcome,
    sent: Vec<String>,
    line: String,
    fields: Vec<(String, Vec<u8>)>,
    /// Without its framing, packed where it is to be.
    pub body: Vec<u8>,
}

impl Case {
    /// All cases of a folder.
    pub fn all(folder: &Path) -> Vec<Case> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        let mut cases = Vec::new();
        for file in files {
            let text =
                std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let one = |text: &str| Case::parse(&stem, text);
            cases.extend(
                text.strip_prefix("### ").expect("a file begins with a title").split("\n### ").map(one),
            );
        }
        cases
    }

    fn parse(file: &str, text: &str) -> Case {
        let (title, text) = text.split_once('\n').expect("something below the title");
        let name = format!("{file}: {title}");
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
        let (notes, lines): (Vec<&str>, Vec<&str>) = head.lines().partition(|line| line.starts_with('#'));
        let note = |kind: &str| notes.iter().find_map(|note| note.strip_prefix("# ")?.strip_prefix(kind));
        let outcome = match note("outcome: ") {
            Some("refused") => Outcome::Refused,
            Some("blocked") => Outcome::Blocked,
            Some("trimmed") => Outcome::Trimmed,
            Some("passes") => Outcome::Passes,
            other => panic!("{name}: the outcome {other:?} is none"),
        };
        let sent: Vec<String> = note("sent: ")
            .unwrap_or_default()
            .split(", ")
            .filter(|way| !way.is_empty())
            .map(str::to_owned)
            .collect();
        let is = |way: &str| sent.iter().any(|one| one == way);
        let bytes = |text: &str| if is("escapes") { unescaped(text) } else { text.as_bytes().to_vec() };
        let field = |line: &&str| {
            let at = line[1..].find(':').unwrap_or_else(|| panic!("{name}: no field: {line}")) + 1;
            (line[..at].to_owned(), bytes(line[at + 1..].trim_start()))
        };
        let mut body = body.trim_end_matches('\n').to_owned();
        if is("crlf") {
            body = body.replace('\n', "\r\n");
        }
        let mut body = bytes(&body);
        if is("gzip") {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&body).expect("packed");
            body = packed.finish().expect("packed");
        }
        if is("deflate") {
            let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&body).expect("packed");
            body = packed.finish().expect("packed");
        }
        let (line, fields) = lines.split_first().unwrap_or_else(|| panic!("{name}: no request line"));
        let (line, fields) = ((*line).to_owned(), fields.iter().map(field).collect());
        Case { outcome, sent, line, fields, body, name }
    }

    /// The same with further fields.
    pub fn with_fields(&self, more: Vec<(String, String)>) -> Case {
        let mut case = self.clone();
        case.fields.extend(more.into_iter().map(|(name, value)| (name, value.into_bytes())));
        case
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// A field's value, where it is text.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(one, _)| one.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&found.1).ok()
    }

    pub fn is_sent(&self, way: &str) -> bool {
        self.sent.iter().any(|one| one == way)
    }

    /// Path and query, the provider's prefix included.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Is the body's framing left to this writer, so that a provider must get the very bytes of [`Case::body`]?
    pub fn is_framed_here(&self) -> bool {
        !self.fields.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
        })
    }

    /// The final answers to it: one, or all that come until the gateway closes.
    pub fn answers(&self, port: u16) -> Vec<Message> {
        let mut wire = Wire::to(port);
        // The gateway may have said enough before it has read everything.
        let _ = wire.write(&self.bytes());
        let mut answers = Vec::new();
        while let Ok(Some(answer)) = wire.message() {
            let is_final = answer.status() >= 200;
            answers.extend(is_final.then_some(answer));
            if is_final && !self.is_sent("until closed") {
                break;
            }
        }
        answers
    }

    fn bytes(&self) -> Vec<u8> {
        let version = if self.line.contains(" HTTP/") { "" } else { " HTTP/1.1" };
        let mut out = format!("{}{version}\r\n", self.line).into_bytes();
        let has = |name: &str| self.fields.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        if !has("host") {
            out.extend(b"Host: gate.test\r\n");
        }
        for (name, value) in &self.fields {
            out.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.is_sent("chunked") {
            out.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for piece in self.body.chunks(7) {
                out.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            }
            out.extend(b"0\r\n\r\n");
            return out;
        }
        let is_empty_read = self.body.is_empty() && !self.line.starts_with("POST");
        if self.is_framed_here() && !is_empty_read {
            out.extend(format!("Content-Length: {}\r\n", self.body.len()).into_bytes());
        }
        out.extend(b"\r\n");
        out.extend(&self.body);
        out
    }

    /// Sends it over HTTP/2, every frame by hand, and waits for the stream's end: an answer, a reset, a farewell.
    pub fn over_http2(&self, port: u16) {
        let mut wire = Wire::to(port);
        let words: Vec<&str> = self.line.split(' ').collect();
        let mut block = Vec::new();
        let mut literal = |name: &str, value: &[u8]| {
            // RFC 7541, section 6.2.2: a literal without indexing, its name new, neither packed.
            block.push(0);
            for text in [name.as_bytes(), value] {
                assert!(text.len() < 127, "longer than one byte says");
                block.push(text.len() as u8);
                block.extend_from_slice(text);
            }
        };
        if !self.fields.iter().any(|(name, _)| name.starts_with(':')) {
            let host = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
            literal(":method", words[0].as_bytes());
            literal(":scheme", b"http");
            literal(":authority", host.map_or(b"gate.test", |(_, value)| value));
            literal(":path", words[1].as_bytes());
        }
        for (name, value) in self.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            literal(name, value);
        }
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        out.extend(frame(4, 0, 0, &[]));
        out.extend(frame(1, 4, 1, &block));
        out.extend(frame(0, 1, 1, &self.body));
        let _ = wire.write(&out);
        until_over(&mut wire);
    }
}

/// RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Reads frames until the first stream is over.
fn until_over(wire: &mut Wire) {
    loop {
        let Some(head) = wire.try_exactly(9) else { return };
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some(_) = wire.try_exactly(length) else { return };
        let (kind, flags, stream) =
            (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        let ends = matches!(kind, 0 | 1) && flags & 1 != 0 || kind == 3;
        if stream == 1 && ends || kind == 7 {
            return;
        }
    }
}

/// Undoes `\r`, `\n`, `\t`, `\\` and `\xHH`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'r') => out.push(b'\r'),
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'x') => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("two hexadecimal digits"));
            }
            other => out.extend(other),
        }
    }
    out
}
