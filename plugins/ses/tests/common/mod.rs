//! What the tests of this adapter share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Channel, Refusal, RefusalCause, Request, Secrets, apply_edits,
    fixture::{self, Fixture},
    laws,
};
use dndgate_ses::SES;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

pub const BASE: &str = "https://gate.example.com";

pub const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ses-events";

pub const ID: &str = "AKIAIOSFODNN7EXAMPLE";

pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

pub fn secrets(topic: &str) -> Secrets {
    Secrets::new(vec![
        ("topic_arn", vec!["arn:aws:sns:us-east-1:123456789012:other".into(), topic.into()]),
        ("aws_access_key_id", vec![ID.into()]),
        ("aws_secret_access_key", vec![SECRET.into()]),
    ])
}

pub fn now() -> Timestamp {
    "2026-11-24T12:00:05Z".parse().unwrap()
}

pub fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

pub fn certificate() -> Vec<u8> {
    let file = "SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem";
    std::fs::read(folder("documents").join(file)).unwrap()
}

pub fn trimmed(name: &str, drop: &[usize]) -> Option<String> {
    let fixture = named("requests", name);
    let request = fixture.request(SES.profile());
    let send = laws::sending(&SES, &request).unwrap();
    let edits = SES.trim(&request, &send, drop).ok()?;
    Some(String::from_utf8(apply_edits(request.body, &edits)).unwrap())
}

pub fn refusal(reason: &'static str) -> Refusal<'static> {
    Refusal {
        cause: RefusalCause::Blocked,
        message: "why <&>",
        address: Some("ada@example.com"),
        channel: Some(Channel::Email),
        reason: Some(reason),
        code: None,
        request_id: "0199",
    }
}

pub fn reached_by(request: &Request<'_>) -> Vec<String> {
    fixture::reached(&laws::sending(&SES, request).unwrap())
}
