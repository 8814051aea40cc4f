//! The caller's signature and the gateway's own.
#![allow(clippy::unwrap_used)]

mod common;

use common::{ID, SECRET, TOPIC, folder, named, now, secrets};
use dndgate_adapter::{Adapter, Came, Onward, Outbound, Secrets, fixture::Fixture, sign};
use dndgate_ses::SES;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

#[test]
fn callers_signatures_are_checked() {
    let mut seen = 0;
    for fixture in Fixture::all(folder("requests")) {
        let Some(at) = fixture.headers.get("x-amz-date") else { continue };
        let request = fixture.request(SES.profile());
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", at.to_str().unwrap()).unwrap();
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        let target =
            if fixture.target == "/" { "/ses".to_owned() } else { format!("/ses{}", fixture.target) };
        let signed = |target: &str, body: &[u8], headers: &HeaderMap, secrets: &Secrets, now: Timestamp| {
            let onward = Onward {
                came: Some(Came {
                    head: dndgate_adapter::Head { headers, ..request.head },
                    path_and_query: target,
                    sha256: sign::sha256(body),
                }),
                method: &fixture.method,
                authority: "127.0.0.1:1",
                path_and_query: &fixture.target,
                headers,
                sha256: sign::sha256(body),
            };
            SES.sign_onward(&onward, secrets, now).map_err(|why| why.message)
        };
        let name = &fixture.name;
        let (body, headers, known) = (&fixture.body, &fixture.headers, secrets(TOPIC));
        assert!(signed(&target, body, headers, &known, at).is_ok(), "{name}");
        seen += 1;
        assert!(signed(&fixture.target, body, headers, &known, at).is_err(), "{name}: another path");
        assert!(signed(&format!("{target}?a=b"), body, headers, &known, at).is_err(), "{name}: a query");
        assert!(signed(&target, b"x", headers, &known, at).is_err(), "{name}: another body");
        for hours in [-1, 1] {
            let other = at + jiff::SignedDuration::from_hours(hours);
            assert!(signed(&target, body, headers, &known, other).is_err(), "{name}: another time");
        }
        let changes: [&dyn Fn(&mut HeaderMap); 5] = [
            &|headers| drop(headers.insert("host", HeaderValue::from_static("evil.example"))),
            &|headers| drop(headers.remove("authorization")),
            &|headers| {
                headers.append("x-amz-date", HeaderValue::from_static("20261124T000000Z"));
            },
            &|headers| drop(headers.insert("x-amz-security-token", HeaderValue::from_static("x"))),
            &|headers| {
                let field = headers["authorization"].to_str().unwrap().replace("us-east-1", "eu-west-1");
                headers.insert("authorization", field.parse().unwrap());
            },
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut headers = headers.clone();
            change(&mut headers);
            assert!(signed(&target, body, &headers, &known, at).is_err(), "{name}: change {index}");
        }
        for (id, secret) in [(ID, "other"), ("AKIAOTHER", SECRET), ("", "")] {
            let other = Secrets::new(vec![
                ("aws_access_key_id", vec![id.into()]),
                ("aws_secret_access_key", vec![secret.into()]),
            ]);
            assert!(signed(&target, body, headers, &other, at).is_err(), "{name}: {id} {secret}");
        }
        // A pair of the gateway's own beside the one for SES.
        let both = Secrets::new(vec![
            ("aws_access_key_id", vec!["AKIASES".into(), ID.into()]),
            ("aws_secret_access_key", vec!["ses".into(), SECRET.into()]),
        ]);
        let fields = signed(&target, body, headers, &both, at).unwrap();
        let authorization = fields.iter().find(|(name, _)| name == "authorization").unwrap();
        assert!(
            authorization
                .1
                .to_str()
                .unwrap()
                .contains("Credential=AKIASES/20261124/us-east-1/ses/aws4_request")
        );
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn what_is_signed_onward_is_signed_rightly() {
    let known = secrets(TOPIC);
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("email.us-east-1.amazonaws.com"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let (target, sha256) =
        ("/v2/email/suppression/addresses/ada%40example.com?b=1&a=%2F", sign::sha256(b"{}"));
    let onward = Onward {
        came: None,
        method: &http::Method::PUT,
        authority: "email.us-east-1.amazonaws.com",
        path_and_query: target,
        headers: &headers,
        sha256,
    };
    let fields = SES.sign_onward(&onward, &known, now()).unwrap();
    let mut signed = headers.clone();
    fields.into_iter().for_each(|(name, value)| drop(signed.insert(name, value)));
    let came = |path_and_query| Came {
        head: dndgate_adapter::Head {
            method: &http::Method::PUT,
            host: None,
            path: "/x",
            query: None,
            headers: &signed,
        },
        path_and_query,
        sha256,
    };
    assert!(SES.sign_onward(&Onward { came: Some(came(target)), ..onward }, &known, now()).is_ok());
    assert!(SES.sign_onward(&Onward { came: Some(came("/x")), ..onward }, &known, now()).is_err());
    let eu = Onward { authority: "email.eu-west-1.amazonaws.com", ..onward };
    let fields = SES.sign_onward(&eu, &known, now()).unwrap();
    assert!(fields.iter().any(|(_, value)| value.to_str().unwrap().contains("/eu-west-1/ses/")));
    assert!(SES.sign_onward(&onward, &Secrets::default(), now()).is_err(), "no keys");
}

#[test]
fn the_account_is_the_callers_key() {
    let fixture = named("requests", "js-simple.http");
    let request = fixture.request(SES.profile());
    assert_eq!(SES.account(&request.head).as_deref(), Some(ID));
    assert!(matches!(SES.read(&request), Ok(Outbound::Send(_))));
}

#[test]
fn an_adapter_is_made_for_each_region_once() {
    let region = |name: &str| Secrets::new(vec![("region", vec![name.to_owned()])]);
    let made = |name: &str| dndgate_ses::for_region(&region(name)).map(|made| made.profile().upstream);
    assert_eq!(made("eu-west-1"), Ok("https://email.eu-west-1.amazonaws.com"));
    assert_eq!(made("cn-north-1"), Ok("https://email.cn-north-1.amazonaws.com.cn"));
    assert_eq!(made("us-east-1"), Ok(SES.profile().upstream));
    let [one, other] = [0, 1].map(|_| dndgate_ses::for_region(&region("eu-west-1")).unwrap());
    assert!(std::ptr::eq(one.profile(), other.profile()));
    for wrong in ["", "evil.example/x", "EU"] {
        assert!(made(wrong).is_err(), "{wrong}");
    }
}
