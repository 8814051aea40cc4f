//! Policies are edited while the gateway runs: a good file is in force a moment later, a bad one changes
//! nothing, and a hostile one hurts only the sends that it judges.

use crate::harness::{Setup, World, assert_twilio_refusal, shipped_policies, until};
use serde_json::json;
use std::{fs, thread};

fn shipped(file: &str) -> String {
    fs::read_to_string(shipped_policies().join(file)).expect("a shipped policy")
}

/// The shipped opt-out words and one more.
fn keywords_with(word: &str) -> String {
    let text = shipped("keywords.lua");
    let changed = text.replacen("\"unsubscribe\",", &format!("\"unsubscribe\", \"{word}\","), 1);
    assert_ne!(text, changed, "the shipped file has changed its form");
    changed
}

fn meaning(world: &World, text: &str) -> String {
    let answer =
        world.api().post("/v1/policies/try", &json!({ "messages": [{ "channel": "SMS", "text": text }] }));
    answer.json()["results"][0]["meaning"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

#[test]
fn r16_a_new_word_counts_without_a_restart() {
    let world = Setup::default().with_policies().start();
    world.hears("+14155550101", "xyzzyplugh");
    assert_eq!(world.message("+14155550101", "Hello").status(), 201);
    fs::write(world.gate.policy("keywords.lua"), keywords_with("xyzzyplugh")).expect("written");
    world.gate.wait_for_metric("dndgate_policy_reloads_total", &[("outcome", "ok")], 1.0);
    assert_eq!(meaning(&world, "Xyzzyplugh!"), "opt_out");
    world.hears("+14155550101", "xyzzyplugh");
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
}

#[test]
fn r16_a_broken_file_keeps_the_old_policy_and_is_counted_and_logged() {
    let world = Setup::default().with_policies().start();
    let deep = format!("return {}", "{".repeat(200_000));
    let files = [
        "return {",
        "return 5",
        "while true do end",
        "local t = {} while true do t[#t + 1] = {} end",
        &deep,
        &shipped("keywords.lua").replace("\"stop\",", ""),
    ];
    for (number, broken) in files.into_iter().enumerate() {
        fs::write(world.gate.policy("keywords.lua"), broken).expect("written");
        world.gate.wait_for_metric(
            "dndgate_policy_reloads_total",
            &[("outcome", "error")],
            number as f64 + 1.0,
        );
        let person = format!("+1415555010{number}");
        world.hears(&person, "STOP");
        assert_twilio_refusal(&world.message(&person, "Hello"), 21610);
    }
    assert!(world.gate.log().contains("keywords.lua"), "the log names the file:\n{}", world.gate.log());
    fs::write(world.gate.policy("keywords.lua"), keywords_with("xyzzyplugh")).expect("written");
    until("the mended file to be in force", || (meaning(&world, "xyzzyplugh") == "opt_out").then_some(()));
}

#[test]
fn r16_a_failing_case_of_the_operators_keeps_the_old_policy() {
    let world = Setup::default().with_policies().start();
    let case = "return { { text = \"hello there\", meaning = \"opt_out\" } }";
    fs::write(world.gate.policy("tests/own.lua"), case).expect("written");
    world.gate.wait_for_metric("dndgate_policy_reloads_total", &[("outcome", "error")], 1.0);
    assert!(world.gate.log().contains("own.lua"), "{}", world.gate.log());
    assert_eq!(meaning(&world, "hello there"), "none");
    let checked = world.gate.command(&["check"]);
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(told.contains("tests/own.lua:1: ") && told.contains("^ column 19"), "{told}");
    let written = world.gate.command(&["policy", "types"]);
    assert!(written.status.success() && world.gate.policy("types/dndgate.lua").exists(), "{written:?}");
}

#[test]
fn r19_an_error_code_means_what_the_operator_writes() {
    let codes = "return { twilio = { [\"30007\"] = { effect = \"temporary\", reason = \"carrier\", message = \"ours\" } } }";
    let world = Setup::default()
        .policy("error_codes.lua", codes)
        .policy("tests/error_codes.lua", "return {}")
        .start();
    let report =
        |code: &str, to: &str| world.send(&crate::harness::signed::message_status("/hooks/twilio", to, code));
    assert!(report("30007", "+14155550101").status() < 300);
    assert!(report("30003", "+14155550102").status() < 300);
    assert!(world.is_blocked("SMS", "+14155550101") && !world.is_blocked("SMS", "+14155550102"));
}

#[test]
fn a_send_rule_can_block_more() {
    let rule = "return { on_send = function(send)
        if send.address == '+14155550101' and send.channel == 'SMS' then return { block = true, reason = 'quiet hours' } end
    end }";
    let world = Setup::default().policy("sends.lua", rule).start();
    let refused = world.message("+1 415 555 0101", "Hello");
    assert_twilio_refusal(&refused, 21610);
    assert!(refused.verdict().contains("reason=policy"), "{}", refused.verdict());
    assert!(refused.text().contains("quiet hours"), "{}", refused.text());
    assert_eq!(world.message("+14155550102", "Hello").status(), 201);
    assert_eq!(world.call("+14155550101").status(), 201);
}

#[test]
fn r9_a_send_rule_can_let_nobody_through() {
    let world =
        Setup::default().policy("sends.lua", "return { on_send = function(send) return true end }").start();
    world.hears("+14155550101", "STOP");
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
    assert_eq!(world.message("+14155550102", "Hello").status(), 201);
}

#[test]
fn a_hostile_send_rule_is_stopped_the_send_blocked_and_others_served_meanwhile() {
    let rule = "return { on_send = function(send)
        if send.address == '+14155550101' then while true do pcall(function() while true do end end) end end
        if send.address == '+14155550103' then local s = 'a' while true do s = s .. s end end
        if send.address == '+14155550104' then string.find(string.rep('a', 40000), '.-.-.-.-.-.-.-b') end
    end }";
    let world = Setup::default().policy("sends.lua", rule).start();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for person in ["+14155550101", "+14155550103", "+14155550104"].iter().cycle().take(12) {
                    let refused = world.message(person, "Hello");
                    assert_twilio_refusal(&refused, 21610);
                    assert!(refused.verdict().contains("reason=policy"), "{}", refused.verdict());
                }
            });
        }
        for number in 0..50 {
            assert_eq!(world.message("+14155550102", &format!("{number}")).status(), 201);
        }
    });
    assert_eq!(world.twilio.count(), 50, "nothing that was judged by a hostile run went out");
    let faults = world.gate.metric("dndgate_policy_faults_total", &[("file", "sends.lua")]);
    assert!(faults >= 24.0, "each is counted: {faults}");
}

