//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Outbound, Recipient, Refusal, RefusalCause, Refused, ReplyGate, ReplyLink, Secrets,
    Webhook, apply_edits,
    fixture::{self, Fixture},
    sign,
};
use dndgate_plivo::PLIVO;
use http::{HeaderMap, Method, StatusCode};
use std::path::{Path, PathBuf};

const TOKEN: &str = "tok";
const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(token: &str) -> Secrets {
    let account = vec!["MAAAAAAAAAAAAAAAAAAA".to_owned()];
    Secrets::new(vec![("auth_token", vec![token.into()]), ("auth_id", account)])
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(&PLIVO, folder("requests"));
}

#[test]
fn webhooks() {
    fixture::webhooks_obey(
        &PLIVO,
        folder("webhooks"),
        BASE,
        (&secrets(TOKEN), &secrets("other")),
        now(),
        true,
    );
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    all.iter()
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

/// Made with the function of Plivo's own SDK for Python (4.63).
#[test]
fn the_sdks_own_signature() {
    let body = b"From=14155550100&Text=STOP&To=14155550199";
    let proven = |signature: &str, url: &str, body: &[u8]| {
        let headers = headers(&[
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-plivo-signature-v3", signature),
            ("x-plivo-signature-v3-nonce", "12345"),
        ]);
        let webhook = Webhook { method: &Method::POST, url, headers: &headers, body, document: None };
        webhook.prove(&PLIVO, &secrets(TOKEN), now()).is_ok()
    };
    let (url, signature) =
        ("https://gw.example.com/in/plivo?x=1", "j2lmXzGEDpLvbnIWMe2OmB/FiKb0Of39DWsmu7xBTEs=");
    assert!(proven(signature, url, body));
    assert!(proven(&format!("AAAA,{signature}"), url, body), "one of several is enough");
    assert!(!proven(signature, "https://gw.example.com/in/plivo?x=2", body));
    assert!(!proven(signature, url, b"From=14155550101&Text=STOP&To=14155550199"));
}

#[test]
fn the_older_signature_proves_one_body_only() {
    let message = format!("{BASE}/hooks/plivo12345");
    let signature = sign::to_base64(&sign::hmac_sha256(TOKEN.as_bytes(), message.as_bytes()));
    let headers = headers(&[("x-plivo-signature-v2", &signature), ("x-plivo-signature-v2-nonce", "12345")]);
    let once = |body: &[u8]| {
        let url = format!("{BASE}/hooks/plivo?x=1");
        let webhook = Webhook { method: &Method::POST, url: &url, headers: &headers, body, document: None };
        webhook.prove(&PLIVO, &secrets(TOKEN), now()).unwrap().proof().once.clone().unwrap()
    };
    let (one, other) = (once(b"Text=STOP"), once(b"Text=START"));
    assert_eq!(one.token, other.token);
    assert_ne!(one.digest, other.digest);
}

#[test]
fn r30_the_crm_gets_a_signature_for_its_own_address() {
    for (name, url) in
        [("stop-query", "https://crm.example.com/plivo?z=1"), ("stop-main", "https://crm.example.com/p")]
    {
        named("webhooks", name).webhook(BASE, |webhook| {
            let authentic = webhook.prove(&PLIVO, &secrets(TOKEN), now()).unwrap();
            let resigned = PLIVO.resign(&authentic, url, &secrets(TOKEN), now(), false).unwrap();
            let mut headers = webhook.headers.clone();
            resigned.headers.into_iter().for_each(|(name, value)| drop(headers.insert(name, value)));
            let again = Webhook { url, headers: &headers, ..webhook };
            assert!(again.prove(&PLIVO, &secrets(TOKEN), now()).is_ok(), "{name}");
            assert!(Webhook { url, ..webhook }.prove(&PLIVO, &secrets(TOKEN), now()).is_err(), "{name}");
        });
    }
}

fn trimmed(name: &str, drop: &[usize]) -> Option<String> {
    let fixture = named("requests", name);
    let request = fixture.request(PLIVO.profile());
    let Ok(Outbound::Send(sending)) = PLIVO.read(&request) else { panic!("{name}") };
    let edits = PLIVO.trim(&request, &sending, drop).ok()?;
    Some(String::from_utf8(apply_edits(request.body, &edits)).unwrap())
}

#[test]
fn r11_somebody_is_taken_out_of_joined_numbers() {
    assert!(trimmed("message-several", &[1]).unwrap().contains(r#""dst": "14155550100<14155550102""#));
    assert_eq!(trimmed("message-form", &[0]).unwrap(), "src=15005550006&dst=14155550101&text=x");
    assert!(trimmed("call-sip", &[1]).unwrap().contains(r#""to": "sip:agent@phone.plivo.com""#));
    assert!(trimmed("participant", &[0]).unwrap().contains(r#""to": "14155550101""#));
    assert_eq!(trimmed("message", &[0]), None);
    assert_eq!(trimmed("masking", &[1]), None);
}

fn refusal(cause: RefusalCause) -> Refusal<'static> {
    Refusal {
        cause,
        message: "why",
        address: Some("14155550101"),
        channel: Some(dndgate_adapter::Channel::Sms),
        reason: Some("keyword"),
        code: None,
        request_id: "0199",
    }
}

#[test]
fn r11_the_answer_names_those_who_were_taken_out_as_plivo_names_bad_numbers() {
    let fixture = named("requests", "message-several");
    let request = fixture.request(PLIVO.profile());
    let Ok(Outbound::Send(sending)) = PLIVO.read(&request) else { panic!() };
    assert!(PLIVO.stitches(&sending));
    let refused = [Refused { index: 1, refusal: refusal(RefusalCause::Blocked) }];
    let stitched = |status: StatusCode, body: &str| {
        let answer = Answer { status, headers: &HeaderMap::new(), body: body.as_bytes() };
        PLIVO.stitch(&request, &sending, &refused, &answer).map(|body| String::from_utf8(body).unwrap())
    };
    assert_eq!(
        stitched(StatusCode::ACCEPTED, r#"{"message_uuid":["a","b"],"api_id":"x"}"#).unwrap(),
        r#"{"message_uuid":["a","b"],"api_id":"x","invalid_number":["14155550101"]}"#
    );
    assert_eq!(
        stitched(StatusCode::ACCEPTED, r#"{"invalid_number":["1"],"message_uuid":["b"]}"#).unwrap(),
        r#"{"invalid_number":["1","14155550101"],"message_uuid":["b"]}"#
    );
    assert_eq!(stitched(StatusCode::ACCEPTED, "not JSON"), None);
    assert_eq!(stitched(StatusCode::BAD_REQUEST, r#"{"error":"x"}"#), None);
}

#[test]
fn r12_a_refusal_is_an_error_of_plivos() {
    let fixture = named("requests", "message");
    let reply = PLIVO.refuse(&fixture.request(PLIVO.profile()).head, &refusal(RefusalCause::Blocked));
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status.as_u16(), &body["dnd_reason"]), (400, &"keyword".into()));
    assert!(body["error"].as_str().unwrap().starts_with("the recipient has opted out"));
    let reply = PLIVO.refuse(&fixture.request(PLIVO.profile()).head, &refusal(RefusalCause::Account));
    assert_eq!(reply.status, 401);
}

/// Whom a CRM may reach is everybody but one.
struct AllBut(&'static str);

impl ReplyGate for AllBut {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        recipient.address.trim_start_matches('+') != self.0
    }
    fn link(&mut self, url: &str, _: ReplyLink) -> String {
        format!("{BASE}/cb/{}", url.len())
    }
}

fn gated(answer: &str) -> Result<Option<String>, String> {
    named("webhooks", "call").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&PLIVO, &secrets(TOKEN), now()).unwrap();
        let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body: answer.as_bytes() };
        let reply = PLIVO.gate_reply(&authentic, &answer, &mut AllBut("14155550101"));
        let text = |reply: dndgate_adapter::Reply| String::from_utf8(reply.body).unwrap();
        reply.map(|reply| reply.map(text)).map_err(|unreadable| unreadable.message.into_owned())
    })
}

#[test]
fn r14_what_the_crm_answers_is_judged() {
    for (answer, expected) in [
        ("<Response><Speak>14155550101</Speak></Response>", None),
        (r#"<Response><Message src="1" dst="14155550100">x</Message></Response>"#, None),
        (
            r#"<Response><Message src="1" dst="14155550101">x</Message><Hangup/></Response>"#,
            Some("<Response><Hangup/></Response>"),
        ),
        (
            r#"<Response><Message src="1" dst="14155550100&lt;+14155550101&lt;2">x</Message></Response>"#,
            Some(r#"<Response><Message src="1" dst="14155550100&lt;2">x</Message></Response>"#),
        ),
        (
            "<Response><Dial><Number>14155550101</Number><Number>14155550102</Number></Dial></Response>",
            Some("<Response><Dial><Number>14155550102</Number></Dial></Response>"),
        ),
        (
            "<Response><Dial><User>sip:14155550101@x</User><User>sip:agent@x</User></Dial></Response>",
            Some("<Response><Dial><User>sip:agent@x</User></Dial></Response>"),
        ),
        (
            r#"<Response><Dial action="/done"><Number>14155550101</Number></Dial></Response>"#,
            Some(r#"<Response><Redirect method="POST">https://gate.example.com/cb/5</Redirect></Response>"#),
        ),
        (
            r#"<Response><Dial redirect="false" action="/done"><Number>14155550101</Number></Dial></Response>"#,
            Some("<Response></Response>"),
        ),
        (
            "<Response><PreAnswer><GetInput action='/in'/></PreAnswer><Redirect>/next?a=1&amp;b=2</Redirect></Response>",
            Some(
                "<Response><PreAnswer><GetInput action='https://gate.example.com/cb/3'/></PreAnswer>\
                  <Redirect>https://gate.example.com/cb/13</Redirect></Response>",
            ),
        ),
        ("", None),
        ("OK", None),
        (r#"{"ok":true}"#, None),
        ("<!DOCTYPE html><html></html>", None),
    ] {
        assert_eq!(gated(answer), Ok(expected.map(str::to_owned)), "{answer}");
    }
    for answer in [
        "<Response><Message src='1'>x</Message></Response>",
        "<Response><Message src='1' dst='2' type='fax'>x</Message></Response>",
        "<Response><Message src='1' DST='14155550102' dst='14155550101'>x</Message></Response>",
        "<Response><Dial>14155550101</Dial></Response>",
        "<Response><Dial><Fax>14155550101</Fax></Dial></Response>",
        "<Response><Number>14155550101</Number></Response>",
        "<Response><Dial><User>sip:a@b@14155550101</User></Dial></Response>",
        "<Response>",
        "<Other/>",
        "<?xml version='1.0' encoding='utf-7'?><Response/>",
        "<!DOCTYPE x [<!ENTITY n '14155550101'>]><Response><Dial><Number>&n;</Number></Dial></Response>",
    ] {
        assert!(gated(answer).is_err(), "{answer}");
    }
}

#[test]
fn an_opt_out_is_confirmed_once() {
    let with = |name: &str, to: &str, answer: &str| {
        let mut fixture = named("webhooks", name);
        // The signature is of no matter here.
        let body = String::from_utf8(fixture.body).unwrap().replace("To=15005550006", &format!("To={to}"));
        fixture.body = body.into_bytes();
        fixture.webhook(BASE, |webhook| {
            let authentic = dndgate_adapter::Authentic::from_spool(webhook);
            let events = PLIVO.events(&authentic).unwrap();
            let headers = HeaderMap::new();
            let answer = Answer { status: StatusCode::OK, headers: &headers, body: answer.as_bytes() };
            let reply = PLIVO.confirm(&authentic, &events[0], &answer, "Bye & José");
            let call = PLIVO.confirm_call(&authentic, &events[0], "Bye", &secrets(TOKEN)).unwrap();
            let reply = reply.map(|reply| String::from_utf8(reply.body).unwrap());
            (PLIVO.confirms_itself(&authentic, &events[0]), reply, call)
        })
    };
    let message = r#"<Message src="15005550006" dst="14155550100" type="sms">Bye &amp; Jos&#233;</Message>"#;
    let (by_itself, reply, call) = with("stop", "15005550006", "");
    assert!(!by_itself);
    assert_eq!(reply.unwrap(), format!("<Response>{message}</Response>"));
    assert_eq!(call.path_and_query, "/v1/Account/MAAAAAAAAAAAAAAAAAAA/Message/");
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!((&body["dst"], &body["src"]), (&"14155550100".into(), &"15005550006".into()));
    let (_, reply, _) = with("stop", "15005550006", "<Response><Wait/></Response>");
    assert_eq!(reply.unwrap(), format!("<Response>{message}<Wait/></Response>"));
    assert_eq!(with("stop", "15005550006", "OK").1, None);
    assert!(with("stop", "18005550006", "").0, "toll-free numbers are answered by the network");
}

#[test]
fn r4_a_call_is_turned_away() {
    named("webhooks", "call").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&PLIVO, &secrets(TOKEN), now()).unwrap();
        let events = PLIVO.events(&authentic).unwrap();
        let reply = PLIVO.decline(&events[0]).unwrap();
        assert_eq!(reply.body, br#"<Response><Hangup reason="rejected"/></Response>"#);
    });
}

#[test]
fn the_account_stands_in_the_path() {
    for (name, account) in
        [("message", Some("MAAAAAAAAAAAAAAAAAAA")), ("phlo", Some("MAAAAAAAAAAAAAAAAAAA")), ("lookup", None)]
    {
        let fixture = named("requests", name);
        assert_eq!(PLIVO.account(&fixture.request(PLIVO.profile()).head).as_deref(), account, "{name}");
    }
}
