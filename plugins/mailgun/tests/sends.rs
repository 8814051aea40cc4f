//! Sends: what the fact sheet says breaks a naive gateway, and the finer points of its section 2.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Fixture, form, multipart, people, post, read, trimmed, values};
use dndgate_adapter::{
    Adapter, Answer, Asked, Head, Look, Outbound, Refusal, RefusalCause, Role, Scheduled, Secrets,
    sandbox::Sandbox,
};
use dndgate_mailgun::MAILGUN;
use http::{HeaderMap, Method, StatusCode};

#[test]
fn fixtures_are_read_as_their_notes_say() {
    for fixture in Fixture::all("requests") {
        let request = fixture.request();
        let look = MAILGUN.look(&request.head).unwrap();
        if fixture.has("nobody") {
            assert_eq!(look, Look::Nobody, "{}", fixture.name);
            continue;
        }
        assert_eq!(look, Look::Body, "{}", fixture.name);
        assert_eq!(MAILGUN.account(&request.head).as_deref(), Some("mg.acme.com"), "{}", fixture.name);
        match MAILGUN.read(&request) {
            Ok(Outbound::Send(sending)) => {
                let notes = fixture.notes("send").map(|note| {
                    let is_copy =
                        note.starts_with("cc ") || note.starts_with("bcc ") || note.starts_with("to ");
                    if is_copy { note.trim_start_matches("to to ").to_owned() } else { format!("to {note}") }
                });
                let mut expected: Vec<String> = notes.map(|note| note.replacen("to to ", "to ", 1)).collect();
                expected.sort();
                assert_eq!(people(&sending), expected, "{}", fixture.name);
                assert_eq!(sending.scheduled, fixture.has("scheduled"), "{}", fixture.name);
            }
            Ok(Outbound::Ask(ask)) => {
                assert_eq!(
                    fixture.notes("ask").collect::<Vec<_>>(),
                    [ask.path_and_query],
                    "{}",
                    fixture.name
                );
                assert!(ask.or_missing);
                assert_eq!(ask.unless_allowed, Some("lists"));
            }
            Err(why) => assert!(fixture.has("unreadable"), "{}: {why}", fixture.name),
            Ok(other) => panic!("{}: {other:?}", fixture.name),
        }
    }
}

// --- section 0 of the sheet ----------------------------------------------------------------------------------

#[test]
fn sheet_0_1_compressed_bodies_are_unpacked_by_the_gateway() {
    assert!(MAILGUN.profile().compressed_bodies);
    assert!(MAILGUN.profile().body_bytes_max >= 53 << 20);
}

#[test]
fn sheet_0_2_recipients_may_follow_a_20_megabyte_attachment() {
    let attachment: Vec<u8> =
        (0..20u32 << 20).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let fixture = multipart(&[
        ("to", b"ann@example.com"),
        ("attachment;filename=\"big.bin\"", &attachment),
        ("text", b"x"),
        ("to", b"Bob <bob@example.com>"),
    ]);
    let began = std::time::Instant::now();
    assert_eq!(people(&read(&fixture.request()).unwrap()), ["to ann@example.com", "to bob@example.com"]);
    assert!(began.elapsed().as_millis() < 1_000, "took {:?}", began.elapsed());
    let left = trimmed(&fixture, &["bob@example.com"]).unwrap();
    assert_eq!(values(&left, "to"), ["ann@example.com"]);
    let begin = left.body.windows(10).position(|window| window == &attachment[..10]).unwrap();
    assert!(left.body[begin..].starts_with(&attachment), "the attachment keeps its bytes");
}

#[test]
fn sheet_0_3_lists_split_at_comma_and_semicolon_and_quotes_hide_nobody() {
    let fixture =
        form(&[("to", "\"bob\"@x.com; Ann <ann@x.com> (home), \"b, c\" <cid@x.com>"), ("text", "x")]);
    assert_eq!(people(&read(&fixture.request()).unwrap()), ["to ann@x.com", "to bob@x.com", "to cid@x.com"]);
}

