//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Channel, Outbound, Refusal, RefusalCause, Secrets, Webhook,
    fixture::{self, Fixture},
    sandbox::Inbound,
};
use dndgate_telnyx::TELNYX;
use http::{HeaderMap, StatusCode};
use std::path::{Path, PathBuf};

/// Belongs to the private key with which the fixtures are signed.
const PUBLIC_KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(key: &str) -> Secrets {
    Secrets::new(vec![("public_key", vec![key.into()]), ("api_key", vec!["KEY".into()])])
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(&TELNYX, folder("requests"));
}

#[test]
fn webhooks() {
    let wrong = secrets("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    fixture::webhooks_obey(&TELNYX, folder("webhooks"), BASE, (&secrets(PUBLIC_KEY), &wrong), now(), true);
}

#[test]
fn an_old_time_stamp_is_not_believed() {
    let stop = named("webhooks", "stop.http");
    for seconds in [-301, 301] {
        let later = now() + jiff::SignedDuration::from_secs(seconds - 10);
        stop.webhook(BASE, |webhook: Webhook<'_>| {
            assert!(webhook.prove(&TELNYX, &secrets(PUBLIC_KEY), later).is_err(), "{seconds}");
        });
    }
}

#[test]
fn the_stand_in_signs_as_telnyx_does_and_reports_what_failed() {
    let sandbox = TELNYX.sandbox().unwrap();
    let secrets = secrets(&sandbox.key("public_key").unwrap());
    assert_eq!(sandbox.key("api_key"), None, "any will do");
    let request = named("requests", "group.http");
    let answered = sandbox.answer(&request.request(TELNYX.profile()), 7);
    assert_eq!(answered.reply.status, 200);
    let body: serde_json::Value = serde_json::from_slice(&answered.reply.body).unwrap();
    assert_eq!(body["data"]["to"].as_array().unwrap().len(), answered.delivered.len());
    let (url, now) = (format!("{BASE}/hooks/telnyx"), now());
    let first = &answered.delivered[0];
    let message = Inbound { channel: Channel::WhatsApp, from: "+14155550100", to: &first.from, text: "STOP" };
    let calls = [
        (sandbox.inbound(&message, &url, &secrets, 8, now), "message whatsapp +14155550100 STOP"),
        (
            sandbox.inbound(&Inbound { channel: Channel::Call, ..message }, &url, &secrets, 9, now),
            "call +14155550100",
        ),
        (
            sandbox.failure(first, "40300", &url, &secrets, 10, now),
            &format!("failure sms {} 40300", first.to),
        ),
    ];
    for (call, says) in calls {
        let made = Fixture {
            name: says.into(),
            notes: Vec::new(),
            method: call.method.clone(),
            target: call.path_and_query.clone(),
            headers: call.headers.iter().cloned().collect(),
            body: call.body.clone(),
        };
        made.webhook(BASE, |webhook: Webhook<'_>| {
            let proven = webhook.prove(&TELNYX, &secrets, now).unwrap();
            assert_eq!(fixture::said(&TELNYX.events(&proven).unwrap()[0]), says);
        });
    }
}

#[test]
fn r12_a_block_is_what_telnyx_says_after_a_stop() {
    let request = named("requests", "message.http");
    let reply = TELNYX.refuse(
        &request.request(TELNYX.profile()).head,
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
    assert_eq!(reply.status, 400);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["errors"][0]["code"], "40300");
    assert_eq!(body["errors"][0]["meta"]["dnd_reason"], "keyword");
}

#[test]
fn r19_an_answer_teaches_of_the_one_person_it_concerns() {
    let learned = |name: &str, status: StatusCode, body: &str| {
        let fixture = named("requests", name);
        let request = fixture.request(TELNYX.profile());
        let Ok(Outbound::Send(sending)) = TELNYX.read(&request) else { panic!() };
        let answer = Answer { status, headers: &HeaderMap::new(), body: body.as_bytes() };
        TELNYX.learn(&request, &sending, &[], &answer)
    };
    let blocked = r#"{"errors":[{"code":"40300","title":"Blocked due to STOP message"}]}"#;
    let one = learned("message.http", StatusCode::BAD_REQUEST, blocked);
    assert_eq!(fixture::said(&one.events[0]), "failure sms +14155550100 40300");
    assert!(learned("group.http", StatusCode::BAD_REQUEST, blocked).events.is_empty());
    let waiting = r#"{"data":{"id":"40385f64-5717-4562-b3fc-2c963f66afa6"}}"#;
    let later = learned("scheduled.http", StatusCode::OK, waiting);
    let cancel = TELNYX.cancel(&later.scheduled[0], &secrets(PUBLIC_KEY)).unwrap();
    assert_eq!(cancel.path_and_query, "/v2/messages/40385f64-5717-4562-b3fc-2c963f66afa6");
    assert!(learned("scheduled.http", StatusCode::OK, r#"{"data":{"id":"../x"}}"#).scheduled.is_empty());
}
