//! Requests that two servers would read differently go nowhere. The provider must see exactly the requests
//! that were judged, so each journey ends with a look at what reached it.

use crate::harness::{MESSAGES, Message, Setup, Wire, World};

/// A world whose gateway soon gives up on a connection that says nothing more, so that everything which comes
/// of some bytes can be waited for.
fn world() -> World {
    Setup::default().traffic("header_timeout = \"200ms\"\nbody_timeout = \"200ms\"").start()
}

/// Everything that the gateway says to these bytes until it closes the connection.
fn says(world: &World, bytes: &str) -> Vec<Message> {
    let mut wire = Wire::to(world.gate.ports.traffic);
    wire.write(bytes.as_bytes()).expect("written");
    let mut answers = Vec::new();
    while let Ok(Some(answer)) = wire.message() {
        answers.push(answer);
    }
    answers
}

/// A send to somebody who may be reached, with these fields and this body.
fn post(fields: &str, body: &str) -> String {
    format!(
        "POST /twilio{MESSAGES} HTTP/1.1\r\nHost: gate.test\r\nContent-Type: application/x-www-form-urlencoded\r\n{fields}\r\n{body}"
    )
}

#[track_caller]
fn assert_refused(world: &World, bytes: &str) {
    let answers = says(world, bytes);
    assert!(
        answers.iter().all(|answer| (400..500).contains(&answer.status())),
        "{bytes:?} was answered with {answers:#?}"
    );
    assert_eq!(world.twilio.count(), 0, "{bytes:?} reached the provider: {:#?}", world.twilio.seen());
}

#[test]
fn r10_the_plain_forms_of_these_requests_are_taken() {
    let world = world();
    let body = "To=%2B14155550102&From=%2B15005550006&Body=Hi";
    let whole = post(&format!("Content-Length: {}\r\n", body.len()), body);
    let chunks =
        post("Transfer-Encoding: chunked\r\n", &format!("{:X};x=y\r\n{body}\r\n0\r\n\r\n", body.len()));
    for bytes in [whole, chunks] {
        let statuses: Vec<u16> = says(&world, &bytes).iter().map(Message::status).collect();
        assert_eq!(statuses.first(), Some(&201), "{bytes:?}");
    }
    let arrived = world.twilio.seen();
    assert_eq!(arrived.iter().map(Message::text).collect::<Vec<_>>(), [body, body]);
}

#[test]
fn r10_both_content_length_and_transfer_encoding() {
    let world = world();
    let hidden = format!("POST /twilio{MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    let length = hidden.len() + 5;
    for order in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
    ] {
        assert_refused(&world, &post(&order, &format!("0\r\n\r\n{hidden}")));
    }
}

#[test]
fn r10_disguised_transfer_encodings() {
    let world = world();
    let body = "0\r\n\r\n";
    for field in [
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
    ] {
        assert_refused(&world, &post(&format!("{field}\r\nContent-Length: 5\r\n"), body));
        let answers = says(&world, &post(&format!("{field}\r\n"), body));
        assert!(answers.iter().all(|answer| answer.status() >= 400), "{field:?}: {answers:#?}");
        assert_eq!(world.twilio.count(), 0, "{field:?}");
    }
}

#[test]
fn r10_conflicting_or_odd_lengths() {
    let world = world();
    let body = "To=%2B14155550102&From=%2B15005550006&Body=Hi";
    let length = body.len();
    for fields in [
        format!("Content-Length: {length}\r\nContent-Length: 3\r\n"),
        format!("Content-Length: 3\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}, 3\r\n"),
        format!("Content-Length: +{length}\r\n"),
        format!("Content-Length: -{length}\r\n"),
        format!("Content-Length: 0x{length:x}\r\n"),
        format!("Content-Length: {length} 1\r\n"),
        "Content-Length: 99999999999999999999999\r\n".to_owned(),
        "Content-Length: \r\n".to_owned(),
    ] {
        assert_refused(&world, &post(&fields, body));
    }
}

