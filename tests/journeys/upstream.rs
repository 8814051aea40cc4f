//! When the provider is slow, gone or breaks off: the CRM is told so in the provider's shape, and nothing is
//! sent twice.

use crate::harness::{MESSAGES, Message, Reaction, Request, Setup, World, message};

#[track_caller]
fn assert_failure(answer: &Message, status: u16, reason: &str) {
    assert_eq!(answer.status(), status, "{answer:?}");
    assert_eq!(answer.json()["status"], status, "in Twilio's shape: {}", answer.text());
    assert!(answer.json()["code"].is_number(), "in Twilio's shape: {}", answer.text());
    assert!(answer.verdict().starts_with(&format!("failed; reason={reason}")), "{}", answer.verdict());
    assert!(!answer.request_id().is_empty());
}

#[test]
fn a_provider_that_is_down_is_a_502() {
    let world = World::start();
    world.twilio.goes_down();
    assert_failure(&world.message("+14155550102", "Hello"), 502, "bad_gateway");
    let mail = Request::post("/mailgun/v3/mg.example.com/messages");
    world.mailgun.goes_down();
    let answer =
        world.send(&mail.form(&[("from", "a@mg.example.com"), ("to", "ada@example.org"), ("text", "x")]));
    assert_eq!(answer.status(), 502);
    assert!(answer.json()["message"].is_string(), "in Mailgun's shape: {}", answer.text());
    world.twilio.comes_back();
    assert_eq!(world.message("+14155550102", "Hello").status(), 201, "and works again");
}

#[test]
fn a_provider_that_is_silent_is_a_504() {
    let world = Setup::default().traffic("upstream_timeout = \"300ms\"").start();
    world.twilio.reacts(|_| Reaction::Silence);
    assert_failure(&world.message("+14155550102", "Hello"), 504, "timeout");
    assert_eq!(world.twilio.count(), 1, "it was sent once");
}

#[test]
fn a_send_that_the_provider_may_have_taken_is_never_repeated() {
    let world = World::start();
    world.twilio.reacts(|_| Reaction::HangUp);
    assert_failure(&world.message("+14155550102", "Hello"), 502, "bad_gateway");
    assert_eq!(world.twilio.count(), 1);
}

#[test]
fn a_send_on_a_connection_that_was_good_before_is_not_repeated_either() {
    let world = World::start();
    assert_eq!(world.message("+14155550102", "first").status(), 201);
    world.twilio.reacts(|_| Reaction::HangUp);
    let answers: Vec<u16> =
        (0..6).map(|number| world.message("+14155550102", &format!("{number}")).status()).collect();
    assert_eq!(answers, [502; 6]);
    assert_eq!(world.twilio.count(), 7, "each reached the provider once");
}

#[test]
fn a_connection_that_the_provider_closed_while_idle_costs_no_send() {
    let world = World::start();
    for number in 0..10 {
        let answer = world.message("+14155550102", &format!("{number}"));
        assert_eq!(answer.status(), 201, "after {number} closed connections: {}", answer.text());
        world.twilio.cut();
    }
    assert_eq!(world.twilio.count(), 10);
}

#[test]
fn connections_to_the_provider_are_kept() {
    let world = World::start();
    for _ in 0..20 {
        assert_eq!(world.message("+14155550102", "Hello").status(), 201);
    }
    assert!(world.twilio.connections() <= 2, "one for each worker, not {}", world.twilio.connections());
}

#[test]
fn an_answer_that_breaks_off_is_not_taken_for_whole() {
    let world = World::start();
    world.twilio.reacts(|_| {
        Reaction::Own(Box::new(|stream| {
            let head =
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"half\":";
            std::io::Write::write_all(stream, head).expect("written");
        }))
    });
    let mut wire = crate::harness::Wire::to(world.gate.ports.traffic);
    wire.write(&Request::get(&format!("/twilio{MESSAGES}")).bytes()).expect("written");
    let head = wire.head().expect("a head").expect("an answer");
    assert!(wire.body(&head).is_err(), "the CRM sees that it broke off");
}

#[test]
fn the_providers_own_errors_come_back_as_they_are() {
    let world = World::start();
    for (status, code) in [(400, 21211), (401, 20003), (404, 20404), (429, 20429), (500, 20500), (503, 20503)]
    {
        let body = serde_json::json!({ "code": code, "message": "as Twilio says", "status": status });
        world.twilio.answers(crate::harness::json_answer(status, &body));
        let answer = world.send(&message("+14155550102", "Hello"));
        assert_eq!((answer.status(), answer.json()), (status, body));
    }
    assert_eq!(world.twilio.count(), 6, "none was tried again");
}
