//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Channel, Outbound, Refusal, RefusalCause, Refused, Request, Secrets, Webhook,
    apply_edits,
    fixture::{self, Fixture},
    laws, sign,
};
use dndgate_google::{GMB, RBM};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const BASE: &str = "https://gate.example.com";
const TOKEN: &str = "SJENCPGJESMGUFPY";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

fn secrets(key: &'static str, value: &str) -> Secrets {
    Secrets::new(vec![(key, vec!["an-older-one".into(), value.into()])])
}

fn refusal(message: &str) -> Refusal<'_> {
    Refusal {
        cause: RefusalCause::Blocked,
        message,
        address: Some("+14155550100"),
        channel: Some(Channel::Sms),
        reason: Some("keyword"),
        code: None,
        request_id: "0199",
    }
}

#[test]
fn requests() {
    fixture::requests_obey(&GMB, folder("gmb/requests"));
    fixture::requests_obey(&RBM, folder("rbm/requests"));
}

#[test]
fn webhooks() {
    let now = jiff::Timestamp::UNIX_EPOCH;
    let (ours, wrong) = (secrets("partner_key", TOKEN), secrets("partner_key", "another"));
    fixture::webhooks_obey(&GMB, folder("gmb/webhooks"), BASE, (&ours, &wrong), now, true);
    let (ours, wrong) = (secrets("client_token", TOKEN), secrets("client_token", "another"));
    // Google signs the data inside, not the envelope.
    fixture::webhooks_obey(&RBM, folder("rbm/webhooks"), BASE, (&ours, &wrong), now, false);
}

#[test]
fn only_what_is_signed_of_an_envelope_counts() {
    let stop = named("rbm/webhooks", "stop.http");
    let ours = secrets("client_token", TOKEN);
    stop.webhook(BASE, |webhook: Webhook<'_>| {
        let believed = |headers: &HeaderMap, body: &[u8]| {
            let webhook = Webhook { headers, body, ..webhook };
            webhook.prove(&RBM, &ours, jiff::Timestamp::UNIX_EPOCH).is_ok()
        };
        assert!(believed(webhook.headers, webhook.body));
        let text = String::from_utf8(webhook.body.to_vec()).unwrap();
        let data = text.split("\"data\":\"").nth(1).unwrap().split('"').next().unwrap();
        for index in 0..data.len() {
            let mut forged = webhook.body.to_vec();
            forged[text.find(data).unwrap() + index] ^= 0x01;
            assert!(!believed(webhook.headers, &forged), "byte {index} of the data");
        }
        let twice = text.replace("\"data\":", "\"data\":\"e30=\",\"data\":");
        assert!(!believed(webhook.headers, twice.as_bytes()), "two readers would see two events");
        let mut whole = webhook.headers.clone();
        let over_envelope = sign::to_base64(&sign::hmac_sha512(TOKEN.as_bytes(), webhook.body));
        whole.insert("x-goog-signature", HeaderValue::try_from(over_envelope).unwrap());
        assert!(!believed(&whole, webhook.body), "the envelope's signature proves nothing");
        let mut both = webhook.headers.clone();
        both.append("x-goog-signature", webhook.headers["x-goog-signature"].clone());
        assert!(!believed(&both, webhook.body));
    });
}

#[test]
fn the_handshake_gives_back_nothing_but_the_challenge() {
    let ours = secrets("client_token", TOKEN);
    let answer = |method: &Method, body: &str| {
        let headers = HeaderMap::new();
        let url = "https://gate.example.com/hooks/rbm";
        let webhook = Webhook { method, url, headers: &headers, body: body.as_bytes(), document: None };
        RBM.handshake(&webhook, &ours).map(|reply| String::from_utf8(reply.body).unwrap())
    };
    let good = r#"{"clientToken":"SJENCPGJESMGUFPY","secret":"1234567890"}"#;
    assert_eq!(answer(&Method::POST, good).as_deref(), Some("1234567890"));
    for body in [
        r#"{"clientToken":"SJENCPGJESMGUFPX","secret":"1234567890"}"#,
        r#"{"clientToken":"","secret":"1234567890"}"#,
        r#"{"clientToken":"SJENCPGJESMGUFPY"}"#,
        r#"{"clientToken":"x","clientToken":"SJENCPGJESMGUFPY","secret":"1"}"#,
        r#"{"clientToken":"SJENCPGJESMGUFPY","secret":"<script> alert(1)"}"#,
        "",
    ] {
        assert_eq!(answer(&Method::POST, body), None, "{body}");
    }
    assert_eq!(answer(&Method::GET, good), None);
}

#[test]
fn r12_a_block_is_403_and_never_what_makes_senders_fall_back() {
    let request = named("rbm/requests", "message.http");
    let reply = RBM.refuse(&request.request(RBM.profile()).head, &refusal("why"));
    assert_eq!(reply.status, 403);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["error"]["status"], "PERMISSION_DENIED");
    assert_eq!(body["error"]["details"][0]["reason"], "RECIPIENT_OPTED_OUT");
    assert_eq!(body["error"]["details"][0]["metadata"]["reason"], "keyword");
}

