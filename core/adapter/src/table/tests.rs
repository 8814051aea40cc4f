//! A made-up provider with everything that a description can say.

use super::*;
use crate::{Copies, apply_edits};
use http::{HeaderMap, Method};
use proptest::prelude::*;

const CHAT: &[(&str, Channels, AddressKind)] = &[
    ("sms", Channels::of(Channel::Sms), AddressKind::Phone),
    ("messenger", Channels::of(Channel::Fb), AddressKind::Psid),
    ("whatsapp", Channels::of(Channel::WhatsApp), AddressKind::Phone),
];

static ONE: Send = Send {
    forms: &[Form::Json, Form::Urlencoded],
    to: &[To { at: "dst", joined: "<", ..To::sms("dst") }],
    callbacks: &[("url", CallbackKind::Status)],
    scheduled: &["send_at"],
    sender: "src",
    tags: &["tag"],
    unnamed: &[("groups", "groups")],
    ..Send::NONE
};
static MANY: Send =
    Send { to: &[To::sms("to[]")], keyed: &["parameters.*"], parallel: &[("names", ";")], ..Send::NONE };
static CHATS: Send = Send {
    to: &[
        To { at: "to", joined: "", way: Way::Beside("channel", CHAT), role: Role::To },
        To { at: "failover[].to", joined: "", way: Way::Beside("channel", CHAT), role: Role::To },
    ],
    dispensable: &["failover"],
    ..Send::NONE
};
static BATCH: Send = Send {
    to: &[
        To::email("[].to[].email", Role::To),
        To::email("[].cc[].email", Role::Cc),
        To::email("[].bcc[].email", Role::Bcc),
    ],
    scheduled: &["[].later"],
    handle: "[].batch",
    check: Some(|body| match body.get("odd") {
        Some(_) => Err(Unreadable::new("odd")),
        None => Ok(()),
    }),
    ..Send::NONE
};
static TEXTS: Send = Send {
    to: &[To::email("To", Role::To).joined(","), To::email("Cc", Role::Cc).joined(",")],
    check: BATCH.check,
    ..Send::NONE
};
static CALL: Send = Send { to: &[To::call("to").joined("<")], ..Send::NONE };
static TRANSFER: Send = Send { callbacks: &[("next", CallbackKind::Document)], ..Send::NONE };
static QUERY: Send = Send {
    forms: &[Form::Query, Form::Urlencoded],
    to: &[To::sms("to").joined(",")],
    parallel: &[("idx", "|")],
    scheduled: &["date"],
    ..Send::NONE
};

static API: Api = Api {
    main_host: "api.example.com",
    endpoints: &[
        row("POST", "v1/one", Act::Send(&ONE)),
        row("POST", "v1/many", Act::Send(&MANY)),
        row("POST", "v1/chats", Act::Send(&CHATS)),
        row("POST", "v1/batch", Act::Send(&BATCH)),
        row("POST", "v1/texts", Act::Send(&TEXTS)),
        row("POST", "v1/call", Act::Send(&CALL)),
        row("POST", "v1/transfer", Act::Send(&TRANSFER)),
        row("GET", "v1/query", Act::Send(&QUERY)),
        row("POST", "v1/query", Act::Send(&QUERY)),
        row("POST", "v1/lists/*/send", Act::Unnamed("lists")),
        row("*", "v1/templates/**", Act::Nobody),
    ],
    closing_slash: true,
};

const fn row(method: &'static str, path: &'static str, act: Act) -> Endpoint {
    Endpoint { host: "api.example.com", method, path, act }
}

