//! The shipped descriptions: what is read in real requests and webhooks, and the laws of every adapter.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Channel, Event, EventKind, Outbound, Recipient, Refusal, RefusalCause, ReplyGate,
    ReplyLink, Secrets, Webhook, apply_edits,
    fixture::{self, Fixture},
    laws,
};
use dndgate_custom::Custom;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

const BASE: &str = "https://gate.example.com";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn smsapi() -> &'static Custom {
    static ONE: OnceLock<&Custom> = OnceLock::new();
    ONE.get_or_init(|| dndgate_custom::read(include_str!("../examples/smsapi.toml"), "smsapi.toml").unwrap())
}

fn house() -> &'static Custom {
    static ONE: OnceLock<&Custom> = OnceLock::new();
    ONE.get_or_init(|| dndgate_custom::read(include_str!("../examples/house.toml"), "house.toml").unwrap())
}

fn secrets(secret: &str) -> Secrets {
    Secrets::new(vec![("secret", vec![secret.into()]), ("api_key", vec!["user:TOKEN".into()])])
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_438_810).unwrap()
}

fn named(folder_name: &str, name: &str) -> Fixture {
    Fixture::named(folder(folder_name), name)
}

#[test]
fn requests() {
    fixture::requests_obey(smsapi(), folder("smsapi/requests"));
    fixture::requests_obey(house(), folder("house/requests"));
}

#[test]
fn webhooks() {
    let keys = (&secrets("the-secret"), &secrets("another"));
    fixture::webhooks_obey(smsapi(), folder("smsapi/webhooks"), BASE, keys, now(), false);
    fixture::webhooks_obey(house(), folder("house/webhooks"), BASE, keys, now(), true);
}

#[test]
fn r11_trims_whatever_stands_beside_the_numbers() {
    let trimmed = |name: &str, drop: &[usize]| {
        let fixture = named("smsapi/requests", name);
        let request = fixture.request(smsapi().profile());
        let sending = laws::sending(smsapi(), &request).unwrap();
        let edits = smsapi().trim(&request, &sending, drop).unwrap();
        let body = String::from_utf8(apply_edits(request.body, &edits)).unwrap();
        (body, smsapi().trim_query(&request, &sending, drop))
    };
    let (body, query) = trimmed("several.http", &[1]);
    assert!(body.contains("&to=48500500500%2C%2B48+500+500+502&param1=Ada%7CEve&idx=1%7C3&"), "{body}");
    assert_eq!(query, None);
    let (_, query) = trimmed("get.http", &[0]);
    assert_eq!(query.as_deref(), Some("to=48500500501&message=Hi&idx=2&format=json"));
}

#[test]
fn r12_a_block_is_an_error_of_the_providers_kind() {
    let refusal = |cause| Refusal {
        cause,
        message: "no \"more\"",
        address: Some("+14155550100"),
        channel: Some(Channel::Sms),
        reason: Some("keyword"),
        code: None,
        request_id: "0199",
    };
    let head = named("smsapi/requests", "message.http");
    let head = head.request(smsapi().profile()).head;
    let reply = smsapi().refuse(&head, &refusal(RefusalCause::Blocked));
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status.as_u16(), &body["error"]), (400, &13.into()));
    assert_eq!(body["dnd"]["reason"], "keyword");
    assert!(body["message"].as_str().unwrap().starts_with("no \"more\""));
    for (cause, status) in [
        (RefusalCause::Account, 403),
        (RefusalCause::TooLarge, 413),
        (RefusalCause::GatewayTimeout, 504),
        (RefusalCause::Unavailable, 503),
    ] {
        assert_eq!(smsapi().refuse(&head, &refusal(cause)).status, status);
    }
}

#[test]
fn r14_r19_answers_teach() {
    let learned = |name: &str, body: &str| {
        let fixture = named("smsapi/requests", name);
        let request = fixture.request(smsapi().profile());
        let Ok(Outbound::Send(sending)) = smsapi().read(&request) else { panic!() };
        assert!(smsapi().wants_answer(&sending, StatusCode::OK));
        let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body: body.as_bytes() };
        smsapi().learn(&request, &sending, &[], &answer)
    };
    let refused = r#"{"error":13,"message":"No correct phonenumbers","invalid_numbers":[]}"#;
    assert_eq!(fixture::said(&learned("message.http", refused).events[0]), "failure sms 48500500500 13");
    assert!(learned("several.http", refused).events.is_empty(), "whom it concerns is not said");
    let taken = r#"{"count":1,"list":[{"id":"14&6","number":"48500500500","submitted_number":"48500500500","error":null}]}"#;
    assert!(learned("message.http", taken).events.is_empty());
    let later = learned("scheduled.http", taken);
    assert_eq!(later.scheduled[0].address, "48500500500");
    let call = smsapi().cancel(&later.scheduled[0], &secrets("x")).unwrap();
    assert_eq!(String::from_utf8(call.body).unwrap(), "format=json&sch_del=14%266");
    assert_eq!(call.headers[0].1, "Bearer user:TOKEN");
    assert!(smsapi().cancel(&later.scheduled[0], &Secrets::default()).is_none(), "no key, no cancelling");
    let call = house().cancel(&later.scheduled[0], &secrets("x")).unwrap();
    assert_eq!((call.method, &*call.path_and_query), (Method::DELETE, "/v1/scheduled/14%266"));
    assert_eq!(call.headers[0].1, "Basic dXNlcjpUT0tFTg==");
}