#[test]
fn sheet_0_4_every_sending_endpoint_is_known() {
    for path in [
        "/v3/mg.acme.com/messages",
        "/v3/mg.acme.com/messages.mime",
        "/v3/domains/mg.acme.com/messages/BAAB",
        "/v2/mg.acme.com/messages",
    ] {
        for host in [None, Some("api.eu.mailgun.net"), Some("storage-us-east4.api.mailgun.net")] {
            let head = Head { method: &Method::POST, host, path, query: None, headers: &HeaderMap::new() };
            assert_eq!(MAILGUN.look(&head), Ok(Look::Body), "{path}");
        }
    }
    let scheduled = Fixture::named("requests", "scheduled.http");
    assert!(read(&scheduled.request()).unwrap().scheduled);
    let list = Fixture::named("requests", "list.http");
    assert!(matches!(MAILGUN.read(&list.request()), Ok(Outbound::Ask(_))));
}

#[test]
fn sheet_0_6_storage_hosts_are_behind_the_gateway_too() {
    let hosts = MAILGUN.profile().hosts;
    for host in ["storage-*.api.mailgun.net", "se.api.mailgun.net", "api.eu.mailgun.net"] {
        assert!(hosts.contains(&host), "{host}");
    }
}

#[test]
fn sheet_0_7_and_0_8_a_refusal_is_a_400_with_a_message() {
    let fixture = form(&[("to", "joan@example.com"), ("text", "x")]);
    let reply = MAILGUN.refuse(
        &fixture.request().head,
        &Refusal {
            cause: RefusalCause::Blocked,
            message: "the recipient does not want to be contacted (complaint)",
            address: Some("joan@example.com"),
            channel: Some(dndgate_adapter::Channel::Email),
            reason: Some("complaint"),
            code: None,
            request_id: "0199",
        },
    );
    assert_eq!(reply.status, 400);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(
        message.contains("blocked by Do-Not-Disturb: j***@example.com (email, reason: complaint)"),
        "{message}"
    );
    assert!(!message.contains("joan@"), "{message}");
}

// --- recipients where one would not look ---------------------------------------------------------------------

#[test]
fn header_fields_with_addresses_are_judged_and_cannot_be_trimmed() {
    for name in ["h:To", "h:Cc", "h:Bcc", "H:bcc", "h:Resent-Bcc", "h: bcc"] {
        let fixture = form(&[("to", "ann@x.com, bob@x.com"), (name, "Eve <eve@x.com>"), ("text", "x")]);
        let sending = read(&fixture.request()).unwrap();
        assert!(sending.recipients.iter().any(|one| one.address == "eve@x.com"), "{name}");
        assert!(trimmed(&fixture, &["eve@x.com"]).is_err(), "{name}");
        let left = trimmed(&fixture, &["bob@x.com"]).unwrap();
        assert_eq!(values(&left, "to"), ["ann@x.com"], "{name}");
    }
    let batch = form(&[
        ("to", "ann@x.com, bob@x.com"),
        ("h:To", "\"%recipient.name%\" <%recipient%>"),
        ("text", "x"),
    ]);
    assert_eq!(read(&batch.request()).unwrap().recipients.len(), 2);
}

#[test]
fn resend_and_mime_take_no_copies() {
    for path in ["/v3/mg.acme.com/messages.mime", "/v3/domains/mg.acme.com/messages/K"] {
        let body = "to=ann%40x.com&cc=bob%40x.com&message=x";
        let fixture = post(path, "application/x-www-form-urlencoded", body);
        assert!(MAILGUN.read(&fixture.request()).is_err(), "{path}");
    }
}

