//! Mailgun's suppression lists: what is asked, and what an answer proves.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Secrets, laws,
    suppressions::{Listing, Presence, Suppressions},
};
use dndgate_mailgun::MAILGUN;
use http::{HeaderMap, StatusCode};

fn lists() -> &'static dyn Suppressions {
    MAILGUN.suppressions().unwrap()
}

fn secrets() -> Secrets {
    Secrets::new(vec![("api_key", vec!["key".into()])])
}

fn answer<'a>(headers: &'a HeaderMap, status: u16, body: &'a str) -> Answer<'a> {
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes() }
}

#[test]
fn they_obey_the_law_of_narrowness() {
    laws::narrowness(lists(), &secrets());
}

#[test]
fn an_address_is_asked_for_in_one_segment() {
    let list = &lists().lists()[0];
    let call = lists().look_up(list, "mg.example.com", "a/b+c@example.com", &secrets()).unwrap();
    assert_eq!(call.path_and_query, "/v3/mg.example.com/bounces/a%2Fb%2Bc%40example.com");
    assert_eq!(lists().look_up(list, "mg.example.com", "a@example.com", &Secrets::default()), None, "no key");
}

#[test]
fn r21_only_mailguns_own_words_are_absence() {
    let headers = HeaderMap::new();
    let read = |status, body| lists().looked_up(&lists().lists()[2], &answer(&headers, status, body));
    assert_eq!(read(404, r#"{"message":"No spam complaints found for this address"}"#), Presence::Absent);
    assert!(matches!(read(200, r#"{"address":"a@example.com","created_at":"x"}"#), Presence::Present(_)));
    for (status, body) in [
        (404, r#"{"message":"Domain not found: mg.example.com"}"#),
        (404, "Not Found"),
        (200, "Mailgun Magnificent API"),
        (200, r#"{"items":[]}"#),
        (200, r#"{"message":"No spam complaints found for this address"}"#),
        (401, r#"{"message":"Invalid private key"}"#),
        (429, "{}"),
        (503, r#"{"message":"No spam complaints found for this address"}"#),
    ] {
        assert!(matches!(read(status, body), Presence::Unknown(_)), "{status} {body}");
    }
}

#[test]
fn pages_lead_on_within_the_list_only() {
    let headers = HeaderMap::new();
    let list = &lists().lists()[1];
    assert_eq!(list.means, Some(Listing::Unsubscribe));
    let page = |next: &str| {
        let body = serde_json::json!({
            "items": [
                { "address": "a@example.com", "tags": ["*"], "created_at": "Thu, 11 Dec 2025 01:49:40 UTC" },
                { "address": "b@example.com", "tags": ["news"] },
                { "address": "c@example.com", "tag": "*" },
            ],
            "paging": { "next": next, "last": "https://api.mailgun.net/v3/mg.example.com/unsubscribes?page=last" },
        })
        .to_string();
        lists().page_read(list, "mg.example.com", None, &answer(&headers, 200, &body))
    };
    let good =
        page("https://api.mailgun.net/v3/mg.example.com/unsubscribes?page=next&address=c%40example.com")
            .unwrap();
    assert_eq!(
        good.next.as_deref(),
        Some("/v3/mg.example.com/unsubscribes?page=next&address=c%40example.com")
    );
    assert_eq!(good.entries.iter().map(|one| one.partial).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(good.entries[0].at.unwrap().to_string(), "2025-12-11T01:49:40Z");
    let last = page("https://api.mailgun.net/v3/mg.example.com/unsubscribes?page=last").unwrap();
    assert_eq!(last.next, None);
    for elsewhere in [
        "https://api.mailgun.net/v3/other.example.com/unsubscribes?page=next",
        "https://api.mailgun.net/v3/mg.example.com/bounces?page=next",
        "https://api.mailgun.net/v3/mg.example.com/unsubscribes/../bounces?page=next",
        "/v3/mg.example.com/unsubscribes?page=next",
    ] {
        assert!(page(elsewhere).is_err(), "{elsewhere}");
    }
}
