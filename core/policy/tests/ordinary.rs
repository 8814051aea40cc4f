//! Ordinary talk changes nothing: measured on a collection of real messages where it is at hand.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]

use dndgate_adapter::{Channel, Spoken};
use dndgate_policy::{Meaning, Policies, Said};
use std::{borrow::Cow, fs, path::Path, time::Instant};

/// Of 10,000 ordinary messages so many may be misread at most.
const MISREAD_MAX: f64 = 0.5;
const REVIEW_MAX: f64 = 30.0;

#[test]
fn ordinary_messages_change_nothing() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/ordinary-messages.tsv");
    let Ok(text) = fs::read_to_string(file) else { return };
    let policies = Policies::embedded();
    let messages: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("# "))
        .filter_map(|line| line.split('\t').next())
        .map(unescaped)
        .collect();
    let mut counts = [0_u32; 5];
    let began = Instant::now();
    for message in &messages {
        let spoken = Spoken { texts: vec![Cow::Borrowed(message)], provider_meaning: None };
        let found = policies.understand(&Said { channel: Channel::Sms, spoken: &spoken });
        counts[found.meaning as usize] += 1;
        if found.meaning != Meaning::None {
            println!("{}\t{}\t{message:?}", found.meaning.name(), found.rule);
        }
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / messages.len() as f64;
    let rate = |meaning: Meaning| f64::from(counts[meaning as usize]) * 1e4 / messages.len() as f64;
    println!(
        "{} messages, {each:.2} µs each; of 10,000: {:.2} opt-outs, {:.2} opt-ins, {:.2} for review",
        messages.len(),
        rate(Meaning::OptOut),
        rate(Meaning::OptIn),
        rate(Meaning::Review)
    );
    assert!(rate(Meaning::OptOut) <= MISREAD_MAX, "too many are misread");
    assert!(rate(Meaning::OptIn) <= MISREAD_MAX, "too many opt-ins");
    assert!(rate(Meaning::Review) <= REVIEW_MAX, "too many for review");
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let code: String = chars.by_ref().take(4).collect();
                out.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
