//! What the product was asked for, in the words of those who asked: each over the API and over the wire.

use crate::harness::{
    PUBLIC_URL, Request, World,
    signed::{call, mail_event, mail_failure, message_status},
    until,
};
use serde_json::{Value, json};

const PERSON: &str = "+14155550101";
const MAIL: &str = "ada@example.org";

fn person(world: &World) -> String {
    world.api().contact(&json!({ "firstName": "Ada", "phone": PERSON, "email": MAIL, "tags": ["vip"] }))
}

fn switch(world: &World, id: &str, channel: &str, status: &str) -> u16 {
    let body = json!({ "dndSettings": { channel: { "status": status } } });
    world.api().put(&format!("/contacts/{id}"), &body).status()
}

/// The status of each channel, and what the gate would do, which must agree.
#[track_caller]
fn blocked(world: &World, id: &str) -> Vec<&'static str> {
    let shown = world.api().show(id);
    let mut all = Vec::new();
    for (channel, address) in [("SMS", PERSON), ("Call", PERSON), ("Email", MAIL), ("WhatsApp", PERSON)] {
        let says = shown["dndSettings"][channel]["status"] != "inactive";
        assert_eq!(says, world.is_blocked(channel, address), "{channel}: {shown}");
        if says {
            all.push(channel);
        }
    }
    all
}

