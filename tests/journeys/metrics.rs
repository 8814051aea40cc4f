//! What Prometheus sees: the names of the interface, with labels that never name a person.

use crate::harness::{World, signed::text_message};
use serde_json::json;

#[test]
fn sends_requests_webhooks_and_changes_are_counted_by_outcome() {
    let world = World::start();
    let metric = |name: &str, labels: &[(&str, &str)]| world.gate.metric(name, labels);
    world.message("+14155550101", "Hello");
    world.hears("+14155550101", "STOP");
    world.message("+14155550101", "Hello");
    world.message("nobody", "Hello");
    world.api().contact(&json!({ "email": "ada@example.org", "dnd": true }));
    world.mail(&[("to", "ada@example.org, bob@example.org")]);
    let sms = |verdict: &str, reason: &str| {
        let tenant = ("tenant", "default");
        let labels =
            [tenant, ("provider", "twilio"), ("channel", "sms"), ("verdict", verdict), ("reason", reason)];
        metric("dndgate_sends_total", &labels)
    };
    assert_eq!((sms("allowed", ""), sms("blocked", "keyword"), sms("refused", "")), (1.0, 1.0, 1.0));
    let mail = |verdict: &str| {
        metric("dndgate_sends_total", &[("provider", "mailgun"), ("channel", "email"), ("verdict", verdict)])
    };
    assert_eq!((mail("allowed"), mail("trimmed")), (1.0, 1.0), "by recipient");
    let requests = |status: &str| {
        metric("dndgate_requests_total", &[("provider", "twilio"), ("kind", "send"), ("status", status)])
    };
    assert_eq!((requests("201"), requests("400")), (1.0, 2.0));
    let webhook = [("provider", "twilio"), ("kind", "message"), ("outcome", "passed_on")];
    assert_eq!(metric("dndgate_webhooks_total", &webhook), 1.0);
    let change = [("tenant", "default"), ("channel", "sms"), ("change", "enabled"), ("reason", "keyword")];
    assert_eq!(metric("dndgate_dnd_changes_total", &change), 1.0);
    world.send(&text_message("+14155550101", "START"));
    let change = [("tenant", "default"), ("channel", "sms"), ("change", "disabled"), ("reason", "keyword")];
    assert_eq!(metric("dndgate_dnd_changes_total", &change), 1.0);
    world.gate.wait_for_metric("dndgate_cache_entries", &[], 1.0);
}

#[test]
fn every_name_of_the_interface_is_there() {
    let world = World::start();
    world.message("+14155550101", "Hello");
    world.hears("+14155550101", "STOP");
    let text = world.gate.admin("/metrics").text();
    for name in [
        "dndgate_sends_total{",
        "dndgate_requests_total{",
        "dndgate_overhead_seconds_bucket{",
        "dndgate_upstream_seconds_bucket{",
        "dndgate_webhooks_total{",
        "dndgate_dnd_changes_total{",
        "dndgate_cache_entries ",
        "dndgate_cache_lag_seconds ",
        "dndgate_build_info{version=",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not there:\n{text}");
    }
}

#[test]
fn r5_no_label_names_a_person() {
    let world = World::start();
    for number in 0..30 {
        let (phone, mail) = (format!("+1415555{number:04}"), format!("person{number}@example.org"));
        world.api().contact(&json!({ "phone": phone, "email": mail, "dnd": number % 2 == 0 }));
        world.message(&phone, "Hello");
        world.mail(&[("to", &mail)]);
        world.hears(&phone, "STOP");
    }
    let text = world.gate.admin("/metrics").text();
    assert!(!text.contains("1415555") && !text.contains('@'), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
    assert!(samples < 200, "{samples} samples after 90 requests:\n{text}");
    let log = world.gate.log();
    assert!(!log.contains("person1@") && !log.contains("1415555"), "nor does the log:\n{log}");
}
