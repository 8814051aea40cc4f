//! Amazon SES through the real binary: its SDKs, signatures in and out, SNS with its certificates and confirmations.

use crate::harness::{Fake, Message, Reaction, Request, Setup, World, answer, sdk, stand_in};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use dndgate_adapter::{
    Adapter, Came, Channel, Onward, Secrets,
    sandbox::{Delivered, Inbound},
    sign,
};
use dndgate_ses::SES;
use jiff::Timestamp;
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

const FREE: &str = "bob@example.org";
const BLOCKED: &str = "ada@example.org";
const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ses-events";
/// The key of the gateway's stand-in for SNS.
const KEY: &str = include_str!("../../plugins/ses/src/sandbox/key.pem");

fn keys(id: &str, secret: &str) -> Secrets {
    Secrets::new(vec![
        ("aws_access_key_id", vec![id.to_owned()]),
        ("aws_secret_access_key", vec![secret.to_owned()]),
        ("topic_arn", vec![TOPIC.to_owned()]),
    ])
}

fn configured(provider: &Fake) -> String {
    format!(
        "[[provider]]\nname = \"ses\"\nadapter = \"ses\"\nupstream = \"{}\"\nregion = \"us-east-1\"\n\
         aws_access_key_id = [\"AKIASES\", \"AKIACRM\"]\naws_secret_access_key = [\"ses-secret\", \"crm-secret\"]\n\
         topic_arn = [\"{TOPIC}\"]",
        provider.url()
    )
}

fn world(provider: &Fake) -> World {
    let world = Setup::default().tail(&configured(provider)).start();
    world.api().contact(&json!({ "email": BLOCKED, "dnd": true }));
    world
}

/// Every request to SES is signed with the key of SES, as SES would check it; whom each Destination names.
fn checked(provider: &Fake) -> Vec<Vec<String>> {
    let to_ses = provider.seen().into_iter().filter(|one| !one.target().starts_with("/sns."));
    to_ses
        .map(|request| {
            is_signed(&request);
            stand_in::with(&SES, &request, |head, body| {
                let request = dndgate_adapter::Request { head: *head, body };
                match SES.read(&request) {
                    Ok(dndgate_adapter::Outbound::Send(send)) => {
                        send.recipients.iter().map(|one| one.address.to_string()).collect()
                    }
                    other => {
                        assert_eq!(other, Ok(dndgate_adapter::Outbound::Nobody), "{request:?}");
                        Vec::new()
                    }
                }
            })
        })
        .collect()
}

fn is_signed(request: &Message) {
    let came = |id: &str, secret: &str| {
        stand_in::with(&SES, request, |head, body| {
            let sha256 = sign::sha256(body);
            let onward = Onward {
                came: Some(Came { head: *head, path_and_query: request.target(), sha256 }),
                method: head.method,
                authority: "127.0.0.1",
                path_and_query: request.target(),
                headers: head.headers,
                sha256,
            };
            SES.sign_onward(&onward, &keys(id, secret), Timestamp::now()).map(|_| ())
        })
    };
    assert_eq!(came("AKIASES", "ses-secret"), Ok(()), "{request:#?}");
    assert!(came("AKIACRM", "crm-secret").is_err(), "the caller's own signature ends here");
}

fn through(script: &str) -> Vec<Vec<String>> {
    let provider = Fake::of(&SES);
    let world = world(&provider);
    let base = format!("http://127.0.0.1:{}/ses", world.gate.ports.traffic);
    sdk::run(script, &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED)]);
    let reached: Vec<Vec<String>> =
        checked(&provider).into_iter().filter(|people| !people.is_empty()).collect();
    for people in &reached {
        assert!(people.iter().all(|one| one == FREE), "{reached:?}");
    }
    reached
}

#[test]
fn r11_r12_ses_for_python_and_django_anymail() {
    let reached = through("ses_python.py");
    assert_eq!(reached.len(), 14, "{reached:?}");
}

#[test]
fn r11_r12_ses_for_node() {
    let reached = through("ses_node.js");
    assert_eq!(reached.len(), 4, "{reached:?}");
}

