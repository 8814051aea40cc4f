//! Subscribers are told of every change (R29): signed, in order, and again when they did not take it.

use crate::harness::{Fake, Message, Setup, World, answer};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

const KEY: &[u8] = b"a key of thirty-two bytes, about";

fn world(subscriber: &Fake) -> World {
    let secret = format!("whsec_{}", STANDARD.encode(KEY));
    let section = format!("[[subscriber]]\nurl = \"{}/dnd?x=1\"\nsecret = {secret:?}", subscriber.url());
    Setup::default().tail(&section).start()
}

/// Would a verifier of Standard Webhooks take it?
#[track_caller]
fn assert_signed(event: &Message) {
    let field = |name: &str| event.field(name).unwrap_or_else(|| panic!("no {name}: {event:?}")).to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY).expect("any key");
    mac.update(format!("{}.{}.{}", field("webhook-id"), field("webhook-timestamp"), event.text()).as_bytes());
    assert_eq!(field("webhook-signature"), format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    assert_eq!(field("webhook-id"), event.json()["eventId"], "the id is the event's");
}

#[test]
fn r29_a_subscriber_is_told_signed_and_in_order() {
    let subscriber = Fake::with(|_| crate::harness::Reaction::Answer(answer(200, "text/plain", "")));
    let world = world(&subscriber);
    let id = world.api().contact(&json!({ "firstName": "Ada", "phone": "+14155550101" }));
    for text in ["STOP", "START", "STOP"] {
        world.hears("+14155550101", text);
    }
    let told = subscriber.wait_for(3);
    for event in &told {
        assert_eq!((event.method(), event.target()), ("POST", "/dnd?x=1"));
        assert_signed(event);
    }
    let changes: Vec<_> = told.iter().map(|event| event.json()["change"].clone()).collect();
    assert_eq!(changes, ["enabled", "disabled", "enabled"]);
    assert_eq!(told[0].json()["id"], json!(id));
    let bodies: Vec<_> = told.iter().map(Message::json).collect();
    assert_eq!(bodies, world.api().events(), "what the feed holds");
}

#[test]
fn r29_what_a_subscriber_did_not_take_comes_again_with_its_id_and_the_rest_waits_behind_it() {
    let subscriber = Fake::with(|_| crate::harness::Reaction::Answer(answer(500, "text/plain", "")));
    let mut world = world(&subscriber);
    world.hears("+14155550101", "STOP");
    world.hears("+14155550102", "STOP");
    subscriber.wait_for(1);
    world.gate.wait_for_metric("dndgate_event_deliveries_total", &[("outcome", "retried")], 1.0);
    subscriber.answers(answer(204, "text/plain", ""));
    // A restart forgets no event.
    world.gate.is_killed();
    world.gate.starts_again();
    let told = subscriber.wait_for(3);
    let first = told[0].field("webhook-id");
    assert_eq!(told[1].field("webhook-id"), first);
    assert_ne!(told[2].field("webhook-id"), first);
    told.iter().for_each(assert_signed);
    world.gate.wait_for_metric("dndgate_event_deliveries_total", &[("outcome", "delivered")], 2.0);
}
