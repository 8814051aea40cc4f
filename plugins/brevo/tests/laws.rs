//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Channel, Refusal, RefusalCause, Refused, Request, Secrets, Webhook, apply_edits,
    fixture::{self, Fixture},
    laws,
    outbound::Call,
    sandbox::Inbound,
    suppressions::Presence,
};
use dndgate_brevo::BREVO;
use http::{HeaderMap, StatusCode};
use std::path::{Path, PathBuf};

const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(secret: &str) -> Secrets {
    Secrets::new(vec![("webhook_secret", vec![secret.into()]), ("api_key", vec!["KEY".into()])])
}

fn now() -> jiff::Timestamp {
    "2026-11-24T12:00:05Z".parse().unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

fn with<T>(name: &str, then: impl FnOnce(&Request<'_>, &dndgate_adapter::Sending<'_>) -> T) -> T {
    let fixture = named("requests", name);
    let request = fixture.request(BREVO.profile());
    let send = laws::sending(&BREVO, &request).unwrap();
    then(&request, &send)
}

fn answered<T>(status: u16, body: &str, then: impl FnOnce(&Answer<'_>) -> T) -> T {
    let headers = HeaderMap::new();
    then(&Answer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: body.as_bytes() })
}

fn refusal() -> Refusal<'static> {
    Refusal {
        cause: RefusalCause::Blocked,
        message: "why",
        address: Some("ada@example.com"),
        channel: Some(Channel::Email),
        reason: Some("complaint"),
        code: None,
        request_id: "0199",
    }
}

#[test]
fn requests() {
    fixture::requests_obey(&BREVO, folder("requests"));
}

#[test]
fn webhooks() {
    fixture::webhooks_obey(
        &BREVO,
        folder("webhooks"),
        BASE,
        (&secrets("s3cret"), &secrets("x")),
        now(),
        false,
    );
}

#[test]
fn r12_a_block_is_an_invalid_parameter() {
    let reply = with("python-mail.http", |request, _| BREVO.refuse(&request.head, &refusal()));
    assert_eq!(reply.status, 400);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["code"], "invalid_parameter");
    assert!(body["message"].as_str().unwrap().contains("reason: complaint"), "{body}");
}

fn trimmed(name: &str, drop: &[usize]) -> Option<serde_json::Value> {
    with(name, |request, send| {
        let edits = BREVO.trim(request, send, drop).ok()?;
        Some(serde_json::from_slice(&apply_edits(request.body, &edits)).unwrap())
    })
}

#[test]
fn r11_people_are_taken_out_and_nobody_else() {
    let mail = trimmed("python-mail.http", &[0, 1]).unwrap();
    assert_eq!(mail["to"], serde_json::json!([{ "email": "carl@example.com" }]), "the first copied person");
    assert!(mail.get("cc").is_none());
    let versions = trimmed("python-versions.http", &[0, 3]).unwrap();
    assert_eq!(versions["messageVersions"].as_array().unwrap().len(), 2, "{versions}");
    assert!(versions["messageVersions"][0].get("cc").is_none());
    assert_eq!(versions["messageVersions"][0]["bcc"][0]["email"], "bea@example.com");
    let whatsapp = trimmed("whatsapp.http", &[0]).unwrap();
    assert_eq!(whatsapp["contactNumbers"], serde_json::json!(["14155550101"]));
    let events = trimmed("event-batch.http", &[0]).unwrap();
    assert_eq!(events["events"].as_array().unwrap().len(), 1);
}

