//! WhatsApp through the real binary: PyPI pywa, stops in all their forms, people whose ids change, batches.

use crate::harness::{
    Fake, Request, Setup, World, form_of,
    meta::{APP_SECRET, NUMBER, VERIFY_TOKEN, account_says, graph, setup, webhook, whatsapp_text},
    sdk,
};
use serde_json::{Value, json};

const FREE: &str = "+14155550102";
const BLOCKED: &str = "+14155550101";
const USER_ID: &str = "US.13491208655302741918";

struct Scene {
    world: World,
    graph: Fake,
    crm: Fake,
}

impl Scene {
    fn begins() -> Scene {
        Scene::with("", |setup| setup)
    }

    fn with(more: &str, change: impl FnOnce(Setup) -> Setup) -> Scene {
        let (graph, crm) = (graph(), Fake::crm());
        let world = change(setup(&graph, &crm, more)).start();
        Scene { world, graph, crm }
    }

    /// A webhook is taken.
    fn takes(&self, webhook: &Request) {
        let answer = self.world.send(webhook);
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// The code with which a text to this person is refused, 0 when it goes out.
    fn code(&self, to: &str) -> u64 {
        let answer = self.world.send(&text(to));
        if answer.status() == 200 { 0 } else { answer.json()["error"]["code"].as_u64().unwrap_or(1) }
    }
}

fn text(to: &str) -> Request {
    let body =
        json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": "hello" } });
    Request::post(&format!("/whatsapp/v23.0/{NUMBER}/messages")).json(&body)
}

/// A part of a batch that sends a text.
fn part(number: &str, to: &str) -> Value {
    let body = form_of(&[("messaging_product", "whatsapp"), ("to", to), ("text", r#"{"body":"hello"}"#)]);
    json!({ "method": "POST", "relative_url": format!("{number}/messages"), "body": body })
}

#[test]
fn r12_pywa_raises_its_own_error() {
    let scene = Scene::begins();
    scene.world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    // A webhook tells that an id stands for the number.
    let contacts = json!([{ "profile": { "name": "Zoë" }, "wa_id": &BLOCKED[1..], "user_id": USER_ID }]);
    let known = account_says(NUMBER, "messages", json!({ "contacts": contacts, "messages": [] }));
    scene.takes(&known);
    let passed = scene.crm.only();
    let proof = json!({
        "secret": APP_SECRET, "body": passed.text(), "signature": passed.field("x-hub-signature-256"),
    });
    let base = format!("http://127.0.0.1:{}/whatsapp", scene.world.gate.ports.traffic);
    let environment = [
        ("BASE", &*base),
        ("FREE", FREE),
        ("BLOCKED", BLOCKED),
        ("BLOCKED_ID", USER_ID),
        ("WEBHOOK", &proof.to_string()),
    ];
    sdk::run("whatsapp_python.py", &environment);
    let seen = scene.graph.seen();
    assert_eq!(seen.len(), 5, "two sends, three requests that contact nobody: {seen:#?}");
    let reached = |one: &&crate::harness::Message| one.text().contains(&format!("\"to\":\"{BLOCKED}\""));
    assert!(!seen.iter().any(|one| reached(&one)), "{seen:#?}");
}

#[test]
fn r16_a_stop_counts_before_its_webhook_is_answered_and_a_forged_one_never() {
    let scene = Scene::begins();
    let stop = whatsapp_text("wamid.1", json!({ "from": &FREE[1..] }), "STOP");
    let mut forged = stop.clone();
    forged.body = String::from_utf8_lossy(&stop.body).replace("wamid.1", "wamid.2").into_bytes();
    assert_eq!(scene.world.send(&forged).status(), 403);
    assert_eq!(scene.code(FREE), 0);
    scene.takes(&stop);
    assert_eq!(scene.code(FREE), 131_050);
    assert!(!scene.world.is_blocked("SMS", FREE), "the shipped scope is the channel");
    assert_eq!(scene.crm.only().body, stop.body, "passed on byte for byte");
    scene.takes(&whatsapp_text("wamid.3", json!({ "from": &FREE[1..] }), "START"));
    assert_eq!(scene.code(FREE), 0);
    // The first STOP again, as Meta repeats webhooks: nothing changes.
    scene.takes(&stop);
    assert_eq!(scene.code(FREE), 0);
}

#[test]
fn the_handshake_is_answered_for_who_knows_the_token() {
    let scene = Scene::begins();
    let ask = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444");
        scene.world.send(&Request::get(&format!("/hooks/whatsapp?{query}")))
    };
    let answer = ask(VERIFY_TOKEN);
    assert_eq!((answer.status(), answer.text()), (200, "1158201444".to_owned()));
    assert_eq!(ask("other").status(), 403);
    assert_eq!(scene.crm.count(), 0);
}

#[test]
fn r8_a_person_is_one_by_number_and_by_every_id() {
    let scene = Scene::begins();
    let known = json!([{ "wa_id": "14155550177", "user_id": "US.7", "parent_user_id": "US.ENT.7" }]);
    let hello = json!([{ "from": "14155550177", "from_user_id": "US.7", "id": "wamid.1", "timestamp": "1",
                         "type": "text", "text": { "body": "hello" } }]);
    scene.takes(&account_says(NUMBER, "messages", json!({ "contacts": known, "messages": hello })));
    assert_eq!(scene.code("US.7"), 0);
    // Under a user name the number does not show any more.
    scene.takes(&whatsapp_text("wamid.2", json!({ "from_user_id": "US.7" }), "STOP"));
    for to in ["US.7", "+14155550177", "14155550177", "US.ENT.7"] {
        assert_eq!(scene.code(to), 131_050, "{to}");
    }
    // A new number, and with it a new id.
    let system = json!({ "type": "user_changed_number", "wa_id": "12195555358", "user_id": "US.8",
                         "body": "User x changed from 14155550177 to 12195555358" });
    let moved = json!([{ "from": "14155550177", "id": "wamid.3", "timestamp": "2", "type": "system", "system": system }]);
    scene.takes(&account_says(NUMBER, "messages", json!({ "messages": moved })));
    for to in ["+12195555358", "US.8", "US.7"] {
        assert_eq!(scene.code(to), 131_050, "{to}");
    }
    // And once more, now that only the sentence tells the old id.
    let system = json!({ "type": "user_changed_user_id", "user_id": "US.9", "body": "User x changed from US.8 to US.9" });
    let moved = json!([{ "id": "wamid.4", "timestamp": "3", "type": "system", "system": system }]);
    scene.takes(&account_says(NUMBER, "messages", json!({ "messages": moved })));
    assert_eq!(scene.code("US.9"), 131_050);
    assert_eq!(scene.code("US.10"), 0);
}

#[test]
fn r8_whatsapps_own_spellings_are_the_same_person() {
    let scene = Scene::begins();
    for (index, (from, to)) in [
        ("5215512345678", "+525512345678"),
        ("5491123456789", "+541123456789"),
        ("553198765432", "+5531998765432"),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(scene.code(to), 0, "{to}");
        scene.takes(&whatsapp_text(&format!("wamid.{index}"), json!({ "from": from }), "stop"));
        assert_eq!(scene.code(to), 131_050, "{to}");
        assert_eq!(scene.code(from), 131_050, "{from}");
    }
}

#[test]
fn r19_stop_buttons_and_codes_block_and_resuming_lifts() {
    let scene = Scene::begins();
    let preference = |value: &str, at: i64| {
        let one =
            json!({ "wa_id": &FREE[1..], "category": "marketing_messages", "value": value, "timestamp": at });
        account_says(NUMBER, "user_preferences", json!({ "user_preferences": [one] }))
    };
    let now = jiff::Timestamp::now().as_second();
    scene.takes(&preference("stop", now - 2));
    assert_eq!(scene.code(FREE), 131_050);
    scene.takes(&preference("resume", now - 1));
    assert_eq!(scene.code(FREE), 0);
    let failed = |code: u64| {
        let status = json!({ "id": format!("wamid.{code}"), "status": "failed", "timestamp": now.to_string(),
                             "recipient_id": &FREE[1..], "errors": [{ "code": code, "title": "x" }] });
        account_says(NUMBER, "messages", json!({ "statuses": [status] }))
    };
    scene.takes(&failed(131_026));
    assert_eq!(scene.code(FREE), 0, "undeliverable says nothing of the person's will");
    scene.takes(&failed(131_050));
    assert_eq!(scene.code(FREE), 131_050);
    // In an answer, too.
    let error = json!({ "error": { "message": "(#131050) x", "code": 131_050, "fbtrace_id": "A" } });
    scene.graph.answers(crate::harness::json_answer(400, &error));
    assert_eq!(scene.world.send(&text("+14155550150")).verdict(), "allowed");
    assert!(scene.world.is_blocked("WhatsApp", "+14155550150"));
}

#[test]
fn echoes_and_old_chats_are_not_the_person_speaking() {
    let scene = Scene::begins();
    let stop = json!([{ "from": &FREE[1..], "to": &FREE[1..], "id": "wamid.1", "timestamp": "1", "type": "text",
                        "text": { "body": "STOP" } }]);
    for (field, value) in [
        ("smb_message_echoes", json!({ "message_echoes": stop })),
        ("history", json!({ "history": [{ "threads": [{ "id": &FREE[1..], "messages": stop }] }] })),
    ] {
        scene.takes(&account_says(NUMBER, field, value));
    }
    let mut group = stop;
    group[0]["group_id"] = "Y2FwaV9ncm91cDo".into();
    scene.takes(&account_says(NUMBER, "messages", json!({ "messages": group })));
    assert_eq!(scene.code(FREE), 0);
    assert_eq!(scene.crm.count(), 3, "passed on all the same");
}

#[test]
fn r11_parts_of_a_batch_have_verdicts_of_their_own() {
    let scene = Scene::begins();
    scene.world.api().contact(&json!({ "phone": BLOCKED, "dnd": true }));
    let batch = json!([part(NUMBER, BLOCKED), part(NUMBER, FREE), { "method": "GET", "relative_url": "me" }]);
    let answer = scene.world.send(&Request::post("/whatsapp/v23.0/").form(&[("batch", &batch.to_string())]));
    assert!(answer.verdict().starts_with("trimmed; blocked=1"), "{answer:?}");
    let parts = answer.json();
    let codes: Vec<&Value> = parts.as_array().expect("a list").iter().map(|part| &part["code"]).collect();
    assert_eq!(codes, [&json!(400), &json!(200), &json!(200)]);
    let error: Value = serde_json::from_str(parts[0]["body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(error["error"]["code"], 131_050);
    let sent = scene.graph.only();
    assert!(
        sent.form("batch")[0].contains("14155550102") && !sent.form("batch")[0].contains("14155550101"),
        "{sent:?}"
    );
}

#[test]
fn the_tenant_of_a_batch_stands_in_its_paths() {
    let tenants = "[tenant.acme]\naccounts = [\"phone:1\"]\n[tenant.other]\naccounts = [\"phone:2\", \"3\"]";
    let scene = Scene::with("", |setup| setup.tail(tenants));
    scene.world.api().contact(&json!({ "locationId": "acme", "phone": BLOCKED, "dnd": true }));
    let send = |parts: &[Value]| {
        let body = json!({ "batch": parts });
        scene.world.send(&Request::post("/whatsapp/").json(&body))
    };
    let parts = send(&[part("1", BLOCKED), part("1", FREE)]).json();
    assert_eq!((&parts[0]["code"], &parts[1]["code"]), (&json!(400), &json!(200)));
    assert_eq!(send(&[part("2", BLOCKED)]).verdict(), "allowed", "another tenant's person");
    assert_eq!(send(&[part("3", BLOCKED)]).verdict(), "allowed");
    // Of two tenants, or of nobody's number.
    for parts in [&[part("1", FREE), part("2", FREE)][..], &[part("9", FREE)], &[part("me", FREE)]] {
        assert_eq!(send(parts).status(), 403, "{parts:?}");
    }
    // What contacts nobody is anybody's.
    let upload = Request::post("/whatsapp/v23.0/9/media").json(&json!({ "messaging_product": "whatsapp" }));
    assert_eq!(scene.world.send(&upload).status(), 200);
    assert_eq!(send(&[json!({ "method": "GET", "relative_url": "me" })]).status(), 200);
}

#[test]
fn r10_what_cannot_be_judged_is_refused_unless_it_is_allowed_by_name() {
    let group = json!({ "messaging_product": "whatsapp", "recipient_type": "group", "to": "Y2FwaV9ncm91cDo",
                        "text": { "body": "x" } });
    let group = Request::post(&format!("/whatsapp/v23.0/{NUMBER}/messages")).json(&group);
    let scene = Scene::begins();
    let answer = scene.world.send(&group);
    assert_eq!((answer.status(), &answer.json()["error"]["code"]), (400, &json!(131_009)));
    assert!(answer.text().contains("allow_unnamed"), "{answer:?}");
    let encrypted = json!({ "messaging_product": "whatsapp", "encrypted_contents": "eyJ.x" });
    let encrypted = Request::post(&format!("/whatsapp/{NUMBER}/messages_encrypted")).json(&encrypted);
    assert_eq!(scene.world.send(&encrypted).status(), 400);
    assert_eq!(scene.graph.count(), 0);
    let scene = Scene::with("allow_unnamed = [\"groups\"]", |setup| setup);
    assert_eq!(scene.world.send(&group).status(), 200);
}

#[test]
fn r4_a_webhook_of_several_people_is_kept_from_the_crm_only_if_all_of_them_are() {
    let scene = Scene::begins();
    let inbound = json!({ "all": { "status": "active", "message": "rude" } });
    scene.world.api().contact(&json!({ "phone": BLOCKED, "inboundDndSettings": inbound }));
    let call = |from: &str| {
        json!({ "id": format!("wacid.{from}"), "from": &from[1..], "event": "connect", "direction": "USER_INITIATED",
                "timestamp": "1" })
    };
    let ring = |calls: &[Value]| account_says(NUMBER, "calls", json!({ "calls": calls }));
    scene.takes(&ring(&[call(BLOCKED)]));
    assert_eq!(scene.crm.count(), 0);
    scene.takes(&ring(&[call(BLOCKED), call(FREE)]));
    assert_eq!(scene.crm.count(), 1);
}

#[test]
fn a_webhook_of_a_page_is_read_at_the_same_address() {
    let scene = Scene::begins();
    let message = json!({ "sender": { "id": "6543210987654321" }, "recipient": { "id": "1" }, "timestamp": 1,
                          "message": { "mid": "m1", "text": "STOP" } });
    let page = json!({ "object": "page", "entry": [{ "id": "1", "messaging": [message] }] });
    scene.takes(&webhook("whatsapp", &page));
    assert!(scene.world.is_blocked("FB", "6543210987654321"));
}
