//! When nothing can be kept any more: what would have to be durable is answered with 503, and sends are judged
//! all the same.

use crate::harness::{
    MESSAGES, Request, SENDER, Setup, World, assert_twilio_refusal, signed::text_message, until,
};
use serde_json::json;
use std::{sync::mpsc, thread};

#[test]
fn r27_on_a_full_disk_webhooks_are_answered_with_503_and_sends_are_judged() {
    let world = Setup::default().disk_may_fill().start();
    world.hears("+14155550101", "STOP");
    let api = world.api();
    world.gate.disk_fills();
    let refused = world.send(&text_message("+14155550102", "STOP"));
    assert_eq!(refused.status(), 503, "{}", refused.text());
    let unkept = api.post("/contacts/", &json!({ "phone": "+14155550103", "dnd": true }));
    assert_eq!(unkept.status(), 503, "{}", unkept.text());
    assert_eq!(unkept.field("Content-Type"), Some("application/problem+json"));
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    assert_eq!(world.message("+14155550104", "Hello").status(), 201);
    assert_eq!(world.crm.count(), 1, "what was not kept is not passed on");
    assert_eq!(world.gate.admin("/readyz").json()["storeWritable"], json!(false));
    world.gate.disk_has_room();
    world.hears("+14155550102", "STOP");
    assert_twilio_refusal(&world.message("+14155550102", "Hello"), 21610);
    assert!(world.gate.command(&["ledger", "verify"]).status.success());
}

#[test]
fn a_database_that_somebody_else_holds_delays_webhooks_and_no_send() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let holder = rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("the database");
    holder.execute_batch("BEGIN IMMEDIATE").expect("the write lock");
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| tell.send(world.send(&text_message("+14155550102", "STOP")).status()));
        for number in 0..20 {
            assert_eq!(world.message("+14155550103", &format!("{number}")).status(), 201);
            assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
        }
        assert!(told.try_recv().is_err(), "no opt-out is acknowledged that is not kept");
        holder.execute_batch("ROLLBACK").expect("released");
        assert_eq!(told.recv().expect("an answer"), 200);
    });
    assert_twilio_refusal(&world.message("+14155550102", "Hello"), 21610);
}

#[test]
fn r10_the_last_metre_over_many_connections() {
    let world = World::start();
    let port = world.gate.ports.traffic;
    let acknowledged = std::sync::atomic::AtomicBool::new(false);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let went_out = std::sync::atomic::AtomicUsize::new(0);
    use std::sync::atomic::Ordering::SeqCst;
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, SeqCst);
                    if number >= 1000 {
                        return;
                    }
                    if number == 500 {
                        world.hears("+14155550102", "STOP");
                        acknowledged.store(true, SeqCst);
                    }
                    let when = if acknowledged.load(SeqCst) { "after" } else { "before" };
                    let form = [("To", "+14155550102"), ("From", SENDER), ("Body", when)];
                    let answer = Request::post(&format!("/twilio{MESSAGES}")).form(&form).send(port);
                    match answer.status() {
                        201 => drop(went_out.fetch_add(1, SeqCst)),
                        _ => assert_twilio_refusal(&answer, 21610),
                    }
                }
            });
        }
    });
    let arrived = world.twilio.seen();
    assert!(
        arrived.iter().all(|one| one.form("Body") == ["before"]),
        "a send that began after the STOP went out"
    );
    assert_eq!(arrived.len(), went_out.load(SeqCst));
    assert!(arrived.len() >= 480, "only {} went out before", arrived.len());
    until("the record", || {
        (world.gate.metric("dndgate_sends_total", &[("verdict", "blocked")]) > 400.0).then_some(())
    });
}
