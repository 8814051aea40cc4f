//! Tenants, which do not see each other, and the agency's list above them.

use crate::harness::{ACCOUNT, Api, MESSAGES, Message, Request, SENDER, Setup, World, until};
use serde_json::{Value, json};

const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const PERSON: &str = "+14155550101";

fn setup(head: &str) -> World {
    Setup::default()
        .head(head)
        .twilio(&format!("account = [{ACCOUNT:?}, {OTHER_ACCOUNT:?}]"))
        .tail(&format!(
            "[tenant.acme]\naccounts = [{ACCOUNT:?}, \"mg.example.com\"]\n
             [tenant.zeta]\naccounts = [{OTHER_ACCOUNT:?}]\ndefault_region = \"GB\""
        ))
        .start()
}

fn send(world: &World, account: &str, to: &str) -> Message {
    let path = format!("/twilio{}", MESSAGES.replace(ACCOUNT, account));
    world.send(&Request::post(&path).form(&[("To", to), ("From", SENDER), ("Body", "Hello")]))
}

fn verdict(api: &Api<'_>, tenant: &str, channel: &str, address: &str) -> String {
    let question = json!({ "tenant": tenant, "sends": [{ "channel": channel, "address": address }] });
    let answer = api.post("/v1/check", &question);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["results"][0]["verdict"].as_str().expect("a verdict").to_owned()
}

fn list(api: &Api<'_>, address: &str) -> Message {
    api.post(
        "/v1/agency/suppressions",
        &json!({ "entries": [{ "address": address, "message": "a court order" }] }),
    )
}

#[test]
fn dnd_of_one_tenant_never_touches_another() {
    let world = setup("");
    world.hears(PERSON, "STOP");
    assert_eq!(send(&world, ACCOUNT, PERSON).status(), 400, "the account says whose it is");
    assert_eq!(send(&world, OTHER_ACCOUNT, PERSON).status(), 201);
    let api = world.api();
    assert_eq!(
        (verdict(&api, "acme", "SMS", PERSON), verdict(&api, "zeta", "SMS", PERSON)),
        ("block".into(), "allow".into())
    );
    // Each reads national numbers by its own region.
    let id = api.contact(&json!({ "locationId": "zeta", "phone": "020 7946 0958", "dnd": true }));
    assert_eq!(api.show(&id)["phone"], "+442079460958");
    assert_eq!(send(&world, OTHER_ACCOUNT, "+442079460958").status(), 400);
    assert_eq!(send(&world, ACCOUNT, "+442079460958").status(), 201);
}

#[test]
fn with_the_global_scope_dnd_counts_everywhere_until_nobody_blocks_any_more() {
    let world = setup("suppression_scope = \"global\"");
    let api = world.api();
    let ids: Vec<String> = ["acme", "zeta"]
        .iter()
        .map(|tenant| api.contact(&json!({ "locationId": tenant, "phone": PERSON, "dnd": true })))
        .collect();
    let off =
        |id: &str| assert_eq!(api.put(&format!("/contacts/{id}"), &json!({ "dnd": false })).status(), 200);
    let both = || (send(&world, ACCOUNT, PERSON).status(), send(&world, OTHER_ACCOUNT, PERSON).status());
    assert_eq!(both(), (400, 400));
    off(&ids[0]);
    assert_eq!(both(), (400, 400), "the other tenant blocks still");
    off(&ids[1]);
    assert_eq!(both(), (201, 201), "at once, not after a restart");
    assert_eq!(api.delete(&format!("/contacts/{}", ids[1])).status(), 200);
    world.hears(PERSON, "STOP");
    assert_eq!(both(), (400, 400));
}

