//! What leaves later is cancelled at the provider when the person opts out in between (R14).

use crate::harness::{
    ACCOUNT, AUTH_TOKEN, MESSAGES, Message, Reaction, Request, Setup, Wire, World, assert_twilio_refusal,
    gateway::disk_fills_of, signed::mail_event, twilio_answer, until,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use std::sync::{Mutex, mpsc};

fn later(to: &str) -> Request {
    let form = [
        ("To", to),
        ("MessagingServiceSid", "MG1"),
        ("Body", "Later"),
        ("ScheduleType", "fixed"),
        ("SendAt", "2026-12-24T10:00:00Z"),
    ];
    Request::post(&format!("/twilio{MESSAGES}")).form(&form)
}

fn schedule(world: &World, to: &str) -> String {
    let answer = world.send(&later(to));
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

/// Schedules, and goes away before the provider has answered. What lets it answer.
fn schedule_and_leave(world: &World, to: &str) -> mpsc::Sender<()> {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(Some(wait));
    world.twilio.reacts(move |request| {
        let first = wait.lock().expect("unpoisoned").take();
        if let Some(wait) = first {
            wait.recv().expect("the test goes on");
        }
        Reaction::Answer(twilio_answer(request))
    });
    let mut client = Wire::to(world.gate.ports.traffic);
    client.write(&later(to).bytes()).expect("written");
    world.twilio.wait_for(1);
    let own = client.stream().local_addr().expect("an address").port();
    drop(client);
    // The gateway's end of that connection, as the kernel lists it: local address, then the other's.
    let ends = format!("0100007F:{:04X} 0100007F:{own:04X}", world.gate.ports.traffic);
    until("the gateway to see that the client has gone", || {
        let open = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's list");
        (!open.contains(&ends)).then_some(())
    });
    go_on
}

#[test]
fn r14_a_client_that_goes_away_loses_no_handle() {
    let world = World::start();
    let go_on = schedule_and_leave(&world, "+14155550101");
    go_on.send(()).expect("the provider waits");
    world.hears("+14155550101", "STOP");
    let cancelled = until("the cancellation", || Some(cancellations(&world)).filter(|all| !all.is_empty()));
    assert!(cancelled[0].target().contains("/Messages/SM"), "{}", cancelled[0].target());
}

#[test]
fn r14_the_gateway_drains_only_when_the_handle_is_kept() {
    let mut world = World::start();
    let go_on = schedule_and_leave(&world, "+14155550101");
    world.gate.signal("TERM");
    until("the listener to close", || {
        Request::get("/").try_send(world.gate.ports.traffic).is_none().then_some(())
    });
    go_on.send(()).expect("the provider waits");
    let status = world.gate.ends();
    assert!(status.success(), "{status}");
    world.gate.starts_again();
    world.hears("+14155550101", "STOP");
    until("the cancellation", || Some(()).filter(|()| !cancellations(&world).is_empty()));
}

#[test]
fn r14_on_a_full_disk_nothing_is_scheduled() {
    let world = Setup::default().disk_may_fill().start();
    schedule(&world, "+14155550101");
    world.gate.disk_fills();
    let refused = world.send(&later("+14155550102"));
    assert_eq!(refused.status(), 503, "{}", refused.text());
    assert_eq!(world.message("+14155550102", "Hello").status(), 201, "what leaves now is judged as ever");
    let mail = [("to", "ada@example.org"), ("o:deliverytime", "Thu, 24 Dec 2026 10:00:00 +0000")];
    assert_eq!(world.mail(&mail).status(), 503);
    assert_eq!((world.twilio.count(), world.mailgun.count()), (2, 0));
    world.gate.disk_has_room();
    schedule(&world, "+14155550102");
    world.hears("+14155550102", "STOP");
    until("the cancellation", || Some(()).filter(|()| !cancellations(&world).is_empty()));
}

#[test]
fn r14_what_was_scheduled_and_cannot_be_kept_is_cancelled_at_once() {
    let world = Setup::default().disk_may_fill().start();
    let gate = world.gate.pid();
    world.twilio.reacts(move |request| {
        disk_fills_of(gate);
        Reaction::Answer(twilio_answer(request))
    });
    let refused = world.send(&later("+14155550101"));
    assert_eq!(refused.status(), 503, "{}", refused.text());
    assert_eq!(cancellations(&world).len(), 1, "{:#?}", world.twilio.seen());
}
