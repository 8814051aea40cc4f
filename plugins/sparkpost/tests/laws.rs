//! Every fixture reads as its notes say and obeys the laws.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, CannotAdd, Channel, Refusal, RefusalCause, Refused, Scheduled, Secrets, Sending,
    Severity, Webhook, apply_edits, fixture,
    fixture::Fixture,
    laws,
    sandbox::{Delivered, Inbound},
    suppressions::{Presence, Validity},
};
use dndgate_sparkpost::SPARKPOST;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> String {
    format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn secrets(secret: &str) -> Secrets {
    Secrets::new(vec![("webhook_secret", vec![secret.into()]), ("api_key", vec!["KEY".into()])])
}

fn now() -> jiff::Timestamp {
    "2026-11-23T13:00:10Z".parse().unwrap()
}

fn named(name: &str) -> Fixture {
    Fixture::named(folder("requests"), name)
}

fn post(body: &Value) -> Fixture {
    let text = format!("POST /api/v1/transmissions\ncontent-type: application/json\n\n{body}");
    Fixture::parse("made", text.as_bytes())
}

fn people(fixture: &Fixture) -> Vec<String> {
    fixture::reached(&laws::sending(&SPARKPOST, &fixture.request(SPARKPOST.profile())).unwrap())
}

fn trimmed(fixture: &Fixture, drop: &[usize]) -> Result<Value, String> {
    let request = fixture.request(SPARKPOST.profile());
    let sending = laws::sending(&SPARKPOST, &request).unwrap();
    let edits = SPARKPOST.trim(&request, &sending, drop).map_err(|why| why.to_string())?;
    Ok(serde_json::from_slice(&apply_edits(request.body, &edits)).unwrap())
}

fn addresses(body: &Value) -> Vec<&str> {
    let each = body["recipients"].as_array().unwrap().iter();
    each.map(|one| one["address"]["email"].as_str().or(one["address"].as_str()).unwrap()).collect()
}

fn refused<'a>(sending: &'a Sending<'_>, drop: &[usize]) -> Vec<Refused<'a>> {
    let each = drop.iter().map(|index| Refused {
        index: *index,
        refusal: refusal(RefusalCause::Blocked, &sending.recipients[*index].address),
    });
    each.collect()
}

fn refusal(cause: RefusalCause, address: &str) -> Refusal<'_> {
    Refusal {
        cause,
        message: "the recipient does not want to be contacted",
        address: Some(address),
        channel: Some(Channel::Email),
        reason: Some("complaint"),
        code: None,
        request_id: "0199",
    }
}

#[test]
fn requests() {
    fixture::requests_obey(&SPARKPOST, folder("requests"));
}

#[test]
fn webhooks() {
    let (right, wrong) = (secrets("s3cret"), secrets("s3cre"));
    fixture::webhooks_obey(&SPARKPOST, folder("webhooks"), BASE, (&right, &wrong), now(), false);
}

