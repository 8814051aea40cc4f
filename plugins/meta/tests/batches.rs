//! Batches with some of their parts refused, and what answers teach.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Channel, Refusal, RefusalCause, Refused, Request, Sending, apply_edits,
    fixture::{self, Fixture},
    laws,
};
use dndgate_meta::{MESSENGER, Meta, WHATSAPP};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::path::Path;

fn named(of: &str, name: &str) -> Fixture {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(of).join("requests");
    Fixture::named(folder, name)
}

fn blocked(channel: Channel) -> Refusal<'static> {
    Refusal {
        cause: RefusalCause::Blocked,
        message: "the recipient does not want to be contacted (keyword)",
        address: Some("x"),
        channel: Some(channel),
        reason: Some("keyword"),
        code: None,
        request_id: "0199-req",
    }
}

fn refused(index: usize, channel: Channel) -> Refused<'static> {
    Refused { index, refusal: blocked(channel) }
}

fn answer<'a>(headers: &'a HeaderMap, body: &'a str) -> Answer<'a> {
    Answer { status: StatusCode::OK, headers, body: body.as_bytes() }
}

/// The request without these recipients: its query and its body.
fn trimmed(adapter: &Meta, request: &Request<'_>, sending: &Sending<'_>, drop: &[usize]) -> (String, String) {
    let edits = adapter.trim(request, sending, drop).unwrap();
    let query = adapter.trim_query(request, sending, drop);
    let body = String::from_utf8(apply_edits(request.body, &edits)).unwrap();
    (query.unwrap_or_else(|| request.head.query.unwrap_or_default().to_owned()), body)
}

#[test]
fn r11_each_part_of_a_batch_has_its_answer() {
    for name in ["batch-form", "batch-json", "batch-json-text", "batch-query", "batch-multipart"] {
        let fixture = named("messenger", name);
        let request = fixture.request(MESSENGER.profile());
        let theirs = r#"[ {"code":200, "body":"{\"recipient_id\":\"1\"}"} ]"#;
        laws::fullness(&MESSENGER, &request, &[0], theirs.as_bytes(), &[0]);
        laws::fullness(&MESSENGER, &request, &[1], theirs.as_bytes(), &[1]);
    }
}

#[test]
fn a_refused_part_reads_as_graph_would_answer_it() {
    let fixture = named("messenger", "batch-json");
    let request = fixture.request(MESSENGER.profile());
    let sending = laws::sending(&MESSENGER, &request).unwrap();
    let headers = HeaderMap::new();
    let theirs = answer(&headers, r#"[null]"#);
    let stitched = MESSENGER.stitch(&request, &sending, &[refused(1, Channel::Fb)], &theirs).unwrap();
    let stitched: Value = serde_json::from_slice(&stitched).unwrap();
    assert_eq!(stitched[0], Value::Null);
    assert_eq!(stitched[1]["code"], 400);
    assert_eq!(stitched[1]["headers"][0]["name"], "Content-Type");
    let body: Value = serde_json::from_str(stitched[1]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["error"]["code"], &body["error"]["error_subcode"]), (&json!(551), &json!(1_545_041)));
    // Header fields as asked.
    let fixture = named("messenger", "batch-form");
    let request = fixture.request(MESSENGER.profile());
    let stitched = MESSENGER.stitch(&request, &sending, &[refused(0, Channel::Fb)], &theirs).unwrap();
    let stitched: Value = serde_json::from_slice(&stitched).unwrap();
    assert_eq!(stitched[0].get("headers"), None);
    // An answer that is no list of the right length goes on as it is.
    for other in [r#"{"error":{"code":190}}"#, "[]", "[null,null]", "x"] {
        let theirs = answer(&headers, other);
        assert_eq!(
            MESSENGER.stitch(&request, &sending, &[refused(0, Channel::Fb)], &theirs),
            None,
            "{other}"
        );
    }
}

