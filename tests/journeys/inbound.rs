//! What people say: STOP blocks before the webhook is answered, START lifts, and whose inbound is blocked is
//! turned away.

use crate::harness::{
    ACCOUNT, PUBLIC_URL, SENDER, World, assert_twilio_refusal,
    signed::{call, fresh, text_message, text_message_with_id, twilio_signature, twilio_webhook},
};
use serde_json::json;

#[test]
fn r16_stop_on_a_channel_blocks_that_channel_alone() {
    let world = World::start();
    world.hears("whatsapp:+14155550101", "Stop please");
    assert_twilio_refusal(&world.message("whatsapp:+14155550101", "Hello"), 21610);
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
    world.hears("messenger:1234567890", "STOP");
    assert_twilio_refusal(&world.message("messenger:1234567890", "Hello"), 21610);
    assert_eq!(world.message("messenger:1234567891", "Hello").status(), 201);
}

#[test]
fn r16_ordinary_talk_blocks_nobody() {
    let world = World::start();
    for text in ["Hello", "the bus stop is across the street", "don't stop sending these", "", "YES"] {
        world.hears("+14155550101", text);
    }
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
}

#[test]
fn r23_start_lifts_what_stop_began_and_nothing_else() {
    let world = World::start();
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    world.hears("+14155550101", "yes please");
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    world.hears("+14155550101", "START");
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
    world.api().put(&format!("/contacts/{id}"), &json!({ "dndSettings": { "SMS": { "status": "active" } } }));
    world.hears("+14155550101", "STOP");
    world.hears("+14155550101", "START");
    let refused = world.message("+14155550101", "Hello");
    assert_twilio_refusal(&refused, 21610);
    assert!(refused.verdict().contains("reason=manual"), "{}", refused.verdict());
}

#[test]
fn r23_start_from_somebody_who_never_stopped_changes_nothing() {
    let world = World::start();
    world.hears("+14155550101", "START");
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
    world.hears("+14155550102", "STOP");
    world.hears("+14155550101", "START");
    assert_twilio_refusal(&world.message("+14155550102", "Hello"), 21610);
}

#[test]
fn r27_a_stop_is_in_force_before_it_is_acknowledged() {
    let world = World::start();
    for number in 0..50 {
        let person = format!("+1415555{number:04}");
        world.hears(&person, "STOP");
        assert_twilio_refusal(&world.message(&person, "Hello"), 21610);
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r30_a_webhook_delivered_twice_is_one_entry() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "phone": "+14155550101" }));
    for _ in 0..3 {
        assert_eq!(world.send(&text_message_with_id("SM0123", "+14155550101", "STOP")).status(), 200);
    }
    let history = api.history(&id);
    let begun: Vec<_> = history.iter().filter(|entry| entry["change"] == "begin").collect();
    assert_eq!(begun.len(), 1, "{history:#?}");
    assert!(begun[0]["source"].as_str().is_some_and(|source| source.contains("SM0123")), "{}", begun[0]);
    // A copy that comes late does not undo what came in between.
    world.hears("+14155550101", "START");
    assert_eq!(world.send(&text_message_with_id("SM0123", "+14155550101", "STOP")).status(), 200);
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
}

#[test]
fn r30_a_forged_twilio_webhook_is_a_403_without_effect() {
    let world = World::start();
    let good = text_message("+14155550101", "STOP");
    let mut changed = good.clone();
    changed.body = String::from_utf8(good.body.clone()).expect("text").replace("0101", "0102").into_bytes();
    let mut unsigned = good.clone();
    unsigned.fields.retain(|(name, _)| name != "X-Twilio-Signature");
    let pairs = [("MessageSid", "SM1"), ("AccountSid", ACCOUNT), ("From", "+14155550103"), ("Body", "STOP")];
    let signed = |token: &str, url: &str| {
        let mut request = twilio_webhook("/hooks/twilio", &pairs);
        request.fields[0].1 = twilio_signature(token, url, &pairs);
        request
    };
    let twice = good.clone().field("X-Twilio-Signature", "AAAA");
    let other_token = signed("another-token", &format!("{PUBLIC_URL}/hooks/twilio"));
    let other_url = signed(crate::harness::AUTH_TOKEN, "https://crm.example.com/hooks/twilio");
    for (what, request) in [
        ("another body", changed),
        ("no signature", unsigned),
        ("two signatures", twice),
        ("another token", other_token),
        ("another URL", other_url),
    ] {
        let answer = world.send(&request);
        assert_eq!(answer.status(), 403, "{what}: {}", answer.text());
    }
    for person in ["+14155550101", "+14155550102", "+14155550103"] {
        assert!(!world.is_blocked("SMS", person), "{person}");
    }
    assert_eq!(world.crm.count(), 0, "nothing forged is passed on");
    assert_eq!(world.gate.metric("dndgate_webhooks_total", &[("outcome", "forged")]), 5.0);
    assert_eq!(world.send(&good).status(), 200, "the honest one is taken");
}

