//! Messages in doubt: flagged, decided by a person, and nothing before that (R16, R26).

use crate::harness::{Api, World, assert_twilio_refusal, until};
use serde_json::{Value, json};

const ADA: &str = "+14155550101";
const BOB: &str = "+14155550102";
/// The shipped policy puts this to a person.
const DOUBTFUL: &str = "stop?";

fn waiting(api: &Api<'_>) -> Vec<Value> {
    let answer = api.get("/v1/reviews");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["reviews"].as_array().expect("reviews").clone()
}

fn decide(api: &Api<'_>, review: &Value, decision: &str) -> u16 {
    let path = format!("/v1/reviews/{}", review["id"].as_str().expect("an id"));
    api.post(&path, &json!({ "decision": decision })).status()
}

#[test]
fn r16_a_message_in_doubt_changes_nothing_until_a_person_decides() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "firstName": "Ada", "phone": ADA }));
    for person in [ADA, BOB] {
        world.hears(person, DOUBTFUL);
        assert!(!world.is_blocked("SMS", person), "nothing changes by itself");
    }
    let events = api.events();
    assert_eq!((&events[0]["type"], &events[0]["id"]), (&json!("DndReview"), &json!(id)), "{events:?}");
    assert!(!events[0].to_string().contains(DOUBTFUL), "what was said is not sent around: {}", events[0]);
    let all = waiting(&api);
    assert_eq!(all.len(), 2);
    assert_eq!((&all[0]["text"], &all[0]["contact"]["firstName"]), (&json!(DOUBTFUL), &json!("Ada")));
    assert_eq!(events[0]["reviewId"], all[0]["id"]);
    assert_eq!(decide(&api, &all[0], "opt_in"), 422, "nobody opts in for somebody else");
    assert_eq!(decide(&api, &all[0], "opt_out"), 200);
    assert_eq!(decide(&api, &all[0], "nothing"), 409, "once");
    assert_eq!(decide(&api, &all[1], "nothing"), 200);
    assert!(world.is_blocked("SMS", ADA) && !world.is_blocked("SMS", BOB));
    assert_twilio_refusal(&world.message(ADA, "Hello"), 21610);
    assert_eq!(world.message(BOB, "Hello").status(), 201);
    let history = api.history(&id);
    let entry = history.last().expect("an entry");
    assert_eq!((&entry["change"], &entry["reasons"][0]["kind"]), (&json!("begin"), &json!("keyword")));
    assert!(entry["actor"].as_str().is_some_and(|actor| actor.starts_with("token:")), "{entry}");
    assert!(waiting(&api).is_empty());
    let decided = api.get("/v1/reviews?status=decided").json();
    assert_eq!(decided["reviews"][1]["decision"]["decision"], "nothing", "{decided}");
    world.hears(ADA, "START");
    assert!(!world.is_blocked("SMS", ADA), "it is an opt-out like any other");
}

#[test]
fn r5_r30_a_message_in_doubt_is_noted_once_and_goes_with_its_person() {
    let mut world = World::start();
    let id = world.api().contact(&json!({ "phone": ADA }));
    let message = crate::harness::signed::text_message_with_id("SM7", ADA, DOUBTFUL);
    for _ in 0..2 {
        assert_eq!(world.send(&message).status(), 200);
    }
    world.gate.is_killed();
    world.gate.starts_again();
    assert_eq!(waiting(&world.api()).len(), 1, "it was told twice and is there after a crash");
    assert_eq!(world.api().delete(&format!("/contacts/{id}")).status(), 200);
    until("it to go", || waiting(&world.api()).is_empty().then_some(()));
}