#[test]
fn r19_an_answer_teaches_of_the_person_in_the_path() {
    let fixture = named("rbm/requests", "message.http");
    let request = fixture.request(RBM.profile());
    let Ok(Outbound::Send(sending)) = RBM.read(&request) else { panic!() };
    let body = br#"{"error":{"code":404,"message":"not on RCS","status":"NOT_FOUND"}}"#;
    let answer = Answer { status: StatusCode::NOT_FOUND, headers: &HeaderMap::new(), body };
    let learned = RBM.learn(&request, &sending, &[], &answer);
    assert_eq!(fixture::said(&learned.events[0]), "failure sms +14155550100 NOT_FOUND");
}

#[test]
fn the_account_is_the_agent_with_and_without_its_domain() {
    for (name, account) in
        [("message.http", Some("acme")), ("message-bare.http", Some("acme")), ("unknown.http", None)]
    {
        let fixture = named("rbm/requests", name);
        assert_eq!(RBM.account(&fixture.request(RBM.profile()).head).as_deref(), account, "{name}");
    }
}

#[test]
fn the_channel_of_rcs_is_a_choice() {
    let made = |values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let given = if values.is_empty() { vec![] } else { vec![("channel", values)] };
        dndgate_google::rbm(&Secrets::new(given)).map(|adapter| adapter.profile().channels.first())
    };
    assert_eq!(made(&[]), Ok(Some(Channel::Sms)));
    assert_eq!(made(&["sms"]), Ok(Some(Channel::Sms)));
    assert_eq!(made(&["GMB"]), Ok(Some(Channel::Gmb)));
    assert!(made(&["Email"]).unwrap_err().contains("\"SMS\""));
    assert!(made(&["SMS", "GMB"]).is_err());
}

/// What Google answers to the parts that reached it.
fn answered(ids: &[u8]) -> Vec<u8> {
    let part = |id: &u8| {
        format!(
            "--batch_X\r\nContent-Type: application/http\r\nContent-ID: <response-b29c5de2-0db4-490b-b421-6a51b598bd22 \
             + {id}>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{{\"name\":\"m{id}\"}}\r\n"
        )
    };
    let parts: String = ids.iter().map(part).collect();
    format!("{parts}--batch_X--\r\n").into_bytes()
}

fn stitched(fixture: &Fixture, gone: &[usize], answer: &[u8]) -> Option<String> {
    let request = fixture.request(RBM.profile());
    let send = laws::sending(&RBM, &request).unwrap();
    assert!(RBM.stitches(&send));
    let refused: Vec<Refused<'_>> =
        gone.iter().map(|index| Refused { index: *index, refusal: refusal("why") }).collect();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("multipart/mixed; boundary=batch_X"));
    let answer = Answer { status: StatusCode::OK, headers: &headers, body: answer };
    RBM.stitch(&request, &send, &refused, &answer).map(|body| String::from_utf8(body).unwrap())
}

#[test]
fn r11_a_batch_goes_to_the_others_and_its_answer_is_whole() {
    for name in ["batch.http", "batch-crlf.http", "batch-mixed.http"] {
        let fixture = named("rbm/requests", name);
        let request = fixture.request(RBM.profile());
        let send = laws::sending(&RBM, &request).unwrap();
        let edits = RBM.trim(&request, &send, &[0]).unwrap();
        let left = String::from_utf8(apply_edits(request.body, &edits)).unwrap();
        assert!(!left.contains("+14155550100") && left.contains("+14155550101"), "{name}: {left}");
        let theirs: &[u8] = if name.contains("mixed") { &[2, 3] } else { &[2] };
        let whole = stitched(&fixture, &[0], &answered(theirs)).unwrap();
        let ids: Vec<&str> = whole.matches("6a51b598bd22 + 1>").collect();
        assert_eq!(ids.len(), 1, "{whole}");
        assert!(whole.find("+ 1>") < whole.find("+ 2>"), "in their order: {whole}");
        assert!(whole.contains("HTTP/1.1 403 Forbidden") && whole.ends_with("--batch_X--\r\n"), "{whole}");
        assert_eq!(whole.matches("HTTP/1.1 200 OK").count(), theirs.len(), "{whole}");
    }
}

