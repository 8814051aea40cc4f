//! What is read in real requests and webhooks, the laws of every adapter over them, and whom SNS speaks for.
#![allow(clippy::unwrap_used)]

mod common;

use common::{BASE, TOPIC, certificate, folder, named, now, secrets};
use dndgate_adapter::{Adapter, Webhook, fixture};
use dndgate_ses::SES;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

#[test]
fn requests() {
    fixture::requests_obey(&SES, folder("requests"));
}

#[test]
fn webhooks() {
    // Some fields are not signed (addresses for unsubscribing, the signature's own).
    fixture::webhooks_obey(&SES, folder("webhooks"), BASE, (&secrets(TOPIC), &secrets("x")), now(), false);
}

#[test]
fn every_signed_byte_counts() {
    for name in ["bounce.http", "bounce-event.http", "subscription.http"] {
        let hook = named("webhooks", name);
        let (document, secrets) = (certificate(), secrets(TOPIC));
        let text = String::from_utf8(hook.body.clone()).unwrap();
        let fields =
            ["Message", "MessageId", "Timestamp", "TopicArn", "Type", "Subject", "Token", "SubscribeURL"];
        for field in fields {
            let Some(start) = text.find(&format!("\"{field}\": \"")) else { continue };
            let start = start + field.len() + 5;
            let end = start + text[start..].find("\"").unwrap();
            for at in start..end {
                let mut body = hook.body.clone();
                body[at] ^= 1;
                hook.webhook(BASE, |webhook| {
                    let forged = Webhook { body: &body, document: Some(&document), ..webhook };
                    assert!(forged.prove(&SES, &secrets, now()).is_err(), "{name}: {field} at {at}");
                });
            }
        }
    }
}

#[test]
fn what_is_not_the_configured_topics_is_not_believed() {
    let document = certificate();
    let proven = |name: &str, at: Timestamp, document: Option<&[u8]>, change: &dyn Fn(&mut HeaderMap)| {
        let mut hook = named("webhooks", name);
        change(&mut hook.headers);
        hook.webhook(BASE, |webhook| Webhook { document, ..webhook }.prove(&SES, &secrets(TOPIC), at).is_ok())
    };
    let same = |_: &mut HeaderMap| {};
    assert!(proven("bounce.http", now(), Some(&document), &same));
    assert!(!proven("bounce.http", now(), None, &same), "no certificate");
    assert!(!proven("bounce.http", now(), Some(b"-----BEGIN CERTIFICATE-----"), &same), "no certificate");
    let day = jiff::SignedDuration::from_hours(24);
    assert!(proven("bounce.http", now() + day * 13, Some(&document), &same), "from a queue");
    assert!(!proven("bounce.http", now() + day * 15, Some(&document), &same), "too old");
    assert!(!proven("bounce.http", now() - day, Some(&document), &same), "from the future");
    for field in ["x-amz-sns-message-type", "x-amz-sns-message-id"] {
        let other = |headers: &mut HeaderMap| {
            headers.append(field, HeaderValue::from_static("Other"));
        };
        assert!(!proven("bounce.http", now(), Some(&document), &other), "{field} says something else");
    }
}

#[test]
fn certificates_and_confirmations_are_amazons_own() {
    let hook = named("webhooks", "subscription.http");
    let text = String::from_utf8(hook.body.clone()).unwrap();
    let asked = |body: &str| {
        hook.webhook(BASE, |webhook| {
            SES.proof_document(&Webhook { body: body.as_bytes(), ..webhook }).ok().flatten()
        })
    };
    let ask = asked(&text).unwrap();
    assert_eq!(ask.host.as_deref(), Some("sns.us-east-1.amazonaws.com"));
    for url in [
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-9c.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-9c.pem",
        "https://evil.example/SimpleNotificationService-9c.pem",
        "https://x@sns.us-east-1.amazonaws.com/SimpleNotificationService-9c.pem",
        "https://sns.us-east-1.amazonaws.com:8443/SimpleNotificationService-9c.pem",
        "https://s3.us-east-1.amazonaws.com/SimpleNotificationService-9c.pem",
        "https://sns.us-east-1.amazonaws.com/?Action=Publish&x=SimpleNotificationService-9c.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-../x.pem",
        "https://sns.us-east-1.amazonaws.com",
    ] {
        let own = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem";
        assert_eq!(asked(&text.replace(own, url)), None, "{url}");
    }
    assert!(asked(r#"{"notificationType":"Bounce"}"#).is_none(), "raw message delivery is not signed");
    let document = certificate();
    hook.webhook(BASE, |webhook| {
        let webhook = Webhook { document: Some(&document), ..webhook };
        let authentic = webhook.prove(&SES, &secrets(TOPIC), now()).unwrap();
        let ask = SES.subscription(&authentic, &secrets(TOPIC)).unwrap();
        assert_eq!(ask.host.as_deref(), Some("sns.us-east-1.amazonaws.com"));
        assert!(ask.path_and_query.starts_with("/?Action=ConfirmSubscription&TopicArn="));
        assert_eq!(SES.subscription(&authentic, &secrets("x")), None);
    });
    let bounce = named("webhooks", "bounce.http");
    bounce.webhook(BASE, |webhook| {
        let webhook = Webhook { document: Some(&document), ..webhook };
        let authentic = webhook.prove(&SES, &secrets(TOPIC), now()).unwrap();
        assert_eq!(SES.subscription(&authentic, &secrets(TOPIC)), None, "a notification confirms nothing");
    });
}
