//! What leaves later is cancelled at the provider when the person opts out in between (R14).

use crate::harness::{
    ACCOUNT, AUTH_TOKEN, MESSAGES, Message, Request, Setup, World, assert_twilio_refusal, signed::mail_event,
    until,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

fn schedule(world: &World, to: &str) -> String {
    let form = [
        ("To", to),
        ("MessagingServiceSid", "MG1"),
        ("Body", "Later"),
        ("ScheduleType", "fixed"),
        ("SendAt", "2026-12-24T10:00:00Z"),
    ];
    let answer = world.send(&Request::post(&format!("/twilio{MESSAGES}")).form(&form));
    assert_eq!(answer.status(), 201, "{}", answer.text());
    answer.json()["sid"].as_str().expect("a sid").to_owned()
}

fn cancellations(world: &World) -> Vec<Message> {
    world.twilio.seen().into_iter().filter(|one| one.text() == "Status=canceled").collect()
}

#[test]
fn r14_a_scheduled_message_is_cancelled_after_a_stop() {
    let world = World::start();
    let sid = schedule(&world, "+14155550101");
    schedule(&world, "+14155550102");
    world.hears("+14155550101", "STOP");
    let cancelled = until("the cancellation", || Some(cancellations(&world)).filter(|all| !all.is_empty()));
    assert_eq!(cancelled[0].method(), "POST");
    assert_eq!(cancelled[0].target(), MESSAGES.replace(".json", &format!("/{sid}.json")));
    let credentials = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{AUTH_TOKEN}")));
    assert_eq!(cancelled[0].field("Authorization"), Some(credentials.as_str()));
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    assert_eq!(cancellations(&world).len(), 1, "the other one stays");
}

#[test]
fn r14_a_cancellation_survives_a_provider_that_is_down_and_a_restart() {
    let mut world = World::start();
    schedule(&world, "+14155550101");
    world.twilio.goes_down();
    world.hears("+14155550101", "STOP");
    world.gate.is_killed();
    world.twilio.comes_back();
    world.gate.starts_again();
    until("the cancellation", || Some(()).filter(|()| !cancellations(&world).is_empty()));
}

#[test]
fn r14_an_operators_switch_cancels_too() {
    let world = World::start();
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    schedule(&world, "+14155550101");
    let answer = world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": true }));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    until("the cancellation", || Some(()).filter(|()| !cancellations(&world).is_empty()));
}

#[test]
fn r14_scheduled_mail_to_somebody_who_unsubscribes_is_stopped_with_mailguns_own_list() {
    let world = World::start();
    let later = [("to", "ada@example.org"), ("o:deliverytime", "Thu, 24 Dec 2026 10:00:00 +0000")];
    assert_eq!(world.mail(&later).status(), 200);
    world.mailgun_reports(&mail_event("unsubscribed", "ada@example.org", json!({})));
    let listed = until("the entry in Mailgun's list", || {
        world.mailgun.seen().into_iter().find(|one| one.target() == "/v3/mg.example.com/unsubscribes")
    });
    assert_eq!(
        (listed.form("address"), listed.form("tags")),
        (vec!["ada@example.org".into()], vec!["*".into()])
    );
}

#[test]
fn r14_what_could_not_be_cancelled_is_not_scheduled() {
    let world = Setup::default().without_mailgun_key().start();
    let later = [("to", "ada@example.org"), ("o:deliverytime", "Thu, 24 Dec 2026 10:00:00 +0000")];
    let refused = world.mail(&later);
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert!(refused.text().contains("allow_unnamed"), "says what would help: {}", refused.text());
    assert_eq!(world.mail(&[("to", "ada@example.org")]).status(), 200);
}
