//! The suppression list, the confirmation of an opt-out, and the stand-in.
#![allow(clippy::unwrap_used)]

mod common;

use common::{BASE, TOPIC, certificate, named, now, secrets};
use dndgate_adapter::{
    Adapter, Answer, Channel, Request, Secrets, Webhook, fixture, laws,
    outbound::Call,
    sandbox::Inbound,
    suppressions::{Presence, Suppressions, Validity},
};
use dndgate_ses::SES;
use http::{HeaderMap, Method, StatusCode};

fn lists() -> &'static dyn Suppressions {
    SES.suppressions().unwrap()
}

fn answer<T>(status: u16, kind: &str, body: &str, read: impl FnOnce(&Answer<'_>) -> T) -> T {
    let mut headers = HeaderMap::new();
    if !kind.is_empty() {
        headers.insert("x-amzn-errortype", kind.parse().unwrap());
    }
    read(&Answer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: body.as_bytes() })
}

#[test]
fn questions_are_narrow() {
    laws::narrowness(lists(), &secrets(TOPIC));
    let [bounces, complaints] = lists().lists() else { panic!() };
    let call = lists().look_up(bounces, "", "a+b@example.com", &secrets(TOPIC)).unwrap();
    assert_eq!(call.path_and_query, "/v2/email/suppression/addresses/a%2Bb%40example.com");
    assert!(call.headers.is_empty(), "the gateway signs it");
    assert!(lists().look_up(bounces, "", "a@example.com", &Secrets::default()).is_none(), "no keys");
    let page = lists().page(complaints, "", Some("t/="), &secrets(TOPIC)).unwrap();
    assert_eq!(
        page.path_and_query,
        "/v2/email/suppression/addresses?PageSize=1000&Reason=COMPLAINT&NextToken=t%2F%3D"
    );
    assert_eq!(
        lists().add("", &["a@example.com"], &secrets(TOPIC)),
        None,
        "it would count as something else"
    );
}

#[test]
fn r21_absence_is_what_ses_says_in_so_many_words() {
    let [bounces, complaints] = lists().lists() else { panic!() };
    let complained =
        r#"{"SuppressedDestination":{"EmailAddress":"a@b.c","Reason":"COMPLAINT","LastUpdateTime":1.5}}"#;
    let presence = |list, status, kind, body| answer(status, kind, body, |one| lists().looked_up(list, one));
    assert!(matches!(presence(complaints, 200, "", complained), Presence::Present(_)));
    assert_eq!(presence(bounces, 200, "", complained), Presence::Absent);
    for list in [bounces, complaints] {
        assert_eq!(presence(list, 404, "NotFoundException", "{}"), Presence::Absent);
        assert_eq!(presence(list, 404, "NotFoundException:http://x/", "{}"), Presence::Absent);
        for (status, kind, body) in [
            (404, "", "{}"),
            (404, "UnknownOperationException", "{}"),
            (200, "", "{}"),
            (200, "", "<html>"),
            (403, "NotFoundException", "{}"),
            (429, "TooManyRequestsException", "{}"),
            (500, "", ""),
        ] {
            let found = presence(list, status, kind, body);
            assert!(matches!(found, Presence::Unknown(_)), "{status} {kind} {body}");
        }
    }
    let removed = |status, kind| answer(status, kind, "{}", |one| lists().removed(bounces, one));
    assert!(removed(200, "") && removed(404, "NotFoundException") && !removed(404, "") && !removed(403, ""));
}

