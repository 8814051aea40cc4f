//! Amazon SES: mail over both versions of its API, and what Amazon SNS tells of it.
//!
//! Reading order: [`path`] (which request is which), [`people`] (one mail and its recipients), [`v2`] (JSON), [`v1`]
//! (the form of 2010), [`raw`] (MIME in base64), [`answers`], [`headers`], [`sigv4`] (the caller's signature and our
//! own); then [`sns`] (proof), [`events`], [`inbound`], [`confirm`]; [`suppressions`], [`sandbox`]. What is understood
//! and what is not is in the README.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answers;
mod confirm;
mod events;
mod headers;
mod inbound;
mod path;
mod people;
mod raw;
mod sandbox;
mod sigv4;
mod sns;
mod suppressions;
mod v1;
mod v2;

use dndgate_adapter::{
    Adapter, Answer, Ask, Authentic, CannotAdd, CannotTrim, Channel, Channels, Edit, Event, Forged, Head,
    Key, Look, Onward, Outbound, Profile, Proof, Refusal, Refused, Reply, Request, Secrets, Sending,
    Unreadable, Webhook, outbound::Call, sandbox::Sandbox, suppressions::Suppressions,
};
use http::{HeaderName, HeaderValue, StatusCode};
use path::{Point, point};
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

/// Names of the configuration's keys.
const ACCESS_KEY: &str = "aws_access_key_id";
const SECRET_KEY: &str = "aws_secret_access_key";
const REGION: &str = "region";
const TOPIC: &str = "topic_arn";

/// The hosts of SES itself.
const HOSTS: [&str; 3] = ["email.*.amazonaws.com", "email-fips.*.amazonaws.com", "email.*.amazonaws.com.cn"];

/// Where SES is called when the configuration names no region, and in the list of adapters.
const USUAL_REGION: &str = "us-east-1";

/// The adapter, for one region.
#[derive(Debug)]
pub struct Ses {
    profile: &'static Profile,
}

/// The adapter as it stands in the list of adapters.
pub static SES: Ses = Ses { profile: &US_EAST_1 };

static US_EAST_1: Profile = profile("https://email.us-east-1.amazonaws.com");

/// The keys that [`for_region`] reads.
pub static REGION_KEYS: &[Key] = &[KEY_OF_REGION];

const KEY_OF_REGION: Key = Key {
    name: REGION,
    what: "the AWS region whose SES is called, such as eu-west-1; us-east-1 when absent",
    for_webhooks: false,
};

static KEYS: &[Key] = &[
    Key {
        name: ACCESS_KEY,
        what: "the access key id with which requests are signed for SES; callers sign theirs with it. More than one: \
               the first signs for SES, callers may use any",
        for_webhooks: false,
    },
    Key {
        name: SECRET_KEY,
        what: "the secret access keys, in the order of aws_access_key_id",
        for_webhooks: false,
    },
    Key {
        name: TOPIC,
        what: "the Amazon SNS topics (their ARNs) whose messages are believed and whose subscription is confirmed",
        for_webhooks: true,
    },
    KEY_OF_REGION,
];

const fn profile(upstream: &'static str) -> Profile {
    Profile {
        name: "ses",
        title: "Amazon SES",
        channels: Channels::of(Channel::Email),
        upstream,
        hosts: &[HOSTS[0], HOSTS[1], HOSTS[2], sns::HOSTS[0], sns::HOSTS[1]],
        keys: KEYS,
        // SES takes 40 MB, in base64.
        body_bytes_max: 56 << 20,
        signs_onward: true,
        // "Amazon SNS message delivery retries": an answer is awaited for 15 seconds.
        webhook_timeout: Duration::from_secs(15),
        exemptions: &["verify"],
        unnamed: &[path::INBOX_TESTS, v1::BOUNCES],
        ..Profile::USUAL
    }
}

/// The adapter for the region that the configuration names.
///
/// # Errors
/// When that is no name of a region.
pub fn for_region(values: &Secrets) -> Result<&'static dyn Adapter, String> {
    static MADE: LazyLock<Mutex<HashMap<String, &'static Ses>>> = LazyLock::new(Mutex::default);
    let region = values.first(REGION).unwrap_or(USUAL_REGION);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if region.is_empty() || region.len() > 32 || !region.bytes().all(plain) {
        return Err(format!("region {region:?} is no AWS region: write it as \"eu-west-1\""));
    }
    if region == USUAL_REGION {
        return Ok(&SES);
    }
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let one = made.entry(region.to_owned()).or_insert_with(|| {
        // Few regions are ever named, and what is made lives as long as the process.
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let upstream = format!("https://email.{region}.amazonaws.com{suffix}").leak();
        Box::leak(Box::new(Ses { profile: Box::leak(Box::new(profile(upstream))) }))
    });
    Ok(*one)
}

