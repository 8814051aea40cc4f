//! The admin API, in the vocabulary of the HighLevel contacts API.

use crate::harness::{Api, Message, Request, Setup, World};
use serde_json::{Value, json};

#[track_caller]
fn assert_problem(answer: &Message, status: u16, kind: &str) -> Value {
    assert_eq!(answer.status(), status, "{}", answer.text());
    assert_eq!(answer.field("Content-Type"), Some("application/problem+json"));
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["type"]),
        (&json!(status), &json!(format!("urn:dndgate:{kind}"))),
        "{body}"
    );
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{body}");
    body
}

#[test]
fn contacts_are_made_found_changed_and_erased() {
    let world = World::start();
    let api = world.api();
    let body = json!({
        "firstName": "Ada", "lastName": "Lovelace", "email": "Ada@Example.org", "phone": "(415) 555-0101",
        "additionalPhones": ["+44 20 7946 0958"], "tags": ["vip"], "customFields": [{ "id": "x", "value": 1 }],
    });
    let made = api.post("/contacts/", &body);
    assert_eq!(made.status(), 201, "{}", made.text());
    let made = made.json()["contact"].clone();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert_eq!((&made["firstName"], &made["tags"]), (&json!("Ada"), &json!(["vip"])), "{made}");
    assert_eq!(
        (&made["phone"], &made["email"]),
        (&json!("+14155550101"), &json!("Ada@Example.org")),
        "{made}"
    );
    assert_eq!((&made["dnd"], &made["dndStatus"]), (&json!(false), &json!("off")), "{made}");
    assert_eq!(api.show(&id), made);

    let found = api.get("/contacts/search/duplicate?locationId=default&number=%2B442079460958").json();
    assert_eq!(found["contact"]["id"], json!(id), "{found}");
    let found = api.get("/contacts/search/duplicate?email=ADA%40EXAMPLE.ORG").json();
    assert_eq!(found["contact"]["id"], json!(id), "{found}");
    assert_eq!(api.get("/contacts/search/duplicate?email=bob%40example.org").json()["contact"], Value::Null);

    let upserted =
        api.post("/contacts/upsert", &json!({ "email": "ada@example.org", "lastName": "King" })).json();
    assert_eq!((&upserted["new"], &upserted["contact"]["id"]), (&json!(false), &json!(id)), "{upserted}");
    assert_eq!(upserted["contact"]["phone"], "+14155550101", "what is not named stays: {upserted}");
    let other = api.post("/contacts/upsert", &json!({ "phone": "+14155550199" })).json();
    assert_eq!(other["new"], json!(true), "{other}");

    let changed = api
        .put(&format!("/contacts/{id}"), &json!({ "firstName": "Augusta", "phone": "+14155550109" }))
        .json();
    assert_eq!(
        (&changed["contact"]["firstName"], &changed["contact"]["lastName"]),
        (&json!("Augusta"), &json!("King"))
    );
    assert_eq!(changed["contact"]["phone"], "+14155550109");

    assert_eq!(api.delete(&format!("/contacts/{id}")).status(), 200);
    assert_problem(&api.get(&format!("/contacts/{id}")), 404, "not-found");
    assert_problem(&api.put(&format!("/contacts/{id}"), &json!({})), 404, "not-found");
}

#[test]
fn r1_r3_the_state_shown_is_derived_from_the_reasons() {
    let world = World::start();
    let api = world.api();
    let active = json!({ "status": "active", "message": "asked on the phone", "code": "103" });
    let id = api.contact(
        &json!({ "phone": "+14155550101", "email": "ada@example.org", "dndSettings": { "SMS": active } }),
    );
    world.hears("+14155550101", "STOP");
    let shown = api.show(&id);
    let sms = &shown["dndSettings"]["SMS"];
    assert_eq!((&sms["status"], &sms["removable"]), (&json!("permanent"), &json!(false)), "{sms}");
    let kinds: Vec<_> =
        sms["reasons"].as_array().expect("reasons").iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["keyword", "manual"], "side by side, the locked one first: {sms}");
    assert_eq!(shown["dndSettings"]["Email"]["status"], "inactive");
    assert_eq!((&shown["dnd"], &shown["dndStatus"]), (&json!(false), &json!("partial")), "{shown}");
    let all = api.put(&format!("/contacts/{id}"), &json!({ "dnd": true })).json();
    assert_eq!((&all["contact"]["dnd"], &all["contact"]["dndStatus"]), (&json!(true), &json!("on")), "{all}");
}

