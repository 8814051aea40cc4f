//! Blocks that end by themselves, and those that take several failures (R19), as an operator writes them.

use crate::harness::{
    Setup, World,
    signed::{mail_event, message_status, now},
    until,
};
use serde_json::{Value, json};

const PERSON: &str = "+14155550101";
const MAIL: &str = "ada@example.org";

fn policy(codes: &str) -> World {
    let text = format!("return {{ {codes} }}");
    // The shipped cases are about the shipped file.
    Setup::default().policy("error_codes.lua", &text).policy("tests/error_codes.lua", "return {}").start()
}

/// The code 30003 with these terms.
fn unreachable(terms: &str) -> World {
    policy(&format!(
        "twilio = {{ ['30003'] = {{ effect = 'temporary', reason = 'carrier', message = 'unreachable', {terms} }} }}"
    ))
}

fn fails(world: &World) -> crate::harness::Request {
    let report = message_status("/hooks/twilio", PERSON, "30003");
    assert_eq!(world.send(&report).status(), 200);
    report
}

/// A mail that failed for a while, so many days ago.
fn mail_failed(world: &World, days: f64) {
    let at = now() - days * 86_400.0;
    let more = json!({ "severity": "temporary", "reason": "generic", "timestamp": at });
    world.mailgun_reports(&mail_event("failed", MAIL, more));
}

fn until_free(world: &World, channel: &str, address: &str) {
    until("the block is over", || (!world.is_blocked(channel, address)).then_some(()));
}

#[test]
fn r19_r28_r29_a_block_ends_by_itself_on_record_and_told() {
    let world = unreachable("expires = '3s'");
    let id = world.api().contact(&json!({ "phone": PERSON }));
    fails(&world);
    assert!(world.is_blocked("SMS", PERSON));
    let shown = world.api().show(&id)["dndSettings"]["SMS"].clone();
    assert_eq!((&shown["status"], &shown["removable"]), (&json!("active"), &json!(true)), "{shown}");
    let expires = shown["expires"].as_str().expect("when it ends").to_owned();
    assert!(shown["how"].as_str().is_some_and(|how| how.contains(&expires)), "{shown}");
    assert_eq!(world.message(PERSON, "hello").status(), 400, "until then it blocks");

    until_free(&world, "SMS", PERSON);
    assert_eq!(world.message(PERSON, "hello").status(), 201);
    let shown = world.api().show(&id);
    assert_eq!(
        (&shown["dndSettings"]["SMS"]["status"], &shown["dndStatus"]),
        (&json!("inactive"), &json!("off"))
    );
    let history = world.api().history(&id);
    let end: &Value = history.iter().find(|one| one["change"] == "end").expect("an entry");
    assert_eq!((&end["actor"], &end["eventAt"]), (&json!("policy expiry"), &json!(expires)), "{end}");
    let events = world.api().events();
    let told: Vec<&Value> = events.iter().map(|one| &one["change"]).collect();
    assert_eq!(told, ["enabled", "disabled"], "{events:?}");
    world.gate.wait_for_metric(
        "dndgate_dnd_changes_total",
        &[("change", "disabled"), ("reason", "carrier")],
        1.0,
    );
    let verified = world.gate.command(&["ledger", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn r19_a_block_that_was_over_while_the_gateway_was_down_ends_when_it_is_back() {
    let mut world = unreachable("expires = '2s'");
    fails(&world);
    world.gate.is_killed();
    world.gate.starts_again();
    until_free(&world, "SMS", PERSON);
}

#[test]
fn r19_r27_r30_so_many_failures_each_counted_once_also_across_a_crash() {
    let mut world = unreachable("threshold = { failures = 3, within = '14d' }");
    fails(&world);
    let second = fails(&world);
    for _ in 0..3 {
        assert_eq!(world.send(&second).status(), 200, "delivered again");
    }
    assert!(!world.is_blocked("SMS", PERSON), "two so far");
    world.gate.is_killed();
    world.gate.starts_again();
    assert!(!world.is_blocked("SMS", PERSON));
    fails(&world);
    assert!(world.is_blocked("SMS", PERSON), "the third");
}

#[test]
fn r18_r30_several_temporary_failures_of_mail_block_if_the_operator_says_so_by_the_providers_time() {
    let codes = "mailgun = { ['generic'] = { effect = 'temporary', reason = 'bounce',
        threshold = { failures = 3, within = '14d' }, expires = '30d' } }";
    let world = policy(codes);
    for days in [1.0, 30.0, 20.0, 12.0] {
        mail_failed(&world, days);
    }
    assert!(!world.is_blocked("Email", MAIL), "no three in a fortnight, in whatever order they came");
    mail_failed(&world, 8.0);
    assert!(world.is_blocked("Email", MAIL), "8, 12 and 20 days ago, or 1, 8 and 12");
    let id = world.api().contact(&json!({ "email": MAIL }));
    let shown = world.api().show(&id)["dndSettings"]["Email"].clone();
    assert_eq!((&shown["reason"], &shown["removable"]), (&json!("bounce"), &json!(true)), "{shown}");
}

#[test]
fn r18_as_shipped_a_temporary_failure_of_mail_changes_nothing_and_nothing_expires() {
    let world = World::start();
    for _ in 0..5 {
        mail_failed(&world, 0.0);
    }
    assert!(!world.is_blocked("Email", MAIL));
    fails(&world);
    let id = world.api().contact(&json!({ "phone": PERSON }));
    let shown = world.api().show(&id)["dndSettings"]["SMS"].clone();
    assert_eq!((&shown["status"], &shown["expires"]), (&json!("active"), &Value::Null), "{shown}");
}

#[test]
fn the_terms_can_be_tried() {
    let world = unreachable("expires = '30d', threshold = { failures = 3, within = '2w' }");
    let codes = json!({ "codes": [{ "provider": "twilio", "channel": "SMS", "code": "30003" }] });
    let tried = world.api().post("/v1/policies/try", &codes).json();
    let result = &tried["results"][0];
    assert_eq!(result["expires"], "30d", "{tried}");
    assert_eq!(result["threshold"], json!({ "failures": 3, "within": "14d" }), "{tried}");
}
