//! Brevo through the real binary: its SDKs, its webhooks, what leaves later.

use crate::harness::{Fake, Message, Reaction, Request, Setup, World, json_answer, sdk, stand_in, until};
use dndgate_adapter::{Adapter, Channel, Secrets, sandbox::Inbound};
use dndgate_brevo::BREVO;
use serde_json::json;

const FREE: &str = "bob@example.org";
const BLOCKED: &str = "ada@example.org";

fn world(provider: &Fake) -> World {
    let world = Setup::default()
        .tail(&format!(
            "[[provider]]\nname = \"brevo\"\nadapter = \"brevo\"\nupstream = \"{}\"\nwebhook_secret = \"user:s3cret\"\n\
             api_key = \"KEY\"",
            provider.url()
        ))
        .start();
    world.api().contact(&json!({ "email": BLOCKED, "phone": "+14155550101", "dnd": true }));
    world
}

/// What went out names nobody who wants nothing.
fn reached(provider: &Fake) -> Vec<Message> {
    let sends: Vec<Message> = provider.seen().into_iter().filter(|one| one.method() == "POST").collect();
    for send in &sends {
        let text = send.text().to_lowercase();
        assert!(!text.contains(BLOCKED) && !text.contains("14155550101"), "{send:#?}");
    }
    sends
}

fn through(script: &str) -> usize {
    let provider = Fake::of(&BREVO);
    let world = world(&provider);
    let base = format!("http://127.0.0.1:{}/brevo", world.gate.ports.traffic);
    sdk::run(script, &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED)]);
    reached(&provider).len()
}

#[test]
fn r11_r12_brevo_for_python_and_django_anymail() {
    assert_eq!(through("brevo_python.py"), 9);
}

#[test]
fn r11_r12_brevo_for_node() {
    assert_eq!(through("brevo_node.js"), 4);
}

#[test]
fn r16_r18_webhooks_count_when_they_bear_the_secret() {
    let provider = Fake::of(&BREVO);
    let world = world(&provider);
    let secrets = |secret: &str| Secrets::new(vec![("webhook_secret", vec![secret.to_owned()])]);
    let sandbox = BREVO.sandbox().expect("a stand-in");
    let stop = |secret: &str| {
        let (from, text) = (FREE, "STOP");
        let message = Inbound { channel: Channel::Email, from, to: "team@mg.example.com", text };
        let url = "https://gate.example.com/hooks/brevo";
        stand_in::webhook(&sandbox.inbound(&message, url, &secrets(secret), 1, jiff::Timestamp::now()))
    };
    assert_eq!(world.send(&stop("user:other")).status(), 403);
    assert!(!world.is_blocked("Email", FREE));
    assert_eq!(world.send(&stop("user:s3cret")).status(), 200);
    assert!(world.is_blocked("Email", FREE));
    let bounce =
        json!({ "event": "hard_bounce", "email": "eve@example.org", "ts_epoch": 1_795_521_600_000_i64 });
    let bounce = Request::post("/hooks/brevo").json(&bounce);
    assert_eq!(world.send(&bounce).status(), 403, "without a secret");
    // user:s3cret
    assert_eq!(world.send(&bounce.field("authorization", "Basic dXNlcjpzM2NyZXQ=")).status(), 200);
    assert!(world.is_blocked("Email", "eve@example.org"));
}

#[test]
fn r21_blocked_contacts_are_read_page_by_page() {
    let provider = Fake::of(&BREVO);
    let world = world(&provider);
    let id = world.api().contact(&json!({ "email": FREE }));
    let spam = json!({ "event": "spam", "email": FREE, "ts_epoch": jiff::Timestamp::now().as_millisecond() });
    let spam = Request::post("/hooks/brevo").json(&spam).field("authorization", "Bearer user:s3cret");
    assert_eq!(world.send(&spam).status(), 200);
    let entry = |number: usize, address: &str| {
        json!({ "email": address, "senderEmail": "", "blockedAt": "2026-11-24T12:00:00Z",
            "reason": { "code": "contactFlaggedAsSpam", "message": format!("{number}") } })
    };
    let full: Vec<_> = (0..100).map(|number| entry(number, &format!("{number}@example.org"))).collect();
    provider.reacts(move |request| {
        Reaction::Answer(match request.target() {
            target if target.contains("offset=0") => {
                json_answer(200, &json!({ "count": 101, "contacts": full.clone() }))
            }
            target if target.contains("offset=100") => {
                json_answer(200, &json!({ "count": 101, "contacts": [entry(100, FREE)] }))
            }
            _ => stand_in::reply(&BREVO, request),
        })
    });
    let release = |body: &serde_json::Value| {
        let answer = world.api().post(&format!("/v1/contacts/{id}/email-release"), body);
        assert_eq!(answer.status(), 409, "{}", answer.text());
        answer.json().to_string()
    };
    assert!(
        release(&json!({ "remove": true })).contains("contactFlaggedAsSpam 100"),
        "found on the second page"
    );
    let removed = provider.seen().into_iter().find(|one| one.method() == "DELETE").expect("it is taken off");
    assert_eq!(removed.target(), "/v3/smtp/blockedContacts/bob%40example.org");
}

#[test]
fn r14_what_leaves_later_is_cancelled_when_its_person_opts_out() {
    let provider = Fake::of(&BREVO);
    let world = world(&provider);
    let later = Request::post("/brevo/v3/smtp/email").json(&json!({
        "sender": { "email": "team@mg.example.com" }, "to": [{ "email": FREE }], "subject": "x", "textContent": "x",
        "scheduledAt": "2026-12-24T10:00:00Z",
    }));
    let id = world.send(&later).json()["messageId"].as_str().expect("an id").to_owned();
    world.api().contact(&json!({ "email": FREE, "dnd": true }));
    let cancelled =
        until("the cancellation", || provider.seen().into_iter().find(|one| one.method() == "DELETE"));
    assert_eq!(cancelled.field("api-key"), Some("KEY"));
    let decoded = percent_encoding::percent_decode_str(cancelled.target()).decode_utf8_lossy();
    assert_eq!(decoded, format!("/v3/smtp/email/{id}"));
}
