use super::{Gate, Signed};
use crate::TWILIO;
use dndgate_adapter::{Adapter, Answer, Reply, Unreadable};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

const FROM_BLOCKED: &[(&str, &str)] = &[
    ("MessageSid", "SM1"),
    ("SmsStatus", "received"),
    ("From", "+15550000666"),
    ("To", "+15005550006"),
    ("Body", "x"),
];
const FROM_FREE: &[(&str, &str)] = &[
    ("MessageSid", "SM1"),
    ("SmsStatus", "received"),
    ("From", "+15550000001"),
    ("To", "+15005550006"),
    ("Body", "x"),
];
const CALL: &[(&str, &str)] = &[
    ("CallSid", "CA1"),
    ("Direction", "inbound"),
    ("CallStatus", "ringing"),
    ("From", "+15550000666"),
    ("To", "+15005550006"),
];

fn answered(
    signed: &Signed,
    status: u16,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (Result<Option<Reply>, Unreadable>, Vec<String>) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
    }
    let mut gate = Gate::default();
    let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: &map, body };
    (TWILIO.gate_reply(&signed.authentic(), &answer, &mut gate), gate.asked)
}

fn text_of(reply: Result<Option<Reply>, Unreadable>) -> Option<String> {
    reply.unwrap().map(|reply| String::from_utf8(reply.body).unwrap())
}

const XML: &[(&str, &str)] = &[("content-type", "text/xml; charset=utf-8")];
const PLAIN: &[(&str, &str)] = &[("content-type", "text/plain")];

#[test]
fn r14_twiml_is_gated_in_every_type_that_twilio_reads_as_twiml() {
    let body = b"<?xml version=\"1.0\"?>\n<Response>\n  <Message>hi</Message>\n</Response>";
    for media in
        ["text/xml", "application/xml", "text/html; charset=UTF-8", "TEXT/XML", "application/xhtml+xml", ""]
    {
        let (reply, _) = answered(&Signed::form(FROM_BLOCKED), 200, &[("content-type", media)], body);
        assert_eq!(
            text_of(reply).as_deref(),
            Some("<?xml version=\"1.0\"?>\n<Response>\n  \n</Response>"),
            "{media}"
        );
        let (reply, asked) = answered(&Signed::form(FROM_FREE), 200, &[("content-type", media)], body);
        assert_eq!((text_of(reply), asked.len()), (None, 1), "unchanged: {media}");
    }
}

#[test]
fn r14_a_plain_text_is_a_message_to_whoever_wrote() {
    let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
    for headers in [PLAIN, &[("content-type", "text/plain; charset=utf-8")], &[]] {
        let (reply, asked) = answered(&Signed::form(FROM_BLOCKED), 200, headers, b"thanks");
        assert_eq!(asked, ["+15550000666"]);
        let reply = reply.unwrap().unwrap();
        assert_eq!((&reply.body[..], reply.headers[0].1.as_bytes()), (empty.as_bytes(), &b"text/xml"[..]));
        assert_eq!(text_of(answered(&Signed::form(FROM_FREE), 200, headers, b"thanks").0), None);
    }
    let (reply, asked) = answered(&Signed::form(CALL), 200, PLAIN, b"spoken, not sent");
    assert_eq!((text_of(reply), asked.len()), (None, 0));
    // Nobody knows what else Twilio would send on.
    let json = &[("content-type", "application/json")];
    let (reply, asked) = answered(&Signed::form(FROM_BLOCKED), 200, json, b"{}");
    assert_eq!((text_of(reply).as_deref(), asked.len()), (Some(empty), 1));
    assert_eq!(text_of(answered(&Signed::form(FROM_FREE), 200, json, b"{}").0), None);
}

