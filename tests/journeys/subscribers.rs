//! Subscribers are told of every change (R29): signed, at least once, in order for one contact, whoever else is down.

use crate::harness::{Api, Fake, Message, Reaction, Request, Setup, World, answer, until};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{collections::HashMap, path::Path, process::Command};

const KEY: &[u8] = b"a key of thirty-two bytes, about";
const ADA: &str = "+14155550101";
const BOB: &str = "+14155550102";

fn taking() -> Fake {
    Fake::with(|_| Reaction::Answer(answer(200, "text/plain", "")))
}

fn answering(status: u16) -> Fake {
    Fake::with(move |_| Reaction::Answer(answer(status, "text/plain", "")))
}

fn secret() -> String {
    format!("whsec_{}", STANDARD.encode(KEY))
}

fn section(subscriber: &Fake) -> String {
    format!("[[subscriber]]\nurl = \"{}/dnd?x=1\"\nsecret = {:?}", subscriber.url(), secret())
}

fn world(subscriber: &Fake) -> World {
    Setup::default().tail(&section(subscriber)).start()
}

/// With these pauses between attempts.
fn impatient(subscriber: &Fake, pauses: &str) -> World {
    Setup::default().tail(&format!("[events]\nretry = [{pauses}]\n{}", section(subscriber))).start()
}

