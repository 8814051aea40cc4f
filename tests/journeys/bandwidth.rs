//! Bandwidth through the real binary: its official SDKs, its webhooks, the BXML that the CRM answers with.

use crate::harness::{Fake, Message, PUBLIC_URL, Reaction, Request, Setup, World, answer, json_answer};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const FREE: &str = "+14155550102";
const BLOCKED: &str = "+14155550101";
/// `user:the-secret`
const CREDENTIALS: &str = "Basic dXNlcjp0aGUtc2VjcmV0";

/// Answers as each of its APIs does.
fn take(request: &Message) -> Message {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let target = request.target();
    if target.contains("/code/") {
        return json_answer(200, &json!({ "messageId": "m", "callId": "c" }));
    }
    if target.contains("/bxml") {
        return json_answer(204, &json!({}));
    }
    if target.contains("/calls") {
        let call = json!({
            "applicationId": "app", "accountId": "9900000", "callId": "c-1", "to": body["to"], "from": body["from"],
            "callUrl": "https://x/", "answerUrl": "https://x/", "answerMethod": "POST", "disconnectMethod": "POST",
        });
        return json_answer(201, &call);
    }
    let message = json!({
        "id": "m1", "owner": body["from"], "applicationId": "app", "time": "2026-01-01T00:00:00Z", "segmentCount": 1,
        "direction": "out", "to": body["to"], "from": body["from"], "text": body["text"],
    });
    json_answer(202, &message)
}

fn bandwidth() -> Fake {
    Fake::with(|request| Reaction::Answer(take(request)))
}

fn start(provider: &Fake) -> World {
    let world = Setup::default()
        .tail(&format!(
            "[[provider]]\nname = \"bandwidth\"\nadapter = \"bandwidth\"\nupstream = \"{}\"\n\
             webhook_credentials = \"user:the-secret\"",
            provider.url()
        ))
        .start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    world
}

fn sdk(script: &str) {
    let provider = bandwidth();
    let world = start(&provider);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let program = if script.ends_with(".py") { folder.join(".venv/bin/python") } else { "node".into() };
    let ran = Command::new(program)
        .arg(folder.join(script))
        .arg("checks")
        .env("BASE", format!("http://127.0.0.1:{}/bandwidth", world.gate.ports.traffic))
        .env("FREE", FREE)
        .env("BLOCKED", BLOCKED)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("it runs; tests/run fetches the SDKs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen = provider.seen();
    assert!(seen.len() >= 3, "{seen:#?}");
    assert!(seen.iter().all(|one| one.text().contains(FREE) && !one.text().contains(BLOCKED)), "{seen:#?}");
}

#[test]
fn r11_r12_bandwidth_for_python() {
    sdk("bandwidth_python.py");
}

#[test]
fn r11_r12_bandwidth_for_node() {
    sdk("bandwidth_node.js");
}

fn event(name: &str, to: &str, more: &Value) -> Value {
    let now = jiff::Timestamp::now().to_string();
    let mut event = json!({
        "type": name, "time": now, "description": "d", "to": to,
        "message": {
            "id": format!("{name}-{to}"), "owner": "+15005550006", "applicationId": "app", "time": now, "segmentCount": 1,
            "direction": "in", "to": ["+15005550006"], "from": FREE, "text": "STOP",
        },
    });
    event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    json!([event])
}

#[test]
fn r16_r19_webhooks_are_believed_with_the_applications_credentials() {
    let provider = bandwidth();
    let world = start(&provider);
    let stop = Request::post("/hooks/bandwidth").json(&event("message-received", "+15005550006", &json!({})));
    assert_eq!(world.send(&stop).status(), 403);
    assert_eq!(world.send(&stop.clone().field("authorization", "Basic dXNlcjp4")).status(), 403);
    assert!(!world.is_blocked("SMS", FREE));
    assert_eq!(world.send(&stop.field("authorization", CREDENTIALS)).status(), 200);
    assert!(world.is_blocked("SMS", FREE));
    let other = "+14155550103";
    let failed = Request::post("/hooks/bandwidth")
        .json(&event("message-failed", other, &json!({ "errorCode": 4775 })))
        .field("authorization", CREDENTIALS);
    assert_eq!(world.send(&failed).status(), 200);
    assert!(world.is_blocked("SMS", other));
}

#[test]
fn r14_the_bxml_of_a_call_that_the_crm_makes_dials_nobody_who_does_not_want_it() {
    let provider = bandwidth();
    let world = start(&provider);
    let document = format!(
        "<Response><Transfer><PhoneNumber>{BLOCKED}</PhoneNumber><PhoneNumber>{FREE}</PhoneNumber></Transfer></Response>"
    );
    world.crm.answers(answer(200, "application/xml", document));
    let call = json!({
        "to": FREE, "from": "+15005550006", "applicationId": "app", "username": "crm", "password": "its own",
        "answerUrl": format!("{}/answer", world.crm.url()),
    });
    let sent = Request::post("/bandwidth/voice.bandwidth.com/api/v2/accounts/9900000/calls").json(&call);
    assert_eq!(world.send(&sent).status(), 201);
    let address = provider.last().json()["answerUrl"].as_str().expect("an address").to_owned();
    let target = address.strip_prefix(PUBLIC_URL).expect("the gateway's own").to_owned();
    let answered = json!({
        "eventType": "answer", "eventTime": jiff::Timestamp::now().to_string(), "accountId": "9900000", "callId": "c-1",
        "from": "+15005550006", "to": FREE, "direction": "outbound",
    });
    // Bandwidth shows the credentials that the CRM gave it for this call.
    let told = Request::post(&target).json(&answered).field("authorization", "Basic Y3JtOml0cyBvd24=");
    let document = world.send(&told);
    assert_eq!(
        document.text(),
        format!("<Response><Transfer><PhoneNumber>{FREE}</PhoneNumber></Transfer></Response>")
    );
    assert_eq!(world.crm.last().field("authorization"), Some("Basic Y3JtOml0cyBvd24="));
    assert_eq!(world.send(&Request::post(&format!("{target}x")).json(&answered)).status(), 404);
}
