//! Webhooks and inbound mail: sections 3 and 4 of the fact sheet.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Fixture, KEY, PARENT_KEY, SIGNED_AT, form, now, post, secrets};
use dndgate_adapter::{
    Adapter, Channel, EventKind, Secrets, Severity, Webhook, apply_edits,
    sandbox::{Delivered, Inbound, Sandbox},
    sign,
};
use dndgate_mailgun::MAILGUN;
use jiff::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn only(key: &str) -> Secrets {
    Secrets::new(vec![("signing_key", vec![key.into()])])
}

/// What an event says, in the words of the fixtures' notes.
fn told(kind: &EventKind<'_>) -> Vec<String> {
    match kind {
        EventKind::Failure { channel: Channel::Email, to, code, severity, message, .. } => {
            let severity = match severity {
                Severity::Permanent => "permanent",
                Severity::Temporary => "temporary",
                Severity::Unsaid => "unsaid",
            };
            vec![format!("event failure {severity} {code} {to}"), format!("says {message}")]
        }
        EventKind::Unsubscribe { address, .. } => vec![format!("event unsubscribe {address}")],
        EventKind::Complaint { address, .. } => vec![format!("event complaint {address}")],
        EventKind::Message { from, spoken, .. } => {
            let texts = spoken.texts.iter().map(|text| format!("text {text}"));
            std::iter::once(format!("event message {from}")).chain(texts).collect()
        }
        EventKind::Other(name) => vec![format!("event other {name}")],
        other => panic!("{other:?}"),
    }
}

#[test]
fn fixtures_say_what_their_notes_say() {
    for fixture in Fixture::all("webhooks") {
        let authentic = fixture
            .webhook()
            .prove(&MAILGUN, &secrets(), now())
            .unwrap_or_else(|why| panic!("{}: {why}", fixture.name));
        let events = MAILGUN.events(&authentic).unwrap();
        assert_eq!(events.len(), 1, "{}", fixture.name);
        let event = &events[0];
        let mut told = told(&event.kind);
        told.push(format!("account {}", event.account.as_deref().unwrap_or("")));
        let known = ["event ", "says ", "text ", "account "];
        let mut expected: Vec<String> = Vec::new();
        for note in fixture.notes.iter() {
            if known.iter().any(|kind| note.starts_with(kind)) || note == "says" {
                expected.push(note.clone());
            }
        }
        // A note cannot hold a line break.
        let mut told: Vec<String> = told.into_iter().map(|one| one.trim_end().to_owned()).collect();
        let mut expected: Vec<String> = expected.into_iter().map(|one| one.trim_end().to_owned()).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{}", fixture.name);
        assert!((at(SIGNED_AT - 5)..now()).contains(&event.at.unwrap()), "{}", fixture.name);
        assert_eq!(MAILGUN.acknowledge(&authentic).status, 200);
    }
}

#[test]
fn sheet_vectors() {
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    assert!(
        String::from_utf8_lossy(&fixture.body)
            .contains("3e7b450dbde1a9438d417ffdae897fad3398eb45b0b89d38a991ff1d280fc65f")
    );
    assert!(fixture.webhook().prove(&MAILGUN, &only(KEY), now()).is_ok());
    let parent = Fixture::named("webhooks", "subaccount.http");
    assert!(
        String::from_utf8_lossy(&parent.body)
            .contains("83f670a65d826de46d0348c71602d7836278816dec622d323e506b01b49874e8")
    );
    assert!(parent.webhook().prove(&MAILGUN, &only(PARENT_KEY), now()).is_ok());
    assert!(parent.webhook().prove(&MAILGUN, &only(KEY), now()).is_err());
}

#[test]
fn two_keys_are_good_while_one_is_rotated() {
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    let rotated = Secrets::new(vec![("signing_key", vec!["new".into(), KEY.into()])]);
    assert!(fixture.webhook().prove(&MAILGUN, &rotated, now()).is_ok());
    assert!(fixture.webhook().prove(&MAILGUN, &only("new"), now()).is_err());
    assert!(fixture.webhook().prove(&MAILGUN, &only(""), now()).is_err());
}

#[test]
fn signatures_are_good_for_nine_hours() {
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    let proven = |seconds| fixture.webhook().prove(&MAILGUN, &secrets(), at(SIGNED_AT + seconds)).is_ok();
    assert!(proven(0) && proven(9 * 3_600) && proven(-300), "a retry, and a clock ahead");
    assert!(!proven(9 * 3_600 + 1) && !proven(-3_600));
}

