//! Error codes of providers, in callbacks and in answers (R19).

use crate::harness::{World, json_answer, signed::message_status};
use serde_json::json;

#[test]
fn r19_codes_in_status_callbacks_mean_what_the_policy_says() {
    let world = World::start();
    let api = world.api();
    for (number, (code, status, reason)) in [
        ("30003", "active", "carrier"),
        ("30004", "permanent", "carrier"),
        ("30005", "active", "carrier"),
        ("30006", "active", "carrier"),
        ("21610", "permanent", "provider_opt_out"),
        ("30007", "inactive", ""),
        ("30008", "inactive", ""),
        ("", "inactive", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let person = format!("+1415555010{number}");
        let id = api.contact(&json!({ "phone": person }));
        let answer = world.send(&message_status("/hooks/twilio", &person, code));
        assert!(answer.status() < 300, "{answer:?}");
        let shown = &api.show(&id)["dndSettings"]["SMS"];
        assert_eq!(shown["status"], status, "{code}: {shown}");
        if !reason.is_empty() {
            assert_eq!((&shown["reason"], &shown["code"]), (&json!(reason), &json!(code)), "{shown}");
        }
        assert_eq!(
            world.message(&person, "Hello").status(),
            if reason.is_empty() { 201 } else { 400 },
            "{code}"
        );
    }
}

#[test]
fn r19_a_code_for_a_whatsapp_address_concerns_whatsapp() {
    let world = World::start();
    assert!(world.send(&message_status("/hooks/twilio", "whatsapp:+14155550101", "21610")).status() < 300);
    assert_eq!(world.message("whatsapp:+14155550101", "Hello").status(), 400);
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
}

#[test]
fn r19_a_code_that_no_policy_knows_is_counted_and_changes_nothing() {
    let world = World::start();
    assert!(world.send(&message_status("/hooks/twilio", "+14155550101", "39999")).status() < 300);
    assert!(!world.is_blocked("SMS", "+14155550101"));
    assert_eq!(world.gate.metric("dndgate_unknown_codes_total", &[("provider", "twilio")]), 1.0);
    assert!(world.gate.log().contains("39999"), "and logged");
}

#[test]
fn r19_21610_in_an_answer_to_a_send_blocks_from_then_on() {
    let world = World::start();
    let body = json!({ "code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400,
                       "more_info": "https://www.twilio.com/docs/errors/21610" });
    world.twilio.answers(json_answer(400, &body));
    let theirs = world.message("+14155550101", "Hello");
    assert_eq!((theirs.status(), theirs.json()), (400, body), "the provider's own answer");
    let ours = world.message("+14155550101", "Hello");
    assert_eq!(ours.status(), 400);
    assert!(ours.verdict().contains("reason=provider_opt_out"), "{}", ours.verdict());
    assert_eq!(world.twilio.count(), 1);
    world.hears("+14155550101", "START");
    assert!(!world.is_blocked("SMS", "+14155550101"), "R23");
}

#[test]
fn r19_a_status_callback_is_acknowledged_as_twilio_wants_it() {
    let world = World::start();
    world.crm.goes_down();
    let answer = world.send(&message_status("/hooks/twilio", "+14155550101", "30003"));
    assert_eq!((answer.status(), answer.body.len()), (204, 0));
}
