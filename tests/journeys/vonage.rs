//! Vonage through the real binary: its official SDKs, its webhooks.

use super::stand_ins::{
    BLOCKED, FREE, StandIn, a_failure_is_told, a_stop_is_believed_when_signed, reached_only_the_free, sdk,
};
use crate::harness::{Request, Setup, World};
use dndgate_adapter::Channel;
use dndgate_vonage::VONAGE;
use serde_json::json;
use std::path::{Path, PathBuf};

fn vonage() -> StandIn {
    StandIn::new(&VONAGE, &[("signature_secret", "the-secret"), ("api_key", "abcd1234"), ("api_secret", "s")])
}

/// A certificate for localhost, made for these tests and trusted nowhere else.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn world(stand_in: &StandIn, setup: Setup) -> World {
    let world = setup.tail(&stand_in.configured()).start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    world
}

#[test]
fn r11_r12_vonage_for_python() {
    let stand_in = vonage();
    // The SDK writes https:// in front of its hosts.
    let (cert, key) = (fixture("localhost.cert.pem"), fixture("localhost.key.pem"));
    let tls = format!("tls = {{ cert = {cert:?}, key = {key:?} }}");
    let world = world(&stand_in, Setup::default().traffic(&tls));
    let base = format!("localhost:{}/vonage", world.gate.ports.traffic);
    sdk("vonage_python.py", &base, &[("REQUESTS_CA_BUNDLE", &cert.to_string_lossy())]);
    reached_only_the_free(&stand_in, 7);
}

#[test]
fn r11_r12_vonage_for_node() {
    let stand_in = vonage();
    let world = world(&stand_in, Setup::default());
    sdk("vonage_node.js", &format!("http://127.0.0.1:{}/vonage", world.gate.ports.traffic), &[]);
    reached_only_the_free(&stand_in, 5);
    let fallbacks: Vec<_> =
        stand_in.fake.seen().into_iter().filter(|one| one.text().contains("failover")).collect();
    assert!(fallbacks.is_empty(), "the fallback was taken out: {fallbacks:#?}");
}

#[test]
fn r16_r19_vonages_webhooks_count_when_it_signed_them() {
    let stand_in = vonage();
    let world = world(&stand_in, Setup::default());
    // By the SMS API's signature, and by a token.
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::Sms, "+14155550131");
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::WhatsApp, "+14155550132");
    let text = [("to", FREE), ("from", "Acme"), ("text", "hello")];
    assert_eq!(world.send(&Request::post("/vonage/rest.nexmo.com/sms/json").form(&text)).status(), 200);
    a_failure_is_told(&stand_in, &world, "9");
}

#[test]
fn r12_the_old_api_says_no_within_a_200() {
    let stand_in = vonage();
    let world = world(&stand_in, Setup::default());
    let text = [("to", BLOCKED), ("from", "Acme"), ("text", "hello")];
    let answer = world.send(&Request::post("/vonage/rest.nexmo.com/sms/json").form(&text));
    assert_eq!((answer.status(), &answer.json()["messages"][0]["status"]), (200, &json!("7")));
    assert!(answer.verdict().starts_with("blocked"), "{}", answer.verdict());
    assert_eq!(stand_in.fake.count(), 0);
}