impl Adapter for Ses {
    fn profile(&self) -> &'static Profile {
        self.profile
    }

    fn account<'a>(&self, head: &Head<'a>) -> Option<Cow<'a, str>> {
        sigv4::access_key(head.headers).map(Cow::Borrowed)
    }

    fn look(&self, head: &Head<'_>) -> Result<Look, Unreadable> {
        path::look(head)
    }

    fn read<'a>(&self, request: &Request<'a>) -> Result<Outbound<'a>, Unreadable> {
        match point(&request.head)? {
            None => Ok(Outbound::Unrecognised),
            Some(Point::Nobody) => Ok(Outbound::Nobody),
            Some(Point::Unnamed(name)) => Ok(Outbound::Unnamed(name)),
            Some(Point::Query) => v1::read(request),
            Some(point) => v2::read(request, point),
        }
    }

    fn trim(&self, request: &Request<'_>, _: &Sending<'_>, drop: &[usize]) -> Result<Vec<Edit>, CannotTrim> {
        match point(&request.head) {
            Ok(Some(Point::Query)) => v1::trim(request, drop),
            Ok(Some(point)) => v2::trim(request, point, drop),
            _ => Err(CannotTrim("this is no send".into())),
        }
    }

    fn add_headers(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        headers: &[(&str, &str)],
    ) -> Result<Vec<Edit>, CannotAdd> {
        headers::add(request, headers)
    }

    fn refuse(&self, head: &Head<'_>, refusal: &Refusal<'_>) -> Reply {
        answers::refuse(head, refusal)
    }

    fn sign_onward(
        &self,
        onward: &Onward<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Unreadable> {
        sigv4::sign_onward(onward, secrets, now)
    }

    fn wants_answer(&self, _: &Sending<'_>, _: StatusCode) -> bool {
        // SES takes a send to a suppressed recipient and reports it later: a refusal teaches nothing.
        false
    }

    fn stitches(&self, send: &Sending<'_>) -> bool {
        send.kind == "bulk"
    }

    fn stitch(
        &self,
        request: &Request<'_>,
        _: &Sending<'_>,
        refused: &[Refused<'_>],
        answer: &Answer<'_>,
    ) -> Option<Vec<u8>> {
        answers::stitch(request, refused, answer)
    }

    fn suppressions(&self) -> Option<&'static dyn Suppressions> {
        Some(&suppressions::SesSuppressions)
    }

    fn proof_document(&self, webhook: &Webhook<'_>) -> Result<Option<Ask>, Forged> {
        sns::proof_document(webhook)
    }

    fn verify(
        &self,
        webhook: &Webhook<'_>,
        secrets: &Secrets,
        now: jiff::Timestamp,
    ) -> Result<Proof, Forged> {
        sns::verify(webhook, secrets, now).map(|()| Proof::default())
    }

    fn subscription(&self, webhook: &Authentic<'_>, secrets: &Secrets) -> Option<Ask> {
        sns::subscription(webhook.webhook(), secrets)
    }

    fn events<'a>(&self, webhook: &Authentic<'a>) -> Result<Vec<Event<'a>>, Unreadable> {
        events::events(webhook.webhook())
    }

    fn acknowledge(&self, _: &Authentic<'_>) -> Reply {
        Reply::empty(StatusCode::OK)
    }

    fn confirms_itself(&self, _: &Authentic<'_>, event: &Event<'_>) -> bool {
        confirm::confirms_itself(event)
    }

    fn confirm_call(
        &self,
        webhook: &Authentic<'_>,
        event: &Event<'_>,
        text: &str,
        secrets: &Secrets,
    ) -> Option<Call> {
        confirm::confirm_call(webhook, event, text, secrets)
    }

    fn sandbox(&self) -> Option<&'static dyn Sandbox> {
        Some(&sandbox::SesSandbox)
    }
}
