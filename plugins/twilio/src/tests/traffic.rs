//! Generated and damaged traffic.

use super::{Fixture, fixtures};
use crate::TWILIO;
use dndgate_adapter::{Adapter, Authentic, Look, Outbound, Request, Webhook, laws};
use proptest::prelude::*;
use std::sync::LazyLock;

static REQUESTS: LazyLock<Vec<Fixture>> = LazyLock::new(|| fixtures("requests"));
static WEBHOOKS: LazyLock<Vec<Fixture>> = LazyLock::new(|| fixtures("webhooks"));

/// How a person's number may be written in a parameter.
fn spelling() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("%2B14155550666"),
        Just("14155550666"),
        Just("+14155550666"),
        Just("%2B1+%28415%29+555-0666"),
        Just("whatsapp%3A%2B14155550666"),
        Just("whatsapp:+14155550666"),
        Just("%77hatsapp%3a%2b14155550666"),
        Just("rcs%3A%2B14155550666"),
        Just("sip%3A%2B14155550666%40x"),
        Just("%20%2B14155550666%20"),
    ]
    .prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("To"),
        Just("to"),
        Just("TO"),
        Just("%54o"),
        Just("To%5B%5D"),
        Just("+To"),
        Just("Body"),
        Just("From")
    ]
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is accepted names everybody whom a lenient reader would find under `To`, in any case.
    #[test]
    fn r10_no_spelling_of_to_gets_past(
        pairs in prop::collection::vec((name(), spelling()), 1..4),
        path in prop_oneof![Just("Messages.json"), Just("Calls"), Just("SMS/Messages.xml"), Just("Conferences/CF1/Participants.json")],
    ) {
        let body: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let body = body.join("&");
        let fixture = Fixture { path: format!("/2010-04-01/Accounts/AC1/{path}"), body: body.clone().into_bytes(), ..REQUESTS[0].clone() };
        if let Some(sending) = laws::sending(&TWILIO, &fixture.request()) {
            let lenient = form_urlencoded::parse(body.as_bytes())
                .filter(|(name, _)| name.trim().trim_end_matches("[]").eq_ignore_ascii_case("to"))
                .count();
            prop_assert_eq!(lenient, 1, "{}", &body);
            prop_assert_eq!(sending.recipients.len(), 1, "{}", &body);
            let digits: String = sending.recipients[0].address.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(digits, "14155550666", "{}", &body);
        }
    }

    /// What a text says changes nothing about who is reached.
    #[test]
    fn a_text_is_a_text(text in "\\PC{0,60}") {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Body", &text).append_pair("To", "+14155550100").append_pair("From", "+15005550006").finish();
        let fixture = Fixture { body: body.into_bytes(), ..REQUESTS[0].clone() };
        prop_assert_eq!(TWILIO.look(&fixture.request().head), Ok(Look::Body));
        match TWILIO.read(&fixture.request()) {
            Ok(Outbound::Send(sending)) => prop_assert_eq!(&*sending.recipients[0].address, "+14155550100"),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Paths that any server could read as a sending one are known or refused, never taken for another.
    #[test]
    fn r10_no_spelling_of_a_path_gets_past(
        front in "(/|//|/\\./|/%2e/|/x/\\.\\./)",
        account in "(AC1|AC1;v=1|%41C1|AC1/\\.)",
        slash in "(/|//|%2f|\\\\|/\\./)",
        last in "(Messages|messages|MESSAGES|%4dessages|Mess%61ges|Messages;x|%254dessages)",
        suffix in "(|\\.json|\\.JSON|\\.html|/|%2ejson|\\.json;x|%00|\\.)",
    ) {
        let path = format!("{front}2010-04-01/Accounts/{account}{slash}{last}{suffix}");
        let fixture = Fixture { path: path.clone(), ..REQUESTS[0].clone() };
        match TWILIO.look(&fixture.request().head) {
            Err(_) => {}
            Ok(Look::Body) => prop_assert!(matches!(&*path, "/2010-04-01/Accounts/AC1/Messages" | "/2010-04-01/Accounts/AC1/Messages.json")),
            Ok(other) => prop_assert!(false, "{} is {:?}", path, other),
        }
    }

    #[test]
    fn calm_with_damaged_requests(index: prop::sample::Index, at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut fixture = index.get(&REQUESTS).clone();
        if !fixture.body.is_empty() {
            let place = at.index(fixture.body.len());
            fixture.body[place] = byte;
            fixture.body.truncate(cut.index(fixture.body.len() + 1));
        }
        laws::calm(&TWILIO, &fixture.request());
        laws::finality(&TWILIO, &fixture.request());
        if let Some(sending) = laws::sending(&TWILIO, &fixture.request()) {
            laws::identity(&TWILIO, &fixture.request());
            for index in 0..sending.recipients.len().min(4) {
                if sending.recipients.len() > 1 {
                    laws::honesty(&TWILIO, &fixture.request(), &[index]);
                }
            }
        }
    }

    #[test]
    fn calm_with_any_body(index: prop::sample::Index, body: Vec<u8>) {
        let fixture = index.get(&REQUESTS);
        laws::calm(&TWILIO, &Request { body: &body, ..fixture.request() });
        laws::asked_calm(&TWILIO, &fixture.request(), &body);
    }

    #[test]
    fn calm_and_patient_with_damaged_webhooks(index: prop::sample::Index, at: prop::sample::Index, byte: u8) {
        let mut fixture = index.get(&WEBHOOKS).clone();
        if !fixture.body.is_empty() {
            let place = at.index(fixture.body.len());
            fixture.body[place] = byte;
        }
        let url = fixture.url();
        let webhook = Webhook { method: &fixture.method, url: &url, headers: &fixture.headers, body: &fixture.body, document: None };
        let authentic = Authentic::from_spool(webhook);
        laws::patience(&TWILIO, &authentic);
        let _ = TWILIO.acknowledge(&authentic);
    }

    #[test]
    fn r11_whoever_is_taken_out_of_bulk_messages_is_gone(
        numbers in prop::collection::vec("\\+1415555[0-9]{4}", 2..8),
        dropped in prop::collection::vec(any::<bool>(), 8),
        pretty: bool,
    ) {
        let messages: Vec<_> = numbers.iter().map(|to| serde_json::json!({"to": to, "body": "{\"to\": 1}"})).collect();
        let body = serde_json::json!({"from": "+15005550006", "messages": messages});
        let body = if pretty { serde_json::to_vec_pretty(&body) } else { serde_json::to_vec(&body) }.unwrap();
        let drop: Vec<_> = (0..numbers.len()).filter(|at| dropped[*at]).collect();
        prop_assume!(!drop.is_empty() && drop.len() < numbers.len());
        let bulk = REQUESTS.iter().find(|one| one.title == "Bulk messages").unwrap();
        laws::honesty(&TWILIO, &Request { body: &body, ..bulk.request() }, &drop);
    }
}