#[test]
fn r20_an_operator_ends_what_is_not_locked() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "phone": "+14155550101", "email": "ada@example.org", "dnd": true }));
    let off = |channel: &str| {
        api.put(&format!("/contacts/{id}"), &json!({ "dndSettings": { channel: { "status": "inactive" } } }))
    };
    let all = api.put(&format!("/contacts/{id}"), &json!({ "dnd": false }));
    assert_eq!((all.status(), &all.json()["contact"]["dndStatus"]), (200, &json!("off")), "{}", all.text());
    world.hears("whatsapp:+14155550101", "STOP");
    assert_eq!(off("WhatsApp").status(), 200);
    assert_eq!(world.message("whatsapp:+14155550101", "Hello").status(), 201);
    world.mailgun_reports(&crate::harness::signed::mail_failure("ada@example.org", "permanent", "bounce"));
    assert_eq!(off("Email").status(), 200);
    assert!(!world.is_blocked("Email", "ada@example.org"));
}

#[test]
fn r24_switching_all_off_leaves_the_rest_and_says_what_and_why() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(
        &json!({ "phone": "+14155550101", "dnd": true, "dndSettings": { "Call": { "status": "active" } } }),
    );
    world.hears("+14155550101", "STOP");
    let answer = api.put(&format!("/contacts/{id}"), &json!({ "dnd": false }));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let contact = &answer.json()["contact"];
    assert_eq!((&contact["dnd"], &contact["dndStatus"]), (&json!(false), &json!("partial")), "{contact}");
    let stays = contact["stillBlocked"].to_string();
    assert!(stays.contains("keyword") && stays.contains("manual") && stays.contains("START"), "{stays}");
}

#[test]
fn r9_check_says_what_the_gate_would_do() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let api = world.api();
    let sends = json!([
        { "channel": "SMS", "address": "+14155550101" },
        { "channel": "SMS", "address": "+14155550102" },
        { "channel": "Call", "address": "415-555-0101" },
        { "channel": "Email", "address": "no address" },
    ]);
    let results = api.post("/v1/check", &json!({ "sends": sends })).json()["results"].clone();
    let verdicts: Vec<_> =
        results.as_array().expect("results").iter().map(|one| one["verdict"].clone()).collect();
    assert_eq!(verdicts, ["block", "allow", "allow", "block"], "{results}");
    assert_eq!(results[0]["reasons"][0]["kind"], "keyword", "{results}");
    let many: Vec<Value> =
        (0..1001).map(|_| json!({ "channel": "SMS", "address": "+14155550101" })).collect();
    assert_problem(&api.post("/v1/check", &json!({ "sends": many })), 400, "bad-request");
    assert_problem(
        &api.post("/v1/check", &json!({ "sends": [{ "channel": "Pigeon", "address": "x" }] })),
        400,
        "bad-request",
    );
}

#[test]
fn r29_every_change_is_an_event_in_order_and_the_feed_can_be_resumed() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "firstName": "Ada", "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    world.hears("+14155550101", "START");
    api.put(&format!("/contacts/{id}"), &json!({ "dnd": true }));
    let events = api.events();
    let told: Vec<_> = events.iter().map(|one| one["change"].clone()).collect();
    assert_eq!(told, ["enabled", "disabled", "enabled"], "{events:#?}");
    for event in &events {
        assert_eq!(
            (&event["type"], &event["locationId"], &event["id"]),
            (&json!("ContactDndUpdate"), &json!("default"), &json!(id))
        );
        assert!(
            event["eventId"].is_string() && event["timestamp"].is_string() && event["firstName"] == "Ada",
            "{event}"
        );
    }
    assert_eq!(
        (&events[0]["channels"], &events[0]["dndStatus"]),
        (&json!(["SMS"]), &json!("partial")),
        "{}",
        events[0]
    );
    assert_eq!((&events[2]["dnd"], &events[2]["dndStatus"]), (&json!(true), &json!("on")), "{}", events[2]);
    let first = api.get("/v1/events?after=0&limit=1").json();
    let rest = api.get(&format!("/v1/events?after={}", first["next"])).json();
    assert_eq!(
        [&first["events"].as_array().expect("one")[..], &rest["events"].as_array().expect("rest")[..]]
            .concat(),
        events
    );
    assert_eq!(api.get(&format!("/v1/events?after={}", rest["next"])).json()["events"], json!([]));
}

