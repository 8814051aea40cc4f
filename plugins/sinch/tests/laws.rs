//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Asked, Channel, Outbound, Recipient, Refusal, RefusalCause, ReplyGate, ReplyLink,
    Scheduled, Secrets, Webhook, apply_edits,
    fixture::{self, Fixture},
    laws,
    sandbox::Inbound,
};
use dndgate_sinch::SINCH;
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(secret: &str, application: &str) -> Secrets {
    Secrets::new(vec![
        ("webhook_secret", vec![secret.into()]),
        ("application", vec![application.into()]),
        ("api_token", vec!["TOKEN".into()]),
        ("service_plan_id", vec!["plan1".into()]),
    ])
}

/// The key of the fixtures' calls is the base64 of `application-secret`.
fn right() -> Secrets {
    secrets("the-secret", "appkey:YXBwbGljYXRpb24tc2VjcmV0")
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(&SINCH, folder("requests"));
}

#[test]
fn webhooks() {
    let wrong = secrets("another", "appkey:AAAA");
    fixture::webhooks_obey(&SINCH, folder("webhooks"), BASE, (&right(), &wrong), now(), true);
    fixture::webhooks_obey(&SINCH, folder("calls"), BASE, (&right(), &wrong), now(), true);
}

#[test]
fn signatures_that_pypi_sinch_makes() {
    let proven = |secrets: &Secrets, url: &str, now: i64, fields: &[(&'static str, &str)], body: &str| {
        let headers: HeaderMap =
            fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let webhook =
            Webhook { method: &Method::POST, url, headers: &headers, body: body.as_bytes(), document: None };
        webhook.prove(&SINCH, secrets, jiff::Timestamp::from_second(now).unwrap()).is_ok()
    };
    // `calculate_sinch_event_signature` and `compute_signature` of PyPI sinch 2.3.0 over these values.
    let message = [
        ("x-sinch-webhook-signature", "8nsrVRItSQcAJwz1gC+uhlXSGO+KviDmWZOWk0rfDco="),
        ("x-sinch-webhook-signature-nonce", "01FJA8B4A7BM43YGWSG9GBV067"),
        ("x-sinch-webhook-signature-timestamp", "1634579353"),
    ];
    let url = "https://gate.example.com/hooks/sinch";
    let secret = secrets("foo_secret1234", "a:AAAA");
    assert!(proven(&secret, url, 1_634_579_353, &message, "{\"type\":\"mo_text\",\"body\":\"STOP \u{e9}\"}"));
    let call = [
        ("content-type", "application/json"),
        ("x-timestamp", "2014-09-24T10:59:41Z"),
        ("authorization", "application 669E367E:gmD5kHbgqZHojm9BtTtevrdbRaBrI/yPT3nKsRc6IYY="),
    ];
    let url = "https://gate.example.com/sinch/callback/ice";
    let secret = secrets("x", "669E367E:BeIukql3pTKJ8RGL5zo0DA==");
    assert!(proven(&secret, url, 1_411_556_381, &call, "{\"event\":\"ice\"}"));
    assert!(!proven(&secret, "https://gate.example.com/other", 1_411_556_381, &call, "{\"event\":\"ice\"}"));
}

#[test]
fn an_old_signature_is_not_believed() {
    let believed = |folder: &str, name: &str, seconds: i64| {
        let then = now() + jiff::SignedDuration::from_secs(seconds);
        named(folder, name).webhook(BASE, |webhook| webhook.prove(&SINCH, &right(), then).is_ok())
    };
    // The last retry of a message's webhook comes after 22 hours and three quarters.
    for (seconds, fits) in [(23 * 3600, true), (25 * 3600, false), (-320, false)] {
        assert_eq!(believed("webhooks", "stop.http", seconds), fits, "{seconds}");
    }
    for (seconds, fits) in [(200, true), (320, false), (-320, false)] {
        assert_eq!(believed("calls", "ice.http", seconds), fits, "{seconds}");
    }
    named("webhooks", "stop.http").webhook(BASE, |webhook| {
        for missing in ["nonce", "timestamp"] {
            let mut headers = webhook.headers.clone();
            headers.remove(format!("x-sinch-webhook-signature-{missing}"));
            assert!(
                Webhook { headers: &headers, ..webhook }.prove(&SINCH, &right(), now()).is_err(),
                "{missing}"
            );
        }
    });
}

#[test]
fn what_is_not_signed_bears_credentials_or_comes_to_the_gateways_own_address() {
    let proven = |target: &str, authorization: Option<&str>| {
        let mut fixture = named("webhooks", "stop.http");
        fixture.target = target.into();
        fixture.headers.retain_unsigned();
        if let Some(value) = authorization {
            fixture.headers.insert("authorization", value.parse().unwrap());
        }
        fixture.webhook(BASE, |webhook| webhook.prove(&SINCH, &secrets("user:word", "a:b"), now()).is_ok())
    };
    assert!(proven("/hooks/sinch", Some("Basic dXNlcjp3b3Jk")));
    assert!(proven("/hooks/sinch/cb/token", None));
    for value in [None, Some("Basic dXNlcjp3b3JrcA=="), Some("application appkey:AAAA")] {
        assert!(!proven("/hooks/sinch", value), "{value:?}");
    }
    assert!(!proven("/hooks/sinch/x/hooks/sinch/cb/token", None));
}

trait Unsigned {
    fn retain_unsigned(&mut self);
}

impl Unsigned for HeaderMap {
    fn retain_unsigned(&mut self) {
        for name in ["", "-nonce", "-timestamp", "-algorithm"] {
            self.remove(format!("x-sinch-webhook-signature{name}"));
        }
    }
}

#[test]
fn r11_parameters_go_with_their_recipient() {
    let fixture = named("requests", "batch-several.http");
    let request = fixture.request(SINCH.profile());
    let sending = laws::sending(&SINCH, &request).unwrap();
    let edits = SINCH.trim(&request, &sending, &[0]).unwrap();
    let body = String::from_utf8(apply_edits(request.body, &edits)).unwrap();
    assert!(body.starts_with(r#"{"to":["14155550101", "+1 415 555 0102"],"#), "{body}");
    assert!(body.contains(r#""parameters":{"name":{"14155550101":"Bob","default":"you"}}"#), "{body}");
}

#[test]
fn r10_a_contact_is_whoever_sinch_says() {
    let fixture = named("requests", "converse-contact.http");
    let request = fixture.request(SINCH.profile());
    let told = |answer: &str| SINCH.asked(&request, &[answer.as_bytes().to_vec()]);
    let contact = r#"{"id":"01EA8ZYYYYYYYY","channel_identities":[{"channel":"SMS","identity":"14155550100"},
                      {"channel":"WHATSAPP","identity":"14155550101"}]}"#;
    let Ok(Asked::Send(sending)) = told(contact) else { panic!() };
    assert_eq!(fixture::reached(&sending), ["sms 14155550100", "whatsapp 14155550101"]);
    assert_eq!(sending.unnamed, None);
    assert!(SINCH.trim(&request, &sending, &[0]).is_err(), "nobody is taken out of a contact");
    for answer in [
        r#"{"channel_identities":[]}"#,
        r#"{"id":"x"}"#,
        "",
        r#"{"channel_identities":[{"channel":"LINE","identity":"x"}]}"#,
    ] {
        assert!(told(answer).is_err(), "{answer}");
    }
    // Of several channels those that the send wants.
    let mut fixture = fixture.clone();
    let body = String::from_utf8(fixture.body.clone()).unwrap();
    fixture.body = body.replacen('{', r#"{"channel_priority_order":["WHATSAPP"],"#, 1).into();
    let request = fixture.request(SINCH.profile());
    let Ok(Asked::Send(sending)) = SINCH.asked(&request, &[contact.as_bytes().to_vec()]) else { panic!() };
    assert_eq!(fixture::reached(&sending), ["whatsapp 14155550101"]);
    assert_eq!(SINCH.asked(&request, &[]), Ok(Asked::Unnamed("contacts")));
}

#[test]
fn r12_a_block_has_the_shape_of_its_api() {
    for (name, status, at) in [
        ("batch.http", 403, "/code"),
        ("converse.http", 403, "/error/message"),
        ("call.http", 403, "/detail"),
        ("tts.http", 403, "/message"),
        ("verify-sms.http", 403, "/errorCode"),
        ("fax.http", 403, "/message"),
    ] {
        let fixture = named("requests", name);
        let reply = SINCH.refuse(
            &fixture.request(SINCH.profile()).head,
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
        assert_eq!(reply.status, status, "{name}");
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert!(body.pointer(at).is_some() && body.to_string().contains("keyword"), "{name}: {body}");
    }
}

#[test]
fn r14_whoever_opts_out_is_taken_out_of_what_waits() {
    let learned = |name: &str, body: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(SINCH.profile());
        let Ok(Outbound::Send(sending)) = SINCH.read(&request) else { panic!() };
        let answer =
            Answer { status: StatusCode::CREATED, headers: &HeaderMap::new(), body: body.as_bytes() };
        SINCH.learn(&request, &sending, &[], &answer).scheduled
    };
    let alone = learned(
        "batch-scheduled.http",
        r#"{"id":"01FC","to":["14155550100"],"send_at":"2026-12-01T10:00:00Z"}"#,
    );
    let call = SINCH.cancel(&alone[0], &right()).unwrap();
    assert_eq!((call.method, &*call.path_and_query), (Method::DELETE, "/xms/v1/plan1/batches/01FC"));
    assert_eq!(call.headers[0].1, "Bearer TOKEN");
    let added = learned("update-adds.http", r#"{"id":"01FC","to":["14155550100","14155550102"]}"#);
    let call = SINCH.cancel(&added[0], &right()).unwrap();
    assert_eq!((call.method, &*call.path_and_query), (Method::POST, "/xms/v1/plan1/batches/01FC"));
    assert_eq!(String::from_utf8(call.body).unwrap(), r#"{"to_remove":["+14155550100"]}"#);
    assert!(learned("batch-scheduled.http", r#"{"id":"../x"}"#).is_empty());
    let probe = Scheduled { account: "plan1".into(), ..Scheduled::default() };
    assert!(SINCH.cancel(&probe, &right()).is_some());
    assert!(SINCH.cancel(&probe, &Secrets::default()).is_none());
    let project = Secrets::new(vec![("api_token", vec!["id:secret".into()])]);
    assert_eq!(SINCH.cancel(&probe, &project).unwrap().headers[0].1, "Basic aWQ6c2VjcmV0");
}

struct Gate;

impl ReplyGate for Gate {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        assert!(recipient.channels.has(Channel::Call));
        recipient.address != "+14155550100"
    }
    fn link(&mut self, url: &str, _: ReplyLink) -> String {
        url.to_owned()
    }
}

#[test]
fn r14_what_the_crm_answers_dials_nobody_who_does_not_want_it() {
    let gated = |name: &str, body: &str| {
        named("calls", name).webhook(BASE, |webhook| {
            let authentic = webhook.prove(&SINCH, &right(), now()).unwrap();
            let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body: body.as_bytes() };
            SINCH
                .gate_reply(&authentic, &answer, &mut Gate)
                .map(|reply| reply.map(|one| String::from_utf8(one.body).unwrap()))
        })
    };
    let connect = |number: &str| {
        format!(r#"{{"instructions":[],"action":{{"name":"connectPstn","number":"{number}"}}}}"#)
    };
    assert_eq!(gated("ice.http", &connect("+14155550102")), Ok(None));
    assert_eq!(
        gated("ice.http", &connect("+14155550100")),
        Ok(Some(r#"{"action":{"name":"hangup"}}"#.into()))
    );
    assert!(gated("ice.http", r#"{"action":{"name":"connectPstn"}}"#).is_err());
    assert!(gated("ice.http", "<Response/>").is_err());
    let dial = r#"{"commands":[{"command":"dial","to":{"type":"PHONE","phone":{"number":"+14155550100"}}}]}"#;
    assert_eq!(gated("incoming.http", dial), Ok(Some(r#"{"commands":[{"command":"hangup"}]}"#.into())));
    assert_eq!(gated("ice.http", ""), Ok(None));
}

#[test]
fn r30_calls_are_signed_anew_for_the_crms_address() {
    named("calls", "ice.http").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&SINCH, &right(), now()).unwrap();
        let url = "https://crm.example.com/voice?x=1";
        for (late, then) in [(false, now()), (true, now() + jiff::SignedDuration::from_hours(9))] {
            let mut headers = webhook.headers.clone();
            for (name, value) in SINCH.resign(&authentic, url, &right(), then, late).unwrap().headers {
                headers.insert(name, value);
            }
            assert!(
                Webhook { headers: &headers, url, ..webhook }.prove(&SINCH, &right(), then).is_ok(),
                "{late}"
            );
        }
    });
    named("webhooks", "stop.http").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&SINCH, &right(), now()).unwrap();
        assert!(SINCH.resign(&authentic, "https://crm.example.com/", &right(), now(), false).is_none());
        let then = now() + jiff::SignedDuration::from_hours(9);
        let mut headers = webhook.headers.clone();
        for (name, value) in
            SINCH.resign(&authentic, "https://crm.example.com/", &right(), then, true).unwrap().headers
        {
            headers.insert(name, value);
        }
        assert!(Webhook { headers: &headers, ..webhook }.prove(&SINCH, &right(), then).is_ok());
    });
}

#[test]
fn one_text_confirms_an_opt_out() {
    named("webhooks", "stop.http").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&SINCH, &right(), now()).unwrap();
        let events = SINCH.events(&authentic).unwrap();
        assert!(!SINCH.confirms_itself(&authentic, &events[0]));
        let call = SINCH.confirm_call(&authentic, &events[0], "Bye", &right()).unwrap();
        assert_eq!(call.path_and_query, "/xms/v1/plan1/batches");
        let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body, serde_json::json!({ "to": ["14155550100"], "from": "15005550006", "body": "Bye" }));
    });
}

#[test]
fn the_stand_in_is_believed() {
    let sandbox = SINCH.sandbox().unwrap();
    for channel in [Channel::Sms, Channel::WhatsApp, Channel::Fb, Channel::Call] {
        let message = Inbound { channel, from: "+14155550100", to: "+15005550006", text: "STOP" };
        let url = format!("{BASE}/hooks/sinch");
        let call = sandbox.inbound(&message, &url, &right(), 7, now());
        let headers: HeaderMap = call.headers.into_iter().collect();
        let webhook =
            Webhook { method: &call.method, url: &url, headers: &headers, body: &call.body, document: None };
        let authentic = webhook.prove(&SINCH, &right(), now()).unwrap();
        let said = fixture::said(&SINCH.events(&authentic).unwrap()[0]);
        assert!(said.contains("14155550100"), "{channel}: {said}");
    }
    let fixture = named("requests", "batch-several.http");
    let answered = sandbox.answer(&fixture.request(SINCH.profile()), 1);
    assert_eq!((answered.reply.status.as_u16(), answered.delivered.len()), (201, 3));
    let delivered = &answered.delivered[0];
    let call = sandbox.failure(delivered, "402", &format!("{BASE}/hooks/sinch"), &right(), 2, now());
    assert!(String::from_utf8(call.body).unwrap().contains("\"code\":402"));
}

proptest! {
    #[test]
    fn r11_batches_obey_the_laws(people in prop::collection::vec("\\+?[0-9]{7,12}", 1..8), gone in 0usize..8) {
        let parameters: serde_json::Map<String, serde_json::Value> =
            people.iter().map(|one| (one.clone(), "x".into())).collect();
        let body = serde_json::json!({ "to": people, "body": "x", "parameters": { "n": parameters } }).to_string();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let head = dndgate_adapter::Head {
            method: &Method::POST, host: None, path: "/xms/v1/plan1/batches", query: None, headers: &headers,
        };
        let request = dndgate_adapter::Request { head, body: body.as_bytes() };
        laws::identity(&SINCH, &request);
        laws::honesty(&SINCH, &request, &[gone % people.len()]);
    }

    #[test]
    fn never_panics(body in "[\\[\\]{}:,\"a-z0-9+ ]{0,60}") {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        for (host, path) in [
            (None, "/xms/v1/p/batches"),
            (Some("us.conversation.api.sinch.com"), "/v1/projects/p/messages:send"),
            (Some("calling.api.sinch.com"), "/calling/v1/callouts"),
            (Some("voice.api.sinch.com"), "/v2/projects/p/calls"),
        ] {
            let head = dndgate_adapter::Head { method: &Method::POST, host, path, query: None, headers: &headers };
            laws::calm(&SINCH, &dndgate_adapter::Request { head, body: body.as_bytes() });
        }
    }
}
