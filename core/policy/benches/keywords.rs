//! How long it takes to understand a reply, and to ask a send rule.

use criterion::{Criterion, criterion_group, criterion_main};
use dndgate_adapter::{AddressKind, Channel, Spoken};
use dndgate_dnd::Counters;
use dndgate_policy::{Judgement, Limits, MemoryCounters, Policies, Said, SendFacts, SendVerdict};
use std::{
    borrow::Cow,
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

fn understand(c: &mut Criterion) {
    let policies = Policies::embedded();
    for (name, text) in [
        ("keyword", "STOP"),
        ("ordinary", "Sure, Tuesday at 3 works for me. See you at the office then!"),
        ("request", "please stop sending me these messages"),
        ("disguise", "S.T.0.P"),
        ("typo", "unsubscirbe"),
        ("chinese", "我明天下午三点到你办公室"),
    ] {
        let spoken = Spoken { texts: vec![Cow::Borrowed(text)], provider_meaning: None };
        c.bench_function(&format!("understand/{name}"), |b| {
            b.iter(|| policies.understand(black_box(&Said { channel: Channel::Sms, spoken: &spoken })));
        });
    }
}

/// On a machine that does other things, too, a question may wait longer than a rule may take.
fn load(sends: &str) -> Policies {
    let limits = Limits { time: Duration::from_secs(10), ..Limits::default() };
    Policies::load_with(None, &[("sends.lua".into(), sends.into())], limits).expect("loads")
}

fn facts<'a>(tags: &'a [Cow<'a, str>]) -> SendFacts<'a> {
    SendFacts {
        tenant: "acme",
        provider: "twilio",
        channel: Channel::Sms,
        kind: "message",
        address_kind: AddressKind::Phone,
        address: "+12025550123",
        sender: "+12025550100",
        tags,
        scheduled: false,
        // 12 o'clock in New York, a Thursday.
        now: jiff::Timestamp::from_second(1_768_496_400).expect("a time"),
        request_id: "r",
    }
}

/// Rules, as data and as functions.
const RULES: [(&str, &str); 7] = [
    ("quiet hours", "return { rules = { quiet_hours = { allowed = '8-21' } } }"),
    ("cap", "return { rules = { caps = { limit = 100000000, per = 'day' } } }"),
    ("holidays", "return { rules = { holidays = { dates = { '2026-11-26', '12-25' }, countries = 'US' } } }"),
    (
        "all of them",
        "return { rules = { quiet_hours = { allowed = '8-21' }, holidays = { dates = { '12-25' } },
            caps = { { limit = 100000000, per = 'day' }, { limit = 100000000, per = 'week' } }, block = { tags = 'x' } } }",
    ),
    ("function: tag", "return { on_send = function(send) if tagged('marketing') then return false end end }"),
    (
        "function: hours and count",
        "return { on_send = function(send)
            if not within('8-21') then return false end
            if not cap('ads ' .. send.address, 100000000, '1d') then return false end
        end }",
    ),
    (
        "function: the same as rules",
        "return { on_send = function(send)
            return rules.quiet_hours { allowed = '8-21' } or rules.caps { limit = 100000000, per = 'day' }
        end }",
    ),
];

fn ask(policies: &Policies, counters: &Arc<dyn Counters>, facts: &SendFacts<'_>) {
    let mut judgement = Judgement::new(Arc::clone(counters));
    assert_eq!(policies.judge_send(black_box(facts), &mut judgement), SendVerdict::Allow);
    judgement.keep();
}

fn send_rules(c: &mut Criterion) {
    let tags = [Cow::Borrowed("receipt")];
    let facts = facts(&tags);
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(1000));
    for (name, sends) in RULES {
        let policies = load(sends);
        c.bench_function(&format!("send rule/{name}"), |b| b.iter(|| ask(&policies, &counters, &facts)));
    }
    // A mobile number of a country with many zones, and one that may be anywhere.
    for (name, address) in [("16 zones", "+79161234567"), ("37 zones", "+18005550123")] {
        let policies = load("return { rules = { quiet_hours = { allowed = 'all' } } }");
        let facts = SendFacts { address, ..facts };
        c.bench_function(&format!("send rule/quiet hours, {name}"), |b| {
            b.iter(|| ask(&policies, &counters, &facts))
        });
    }
}

/// Several threads ask at once: the time of one question on each.
fn at_once(c: &mut Criterion) {
    let tags = [Cow::Borrowed("receipt")];
    let facts = facts(&tags);
    let counters: Arc<dyn Counters> = Arc::new(MemoryCounters::new(1000));
    for (name, sends) in [RULES[3], RULES[5]] {
        let policies = load(sends);
        for threads in [1, 2, 4] {
            c.bench_function(&format!("send rule, {threads} at once/{name}"), |b| {
                b.iter_custom(|rounds| {
                    let took: Vec<Duration> = thread::scope(|scope| {
                        let one = || {
                            let begun = Instant::now();
                            (0..rounds).for_each(|_| ask(&policies, &counters, &facts));
                            begun.elapsed()
                        };
                        let all: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
                        all.into_iter().map(|thread| thread.join().expect("a thread")).collect()
                    });
                    took.into_iter().max().unwrap_or_default()
                });
            });
        }
    }
}

criterion_group!(benches, understand, send_rules, at_once);
criterion_main!(benches);
