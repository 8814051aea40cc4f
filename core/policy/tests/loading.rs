//! Loading, refusing and replacing policy files.

use dndgate_adapter::{AddressKind, Channel, Channels, Severity, Spoken};
use dndgate_policy::{
    Active, Book, Effect, FailureCode, Limits, Meaning, Policies, PolicyError, Said, SendFacts, SendVerdict,
    Understood, reload, watch,
};
use std::{
    borrow::Cow,
    fs,
    sync::{Arc, mpsc},
    time::Duration,
};

fn replaced(file: &str, text: &str) -> Result<Policies, PolicyError> {
    Policies::load_with(None, &[(file.to_owned(), text.to_owned())], Limits::default())
}

fn error(file: &str, text: &str) -> String {
    replaced(file, text).expect_err("has to be refused").to_string()
}

fn understand(policies: &Policies, channel: Channel, text: &str) -> Understood {
    let spoken = Spoken { texts: vec![Cow::Borrowed(text)], provider_meaning: None };
    policies.understand(&Said { channel, spoken: &spoken })
}

/// A small keyword file with a changed head.
fn keywords(head: &str) -> Policies {
    let text = format!(
        "return {{ {head} languages = {{ any = {{ opt_out = {{ 'stop' }}, opt_in = {{ 'start' }} }}, en = {{ short_hints = {{ 'stop' }} }}, zh = {{ opt_out_local = {{ 't' }} }} }} }}"
    );
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("keywords.lua"), text).expect("written");
    Policies::load(dir.path(), Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn errors_name_file_line_and_key() {
    let syntax = error("sends.lua", "return {\n  on_send = function(send)\n    if x then\n  end,\n}");
    assert!(syntax.starts_with("sends.lua:"), "{syntax}");
    let comma = error("error_codes.lua", "return {\n  twilio = {}\n  mailgun = {},\n}");
    assert!(comma.starts_with("error_codes.lua:3: ") && comma.contains("comma is missing"), "{comma}");
    let key = error("unsubscribe.lua", "return {\n  -- the scope\n  scop = \"all\",\n  texts = {},\n}");
    assert_eq!(key, "unsubscribe.lua:3: scop: there is no key \"scop\" here; did you mean \"scope\"?");
    let value = error(
        "error_codes.lua",
        "return {\n  twilio = {\n    [\"1\"] = { effect = \"none\" },\n    [\"2\"] = { effect = \"permament\", reason = \"carrier\" },\n  },\n}",
    );
    assert_eq!(
        value,
        "error_codes.lua:4: twilio.2.effect: there is no value \"permament\" here; did you mean \"permanent\"?"
    );
    let kind = error("keywords.lua", "return { languages = { en = { opt_out = { \"stop\", 5 } } } }");
    assert!(kind.contains("languages.en.opt_out[2]: this has to be a text in quotes"), "{kind}");
    let runtime = error("sends.lua", "local x = nil\nreturn { on_send = x.y }");
    assert!(runtime.starts_with("sends.lua:2: "), "{runtime}");
    let class = error(
        "keywords.lua",
        "return { languages = { en = { words = { cease = { \"stop\" } },\n requests = {\n \"cese\" } } } }",
    );
    assert!(
        class.starts_with("keywords.lua:3: languages.en.requests[1]: ")
            && class.contains("did you mean \"cease\""),
        "{class}"
    );
    let name = error("keyword.lua", "return {}");
    assert!(name.contains("there is no policy file \"keyword.lua\""), "{name}");
    assert!(error("tests/../x.lua", "return {}").contains("no policy file"));
}

#[test]
fn failed_cases_name_their_line() {
    let cases = "return {\n  { text = \"STOP\", meaning = \"opt_out\" },\n\n  { text = \"hello there\", meaning = \"opt_out\" },\n  { provider = \"twilio\", channel = \"SMS\", code = \"30003\", effect = \"permanent\" },\n  { send = { channel = \"SMS\" }, verdict = \"block\" },\n}";
    let failed = error("tests/own.lua", cases);
    let lines: Vec<&str> = failed.lines().collect();
    assert_eq!(lines[0], "tests/own.lua:4: \"hello there\" on SMS has to mean opt_out, but means none");
    assert_eq!(lines[1], "tests/own.lua:5: twilio 30003 on SMS has to be permanent, but is temporary");
    assert!(lines[2].starts_with("tests/own.lua") && lines[2].contains("has to be blocked"), "{failed}");
    let bad = error("tests/own.lua", "return { { text = \"STOP\", meaning = \"optout\" } }");
    assert!(bad.contains("did you mean \"opt_out\""), "{bad}");
    // Cases may stand in the file itself.
    let own = error("sends.lua", "return { cases = { { send = {}, verdict = \"block\" } } }");
    assert!(own.contains("has to be blocked"), "{own}");
}

#[test]
fn a_folder_falls_back_to_what_ships() {
    let dir = tempfile::tempdir().expect("a folder");
    let policies = Policies::load(dir.path(), Limits::default()).expect("an empty folder");
    assert_eq!(understand(&policies, Channel::Sms, "STOP").meaning, Meaning::OptOut);
    assert!(policies.source("keywords.lua").is_some_and(|text| text.contains("languages")));
    assert!(policies.source("other.lua").is_none());
    assert!(!policies.has_send_rule());
    let (tag, texts) = policies.unsubscribe().texts_for("xx, de-CH;q=0.8, fr;q=0.5", Some("es"));
    assert_eq!((tag, texts.title.as_str()), ("de", "Abmelden"));
    assert_eq!(policies.unsubscribe().texts_for("", None).0, "en");
    assert_eq!(policies.unsubscribe().texts_for("xx", Some("es-MX")).0, "es");
    assert_eq!(policies.unsubscribe().channels(Channel::Email), Channels::ALL);
    assert!(matches!(
        Policies::load(&dir.path().join("absent"), Limits::default()),
        Err(PolicyError::Read { .. })
    ));
}

#[test]
fn a_file_of_a_few_words_is_enough() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(
        dir.path().join("keywords.lua"),
        "return { languages = { any = { opt_out = { 'stop', 'basta' } } } }",
    )
    .expect("written");
    let policies = Policies::load(dir.path(), Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let meaning = |text: &str| understand(&policies, Channel::Sms, text).meaning;
    assert_eq!(meaning("Basta!"), Meaning::OptOut);
    for text in ["please stop texting me", "see you at five", "thingamajigs", "别发了", "", "🛑"] {
        meaning(text);
    }
    assert_eq!(meaning("see you at five"), Meaning::None);
}

#[test]
fn scope_doubt_and_languages_are_the_operators() {
    let policies = keywords(
        "scope = { SMS = { 'Call' } }, on_doubt = 'block', speaks = { 'en', 'zh' }, channels = { Email = { without = { 'stop' }, opt_out = { 'remove' } } },",
    );
    let stop = understand(&policies, Channel::Sms, "Stop");
    assert_eq!(stop.channels, Channels::of(Channel::Sms).with(Channel::Call.into()));
    assert!(!stop.all_channels);
    assert_eq!(understand(&policies, Channel::WhatsApp, "stop").channels, Channel::WhatsApp.into());
    assert_eq!(
        understand(&policies, Channel::Email, "stop").meaning,
        Meaning::OptOut,
        "in doubt, and doubt blocks"
    );
    assert_eq!(understand(&policies, Channel::Email, "remove").meaning, Meaning::OptOut);
    assert_eq!(understand(&policies, Channel::Sms, "remove").meaning, Meaning::None);
    assert_eq!(understand(&policies, Channel::Sms, "T").meaning, Meaning::OptOut, "Chinese is spoken here");
    let all = keywords("scope = 'all',");
    assert!(understand(&all, Channel::Sms, "stop").all_channels);
    assert_eq!(understand(&all, Channel::Sms, "start").channels, Channel::Sms.into());
    assert_eq!(understand(&all, Channel::Sms, "T").meaning, Meaning::None);
}

#[test]
fn the_providers_reading_counts_but_not_for_an_opt_in_in_other_words() {
    let policies = Policies::embedded();
    let said = |texts: &[&'static str], provider_meaning| {
        let spoken =
            Spoken { texts: texts.iter().map(|text| Cow::Borrowed(*text)).collect(), provider_meaning };
        policies.understand(&Said { channel: Channel::Sms, spoken: &spoken }).meaning
    };
    assert_eq!(said(&["ENOUGH OF IT"], Some("opt_out")), Meaning::OptOut);
    assert_eq!(said(&["YES"], Some("opt_in")), Meaning::Review);
    assert_eq!(said(&["START"], Some("opt_in")), Meaning::OptIn);
    assert_eq!(said(&["STOP"], Some("opt_in")), Meaning::OptOut);
    assert_eq!(said(&[], Some("opt_in")), Meaning::OptIn);
    assert_eq!(said(&["what is this"], Some("help")), Meaning::Help);
    assert_eq!(said(&["hello", "STOP"], None), Meaning::OptOut, "a button's payload");
    assert_eq!(said(&["START", "STOP"], None), Meaning::OptOut);
}

#[test]
fn functions_have_the_last_word() {
    let shipped = Policies::embedded();
    let source = shipped.source("keywords.lua").expect("there").to_owned();
    let with = |function: &str| {
        let text = source.replacen("return {", &format!("return {{ classify = {function},"), 1);
        replaced("keywords.lua", &text).unwrap_or_else(|error| panic!("{error}"))
    };
    let yes = with("function(m) if m.text == 'join us' and m.channel == 'SMS' then return 'opt_in' end end");
    assert_eq!(understand(&yes, Channel::Sms, "join us").meaning, Meaning::OptIn);
    assert_eq!(understand(&yes, Channel::Email, "join us").meaning, Meaning::None);
    assert_eq!(understand(&yes, Channel::Sms, "STOP").meaning, Meaning::OptOut);
    let both = with(
        "function(m) if m.text == 'byebye' then return { meaning = 'opt_out', rule = 'bye', channels = { 'Call' } } end end",
    );
    let found = understand(&both, Channel::Sms, "byebye");
    assert_eq!(
        (found.rule.as_str(), found.channels),
        ("classify: bye", Channels::of(Channel::Sms).with(Channel::Call.into()))
    );
    let broken = with("function(m) if m.text == 'make it crash' then error('oh') end end");
    assert_eq!(understand(&broken, Channel::Sms, "make it crash").meaning, Meaning::Review);

    let dir = tempfile::tempdir().expect("a folder");
    let unknown = "return { unknown = function(f) if f.code == '777' then return { effect = 'temporary', reason = 'carrier', message = f.message } end error('oh') end }";
    fs::write(dir.path().join("error_codes.lua"), unknown).expect("written");
    let codes = Policies::load(dir.path(), Limits::default()).unwrap_or_else(|error| panic!("{error}"));
    let failure = FailureCode {
        provider: "twilio",
        channel: Channel::Sms,
        code: "777",
        severity: Severity::Unsaid,
        message: "odd",
    };
    let effect = codes.code(&failure);
    assert_eq!((effect.known, effect.effect, effect.message.as_str()), (true, Effect::Temporary, "odd"));
    let effect = codes.code(&FailureCode { code: "778", ..failure });
    assert_eq!((effect.known, effect.effect), (false, Effect::None));
}

#[test]
fn r19_codes_may_expire_and_take_several_failures() {
    let dir = tempfile::tempdir().expect("a folder");
    let text = r#"return {
      defaults = { expires = "60d" },
      twilio = {
        defaults = { threshold = { failures = 3, within = "14d" } },
        ["30003"] = { effect = "temporary", reason = "carrier" },
        ["30005"] = { effect = "temporary", reason = "carrier", expires = "12h", threshold = false },
        ["30006"] = { effect = "temporary", reason = "carrier", expires = false },
        ["30004"] = { effect = "permanent", reason = "carrier" },
        ["21610"] = { effect = "permanent", reason = "provider_opt_out" },
        ["63014"] = { effect = "temporary", reason = "provider_opt_out" },
        ["30007"] = { effect = "none" },
      },
      odd = { defaults = { effect = "temporary", reason = "carrier" } },
      unknown = function(f) return { effect = "temporary", reason = "bounce" } end,
      cases = {
        { provider = "twilio", channel = "SMS", code = "30003", effect = "temporary", expires = "60d", threshold = { failures = 3, within = "2w" } },
        { provider = "twilio", channel = "SMS", code = "30005", effect = "temporary", expires = "12h", threshold = false },
        { provider = "twilio", channel = "SMS", code = "30006", effect = "temporary", expires = false },
        { provider = "twilio", channel = "SMS", code = { "30004", "21610" }, effect = "permanent", expires = false, threshold = false },
        { provider = "twilio", channel = "WhatsApp", code = "63014", effect = "temporary", expires = false, threshold = false },
        { provider = "odd", channel = "SMS", code = "defaults", effect = "temporary", expires = "60d" },
        { provider = "twilio", channel = "SMS", code = "1", effect = "temporary", expires = "60d", threshold = { failures = 3, within = "14d" } },
        { provider = "other", channel = "SMS", code = "1", effect = "temporary", expires = "60d", threshold = false },
      },
    }"#;
    fs::write(dir.path().join("error_codes.lua"), text).expect("written");
    Policies::load(dir.path(), Limits::default()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn r19_terms_that_make_no_sense_are_refused_in_words() {
    let with =
        |entry: &str| error("error_codes.lua", &format!("return {{ twilio = {{ ['1'] = {entry} }} }}"));
    for (entry, says) in [
        ("{ effect = 'temporary', reason = 'carrier', expires = '30' }", "such as \"30d\""),
        ("{ effect = 'temporary', reason = 'carrier', expires = '99999d' }", "at the most \"3660d\""),
        (
            "{ effect = 'permanent', reason = 'carrier', expires = '30d' }",
            "what is permanent does not expire",
        ),
        (
            "{ effect = 'temporary', reason = 'provider_opt_out', expires = '30d' }",
            "counts at once and does not expire",
        ),
        (
            "{ effect = 'permanent', reason = 'complaint', threshold = { failures = 2, within = '1d' } }",
            "counts at once",
        ),
        ("{ effect = 'none', expires = '30d' }", "for codes that block"),
        (
            "{ effect = 'temporary', reason = 'carrier', threshold = { failures = 3 } }",
            "\"within\" is missing",
        ),
        (
            "{ effect = 'temporary', reason = 'carrier', threshold = { failures = 0, within = '1d' } }",
            "0 failures",
        ),
        (
            "{ effect = 'temporary', reason = 'carrier', threshold = { failures = 3, withn = '1d' } }",
            "did you mean \"within\"",
        ),
    ] {
        let said = with(entry);
        assert!(said.contains(says), "{entry}: {said}");
    }
    let case = "return { twilio = { ['1'] = { effect = 'temporary', reason = 'carrier', expires = '30d' } }, cases = {
        { provider = 'twilio', channel = 'SMS', code = '1', effect = 'temporary', expires = '20d' } } }";
    let said = error("error_codes.lua", case);
    assert!(said.contains("it expires after 30d"), "{said}");
}

