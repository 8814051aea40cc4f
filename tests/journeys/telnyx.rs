//! Telnyx through the real binary: its official SDK, its webhooks.

use crate::harness::{Fake, Reaction, Request, Setup, json_answer};
use base64::Engine as _;
use serde_json::json;
use std::{path::Path, process::Command};

const FREE: &str = "+14155550102";
const BLOCKED: &str = "+14155550101";

fn telnyx() -> Fake {
    Fake::with(|_| Reaction::Answer(json_answer(200, &json!({ "data": { "id": "40385f64" } }))))
}

/// A key pair as the provider has one.
fn key_pair() -> ring::signature::Ed25519KeyPair {
    ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed")
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn setup(provider: &Fake) -> Setup {
    let public = base64(ring::signature::KeyPair::public_key(&key_pair()));
    Setup::default().tail(&format!(
        "[[provider]]\nname = \"telnyx\"\nadapter = \"telnyx\"\nupstream = \"http://127.0.0.1:{}\"\npublic_key = \"{public}\"",
        provider.port
    ))
}

#[test]
fn r11_r12_telnyx_for_python() {
    let provider = telnyx();
    let world = setup(&provider).start();
    world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let ran = Command::new(folder.join(".venv/bin/python"))
        .arg(folder.join("telnyx_python.py"))
        .env("BASE", format!("http://127.0.0.1:{}/telnyx", world.gate.ports.traffic))
        .env("FREE", FREE)
        .env("BLOCKED", BLOCKED)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python runs; tests/run fetches the SDKs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen = provider.seen();
    assert_eq!(seen.len(), 2, "{seen:#?}");
    assert!(seen.iter().all(|one| one.text().contains(FREE) && !one.text().contains(BLOCKED)), "{seen:#?}");
}

#[test]
fn r16_a_stop_is_believed_when_telnyx_signed_it() {
    let provider = telnyx();
    let world = setup(&provider).start();
    let body = json!({ "data": {
        "event_type": "message.received", "id": "e1", "occurred_at": jiff::Timestamp::now().to_string(),
        "payload": { "direction": "inbound", "type": "SMS", "from": { "phone_number": FREE }, "text": "STOP" },
    } })
    .to_string();
    let stamp = jiff::Timestamp::now().as_second().to_string();
    let signature = base64(key_pair().sign(format!("{stamp}|{body}").as_bytes()));
    let webhook = |signature: &str| {
        Request::post("/hooks/telnyx")
            .body("application/json", body.clone())
            .field("telnyx-timestamp", &stamp)
            .field("telnyx-signature-ed25519", signature)
    };
    assert_eq!(world.send(&webhook(&base64([0; 64]))).status(), 403);
    assert!(!world.is_blocked("SMS", FREE));
    assert_eq!(world.send(&webhook(&signature)).status(), 200);
    assert!(world.is_blocked("SMS", FREE));
}