fn signature(key: &[u8], event: &Message) -> String {
    let field = |name: &str| event.field(name).unwrap_or_else(|| panic!("no {name}: {event:?}"));
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(format!("{}.{}.{}", field("webhook-id"), field("webhook-timestamp"), event.text()).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Would a verifier of Standard Webhooks take it?
#[track_caller]
fn assert_signed(event: &Message) {
    assert_eq!(event.field("webhook-signature"), Some(signature(KEY, event).as_str()));
    assert_eq!(event.field("webhook-id"), event.json()["eventId"].as_str(), "the id is the event's");
}

/// Whose event it is.
fn about(event: &Message) -> String {
    event.json()["address"]["value"].as_str().unwrap_or_default().to_owned()
}

fn only(api: &Api<'_>) -> Value {
    let listed = api.get("/v1/subscribers").json();
    assert_eq!(listed["subscribers"].as_array().map(Vec::len), Some(1), "{listed}");
    listed["subscribers"][0].clone()
}

fn deliveries(api: &Api<'_>, id: &str, status: &str) -> Vec<Value> {
    let answer = api.get(&format!("/v1/subscribers/{id}/deliveries?status={status}"));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["deliveries"].as_array().expect("deliveries").clone()
}

fn subscribe(api: &Api<'_>, body: &Value) -> Value {
    let made = api.post("/v1/subscribers", body);
    assert_eq!(made.status(), 201, "{}", made.text());
    made.json()["subscriber"].clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}"))
}

#[test]
fn r29_a_subscriber_is_told_signed_and_in_order() {
    let subscriber = taking();
    let world = world(&subscriber);
    let id = world.api().contact(&json!({ "firstName": "Ada", "phone": ADA, "email": "ada@example.org" }));
    for text in ["STOP", "START", "STOP"] {
        world.hears(ADA, text);
    }
    let told = subscriber.wait_for(3);
    for event in &told {
        assert_eq!((event.method(), event.target()), ("POST", "/dnd?x=1"));
        assert_signed(event);
    }
    let changes: Vec<_> = told.iter().map(|event| event.json()["change"].clone()).collect();
    assert_eq!(changes, ["enabled", "disabled", "enabled"]);
    let first = told[0].json();
    for (member, value) in [
        ("type", json!("ContactDndUpdate")),
        ("locationId", json!("default")),
        ("id", json!(id)),
        ("firstName", json!("Ada")),
        ("phone", json!(ADA)),
        ("email", json!("ada@example.org")),
        ("dnd", json!(false)),
        ("channels", json!(["SMS"])),
        ("dndStatus", json!("partial")),
    ] {
        assert_eq!(first[member], value, "{member}: {first}");
    }
    assert_eq!(first["dndSettings"]["SMS"]["status"], "permanent", "{first}");
    let bodies: Vec<_> = told.iter().map(Message::json).collect();
    assert_eq!(bodies, world.api().events(), "what the feed holds");
}

#[test]
fn r29_the_official_libraries_verify_what_is_sent() {
    let subscriber = taking();
    let world = world(&subscriber);
    world.hears(ADA, "STOP");
    let event = subscriber.wait_for(1)[0].clone();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    for (program, script) in
        [(sdk.join(".venv/bin/python"), "standard_webhooks.py"), ("node".into(), "standard_webhooks.js")]
    {
        let verify = |body: &str, key: &str| {
            let field = |name: &str| event.field(name).unwrap_or_default().to_owned();
            Command::new(&program)
                .arg(sdk.join(script))
                .env("SECRET", key)
                .env("BODY", body)
                .env("ID", field("webhook-id"))
                .env("TIMESTAMP", field("webhook-timestamp"))
                .env("SIGNATURE", field("webhook-signature"))
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .output()
                .unwrap_or_else(|error| panic!("{script} cannot be run: {error}"))
        };
        let good = verify(&event.text(), &secret());
        assert!(good.status.success(), "{script}: {good:?}");
        assert_eq!(String::from_utf8_lossy(&good.stdout).trim(), "ContactDndUpdate", "{script}");
        let changed = event.text().replace("enabled", "disabled");
        assert_eq!(verify(&changed, &secret()).status.code(), Some(3), "{script}: a changed body");
        let other = format!("whsec_{}", STANDARD.encode([7; 32]));
        assert_eq!(verify(&event.text(), &other).status.code(), Some(3), "{script}: another secret");
    }
}

#[test]
fn r29_what_was_not_taken_holds_back_that_contact_alone() {
    let subscriber = Fake::with(|event| {
        let status = if about(event) == ADA { 500 } else { 200 };
        Reaction::Answer(answer(status, "text/plain", ""))
    });
    let mut world = world(&subscriber);
    world.hears(ADA, "STOP");
    subscriber.wait_for(1);
    world.gate.wait_for_metric("dndgate_event_deliveries_total", &[("outcome", "retried")], 1.0);
    world.hears(ADA, "START");
    world.hears(BOB, "STOP");
    world.hears(BOB, "START");
    until("Bob's events", || {
        (subscriber.seen().iter().filter(|event| about(event) == BOB).count() == 2).then_some(())
    });
    let api = world.api();
    let id = text(&only(&api), "id").to_owned();
    let waiting = until("both of Ada's to wait", || {
        Some(deliveries(&api, &id, "pending")).filter(|all| all.len() == 2)
    });
    assert_eq!(
        (&waiting[0]["lastStatus"], &waiting[0]["attempts"]),
        (&json!(500), &json!(1)),
        "{waiting:#?}"
    );
    assert!(waiting[0]["nextAttemptAt"].is_string() && waiting[1]["nextAttemptAt"].is_null(), "{waiting:#?}");
    until("the gauge", || (world.gate.metric("dndgate_events_pending", &[]) == 2.0).then_some(()));
    // A restart forgets no event.
    subscriber.answers(answer(204, "text/plain", ""));
    world.gate.is_killed();
    world.gate.starts_again();
    let changes = until("both of Ada's", || {
        let told = subscriber.seen();
        let of_ada: Vec<_> = told.iter().filter(|event| about(event) == ADA).cloned().collect();
        (of_ada.last().is_some_and(|event| event.json()["change"] == "disabled")).then_some(of_ada)
    });
    let first = changes[0].field("webhook-id");
    assert_eq!(changes[1].field("webhook-id"), first, "it comes again under its id");
    changes.iter().for_each(assert_signed);
    until("nothing to wait", || (world.gate.metric("dndgate_events_pending", &[]) == 0.0).then_some(()));
}

#[test]
fn r29_after_ten_attempts_an_event_is_a_dead_letter_which_can_be_replayed() {
    let subscriber = answering(503);
    let world = impatient(&subscriber, &["\"20ms\""; 9].join(","));
    world.hears(ADA, "STOP");
    world.gate.wait_for_metric("dndgate_event_deliveries_total", &[("outcome", "dead")], 1.0);
    assert_eq!(subscriber.count(), 10);
    let api = world.api();
    let id = text(&only(&api), "id").to_owned();
    let dead = deliveries(&api, &id, "dead");
    assert_eq!(
        (dead.len(), &dead[0]["attempts"], &dead[0]["lastStatus"]),
        (1, &json!(10), &json!(503)),
        "{dead:#?}"
    );
    assert_eq!(dead[0]["event"]["type"], "ContactDndUpdate");
    assert_eq!(only(&api)["dead"], 1);
    subscriber.answers(answer(200, "text/plain", ""));
    // What comes after it in the lane is not held back by it.
    world.hears(ADA, "START");
    let after = subscriber.wait_for(11);
    assert_eq!(after[10].json()["change"], "disabled");
    let replay = api.post(&format!("/v1/subscribers/{id}/replay"), &json!({ "dead": true }));
    assert_eq!((replay.status(), &replay.json()["events"]), (202, &json!(1)), "{}", replay.text());
    let again = subscriber.wait_for(12);
    assert_eq!(again[11].field("webhook-id"), again[0].field("webhook-id"));
    until("no dead letter", || deliveries(&api, &id, "all").is_empty().then_some(()));
}

#[test]
fn r29_a_subscriber_that_answers_410_is_disabled_until_it_is_enabled_and_misses_nothing() {
    let subscriber = answering(410);
    let world = world(&subscriber);
    let api = world.api();
    world.hears(ADA, "STOP");
    until("it to be disabled", || (only(&api)["status"] == "disabled").then_some(()));
    world.hears(BOB, "STOP");
    subscriber.answers(answer(200, "text/plain", ""));
    let id = text(&only(&api), "id").to_owned();
    assert_eq!(subscriber.count(), 1, "nothing more was sent");
    assert_eq!(api.post(&format!("/v1/subscribers/{id}/enable"), &json!({})).status(), 200);
    let told = subscriber.wait_for(3);
    let mut people: Vec<_> = told[1..].iter().map(about).collect();
    people.sort();
    assert_eq!(people, [ADA, BOB]);
}

#[test]
fn r29_retry_after_is_obeyed() {
    let subscriber = Fake::with(|_| {
        let mut busy = answer(429, "text/plain", "");
        busy.fields.push(("Retry-After".into(), "3600".into()));
        Reaction::Answer(busy)
    });
    let world = impatient(&subscriber, "\"10ms\", \"10ms\"");
    world.hears(ADA, "STOP");
    let api = world.api();
    let id = text(&only(&api), "id").to_owned();
    let waiting = until("the delivery", || deliveries(&api, &id, "pending").into_iter().next());
    let at = |name: &str| text(&waiting, name).parse::<jiff::Timestamp>().expect("a time");
    let pause = at("nextAttemptAt").duration_since(at("lastAttemptAt")).as_secs();
    assert!((3_590..=3_610).contains(&pause), "{waiting}");
}

#[test]
fn r29_what_waits_for_a_subscriber_comes_as_soon_as_it_is_back() {
    let subscriber = answering(503);
    let world = impatient(&subscriber, "\"10h\"");
    let people: Vec<String> = (0..4).map(|number| format!("+1415555040{number}")).collect();
    for person in &people[..3] {
        world.hears(person, "STOP");
    }
    world.gate.wait_for_metric("dndgate_event_deliveries_total", &[("outcome", "retried")], 3.0);
    subscriber.answers(answer(200, "text/plain", ""));
    world.hears(&people[3], "STOP");
    let told = subscriber.wait_for(7);
    let mut late: Vec<String> = told[4..].iter().map(about).collect();
    late.sort_unstable();
    assert_eq!(late, people[..3], "not in ten hours");
}

#[test]
fn r29_the_secret_before_signs_until_its_day_is_over() {
    let subscriber = taking();
    let mut world = World::start();
    let made = subscribe(&world.api(), &json!({ "url": subscriber.url(), "secret": secret() }));
    let id = text(&made, "id").to_owned();
    let rotated = world.api().post(&format!("/v1/subscribers/{id}/rotate"), &json!({})).json();
    let fresh = text(&rotated["subscriber"], "secret").trim_start_matches("whsec_").to_owned();
    let fresh = STANDARD.decode(fresh).expect("base64");
    world.hears(ADA, "STOP");
    let told = &subscriber.wait_for(1)[0];
    let both = told.field("webhook-signature").expect("signed").to_owned();
    assert_eq!(both, format!("{} {}", signature(&fresh, told), signature(KEY, told)));
    // The day passes.
    world.gate.is_killed();
    let connection = rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("opens");
    let changed =
        connection.execute("UPDATE subscriber SET former_until = 1 WHERE former_until IS NOT NULL", []);
    assert_eq!(changed.expect("runs"), 1);
    drop(connection);
    world.gate.starts_again();
    world.hears(BOB, "STOP");
    let told = subscriber.wait_for(2);
    let last = told.last().expect("an event");
    assert_eq!(last.field("webhook-signature"), Some(signature(&fresh, last).as_str()), "it alone");
}

#[test]
fn r29_events_are_kept_as_long_as_the_configuration_says_and_cursors_survive_it() {
    let mut world =
        Setup::default().tail("[events]\nretry = []\ntimeout = \"1s\"\nretention = \"1h\"").start();
    for person in [ADA, BOB] {
        world.hears(person, "STOP");
    }
    assert_eq!(world.api().events().len(), 2);
    world.gate.is_killed();
    let connection = rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("opens");
    connection.execute("UPDATE event SET at = 1 WHERE seq = 1", []).expect("an hour passes for the first");
    drop(connection);
    world.gate.starts_again();
    until("the first to be forgotten", || (world.api().events().len() == 1).then_some(()));
    let page = world.api().get("/v1/events?after=1").json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1), "a cursor from before goes on: {page}");
    assert!(world.is_blocked("SMS", ADA), "what the event told stays in force");
    assert!(world.gate.command(&["ledger", "verify"]).status.success(), "and on record");
}