#[test]
fn r29_the_event_stream_tells_of_a_change_at_once() {
    let world = World::start();
    let request = Request::get("/v1/events?after=0")
        .field("Accept", "text/event-stream")
        .field("Authorization", &format!("Bearer {}", world.gate.operator_token()));
    let mut wire = crate::harness::Wire::to(world.gate.ports.admin);
    wire.write(&request.bytes()).expect("written");
    let head = wire.head().expect("a head").expect("an answer");
    assert_eq!((head.status(), head.field("Content-Type")), (200, Some("text/event-stream")));
    world.hears("+14155550101", "STOP");
    let mut told = Vec::new();
    while !told.windows(4).any(|bytes| bytes == b"\n\r\n\r" || bytes == b"}\n\n\r") {
        told.extend(wire.exactly(1));
    }
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("id: 1") && told.contains("ContactDndUpdate"), "{told}");
}

#[test]
fn r28_the_history_says_who_what_when_and_why() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "phone": "+14155550101" }));
    world.hears("+14155550101", "stop texting me");
    api.put(&format!("/contacts/{id}"), &json!({ "dndSettings": { "Call": { "status": "active" } } }));
    let history = api.history(&id);
    assert_eq!(history.len(), 2, "{history:#?}");
    let said = history[0].to_string();
    assert!(
        said.contains("webhook:twilio") && said.contains("rule"),
        "the raw event and the matched rule: {said}"
    );
    assert_eq!((&history[0]["change"], &history[0]["actor"]), (&json!("begin"), &json!("person")), "{said}");
    let actor = history[1]["actor"].as_str().unwrap_or_default();
    assert_eq!(history[1]["source"], "api", "{}", history[1]);
    assert!(actor.starts_with("token:operator-"), "{}", history[1]);
    for entry in &history {
        assert!(entry["seq"].is_u64() && entry["at"].is_string(), "{entry}");
    }
}

#[test]
fn r5_an_erased_contacts_opt_outs_stay_in_force() {
    let mut world = World::start();
    let id = world
        .api()
        .contact(&json!({ "firstName": "Ada", "phone": "+14155550101", "email": "ada@example.org" }));
    world.hears("+14155550101", "STOP");
    world
        .api()
        .put(&format!("/contacts/{id}"), &json!({ "dndSettings": { "Email": { "status": "active" } } }));
    assert_eq!(world.api().delete(&format!("/contacts/{id}")).status(), 200);
    for _ in 0..2 {
        assert_eq!(world.message("+14155550101", "Hello").status(), 400);
        assert_eq!(world.mail(&[("to", "ada@example.org")]).status(), 400);
        world.gate.is_killed();
        world.gate.starts_again();
    }
    let kept = std::fs::read(world.gate.folder().join("dndgate.db")).expect("the database");
    let found = |text: &[u8]| kept.windows(text.len()).any(|bytes| bytes == text);
    assert!(
        !found(b"ada@example.org") && !found(b"4155550101") && !found(b"\"Ada\""),
        "nothing personal is left"
    );
    assert!(world.gate.command(&["ledger", "verify"]).status.success(), "the chain is whole all the same");
}

