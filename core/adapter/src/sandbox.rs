//! A provider's stand-in: answers as the provider does and makes webhooks as the provider would.

use crate::{
    outbound::Call,
    request::{Reply, Request},
    words::{Channel, Secrets},
};
use http::{HeaderName, HeaderValue, Method, header};
use std::fmt::Debug;

/// The behaviour of a sandbox provider. Pure as an adapter is: the demo gives it sockets and a page.
pub trait Sandbox: Debug + Send + Sync {
    /// Answers a request. `serial` is a number that no other request gets.
    fn answer(&self, request: &Request<'_>, serial: u64) -> Answered;

    /// The value of a configuration key that must fit the stand-in's own (a public key); `None`: any will do.
    fn key(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The webhook of a person who writes, signed for `url`, the address the provider would call.
    fn inbound(
        &self,
        message: &Inbound<'_>,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: jiff::Timestamp,
    ) -> Call;

    /// The webhook that reports the failure `code` of a delivered message, signed for `url`.
    fn failure(
        &self,
        delivered: &Delivered,
        code: &str,
        url: &str,
        secrets: &Secrets,
        serial: u64,
        now: jiff::Timestamp,
    ) -> Call;
}

/// What a sandbox says and does.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The answer.
    pub reply: Reply,
    /// What it "delivered".
    pub delivered: Vec<Delivered>,
}

/// A message that a sandbox "delivered".
#[derive(Debug, Clone, serde::Serialize, PartialEq, Eq)]
pub struct Delivered {
    /// The provider's id.
    pub id: String,
    /// The channel.
    pub channel: Channel,
    /// The sender.
    pub from: String,
    /// The recipient, as the provider writes it.
    pub to: String,
    /// The text, or what stands for it.
    pub text: String,
    /// Where the sender wants its status reported; empty when nowhere.
    pub callback: String,
}

/// A person who writes to the business.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// The channel.
    pub channel: Channel,
    /// The person's address.
    pub from: &'a str,
    /// The business's address.
    pub to: &'a str,
    /// The text.
    pub text: &'a str,
}

/// A webhook on its way to `url`: a `POST` of this body, with header fields besides its type. Fields whose value no
/// header can hold are left out.
pub fn webhook(
    url: &str,
    media: &str,
    body: impl Into<Vec<u8>>,
    fields: impl IntoIterator<Item = (HeaderName, String)>,
) -> Call {
    let media = (header::CONTENT_TYPE, media.to_owned());
    let headers = std::iter::once(media)
        .chain(fields)
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
        .collect();
    Call {
        method: Method::POST,
        host: None,
        path_and_query: path_of(url).to_owned(),
        headers,
        body: body.into(),
    }
}

/// Path and query of an address, as a server is asked for them.
pub fn path_of(url: &str) -> &str {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let path = after.find(['/', '?']).map_or("/", |at| &after[at..]);
    path.split('#').next().unwrap_or(path)
}
