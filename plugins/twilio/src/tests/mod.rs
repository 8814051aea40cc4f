//! Tests over the fixtures: `fixtures/*/*.http`, several to a file.
//!
//! `### title`, then `# …` lines of what is expected, the request as it goes over the wire, and its body.

mod naive;
mod replies;
mod requests;
mod sandbox;
mod signatures;
mod traffic;
mod twiml;
mod webhooks;

use crate::TWILIO;
use dndgate_adapter::{
    Adapter, Authentic, Head, Recipient, ReplyGate, ReplyLink, Request, Secrets, Webhook, fixture,
};
use http::{HeaderMap, HeaderValue, Method};
use std::path::Path;

/// The auth token of every signed test.
pub(super) const TOKEN: &str = "12345";

/// One request of a fixture file.
#[derive(Debug, Clone)]
pub(super) struct Fixture {
    pub(super) title: String,
    pub(super) expected: Vec<String>,
    pub(super) method: Method,
    pub(super) host: Option<String>,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Fixture {
    pub(super) fn request(&self) -> Request<'_> {
        let head = Head {
            method: &self.method,
            host: self.host.as_deref(),
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
        };
        Request { head, body: &self.body }
    }

    /// The URL that Twilio called.
    pub(super) fn url(&self) -> String {
        let query = self.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
        format!("https://gate.example.com{}{query}", self.path)
    }
}

/// All fixtures of a folder.
pub(super) fn fixtures(folder: &str) -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    fixture::Fixture::all(folder).into_iter().map(Fixture::from).collect()
}

impl From<fixture::Fixture> for Fixture {
    fn from(read: fixture::Fixture) -> Fixture {
        let request = read.request(TWILIO.profile());
        Fixture {
            host: request.head.host.map(str::to_owned),
            path: request.head.path.to_owned(),
            query: request.head.query.map(str::to_owned),
            title: read.name,
            expected: read.notes,
            method: read.method,
            headers: read.headers,
            body: read.body,
        }
    }
}

pub(super) fn secrets(token: &str) -> Secrets {
    Secrets::new(vec![("auth_token", vec![token.to_owned()])])
}

/// A form as a webhook, signed with [`TOKEN`] and proven.
pub(super) struct Signed {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Signed {
    pub(super) fn form(params: &[(&str, &str)]) -> Signed {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        Signed::new(Method::POST, "https://gate.example.com/hooks/twilio", body.as_bytes())
    }

    pub(super) fn new(method: Method, url: &str, body: &[u8]) -> Signed {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let signature = crate::signature::sign_form(TOKEN, url, body);
        headers.insert("x-twilio-signature", signature.parse().unwrap());
        Signed { method, url: url.to_owned(), headers, body: body.to_vec() }
    }

    pub(super) fn webhook(&self) -> Webhook<'_> {
        Webhook {
            method: &self.method,
            url: &self.url,
            headers: &self.headers,
            body: &self.body,
            document: None,
        }
    }

    pub(super) fn authentic(&self) -> Authentic<'_> {
        self.webhook().prove(&crate::TWILIO, &secrets(TOKEN), jiff::Timestamp::UNIX_EPOCH).unwrap()
    }
}

/// Blocks everybody whose address holds 0666; leads links through gate.example.
#[derive(Default)]
pub(super) struct Gate {
    pub(super) asked: Vec<String>,
}

impl ReplyGate for Gate {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        self.asked.push(recipient.address.to_string());
        !recipient.address.contains("0666")
    }
    fn link(&mut self, url: &str, kind: ReplyLink) -> String {
        if url.starts_with("https://") {
            url.to_owned()
        } else {
            format!("https://gate.example/{kind:?}/{url}")
        }
    }
}