#[test]
fn r6_a_request_that_names_one_number_takes_no_other_away() {
    let world = World::start();
    let (main, more) = ("+14155550101", "+14155550102");
    let id = world.api().contact(&json!({
        "email": "ada@example.org", "phone": main, "additionalPhones": [more],
        "dndSettings": { "SMS": { "status": "active" } },
    }));
    let path = format!("/contacts/{id}");
    let upsert = json!({ "email": "ada@example.org", "additionalPhones": [more] });
    for (what, answer) in [
        ("the main one", world.api().put(&path, &json!({ "phone": main }))),
        ("the others", world.api().put(&path, &json!({ "additionalPhones": [more] }))),
        ("the others of whom the email tells", world.api().post("/contacts/upsert", &upsert)),
    ] {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let contact = &answer.json()["contact"];
        assert_eq!(contact["phone"], main, "{what}: {contact}");
        assert_eq!(contact["additionalPhones"], json!([more]), "{what}: {contact}");
        assert_eq!(world.message(main, "Hello").status(), 400, "{what}");
        assert_eq!(world.message(more, "Hello").status(), 400, "{what}");
    }
}

#[test]
fn r22_evidence_opens_nothing_for_a_person_who_said_stop_again_after_it() {
    let world = World::start();
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    let evidence =
        json!({ "channel": "SMS", "text": "Yes, please", "source": "form", "obtainedAt": "2026-01-01" });
    assert_eq!(world.api().post(&format!("/v1/contacts/{id}/evidence"), &evidence).status(), 201);
    world.hears("+14155550101", "STOP");
    let off = json!({ "dndSettings": { "SMS": { "status": "inactive" } } });
    let answer = world.api().put(&format!("/contacts/{id}"), &off);
    assert_eq!(answer.status(), 409, "{}", answer.text());
    assert_eq!(answer.json()["type"], "urn:dndgate:dnd-locked");
    assert_eq!(world.message("+14155550101", "Hello").status(), 400);
}

#[test]
fn channels_say_what_is_integrated_and_whether_it_works() {
    let world = World::start();
    let api = world.api();
    world.message("+14155550101", "Hello");
    world.mailgun.goes_down();
    world.mail(&[("to", "ada@example.org")]);
    let channels = api.get("/v1/channels").json();
    let of = |name: &str| {
        let all = channels["channels"].as_array().expect("channels");
        all.iter()
            .find(|one| one["channel"] == name)
            .cloned()
            .unwrap_or_else(|| panic!("{name} is not there: {channels}"))
    };
    assert_eq!(of("SMS")["works"], json!(true), "{channels}");
    let email = of("Email")["providers"].as_array().expect("providers").clone();
    let mailgun = email.iter().find(|one| one["name"] == "mailgun").expect("mailgun");
    assert_eq!(mailgun["works"], json!(false), "{mailgun}");
    assert!(mailgun["lastError"]["at"].is_string(), "{mailgun}");
    assert!(channels["notIntegrated"].to_string().contains("GMB"), "{channels}");
}

#[test]
fn decisions_list_what_was_kept_from_going_out() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let blocked = world.message("+14155550101", "Hello");
    world.message("+14155550102", "Hello");
    let decisions = world.api().get("/v1/decisions").json();
    let decisions = decisions["decisions"].as_array().expect("decisions");
    assert_eq!(decisions.len(), 1, "what went out is none: {decisions:?}");
    assert_eq!(
        (&decisions[0]["requestId"], &decisions[0]["verdict"]),
        (&json!(blocked.request_id()), &json!("blocked"))
    );
}

