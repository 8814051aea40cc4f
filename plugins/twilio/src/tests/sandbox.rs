use super::{TOKEN, fixtures, secrets};
use crate::TWILIO;
use dndgate_adapter::{
    Adapter, Asked, Channel, Head, Outbound, Request, Webhook,
    outbound::Call,
    sandbox::{Answered, Delivered, Inbound, Sandbox},
};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;

const URL: &str = "https://gate.example.com/hooks/twilio";
const MESSAGES: &str = "/2010-04-01/Accounts/AC1/Messages.json";
const CALLS: &str = "/2010-04-01/Accounts/AC1/Calls.json";

fn post(host: Option<&str>, path: &str, params: &[(&str, &str)]) -> Answered {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let head = Head { method: &Method::POST, host, path, query: None, headers: &headers };
    TWILIO.answer(&Request { head, body: body.as_bytes() }, 7)
}

fn get(host: Option<&str>, path: &str) -> (u16, serde_json::Value) {
    let headers = HeaderMap::new();
    let head = Head { method: &Method::GET, host, path, query: None, headers: &headers };
    let answered = TWILIO.answer(&Request { head, body: b"" }, 7);
    (answered.reply.status.as_u16(), serde_json::from_slice(&answered.reply.body).unwrap())
}

fn json(answered: &Answered) -> (u16, serde_json::Value) {
    (answered.reply.status.as_u16(), serde_json::from_slice(&answered.reply.body).unwrap())
}

#[test]
fn messages_are_answered_and_delivered() {
    let sent = post(
        None,
        MESSAGES,
        &[
            ("To", "whatsapp:+14155550100"),
            ("From", "whatsapp:+15005550006"),
            ("Body", "hi"),
            ("StatusCallback", "https://x"),
        ],
    );
    let (status, body) = json(&sent);
    assert_eq!((status, &body["status"], &body["body"]), (201, &"queued".into(), &"hi".into()));
    assert_eq!(body["sid"], "SM00000000000000000000000000000007");
    assert_eq!(
        sent.delivered,
        [Delivered {
            id: "SM00000000000000000000000000000007".into(),
            channel: Channel::WhatsApp,
            from: "whatsapp:+15005550006".into(),
            to: "whatsapp:+14155550100".into(),
            text: "hi".into(),
            callback: "https://x".into(),
        }]
    );
    let service =
        post(None, MESSAGES, &[("To", "+14155550100"), ("MessagingServiceSid", "MG1"), ("Body", "hi")]);
    assert_eq!(json(&service).1["status"], "accepted");
    let later = post(
        None,
        MESSAGES,
        &[("To", "+14155550100"), ("MessagingServiceSid", "MG1"), ("SendAt", "2030-01-01T00:00:00Z")],
    );
    assert_eq!((json(&later).1["status"].as_str(), later.delivered.len()), (Some("scheduled"), 0));
    let cancelled = post(None, "/2010-04-01/Accounts/AC1/Messages/SM7.json", &[("Status", "canceled")]);
    assert_eq!((json(&cancelled).0, json(&cancelled).1["status"].as_str()), (200, Some("canceled")));
    let xml = post(
        None,
        "/2010-04-01/Accounts/AC1/Messages",
        &[("To", "+14155550100"), ("From", "+15005550006"), ("Body", "a<b")],
    );
    let xml = String::from_utf8(xml.reply.body).unwrap();
    assert!(
        xml.contains("<TwilioResponse><Message>")
            && xml.contains("<Body>a&lt;b</Body>")
            && xml.contains("<Sid>SM0"),
        "{xml}"
    );
}

