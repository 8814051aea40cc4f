//! What is asked of SendGrid of its own accord: its suppression lists, and the end of what leaves later.
#![allow(clippy::unwrap_used)]

use dndgate_adapter::{
    Adapter, Answer, Secrets,
    fixture::Fixture,
    laws,
    suppressions::{Listing, Presence, Suppressions, Validity},
};
use dndgate_sendgrid::SENDGRID;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

fn secrets() -> Secrets {
    Secrets::new(vec![("api_key", vec!["SG.key".to_owned()])])
}

fn lists() -> &'static dyn Suppressions {
    SENDGRID.suppressions().unwrap()
}

fn answer<T>(status: u16, body: &Value, read: impl FnOnce(&Answer<'_>) -> T) -> T {
    let (headers, body) = (HeaderMap::new(), body.to_string());
    read(&Answer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: body.as_bytes() })
}

fn list(name: &str) -> &'static dndgate_adapter::suppressions::List {
    lists().lists().iter().find(|list| list.name == name).unwrap()
}

#[test]
fn no_question_is_wider_than_an_address() {
    laws::narrowness(lists(), &secrets());
}

#[test]
fn r21_all_five_lists_are_asked_each_in_its_own_way() {
    let mut asked: Vec<_> = Vec::new();
    for list in lists().lists() {
        let call = lists().look_up(list, "", "ada+x@example.org", &secrets()).unwrap();
        assert_eq!(call.method, Method::GET);
        assert_eq!(call.headers[0].1.to_str().unwrap(), "Bearer SG.key");
        assert_eq!(call.headers.len(), 1);
        let removal = lists().remove(list, "", "ada+x@example.org", &secrets()).unwrap();
        assert_eq!((removal.method, &removal.path_and_query), (Method::DELETE, &call.path_and_query));
        asked.push(call.path_and_query);
        assert!(lists().look_up(list, "", "ada@example.org", &Secrets::default()).is_none());
    }
    assert_eq!(
        asked,
        [
            "/v3/suppression/bounces/ada%2Bx%40example.org",
            "/v3/suppression/blocks/ada%2Bx%40example.org",
            "/v3/suppression/spam_reports/ada%2Bx%40example.org",
            "/v3/suppression/invalid_emails/ada%2Bx%40example.org",
            "/v3/asm/suppressions/global/ada%2Bx%40example.org",
        ]
    );
    let means: Vec<_> = lists().lists().iter().map(|list| list.means).collect();
    let (bounce, complaint, unsubscribe) = (Listing::Bounce, Listing::Complaint, Listing::Unsubscribe);
    assert_eq!(means, [Some(bounce), None, Some(complaint), Some(bounce), Some(unsubscribe)]);
}

#[test]
fn a_subusers_lists_are_asked_on_its_behalf() {
    assert!(
        lists().is_account("subuser:acme") && !lists().is_account("acme") && !lists().is_account("subuser: ")
    );
    let call = lists().look_up(list("bounces"), "subuser:acme", "a@example.org", &secrets()).unwrap();
    assert_eq!(call.headers[1].0, "on-behalf-of");
    assert_eq!(call.headers[1].1, "acme");
    assert!(lists().look_up(list("bounces"), "mg.example.com", "a@example.org", &secrets()).is_none());
}

#[test]
fn r21_only_an_empty_answer_is_absence() {
    let bounce = json!([{ "created": 1443651125, "email": "a@x", "reason": "550 no", "status": "5.1.1" }]);
    for name in ["bounces", "blocks", "spam_reports", "invalid_emails"] {
        let says =
            |status, body: &Value| answer(status, body, |answer| lists().looked_up(list(name), answer));
        assert_eq!(says(200, &json!([])), Presence::Absent);
        assert!(
            matches!(says(200, &bounce), Presence::Present(words) if words.contains("5.1.1 550 no 2015-09-30"))
        );
        for (status, body) in [
            (200, json!({})),
            (200, json!([{}])),
            (200, json!("x")),
            (404, json!([])),
            (401, json!([])),
            (429, json!([])),
            (500, json!([])),
            (204, json!([])),
        ] {
            assert!(matches!(says(status, &body), Presence::Unknown(_)), "{name} {status} {body}");
        }
    }
    let says =
        |status, body: &Value| answer(status, body, |answer| lists().looked_up(list("unsubscribes"), answer));
    assert_eq!(says(200, &json!({})), Presence::Absent);
    assert!(matches!(says(200, &json!({ "recipient_email": "a@x" })), Presence::Present(_)));
    for (status, body) in
        [(200, json!([])), (200, json!({ "errors": [] })), (404, json!({})), (403, json!({}))]
    {
        assert!(matches!(says(status, &body), Presence::Unknown(_)), "{status} {body}");
    }
    assert!(answer(204, &json!({}), |answer| lists().removed(list("bounces"), answer)));
    assert!(!answer(200, &json!({}), |answer| lists().removed(list("bounces"), answer)));
}

/// Reads a whole list that changes as told between two pages.
fn walk(
    mut entries: Vec<String>,
    page_max: usize,
    mut change: impl FnMut(usize, &mut Vec<String>),
) -> Vec<String> {
    let (mut read, mut next, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let call = lists().page(list("spam_reports"), "", next.as_deref(), &secrets()).unwrap();
        let query =
            call.path_and_query.strip_prefix("/v3/suppression/spam_reports?limit=500&offset=").unwrap();
        let offset: usize = query.parse().unwrap();
        let items: Vec<Value> = (entries.iter().skip(offset).take(page_max))
            .map(|one| json!({ "created": 1443651141, "email": one, "ip": "192.0.2.1" }))
            .collect();
        let page = answer(200, &json!(items), |answer| {
            lists().page_read(list("spam_reports"), "", next.as_deref(), answer)
        });
        let page = page.unwrap();
        read.extend(page.entries.into_iter().map(|one| one.address));
        pages += 1;
        assert!(pages < 200, "it ends");
        match page.next {
            Some(more) => next = Some(more),
            None => return read,
        }
        change(pages, &mut entries);
    }
}

