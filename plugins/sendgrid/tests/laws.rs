//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Channel, Head, Outbound, Refusal, RefusalCause, Request, Secrets, apply_edits,
    fixture::{self, Fixture},
    laws,
};
use dndgate_sendgrid::SENDGRID;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Belongs to the private key with which the fixtures are signed.
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdvrEv0PjbIAetgt5SCUnyIPHK9cSC1UylLLZ+Ta2uI9IZJ4KtpiULUhHtTm/c4ifqnMAHddH4db8KANMmue6aA==";
const OTHER_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEcr/bE5PQfbol4ttkGItXGmocrojrepVDYMD+xtljGnVmFCHBkQryPCHoBlU2bz9dpbb2s7m/rmRO5a+qsuMNIQ==";
const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn secrets(key: &str) -> Secrets {
    Secrets::new(vec![("verification_key", vec![key.into()]), ("api_key", vec!["SG.key".into()])])
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(name: &str) -> Fixture {
    Fixture::named(folder("requests"), name)
}

/// The body of a fixture without those at these indices.
fn without(name: &str, drop: &[usize]) -> Result<Value, String> {
    let fixture = named(name);
    let request = fixture.request(SENDGRID.profile());
    let send = laws::sending(&SENDGRID, &request).unwrap();
    let edits = SENDGRID.trim(&request, &send, drop).map_err(|cannot| cannot.to_string())?;
    Ok(serde_json::from_slice(&apply_edits(request.body, &edits)).unwrap())
}

#[test]
fn requests() {
    fixture::requests_obey(&SENDGRID, folder("requests"));
}

#[test]
fn webhooks() {
    let keys = (&secrets(KEY), &secrets(OTHER_KEY));
    fixture::webhooks_obey(&SENDGRID, folder("webhooks"), BASE, keys, now(), true);
}

#[test]
fn r11_a_personalization_goes_with_everything_that_is_its_own() {
    let whole: Value = serde_json::from_slice(&named("anymail-merge").body).unwrap();
    let mut expected = whole.clone();
    expected["personalizations"].as_array_mut().unwrap().remove(1);
    assert_eq!(without("anymail-merge", &[1]).unwrap(), expected);
    let left = without("python-sdk-template", &[0, 2]).unwrap();
    assert_eq!(left["personalizations"].as_array().unwrap().len(), 1);
    assert_eq!(left["personalizations"][0]["dynamic_template_data"]["name"], "Bob");
}

#[test]
fn r11_everything_else_keeps_its_bytes() {
    let fixture = named("python-sdk");
    let request = fixture.request(SENDGRID.profile());
    let send = laws::sending(&SENDGRID, &request).unwrap();
    let left = apply_edits(request.body, &SENDGRID.trim(&request, &send, &[1]).unwrap());
    let text = String::from_utf8(fixture.body.clone()).unwrap();
    let expected = text.replace(r#", {"name": "Smith, Ada", "email": "ada@example.org"}"#, "");
    assert_ne!(text, expected);
    assert_eq!(String::from_utf8(left).unwrap(), expected);
}

#[test]
fn r11_the_first_copied_person_becomes_the_addressee_and_hidden_ones_never_do() {
    let mail = &without("node-sdk", &[0]).unwrap()["personalizations"][0];
    assert_eq!(
        *mail,
        json!({ "to": [{ "email": "ada@example.org" }], "bcc": [{ "email": "carl@example.org" }] })
    );
    let mail = &without("node-sdk", &[1, 2]).unwrap()["personalizations"][0];
    assert_eq!(*mail, json!({ "to": [{ "email": "bob@example.org", "name": "Bob" }] }));
    assert!(without("node-sdk", &[0, 1]).unwrap_err().contains("hidden"));
    let fixture = named("python-sdk-template");
    let send = laws::sending(&SENDGRID, &fixture.request(SENDGRID.profile())).unwrap();
    let copies: Vec<_> = send.copies.iter().map(|one| (one.who.clone(), one.of.clone())).collect();
    assert_eq!(copies, [(vec![2], vec![0]), (vec![3], vec![1])], "each goes with its own mail");
    assert!(without("settings-bcc", &[1]).is_err(), "the setting holds for all mail of the request");
}

#[test]
fn r12_a_block_is_a_400_in_sendgrids_shape() {
    let refused = |cause, path| {
        let head = Head { method: &Method::POST, host: None, path, query: None, headers: &HeaderMap::new() };
        let reply = SENDGRID.refuse(
            &head,
            &Refusal {
                cause,
                message: "why",
                address: Some("joan@example.com"),
                channel: Some(Channel::Email),
                reason: Some("complaint"),
                code: None,
                request_id: "0199",
            },
        );
        (reply.status.as_u16(), serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    let (status, body) = refused(RefusalCause::Blocked, "/v3/mail/send");
    assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("personalizations")));
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("Blocked by Do-Not-Disturb: j***@example.com (email, reason: complaint)"));
    assert!(!message.contains("joan"));
    for (cause, status) in [
        (RefusalCause::Unreadable, 400),
        (RefusalCause::Account, 400),
        (RefusalCause::TooLarge, 413),
        (RefusalCause::BadGateway, 502),
        (RefusalCause::Unavailable, 503),
    ] {
        let (got, body) = refused(cause, "/v3/other");
        assert_eq!((got, &body["errors"][0]["help"]), (status, &Value::Null));
    }
}

#[test]
fn a_subuser_is_an_account() {
    for (name, account) in [("subuser", Some("subuser:acme")), ("python-sdk", None)] {
        let fixture = named(name);
        let head = fixture.request(SENDGRID.profile()).head;
        assert_eq!(SENDGRID.account(&head).as_deref(), account);
    }
}

fn headers(name: &str, drop: &[usize]) -> Result<Value, String> {
    let fixture = named(name);
    let request = fixture.request(SENDGRID.profile());
    let send = laws::sending(&SENDGRID, &request).unwrap();
    let lines =
        [("List-Unsubscribe", "<https://g/u/\"x>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")];
    let mut edits = SENDGRID.trim(&request, &send, drop).unwrap();
    edits.extend(SENDGRID.add_headers(&request, &send, &lines).map_err(|cannot| cannot.to_string())?);
    edits.sort_by_key(|edit| edit.range.start);
    let body = apply_edits(request.body, &edits);
    let again = Request { body: &body, ..request };
    assert!(matches!(SENDGRID.read(&again), Ok(Outbound::Send(_))), "it reads as before");
    Ok(serde_json::from_slice(&body).unwrap())
}

#[test]
fn header_fields_stand_among_the_mails_own() {
    let both = json!({ "List-Unsubscribe": "<https://g/u/\"x>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" });
    assert_eq!(headers("scheduled", &[]).unwrap()["headers"], both);
    assert_eq!(headers("anymail-merge", &[0]).unwrap()["headers"], both, "beside the edits of trimming");
    let own = headers("anymail", &[1, 2]).unwrap();
    assert_eq!(own["headers"]["X-Y"], "z");
    assert_eq!(own["headers"]["List-Unsubscribe"], both["List-Unsubscribe"]);
    assert_eq!(headers("null-name", &[]).unwrap()["headers"], both);
}

#[test]
fn header_fields_of_the_sender_and_of_sendgrid_stay() {
    let added = |body: Value| {
        let fixture = named("python-sdk");
        let body = body.to_string();
        let request = Request { body: body.as_bytes(), ..fixture.request(SENDGRID.profile()) };
        let send = laws::sending(&SENDGRID, &request).unwrap();
        let edits = SENDGRID.add_headers(&request, &send, &[("List-Unsubscribe", "<x>")]);
        edits.map(|edits| serde_json::from_slice::<Value>(&apply_edits(request.body, &edits)).unwrap())
    };
    let to = json!([{ "email": "bob@example.org" }]);
    for own in [
        json!({ "personalizations": [{ "to": to }], "headers": { "list-unsubscribe": "<y>" } }),
        json!({ "personalizations": [{ "to": to, "headers": { "List-Unsubscribe": "<y>" } }] }),
        json!({ "personalizations": [{ "to": to }], "asm": { "group_id": 7 } }),
        json!({ "personalizations": [{ "to": to }], "tracking_settings": { "subscription_tracking": { "enable": true } } }),
    ] {
        assert_eq!(added(own.clone()), Err(dndgate_adapter::CannotAdd::Own), "{own}");
    }
    let inside = json!({ "personalizations": [{ "to": to, "headers": { "X": "y" } }] });
    assert_eq!(
        added(inside).unwrap()["personalizations"][0]["headers"],
        json!({ "X": "y", "List-Unsubscribe": "<x>" })
    );
    let several = json!({ "personalizations": [{ "to": to, "headers": { "X": "y" } }, { "to": to }] });
    assert!(matches!(added(several), Err(dndgate_adapter::CannotAdd::Unfit(_))));
}

proptest! {
    #[test]
    fn any_body_is_taken_calmly(body: Vec<u8>, path in "/v3/(mail/send|marketing/test/send_email|senders|campaigns/1/schedules/test)") {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        let head = Head { method: &Method::POST, host: None, path: &path, query: None, headers: &headers };
        laws::calm(&SENDGRID, &Request { head, body: &body });
    }

    #[test]
    fn any_path_is_taken_calmly(path in "/[ -~]{0,40}", method in "(GET|POST|PUT|DELETE)") {
        let method: Method = method.parse().unwrap();
        let head = Head { method: &method, host: None, path: &path, query: None, headers: &HeaderMap::new() };
        let _ = SENDGRID.look(&head);
    }
}