#[test]
fn r10_bad_chunking() {
    let world = world();
    let fields = "Transfer-Encoding: chunked\r\n";
    let part = "To=%2B14155550102";
    for body in [
        format!("{:x}\r\n{part}", part.len()),
        format!("{:x}\r\n{part}\r\n", part.len()),
        format!("{:x}\r\n{part}X\r\n0\r\n\r\n", part.len()),
        format!("-{:x}\r\n{part}\r\n0\r\n\r\n", part.len()),
        format!("0x{:x}\r\n{part}\r\n0\r\n\r\n", part.len()),
        format!("ffffffffffffffffff\r\n{part}\r\n0\r\n\r\n"),
        format!("{:x} ;\n{part}\n0\n\n", part.len()),
        format!("\r\n{part}\r\n0\r\n\r\n"),
    ] {
        assert_refused(&world, &post(fields, &body));
    }
}

#[test]
fn r10_more_than_one_host() {
    let world = world();
    assert_refused(&world, &post("Host: other.test\r\nContent-Length: 2\r\n", "hi"));
    assert_refused(&world, &post("Host: gate.test\r\nContent-Length: 2\r\n", "hi"));
}

#[test]
fn r10_this_is_no_forward_proxy() {
    let world = world();
    for line in [
        format!("POST http://api.twilio.com{MESSAGES} HTTP/1.1"),
        format!("POST http://gate.test/twilio{MESSAGES} HTTP/1.1"),
        "CONNECT api.twilio.com:443 HTTP/1.1".to_owned(),
        "OPTIONS * HTTP/1.1".to_owned(),
        format!("POST twilio{MESSAGES} HTTP/1.1"),
    ] {
        assert_refused(&world, &format!("{line}\r\nHost: gate.test\r\nContent-Length: 2\r\n\r\nhi"));
    }
}

#[test]
fn r10_odd_lines_and_fields() {
    let world = world();
    let line = format!("POST /twilio{MESSAGES}");
    for bytes in [
        format!("{line} HTTP/1.1\r\nHost: gate.test\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi"),
        format!("{line} HTTP/1.1\r\nHost: gate.test\r\nX\0Y: a\r\nContent-Length: 2\r\n\r\nhi"),
        format!("{line} HTTP/1.1\r\nHost: gate.test\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi"),
        format!("{line} HTTP/1.1\r\nHost: gate.test\r\nX: a\rb\r\nContent-Length: 2\r\n\r\nhi"),
        format!("{line} HTTP/1.1\r\nHost: gate.test\r\nno colon\r\nContent-Length: 2\r\n\r\nhi"),
        format!("{line} HTTP/3.0\r\nHost: gate.test\r\nContent-Length: 2\r\n\r\nhi"),
        format!("{line} x HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 2\r\n\r\nhi"),
    ] {
        assert_refused(&world, &bytes);
    }
}

#[test]
fn r10_a_second_request_behind_the_first_is_judged_for_itself() {
    let world = world();
    world.hears("+14155550101", "STOP");
    let form = |to: &str| {
        let body = format!("To={to}&From=%2B15005550006&Body=Hi");
        post(&format!("Content-Length: {}\r\n", body.len()), &body)
    };
    let both = format!("{}{}{}", form("%2B14155550102"), form("%2B14155550101"), form("%2B14155550103"));
    let mut wire = Wire::to(world.gate.ports.traffic);
    wire.write(both.as_bytes()).expect("written");
    let statuses = [wire.answer().status(), wire.answer().status(), wire.answer().status()];
    assert_eq!(statuses, [201, 400, 201]);
    let reached: Vec<_> = world.twilio.seen().iter().flat_map(|one| one.form("To")).collect();
    assert_eq!(reached, ["+14155550102", "+14155550103"]);
}

#[test]
fn r10_a_body_that_ends_early_goes_nowhere() {
    let world = world();
    let cut = post("Content-Length: 100\r\n", "To=%2B14155550102&From=%2B15005550006&Body=Hi");
    assert_refused(&world, &cut);
    let mut wire = Wire::to(world.gate.ports.traffic);
    wire.write(cut.as_bytes()).expect("written");
    wire.stream().shutdown(std::net::Shutdown::Write).expect("half closed");
    let rest = wire.rest();
    assert!(!rest.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(world.twilio.count(), 0);
}
