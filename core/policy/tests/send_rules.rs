//! Send rules as data and as functions: quiet hours, frequency caps, holidays, kinds of sends.

use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::Counters;
use dndgate_policy::{
    ContactFacts, Judgement, Limits, Looking, MemoryCounters, Policies, PolicyError, SendFacts, SendVerdict,
};
use proptest::prelude::*;
use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
    thread,
};

fn try_load(sends: &str) -> Result<Policies, PolicyError> {
    Policies::load_with(None, &[("sends.lua".into(), sends.into())], Limits::default())
}

fn load(sends: &str) -> Policies {
    try_load(sends).unwrap_or_else(|error| panic!("{error}"))
}

/// 12 o'clock in New York, on a Monday.
const NOON: &str = "2026-03-02T17:00:00Z";

fn facts<'a>(address: &'a str, now: &str) -> SendFacts<'a> {
    SendFacts {
        tenant: "acme",
        provider: "twilio",
        channel: Channel::Sms,
        kind: "message",
        address_kind: if address.contains('@') { AddressKind::Email } else { AddressKind::Phone },
        address,
        sender: "+12025550100",
        tags: &[],
        scheduled: false,
        now: now.parse().expect("a time"),
        request_id: "r",
    }
}

fn reason(verdict: &SendVerdict) -> &str {
    match verdict {
        SendVerdict::Allow => "",
        SendVerdict::Block { reason, .. } => reason,
    }
}

/// The same rule as data and as a function.
fn both(kind: &str, rule: &str) -> [Policies; 2] {
    [
        load(&format!("return {{ rules = {{ {kind} = {rule} }} }}")),
        load(&format!(
            "return {{ needs = {{ 'contact' }}, on_send = function(send) return rules.{kind}({rule}) end }}"
        )),
    ]
}

#[test]
fn quiet_hours_are_those_of_the_recipient() {
    for policies in both("quiet_hours", "{}") {
        for (number, now, allowed) in [
            ("+12125550100", "2026-03-02T13:00:00Z", true),
            ("+12125550100", "2026-03-02T12:59:59Z", false),
            ("+12125550100", "2026-03-03T01:59:59Z", true),
            ("+12125550100", "2026-03-03T02:00:00Z", false),
            ("+14155550100", "2026-03-02T13:00:00Z", false),
            ("+4915112345678", "2026-03-02T07:00:00Z", true),
            ("+4915112345678", "2026-07-02T06:00:00Z", true),
            ("+4915112345678", "2026-07-02T19:00:00Z", false),
        ] {
            let verdict = policies.on_send(&facts(number, now));
            assert_eq!(verdict == SendVerdict::Allow, allowed, "{number} {now}: {verdict:?}");
        }
        let night = policies.on_send(&facts("+12125550100", "2026-03-02T12:59:59Z"));
        assert_eq!(
            night,
            SendVerdict::Block {
                reason:
                    "quiet hours: it is 7:59 for the recipient (America/New_York); sends go out 8:00 to 21:00"
                        .into(),
                rule: "sends.lua: quiet_hours".into(),
                fault: false,
            }
        );
        let mail = SendFacts { channel: Channel::Email, ..facts("ann@example.com", "2026-03-02T03:00:00Z") };
        assert_eq!(policies.on_send(&mail), SendVerdict::Allow, "mail waits in its box");
    }
}

#[test]
fn of_several_zones_every_one_counts_or_any() {
    // Half of the numbers of Indiana's 219 are on Chicago's time, half on New York's; Russia's mobiles are anywhere.
    let moscow_noon = "2026-03-02T09:00:00Z";
    for (zones, allowed) in [("every", false), ("any", true)] {
        for policies in both("quiet_hours", &format!("{{ zones = '{zones}' }}")) {
            let verdict = policies.on_send(&facts("+79161234567", moscow_noon));
            assert_eq!(verdict == SendVerdict::Allow, allowed, "{verdict:?}");
            let everywhere_night = policies.on_send(&facts("+12125550100", "2026-03-02T05:00:00Z"));
            assert!(reason(&everywhere_night).starts_with("quiet hours"));
        }
    }
}