#[test]
fn send_rules_see_the_send_and_block_with_a_reason() {
    let rule = r#"return { on_send = function(send)
        local there = clock.at(send.now, "America/New_York")
        if there.hour < 8 or there.hour >= 21 then return { block = true, reason = "quiet hours", rule = "quiet" } end
        if send.tags[1] == "marketing" then return "no marketing" end
        if send.kind == "odd" then return 5 end
        if send.kind == "no" then return false end
        return "allow"
    end,
    cases = {
        { send = { now = "2026-03-02T17:00:00Z" }, verdict = "allow" },
        { send = { now = "2026-03-02T03:00:00Z" }, verdict = "block", reason = "quiet" },
    } }"#;
    let policies = replaced("sends.lua", rule).unwrap_or_else(|error| panic!("{error}"));
    let tags = [Cow::Borrowed("marketing")];
    let facts = SendFacts {
        tenant: "acme",
        provider: "twilio",
        channel: Channel::Sms,
        kind: "message",
        address_kind: AddressKind::Phone,
        address: "+12025550123",
        sender: "",
        tags: &[],
        scheduled: false,
        now: "2026-03-02T17:00:00Z".parse().expect("a time"),
        request_id: "r",
    };
    assert_eq!(policies.on_send(&facts), SendVerdict::Allow);
    let night = SendFacts { now: "2026-03-02T03:00:00Z".parse().expect("a time"), ..facts };
    let block = |reason: &str, rule: &str| SendVerdict::Block {
        reason: reason.into(),
        rule: rule.into(),
        fault: false,
    };
    assert_eq!(policies.on_send(&night), block("quiet hours", "sends.lua: quiet"));
    assert_eq!(policies.on_send(&SendFacts { tags: &tags, ..facts }), block("no marketing", "sends.lua"));
    assert_eq!(
        policies.on_send(&SendFacts { kind: "no", ..facts }),
        block("blocked by a send rule", "sends.lua")
    );
    let odd = policies.on_send(&SendFacts { kind: "odd", ..facts });
    assert!(
        matches!(&odd, SendVerdict::Block { fault: true, reason, .. } if reason.contains("on_send has to answer")),
        "{odd:?}"
    );
}

