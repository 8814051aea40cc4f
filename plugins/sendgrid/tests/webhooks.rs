//! Which webhooks are believed, what the stand-in makes, how an opt-out by mail is confirmed.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, EventKind, Secrets, Webhook,
    fixture::said,
    sandbox::{Delivered, Inbound},
    sign,
};
use dndgate_sendgrid::SENDGRID;
use http::{HeaderMap, HeaderName, Method};
use serde_json::Value;

const URL: &str = "https://gate.example.com/hooks/sendgrid";
/// From the tests of SendGrid's own SDKs (sendgrid-python, test_eventwebhook.py).
const PUBLIC_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
const SIGNATURE: &str =
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
const BAD_SIGNATURE: &str =
    "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0=";
const BAD_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqTxd43gyp8IOEto2LdIfjRQrIbsd4SXZkLW6jDutdhXSJCWHw8REntlo7aNDthvj+y7GjUuFDb/R1NGe1OPzpA==";
const TIMESTAMP: &str = "1600112502";
const PAYLOAD: &str = concat!(
    r#"[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","#,
    r#""sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","#,
    r#""sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","#,
    r#""smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]"#,
    "\r\n"
);

fn at(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(seconds).unwrap()
}

fn keys(verification: &[&str], secret: Option<&str>) -> Secrets {
    Secrets::new(vec![
        ("verification_key", verification.iter().map(|key| (*key).to_owned()).collect()),
        ("inbound_secret", secret.into_iter().map(str::to_owned).collect()),
        ("api_key", vec!["SG.key".to_owned()]),
    ])
}

