//! Messenger through the real binary: PyPI fbmessenger, batches, handles that stand for people, buttons, codes.

use crate::harness::{
    Fake, Message, Request, World, form_of, json_answer,
    meta::{element, graph, page_says, setup},
    sdk,
};
use serde_json::{Value, json};

const FREE: &str = "1111222233334444";
const BLOCKED: &str = "6543210987654321";

struct Scene {
    world: World,
    graph: Fake,
    crm: Fake,
}

impl Scene {
    fn begins(more: &str) -> Scene {
        let (graph, crm) = (graph(), Fake::crm());
        let world = setup(&graph, &crm, more).start();
        Scene { world, graph, crm }
    }

    /// A webhook of the page is taken.
    fn takes(&self, list: &str, elements: &[Value]) {
        let answer = self.world.send(&page_says(list, elements));
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// Somebody writes.
    fn hears(&self, person: &str, text: &str) {
        let mid = format!("m_{person}_{text}");
        self.takes("messaging", &[element(person, json!({ "message": { "mid": mid, "text": text } }))]);
    }

    fn sends(&self, recipient: &Value) -> Message {
        let body = json!({ "recipient": recipient, "message": { "text": "hello" } });
        self.world.send(&Request::post("/messenger/v20.0/me/messages").json(&body))
    }

    /// Code and subcode with which a message is refused, 0 when it goes out.
    fn code(&self, recipient: Value) -> u64 {
        let answer = self.sends(&recipient);
        if answer.status() == 200 { 0 } else { answer.json()["error"]["code"].as_u64().unwrap_or(1) }
    }
}

/// A part of a batch that sends a message.
fn part(person: &str) -> Value {
    let (recipient, message) = (json!({ "id": person }).to_string(), json!({ "text": "a, b" }).to_string());
    let body = form_of(&[("recipient", &recipient), ("message", &message)]);
    json!({ "method": "POST", "relative_url": "me/messages", "body": body })
}

fn codes(answer: &Message) -> Vec<u64> {
    answer
        .json()
        .as_array()
        .expect("a list")
        .iter()
        .map(|part| part["code"].as_u64().unwrap_or_default())
        .collect()
}

#[test]
fn r12_fbmessenger_gets_the_error_that_it_knows() {
    let scene = Scene::begins("");
    scene.hears(BLOCKED, "STOP");
    let base = format!("http://127.0.0.1:{}/messenger", scene.world.gate.ports.traffic);
    let environment = [("BASE", &*base), ("FREE", FREE), ("BLOCKED", BLOCKED)];
    sdk::run("messenger_python.py", &environment);
    let seen = scene.graph.seen();
    assert_eq!(seen.len(), 4, "a send, a typing sign, a profile, a read: {seen:#?}");
    let texts: Vec<String> = seen.iter().map(Message::text).filter(|text| text.contains("hello")).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].contains(&format!("\"id\": \"{FREE}\"")), "{texts:?}");
}

#[test]
fn r11_a_batch_is_trimmed_and_stitched_in_every_form() {
    let scene = Scene::begins("");
    scene.hears(BLOCKED, "STOP");
    let batch = json!([part(FREE), part(BLOCKED), { "method": "GET", "relative_url": "me" }]).to_string();
    let query = form_of(&[("batch", &batch), ("method", "post")]);
    let multipart =
        format!("--b\r\nContent-Disposition: form-data; name=\"batch\"\r\n\r\n{batch}\r\n--b--\r\n");
    let base = "/messenger/v20.0/";
    let forms = [
        Request::post(base).form(&[("access_token", "T"), ("batch", &batch)]),
        Request::post("/messenger/")
            .json(&json!({ "batch": serde_json::from_str::<Value>(&batch).expect("JSON") })),
        Request::post("/messenger/me").json(&json!({ "batch": batch })),
        Request::post(base).body("multipart/form-data; boundary=b", multipart),
        Request::post("/messenger/v20.0/me/photos").form(&[("batch", &batch)]),
    ];
    // The stand-in reads no multipart forms and no queries.
    let fixed = json!([{ "code": 200, "body": "{}" }, { "code": 200, "body": "{}" }]);
    for (index, form) in forms.iter().enumerate() {
        if index == 3 {
            scene.graph.answers(json_answer(200, &fixed));
        } else {
            scene
                .graph
                .reacts(|one| crate::harness::Reaction::Answer(crate::harness::meta::graph_answer(one)));
        }
        let answer = scene.world.send(form);
        assert_eq!(codes(&answer), [200, 400, 200], "{form:?}");
        assert!(answer.verdict().starts_with("trimmed; blocked=1"), "{answer:?}");
        let sent = scene.graph.last().text();
        assert!(sent.contains(FREE) && !sent.contains(BLOCKED), "{sent}");
    }
    scene.graph.answers(json_answer(200, &fixed));
    let answer = scene.world.send(&Request::get(&format!("{base}?{query}")));
    assert_eq!(codes(&answer), [200, 400, 200]);
    let target = scene.graph.last().target().to_owned();
    assert!(
        target.contains(FREE) && !target.contains(BLOCKED) && target.ends_with("&method=post"),
        "{target}"
    );
}

