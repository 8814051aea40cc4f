//! What breaks a naive gateway: the points of section 0 of the provider's fact sheet, one test each.

use super::{Fixture, Gate, Signed, TOKEN, fixtures, secrets};
use crate::TWILIO;
use dndgate_adapter::{
    Adapter, Answer, Channel, EventKind, Look, Outbound, Refusal, RefusalCause, Request, Severity, laws,
};
use http::{HeaderMap, HeaderValue, StatusCode};

fn fixture(title: &str) -> Fixture {
    fixtures("requests").into_iter().find(|one| one.title == title).unwrap()
}

fn refused(fixture: &Fixture) -> dndgate_adapter::Reply {
    let refusal = Refusal {
        cause: RefusalCause::Blocked,
        message: "does not want to be contacted",
        address: Some("+14155550100"),
        channel: Some(Channel::Sms),
        reason: Some("keyword"),
        code: None,
        request_id: "r",
    };
    TWILIO.refuse(&fixture.request().head, &refusal)
}

#[test]
fn point_1_an_opt_out_is_seen_in_the_answer_and_in_the_callback() {
    let fixture = fixture("A text message");
    let request = fixture.request();
    let sending = laws::sending(&TWILIO, &request).unwrap();
    let mut headers = HeaderMap::new();
    let json = br#"{"code":21610,"message":"Attempt to send to unsubscribed recipient","more_info":"x","status":400}"#;
    let xml = b"<?xml version='1.0'?><TwilioResponse><RestException><Code>21610</Code><Message>no</Message></RestException></TwilioResponse>";
    for body in [&json[..], xml] {
        let status = StatusCode::BAD_REQUEST;
        assert!(TWILIO.wants_answer(&sending, status) && !TWILIO.wants_answer(&sending, StatusCode::CREATED));
        let learned = TWILIO.learn(&request, &sending, &[], &Answer { status, headers: &headers, body });
        match &learned.events[0].kind {
            EventKind::Failure { channel, to, code, severity, .. } => {
                assert_eq!(
                    (*channel, &**to, &**code, *severity),
                    (Channel::Sms, "+14155550100", "21610", Severity::Permanent)
                );
            }
            other => panic!("{other:?}"),
        }
    }
    headers.insert("twilio-request-id", HeaderValue::from_static("RQ1"));
    let answer = Answer { status: StatusCode::BAD_REQUEST, headers: &headers, body: json };
    assert_eq!(TWILIO.learn(&request, &sending, &[], &answer).events[0].id, "answer:21610:RQ1");
    for (status, body) in
        [(401, &br#"{"code":20003}"#[..]), (400, b"no"), (201, json), (429, br#"{"code":20429}"#)]
    {
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body };
        assert!(TWILIO.learn(&request, &sending, &[], &answer).events.is_empty());
    }
    // No code is the adapter's to judge.
    let answer = Answer { status: StatusCode::BAD_REQUEST, headers: &headers, body: br#"{"code":21614}"# };
    assert_eq!(TWILIO.learn(&request, &sending, &[], &answer).events[0].id, "answer:21614:RQ1");
    let signed = Signed::form(&[
        ("MessageSid", "SM1"),
        ("MessageStatus", "failed"),
        ("ErrorCode", "21610"),
        ("To", "+14155550100"),
    ]);
    let events = TWILIO.events(&signed.authentic()).unwrap();
    assert!(matches!(&events[0].kind, EventKind::Failure { code, .. } if code == "21610"));
}

#[test]
fn point_2_every_suffix_sends_and_is_refused_in_its_own_format() {
    let mut fixture = fixture("A text message");
    for (suffix, media) in [
        ("", "application/xml"),
        (".xml", "application/xml"),
        (".json", "application/json"),
        (".csv", "application/json"),
    ] {
        fixture.path = format!("/2010-04-01/Accounts/AC1/Messages{suffix}");
        assert!(laws::sending(&TWILIO, &fixture.request()).is_some(), "{suffix}");
        assert_eq!(refused(&fixture).headers[0].1, media, "{suffix}");
    }
}

#[test]
fn point_3_a_plain_text_answer_is_a_send() {
    let signed = Signed::form(&[
        ("MessageSid", "SM1"),
        ("SmsStatus", "received"),
        ("From", "+15550000666"),
        ("Body", "STOP"),
    ]);
    let headers: HeaderMap =
        [(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"))].into_iter().collect();
    let answer = Answer { status: StatusCode::OK, headers: &headers, body: b"You said stop." };
    let reply = TWILIO.gate_reply(&signed.authentic(), &answer, &mut Gate::default()).unwrap().unwrap();
    assert!(reply.body.ends_with(b"<Response/>"));
}

#[test]
fn point_4_the_host_says_which_product() {
    let mut fixture = fixture("A proxy participant");
    for (host, look) in [
        (Some("proxy.twilio.com"), Some(Look::Body)),
        (Some("messaging.twilio.com"), Some(Look::Nobody)),
        (Some("conversations.twilio.com"), Some(Look::Unrecognised)),
        (None, None),
    ] {
        fixture.host = host.map(str::to_owned);
        assert_eq!(TWILIO.look(&fixture.request().head).ok(), look, "{host:?}");
    }
}

#[test]
fn point_5_a_webhook_is_proven_for_our_url_and_signed_for_the_crms() {
    let signed = Signed::form(&[("Body", "x")]);
    let crm = "https://crm.example.com/in";
    let resigned =
        TWILIO.resign(&signed.authentic(), crm, &secrets(TOKEN), jiff::Timestamp::UNIX_EPOCH, false).unwrap();
    assert_eq!(resigned.headers[0].1, crate::signature::sign_form(TOKEN, crm, b"Body=x"));
}

#[test]
fn point_6_relative_links_in_twiml_lead_through_the_gate() {
    let signed = Signed::form(&[("CallSid", "CA1"), ("Direction", "inbound"), ("From", "+15550000001")]);
    let headers: HeaderMap =
        [(http::header::CONTENT_TYPE, HeaderValue::from_static("text/xml"))].into_iter().collect();
    let body = b"<Response><Gather action=\"/next\"/></Response>";
    let answer = Answer { status: StatusCode::OK, headers: &headers, body };
    let reply = TWILIO.gate_reply(&signed.authentic(), &answer, &mut Gate::default()).unwrap().unwrap();
    assert_eq!(reply.body, b"<Response><Gather action=\"https://gate.example/Document//next\"/></Response>");
}

#[test]
fn point_7_client_validation_is_refused_with_its_reason() {
    let error = TWILIO.look(&fixture("Client validation").request().head).unwrap_err();
    assert!(error.message.contains("client validation") && error.message.contains("proxy"));
}

#[test]
fn point_8_and_9_a_refusal_raises_the_sdks_own_exception_and_is_final() {
    for fixture in fixtures("requests") {
        let reply = refused(&fixture);
        assert_eq!(reply.status, 400, "{}", fixture.title);
        if let Ok(body) = serde_json::from_slice::<serde_json::Value>(&reply.body) {
            assert!(body["code"].is_u64() && body.get("type").is_none() && body.get("title").is_none());
        }
    }
}

#[test]
fn point_10_inline_twiml_reaches_others_than_to() {
    let fixture = fixture("A call with its TwiML");
    let sending = laws::sending(&TWILIO, &fixture.request()).unwrap();
    assert!(sending.recipients.iter().any(|one| one.address == "+14155550101"));
}

#[test]
fn point_11_scheduled_messages_say_so() {
    let fixture = fixture("Leaves later");
    assert!(laws::sending(&TWILIO, &fixture.request()).unwrap().scheduled);
}

#[test]
fn point_12_what_twilio_ignores_still_reaches_the_policy() {
    for text in ["OPT OUT", "stop please", "STOP!", " Stop. ", "ＳＴＯＰ"] {
        let signed = Signed::form(&[
            ("MessageSid", "SM1"),
            ("SmsStatus", "received"),
            ("From", "+14155550100"),
            ("Body", text),
        ]);
        let events = TWILIO.events(&signed.authentic()).unwrap();
        match &events[0].kind {
            EventKind::Message { spoken, .. } => assert_eq!(spoken.texts, [text]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn point_13_rcs_is_sms() {
    let fixture = fixture("RCS counts as SMS");
    let Ok(Outbound::Send(sending)) = TWILIO.read(&Request { ..fixture.request() }) else { panic!("a send") };
    assert_eq!(sending.recipients[0].channels, Channel::Sms.into());
}