#[test]
fn sheet_0_5_a_token_proves_one_body_only() {
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    let once = |fixture: &Fixture| {
        let authentic = fixture.webhook().prove(&MAILGUN, &secrets(), now()).unwrap();
        authentic.proof().once.clone().unwrap()
    };
    let honest = once(&fixture);
    let text = String::from_utf8(fixture.body.clone()).unwrap();
    let forged = Fixture { body: text.replace("joan@", "eve@").into_bytes(), ..fixture.clone() };
    let forged = once(&forged);
    assert_eq!(honest.token, forged.token);
    assert_ne!(honest.digest, forged.digest, "the gateway sees that the token was used for something else");
    assert_eq!(once(&fixture), honest);
    // A form digests alike whatever its boundary.
    let inbound = Fixture::named("webhooks", "inbound-attachment.http");
    let text = |bytes: &[u8]| bytes.to_vec();
    let mut other = inbound.clone();
    other.headers.insert("content-type", "multipart/form-data; boundary=bb5c1f0a1d".parse().unwrap());
    let mut body = text(&inbound.body);
    while let Some(at) = body.windows(12).position(|window| window == b"--aa5c1f0a1d") {
        body[at + 2] = b'b';
        body[at + 3] = b'b';
    }
    other.body = body;
    assert_eq!(once(&other), once(&inbound));
}

#[test]
fn digits_cannot_move_from_token_to_time_stamp() {
    let (timestamp, token) = ("1795438800", "12345f167f44f4964e6c998dee827110c9f3b1b7d2e5a40c1d2");
    let signature =
        sign::to_hex(&sign::hmac_sha256(KEY.as_bytes(), format!("{timestamp}{token}").as_bytes()));
    let whole = format!("{timestamp}{token}");
    for split in 1..whole.len() {
        let (timestamp, token) = whole.split_at(split);
        let body = format!(
            r#"{{"signature":{{"timestamp":"{timestamp}","token":"{token}","signature":"{signature}"}},"event-data":{{"event":"opened"}}}}"#
        );
        let hook = post("/", "application/json", body);
        for seconds in [SIGNED_AT, SIGNED_AT / 10, SIGNED_AT * 10 + 1] {
            let believed = hook.webhook().prove(&MAILGUN, &secrets(), at(seconds)).is_ok();
            assert_eq!(believed, split == 10 && seconds == SIGNED_AT, "split at {split}, now {seconds}");
        }
    }
}

