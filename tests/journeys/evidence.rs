//! What is locked, and what it takes to end it (R21, R22).

use crate::harness::{
    Request, World,
    signed::{mail_event, message_status},
};
use serde_json::{Value, json};

fn switch_off(world: &World, id: &str, channel: &str) -> (u16, Value) {
    let wish = json!({ "dndSettings": { channel: { "status": "inactive" } } });
    let answer = world.api().put(&format!("/contacts/{id}"), &wish);
    (answer.status(), answer.json())
}

fn evidence(channel: &str) -> Value {
    json!({ "channel": channel, "text": "I agree to be texted again", "source": "web form 12", "obtainedAt": "2026-01-02T03:04:05Z" })
}

#[test]
fn r22_a_keyword_opt_out_is_locked_until_evidence_is_recorded_and_an_operator_ends_it() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    let (status, body) = switch_off(&world, &id, "SMS");
    assert_eq!((status, &body["type"]), (409, &json!("urn:dndgate:dnd-locked")), "{body}");
    let needed = body["blocking"].to_string();
    assert!(
        needed.contains("keyword") && needed.contains("evidence") && needed.contains("START"),
        "{needed}"
    );
    assert!(world.is_blocked("SMS", "+14155550101"), "nothing has changed");

    let filed = api.post(&format!("/v1/contacts/{id}/evidence"), &evidence("SMS"));
    assert_eq!(filed.status(), 201, "{}", filed.text());
    assert!(
        filed.json()["evidence"]["sha256"].as_str().is_some_and(|hash| hash.len() == 64),
        "{}",
        filed.text()
    );
    assert!(world.is_blocked("SMS", "+14155550101"), "evidence alone ends nothing");
    let (status, body) = switch_off(&world, &id, "SMS");
    assert_eq!(status, 200, "{body}");
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
    let history: Vec<_> = api.history(&id).iter().map(|entry| entry["change"].clone()).collect();
    assert!(history.contains(&json!("evidence")) && history.contains(&json!("end")), "{history:?}");

    // Evidence is used up: the next STOP needs its own.
    world.hears("+14155550101", "STOP");
    assert_eq!(switch_off(&world, &id, "SMS").0, 409);
}

#[test]
fn r22_evidence_for_another_channel_does_not_count() {
    let world = World::start();
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    assert_eq!(world.api().post(&format!("/v1/contacts/{id}/evidence"), &evidence("Call")).status(), 201);
    assert_eq!(switch_off(&world, &id, "SMS").0, 409);
}

#[test]
fn r22_evidence_must_say_what_whence_and_when() {
    let world = World::start();
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    for (member, value) in
        [("channel", ""), ("text", " "), ("source", ""), ("obtainedAt", "soon"), ("obtainedAt", "2099-01-01")]
    {
        let mut bad = evidence("SMS");
        bad[member] = json!(value);
        let answer = world.api().post(&format!("/v1/contacts/{id}/evidence"), &bad);
        assert_eq!(answer.status(), 400, "{member} {value:?}: {}", answer.text());
    }
    let missing = json!({ "channel": "SMS", "text": "x" });
    assert_eq!(world.api().post(&format!("/v1/contacts/{id}/evidence"), &missing).status(), 400);
}

#[test]
fn r22_evidence_may_come_with_a_file() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    let field = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!(
        "{}{}{}{}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"form.png\"\r\nContent-Type: image/png\r\n\r\n\
         PNG\r\n--b--\r\n",
        field("channel", "SMS"),
        field("text", "agreed"),
        field("source", "paper"),
        field("obtainedAt", "2026-01-02"),
    );
    let request =
        Request::post(&format!("/v1/contacts/{id}/evidence")).body("multipart/form-data; boundary=b", body);
    let filed = api.send(request);
    assert_eq!(filed.status(), 201, "{}", filed.text());
    assert_eq!(switch_off(&world, &id, "SMS").0, 200);
}

#[test]
fn r22_permanent_carrier_codes_are_locked_and_temporary_ones_are_not() {
    let world = World::start();
    for (person, code, status) in
        [("+14155550101", "30004", 409), ("+14155550102", "30005", 200), ("+14155550103", "21610", 409)]
    {
        let id = world.api().contact(&json!({ "phone": person }));
        assert!(world.send(&message_status("/hooks/twilio", person, code)).status() < 300);
        let (answered, body) = switch_off(&world, &id, "SMS");
        assert_eq!(answered, status, "{code}: {body}");
    }
}

#[test]
fn r21_a_complaint_is_locked_for_everybody() {
    let world = World::start();
    let id = world.api().contact(&json!({ "email": "ada@example.org" }));
    world.mailgun_reports(&mail_event("complained", "ada@example.org", json!({})));
    let (status, body) = switch_off(&world, &id, "Email");
    assert_eq!(status, 409, "{body}");
    assert!(body["blocking"].to_string().contains("email-release"), "says what is needed: {body}");
    assert_eq!(world.api().post(&format!("/v1/contacts/{id}/evidence"), &evidence("Email")).status(), 201);
    assert_eq!(switch_off(&world, &id, "Email").0, 409, "evidence does not help");
    assert_eq!(world.mail(&[("to", "ada@example.org")]).status(), 400);
}
