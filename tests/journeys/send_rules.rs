//! The operator's send rules with the real binary: quiet hours, caps that outlive it, the contact's time zone.

use crate::harness::{Setup, World, assert_twilio_refusal, fake::Reaction, fake::answer, until};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use std::thread;

const ANN: &str = "+12125550101";
const BEN: &str = "+12125550102";

fn with_rules(rules: &str) -> Setup {
    Setup::default().policy("sends.lua", &format!("return {{ rules = {{ {rules} }} }}"))
}

fn blocked_by_policy(world: &World) -> f64 {
    world
        .gate
        .metric("dndgate_sends_total", &[("channel", "sms"), ("verdict", "blocked"), ("reason", "policy")])
}

/// Hours that hold now in a zone, and hours that do not, with an hour to spare for a slow run.
fn hours_around(zone: &str) -> Option<(String, String)> {
    let hour = Timestamp::now().to_zoned(TimeZone::get(zone).expect("a zone")).hour();
    match hour {
        2..=11 => Some((format!("{}-{}", hour - 1, hour + 2), format!("{}-24", hour + 2))),
        12..=21 => Some((format!("{}-{}", hour - 1, hour + 2), format!("0-{}", hour - 1))),
        _ => None,
    }
}

#[test]
fn quiet_hours_are_those_where_the_recipient_is() {
    // It is the middle of the day in one of them.
    let (number, (day, night)) = [("+12125550101", "America/New_York"), ("+819012345678", "Asia/Tokyo")]
        .into_iter()
        .find_map(|(number, zone)| Some((number, hours_around(zone)?)))
        .expect("one of them");
    let world = with_rules(&format!("quiet_hours = {{ allowed = '{day}' }}")).start();
    assert_eq!(world.message(number, "Hello").status(), 201);
    let world = with_rules(&format!("quiet_hours = {{ allowed = '{night}' }}")).start();
    let refused = world.message(number, "Hello");
    assert_twilio_refusal(&refused, 21610);
    assert!(refused.verdict().contains("reason=policy"), "{}", refused.verdict());
    assert!(refused.text().contains("quiet hours: it is "), "{}", refused.text());
    assert_eq!(world.twilio.count(), 0);
    assert_eq!(blocked_by_policy(&world), 1.0);
}

#[test]
fn a_cap_outlives_a_restart_and_a_kill() {
    let mut world = with_rules("caps = { limit = 3, per = 'day' }").start();
    assert_eq!(world.message(ANN, "1").status(), 201);
    world.gate.signal("TERM");
    world.gate.ends();
    world.gate.starts_again();
    assert_eq!(world.message(ANN, "2").status(), 201);
    world.gate.is_killed();
    world.gate.starts_again();
    assert_eq!(world.message(ANN, "3").status(), 201);
    world.gate.is_killed();
    world.gate.starts_again();
    let refused = world.message("+1 (212) 555-0101", "4");
    assert_twilio_refusal(&refused, 21610);
    assert!(refused.text().contains("frequency cap: no more than 3 in day"), "{}", refused.text());
    assert_eq!(world.message(BEN, "1").status(), 201, "somebody else");
    assert_eq!(world.twilio.count(), 4);
    assert_eq!(world.gate.metric("dndgate_send_counts", &[]), 2.0);
    // A try looks at the counts and changes none.
    for _ in 0..5 {
        let sends =
            json!({ "sends": [{ "channel": "SMS", "address": ANN }, { "channel": "SMS", "address": BEN }] });
        let tried = world.api().post("/v1/policies/try", &sends).json();
        assert_eq!(tried["results"][0]["verdict"], "block", "{tried}");
        assert_eq!(tried["results"][1]["verdict"], "allow", "{tried}");
    }
    assert_eq!((world.message(BEN, "2").status(), world.message(BEN, "3").status()), (201, 201));
    assert_twilio_refusal(&world.message(BEN, "4"), 21610);
}