#[test]
fn a_token_of_one_tenant_sees_nothing_of_another() {
    let world = setup("");
    let all = world.api();
    let acme = all.contact(&json!({ "locationId": "acme", "firstName": "Ada", "phone": PERSON }));
    let zeta = all
        .contact(&json!({ "locationId": "zeta", "firstName": "Zoe", "phone": "+14155550102", "dnd": true }));
    world.hears(PERSON, "STOP");
    assert_eq!(send(&world, ACCOUNT, PERSON).status(), 400);
    assert_eq!(send(&world, OTHER_ACCOUNT, "+14155550102").status(), 400);
    let token = world.gate.token(&["--role", "operator", "--tenant", "zeta"]);
    let own = Api { gate: &world.gate, token: &token };
    assert_eq!(own.show(&zeta)["firstName"], "Zoe");
    for (what, answer, status) in [
        ("read", own.get(&format!("/contacts/{acme}")), 404),
        ("change", own.put(&format!("/contacts/{acme}"), &json!({ "dnd": false })), 404),
        ("erase", own.delete(&format!("/contacts/{acme}")), 404),
        ("history", own.get(&format!("/v1/contacts/{acme}/history")), 404),
        (
            "evidence",
            own.post(
                &format!("/v1/contacts/{acme}/evidence"),
                &json!({ "channel": "SMS", "text": "yes", "source": "form", "obtainedAt": "2026-01-02T03:04:05Z" }),
            ),
            404,
        ),
        ("make", own.post("/contacts/", &json!({ "locationId": "acme", "phone": "+14155550103" })), 403),
        ("upsert", own.post("/contacts/upsert", &json!({ "locationId": "acme", "phone": PERSON })), 403),
        ("search", own.post("/contacts/search", &json!({ "locationId": "acme" })), 403),
        ("duplicate", own.get("/contacts/search/duplicate?locationId=acme&number=%2B14155550101"), 403),
        ("check", own.post("/v1/check", &json!({ "tenant": "acme", "sends": [] })), 403),
        ("the agency's list", own.get("/v1/agency/suppressions"), 403),
        ("onto the agency's list", list(&own, PERSON), 403),
        ("off the agency's list", own.delete("/v1/agency/suppressions/x"), 403),
        ("policies", own.put("/v1/policies/keywords.lua", &json!("return {}")), 403),
    ] {
        assert_eq!(answer.status(), status, "{what}: {}", answer.text());
        assert!(!answer.text().contains("Ada"), "{what}");
    }
    assert_eq!(own.get("/contacts/search/duplicate?number=%2B14155550101").json()["contact"], Value::Null);
    let found = own.post("/contacts/search", &json!({})).json();
    assert_eq!((&found["total"], &found["contacts"][0]["id"]), (&json!(1), &json!(zeta)), "{found}");
    assert_eq!(own.post("/contacts/search", &json!({ "query": "ada" })).json()["total"], 0);
    assert_eq!(
        verdict(&own, "zeta", "SMS", PERSON),
        "allow",
        "what another tenant knows counts not, nor shows"
    );
    let events = own.events();
    assert!(!events.is_empty() && events.iter().all(|event| event["locationId"] == "zeta"), "{events:#?}");
    let decisions = own.get("/v1/decisions").json();
    let decisions = decisions["decisions"].as_array().expect("decisions");
    assert!(!decisions.is_empty() && decisions.iter().all(|one| one["tenant"] == "zeta"), "{decisions:#?}");
    assert!(own.history(&zeta).iter().all(|entry| entry["tenant"] == "zeta"));
}

