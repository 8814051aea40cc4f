//! The laws of every adapter, over the fixtures and over generated and damaged traffic.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Fixture, form, multipart, now, people, post, read, secrets};
use dndgate_adapter::{Adapter, Authentic, Outbound, Secrets, apply_edits, laws};
use dndgate_mailgun::MAILGUN;
use proptest::prelude::*;

/// Runs the laws of sends over one request; each recipient alone is taken out, and each pair of neighbours.
fn obeys(fixture: &Fixture) {
    let request = fixture.request();
    laws::calm(&MAILGUN, &request);
    laws::finality(&MAILGUN, &request);
    laws::identity(&MAILGUN, &request);
    let Ok(Outbound::Send(sending)) = MAILGUN.read(&request) else { return };
    let count = sending.recipients.len();
    for index in 0..count.min(12) {
        if count > 1 {
            laws::honesty(&MAILGUN, &request, &[index]);
        }
        if count > 2 && index + 1 < count {
            laws::honesty(&MAILGUN, &request, &[index, index + 1]);
        }
    }
}

#[test]
fn fixtures_obey() {
    for fixture in Fixture::all("requests") {
        obeys(&fixture);
    }
    let wrong = Secrets::new(vec![("signing_key", vec!["another".into()])]);
    for fixture in Fixture::all("webhooks") {
        let webhook = fixture.webhook();
        laws::vigilance(&MAILGUN, &webhook, &secrets(), &wrong, now(), false);
        laws::patience(&MAILGUN, &webhook.prove(&MAILGUN, &secrets(), now()).unwrap());
    }
}

#[test]
fn damaged_fixtures_are_calm_and_honest() {
    for fixture in Fixture::all("requests") {
        for at in 0..fixture.body.len() {
            for byte in [b'"', b',', 0xff] {
                let mut damaged = fixture.clone();
                damaged.body[at] = byte;
                let request = damaged.request();
                if let Ok(Outbound::Send(sending)) = MAILGUN.read(&request)
                    && sending.recipients.len() > 1
                {
                    laws::honesty(&MAILGUN, &request, &[0]);
                }
            }
        }
    }
    for fixture in Fixture::all("webhooks") {
        for at in 0..fixture.body.len() {
            let mut damaged = fixture.clone();
            damaged.body[at] ^= 0x15;
            let webhook = damaged.webhook();
            let _ = webhook.prove(&MAILGUN, &secrets(), now());
            let _ = MAILGUN.events(&Authentic::from_spool(webhook));
            let _ = MAILGUN.resign(&Authentic::from_spool(webhook), "https://crm", &secrets(), now(), true);
        }
    }
}

/// How a person may be written.
#[derive(Debug, Clone)]
struct Person {
    address: String,
    written: String,
}

fn person() -> impl Strategy<Value = Person> {
    let name = prop::option::of("[A-Za-zÄö ,;@<.'-]{0,10}");
    (0..12u8, name, 0..5u8).prop_map(|(who, name, style)| {
        let address = format!("p{who}@example.com");
        let written = match (name, style) {
            (Some(name), 0 | 1) => format!("\"{name}\" <{address}>"),
            (_, 2) => format!("\"p{who}\"@Example.com"),
            (_, 3) => format!("P{who}@example.com (a, note)"),
            (_, 4) => format!("<{address}>"),
            _ => address.clone(),
        };
        Person { address, written }
    })
}

/// A send: fields of recipients between other fields, one list or many.
fn send() -> impl Strategy<Value = Vec<(String, Vec<Person>, String)>> {
    let field =
        ("(to|to|to|cc|bcc|To|to\\[\\]|cc\\[0\\])", prop::collection::vec(person(), 0..4), "(, |;| ,|,,)");
    prop::collection::vec(field, 1..7)
}