#[test]
fn only_what_may_have_gone_out_is_counted() {
    let world = with_rules("caps = { limit = 2, per = 'hour' }").start();
    // Not reached at all.
    world.twilio.goes_down();
    for _ in 0..4 {
        assert_eq!(world.message(ANN, "Hello").status(), 502);
    }
    world.twilio.comes_back();
    // Refused by the provider: it reached nobody.
    world.twilio.answers(answer(400, "application/json", r#"{"code":21211,"message":"no","status":400}"#));
    for _ in 0..4 {
        assert_eq!(world.message(ANN, "Hello").status(), 400);
    }
    // It broke off, or says that it failed: it may have sent it.
    world.twilio.answers(answer(500, "text/plain", "oh"));
    assert_eq!(world.message(ANN, "Hello").status(), 500);
    world.twilio.reacts(|_| Reaction::HangUp);
    assert_eq!(world.message(ANN, "Hello").status(), 502);
    world.twilio.reacts(|request| Reaction::Answer(crate::harness::fake::twilio_answer(request)));
    assert_twilio_refusal(&world.message(ANN, "Hello"), 21610);
    // Whoever opted out takes no place, nor does what another rule refuses.
    world.hears(BEN, "STOP");
    for _ in 0..4 {
        assert_twilio_refusal(&world.message(BEN, "Hello"), 21610);
    }
    world.hears(BEN, "START");
    until("the lift", || (world.message(BEN, "Hello").status() == 201).then_some(()));
    assert_eq!(world.message(BEN, "Hello").status(), 201);
    assert_twilio_refusal(&world.message(BEN, "Hello"), 21610);
}

#[test]
fn sends_at_once_do_not_pass_a_cap_together() {
    let world = Setup::default()
        .policy(
            "sends.lua",
            "return { rules = { caps = { limit = 20, per = 'day', by = 'tenant' } },
                on_send = function(send) if not cap(send.address, 15, '1h') then return false end end }",
        )
        .start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let status = world.message(ANN, "Hello").status();
                    assert!(status == 201 || status == 400, "{status}");
                }
            });
        }
    });
    assert_eq!(world.twilio.count(), 15);
    for number in 0..10 {
        world.message(&format!("+1212555020{number}"), "Hello");
    }
    assert_eq!(world.twilio.count(), 20);
}

#[test]
fn a_trimmed_recipient_takes_no_place() {
    let world = Setup::default()
        .policy(
            "sends.lua",
            "return { rules = { caps = { limit = 2, per = 'day', channels = { 'Email' } },
                block = { countries = 'FR', channels = { 'SMS' } } } }",
        )
        .start();
    let mail = |to: &str| world.mail(&[("to", to)]);
    assert_eq!((mail("a@x.test").status(), mail("a@x.test").status()), (200, 200));
    let trimmed = world.mail(&[("to", "a@x.test"), ("to", "b@x.test")]);
    assert_eq!(trimmed.status(), 200, "{}", trimmed.text());
    assert!(trimmed.verdict().starts_with("trimmed"), "{}", trimmed.verdict());
    assert_eq!(mail("b@x.test").status(), 200);
    assert_ne!(mail("b@x.test").status(), 200, "two are out");
}

#[test]
fn the_contact_tells_the_hour_where_the_rule_asks_it() {
    let Some((zone, (day, night))) = ["Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo"]
        .into_iter()
        .find_map(|zone| Some((zone, hours_around(zone)?)))
    else {
        unreachable!("it is day somewhere")
    };
    let rule = |hours: &str| {
        format!("quiet_hours = {{ allowed = '{hours}', by = 'contact', fallback = {{ 'UTC' }} }}")
    };
    for (hours, status) in [(&day, 201), (&night, 400)] {
        let world = with_rules(&rule(hours)).start();
        world.api().contact(&json!({ "phone": ANN, "timezone": zone, "tags": ["vip"] }));
        assert_eq!(world.message(ANN, "Hello").status(), status, "{hours} in {zone}");
    }
    let world = with_rules("block = { contact_tags = 'vip' }").start();
    world.api().contact(&json!({ "phone": ANN, "tags": ["VIP"] }));
    assert_twilio_refusal(&world.message(ANN, "Hello"), 21610);
    assert_eq!(world.message(BEN, "Hello").status(), 201);
}
