//! Google's APIs through the real binary: the official client, signed webhooks, handshakes.

use crate::harness::{
    Fake, Message, Reaction, Request, Setup, World, answer, gateway::free_block, json_answer,
};
use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const FREE: &str = "+14155550102";
const BLOCKED: &str = "+14155550101";
const TALK: &str = "77de1414-1f0a-4c1b-9a3e-000000000001";
const SILENT: &str = "77de1414-1f0a-4c1b-9a3e-000000000002";
const PARTNER_KEY: &str = "the-partner-key";
const CLIENT_TOKEN: &str = "the-client-token";

/// Answers as Google does, batches included.
fn google() -> Fake {
    Fake::with(|request| {
        if request.target() != "/batch" {
            return Reaction::Answer(json_answer(200, &resource(request.target())));
        }
        let text = request.text();
        let lines = text.lines();
        let mut body = String::new();
        let mut id = "";
        for line in lines {
            if let Some(named) = line.strip_prefix("Content-ID: <") {
                id = named;
            }
            let Some(target) = line.strip_prefix("POST ").and_then(|rest| rest.split(' ').next()) else {
                continue;
            };
            body += &format!(
                "--b\r\nContent-Type: application/http\r\nContent-ID: <response-{id}\r\n\r\nHTTP/1.1 200 OK\r\n\
                 Content-Type: application/json\r\n\r\n{}\r\n",
                resource(target)
            );
        }
        Reaction::Answer(answer(200, "multipart/mixed; boundary=b", format!("{body}--b--\r\n")))
    })
}

fn resource(target: &str) -> Value {
    let path = target.split('?').next().unwrap_or(target);
    json!({ "name": format!("{}/m1", path.trim_start_matches("/v1/")) })
}

fn setup(provider: &Fake, own: u16) -> Setup {
    let at = provider.port;
    Setup::default().tail(&format!(
        "[[provider]]\nname = \"rbm\"\nadapter = \"rbm\"\nupstream = \"http://127.0.0.1:{at}\"\nlisten = \"127.0.0.1:{own}\"\n\
         client_token = [\"an-older-one\", \"{CLIENT_TOKEN}\"]\nchannel = \"SMS\"\n\
         [[provider]]\nname = \"gmb\"\nadapter = \"gmb\"\nupstream = \"http://127.0.0.1:{at}\"\npartner_key = \"{PARTNER_KEY}\""
    ))
}

