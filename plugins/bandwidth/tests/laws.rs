//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Channel, EventKind, Recipient, Refusal, RefusalCause, ReplyGate, ReplyLink, Secrets,
    Webhook, apply_edits,
    fixture::{self, Fixture},
    laws,
    sandbox::Inbound,
};
use dndgate_bandwidth::BANDWIDTH;
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(pair: &str) -> Secrets {
    Secrets::new(vec![
        ("webhook_credentials", vec![pair.into()]),
        ("api_credentials", vec!["api:word".into()]),
        ("account_id", vec!["9900000".into()]),
    ])
}

fn right() -> Secrets {
    secrets("user:the-secret")
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(&BANDWIDTH, folder("requests"));
}

#[test]
fn webhooks() {
    let keys = (&right(), &secrets("user:another"));
    fixture::webhooks_obey(&BANDWIDTH, folder("webhooks"), BASE, keys, now(), false);
}

#[test]
fn what_bears_no_credentials_is_not_believed_but_at_the_gateways_own_address() {
    let proven = |target: &str, authorization: Option<&str>| {
        let mut fixture = named("webhooks", "stop.http");
        fixture.target = target.into();
        fixture.headers.remove("authorization");
        if let Some(value) = authorization {
            fixture.headers.insert("authorization", value.parse().unwrap());
        }
        fixture.webhook(BASE, |webhook| webhook.prove(&BANDWIDTH, &right(), now()).is_ok())
    };
    assert!(proven("/hooks/bandwidth/cb/token", None));
    for (target, authorization) in [
        ("/hooks/bandwidth", None),
        ("/hooks/bandwidth", Some("Basic dXNlcjp3cm9uZw==")),
        ("/hooks/bandwidth/x/hooks/bandwidth/cb/token", None),
    ] {
        assert!(!proven(target, authorization), "{target} {authorization:?}");
    }
}

#[test]
fn r11_a_group_goes_on_without_the_blocked() {
    let fixture = named("requests", "group.http");
    let request = fixture.request(BANDWIDTH.profile());
    let sending = laws::sending(&BANDWIDTH, &request).unwrap();
    let edits = BANDWIDTH.trim(&request, &sending, &[1]).unwrap();
    let body = String::from_utf8(apply_edits(request.body, &edits)).unwrap();
    assert!(body.starts_with(r#"{"to":["+14155550100","14155550102"],"#), "{body}");
}

#[test]
fn r12_a_block_has_the_shape_of_its_api() {
    for (name, at) in [
        ("message.http", "/fieldErrors/0/description"),
        ("call.http", "/description"),
        ("code-message.http", "/error"),
    ] {
        let fixture = named("requests", name);
        let reply = BANDWIDTH.refuse(
            &fixture.request(BANDWIDTH.profile()).head,
            &Refusal {
                cause: RefusalCause::Blocked,
                message: "why",
                address: Some("+14155550100"),
                channel: Some(Channel::Sms),
                reason: Some("keyword"),
                code: None,
                request_id: "0199",
            },
        );
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(reply.status == 400 && body.pointer(at).is_some(), "{name}: {body}");
        assert_eq!(body["dnd"]["reason"], "keyword");
    }
}

struct Gate;

impl ReplyGate for Gate {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        assert!(recipient.channels.has(Channel::Call));
        recipient.address != "+14155550100"
    }
    fn link(&mut self, url: &str, kind: ReplyLink) -> String {
        match kind {
            ReplyLink::Document => format!("doc:{url}"),
            ReplyLink::Status => format!("told:{url}"),
            ReplyLink::Media => format!("https://crm/{url}"),
        }
    }
}

#[test]
fn r14_what_the_crm_answers_dials_nobody_who_does_not_want_it() {
    let gated = |body: &str| {
        named("webhooks", "initiate.http").webhook(BASE, |webhook| {
            let authentic = webhook.prove(&BANDWIDTH, &right(), now()).unwrap();
            let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body: body.as_bytes() };
            let reply = BANDWIDTH.gate_reply(&authentic, &answer, &mut Gate)?;
            Ok::<_, dndgate_adapter::Unreadable>(reply.map(|one| String::from_utf8(one.body).unwrap()))
        })
    };
    for (from, to) in [
        ("<Response><Transfer><PhoneNumber>+14155550102</PhoneNumber></Transfer></Response>", None),
        (
            "<Response> <Transfer a=\"1\"><PhoneNumber>+14155550102</PhoneNumber><PhoneNumber tag=\"x\">+14155550100</PhoneNumber></Transfer></Response>",
            Some(
                "<Response> <Transfer a=\"1\"><PhoneNumber>+14155550102</PhoneNumber></Transfer></Response>",
            ),
        ),
        (
            "<Response><Transfer><PhoneNumber>+14155550100</PhoneNumber><SipUri>sip:desk@x</SipUri></Transfer></Response>",
            Some("<Response><Transfer><SipUri>sip:desk@x</SipUri></Transfer></Response>"),
        ),
        (
            "<Response><Transfer><SipUri>sip:+14155550100@x</SipUri></Transfer><Hangup/></Response>",
            Some("<Response><Hangup/></Response>"),
        ),
        (
            "<Response><Transfer transferCompleteUrl=\"/done\"><PhoneNumber>+14155550100</PhoneNumber></Transfer></Response>",
            Some("<Response><Redirect redirectUrl=\"doc:/done\"/></Response>"),
        ),
        ("<Bxml><Forward to=\"+14155550100\"/></Bxml>", Some("<Bxml></Bxml>")),
        (
            "<Response><Gather gatherUrl=\"next?a=1&amp;b=2\"><PlayAudio>a.wav</PlayAudio></Gather><Record recordingAvailableUrl=\"r\"/></Response>",
            Some(
                "<Response><Gather gatherUrl=\"doc:next?a=1&amp;b=2\"><PlayAudio>https://crm/a.wav</PlayAudio></Gather><Record recordingAvailableUrl=\"told:r\"/></Response>",
            ),
        ),
        ("{\"ok\":true}", None),
        ("", None),
    ] {
        assert_eq!(gated(from).unwrap().as_deref(), to, "{from}");
    }
    for text in ["<Response><Dial>+14155550100</Dial></Response>", "<html/>", "<Response>\u{0}</Response>"] {
        assert!(gated(text).is_err(), "{text}");
    }
    // Messages take no instructions.
    named("webhooks", "stop.http").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&BANDWIDTH, &right(), now()).unwrap();
        let body = b"<Response><Dial>+14155550100</Dial></Response>";
        let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body };
        assert_eq!(BANDWIDTH.gate_reply(&authentic, &answer, &mut Gate), Ok(None));
    });
}

