//! Mail through Mailgun: several recipients, of whom the blocked are taken out, and what its webhooks change.

use crate::harness::{
    MAIL_DOMAIN, Reaction, Request, SIGNING_KEY, World, json_answer,
    signed::{self, mail_event, mail_failure, mailgun_proof, mailgun_signature, mailgun_webhook},
    until,
};
use serde_json::{Value, json};

fn blocked(world: &World, addresses: &[&str]) {
    for address in addresses {
        world.api().contact(&json!({ "email": address, "dndSettings": { "Email": { "status": "active" } } }));
    }
}

#[test]
fn r12_a_refused_mail_is_a_400_with_mailguns_message() {
    let world = World::start();
    blocked(&world, &["ada@example.org"]);
    let refused = world.mail(&[("to", "Ada <ADA@example.org>")]);
    assert_eq!(refused.status(), 400);
    let message = refused.json()["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("to parameter is blocked by Do-Not-Disturb"), "{message}");
    assert!(message.contains("manual") && !message.to_lowercase().contains("ada@"), "{message}");
    assert!(refused.verdict().starts_with("blocked; channel=email; reason=manual"), "{}", refused.verdict());
    assert_eq!(world.mailgun.count(), 0);
}

#[test]
fn r11_blocked_recipients_are_taken_out_of_to_cc_and_bcc_and_the_rest_stays_as_it_was() {
    let world = World::start();
    blocked(&world, &["ada@example.org", "cy@example.org", "eve@example.org"]);
    let sent = world.mail(&[
        ("to", "\"Lovelace, Ada\" <ada@example.org>, Bob <bob@example.org>"),
        ("to", "dan@example.org"),
        ("cc", "cy@example.org; Carol <carol@example.org>"),
        ("bcc", "eve@example.org"),
    ]);
    assert_eq!(sent.status(), 200, "{}", sent.text());
    assert_eq!(sent.json()["message"], "Queued. Thank you.");
    assert!(sent.verdict().starts_with("trimmed; blocked=3"), "{}", sent.verdict());
    assert!(!sent.verdict().contains('@'), "whom it names hashed: {}", sent.verdict());
    let arrived = world.mailgun.only();
    assert_eq!(arrived.form("to"), ["Bob <bob@example.org>", "dan@example.org"]);
    assert_eq!(arrived.form("cc"), ["Carol <carol@example.org>"]);
    assert!(arrived.form("bcc").is_empty());
    assert_eq!((arrived.form("subject"), arrived.form("text")), (vec!["Hello".into()], vec!["Hello".into()]));
}

#[test]
fn r11_recipient_variables_are_trimmed_with_their_people_and_the_send_stays_a_batch() {
    let world = World::start();
    blocked(&world, &["ada@example.org"]);
    let variables = r#"{"ada@example.org":{"name":"Ada"},"bob@example.org":{"name":"Bob"}}"#;
    let fields = [("to", "ada@example.org, bob@example.org"), ("recipient-variables", variables)];
    assert_eq!(world.mail(&fields).status(), 200);
    let arrived = world.mailgun.only();
    assert_eq!(arrived.form("to"), ["bob@example.org"]);
    let left: Value = serde_json::from_str(&arrived.form("recipient-variables")[0]).expect("JSON");
    assert_eq!(left, json!({ "bob@example.org": { "name": "Bob" } }));
}

#[test]
fn r11_the_first_cc_becomes_to_and_bcc_alone_is_refused() {
    let world = World::start();
    blocked(&world, &["ada@example.org"]);
    let sent = world.mail(&[("to", "ada@example.org"), ("cc", "bob@example.org, carol@example.org")]);
    assert_eq!(sent.status(), 200, "{}", sent.text());
    let arrived = world.mailgun.only();
    assert_eq!(
        (arrived.form("to"), arrived.form("cc")),
        (vec!["bob@example.org".into()], vec!["carol@example.org".into()])
    );
    let refused = world.mail(&[("to", "ada@example.org"), ("bcc", "dan@example.org")]);
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert_eq!(world.mailgun.count(), 1);
}

#[test]
fn r10_mime_messages_and_resends_are_gated() {
    let world = World::start();
    blocked(&world, &["ada@example.org"]);
    let mime = |to: &str, header: &str| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n{to}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"message\"; filename=\"m.mime\"\r\n\
             Content-Type: message/rfc822\r\n\r\nFrom: a@mg.example.com\r\n{header}Subject: x\r\n\r\nHello\r\n--b--\r\n"
        );
        let request = Request::post(&format!("/mailgun/v3/{MAIL_DOMAIN}/messages.mime"));
        world.send(&request.body("multipart/form-data; boundary=b", body))
    };
    assert_eq!(mime("bob@example.org", "To: bob@example.org\r\n").status(), 200);
    assert_eq!(mime("ada@example.org", "To: ada@example.org\r\n").status(), 400);
    assert_eq!(mime("bob@example.org", "Bcc: ada@example.org\r\n").status(), 400);
    let resend = |to: &str| {
        let path = format!("/mailgun/storage-us-east4.api.mailgun.net/v3/domains/{MAIL_DOMAIN}/messages/KEY");
        world.send(&Request::post(&path).form(&[("to", to)]))
    };
    assert_eq!(resend("bob@example.org").status(), 200);
    assert_eq!(resend("ada@example.org").status(), 400);
    assert_eq!(world.mailgun.count(), 2);
}