/// A blocked person stands nowhere any more; whoever else was there still is, and everything else too.
fn check(
    fixture: &Fixture,
    fields: &[(String, Vec<Person>, String)],
    blocked: &[String],
) -> Result<(), TestCaseError> {
    let request = fixture.request();
    let named: Vec<&Person> = fields.iter().flat_map(|(_, people, _)| people).collect();
    let sending = match MAILGUN.read(&request) {
        Ok(Outbound::Send(sending)) => sending,
        Err(_) if named.is_empty() => return Ok(()),
        other => panic!("{other:?}"),
    };
    let mut expected: Vec<&str> = named.iter().map(|one| one.address.as_str()).collect();
    expected.sort_unstable();
    expected.dedup();
    let mut seen: Vec<String> = sending.recipients.iter().map(|one| one.address.to_lowercase()).collect();
    seen.sort();
    prop_assert_eq!(&seen, &expected);
    let is_blocked = |address: &str| blocked.iter().any(|one| one.eq_ignore_ascii_case(address));
    let drop: Vec<usize> = (0..sending.recipients.len())
        .filter(|index| is_blocked(&sending.recipients[*index].address))
        .collect();
    if drop.is_empty() || drop.len() == sending.recipients.len() {
        return Ok(());
    }
    let Ok(edits) = MAILGUN.trim(&request, &sending, &drop) else {
        let left_in_to = fields.iter().any(|(name, people, _)| {
            name.starts_with(['t', 'T']) && people.iter().any(|one| !is_blocked(&one.address))
        });
        prop_assert!(!left_in_to, "somebody was left in to, and it was not trimmed");
        return Ok(());
    };
    let trimmed = Fixture { body: apply_edits(&fixture.body, &edits), ..fixture.clone() };
    let after = read(&trimmed.request()).unwrap();
    let mut left: Vec<String> = after.recipients.iter().map(|one| one.address.to_lowercase()).collect();
    left.sort();
    let expected: Vec<String> = seen.into_iter().filter(|one| !is_blocked(one)).collect();
    prop_assert_eq!(left, expected);
    prop_assert!(people(&after).iter().any(|one| one.starts_with("to ")));
    for (name, value) in [("text", "x & y"), ("subject", "to: p1@example.com")] {
        prop_assert_eq!(common::values(&trimmed, name), [value]);
    }
    laws::honesty(&MAILGUN, &request, &drop);
    Ok(())
}

fn pairs(fields: &[(String, Vec<Person>, String)]) -> Vec<(String, String)> {
    let mut pairs = vec![("text".to_owned(), "x & y".to_owned())];
    for (name, people, separator) in fields {
        let written: Vec<&str> = people.iter().map(|one| one.written.as_str()).collect();
        pairs.push((name.clone(), written.join(separator)));
    }
    pairs.push(("subject".to_owned(), "to: p1@example.com".to_owned()));
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn generated_forms_are_trimmed_right(fields in send(), blocked in prop::collection::vec("p[0-9]@example.com", 1..5)) {
        let pairs = pairs(&fields);
        let fixture = form(&pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>());
        check(&fixture, &fields, &blocked)?;
    }

    #[test]
    fn generated_multiparts_are_trimmed_right(
        fields in send(),
        blocked in prop::collection::vec("p[0-9]@example.com", 1..5),
        file: Vec<u8>,
        place: prop::sample::Index,
    ) {
        let mut pairs = pairs(&fields);
        pairs.insert(place.index(pairs.len() + 1), ("attachment;filename=\"f\"".to_owned(), String::new()));
        let pairs: Vec<(&str, &[u8])> = pairs.iter()
            .map(|(name, value)| (name.as_str(), if name.starts_with("attachment") { &file[..] } else { value.as_bytes() }))
            .collect();
        let fixture = multipart(&pairs);
        prop_assume!(!file.windows(11).any(|window| window == b"--BouNdary"));
        check(&fixture, &fields, &blocked)?;
    }

    #[test]
    fn any_body_is_taken_calmly(body: Vec<u8>, kind in 0..3usize) {
        let kind = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"][kind];
        let fixture = post("/v3/mg.acme.com/messages", kind, body);
        laws::calm(&MAILGUN, &fixture.request());
        let authentic = Authentic::from_spool(fixture.webhook());
        let _ = MAILGUN.events(&authentic);
        let _ = fixture.webhook().prove(&MAILGUN, &secrets(), now());
        let _ = MAILGUN.resign(&authentic, "https://crm", &secrets(), now(), true);
        laws::asked_calm(&MAILGUN, &fixture.request(), &fixture.body);
    }

    #[test]
    fn any_path_is_taken_calmly(path in "/[a-z0-9%./;\\\\A-Z]{0,40}") {
        let fixture = post("/", "application/x-www-form-urlencoded", "to=ann%40x.com");
        let mut request = fixture.request();
        request.head.path = &path;
        laws::calm(&MAILGUN, &request);
    }

    /// However a sending path is disguised, it is judged as a send or refused; never taken for nobody's.
    #[test]
    fn disguised_paths_do_not_slip_through(at in 1..24usize, how in 0..6usize) {
        let plain = "/v3/mg.acme.com/messages";
        let at = at.min(plain.len() - 1);
        let byte = plain.as_bytes()[at];
        let disguised = match how {
            0 => format!("{}%{byte:02x}{}", &plain[..at], &plain[at + 1..]),
            1 => format!("{}%25{byte:02x}{}", &plain[..at], &plain[at + 1..]),
            2 => format!("{}{}{}", &plain[..at], char::from(byte.to_ascii_uppercase()), &plain[at + 1..]),
            3 => format!("{}//", plain),
            4 => plain.replace('/', "//"),
            _ => format!("/x/..{plain}"),
        };
        let fixture = post("/", "application/x-www-form-urlencoded", "");
        let mut request = fixture.request();
        request.head.path = &disguised;
        let look = MAILGUN.look(&request.head);
        prop_assert!(look.is_err() || look == Ok(dndgate_adapter::Look::Body), "{} is {:?}", disguised, look);
    }
}
