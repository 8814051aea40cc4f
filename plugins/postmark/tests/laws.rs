//! Every fixture reads as its notes say and obeys the laws.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, CannotAdd, Head, Outbound, Refusal, RefusalCause, Refused, Secrets, Webhook,
    apply_edits, fixture,
    fixture::Fixture,
    laws,
    sandbox::{Delivered, Inbound},
    suppressions::Presence,
};
use dndgate_postmark::POSTMARK;
use http::{HeaderMap, Method, StatusCode};

const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> String {
    format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn secrets(secret: &str) -> Secrets {
    Secrets::new(vec![("webhook_secret", vec![secret.into()]), ("server_token", vec!["TOKEN".into()])])
}

fn now() -> jiff::Timestamp {
    "2026-11-23T13:00:10Z".parse().unwrap()
}

fn named(name: &str) -> Fixture {
    Fixture::named(folder("requests"), name)
}

fn post(path: &str, body: &str) -> Fixture {
    let text = format!("POST {path}\ncontent-type: application/json\n\n{body}");
    Fixture::parse("made", text.as_bytes())
}

fn refused<'a>(sending: &'a dndgate_adapter::Sending<'_>, drop: &[usize]) -> Vec<Refused<'a>> {
    drop.iter()
        .map(|index| Refused {
            index: *index,
            refusal: Refusal {
                cause: RefusalCause::Blocked,
                message: "no",
                address: Some(&sending.recipients[*index].address),
                channel: Some(dndgate_adapter::Channel::Email),
                reason: Some("keyword"),
                code: None,
                request_id: "0199",
            },
        })
        .collect()
}

fn people(fixture: &Fixture) -> Vec<String> {
    fixture::reached(&laws::sending(&POSTMARK, &fixture.request(POSTMARK.profile())).unwrap())
}

fn trimmed(fixture: &Fixture, drop: &[usize]) -> Result<String, String> {
    let request = fixture.request(POSTMARK.profile());
    let sending = laws::sending(&POSTMARK, &request).unwrap();
    let edits = POSTMARK.trim(&request, &sending, drop).map_err(|why| why.to_string())?;
    Ok(String::from_utf8(apply_edits(request.body, &edits)).unwrap())
}

fn stitched(fixture: &Fixture, drop: &[usize], answer: &str) -> Option<String> {
    let request = fixture.request(POSTMARK.profile());
    let sending = laws::sending(&POSTMARK, &request).unwrap();
    let headers = HeaderMap::new();
    let answer = Answer { status: StatusCode::OK, headers: &headers, body: answer.as_bytes() };
    let whole = POSTMARK.stitch(&request, &sending, &refused(&sending, drop), &answer)?;
    Some(String::from_utf8(whole).unwrap())
}

#[test]
fn requests() {
    fixture::requests_obey(&POSTMARK, folder("requests"));
}

#[test]
fn webhooks() {
    for good in ["s3cret", "postmark:s3cret"] {
        let wrong = secrets("s3cre");
        let of = |fixture: &Fixture| good == "s3cret" || fixture.name != "header-field.http";
        for fixture in Fixture::all(folder("webhooks")).iter().filter(|one| of(one)) {
            fixture.webhook(BASE, |webhook| {
                laws::vigilance(&POSTMARK, &webhook, &secrets(good), &wrong, now(), false);
            });
        }
    }
    fixture::webhooks_obey(
        &POSTMARK,
        folder("webhooks"),
        BASE,
        (&secrets("s3cret"), &secrets("x")),
        now(),
        false,
    );
}

#[test]
fn r11_everything_else_keeps_its_bytes() {
    let body = r#"{ "To" : "\"Smith, Ann\" <ann@x.com> (home) ;bob@x.com,, Cid <cid@x.com>","From":"t@acme.com" , "Cc":"dan@x.com", "n":1e3}"#;
    let fixture = post("/email", body);
    assert_eq!(
        trimmed(&fixture, &[1, 3]).unwrap(),
        r#"{ "To" : "\"Smith, Ann\" <ann@x.com> (home), Cid <cid@x.com>","From":"t@acme.com", "n":1e3}"#
    );
    assert_eq!(
        trimmed(&fixture, &[0, 1, 2]).unwrap(),
        r#"{ "To" : "dan@x.com","From":"t@acme.com", "n":1e3}"#,
        "the first of the copied becomes the addressee"
    );
    let hidden = post("/email", r#"{"To":"ann@x.com","Cc":"","Bcc":"bob@x.com, cid@x.com"}"#);
    assert!(trimmed(&hidden, &[0]).unwrap_err().contains("hidden"));
    assert_eq!(trimmed(&hidden, &[1]).unwrap(), r#"{"To":"ann@x.com","Cc":"","Bcc":"cid@x.com"}"#);
    let copies = post("/email", r#"{"Cc":"ann@x.com","Bcc":"bob@x.com","From":"t@acme.com"}"#);
    assert_eq!(trimmed(&copies, &[0]).unwrap(), r#"{"Bcc":"bob@x.com","From":"t@acme.com"}"#);
}

#[test]
fn r11_messages_go_as_a_whole_with_their_last_recipient() {
    let body = r#"[{"To":"ann@x.com","From":"t"}, {"To":"bob@x.com","Cc":"cid@x.com"},{"To":"dan@x.com"}]"#;
    let batch = post("/email/batch", body);
    assert_eq!(trimmed(&batch, &[0, 2]).unwrap(), r#"[{"To":"bob@x.com"},{"To":"dan@x.com"}]"#);
    let bulk = post("/email/bulk", &format!(r#"{{"From":"t","Messages":{body}}}"#));
    assert_eq!(
        trimmed(&bulk, &[1, 2, 3]).unwrap(),
        r#"{"From":"t","Messages":[{"To":"ann@x.com","From":"t"}]}"#
    );
}

#[test]
fn sheet_answers_are_positional() {
    let batch = named("batch.http");
    let request = batch.request(POSTMARK.profile());
    let (first, second) = (
        r#"{"To":"bob@example.com","MessageID":"b","ErrorCode":0,"Message":"OK"}"#,
        r#"{"MessageID":"d","ErrorCode":0,"Message":"OK"}"#,
    );
    laws::fullness(&POSTMARK, &request, &[0], format!("[{first}, {second}]").as_bytes(), &[0]);
    laws::fullness(&POSTMARK, &request, &[0, 3], format!("[{first}]").as_bytes(), &[0, 2]);
    let whole = stitched(&batch, &[0, 2], &format!("[{first}, {second}]")).unwrap();
    let whole: Vec<serde_json::Value> = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole[0]["ErrorCode"], 406);
    assert_eq!(whole[1]["ErrorCode"], 0);
    assert!(whole[1]["Message"].as_str().unwrap().contains("inactive addresses: cid@example.com. Inactive"));
    assert_eq!(whole[2]["Message"], "OK");
    assert_eq!(stitched(&batch, &[0], &format!("[{first}]")), None, "whose answer is it?");
    assert_eq!(stitched(&batch, &[0], r#"{"ErrorCode":10,"Message":"Bad token"}"#), None);
}

#[test]
fn sheet_a_trimmed_send_is_told_of_in_postmarks_own_form() {
    let message = named("npm.http");
    let told = |answer: &str| {
        let whole = stitched(&message, &[1], answer)?;
        let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
        Some(whole["Message"].as_str().unwrap().to_owned())
    };
    let ok = told(r#"{"To":"ann@example.com","ErrorCode":0,"Message":"OK"}"#).unwrap();
    assert!(
        ok.starts_with(
            "Message OK, but will not deliver to these inactive addresses: bob@example.com. Inactive"
        ),
        "{ok}"
    );
    let more = told(
        r#"{"ErrorCode":0,"Message":"Message OK, but will not deliver to these inactive addresses: cid@example.com. Inactive recipients are ones"}"#,
    );
    assert!(more.unwrap().contains("addresses: bob@example.com, cid@example.com. Inactive"));
    let late = told(r#"{"ErrorCode":0,"Message":"Message accepted, but delivery may be delayed."}"#).unwrap();
    assert!(late.contains("delivery may be delayed, but will not deliver to these inactive addresses: bob@"));
    assert_eq!(told(r#"{"ErrorCode":300,"Message":"Invalid 'From' address"}"#), None);
}

#[test]
fn sheet_who_is_refused_is_named_to_the_last() {
    let each = |name: &str, drop: &[usize]| {
        let fixture = named(name);
        let request = fixture.request(POSTMARK.profile());
        let sending = laws::sending(&POSTMARK, &request).unwrap();
        let reply = POSTMARK.refuse_each(&request, &sending, &refused(&sending, drop)).unwrap();
        (reply.status, serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap())
    };
    let (status, one) = each("npm.http", &[0, 1, 2]);
    assert_eq!((status.as_u16(), &one["ErrorCode"]), (422, &406.into()));
    let message = one["Message"].as_str().unwrap();
    assert!(message.contains("ann@example.com, bob@example.com, cid@example.com. Inactive"), "{message}");
    let (status, all) = each("batch.http", &[0, 1, 2, 3]);
    assert_eq!(status, 200, "Postmark answers a batch part by part");
    let codes: Vec<_> =
        all.as_array().unwrap().iter().map(|one| one["ErrorCode"].as_u64().unwrap()).collect();
    assert_eq!(codes, [406, 406, 406]);
    assert_eq!(each("bulk.http", &[0, 1, 2, 3]).0, 422, "a bulk has one answer");
}

#[test]
fn one_message_of_a_batch_that_cannot_be_read_is_refused_alone() {
    let fixture = named("batch-one-unreadable.http");
    let request = fixture.request(POSTMARK.profile());
    let sending = laws::sending(&POSTMARK, &request).unwrap();
    assert!(matches!(sending.recipients[0].known, dndgate_adapter::Known::Unreadable(_)));
    assert_eq!(trimmed(&fixture, &[0]).unwrap().matches("\"To\"").count(), 1);
    let mut out = refused(&sending, &[0]);
    out[0].refusal.cause = RefusalCause::Unreadable;
    let headers = HeaderMap::new();
    let answer =
        Answer { status: StatusCode::OK, headers: &headers, body: br#"[{"ErrorCode":0,"Message":"OK"}]"# };
    let whole = POSTMARK.stitch(&request, &sending, &out, &answer).unwrap();
    let whole: Vec<serde_json::Value> = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole[0]["ErrorCode"], 300);
    assert_eq!(whole[1]["ErrorCode"], 0);
}

#[test]
fn r18_an_answer_teaches_who_is_inactive() {
    let fixture = named("npm.http");
    let request = fixture.request(POSTMARK.profile());
    let sending = laws::sending(&POSTMARK, &request).unwrap();
    let headers = HeaderMap::new();
    let learned = |dropped: &[usize], body: &str| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let answer = Answer { status, headers: &headers, body: body.as_bytes() };
        let learned = POSTMARK.learn(&request, &sending, dropped, &answer);
        learned.events.iter().map(fixture::said).collect::<Vec<_>>()
    };
    let inactive = r#"{"ErrorCode":406,"Message":"You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: ann@example.com, bob@example.com. Inactive recipients are ones that"}"#;
    assert_eq!(
        learned(&[], inactive),
        ["failure email ann@example.com 406", "failure email bob@example.com 406"]
    );
    assert_eq!(learned(&[1], inactive), ["failure email ann@example.com 406"]);
    assert!(
        learned(&[], r#"{"ErrorCode":300,"Message":"Found inactive addresses: ann@example.com"}"#).is_empty()
    );
}

#[test]
fn header_fields_are_added_behind_the_others() {
    let links =
        [("List-Unsubscribe", "<https://gate/u/x>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")];
    let added = |path: &str, body: &str| {
        let fixture = post(path, body);
        let request = fixture.request(POSTMARK.profile());
        let sending = laws::sending(&POSTMARK, &request).unwrap();
        let edits = POSTMARK.add_headers(&request, &sending, &links)?;
        let body = apply_edits(request.body, &edits);
        let again = post(path, std::str::from_utf8(&body).unwrap());
        assert_eq!(people(&again), people(&fixture), "honest");
        Ok(serde_json::from_slice::<serde_json::Value>(&body).unwrap())
    };
    let names = |mail: &serde_json::Value| {
        let list = mail["Headers"].as_array().unwrap().iter();
        list.map(|one| one["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let both = ["List-Unsubscribe", "List-Unsubscribe-Post"];
    for body in [
        r#"{"To":"a@x.com"}"#,
        r#"{"To":"a@x.com","Headers":[]}"#,
        r#"{"To":"a@x.com","Headers":null,"MessageStream":"outbound"}"#,
    ] {
        assert_eq!(names(&added("/email", body).unwrap()), both, "{body}");
    }
    let third = added("/email/withTemplate", r#"{"Headers":[{"Name":"X-A","Value":"1"} ],"To":"a@x.com"}"#);
    assert_eq!(names(&third.unwrap()), ["X-A", both[0], both[1]]);
    assert_eq!(names(&added("/email/batch", r#"[{"To":"a@x.com"}]"#).unwrap()[0]), both);
    let own = added("/email", r#"{"To":"a@x.com","Headers":[{"name":"list-unsubscribe","value":"<x>"}]}"#);
    assert_eq!(own.unwrap_err(), CannotAdd::Own);
    for (path, body) in [
        ("/email", r#"{"To":"a@x.com","MessageStream":"broadcast"}"#),
        ("/email/batch", r#"[{"To":"a@x.com"},{"To":"b@x.com"}]"#),
        ("/email/bulk", r#"{"Messages":[{"To":"a@x.com"}]}"#),
    ] {
        assert!(matches!(added(path, body), Err(CannotAdd::Unfit(_))), "{body}");
    }
}

#[test]
fn r21_absence_is_an_empty_dump_only() {
    let lists = POSTMARK.suppressions().unwrap();
    laws::narrowness(lists, &secrets("x"));
    let list = &lists.lists()[2];
    let call = lists.look_up(list, "outbound", "a/b+c@example.com", &secrets("x")).unwrap();
    assert_eq!(
        call.path_and_query,
        "/message-streams/outbound/suppressions/dump?EmailAddress=a%2Fb%2Bc%40example.com&SuppressionReason=SpamComplaint"
    );
    let headers = HeaderMap::new();
    let answer = |status, body: &'static str| Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    };
    let read = |status, body| lists.looked_up(list, &answer(status, body));
    assert_eq!(read(200, r#"{"Suppressions":[]}"#), Presence::Absent);
    let entry = r#"{"Suppressions":[{"EmailAddress":"a@x.com","SuppressionReason":"SpamComplaint","Origin":"Recipient","CreatedAt":"2026-12-10T08:58:33-05:00"}]}"#;
    assert!(matches!(read(200, entry), Presence::Present(_)));
    for (status, body) in
        [(200, "{}"), (200, "[]"), (401, "{}"), (404, r#"{"Suppressions":[]}"#), (503, ""), (200, "")]
    {
        assert!(matches!(read(status, body), Presence::Unknown(_)), "{status} {body}");
    }
    let page = lists.page_read(list, "outbound", None, &answer(200, entry)).unwrap();
    assert_eq!((page.entries[0].address.as_str(), page.next), ("a@x.com", None));
    assert!(page.entries[0].at.is_some());
    let streams = r#"{"MessageStreams":[{"ID":"outbound","MessageStreamType":"Transactional"},{"ID":"inbound","MessageStreamType":"Inbound"},{"ID":"news","MessageStreamType":"Broadcasts"}]}"#;
    assert_eq!(lists.accounts_read(&answer(200, streams)).unwrap(), ["outbound", "news"]);
    assert!(lists.accounts_read(&answer(200, r#"{"MessageStreams":[{"ID":"../x"}]}"#)).is_err());
    let gone = r#"{"Suppressions":[{"EmailAddress":"a@x.com","Status":"Deleted","Message":null}]}"#;
    assert!(lists.removed(list, &answer(200, gone)));
    let kept =
        r#"{"Suppressions":[{"EmailAddress":"a@x.com","Status":"Failed","Message":"not yours to delete"}]}"#;
    assert!(!lists.removed(list, &answer(200, kept)), "a complaint stays at Postmark");
}

#[test]
fn the_sandbox_makes_what_the_adapter_believes() {
    let sandbox = POSTMARK.sandbox().unwrap();
    let url = "https://gate.example.com/hooks/postmark?x=1";
    for secret in ["demo-webhook-secret", "user:password"] {
        let secrets = secrets(secret);
        let told = |call: dndgate_adapter::outbound::Call| {
            assert_eq!(call.path_and_query, "/hooks/postmark?x=1");
            let mut headers = HeaderMap::new();
            headers.extend(call.headers);
            let hook =
                Webhook { method: &call.method, url, headers: &headers, body: &call.body, document: None };
            let authentic = hook.prove(&POSTMARK, &secrets, now()).unwrap();
            fixture::said(&POSTMARK.events(&authentic).unwrap()[0])
        };
        let message = Inbound {
            channel: dndgate_adapter::Channel::Email,
            from: "joan@example.com",
            to: "hello@acme.com",
            text: "STOP",
        };
        assert_eq!(
            told(sandbox.inbound(&message, url, &secrets, 3, now())),
            "message email joan@example.com STOP | STOP"
        );
        let delivered = Delivered {
            id: "7".into(),
            channel: dndgate_adapter::Channel::Email,
            from: "hello@acme.com".into(),
            to: "joan@example.com".into(),
            text: "Hi".into(),
            callback: String::new(),
        };
        for (code, expected) in [
            ("HardBounce", "failure email joan@example.com HardBounce"),
            ("SpamComplaint", "complaint email joan@example.com"),
            ("ManualSuppression", "unsubscribe email joan@example.com"),
        ] {
            assert_eq!(told(sandbox.failure(&delivered, code, url, &secrets, 4, now())), expected);
        }
    }
    for fixture in Fixture::all(folder("requests")) {
        let request = fixture.request(POSTMARK.profile());
        let answered = sandbox.answer(&request, 5);
        if let Ok(Outbound::Send(sending)) = POSTMARK.read(&request)
            && sending.kind == "message"
            && request.head.method == Method::POST
        {
            let reached = sending.recipients.iter().filter(|one| !one.address.is_empty()).count();
            let from = String::from_utf8_lossy(request.body).to_lowercase().contains("\"from\"");
            assert_eq!(answered.delivered.len(), if from { reached } else { 0 }, "{}", fixture.name);
        }
    }
}

#[test]
fn a_read_is_passed_whatever_its_path() {
    let headers = HeaderMap::new();
    let head =
        Head { method: &Method::GET, host: None, path: "/Messages//x", query: None, headers: &headers };
    assert_eq!(POSTMARK.look(&head), Ok(dndgate_adapter::Look::Nobody));
}
