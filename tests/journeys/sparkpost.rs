//! SparkPost through the real binary: its SDKs, its webhooks, mail that waits.

use crate::harness::{Fake, Message, Request, Setup, World, sdk, until};
use dndgate_sparkpost::SPARKPOST;
use serde_json::json;
use std::path::{Path, PathBuf};

const FREE: &str = "bob@example.org";
const BLOCKED: &str = "ada@example.org";

fn setup(provider: &Fake) -> Setup {
    Setup::default().tail(&format!(
        "[[provider]]\nname = \"sparkpost\"\nadapter = \"sparkpost\"\nupstream = \"{}\"\n\
         webhook_secret = \"user:s3cret\"\napi_key = \"KEY\"",
        provider.url()
    ))
}

fn world(setup: Setup) -> World {
    let world = setup.start();
    world.api().contact(&json!({ "email": BLOCKED, "dnd": true }));
    world
}

/// What went out names nobody who wants nothing.
fn reached(provider: &Fake) -> Vec<Message> {
    let sends: Vec<Message> = provider.seen().into_iter().filter(|one| one.method() == "POST").collect();
    for send in &sends {
        assert!(!send.text().to_lowercase().contains(BLOCKED), "{send:#?}");
        assert!(send.text().contains(FREE), "{send:#?}");
    }
    sends
}

fn through(script: &str, backend: &str) -> usize {
    let provider = Fake::of(&SPARKPOST);
    let world = world(setup(&provider));
    let base = format!("http://127.0.0.1:{}/sparkpost", world.gate.ports.traffic);
    sdk::run(script, &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED), ("BACKEND", backend)]);
    reached(&provider).len()
}

#[test]
fn r11_r12_sparkpost_for_node() {
    assert_eq!(through("sparkpost_node.js", ""), 2);
}

#[test]
fn r11_r12_sparkpost_by_django_anymail() {
    assert_eq!(through("anymail_others.py", "sparkpost"), 3);
}

/// A file of the certificate that the gateway shows.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// It always speaks HTTPS.
#[test]
fn r11_r12_sparkpost_for_python() {
    let provider = Fake::of(&SPARKPOST);
    let (cert, key) = (fixture("localhost.cert.pem"), fixture("localhost.key.pem"));
    let world = world(setup(&provider).traffic(&format!("tls = {{ cert = {cert:?}, key = {key:?} }}")));
    let base = format!("localhost:{}/sparkpost", world.gate.ports.traffic);
    let trusted = cert.to_str().expect("text");
    sdk::run(
        "sparkpost_python.py",
        &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED), ("REQUESTS_CA_BUNDLE", trusted)],
    );
    assert_eq!(reached(&provider).len(), 3);
}

fn webhook(credentials: &str, events: &serde_json::Value) -> Request {
    Request::post("/hooks/sparkpost").json(events).field("authorization", credentials)
}

/// `user:s3cret`.
const BASIC: &str = "Basic dXNlcjpzM2NyZXQ=";

#[test]
fn r17_r18_every_event_of_a_webhook_that_bears_the_secret_counts() {
    let provider = Fake::of(&SPARKPOST);
    let world = world(setup(&provider));
    let event = |class: &str, name: &str, id: &str, to: &str| {
        json!({ "msys": { class: { "type": name, "event_id": id, "rcpt_to": to, "bounce_class": "10",
            "timestamp": jiff::Timestamp::now().as_second().to_string() } } })
    };
    let batch = json!([
        event("message_event", "bounce", "1", "bounce@example.org"),
        event("message_event", "spam_complaint", "2", "spam@example.org"),
        event("unsubscribe_event", "link_unsubscribe", "3", "left@example.org"),
        event("message_event", "delivery", "4", FREE),
    ]);
    assert_eq!(world.send(&webhook("Basic dXNlcjpvdGhlcg==", &batch)).status(), 403);
    assert!(!world.is_blocked("Email", "bounce@example.org"));
    assert_eq!(world.send(&webhook(BASIC, &batch)).status(), 200);
    for address in ["bounce@example.org", "spam@example.org", "left@example.org"] {
        assert!(world.is_blocked("Email", address), "{address}");
    }
    assert!(!world.is_blocked("Email", FREE));
    let mail = json!([{ "msys": { "relay_message": { "msg_from": FREE, "friendly_from": FREE,
        "content": { "subject": "Re: News", "text": "STOP" } } } }]);
    let token =
        Request::post("/hooks/sparkpost").json(&mail).field("x-messagesystems-webhook-token", "user:s3cret");
    assert_eq!(world.send(&token).status(), 200);
    assert!(world.is_blocked("Email", FREE));
}

#[test]
fn r14_mail_that_waits_is_stopped_for_whoever_opts_out() {
    let provider = Fake::of(&SPARKPOST);
    let world = world(setup(&provider));
    let send = |people: serde_json::Value| {
        let body = json!({ "recipients": people, "content": { "text": "x", "from": "t@acme.com" },
            "options": { "start_time": "2030-01-01T00:00:00Z" } });
        let answer = world.send(&Request::post("/sparkpost/api/v1/transmissions").json(&body));
        assert_eq!(answer.status(), 200, "{}", answer.text());
    };
    send(json!([{ "address": FREE }]));
    send(json!([{ "address": FREE }, { "address": "eve@example.org" }]));
    let left = json!([{ "msys": { "unsubscribe_event": { "type": "link_unsubscribe", "event_id": "9",
        "rcpt_to": FREE, "timestamp": jiff::Timestamp::now().as_second().to_string() } } }]);
    assert_eq!(world.send(&webhook(BASIC, &left)).status(), 200);
    until("both to be stopped", || {
        let seen = provider.seen();
        let cancelled = seen
            .iter()
            .any(|one| one.method() == "DELETE" && one.target().starts_with("/api/v1/transmissions/"));
        let suppressed = seen.iter().any(|one| {
            one.method() == "PUT" && one.text().contains(FREE) && !one.text().contains("eve@example.org")
        });
        (cancelled && suppressed).then_some(())
    });
}
