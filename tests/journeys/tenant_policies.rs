//! Policies of single tenants: another word, a rule, another page for one of them; nothing changes for the other.

use crate::harness::{
    ACCOUNT, Api, MESSAGES, Message, Request, SENDER, Setup, World, assert_twilio_refusal, shipped_policies,
    signed::{fresh, twilio_webhook},
    until,
};
use serde_json::{Value, json};
use std::fs;

const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const PERSON: &str = "+14155550101";
const ANOTHER: &str = "+14155550102";
const WORD: &str = "xyzzyplugh";
const RULE: &str = "return { on_send = function(send)
  if send.tenant ~= 'acme' then error('this is the rule of acme') end
  if send.address == '+14155550102' then return { block = true, reason = 'closed today' } end
end }";

fn setup() -> Setup {
    Setup::default()
        .with_policies()
        .twilio(&format!("account = [{ACCOUNT:?}, {OTHER_ACCOUNT:?}]\nconfirm_opt_out = [\"WhatsApp\"]"))
        .tail(&format!(
            "[tenant.acme]\naccounts = [{ACCOUNT:?}, \"mg.example.com\"]\n[tenant.zeta]\naccounts = [{OTHER_ACCOUNT:?}]"
        ))
}

fn shipped(file: &str) -> String {
    fs::read_to_string(shipped_policies().join(file)).expect("a shipped policy")
}

fn changed(file: &str, from: &str, to: &str) -> String {
    let text = shipped(file);
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "the shipped {file} has changed its form");
    changed
}

fn keywords() -> String {
    changed("keywords.lua", "\"unsubscribe\",", &format!("\"unsubscribe\", \"{WORD}\","))
}

fn send(world: &World, account: &str, to: &str) -> Message {
    let path = format!("/twilio{}", MESSAGES.replace(ACCOUNT, account));
    world.send(&Request::post(&path).form(&[("To", to), ("From", SENDER), ("Body", "Hello")]))
}

/// Somebody writes to one of the two.
fn hears(world: &World, account: &str, from: &str, text: &str) -> Message {
    let sid = format!("SM{:032x}", fresh());
    let pairs = [
        ("MessageSid", sid.as_str()),
        ("SmsStatus", "received"),
        ("AccountSid", account),
        ("From", from),
        ("To", SENDER),
        ("Body", text),
        ("NumMedia", "0"),
    ];
    let answer = world.send(&twilio_webhook("/hooks/twilio", &pairs));
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer
}

fn put(api: &Api<'_>, file: &str, text: &str) -> Message {
    api.send(Request::new("PUT", &format!("/v1/policies/{file}")).body("text/x-lua", text.to_owned()))
}

fn tried(api: &Api<'_>, question: &Value) -> Value {
    let answer = api.post("/v1/policies/try", question);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["results"][0].clone()
}

fn reloads(world: &World, outcome: &str) -> f64 {
    world.gate.metric("dndgate_policy_reloads_total", &[("outcome", outcome)])
}