#[test]
fn where_nothing_tells_the_hour_the_send_is_refused() {
    for policies in both("quiet_hours", "{ channels = 'all' }") {
        let mail = SendFacts { channel: Channel::Email, ..facts("ann@example.com", NOON) };
        assert!(reason(&policies.on_send(&mail)).contains("nothing tells the recipient's time zone"));
        let later = SendFacts { scheduled: true, ..facts("+12125550100", NOON) };
        assert!(reason(&policies.on_send(&later)).contains("leaves later"));
    }
    for policies in
        both("quiet_hours", "{ channels = 'all', fallback = { 'Europe/Berlin' }, scheduled = 'allow' }")
    {
        let mail = |now| SendFacts { channel: Channel::Email, ..facts("ann@example.com", now) };
        assert_eq!(policies.on_send(&mail("2026-03-02T12:00:00Z")), SendVerdict::Allow);
        assert!(reason(&policies.on_send(&mail("2026-03-02T22:00:00Z"))).contains("Europe/Berlin"));
        let later = SendFacts { scheduled: true, ..facts("+12125550100", "2026-03-02T05:00:00Z") };
        assert_eq!(policies.on_send(&later), SendVerdict::Allow);
    }
}

#[test]
fn days_have_hours_of_their_own() {
    for policies in
        both("quiet_hours", "{ allowed = { '10-13, 14-20', saturday = '10-12', sunday = 'none' } }")
    {
        let allowed = |now: &str| policies.on_send(&facts("+33612345678", now)) == SendVerdict::Allow;
        assert!(allowed("2026-03-02T09:00:00Z") && !allowed("2026-03-02T12:30:00Z"), "a Monday, in Paris");
        assert!(allowed("2026-03-07T10:00:00Z") && !allowed("2026-03-07T14:00:00Z"), "a Saturday");
        assert!(!allowed("2026-03-08T10:00:00Z"), "a Sunday");
    }
}

#[test]
fn a_contact_tells_its_time_zone_where_the_rule_asks_it() {
    let mut berlin = ContactFacts::default();
    berlin.add(Some("Europe/Berlin"), Some("DE"), ["vip"]);
    let berlin = Arc::new(berlin);
    let judge = |policies: &Policies, number: &str, now: &str| {
        policies.judge_send(&facts(number, now), &mut Judgement::default().knowing(Some(Arc::clone(&berlin))))
    };
    let night_in_new_york = "2026-03-02T08:00:00Z";
    for (by, allowed) in [("address", false), ("contact", true), ("both", false)] {
        for policies in both("quiet_hours", &format!("{{ by = '{by}' }}")) {
            assert_eq!(
                judge(&policies, "+12125550100", night_in_new_york) == SendVerdict::Allow,
                allowed,
                "{by}"
            );
        }
    }
    let asks = |sends: &str| load(sends).needs_contact();
    assert!(asks("return { rules = { quiet_hours = { by = 'contact' } } }"));
    assert!(asks(
        "return { rules = { caps = { limit = 1, per = 'day', except = { contact_tags = 'vip' } } } }"
    ));
    assert!(asks("return { needs = 'contact', on_send = function() end }"));
    assert!(!asks("return { rules = { quiet_hours = {} }, on_send = function() end }"));
    for policies in both("block", "{ contact_tags = 'VIP' }") {
        assert!(reason(&judge(&policies, "+12125550100", NOON)).contains("blocked"));
        assert_eq!(policies.on_send(&facts("+12125550100", NOON)), SendVerdict::Allow, "no contact, no tag");
    }
    let script = load("return { needs = 'contact', on_send = function(send) return { block = true,
        reason = send.contact.timezones[1] .. send.contact.countries[1] .. send.contact.tags[1] .. zones()[1] } end }");
    assert_eq!(reason(&judge(&script, "+12125550100", NOON)), "Europe/BerlinDEvipEurope/Berlin");
}

#[test]
fn a_rule_is_about_what_it_names() {
    let tags = [Cow::Borrowed("Marketing"), Cow::Borrowed("campaign-7")];
    let tagged = SendFacts { tags: &tags, ..facts("+13055550100", NOON) };
    let plain = facts("+13055550100", NOON);
    for (rule, blocks_tagged, blocks_plain) in [
        ("{ tags = { 'marketing' } }", true, false),
        ("{ tags = 'campaign-*' }", true, false),
        ("{ tags = 'marketing', except = { tags = 'campaign-7' } }", false, false),
        ("{ senders = { '+12025550100' } }", true, true),
        ("{ senders = { 'ACME' } }", false, false),
        ("{ kinds = 'message', providers = 'twilio', channels = { 'SMS' } }", true, true),
        ("{ channels = { 'Call' } }", false, false),
        ("{ prefixes = { '+1305', '+1786' } }", true, true),
        ("{ prefixes = '+1212' }", false, false),
        ("{ countries = { 'US', 'CA' } }", true, true),
        ("{ countries = 'DE' }", false, false),
        ("{ except = { countries = 'US' } }", false, false),
    ] {
        for policies in both("block", rule) {
            assert_eq!(policies.on_send(&tagged) != SendVerdict::Allow, blocks_tagged, "{rule} tagged");
            assert_eq!(policies.on_send(&plain) != SendVerdict::Allow, blocks_plain, "{rule} plain");
        }
    }
    let own =
        load("return { rules = { block = { name = 'no ads', reason = 'not by us', tags = 'marketing' } } }");
    let block = SendVerdict::Block {
        reason: "not by us".into(),
        rule: "sends.lua: block: no ads".into(),
        fault: false,
    };
    assert_eq!(own.on_send(&tagged), block);
}

