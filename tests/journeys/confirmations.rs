//! The one text that confirms an opt-out: where it is wanted, where the provider sends none, and never twice.

use crate::harness::{
    ACCOUNT, Request, Setup, World, answer,
    signed::{mailgun_signature, now, twilio_webhook},
    until,
    wire::Message,
};
use serde_json::json;

const PERSON: &str = "whatsapp:+14155550101";
const TEXT: &str = "You are unsubscribed";

fn wanted() -> Setup {
    Setup::default().twilio("confirm_opt_out = [\"SMS\", \"WhatsApp\"]")
}

/// The messages in an answer to a webhook.
fn messages(answer: &Message) -> Vec<String> {
    let text = answer.text();
    text.split("<Message>")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("</Message>")?.0.to_owned()))
        .collect()
}

fn stop(sid: &str, from: &str, body: &str, more: &[(&str, &str)]) -> Request {
    let mut pairs = vec![
        ("MessageSid", sid),
        ("SmsStatus", "received"),
        ("AccountSid", ACCOUNT),
        ("From", from),
        ("To", "+15005550006"),
        ("Body", body),
        ("NumMedia", "0"),
    ];
    pairs.extend(more);
    twilio_webhook("/hooks/twilio", &pairs)
}

#[test]
fn nobody_is_answered_unless_the_operator_wants_it() {
    let world = World::start();
    assert!(messages(&world.hears(PERSON, "STOP")).is_empty());
    assert!(world.is_blocked("WhatsApp", "+14155550101"));
}

#[test]
fn r9_one_text_goes_to_who_opted_out_and_never_a_second() {
    let mut world = wanted().start();
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    let said = messages(&world.hears(PERSON, "STOP"));
    assert!(said.len() == 1 && said[0].starts_with(TEXT), "{said:?}");
    assert!(world.is_blocked("WhatsApp", "+14155550101"), "it is no opening");
    let entries = world.api().history(&id);
    let confirmed: Vec<_> = entries.iter().filter(|entry| entry["change"] == "confirmation").collect();
    assert_eq!(confirmed.len(), 1, "r28: {entries:?}");
    assert_eq!(world.gate.metric("dndgate_confirmations_total", &[("outcome", "replied")]), 1.0);
    assert!(messages(&world.hears(PERSON, "STOP")).is_empty(), "the same again");
    world.hears(PERSON, "START");
    assert!(messages(&world.hears(PERSON, "STOP")).is_empty(), "and after a START");
    world.hears(PERSON, "START");
    world.gate.is_killed();
    world.gate.starts_again();
    assert!(messages(&world.hears(PERSON, "STOP")).is_empty(), "and after a crash");
    assert_eq!(messages(&world.hears("whatsapp:+14155550102", "STOP")).len(), 1, "somebody else");
    assert_eq!(world.twilio.count(), 0, "all in answers");
}

#[test]
fn what_twilio_confirms_itself_is_not_confirmed_twice() {
    let world = wanted().start();
    for (number, (from, body, more)) in [
        ("+14155550110", "STOP", &[][..]),
        ("+14155550111", " Quit ", &[]),
        ("+14155550112", "arrêt", &[("OptOutType", "STOP")]),
        ("whatsapp:+14155550113", "STOP", &[("OptOutType", "STOP")]),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world.send(&stop(&format!("SM{number:032x}"), from, body, more));
        assert!(messages(&answer).is_empty(), "{body}: {}", answer.text());
        let channel = if from.starts_with("whatsapp") { "WhatsApp" } else { "SMS" };
        assert!(world.is_blocked(channel, from.trim_start_matches("whatsapp:")), "{from}");
    }
    // Twilio says nothing to plain language.
    assert_eq!(messages(&world.hears("+14155550114", "please stop texting me")).len(), 1);
}

#[test]
fn it_takes_the_place_of_the_crms_own() {
    let world = wanted().start();
    let crm = "<Response><Message>Sorry to see you go! 20 % off</Message><Message to=\"+14155550199\">He left</Message></Response>";
    world.crm.answers(answer(200, "text/xml", crm));
    let said = messages(&world.hears(PERSON, "STOP"));
    assert!(said.len() == 1 && said[0].starts_with(TEXT), "r14: {said:?}");
    assert!(world.hears("whatsapp:+14155550102", "STOP").text().contains("He left"), "the rest stays");
    world.crm.answers(answer(200, "text/plain", "ok, bye"));
    let said = messages(&world.hears("whatsapp:+14155550103", "STOP"));
    assert!(said.len() == 1 && said[0].starts_with(TEXT), "{said:?}");
    world.crm.goes_down();
    assert_eq!(messages(&world.hears("whatsapp:+14155550104", "STOP")).len(), 1, "without a CRM");
}