#[test]
fn a_bad_change_keeps_the_old_policy_and_a_good_one_is_taken() {
    let dir = tempfile::tempdir().expect("a folder");
    let active = Arc::new(Active::new(Book::load(dir.path(), Limits::default()).expect("loads")));
    let held = active.current();
    fs::write(dir.path().join("sends.lua"), "return {").expect("written");
    assert!(reload(dir.path(), Limits::default(), &active).is_err());
    assert!(Arc::ptr_eq(&held, &active.current()));

    let (reported, reports) = mpsc::channel();
    let report = move |outcome: &Result<(), PolicyError>| {
        let _ = reported.send(outcome.is_ok());
    };
    let watcher =
        watch(dir.path().to_owned(), Limits::default(), Arc::clone(&active), report).expect("watched");
    fs::write(dir.path().join("sends.lua"), "return { on_send = function() end }").expect("written");
    let patience = Duration::from_secs(20);
    while !reports.recv_timeout(patience).expect("a report") {}
    assert!(active.current().general().has_send_rule());
    assert!(!held.general().has_send_rule(), "whoever holds the old one keeps it");
    fs::write(dir.path().join("sends.lua"), "return { on_sent = 1 }").expect("written");
    while reports.recv_timeout(patience).expect("a report") {}
    assert!(active.current().general().has_send_rule());
    drop(watcher);
}

#[test]
fn a_confirmation_is_short_and_holds_no_link() {
    let with = |text: &str| {
        format!("return {{ languages = {{}}, confirmation = {{ texts = {{\n en = \"{text}\" }} }} }}")
    };
    for text in ["See https://x.example", "www.x.example", "", &"x".repeat(307)] {
        let said = error("keywords.lua", &with(text));
        assert!(said.starts_with("keywords.lua:2: ") && said.contains("confirmation"), "{said}");
    }
    let none = error("keywords.lua", "return { languages = {}, confirmation = { texts = { de = \"x\" } } }");
    assert!(none.contains("no text for the default language \"en\""), "{none}");
    let shipped = Policies::embedded();
    assert!(shipped.confirmation(Some("de-AT")).is_some_and(|text| text.starts_with("Sie sind abgemeldet")));
    assert_eq!(shipped.confirmation(Some("xx")), shipped.confirmation(None));
}