#[test]
fn nothing_goes_out_on_a_holiday_of_the_recipients() {
    for policies in both("holidays", "{ dates = { '2026-11-26', '12-25' }, countries = 'US' }") {
        let allowed = |number: &str, now: &str| policies.on_send(&facts(number, now)) == SendVerdict::Allow;
        assert!(!allowed("+12125550100", "2026-11-26T15:00:00Z"));
        assert!(!allowed("+12125550100", "2026-11-27T02:00:00Z"), "still that day in New York");
        assert!(allowed("+12125550100", "2027-11-26T15:00:00Z"), "another year's");
        assert!(!allowed("+12125550100", "2027-12-25T15:00:00Z"), "every year's");
        assert!(allowed("+4915112345678", "2026-12-25T15:00:00Z"), "another country's");
        // Nobody knows where a mail is read, so that it may be in the country, and the day may be over or to come.
        let mail =
            |now| policies.on_send(&SendFacts { channel: Channel::Email, ..facts("ann@example.com", now) });
        assert!(reason(&mail("2026-12-24T12:00:00Z")).contains("2026-12-25"));
        assert_eq!(mail("2026-12-27T12:00:00Z"), SendVerdict::Allow);
    }
}

#[test]
fn a_cap_counts_what_was_kept_and_nothing_else() {
    for policies in both("caps", "{ limit = 2, per = 'day' }") {
        let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(100));
        let send = |facts: &SendFacts<'_>, keep: bool| {
            let mut judgement = Judgement::new(Arc::clone(&counters));
            let verdict = policies.judge_send(facts, &mut judgement);
            if keep {
                judgement.keep();
            }
            verdict
        };
        let ann = facts("+12125550100", NOON);
        assert_eq!(send(&ann, false), SendVerdict::Allow, "refused later: gives its place back");
        assert_eq!((send(&ann, true), send(&ann, true)), (SendVerdict::Allow, SendVerdict::Allow));
        let full = send(&ann, true);
        assert_eq!(reason(&full), "frequency cap: no more than 2 in day to this recipient");
        assert_eq!(send(&facts("+12125550101", NOON), true), SendVerdict::Allow, "somebody else");
        assert_eq!(
            send(&SendFacts { tenant: "other", ..ann }, true),
            SendVerdict::Allow,
            "tenants share no counts"
        );
        assert_eq!(
            send(&facts("+12125550100", "2026-03-03T17:00:01Z"), true),
            SendVerdict::Allow,
            "a day later"
        );
        // Two channels of one send are one send.
        let mut judgement = Judgement::new(Arc::clone(&counters));
        for channel in [Channel::Call, Channel::WhatsApp, Channel::Sms] {
            let ben = SendFacts { channel, ..facts("+12125550102", NOON) };
            assert_eq!(policies.judge_send(&ben, &mut judgement), SendVerdict::Allow);
        }
        judgement.keep();
        assert_eq!(send(&facts("+12125550102", NOON), true), SendVerdict::Allow);
        assert_ne!(send(&facts("+12125550102", NOON), true), SendVerdict::Allow);
    }
}

#[test]
fn two_spellings_of_a_person_are_one_count() {
    let policies = load("return { rules = { caps = { limit = 1, per = '7d' } } }");
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(100));
    let allowed = |address: &str| {
        let mut judgement = Judgement::new(Arc::clone(&counters));
        let verdict = policies.judge_send(&facts(address, NOON), &mut judgement);
        judgement.keep();
        verdict == SendVerdict::Allow
    };
    assert!(allowed("+525512345678") && !allowed("+5215512345678"));
    assert!(allowed("Ann@Example.com") && !allowed("ann@example.COM"));
}

