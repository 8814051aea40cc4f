use super::{Signed, TOKEN, fixtures, secrets};
use crate::TWILIO;
use dndgate_adapter::{Adapter, Secrets, Webhook, laws, sign};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;

const U: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const P: &[(&str, &str)] = &[
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
];

fn form(params: &[(&str, &str)]) -> Vec<u8> {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish().into_bytes()
}

struct Case<'a> {
    method: Method,
    url: &'a str,
    media: &'a str,
    body: Vec<u8>,
    signature: &'a str,
    settings: Option<&'a str>,
}

fn case<'a>(url: &'a str, params: &[(&str, &str)], signature: &'a str) -> Case<'a> {
    let media = "application/x-www-form-urlencoded";
    Case { method: Method::POST, url, media, body: form(params), signature, settings: None }
}

impl Case<'_> {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", self.media.parse().unwrap());
        headers.insert("x-twilio-signature", self.signature.parse().unwrap());
        if let Some(settings) = self.settings {
            headers.insert("x-twilio-webhooks-signature-settings", settings.parse().unwrap());
        }
        headers
    }

    fn believed(&self, secrets: &Secrets) -> bool {
        let headers = self.headers();
        let webhook = Webhook {
            method: &self.method,
            url: self.url,
            headers: &headers,
            body: &self.body,
            document: None,
        };
        webhook.prove(&TWILIO, secrets, Timestamp::UNIX_EPOCH).is_ok()
    }
}