#[test]
fn r29_a_subscriber_that_is_silent_or_down_harms_no_other() {
    let (silent, down, good) = (Fake::with(|_| Reaction::Silence), taking(), taking());
    down.goes_down();
    let all = [&silent, &down, &good].map(section).join("\n");
    let world = Setup::default().tail(&all).start();
    for number in 0..40 {
        world.hears(&format!("+1415555{number:04}"), "STOP");
    }
    good.wait_for(40);
    assert_eq!(world.message("+14155559999", "Hello").status(), 201, "and no send either");
    down.comes_back();
    // What it missed comes when it is back, without a new event.
    down.wait_for(40);
}

#[test]
fn r29_nothing_is_lost_when_the_process_is_killed() {
    let subscriber = taking();
    let mut world =
        impatient(&subscriber, "\"50ms\", \"50ms\", \"50ms\", \"50ms\", \"50ms\", \"50ms\", \"50ms\"");
    let people: Vec<String> = (0..30).map(|number| format!("+1415555{number:04}")).collect();
    for (round, word) in ["STOP", "START", "STOP", "START"].into_iter().enumerate() {
        for person in &people {
            world.hears(person, word);
        }
        // In the midst of deliveries, some of which fail.
        subscriber.answers(answer(if round % 2 == 0 { 500 } else { 200 }, "text/plain", ""));
        world.gate.is_killed();
        world.gate.starts_again();
    }
    subscriber.answers(answer(200, "text/plain", ""));
    let feed = world.api().events();
    assert_eq!(feed.len(), 120);
    let told = until("every event", || {
        let told = subscriber.seen();
        let ids: std::collections::HashSet<_> =
            told.iter().filter_map(|event| event.field("webhook-id").map(str::to_owned)).collect();
        (ids.len() == 120 && world.gate.metric("dndgate_events_pending", &[]) == 0.0).then_some(told)
    });
    // In order for each: an event is never first told after a later one of the same person.
    let place: HashMap<&str, usize> =
        feed.iter().enumerate().map(|(at, event)| (text(event, "eventId"), at)).collect();
    let mut furthest: HashMap<String, usize> = HashMap::new();
    let mut seen: HashMap<String, Vec<usize>> = HashMap::new();
    for event in &told {
        let at = place[event.field("webhook-id").expect("an id")];
        let known = seen.entry(about(event)).or_default();
        if !known.contains(&at) {
            let last = furthest.entry(about(event)).or_default();
            assert!(at >= *last, "an event came before an earlier one");
            *last = at;
            known.push(at);
        }
    }
}