#[test]
fn one_text_confirms_an_opt_out() {
    let stop = named("smsapi/webhooks", "reply.http");
    stop.webhook(BASE, |webhook| {
        let authentic = webhook.prove(smsapi(), &secrets("the-secret"), now()).unwrap();
        let events = smsapi().events(&authentic).unwrap();
        assert!(!smsapi().confirms_itself(&authentic, &events[0]));
        let call = smsapi().confirm_call(&authentic, &events[0], "Bye & thanks", &secrets("x")).unwrap();
        let body = String::from_utf8(call.body).unwrap();
        assert_eq!(
            body,
            "format=json&encoding=utf%2D8&to=48500500500&message=Bye%20%26%20thanks"
                .replace("utf%2D8", "utf-8")
                .replace("to=4", "to=%2B4")
        );
    });
}

#[test]
fn an_old_forged_or_unsigned_webhook_is_not_believed() {
    let stop = named("house/webhooks", "stop.http");
    let keys = secrets("the-secret");
    stop.webhook(BASE, |webhook| {
        for seconds in [-301, 301] {
            let later = now() + jiff::SignedDuration::from_secs(seconds - 10);
            assert!(webhook.prove(house(), &keys, later).is_err(), "{seconds}");
        }
        let mut headers = webhook.headers.clone();
        headers.append("x-house-signature", HeaderValue::from_static("v1=00"));
        assert!(
            Webhook { headers: &headers, ..webhook }.prove(house(), &keys, now()).is_err(),
            "two signatures"
        );
        let mut headers = webhook.headers.clone();
        let bare = headers["x-house-signature"].to_str().unwrap()[3..].to_owned();
        headers.insert("x-house-signature", bare.parse().unwrap());
        assert!(Webhook { headers: &headers, ..webhook }.prove(house(), &keys, now()).is_err(), "no prefix");
        // What stands in a query is not covered by a signature over the body.
        let url = format!("{}?type=message", webhook.url);
        let (name, text) = house().signature(&Webhook { body: b"", ..webhook }, "the-secret").unwrap();
        let mut headers = webhook.headers.clone();
        headers.insert(name, text.parse().unwrap());
        let empty = Webhook { headers: &headers, body: b"", url: &url, ..webhook };
        assert!(empty.prove(house(), &keys, now()).is_err(), "nothing signed");
    });
    let reply = named("smsapi/webhooks", "reply.http");
    for target in ["/hooks/smsapi", "/hooks/smsapi?key=wrong", "/hooks/smsapi?key=the-secret&key=x"] {
        let fixture = Fixture { target: target.into(), ..reply.clone() };
        fixture.webhook(BASE, |webhook| assert!(webhook.prove(smsapi(), &keys, now()).is_err(), "{target}"));
    }
}

#[test]
fn r19_a_report_to_the_gateways_own_address_is_believed_where_nothing_is_signed() {
    let report = named("smsapi/webhooks", "report.http");
    let at = |target: &str, adapter: &Custom| {
        let fixture = Fixture { target: target.into(), ..report.clone() };
        fixture.webhook(BASE, |webhook| webhook.prove(adapter, &secrets("the-secret"), now()).is_ok())
    };
    assert!(at("/hooks/smsapi/cb/token?MsgId=1", smsapi()));
    assert!(!at("/hooks/smsapi/x/hooks/smsapi/cb/token?MsgId=1", smsapi()));
    assert!(!at("/hooks/house/cb/token?MsgId=1", house()), "a signature is still needed");
}