/// Runs `check` on a request.
fn with<T>(target: &str, body: &str, check: impl FnOnce(&Request<'_>) -> T) -> T {
    let (method, target) = target.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let media =
        if body.starts_with(['{', '[']) { "application/json" } else { "application/x-www-form-urlencoded" };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", media.parse().unwrap());
    let method: Method = method.parse().unwrap();
    let head = Head { method: &method, host: None, path, query, headers: &headers };
    check(&Request { head, body: body.as_bytes() })
}

/// Whom a request reaches, as `sms:+1…`.
fn people(target: &str, body: &str) -> Result<Vec<String>, String> {
    with(target, body, |request| match API.read(request) {
        Ok(Outbound::Send(sending)) => Ok(sending
            .recipients
            .iter()
            .map(|one| format!("{}:{}", one.channels.first().unwrap().label(), one.address))
            .collect()),
        Ok(Outbound::Nobody) => Ok(Vec::new()),
        Ok(other) => Err(format!("{other:?}")),
        Err(unreadable) => Err(unreadable.message.into_owned()),
    })
}

fn trimmed(target: &str, body: &str, drop: &[usize]) -> Result<String, String> {
    with(target, body, |request| {
        let edits = API.trim(request, drop).map_err(|cannot| cannot.to_string())?;
        Ok(String::from_utf8(apply_edits(request.body, &edits)).unwrap())
    })
}

#[test]
fn finds_recipients_where_the_description_says() {
    for (target, body, expected) in [
        ("POST /v1/one", r#"{"dst":"+1415< 1416 <"}"#, &["sms:+1415", "sms:1416"][..]),
        ("POST /v1/one/", r#"{"dst":14155550100}"#, &["sms:14155550100"]),
        ("POST /v1/one", "dst=%2B1415&src=x", &["sms:+1415"]),
        ("POST /v1/many", r#"{"to":["a\u0031","b"]}"#, &["sms:a1", "sms:b"]),
        ("POST /v1/many", r#"{"to":"a"}"#, &["sms:a"]),
        (
            "POST /v1/chats",
            r#"{"channel":"sms","to":"1","failover":[{"to":"2","channel":"messenger"}]}"#,
            &["sms:1", "fb:2"],
        ),
        ("POST /v1/batch", r#"[{"to":[{"email":"a"}],"cc":[{"email":"c"}]}]"#, &["email:a", "email:c"]),
        ("GET /v1/query?to=%2B1", "", &["sms:+1"]),
        ("POST /v1/templates/x/y", r#"{"to":"1"}"#, &[]),
        ("GET /v1/one", "", &[]),
    ] {
        assert_eq!(people(target, body).unwrap(), expected, "{target} {body}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_an_error() {
    for (target, body) in [
        ("POST /v1/one", r#"{"dst":"1","Dst":"2"}"#),
        ("POST /v1/one", r#"{"dst":"1","dst":"2"}"#),
        ("POST /v1/one", r#"{"dst":["1"]}"#),
        ("POST /v1/one", r#"{"dst":1.5}"#),
        ("POST /v1/one", r#"{"dst":{"x":"1"}}"#),
        ("POST /v1/one", r#"{"dst":null}"#),
        ("POST /v1/one", r#"{"src":"1"}"#),
        ("POST /v1/one?dst=2", r#"{"dst":"1"}"#),
        ("POST /v1/one?groups[]=2", r#"{"dst":"1"}"#),
        ("POST /v1/query?DATE=2026", "to=1"),
        ("POST /v1/batch?email[]=b", r#"[{"to":[{"email":"a"}]}]"#),
        ("POST /v1/one", "dst=1&dst=2"),
        ("POST /v1/one", "dst=1&DST=2"),
        ("POST /v1/many", "to=1"),
        ("POST /v1/many", r#"{"to":[["1"]]}"#),
        ("POST /v1/chats", r#"{"channel":"pigeon","to":"1"}"#),
        ("POST /v1/chats", r#"{"to":"1"}"#),
        ("POST /v1/chats", r#"{"channel":"sms","to":"1","failover":["x"]}"#),
        ("POST /v1/texts", r#"{"To":"a","odd":1}"#),
        ("POST /v1/One", r#"{"dst":"1"}"#),
        ("POST /v1/one.json", r#"{"dst":"1"}"#),
        ("POST /v1//one", r#"{"dst":"1"}"#),
        ("POST /v1/o%6ee", r#"{"dst":"1"}"#),
    ] {
        assert!(people(target, body).is_err(), "{target} {body}");
    }
    assert_eq!(people("POST /v1/other", "{}").unwrap_err(), "Unrecognised");
    assert_eq!(people("POST /v1/lists/7/send", "{}").unwrap_err(), "Unnamed(\"lists\")");
}

#[test]
fn a_telephone_behind_a_sip_address_is_called_and_a_desk_is_nobody() {
    let body = r#"{"to":"sip:+14155550100@x<sip:agent@x<14155550101"}"#;
    with("POST /v1/call", body, |request| {
        let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
        let seen: Vec<_> =
            sending.recipients.iter().map(|one| (one.channels.is_empty(), &*one.address)).collect();
        assert_eq!(seen, [(false, "+14155550100"), (true, "sip:agent@x"), (false, "14155550101")]);
    });
    assert_eq!(trimmed("POST /v1/call", body, &[0]).unwrap(), r#"{"to":"sip:agent@x<14155550101"}"#);
    assert!(people("POST /v1/call", r#"{"to":"sip:a@b@14155550100"}"#).is_err());
}

#[test]
fn what_names_nobody_still_leads_somewhere() {
    with("POST /v1/transfer", r#"{"next":"https://crm/x"}"#, |request| {
        let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
        assert!(sending.recipients.is_empty() && sending.callbacks.len() == 1);
    });
}

#[test]
fn a_user_id_of_whatsapp_is_no_number() {
    for (address, kind) in [("US.13491208655302741918", AddressKind::Wa), ("14155550100", AddressKind::Phone)]
    {
        with("POST /v1/chats", &format!(r#"{{"channel":"whatsapp","to":"{address}"}}"#), |request| {
            let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
            assert_eq!(sending.recipients[0].kind, kind);
        });
    }
}

#[test]
fn facts_of_a_send() {
    let body = r#"{"dst":"1","url":"https://crm/x","send_at":"2026","src":"me","tag":"t","groups":[7]}"#;
    with("POST /v1/one", body, |request| {
        let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
        assert_eq!(sending.callbacks[0].url, "https://crm/x");
        assert!(sending.scheduled);
        assert_eq!((&*sending.sender, &*sending.tags[0]), ("me", "t"));
        assert_eq!(sending.unnamed, Some("groups"));
    });
    with("POST /v1/one", r#"{"dst":"1","groups":[],"send_at":null}"#, |request| {
        let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
        assert_eq!((sending.unnamed, sending.scheduled), (None, false));
    });
}

#[test]
fn hidden_copies_hang_on_their_mail_and_what_leaves_later_on_its_handle() {
    let body = r#"[{"to":[{"email":"a"}],"bcc":[{"email":"x"}],"later":7},{"to":[{"email":"b"}],"cc":[{"email":"c"}]}]"#;
    with("POST /v1/batch", body, |request| {
        let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
        assert_eq!(sending.copies, [Copies { who: vec![3], of: vec![0] }]);
        assert_eq!((sending.scheduled, sending.unnamed), (true, Some("scheduled")));
    });
    with("POST /v1/batch", r#"[{"to":[{"email":"a"}],"later":7,"batch":"b"}]"#, |request| {
        let Ok(Outbound::Send(sending)) = API.read(request) else { panic!() };
        assert_eq!((sending.scheduled, sending.unnamed), (true, None));
    });
}

#[test]
fn json_is_utf_8() {
    for (media, fits) in [
        ("application/json", true),
        ("application/json; charset=UTF-8", true),
        ("application/json;charset=\"utf-8\"", true),
        ("application/json; charset=utf-16", false),
        ("application/json; charset=utf-8; charset=utf-7", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", media.parse().unwrap());
        let head =
            Head { method: &Method::POST, host: None, path: "/v1/one", query: None, headers: &headers };
        assert_eq!(API.read(&Request { head, body: br#"{"dst":"1"}"# }).is_ok(), fits, "{media}");
    }
}

#[test]
fn r10_a_form_is_in_a_charset_that_has_ascii() {
    for (media, body, fits) in [
        ("application/x-www-form-urlencoded", "dst=1", true),
        ("application/x-www-form-urlencoded; charset=UTF-8", "dst=1", true),
        ("application/x-www-form-urlencoded; charset=ISO-8859-2", "dst=1", true),
        ("application/x-www-form-urlencoded; charset=utf-16", "dst=1", false),
        ("application/x-www-form-urlencoded; charset=utf-7", "+AGQ-st=1", false),
        ("application/x-www-form-urlencoded; charset=utf-8; charset=ibm037", "dst=1", false),
        ("application/x-www-form-urlencoded", "_charset_=utf-7&dst=1", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", media.parse().unwrap());
        let head =
            Head { method: &Method::POST, host: None, path: "/v1/one", query: None, headers: &headers };
        assert_eq!(API.read(&Request { head, body: body.as_bytes() }).is_ok(), fits, "{media} {body}");
    }
}

#[test]
fn r11_takes_out_whom_it_is_told_and_nothing_else() {
    for (target, body, drop, expected) in [
        ("POST /v1/one", r#"{"dst":"1<2<3","x":1}"#, &[1][..], Some(r#"{"dst":"1<3","x":1}"#)),
        ("POST /v1/one", "dst=1%3C2&x=1", &[0], Some("dst=2&x=1")),
        ("POST /v1/one", r#"{"dst":"1"}"#, &[0], None),
        (
            "POST /v1/many",
            r#"{"to":["+1 2","3"],"parameters":{"name":{"12":"A","3":"B"}}}"#,
            &[0],
            Some(r#"{"to":["3"],"parameters":{"name":{"3":"B"}}}"#),
        ),
        ("POST /v1/many", r#"{"to":["1","2"]}"#, &[0, 1], None),
        (
            "POST /v1/chats",
            r#"{"channel":"sms","to":"1","failover":[{"to":"2","channel":"sms"}]}"#,
            &[0],
            None,
        ),
        (
            "POST /v1/chats",
            r#"{"channel":"sms","to":"1","failover":[{"to":"2","channel":"sms"}],"x":1}"#,
            &[1],
            Some(r#"{"channel":"sms","to":"1","x":1}"#),
        ),
        (
            "POST /v1/batch",
            r#"[{"to":[{"email":"a"},{"email":"b"}]},{"to":[{"email":"c"}]}]"#,
            &[0, 2],
            Some(r#"[{"to":[{"email":"b"}]}]"#),
        ),
        // The first copied person becomes the addressee, and a field of which nobody is left goes.
        (
            "POST /v1/batch",
            r#"[{"to":[{"email":"a"}],"cc":[{"email":"c"}],"x":1},{"to":[{"email":"d"}]}]"#,
            &[0],
            Some(r#"[{"to":[{"email":"c"}],"x":1},{"to":[{"email":"d"}]}]"#),
        ),
        (
            "POST /v1/batch",
            r#"[{"cc":[{"email":"c"},{"email":"e"}],"to":[{"email":"a"},{"email":"b"}]}]"#,
            &[0, 1],
            Some(r#"[{"cc":[{"email":"e"}],"to":[{"email":"c"}]}]"#),
        ),
        (
            "POST /v1/batch",
            r#"[{"cc":[{"email":"c"}],"to":[{"email":"a"}]}]"#,
            &[1],
            Some(r#"[{"to":[{"email":"a"}]}]"#),
        ),
        ("POST /v1/batch", r#"[{"to":[{"email":"a"}],"cc":[{"email":"c"}]}]"#, &[0, 1], None),
        ("POST /v1/batch", r#"[{"to":[{"email":"a"}],"bcc":[{"email":"c"}]}]"#, &[0], None),
        ("POST /v1/texts", r#"{"To":"a, b","Cc":"c, d"}"#, &[0, 1], Some(r#"{"To":"c","Cc":"d"}"#)),
        ("POST /v1/texts", r#"{"To":"a","Cc":"c","y":0}"#, &[1], Some(r#"{"To":"a","y":0}"#)),
        ("POST /v1/texts", r#"{"To":"a, b","Cc":"c"}"#, &[0], Some(r#"{"To":"b","Cc":"c"}"#)),
    ] {
        assert_eq!(trimmed(target, body, drop).ok().as_deref(), expected, "{target} {body}");
    }
}

#[test]
fn r11_what_stands_beside_recipients_goes_with_them() {
    for (target, body, expected) in [
        (
            "POST /v1/many",
            r#"{"to":["1","2","3"],"names":["a","b","c"]}"#,
            Some(r#"{"to":["1","3"],"names":["a","c"]}"#),
        ),
        (
            "POST /v1/many",
            r#"{"to":["1","2","3"],"names":"a;b;c"}"#,
            Some(r#"{"to":["1","3"],"names":"a;c"}"#),
        ),
        ("POST /v1/many", r#"{"to":["1","2","3"],"names":"a"}"#, Some(r#"{"to":["1","3"],"names":"a"}"#)),
        ("POST /v1/many", r#"{"to":["1","2","3"],"names":["a","b"]}"#, None),
        ("POST /v1/query", "idx=a%7Cb%7Cc&to=1,2,3", Some("idx=a%7Cc&to=1%2C3")),
        ("POST /v1/query", "idx=a%7Cb&to=1,2,3", None),
        // An empty place among the recipients would shift all that follow.
        ("POST /v1/query", "idx=a%7Cb%7Cc&to=1,,3", None),
    ] {
        assert_eq!(trimmed(target, body, &[1]).ok().as_deref(), expected, "{target} {body}");
    }
}

#[test]
fn r11_takes_people_out_of_a_query() {
    with("GET /v1/query?x=1&to=1,%2B2,3&idx=a|b|c", "", |request| {
        assert_eq!(API.trim(request, &[1]).unwrap(), []);
        assert_eq!(API.trim_query(request, &[1]).as_deref(), Some("x=1&to=1%2C3&idx=a%7Cc"));
        assert!(API.trim(request, &[0, 1, 2]).is_err());
    });
    with("POST /v1/query", "to=1,2", |request| assert_eq!(API.trim_query(request, &[1]), None));
}

proptest! {
    #[test]
    fn lists_obey_the_laws(people in prop::collection::vec("[0-9]{3,5}", 1..6), gone in 0usize..6, joined: bool) {
        let (target, body) = if joined {
            ("POST /v1/one", serde_json::json!({ "text": "x", "dst": people.join("<") }).to_string())
        } else {
            ("POST /v1/many", serde_json::json!({ "to": people, "parameters": { "n": { "1": "x" } } }).to_string())
        };
        with(target, &body, |request| {
            let Ok(Outbound::Send(before)) = API.read(request) else { panic!() };
            assert_eq!(before.recipients.len(), people.len());
            assert_eq!(apply_edits(request.body, &API.trim(request, &[]).unwrap()), request.body);
            let gone = gone % people.len();
            if let Ok(edits) = API.trim(request, &[gone]) {
                let left = apply_edits(request.body, &edits);
                let Ok(Outbound::Send(after)) = API.read(&Request { body: &left, ..*request }) else { panic!() };
                let mut expected: Vec<&str> = before.recipients.iter().map(|one| &*one.address).collect();
                expected.remove(gone);
                assert_eq!(after.recipients.iter().map(|one| &*one.address).collect::<Vec<_>>(), expected);
            } else {
                assert_eq!(people.len(), 1);
            }
        });
    }

    #[test]
    fn mails_with_copies_obey_the_laws(
        mails in prop::collection::vec(prop::collection::vec(0usize..3, 1..5), 1..4),
        gone: Vec<prop::sample::Index>,
    ) {
        let mut people = 0;
        let mails: Vec<serde_json::Value> = mails.iter().map(|roles| {
            let mut mail = serde_json::Map::new();
            for role in roles {
                people += 1;
                let list = mail.entry(["to", "cc", "bcc"][*role]).or_insert_with(|| serde_json::json!([]));
                list.as_array_mut().unwrap().push(serde_json::json!({ "n": 1, "email": format!("p{people}") }));
            }
            mail.into()
        }).collect();
        with("POST /v1/batch", &serde_json::json!(mails).to_string(), |request| {
            let Ok(Outbound::Send(before)) = API.read(request) else { panic!() };
            let names = |sending: &crate::Sending<'_>| -> std::collections::BTreeSet<String> {
                sending.recipients.iter().map(|one| one.address.to_string()).collect()
            };
            let mut gone: Vec<usize> = gone.iter().map(|one| one.index(people)).collect();
            gone.sort_unstable();
            gone.dedup();
            if let Ok(edits) = API.trim(request, &gone) {
                let left = apply_edits(request.body, &edits);
                let Ok(Outbound::Send(after)) = API.read(&Request { body: &left, ..*request }) else { panic!() };
                let mut expected = names(&before);
                gone.iter().for_each(|index| { expected.remove(&*before.recipients[*index].address); });
                assert_eq!(names(&after), expected);
                let hidden = |sending: &crate::Sending<'_>, address: &str| {
                    sending.recipients.iter().any(|one| one.address == address && one.role == Role::Bcc)
                };
                assert!(expected.iter().all(|one| hidden(&before, one) == hidden(&after, one)));
            } else {
                assert!(!gone.is_empty());
            }
        });
    }

    #[test]
    fn never_panics(body in "[\\[\\]{}:,\"a-z0-9<]{0,40}", path in "/v1/(one|many|chats|batch|query)") {
        with(&format!("POST {path}"), &body, |request| {
            if let Ok(Outbound::Send(sending)) = API.read(request) {
                for index in 0..sending.recipients.len() {
                    let _ = API.trim(request, &[index]);
                }
            }
        });
    }
}