#[test]
fn hidden_recipients_of_a_mime_are_seen_however_they_are_written() {
    for header in [
        "Bcc: eve@x.com",
        "BCC : eve@x.com",
        "Bcc:\r\n\tEve <eve@x.com>",
        "Resent-Bcc: eve@x.com",
        "X: y\rBcc: eve@x.com",
    ] {
        let message =
            format!("From: a@x.com\r\nTo: undisclosed-recipients:;\r\n{header}\r\n\r\nBcc: not@x.com");
        let mut fixture =
            multipart(&[("to", b"ann@x.com, bob@x.com"), ("message;filename=m", message.as_bytes())]);
        fixture.target += ".mime";
        let sending = read(&fixture.request()).unwrap();
        assert_eq!(people(&sending), ["bcc eve@x.com", "to ann@x.com", "to bob@x.com"], "{header:?}");
        assert!(trimmed(&fixture, &["eve@x.com"]).is_err());
        assert_eq!(values(&trimmed(&fixture, &["ann@x.com"]).unwrap(), "to"), ["bob@x.com"]);
    }
    let mut twice = multipart(&[
        ("to", b"ann@x.com"),
        ("message", b"A: b\r\n\r\n"),
        ("message", b"Bcc: eve@x.com\r\n\r\n"),
    ]);
    twice.target += ".mime";
    assert!(MAILGUN.read(&twice.request()).is_err());
}

#[test]
fn what_mailgun_could_read_differently_is_refused() {
    let long = "a".repeat(9_000);
    for (name, value) in [
        ("to", "Smith, J <j@x.com>"),
        ("to", "Friends: ann@x.com;"),
        ("to", "<@relay:ann@x.com>"),
        ("to", "ann@x.com."),
        ("to", "ann @x.com"),
        ("to", "mailto:ann@x.com"),
        ("to", "ann@x.com bob@x.com"),
        ("to", "ann@x.com\r\nBcc: eve@x.com"),
        ("to", "ann@x.com\0"),
        ("to", "%recipient.boss%@x.com"),
        ("to", &long),
        ("h:Bcc", "%recipient.boss%"),
        ("h:Bcc", "Friends <eve@x.com"),
        ("t%6f", "eve@x.com"),
        ("to\n", "eve@x.com"),
        ("_charset_", "utf-7"),
    ] {
        let fixture = form(&[("to", "ann@x.com"), (name, value), ("text", "x")]);
        assert!(MAILGUN.read(&fixture.request()).is_err(), "form {name:?} {value:?}");
        if !name.contains('\n') {
            let fixture = multipart(&[("to", b"ann@x.com"), (name, value.as_bytes()), ("text", b"x")]);
            assert!(MAILGUN.read(&fixture.request()).is_err(), "multipart {name:?} {value:?}");
        }
    }
    for body in [
        "to=ann%40x.com&text=x;to=eve%40x.com",
        "to=ann%40x.com;bcc=eve%40x.com",
        "to=ann%40x.com&text=a; h:Bcc=b",
    ] {
        let fixture = post("/v3/mg.acme.com/messages", "application/x-www-form-urlencoded", body);
        assert!(MAILGUN.read(&fixture.request()).is_err(), "{body}");
    }
    for body in
        ["to=ann%40x.com&text=a;b", "to=ann%40x.com&text=one; two; bye", "to=ann%40x.com&text=%3Bto=eve"]
    {
        let fixture = post("/v3/mg.acme.com/messages", "application/x-www-form-urlencoded", body);
        assert!(MAILGUN.read(&fixture.request()).is_ok(), "{body}");
    }
    for query in ["to=eve%40x.com", "To[]=eve%40x.com", "h:Bcc=eve%40x.com", "o:deliverytime=x", "%"] {
        let mut fixture = form(&[("to", "ann@x.com")]);
        fixture.target += &format!("?{query}");
        assert!(MAILGUN.read(&fixture.request()).is_err(), "{query}");
    }
    for content_type in
        ["application/json", "text/plain", "application/x-www-form-urlencoded; charset=utf-16", ""]
    {
        let fixture = post("/v3/mg.acme.com/messages", content_type, "to=ann%40x.com");
        assert!(MAILGUN.read(&fixture.request()).is_err(), "{content_type}");
    }
    let mut two_types = form(&[("to", "ann@x.com")]);
    two_types.headers.append("content-type", "multipart/form-data; boundary=x".parse().unwrap());
    assert!(MAILGUN.read(&two_types.request()).is_err());
    let mut none = form(&[("to", "ann@x.com")]);
    none.headers.clear();
    assert!(MAILGUN.read(&none.request()).is_err());
}