#[test]
fn pages_lead_through_the_whole_list_and_no_entry_is_told_twice() {
    for (count, page) in [(0, 500), (1, 500), (37, 37), (500, 500), (1234, 500), (300, 37), (5, 1)] {
        let all: Vec<String> = (0..count).map(|number| format!("p{number}@example.org")).collect();
        assert_eq!(walk(all.clone(), page, |_, _| {}), all, "{count} by {page}");
    }
}

#[test]
fn nothing_is_missed_when_the_list_changes_meanwhile() {
    let all: Vec<String> = (0..1234).map(|number| format!("p{number}@example.org")).collect();
    // Entries before the place go away, its own among them: what follows moves up.
    let read = walk(all.clone(), 500, |page, entries| {
        if page == 1 {
            entries.drain(455..500);
        }
    });
    assert!(all.iter().all(|one| read.contains(one)));
    // New ones come in front: what follows moves down.
    let read = walk(all.clone(), 500, |page, entries| entries.insert(0, format!("new{page}@example.org")));
    assert!(all.iter().all(|one| read.contains(one)));
    assert_eq!(read.len(), all.len(), "and nothing is read again");
}

#[test]
fn what_is_no_page_is_an_error() {
    for (status, body) in
        [(200, json!({})), (200, json!([{ "created": 1 }])), (200, json!(["a@x"])), (500, json!([]))]
    {
        let read = answer(status, &body, |answer| lists().page_read(list("bounces"), "", None, answer));
        assert!(read.is_err(), "{status} {body}");
    }
    assert!(lists().page(list("bounces"), "", Some("x"), &secrets()).is_none());
}

#[test]
fn additions_go_to_the_list_of_those_who_left_everything() {
    let call = lists().add("", &["a@example.org", "b@example.org"], &secrets()).unwrap();
    assert_eq!((call.method, &*call.path_and_query), (Method::POST, "/v3/asm/suppressions/global"));
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(body, json!({ "recipient_emails": ["a@example.org", "b@example.org"] }));
}

#[test]
fn r21_a_validation_has_three_outcomes() {
    let both = Secrets::new(vec![("api_key", vec!["a".into()]), ("validation_key", vec!["v".into()])]);
    let call = lists().validate("a@example.org", &both).unwrap();
    assert_eq!(call.headers[0].1.to_str().unwrap(), "Bearer v");
    assert!(lists().validate("a@example.org", &Secrets::default()).is_none());
    let says = |verdict: &str| {
        answer(200, &json!({ "result": { "verdict": verdict } }), |answer| lists().validated(answer))
    };
    assert_eq!(says("Valid"), Some(Validity::Good));
    assert_eq!(says("Risky"), Some(Validity::Uncertain("Risky".into())));
    assert_eq!(says("Invalid"), Some(Validity::Bad("Invalid".into())));
    assert_eq!(says("New"), None);
    assert_eq!(answer(403, &json!({}), |answer| lists().validated(answer)), None);
}

#[test]
fn r14_a_batch_is_the_handle_of_what_leaves_later() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/requests");
    let fixture = Fixture::all(folder).into_iter().find(|one| one.name == "scheduled.http").unwrap();
    let request = fixture.request(SENDGRID.profile());
    let send = laws::sending(&SENDGRID, &request).unwrap();
    assert!(
        SENDGRID.wants_answer(&send, StatusCode::ACCEPTED)
            && !SENDGRID.wants_answer(&send, StatusCode::BAD_REQUEST)
    );
    let learned = answer(202, &json!(""), |answer| SENDGRID.learn(&request, &send, &[], answer));
    assert_eq!(learned.scheduled.len(), 1);
    assert!(
        answer(202, &json!(""), |answer| SENDGRID.learn(&request, &send, &[0], answer)).scheduled.is_empty()
    );
    assert!(
        answer(400, &json!(""), |answer| SENDGRID.learn(&request, &send, &[], answer)).scheduled.is_empty()
    );
    let call = SENDGRID.cancel(&learned.scheduled[0], &secrets()).unwrap();
    assert_eq!((call.host, &*call.path_and_query), (None, "/v3/user/scheduled_sends"));
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(body, json!({ "batch_id": "HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi", "status": "cancel" }));
    assert!(SENDGRID.cancel(&learned.scheduled[0], &Secrets::default()).is_none());
    // In the EU, for a subuser.
    let mut head = request.head;
    head.host = Some("api.eu.sendgrid.com");
    let mut fields = fixture.headers.clone();
    fields.insert("on-behalf-of", "acme".parse().unwrap());
    head.headers = &fields;
    let abroad = dndgate_adapter::Request { head, body: request.body };
    let learned = answer(202, &json!(""), |answer| SENDGRID.learn(&abroad, &send, &[], answer));
    let call = SENDGRID.cancel(&learned.scheduled[0], &secrets()).unwrap();
    assert_eq!(call.host.as_deref(), Some("api.eu.sendgrid.com"));
    assert!(call.headers.iter().any(|(name, value)| name == "on-behalf-of" && value == "acme"));
    assert_eq!(serde_json::from_slice::<Value>(&call.body).unwrap(), body);
    // No more than ten batches can be cancelled: a 400 is no cancellation.
    for (status, done) in [(201, true), (204, true), (404, true), (400, false), (429, false), (500, false)] {
        assert_eq!(SENDGRID.cancelled(StatusCode::from_u16(status).unwrap()), done, "{status}");
    }
}
