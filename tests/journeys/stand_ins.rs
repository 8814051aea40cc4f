//! Providers' stand-ins, those of the demo, behind the real binary: they answer the official SDKs and sign webhooks.

use crate::harness::{Fake, Message, PUBLIC_URL, Reaction, Request, World};
use dndgate_adapter::{
    Adapter, Channel, Secrets,
    fixture::Fixture,
    outbound::Call,
    sandbox::{Delivered, Inbound},
};
use http::HeaderMap;
use std::{
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Somebody who may be reached and somebody who wants nothing.
pub(super) const FREE: &str = "+14155550102";
pub(super) const BLOCKED: &str = "+14155550101";
const BUSINESS: &str = "+15005550006";

/// A provider.
pub(super) struct StandIn {
    adapter: &'static dyn Adapter,
    pub(super) fake: Fake,
    delivered: Arc<Mutex<Vec<Delivered>>>,
    secrets: Secrets,
    /// Webhooks that it has made.
    webhooks: AtomicU64,
}

impl StandIn {
    /// The stand-in of that adapter, with the keys of its configuration.
    pub(super) fn new(adapter: &'static dyn Adapter, keys: &[(&'static str, &str)]) -> StandIn {
        let delivered: Arc<Mutex<Vec<Delivered>>> = Arc::default();
        let kept = Arc::clone(&delivered);
        let serial = AtomicU64::new(1);
        let fake = Fake::with(move |message| {
            let asked = asked(message);
            let sandbox = adapter.sandbox().expect("a stand-in");
            let serial = serial.fetch_add(1, Ordering::Relaxed);
            let answered = sandbox.answer(&asked.request(adapter.profile()), serial);
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend(answered.delivered);
            let field = |(name, value): &(http::HeaderName, http::HeaderValue)| {
                (name.to_string(), value.to_str().expect("text").to_owned())
            };
            Reaction::Answer(Message {
                start: format!("HTTP/1.1 {}", answered.reply.status),
                fields: answered.reply.headers.iter().map(field).collect(),
                body: answered.reply.body,
            })
        });
        let secrets = keys.iter().map(|(name, value)| (*name, vec![(*value).to_owned()])).collect();
        StandIn { adapter, fake, delivered, secrets: Secrets::new(secrets), webhooks: AtomicU64::new(7_001) }
    }

    /// Its part of the configuration.
    pub(super) fn configured(&self) -> String {
        let name = self.adapter.profile().name;
        let keys = self.adapter.profile().keys.iter().filter_map(|key| {
            self.secrets.first(key.name).map(|value| format!("{} = {value:?}\n", key.name))
        });
        let keys: String = keys.collect();
        format!("[[provider]]\nname = {name:?}\nadapter = {name:?}\nupstream = {:?}\n{keys}", self.fake.url())
    }

    /// Whom it has reached.
    pub(super) fn reached(&self) -> Vec<(Channel, String)> {
        let all = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|one| (one.channel, format!("+{}", one.to.trim_start_matches('+')))).collect()
    }

    /// The webhook of somebody who writes.
    fn says(&self, channel: Channel, from: &str, text: &str) -> Call {
        let serial = self.webhooks.fetch_add(1, Ordering::Relaxed);
        let url = format!("{PUBLIC_URL}/hooks/{}", self.adapter.profile().name);
        let message = Inbound { channel, from, to: BUSINESS, text };
        let sandbox = self.adapter.sandbox().expect("a stand-in");
        sandbox.inbound(&message, &url, &self.secrets, serial, jiff::Timestamp::now())
    }
}

/// A request as the stand-in reads it.
fn asked(message: &Message) -> Fixture {
    let mut headers = HeaderMap::new();
    for (name, value) in &message.fields {
        headers.append(name.parse::<http::HeaderName>().expect("a name"), value.parse().expect("a value"));
    }
    Fixture {
        name: String::new(),
        notes: Vec::new(),
        method: message.method().parse().expect("a method"),
        target: message.target().to_owned(),
        headers,
        body: message.body.clone(),
    }
}

fn webhook(call: &Call, body: Vec<u8>) -> Request {
    let mut request = Request::new(call.method.as_str(), &call.path_and_query);
    for (name, value) in &call.headers {
        request = request.field(name.as_str(), value.to_str().expect("text"));
    }
    request.body = body;
    request
}

/// Runs a script of `tests/sdk` against a base address.
pub(super) fn sdk(script: &str, base: &str, environment: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let program = if script.ends_with(".py") { folder.join(".venv/bin/python") } else { "node".into() };
    let ran = Command::new(program)
        .arg(folder.join(script))
        .arg("checks")
        .env("BASE", base)
        .env("FREE", FREE)
        .env("BLOCKED", BLOCKED)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied())
        .output()
        .expect("the script runs; tests/run fetches the SDKs");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}: {}\n{out}\n{err}", ran.status);
}

/// The SDK reached people, and never the one who wants nothing.
pub(super) fn reached_only_the_free(stand_in: &StandIn, least: usize) {
    let reached = stand_in.reached();
    assert!(reached.len() >= least, "only {} were reached: {reached:?}", reached.len());
    assert!(reached.iter().all(|(_, to)| to == FREE), "{reached:?}");
}

/// A STOP that the provider signed closes the channel, and one that somebody else signed does not.
pub(super) fn a_stop_is_believed_when_signed(
    stand_in: &StandIn,
    world: &World,
    channel: Channel,
    from: &str,
) {
    let stop = stand_in.says(channel, from, "STOP");
    let other = String::from_utf8_lossy(&stop.body).replace(from.trim_start_matches('+'), "14155550177");
    assert_eq!(world.send(&webhook(&stop, other.into_bytes())).status(), 403);
    assert!(!world.is_blocked(channel.name(), from), "a forged STOP counted");
    let body = stop.body.clone();
    assert_eq!(world.send(&webhook(&stop, body)).status(), 200);
    assert!(world.is_blocked(channel.name(), from), "a STOP did not count");
}

/// A failure that the provider reports is told to the policies.
pub(super) fn a_failure_is_told(stand_in: &StandIn, world: &World, code: &str) {
    let delivered = stand_in.delivered.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
    let delivered = delivered.expect("something was delivered");
    let url = format!("{PUBLIC_URL}/hooks/{}", stand_in.adapter.profile().name);
    let sandbox = stand_in.adapter.sandbox().expect("a stand-in");
    let (serial, now) = (stand_in.webhooks.fetch_add(1, Ordering::Relaxed), jiff::Timestamp::now());
    let call = sandbox.failure(&delivered, code, &url, &stand_in.secrets, serial, now);
    let to = format!("+{}", delivered.to.trim_start_matches('+'));
    assert!(!world.is_blocked("SMS", &to));
    assert_eq!(world.send(&webhook(&call, call.body.clone())).status(), 200);
    assert!(world.is_blocked("SMS", &to), "the failure {code} did not count");
}