fn world(provider: &Fake) -> World {
    setup(provider, free_block(1)).start()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn signature(key: &str, signed: &str) -> String {
    let mut mac = Hmac::<sha2::Sha512>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(signed.as_bytes());
    base64(mac.finalize().into_bytes())
}

/// A webhook of RCS, in its envelope.
fn rcs(data: &Value, key: &str) -> Request {
    let data = data.to_string();
    let envelope = json!({
        "message": { "attributes": { "type": "message" }, "data": base64(&data), "messageId": "1" },
        "subscription": "projects/p/subscriptions/s",
    });
    Request::post("/hooks/rbm").json(&envelope).field("X-Goog-Signature", &signature(key, &data))
}

fn chat(event: &Value, key: &str) -> Request {
    let signature = signature(key, &event.to_string());
    Request::post("/hooks/gmb").json(event).field("X-Goog-Signature", &signature)
}

fn takes(world: &World, webhook: &Request) -> Message {
    let answer = world.send(webhook);
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer
}

#[test]
fn r11_r12_googles_client_for_python() {
    let provider = google();
    let own = free_block(1);
    let world = setup(&provider, own).start();
    world.api().contact(&json!({
        "phone": BLOCKED, "addresses": [{ "kind": "gmb", "value": SILENT.replace('-', "").to_uppercase() }], "dnd": true,
    }));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let ran = Command::new(folder.join(".venv/bin/python"))
        .arg(folder.join("google_python.py"))
        .args([&format!("http://127.0.0.1:{own}/"), TALK, SILENT])
        .env("BASE", format!("http://127.0.0.1:{}", world.gate.ports.traffic))
        .env("FREE", FREE)
        .env("BLOCKED", BLOCKED)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("python runs; tests/run fetches the SDKs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let seen = provider.seen();
    let digits = BLOCKED.trim_start_matches('+');
    let sends: Vec<_> =
        seen.iter().filter(|one| one.method() == "POST" && !one.target().contains("vents")).collect();
    assert_eq!(sends.len(), 3, "a message, a batch, a chat message: {sends:#?}");
    for one in sends {
        let whole = format!("{} {}", one.target(), one.text());
        assert!(!whole.contains(digits) && !whole.contains(SILENT), "{whole}");
    }
}

#[test]
fn r16_a_stop_is_believed_when_google_signed_it() {
    let provider = google();
    let world = world(&provider);
    let stop =
        json!({ "senderPhoneNumber": FREE, "text": "STOP", "eventId": "e1", "agentId": "acme@rbm.goog" });
    assert_eq!(world.send(&rcs(&stop, "another")).status(), 403);
    assert_eq!(world.send(&Request::post("/hooks/rbm").json(&stop)).status(), 403, "unsigned");
    assert!(!world.is_blocked("SMS", FREE));
    takes(&world, &rcs(&stop, CLIENT_TOKEN));
    assert!(world.is_blocked("SMS", FREE));
    let hello = json!({
        "agent": "brands/B/agents/A", "requestId": "r1", "conversationId": TALK,
        "message": { "messageId": "m1", "name": "x", "text": "STOP", "createTime": jiff::Timestamp::now().to_string() },
    });
    assert_eq!(world.send(&chat(&hello, CLIENT_TOKEN)).status(), 403);
    takes(&world, &chat(&hello, PARTNER_KEY));
    assert!(world.is_blocked("GMB", TALK));
    assert!(world.is_blocked("GMB", &TALK.replace('-', "")), "r8: some drop the dashes");
    assert!(!world.is_blocked("GMB", SILENT));
}

#[test]
fn r23_the_buttons_of_google_messages_count_once_with_the_words_beside_them() {
    let provider = google();
    let world = world(&provider);
    let says = |id: &str, more: Value| {
        let mut event = json!({ "senderPhoneNumber": FREE, "eventId": id, "agentId": "acme" });
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        takes(&world, &rcs(&event, CLIENT_TOKEN));
    };
    says("e1", json!({ "eventType": "UNSUBSCRIBE" }));
    assert!(world.is_blocked("SMS", FREE));
    let events = world.api().events().len();
    says("e2", json!({ "text": "BAJA" }));
    assert_eq!(world.api().events().len(), events, "r30: the same person, the same effect");
    says("e3", json!({ "eventType": "READ", "messageId": "m1" }));
    assert!(world.is_blocked("SMS", FREE));
    says("e4", json!({ "eventType": "SUBSCRIBE" }));
    assert!(!world.is_blocked("SMS", FREE));
    says("e1", json!({ "eventType": "UNSUBSCRIBE" }));
    assert!(!world.is_blocked("SMS", FREE), "r30: an event that comes again changes nothing");
}

#[test]
fn a_handshake_is_answered_with_the_secret_alone() {
    let provider = google();
    let world = world(&provider);
    let shake = |hook: &str, token: &str| {
        world.send(&Request::post(hook).json(&json!({ "clientToken": token, "secret": "1234567890" })))
    };
    for (hook, token) in
        [("/hooks/rbm", CLIENT_TOKEN), ("/hooks/rbm", "an-older-one"), ("/hooks/gmb", PARTNER_KEY)]
    {
        let answer = shake(hook, token);
        assert_eq!((answer.status(), answer.text().as_str()), (200, "1234567890"), "{hook}");
        let wrong = shake(hook, "another");
        assert_eq!(wrong.status(), 403);
        assert!(!wrong.text().contains("1234567890"), "{}", wrong.text());
    }
}

#[test]
fn the_channel_of_rcs_is_named_or_the_configuration_is_wrong() {
    let provider = google();
    let gate = setup(&provider, free_block(1)).start().gate;
    let good = std::fs::read_to_string(gate.folder().join("dndgate.toml")).expect("the configuration");
    for (channel, fine) in [("GMB", true), ("Email", false)] {
        let other = good.replace("channel = \"SMS\"", &format!("channel = {channel:?}"));
        std::fs::write(gate.folder().join("other.toml"), other).expect("written");
        let checked = gate.command_with("other.toml", &["check"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.success(), fine, "{said}");
        assert!(fine || said.contains("\"SMS\" (the default) or \"GMB\""), "{said}");
    }
}
