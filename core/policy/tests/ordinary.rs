//! Ordinary talk changes nothing: measured on a collection of real messages where it is at hand.

#![expect(clippy::print_stdout, reason = "figures for whoever runs it with --nocapture")]
#![allow(dead_code, reason = "each test uses its part of the collections")]

mod corpus;

use dndgate_policy::{Meaning, Policies};
use std::time::Instant;

/// Of 10,000 ordinary messages so many may be misread at most.
const MISREAD_MAX: f64 = 0.5;
const REVIEW_MAX: f64 = 30.0;

/// Beginnings of messages in the collection that are requests to stop, after all.
const REQUESTS: [&str; 1] = ["Any chance you might have had with me evaporated"];

#[test]
fn ordinary_messages_change_nothing() {
    let Some(messages) = corpus::ordinary() else { return };
    let policies = Policies::embedded();
    let mut count = corpus::Count::default();
    let began = Instant::now();
    for message in
        messages.iter().filter(|message| !REQUESTS.iter().any(|request| message.starts_with(request)))
    {
        let found = corpus::understood(&policies, message);
        count.note(found.meaning);
        if found.meaning != Meaning::None {
            println!("{}\t{}\t{message:?}", found.meaning.name(), found.rule);
        }
    }
    let each = began.elapsed().as_secs_f64() * 1e6 / messages.len() as f64;
    let rate = |count: u32| f64::from(count) * 1e4 / messages.len() as f64;
    println!(
        "{} messages, {each:.2} µs each; of 10,000: {:.2} opt-outs, {:.2} opt-ins, {:.2} for review",
        messages.len(),
        rate(count.opt_out),
        rate(count.opt_in),
        rate(count.review)
    );
    assert!(rate(count.opt_out) <= MISREAD_MAX, "too many are misread");
    assert_eq!(count.opt_in, 0, "nobody opts in by ordinary talk");
    assert!(rate(count.review) <= REVIEW_MAX, "too many for review");
}
