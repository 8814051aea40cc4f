//! HTTPS on both sides: one gateway serves it and stands in for the provider of another, which calls it by
//! HTTPS.

use crate::harness::{Setup, World, message};
use std::path::{Path, PathBuf};

/// A certificate for localhost, made for these tests and trusted nowhere else.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A gateway that serves HTTPS.
fn behind_tls() -> World {
    let (cert, key) = (fixture("localhost.cert.pem"), fixture("localhost.key.pem"));
    Setup::default().traffic(&format!("tls = {{ cert = {cert:?}, key = {key:?} }}")).start()
}

#[test]
fn sends_travel_by_https_in_and_out() {
    let provider = behind_tls();
    let upstream = format!("https://localhost:{}/twilio", provider.gate.ports.traffic);
    let world = Setup::default().upstream(&upstream).trusts(&fixture("localhost.cert.pem")).start();
    let sent = world.message("+14155550102", "Hello");
    assert_eq!(sent.status(), 201, "{}", sent.text());
    assert_eq!(provider.twilio.only().form("To"), ["+14155550102"]);
    world.hears("+14155550101", "STOP");
    assert_eq!(world.message("+14155550101", "Hello").status(), 400);
    assert_eq!(provider.twilio.count(), 1);
}

#[test]
fn a_provider_whose_certificate_nobody_trusts_is_sent_nothing() {
    let provider = behind_tls();
    let upstream = format!("https://localhost:{}/twilio", provider.gate.ports.traffic);
    let world = Setup::default().upstream(&upstream).start();
    assert_eq!(world.message("+14155550102", "Hello").status(), 502);
    let other_name = format!("https://127.0.0.1:{}/twilio", provider.gate.ports.traffic);
    let world = Setup::default().upstream(&other_name).trusts(&fixture("localhost.cert.pem")).start();
    assert_eq!(world.message("+14155550102", "Hello").status(), 502, "the name does not fit");
    assert_eq!(provider.twilio.count(), 0);
}

#[test]
fn plain_http_on_a_tls_port_is_not_answered() {
    let world = behind_tls();
    let plain = message("+14155550102", "Hello").try_send(world.gate.ports.traffic);
    assert!(plain.is_none(), "{plain:?}");
    assert_eq!(world.twilio.count(), 0);
}