#[test]
fn where_the_answer_is_not_run_the_api_sends_it() {
    let world = wanted().start();
    world.crm.answers(answer(404, "text/xml", "<nothing here"));
    let answered = world.send(&stop(&format!("SM{:032x}", 1), PERSON, "STOP", &[]));
    assert!(messages(&answered).is_empty(), "{}", answered.text());
    let sent = world.twilio.wait_for(1).pop().expect("a message");
    assert!(sent.target().ends_with(&format!("/Accounts/{ACCOUNT}/Messages.json")), "{}", sent.target());
    assert_eq!((sent.form("To"), sent.form("From")), (vec![PERSON.to_owned()], vec!["+15005550006".into()]));
    assert!(sent.form("Body")[0].starts_with(TEXT), "{}", sent.text());
    assert!(sent.field("Authorization").is_some_and(|value| value.starts_with("Basic ")));
    until("the count", || {
        (world.gate.metric("dndgate_confirmations_total", &[("outcome", "sent")]) == 1.0).then_some(())
    });
    world.send(&stop(&format!("SM{:032x}", 2), PERSON, "STOP", &[]));
    assert_eq!(world.twilio.count(), 1, "once");
}

#[test]
fn r9_who_was_blocked_in_another_way_before_gets_nothing() {
    let world = wanted().start();
    let api = world.api();
    api.contact(&json!({ "phone": "+14155550101", "dnd": true }));
    assert!(messages(&world.hears(PERSON, "STOP")).is_empty(), "the switch for all channels");
    let quiet = json!({ "phone": "+14155550102", "inboundDndSettings": { "all": { "status": "active", "message": "" } } });
    api.contact(&quiet);
    assert!(messages(&world.hears("+14155550102", "please stop texting me")).is_empty(), "r4");
    assert_eq!(world.twilio.count(), 0);
}

#[test]
fn it_speaks_the_contacts_language_and_a_tenant_may_do_without() {
    let world = wanted().start();
    world.api().contact(&json!({ "phone": "+14155550101", "language": "fr-CA" }));
    let said = messages(&world.hears(PERSON, "STOP"));
    assert!(said[0].starts_with("Vous &#234;tes d&#233;sabonn&#233;"), "{said:?}");
    let tenant =
        "[tenant.acme]\naccounts = [\"AC00000000000000000000000000000001\"]\nconfirm_opt_out = false";
    let quiet = wanted().tail(tenant).start();
    assert!(messages(&quiet.hears(PERSON, "STOP")).is_empty());
}

#[test]
fn an_opt_out_by_mail_is_confirmed_by_mail() {
    let world = Setup::default().tail("confirm_opt_out = [\"Email\"]").start();
    let told = |token: &str, seconds: f64| {
        let timestamp = format!("{}", seconds as u64);
        let signature = mailgun_signature(crate::harness::SIGNING_KEY, &timestamp, token);
        world.send(&Request::post("/hooks/mailgun").form(&[
            ("timestamp", timestamp.as_str()),
            ("token", token),
            ("signature", signature.as_str()),
            ("domain", "mg.example.com"),
            ("recipient", "team@mg.example.com"),
            ("sender", "ada@example.com"),
            ("from", "Ada <ada@example.com>"),
            ("subject", "Our offer"),
            ("body-plain", "unsubscribe"),
            ("stripped-text", "unsubscribe"),
            ("Message-Id", "<7@example.com>"),
        ]))
    };
    for token in ["a", "b"] {
        let answer = told(&token.repeat(50), now());
        assert_eq!(answer.status(), 200, "{}", answer.text());
    }
    let sent = world.mailgun.wait_for(1).pop().expect("a mail");
    assert_eq!(sent.target(), "/v3/mg.example.com/messages");
    assert_eq!(
        (sent.form("to")[0].as_str(), sent.form("from")[0].as_str()),
        ("ada@example.com", "team@mg.example.com")
    );
    assert_eq!(sent.form("h:Auto-Submitted"), ["auto-replied"]);
    assert!(sent.form("text")[0].starts_with(TEXT), "{}", sent.text());
    assert!(world.is_blocked("Email", "ada@example.com"));
    assert_eq!(world.mailgun.count(), 1, "once");
}

#[test]
fn the_configuration_names_channels_that_the_provider_has() {
    let world = World::start();
    let written =
        std::fs::read_to_string(world.gate.folder().join("dndgate.toml")).expect("the configuration");
    let wrong =
        written.replace("adapter = \"twilio\"", "adapter = \"twilio\"\nconfirm_opt_out = [\"Email\"]");
    std::fs::write(world.gate.folder().join("wrong.toml"), wrong).expect("written");
    let checked = world.gate.command_with("wrong.toml", &["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains("confirm_opt_out: \"Email\" is none of: SMS, WhatsApp, FB"), "{said}");
}
