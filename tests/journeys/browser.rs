//! Pages in a real browser: Debian's Chromium, driven by the scripts in `tests/browser`.

use crate::harness::World;
use serde_json::json;
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
