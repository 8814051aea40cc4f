//! What was judged is judged anew: by `dndgate policy replay` and over the API from the record, and by shadow
//! policies as it happens. Nothing of it changes anything.

use crate::harness::{
    Message, Request, Setup, World, assert_twilio_refusal, shipped_policies, signed::message_status, until,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const BODIES: &str = "[record]\nbodies = true";
/// Words that stand nowhere else.
const WORDS: &str = "xyzzyplugh";
const SEND_RULE: &str = "return { on_send = function(send)
    if send.address == '+14155550107' then return { block = true, reason = 'not this one', rule = 'ours' } end
end }";

fn shipped(file: &str) -> String {
    fs::read_to_string(shipped_policies().join(file)).expect("a shipped policy")
}

/// The shipped opt-out words and one more.
fn keywords() -> String {
    shipped("keywords.lua").replacen("\"unsubscribe\",", &format!("\"unsubscribe\", {WORDS:?},"), 1)
}

/// The shipped codes, of which one blocks that did not.
fn codes() -> String {
    let text = shipped("error_codes.lua");
    let ours = "[\"30007\"] = { effect = \"temporary\", reason = \"carrier\", message = \"ours\" },";
    let line = text.lines().find(|line| line.contains("[\"30007\"]")).expect("a code that says nothing");
    text.replacen(line, ours, 1)
}

/// A folder with other policies; those that it does not have are the shipped ones.
fn candidate(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, text) in files {
        fs::write(folder.path().join(file), text).expect("written");
    }
    folder
}

fn all_changed() -> TempDir {
    candidate(&[("keywords.lua", &keywords()), ("error_codes.lua", &codes()), ("sends.lua", SEND_RULE)])
}

/// Replies, codes and sends, of each some that the candidate judges otherwise.
fn traffic(world: &World) {
    world.hears("+14155550101", "STOP");
    world.hears("+14155550102", "What time is it?");
    world.hears("+14155550103", WORDS);
    for (person, code) in [("+14155550104", "30003"), ("+14155550105", "30007")] {
        assert!(world.send(&message_status("/hooks/twilio", person, code)).status() < 300);
    }
    assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    assert_eq!(world.message("+1 415 555 0107", "Hello").status(), 201);
    assert_twilio_refusal(&world.message("+14155550101", "Hello"), 21610);
}

fn replayed(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let done = world.gate.command(&[&["policy", "replay"], arguments].concat());
    let text = String::from_utf8(done.stdout).expect("text");
    assert!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    (done.status.code(), text)
}

fn as_json(world: &World, arguments: &[&str]) -> Value {
    let (code, text) = replayed(world, &[arguments, &["--json"]].concat());
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Waits until so many entries can be judged.
fn until_recorded(world: &World, count: u64) {
    let same = candidate(&[]);
    let dir = same.path().to_str().expect("a path").to_owned();
    until("the record to be written", || {
        let done = world.gate.command(&["policy", "replay", "--json", "--policies", &dir]);
        let found: Value = serde_json::from_slice(&done.stdout).ok()?;
        let counts = &found["counts"];
        let all = [&counts["messages"]["withoutText"], &counts["sends"]["keptBack"], &found["judged"]];
        let all: u64 = all.iter().filter_map(|count| count.as_u64()).sum();
        (all >= count).then_some(())
    });
}

fn api_replay(world: &World, body: &Value) -> Message {
    world.api().post("/v1/policies/replay", body)
}

fn folder(world: &World) -> PathBuf {
    world.gate.folder().join("dndgate.db-record")
}

/// Everything that stands in the record's files.
fn recorded(world: &World) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder(world)).expect("a record") {
        all += &String::from_utf8_lossy(&fs::read(entry.expect("a file").path()).expect("reads"));
    }
    all
}

fn path(dir: &TempDir) -> &str {
    dir.path().to_str().expect("a path")
}

fn changes(report: &Value) -> Vec<(String, String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = report["changes"].as_array().expect("changes").iter();
    let mut all: Vec<_> = all
        .map(|one| {
            (text(&one["kind"]), text(&one["from"]), text(&one["to"]), one["count"].as_u64().unwrap_or(0))
        })
        .collect();
    all.sort();
    all
}

fn change(kind: &str, from: &str, to: &str) -> (String, String, String, u64) {
    (kind.to_owned(), from.to_owned(), to.to_owned(), 1)
}

