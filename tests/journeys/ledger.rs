//! The ledger from outside: checkpoints come by themselves, `ledger verify` finds what was tampered with, and
//! `ledger export` hands out one person's evidence with proof (R5, R28).

use crate::harness::{Api, Setup, World, until};
use serde_json::{Value, json};
use std::process::{Command, Output};

const ADA: &str = "+14155550101";

/// A world in which checkpoints are signed as soon as something happens.
fn world() -> World {
    Setup::default().tail("[ledger]\ninterval = \"0s\"").start()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn sql(world: &World, sql: &str) {
    let connection = rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("opens");
    connection.busy_timeout(std::time::Duration::from_secs(10)).expect("patience");
    connection.execute_batch(sql).expect("runs");
}

/// Waits until every entry is under a checkpoint.
fn wait_for_checkpoint(world: &World, entries: u64) -> String {
    until("a checkpoint", || {
        let latest = world.gate.command(&["ledger", "checkpoint"]);
        let note = String::from_utf8(latest.stdout).expect("text");
        let kept = std::fs::read_to_string(world.gate.folder().join("dndgate.db-ledger-checkpoint")).ok()?;
        let whole = note.lines().nth(1) == Some(&entries.to_string());
        (whole && kept.trim_end() == note.trim_end()).then_some(note)
    })
}

fn person(world: &World) -> String {
    let id = world.api().contact(&json!({ "firstName": "Ada <b>", "lastName": "O'Neil", "phone": ADA }));
    world.hears(ADA, "STOP");
    let evidence = json!({ "channel": "SMS", "text": "I agree <again>", "source": "web form 12", "obtainedAt": "2026-01-02T03:04:05Z" });
    assert_eq!(world.api().post(&format!("/v1/contacts/{id}/evidence"), &evidence).status(), 201);
    let off = json!({ "dndSettings": { "SMS": { "status": "inactive" } } });
    assert_eq!(world.api().put(&format!("/contacts/{id}"), &off).status(), 200);
    id
}

#[test]
fn r28_checkpoints_come_by_themselves_and_are_kept_beside_the_database() {
    let world = world();
    person(&world);
    let note = wait_for_checkpoint(&world, 3);
    let key = world.gate.folder().join("dndgate.db-ledger-key");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key).expect("the key").permissions());
    assert_eq!(mode & 0o077, 0, "for its owner alone");
    let listed = world.api().get("/v1/ledger/checkpoints").json();
    let newest = listed["checkpoints"].as_array().and_then(|all| all.last()?.as_str()).expect("a checkpoint");
    assert_eq!(newest.trim_end(), note.trim_end());
    let key = String::from_utf8(world.gate.command(&["ledger", "key"]).stdout).expect("text");
    assert_eq!(listed["publicKey"], key.trim());
    let verified = world.gate.command(&["ledger", "verify"]);
    assert!(verified.status.success() && said(&verified).contains("3 entries"), "{}", said(&verified));
}

#[test]
fn r28_verify_says_where_the_ledger_was_tampered_with() {
    let world = world();
    person(&world);
    wait_for_checkpoint(&world, 3);
    sql(&world, "UPDATE ledger SET entry = replace(entry, 'begin', 'end') WHERE seq = 1");
    let broken = world.gate.command(&["ledger", "verify"]);
    assert_eq!(broken.status.code(), Some(1), "{}", said(&broken));
    assert!(said(&broken).contains("entry 1"), "{}", said(&broken));
}