#[test]
fn r10_an_address_that_is_a_mailing_list_is_refused_unless_allowed_by_name() {
    let world = World::start();
    let list = format!("team@{MAIL_DOMAIN}");
    assert_eq!(world.mail(&[("to", &list)]).status(), 200, "it is no list");
    world.mailgun.reacts(|request| {
        Reaction::Answer(match request.method() {
            "GET" => json_answer(200, &json!({ "list": { "address": "team@mg.example.com" } })),
            _ => json_answer(200, &json!({ "id": "<1@x>", "message": "Queued. Thank you." })),
        })
    });
    let refused = world.mail(&[("to", &list)]);
    assert_eq!(refused.status(), 400, "{}", refused.text());
    assert!(refused.text().contains("allow_unnamed"), "says what would help: {}", refused.text());
    let posts = world.mailgun.seen().iter().filter(|one| one.method() == "POST").count();
    assert_eq!(posts, 1);
}

#[test]
fn r18_permanent_failures_and_complaints_block_and_temporary_ones_do_not() {
    let world = World::start();
    for (number, (severity, reason, is_blocked)) in [
        ("permanent", "bounce", true),
        ("permanent", "generic", true),
        ("permanent", "suppress-bounce", true),
        ("permanent", "suppress-unsubscribe", true),
        ("permanent", "suppress-complaint", true),
        ("permanent", "old", false),
        ("temporary", "generic", false),
        ("temporary", "bounce", false),
    ]
    .into_iter()
    .enumerate()
    {
        let address = format!("person{number}@example.org");
        world.mailgun_reports(&mail_failure(&address, severity, reason));
        assert_eq!(world.is_blocked("Email", &address), is_blocked, "{severity} {reason}");
        assert_eq!(world.mail(&[("to", &address)]).status(), if is_blocked { 400 } else { 200 });
    }
    world.mailgun_reports(&mail_event("complained", "eve@example.org", json!({})));
    let refused = world.mail(&[("to", "eve@example.org")]);
    assert!(refused.verdict().contains("reason=complaint"), "{}", refused.verdict());
}

#[test]
fn r18_an_event_in_test_mode_changes_nothing() {
    let world = World::start();
    let event = mail_event("complained", "ada@example.org", json!({ "flags": { "is-test-mode": true } }));
    world.mailgun_reports(&event);
    assert!(!world.is_blocked("Email", "ada@example.org"));
}