#[test]
fn r29_the_api_makes_rotates_and_removes_subscribers_and_never_tells_a_secret_twice() {
    let subscriber = taking();
    let world = World::start();
    let api = world.api();
    let made =
        subscribe(&api, &json!({ "url": format!("{}/a", subscriber.url()), "description": "the CRM" }));
    let (id, first) = (text(&made, "id").to_owned(), text(&made, "secret").to_owned());
    let key = |secret: &str| STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    world.hears(ADA, "STOP");
    let told = subscriber.wait_for(1);
    assert_eq!(told[0].field("webhook-signature"), Some(signature(&key(&first), &told[0]).as_str()));

    let rotated = api.post(&format!("/v1/subscribers/{id}/rotate"), &json!({})).json();
    let second = text(&rotated["subscriber"], "secret").to_owned();
    assert_ne!(first, second);
    world.hears(ADA, "START");
    let told = subscriber.wait_for(2);
    let both = told[1].field("webhook-signature").expect("signed").to_owned();
    let signed: Vec<_> = both.split(' ').collect();
    assert_eq!(signed, [signature(&key(&second), &told[1]), signature(&key(&first), &told[1])]);

    for path in [
        "/v1/subscribers".to_owned(),
        format!("/v1/subscribers/{id}"),
        format!("/v1/subscribers/{id}/deliveries"),
    ] {
        let shown = api.get(&path).text();
        assert!(!shown.contains("whsec_") && !shown.contains(&first[6..]), "{path}: {shown}");
    }
    assert!(!world.gate.log().contains(&first[6..]), "nor does the log");
    assert_eq!(api.delete(&format!("/v1/subscribers/{id}")).status(), 204);
    world.hears(BOB, "STOP");
    assert_eq!(api.get(&format!("/v1/subscribers/{id}")).status(), 404);
    assert_eq!(subscriber.count(), 2, "it is told nothing any more");
}