#[test]
fn the_magic_numbers_answer_as_twilios_do() {
    for (to, message, call) in [
        ("+15005550001", 21211, 21217),
        ("+15005550002", 21612, 21214),
        ("+15005550003", 21408, 21215),
        ("+15005550004", 21610, 21216),
        ("+15005550009", 21614, 21217),
        ("", 21604, 21201),
    ] {
        for (path, code) in [(MESSAGES, message), (CALLS, call)] {
            let (status, body) = json(&post(None, path, &[("To", to), ("From", "+15005550006")]));
            assert_eq!((status, body["code"].as_u64()), (400, Some(code)), "{to} at {path}");
        }
    }
    let (status, body) = json(&post(None, "/2010-04-01/Accounts/AC1/Pigeons.json", &[]));
    assert_eq!((status, body["code"].as_u64()), (404, Some(20404)));
    assert_eq!(get(None, MESSAGES).1["messages"], serde_json::json!([]));
    assert_eq!(get(None, "/2010-04-01/Accounts/AC1/Pigeons.json").0, 404);
}

#[test]
fn calls_are_delivered_too() {
    let call =
        post(None, CALLS, &[("To", "+14155550100"), ("From", "+15005550006"), ("Twiml", "<Response/>")]);
    assert_eq!(json(&call).1["status"], "queued");
    assert_eq!((call.delivered[0].channel, call.delivered[0].text.as_str()), (Channel::Call, "<Response/>"));
    let path = "/2010-04-01/Accounts/AC1/Conferences/CF1/Participants.json";
    let participant = post(None, path, &[("To", "+14155550100"), ("From", "+15005550006")]);
    assert_eq!(json(&participant).1["conference_sid"], "CF1");
}

#[test]
fn the_adapter_understands_the_sandboxs_conversations() {
    let fixture =
        fixtures("requests").into_iter().find(|one| one.title == "A message in a conversation").unwrap();
    let path = "/v1/Conversations/with-14155550100/Messages";
    let head = Head { path, ..fixture.request().head };
    let request = Request { head, body: b"Body=x" };
    let Ok(Outbound::Ask(ask)) = TWILIO.read(&request) else { panic!("a question") };
    let (_, page) = get(ask.host.as_deref(), ask.path_and_query.split('?').next().unwrap());
    match TWILIO.asked(&request, &[page.to_string().into_bytes()]).unwrap() {
        Asked::Send(sending) => assert_eq!(sending.recipients[0].address, "+14155550100"),
        more => panic!("{more:?}"),
    }
    let sent = post(Some("conversations.twilio.com"), path, &[("Body", "x")]);
    assert_eq!(sent.delivered[0].to, "+14155550100");
}

fn events(call: &Call) -> Vec<String> {
    let headers: HeaderMap = call.headers.iter().cloned().collect();
    let webhook =
        Webhook { method: &call.method, url: URL, headers: &headers, body: &call.body, document: None };
    let authentic =
        webhook.prove(&TWILIO, &secrets(TOKEN), Timestamp::UNIX_EPOCH).expect("signed as Twilio signs");
    TWILIO.events(&authentic).unwrap().iter().map(|event| format!("{:?}", event.kind)).collect()
}

#[test]
fn its_webhooks_are_believed_and_understood() {
    for (channel, expected) in [
        (Channel::Sms, "Message { channel: Sms"),
        (Channel::WhatsApp, "Message { channel: WhatsApp"),
        (Channel::Fb, "Message { channel: Fb"),
        (Channel::Call, "InboundCall { from: \"+14155550100\""),
    ] {
        let inbound = Inbound { channel, from: "+14155550100", to: "+15005550006", text: "STOP" };
        let call = TWILIO.inbound(&inbound, URL, &secrets(TOKEN), 9, Timestamp::UNIX_EPOCH);
        assert_eq!(call.path_and_query, "/hooks/twilio");
        assert!(events(&call)[0].starts_with(expected), "{:?}", events(&call));
    }
    let sent = post(None, MESSAGES, &[("To", "+14155550100"), ("From", "+15005550006"), ("Body", "hi")]);
    let call = TWILIO.failure(&sent.delivered[0], "30005", URL, &secrets(TOKEN), 10, Timestamp::UNIX_EPOCH);
    assert!(events(&call)[0].starts_with("Failure { channel: Sms"), "{:?}", events(&call));
}