#[test]
fn r17_an_unsubscribe_blocks_all_channels_of_the_person() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "email": "ada@example.org", "phone": "+14155550101" }));
    world.mailgun_reports(&mail_event("unsubscribed", "ada@example.org", json!({})));
    let shown = api.show(&id);
    assert_eq!(shown["dndStatus"], "on", "{shown}");
    assert_eq!(shown["dndSettings"]["SMS"]["reason"], "unsubscribe", "{shown}");
    assert_eq!(world.message("+14155550101", "Hello").status(), 400);
    assert_eq!(world.call("+14155550101").status(), 400);
    assert_eq!(world.mail(&[("to", "ada@example.org")]).status(), 400);
}

#[test]
fn r30_an_event_delivered_twice_is_one_entry_and_its_token_on_another_body_is_forged() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "email": "ada@example.org" }));
    let (proof, event) = (mailgun_proof(), mail_failure("ada@example.org", "permanent", "bounce"));
    for _ in 0..3 {
        assert_eq!(world.send(&mailgun_webhook(&proof, &event)).status(), 200);
    }
    let begun = |entries: &[Value]| entries.iter().filter(|entry| entry["change"] == "begin").count();
    assert_eq!(begun(&api.history(&id)), 1, "{:#?}", api.history(&id));
    let other = mail_event("complained", "bob@example.org", json!({}));
    let forged = world.send(&mailgun_webhook(&proof, &other));
    assert_eq!(forged.status(), 403, "{}", forged.text());
    assert!(!world.is_blocked("Email", "bob@example.org"));
    assert_eq!(
        world.gate.metric("dndgate_webhooks_total", &[("provider", "mailgun"), ("outcome", "forged")]),
        1.0
    );
}

#[test]
fn r30_a_forged_mailgun_webhook_is_a_403_without_effect() {
    let world = World::start();
    let event = mail_event("complained", "ada@example.org", json!({}));
    let good = mailgun_proof();
    let mut wrong = good.clone();
    wrong["signature"] = json!("0".repeat(64));
    let mut old = good.clone();
    old["timestamp"] = json!("1600000000");
    let yesterday = format!("{}", signed::now() as u64 - 24 * 3600);
    let token = good["token"].as_str().expect("text");
    let signature = mailgun_signature(SIGNING_KEY, &yesterday, token);
    let stale = json!({ "timestamp": yesterday, "token": token, "signature": signature });
    for proof in [wrong, old, stale, json!({}), Value::Null] {
        let answer = world.send(&mailgun_webhook(&proof, &event));
        assert_eq!(answer.status(), 403, "{proof}: {}", answer.text());
    }
    assert!(!world.is_blocked("Email", "ada@example.org"));
    assert_eq!(world.crm.count(), 0, "nothing forged is passed on");
}

#[test]
fn r30_mail_events_reach_the_crm_as_they_came_and_fresh_when_late() {
    let world = World::start();
    let (proof, event) = (mailgun_proof(), mail_event("opened", "ada@example.org", json!({ "odd": "é  " })));
    let request = mailgun_webhook(&proof, &event);
    assert_eq!(world.send(&request).status(), 200);
    assert_eq!(world.crm.only().body, request.body, "on time: byte for byte");
    assert_eq!(world.crm.only().target(), "/hooks/mailgun");
    world.crm.goes_down();
    let (late_proof, event) = (mailgun_proof(), mail_event("opened", "bob@example.org", json!({})));
    assert_eq!(
        world.send(&mailgun_webhook(&late_proof, &event)).status(),
        200,
        "taken although the CRM is down"
    );
    world.crm.comes_back();
    let late = world.crm.wait_for(2)[1].clone();
    assert!(late.text().contains(&event.to_string()), "the event byte for byte: {}", late.text());
    let late = late.json();
    let text = |name: &str| late["signature"][name].as_str().expect("text").to_owned();
    assert_eq!(text("token"), late_proof["token"]);
    let signature = mailgun_signature(SIGNING_KEY, &text("timestamp"), &text("token"));
    assert_eq!(text("signature"), signature, "it verifies");
    until("the spool to be empty", || (world.gate.metric("dndgate_spool_pending", &[]) == 0.0).then_some(()));
}