#[test]
fn r29_addresses_and_secrets_that_cannot_be_used_are_refused() {
    let world = Setup::default().tail("[events]\nsubscribers = 2\ntargets = \"public\"").start();
    let api = world.api();
    for (body, word) in [
        (json!({ "url": "crm.example.com" }), "https://"),
        (json!({ "url": "http://crm.example.com/" }), "https://"),
        (json!({ "url": "https://127.0.0.1/" }), "events.targets"),
        (json!({ "url": "https://169.254.169.254/" }), "events.targets"),
        (json!({ "url": "https://u:p@crm.example.com/" }), "user"),
        (json!({ "url": "https://crm.example.com/", "secret": "short" }), "whsec_"),
        (json!({ "url": "https://crm.example.com/", "tenant": "" , "color": 1 }), "color"),
    ] {
        let answer = api.post("/v1/subscribers", &body);
        assert!(
            (400..=422).contains(&answer.status()) && answer.text().contains(word),
            "{body}: {}",
            answer.text()
        );
    }
    for _ in 0..2 {
        subscribe(&api, &json!({ "url": "https://crm.example.com/" }));
    }
    let more = api.post("/v1/subscribers", &json!({ "url": "https://crm.example.com/" }));
    assert_eq!(more.status(), 409, "{}", more.text());
}