#[test]
fn r12_each_part_of_a_batch_that_reaches_nobody_has_its_refusal() {
    let fixture = named("rbm/requests", "batch.http");
    let request = fixture.request(RBM.profile());
    let send = laws::sending(&RBM, &request).unwrap();
    assert!(!send.rest);
    let refused: Vec<Refused<'_>> = (0..2).map(|index| Refused { index, refusal: refusal("why") }).collect();
    let reply = RBM.refuse_each(&request, &send, &refused).unwrap();
    let body = String::from_utf8(reply.body).unwrap();
    assert_eq!(body.matches("HTTP/1.1 403 Forbidden\r\n").count(), 2, "{body}");
    assert!(body.contains("<response-b29c5de2-0db4-490b-b421-6a51b598bd22 + 2>"), "{body}");
    let mixed = named("rbm/requests", "batch-mixed.http");
    assert!(
        laws::sending(&RBM, &mixed.request(RBM.profile())).unwrap().rest,
        "the check beside the sends goes on"
    );
    let one = named("rbm/requests", "message.http");
    let request = one.request(RBM.profile());
    let send = laws::sending(&RBM, &request).unwrap();
    assert!(RBM.refuse_each(&request, &send, &refused[..1]).is_none());
}

#[test]
fn an_answer_that_is_no_batch_stays_as_it_is() {
    let fixture = named("rbm/requests", "batch.http");
    assert_eq!(stitched(&fixture, &[0], b"{}"), None);
    assert_eq!(stitched(&fixture, &[0], &answered(&[2])[..20]), None);
}

#[test]
fn the_stand_ins_answer_and_sign_as_google_does() {
    use dndgate_adapter::sandbox::Inbound;
    for (adapter, key, folder, from) in [
        (&GMB, "partner_key", "gmb/requests", "c-77de1414"),
        (&RBM, "client_token", "rbm/requests", "+14155550100"),
    ] {
        let stand = adapter.sandbox().unwrap();
        let message = named(folder, "message.http");
        let answered = stand.answer(&message.request(adapter.profile()), 7);
        assert_eq!((answered.reply.status, answered.delivered.len()), (StatusCode::OK, 1));
        assert!(answered.delivered[0].text.contains("hello"));
        let batch = named(folder, "batch.http");
        assert_eq!(stand.answer(&batch.request(adapter.profile()), 8).delivered.len(), 2);
        let channel = adapter.profile().channels.first().unwrap();
        let writes = Inbound { channel, from, to: "", text: "STOP" };
        let (secrets, now) = (secrets(key, TOKEN), jiff::Timestamp::UNIX_EPOCH);
        let url = "http://127.0.0.1:1/hooks/x";
        let call = stand.inbound(&writes, url, &secrets, 9, now);
        let report = stand.failure(&answered.delivered[0], "READ", url, &secrets, 9, now);
        for (call, says) in
            [(&call, format!("message {} {from} STOP", channel.label())), (&report, String::new())]
        {
            let headers: HeaderMap = call.headers.iter().cloned().collect();
            let webhook =
                Webhook { method: &call.method, url, headers: &headers, body: &call.body, document: None };
            let authentic = webhook.prove(adapter, &secrets, now).unwrap();
            let events = adapter.events(&authentic).unwrap();
            assert!(fixture::said(&events[0]).starts_with(&says), "{events:?}");
        }
    }
}

proptest! {
    /// An independent, naive reader: whatever numbers stand behind `phones/` in what is left of a batch.
    #[test]
    fn r10_no_number_that_was_taken_out_is_left_in_a_batch(
        numbers in prop::collection::vec(4_155_550_100u64..4_155_550_110, 1..6),
        crlf: bool,
        damage in prop::option::of((0usize..600, any::<u8>())),
    ) {
        let eol = if crlf { "\r\n" } else { "\n" };
        let mut body = String::new();
        for (index, number) in numbers.iter().enumerate() {
            body += &format!(
                "--b{eol}Content-Type: application/http{eol}Content-ID: <{index}>{eol}{eol}POST /v1/phones/+1{number}/\
                 agentMessages HTTP/1.1{eol}Content-Type: application/json{eol}{eol}{{}}{eol}"
            );
        }
        body += &format!("--b--{eol}");
        let mut body = body.into_bytes();
        if let Some((at, byte)) = damage {
            let at = at % body.len();
            body[at] = byte;
        }
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("multipart/mixed; boundary=b"));
        let head = dndgate_adapter::Head { method: &Method::POST, host: None, path: "/batch", query: None, headers: &headers };
        let request = Request { head, body: &body };
        laws::calm(&RBM, &request);
        let suppressed = "+14155550105";
        if let Some(send) = laws::sending(&RBM, &request) {
            let drop: Vec<usize> = (0..send.recipients.len())
                .filter(|index| send.recipients[*index].address == suppressed || send.recipients[*index].known != dndgate_adapter::Known::Address)
                .collect();
            if drop.len() < send.recipients.len() {
                let left = apply_edits(&body, &RBM.trim(&request, &send, &drop).unwrap());
                prop_assert!(!String::from_utf8_lossy(&left).contains(suppressed));
            }
        } else if let Ok(Outbound::Nobody) = RBM.read(&request) {
            prop_assert!(!String::from_utf8_lossy(&body).contains("POST /v1/phones/+14155550105/agentMessages"));
        }
    }
}
