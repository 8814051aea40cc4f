//! How requests and answers travel: byte for byte, by prefix, port or Host, over HTTP/1.1 and HTTP/2, and
//! without being held back.

use crate::harness::{
    Fake, MESSAGES, Reaction, Request, SENDER, Setup, Wire, World, answer,
    wire::{SILENCE_MAX, form_of},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{io::Write, sync::mpsc};

#[test]
fn r10_an_allowed_send_arrives_byte_for_byte_with_its_fields_in_order_and_case() {
    let world = World::start();
    let body =
        "To=%2b14155550102&Body=%C3%A9%20%f0%9f%98%80+x&From=%2B15005550006&MediaUrl=a&MediaUrl=b&Empty=";
    let request = Request::post(&format!("/twilio{MESSAGES}?PageSize=%31"))
        .field("Host", "gate.test")
        .field("user-AGENT", "twilio-test/1")
        .field("X-First", "1")
        .field("X-First", "again")
        .field("Authorization", "Basic QUMxOnNlY3JldA==")
        .field("x-Second", "two,  three")
        .field("Accept-Encoding", "gzip, deflate")
        .field("Content-Type", "application/x-www-form-urlencoded")
        .field("Content-Length", &body.len().to_string())
        .field("X-Last", "z");
    let sent = Request { body: body.into(), ..request };
    let taken = world.send(&sent);
    assert_eq!(taken.status(), 201, "{}", taken.text());
    let arrived = world.twilio.only();
    assert_eq!(arrived.target(), format!("{MESSAGES}?PageSize=%31"));
    assert_eq!(arrived.text(), body);
    let mut expected = sent.fields.clone();
    expected[0].1 = format!("127.0.0.1:{}", world.twilio.port);
    assert_eq!(arrived.fields, expected);
}

#[test]
fn hop_by_hop_fields_end_at_the_gateway() {
    let world = World::start();
    let request = Request::get(&format!("/twilio{MESSAGES}"))
        .field("Connection", "keep-alive, X-Only-Here")
        .field("X-Only-Here", "1")
        .field("Keep-Alive", "timeout=5")
        .field("TE", "trailers")
        .field("Proxy-Authorization", "Basic eA==")
        .field("X-Onward", "1");
    assert_eq!(world.send(&request).status(), 200);
    let arrived = world.twilio.only();
    let names: Vec<String> = arrived.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(names, ["host", "x-onward"]);
}

#[test]
fn an_answer_comes_back_byte_for_byte() {
    let world = World::start();
    let mut given = answer(201, "application/json", "{\"sid\":\"SM1\"}  ");
    given.fields.push(("Twilio-Request-Id".into(), "RQ1".into()));
    given.fields.push(("x-Odd-CASE".into(), "kept".into()));
    given.fields.push(("Set-Cookie".into(), "a=1".into()));
    given.fields.push(("Set-Cookie".into(), "b=2".into()));
    world.twilio.answers(given.clone());
    let got = world.message("+14155550102", "Hello");
    assert_eq!(got.body, given.body);
    assert_eq!(got.verdict(), "allowed");
    assert!(!got.request_id().is_empty());
    let of_provider: Vec<_> =
        got.fields.iter().filter(|(name, _)| given.fields.iter().any(|(own, _)| own == name)).collect();
    assert_eq!(of_provider, given.fields.iter().collect::<Vec<_>>());
}

#[test]
fn prefix_own_port_and_host_all_choose_a_provider() {
    let world = World::start();
    let form = [("To", "+14155550102"), ("From", SENDER), ("Body", "Hello")];
    let by_prefix = Request::post(&format!("/twilio{MESSAGES}")).form(&form);
    let by_segment = Request::post(&format!("/twilio/api.twilio.com{MESSAGES}")).form(&form);
    let plain = Request::post(MESSAGES).form(&form);
    let by_host = Request::post(MESSAGES).field("Host", "Twilio.Gate.test:8080").form(&form);
    assert_eq!(world.send(&by_prefix).status(), 201);
    assert_eq!(world.send(&by_segment).status(), 201);
    assert_eq!(plain.send(world.gate.ports.twilio).status(), 201);
    assert_eq!(world.send(&by_host).status(), 201);
    let nowhere = world.send(&plain);
    assert_eq!(nowhere.status(), 404);
    assert!(nowhere.verdict().starts_with("refused"), "{}", nowhere.verdict());
    let targets: Vec<String> = world.twilio.seen().iter().map(|one| one.target().to_owned()).collect();
    assert_eq!(targets, [MESSAGES, &format!("/api.twilio.com{MESSAGES}"), MESSAGES, MESSAGES]);
    world.hears("+14155550102", "STOP");
    for (request, port) in [
        (&by_prefix, world.gate.ports.traffic),
        (&by_segment, world.gate.ports.traffic),
        (&plain, world.gate.ports.twilio),
        (&by_host, world.gate.ports.traffic),
    ] {
        assert_eq!(request.send(port).status(), 400, "{}", request.target);
    }
    assert_eq!(world.twilio.count(), 4);
}

#[test]
fn http_2_is_spoken_too() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (allowed, blocked) = runtime.block_on(async {
        let stream =
            tokio::net::TcpStream::connect(("127.0.0.1", world.gate.ports.traffic)).await.expect("connected");
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut client, connection) = handshake.await.expect("HTTP/2");
        tokio::spawn(connection);
        let mut send = async |to: &str| {
            let body = form_of(&[("To", to), ("From", SENDER), ("Body", "Hello")]);
            let request = http::Request::post(format!("http://gate.test/twilio{MESSAGES}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Full::new(Bytes::from(body)));
            let answer = client.send_request(request.expect("a request")).await.expect("an answer");
            let verdict = answer.headers()["dndgate-verdict"].to_str().expect("text").to_owned();
            (
                answer.status().as_u16(),
                verdict,
                answer.into_body().collect().await.expect("a body").to_bytes(),
            )
        };
        (send("+14155550102").await, send("+14155550101").await)
    });
    assert_eq!((allowed.0, allowed.1.as_str()), (201, "allowed"));
    assert_eq!(blocked.0, 400);
    assert!(blocked.1.starts_with("blocked; channel=sms"), "{}", blocked.1);
    let body: serde_json::Value = serde_json::from_slice(&blocked.2).expect("JSON");
    assert_eq!(body["code"], 21610);
    let arrived = world.twilio.only();
    assert_eq!(arrived.field("Host"), Some(format!("127.0.0.1:{}", world.twilio.port).as_str()));
    assert_eq!(arrived.form("To"), ["+14155550102"]);
}

#[test]
fn an_answer_streams_through_before_it_is_whole() {
    let world = World::start();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(Some(wait));
    world.twilio.reacts(move |_| {
        let wait = wait.lock().expect("unpoisoned").take().expect("asked once");
        Reaction::Own(Box::new(move |stream| {
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
            stream.write_all(head).expect("written");
            wait.recv().expect("the test goes on");
            stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").expect("written");
        }))
    });
    let mut wire = Wire::to(world.gate.ports.traffic);
    wire.write(&Request::get("/twilio/2010-04-01/Accounts/AC1/Recordings/RE1.wav").bytes()).expect("written");
    let head = wire.head().expect("a head").expect("an answer");
    assert_eq!(head.status(), 200);
    assert_eq!(wire.exactly(10), b"5\r\nfirst\r\n", "the first piece, while the second is held back");
    go_on.send(()).expect("the fake waits");
    let rest = wire.body(&head).expect("the rest");
    assert_eq!(rest, b"second");
}

#[test]
fn a_request_that_contacts_nobody_streams_through_before_it_is_whole() {
    let (tell, told) = mpsc::channel::<Vec<u8>>();
    let provider = Fake::raw(move |wire| {
        let head = wire.head().expect("a head").expect("a request");
        tell.send(wire.exactly(10)).expect("the test listens");
        wire.body(&head).expect("the rest");
        wire.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("written");
    });
    let world = Setup::default().twilio_is(provider).start();
    let mut wire = Wire::to(world.gate.ports.traffic);
    let upload = "PUT /twilio/mcs.us1.twilio.com/v1/Services/IS1/Media HTTP/1.1\r\nHost: gate.test\r\n\
                  Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    wire.write(upload.as_bytes()).expect("written");
    let piece = told.recv_timeout(SILENCE_MAX).expect("the provider has the first piece");
    assert_eq!(piece, b"5\r\nfirst\r\n");
    wire.write(b"0\r\n\r\n").expect("written");
    assert_eq!(wire.answer().status(), 200);
}

#[test]
fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    for (to, status) in [("+14155550102", 201), ("+14155550101", 400)] {
        let mut wire = Wire::to(world.gate.ports.traffic);
        let body = form_of(&[("To", to), ("From", SENDER), ("Body", "Hello")]);
        let request = Request::post(&format!("/twilio{MESSAGES}"))
            .field("Content-Type", "application/x-www-form-urlencoded")
            .field("Content-Length", &body.len().to_string())
            .field("Expect", "100-continue");
        wire.write(&request.bytes()).expect("written");
        let leave = wire.head().expect("a head").expect("leave");
        assert_eq!(leave.status(), 100);
        wire.write(body.as_bytes()).expect("written");
        assert_eq!(wire.answer().status(), status);
    }
    assert_eq!(world.twilio.only().form("To"), ["+14155550102"]);
}

#[test]
fn answers_without_a_body_come_through() {
    let world = World::start();
    for (method, status) in [("HEAD", 200), ("GET", 304), ("DELETE", 204)] {
        let mut given = answer(status, "application/json", "");
        given.fields.push(("ETag".into(), "\"1\"".into()));
        world.twilio.answers(given);
        // The connection stays good for the next request: nothing is left over on it.
        let mut wire = Wire::to(world.gate.ports.traffic);
        for _ in 0..2 {
            wire.write(&Request::new(method, &format!("/twilio{MESSAGES}")).bytes()).expect("written");
            let head = wire.head().expect("a head").expect("an answer");
            assert_eq!((head.status(), head.field("ETag")), (status, Some("\"1\"")), "{method}");
        }
    }
}