fn fields(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

/// What is said of a webhook, or why it is not believed.
fn believed(headers: &HeaderMap, body: &str, secrets: &Secrets, now: i64) -> Result<Vec<String>, String> {
    let webhook = Webhook { method: &Method::POST, url: URL, headers, body: body.as_bytes(), document: None };
    let authentic = webhook.prove(&SENDGRID, secrets, at(now)).map_err(|forged| forged.to_string())?;
    let events = SENDGRID.events(&authentic).map_err(|unreadable| unreadable.to_string())?;
    Ok(events.iter().map(said).collect())
}

fn signed(timestamp: &str, signature: &str) -> HeaderMap {
    fields(&[
        ("content-type", "application/json"),
        ("x-twilio-email-event-webhook-signature", signature),
        ("x-twilio-email-event-webhook-timestamp", timestamp),
    ])
}

#[test]
fn the_vector_of_sendgrids_own_sdks() {
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{PUBLIC_KEY}\n-----END PUBLIC KEY-----\n");
    for key in [PUBLIC_KEY, &pem] {
        let told =
            believed(&signed(TIMESTAMP, SIGNATURE), PAYLOAD, &keys(&[BAD_KEY, key], None), 1_600_112_510);
        assert_eq!(told.unwrap(), ["failure email hello@world.com dropped: bounced address"]);
    }
    for (headers, body, key) in [
        (signed(TIMESTAMP, BAD_SIGNATURE), PAYLOAD, PUBLIC_KEY),
        (signed("1600112503", SIGNATURE), PAYLOAD, PUBLIC_KEY),
        (signed("timestamp", SIGNATURE), PAYLOAD, PUBLIC_KEY),
        (signed(" 1600112502", SIGNATURE), PAYLOAD, PUBLIC_KEY),
        (signed("", SIGNATURE), PAYLOAD, PUBLIC_KEY),
        (signed(TIMESTAMP, ""), PAYLOAD, PUBLIC_KEY),
        (signed(TIMESTAMP, SIGNATURE), PAYLOAD.trim_end(), PUBLIC_KEY),
        (signed(TIMESTAMP, SIGNATURE), PAYLOAD, BAD_KEY),
        (signed(TIMESTAMP, SIGNATURE), PAYLOAD, "no key"),
        (fields(&[("content-type", "application/json")]), PAYLOAD, PUBLIC_KEY),
    ] {
        assert!(believed(&headers, body, &keys(&[key], None), 1_600_112_510).is_err(), "{headers:?}");
    }
}

#[test]
fn a_digit_moved_from_the_body_into_the_time_stamp_proves_nothing_more() {
    let moved = PAYLOAD.strip_prefix('[').unwrap();
    let headers = signed("1600112502[", SIGNATURE);
    assert!(believed(&headers, moved, &keys(&[PUBLIC_KEY], None), 1_600_112_510).is_err());
}

#[test]
fn old_and_future_signatures_are_not_believed() {
    let keys = keys(&[PUBLIC_KEY], None);
    let fits = |now: i64| believed(&signed(TIMESTAMP, SIGNATURE), PAYLOAD, &keys, now).is_ok();
    assert!(fits(1_600_112_502) && fits(1_600_112_502 + 24 * 3600) && fits(1_600_112_502 - 300));
    assert!(!fits(1_600_112_502 + 26 * 3600) && !fits(1_600_112_502 - 3600));
}

#[test]
fn a_field_that_stands_there_twice_proves_nothing() {
    let mut headers = signed(TIMESTAMP, SIGNATURE);
    headers.append("x-twilio-email-event-webhook-timestamp", TIMESTAMP.parse().unwrap());
    assert!(believed(&headers, PAYLOAD, &keys(&[PUBLIC_KEY], None), 1_600_112_510).is_err());
}

const MAIL: &str = "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nAda <ada@example.org>\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nSTOP\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"envelope\"\r\n\r\n{\"to\":[\"team@crm.example.com\"],\"from\":\"ada@example.org\"}\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"headers\"\r\n\r\nMessage-ID: <7@example.org>\n\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\nOffers\r\n--b--\r\n";

#[test]
fn unsigned_mail_is_believed_with_the_secret_of_its_address_only() {
    let basic = format!("Basic {}", sign::to_base64(b"sendgrid:s3cret"));
    let with = |media: &str, authorization: &str| {
        fields(&[("content-type", media), ("authorization", authorization)])
    };
    let form = "multipart/form-data; boundary=b";
    let told = |headers: &HeaderMap, body: &str, keys: &Secrets| believed(headers, body, keys, 1_600_112_510);
    let both = keys(&[PUBLIC_KEY], Some("s3cret"));
    assert_eq!(
        told(&with(form, &basic), MAIL, &both).unwrap(),
        ["message email ada@example.org STOP | Offers"]
    );
    assert!(told(&with(form, &basic), MAIL, &keys(&[PUBLIC_KEY], None)).is_err(), "no secret, no belief");
    assert!(told(&with(form, &basic), MAIL, &keys(&[PUBLIC_KEY], Some("other"))).is_err());
    assert!(told(&fields(&[("content-type", form)]), MAIL, &both).is_err());
    assert!(told(&with("application/json", &basic), PAYLOAD, &both).is_err(), "events are signed, always");
    assert!(told(&with("text/plain", &basic), PAYLOAD, &both).is_err());
    let mut half = with(form, &basic);
    half.insert("x-twilio-email-event-webhook-timestamp", TIMESTAMP.parse().unwrap());
    assert!(told(&half, MAIL, &both).is_err(), "what claims to be signed must be");
}

#[test]
fn an_opt_out_by_mail_is_confirmed_from_the_address_that_it_went_to() {
    let basic = format!("Basic {}", sign::to_base64(b"sendgrid:s3cret"));
    let headers = fields(&[("content-type", "multipart/form-data; boundary=b"), ("authorization", &basic)]);
    let webhook =
        Webhook { method: &Method::POST, url: URL, headers: &headers, body: MAIL.as_bytes(), document: None };
    let secrets = keys(&[], Some("s3cret"));
    let authentic = webhook.prove(&SENDGRID, &secrets, at(0)).unwrap();
    let events = SENDGRID.events(&authentic).unwrap();
    assert!(!SENDGRID.confirms_itself(&authentic, &events[0]));
    let call = SENDGRID.confirm_call(&authentic, &events[0], "You are unsubscribed.", &secrets).unwrap();
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(call.path_and_query, "/v3/mail/send");
    assert_eq!(body["personalizations"][0]["to"][0]["email"], "ada@example.org");
    assert_eq!(body["from"]["email"], "team@crm.example.com");
    assert_eq!(
        (&body["subject"], &body["headers"]["In-Reply-To"]),
        (&"Re: Offers".into(), &"<7@example.org>".into())
    );
    assert_eq!(body["headers"]["Auto-Submitted"], "auto-replied");
    assert!(SENDGRID.confirm_call(&authentic, &events[0], "x", &keys(&[], None)).is_some());
    assert!(SENDGRID.confirm_call(&authentic, &events[0], "x", &Secrets::default()).is_none());
}

#[test]
fn the_stand_ins_webhooks_are_believed_with_its_key() {
    let sandbox = SENDGRID.sandbox().unwrap();
    let key = sandbox.key("verification_key").unwrap();
    assert!(sandbox.key("api_key").is_none());
    let secrets = keys(&[&key], None);
    let now = 1_795_438_810;
    let inbound = Inbound {
        channel: dndgate_adapter::Channel::Email,
        from: "ada@example.org",
        to: "team@crm.example.com",
        text: "STOP",
    };
    let delivered = Delivered {
        id: "m1".into(),
        channel: dndgate_adapter::Channel::Email,
        from: "team@crm.example.com".into(),
        to: "ada@example.org".into(),
        text: String::new(),
        callback: String::new(),
    };
    let mut calls = vec![(
        sandbox.inbound(&inbound, URL, &secrets, 1, at(now)),
        "message email ada@example.org STOP | STOP",
    )];
    for (code, expected) in [
        ("bounce", "failure email ada@example.org bounce"),
        ("blocked", "failure email ada@example.org blocked"),
        ("dropped: Spam Reporting Address", "failure email ada@example.org dropped: spam reporting address"),
        ("spamreport", "complaint email ada@example.org"),
        ("unsubscribe", "unsubscribe email ada@example.org"),
        ("group_unsubscribe", "preference email ada@example.org stop group_unsubscribe"),
    ] {
        calls.push((sandbox.failure(&delivered, code, URL, &secrets, 2, at(now)), expected));
    }
    for (call, expected) in calls {
        assert_eq!(call.path_and_query, "/hooks/sendgrid");
        let headers = call.headers.into_iter().collect::<HeaderMap>();
        let body = String::from_utf8(call.body).unwrap();
        assert_eq!(believed(&headers, &body, &secrets, now).unwrap(), [expected]);
        assert!(believed(&headers, &body, &keys(&[PUBLIC_KEY], None), now).is_err());
    }
}

#[test]
fn severities_are_sendgrids_own() {
    use dndgate_adapter::Severity;
    let key = SENDGRID.sandbox().unwrap().key("verification_key").unwrap();
    let delivered = Delivered {
        id: "m1".into(),
        channel: dndgate_adapter::Channel::Email,
        from: String::new(),
        to: "ada@example.org".into(),
        text: String::new(),
        callback: String::new(),
    };
    for (code, expected) in [
        ("bounce", Severity::Permanent),
        ("blocked", Severity::Temporary),
        ("expired", Severity::Temporary),
        ("dropped: Invalid", Severity::Unsaid),
    ] {
        let secrets = keys(&[&key], None);
        let call = SENDGRID.sandbox().unwrap().failure(&delivered, code, URL, &secrets, 2, at(9));
        let headers = call.headers.into_iter().collect::<HeaderMap>();
        let webhook =
            Webhook { method: &Method::POST, url: URL, headers: &headers, body: &call.body, document: None };
        let events = SENDGRID.events(&webhook.prove(&SENDGRID, &secrets, at(9)).unwrap()).unwrap();
        assert_eq!(events[0].at, Some(at(9)));
        assert!(
            matches!(&events[0].kind, EventKind::Failure { severity, .. } if *severity == expected),
            "{code}"
        );
    }
}
