//! Postmark through the real binary: its SDKs, its webhooks, its suppression lists.

use crate::harness::{Fake, Message, Request, Setup, World, free_block, sdk};
use dndgate_postmark::POSTMARK;
use serde_json::json;

const FREE: &str = "bob@example.org";
const BLOCKED: &str = "ada@example.org";

fn world(provider: &Fake, more: &str) -> World {
    let world = Setup::default()
        .tail(&format!(
            "[[provider]]\nname = \"postmark\"\nadapter = \"postmark\"\nupstream = \"{}\"\n\
             webhook_secret = \"user:s3cret\"\nserver_token = \"TOKEN\"\n{more}",
            provider.url()
        ))
        .start();
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
    let provider = Fake::of(&POSTMARK);
    let world = world(&provider, "");
    let base = format!("http://127.0.0.1:{}/postmark", world.gate.ports.traffic);
    sdk::run(script, &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED), ("BACKEND", backend)]);
    reached(&provider).len()
}

#[test]
fn r11_r12_postmark_for_node() {
    assert_eq!(through("postmark_node.js", ""), 8);
}

#[test]
fn r11_r12_postmark_by_django_anymail() {
    assert_eq!(through("anymail_others.py", "postmark"), 4);
}

#[test]
fn r11_r12_postmarker_for_python_by_a_port_of_its_own() {
    let provider = Fake::of(&POSTMARK);
    let port = free_block(1);
    let _world = world(&provider, &format!("listen = \"127.0.0.1:{port}\""));
    let base = format!("http://127.0.0.1:{port}/");
    sdk::run("postmarker_python.py", &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED)]);
    assert_eq!(reached(&provider).len(), 4);
}

fn webhook(credentials: Option<&str>, body: &serde_json::Value) -> Request {
    let request = Request::post("/hooks/postmark").json(body);
    match credentials {
        Some(credentials) => request.field("authorization", credentials),
        None => request,
    }
}

/// `user:s3cret`.
const BASIC: &str = "Basic dXNlcjpzM2NyZXQ=";

#[test]
fn r17_r18_webhooks_count_when_they_bear_the_secret() {
    let provider = Fake::of(&POSTMARK);
    let world = world(&provider, "");
    let bounce = json!({ "RecordType": "Bounce", "ID": 7, "Type": "HardBounce", "Inactive": true,
        "Email": "bounce@example.org", "BouncedAt": jiff::Timestamp::now().to_string() });
    for forged in [None, Some("Basic dXNlcjpvdGhlcg=="), Some("Basic czNjcmV0"), Some("s3cret")] {
        assert_eq!(world.send(&webhook(forged, &bounce)).status(), 403, "{forged:?}");
    }
    assert!(!world.is_blocked("Email", "bounce@example.org"));
    assert_eq!(world.send(&webhook(Some(BASIC), &bounce)).status(), 200);
    assert!(world.is_blocked("Email", "bounce@example.org"));

    let left = json!({ "RecordType": "SubscriptionChange", "Recipient": FREE, "SuppressSending": true,
        "SuppressionReason": "ManualSuppression", "Origin": "Recipient", "MessageID": "m",
        "ChangedAt": jiff::Timestamp::now().to_string() });
    assert_eq!(world.send(&webhook(Some(BASIC), &left)).status(), 200);
    assert!(world.is_blocked("Email", FREE));
    let wrote = json!({ "FromFull": { "Email": "eve@example.org" }, "From": "eve@example.org",
        "Subject": "Re: News", "StrippedTextReply": "STOP", "TextBody": "STOP", "MessageID": "i" });
    assert_eq!(world.send(&webhook(Some(BASIC), &wrote)).status(), 200);
    assert!(world.is_blocked("Email", "eve@example.org"));
}

#[test]
fn r18_an_answer_that_calls_somebody_inactive_counts() {
    let provider = Fake::with(|_| {
        crate::harness::Reaction::Answer(crate::harness::json_answer(
            422,
            &json!({ "ErrorCode": 406, "Message": format!("You tried to send to recipient(s) that have been marked \
                as inactive. Found inactive addresses: {FREE}. Inactive recipients are ones that …") }),
        ))
    });
    let world = world(&provider, "");
    let send =
        Request::post("/postmark/email").json(&json!({ "From": "t@acme.com", "To": FREE, "TextBody": "x" }));
    assert_eq!(world.send(&send).status(), 422);
    assert!(world.is_blocked("Email", FREE));
}