#[test]
fn a_replay_shows_exactly_what_would_differ() {
    let world = Setup::default().tail(BODIES).start();
    traffic(&world);
    until_recorded(&world, 8);
    let changed = all_changed();
    let report = as_json(&world, &["--since", "1h", "--policies", path(&changed)]);
    let counts = &report["counts"];
    assert_eq!(counts["messages"], json!({ "judged": 3, "different": 1 }), "{report:#}");
    assert_eq!(counts["codes"], json!({ "judged": 2, "different": 1 }), "{report:#}");
    assert_eq!(counts["sends"], json!({ "judged": 2, "different": 1, "keptBack": 1 }), "{report:#}");
    assert_eq!((&report["judged"], &report["otherwiseThen"]), (&json!(7), &json!(0)), "{report:#}");
    let expected = [
        change("code", "none", "temporary carrier SMS"),
        change("message", "none", "opt_out SMS"),
        change("send", "allow", "block"),
    ];
    assert_eq!(changes(&report), expected, "{report:#}");
    let listed = report["differences"].as_array().expect("differences");
    let of = |kind: &str| listed.iter().find(|one| one["kind"] == kind).expect("one of each");
    assert_eq!(of("message")["texts"], json!([WORDS]));
    assert!(of("message")["toRule"].as_str().is_some_and(|rule| rule.contains(WORDS)), "{report:#}");
    assert_eq!(
        (&of("send")["toRule"], &of("send")["channel"]),
        (&json!("sends.lua: ours: not this one"), &json!("SMS"))
    );
    assert_eq!(of("code")["subject"], "twilio 30007");
    assert!(!report.to_string().contains("5550107"), "nobody is named: {report:#}");

    let (code, text) = replayed(&world, &["--policies", path(&changed), "--exit-code", "--list", "1"]);
    assert_eq!(code, Some(1), "{text}");
    for words in ["judged 7 entries", "3 would differ", "send: allow → block", "and 2 before these"] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    let same = candidate(&[]);
    let (code, text) = replayed(&world, &["--policies", path(&same), "--exit-code"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing would differ"), "{text}");
    let none = as_json(&world, &["--policies", path(&changed), "--since", "2100-01-01T00:00:00Z"]);
    assert_eq!(none["judged"], 0);
}

#[test]
fn a_replay_says_what_happened_then_when_that_was_something_else() {
    let world = Setup::default().with_policies().tail(BODIES).start();
    world.hears("+14155550103", WORDS);
    until_recorded(&world, 1);
    fs::write(world.gate.policy("keywords.lua"), keywords()).expect("written");
    let same = candidate(&[]);
    let report = as_json(&world, &["--policies", path(&same)]);
    assert_eq!(report["otherwiseThen"], 1, "{report:#}");
    assert_eq!(changes(&report), [change("message", "opt_out SMS", "none")]);
    assert_eq!(report["differences"][0]["was"], "none", "{report:#}");
}

#[test]
fn what_cannot_be_judged_is_said() {
    let world = World::start();
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let done = world.gate.command(&[&["policy", "replay"], arguments].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    let changed = all_changed();
    refused(&["--policies", path(&changed)], 2, "there is no record");
    refused(&[], 2, "--policies DIR");
    refused(&["--policies", path(&changed), "--since", "yesterday"], 2, "7d");
    refused(&["--policies", path(&changed), "--tenant", "nobody"], 2, "default");
    let broken = candidate(&[("keywords.lua", "return {")]);
    refused(&["--policies", path(&broken)], 2, "keywords.lua");
    assert_eq!(api_replay(&world, &json!({ "files": { "sends.lua": SEND_RULE } })).status(), 409);
}

#[test]
fn without_bodies_no_word_of_anybody_is_on_disk() {
    let world = World::start();
    world.hears("+14155550103", &format!("my {WORDS} words"));
    world.hears("+14155550104", "Please stop texting me about xyzzywords");
    assert!(world.is_blocked("SMS", "+14155550104"), "a rule that quotes the message");
    until_recorded(&world, 2);
    let all = recorded(&world);
    assert_eq!(all.lines().count(), 2, "{all}");
    for words in [WORDS, "xyzzy", "texting", "+14155550103"] {
        assert!(!all.contains(words), "{words} is in the record:\n{all}");
    }
    let changed = all_changed();
    let report = as_json(&world, &["--policies", path(&changed)]);
    assert_eq!(report["counts"]["messages"], json!({ "judged": 0, "different": 0, "withoutText": 2 }));
}

#[test]
fn the_record_is_its_owners_alone() {
    let world = World::start();
    assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    until_recorded(&world, 1);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder(&world)), 0o700);
    for entry in fs::read_dir(folder(&world)).expect("a record") {
        assert_eq!(mode(&entry.expect("a file").path()), 0o600);
    }
    assert!(!recorded(&world).contains("Hello"), "what a send says is never kept");
}

#[test]
fn the_operator_decides_what_is_kept() {
    let world = Setup::default().tail("[record]\nsends = 0.0").start();
    assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    world.hears("+14155550103", "hi");
    until_recorded(&world, 1);
    assert_eq!(recorded(&world).lines().count(), 1, "{}", recorded(&world));
    let world = Setup::default().tail("[record]\non = false").start();
    assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    world.hears("+14155550103", "hi");
    assert_eq!(api_replay(&world, &json!({ "files": { "sends.lua": SEND_RULE } })).status(), 409);
    assert!(!folder(&world).exists());
}

#[test]
fn a_record_that_would_not_last_keeps_the_sends_of_fewer_people() {
    let world = Setup::default().tail("[record]\nmax = \"1MiB\"").start();
    let send = |number: u32| {
        assert_eq!(world.message(&format!("+1415555{number:04}"), "Hello").status(), 201);
    };
    assert_eq!(world.gate.metric("dndgate_record_share", &[]), 1.0);
    (0..60).for_each(send);
    until("the share to fall", || (world.gate.metric("dndgate_record_share", &[]) <= 0.25).then_some(()));
    (1_000..1_100).for_each(send);
    world.hears("+14155550103", "hi");
    let report = api_replay(&world, &json!({ "files": { "sends.lua": SEND_RULE } })).json();
    let sends = &report["counts"]["sends"];
    assert!(sends["judged"].as_u64().is_some_and(|count| (15..160).contains(&count)), "{report:#}");
    assert_eq!(report["counts"]["messages"]["withoutText"], 1, "replies are recorded all the same");
    assert!(sends["thinned"].as_u64().is_some_and(|count| count > 0), "{report:#}");
    assert_eq!(world.gate.metric("dndgate_record_dropped_total", &[]), 0.0);
}

#[test]
fn a_webhook_that_comes_twice_is_judged_once() {
    let world = Setup::default().tail(BODIES).start();
    let message = crate::harness::signed::text_message_with_id("SM1", "+14155550103", WORDS);
    for _ in 0..3 {
        assert_eq!(world.send(&message).status(), 200);
    }
    world.hears("+14155550104", "hi");
    until_recorded(&world, 2);
    assert_eq!(recorded(&world).lines().count(), 2);
}

#[test]
fn r5_nothing_of_an_erased_contact_is_in_the_record() {
    let world = Setup::default().tail(BODIES).start();
    let id = world.api().contact(&json!({ "phone": "+14155550103", "email": "ada@example.org" }));
    world.hears("+14155550103", &format!("my {WORDS}"));
    assert_eq!(world.message("+14155550103", "Hello").status(), 201);
    assert_eq!(world.mail(&[("to", "Ada@example.org")]).status(), 200);
    assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    until_recorded(&world, 4);
    assert!(recorded(&world).contains(WORDS) && recorded(&world).contains("+14155550103"));
    // What comes last is still on its way to the disk.
    world.hears("+14155550103", &format!("more {WORDS}"));
    assert_eq!(world.api().delete(&format!("/contacts/{id}")).status(), 200);
    let left = recorded(&world);
    for words in [WORDS, "4155550103", "ada@", "Ada@"] {
        assert!(!left.contains(words), "{words} is left:\n{left}");
    }
    assert!(left.contains("+14155550106"), "others' lines stay");
    let changed = all_changed();
    assert_eq!(as_json(&world, &["--policies", path(&changed)])["judged"], 1);
}

#[test]
fn the_record_survives_a_crash() {
    let mut world = Setup::default().tail(BODIES).start();
    traffic(&world);
    until_recorded(&world, 8);
    world.gate.is_killed();
    // Half a line, as a crash of the machine leaves it.
    let file =
        fs::read_dir(folder(&world)).expect("a record").next().expect("a file").expect("a file").path();
    let mut text = fs::read(&file).expect("reads");
    text.extend_from_slice(b"{\"who\":\"0123456789abcdef\",\"at\":17");
    fs::write(&file, text).expect("torn");
    let changed = all_changed();
    let before = as_json(&world, &["--policies", path(&changed)]);
    assert_eq!(
        (&before["judged"], &before["unreadable"]),
        (&json!(7), &json!(0)),
        "without the gateway, too"
    );
    world.gate.starts_again();
    assert_eq!(world.message("+14155550107", "Hello").status(), 201);
    until_recorded(&world, 9);
    assert_eq!(as_json(&world, &["--policies", path(&changed)])["different"], 4);
}

#[test]
fn a_full_disk_stops_the_record_and_not_the_gate() {
    let world = Setup::default().disk_may_fill().start();
    assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    until_recorded(&world, 1);
    world.gate.disk_fills();
    for _ in 0..20 {
        assert_eq!(world.message("+14155550106", "Hello").status(), 201);
    }
    world.gate.wait_for_metric("dndgate_record_dropped_total", &[("why", "unwritable")], 20.0);
    assert!(world.gate.log().contains("record of what policies judged cannot be written"));
    world.gate.disk_has_room();
    assert_eq!(world.message("+14155550107", "Hello").status(), 201);
    until_recorded(&world, 2);
    let changed = all_changed();
    assert_eq!(as_json(&world, &["--policies", path(&changed)])["different"], 1);
}

#[test]
fn the_api_replays_files_that_are_not_in_force() {
    let world = Setup::default().with_policies().tail(BODIES).start();
    traffic(&world);
    let body = json!({ "since": "1h", "files": { "keywords.lua": keywords(), "sends.lua": SEND_RULE } });
    let answer = api_replay(&world, &body);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let report = answer.json();
    assert_eq!(report["judged"], 7, "what was judged a moment ago is in it: {report:#}");
    let expected = [change("message", "none", "opt_out SMS"), change("send", "allow", "block")];
    assert_eq!(changes(&report), expected, "{report:#}");
    assert_eq!(report["complete"], true);
    let limited = api_replay(&world, &json!({ "files": { "sends.lua": SEND_RULE }, "limit": 0 })).json();
    assert_eq!((&limited["different"], &limited["differences"]), (&json!(1), &json!([])));
    let other = api_replay(&world, &json!({ "files": { "sends.lua": SEND_RULE }, "tenant": "other" })).json();
    assert_eq!(other["judged"], 0);
    for (body, status, words) in [
        (json!({ "files": { "keywords.lua": "return {" } }), 422, "keywords.lua"),
        (
            json!({ "files": { "keywords.lua": shipped("keywords.lua").replace("\"stop\",", "") } }),
            422,
            "stop",
        ),
        (json!({ "files": { "passwd": "" } }), 422, "passwd"),
        (json!({ "since": "yesterday", "files": { "sends.lua": SEND_RULE } }), 400, "7d"),
        (json!({}), 400, "shadow"),
        (json!({ "file": {} }), 422, "file"),
    ] {
        let answer = api_replay(&world, &body);
        assert_eq!(answer.status(), status, "{body}: {}", answer.text());
        assert!(answer.text().contains(words), "{}", answer.text());
    }
    assert!(!world.is_blocked("SMS", "+14155550103"), "nothing has changed");
    let reader = world.gate.token(&["--role", "read"]);
    let asked = Request::post("/v1/policies/replay").json(&body);
    let asked = asked.field("Authorization", &format!("Bearer {reader}"));
    assert_eq!(asked.send(world.gate.ports.admin).status(), 403, "it shows what people wrote");
}

fn shadow_line(dir: &TempDir) -> String {
    format!("[policies]\nshadow = {:?}", path(dir))
}

fn shadow(world: &World) -> Value {
    let answer = world.api().get("/v1/policies/shadow");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

#[test]
fn shadow_policies_judge_live_traffic_and_enforce_nothing() {
    let changed = all_changed();
    let world = Setup::default().tail(&shadow_line(&changed)).start();
    traffic(&world);
    let differences = "dndgate_policy_shadow_differences_total";
    for kind in ["send", "message", "code"] {
        world.gate.wait_for_metric(differences, &[("kind", kind)], 1.0);
    }
    world.gate.wait_for_metric("dndgate_policy_shadow_judged_total", &[], 7.0);
    assert_eq!(world.gate.metric(differences, &[]), 3.0);
    let view = shadow(&world);
    let expected = [
        change("code", "none", "temporary carrier SMS"),
        change("message", "none", "opt_out SMS"),
        change("send", "allow", "block"),
    ];
    assert_eq!((changes(&view), &view["judged"]), (expected.to_vec(), &json!(7)), "{view:#}");
    assert_eq!((&view["loaded"], &view["error"]), (&json!(true), &Value::Null));
    assert_eq!(view["differences"].as_array().map(Vec::len), Some(3));
    assert!(!view.to_string().contains(WORDS), "without bodies no word is told: {view:#}");
    assert!(!world.is_blocked("SMS", "+14155550103") && !world.is_blocked("SMS", "+14155550105"));
    let again = api_replay(&world, &json!({})).json();
    assert_eq!(again["different"], 2, "the shadow is the candidate: {again:#}");
}

#[test]
fn a_shadow_that_does_not_load_changes_nothing_and_is_shown() {
    let broken = candidate(&[("keywords.lua", "return {")]);
    let world = Setup::default().tail(&shadow_line(&broken)).start();
    let view = shadow(&world);
    assert_eq!(view["loaded"], false, "{view:#}");
    assert!(view["error"].as_str().is_some_and(|error| error.contains("keywords.lua")), "{view:#}");
    assert_eq!(world.gate.metric("dndgate_policy_shadow_loaded", &[]), 0.0);
    let checked = world.gate.command(&["check"]);
    assert_eq!(checked.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("do not load"), "{checked:?}");
    world.hears("+14155550101", "STOP");
    assert!(world.is_blocked("SMS", "+14155550101"));

    fs::write(broken.path().join("keywords.lua"), keywords()).expect("mended");
    world.gate.wait_for_metric("dndgate_policy_shadow_loaded", &[], 1.0);
    world.hears("+14155550103", WORDS);
    world.gate.wait_for_metric("dndgate_policy_shadow_differences_total", &[("kind", "message")], 1.0);
    assert_eq!(shadow(&world)["error"], Value::Null);

    fs::write(broken.path().join("keywords.lua"), "return {").expect("broken again");
    world.gate.wait_for_metric("dndgate_policy_shadow_reloads_total", &[("outcome", "error")], 2.0);
    assert!(shadow(&world)["error"].is_string());
    world.hears("+14155550102", WORDS);
    world.gate.wait_for_metric("dndgate_policy_shadow_differences_total", &[("kind", "message")], 2.0);
}

#[test]
fn a_hostile_shadow_hurts_neither_sends_nor_the_record() {
    let hostile = candidate(&[("sends.lua", "return { on_send = function(send) while true do end end }")]);
    let world = Setup::default().tail(&shadow_line(&hostile)).start();
    for number in 0..200 {
        assert_eq!(world.message("+14155550106", &format!("{number}")).status(), 201);
    }
    until_recorded(&world, 200);
    assert_eq!(world.gate.metric("dndgate_record_dropped_total", &[]), 0.0);
    world.gate.wait_for_metric("dndgate_policy_shadow_differences_total", &[("kind", "send")], 1.0);
    assert!(world.gate.metric("dndgate_policy_shadow_judged_total", &[]) < 200.0, "the others wait for it");
    world.gate.signal("TERM");
    let mut world = world;
    assert!(world.gate.ends().success(), "and it keeps nothing from ending");
}

#[test]
fn r5_an_erased_contact_goes_from_the_shadows_list() {
    let changed = all_changed();
    let world = Setup::default().tail(&format!("{}\n{BODIES}", shadow_line(&changed))).start();
    let id = world.api().contact(&json!({ "phone": "+14155550103" }));
    for person in ["+14155550103", "+14155550104"] {
        world.hears(person, WORDS);
    }
    world.gate.wait_for_metric("dndgate_policy_shadow_differences_total", &[], 2.0);
    assert_eq!(shadow(&world)["differences"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.api().delete(&format!("/contacts/{id}")).status(), 200);
    let left = shadow(&world);
    assert_eq!(left["differences"].as_array().map(Vec::len), Some(1), "{left:#}");
    assert_eq!(left["different"], 2, "counts name nobody");
}

#[test]
fn a_policy_that_fails_a_case_of_the_operators_is_refused() {
    let case = "return { { text = \"xyzzyplugh\", meaning = \"none\" } }";
    let world = Setup::default().policy("tests/own.lua", case).start();
    let put = Request::new("PUT", "/v1/policies/keywords.lua").body("text/x-lua", keywords().as_str());
    let refused = world.api().send(put);
    assert_eq!(refused.status(), 422, "{}", refused.text());
    let title = refused.json()["title"].as_str().unwrap_or_default().to_owned();
    assert!(title.contains("tests/own.lua:1:") && title.contains("opt_out"), "{title}");
    let untouched = fs::read_to_string(world.gate.policy("keywords.lua")).expect("the file");
    assert_eq!(untouched, shipped("keywords.lua"));
    fs::write(world.gate.policy("keywords.lua"), keywords()).expect("written past the gateway");
    let tested = world.gate.command(&["policy", "test"]);
    let said = String::from_utf8_lossy(&tested.stderr).into_owned();
    assert_eq!(tested.status.code(), Some(1), "{said}");
    assert!(
        said.contains("tests/own.lua:1: \"xyzzyplugh\" on SMS has to mean none, but means opt_out"),
        "{said}"
    );
}