#[test]
fn r28_a_key_is_changed_and_what_the_one_before_signed_still_counts() {
    let mut world = world();
    person(&world);
    wait_for_checkpoint(&world, 3);
    let public = String::from_utf8(world.gate.command(&["ledger", "key"]).stdout).expect("text");
    world.gate.is_killed();
    let key = world.gate.folder().join("dndgate.db-ledger-key");
    std::fs::rename(&key, key.with_extension("old")).expect("moved");
    world.gate.starts_again();
    world.hears("+14155550102", "STOP");
    wait_for_checkpoint(&world, 4);
    let unknown = world.gate.command(&["ledger", "verify"]);
    assert!(unknown.status.code() == Some(1) && said(&unknown).contains("former_keys"), "{}", said(&unknown));
    let file = world.gate.folder().join("dndgate.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    let named = format!("[ledger]\nformer_keys = [{:?}]", public.trim());
    std::fs::write(&file, text.replace("[ledger]", &named)).expect("written");
    let verified = world.gate.command(&["ledger", "verify"]);
    assert!(verified.status.success() && said(&verified).contains("4 entries"), "{}", said(&verified));
}

#[test]
fn r28_an_end_that_was_cut_off_is_found_by_the_checkpoint_that_is_kept_apart() {
    let mut world = world();
    person(&world);
    let note = wait_for_checkpoint(&world, 3);
    let kept = world.gate.folder().join("elsewhere.txt");
    std::fs::write(&kept, note).expect("kept");
    world.gate.is_killed();
    sql(
        &world,
        "DELETE FROM ledger WHERE seq > 1; DELETE FROM ledger_personal WHERE seq > 1;
         DELETE FROM ledger_subject WHERE seq > 1; DELETE FROM ledger_checkpoint WHERE note LIKE '%' || char(10) || '3' || char(10) || '%' OR number > 1;
         UPDATE head SET seq = 1, hash = (SELECT hash FROM ledger WHERE seq = 1)",
    );
    let broken = world.gate.command(&["ledger", "verify"]);
    assert!(broken.status.code() == Some(1) && said(&broken).contains("cut off"), "{}", said(&broken));
    std::fs::remove_file(world.gate.folder().join("dndgate.db-ledger-checkpoint")).expect("removed");
    assert!(world.gate.command(&["ledger", "verify"]).status.success(), "nothing in the database tells");
    let broken = world.gate.command(&["ledger", "verify", "--checkpoint", "elsewhere.txt"]);
    assert!(broken.status.code() == Some(1) && said(&broken).contains("cut off"), "{}", said(&broken));
}

#[test]
fn r28_an_export_holds_everything_about_one_person_and_anybody_can_check_it() {
    let world = world();
    let id = person(&world);
    world.hears("+14155550102", "STOP");
    let exported =
        world.gate.command(&["ledger", "export", "--contact", &id, "--format", "json", "-o", "ada.json"]);
    assert!(exported.status.success(), "{}", said(&exported));
    let file = world.gate.folder().join("ada.json");
    let export: Value = serde_json::from_slice(&std::fs::read(&file).expect("the file")).expect("JSON");
    let changes: Vec<_> = export["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|one| one["shown"]["change"].clone())
        .collect();
    assert_eq!(changes, ["begin", "evidence", "end"]);
    assert_eq!(export["evidence"][0]["text"], "I agree <again>");
    assert_eq!(export["contacts"][0]["addresses"][0]["value"], ADA);
    assert!(!export.to_string().contains("4155550102"), "nobody else is in it");

    // The program with the key alone, without configuration and database.
    let key = String::from_utf8(world.gate.command(&["ledger", "key"]).stdout).expect("text");
    let check = |file: &str| {
        world.gate.command_with("none.toml", &["ledger", "verify", "--export", file, "--key", key.trim()])
    };
    let good = check("ada.json");
    assert!(good.status.success() && said(&good).contains("3 entries"), "{}", said(&good));
    let text = std::fs::read_to_string(&file).expect("the file");
    std::fs::write(world.gate.folder().join("forged.json"), text.replace("web form 12", "web form 13"))
        .expect("written");
    std::fs::write(world.gate.folder().join("forged.json"), text.replace("\\\"end\\\"", "\\\"begin\\\""))
        .expect("written");
    assert_eq!(check("forged.json").status.code(), Some(1));

    // Somebody else's program, after the words of the documentation.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/check_export.py");
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/.venv/bin/python");
    let ran = Command::new(python).arg(script).arg(&file).arg(key.trim()).output().expect("python runs");
    assert!(ran.status.success(), "{}", said(&ran));
    assert_eq!(String::from_utf8_lossy(&ran.stdout).trim(), "3");
}

#[test]
fn r28_an_export_is_a_page_to_read_and_print() {
    let world = world();
    let id = person(&world);
    let page = world.gate.command(&["ledger", "export", "--contact", &id, "--format", "html"]);
    assert!(page.status.success(), "{}", said(&page));
    let page = String::from_utf8(page.stdout).expect("text");
    for word in [
        "<!doctype html>",
        "Do-Not-Disturb began: SMS",
        "Do-Not-Disturb ended: SMS",
        "an opt-out word in a reply",
        "web form 12",
        ADA,
        "How this is proven",
        "Ed25519",
    ] {
        assert!(page.contains(word), "{word} is missing:\n{page}");
    }
    assert!(!page.contains("<b>") && !page.contains("<again>"), "what people wrote is escaped");
    let by_api = world.api().get(&format!("/v1/ledger/export?contact={id}&format=html"));
    assert_eq!((by_api.status(), by_api.field("Content-Type")), (200, Some("text/html; charset=utf-8")));
    let by_address =
        world.gate.command(&["ledger", "export", "--address", "(415) 555-0101", "--format", "html"]);
    assert!(said(&by_address).contains("Do-Not-Disturb ended: SMS"), "{}", said(&by_address));
}

#[test]
fn r5_after_an_erasure_the_export_says_so_and_the_chain_is_whole() {
    let world = world();
    let id = person(&world);
    assert_eq!(world.api().delete(&format!("/contacts/{id}")).status(), 200);
    let export = world.api().get(&format!("/v1/ledger/export?contact={id}"));
    assert_eq!(export.status(), 200, "{}", export.text());
    let text = export.text();
    assert!(export.json()["erased"].is_string(), "{text}");
    for word in ["4155550101", "Ada", "I agree"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let page = world.gate.command(&["ledger", "export", "--contact", &id, "--format", "html"]);
    assert!(said(&page).contains("was erased for privacy on"), "{}", said(&page));
    let verified = world.gate.command(&["ledger", "verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
    let evidence = std::fs::read(world.gate.folder().join("dndgate.db")).expect("the database");
    assert!(!evidence.windows(7).any(|bytes| bytes == b"I agree"), "nor is it in the file");
}

#[test]
fn r28_an_export_is_for_operators_of_that_tenant() {
    let world = Setup::default()
        .tail("[tenant.acme]\naccounts = [\"AC00000000000000000000000000000001\"]\n[tenant.other]\naccounts = [\"mg.other.com\"]")
        .start();
    let id = world.api().contact(&json!({ "locationId": "acme", "phone": ADA, "dnd": true }));
    let path = format!("/v1/ledger/export?contact={id}");
    let other = world.gate.token(&["--role", "operator", "--tenant", "other"]);
    let acme = world.gate.token(&["--role", "operator", "--tenant", "acme"]);
    let crm = world.gate.token(&["--role", "crm", "--tenant", "acme"]);
    let as_token = |token| Api { gate: &world.gate, token };
    assert_eq!(as_token(&other).get(&path).status(), 404);
    assert_eq!(as_token(&crm).get(&path).status(), 403);
    assert_eq!(as_token(&acme).get(&path).status(), 200);
    assert_eq!(as_token(&acme).get(&format!("{path}&tenant=other")).status(), 403);
    assert_eq!(world.api().get("/v1/ledger/export?tenant=acme").status(), 400);
    assert_eq!(
        world.gate.command(&["ledger", "export", "--contact", &id]).status.code(),
        Some(2),
        "which tenant?"
    );
    assert!(world.gate.command(&["ledger", "export", "--contact", &id, "--tenant", "acme"]).status.success());
    assert_eq!(
        world.gate.command(&["ledger", "export", "--contact", "nobody", "--tenant", "acme"]).status.code(),
        Some(1)
    );
}