#[test]
fn everything_else_keeps_its_bytes() {
    let fixture = named("python.http");
    let request = fixture.request(SPARKPOST.profile());
    let sending = laws::sending(&SPARKPOST, &request).unwrap();
    let edits = SPARKPOST.trim(&request, &sending, &[1]).unwrap();
    let before = String::from_utf8(fixture.body.clone()).unwrap();
    let after = String::from_utf8(apply_edits(request.body, &edits)).unwrap();
    assert_eq!(after, before.replace(r#", {"address": {"email": "bob@example.com", "name": "Bob"}}"#, ""));
}

#[test]
fn r11_who_goes_is_not_shown_to_who_stays() {
    let anymail = named("anymail.http");
    let left = trimmed(&anymail, &[1, 2]).unwrap();
    assert_eq!(addresses(&left), ["ann@example.com", "dan@example.com"]);
    for one in left["recipients"].as_array().unwrap() {
        assert_eq!(one["address"]["header_to"], "Ann Ö <ann@example.com>");
    }
    assert_eq!(left["content"]["headers"], json!({ "X-A": "1" }));
    assert!(!left.to_string().contains("bob@") && !left.to_string().contains("cid@"));
    let merged = trimmed(&named("anymail-merge.http"), &[0, 2]).unwrap();
    assert_eq!(addresses(&merged), ["bob@example.com", "cid@example.com"]);
    assert_eq!(merged["content"]["headers"]["Cc"], "cid@example.com");
}

#[test]
fn r11_the_first_of_the_copied_becomes_the_addressee() {
    let left = trimmed(&named("anymail.http"), &[0, 1]).unwrap();
    assert_eq!(addresses(&left), ["cid@example.com", "dan@example.com"]);
    for one in left["recipients"].as_array().unwrap() {
        assert_eq!(one["address"]["header_to"], "cid@example.com");
    }
    assert_eq!(left["content"]["headers"], json!({ "X-A": "1" }), "shown once");
    assert!(trimmed(&named("anymail.http"), &[0, 1, 2]).unwrap_err().contains("hidden"));
    assert!(trimmed(&named("outside-copies.http"), &[0, 1]).unwrap_err().contains("hidden"));
}

#[test]
fn somebody_hidden_goes_with_the_one_addressee() {
    let follows = |name: &str| {
        let fixture = named(name);
        laws::sending(&SPARKPOST, &fixture.request(SPARKPOST.profile())).unwrap().follows
    };
    assert!(follows("python-copies.http").is_empty(), "somebody copied takes the place");
    assert!(follows("anymail.http").is_empty(), "another addressee is left");
    let body = json!({ "recipients": [
        { "address": { "email": "ann@x.com" } },
        { "address": { "email": "bob@x.com" } },
        { "address": { "email": "cid@x.com", "header_to": "ann@x.com" } },
    ], "content": { "text": "x" } });
    let fixture = post(&body);
    assert_eq!(people(&fixture), ["email ann@x.com", "email bob@x.com", "bcc email cid@x.com"]);
    let sending = laws::sending(&SPARKPOST, &fixture.request(SPARKPOST.profile()));
    assert_eq!(sending.unwrap().follows, [(2, 0)]);
    assert_eq!(addresses(&trimmed(&fixture, &[0, 2]).unwrap()), ["bob@x.com"]);
}

#[test]
fn sheet_multichannel_addresses_win_and_count() {
    let several = named("multichannel.http");
    let left = trimmed(&several, &[1]).unwrap();
    assert_eq!(left["recipients"][0]["multichannel_addresses"].as_array().unwrap().len(), 1);
    assert!(trimmed(&named("multichannel-both.http"), &[0]).unwrap_err().contains("multichannel_addresses"));
}

#[test]
fn a_header_that_cannot_be_read_shows_nobody_who_goes() {
    let body = |shown: &str| {
        post(&json!({ "recipients": [
            { "address": { "email": "ann@x.com", "header_to": shown } },
            { "address": { "email": "bob@x.com", "header_to": shown } },
        ], "content": { "text": "x" } }))
    };
    assert!(trimmed(&body("{{a}} <ann@x.com, bob@x.com"), &[0]).unwrap_err().contains("cannot be read"));
    assert_eq!(addresses(&trimmed(&body("everybody <<"), &[0]).unwrap()), ["bob@x.com"]);
}

#[test]
fn sheet_the_blocked_count_as_rejected() {
    let fixture = named("anymail.http");
    let request = fixture.request(SPARKPOST.profile());
    let sending = laws::sending(&SPARKPOST, &request).unwrap();
    assert!(SPARKPOST.stitches(&sending));
    let headers = HeaderMap::new();
    let stitched = |status: StatusCode, body: &str| {
        let answer = Answer { status, headers: &headers, body: body.as_bytes() };
        SPARKPOST
            .stitch(&request, &sending, &refused(&sending, &[1, 2]), &answer)
            .map(|body| String::from_utf8(body).unwrap())
    };
    let answer = r#"{"results": {"total_rejected_recipients": 1,"total_accepted_recipients":1,"id":"7"}}"#;
    assert_eq!(
        stitched(StatusCode::OK, answer).unwrap(),
        answer.replace("recipients\": 1", "recipients\": 3")
    );
    assert_eq!(stitched(StatusCode::BAD_REQUEST, answer), None);
    assert_eq!(stitched(StatusCode::OK, r#"{"results":{}}"#), None);
}

#[test]
fn r12_a_block_is_what_sparkpost_says_of_the_suppressed() {
    let fixture = named("npm.http");
    let head = fixture.request(SPARKPOST.profile()).head;
    let reply = SPARKPOST.refuse(&head, &refusal(RefusalCause::Blocked, "ann@example.com"));
    assert_eq!(reply.status, 400);
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["errors"][0]["code"], "1902");
    let why = body["errors"][0]["description"].as_str().unwrap();
    assert!(why.contains("Do-Not-Disturb: email; reason=complaint"), "{why}");
    let reply = SPARKPOST.refuse(&head, &refusal(RefusalCause::Unreadable, "ann@example.com"));
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["errors"][0]["code"], "1300");
}

fn learned(fixture: &Fixture, status: u16, body: &str) -> dndgate_adapter::Learned {
    let request = fixture.request(SPARKPOST.profile());
    let sending = laws::sending(&SPARKPOST, &request).unwrap();
    let headers = HeaderMap::new();
    let answer =
        Answer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: body.as_bytes() };
    SPARKPOST.learn(&request, &sending, &[], &answer)
}

#[test]
fn r18_an_answer_teaches_of_the_one_person_it_concerns() {
    let suppressed = r#"{"errors":[{"message":"Message generation rejected","description":"recipient address suppressed due to customer policy","code":"1902"}]}"#;
    let one = learned(&named("npm.http"), 400, suppressed);
    assert_eq!(fixture::said(&one.events[0]), "failure email ann@example.com suppressed");
    assert!(learned(&named("python.http"), 400, suppressed).events.is_empty());
    let domain = r#"{"errors":[{"message":"Unconfigured Sending Domain","code":"7001"}]}"#;
    assert!(learned(&named("npm.http"), 400, domain).events.is_empty());
}

#[test]
fn r14_what_waits_is_stopped_for_whoever_opts_out() {
    let answer = r#"{"results":{"total_rejected_recipients":0,"total_accepted_recipients":1,"id":"11668787484950529"}}"#;
    let stop = |one: &Scheduled| SPARKPOST.cancel(one, &secrets("x")).unwrap();
    let alone = learned(&named("scheduled.http"), 200, answer).scheduled;
    assert_eq!(alone.len(), 1);
    let call = stop(&alone[0]);
    assert_eq!(
        (call.method, call.path_and_query.as_str()),
        (Method::DELETE, "/api/v1/transmissions/11668787484950529")
    );

    let among = learned(&named("scheduled-several.http"), 200, answer).scheduled;
    assert_eq!(among.len(), 2, "a handle for each");
    let call = stop(&among[1]);
    assert_eq!((call.method, call.path_and_query.as_str()), (Method::PUT, "/api/v1/suppression-list"));
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(body["recipients"][0]["recipient"], "bob@example.com");
    assert_eq!(body["recipients"].as_array().unwrap().len(), 2, "for either kind of mail");
    assert!(!String::from_utf8(call.body).unwrap().contains("ann@"));

    let several = |options: Value| {
        let mut body = json!({ "recipients": [{ "address": "a@x.com" }, { "address": "b@x.com" }],
            "content": { "text": "x" }, "options": options });
        body["options"]["start_time"] = "2026-12-01T10:00:00Z".into();
        let mut fixture = post(&body);
        fixture.headers.insert("x-msys-subaccount", "12".parse().unwrap());
        fixture.target = format!("/api.eu.sparkpost.com{}", fixture.target);
        learned(&fixture, 200, answer).scheduled.remove(0)
    };
    let call = stop(&several(json!({ "skip_suppression": true })));
    assert_eq!(call.method, Method::DELETE, "the list would not be looked at");
    assert_eq!(call.host.as_deref(), Some("api.eu.sparkpost.com"));
    assert!(call.headers.iter().any(|(name, value)| name == "x-msys-subaccount" && value == "12"));
    assert_eq!(stop(&several(json!({}))).method, Method::PUT);
    assert!(SPARKPOST.cancel(&alone[0], &Secrets::default()).is_none(), "no key");
    assert!(SPARKPOST.cancel(&Scheduled::default(), &secrets("x")).is_some(), "asked before a send leaves");
    let tricky = answer.replace("11668787484950529", "../../x");
    assert!(learned(&named("scheduled.http"), 200, &tricky).scheduled.is_empty());
}

#[test]
fn header_fields_are_added_behind_the_others() {
    let links =
        [("List-Unsubscribe", "<https://gate/u/x>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")];
    let added = |content: Value| {
        let fixture = post(&json!({ "recipients": [{ "address": "ann@x.com" }], "content": content }));
        let request = fixture.request(SPARKPOST.profile());
        let sending = laws::sending(&SPARKPOST, &request).unwrap();
        let edits = SPARKPOST.add_headers(&request, &sending, &links)?;
        let body: Value = serde_json::from_slice(&apply_edits(request.body, &edits)).unwrap();
        assert_eq!(people(&post(&body)), ["email ann@x.com"], "honest");
        Ok(body["content"]["headers"].clone())
    };
    let both = json!({ "List-Unsubscribe": links[0].1, "List-Unsubscribe-Post": links[1].1 });
    for content in
        [json!({ "text": "x" }), json!({ "text": "x", "headers": {} }), json!({ "headers": null }), json!({})]
    {
        assert_eq!(added(content).unwrap(), both);
    }
    assert_eq!(added(json!({ "headers": { "X-A": "1" }, "text": "x" })).unwrap()["X-A"], "1");
    assert_eq!(added(json!({ "headers": { "list-unsubscribe": "<x>" } })).unwrap_err(), CannotAdd::Own);
    for content in [
        json!({ "template_id": "x" }),
        json!({ "ab_test_id": "x" }),
        json!({ "email_rfc822": "From: x\r\n\r\n" }),
        json!({ "headers": { "CC": "bob@x.com" } }),
        json!({ "headers": 7 }),
    ] {
        assert!(matches!(added(content.clone()), Err(CannotAdd::Unfit(_))), "{content}");
    }
}

#[test]
fn they_stand_beside_the_edits_of_trimming() {
    let body = json!({ "recipients": [
        { "address": { "email": "ann@x.com", "header_to": "ann@x.com" } },
        { "address": { "email": "bob@x.com", "header_to": "ann@x.com" } },
    ], "content": { "headers": { "X-A": "1", "CC": "bob@x.com" }, "text": "x" } });
    let fixture = post(&body);
    let request = fixture.request(SPARKPOST.profile());
    let sending = laws::sending(&SPARKPOST, &request).unwrap();
    let mut edits = SPARKPOST.trim(&request, &sending, &[1]).unwrap();
    edits.extend(SPARKPOST.add_headers(&request, &sending, &[("List-Unsubscribe", "<x>")]).unwrap());
    edits.sort_by_key(|edit| edit.range.start);
    let body: Value = serde_json::from_slice(&apply_edits(request.body, &edits)).unwrap();
    assert_eq!(body["content"]["headers"], json!({ "X-A": "1", "List-Unsubscribe": "<x>" }));
}

#[test]
fn r21_absence_is_said_in_sparkposts_own_words() {
    let lists = SPARKPOST.suppressions().unwrap();
    laws::narrowness(lists, &secrets("x"));
    let [bounces, unsubscribes, complaints, others] = lists.lists() else { panic!() };
    let call = lists.look_up(complaints, "", "a/b+c@example.com", &secrets("x")).unwrap();
    assert_eq!(call.path_and_query, "/api/v1/suppression-list/a%2Fb%2Bc%40example.com");
    let headers = HeaderMap::new();
    let answer = |status, body: &'static str| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    };
    let absent = r#"{"errors":[{"message":"Recipient could not be found"}]}"#;
    assert_eq!(lists.looked_up(complaints, &answer(404, absent)), Presence::Absent);
    let listed = r#"{"results":[{"recipient":"a@x.com","type":"non_transactional","source":"Spam Complaint","created":"2026-10-01T16:43:31+00:00"},{"recipient":"b@x.com","source":"Something New"}]}"#;
    assert!(matches!(lists.looked_up(complaints, &answer(200, listed)), Presence::Present(_)));
    assert_eq!(lists.looked_up(bounces, &answer(200, listed)), Presence::Absent);
    assert!(
        matches!(lists.looked_up(others, &answer(200, listed)), Presence::Present(_)),
        "new sources count"
    );
    for (status, body) in [
        (404, r#"{"errors":[{"message":"Resource not found"}]}"#),
        (404, ""),
        (200, r#"{"results":[]}"#),
        (200, "{}"),
        (401, "{}"),
        (503, absent),
    ] {
        let read = lists.looked_up(unsubscribes, &answer(status, body));
        assert!(matches!(read, Presence::Unknown(_)), "{status} {body}");
    }
    assert!(lists.removed(complaints, &answer(204, "")) && lists.removed(complaints, &answer(404, absent)));
    assert!(!lists.removed(complaints, &answer(403, r#"{"errors":[{"message":"Compliance"}]}"#)), "it stays");

    let paged = r#"{"results":[{"recipient":"a@x.com","source":"Spam Complaint"},{"recipient":"b@x.com","source":"Bounce Rule"}],"links":[{"href":"/api/v1/suppression-list?cursor=abc&per_page=2","rel":"next"}]}"#;
    let page = lists.page_read(complaints, "", None, &answer(200, paged)).unwrap();
    assert_eq!(page.entries.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["a@x.com"]);
    assert_eq!(page.next.as_deref(), Some("/api/v1/suppression-list?cursor=abc&per_page=2"));
    assert!(lists.page_read(complaints, "", page.next.as_deref(), &answer(200, paged)).is_err(), "a circle");
    let elsewhere =
        r#"{"results":[],"links":[{"href":"https://api.sparkpost.com/api/v1/templates?x","rel":"next"}]}"#;
    assert!(lists.page_read(complaints, "", None, &answer(200, elsewhere)).is_err());

    let valid = |body| lists.validated(&answer(200, body));
    assert_eq!(valid(r#"{"results":{"valid":true,"result":"valid"}}"#), Some(Validity::Good));
    assert!(matches!(valid(r#"{"results":{"result":"risky","reason":"x"}}"#), Some(Validity::Uncertain(_))));
    assert!(matches!(valid(r#"{"results":{"result":"undeliverable"}}"#), Some(Validity::Bad(_))));
    assert_eq!(valid("{}"), None);
}

#[test]
fn events_have_ids_accounts_and_severities() {
    let events = |name: &str, check: &dyn Fn(&[dndgate_adapter::Event<'_>])| {
        let fixture = Fixture::named(folder("webhooks"), name);
        fixture.webhook(BASE, |webhook| {
            let authentic = webhook.prove(&SPARKPOST, &secrets("s3cret"), now()).unwrap();
            check(&SPARKPOST.events(&authentic).unwrap());
        });
    };
    events("subaccount.http", &|events| {
        assert_eq!(events[0].account.as_deref(), Some("subaccount:12"));
        assert_eq!(events[0].id, "92356927693813856");
        assert_eq!(events[0].at.unwrap().to_string(), "2026-11-23T13:00:00Z");
    });
    for (name, expected) in
        [("bounce-invalid.http", Severity::Permanent), ("bounce-soft.http", Severity::Temporary)]
    {
        events(name, &|events| {
            let dndgate_adapter::EventKind::Failure { severity, .. } = &events[0].kind else { panic!() };
            assert_eq!(*severity, expected);
        });
    }
}

#[test]
fn the_sandbox_makes_what_the_adapter_believes() {
    let sandbox = SPARKPOST.sandbox().unwrap();
    let url = "https://gate.example.com/hooks/sparkpost?x=1";
    let secrets = secrets("demo-webhook-secret");
    let told = |call: dndgate_adapter::outbound::Call| {
        assert_eq!(call.path_and_query, "/hooks/sparkpost?x=1");
        let mut headers = HeaderMap::new();
        headers.extend(call.headers);
        let hook = Webhook { method: &call.method, url, headers: &headers, body: &call.body, document: None };
        let authentic = hook.prove(&SPARKPOST, &secrets, now()).unwrap();
        fixture::said(&SPARKPOST.events(&authentic).unwrap()[0])
    };
    let message =
        Inbound { channel: Channel::Email, from: "joan@example.com", to: "hello@acme.com", text: "STOP" };
    assert_eq!(
        told(sandbox.inbound(&message, url, &secrets, 3, now())),
        "message email joan@example.com STOP | STOP"
    );
    let delivered = Delivered {
        id: "7".into(),
        channel: Channel::Email,
        from: "hello@acme.com".into(),
        to: "joan@example.com".into(),
        text: "Hi".into(),
        callback: String::new(),
    };
    for (code, expected) in [
        ("10", "failure email joan@example.com 10"),
        ("suppressed", "failure email joan@example.com suppressed"),
        ("spam_complaint", "complaint email joan@example.com"),
        ("list_unsubscribe", "unsubscribe email joan@example.com"),
    ] {
        assert_eq!(told(sandbox.failure(&delivered, code, url, &secrets, 4, now())), expected);
    }
    let fixture = named("anymail.http");
    let answered = sandbox.answer(&fixture.request(SPARKPOST.profile()), 5);
    assert_eq!((answered.reply.status.as_u16(), answered.delivered.len()), (200, 4));
}