#[test]
fn r4_whose_inbound_is_blocked_is_turned_away_and_heard_all_the_same() {
    let world = World::start();
    let api = world.api();
    let inbound = json!({ "all": { "status": "active", "message": "rude" } });
    let id = api.contact(&json!({ "phone": "+14155550101", "inboundDndSettings": inbound }));
    let shown = api.show(&id);
    assert_eq!((&shown["dndStatus"], &shown["dnd"]), (&json!("off"), &json!(false)), "{shown}");
    let declined = world.send(&call("+14155550101"));
    assert_eq!(declined.status(), 200);
    assert!(declined.text().contains("<Reject reason=\"busy\"/>"), "{}", declined.text());
    assert!(declined.field("Content-Type").is_some_and(|media| media.contains("xml")));
    let unheard = world.hears("+14155550101", "Answer me!");
    assert!(unheard.text().contains("<Response/>"), "{}", unheard.text());
    assert_eq!(world.crm.count(), 0, "the CRM is left in peace");
    assert_eq!(world.message("+14155550101", "Hello").status(), 201, "outbound is not concerned");
    world.hears("+14155550101", "STOP");
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    let answered = world.send(&call("+14155550102"));
    assert!(!answered.text().contains("Reject"), "{}", answered.text());
    assert_eq!(world.crm.count(), 1, "others get through");
    api.put(
        &format!("/contacts/{id}"),
        &json!({ "inboundDndSettings": { "all": { "status": "inactive" } } }),
    );
    assert!(!world.send(&call("+14155550101")).text().contains("Reject"));
}

#[test]
fn r7_an_opt_out_of_nobody_is_kept_and_shows_on_who_claims_the_address() {
    let world = World::start();
    let api = world.api();
    world.hears("+14155550101", "STOP");
    let id = api.contact(&json!({ "firstName": "Ada", "phone": "(415) 555-0101" }));
    let shown = api.show(&id);
    assert_eq!(shown["dndSettings"]["SMS"]["status"], "permanent", "{shown}");
    assert_eq!(shown["dndSettings"]["SMS"]["reason"], "keyword", "{shown}");
    assert_eq!(shown["dndStatus"], "partial");
}

#[test]
fn r6_what_a_person_said_holds_for_all_addresses_and_what_concerns_one_for_that_one() {
    let world = World::start();
    let api = world.api();
    api.contact(&json!({ "phone": "+14155550101", "additionalPhones": ["+14155550102"] }));
    world.hears("+14155550102", "STOP");
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    let two = json!({ "email": "ada@example.org", "additionalEmails": [{ "email": "ada@example.net" }] });
    let id = api.contact(&two);
    world.mailgun_reports(&crate::harness::signed::mail_failure("ada@example.net", "permanent", "bounce"));
    assert!(world.is_blocked("Email", "ada@example.net") && !world.is_blocked("Email", "ada@example.org"));
    let shown = api.show(&id);
    assert_eq!(shown["dndSettings"]["Email"]["address"]["value"], "ada@example.net", "{shown}");
}

#[test]
fn r15_an_opt_out_in_any_of_several_bodies_counts() {
    let world = World::start();
    for (number, bodies) in [["STOP", "Hello"], ["Hello", "STOP"]].into_iter().enumerate() {
        let (from, sid) = (format!("+1415555010{number}"), format!("SM{:032x}", fresh()));
        let pairs = [
            ("MessageSid", sid.as_str()),
            ("AccountSid", ACCOUNT),
            ("From", &from),
            ("To", SENDER),
            ("SmsStatus", "received"),
            ("NumMedia", "0"),
            ("Body", bodies[0]),
            ("Body", bodies[1]),
        ];
        let answer = world.send(&twilio_webhook("/hooks/twilio", &pairs));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_twilio_refusal(&world.message(&from, "Hello"), 21610);
    }
}