#[test]
fn r16_one_tenant_has_another_word_and_a_rule_and_the_other_is_untouched() {
    let world = setup()
        .policy("tenants/acme/keywords.lua", &keywords())
        .policy("tenants/acme/sends.lua", RULE)
        .start();
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        hears(&world, account, PERSON, WORD);
    }
    assert_twilio_refusal(&send(&world, ACCOUNT, PERSON), 21610);
    assert_eq!(send(&world, OTHER_ACCOUNT, PERSON).status(), 201, "the word means nothing there");
    let refused = send(&world, ACCOUNT, ANOTHER);
    assert_twilio_refusal(&refused, 21610);
    assert!(
        refused.verdict().contains("reason=policy") && refused.text().contains("closed today"),
        "{refused:?}"
    );
    assert_eq!(send(&world, OTHER_ACCOUNT, ANOTHER).status(), 201, "nor is the rule asked");
    hears(&world, OTHER_ACCOUNT, PERSON, "STOP");
    assert_twilio_refusal(&send(&world, OTHER_ACCOUNT, PERSON), 21610);
    // What an answer taught is judged by the tenant's codes, a press of a button by its scope; the file decides.
    let scope = changed("unsubscribe.lua", "scope = \"all\"", "scope = \"channel\"");
    fs::write(world.gate.policy("tenants/acme/unsubscribe.lua"), scope).expect("written");
    world.gate.wait_for_metric("dndgate_policy_reloads_total", &[("outcome", "ok")], 1.0);
    let api = world.api();
    for (tenant, others) in [("acme", "allow"), ("zeta", "block")] {
        let mail = "eva@example.com";
        let links = json!({ "locationId": tenant, "channel": "Email", "address": mail });
        let link =
            api.post("/v1/unsubscribe-links", &links).json()["url"].as_str().expect("a link").to_owned();
        let path = &link[link.find("/u/").expect("a path")..];
        let pressed = world.send(&Request::post(path).form(&[("List-Unsubscribe", "One-Click")]));
        assert_eq!(pressed.status(), 200, "{pressed:?}");
        let id = api.contact(&json!({ "locationId": tenant, "email": mail, "phone": "+14155550109" }));
        let shown = api.show(&id)["dndSettings"].clone();
        assert_ne!(shown["Email"]["status"], "inactive", "{tenant}: {shown}");
        let question =
            json!({ "tenant": tenant, "sends": [{ "channel": "SMS", "address": "+14155550109" }] });
        assert_eq!(api.post("/v1/check", &question).json()["results"][0]["verdict"], others, "{tenant}");
    }
}

#[test]
fn r19_codes_and_confirmations_are_the_tenants_own() {
    let codes = changed(
        "error_codes.lua",
        "[\"30007\"] = nothing(\"filtered for its content\")",
        "[\"30007\"] = { effect = \"temporary\", reason = \"carrier\", message = \"ours\" }",
    );
    let words = changed("keywords.lua", "You are unsubscribed and will", "Acme says goodbye: you will");
    let world = setup()
        .policy("tenants/acme/error_codes.lua", &codes)
        .policy("tenants/acme/keywords.lua", &words)
        .start();
    for (account, status) in [(ACCOUNT, 400), (OTHER_ACCOUNT, 201)] {
        let sid = format!("SM{:032x}", fresh());
        let pairs = [
            ("MessageSid", sid.as_str()),
            ("MessageStatus", "undelivered"),
            ("ErrorCode", "30007"),
            ("AccountSid", account),
            ("To", PERSON),
            ("From", SENDER),
        ];
        assert!(world.send(&twilio_webhook("/hooks/twilio", &pairs)).status() < 300);
        assert_eq!(send(&world, account, PERSON).status(), status, "{account}");
    }
    let chat = "whatsapp:+14155550103";
    assert!(hears(&world, ACCOUNT, chat, "STOP").text().contains("Acme says goodbye"));
    assert!(hears(&world, OTHER_ACCOUNT, chat, "STOP").text().contains("You are unsubscribed"));
}