// --- lists ---------------------------------------------------------------------------------------------------

#[test]
fn a_suspected_list_is_asked_about() {
    let fixture = form(&[("to", "ann@x.com, a@mg.acme.com"), ("bcc", "b@MG.acme.com"), ("text", "x")]);
    let request = fixture.request();
    let Ok(Outbound::Ask(ask)) = MAILGUN.read(&request) else { panic!() };
    assert_eq!(ask.path_and_query, "/v3/lists/a%40mg%2Eacme%2Ecom");
    let Ok(Asked::More(ask)) = MAILGUN.asked(&request, &[vec![]]) else { panic!() };
    assert_eq!(ask.path_and_query, "/v3/lists/b%40MG%2Eacme%2Ecom");
    let Ok(Asked::Send(sending)) = MAILGUN.asked(&request, &[vec![], vec![]]) else { panic!() };
    assert_eq!(sending.recipients.len(), 3, "everybody is judged");
    let list = br#"{"list":{"address":"b@mg.acme.com","members_count":1000}}"#.to_vec();
    assert_eq!(MAILGUN.asked(&request, &[vec![], list]), Ok(Asked::Unnamed("lists")));
    assert!(MAILGUN.asked(&request, &[b"Mailgun Magnificent API".to_vec()]).is_err());
    assert!(MAILGUN.asked(&request, &[b"{\"message\":\"x\"}".to_vec()]).is_err());
    // The operator allows lists: nothing is asked, and the people named are judged all the same.
    let Ok(Asked::Send(sending)) = MAILGUN.asked(&request, &[]) else { panic!() };
    assert_eq!(sending.recipients.len(), 3);
}

// --- scheduled -----------------------------------------------------------------------------------------------

#[test]
fn scheduled_sends_leave_a_handle_for_each_person() {
    let fixture = Fixture::named("requests", "scheduled.http");
    let request = fixture.request();
    let sending = read(&request).unwrap();
    assert!(MAILGUN.wants_answer(&sending, StatusCode::OK));
    let headers = HeaderMap::new();
    let body = br#"{"id":"<20261123.1.ABC@mg.acme.com>","message":"Queued. Thank you."}"#;
    let learned =
        MAILGUN.learn(&request, &sending, &[], &Answer { status: StatusCode::OK, headers: &headers, body });
    let people: Vec<&str> = learned.scheduled.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(people, ["ann@example.com", "bob@example.com"]);
    let secrets = Secrets::new(vec![("api_key", vec!["key-1".into()])]);
    let call = MAILGUN.cancel(&learned.scheduled[0], &secrets).unwrap();
    assert_eq!(call.path_and_query, "/v3/mg.acme.com/unsubscribes");
    assert_eq!((call.method, call.host), (Method::POST, None));
    assert_eq!(call.body, b"address=ann%40example%2Ecom&tags=*");
    let credentials = call.headers.iter().find(|(name, _)| name == "authorization").unwrap();
    assert_eq!(credentials.1, "Basic YXBpOmtleS0x");
    assert_eq!(MAILGUN.cancel(&learned.scheduled[0], &Secrets::default()), None);
    assert!(MAILGUN.cancel(&Scheduled::default(), &secrets).is_some(), "the gateway asks whether it could");
}

#[test]
fn scheduled_sends_are_cancelled_in_their_region() {
    let fixture = Fixture::named("requests", "scheduled.http");
    let mut request = fixture.request();
    request.head.host = Some("api.eu.mailgun.net");
    let sending = read(&request).unwrap();
    let headers = HeaderMap::new();
    let answer = Answer { status: StatusCode::OK, headers: &headers, body: b"odd" };
    let learned = MAILGUN.learn(&request, &sending, &[], &answer);
    let secrets = Secrets::new(vec![("api_key", vec!["key-1".into()])]);
    let call = MAILGUN.cancel(&learned.scheduled[0], &secrets).unwrap();
    assert_eq!(call.host.as_deref(), Some("api.eu.mailgun.net"));
}