#[test]
fn counts_of_a_script_and_of_others() {
    let policies = load(
        "return { on_send = function(send)
            if send.kind == 'look' then return { block = true, reason = tostring(sent('ads ' .. send.address, '1d')) } end
            if not cap('ads ' .. send.address, 1, '1d') or not cap('all', 3, 3600) then
                return { block = true, reason = 'enough' }
            end
        end }",
    );
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(100));
    let send = |address: &str, kind: &str| {
        let mut judgement = Judgement::new(Arc::clone(&counters));
        let verdict = policies.judge_send(&SendFacts { kind, ..facts(address, NOON) }, &mut judgement);
        if verdict == SendVerdict::Allow {
            judgement.keep();
        }
        reason(&verdict).to_owned()
    };
    assert_eq!(send("+12125550100", "look"), "0");
    assert_eq!((send("+12125550100", ""), send("+12125550100", "")), (String::new(), "enough".into()));
    assert_eq!(send("+12125550100", "look"), "1");
    assert_eq!((send("+12125550101", ""), send("+12125550102", "")), (String::new(), String::new()));
    assert_eq!(send("+12125550103", ""), "enough", "the tenant's three are out");
    assert_eq!(send("+12125550103", "look"), "0", "and this one's own place was given back");
    let looking: Arc<dyn Counters> = Arc::new(Looking(Arc::clone(&counters)));
    let mut judgement = Judgement::new(looking);
    assert_ne!(policies.judge_send(&facts("+12125550100", NOON), &mut judgement), SendVerdict::Allow);
}

#[test]
fn full_counters_block_and_say_so() {
    let policies = load("return { rules = { caps = { limit = 5, per = 'hour' } } }");
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(2));
    let send = |address: &str, now: &str| {
        let mut judgement = Judgement::new(Arc::clone(&counters));
        let verdict = policies.judge_send(&facts(address, now), &mut judgement);
        judgement.keep();
        verdict
    };
    assert_eq!(send("+12125550100", NOON), SendVerdict::Allow);
    assert_eq!(send("+12125550101", NOON), SendVerdict::Allow);
    assert!(
        matches!(send("+12125550102", NOON), SendVerdict::Block { fault: true, reason, .. } if reason.contains("no room"))
    );
    assert_eq!(send("+12125550100", NOON), SendVerdict::Allow, "who has a count goes on");
    assert_eq!(
        send("+12125550102", "2026-03-02T18:30:00Z"),
        SendVerdict::Allow,
        "those that are over make room"
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_said_with_its_line() {
    for (sends, line, part) in [
        ("return {\n rules = {\n  quiet_hour = {} } }", ":3: ", "did you mean \"quiet_hours\""),
        ("return {\n rules = {\n  quiet_hours = {\n   allowed = \"21-8\" } } }", ":4: ", "hours such as"),
        ("return { rules = { quiet_hours = { fallback = \"Mars\" } } }", "", "no time zone \"Mars\""),
        ("return { rules = { quiet_hours = { zones = \"each\" } } }", "", "every, any"),
        ("return { rules = { caps = { limit = 3 } } }", "", "\"per\" is missing"),
        ("return { rules = { caps = { per = \"day\" } } }", "", "\"limit\" is missing"),
        ("return { rules = { caps = { limit = 3, per = \"2 years\" } } }", "", "400 days"),
        (
            "return { rules = { caps = { limit = 3, per = \"day\", by = \"person\" } } }",
            "",
            "no value \"person\"",
        ),
        ("return { rules = { holidays = { dates = { \"25.12.\" } } } }", "", "a date such as"),
        ("return { rules = { block = { tag = \"x\" } } }", "", "did you mean \"tags\""),
        ("return { rules = { { limit = 3 } } }", "", "under its kind"),
        ("return { needs = { \"weather\" } }", "", "contact"),
    ] {
        let error = try_load(sends).expect_err(sends).to_string();
        assert!(error.contains(line) && error.contains(part), "{sends}: {error}");
    }
    for (body, part) in [
        ("return rules.quiet_hours { allowed = '21-8' }", "rules.quiet_hours: allowed: this has to be hours"),
        ("return cap('x', 1.5, 'day')", "cap: the second value"),
        ("for i = 1, 100 do cap('x' .. i, 1, 'day') end", "at most 32 counts"),
        ("return cap(string.rep('x', 2000), 1, 'day')", "longer than 1024 bytes"),
        ("return cap('x', 1, 'soon')", "cap: the window"),
        ("return within('noon')", "within: the first value"),
    ] {
        let policies = load(&format!("return {{ on_send = function(send)\n {body} end }}"));
        let verdict = policies.on_send(&facts("+12125550100", NOON));
        assert!(
            matches!(&verdict, SendVerdict::Block { fault: true, reason, rule } if reason.contains(part) && rule == "sends.lua:2"),
            "{verdict:?}"
        );
    }
    let early =
        try_load("local x = cap('x', 1, 'day') return {}").expect_err("outside of on_send").to_string();
    assert!(early.contains("within on_send only"), "{early}");
}

#[test]
fn cases_say_what_was_sent_before_and_who_the_contact_is() {
    let with_case = |case: &str| {
        try_load(&format!(
            "return {{ rules = {{ caps = {{ limit = 2, per = 'day' }}, quiet_hours = {{ by = 'contact' }} }},
                cases = {{ {{ send = {{ address = '+12125550100', now = '{NOON}' }}, {case} }} }} }}"
        ))
        .map(drop)
        .map_err(|error| error.to_string())
    };
    assert_eq!(with_case("verdict = 'allow'"), Ok(()));
    assert_eq!(with_case("sent = 1, verdict = 'allow'"), Ok(()));
    assert_eq!(with_case("sent = 2, verdict = 'block', reason = 'frequency cap'"), Ok(()));
    assert_eq!(
        with_case("sent = { '2026-03-01T15:00:00Z', '2026-03-01T18:00:00Z' }, verdict = 'allow'"),
        Ok(())
    );
    assert_eq!(
        with_case("contact = { timezone = 'Asia/Tokyo' }, verdict = 'block', reason = 'Asia/Tokyo'"),
        Ok(())
    );
    assert!(with_case("sent = 2, verdict = 'allow'").is_err_and(|error| error.contains("has to be allowed")));
    assert!(with_case("sent = { 'yesterday' }, verdict = 'allow'").is_err());
}