#[test]
fn where_nobody_is_left_nothing_reaches_graph_and_each_part_is_told() {
    let scene = Scene::begins("");
    scene.hears(BLOCKED, "STOP");
    let mut borrowed = part(FREE);
    borrowed["body"] = "recipient=%7B%22id%22%3A%22%7Bresult%3Dx%3A%24.id%7D%22%7D&message=%7B%7D".into();
    let batch = json!([part(BLOCKED), borrowed]).to_string();
    let answer = scene.world.send(&Request::post("/messenger/").form(&[("batch", &batch)]));
    assert_eq!((answer.status(), codes(&answer)), (200, vec![400, 400]));
    assert!(answer.verdict().starts_with("blocked; channel=fb; reason=keyword"), "{answer:?}");
    let error: Value =
        serde_json::from_str(answer.json()[1]["body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(error["error"]["code"], 100, "whom it would reach is not certain");
    assert_eq!(scene.graph.count(), 0);
}

#[test]
fn a_comment_may_be_answered_once_it_is_known_whose_it_is() {
    let scene = Scene::begins("");
    let reply = |id: &str| json!({ "comment_id": id });
    let answer = scene.sends(&reply("1_2"));
    assert_eq!((answer.status(), &answer.json()["error"]["code"]), (400, &json!(100)));
    assert!(answer.text().contains("comment replies"), "{answer:?}");
    let comment = |id: &str, from: &str| {
        json!({ "field": "feed", "value": { "item": "comment", "verb": "add", "comment_id": id, "post_id": "1_1",
                "from": { "id": from, "name": "x" }, "message": "nice" } })
    };
    scene.takes("changes", &[comment("1_2", FREE), comment("1_3", BLOCKED)]);
    assert_eq!(scene.code(reply("1_2")), 0);
    assert_eq!(scene.code(reply("1_3")), 0);
    scene.hears(BLOCKED, "STOP");
    assert_eq!(scene.code(reply("1_3")), 551);
    assert_eq!(scene.code(reply("1_2")), 0);
    let old = Request::post("/messenger/v3.1/1_3/private_replies").form(&[("message", "hi")]);
    assert_eq!(scene.world.send(&old).json()["error"]["code"], 551);
    // A comment of somebody who opted out before.
    scene.takes("changes", &[comment("1_4", BLOCKED)]);
    assert_eq!(scene.code(reply("1_4")), 551);
}

#[test]
fn a_handle_that_is_allowed_by_name_is_known_from_its_first_answer_on() {
    let scene = Scene::begins("allow_unnamed = [\"tokens\", \"comment replies\"]");
    let token = || json!({ "notification_messages_token": "7158101285034107" });
    assert_eq!(scene.code(token()), 0);
    // The stand-in said whom it reached.
    scene.hears("7777777777777777", "STOP");
    assert_eq!(scene.code(token()), 551);
    assert_eq!(scene.code(json!({ "one_time_notif_token": "other" })), 0);
    assert_eq!(
        scene.code(json!({ "user_ref": "x", "id": FREE })),
        100,
        "what is allowed is not what is unclear"
    );
}

#[test]
fn r19_what_graph_answers_of_a_person_counts() {
    let scene = Scene::begins("");
    let gone = json!({ "error": { "message": "(#551) x", "type": "OAuthException", "code": 551,
                                  "error_subcode": 1_545_041, "fbtrace_id": "A" } });
    scene.graph.answers(json_answer(400, &gone));
    assert_eq!(scene.sends(&json!({ "id": FREE })).verdict(), "allowed");
    assert!(scene.world.is_blocked("FB", FREE));
    // In a batch it is the answer of the part.
    let other = "2222333344445555";
    let parts = json!([{ "code": 200, "body": "{}" }, { "code": 400, "body": gone.to_string() }]);
    scene.graph.answers(json_answer(200, &parts));
    let batch = json!([part("3333444455556666"), part(other)]).to_string();
    let answer = scene.world.send(&Request::post("/messenger/").form(&[("batch", &batch)]));
    assert_eq!(codes(&answer), [200, 400]);
    assert!(scene.world.is_blocked("FB", other) && !scene.world.is_blocked("FB", "3333444455556666"));
    // What says nothing of the person.
    let window = json!({ "error": { "code": 10, "error_subcode": 2_018_278, "fbtrace_id": "B" } });
    scene.graph.answers(json_answer(400, &window));
    scene.sends(&json!({ "id": "4444555566667777" }));
    assert!(!scene.world.is_blocked("FB", "4444555566667777"));
}

#[test]
fn r16_every_way_to_say_stop_and_none_of_the_pages_own() {
    let scene = Scene::begins("");
    let person = |number: u64| format!("90000000000000{number:02}");
    let ways = [
        ("messaging", json!({ "message": { "mid": "a", "text": "stop" } })),
        (
            "messaging",
            json!({ "message": { "mid": "b", "text": "No, thanks", "quick_reply": { "payload": "STOP" } } }),
        ),
        ("messaging", json!({ "postback": { "mid": "c", "title": "Unsubscribe", "payload": "P1" } })),
        ("messaging", json!({ "message_edit": { "mid": "d", "text": "STOP", "num_edit": 1 } })),
        ("standby", json!({ "message": { "mid": "e", "text": "STOP" } })),
        (
            "messaging",
            json!({ "optin": { "type": "notification_messages", "notification_messages_token": "t",
                               "notification_messages_status": "STOP NOTIFICATIONS" } }),
        ),
    ];
    for (number, (list, what)) in (0..).zip(&ways) {
        scene.takes(list, &[element(&person(number), what.clone())]);
        assert_eq!(scene.code(json!({ "id": person(number) })), 551, "{what}");
    }
    // The token is the last one's, too.
    assert_eq!(scene.code(json!({ "notification_messages_token": "t" })), 551);
    let resumed = json!({ "optin": { "type": "notification_messages", "notification_messages_token": "t",
                                     "notification_messages_status": "RESUME NOTIFICATIONS" } });
    scene.takes("messaging", &[element(&person(5), resumed)]);
    assert_eq!(scene.code(json!({ "notification_messages_token": "t" })), 0);
    let echo = json!({ "sender": { "id": "1234567890" }, "recipient": { "id": FREE }, "timestamp": 1,
                       "message": { "mid": "f", "is_echo": true, "text": "STOP" } });
    let affair = json!({ "recipient": { "id": "1234567890" }, "timestamp": 1, "policy_enforcement": { "action": "block" } });
    scene.takes("messaging", &[echo, affair]);
    assert_eq!(scene.code(json!({ "id": FREE })), 0);
    assert_eq!(scene.crm.count(), ways.len() + 2, "all of it is passed on");
}

#[test]
fn r9_a_call_needs_call_and_messenger_and_a_number_its_owner() {
    let scene = Scene::begins("");
    let call = |to: &str| {
        let body = json!({ "platform": "messenger", "action": "connect", "to": to });
        scene.world.send(&Request::post("/messenger/v20.0/1234567890/calls").json(&body)).status()
    };
    assert_eq!(call(BLOCKED), 200);
    let settings = json!({ "Call": { "status": "active", "message": "x" } });
    let api = scene.world.api();
    api.contact(&json!({ "phone": "+14155550101", "addresses": [{ "kind": "psid", "value": BLOCKED }], "dndSettings": settings }));
    assert_eq!(call(BLOCKED), 400);
    assert_eq!(scene.code(json!({ "id": BLOCKED })), 0, "a message is no call");
    scene.hears(BLOCKED, "STOP");
    let by_number =
        json!({ "phone_number": "+14155550101", "name": { "first_name": "A", "last_name": "B" } });
    assert_eq!(scene.code(by_number), 551, "the contact that owns the number opted out of Messenger");
}
