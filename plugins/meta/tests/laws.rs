//! What is read in real requests and webhooks, and the laws of every adapter over them.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, AddressKind, Outbound, Secrets, Webhook,
    fixture::{self, Fixture},
    laws,
    sandbox::{Delivered, Inbound},
};
use dndgate_meta::{MESSENGER, WHATSAPP};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// With which the fixtures are signed.
const SECRET: &str = "5d41402abc4b2a76b9719d911017c592";
const BASE: &str = "https://gate.example.com";

fn folder(of: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(of).join(name)
}

fn secrets(key: &str) -> Secrets {
    Secrets::new(vec![("app_secret", vec![key.into()]), ("verify_token", vec!["T".into()])])
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_767_225_600).unwrap()
}

#[test]
fn requests_of_whatsapp() {
    fixture::requests_obey(&WHATSAPP, folder("whatsapp", "requests"));
}

#[test]
fn requests_of_messenger() {
    fixture::requests_obey(&MESSENGER, folder("messenger", "requests"));
}

#[test]
fn webhooks() {
    let keys = (secrets(SECRET), secrets("another"));
    fixture::webhooks_obey(&WHATSAPP, folder("whatsapp", "webhooks"), BASE, (&keys.0, &keys.1), now(), true);
    fixture::webhooks_obey(
        &MESSENGER,
        folder("messenger", "webhooks"),
        BASE,
        (&keys.0, &keys.1),
        now(),
        true,
    );
}

