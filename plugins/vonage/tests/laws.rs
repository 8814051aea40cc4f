//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Outbound, Recipient, Refusal, RefusalCause, ReplyGate, ReplyLink, Secrets, Webhook,
    apply_edits,
    fixture::{self, Fixture},
};
use dndgate_vonage::VONAGE;
use http::{HeaderMap, StatusCode};
use std::path::{Path, PathBuf};

const SECRET: &str = "signature-secret";
const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(secret: &str) -> Secrets {
    let keys = [("signature_secret", secret), ("api_key", "abcd1234"), ("api_secret", "s3cr3t")];
    Secrets::new(keys.map(|(name, value)| (name, vec![value.to_owned()])).to_vec())
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(&VONAGE, folder("requests"));
}

#[test]
fn webhooks() {
    fixture::webhooks_obey(
        &VONAGE,
        folder("webhooks"),
        BASE,
        (&secrets(SECRET), &secrets("other")),
        now(),
        true,
    );
}

#[test]
fn an_old_time_stamp_is_not_believed() {
    for name in ["sms-stop", "message-sms"] {
        for (hours, is_believed) in [(0, true), (24, true), (26, false), (-1, false)] {
            let later = now() + jiff::SignedDuration::from_hours(hours);
            named("webhooks", name).webhook(BASE, |webhook: Webhook<'_>| {
                let proof = webhook.prove(&VONAGE, &secrets(SECRET), later);
                assert_eq!(proof.is_ok(), is_believed, "{name} after {hours} hours");
            });
        }
    }
}

#[test]
fn r30_what_is_passed_on_late_is_signed_anew() {
    let later = now() + jiff::SignedDuration::from_hours(20);
    named("webhooks", "message-sms").webhook(BASE, |webhook: Webhook<'_>| {
        let authentic = webhook.prove(&VONAGE, &secrets(SECRET), now()).unwrap();
        assert_eq!(VONAGE.resign(&authentic, "https://crm", &secrets(SECRET), later, false), None);
        let resigned = VONAGE.resign(&authentic, "https://crm", &secrets(SECRET), later, true).unwrap();
        let mut headers = webhook.headers.clone();
        resigned.headers.into_iter().for_each(|(name, value)| drop(headers.insert(name, value)));
        let again = Webhook { headers: &headers, ..webhook };
        let far = later + jiff::SignedDuration::from_hours(20);
        assert!(again.prove(&VONAGE, &secrets(SECRET), far).is_ok());
        assert!(webhook.prove(&VONAGE, &secrets(SECRET), far).is_err());
    });
}

#[test]
fn a_token_without_a_body_proves_one_address_only() {
    let proof = |name: &str| {
        named("webhooks", name).webhook(BASE, |webhook| {
            webhook.prove(&VONAGE, &secrets(SECRET), now()).unwrap().proof().once.clone()
        })
    };
    assert!(proof("call-asked-get").is_some());
    assert!(proof("call-asked").is_none() && proof("sms-stop-get").is_none());
}

fn trimmed(name: &str, drop: &[usize]) -> Option<String> {
    let fixture = named("requests", name);
    let request = fixture.request(VONAGE.profile());
    let Ok(Outbound::Send(sending)) = VONAGE.read(&request) else { panic!("{name}") };
    let edits = VONAGE.trim(&request, &sending, drop).ok()?;
    Some(String::from_utf8(apply_edits(request.body, &edits)).unwrap())
}

#[test]
fn r11_a_fallback_goes_and_the_message_stays_but_never_the_other_way_round() {
    let left = trimmed("message-failover", &[1]).unwrap();
    assert!(left.contains("998877665544") && !left.contains("14155550101"), "{left}");
    let left = trimmed("message-failover", &[1, 2]).unwrap();
    assert!(!left.contains("failover"), "{left}");
    assert_eq!(trimmed("message-failover", &[0]), None);
    assert_eq!(trimmed("message-sms", &[0]), None);
}