#[test]
fn tokens_have_roles_and_tenants() {
    let setup = Setup::default().tail("[tenant.one]\naccounts = []\n[tenant.two]\naccounts = []");
    let world = setup.twilio("accounts = \"any\"").start();
    let gate = &world.gate;
    let (read, crm) = (gate.token(&["--role", "read"]), gate.token(&["--role", "crm", "--tenant", "one"]));
    let (reader, crm) = (Api { gate, token: &read }, Api { gate, token: &crm });
    assert_problem(&gate.admin("/v1/channels"), 401, "unauthorized");
    assert_problem(&Api { gate, token: "made-up" }.get("/v1/channels"), 401, "unauthorized");
    assert_eq!(reader.get("/v1/channels").status(), 200);
    assert_problem(
        &reader.post("/contacts/", &json!({ "locationId": "one", "phone": "+14155550101" })),
        403,
        "forbidden",
    );
    let id = crm.contact(&json!({ "phone": "+14155550101" }));
    assert_eq!(crm.show(&id)["locationId"], "one");
    assert_problem(
        &crm.post("/contacts/", &json!({ "locationId": "two", "phone": "+14155550101" })),
        403,
        "forbidden",
    );
    let evidence = json!({ "channel": "SMS", "text": "yes", "source": "form", "obtainedAt": "2026-01-01" });
    assert_problem(&crm.post(&format!("/v1/contacts/{id}/evidence"), &evidence), 403, "forbidden");
    let theirs = world.api().contact(&json!({ "locationId": "two", "phone": "+14155550101" }));
    assert_problem(&crm.get(&format!("/contacts/{theirs}")), 404, "not-found");
    assert_problem(&crm.delete(&format!("/contacts/{theirs}")), 404, "not-found");
    let kept = std::fs::read(gate.folder().join("dndgate.db")).expect("the database");
    let wal = std::fs::read(gate.folder().join("dndgate.db-wal")).unwrap_or_default();
    let found = [kept, wal].concat().windows(read.len()).any(|bytes| bytes == read.as_bytes());
    assert!(!found, "tokens are kept hashed");
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let world = World::start();
    let api = world.api();
    for (body, word) in [
        (json!({ "phone": "somebody" }), "phone"),
        (json!({ "email": "nobody" }), "email"),
        (json!({ "phone": 1 }), "phone"),
        (json!({ "phone": "+14155550101", "dnd": "yes" }), "dnd"),
        (json!({ "phone": "+14155550101", "dndSettings": { "Pigeon": { "status": "active" } } }), "Pigeon"),
        (json!({ "phone": "+14155550101", "dndSettings": { "SMS": { "status": "perhaps" } } }), "status"),
    ] {
        let answer = api.post("/contacts/", &body);
        assert!([400, 422].contains(&answer.status()), "{body}: {answer:?}");
        assert!(answer.json()["title"].to_string().contains(word), "{body}: {}", answer.text());
    }
    assert_problem(&api.get("/nothing/here"), 404, "not-found");
    let broken = api.send(Request::post("/contacts/").body("application/json", "{"));
    assert!((400..500).contains(&broken.status()), "{broken:?}");
    assert_problem(&broken, broken.status(), "bad-request");
    assert_problem(&api.send(Request::new("PATCH", "/v1/channels")), 405, "method-not-allowed");
    assert_problem(&api.get("/v1/events?after=soon"), 400, "bad-request");
}

#[test]
fn the_api_describes_itself() {
    let world = World::start();
    let described = world.gate.admin("/openapi.json").json();
    assert!(described["openapi"].as_str().is_some_and(|version| version.starts_with('3')), "{described}");
    for path in [
        "/contacts/",
        "/contacts/upsert",
        "/contacts/{id}",
        "/contacts/search/duplicate",
        "/v1/channels",
        "/v1/check",
        "/v1/contacts/{id}/history",
        "/v1/contacts/{id}/evidence",
        "/v1/events",
        "/v1/decisions",
        "/v1/policies/{file}",
        "/v1/policies/try",
    ] {
        assert!(described["paths"][path].is_object(), "{path} is not described");
    }
    assert_eq!(world.gate.admin("/healthz").status(), 200);
}

#[test]
fn a_request_that_is_refused_unread_says_that_its_connection_ends() {
    let world = World::start();
    let body = "x".repeat(1 << 20);
    let refused = Request::post("/contacts/").body("application/json", body).send(world.gate.ports.admin);
    assert_eq!((refused.status(), refused.field("connection")), (401, Some("close")), "{refused:?}");
    let bare = Request::get("/v1/channels").send(world.gate.ports.admin);
    assert_eq!((bare.status(), bare.field("connection")), (401, None), "there was nothing to read");
}