#[test]
fn r14_a_call_is_connected_only_to_whom_may_be_called() {
    let body = b"<Response><Dial action=\"/next\"><Number>+15550000666</Number></Dial></Response>";
    let (reply, _) = answered(&Signed::form(CALL), 200, XML, body);
    assert_eq!(
        text_of(reply).as_deref(),
        Some("<Response><Redirect method=\"POST\">https://gate.example/Document//next</Redirect></Response>")
    );
    let body = b"<Response><Sms>hi</Sms></Response>";
    assert_eq!(
        text_of(answered(&Signed::form(CALL), 200, XML, body).0).as_deref(),
        Some("<Response></Response>")
    );
    let placed =
        [("CallSid", "CA1"), ("Direction", "outbound-api"), ("From", "+15005550006"), ("To", "+15550000666")];
    let (reply, asked) = answered(&Signed::form(&placed), 200, XML, body);
    assert_eq!(asked, ["+15550000666"], "on a call that the CRM placed the person is in To");
    assert_eq!(text_of(reply).as_deref(), Some("<Response></Response>"));
    let softphone =
        [("CallSid", "CA1"), ("Direction", "inbound"), ("From", "client:joe"), ("To", "+15005550006")];
    assert_eq!(text_of(answered(&Signed::form(&softphone), 200, XML, body).0), None);
}

#[test]
fn r14_what_cannot_be_read_is_not_given_to_the_provider() {
    for body in
        [&b"<Response><Dial>+1555"[..], b"<!DOCTYPE x><Response/>", b"<Response>\xff</Response>", b"OK"]
    {
        assert!(
            answered(&Signed::form(FROM_FREE), 200, XML, body).0.is_err(),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    for (media, body) in [
        ("text/xml; charset=utf-7", &b"<Response/>"[..]),
        ("text/xml; charset=iso-8859-1", "<Response><Say>é</Say></Response>".as_bytes()),
        ("text/xml", b"<?xml version='1.0' encoding='UTF-16'?><Response/>"),
    ] {
        assert!(
            answered(&Signed::form(FROM_FREE), 200, &[("content-type", media)], body).0.is_err(),
            "{media}"
        );
    }
    let latin = "<?xml version='1.0' encoding='ISO-8859-1'?><Response/>";
    assert_eq!(
        text_of(answered(&Signed::form(FROM_FREE), 200, XML, latin.as_bytes()).0),
        None,
        "only ASCII in it"
    );
    let (reply, _) = answered(&Signed::form(FROM_FREE), 404, XML, b"<html>not found");
    let reply = reply.unwrap().unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.len()), (404, 0), "an error stays one");
    let report = [
        ("MessageSid", "SM1"),
        ("MessageStatus", "delivered"),
        ("To", "+15550000001"),
        ("From", "+15005550006"),
    ];
    let (reply, _) = answered(&Signed::form(&report), 200, &[("content-type", "text/html")], b"OK");
    assert_eq!(reply.unwrap().unwrap().status, 204, "a report needs no TwiML");
    for empty in [&b""[..], b"  \n"] {
        assert_eq!(text_of(answered(&Signed::form(FROM_FREE), 200, XML, empty).0), None);
    }
}

#[test]
fn r14_a_document_that_names_people_is_not_kept_by_the_provider() {
    let get = Signed::new(
        Method::GET,
        "https://gate.example.com/hooks/twilio?CallSid=CA1&Direction=inbound&CallStatus=ringing&From=%2B15550000001",
        b"",
    );
    let body = b"<Response><Dial>+15550000001</Dial></Response>";
    let cached = [("content-type", "text/xml"), ("etag", "\"1\"")];
    let reply = answered(&get, 200, &cached, body).0.unwrap().unwrap();
    assert_eq!(&reply.body[..], body);
    assert!(reply.headers.iter().any(|(name, value)| name == "cache-control" && value == "no-store"));
    assert!(reply.headers.iter().all(|(name, _)| name != "etag"));
    assert_eq!(text_of(answered(&get, 200, &cached, b"<Response><Say>hi</Say></Response>").0), None);
    assert_eq!(
        text_of(answered(&Signed::form(CALL), 200, &cached, body).0),
        None,
        "what answers a POST is not kept"
    );
}