#[test]
fn the_twelve_vectors() {
    let body_hash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
    let six = format!("{U}&bodySHA256={body_hash}");
    let nine = format!("{U}&Body=It's+amazing");
    let sids = [
        ("Sid", "CA123"),
        ("SidAccount", "AC123"),
        ("Digits", "5678"),
        ("Digits", "1234"),
        ("Digits", "1234"),
    ];
    let zeros = format!("SM{}", "0".repeat(32));
    let ten = [
        ("ToCountry", "US"),
        ("Body", "STOP"),
        ("OptOutType", "STOP"),
        ("From", "+15005550006"),
        ("To", "+15005550001"),
        ("FromCity", ""),
        ("body", "z"),
        ("ApiVersion", "2010-04-01"),
        ("MessageSid", zeros.as_str()),
    ];
    let eleven = [("Body", "Hola ¿qué? +1&2=3 👍"), ("From", "whatsapp:+5215512345678"), ("NumMedia", "0")];
    let json = br#"{"property": "value", "boolean": true}"#.to_vec();
    let user = "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2";
    let cases = [
        case(U, P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        case("https://mycompany.com:1234/myapp.php?foo=1&bar=2", P, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        case(U, P, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        case("https://mycompany.com:443/myapp.php?foo=1&bar=2", P, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        case("http://mycompany.com/myapp.php?foo=1&bar=2", P, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        case("http://mycompany.com:1234/myapp.php?foo=1&bar=2", P, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        case(U, &sids, "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        Case { media: "application/json", body: json, ..case(&six, &[], "a9nBmqA0ju/hNViExpshrM61xv4=") },
        case(user, P, "CukzLTc1tT5dXEDIHm/tKBanW10="),
        case(user, P, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
        case(&nine, P, "TfZzewPq8wqrGlMfyAud8+/IvJ0="),
        case("https://gw.example.com/in/t1/sms", &ten, "hVT9VZNLJ9TTG6Awo553U/wtb4Q="),
        case("https://gw.example.com/in/t1/wa?tenant=a%20b", &eleven, "f4kFI4MUFlZRzXBcVGgRPAUbB5Y="),
    ];
    for (index, case) in cases.iter().enumerate() {
        assert!(case.believed(&secrets(TOKEN)), "case {index}: {}", case.url);
        assert!(!case.believed(&secrets("12346")), "case {index} with another token");
        assert!(!case.believed(&Secrets::default()), "case {index} without a token");
        let fragment = format!("{}#rc=5&rp=all", case.url);
        assert!(
            Case { url: &fragment, body: case.body.clone(), method: Method::POST, ..*case }
                .believed(&secrets(TOKEN))
        );
    }
}

#[test]
fn a_shared_key_is_believed_alone() {
    let twelve = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    let settings = Some("key=webhooks_sharedkey_1,algorithm=HMAC_SHA256");
    let case = Case { settings, ..case(U, P, twelve) };
    let keys = |shared: &[&str]| {
        Secrets::new(vec![
            ("auth_token", vec![TOKEN.to_owned()]),
            ("shared_key", shared.iter().map(|key| (*key).to_owned()).collect()),
        ])
    };
    assert!(case.believed(&keys(&["12345"])));
    assert!(case.believed(&keys(&["other", "webhooks_sharedkey_1:12345"])), "rotation, and a key of that id");
    assert!(!case.believed(&keys(&["webhooks_sharedkey_2:12345"])), "the key of another id");
    assert!(!case.believed(&secrets(TOKEN)), "no shared key is configured");
    for settings in ["key=1,algorithm=HMAC_SHA1", "key=1,algorithm=NONE", "key=1", "", "algorithm"] {
        assert!(
            !Case { settings: Some(settings), body: form(P), method: Method::POST, ..case }
                .believed(&keys(&["12345"])),
            "{settings}"
        );
    }
    let weaker = Case {
        settings: None,
        signature: "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        body: form(P),
        method: Method::POST,
        ..case
    };
    assert!(!weaker.believed(&keys(&["12345"])), "SHA-1 beside a shared key");
}

#[test]
fn a_url_signature_alone_proves_no_body() {
    let url_only = sign::to_base64(&sign::hmac_sha1(TOKEN.as_bytes(), U.as_bytes()));
    let json = |url: &'static str, body: &[u8]| Case {
        media: "application/json",
        body: body.to_vec(),
        ..case(
            url,
            &[],
            Box::leak(sign::to_base64(&sign::hmac_sha1(TOKEN.as_bytes(), url.as_bytes())).into_boxed_str()),
        )
    };
    assert!(json(U, b"").believed(&secrets(TOKEN)), "nothing is unsigned");
    assert!(!json(U, b"{}").believed(&secrets(TOKEN)));
    assert!(!Case { media: "text/plain", ..json(U, b"From=1") }.believed(&secrets(TOKEN)));
    assert!(
        !Case { method: Method::GET, body: b"From=1".to_vec(), ..case(U, &[], &url_only) }
            .believed(&secrets(TOKEN))
    );
    let empty =
        "https://x.example/?bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert!(json(empty, b"{}").believed(&secrets(TOKEN)));
    assert!(!json(empty, b"[]").believed(&secrets(TOKEN)), "another body");
    let twice = "https://x.example/?bodySHA256=1&bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert!(!json(twice, b"{}").believed(&secrets(TOKEN)));
}

#[test]
fn tokens_rotate_and_belong_to_accounts() {
    let both = Secrets::new(vec![("auth_token", vec!["new".into(), TOKEN.into()])]);
    let parent = case(U, P, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    assert!(parent.believed(&both));
    let bound =
        Secrets::new(vec![("auth_token", vec!["AC1:12345".into(), "AC2:67890".into(), "general".into()])]);
    let signed = |account: &str, token: &str| {
        let params = [("AccountSid", account), ("Body", "x")];
        let signature = crate::signature::sign_form(token, U, &form(&params));
        case(U, &params, &signature).believed(&bound)
    };
    assert!(signed("AC1", "12345") && signed("AC2", "67890") && signed("AC3", "general"));
    assert!(!signed("AC1", "67890"), "one account's token proves nothing of another");
    assert!(!signed("AC1", "general") && !signed("AC3", "12345"));
}

#[test]
fn without_or_with_two_signatures_it_is_forged() {
    let signed = Signed::form(&[("Body", "x")]);
    let mut headers = signed.webhook().headers.clone();
    headers.append("x-twilio-signature", HeaderValue::from_static("x"));
    let twice = Webhook { headers: &headers, ..signed.webhook() };
    assert!(twice.prove(&TWILIO, &secrets(TOKEN), Timestamp::UNIX_EPOCH).is_err());
    headers.remove("x-twilio-signature");
    let none = Webhook { headers: &headers, ..signed.webhook() };
    assert!(none.prove(&TWILIO, &secrets(TOKEN), Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn vigilance_over_every_webhook() {
    for fixture in fixtures("webhooks") {
        if fixture.method == Method::POST
            && fixture.headers["content-type"].as_bytes().starts_with(b"application/x-www")
        {
            let signed = Signed::new(fixture.method.clone(), &fixture.url(), &fixture.body);
            laws::vigilance(
                &TWILIO,
                &signed.webhook(),
                &secrets(TOKEN),
                &secrets("54321"),
                Timestamp::UNIX_EPOCH,
                true,
            );
        }
    }
}

/// What the CRM's own validator checks.
#[test]
fn r30_a_webhook_is_signed_anew_for_the_crm() {
    let crm = "https://crm.example.com/hooks/twilio?tenant=a";
    let secrets = Secrets::new(vec![("auth_token", vec!["new".into(), TOKEN.into()])]);
    let resigned = |signed: &Signed, url: &str| {
        let authentic = signed.authentic();
        let resigned = TWILIO.resign(&authentic, url, &secrets, Timestamp::UNIX_EPOCH, false).unwrap();
        assert!(resigned.edits.is_empty());
        resigned.headers[0].1.to_str().unwrap().to_owned()
    };
    let post = Signed::form(P);
    let signature = resigned(&post, crm);
    assert!(case(crm, P, &signature).believed(&super::secrets(TOKEN)), "with the token that proved it");
    assert_eq!(resigned(&post, &format!("{crm}#rc=5")), signature, "a fragment is not signed");
    let get = Signed::new(Method::GET, "https://gate.example.com/hooks/twilio?From=%2B1&Body=x", b"");
    let signature = resigned(&get, "https://crm.example.com/?From=%2B1&Body=x");
    let url = "https://crm.example.com/?From=%2B1&Body=x";
    assert!(Case { method: Method::GET, ..case(url, &[], &signature) }.believed(&super::secrets(TOKEN)));
}