#[test]
fn the_agencys_list_counts_in_each_tenant_and_is_seen_in_none_but_by_its_effect() {
    let world = setup("");
    let api = world.api();
    let ids: Vec<String> = ["acme", "zeta"]
        .iter()
        .map(|tenant| {
            api.contact(&json!({ "locationId": tenant, "phone": PERSON, "email": "ada@example.org" }))
        })
        .collect();
    let before: Vec<Value> = ids.iter().map(|id| api.show(id)).collect();
    let listed = list(&api, PERSON);
    assert_eq!((listed.status(), &listed.json()["added"]), (201, &json!(1)), "{}", listed.text());
    assert_eq!(list(&api, PERSON).json()["added"], 0, "once is enough");
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        let refused = send(&world, account, PERSON);
        assert_eq!(refused.status(), 400);
        assert!(refused.field("Dndgate-Verdict").is_some_and(|verdict| verdict.contains("reason=policy")));
    }
    assert_eq!(world.twilio.count(), 0);
    for tenant in ["acme", "zeta"] {
        let token = world.gate.token(&["--role", "operator", "--tenant", tenant]);
        let own = Api { gate: &world.gate, token: &token };
        for channel in ["SMS", "Call", "WhatsApp"] {
            assert_eq!(verdict(&own, tenant, channel, PERSON), "block", "{tenant} {channel}");
        }
        let id = own.get("/contacts/search/duplicate?number=%2B14155550101").json()["contact"]["id"].clone();
        let id = id.as_str().expect("an id");
        assert!(own.history(id).is_empty(), "nothing of it in the history");
        assert!(own.events().is_empty(), "nor in the events");
        assert!(
            !before.iter().filter(|one| one["id"] == id).any(|one| *one != own.show(id)),
            "nor in the record"
        );
        assert_eq!(own.put(&format!("/contacts/{id}"), &json!({ "dnd": false })).status(), 200);
        assert_eq!(verdict(&own, tenant, "SMS", PERSON), "block", "no tenant lifts it");
    }
    world.hears(PERSON, "START");
    assert_eq!(verdict(&api, "acme", "SMS", PERSON), "block", "nor does the person in one of them");
    let events = api.events();
    assert_eq!(
        (events.len(), &events[0]["locationId"], &events[0]["change"]),
        (1, &json!("@agency"), &json!("enabled"))
    );
    let why = world.gate.command(&["why", "SMS", PERSON, "--tenant", "acme"]);
    assert!(
        String::from_utf8_lossy(&why.stdout).contains("a court order"),
        "the operator's shell sees it: {why:?}"
    );
    let entries = api.get("/v1/agency/suppressions").json();
    let entry = &entries["entries"][0];
    assert_eq!(
        (&entry["address"], &entry["message"]),
        (&json!(PERSON), &json!("a court order")),
        "{entries}"
    );
    assert_eq!(api.get("/v1/agency/suppressions?address=%2B14155550101").json()["entries"][0], *entry);
    let removed = api.delete(&format!("/v1/agency/suppressions/{}", entry["id"].as_str().expect("an id")));
    assert_eq!(removed.status(), 200, "{}", removed.text());
    assert_eq!(
        (send(&world, ACCOUNT, PERSON).status(), send(&world, OTHER_ACCOUNT, PERSON).status()),
        (201, 201)
    );
}

#[test]
fn the_agencys_list_survives_a_restart_and_cancels_what_waits() {
    let mut world = setup("");
    let later = [
        ("To", PERSON),
        ("MessagingServiceSid", "MG1"),
        ("Body", "Later"),
        ("ScheduleType", "fixed"),
        ("SendAt", "2026-12-24T10:00:00Z"),
    ];
    let path = format!("/twilio{}", MESSAGES);
    assert_eq!(world.send(&Request::post(&path).form(&later)).status(), 201);
    assert_eq!(list(&world.api(), PERSON).status(), 201);
    until("the scheduled message is cancelled", || {
        world.twilio.seen().iter().any(|one| one.text().contains("Status=canceled")).then_some(())
    });
    world.gate.is_killed();
    world.gate.starts_again();
    assert_eq!(send(&world, ACCOUNT, PERSON).status(), 400);
    let bad =
        world.api().post("/v1/agency/suppressions", &json!({ "entries": [{ "address": "415 555 0101" }] }));
    assert_eq!(bad.status(), 400, "a number needs its country code: {}", bad.text());
}
