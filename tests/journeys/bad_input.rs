//! What cannot be read with certainty is refused, in the provider's shape, with an id that explains it later.

use crate::harness::{MAIL_DOMAIN, MESSAGES, Message, Request, SENDER, World};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

const FORM: &str = "application/x-www-form-urlencoded";
const GOOD: &str = "To=%2B14155550102&From=%2B15005550006&Body=Hi";

fn twilio(body: impl Into<Vec<u8>>) -> Request {
    Request::post(&format!("/twilio{MESSAGES}")).body(FORM, body)
}

fn mailgun(media: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post(&format!("/mailgun/v3/{MAIL_DOMAIN}/messages")).body(media, body)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

#[track_caller]
fn assert_refused(what: &str, answer: &Message) {
    assert!((400..429).contains(&answer.status()) && answer.status() != 408, "{what}: {answer:?}");
    assert!(answer.verdict().starts_with("refused; "), "{what}: {}", answer.verdict());
    assert!(!answer.request_id().is_empty(), "{what}: no request id");
    let body = answer.json();
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {body}");
    assert!(answer.text().contains(answer.request_id()), "{what}: the body names the request id: {body}");
}

#[test]
fn r10_twilio_sends_that_could_be_read_in_two_ways() {
    let world = World::start();
    for (what, request) in [
        ("To twice", twilio(format!("{GOOD}&To=%2B14155550101"))),
        ("To in another case", twilio(format!("{GOOD}&to=%2B14155550101"))),
        ("To in the query", Request::post(&format!("/twilio{MESSAGES}?To=%2B14155550101")).body(FORM, GOOD)),
        ("no To", twilio("From=%2B15005550006&Body=Hi")),
        ("an empty To", twilio("To=&From=%2B15005550006&Body=Hi")),
        ("To is no address", twilio("To=somebody&From=%2B15005550006&Body=Hi")),
        ("To has letters", twilio("To=%2B1800FLOWERS&From=%2B15005550006&Body=Hi")),
        ("To with an unknown prefix", twilio("To=pigeon:1234567&From=%2B15005550006&Body=Hi")),
        ("two numbers in To", twilio("To=%2B14155550102,%2B14155550101&From=%2B15005550006&Body=Hi")),
        ("broken escapes", twilio("To=%2B14155550102&Body=%zz")),
        ("not UTF-8 in To", twilio("To=%ff%fe14155550102&From=%2B15005550006&Body=Hi")),
        ("gzip", twilio(gzip(GOOD.as_bytes())).field("Content-Encoding", "gzip")),
        ("br", twilio(GOOD).field("Content-Encoding", "br")),
        (
            "JSON",
            Request::post(&format!("/twilio{MESSAGES}")).json(&serde_json::json!({ "To": "+14155550102" })),
        ),
        ("no content type", Request { fields: Vec::new(), ..twilio(GOOD) }),
        ("two content types", twilio(GOOD).field("Content-Type", "multipart/form-data; boundary=x")),
        (
            "another charset",
            Request::post(&format!("/twilio{MESSAGES}")).body(&format!("{FORM}; charset=utf-16"), GOOD),
        ),
        ("a method in a header", twilio(GOOD).field("X-HTTP-Method-Override", "GET")),
        ("client validation", twilio(GOOD).field("Twilio-Client-Validation", "jwt")),
    ] {
        assert_refused(what, &world.send(&request));
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r10_paths_that_could_be_read_in_two_ways() {
    let world = World::start();
    for path in [
        MESSAGES.replace("Messages", "messages"),
        MESSAGES.replace("Messages", "%4dessages"),
        MESSAGES.replace("/Messages", "//Messages"),
        MESSAGES.replace("/Messages", "/./Messages"),
        MESSAGES.replace("/Messages", "/Calls/../Messages"),
        MESSAGES.replace("/Messages", "/x%2f..%2fMessages"),
        MESSAGES.replace(".json", ".json/"),
        MESSAGES.replace(".json", ".json;x=1"),
        MESSAGES.replace(".json", ".JSON"),
        MESSAGES.replace("2010-04-01", "2008-08-01"),
        MESSAGES.replace("/2010", "/x/../2010"),
    ] {
        let answer = world.send(&Request::post(&format!("/twilio{path}")).body(FORM, GOOD));
        assert!((400..429).contains(&answer.status()), "{path}: {answer:?}");
        assert!(answer.verdict().starts_with("refused"), "{path}: {}", answer.verdict());
    }
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn r10_mailgun_sends_that_could_be_read_in_two_ways() {
    let world = World::start();
    let good = "from=a@mg.example.com&to=ada@example.org&text=x";
    let part = |more: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\na@mg.example.com\r\n\
             --b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nada@example.org\r\n{more}"
        )
    };
    let multipart = "multipart/form-data; boundary=b";
    let whole = part("--b--\r\n");
    for (what, request) in [
        ("an encoding that nobody knows", mailgun(FORM, good).field("Content-Encoding", "br")),
        ("damaged gzip", mailgun(FORM, &gzip(good.as_bytes())[..20]).field("Content-Encoding", "gzip")),
        ("two gzip streams", {
            let twice = [gzip(good.as_bytes()), gzip(b"&to=eve@example.org")].concat();
            mailgun(FORM, twice).field("Content-Encoding", "gzip")
        }),
        (
            "two encodings",
            mailgun(FORM, good).field("Content-Encoding", "gzip").field("Content-Encoding", "identity"),
        ),
        ("no recipient", mailgun(FORM, "from=a@mg.example.com&text=x")),
        ("no address", mailgun(FORM, "from=a@mg.example.com&to=somebody&text=x")),
        ("a group", mailgun(FORM, "from=a@mg.example.com&to=friends: ada@example.org;&text=x")),
        (
            "a list with spaces",
            mailgun(FORM, "from=a@mg.example.com&to=ada@example.org+eve@example.org&text=x"),
        ),
        ("to in the query", {
            let path = format!("/mailgun/v3/{MAIL_DOMAIN}/messages?to=eve@example.org");
            Request::post(&path).body(FORM, good)
        }),
        ("broken escapes", mailgun(FORM, "from=a@mg.example.com&to=%zz&text=x")),
        ("JSON", mailgun("application/json", "{\"to\":\"ada@example.org\"}")),
        ("no closing boundary", mailgun(multipart, part(""))),
        ("something behind the end", mailgun(multipart, format!("{whole}{whole}"))),
        ("no boundary", mailgun("multipart/form-data", whole.as_str())),
        ("another boundary", mailgun("multipart/form-data; boundary=c", whole.as_str())),
        ("two boundaries", mailgun("multipart/form-data; boundary=b; boundary=c", whole.as_str())),
        ("a name twice", {
            let more = "--b\r\nContent-Disposition: form-data; name=\"x\"; name=\"to\"\r\n\r\neve@example.org\r\n--b--\r\n";
            mailgun(multipart, part(more))
        }),
        ("a name written twice over", {
            let more =
                "--b\r\nContent-Disposition: form-data; name*=UTF-8''to\r\n\r\neve@example.org\r\n--b--\r\n";
            mailgun(multipart, part(more))
        }),
        ("a recipient that is a file", {
            let more = "--b\r\nContent-Disposition: form-data; name=\"to\"; filename=\"x\"\r\n\r\neve@example.org\r\n--b--\r\n";
            mailgun(multipart, part(more))
        }),
        ("an encoded part", {
            let more = "--b\r\nContent-Disposition: form-data; name=\"to\"\r\nContent-Transfer-Encoding: base64\r\n\r\nZXZl\r\n--b--\r\n";
            mailgun(multipart, part(more))
        }),
        (
            "a charset",
            mailgun(
                multipart,
                part("--b\r\nContent-Disposition: form-data; name=\"_charset_\"\r\n\r\nutf-7\r\n--b--\r\n"),
            ),
        ),
    ] {
        let answer = world.send(&request);
        assert_refused(what, &answer);
        assert_eq!(answer.json()["code"], serde_json::Value::Null, "{what}: in Mailgun's shape");
    }
    assert_eq!(world.mailgun.count(), 0);
}

#[test]
fn compressed_mail_is_understood_and_goes_on_as_it_came() {
    let world = World::start();
    world.api().contact(&serde_json::json!({ "email": "eve@example.org", "dnd": true }));
    let send =
        |body: &str| world.send(&mailgun(FORM, gzip(body.as_bytes())).field("Content-Encoding", "gzip"));
    let good = "from=a@mg.example.com&to=ada@example.org&text=x";
    assert_eq!(send(good).status(), 200);
    let arrived = world.mailgun.only();
    assert_eq!(
        (arrived.body, arrived.fields.iter().any(|(name, _)| name == "Content-Encoding")),
        (gzip(good.as_bytes()), true)
    );
    assert_eq!(send(&good.replace("ada", "eve")).status(), 400);
    let trimmed = send(&format!("{good}&to=eve@example.org"));
    assert_eq!(trimmed.status(), 200, "{}", trimmed.text());
    let arrived = world.mailgun.last();
    assert_eq!(arrived.field("Content-Encoding"), None, "what was changed goes on plain");
    assert_eq!(arrived.form("to"), ["ada@example.org"]);
}

#[test]
fn why_explains_a_request_by_its_id() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let blocked = world.message("+14155550101", "Hello");
    let refused = world.send(&twilio(format!("{GOOD}&To=%2B14155550101")));
    for (answer, verdict, reason) in [(&blocked, "blocked", "keyword"), (&refused, "refused", "unreadable")] {
        let told = world.gate.command(&["why", "--request", answer.request_id(), "--json"]);
        assert!(told.status.success(), "{told:?}");
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
        assert_eq!((&told["verdict"], &told["reason"]), (&verdict.into(), &reason.into()), "{told}");
        assert_eq!(told["requestId"], answer.request_id());
        assert!(!told.to_string().contains("4155550101"), "no address in the clear: {told}");
        let people = world.gate.command(&["why", "--request", answer.request_id()]);
        assert!(String::from_utf8_lossy(&people.stdout).contains(verdict), "{people:?}");
    }
    let unknown = world.gate.command(&["why", "--request", "00000000-0000-7000-8000-000000000000"]);
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
}

#[test]
fn why_says_whether_a_send_would_go_out_and_what_decides_it() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let blocked = world.gate.command(&["why", "SMS", "+14155550101"]);
    let text = String::from_utf8_lossy(&blocked.stdout).into_owned();
    assert_eq!(blocked.status.code(), Some(1), "the answer is no: {text}");
    assert!(text.contains("keyword") && text.contains("START"), "{text}");
    let free = world.gate.command(&["why", "SMS", "+14155550102"]);
    assert_eq!(free.status.code(), Some(0), "{free:?}");
    let json = world.gate.command(&["why", "SMS", "+1 415 555 0101", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((&json["verdict"], &json["reason"]), (&"block".into(), &"keyword".into()), "{json}");
    assert!(json["ledger"].as_array().is_some_and(|entries| entries.len() == 1), "{json}");
    let wrong = world.gate.command(&["why", "Pigeon", SENDER]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}