#[test]
fn r30_a_late_webhook_is_signed_anew() {
    let stop = named("house/webhooks", "stop.http");
    stop.webhook(BASE, |webhook| {
        let authentic = webhook.prove(house(), &secrets("the-secret"), now()).unwrap();
        assert!(
            house()
                .resign(&authentic, "https://crm.example.com/x", &secrets("the-secret"), now(), false)
                .is_none()
        );
        let later = now() + jiff::SignedDuration::from_hours(5);
        let resigned =
            house().resign(&authentic, "https://crm.example.com/x", &secrets("the-secret"), later, true);
        let mut headers = webhook.headers.clone();
        for (name, value) in resigned.unwrap().headers {
            headers.insert(name, value);
        }
        assert!(
            Webhook { headers: &headers, ..webhook }.prove(house(), &secrets("the-secret"), later).is_ok()
        );
    });
}

struct Gate(bool);

impl ReplyGate for Gate {
    fn allows(&mut self, recipient: &Recipient<'_>) -> bool {
        assert_eq!(recipient.address, "+14155550100");
        self.0
    }
    fn link(&mut self, url: &str, _: ReplyLink) -> String {
        url.to_owned()
    }
}

#[test]
fn r14_what_the_crm_answers_is_judged_or_kept_back() {
    let answered = |adapter: &'static Custom, fixture: &str, body: &[u8], allows: bool| {
        let folder = format!("{}/webhooks", adapter.profile().name);
        named(&folder, fixture).webhook(BASE, |webhook| {
            let authentic = webhook.prove(adapter, &secrets("the-secret"), now()).unwrap();
            let answer = Answer { status: StatusCode::OK, headers: &HeaderMap::new(), body };
            adapter.gate_reply(&authentic, &answer, &mut Gate(allows)).map(|reply| reply.map(|one| one.body))
        })
    };
    assert_eq!(answered(smsapi(), "reply.http", b"<Response/>", false), Ok(Some(b"OK".to_vec())));
    assert_eq!(answered(house(), "stop.http", b"Thanks!", true), Ok(None));
    assert_eq!(answered(house(), "stop.http", b"Thanks!", false), Ok(Some(Vec::new())));
    assert_eq!(answered(house(), "stop.http", b" ", false), Ok(None));
    assert!(answered(house(), "reports.http", b"Thanks!", true).is_err());
}

#[test]
fn a_second_stop_is_another_event() {
    let stop = named("smsapi/webhooks", "reply.http");
    let id = |fixture: &Fixture| {
        fixture.webhook(BASE, |webhook| {
            let authentic = webhook.prove(smsapi(), &secrets("the-secret"), now()).unwrap();
            let events: Vec<Event<'_>> = smsapi().events(&authentic).unwrap();
            assert!(matches!(events[0].kind, EventKind::Message { .. }));
            assert_eq!(events[0].account.as_deref(), Some("acme"));
            assert!(events[0].at.is_some());
            events[0].id.to_string()
        })
    };
    let mut later = stop.clone();
    later.body = String::from_utf8(stop.body.clone()).unwrap().replace("1795438800", "1795438900").into();
    assert_ne!(id(&stop), id(&later));
    assert_eq!(id(&stop), id(&stop.clone()));
}

#[test]
fn accounts() {
    let of = |name: &str| {
        let fixture = named("house/requests", name);
        house().account(&fixture.request(house().profile()).head).map(|account| account.into_owned())
    };
    assert_eq!(of("message.http").as_deref(), Some("AC7"));
    assert_eq!(of("call.http").as_deref(), Some("AC7"));
}

proptest! {
    #[test]
    fn r11_lists_of_numbers_obey_the_laws(people in prop::collection::vec("[0-9]{7,12}", 1..7), gone in 0usize..7, in_query: bool) {
        let form = format!("message=x&to={}&idx={}", people.join(","), people.join("%7C"));
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let (method, query, body) =
            if in_query { (Method::GET, Some(&*form), &b""[..]) } else { (Method::POST, None, form.as_bytes()) };
        let head = dndgate_adapter::Head { method: &method, host: None, path: "/sms.do", query, headers: &headers };
        let request = dndgate_adapter::Request { head, body };
        laws::identity(smsapi(), &request);
        laws::honesty(smsapi(), &request, &[gone % people.len()]);
    }

    #[test]
    fn webhooks_never_panic(body in "\\PC{0,80}", query in "[a-zA-Z_=&,%0-9]{0,60}") {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let url = format!("{BASE}/hooks/smsapi?key=the-secret&{query}");
        for (method, body) in [(Method::GET, ""), (Method::POST, &*body)] {
            let webhook =
                Webhook { method: &method, url: &url, headers: &headers, body: body.as_bytes(), document: None };
            if let Ok(authentic) = webhook.prove(smsapi(), &secrets("the-secret"), now()) {
                laws::patience(smsapi(), &authentic);
            }
        }
    }
}