#[test]
fn what_is_wrong_with_one_tenant_changes_nothing_and_is_told() {
    let world = setup().start();
    let acme = |file: &str| world.gate.policy(&format!("tenants/acme/{file}"));
    fs::create_dir_all(acme("tests")).expect("a folder");
    fs::write(acme("keywords.lua"), keywords()).expect("written");
    world.gate.wait_for_metric("dndgate_policy_reloads_total", &[("outcome", "ok")], 1.0);
    let failed = reloads(&world, "error");
    fs::write(acme("tests/own.lua"), "return { { text = \"hello there\", meaning = \"opt_out\" } }")
        .expect("written");
    until("the refusal", || (reloads(&world, "error") > failed).then_some(()));
    let log = world.gate.log();
    assert!(log.contains("tenants/acme/tests/own.lua:1"), "{log}");
    let question = json!({ "tenant": "acme", "messages": [{ "channel": "SMS", "text": WORD }] });
    assert_eq!(tried(&world.api(), &question)["meaning"], "opt_out", "what ran before stays");
    for command in ["check", "policy"] {
        let arguments: &[&str] = if command == "check" { &["check"] } else { &["policy", "test"] };
        let ran = world.gate.command(arguments);
        assert!(!ran.status.success());
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(told.contains("tenants/acme/tests/own.lua:1"), "{told}");
    }
    fs::remove_file(acme("tests/own.lua")).expect("removed");
    // STOP has to mean opt-out for everybody, by the shipped cases.
    let without = "return { languages = { any = { opt_out = { \"halt\" } } } }";
    fs::write(acme("keywords.lua"), without).expect("written");
    let ran = world.gate.command(&["policy", "test"]);
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && told.contains("for the tenant acme"), "{told}");
    fs::write(acme("keywords.lua"), keywords()).expect("written");
    let ghost = world.gate.policy("tenants/ghost/sends.lua");
    fs::create_dir_all(ghost.parent().expect("a folder")).expect("a folder");
    fs::write(ghost, RULE).expect("written");
    let ran = world.gate.command(&["check"]);
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && told.contains("tenants/ghost is for a tenant"), "{told}");
    assert!(told.contains("of their own for acme, ghost"), "{told}");
    let ran = world.gate.command(&["policy", "test"]);
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && told.contains("acme: ") && told.contains("keywords.lua"), "{told}");
}