#[test]
fn the_bytes_that_came_are_signed_not_what_they_say() {
    let mut escaped = Fixture::named(folder("messenger", "webhooks"), "escaped");
    let believed = |one: &Fixture| {
        one.webhook(BASE, |webhook: Webhook<'_>| webhook.prove(&MESSENGER, &secrets(SECRET), now()).is_ok())
    };
    assert!(believed(&escaped));
    let again: serde_json::Value = serde_json::from_slice(&escaped.body).unwrap();
    escaped.body = again.to_string().into_bytes();
    assert!(!believed(&escaped));
}

#[test]
fn a_signature_of_another_kind_proves_nothing() {
    let stop = Fixture::all(folder("whatsapp", "webhooks"));
    let stop = stop.into_iter().find(|one| one.name == "stop.http").unwrap();
    let value = stop.headers["x-hub-signature-256"].to_str().unwrap().to_owned();
    let believed = |headers: &HeaderMap, method: &Method| {
        let webhook = Webhook { method, url: BASE, headers, body: &stop.body, document: None };
        webhook.prove(&WHATSAPP, &secrets(SECRET), now()).is_ok()
    };
    assert!(believed(&stop.headers, &Method::POST));
    assert!(!believed(&stop.headers, &Method::PUT));
    for wrong in
        [value.to_uppercase(), value.replace("sha256=", ""), format!("{value} "), format!("{value},{value}")]
    {
        let mut headers = stop.headers.clone();
        headers.insert("x-hub-signature-256", wrong.parse().unwrap());
        // The blank is not part of the field's value.
        assert_eq!(
            believed(&headers, &Method::POST),
            wrong.trim() == value && !wrong.ends_with(' '),
            "{wrong:?}"
        );
    }
    let mut twice = stop.headers.clone();
    twice.append("x-hub-signature-256", value.parse().unwrap());
    assert!(!believed(&twice, &Method::POST));
    let mut sha1 = stop.headers.clone();
    sha1.remove("x-hub-signature-256");
    assert!(!believed(&sha1, &Method::POST));
}

#[test]
fn a_handshake_gives_the_challenge_to_who_knows_the_token() {
    let answer = |method: Method, query: &str| {
        let url = format!("{BASE}/hooks/whatsapp?{query}");
        let headers = HeaderMap::new();
        let webhook = Webhook { method: &method, url: &url, headers: &headers, body: b"", document: None };
        WHATSAPP.handshake(&webhook, &secrets(SECRET)).map(|one| (one.status.as_u16(), one.body))
    };
    let asked = "hub.mode=subscribe&hub.verify_token=T&hub.challenge=1158201444";
    assert_eq!(answer(Method::GET, asked), Some((200, b"1158201444".to_vec())));
    for wrong in [
        "hub.mode=subscribe&hub.verify_token=X&hub.challenge=1",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.verify_token=T&hub.challenge=1",
        "hub.mode=subscribe&hub.verify_token=X&hub.verify_token=T&hub.challenge=1",
    ] {
        assert_eq!(answer(Method::GET, wrong).unwrap().0, 403, "{wrong}");
    }
    assert_eq!(answer(Method::POST, asked), None);
    assert_eq!(answer(Method::GET, "x=1"), None);
}

#[test]
fn an_event_has_the_same_id_wherever_it_stands() {
    let ids = |body: &str| {
        let key = dndgate_adapter::sign::hmac_sha256(SECRET.as_bytes(), body.as_bytes());
        let mut headers = HeaderMap::new();
        let value = format!("sha256={}", dndgate_adapter::sign::to_hex(&key));
        headers.insert("x-hub-signature-256", value.parse().unwrap());
        let webhook = Webhook {
            method: &Method::POST,
            url: BASE,
            headers: &headers,
            body: body.as_bytes(),
            document: None,
        };
        let proven = webhook.prove(&MESSENGER, &secrets(SECRET), now()).unwrap();
        let events = MESSENGER.events(&proven).unwrap();
        events.into_iter().map(|one| one.id.into_owned()).collect::<Vec<_>>()
    };
    let press = |at: u64| {
        format!(
            r#"{{"sender":{{"id":"1"}},"timestamp":{at},"postback":{{"mid":"m","title":"Stop","payload":"x"}}}}"#
        )
    };
    let page = |all: &[String]| {
        format!(r#"{{"object":"page","entry":[{{"id":"2","messaging":[{}]}}]}}"#, all.join(","))
    };
    let (one, two) = (press(1), press(2));
    assert_eq!(ids(&page(&[one.clone(), two.clone()]))[1], ids(&page(std::slice::from_ref(&two)))[0]);
    assert_ne!(ids(&page(&[one])), ids(&page(&[two])), "a button may be pressed again");
}

#[test]
fn the_sandboxes_webhooks_are_believed() {
    for (adapter, from, to, said) in [
        (&WHATSAPP, "+14155550101", "106540352242922", "message whatsapp +14155550101 STOP"),
        (&MESSENGER, "6543210987654321", "me", "message fb 6543210987654321 STOP"),
    ] {
        let sandbox = adapter.sandbox().unwrap();
        let channel = adapter.profile().channels.first().unwrap();
        let inbound = Inbound { channel, from, to, text: "STOP" };
        let url = format!("{BASE}/hooks/x");
        let call = sandbox.inbound(&inbound, &url, &secrets(SECRET), 7, now());
        let delivered = Delivered {
            id: "wamid.1".into(),
            channel,
            from: to.into(),
            to: from.into(),
            text: String::new(),
            callback: String::new(),
        };
        let failed = sandbox.failure(&delivered, "131050", &url, &secrets(SECRET), 8, now());
        for (call, expected) in [
            (call, said.to_owned()),
            (
                failed,
                match channel {
                    dndgate_adapter::Channel::WhatsApp => format!("failure whatsapp {from} 131050"),
                    _ => format!("preference fb {from} stop marketing_stop"),
                },
            ),
        ] {
            let headers: HeaderMap = call.headers.into_iter().collect();
            let webhook = Webhook {
                method: &call.method,
                url: &url,
                headers: &headers,
                body: &call.body,
                document: None,
            };
            let proven = webhook.prove(adapter, &secrets(SECRET), now()).unwrap();
            let events = adapter.events(&proven).unwrap();
            assert_eq!(events.iter().map(fixture::said).next_back().unwrap(), expected);
        }
    }
}

#[test]
fn the_sandboxes_take_what_the_adapters_read() {
    for (adapter, of) in [(&WHATSAPP, "whatsapp"), (&MESSENGER, "messenger")] {
        for fixture in Fixture::all(folder(of, "requests")) {
            let request = fixture.request(adapter.profile());
            let answered = adapter.sandbox().unwrap().answer(&request, 3);
            let Some(sending) = laws::sending(adapter, &request) else { continue };
            if sending.kind == "batch" || sending.recipients.len() > 1 {
                continue;
            }
            assert_eq!(answered.delivered.len(), 1, "{}", fixture.name);
            assert_eq!(answered.delivered[0].to, sending.recipients[0].address, "{}", fixture.name);
        }
    }
}

#[test]
fn r13_a_sign_with_a_message_beside_it_is_a_message() {
    let reaches = |adapter: &dyn Adapter, target: &str, body: &str| {
        names(adapter, target, "application/json", body).map(|all| all[0].1.clone())
    };
    let typing = r#"{"recipient":{"id":"6543210987654321"},"sender_action":"typing_on""#;
    let (alone, more) = (format!("{typing}}}"), format!("{typing},\"message\":{{\"text\":\"x\"}}}}"));
    assert_eq!(reaches(&MESSENGER, "/me/messages", &alone), None);
    assert_eq!(reaches(&MESSENGER, "/me/messages", &more).as_deref(), Some("6543210987654321"));
    let receipt = r#"{"messaging_product":"whatsapp","status":"read","message_id":"wamid.X""#;
    let (alone, more) = (format!("{receipt}}}"), format!("{receipt},\"to\":\"+14155550100\"}}"));
    assert_eq!(reaches(&WHATSAPP, "/1/messages", &alone), None);
    assert_eq!(reaches(&WHATSAPP, "/1/messages", &more).as_deref(), Some("+14155550100"));
}

/// Whom the adapter reads in a request, or that it refuses it.
fn names(adapter: &dyn Adapter, target: &str, media: &str, body: &str) -> Option<Vec<(AddressKind, String)>> {
    let text = format!("POST {target}\ncontent-type: {media}\n\n{body}");
    let fixture = Fixture::parse("generated", text.as_bytes());
    let sending = laws::sending(adapter, &fixture.request(adapter.profile()))?;
    Some(sending.recipients.iter().map(|one| (one.kind, one.address.to_string())).collect())
}

proptest! {
    /// Every way to write the same message names the same person.
    #[test]
    fn spellings_of_one_message(id in "[0-9]{10,17}", text in "\\PC{0,24}") {
        let recipient = serde_json::json!({ "id": id }).to_string();
        let message = serde_json::json!({ "text": text }).to_string();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("message", &message).append_pair("recipient", &recipient).finish();
        let json = format!(r#"{{"message":{message},"recipient":{recipient}}}"#);
        let batch = serde_json::json!([{ "method": "POST", "relative_url": "me/messages", "body": form }]).to_string();
        let batch = form_urlencoded::Serializer::new(String::new()).append_pair("batch", &batch).finish();
        let expected = Some(vec![(AddressKind::Psid, id.clone())]);
        let urlencoded = "application/x-www-form-urlencoded";
        prop_assert_eq!(names(&MESSENGER, "/me/messages", "application/json", &json), expected.clone());
        prop_assert_eq!(names(&MESSENGER, "/me/messages", urlencoded, &form), expected.clone());
        prop_assert_eq!(names(&MESSENGER, &format!("/v9.0/1/messages?{form}"), urlencoded, ""), expected.clone());
        prop_assert_eq!(names(&MESSENGER, "/", urlencoded, &batch), expected);
    }

    /// Whatever else stands there, a request that names somebody is a send to that person, or refused.
    #[test]
    fn a_message_that_names_somebody_is_a_send_or_refused(
        more in prop::collection::vec(
            ("status|type|text|recipient_type|messaging_product|message_id|method|batch|to|TO|recipient|action|call_id",
             "read|text|\\{\\}|individual|group|whatsapp|post|terminate|14155550102|\\[\\]|x"),
            0..5,
        ),
        edge in "messages|marketing_messages|calls|participants",
        form in any::<bool>(),
    ) {
        let mut pairs = vec![("to".to_owned(), "14155550100".to_owned())];
        pairs.extend(more);
        let terminates = pairs.contains(&("action".into(), "terminate".into()))
            && pairs.iter().any(|(name, _)| name == "call_id");
        let (media, body) = if form {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            ("application/x-www-form-urlencoded", body)
        } else {
            let members: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{name:?}:{}", serde_json::Value::from(value.as_str()))).collect();
            ("application/json", format!("{{{}}}", members.join(",")))
        };
        let text = format!("POST /1/{edge}\ncontent-type: {media}\n\n{body}");
        let fixture = Fixture::parse("generated", text.as_bytes());
        match WHATSAPP.read(&fixture.request(WHATSAPP.profile())) {
            Ok(Outbound::Send(sending)) => {
                let named = sending.recipients.iter().any(|one| one.address == "14155550100");
                prop_assert!(named || edge == "participants", "{}: {:?}", body, sending);
            }
            Ok(Outbound::Nobody) => prop_assert!(terminates && edge == "calls" || edge == "participants", "{}", body),
            Ok(Outbound::Unnamed(_) | Outbound::Unrecognised | Outbound::Ask(_)) => prop_assert!(false, "{}", body),
            Err(_) => {}
        }
    }
}
