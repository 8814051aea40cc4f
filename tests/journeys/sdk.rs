//! The providers' official SDKs against the real binary, with only their base URL changed.

use crate::harness::{
    Fake, Request, World,
    signed::{mail_event, mailgun_proof, mailgun_webhook, text_message},
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const FREE_NUMBER: &str = "+14155550102";
const BLOCKED_NUMBER: &str = "+14155550101";
const FREE_MAIL: &str = "bob@example.org";
const BLOCKED_MAIL: &str = "ada@example.org";
/// Sends of the last-metre story.
const SENDS: u64 = 1000;
/// Sends that a script has under way at a time.
const AT_ONCE: u64 = 8;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// What runs a script of that kind. The SDKs must be there: a suite that skips them would say nothing.
fn program(script: &str) -> PathBuf {
    let (program, sdks) = if script.ends_with(".py") {
        (folder().join(".venv/bin/python"), folder().join(".venv/bin/python"))
    } else {
        ("node".into(), folder().join("node_modules/twilio"))
    };
    assert!(sdks.exists(), "{} is missing: run tests/run, which fetches the SDKs", sdks.display());
    program
}

/// A world with somebody who wants nothing.
fn world() -> World {
    let world = World::start();
    world.api().contact(&json!({ "phone": BLOCKED_NUMBER, "email": BLOCKED_MAIL, "dnd": true }));
    world
}

/// Runs a script; what it prints.
fn run(world: &World, script: &str, part: &str, webhook: &Request) -> String {
    let port = world.gate.ports.traffic;
    let (provider, free, blocked) = if script.starts_with("twilio") {
        ("twilio", FREE_NUMBER, BLOCKED_NUMBER)
    } else {
        ("mailgun", FREE_MAIL, BLOCKED_MAIL)
    };
    let headers: serde_json::Map<String, Value> =
        webhook.fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let webhook = json!({
        "url": format!("http://127.0.0.1:{port}{}", webhook.target),
        "headers": headers,
        "body": String::from_utf8_lossy(&webhook.body),
    });
    let ran = Command::new(program(script))
        .arg(folder().join(script))
        .arg(part)
        .env("BASE", format!("http://127.0.0.1:{port}/{provider}"))
        .env("FREE", free)
        .env("BLOCKED", blocked)
        .env("WEBHOOK", webhook.to_string())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{script} cannot be run: {error}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script} {part}: {}\n{out}\n{err}", ran.status);
    out.into_owned()
}

/// The SDK's checks, after which nothing of them that names the blocked one may have reached the provider.
fn checks(script: &str) {
    let world = world();
    run(&world, script, "checks", &text_message(FREE_NUMBER, "STOP"));
    let provider = if script.starts_with("twilio") { &world.twilio } else { &world.mailgun };
    let sends: Vec<_> = provider.seen().into_iter().filter(|one| one.method() == "POST").collect();
    assert!(sends.len() >= 3, "only {} sends went out", sends.len());
    for send in sends {
        let body = send.text();
        assert!(
            !body.contains("4155550101") && !body.contains("ada@") && !body.contains("ada%40"),
            "{send:#?}"
        );
        assert!(body.contains("4155550102") || body.contains("bob@") || body.contains("bob%40"), "{send:#?}");
    }
}

/// 1,000 sends by the SDK, an opt-out halfway: none that began after its acknowledgement reaches the provider.
fn last_metre(script: &str) {
    let world = World::start();
    let is_twilio = script.starts_with("twilio");
    let webhook = if is_twilio {
        text_message(FREE_NUMBER, "STOP")
    } else {
        mailgun_webhook(&mailgun_proof(), &mail_event("unsubscribed", FREE_MAIL, json!({})))
    };
    let told: Value = serde_json::from_str(&run(&world, script, "last metre", &webhook)).expect("figures");
    let provider: &Fake = if is_twilio { &world.twilio } else { &world.mailgun };
    let arrived = provider.seen();
    assert!(arrived.len() as u64 >= SENDS / 2 - AT_ONCE, "only {} went out before", arrived.len());
    let late = arrived.iter().filter(|one| one.text().contains("after")).count();
    assert_eq!(late, 0, "{late} sends reached the provider after the opt-out was acknowledged");
    assert_eq!(json!(arrived.len()), told["went_out"], "each that the SDK calls sent arrived once");
    let refused = world.gate.metric("dndgate_sends_total", &[("verdict", "blocked")]);
    assert_eq!(arrived.len() as u64 + refused as u64, SENDS);
}

#[test]
fn r12_twilio_for_python() {
    checks("twilio_python.py");
}

#[test]
fn r12_twilio_for_node() {
    checks("twilio_node.js");
}

#[test]
fn r11_r12_mailgun_for_python() {
    checks("mailgun_python.py");
}

#[test]
fn r11_r12_mailgun_for_node() {
    checks("mailgun_node.js");
}

#[test]
fn r11_r12_django_anymail() {
    checks("anymail_django.py");
}

#[test]
fn r10_the_last_metre_with_twilio_for_python() {
    last_metre("twilio_python.py");
}

#[test]
fn r10_the_last_metre_with_twilio_for_node() {
    last_metre("twilio_node.js");
}

#[test]
fn r10_the_last_metre_with_mailgun_for_python() {
    last_metre("mailgun_python.py");
}

#[test]
fn r10_the_last_metre_with_mailgun_for_node() {
    last_metre("mailgun_node.js");
}

#[test]
fn r10_the_last_metre_with_django_anymail() {
    last_metre("anymail_django.py");
}

/// The CRM's own SDK against the contacts API.
fn crm(script: &str) {
    let world = World::start();
    let ran = Command::new(program(script))
        .arg(folder().join(script))
        .env("BASE", format!("http://127.0.0.1:{}", world.gate.ports.admin))
        .env("TOKEN", world.gate.token(&["--role", "crm"]))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("{script} cannot be run: {error}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && out.contains("good"), "{script}: {}\n{out}\n{err}", ran.status);
}

#[test]
fn r5_r15_highlevel_for_node() {
    crm("highlevel_node.js");
}

#[test]
fn r5_r15_highlevel_for_python() {
    crm("highlevel_python.py");
}