#[test]
fn what_is_no_webhook_is_not_believed() {
    for (content_type, body) in [
        ("application/json", "{}"),
        ("application/json", r#"{"signature":"x"}"#),
        ("application/json", r#"{"signature":{"timestamp":"1795438800"}}"#),
        ("application/json", "\"signature\""),
        ("application/x-www-form-urlencoded", "timestamp=1795438800&token=x"),
        ("text/plain", "hello"),
        ("multipart/form-data; boundary=x", ""),
    ] {
        assert!(
            post("/", content_type, body).webhook().prove(&MAILGUN, &secrets(), now()).is_err(),
            "{body}"
        );
    }
}

#[test]
fn a_proven_webhook_that_cannot_be_read_is_proven_all_the_same() {
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    let text = String::from_utf8(fixture.body.clone()).unwrap();
    for broken in
        [&text[..text.len() - 9], &text.replace("\"joan@example.com\", \"recipient-domain\"", "\"\\ud800\"")]
    {
        let fixture = Fixture { body: broken.as_bytes().to_vec(), ..fixture.clone() };
        let authentic = fixture.webhook().prove(&MAILGUN, &secrets(), now()).unwrap();
        assert!(MAILGUN.events(&authentic).is_err());
    }
}

#[test]
fn events_have_ids_that_are_unique_beyond_a_day() {
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    let id = |fixture: &Fixture| {
        let authentic = fixture.webhook().prove(&MAILGUN, &secrets(), now()).unwrap();
        MAILGUN.events(&authentic).unwrap()[0].id.to_string()
    };
    assert_eq!(id(&fixture), "pl271FzxTTmGRW8Uj3dU01/2026-11-23");
    let text = String::from_utf8(fixture.body.clone()).unwrap();
    let next_day =
        Fixture { body: text.replace("1795438799.818", "1795538799.818").into_bytes(), ..fixture.clone() };
    assert_ne!(id(&next_day), id(&fixture));
}

#[test]
fn sheet_0_5_late_webhooks_are_signed_anew() {
    let later = at(1_795_442_400);
    let fixture = Fixture::named("webhooks", "failed-bounce.http");
    let authentic = fixture.webhook().prove(&MAILGUN, &secrets(), now()).unwrap();
    assert_eq!(
        MAILGUN.resign(&authentic, "https://crm", &secrets(), later, false),
        None,
        "on time: as it came"
    );
    let resigned = MAILGUN.resign(&authentic, "https://crm", &secrets(), later, true).unwrap();
    let body = String::from_utf8(apply_edits(&fixture.body, &resigned.edits)).unwrap();
    assert!(
        body.contains("fe4cfbe6a46cc140a6e275e615a57942ae4d2521a5eb62749ba87dcf2fc24fee"),
        "the sheet's vector"
    );
    let event = |text: &str| text.split_once("\"event-data\"").unwrap().1.to_owned();
    assert_eq!(event(&body), event(std::str::from_utf8(&fixture.body).unwrap()), "not a byte of the event");
    for name in [
        "subaccount.http",
        "inbound.http",
        "inbound-attachment.http",
        "legacy-unsubscribed.http",
        "complained.http",
    ] {
        let fixture = Fixture::named("webhooks", name);
        let authentic = fixture.webhook().prove(&MAILGUN, &secrets(), now()).unwrap();
        let resigned =
            MAILGUN.resign(&authentic, "https://crm", &secrets(), at(SIGNED_AT + 200_000), true).unwrap();
        let fresh = Fixture { body: apply_edits(&fixture.body, &resigned.edits), ..fixture.clone() };
        let again = fresh.webhook().prove(&MAILGUN, &secrets(), at(SIGNED_AT + 200_001)).unwrap();
        assert_eq!(again.proof(), authentic.proof(), "{name}: the same token for the same body");
    }
    // A parent's key that is not known: its signature would be wrong now, so it goes.
    let fixture = Fixture::named("webhooks", "subaccount.http");
    let authentic = fixture.webhook().prove(&MAILGUN, &secrets(), now()).unwrap();
    let resigned = MAILGUN.resign(&authentic, "https://crm", &only(KEY), later, true).unwrap();
    let body = String::from_utf8(apply_edits(&fixture.body, &resigned.edits)).unwrap();
    assert!(!body.contains("parent-signature"));
}

#[test]
fn the_sandbox_signs_what_the_adapter_believes() {
    let sandbox: &dyn Sandbox = MAILGUN.sandbox().unwrap();
    let url = "https://gate.example.com/hooks/mailgun?x=1";
    let message = Inbound {
        channel: Channel::Email,
        from: "joan@example.com",
        to: "hello@mg.acme.com",
        text: "STOP & go",
    };
    let call = sandbox.inbound(&message, url, &secrets(), 3, now());
    assert_eq!(call.path_and_query, "/hooks/mailgun?x=1");
    let events = |call: dndgate_adapter::outbound::Call| {
        let mut headers = http::HeaderMap::new();
        headers.extend(call.headers);
        let hook = Webhook { method: &call.method, url, headers: &headers, body: &call.body, document: None };
        let authentic = hook.prove(&MAILGUN, &secrets(), now()).unwrap();
        let events = MAILGUN.events(&authentic).unwrap();
        assert_eq!(events[0].account.as_deref(), Some("mg.acme.com"));
        told(&events[0].kind).remove(0)
    };
    assert_eq!(events(call), "event message joan@example.com");
    let delivered = Delivered {
        id: "<7.sandbox@mg.acme.com>".into(),
        channel: Channel::Email,
        from: "hello@mg.acme.com".into(),
        to: "joan@example.com".into(),
        text: "Hi".into(),
        callback: String::new(),
    };
    for (code, expected) in [
        ("bounce", "event failure permanent bounce joan@example.com"),
        ("suppress-complaint", "event failure permanent suppress-complaint joan@example.com"),
        ("complained", "event complaint joan@example.com"),
        ("unsubscribed", "event unsubscribe joan@example.com"),
    ] {
        assert_eq!(events(sandbox.failure(&delivered, code, url, &secrets(), 4, now())), expected);
    }
}

#[test]
fn a_form_without_a_content_type_is_not_believed() {
    let mut hook = form(&[("timestamp", "1795438800"), ("token", "x"), ("signature", "y")]);
    hook.headers.clear();
    assert!(hook.webhook().prove(&MAILGUN, &secrets(), now()).is_err());
}
