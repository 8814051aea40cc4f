//! How long it takes to understand a reply, and to ask a send rule.

use criterion::{Criterion, criterion_group, criterion_main};
use dndgate_adapter::{AddressKind, Channel, Spoken};
use dndgate_policy::{Limits, Policies, Said, SendFacts};
use std::{borrow::Cow, hint::black_box};

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

fn on_send(c: &mut Criterion) {
    let source = r#"return { on_send = function(send)
        if send.channel ~= "SMS" then return end
        for _, tag in send.tags do
            if tag == "marketing" then return { block = true, reason = "no marketing" } end
        end
    end }"#;
    let policies =
        Policies::load_with(None, &[("sends.lua".into(), source.into())], Limits::default()).expect("loads");
    let tags = [Cow::Borrowed("receipt")];
    let facts = SendFacts {
        tenant: "acme",
        provider: "twilio",
        channel: Channel::Sms,
        kind: "message",
        address_kind: AddressKind::Phone,
        address: "+12025550123",
        sender: "+12025550100",
        tags: &tags,
        scheduled: false,
        now: jiff::Timestamp::from_second(1_768_478_400).expect("a time"),
        request_id: "r",
    };
    c.bench_function("on_send", |b| b.iter(|| policies.on_send(black_box(&facts))));
}

criterion_group!(benches, understand, on_send);
criterion_main!(benches);
