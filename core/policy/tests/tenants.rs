//! Policies of tenants: file by file over the general ones, taken as a whole or not at all.

use dndgate_adapter::{AddressKind, Channel, Channels, Severity, Spoken};
use dndgate_policy::{
    Active, Book, Edit, FailureCode, Limits, Meaning, Policies, PolicyError, Said, SendFacts, SendVerdict,
    reload, tenant_file, watch,
};
use std::{
    borrow::Cow,
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};
use tempfile::TempDir;

/// A small general set: one keyword, and one more for each tenant that is given.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "keywords.lua", &keywords("stop"));
    for (file, text) in files {
        write(dir.path(), file, text);
    }
    dir
}

fn keywords(word: &str) -> String {
    format!("return {{ languages = {{ any = {{ opt_out = {{ \"{word}\" }} }} }} }}")
}

fn write(dir: &Path, file: &str, text: &str) {
    let path = dir.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

fn load(dir: &TempDir) -> Result<Book, PolicyError> {
    Book::load(dir.path(), Limits::default())
}

fn loaded(dir: &TempDir) -> Book {
    load(dir).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(dir: &TempDir) -> String {
    load(dir).expect_err("has to be refused").to_string()
}

fn meaning(policies: &Policies, text: &str) -> Meaning {
    let spoken = Spoken { texts: vec![Cow::Borrowed(text)], provider_meaning: None };
    policies.understand(&Said { channel: Channel::Sms, spoken: &spoken }).meaning
}

fn send(tenant: &str) -> SendFacts<'_> {
    SendFacts {
        tenant,
        provider: "twilio",
        channel: Channel::Sms,
        kind: "message",
        address_kind: AddressKind::Phone,
        address: "+12025550123",
        sender: "",
        tags: &[],
        scheduled: false,
        now: jiff::Timestamp::from_second(1_768_478_400).expect("a time"),
        request_id: "r",
    }
}

const RULE: &str = "return { on_send = function(send) return 'closed for ' .. send.tenant end }";

#[test]
fn a_tenants_files_take_the_place_of_the_general_ones_one_by_one() {
    let dir = folder(&[
        ("tenants/acme/keywords.lua", &keywords("halt")),
        ("tenants/acme/sends.lua", RULE),
        (
            "tenants/zeta/error_codes.lua",
            "return { twilio = { ['7'] = { effect = 'permanent', reason = 'carrier' } } }",
        ),
        ("tenants/beta/tests/own.lua", "return { { text = 'stop', meaning = 'opt_out' } }"),
    ]);
    let book = loaded(&dir);
    let (general, acme, zeta) = (book.general(), book.of("acme"), book.of("zeta"));
    assert_eq!((meaning(acme, "halt"), meaning(acme, "stop")), (Meaning::OptOut, Meaning::None));
    for others in [general, zeta, book.of("beta"), book.of("nobody")] {
        assert_eq!((meaning(others, "halt"), meaning(others, "stop")), (Meaning::None, Meaning::OptOut));
        assert_eq!(others.on_send(&send("zeta")), SendVerdict::Allow);
    }
    let block =
        |rule: &str| SendVerdict::Block { reason: "closed for acme".into(), rule: rule.into(), fault: false };
    assert_eq!(acme.on_send(&send("acme")), block("tenants/acme/sends.lua"), "records say whose rule it is");
    let code = |policies: &Policies| {
        let failure = FailureCode {
            provider: "twilio",
            channel: Channel::Sms,
            code: "7",
            severity: Severity::Unsaid,
            message: "",
        };
        policies.code(&failure).known
    };
    assert_eq!([general, acme, zeta].map(|set| code(set)), [false, false, true]);
    assert!(book.has_send_rule() && acme.has_send_rule() && !zeta.has_send_rule());
    assert_eq!(book.own_files().map(|(tenant, _)| tenant).collect::<Vec<_>>(), ["acme", "beta", "zeta"]);
    assert!(book.is_own("acme", "sends.lua") && !book.is_own("zeta", "sends.lua"));
    assert_eq!(acme.source("unsubscribe.lua"), general.source("unsubscribe.lua"));
    // Who has nothing of its own has the very set that is everybody's.
    assert!(Arc::ptr_eq(general, book.of("nobody")));
}

#[test]
fn what_is_wrong_with_one_tenant_changes_nothing_for_anybody() {
    let dir = folder(&[("tenants/acme/keywords.lua", &keywords("halt"))]);
    let active = Active::new(loaded(&dir));
    let before = active.current();
    for (file, text, told) in [
        ("tenants/acme/sends.lua", "return {\n  on_sned = 1,\n}", "tenants/acme/sends.lua:2"),
        ("tenants/acme/sends.lua", "return {", "tenants/acme/sends.lua"),
        (
            "tenants/zeta/tests/own.lua",
            "return {\n  { text = 'hello', meaning = 'opt_out' },\n}",
            "tenants/zeta/tests/own.lua:2",
        ),
        ("tenants/zeta/keywords.lua", "while true do end", "tenants/zeta/keywords.lua"),
        ("tests/own.lua", "return { { text = 'halt', meaning = 'opt_out' } }", "tests/own.lua:1"),
    ] {
        write(dir.path(), file, text);
        let error = reload(dir.path(), Limits::default(), &active).expect_err(file).to_string();
        assert!(error.starts_with(told), "{error}");
        assert!(Arc::ptr_eq(&before, &active.current()), "{file}");
        fs::remove_file(dir.path().join(file)).expect("removed");
    }
    reload(dir.path(), Limits::default(), &active).expect("good again");
    assert!(!Arc::ptr_eq(&before, &active.current()));
}

#[test]
fn general_cases_are_of_the_general_policies_unless_they_hold_for_every_tenant() {
    let dir = folder(&[
        (
            "tests/general.lua",
            "return { { text = 'stop', meaning = 'opt_out' }, { text = 'halt', meaning = 'none' } }",
        ),
        ("tenants/acme/keywords.lua", &keywords("halt")),
        (
            "tenants/acme/tests/own.lua",
            "return { { text = 'halt', meaning = 'opt_out' }, { text = 'stop', meaning = 'none' } }",
        ),
    ]);
    let book = loaded(&dir);
    assert_eq!((book.cases(), book.general().cases(), book.of("acme").cases()), (4, 2, 2));
    write(
        dir.path(),
        "tests/every.lua",
        "return {\n  { text = 'oh', meaning = 'none' },\n  { text = 'stop', meaning = 'opt_out', tenants = 'all' },\n}",
    );
    let error = refused(&dir);
    assert_eq!(
        error,
        "tests/every.lua:3: for the tenant acme: \"stop\" on SMS has to mean opt_out, but means none"
    );
    write(
        dir.path(),
        "tests/every.lua",
        "return { { text = 'stop', meaning = 'opt_out', tenants = 'acme' } }",
    );
    assert!(
        refused(&dir).contains("it can be all") || refused(&dir).contains("did you mean"),
        "{}",
        refused(&dir)
    );
    // A case that a file carries itself goes with the file.
    write(dir.path(), "tests/every.lua", "return {}");
    let carried = "return { cases = { { send = { tenant = 'acme' }, verdict = 'block' } }, on_send = function(s) return s.tenant ~= 'acme' end }";
    write(dir.path(), "tenants/acme/sends.lua", carried);
    assert_eq!(loaded(&dir).of("acme").cases(), 3);
    assert_eq!(loaded(&dir).general().cases(), 2);
}

#[test]
fn a_tenant_cannot_do_away_with_stop_under_the_shipped_cases() {
    let edit = |file: &str, text: &str| Edit { file: tenant_file("acme", file), text: Some(text.into()) };
    let refused = Book::load_with(None, &[edit("keywords.lua", &keywords("halt"))], Limits::default(), None);
    let error = refused.expect_err("STOP has to mean opt_out").to_string();
    assert!(error.starts_with("tests/every_tenant.lua:") && error.contains("for the tenant acme"), "{error}");
    let rule = Book::load_with(None, &[edit("sends.lua", RULE)], Limits::default(), None);
    assert!(rule.is_ok(), "{rule:?}");
}

#[test]
fn edits_are_judged_before_they_are_written() {
    let dir = folder(&[("tenants/acme/keywords.lua", &keywords("halt"))]);
    let with = |file: &str, text: Option<&str>| {
        let edit = Edit { file: file.into(), text: text.map(str::to_owned) };
        Book::load_with(Some(dir.path()), &[edit], Limits::default(), None)
    };
    let book = with("tenants/zeta/keywords.lua", Some(&keywords("whoa"))).expect("loads");
    assert_eq!(meaning(book.of("zeta"), "whoa"), Meaning::OptOut);
    let book = with("tenants/acme/keywords.lua", None).expect("loads");
    assert_eq!(meaning(book.of("acme"), "halt"), Meaning::None, "the general one is in force again");
    assert!(!book.is_own("acme", "keywords.lua") && book.own_files().count() == 0);
    let book = with("keywords.lua", None).expect("loads");
    assert_eq!(meaning(book.general(), "unsubscribe"), Meaning::OptOut, "the shipped one is in force again");
    for file in [
        "tenants/../keywords.lua",
        "tenants/.a/sends.lua",
        "tenants/a/b/sends.lua",
        "tenants/sends.lua",
        "tenants//sends.lua",
        "tenants/a/passwd",
        "tenants/a\\b/sends.lua",
    ] {
        let error = with(file, Some("return {}")).expect_err(file).to_string();
        assert!(error.contains("there is no policy file"), "{error}");
    }
    assert!(!dir.path().join("tenants/zeta").exists(), "nothing was written");
}

#[test]
fn what_nobody_reads_is_told() {
    let dir = folder(&[
        ("keyword.lua", "return {}"),
        ("notes.txt", ""),
        ("tests/my case.lua", "return {}"),
        ("tenants/README.md", "x"),
        ("tenants/acme/send.lua", "return {}"),
        ("tenants/acme/sends.lua", "return {}"),
        ("tenants/ghost/sends.lua", "return {}"),
        ("tenants/void/notes.txt", ""),
        ("tenants/.hidden/sends.lua", "return {"),
    ]);
    let notes = loaded(&dir).notes(|tenant| tenant == "acme");
    let told = |part: &str| notes.iter().filter(|note| note.contains(part)).count();
    assert_eq!(
        told(
            "keyword.lua is passed over: there is no policy file \"keyword.lua\" here; did you mean \"keywords.lua\"?"
        ),
        1,
        "{notes:#?}"
    );
    assert_eq!(told("tests/my case.lua is passed over"), 1, "{notes:#?}");
    assert_eq!(told("tenants/acme/send.lua is passed over"), 1, "{notes:#?}");
    assert_eq!(told("tenants/ghost is for a tenant that the configuration does not have"), 1, "{notes:#?}");
    assert_eq!(told("tenants/void holds no policy file"), 1, "{notes:#?}");
    assert_eq!(told("tenants/README.md is passed over"), 1, "{notes:#?}");
    assert_eq!(notes.len(), 6, "{notes:#?}");
}

#[test]
fn scopes_of_an_unsubscribe_differ_where_a_tenant_says_so() {
    let shipped = Policies::embedded();
    let text = shipped.source("unsubscribe.lua").expect("there");
    let own = text.replacen("scope = \"all\"", "scope = { \"Email\" }", 1);
    assert_ne!(own, text);
    let same = format!("{text}\n-- the same");
    let dir = folder(&[("tenants/acme/unsubscribe.lua", &own), ("tenants/zeta/unsubscribe.lua", &same)]);
    let book = loaded(&dir);
    let scopes = book.unsubscribe_scopes();
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), [("acme".to_owned(), Channels::of(Channel::Email))]);
}

#[test]
fn a_change_in_a_tenants_folder_is_seen() {
    let dir = folder(&[]);
    let active = Arc::new(Active::new(loaded(&dir)));
    let (reported, reports) = mpsc::channel();
    let report = move |outcome: &Result<(), PolicyError>| {
        let _ = reported.send(outcome.is_ok());
    };
    let watcher =
        watch(dir.path().to_owned(), Limits::default(), Arc::clone(&active), report).expect("watched");
    let patience = Duration::from_secs(20);
    // A folder that was not there when watching began.
    write(dir.path(), "tenants/acme/keywords.lua", &keywords("halt"));
    while meaning(active.current().of("acme"), "halt") != Meaning::OptOut {
        reports.recv_timeout(patience).expect("a report");
    }
    write(dir.path(), "tenants/acme/keywords.lua", "return {");
    while reports.recv_timeout(patience).expect("a report") {}
    assert_eq!(meaning(active.current().of("acme"), "halt"), Meaning::OptOut, "the running ones stay");
    drop(watcher);
}