#[test]
fn what_is_not_signed_with_a_configured_key_goes_no_further() {
    let provider = Fake::of(&SES);
    let world = world(&provider);
    let mail = json!({ "FromEmailAddress": "a@b.c", "Destination": { "ToAddresses": [FREE] },
        "Content": { "Template": { "TemplateName": "x" } } });
    let send = Request::post("/ses/v2/email/outbound-emails").json(&mail);
    let refused = world.send(&send);
    assert_eq!((refused.status(), refused.field("x-amzn-errortype")), (403, Some("SignatureDoesNotMatch")));
    let read = world.send(&Request::get("/ses/v2/email/account"));
    assert_eq!(read.status(), 403, "what contacts nobody is signed, too");
    assert_eq!(provider.count(), 0);
}

fn url() -> String {
    "https://gate.example.com/hooks/ses".to_owned()
}

fn writes(from: &str, text: &str, serial: u64, topic: &str) -> Request {
    let message = Inbound { channel: Channel::Email, from, to: "team@mg.example.com", text };
    let secrets = Secrets::new(vec![("topic_arn", vec![topic.to_owned()])]);
    let sandbox = SES.sandbox().expect("a stand-in");
    stand_in::webhook(&sandbox.inbound(&message, &url(), &secrets, serial, Timestamp::now()))
}

fn reports(address: &str, code: &str, serial: u64) -> Request {
    let delivered = Delivered {
        id: "0100".into(),
        channel: Channel::Email,
        from: "team@mg.example.com".into(),
        to: address.into(),
        text: String::new(),
        callback: String::new(),
    };
    let sandbox = SES.sandbox().expect("a stand-in");
    let secrets = keys("AKIASES", "ses-secret");
    stand_in::webhook(&sandbox.failure(&delivered, code, &url(), &secrets, serial, Timestamp::now()))
}

#[test]
fn r16_r17_r18_what_sns_tells_of_a_configured_topic_counts() {
    let provider = Fake::of(&SES);
    let world = world(&provider);
    for (request, address) in [
        (writes("stop@example.org", "STOP", 1, TOPIC), "stop@example.org"),
        (reports("bounce@example.org", "Permanent/NoEmail", 2), "bounce@example.org"),
        (reports("spam@example.org", "complaint", 3), "spam@example.org"),
        (reports("left@example.org", "unsubscribe", 4), "left@example.org"),
    ] {
        let taken = world.send(&request);
        assert_eq!(taken.status(), 200, "{address}: {}", taken.text());
        assert!(world.is_blocked("Email", address), "{address}");
    }
    assert_eq!(world.send(&reports("full@example.org", "Transient/MailboxFull", 5)).status(), 200);
    assert!(!world.is_blocked("Email", "full@example.org"));
    let fetched: Vec<Message> =
        provider.seen().into_iter().filter(|one| one.target().ends_with(".pem")).collect();
    assert_eq!(fetched.len(), 1, "the certificate is kept: {fetched:#?}");
    assert!(fetched[0].target().starts_with("/sns.us-east-1.amazonaws.com/SimpleNotificationService-"));
}

