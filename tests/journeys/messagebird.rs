//! MessageBird through the real binary: its official SDKs, its webhooks.

use super::stand_ins::{
    BLOCKED, FREE, StandIn, a_failure_is_told, a_stop_is_believed_when_signed, reached_only_the_free, sdk,
};
use crate::harness::{Request, Setup, World, until};
use dndgate_adapter::Channel;
use dndgate_messagebird::MESSAGEBIRD;
use serde_json::json;

fn messagebird() -> StandIn {
    StandIn::new(&MESSAGEBIRD, &[("signing_key", "the-signing-key"), ("access_key", "live_key")])
}

fn world(stand_in: &StandIn) -> World {
    let world = Setup::default().tail(&stand_in.configured()).start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    world
}

fn base(world: &World) -> String {
    format!("http://127.0.0.1:{}/messagebird", world.gate.ports.traffic)
}

#[test]
fn r11_r12_messagebird_for_python() {
    let stand_in = messagebird();
    let world = world(&stand_in);
    sdk("messagebird_python.py", &base(&world), &[]);
    reached_only_the_free(&stand_in, 7);
}

#[test]
fn r11_r12_messagebird_for_node() {
    let stand_in = messagebird();
    let world = world(&stand_in);
    sdk("messagebird_node.js", &base(&world), &[]);
    reached_only_the_free(&stand_in, 4);
}

#[test]
fn r16_r19_messagebirds_webhooks_count_when_it_signed_them() {
    let stand_in = messagebird();
    let world = world(&stand_in);
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::Sms, "+14155550131");
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::WhatsApp, "+14155550132");
    let send = Request::post("/messagebird/messages");
    let send = send.json(&json!({ "originator": "Acme", "recipients": [FREE], "body": "hello" }));
    assert_eq!(world.send(&send).status(), 201);
    a_failure_is_told(&stand_in, &world, "opted out");
}

#[test]
fn r14_a_message_that_waits_is_cancelled_when_its_recipient_opts_out() {
    let stand_in = messagebird();
    let world = world(&stand_in);
    let send = Request::post("/messagebird/messages").json(&json!({
        "originator": "Acme", "recipients": [FREE], "body": "hello", "scheduledDatetime": "2036-12-01T10:00:00+00:00",
    }));
    let answer = world.send(&send);
    assert_eq!(answer.status(), 201);
    let id = answer.json()["id"].as_str().expect("an id").to_owned();
    a_stop_is_believed_when_signed(&stand_in, &world, Channel::Sms, FREE);
    let cancelled = until("the message is called off", || {
        stand_in.fake.seen().into_iter().find(|one| one.method() == "DELETE")
    });
    assert_eq!(cancelled.target(), format!("/rest.messagebird.com/messages/{id}"));
}
