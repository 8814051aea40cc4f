//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Asked, Outbound, Recipient, Refusal, RefusalCause, Refused, ReplyGate, ReplyLink,
    Scheduled, Secrets, Webhook, apply_edits,
    fixture::{self, Fixture},
    laws,
};
use dndgate_messagebird::MESSAGEBIRD;
use http::{HeaderMap, StatusCode};
use std::path::{Path, PathBuf};

const KEY: &str = "signing-key";
const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(key: &str) -> Secrets {
    Secrets::new(vec![("signing_key", vec![key.into()]), ("access_key", vec!["live_key".into()])])
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(&MESSAGEBIRD, folder("requests"));
}

#[test]
fn webhooks() {
    let wrong = secrets("other");
    fixture::webhooks_obey(&MESSAGEBIRD, folder("webhooks"), BASE, (&secrets(KEY), &wrong), now(), true);
}

#[test]
fn a_signature_holds_for_one_address_and_a_while() {
    for (name, seconds, is_believed) in [
        ("stop", 45, true),
        ("stop", 60, false),
        ("stop", -15, false),
        ("bird-stop", 280, true),
        ("bird-stop", 300, false),
        ("stop-older", -300, true),
        ("stop-older", -320, false),
    ] {
        let later = now() + jiff::SignedDuration::from_secs(seconds);
        named("webhooks", name).webhook(BASE, |webhook| {
            let proof = webhook.prove(&MESSAGEBIRD, &secrets(KEY), later);
            assert_eq!(proof.is_ok(), is_believed, "{name} after {seconds} s");
        });
    }
    for name in ["stop", "stop-get", "bird-stop"] {
        named("webhooks", name).webhook("https://other.example.com", |webhook| {
            assert!(webhook.prove(&MESSAGEBIRD, &secrets(KEY), now()).is_err(), "{name}");
        });
    }
    let mut replayed = named("webhooks", "stop-older");
    replayed.target = replayed.target.replace("STOP", "START");
    replayed.webhook(BASE, |webhook| assert!(webhook.prove(&MESSAGEBIRD, &secrets(KEY), now()).is_err()));
}

#[test]
fn r30_the_crm_gets_a_signature_for_its_own_address() {
    let late = now() + jiff::SignedDuration::from_hours(20);
    for name in ["stop", "stop-get", "stop-older", "bird-stop"] {
        named("webhooks", name).webhook(BASE, |webhook| {
            let authentic = webhook.prove(&MESSAGEBIRD, &secrets(KEY), now()).unwrap();
            let url = "https://crm.example.com/bird?b=2&a=1";
            let resigned = MESSAGEBIRD.resign(&authentic, url, &secrets(KEY), late, true).unwrap();
            let mut headers = webhook.headers.clone();
            resigned.headers.into_iter().for_each(|(name, value)| drop(headers.insert(name, value)));
            let again = Webhook { url, headers: &headers, ..webhook };
            assert!(again.prove(&MESSAGEBIRD, &secrets(KEY), late).is_ok(), "{name}");
        });
    }
}

fn trimmed(name: &str, drop: &[usize]) -> Option<String> {
    let fixture = named("requests", name);
    let request = fixture.request(MESSAGEBIRD.profile());
    let Ok(Outbound::Send(sending)) = MESSAGEBIRD.read(&request) else { panic!("{name}") };
    let edits = MESSAGEBIRD.trim(&request, &sending, drop).ok()?;
    Some(String::from_utf8(apply_edits(request.body, &edits)).unwrap())
}

