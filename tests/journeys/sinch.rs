//! Sinch through the real binary: its official SDK, its webhooks.

use crate::harness::{Fake, Message, Reaction, Request, Setup, json_answer, until};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const FREE: &str = "+14155550102";
const BLOCKED: &str = "+14155550101";
const SECRET: &str = "the-webhook-secret";

/// Answers as each of its APIs does.
fn answer(request: &Message) -> Message {
    let target = request.target().split('?').next().unwrap_or_default().to_owned();
    if target.ends_with("/oauth2/token") {
        return json_answer(
            200,
            &json!({ "access_token": "T", "expires_in": 3600, "scope": "", "token_type": "bearer" }),
        );
    }
    if let Some((_, contact)) = target.split_once("/contacts/") {
        let number = if contact == "01FREE" { FREE } else { BLOCKED };
        return json_answer(
            200,
            &json!({ "id": contact, "channel_identities": [{ "channel": "SMS", "identity": number }] }),
        );
    }
    if target.ends_with("messages:send") {
        return json_answer(200, &json!({ "message_id": "01M", "accepted_time": "2026-01-01T00:00:00Z" }));
    }
    if target.ends_with("/calls") {
        return json_answer(200, &json!({ "projectId": "project1", "serviceId": "s", "sessionId": "x" }));
    }
    if target.ends_with("/dry_run") {
        return json_answer(
            200,
            &json!({ "number_of_recipients": 1, "number_of_messages": 1, "per_recipient": [] }),
        );
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    json_answer(201, &json!({ "id": "01FC66621X", "to": body["to"], "type": "mt_text", "canceled": false }))
}

fn sinch() -> Fake {
    Fake::with(|request| Reaction::Answer(answer(request)))
}

fn setup(provider: &Fake) -> Setup {
    Setup::default().tail(&format!(
        "[[provider]]\nname = \"sinch\"\nadapter = \"sinch\"\nupstream = \"{}\"\nwebhook_secret = \"{SECRET}\"\napi_token = \"TOKEN\"",
        provider.url()
    ))
}

fn signed(body: &Value) -> Request {
    let (body, nonce, stamp) = (body.to_string(), "01FJA8B4", jiff::Timestamp::now().as_second().to_string());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(format!("{body}.{nonce}.{stamp}").as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    Request::post("/hooks/sinch")
        .body("application/json", body)
        .field("x-sinch-webhook-signature", &signature)
        .field("x-sinch-webhook-signature-nonce", nonce)
        .field("x-sinch-webhook-signature-timestamp", &stamp)
}

fn reply(from: &str, text: &str) -> Value {
    json!({
        "type": "mo_text", "id": format!("{from}-{text}"), "from": from.trim_start_matches('+'), "to": "15005550006",
        "body": text, "received_at": jiff::Timestamp::now().to_string(),
    })
}

#[test]
fn r11_r12_sinch_for_python() {
    let provider = sinch();
    let world = setup(&provider).start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let ran = Command::new(folder.join(".venv/bin/python"))
        .arg(folder.join("sinch_python.py"))
        .env("BASE", format!("http://127.0.0.1:{}/sinch", world.gate.ports.traffic))
        .env("FREE", FREE)
        .env("BLOCKED", BLOCKED)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python runs; tests/run fetches the SDKs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let sends: Vec<Message> = provider
        .seen()
        .into_iter()
        .filter(|one| one.method() == "POST" && !one.target().contains("oauth2"))
        .collect();
    assert!(sends.len() >= 10, "{sends:#?}");
    assert!(sends.iter().all(|one| !one.text().contains(&BLOCKED[1..])), "{sends:#?}");
}

#[test]
fn r16_r19_replies_and_reports_are_believed_when_sinch_signed_them() {
    let provider = sinch();
    let world = setup(&provider).start();
    let mut forged = signed(&reply(FREE, "STOP"));
    forged.body = reply(BLOCKED, "STOP").to_string().into_bytes();
    assert_eq!(world.send(&forged).status(), 403);
    assert!(!world.is_blocked("SMS", BLOCKED));
    assert_eq!(world.send(&signed(&reply(FREE, "STOP"))).status(), 200);
    assert!(world.is_blocked("SMS", FREE));
    let report = json!({
        "type": "recipient_delivery_report_sms", "batch_id": "01B", "recipient": BLOCKED.trim_start_matches('+'),
        "code": 402, "status": "Aborted", "at": jiff::Timestamp::now().to_string(),
    });
    assert_eq!(world.send(&signed(&report)).status(), 200);
    assert!(world.is_blocked("SMS", BLOCKED));
}

#[test]
fn r14_whoever_opts_out_is_taken_out_of_a_scheduled_batch() {
    let provider = sinch();
    let world = setup(&provider).start();
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string();
    let batch = json!({ "to": [FREE, BLOCKED], "from": "15005550006", "body": "hello", "send_at": later });
    let sent =
        Request::post("/sinch/xms/v1/plan1/batches").field("authorization", "Bearer TOKEN").json(&batch);
    assert_eq!(world.send(&sent).status(), 201);
    assert_eq!(world.send(&signed(&reply(FREE, "STOP"))).status(), 200);
    let update = until("the batch to be changed", || {
        provider.seen().into_iter().find(|one| one.text().contains("to_remove"))
    });
    assert_eq!(update.target(), "/xms/v1/plan1/batches/01FC66621X");
    assert_eq!(update.json(), json!({ "to_remove": [FREE] }));
}
