//! A limit on everything: what is too large, too many or too slow is cut off, and others are served meanwhile.

use crate::harness::{MESSAGES, Request, Setup, Wire, World, message, until};
use std::net::TcpStream;

#[test]
fn a_body_that_is_too_large_is_a_413_in_the_providers_shape() {
    let world = Setup::default().traffic("max_body = \"4KiB\"").start();
    let refused = world.message("+14155550102", &"x".repeat(5000));
    assert_eq!(refused.status(), 413, "{}", refused.text());
    assert_eq!(refused.json()["status"], 413);
    assert!(refused.verdict().contains("reason=too_large"), "{}", refused.verdict());
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 5000, "x".repeat(5000));
    let chunked = Request { body: body.into_bytes(), ..message("+14155550102", "") };
    let refused = world.send(&chunked.field("Transfer-Encoding", "chunked"));
    assert_eq!(refused.status(), 413, "without a length, too: {}", refused.text());
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn too_many_or_too_large_header_fields_are_refused() {
    let world = Setup::default().traffic("max_headers = 20\nmax_header = \"16KiB\"").start();
    let many = (0..30)
        .fold(message("+14155550102", "Hi"), |request, number| request.field(&format!("X-{number}"), "1"));
    assert_eq!(world.send(&many).status(), 431);
    let large = message("+14155550102", "Hi").field("X-Large", &"x".repeat(64 << 10));
    assert_eq!(large.try_send(world.gate.ports.traffic).map_or(431, |answer| answer.status()), 431);
    assert_eq!(world.twilio.count(), 0);
    assert_eq!(world.message("+14155550102", "Hi").status(), 201);
}

#[test]
fn a_client_that_is_slow_with_its_header_is_cut_off_and_others_are_served() {
    let world = Setup::default().traffic("header_timeout = \"300ms\"").start();
    let slow: Vec<Wire> = (0..20)
        .map(|_| {
            let mut wire = Wire::to(world.gate.ports.traffic);
            wire.write(format!("POST /twilio{MESSAGES} HTTP/1.1\r\nHost: ga").as_bytes()).expect("written");
            wire
        })
        .collect();
    assert_eq!(world.message("+14155550102", "Hi").status(), 201);
    for mut wire in slow {
        let rest = String::from_utf8_lossy(&wire.rest()).into_owned();
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    }
}

#[test]
fn a_client_that_is_slow_with_its_body_is_told_so() {
    let world = Setup::default().traffic("body_timeout = \"300ms\"").start();
    let mut wire = Wire::to(world.gate.ports.traffic);
    let head = format!(
        "POST /twilio{MESSAGES} HTTP/1.1\r\nHost: gate.test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 100\r\n\r\nTo=%2B1415"
    );
    wire.write(head.as_bytes()).expect("written");
    let answer = wire.answer();
    assert_eq!(answer.status(), 400, "{}", answer.text());
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn connections_beyond_the_limit_are_closed_and_served_again_when_others_have_gone() {
    let world = Setup::default().traffic("max_connections = 5").start();
    let open: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut wire = Wire::to(world.gate.ports.traffic);
            wire.write(&Request::get(&format!("/twilio{MESSAGES}")).bytes()).expect("written");
            assert_eq!(wire.answer().status(), 200);
            wire.stream().try_clone().expect("a handle that keeps it open")
        })
        .collect();
    let beyond = Request::get(&format!("/twilio{MESSAGES}")).try_send(world.gate.ports.traffic);
    assert!(beyond.is_none(), "the sixth is closed: {beyond:?}");
    for stream in &open {
        stream.shutdown(std::net::Shutdown::Both).expect("closed");
    }
    until("a free connection", || {
        let answer = message("+14155550102", "Hi").try_send(world.gate.ports.traffic)?;
        (answer.status() == 201).then_some(())
    });
}

#[test]
fn recipients_behind_a_large_attachment_are_read_before_a_byte_leaves() {
    let world = World::start();
    world.api().contact(&serde_json::json!({ "email": "ada@example.org", "dnd": true }));
    let attachment = "x".repeat(20 << 20);
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nteam@mg.example.com\r\n\
         --b\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"a.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{attachment}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nbob@example.org\r\n\
         --b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nada@example.org\r\n--b--\r\n"
    );
    let send = |body: &str| {
        let request = Request::post("/mailgun/v3/mg.example.com/messages");
        world.send(&request.body("multipart/form-data; boundary=b", body))
    };
    let trimmed = send(&body);
    assert_eq!(trimmed.status(), 200, "{}", trimmed.text());
    assert!(trimmed.verdict().starts_with("trimmed; blocked=1"), "{}", trimmed.verdict());
    let arrived = world.mailgun.only().text();
    assert!(arrived.contains("bob@example.org") && !arrived.contains("ada@example.org"));
    assert!(arrived.contains(&attachment), "the attachment is whole");
    let refused = send(&body.replace("bob@example.org", "Ada@Example.org"));
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert_eq!(world.mailgun.count(), 1);
}