#[test]
fn r11_every_version_has_its_id() {
    let stitched = |drop: &[usize], answer: &str| {
        with("python-versions.http", |request, send| {
            assert!(BREVO.stitches(send));
            let refused: Vec<_> =
                drop.iter().map(|index| Refused { index: *index, refusal: refusal() }).collect();
            let body = answered(201, answer, |answer| BREVO.stitch(request, send, &refused, answer))?;
            Some(String::from_utf8(body).unwrap())
        })
    };
    let two = r#"{"messageIds":["<2>","<3>"],"x":1}"#;
    assert_eq!(stitched(&[0], two).unwrap(), r#"{"messageIds":["","<2>","<3>"],"x":1}"#);
    assert_eq!(stitched(&[1, 3, 4], two).unwrap(), r#"{"messageIds":["<2>","","<3>"],"x":1}"#);
    assert_eq!(stitched(&[0, 2], r#"{"messageId":"<2>"}"#).unwrap(), r#"{"messageIds":["","<2>",""]}"#);
    assert_eq!(stitched(&[3], two), None, "every version went out");
    assert_eq!(stitched(&[0], r#"{"messageIds":["<2>"]}"#), None, "not as many as there should be");
}

#[test]
fn r14_what_leaves_later_is_cancelled_by_its_id() {
    let learned = with("python-scheduled.http", |request, send| {
        let body = r#"{"messageId":"<2026.1@smtp-relay.mailin.fr>"}"#;
        answered(201, body, |answer| BREVO.learn(request, send, &[], answer))
    });
    let call = BREVO.cancel(&learned.scheduled[0], &secrets("x")).unwrap();
    assert_eq!(call.path_and_query, "/v3/smtp/email/%3C2026%2E1%40smtp%2Drelay%2Emailin%2Efr%3E");
    assert_eq!(call.method, "DELETE");
    assert_eq!(BREVO.cancel(&learned.scheduled[0], &Secrets::default()), None);
    let batch = with("python-scheduled.http", |request, send| {
        let body = r#"{"messageIds":["<1>","<2>"],"batchId":"5c6e9c3a-1111-4111-8111-111111111111"}"#;
        answered(202, body, |answer| BREVO.learn(request, send, &[], answer))
    });
    assert_eq!(batch.scheduled[0].id, "5c6e9c3a-1111-4111-8111-111111111111");
}

#[test]
fn r21_absence_is_what_brevo_says_in_so_many_words() {
    let lists = BREVO.suppressions().unwrap();
    laws::narrowness(lists, &secrets("x"));
    let [bounces, spam, unsubscribes, blocklist] = lists.lists() else { panic!() };
    assert!(
        lists.look_up(bounces, "", "a@b.c", &secrets("x")).is_none(),
        "blocked contacts come in pages only"
    );
    let call = lists.look_up(blocklist, "", "a+b@example.com", &secrets("x")).unwrap();
    assert_eq!(call.path_and_query, "/v3/contacts/a%2Bb%40example.com");
    let presence = |status, body| answered(status, body, |answer| lists.looked_up(blocklist, answer));
    assert!(matches!(presence(200, r#"{"emailBlacklisted":true}"#), Presence::Present(_)));
    assert_eq!(presence(200, r#"{"emailBlacklisted":false}"#), Presence::Absent);
    assert_eq!(presence(404, r#"{"code":"document_not_found","message":"x"}"#), Presence::Absent);
    for (status, body) in [(404, "{}"), (200, "{}"), (401, "{}"), (429, "{}"), (200, "x")] {
        assert!(matches!(presence(status, body), Presence::Unknown(_)), "{status} {body}");
    }
    let body = r#"{"count":3,"contacts":[
        {"email":"a@b.c","senderEmail":"","reason":{"code":"hardBounce","message":"m"},"blockedAt":"2026-11-24T12:00:00Z"},
        {"email":"d@e.f","senderEmail":"s@x.y","reason":{"code":"unsubscribedViaEmail","message":""},"blockedAt":"x"},
        {"email":"g@h.i","senderEmail":"","reason":{"code":"contactFlaggedAsSpam","message":""}}]}"#;
    for (list, address, partial) in
        [(bounces, "a@b.c", false), (unsubscribes, "d@e.f", true), (spam, "g@h.i", false)]
    {
        let page = answered(200, body, |answer| lists.page_read(list, "", None, answer)).unwrap();
        assert_eq!((page.entries.len(), page.next), (1, None));
        assert_eq!((&*page.entries[0].address, page.entries[0].partial), (address, partial));
    }
    assert!(answered(200, "{}", |answer| lists.page_read(bounces, "", None, answer)).is_err());
    let add = lists.add("", &["a@b.c"], &secrets("x")).unwrap();
    assert_eq!(add.body, br#"{"email":"a@b.c","emailBlacklisted":true,"updateEnabled":true}"#);
}

fn says(call: &Call) -> Vec<String> {
    let url = format!("{BASE}{}", call.path_and_query);
    let headers: HeaderMap = call.headers.iter().cloned().collect();
    let webhook =
        Webhook { method: &call.method, url: &url, headers: &headers, body: &call.body, document: None };
    let authentic = webhook.prove(&BREVO, &secrets("s3cret"), now()).unwrap();
    BREVO.events(&authentic).unwrap().iter().map(fixture::said).collect()
}

#[test]
fn the_stand_in_delivers_and_tells() {
    let sandbox = BREVO.sandbox().unwrap();
    let answer = |name: &str| {
        let fixture = named("requests", name);
        sandbox.answer(&fixture.request(BREVO.profile()), 7)
    };
    let versions = answer("python-versions.http");
    let body: serde_json::Value = serde_json::from_slice(&versions.reply.body).unwrap();
    assert_eq!(body["messageIds"].as_array().unwrap().len(), 3);
    assert_eq!(versions.delivered.len(), 5);
    assert_eq!(versions.delivered[0].text, "Hello: <p>hello</p>");
    assert_eq!(answer("python-sms.http").delivered[0].channel, Channel::Sms);
    assert_eq!(answer("unreadable-twice.http").reply.status, 400);
    let url = format!("{BASE}/hooks/brevo");
    for (channel, from, said) in [
        (Channel::Email, "ada@example.com", "message email ada@example.com STOP | STOP"),
        (Channel::Sms, "+14155550100", "message sms +14155550100 STOP"),
        (Channel::WhatsApp, "+14155550100", "message whatsapp +14155550100 STOP"),
    ] {
        let message = Inbound { channel, from, to: "team@mg.example.com", text: "STOP" };
        assert_eq!(says(&sandbox.inbound(&message, &url, &secrets("s3cret"), 1, now())), [said]);
    }
    let mail = &versions.delivered[0];
    let failed = sandbox.failure(mail, "hard_bounce", &url, &secrets("brevo:s3cret"), 2, now());
    assert_eq!(says(&failed), ["failure email ada@example.com hard_bounce"]);
}

#[test]
fn an_opt_out_by_mail_is_confirmed_from_where_it_was_written_to() {
    let hook = named("webhooks", "inbound.http");
    hook.webhook(BASE, |webhook| {
        let authentic = webhook.prove(&BREVO, &secrets("s3cret"), now()).unwrap();
        let events = BREVO.events(&authentic).unwrap();
        assert!(!BREVO.confirms_itself(&authentic, &events[0]));
        let call =
            BREVO.confirm_call(&authentic, &events[0], "You will get no more.", &secrets("x")).unwrap();
        let mail: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(mail["sender"]["email"], "team@mg.example.com");
        assert_eq!(mail["to"][0]["email"], "ada@example.com");
        assert!(BREVO.confirms_itself(&authentic, &events[1]));
    });
    let text = named("webhooks", "sms-stop.http");
    text.webhook(BASE, |webhook| {
        let authentic = webhook.prove(&BREVO, &secrets("s3cret"), now()).unwrap();
        assert!(BREVO.confirms_itself(&authentic, &BREVO.events(&authentic).unwrap()[0]));
    });
}