#[test]
fn r11_somebody_is_taken_out_of_lists_and_joined_numbers() {
    assert!(trimmed("message", &[0]).unwrap().contains(r#""recipients": "31612345679""#));
    assert!(trimmed("message-list", &[0]).unwrap().contains(r#""recipients": ["+31612345679"]"#));
    assert!(trimmed("message-numbers", &[1]).unwrap().contains(r#""recipients":[31612345678]"#));
    let left = trimmed("message-joined-in-list", &[1]).unwrap();
    assert!(left.contains(r#""recipients": ["31612345678", "31612345670"]"#), "{left}");
    assert_eq!(trimmed("message-form", &[0]).unwrap(), "originator=Acme&body=x&recipients=31612345679");
    assert!(!trimmed("call-transfer", &[1]).unwrap().contains("31612345679"));
    assert!(!trimmed("bird-several", &[0]).unwrap().contains("31612345678"));
    assert_eq!(trimmed("call-transfer", &[0]), None);
    assert_eq!(trimmed("send", &[0]), None);
}

fn refusal(cause: RefusalCause) -> Refusal<'static> {
    Refusal {
        cause,
        message: "why",
        address: Some("31612345678"),
        channel: Some(dndgate_adapter::Channel::Sms),
        reason: Some("keyword"),
        code: None,
        request_id: "0199",
    }
}

#[test]
fn r11_the_answer_counts_and_lists_those_who_were_taken_out() {
    let fixture = named("requests", "message");
    let request = fixture.request(MESSAGEBIRD.profile());
    let Ok(Outbound::Send(sending)) = MESSAGEBIRD.read(&request) else { panic!() };
    assert!(MESSAGEBIRD.stitches(&sending));
    let refused = [Refused { index: 0, refusal: refusal(RefusalCause::Blocked) }];
    let body = r#"{"id":"x","recipients":{"totalCount":1,"totalSentCount":1,"totalDeliveryFailedCount":0,"items":[{"recipient":31612345679,"status":"sent"}]}}"#;
    let answer = Answer { status: StatusCode::CREATED, headers: &HeaderMap::new(), body: body.as_bytes() };
    let stitched = MESSAGEBIRD.stitch(&request, &sending, &refused, &answer).unwrap();
    let stitched: serde_json::Value = serde_json::from_slice(&stitched).unwrap();
    let recipients = &stitched["recipients"];
    assert_eq!((&recipients["totalCount"], &recipients["totalSentCount"]), (&2.into(), &1.into()));
    assert_eq!(recipients["totalDeliveryFailedCount"], 1);
    assert_eq!(recipients["items"][1]["recipient"], 31_612_345_678_u64);
    assert_eq!(recipients["items"][1]["status"], "delivery_failed");
}

#[test]
fn r12_each_api_refuses_in_its_own_way() {
    let refused = |name: &str, cause| {
        let fixture = named("requests", name);
        let reply = MESSAGEBIRD.refuse(&fixture.request(MESSAGEBIRD.profile()).head, &refusal(cause));
        (reply.status.as_u16(), serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap())
    };
    let (status, body) = refused("message", RefusalCause::Blocked);
    assert_eq!((status, &body["errors"][0]["code"]), (422, &9.into()));
    assert_eq!(body["errors"][0]["dnd_reason"], "keyword");
    let (status, body) = refused("bird", RefusalCause::Blocked);
    assert_eq!((status, &body["code"]), (422, &"RecipientBlocked".into()));
    assert_eq!(refused("message", RefusalCause::Account).0, 401);
}

#[test]
fn r14_what_waits_at_the_provider_can_be_cancelled() {
    let learned = |name: &str, status: StatusCode, body: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(MESSAGEBIRD.profile());
        let Ok(Outbound::Send(sending)) = MESSAGEBIRD.read(&request) else { panic!() };
        let answer = Answer { status, headers: &HeaderMap::new(), body: body.as_bytes() };
        MESSAGEBIRD.learn(&request, &sending, &[], &answer)
    };
    let waiting = learned("message-scheduled", StatusCode::CREATED, r#"{"id":"e8077d803532c0b5"}"#);
    let cancel = MESSAGEBIRD.cancel(&waiting.scheduled[0], &secrets(KEY)).unwrap();
    assert_eq!((cancel.method.as_str(), &*cancel.path_and_query), ("DELETE", "/messages/e8077d803532c0b5"));
    assert_eq!(MESSAGEBIRD.cancel(&waiting.scheduled[0], &Secrets::default()), None);
    // Before it leaves, the gateway asks whether it could be.
    assert!(MESSAGEBIRD.cancel(&Scheduled::default(), &secrets(KEY)).is_some());
    assert_eq!(MESSAGEBIRD.cancel(&Scheduled::default(), &Secrets::default()), None);
    let elsewhere = Scheduled { id: "verify/e8077d803532c0b5".into(), ..Scheduled::default() };
    assert_eq!(MESSAGEBIRD.cancel(&elsewhere, &secrets(KEY)), None);
    assert!(learned("message-scheduled", StatusCode::CREATED, r#"{"id":"../verify"}"#).scheduled.is_empty());
    let wrong = r#"{"errors":[{"code":25,"description":"not enough balance"}]}"#;
    let told = learned("message-scheduled", StatusCode::UNPROCESSABLE_ENTITY, wrong);
    assert_eq!(fixture::said(&told.events[0]), "failure sms 31612345678 api/25");
}

#[test]
fn r10_who_is_in_a_conversation_the_provider_says() {
    let fixture = named("requests", "conversation");
    let request = fixture.request(MESSAGEBIRD.profile());
    let asked = |answer: &str| match MESSAGEBIRD.asked(&request, &[answer.as_bytes().to_vec()]) {
        Ok(Asked::Send(sending)) => fixture::reached(&sending).join(" "),
        other => format!("{other:?}"),
    };
    let with = |contact: &str, channels: &str| {
        format!(r#"{{"id":"c","contact":{{"msisdn":{contact}}},"channels":[{channels}]}}"#)
    };
    let whatsapp = r#"{"id":"a75b4e8c","platformId":"whatsapp"}"#;
    assert_eq!(asked(&with("31612345678", whatsapp)), "whatsapp 31612345678");
    // The message names a channel that the conversation has not used.
    let other = r#"{"id":"other","platformId":"whatsapp"}"#;
    assert_eq!(asked(&with("31612345678", other)), "sms+whatsapp 31612345678");
    assert_eq!(asked(&with("31612345678", "")), "sms+whatsapp 31612345678");
    assert_eq!(
        asked(&with("\"31612345678\"", &format!(r#"{whatsapp},{{"platformId":"sms"}}"#))),
        "sms+whatsapp 31612345678"
    );
    let nobody = r#"Ok(Unnamed("conversations"))"#;
    assert_eq!(asked(&with("0", whatsapp)), nobody);
    assert_eq!(asked(&with("31612345678", r#"{"platformId":"facebook"}"#)), nobody);
    assert_eq!(asked("{}"), nobody);
    assert!(asked("[").starts_with("Err"));
    assert!(asked(r#"{"contact":{"msisdn":1},"Contact":{"msisdn":2}}"#).starts_with("Err"));
    for answer in ["", "{}", "null", r#"{"contact":7,"channels":7}"#] {
        laws::asked_calm(&MESSAGEBIRD, &request, answer.as_bytes());
    }
}

/// Whom a CRM may reach is everybody but one.
struct AllBut(&'static str);

impl ReplyGate for AllBut {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        recipient.address != self.0
    }
    fn link(&mut self, url: &str, _: ReplyLink) -> String {
        format!("{BASE}/cb/{}", url.len())
    }
}

#[test]
fn r14_what_a_call_is_told_to_do_is_judged() {
    let gated = |answer: &str| {
        named("webhooks", "call").webhook(BASE, |webhook| {
            let authentic = webhook.prove(&MESSAGEBIRD, &secrets(KEY), now()).unwrap();
            let answer =
                Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body: answer.as_bytes() };
            let reply = MESSAGEBIRD.gate_reply(&authentic, &answer, &mut AllBut("31612345679"));
            let text = |reply: dndgate_adapter::Reply| String::from_utf8(reply.body).unwrap();
            reply.map(|reply| reply.map(text)).map_err(|_| ())
        })
    };
    let transfer = |to: &str| format!(r#"{{"action":"transfer","options":{{"destination":"{to}"}}}}"#);
    let say = r#"{"action":"say","options":{"payload":"31612345679"}}"#;
    let flow = |steps: &[&str]| format!(r#"{{"title":"t","steps":[{}]}}"#, steps.join(","));
    assert_eq!(gated(&flow(&[&transfer("31612345678"), say])), Ok(None));
    assert_eq!(gated(&flow(&[&transfer("31612345679"), say])), Ok(Some(flow(&[say]))));
    assert_eq!(gated(&flow(&[say, &transfer("sip:31612345679@x")])), Ok(Some(flow(&[say]))));
    let fetch = |url: &str| format!(r#"{{"action":"fetchCallFlow","options":{{"url":"{url}"}}}}"#);
    assert_eq!(gated(&flow(&[&fetch("/next")])), Ok(Some(flow(&[&fetch("https://gate.example.com/cb/5")]))));
    for answer in ["", "OK", "{}", r#"{"ok":true}"#, "<html></html>"] {
        assert_eq!(gated(answer), Ok(None), "{answer}");
    }
    for answer in [
        &*flow(&[r#"{"action":"dial","options":{"destination":"31612345679"}}"#]),
        &*flow(&[r#"{"action":"say","options":{"destination":"31612345679"}}"#]),
        "<?xml version='1.0'?><Say>x</Say>",
        r#"{"steps":[],"steps":[]}"#,
        "{",
    ] {
        assert!(gated(answer).is_err(), "{answer}");
    }
}

#[test]
fn an_opt_out_is_confirmed_once_and_over_the_api_that_it_came_by() {
    let confirmed = |name: &str| {
        named("webhooks", name).webhook(BASE, |webhook| {
            let authentic = webhook.prove(&MESSAGEBIRD, &secrets(KEY), now()).unwrap();
            let events = MESSAGEBIRD.events(&authentic).unwrap();
            assert!(!MESSAGEBIRD.confirms_itself(&authentic, &events[0]));
            MESSAGEBIRD.confirm_call(&authentic, &events[0], "Bye", &secrets(KEY)).map(|call| {
                let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
                (call.host.unwrap() + &call.path_and_query, body)
            })
        })
    };
    let (path, body) = confirmed("stop").unwrap();
    assert_eq!(path, "rest.messagebird.com/messages");
    assert_eq!((&body["originator"], &body["recipients"][0]), (&"31644556677".into(), &"31612345678".into()));
    let (path, body) = confirmed("conversation-stop").unwrap();
    assert_eq!(path, "conversations.messagebird.com/v1/send");
    assert_eq!((&body["to"], &body["from"]), (&"+31612345678".into(), &"a75b4e8c".into()));
    assert_eq!(confirmed("bird-stop"), None);
}

#[test]
fn the_account_is_birds_workspace() {
    for (name, account) in [("bird", Some("w1")), ("message", None)] {
        let fixture = named("requests", name);
        let request = fixture.request(MESSAGEBIRD.profile());
        assert_eq!(MESSAGEBIRD.account(&request.head).as_deref(), account, "{name}");
    }
}
