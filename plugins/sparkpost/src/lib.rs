//! SparkPost (Bird Email): mail over its HTTP API.
//!
//! Reading order: [`path`] (which endpoint), [`transmission`] (whom a send reaches), [`trim`], [`headers`],
//! [`refuse`], [`answer`] (stitched answers, what they teach, scheduled sends), [`suppressions`]; then [`webhook`]
//! (proof and events), [`inbound`], [`sandbox`]. What is understood and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod headers;
mod inbound;
mod path;
mod refuse;
mod sandbox;
mod suppressions;
mod transmission;
mod trim;
mod webhook;

use dndgate_adapter::{
    Adapter, Answer, Authentic, CannotAdd, CannotTrim, Channel, Channels, Edit, Event, Forged, Head, Key,
    Learned, Look, Outbound, Profile, Proof, Refusal, Refused, Reply, Request, Scheduled, Secrets, Sending,
    Unreadable, Webhook, outbound::Call, sandbox::Sandbox, suppressions::Suppressions,
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::{borrow::Cow, time::Duration};

/// The adapter.
#[derive(Debug, Clone, Copy, Default)]
pub struct SparkPost;

/// The adapter, for the list of adapters.
pub static SPARKPOST: SparkPost = SparkPost;

/// Name of the secret that webhooks bear.
const WEBHOOK_SECRET: &str = "webhook_secret";
/// Name of the key that calls the API.
const API_KEY: &str = "api_key";
/// The header field by which a master account's key acts for a subaccount.
const SUBACCOUNT: HeaderName = HeaderName::from_static("x-msys-subaccount");

static PROFILE: Profile = Profile {
    name: "sparkpost",
    title: "SparkPost",
    channels: Channels::of(Channel::Email),
    upstream: "https://api.sparkpost.com",
    hosts: &["api.sparkpost.com", path::EU],
    keys: &[
        Key {
            name: WEBHOOK_SECRET,
            what: "the user:password, or the password alone, of the webhook's basic auth, or the auth token of a relay \
                   webhook (X-MessageSystems-Webhook-Token): SparkPost signs nothing",
            for_webhooks: true,
        },
        Key {
            name: API_KEY,
            what: "an API key that may read and write transmissions and the suppression list: suppression checks, \
                   scheduled mail to people who opt out",
            for_webhooks: false,
        },
    ],
    body_bytes_max: 50 << 20,
    // "Webhooks", documentation: an answer is awaited for 10 seconds.
    webhook_timeout: Duration::from_secs(10),
    exemptions: &["verification"],
    unnamed: &[path::LISTS, path::PUSH, "scheduled"],
    ..Profile::USUAL
};

impl Adapter for SparkPost {
    fn profile(&self) -> &'static Profile {
        &PROFILE
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        // Otherwise the API key alone says whose request it is.
        let subaccount = head.header(SUBACCOUNT.as_str())?.trim();
        (!subaccount.is_empty()).then(|| Cow::Owned(format!("subaccount:{subaccount}")))
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        path::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        transmission::read(request)
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        trim::trim(request, drop)
    }

    fn add_headers(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Vec<Edit>, CannotAdd> {
        headers::add(request, headers)
    }

    fn refuse(&self, _: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        refuse::refuse(refusal)
    }

    fn learn(
        &self,
        request: &Request<'_>,
        send: &Sending<'_>,
        dropped: &[usize],
        answer: &Answer<'_>,
    ) -> Learned {
        answer::learn(request, send, dropped, answer)
    }

    fn stitches(&self, send: &Sending<'_>) -> bool {
        send.kind == transmission::KIND
    }

    fn stitch(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        answer::stitch(request, refused, answer)
    }

    fn cancel(&self, scheduled: &Scheduled, secrets: &Secrets) -> Option<Call> {
        answer::cancel(scheduled, secrets)
    }

    fn suppressions(&self) -> Option<&'static dyn Suppressions> {
        Some(&suppressions::SparkPostSuppressions)
    }

    fn verify(&self, webhook: &Webhook<'_>, secrets: &Secrets, _: jiff::Timestamp) -> Result<Proof, Forged> {
        webhook::verify(webhook, secrets)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        webhook::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&sandbox::SparkPostSandbox)
    }
}

/// A call with the account's key.
fn call(method: Method, path_and_query: String, secrets: &Secrets) -> Option<Call> {
    let key = dndgate_adapter::credentials::secret(secrets.first(API_KEY)?)?;
    let headers =
        vec![(header::ACCEPT, HeaderValue::from_static("application/json")), (header::AUTHORIZATION, key)];
    Some(Call { method, host: None, path_and_query, headers, body: Vec::new() })
}

/// The same with a JSON body.
fn call_with(method: Method, path: String, body: &serde_json::Value, secrets: &Secrets) -> Option<Call> {
    let mut call = call(method, path, secrets)?;
    call.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    call.body = body.to_string().into_bytes();
    Some(call)
}