#[test]
fn r5_dnd_keeps_the_contact_record() {
    let world = World::start();
    let id = person(&world);
    let before = world.api().show(&id);
    world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": true }));
    world.hears(PERSON, "STOP");
    world.mailgun_reports(&mail_event("complained", MAIL, json!({})));
    let after = world.api().show(&id);
    for name in ["id", "firstName", "phone", "email", "tags", "dateAdded"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    let found = world.api().post("/contacts/search", &json!({ "query": "ada" })).json();
    assert_eq!(found["contacts"][0]["id"], json!(id), "nor is it hidden: {found}");
}

#[test]
fn r15_per_channel_or_all_channels_by_hand() {
    let world = World::start();
    let id = person(&world);
    assert!(blocked(&world, &id).is_empty());
    for channel in ["SMS", "Call", "Email", "WhatsApp"] {
        assert_eq!(switch(&world, &id, channel, "active"), 200);
        assert_eq!(blocked(&world, &id), [channel]);
        assert_eq!(switch(&world, &id, channel, "inactive"), 200);
    }
    world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": true }));
    assert_eq!(blocked(&world, &id), ["SMS", "Call", "Email", "WhatsApp"]);
    let shown = world.api().show(&id);
    for channel in ["FB", "GMB"] {
        assert_eq!(shown["dndSettings"][channel]["status"], "active", "r2: those integrated later too");
    }
    world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": false }));
    assert!(blocked(&world, &id).is_empty());
}

#[test]
fn r4_inbound_calls_and_sms_are_blocked_and_nothing_else_is() {
    let world = World::start();
    let id = person(&world);
    let inbound = json!({ "inboundDndSettings": { "all": { "status": "active", "message": "rude" } } });
    assert_eq!(world.api().put(&format!("/contacts/{id}"), &inbound).status(), 200);
    assert!(blocked(&world, &id).is_empty(), "sends are no part of it");
    assert_eq!(world.api().show(&id)["dndStatus"], "off");
    assert!(world.send(&call(PERSON)).text().contains("Reject"));
    world.hears(PERSON, "Hello?");
    assert_eq!(world.crm.count(), 0, "neither the call nor the message");
    world.hears(PERSON, "STOP");
    assert!(world.is_blocked("SMS", PERSON), "opt-out words count all the same");
}

#[test]
fn r17_unsubscribe_defaults_to_all_channels_and_is_re_enabled_one_by_one() {
    let world = World::start();
    let id = person(&world);
    world.mailgun_reports(&mail_event("unsubscribed", MAIL, json!({})));
    assert_eq!(blocked(&world, &id), ["SMS", "Call", "Email", "WhatsApp"]);
    assert_eq!(world.api().show(&id)["dndStatus"], "on");
    for (channel, left) in [
        ("Call", vec!["SMS", "Email", "WhatsApp"]),
        ("Email", vec!["SMS", "WhatsApp"]),
        ("SMS", vec!["WhatsApp"]),
    ] {
        assert_eq!(switch(&world, &id, channel, "inactive"), 200, "{channel}");
        assert_eq!(blocked(&world, &id), left);
    }
}

#[test]
fn r16_a_keyword_in_a_reply_on_each_channel() {
    let world = World::start();
    let id = person(&world);
    world.hears(PERSON, "STOP");
    assert_eq!(blocked(&world, &id), ["SMS"]);
    world.hears(&format!("whatsapp:{PERSON}"), "Stop");
    assert_eq!(blocked(&world, &id), ["SMS", "WhatsApp"]);
    world.hears("messenger:1234567890", "unsubscribe");
    assert!(world.is_blocked("FB", "1234567890"));
    let shown = world.api().show(&id);
    assert_eq!(shown["dndSettings"]["SMS"]["status"], "permanent", "on SMS it is locked");
    assert_eq!(shown["dndSettings"]["WhatsApp"]["status"], "active", "elsewhere an operator may end it");
}

#[test]
fn r29_events_on_dnd_enabled_and_disabled() {
    let world = World::start();
    let id = person(&world);
    switch(&world, &id, "Call", "active");
    switch(&world, &id, "Call", "inactive");
    world.hears(PERSON, "STOP");
    world.hears(PERSON, "START");
    let told: Vec<(Value, Value, Value)> = (world.api().events().into_iter())
        .map(|event| {
            assert_eq!((&event["type"], &event["id"]), (&json!("ContactDndUpdate"), &json!(id)), "{event}");
            (event["change"].clone(), event["channels"].clone(), event["dndStatus"].clone())
        })
        .collect();
    let expected = [
        ("enabled", "Call", "partial"),
        ("disabled", "Call", "off"),
        ("enabled", "SMS", "partial"),
        ("disabled", "SMS", "off"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(change, channel, status)| (json!(change), json!([channel]), json!(status)))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn r25_existing_dnd_is_honoured_as_it_was() {
    let world = World::start();
    let api = world.api();
    let permanent = json!({ "SMS": { "status": "permanent", "message": "opted out", "code": "21610" },
                            "Email": { "status": "active" }, "Call": { "status": "inactive" } });
    let id = api.contact(&json!({ "phone": PERSON, "email": MAIL, "dndSettings": permanent }));
    assert_eq!(blocked(&world, &id), ["SMS", "Email"]);
    let shown = api.show(&id);
    assert_eq!(shown["dndSettings"]["SMS"]["status"], "permanent");
    assert_eq!(switch(&world, &id, "SMS", "inactive"), 409, "it is locked as it was");
    assert_eq!(switch(&world, &id, "Email", "inactive"), 200);
    let all = api.contact(&json!({ "phone": "+14155550109", "dnd": true }));
    assert_eq!(api.show(&all)["dndStatus"], "on", "true without a map means all channels");
}

#[test]
fn r9_on_refuses_automated_and_manual_alike() {
    let world = World::start();
    let id = person(&world);
    world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": true }));
    for text in ["Your appointment is tomorrow", "Sale! 20% off", "Hi Ada, this is Tom from the shop"] {
        assert_eq!(world.message(PERSON, text).status(), 400);
    }
    assert_eq!(world.call(PERSON).status(), 400);
    assert_eq!(world.mail(&[("to", MAIL)]).status(), 400);
    assert_eq!((world.twilio.count(), world.mailgun.count()), (0, 0));
}

#[test]
fn r3_off_changes_nothing_and_partial_is_between() {
    let world = World::start();
    let id = person(&world);
    assert_eq!(world.api().show(&id)["dndStatus"], "off");
    assert_eq!(world.message(PERSON, "Hello").status(), 201);
    switch(&world, &id, "Email", "active");
    assert_eq!(world.api().show(&id)["dndStatus"], "partial");
    assert_eq!(world.message(PERSON, "Hello").status(), 201);
    assert_eq!(world.mail(&[("to", MAIL)]).status(), 400);
}

#[test]
fn r3_channels_are_listed_only_where_integrated_and_say_whether_they_work() {
    let world = World::start();
    let listed = || world.api().get("/v1/channels").json();
    let names = |body: &Value| -> Vec<String> {
        body["channels"]
            .as_array()
            .expect("channels")
            .iter()
            .map(|one| one["channel"].as_str().expect("a name").into())
            .collect()
    };
    let before = listed();
    let all = names(&before);
    assert!(all.contains(&"SMS".into()) && all.contains(&"Email".into()), "{before}");
    assert!(!all.contains(&"GMB".into()) && before["notIntegrated"].to_string().contains("GMB"), "{before}");
    let works = |body: &Value, name: &str| {
        body["channels"]
            .as_array()
            .expect("channels")
            .iter()
            .find(|one| one["channel"] == name)
            .expect("listed")["works"]
            .clone()
    };
    assert_eq!(works(&before, "SMS"), Value::Null, "nobody has used it yet");
    assert_eq!(world.message(PERSON, "Hello").status(), 201);
    assert_eq!(works(&listed(), "SMS"), true);
    // Blocked on all that are listed is on, whatever is not listed.
    let id = person(&world);
    for channel in &all {
        switch(&world, &id, channel, "active");
    }
    assert_eq!(world.api().show(&id)["dndStatus"], "on");
}

#[test]
fn r18_r20_email_turns_itself_on_and_comes_off_again_except_after_spam() {
    let world = World::start();
    for (index, (event, kind, removable)) in [
        (mail_failure("p0@example.org", "permanent", "bounce"), "bounce", true),
        (mail_failure("p1@example.org", "permanent", "generic"), "bounce", true),
        (mail_failure("p2@example.org", "permanent", "suppress-bounce"), "bounce", true),
        (mail_failure("p3@example.org", "permanent", "suppress-unsubscribe"), "bounce", true),
        (mail_event("unsubscribed", "p4@example.org", json!({})), "unsubscribe", true),
        (mail_failure("p5@example.org", "permanent", "suppress-complaint"), "complaint", false),
        (mail_event("complained", "p6@example.org", json!({})), "complaint", false),
    ]
    .into_iter()
    .enumerate()
    {
        let mail = format!("p{index}@example.org");
        let id = world.api().contact(&json!({ "email": mail }));
        world.mailgun_reports(&event);
        let shown = world.api().show(&id)["dndSettings"]["Email"].clone();
        assert_eq!((&shown["reason"], &shown["removable"]), (&json!(kind), &json!(removable)), "{event}");
        assert_eq!(world.mail(&[("to", &mail)]).status(), 400, "{kind}");
        let off = json!({ "dndSettings": { "Email": { "status": "inactive" } } });
        let answer = world.api().put(&format!("/contacts/{id}"), &off);
        if removable {
            assert_eq!(answer.status(), 200, "{kind}: {}", answer.text());
            assert!(!world.is_blocked("Email", &mail));
        } else {
            let problem = answer.json();
            assert_eq!((answer.status(), &problem["type"]), (409, &json!("urn:dndgate:dnd-locked")));
            let needs = problem["blocking"][0]["how"].as_str().unwrap_or_default().to_owned();
            assert!(needs.contains("email-release"), "what would be needed: {problem}");
            assert!(world.is_blocked("Email", &mail));
        }
    }
}

#[test]
fn r19_r20_r22_sms_temporary_codes_come_off_in_the_record_and_permanent_ones_by_start_or_evidence() {
    let world = World::start();
    for (number, code) in ["30003", "30005", "30006"].into_iter().enumerate() {
        let person = format!("+1415555020{number}");
        let id = world.api().contact(&json!({ "phone": person }));
        assert!(world.send(&message_status("/hooks/twilio", &person, code)).status() < 300);
        assert!(world.is_blocked("SMS", &person), "{code}");
        assert_eq!(switch(&world, &id, "SMS", "inactive"), 200, "{code}");
        assert!(!world.is_blocked("SMS", &person), "{code}");
    }
    // Permanent: 30004 and the keyword.
    for (number, by_word) in [(0, false), (1, true), (2, false), (3, true)] {
        let person = format!("+1415555030{number}");
        let id = world.api().contact(&json!({ "phone": person }));
        if by_word {
            world.hears(&person, "STOP");
        } else {
            assert!(world.send(&message_status("/hooks/twilio", &person, "30004")).status() < 300);
        }
        assert_eq!(switch(&world, &id, "SMS", "inactive"), 409, "{person}");
        if number < 2 {
            world.hears(&person, "START");
        } else {
            let evidence = json!({ "channel": "SMS", "text": "I agree to be texted", "source": "form 7",
                                   "obtainedAt": "2026-01-02T03:04:05Z" });
            let filed = world.api().post(&format!("/v1/contacts/{id}/evidence"), &evidence);
            assert_eq!(filed.status(), 201, "{}", filed.text());
            assert!(world.is_blocked("SMS", &person), "evidence alone ends nothing");
            assert_eq!(switch(&world, &id, "SMS", "inactive"), 200, "{person}");
        }
        assert!(!world.is_blocked("SMS", &person), "{person}");
        assert_eq!(world.message(&person, "Welcome back").status(), 201);
    }
}

#[test]
fn r1_r24_what_ends_leaves_what_else_is_there() {
    let world = World::start();
    let id = person(&world);
    switch(&world, &id, "SMS", "active");
    world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": true }));
    world.hears(PERSON, "STOP");
    world.hears(PERSON, "START");
    assert_eq!(
        blocked(&world, &id),
        ["SMS", "Call", "Email", "WhatsApp"],
        "START ends neither manual nor all"
    );
    world.api().put(&format!("/contacts/{id}"), &json!({ "dnd": false }));
    assert_eq!(blocked(&world, &id), ["SMS"]);
    let history = world.api().history(&id);
    let changes: Vec<&str> = history.iter().filter_map(|entry| entry["change"].as_str()).collect();
    assert_eq!(changes, ["begin", "begin", "begin", "end", "end"], "r28: one entry for each change");
}

#[test]
fn r6_r7_two_that_an_upsert_links_become_one_and_no_reason_is_lost() {
    let world = World::start();
    let api = world.api();
    let by_mail = api.contact(&json!({ "firstName": "Ada", "email": MAIL, "tags": ["a"] }));
    let by_phone = api.contact(&json!({ "phone": PERSON, "city": "London", "tags": ["b"], "dndSettings": { "Call": { "status": "active", "message": "at night" } } }));
    world.hears(PERSON, "STOP");
    let answer = api.post("/contacts/upsert", &json!({ "email": MAIL, "phone": PERSON })).json();
    let one = &answer["contact"];
    assert_eq!((&answer["new"], &one["id"]), (&json!(false), &json!(by_mail)), "{answer}");
    assert_eq!(
        (&one["city"], &one["tags"], &one["phone"]),
        (&json!("London"), &json!(["a", "b"]), &json!(PERSON))
    );
    assert_eq!(blocked(&world, &by_mail), ["SMS", "Call"]);
    assert_eq!(one["dndSettings"]["Call"]["message"], "at night");
    assert_eq!(api.show(&by_phone)["id"], json!(by_mail), "the other's id leads there");
    let history = api.history(&by_mail);
    let merge = history.iter().find(|entry| entry["change"] == "merge").expect("the ledger says so");
    assert_eq!(merge["more"]["merged"], json!(by_phone));
    assert!(
        history.iter().any(|entry| entry["reasons"][0]["kind"] == "manual"),
        "its history came along: {history:#?}"
    );
    let told = api.events().into_iter().rev().find(|event| event["merged"] == json!(by_phone));
    assert_eq!(told.expect("and an event")["id"], json!(by_mail));
    // What another has of its own is nobody else's: they share the telephone.
    let wife = api.contact(&json!({ "firstName": "Eve", "email": "eve@example.org" }));
    let shared = api.post("/contacts/upsert", &json!({ "email": "eve@example.org", "phone": PERSON })).json();
    assert_eq!(shared["contact"]["id"], json!(wife), "{shared}");
    assert_eq!(api.show(&by_mail)["firstName"], "Ada");
    assert!(world.is_blocked("SMS", PERSON));
}

/// By whatever door a change comes, the same rule decides, and the same record is left.
#[test]
fn r26_no_door_opens_what_is_locked_and_each_leaves_the_same_record() {
    let world = World::start();
    let (id, api) = (person(&world), world.api());
    let link = api.post("/v1/unsubscribe-links", &json!({ "address": MAIL })).json();
    let link = link["url"].as_str().and_then(|url| url.strip_prefix(PUBLIC_URL)).expect("a link").to_owned();
    let import = |csv: &str| {
        let begun = api.send(Request::post("/v1/imports").body("text/csv", csv));
        assert_eq!(begun.status(), 202, "{}", begun.text());
        let path = format!("/v1/imports/{}", begun.json()["import"]["id"].as_str().expect("an id"));
        until("the import", || (api.get(&path).json()["import"]["state"] == "done").then_some(()));
    };
    // Doors that begin something: webhook, Lua (a code), page, API, import.
    world.hears(PERSON, "STOP");
    assert!(world.send(&message_status("/hooks/twilio", PERSON, "30004")).status() < 300);
    assert_eq!(world.send(&Request::post(&link).form(&[("List-Unsubscribe", "One-Click")])).status(), 200);
    assert_eq!(switch(&world, &id, "Call", "active"), 200);
    import(&format!("phone,email,dnd\n{PERSON},{MAIL},true\n"));
    let history = api.history(&id);
    let kinds: std::collections::BTreeSet<String> = history
        .iter()
        .flat_map(|entry| entry["reasons"].as_array().expect("reasons").iter())
        .map(|reason| reason["kind"].as_str().expect("a kind").to_owned())
        .collect();
    let expected = ["carrier", "import", "keyword", "manual", "unsubscribe"];
    assert!(expected.iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
    for entry in &history {
        for name in ["change", "reasons", "before", "after", "source", "actor", "eventAt", "at"] {
            assert!(!entry[name].is_null(), "{name} is missing: {entry}");
        }
    }
    // Doors by which one might try to end what only START or evidence ends.
    let off = json!({ "SMS": { "status": "inactive" } });
    assert_eq!(switch(&world, &id, "SMS", "inactive"), 409, "API");
    let upsert = api.post("/contacts/upsert", &json!({ "phone": PERSON, "dndSettings": off }));
    assert_eq!(upsert.status(), 409, "upsert");
    import(&format!("phone,email,dnd\n{PERSON},{MAIL},false\n"));
    world.send(&Request::post(&link).form(&[("confirm", "1"), ("resume", "SMS")]));
    world.hears(PERSON, "thanks, see you at five");
    let sms = api.show(&id)["dndSettings"]["SMS"].clone();
    assert_eq!(sms["status"], "permanent", "{sms}");
    assert!(world.is_blocked("SMS", PERSON));
    let ends = |history: &[Value]| history.iter().filter(|entry| entry["change"] == "end").count();
    assert_eq!(ends(&api.history(&id)), 0, "nothing has ended");
    world.hears(PERSON, "START");
    let left = api.show(&id)["dndSettings"]["SMS"].clone();
    assert_eq!(left["status"], "active", "what an operator may end is left: {left}");
}