#[test]
fn r16_a_hostile_reading_of_one_message_keeps_no_other_from_being_heard() {
    let classify = "return { classify = function(message)
        if message.text == 'spin' then while true do pcall(function() while true do end end) end end
        if message.text == 'grow' then local s = 'a' while true do s = s .. s end end
    end,";
    let keywords = shipped("keywords.lua").replacen("return {", classify, 1);
    let world = Setup::default().policy("keywords.lua", &keywords).start();
    thread::scope(|scope| {
        scope.spawn(|| {
            for text in ["spin", "grow"].iter().cycle().take(12) {
                world.hears("+14155550101", text);
            }
        });
        for number in 0..10 {
            let person = format!("+1415555011{number}");
            assert_eq!(world.message(&person, "Hello").status(), 201);
            world.hears(&person, "STOP");
            assert_twilio_refusal(&world.message(&person, "Hello"), 21610);
        }
    });
    assert!(!world.is_blocked("SMS", "+14155550101"));
    let reviews = world.api().get("/v1/reviews").json();
    assert!(
        reviews.to_string().contains("classify failed"),
        "a person looks at what could not be read: {reviews}"
    );
}

#[test]
fn policies_are_read_replaced_and_tried_through_the_api() {
    let world = Setup::default().with_policies().start();
    let api = world.api();
    let put = |text: &str| {
        api.send(crate::harness::Request::new("PUT", "/v1/policies/keywords.lua").body("text/x-lua", text))
    };
    assert_eq!(api.get("/v1/policies/keywords.lua").text(), shipped("keywords.lua"));
    let refused = put("return {");
    assert_eq!(refused.status(), 422, "{}", refused.text());
    assert!(
        refused.json()["title"].as_str().is_some_and(|title| title.contains("keywords.lua")),
        "{}",
        refused.text()
    );
    assert_eq!(api.get("/v1/policies/keywords.lua").text(), shipped("keywords.lua"), "nothing has changed");
    assert_eq!(put(&keywords_with("xyzzyplugh")).status(), 200);
    assert_eq!(meaning(&world, "xyzzyplugh"), "opt_out", "at once");
    let written = fs::read_to_string(world.gate.policy("keywords.lua")).expect("the file");
    assert_eq!(written, keywords_with("xyzzyplugh"), "and after the next start");
    let tried = api.post(
        "/v1/policies/try",
        &json!({ "codes": [{ "provider": "twilio", "channel": "SMS", "code": 30004 }] }),
    );
    assert_eq!(tried.json()["results"][0]["effect"], "permanent", "{}", tried.text());
    assert_eq!(api.get("/v1/policies/passwd").status(), 404);
    assert_eq!(api.get("/v1/policies/..%2Fdndgate.toml").status(), 404);
}