#[test]
fn what_schedules_is_known() {
    for name in ["o:deliverytime", "o:deliverytime-optimize-period", "o:time-zone-localize", "O:DeliveryTime"]
    {
        assert!(read(&form(&[("to", "ann@x.com"), (name, "24h")]).request()).unwrap().scheduled, "{name}");
    }
    for (name, value) in [("o:deliverytime", ""), ("o:deliver-within", "1h"), ("v:o:deliverytime", "x")] {
        assert!(!read(&form(&[("to", "ann@x.com"), (name, value)]).request()).unwrap().scheduled, "{name}");
    }
    let mut mime =
        multipart(&[("to", b"ann@x.com"), ("message", b"X-Mailgun-Deliver-By: Tue, 24 Nov 2026\r\n\r\n")]);
    mime.target += ".mime";
    assert!(read(&mime.request()).unwrap().scheduled);
}

// --- the rest ------------------------------------------------------------------------------------------------

#[test]
fn send_rules_get_sender_and_tags() {
    let fixture = form(&[
        ("from", "Acme <hello@mg.acme.com>"),
        ("to", "ann@x.com"),
        ("o:tag", "a"),
        ("o:tag", "b"),
        ("template", "t"),
    ]);
    let sending = read(&fixture.request()).unwrap();
    assert_eq!((sending.kind, &*sending.sender), ("message", "hello@mg.acme.com"));
    assert_eq!(sending.tags, ["a", "b", "t"]);
    assert_eq!(sending.recipients[0].role, Role::To);
}

#[test]
fn lists_beyond_all_measure_are_refused() {
    let many = "a@x.com,".repeat(10_001);
    assert!(MAILGUN.read(&form(&[("to", &many)]).request()).is_err());
}

#[test]
fn the_sandbox_answers_as_mailgun_does() {
    let sandbox: &dyn Sandbox = MAILGUN.sandbox().unwrap();
    let fixture = form(&[
        ("from", "hello@mg.acme.com"),
        ("to", "ann@x.com, bob@x.com"),
        ("subject", "Hi"),
        ("text", "Hello"),
    ]);
    let answered = sandbox.answer(&fixture.request(), 7);
    let body: serde_json::Value = serde_json::from_slice(&answered.reply.body).unwrap();
    assert_eq!(body["message"], "Queued. Thank you.");
    assert!(body["id"].as_str().unwrap().ends_with("@mg.acme.com>"));
    let seen: Vec<_> = answered.delivered.iter().map(|one| (one.to.as_str(), one.text.as_str())).collect();
    assert_eq!(seen, [("ann@x.com", "Hi: Hello"), ("bob@x.com", "Hi: Hello")]);
    for (pairs, message) in [
        (&[("from", "a@b.c"), ("text", "x")][..], "to parameter is missing"),
        (&[("to", "a@b.c"), ("text", "x")], "from parameter is missing"),
        (&[("from", "a@b.c"), ("to", "a@b.c")], "Need at least one of"),
    ] {
        let answered = sandbox.answer(&form(pairs).request(), 8);
        assert_eq!(answered.reply.status, 400);
        assert!(String::from_utf8_lossy(&answered.reply.body).contains(message), "{message}");
        assert!(answered.delivered.is_empty());
    }
    for (path, status, text) in [
        ("/v3/mg.acme.com/complaints/ann%40x.com", 404, "No spam complaints found for this address"),
        ("/v3/mg.acme.com/bounces/ann%40x.com", 404, "Address not found in bounces table"),
        ("/v3/mg.acme.com/unsubscribes/ann%40x.com", 404, "Address not found in unsubscribers table"),
        ("/v3/mg.acme.com/bounces", 200, "\"items\":[]"),
        ("/v3/lists/a%40mg.acme.com", 404, "not found"),
        ("/v3/nothing", 200, "Mailgun Magnificent API"),
    ] {
        let get = Fixture { method: Method::GET, ..post(path, "text/plain", "") };
        let answered = sandbox.answer(&get.request(), 9);
        assert_eq!(answered.reply.status, status, "{path}");
        assert!(String::from_utf8_lossy(&answered.reply.body).contains(text), "{path}");
    }
}
