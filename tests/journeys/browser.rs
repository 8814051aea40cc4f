//! Pages in a real browser: Debian's Chromium, driven by the scripts in `tests/browser`.

use super::release;
use crate::harness::{Request, Setup, World, hash_of, message, signed::text_message};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// Runs a script against a page. The browser must be there: a suite that skips it would say nothing.
fn run(script: &str, variables: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let there =
        folder.join("node_modules/playwright-core").exists() && Path::new("/usr/bin/chromium").exists();
    assert!(there, "the browser is missing: run tests/run, which fetches it");
    let ran = Command::new("node").arg(folder.join(script)).envs(variables.iter().copied()).output();
    let ran = ran.unwrap_or_else(|error| panic!("{script} cannot be run: {error}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{script}: {}\n{out}\n{err}", ran.status);
}

#[test]
fn r17_the_page_works_without_scripts_by_keyboard_on_a_small_screen() {
    let world = World::start();
    world.api().contact(&json!({ "email": "ada@example.com", "phone": "+14155550101" }));
    let made = world.api().post("/v1/unsubscribe-links", &json!({ "address": "ada@example.com" })).json();
    let token = made["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a token").to_owned();
    let link = format!("http://127.0.0.1:{}/u/{token}", world.gate.ports.traffic);
    run("unsubscribe.js", &[("LINK", &link)]);
    assert!(!world.is_blocked("Email", "ada@example.com"), "kept");
    assert!(!world.is_blocked("SMS", "+14155550101"), "switched back on");
    assert!(world.is_blocked("Call", "+14155550101") && world.is_blocked("WhatsApp", "+14155550101"));
}

/// A request as a script sends it.
fn prepared(request: &Request, port: u16) -> Value {
    let headers: serde_json::Map<String, Value> =
        request.fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "url": format!("http://127.0.0.1:{port}{}", request.target), "method": request.method, "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
    })
}

#[test]
fn the_console_tells_the_story_of_a_contact_and_everything_an_operator_looks_at() {
    const PASSWORD: &str = "correct horse battery";
    let hash = hash_of(PASSWORD);
    let user = format!("[[admin.user]]\nname = \"grace\"\nrole = \"operator\"\npassword = {:?}", hash);
    let world = Setup::default().with_policies().tail(&user).start();
    let port = world.gate.ports.traffic;
    let traffic = json!({
        "send": prepared(&message("+14155550101", "Hello"), port),
        "stop": prepared(&text_message("+14155550101", "STOP"), port),
        "doubt": prepared(&text_message("+14155550133", "stop?"), port),
    });
    run(
        "console.js",
        &[
            ("ADMIN", &format!("http://127.0.0.1:{}", world.gate.ports.admin)),
            ("TOKEN", &world.gate.token(&["--role", "operator", "--name", "ada"])),
            ("TRAFFIC", &traffic.to_string()),
            ("USER_NAME", "grace"),
            ("PASSWORD", PASSWORD),
        ],
    );
    assert!(world.is_blocked("SMS", "+14155550133"), "what was decided with one key");
    assert!(world.is_blocked("Email", "bob@example.org"), "what was imported");
    let actors: Vec<_> = world.api().history(&found(&world)).iter().map(|one| one["actor"].clone()).collect();
    assert!(actors.contains(&json!("token:ada")), "who did it is on record: {actors:?}");
}

fn found(world: &World) -> String {
    let found = world.api().get("/contacts/search/duplicate?email=ada@example.org").json();
    found["contact"]["id"].as_str().expect("a contact").to_owned()
}

#[test]
fn r21_a_complaint_is_released_step_by_step_in_the_console() {
    let world = release::world("");
    release::Lists::with(&[("complaints", release::ADA)]).serve(&world.mailgun);
    let contact = release::complains(&world, release::ADA);
    run(
        "release.js",
        &[
            ("ADMIN", &format!("http://127.0.0.1:{}", world.gate.ports.admin)),
            ("TOKEN", &world.gate.token(&["--role", "operator", "--name", "ada"])),
            ("CONTACT", &contact),
        ],
    );
    assert!(!world.is_blocked("Email", release::ADA));
    assert!(world.mailgun.seen().iter().any(|one| one.method() == "DELETE"), "it was taken off the list");
}
