//! Files brought in and written out: before the gateway runs, while it runs, and over a crash.

use crate::harness::{Message, Request, Setup, World, assert_twilio_refusal, until};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Output,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("core/import/fixtures").join(name)
}

/// Everything in a file of the world's own folder.
fn file(world: &World, name: &str, text: &str) -> String {
    let path = world.gate.folder().join(name);
    fs::write(&path, text).expect("the file is written");
    path.display().to_string()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn import(world: &World, file: &str, more: &[&str]) -> (i32, Value) {
    let output = world.gate.command(&[&["import", file, "--json"], more].concat());
    let code = output.status.code().unwrap_or(-1);
    let body = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{code}: {}", said(&output)));
    (code, body)
}

fn ledger_entries(world: &World) -> String {
    let verified = world.gate.command(&["ledger", "verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
    said(&verified)
}

#[test]
fn r25_a_legacy_export_is_honoured_and_comes_in_once() {
    let mut world = World::start();
    world.gate.is_killed();
    let highlevel = fixture("highlevel.csv").display().to_string();
    let (code, dry) = import(&world, &highlevel, &["--dry-run"]);
    assert_eq!((code, &dry["contactsNew"], &dry["dndChanged"]), (1, &json!(5), &json!(4)), "{dry}");
    assert!(ledger_entries(&world).contains("0 entries"), "a dry run touches nothing");
    let rejects = world.gate.folder().join("rejects.csv").display().to_string();
    let (code, first) = import(&world, &highlevel, &["--rejects", &rejects]);
    assert_eq!(code, 1, "rows were left out");
    assert_eq!(dry["began"], first["began"], "the dry run said exactly what would change");
    assert_eq!(
        (&first["contactsNew"], &first["rejected"], &first["incomplete"]),
        (&json!(5), &json!(2), &json!(1))
    );
    let told = fs::read_to_string(&rejects).expect("the rejects");
    let lines: Vec<&str> = told.lines().map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert_eq!(lines, ["line", "7", "8", "9"], "{told}");
    let before = ledger_entries(&world);
    let (_, again) = import(&world, &highlevel, &[]);
    assert_eq!(
        (&again["contactsNew"], &again["dndChanged"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(5))
    );
    assert_eq!(ledger_entries(&world), before, "no entry twice");
    world.gate.starts_again();
    for (channel, address, blocked) in [
        ("SMS", "+14155550101", false),
        ("SMS", "+14155550102", true),
        ("Email", "bruno.work@example.com", true),
        ("Email", "clara@example.com", true),
        ("SMS", "+14155550103", false),
        ("Call", "+14155550103", true),
        ("SMS", "+14155550104", true),
        ("Email", "eve@example.com", true),
    ] {
        assert_eq!(world.is_blocked(channel, address), blocked, "{channel} {address}");
    }
    assert_twilio_refusal(&world.message("+14155550102", "Hello"), 21610);
    let bruno = world.api().show("pdRIzvAIwztNp6O6WtYd");
    assert_eq!(bruno["dnd"], true, "{bruno}");
    assert_eq!(bruno["dndSettings"]["SMS"]["reason"], "import");
    let source = bruno["dndSettings"]["SMS"]["source"].as_str().unwrap_or_default();
    assert_eq!(source, "import:highlevel.csv line 3");
    // An operator switches it off, as any import (R20).
    let off = world.api().put("/contacts/pdRIzvAIwztNp6O6WtYd", &json!({ "dnd": false }));
    assert_eq!(off.status(), 200, "{}", off.text());
    assert!(!world.is_blocked("SMS", "+14155550102"));
}

#[test]
fn r25_with_a_map_the_map() {
    let world = World::start();
    let map = r#"{"id":"a","phone":"+14155550101","email":"a@example.com","dnd":true,"dndSettings":{"SMS":{"status":"active"},"Email":{"status":"inactive"}}}
{"id":"b","phone":"+14155550102","email":"b@example.com","dnd":true,"dndSettings":{"SMS":{"status":"inactive"}}}
{"id":"c","phone":"+14155550103","email":"c@example.com","dnd":true,"dndSettings":{}}
{"id":"d","phone":"+14155550104","email":"d@example.com","dnd":false,"dndSettings":{"SMS":{"status":"permanent"}}}
"#;
    let columns = "id,phone,email,dnd,DND SMS\ne,+14155550105,e@example.com,true,active\n\
                   f,+14155550106,f@example.com,true,\ng,+14155550107,g@example.com,\"SMS, Call\",\n";
    let (code, done) = import(&world, &file(&world, "map.ndjson", map), &[]);
    assert_eq!((code, &done["dndChanged"]), (0, &json!(3)), "{done}");
    let (code, done) = import(&world, &file(&world, "map.csv", columns), &[]);
    assert_eq!((code, &done["dndChanged"]), (0, &json!(3)), "{done}");
    let shown = |id: &str| {
        let on = |channel, address: String| if world.is_blocked(channel, &address) { channel } else { "" };
        let number = 101 + u32::from(id.as_bytes()[0] - b'a');
        let phone = format!("+14155550{number}");
        [on("SMS", phone.clone()), on("Call", phone), on("Email", format!("{id}@example.com"))].concat()
    };
    let all: Vec<String> = ["a", "b", "c", "d", "e", "f", "g"].map(shown).to_vec();
    assert_eq!(all, ["SMS", "", "SMSCallEmail", "SMS", "SMS", "SMSCallEmail", "SMSCall"]);
}

#[test]
fn r25_import_never_ends_a_reason() {
    let world = World::start();
    world.hears("+14155550102", "STOP");
    let id =
        world.api().contact(&json!({ "email": "ada@example.com", "phone": "+14155550102", "dnd": true }));
    let off =
        "{\"phone\":\"+14155550102\",\"dnd\":false,\"dndSettings\":{\"SMS\":{\"status\":\"inactive\"}}}\n";
    let (code, done) = import(&world, &file(&world, "off.ndjson", off), &[]);
    assert_eq!((code, &done["unchanged"]), (0, &json!(1)), "{done}");
    assert!(world.is_blocked("SMS", "+14155550102") && world.is_blocked("Email", "ada@example.com"));
    assert_eq!(world.api().show(&id)["dnd"], true);
}

#[test]
fn r27_while_the_gateway_runs_its_cache_misses_nothing() {
    let world = World::start();
    assert_eq!(world.message("+14155550107", "Hello").status(), 201);
    let optouts = fixture("twilio-optouts.csv").display().to_string();
    let (code, done) = import(&world, &optouts, &[]);
    assert_eq!((code, &done["dndChanged"], &done["noOptOut"]), (0, &json!(2), &json!(1)), "{done}");
    assert_twilio_refusal(&world.message("+14155550107", "Hello"), 21610);
    assert!(world.is_blocked("WhatsApp", "+14155550108") && !world.is_blocked("SMS", "+14155550109"));
    // R28, R29: one entry and one event each; the metric counts them.
    let events = world.api().events();
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events.iter().all(|event| event["type"] == "ContactDndUpdate" && event["change"] == "enabled"));
    assert!(ledger_entries(&world).contains("2 entries"));
    let labels = [("channel", "sms"), ("change", "enabled"), ("reason", "provider_opt_out")];
    assert!((world.gate.metric("dndgate_dnd_changes_total", &labels) - 1.0).abs() < f64::EPSILON);
    let again = import(&world, &optouts, &[]).1;
    assert_eq!(again["unchanged"], 2, "{again}");
    assert_eq!(world.api().events().len(), 2);
    // The token that the command made for itself is gone.
    let database = rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("the database");
    let left: i64 = database
        .query_row("SELECT count(*) FROM token WHERE name = 'import'", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(left, 0);
    // A second gateway on the same store would miss what the first one learns.
    let second = world.gate.command(&["serve"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(said(&second).contains("another dndgate is using"), "{}", said(&second));
}

#[test]
fn r30_an_opt_out_that_was_lifted_since_is_not_told_twice() {
    let world = World::start();
    let optouts = fixture("twilio-optouts.csv").display().to_string();
    import(&world, &optouts, &[]);
    world.hears("+14155550107", "START");
    assert!(!world.is_blocked("SMS", "+14155550107"));
    let again = import(&world, &optouts, &[]).1;
    assert_eq!(again["dndChanged"], 0, "{again}");
    assert!(!world.is_blocked("SMS", "+14155550107"), "the same event, of the same time");
}

#[test]
fn r17_r18_suppression_lists_of_mail_providers() {
    let mut world = World::start();
    world.gate.is_killed();
    for name in [
        "mailgun-bounces.csv",
        "mailgun-unsubscribes.csv",
        "mailgun-complaints.csv",
        "suppression_bounces.csv",
        "suppression_blocks.csv",
        "sendgrid-invalid.csv",
        "sendgrid-spam.csv",
        "sendgrid-unsubscribes.csv",
    ] {
        let (code, done) = import(&world, &fixture(name).display().to_string(), &[]);
        assert_eq!(code, i32::from(name == "mailgun-bounces.csv"), "{name}: {done}");
    }
    world.gate.starts_again();
    for (address, blocked) in [
        ("gone@example.com", true),
        ("full@example.com", true),
        ("left@example.com", true),
        ("angry@example.com", true),
        ("typo@exmaple.com", true),
        ("busy@example.com", false),
    ] {
        assert_eq!(world.is_blocked("Email", address), blocked, "{address}");
    }
    // R7: who claims the address has its opt-outs; R17: an unsubscribe is for all channels.
    let id = world.api().contact(&json!({ "email": "left@example.com", "phone": "+14155550110" }));
    assert!(world.is_blocked("SMS", "+14155550110"));
    assert_eq!(world.api().show(&id)["dndStatus"], "on");
    let angry = world.api().contact(&json!({ "email": "angry@example.com" }));
    assert_eq!(world.api().show(&angry)["dndSettings"]["Email"]["status"], "permanent");
}

/// So many contacts, every second one with DND.
fn many(count: usize) -> String {
    let mut text = "id,email,phone,dnd\n".to_owned();
    for number in 0..count {
        text +=
            &format!("c{number},p{number}@example.com,+1415{:07},{}\n", 5_550_000 + number, number % 2 == 0);
    }
    text
}

#[test]
fn r25_an_import_that_was_killed_goes_on() {
    const COUNT: usize = 30_000;
    let mut world = World::start();
    world.gate.is_killed();
    let text = many(COUNT);
    let path = file(&world, "many.csv", &text);
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_dndgate"))
        .current_dir(world.gate.folder())
        .args(["-c", "dndgate.toml", "import", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary starts");
    // It gets two thirds of the file and then waits for more.
    let mut source = process.stdin.take().expect("its input");
    source.write_all(&text.as_bytes()[..text.len() / 3 * 2]).expect("it reads");
    let contacts = || -> i64 {
        let database =
            rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("the database");
        database.query_row("SELECT count(*) FROM contact", [], |row| row.get(0)).expect("a count")
    };
    until("some of it to be in", || (contacts() > 0).then_some(()));
    process.kill().expect("it is killed");
    process.wait().expect("it has ended");
    let had = contacts();
    assert!(had < COUNT as i64, "it was killed in the middle");
    let (code, done) = import(&world, &path, &[]);
    assert_eq!(code, 0, "{done}");
    assert_eq!(done["contactsNew"].as_i64().unwrap_or_default() + had, COUNT as i64, "{done}");
    assert_eq!(contacts(), COUNT as i64);
    assert!(ledger_entries(&world).contains(&format!("{} entries", COUNT / 2)), "one for each change");
    world.gate.starts_again();
    assert!(world.is_blocked("SMS", "+14155550000") && !world.is_blocked("SMS", "+14155550001"));
}

#[test]
fn r25_what_is_exported_comes_in_the_same_elsewhere() {
    let world = World::start();
    let api = world.api();
    api.contact(&json!({
        "firstName": "=1+2", "tags": ["a,b", "c"], "email": "ada@example.com", "phone": "+14155550101", "customFields":
        [{ "id": "x", "value": "ÿ \"quoted\"\nlines" }], "dndSettings": { "SMS": { "status": "active", "message": "m" } },
    }));
    api.contact(&json!({ "phone": "+14155550102", "additionalPhones": ["+14155550103"], "dnd": true }));
    world.hears("+14155550103", "STOP");
    world.hears("+14155550199", "STOP");
    for layout in ["csv", "ndjson"] {
        let name = format!("all.{layout}");
        let written = world.gate.command(&["export", "-o", &name]);
        assert!(written.status.success(), "{}", said(&written));
        let text = fs::read_to_string(world.gate.folder().join(&name)).expect("the export");
        let over_api = api.get(&format!("/v1/exports/contacts?format={layout}"));
        assert_eq!(over_api.status(), 200);
        assert_eq!(over_api.text(), text, "the API writes the same");
        let mut other = Setup::default().start();
        other.gate.is_killed();
        let (code, done) = import(&other, &file(&other, &name, &text), &[]);
        assert_eq!(code, 0, "{done}");
        let back = other.gate.command(&["export", "--format", layout]);
        assert_eq!(String::from_utf8_lossy(&back.stdout), text, "{layout}: the same comes out again");
        other.gate.starts_again();
        for number in ["+14155550101", "+14155550102", "+14155550103", "+14155550199"] {
            assert!(other.is_blocked("SMS", number), "{layout} {number}");
        }
        assert!(!other.is_blocked("Call", "+14155550101"));
    }
    let list = world.gate.command(&["export", "--suppressions", "twilio"]);
    let numbers = String::from_utf8_lossy(&list.stdout);
    assert_eq!(numbers.lines().count(), 5, "{numbers}");
    assert!(numbers.contains("+14155550199,"), "{numbers}");
}

#[test]
fn an_import_over_the_api_is_previewed_followed_and_told() {
    let world = World::start();
    let api = world.api();
    let text = fs::read(fixture("highlevel.csv")).expect("the fixture");
    let post = |path: &str| -> Message { api.send(Request::post(path).body("text/csv", text.clone())) };
    let preview = post("/v1/imports/preview?file=highlevel.csv").json();
    assert_eq!((&preview["format"], &preview["separator"]), (&json!("highlevel"), &json!(",")), "{preview}");
    assert_eq!(preview["rows"][1]["begins"][0]["channel"], "all", "{preview}");
    assert!(preview["rows"][5]["error"].is_string(), "{preview}");
    assert!(!world.is_blocked("SMS", "+14155550102"), "a preview changes nothing");
    let ended = |query: &str| -> Value {
        let begun = post(&format!("/v1/imports?file=highlevel.csv{query}"));
        assert_eq!(begun.status(), 202, "{}", begun.text());
        let id = begun.json()["import"]["id"].as_str().expect("an id").to_owned();
        until("the import to end", || {
            let import = api.get(&format!("/v1/imports/{id}")).json()["import"].clone();
            (import["state"] != "running").then_some(import)
        })
    };
    let dry = ended("&dryRun=true");
    assert_eq!((&dry["state"], &dry["summary"]["contactsNew"]), (&json!("done"), &json!(5)), "{dry}");
    assert!(!world.is_blocked("SMS", "+14155550102"), "nor does a dry run");
    let done = ended("");
    assert_eq!(done["summary"]["began"], dry["summary"]["began"]);
    assert!(world.is_blocked("SMS", "+14155550102"));
    let id = done["id"].as_str().expect("an id");
    let rejects = api.get(&format!("/v1/imports/{id}/rejects")).text();
    assert_eq!(rejects.lines().count(), 4, "{rejects}");
    // Nobody but an operator.
    let crm = world.gate.token(&["--role", "crm"]);
    let refused = Request::post("/v1/imports").field("Authorization", &format!("Bearer {crm}"));
    assert_eq!(refused.send(world.gate.ports.admin).status(), 403);
    let nonsense = api.send(Request::post("/v1/imports/preview").body("text/csv", "colour\nred\n"));
    assert_eq!(nonsense.status(), 422, "{}", nonsense.text());
}

#[test]
fn what_an_import_came_to_is_told_after_a_crash() {
    let mut world = World::start();
    let post = |world: &World, text: String| -> String {
        let begun = world.api().send(Request::post("/v1/imports?file=a.csv").body("text/csv", text));
        assert_eq!(begun.status(), 202, "{}", begun.text());
        begun.json()["import"]["id"].as_str().expect("an id").to_owned()
    };
    let of = |world: &World, id: &str| world.api().get(&format!("/v1/imports/{id}")).json()["import"].clone();
    let id = post(&world, "phone,dnd\n+14155550101,true\nnonsense,true\n".into());
    let done = until("the import to end", || Some(of(&world, &id)).filter(|one| one["state"] != "running"));
    assert_eq!((&done["state"], &done["summary"]["rejected"]), (&json!("done"), &json!(1)), "{done}");
    let rejects = world.api().get(&format!("/v1/imports/{id}/rejects")).text();
    world.gate.is_killed();
    world.gate.starts_again();
    assert_eq!(of(&world, &id), done);
    assert_eq!(world.api().get(&format!("/v1/imports/{id}/rejects")).text(), rejects);
    // One that was under way is told as what it is, and the same file brings in the rest.
    let cut = post(&world, many(60_000));
    until("some of it to be in", || {
        of(&world, &cut)["summary"]["rows"].as_u64().filter(|rows| *rows > 0).map(drop)
    });
    world.gate.is_killed();
    world.gate.starts_again();
    assert_eq!(of(&world, &cut)["state"], "interrupted");
    let all = world.api().get("/v1/imports").json()["imports"].clone();
    let ids: Vec<&str> =
        all.as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, [&id, &cut]);
}

#[test]
fn an_agency_brings_in_its_own_list() {
    let world = Setup::default()
        .tail("[tenant.acme]\ndefault_region = \"US\"\n[tenant.zeta]\ndefault_region = \"GB\"")
        .start();
    let bare = file(&world, "bare.csv", "phone,email\n+14155550101,ada@example.com\n(415) 555-0102,\n");
    let refused = world.gate.command(&["import", &bare, "--agency"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("--region"), "in which country? {}", said(&refused));
    let list = ["--agency", "--region", "US"];
    let (code, done) = import(&world, &bare, &list);
    assert_eq!((code, &done["dndChanged"], &done["contactsNew"]), (0, &json!(2), &json!(0)), "{done}");
    assert_eq!(done["began"], json!([{ "channel": "all", "reason": "policy", "count": 3 }]));
    let verdict = |tenant: &str, channel: &str, address: &str| -> Value {
        let question = json!({ "tenant": tenant, "sends": [{ "channel": channel, "address": address }] });
        world.api().post("/v1/check", &question).json()["results"][0]["verdict"].clone()
    };
    for tenant in ["acme", "zeta"] {
        for (channel, address) in
            [("SMS", "+14155550101"), ("Email", "ada@example.com"), ("Call", "+14155550102")]
        {
            assert_eq!(verdict(tenant, channel, address), "block", "{tenant} {channel} {address}");
        }
    }
    // What the row says of DND is what is blocked; who is not blocked is not listed.
    let some = "phone,dnd\n+14155550103,SMS\n+14155550104,false\n,true\n";
    let (code, done) = import(&world, &file(&world, "some.csv", some), &list);
    assert_eq!(
        (code, &done["dndChanged"], &done["noOptOut"], &done["rejected"]),
        (1, &json!(1), &json!(1), &json!(1)),
        "{done}"
    );
    assert_eq!(verdict("acme", "SMS", "+14155550103"), "block");
    assert_eq!(verdict("acme", "Call", "+14155550103"), "allow");
    assert_eq!(verdict("acme", "SMS", "+14155550104"), "allow");
    let entries = world.api().get("/v1/agency/suppressions").json()["entries"].clone();
    assert_eq!(entries.as_array().map(Vec::len), Some(4), "{entries}");
    let ledger = ledger_entries(&world);
    let (code, again) = import(&world, &bare, &list);
    assert_eq!((code, &again["unchanged"]), (0, &json!(2)), "{again}");
    assert_eq!(ledger_entries(&world), ledger, "R28: no entry twice");
    // No tenant's operator puts anything on it.
    let acme = world.gate.token(&["--role", "operator", "--tenant", "acme"]);
    let refused = Request::post("/v1/imports?agency=true&region=US")
        .field("Authorization", &format!("Bearer {acme}"))
        .body("text/csv", "phone\n+14155550105\n");
    assert_eq!(refused.send(world.gate.ports.admin).status(), 403);
    assert_eq!(verdict("acme", "SMS", "+14155550105"), "allow");
}

#[test]
fn an_agency_s_list_comes_in_while_nothing_runs() {
    let mut world = World::start();
    world.gate.is_killed();
    let optouts = fixture("twilio-optouts.csv").display().to_string();
    let (_, dry) = import(&world, &optouts, &["--agency", "--dry-run"]);
    let (code, done) = import(&world, &optouts, &["--agency"]);
    assert_eq!((code, &done["dndChanged"], &done["began"]), (0, &json!(2), &dry["began"]), "{done}");
    world.gate.starts_again();
    assert!(world.is_blocked("SMS", "+14155550107") && !world.is_blocked("Call", "+14155550107"));
    // A person's START does not lift what the agency said.
    world.hears("+14155550107", "START");
    assert!(world.is_blocked("SMS", "+14155550107"));
}