#[test]
fn r29_a_subscriber_of_one_tenant_is_told_of_no_other_and_seen_by_no_other() {
    let (of_acme, of_all) = (taking(), taking());
    let world = Setup::default()
        .tail("[tenant.acme]\naccounts = [\"AC00000000000000000000000000000001\"]\n[tenant.other]\naccounts = [\"mg.other.com\"]")
        .start();
    let token = |arguments: &[&str]| world.gate.token(arguments);
    let (acme, other) = (
        token(&["--role", "operator", "--tenant", "acme"]),
        token(&["--role", "operator", "--tenant", "other"]),
    );
    let (crm, read) = (token(&["--role", "crm"]), token(&["--role", "read"]));
    let as_token = |token| Api { gate: &world.gate, token };
    let made = subscribe(&as_token(&acme), &json!({ "url": of_acme.url() }));
    assert_eq!(made["tenant"], "acme");
    subscribe(&world.api(), &json!({ "url": of_all.url() }));
    let body = json!({ "url": of_acme.url(), "tenant": "acme" });
    assert_eq!(as_token(&other).post("/v1/subscribers", &body).status(), 403);
    assert_eq!(as_token(&crm).post("/v1/subscribers", &body).status(), 403);
    assert_eq!(as_token(&read).post("/v1/subscribers", &body).status(), 403);
    assert_eq!(
        as_token(&read).get("/v1/subscribers").json()["subscribers"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(as_token(&other).get("/v1/subscribers").json()["subscribers"], json!([]));
    let path = format!("/v1/subscribers/{}", text(&made, "id"));
    assert_eq!(as_token(&other).get(&path).status(), 404);
    assert_eq!(as_token(&other).delete(&path).status(), 404);
    assert_eq!(as_token(&other).post(&format!("{path}/replay"), &json!({ "after": 0 })).status(), 404);

    let api = world.api();
    for tenant in ["other", "acme"] {
        api.contact(&json!({ "locationId": tenant, "phone": ADA, "dnd": true }));
    }
    let told = of_all.wait_for(2);
    assert_eq!(
        told.iter().map(|event| event.json()["locationId"].clone()).collect::<Vec<_>>(),
        ["other", "acme"]
    );
    assert_eq!(of_acme.wait_for(1)[0].json()["locationId"], "acme");
    assert_eq!(of_acme.count(), 1);
    let feed = |token| as_token(token).get("/v1/events?after=0").json()["events"].clone();
    assert_eq!(feed(&acme).as_array().map(Vec::len), Some(1));
    assert_eq!(api.get("/v1/events?after=0&tenant=other").json()["events"][0]["locationId"], "other");
    assert_eq!(as_token(&acme).get("/v1/events?after=0&tenant=other").status(), 403);
}

#[test]
fn r29_events_are_replayed_from_a_cursor_and_since_a_time() {
    let subscriber = taking();
    let world = World::start();
    let api = world.api();
    for person in [ADA, BOB] {
        world.hears(person, "STOP");
    }
    // A new one may begin at the beginning.
    let made = subscribe(&api, &json!({ "url": subscriber.url(), "after": 0 }));
    let path = format!("/v1/subscribers/{}/replay", text(&made, "id"));
    let mut told = subscriber.wait_for(2);
    // Of two people either may be told first.
    told.sort_by_key(|event| about(event) != ADA);
    until("it to be ticked off", || (only(&api)["ahead"] == 0).then_some(()));
    let again = api.post(&path, &json!({ "after": 1 }));
    assert_eq!((again.status(), &again.json()["events"]), (202, &json!(1)), "{}", again.text());
    assert_eq!(subscriber.wait_for(3)[2].field("webhook-id"), told[1].field("webhook-id"));
    until("it to be ticked off", || (only(&api)["ahead"] == 0).then_some(()));
    let since = told[0].json()["timestamp"].as_str().expect("a time").to_owned();
    assert_eq!(api.post(&path, &json!({ "since": since })).json()["events"], 2);
    assert_eq!(subscriber.wait_for(5).len(), 5);
    until("it to be ticked off", || (only(&api)["ahead"] == 0).then_some(()));
    assert_eq!(api.post(&path, &json!({ "after": 99 })).status(), 422);
    for bad in [json!({}), json!({ "since": "soon" }), json!({ "after": 1, "dead": true })] {
        assert_eq!(api.post(&path, &bad).status(), 400, "{bad}");
    }
}

#[test]
fn r29_the_stream_goes_on_where_the_client_was_and_says_that_it_lives() {
    let world = Setup::default().tail("[events]\nheartbeat = \"100ms\"").start();
    for person in [ADA, BOB] {
        world.hears(person, "STOP");
    }
    // A browser that comes back asks for the same address and says in the header how far it was.
    let request = Request::get("/v1/events?after=0")
        .field("Accept", "text/event-stream")
        .field("Last-Event-ID", "1")
        .field("Authorization", &format!("Bearer {}", world.gate.operator_token()));
    let mut wire = crate::harness::Wire::to(world.gate.ports.admin);
    wire.write(&request.bytes()).expect("written");
    assert_eq!(wire.head().expect("a head").expect("an answer").status(), 200);
    let mut told = String::new();
    while !(told.contains("ContactDndUpdate") && told.contains("\n:")) {
        told.push_str(&String::from_utf8_lossy(&wire.exactly(1)));
    }
    assert!(told.contains("id: 2") && !told.contains("id: 1\n"), "{told}");
    assert!(told.contains("retry: "), "{told}");
}

#[test]
fn r29_subscribers_of_the_configuration_come_and_go_with_it() {
    let (first, second) = (taking(), taking());
    let world = world(&first);
    world.hears(ADA, "STOP");
    first.wait_for(1);
    let id = text(&only(&world.api()), "id").to_owned();
    assert_eq!(world.api().delete(&format!("/v1/subscribers/{id}")).status(), 409);
    assert_eq!(world.api().post(&format!("/v1/subscribers/{id}/rotate"), &json!({})).status(), 409);
    let file = world.gate.folder().join("dndgate.toml");
    let with_first = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, with_first.replace(&first.url(), &second.url())).expect("written");
    world.gate.signal("HUP");
    until("the other one", || (text(&only(&world.api()), "url").starts_with(&second.url())).then_some(()));
    world.hears(BOB, "STOP");
    second.wait_for(1);
    // It goes on where it was when it is back.
    std::fs::write(&file, with_first).expect("written");
    world.gate.signal("HUP");
    assert_eq!(about(&first.wait_for(2)[1]), BOB);
}