#[test]
fn what_sns_did_not_sign_or_tells_of_another_topic_is_refused() {
    let provider = Fake::of(&SES);
    let world = world(&provider);
    let elsewhere = "arn:aws:sns:us-east-1:999999999999:ses-events";
    assert_eq!(world.send(&writes(FREE, "STOP", 1, elsewhere)).status(), 403);
    let mut body = json!({ "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": "{}",
        "Timestamp": Timestamp::now().to_string(), "SignatureVersion": "2", "Signature": "AAAA",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem" });
    let sent = |body: &serde_json::Value| {
        world.send(&Request::post("/hooks/ses").body("text/plain", body.to_string())).status()
    };
    assert_eq!(sent(&body), 403, "a wrong signature");
    let asked = provider.count();
    for elsewhere in ["https://evil.example/x.pem", "http://sns.us-east-1.amazonaws.com/x.pem", ""] {
        body["SigningCertURL"] = elsewhere.into();
        assert_eq!(sent(&body), 403, "{elsewhere}");
    }
    assert_eq!(sent(&json!({ "notificationType": "Bounce" })), 403, "raw delivery");
    assert_eq!(provider.count(), asked, "nobody was asked for what is no certificate of Amazon's");
    assert!(!world.is_blocked("Email", FREE));
}

/// A message that asks for something, signed as SNS signs.
fn asks(kind: &str, topic: &str) -> Request {
    let (id, at) = ("165545c9-2a5c-472c-8df2-7ff2be2b3b1b", Timestamp::now().to_string());
    let (token, message) = ("2336412f37", "You have chosen to subscribe");
    let link = format!(
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"
    );
    let signed = format!(
        "Message\n{message}\nMessageId\n{id}\nSubscribeURL\n{link}\nTimestamp\n{at}\nToken\n{token}\nTopicArn\n{topic}\nType\n{kind}\n"
    );
    let lines: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = KeyPair::from_pkcs8(&STANDARD.decode(lines).expect("base64")).expect("a key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("signed");
    let body = json!({
        "Type": kind, "MessageId": id, "Token": token, "TopicArn": topic, "Message": message, "SubscribeURL": link,
        "Timestamp": at, "SignatureVersion": "2", "Signature": STANDARD.encode(signature),
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
    });
    Request::post("/hooks/ses")
        .body("text/plain; charset=UTF-8", body.to_string())
        .field("x-amz-sns-message-type", kind)
}

#[test]
fn a_subscription_of_a_configured_topic_is_confirmed_and_no_other() {
    let provider = Fake::of(&SES);
    let world = world(&provider);
    let confirmed = || {
        let all = provider.seen().into_iter().map(|one| one.target().to_owned());
        all.filter(|target| target.contains("ConfirmSubscription")).collect::<Vec<_>>()
    };
    let foreign = "arn:aws:sns:us-east-1:999999999999:mine";
    assert_eq!(world.send(&asks("SubscriptionConfirmation", foreign)).status(), 403);
    assert_eq!(world.send(&asks("UnsubscribeConfirmation", TOPIC)).status(), 200);
    assert!(confirmed().is_empty());
    assert_eq!(world.send(&asks("SubscriptionConfirmation", TOPIC)).status(), 200);
    let [target] = &confirmed()[..] else { panic!("{:?}", confirmed()) };
    assert!(
        target.starts_with("/sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:")
    );

    // While SNS does not take the confirmation, it is to ask again.
    static FAILS: AtomicUsize = AtomicUsize::new(1);
    provider.reacts(|request| {
        let confirms = request.target().contains("ConfirmSubscription");
        Reaction::Answer(if confirms && FAILS.swap(0, Ordering::SeqCst) > 0 {
            answer(500, "text/xml", "<Error/>")
        } else {
            stand_in::reply(&SES, request)
        })
    });
    assert_eq!(world.send(&asks("SubscriptionConfirmation", TOPIC)).status(), 503);
    assert_eq!(world.send(&asks("SubscriptionConfirmation", TOPIC)).status(), 200);
}

#[test]
fn r21_the_suppression_list_is_asked_with_the_gateways_own_signature() {
    let provider = Fake::of(&SES);
    let world = world(&provider);
    let id = world.api().contact(&json!({ "email": FREE }));
    assert_eq!(world.send(&reports(FREE, "complaint", 1)).status(), 200);
    let answer = world.api().post(&format!("/v1/contacts/{id}/email-release"), &json!({}));
    assert_eq!(answer.status(), 409, "two readings and a validation are needed: {}", answer.text());
    let asked: Vec<Message> =
        provider.seen().into_iter().filter(|one| one.target().starts_with("/v2/")).collect();
    assert!(!asked.is_empty());
    for request in &asked {
        assert_eq!(request.target(), "/v2/email/suppression/addresses/bob%40example.org");
        is_signed(request);
    }
}