#[test]
fn pages_end() {
    let [bounces, _] = lists().lists() else { panic!() };
    let page = |next, body: &str| answer(200, "", body, |one| lists().page_read(bounces, "", next, one));
    let body = r#"{"SuppressedDestinationSummaries":[{"EmailAddress":"a@b.c","Reason":"BOUNCE","LastUpdateTime":1795521600.25}],"NextToken":"t"}"#;
    let first = page(None, body).unwrap();
    assert_eq!(first.entries[0].address, "a@b.c");
    assert_eq!(first.entries[0].at.unwrap().to_string(), "2026-11-24T12:00:00.25Z");
    assert_eq!(first.next.as_deref(), Some("t"));
    assert!(page(Some("t"), body).is_err(), "this page again");
    assert!(page(None, r#"{"SuppressedDestinationSummaries":[]}"#).unwrap().next.is_none());
    assert!(page(None, "{}").is_err() && page(None, &body.replace("BOUNCE", "COMPLAINT")).is_err());
}

#[test]
fn addresses_are_validated() {
    let call = lists().validate("a@example.com", &secrets(TOPIC)).unwrap();
    assert_eq!(call.body, br#"{"EmailAddress":"a@example.com"}"#);
    let verdict = |confidence: &str| {
        let body = format!(r#"{{"MailboxValidation":{{"IsValid":{{"ConfidenceVerdict":"{confidence}"}}}}}}"#);
        answer(200, "", &body, |one| lists().validated(one))
    };
    assert_eq!(verdict("HIGH"), Some(Validity::Good));
    assert!(matches!(verdict("MEDIUM"), Some(Validity::Uncertain(_))));
    assert!(matches!(verdict("LOW"), Some(Validity::Bad(_))));
}

#[test]
fn an_opt_out_by_mail_is_confirmed_from_where_it_was_written_to() {
    let hook = named("webhooks", "inbound.http");
    let document = certificate();
    hook.webhook(BASE, |webhook| {
        let webhook = Webhook { document: Some(&document), ..webhook };
        let authentic = webhook.prove(&SES, &secrets(TOPIC), now()).unwrap();
        let event = &SES.events(&authentic).unwrap()[0];
        assert!(!SES.confirms_itself(&authentic, event));
        let call = SES.confirm_call(&authentic, event, "You will get no more.", &secrets(TOPIC)).unwrap();
        let mail: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(mail["FromEmailAddress"], "team@mg.example.com");
        assert_eq!(mail["Destination"]["ToAddresses"][0], "ada@example.com");
        assert_eq!(mail["Content"]["Simple"]["Headers"][0]["Name"], "Auto-Submitted");
        assert_eq!(SES.confirm_call(&authentic, event, "x", &Secrets::default()), None);
    });
}

#[test]
fn the_stand_in_delivers_and_tells() {
    let sandbox = SES.sandbox().unwrap();
    let answered = |name: &str| {
        let fixture = named("requests", name);
        sandbox.answer(&fixture.request(SES.profile()), 7)
    };
    let delivered = |name: &str| -> Vec<String> {
        answered(name).delivered.into_iter().map(|one| format!("{}: {}", one.to, one.text)).collect()
    };
    assert_eq!(
        delivered("js-simple.http"),
        ["ada@example.com: Hello: <p>hello</p>", "carl@example.com: Hello: <p>hello</p>"]
    );
    assert_eq!(delivered("v1-raw.http"), ["ada@example.com: hi: hello", "bob@example.com: hi: hello"]);
    let bulk = answered("boto3-bulk.http");
    let body: serde_json::Value = serde_json::from_slice(&bulk.reply.body).unwrap();
    assert_eq!(body["BulkEmailEntryResults"].as_array().unwrap().len(), 3);
    assert_eq!(body["BulkEmailEntryResults"][2]["MessageId"], bulk.delivered[4].id.as_str());
    let v1 = String::from_utf8(answered("v1-bulk.http").reply.body).unwrap();
    assert_eq!(v1.matches("<MessageId>").count(), 3, "{v1}");
    assert_eq!(answered("nobody-suppressed.http").reply.status, 404);
    assert_eq!(answered("unreadable-twice.http").reply.status, 400);

    let says = |call: &Call| {
        let url = format!("{BASE}{}", call.path_and_query);
        let headers: HeaderMap = call.headers.iter().cloned().collect();
        let webhook =
            Webhook { method: &call.method, url: &url, headers: &headers, body: &call.body, document: None };
        // The certificate is the stand-in's, too.
        let ask = SES.proof_document(&webhook).unwrap().unwrap();
        let head = dndgate_adapter::Head {
            method: &Method::GET,
            host: ask.host.as_deref(),
            path: &ask.path_and_query,
            query: None,
            headers: &HeaderMap::new(),
        };
        let document = sandbox.answer(&Request { head, body: b"" }, 8).reply.body;
        let webhook = Webhook { document: Some(&document), ..webhook };
        let authentic = webhook.prove(&SES, &secrets(TOPIC), now()).unwrap();
        SES.events(&authentic).unwrap().iter().map(fixture::said).collect::<Vec<_>>()
    };
    // The second topic is the one that the tests' fixtures are of; the stand-in knows the first.
    let letter =
        Inbound { channel: Channel::Email, from: "ada@example.com", to: "team@mg.example.com", text: "STOP" };
    let url = format!("{BASE}/hooks/ses");
    assert_eq!(
        says(&sandbox.inbound(&letter, &url, &secrets(TOPIC), 1, now())),
        ["message email ada@example.com STOP | STOP"]
    );
    for (code, said) in [
        ("Permanent/NoEmail", "failure email ada@example.com Permanent/NoEmail"),
        ("complaint", "complaint email ada@example.com"),
        ("unsubscribe", "unsubscribe email ada@example.com"),
    ] {
        let call = sandbox.failure(&bulk.delivered[0], code, &url, &secrets(TOPIC), 2, now());
        assert_eq!(says(&call), [said]);
    }
}