#[test]
fn r11_somebody_is_taken_out_of_a_call() {
    let left = trimmed("call-connect", &[1]).unwrap();
    assert!(left.contains("14155550102") && !left.contains("14155550101"), "{left}");
    let left = trimmed("call-connect", &[1, 2]).unwrap();
    assert!(!left.contains("connect") && left.contains("talk"), "{left}");
    assert!(
        trimmed("call-several", &[0])
            .unwrap()
            .contains(r#""to": [{"type": "phone", "number": "14155550101"}]"#)
    );
    assert_eq!(trimmed("call-connect", &[0]), None);
    assert_eq!(trimmed("call-several", &[0, 1]), None);
}

fn refused(name: &str, cause: RefusalCause) -> (u16, String) {
    let fixture = named("requests", name);
    let refusal = Refusal {
        cause,
        message: "why",
        address: Some("14155550100"),
        channel: Some(dndgate_adapter::Channel::Sms),
        reason: Some("keyword"),
        code: None,
        request_id: "0199",
    };
    let reply = VONAGE.refuse(&fixture.request(VONAGE.profile()).head, &refusal);
    (reply.status.as_u16(), String::from_utf8(reply.body).unwrap())
}

#[test]
fn r12_each_api_refuses_in_its_own_way() {
    let (status, body) = refused("sms-python", RefusalCause::Blocked);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &json["messages"][0]["status"]), (200, &"7".into()));
    let (status, body) = refused("sms-xml", RefusalCause::Blocked);
    assert!(status == 200 && body.contains("<status>7</status>"), "{body}");
    let (status, body) = refused("verify-old", RefusalCause::Unreadable);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &json["status"]), (200, &"3".into()));
    for name in ["message-sms", "call", "verify"] {
        let (status, body) = refused(name, RefusalCause::Blocked);
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &json["dnd_reason"]), (422, &"keyword".into()), "{name}");
        assert!(json["type"].as_str().unwrap().ends_with("#1050"), "{name}");
    }
    assert_eq!(refused("sms-python", RefusalCause::Unavailable).0, 503);
}

#[test]
fn r19_an_answer_teaches_of_the_one_person_it_concerns() {
    let learned = |name: &str, status: u16, body: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(VONAGE.profile());
        let Ok(Outbound::Send(sending)) = VONAGE.read(&request) else { panic!() };
        let status = StatusCode::from_u16(status).unwrap();
        assert!(VONAGE.wants_answer(&sending, status), "{name}");
        let answer = Answer { status, headers: &HeaderMap::new(), body: body.as_bytes() };
        let learned = VONAGE.learn(&request, &sending, &[], &answer);
        learned.events.first().map(fixture::said)
    };
    let barred = r#"{"message-count":"1","messages":[{"status":"7","error-text":"Number barred"}]}"#;
    assert_eq!(learned("sms-python", 200, barred).as_deref(), Some("failure sms 14155550100 submit/7"));
    let xml = "<mt-submission-response><messages count='1'><message><status>7</status></message></messages>";
    assert_eq!(learned("sms-xml", 200, xml).as_deref(), Some("failure sms 14155550100 submit/7"));
    let taken = r#"{"message-count":"1","messages":[{"status":"0","message-id":"1"}]}"#;
    assert_eq!(learned("sms-python", 200, taken), None);
    let problem =
        r#"{"type":"https://developer.vonage.com/api-errors/messages#1050","title":"Number barred"}"#;
    assert_eq!(learned("message-sms", 422, problem).as_deref(), Some("failure sms 14155550100 1050"));
    assert_eq!(learned("message-failover", 422, problem), None);
}

/// Whom a CRM may reach is everybody but one.
struct AllBut(&'static str);

impl ReplyGate for AllBut {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        recipient.address != self.0
    }
    fn link(&mut self, url: &str, _: ReplyLink) -> String {
        format!("{BASE}/cb/{url}")
    }
}

fn gated(webhook_name: &str, answer: &str) -> Result<Option<String>, String> {
    named("webhooks", webhook_name).webhook(BASE, |webhook| {
        let authentic = webhook.prove(&VONAGE, &secrets(SECRET), now()).unwrap();
        let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body: answer.as_bytes() };
        let reply = VONAGE.gate_reply(&authentic, &answer, &mut AllBut("14155550101"));
        let text = |reply: dndgate_adapter::Reply| String::from_utf8(reply.body).unwrap();
        reply.map(|reply| reply.map(text)).map_err(|unreadable| unreadable.message.into_owned())
    })
}