#[test]
fn a_tenants_files_are_read_replaced_and_brought_back_through_the_api() {
    let world = setup().start();
    let token = world.gate.token(&["--role", "operator", "--tenant", "acme"]);
    let own = Api { gate: &world.gate, token: &token };
    let all = world.api();
    let word = json!({ "messages": [{ "channel": "SMS", "text": WORD }] });
    let of = |tenant: &str| json!({ "tenant": tenant, "messages": [{ "channel": "SMS", "text": WORD }] });
    let read = own.get("/v1/policies/tenants/acme/keywords.lua");
    assert_eq!((read.text(), read.field("Dndgate-Policy")), (shipped("keywords.lua"), Some("general")));
    let refused = put(&own, "tenants/acme/keywords.lua", "return {");
    let title = refused.json()["title"].as_str().unwrap_or_default().to_owned();
    assert!(refused.status() == 422 && title.starts_with("tenants/acme/keywords.lua"), "{title}");
    assert_eq!(put(&own, "tenants/acme/keywords.lua", &keywords()).status(), 200);
    assert_eq!(tried(&own, &word)["meaning"], "opt_out", "its own, unasked");
    assert_eq!(tried(&all, &of("acme"))["meaning"], "opt_out");
    assert_eq!(tried(&all, &of("zeta"))["meaning"], "none");
    assert_eq!(tried(&all, &word)["meaning"], "none");
    assert_eq!(all.post("/v1/policies/try", &of("nobody")).status(), 400);
    let written = fs::read_to_string(world.gate.policy("tenants/acme/keywords.lua")).expect("the file");
    assert_eq!(written, keywords(), "it is there after the next start");
    let read = own.get("/v1/policies/tenants/acme/keywords.lua");
    assert_eq!((read.text(), read.field("Dndgate-Policy")), (keywords(), Some("own")));
    let listed = own.get("/v1/policies/tenants/acme").json();
    assert!(
        listed["files"].as_array().expect("files").contains(&json!({ "file": "keywords.lua", "own": true })),
        "{listed}"
    );
    assert_eq!(own.get("/v1/policies").json()["tenants"], json!({ "acme": ["keywords.lua"] }));

    // A case and a rule of its own.
    let case = format!("return {{ {{ text = \"{WORD}\", meaning = \"opt_out\" }} }}");
    assert_eq!(put(&own, "tenants/acme/tests%2Fown.lua", &case).status(), 200);
    assert_eq!(put(&own, "tenants/acme/sends.lua", RULE).status(), 200);
    let sends =
        |tenant: &str| json!({ "tenant": tenant, "sends": [{ "channel": "SMS", "address": ANOTHER }] });
    let blocked = tried(&own, &sends("acme"));
    assert_eq!((&blocked["verdict"], &blocked["rule"]), (&json!("block"), &json!("tenants/acme/sends.lua")));
    assert_eq!(tried(&all, &sends("zeta"))["verdict"], "allow");
    assert_twilio_refusal(&send(&world, ACCOUNT, ANOTHER), 21610);

    // The case holds: the general words do not pass it. Without it they do.
    assert_eq!(own.delete("/v1/policies/tenants/acme/keywords.lua").status(), 422);
    assert_eq!(own.delete("/v1/policies/tenants/acme/tests%2Fown.lua").status(), 200);
    assert_eq!(own.delete("/v1/policies/tenants/acme/keywords.lua").status(), 200);
    assert_eq!(own.delete("/v1/policies/tenants/acme/keywords.lua").status(), 404);
    assert_eq!(tried(&own, &word)["meaning"], "none");
    let versions = own.get("/v1/policies/tenants/acme/keywords.lua/history").json();
    let version = versions["versions"][0]["id"].as_str().expect("a version");
    let text = own.get(&format!("/v1/policies/tenants/acme/keywords.lua/history/{version}")).text();
    assert_eq!(text, keywords());
    assert_eq!(put(&own, "tenants/acme/keywords.lua", &text).status(), 200);

    // Its own, and nobody else's.
    for (what, answer, status) in [
        ("general", put(&own, "keywords.lua", &keywords()), 403),
        ("general away", own.delete("/v1/policies/sends.lua"), 403),
        ("another's", put(&own, "tenants/zeta/keywords.lua", &keywords()), 403),
        ("to read another's", own.get("/v1/policies/tenants/zeta/keywords.lua"), 403),
        ("another's history", own.get("/v1/policies/tenants/zeta/keywords.lua/history"), 403),
        ("to try another's", own.post("/v1/policies/try", &of("zeta")), 403),
        ("no tenant", put(&all, "tenants/nobody/keywords.lua", &keywords()), 404),
        ("no file", put(&all, "tenants/acme/passwd", "return {}"), 404),
        ("a way out", put(&all, "tenants/..%2F../keywords.lua", &keywords()), 404),
        ("a way out of tests", put(&all, "tenants/acme/tests%2F..%2F..%2Fkeywords.lua", &keywords()), 404),
    ] {
        assert_eq!(answer.status(), status, "{what}: {}", answer.text());
    }
    assert_eq!(put(&all, "tenants/zeta/keywords.lua", &keywords()).status(), 200, "who is bound to none may");
    assert_eq!(own.get("/v1/policies").json()["tenants"].as_object().expect("tenants").len(), 1);
    assert_eq!(all.get("/v1/policies").json()["tenants"].as_object().expect("tenants").len(), 2);
    // General cases can be added and taken away, too.
    assert_eq!(put(&all, "tests%2Fown.lua", "return {}").status(), 200);
    assert_eq!(all.delete("/v1/policies/tests%2Fown.lua").status(), 200);
}

#[test]
fn a_hostile_rule_of_one_tenant_refuses_its_own_sends_alone() {
    let hostile =
        "return { on_send = function() while true do pcall(function() while true do end end) end end }";
    let world = setup().policy("tenants/acme/sends.lua", hostile).start();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..12 {
                let refused = send(&world, ACCOUNT, PERSON);
                assert_twilio_refusal(&refused, 21610);
                assert!(refused.verdict().contains("reason=policy"), "{}", refused.verdict());
            }
        });
        for _ in 0..50 {
            assert_eq!(send(&world, OTHER_ACCOUNT, PERSON).status(), 201);
        }
    });
    assert_eq!(world.twilio.count(), 50);
}
