//! HTTPS on both sides: one gateway serves it and stands in for the provider of another, which calls it by
//! HTTPS.

use crate::harness::{Fake, Request, Setup, World, assert_twilio_refusal, message};
use serde_json::json;
use std::{
    io,
    net::TcpStream,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    thread,
};

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

/// Carries bytes to a port and back, each connection once it may.
fn relay(to: u16, begun: mpsc::Sender<()>, go_on: mpsc::Receiver<()>) -> Fake {
    let both = Mutex::new((begun, go_on));
    Fake::raw(move |wire| {
        {
            let both = both.lock().expect("unpoisoned");
            both.0.send(()).expect("the test listens");
            both.1.recv().expect("the test goes on");
        }
        let near = wire.stream();
        let mut far = TcpStream::connect(("127.0.0.1", to)).expect("the provider listens");
        let (mut back, mut onward) =
            (far.try_clone().expect("a handle"), near.try_clone().expect("a handle"));
        let answers = thread::spawn(move || io::copy(&mut back, &mut onward));
        // Either side may close first.
        let _ = io::copy(near, &mut far);
        let _ = far.shutdown(std::net::Shutdown::Both);
        let _ = answers.join();
    })
}

#[test]
fn r10_the_last_look_asks_who_is_blocked_not_how_many() {
    let provider = behind_tls();
    let ((tell, begun), (go_on, wait)) = (mpsc::channel(), mpsc::channel());
    let relay = relay(provider.gate.ports.traffic, tell, wait);
    let upstream = format!("https://localhost:{}/twilio", relay.port);
    let world = Setup::default().upstream(&upstream).trusts(&fixture("localhost.cert.pem")).start();
    world.hears("+14155550101", "STOP");
    let both = json!({ "from": "+15005550006", "messages": [
        { "to": "+14155550101", "body": "Hello" }, { "to": "+14155550102", "body": "Hello" } ] });
    let bulk = Request::post("/twilio/preview.messaging.twilio.com/v1/Messages").json(&both);
    thread::scope(|scope| {
        let sent = scope.spawn(|| world.send(&bulk));
        begun.recv().expect("the gateway connects");
        // Whoever was taken out comes back, and whoever was to get it leaves.
        world.hears("+14155550102", "STOP");
        world.hears("+14155550101", "START");
        go_on.send(()).expect("the relay waits");
        assert_twilio_refusal(&sent.join().expect("an answer"), 21610);
    });
    assert_eq!(provider.twilio.count(), 0);
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
