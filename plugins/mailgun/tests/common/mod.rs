//! Fixtures, and requests built as clients build them.
#![allow(dead_code, unreachable_pub)]

use dndgate_adapter::{
    Adapter, Asked, Head, Outbound, Request, Role, Secrets, Sending, Unreadable, Webhook, apply_edits,
    fixture,
};
use dndgate_mailgun::MAILGUN;
use http::{HeaderMap, Method};
use std::path::Path;

/// The key of every webhook fixture, of the sheet's vectors.
pub const KEY: &str = "dndgate-test-signing-key";
pub const PARENT_KEY: &str = "dndgate-parent-signing-key";
/// Seconds of every fixture's signature.
pub const SIGNED_AT: i64 = 1_795_438_800;

pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(SIGNED_AT + 10).unwrap()
}

pub fn secrets() -> Secrets {
    Secrets::new(vec![
        ("signing_key", vec![KEY.into(), PARENT_KEY.into()]),
        ("api_key", vec!["key-1".into()]),
    ])
}

/// A request or webhook of a file: notes (`# …`), request line, header fields, a blank line, the body.
#[derive(Debug, Clone)]
pub struct Fixture {
    pub name: String,
    pub notes: Vec<String>,
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Fixture {
    pub fn all(folder: &str) -> Vec<Fixture> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| Fixture::read(file)).collect()
    }

    pub fn named(folder: &str, name: &str) -> Fixture {
        Fixture::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder).join(name))
    }

    fn read(file: &Path) -> Fixture {
        let name = file.file_name().unwrap().to_string_lossy();
        let read = fixture::Fixture::parse(&name, &std::fs::read(file).unwrap());
        let fixture::Fixture { name, notes, method, target, headers, body } = read;
        Fixture { name, notes, method, target, headers, body }
    }

    /// What a note of that kind says.
    pub fn notes<'f>(&'f self, kind: &'f str) -> impl Iterator<Item = &'f str> {
        self.notes.iter().filter_map(move |note| note.strip_prefix(kind)?.strip_prefix(' '))
    }

    pub fn has(&self, note: &str) -> bool {
        self.notes.iter().any(|one| one == note)
    }

    pub fn request(&self) -> Request<'_> {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let head = Head { method: &self.method, host: None, path, query, headers: &self.headers };
        Request { head, body: &self.body }
    }

    pub fn webhook(&self) -> Webhook<'_> {
        Webhook {
            method: &self.method,
            url: "https://gate.example.com/hooks/mailgun",
            headers: &self.headers,
            body: &self.body,
            document: None,
        }
    }
}

/// A `POST`.
pub fn post(target: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Fixture {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", content_type.parse().unwrap());
    Fixture {
        name: String::new(),
        notes: Vec::new(),
        method: Method::POST,
        target: target.to_owned(),
        headers,
        body: body.into(),
    }
}

/// A form to the messages endpoint.
pub fn form(pairs: &[(&str, &str)]) -> Fixture {
    let body = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = body.collect::<Vec<_>>().join("&");
    post("/v3/mg.acme.com/messages", "application/x-www-form-urlencoded", body)
}

/// The same as multipart. A name with `;` in it carries further parameters.
pub fn multipart(pairs: &[(&str, &[u8])]) -> Fixture {
    let mut body = Vec::new();
    for (name, value) in pairs {
        let (name, more) =
            name.split_once(';').map_or((*name, String::new()), |(name, more)| (name, format!(";{more}")));
        body.extend(
            format!("--BouNdary\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n").bytes(),
        );
        body.extend_from_slice(value);
        body.extend(b"\r\n");
    }
    body.extend(b"--BouNdary--\r\n");
    post("/v3/mg.acme.com/messages", "multipart/form-data; boundary=BouNdary", body)
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Reads a send; Mailgun says of every suspect that it is no list.
pub fn read<'a>(request: &Request<'a>) -> Result<Sending<'a>, Unreadable> {
    match MAILGUN.read(request)? {
        Outbound::Send(sending) => Ok(sending),
        Outbound::Ask(_) => {
            let mut answers = vec![Vec::new()];
            loop {
                match MAILGUN.asked(request, &answers)? {
                    Asked::Send(sending) => return Ok(sending),
                    Asked::More(_) => answers.push(Vec::new()),
                    Asked::Unnamed(name) => panic!("{name}"),
                }
            }
        }
        other => panic!("{other:?}"),
    }
}

/// Who gets it: `ann@example.com`, `cc bob@example.com`, …
pub fn people(sending: &Sending<'_>) -> Vec<String> {
    let mut people: Vec<String> = sending
        .recipients
        .iter()
        .map(|one| match one.role {
            Role::To => format!("to {}", one.address),
            Role::Cc => format!("cc {}", one.address),
            Role::Bcc => format!("bcc {}", one.address),
        })
        .collect();
    people.sort();
    people
}

/// The request without those who are blocked; the error when that cannot be.
pub fn trimmed(fixture: &Fixture, blocked: &[&str]) -> Result<Fixture, String> {
    let request = fixture.request();
    let sending = read(&request).unwrap();
    let drop: Vec<usize> = (0..sending.recipients.len())
        .filter(|index| {
            blocked.iter().any(|one| sending.recipients[*index].address.eq_ignore_ascii_case(one))
        })
        .collect();
    assert!(!drop.is_empty(), "nobody to take out");
    let edits = MAILGUN.trim(&request, &sending, &drop).map_err(|cannot| cannot.to_string())?;
    Ok(Fixture { body: apply_edits(&fixture.body, &edits), ..fixture.clone() })
}

/// The values of a form's or a multipart's fields of that name.
pub fn values(fixture: &Fixture, name: &str) -> Vec<String> {
    let content_type = fixture.headers["content-type"].to_str().unwrap();
    if content_type.starts_with("multipart") {
        let read = dndgate_adapter::multipart::read(content_type, &fixture.body).unwrap();
        read.all(name).map(|part| String::from_utf8_lossy(part.value).into_owned()).collect()
    } else {
        let read = dndgate_adapter::form::read(&fixture.body).unwrap();
        read.all(name).map(|pair| pair.value.to_string()).collect()
    }
}