#[test]
fn where_nobody_is_left_each_part_is_refused_in_its_place() {
    let fixture = named("messenger", "batch-with-whatsapp");
    let request = fixture.request(MESSENGER.profile());
    let sending = laws::sending(&MESSENGER, &request).unwrap();
    let all = [refused(0, Channel::WhatsApp), refused(1, Channel::Fb)];
    let reply = MESSENGER.refuse_each(&request, &sending, &all).unwrap();
    assert_eq!(reply.status, 200);
    let body: Vec<Value> = serde_json::from_slice(&reply.body).unwrap();
    let codes: Vec<u64> = body
        .iter()
        .map(|part| {
            let error: Value = serde_json::from_str(part["body"].as_str().unwrap()).unwrap();
            error["error"]["code"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(codes, [131_050, 551], "each as its product says it");
    // A send by itself is refused as a whole.
    let fixture = named("messenger", "text");
    let request = fixture.request(MESSENGER.profile());
    let sending = laws::sending(&MESSENGER, &request).unwrap();
    assert_eq!(MESSENGER.refuse_each(&request, &sending, &[refused(0, Channel::Fb)]), None);
}

#[test]
fn the_bytes_of_other_parts_stay() {
    for (name, drop) in [("batch-json", [0]), ("batch-json", [1]), ("batch-anywhere", [0])] {
        let (of, adapter) =
            if name == "batch-anywhere" { ("whatsapp", &WHATSAPP) } else { ("messenger", &MESSENGER) };
        let fixture = named(of, name);
        let request = fixture.request(adapter.profile());
        let sending = laws::sending(adapter, &request).unwrap();
        let before: Value = serde_json::from_slice(request.body).unwrap();
        let (_, after) = trimmed(adapter, &request, &sending, &drop);
        let after: Value = serde_json::from_str(&after).unwrap();
        let mut expected = before.clone();
        expected["batch"].as_array_mut().unwrap().remove(drop[0]);
        assert_eq!(after, expected, "{name} without {drop:?}");
    }
    let fixture = named("messenger", "batch-query-and-body");
    let request = fixture.request(MESSENGER.profile());
    let sending = laws::sending(&MESSENGER, &request).unwrap();
    let (query, body) = trimmed(&MESSENGER, &request, &sending, &[0]);
    for text in [query, body] {
        assert!(text.contains("1111222233334444") && !text.contains("6543210987654321"), "{text}");
    }
}

#[test]
fn who_uses_an_answer_goes_with_it() {
    let fixture = named("messenger", "batch-depends");
    let request = fixture.request(MESSENGER.profile());
    let sending = laws::sending(&MESSENGER, &request).unwrap();
    assert!(sending.rest, "a read is left");
    assert_eq!(sending.with_followers(vec![0]), [0, 1]);
    assert_eq!(sending.with_followers(vec![1]), [1]);
    let (_, body) = trimmed(&MESSENGER, &request, &sending, &[0, 1]);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["batch"], json!([{ "method": "GET", "relative_url": "me" }]));
    let headers = HeaderMap::new();
    let hangs = Refusal { cause: RefusalCause::Unreadable, channel: None, ..blocked(Channel::Fb) };
    let all = [refused(0, Channel::Fb), Refused { index: 1, refusal: hangs }];
    let theirs = answer(&headers, r#"[{"code":200,"body":"{\"id\":\"me\"}"}]"#);
    let stitched = MESSENGER.stitch(&request, &sending, &all, &theirs).unwrap();
    let stitched: Vec<Value> = serde_json::from_slice(&stitched).unwrap();
    let codes: Vec<&Value> = stitched.iter().map(|part| &part["code"]).collect();
    assert_eq!(codes, [&json!(400), &json!(400), &json!(400), &json!(200)]);
}

#[test]
fn a_part_may_hold_everything_in_its_url() {
    let reached = |method: &str, url: &str| {
        let body = json!({ "batch": [{ "method": method, "relative_url": url }] }).to_string();
        let text = format!("POST /\ncontent-type: application/json\n\n{body}");
        let fixture = Fixture::parse("url", text.as_bytes());
        let sending = laws::sending(&MESSENGER, &fixture.request(MESSENGER.profile()));
        sending.map(|one| fixture::reached(&one)).unwrap_or_default()
    };
    let recipient = "recipient=%7B%22id%22%3A%226543210987654321%22%7D&message=%7B%22text%22%3A%22x%22%7D";
    let url = format!("v20.0/me/messages?{recipient}");
    assert_eq!(reached("POST", &url), ["fb 6543210987654321"]);
    assert_eq!(reached("GET", &format!("{url}&method=post")), ["fb 6543210987654321"]);
    assert_eq!(reached("GET", &url), ["unreadable"], "a read that would be a message");
    assert!(reached("POST", &format!("{url}&method=get")).is_empty());
    assert!(reached("GET", "me/messages?fields=to,from,message").is_empty());
}

#[test]
fn one_spelling_only_graph_reads_is_not_trimmed() {
    let loose = "POST /\ncontent-type: application/x-www-form-urlencoded\n\nbatch=\
                 [{'method':'POST',relative_url:'me/messages',body:'recipient[id]=1'},\
                 {'method':'POST',relative_url:'me/messages',body:'recipient[id]=2'}]";
    let fixture = Fixture::parse("loose", loose.replace("[id]=", "%5Bid%5D%3D").as_bytes());
    let request = fixture.request(MESSENGER.profile());
    let sending = laws::sending(&MESSENGER, &request).unwrap();
    assert_eq!(fixture::reached(&sending), ["fb 1", "fb 2"]);
    assert!(MESSENGER.trim(&request, &sending, &[0]).is_err());
}

#[test]
fn r19_answers_teach_of_the_person_they_concern() {
    let learned = |adapter: &Meta, of: &str, name: &str, dropped: &[usize], body: &str| {
        let fixture = named(of, name);
        let request = fixture.request(adapter.profile());
        let sending = laws::sending(adapter, &request).unwrap();
        let headers = HeaderMap::new();
        let learned = adapter.learn(&request, &sending, dropped, &answer(&headers, body));
        learned.events.iter().map(fixture::said).collect::<Vec<_>>()
    };
    let gone = r#"{"error":{"message":"(#551) x","code":551,"error_subcode":1545041,"fbtrace_id":"A"}}"#;
    assert_eq!(
        learned(&MESSENGER, "messenger", "text", &[], gone),
        ["failure fb 6543210987654321 551/1545041"]
    );
    let stopped = r#"{"error":{"message":"(#131050) x","code":131050,"fbtrace_id":"A"}}"#;
    assert_eq!(
        learned(&WHATSAPP, "whatsapp", "text", &[], stopped),
        ["failure whatsapp +14155550100 131050"]
    );
    assert_eq!(learned(&WHATSAPP, "whatsapp", "call", &[], stopped), ["failure whatsapp 14155550100 131050"]);
    assert!(
        learned(&WHATSAPP, "whatsapp", "text-to-and-recipient", &[], stopped).is_empty(),
        "whose it is is not said"
    );
    let both = json!([{ "code": 200, "body": "{}" }, { "code": 400, "body": gone }]).to_string();
    assert_eq!(
        learned(&MESSENGER, "messenger", "batch-json", &[], &both),
        ["failure fb 1111222233334444 551/1545041"]
    );
    let other = json!([{ "code": 400, "body": gone }]).to_string();
    assert_eq!(
        learned(&MESSENGER, "messenger", "batch-json", &[0], &other),
        ["failure fb 1111222233334444 551/1545041"]
    );
    // Whose a handle is.
    let sent = r#"{"recipient_id":"6543210987654321","message_id":"m"}"#;
    assert_eq!(
        learned(&MESSENGER, "messenger", "by-token", &[], sent),
        ["same token:7158101285034107 6543210987654321"]
    );
    assert!(learned(&MESSENGER, "messenger", "by-token", &[], r#"{"message_id":"m"}"#).is_empty());
    assert!(learned(&MESSENGER, "messenger", "text", &[], sent).is_empty());
    assert!(learned(&MESSENGER, "messenger", "text", &[], "not JSON").is_empty());
}

#[test]
fn r12_a_refusal_is_what_the_product_says() {
    let said = |adapter: &Meta, of: &str, name: &str, refusal: &Refusal<'_>| {
        let fixture = named(of, name);
        let reply = adapter.refuse(&fixture.request(adapter.profile()).head, refusal);
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        (reply.status.as_u16(), body["error"].clone())
    };
    let (status, error) = said(&WHATSAPP, "whatsapp", "text", &blocked(Channel::WhatsApp));
    assert_eq!((status, &error["code"], &error["is_transient"]), (400, &json!(131_050), &json!(false)));
    assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
    assert_eq!(error["error_data"]["details"], "Blocked by do-not-disturb: WhatsApp, reason keyword");
    assert_eq!(error["fbtrace_id"].as_str().unwrap().len(), 22);
    for channel in [Channel::WhatsApp, Channel::Call] {
        assert_eq!(said(&WHATSAPP, "whatsapp", "call", &blocked(channel)).1["code"], 138_006);
    }
    let (status, error) = said(&MESSENGER, "messenger", "text", &blocked(Channel::Fb));
    assert_eq!((status, &error["code"], &error["error_subcode"]), (400, &json!(551), &json!(1_545_041)));
    assert!(
        error["message"].as_str().unwrap().ends_with("Blocked by do-not-disturb: FB, reason keyword"),
        "{error}"
    );
    assert_eq!(said(&MESSENGER, "messenger", "call", &blocked(Channel::Call)).1["code"], 551);
    // Through the other's address it is still its own.
    assert_eq!(
        said(&MESSENGER, "messenger", "text-of-whatsapp", &blocked(Channel::WhatsApp)).1["code"],
        131_050
    );
    let unreadable = Refusal { cause: RefusalCause::Unreadable, channel: None, ..blocked(Channel::Fb) };
    assert_eq!(said(&WHATSAPP, "whatsapp", "unreadable-list", &unreadable).1["code"], 131_009);
    assert_eq!(said(&MESSENGER, "messenger", "unreadable-list", &unreadable).1["code"], 100);
    let away = Refusal { cause: RefusalCause::Unavailable, channel: None, ..blocked(Channel::Fb) };
    let (status, error) = said(&MESSENGER, "messenger", "text", &away);
    assert_eq!((status, &error["is_transient"]), (503, &json!(true)));
}

#[test]
fn the_account_of_a_send_stands_in_its_path() {
    let account = |adapter: &Meta, target: &str| {
        let fixture = Fixture::parse("x", format!("POST {target}\n\n").as_bytes());
        adapter.account(&fixture.request(adapter.profile()).head).map(std::borrow::Cow::into_owned)
    };
    assert_eq!(
        account(&WHATSAPP, "/v23.0/106540352242922/messages").as_deref(),
        Some("phone:106540352242922")
    );
    assert_eq!(account(&MESSENGER, "/1234567890/calls").as_deref(), Some("page:1234567890"));
    assert_eq!(account(&MESSENGER, "/me/messages"), None);
    assert_eq!(account(&WHATSAPP, "/v23.0/102290129340398/message_templates"), None);
    let fixture = named("whatsapp", "batch");
    let sending = laws::sending(&WHATSAPP, &fixture.request(WHATSAPP.profile())).unwrap().accounts;
    assert_eq!(sending, ["phone:106540352242922", "phone:106540352242922"]);
}