#[test]
fn r14_what_a_call_is_told_to_do_is_judged() {
    let to = |number: &str| {
        format!(
            r#"[{{"action":"talk","text":"x"}}, {{"action":"connect","endpoint":[{{"type":"phone","number":"{number}"}}]}}]"#
        )
    };
    assert_eq!(gated("call-asked", &to("14155550102")), Ok(None));
    assert_eq!(
        gated("call-asked-get", &to("14155550101")),
        Ok(Some(r#"[{"action":"talk","text":"x"}]"#.into()))
    );
    let alone = r#"[{"action":"connect","endpoint":[{"type":"sip","uri":"sip:14155550101@x"}]}]"#;
    assert_eq!(gated("call-out", alone), Ok(Some("[]".into())));
    let leads = r#"[{"action":"input","type":["dtmf"],"eventUrl":["/next"]}]"#;
    let led = r#"[{"action":"input","type":["dtmf"],"eventUrl":["https://gate.example.com/cb//next"]}]"#;
    assert_eq!(gated("call-asked", leads), Ok(Some(led.into())));
    for answer in ["", "OK", "{}", r#"{"status":"ok"}"#, "[]"] {
        assert_eq!(gated("call-out", answer), Ok(None), "{answer}");
    }
    for answer in [
        r#"[{"action":"fax","to":"14155550101"}]"#,
        r#"{"action":"connect","endpoint":[{"type":"phone","number":"14155550101"}]}"#,
        r#"[{"action":"connect","action":"talk"}]"#,
        "[",
        "\u{feff}[]",
    ] {
        assert!(gated("call-asked", answer).is_err(), "{answer}");
    }
    // An answer to a message does nothing.
    assert_eq!(gated("message-sms", &to("14155550101")), Ok(None));
    assert_eq!(gated("sms-stop", &to("14155550101")), Ok(None));
}

#[test]
fn an_opt_out_is_confirmed_once_and_over_the_api_that_it_came_by() {
    let confirmed = |name: &str| {
        named("webhooks", name).webhook(BASE, |webhook| {
            let authentic = webhook.prove(&VONAGE, &secrets(SECRET), now()).unwrap();
            let events = VONAGE.events(&authentic).unwrap();
            let by_itself = VONAGE.confirms_itself(&authentic, &events[0]);
            let call = VONAGE.confirm_call(&authentic, &events[0], "Bye & thanks", &secrets(SECRET)).unwrap();
            (by_itself, call.host.unwrap() + &call.path_and_query, String::from_utf8(call.body).unwrap())
        })
    };
    let (by_itself, path, body) = confirmed("sms-stop");
    assert!(by_itself);
    assert_eq!(path, "rest.nexmo.com/sms/json");
    assert_eq!(body, "to=14155550100&from=15005550006&text=Bye+%26+thanks&type=text");
    assert!(!confirmed("sms-stop-hmac").0, "Vonage answers only its own words");
    let (by_itself, path, body) = confirmed("message-messenger");
    assert!(!by_itself);
    assert_eq!(path, "api.nexmo.com/v1/messages");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["to"], &body["channel"]), (&"998877665544".into(), &"messenger".into()));
}

#[test]
fn r4_a_call_is_turned_away() {
    named("webhooks", "call-asked").webhook(BASE, |webhook| {
        let authentic = webhook.prove(&VONAGE, &secrets(SECRET), now()).unwrap();
        let events = VONAGE.events(&authentic).unwrap();
        assert_eq!(VONAGE.decline(&events[0]).unwrap().body, b"[]");
    });
}

#[test]
fn the_account_is_the_one_that_authenticates() {
    let account = |name: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(VONAGE.profile());
        let head = VONAGE.account(&request.head).map(|account| account.into_owned());
        let Ok(Outbound::Send(sending)) = VONAGE.read(&request) else { panic!() };
        (head, sending.accounts.first().map(|account| account.to_string()))
    };
    assert_eq!(account("sms-python"), (Some("abcd1234".into()), None));
    assert_eq!(account("sms-signed"), (None, Some("abcd1234".into())));
    assert_eq!(account("sms-query"), (Some("abcd1234".into()), Some("abcd1234".into())));
}
