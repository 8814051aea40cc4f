//! What the CRM gets of the providers' webhooks, and what becomes of its answers.

use crate::harness::{
    ACCOUNT, AUTH_TOKEN, MESSAGES, Message, PUBLIC_URL, Request, SENDER, World, answer, form_of,
    signed::{call, mailgun_proof, message_status, sha256, text_message, twilio_signature, twilio_webhook},
    until,
    wire::form_pairs,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use std::io::Write;

/// Would the CRM's own Twilio validator take this request, which it got at its own URL?
#[track_caller]
fn assert_valid_for_the_crm(world: &World, arrived: &Message) {
    let url = format!("{}{}", world.crm.url(), arrived.target());
    let is_form = arrived.field("Content-Type").is_some_and(|media| media.contains("form"));
    let pairs = if is_form { form_pairs(&arrived.text()) } else { Vec::new() };
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let signature = twilio_signature(AUTH_TOKEN, &url, &pairs);
    assert_eq!(arrived.field("X-Twilio-Signature"), Some(signature.as_str()), "{arrived:#?}");
}

#[test]
fn r30_a_webhook_reaches_the_crm_with_a_signature_that_its_own_verifier_accepts() {
    let world = World::start();
    let request = text_message("+14155550101", "Hello, it's me: é & =")
        .field("I-Twilio-Idempotency-Token", "token-1")
        .field("X-Unknown", "kept");
    assert_eq!(world.send(&request).status(), 200);
    let arrived = world.crm.only();
    assert_eq!((arrived.method(), arrived.target()), ("POST", "/hooks/twilio"));
    assert_eq!(arrived.body, request.body, "byte for byte");
    assert_eq!(arrived.field("I-Twilio-Idempotency-Token"), Some("token-1"));
    assert_eq!(arrived.field("X-Unknown"), Some("kept"));
    assert_valid_for_the_crm(&world, &arrived);
}

#[test]
fn r30_path_and_query_behind_the_hook_are_appended() {
    let world = World::start();
    let pairs = [("MessageSid", "SM1"), ("AccountSid", ACCOUNT), ("From", "+14155550101"), ("Body", "Hi")];
    assert_eq!(world.send(&twilio_webhook("/hooks/twilio/sms/in?a=1&b=%20", &pairs)).status(), 200);
    let arrived = world.crm.only();
    assert_eq!(arrived.target(), "/hooks/twilio/sms/in?a=1&b=%20");
    assert_valid_for_the_crm(&world, &arrived);
}

#[test]
fn r30_a_webhook_by_get_or_with_a_json_body_is_signed_over_its_url() {
    let world = World::start();
    let query = form_of(&[
        ("MessageSid", "SM1"),
        ("AccountSid", ACCOUNT),
        ("From", "+14155550101"),
        ("Body", "STOP"),
    ]);
    let path = format!("/hooks/twilio?{query}&SmsStatus=received");
    let signature = twilio_signature(AUTH_TOKEN, &format!("{PUBLIC_URL}{path}"), &[]);
    let answer = world.send(&Request::get(&path).field("X-Twilio-Signature", &signature));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(world.is_blocked("SMS", "+14155550101"));
    let arrived = world.crm.only();
    assert_eq!((arrived.method(), arrived.target()), ("GET", path.as_str()));
    assert_valid_for_the_crm(&world, &arrived);

    let body = r#"{"something":"new"}"#;
    let path = format!("/hooks/twilio?bodySHA256={}", sha256(body.as_bytes()));
    let signature = twilio_signature(AUTH_TOKEN, &format!("{PUBLIC_URL}{path}"), &[]);
    let request = Request::post(&path).field("X-Twilio-Signature", &signature);
    assert!(world.send(&request.clone().body("application/json", body)).status() < 300);
    let arrived = world.crm.last();
    assert_eq!(arrived.text(), body);
    assert_valid_for_the_crm(&world, &arrived);
    let other = request.body("application/json", r#"{"something":"else"}"#);
    assert_eq!(world.send(&other).status(), 403, "the URL's signature alone proves no body");
}

#[test]
fn r30_while_the_crm_is_down_webhooks_are_kept_and_passed_on_later() {
    let mut world = World::start();
    world.crm.goes_down();
    let answer = world.hears("+14155550101", "STOP");
    assert!(answer.text().contains("<Response/>"), "{}", answer.text());
    assert!(world.is_blocked("SMS", "+14155550101"));
    assert_eq!(
        world.gate.metric("dndgate_webhooks_total", &[("kind", "message"), ("outcome", "queued")]),
        1.0
    );
    world.gate.wait_for_metric("dndgate_spool_pending", &[], 1.0);
    // It outlives a crash.
    world.gate.is_killed();
    world.gate.starts_again();
    world.crm.comes_back();
    let late = world.crm.wait_for(1);
    assert_eq!(late[0].form("Body"), ["STOP"]);
    assert_valid_for_the_crm(&world, &late[0]);
    until("the spool to be empty", || (world.gate.metric("dndgate_spool_pending", &[]) == 0.0).then_some(()));
    assert_eq!(world.crm.count(), 1);
}

#[test]
fn r30_a_crm_that_is_ill_is_asked_again_and_one_that_says_no_is_not() {
    let world = World::start();
    world.crm.answers(answer(503, "text/plain", "later"));
    assert_eq!(world.hears("+14155550101", "Hello").status(), 200);
    let again = world.crm.wait_for(2);
    assert_eq!(again[0].body, again[1].body);
    world.crm.answers(answer(200, "text/xml", "<Response/>"));
    until("the spool to be empty", || (world.gate.metric("dndgate_spool_pending", &[]) == 0.0).then_some(()));
    let so_far = world.crm.count();
    world.crm.answers(answer(404, "text/plain", "no such hook"));
    let passed = world.send(&text_message("+14155550102", "Hello"));
    assert_eq!(passed.status(), 404, "the provider gets the CRM's answer");
    assert_eq!(world.crm.count(), so_far + 1);
    assert_eq!(world.gate.metric("dndgate_spool_pending", &[]), 0.0);
}

#[test]
fn r14_the_crms_twiml_is_returned_as_it_is() {
    let world = World::start();
    let twiml = "<?xml version=\"1.0\"?><Response><Message>Hello &amp; welcome</Message></Response>";
    let mut given = answer(200, "text/xml; charset=utf-8", twiml);
    given.fields.push(("Set-Cookie".into(), "conversation=1".into()));
    world.crm.answers(given);
    let got = world.hears("+14155550101", "Hello");
    assert_eq!(got.text(), twiml);
    assert_eq!(got.field("Set-Cookie"), Some("conversation=1"));
}

#[test]
fn r14_a_reply_to_somebody_who_opted_out_goes_nowhere() {
    let world = World::start();
    for (media, reply) in [
        ("text/xml", "<Response><Message>Sorry to see you go</Message></Response>"),
        ("text/xml", "<Response><Sms>Sorry to see you go</Sms></Response>"),
        ("text/xml", "<Response><Message to=\"+14155550101\">Sorry</Message></Response>"),
        ("application/xml", "<Response><Message><Body>Sorry</Body></Message></Response>"),
        ("text/plain", "Sorry to see you go"),
    ] {
        world.crm.answers(answer(200, media, reply));
        let got = world.hears("+14155550101", "STOP");
        assert!(!got.text().contains("Sorry"), "{media} {reply}: {}", got.text());
        assert_eq!(got.field("Content-Type").map(|media| media.contains("xml")), Some(true), "{reply}");
    }
    assert!(world.gate.metric("dndgate_sends_total", &[("channel", "sms"), ("verdict", "blocked")]) >= 5.0);
}

#[test]
fn r14_of_a_dial_only_the_blocked_are_taken_out() {
    let world = World::start();
    world.api().contact(&json!({ "phone": "+14155550101", "dnd": true }));
    let dial = "<Response><Dial><Number>+14155550101</Number><Number>+14155550102</Number></Dial></Response>";
    world.crm.answers(answer(200, "text/xml", dial));
    let got = world.send(&call("+14155550103"));
    assert_eq!(got.text(), "<Response><Dial><Number>+14155550102</Number></Dial></Response>");
    world.crm.answers(answer(
        200,
        "text/xml",
        "<Response><Dial>+14155550101</Dial><Say>Bye</Say></Response>",
    ));
    let got = world.send(&call("+14155550103"));
    assert_eq!(got.text(), "<Response><Say>Bye</Say></Response>");
}

#[test]
fn r14_an_answer_that_cannot_be_read_is_not_given_to_the_provider() {
    let world = World::start();
    for broken in [
        "<Response><Message>half",
        "<!DOCTYPE x [<!ENTITY e \"x\">]><Response><Message>&e;</Message></Response>",
    ] {
        world.crm.answers(answer(200, "text/xml", broken));
        let got = world.hears("+14155550101", "Hello");
        assert!(got.text().ends_with("<Response/>"), "{}", got.text());
    }
    let unreadable = [("provider", "twilio"), ("outcome", "unreadable_answer")];
    assert_eq!(world.gate.metric("dndgate_webhooks_total", &unreadable), 2.0);
}

#[test]
fn r14_a_compressed_answer_of_the_crm_is_read_and_returned() {
    let world = World::start();
    let twiml = "<Response><Message>Hello back</Message></Response>";
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(twiml.as_bytes()).expect("packed");
    let mut packed = answer(200, "text/xml", packer.finish().expect("packed"));
    packed.fields.push(("Content-Encoding".into(), "gzip".into()));
    let bytes = packed.body.clone();
    world.crm.answers(packed);
    let request = text_message("+14155550101", "Hello").field("Accept-Encoding", "gzip, br");
    let got = world.send(&request);
    assert_eq!((got.field("Content-Encoding"), &got.body), (Some("gzip"), &bytes), "as it is");
    assert_eq!(
        world.crm.last().field("Accept-Encoding"),
        Some("gzip, deflate"),
        "no coding that is not read here"
    );
    let got = world.hears("+14155550101", "STOP");
    assert_eq!((got.field("Content-Encoding"), got.text()), (None, "<Response></Response>".to_owned()));
}

#[test]
fn r14_links_in_twiml_lead_through_the_gate_to_the_crm() {
    let world = World::start();
    world.api().contact(&json!({ "phone": "+14155550101", "dnd": true }));
    let menu = "<Response><Gather action=\"/menu?step=2\"><Say>Press 1</Say></Gather></Response>";
    world.crm.answers(answer(200, "text/xml", menu));
    let got = world.send(&call("+14155550103")).text();
    let link = got.split('"').find(|part| part.starts_with(PUBLIC_URL)).expect("a link to the gate");
    let path = link.strip_prefix(PUBLIC_URL).expect("its path").to_owned();
    world.crm.answers(answer(200, "text/xml", "<Response><Dial>+14155550101</Dial></Response>"));
    let pairs = [
        ("CallSid", "CA1"),
        ("AccountSid", ACCOUNT),
        ("From", "+14155550103"),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("Digits", "1"),
    ];
    let next = world.send(&twilio_webhook(&path, &pairs));
    assert_eq!(next.status(), 200);
    assert!(!next.text().contains("+14155550101"), "{}", next.text());
    let arrived = world.crm.last();
    assert_eq!(arrived.target(), "/menu?step=2");
    assert_valid_for_the_crm(&world, &arrived);
}

#[test]
fn r19_a_status_callback_is_led_through_the_gate_and_on_to_the_crms_own_url() {
    let world = World::start();
    let own = format!("{}/status?id=7", world.crm.url());
    let form = [("To", "+14155550101"), ("From", SENDER), ("Body", "Hi"), ("StatusCallback", own.as_str())];
    assert_eq!(world.send(&Request::post(&format!("/twilio{MESSAGES}")).form(&form)).status(), 201);
    let arrived = world.twilio.only();
    let callback = arrived.form("StatusCallback").remove(0);
    assert_eq!((arrived.form("Body"), arrived.form("To")), (vec!["Hi".into()], vec!["+14155550101".into()]));
    let path = callback.strip_prefix(PUBLIC_URL).expect("the gateway's own URL").to_owned();
    assert!(path.starts_with("/hooks/twilio/cb/"), "{path}");
    assert!(!callback.contains("status"), "where it leads is sealed: {callback}");
    let report = message_status(&path, "+14155550101", "30004");
    assert!(world.send(&report).status() < 300);
    let passed = world.crm.only();
    assert_eq!(passed.target(), "/status?id=7");
    assert_eq!(passed.body, report.body);
    assert_valid_for_the_crm(&world, &passed);
    assert!(world.is_blocked("SMS", "+14155550101"), "and the code was seen");
}

#[test]
fn r19_a_callback_address_that_was_not_made_here_leads_nowhere() {
    let world = World::start();
    for token in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let answer =
            world.send(&message_status(&format!("/hooks/twilio/cb/{token}"), "+14155550101", "30004"));
        assert_eq!(answer.status(), 404, "{token:?}");
    }
    assert!(!world.is_blocked("SMS", "+14155550101"));
    assert_eq!(world.crm.count(), 0);
}

#[test]
fn a_webhook_that_is_proven_and_cannot_be_read_is_passed_on_and_counted() {
    let world = World::start();
    let pairs = [("AccountSid", ACCOUNT), ("SomethingNew", "1")];
    assert!(world.send(&twilio_webhook("/hooks/twilio", &pairs)).status() < 300);
    assert_valid_for_the_crm(&world, &world.crm.only());
    let proof = mailgun_proof();
    let request = Request::post("/hooks/mailgun").json(&json!({ "signature": proof, "something": "else" }));
    assert_eq!(world.send(&request).status(), 200);
    assert_eq!(world.crm.last().body, request.body);
    let unreadable = [("provider", "mailgun"), ("outcome", "unreadable")];
    assert_eq!(world.gate.metric("dndgate_webhooks_total", &unreadable), 1.0);
}