#[test]
fn one_text_confirms_an_opt_out_where_no_network_does() {
    let confirmed = |owner: &str, to: &str, text: &str| {
        let mut fixture = named("webhooks", "stop.http");
        let body = String::from_utf8(fixture.body.clone()).unwrap();
        let body = body.replace("\"owner\": \"+15005550006\"", &format!("\"owner\": \"{owner}\""));
        let body = body.replace("\"to\": [\"+15005550006\"]", &format!("\"to\": {to}"));
        fixture.body = body.replace("\"text\": \"STOP\"", &format!("\"text\": \"{text}\"")).into();
        fixture.webhook(BASE, |webhook| {
            let authentic = webhook.prove(&BANDWIDTH, &right(), now()).unwrap();
            let events = BANDWIDTH.events(&authentic).unwrap();
            assert!(matches!(events[0].kind, EventKind::Message { .. }));
            if BANDWIDTH.confirms_itself(&authentic, &events[0]) {
                return None;
            }
            BANDWIDTH.confirm_call(&authentic, &events[0], "Bye", &right())
        })
    };
    let call = confirmed("+15005550006", "[\"+15005550006\"]", "STOP").unwrap();
    assert_eq!(call.path_and_query, "/api/v2/users/9900000/messages");
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({ "applicationId": "app", "from": "+15005550006", "to": ["+14155550100"], "text": "Bye" })
    );
    assert!(confirmed("+18885550006", "[\"+18885550006\"]", "stop").is_none(), "the network answers");
    assert!(confirmed("+18885550006", "[\"+18885550006\"]", "please stop").is_some());
    assert!(confirmed("+15005550006", "[\"+15005550006\", \"+14155550101\"]", "STOP").is_none(), "a group");
}

#[test]
fn the_stand_in_is_believed() {
    let sandbox = BANDWIDTH.sandbox().unwrap();
    let url = format!("{BASE}/hooks/bandwidth");
    for (channel, secrets) in [(Channel::Sms, right()), (Channel::Call, secrets("word"))] {
        let message = Inbound { channel, from: "+14155550100", to: "+15005550006", text: "STOP" };
        let call = sandbox.inbound(&message, &url, &secrets, 7, now());
        let headers: HeaderMap = call.headers.into_iter().collect();
        let webhook =
            Webhook { method: &call.method, url: &url, headers: &headers, body: &call.body, document: None };
        let authentic = webhook.prove(&BANDWIDTH, &secrets, now()).unwrap();
        let said = fixture::said(&BANDWIDTH.events(&authentic).unwrap()[0]);
        assert!(said.contains("+14155550100"), "{channel}: {said}");
    }
    let fixture = named("requests", "group.http");
    let answered = sandbox.answer(&fixture.request(BANDWIDTH.profile()), 1);
    assert_eq!((answered.reply.status.as_u16(), answered.delivered.len()), (202, 3));
    let call = sandbox.failure(&answered.delivered[0], "4775", &url, &right(), 2, now());
    assert!(String::from_utf8(call.body).unwrap().contains("\"errorCode\":4775"));
}

proptest! {
    #[test]
    fn r11_groups_obey_the_laws(people in prop::collection::vec("\\+?[0-9]{7,12}", 1..8), gone in 0usize..8) {
        let body = serde_json::json!({ "text": "x", "to": people }).to_string();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let head = dndgate_adapter::Head {
            method: &Method::POST, host: None, path: "/api/v2/users/1/messages", query: None, headers: &headers,
        };
        let request = dndgate_adapter::Request { head, body: body.as_bytes() };
        laws::identity(&BANDWIDTH, &request);
        laws::honesty(&BANDWIDTH, &request, &[gone % people.len()]);
    }

    #[test]
    fn documents_never_panic(text in "[<>/a-zA-Z=\" +0-9&;]{0,60}", inside in "(<(Transfer|PhoneNumber|Forward|SipUri)( to=\"[0-9]{0,5}\")?/?>|[0-9+:@.]{0,8}|</(Transfer|PhoneNumber)>){0,8}") {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/xml".parse().unwrap());
        for body in [text, format!("<Bxml>{inside}</Bxml>")] {
            let head = dndgate_adapter::Head {
                method: &Method::PUT, host: Some("voice.bandwidth.com"), path: "/api/v2/accounts/1/calls/c/bxml",
                query: None, headers: &headers,
            };
            laws::calm(&BANDWIDTH, &dndgate_adapter::Request { head, body: body.as_bytes() });
        }
    }
}