#[test]
fn the_examples_of_the_page_hold() {
    let page = include_str!("../../../docs/send-rules.md");
    let blocks: Vec<&str> =
        page.split("```lua\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let (cases, files): (Vec<&str>, Vec<&str>) =
        blocks.into_iter().partition(|block| block.contains("verdict"));
    assert_eq!((cases.len(), files.len()), (1, 2));
    for file in &files {
        load(file);
    }
    let both = [("sends.lua".into(), files[0].into()), ("tests/sends.lua".into(), cases[0].into())];
    Policies::load_with(None, &both, Limits::default()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_shipped_rules_can_be_switched_on() {
    let shipped = include_str!("../../../policies/sends.lua");
    assert!(!load(shipped).has_send_rule(), "as shipped there is none");
    let mut switched_on = 0;
    // An example begins behind a line of words, at a line with a key.
    let keys = ["quiet_hours = {", "caps = {", "holidays = {", "block = {", "on_send = function"];
    let lines: Vec<&str> = shipped.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if !keys
            .iter()
            .any(|key| line.trim_start().strip_prefix("-- ").is_some_and(|code| code.starts_with(key)))
        {
            continue;
        }
        let example = lines[at..].iter().take_while(|line| line.trim_start().starts_with("--")).count();
        let uncommented = lines.iter().enumerate().map(|(index, line)| {
            if (at..at + example).contains(&index) { line.replacen("-- ", "", 1) } else { (*line).to_owned() }
        });
        let text: Vec<String> = uncommented.collect();
        assert!(load(&text.join("\n")).has_send_rule(), "line {}", at + 1);
        switched_on += 1;
    }
    assert_eq!(switched_on, 6);
}

#[test]
fn sends_at_once_do_not_pass_a_cap_together() {
    let policies = Arc::new(load(
        "return { rules = { caps = { limit = 50, per = 'day', by = 'tenant' } },
            on_send = function(send) if not cap(send.address, 7, 60) then return false end end }",
    ));
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(1000));
    let went: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (policies, counters) = (Arc::clone(&policies), Arc::clone(&counters));
                scope.spawn(move || {
                    (0..100)
                        .filter(|number| {
                            let address = format!("+1212555010{}", number % 10);
                            let mut judgement = Judgement::new(Arc::clone(&counters));
                            let verdict = policies.judge_send(&facts(&address, NOON), &mut judgement);
                            let goes = verdict == SendVerdict::Allow && number % 3 != 0;
                            if goes {
                                judgement.keep();
                            }
                            goes
                        })
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    });
    assert!((40..=50).contains(&went), "{went} went out");
}

proptest! {
    #[test]
    fn no_address_and_no_hour_makes_a_rule_fail(address in "\\+?[0-9]{0,16}|\\PC{0,20}", seconds in 0i64..4_000_000_000) {
        static POLICIES: LazyLock<Policies> = LazyLock::new(|| load(
            "return { rules = { quiet_hours = { channels = 'all' }, holidays = { dates = '02-29' },
                caps = { limit = 1, per = 'day' } } }"));
        let now = jiff::Timestamp::from_second(seconds).expect("a time").to_string();
        let verdict = POLICIES.on_send(&facts(&address, &now));
        prop_assert!(!matches!(verdict, SendVerdict::Block { fault: true, .. }), "{:?}", verdict);
    }
}
