//! What a send costs before it leaves: reading it, looking its recipients up, understanding a reply.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dndgate_adapter::{Adapter, AddressKind, Channel, Head, Request, Spoken};
use dndgate_dnd::{Blocks, Cause, ReasonKind, Region, address};
use dndgate_mailgun::MAILGUN;
use dndgate_policy::{Policies, Said};
use dndgate_store::{Options, Store, opt};
use dndgate_twilio::TWILIO;
use http::{HeaderMap, HeaderValue, Method, header};
use std::hint::black_box;

fn headers(media: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers
}

fn reading(criterion: &mut Criterion) {
    let form = headers("application/x-www-form-urlencoded");
    let sms = Request {
        head: Head {
            method: &Method::POST,
            host: None,
            path: "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json",
            query: None,
            headers: &form,
        },
        body: b"To=%2B14155550100&From=%2B15005550006&Body=Hello+there%2C+your+order+is+on+its+way",
    };
    criterion.bench_function("read/twilio message", |bench| {
        bench.iter(|| {
            let look = TWILIO.look(black_box(&sms.head));
            look.is_ok() && TWILIO.read(black_box(&sms)).is_ok()
        });
    });
    let multipart = headers("multipart/form-data; boundary=xYzZY");
    let part = |name: &str, value: &str| {
        format!("--xYzZY\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let attachment = "a".repeat(20 << 20);
    for (name, size) in [("mail", 0), ("mail behind 20 MiB", 20 << 20)] {
        let mut body = part("attachment", &attachment[..size]);
        body.push_str(&part("to", "Joan Doe <joan@example.com>, bob@example.org"));
        body.push_str(&part("from", "a@mg.acme.com"));
        body.push_str(&part("subject", "Hello"));
        body.push_str(&part("text", "Your order is on its way"));
        body.push_str("--xYzZY--\r\n");
        let mail = Request {
            head: Head {
                method: &Method::POST,
                host: None,
                path: "/v3/mg.acme.com/messages",
                query: None,
                headers: &multipart,
            },
            body: body.as_bytes(),
        };
        criterion.bench_function(&format!("read/mailgun {name}"), |bench| {
            bench.iter(|| MAILGUN.read(black_box(&mail)).is_ok());
        });
    }
}

fn looking_up(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(&Options::new(&format!("sqlite:{}", folder.path().join("bench.db").display())))
        .expect("opens");
    store.fill_cache().expect("fills");
    for block in 0..100u64 {
        let causes = move |number: u64| {
            let key = address::normalise(AddressKind::Phone, &format!("+1415{number:07}"), Region::US)
                .expect("number")
                .key;
            Cause {
                kind: ReasonKind::Keyword,
                blocks: Blocks::Channel(Channel::Sms),
                origin: Some(key),
                permanent: false,
                code: None,
                message: String::new(),
                source: "bench".into(),
                actor: "bench".into(),
                at: jiff::Timestamp::UNIX_EPOCH,
                expires: None,
            }
        };
        let written = store.write_blocking(move |tx| {
            (block * 100..(block + 1) * 100)
                .try_for_each(|number| opt::record(tx, "default", &[causes(number)]).map(drop))
        });
        written.expect("written");
    }
    let mut number = 0u64;
    for (name, offset) in [("suppressed", 0u64), ("free", 5_000_000)] {
        criterion.bench_function(&format!("verdict/{name} number among 10,000"), |bench| {
            bench.iter_batched(
                || {
                    number = (number + 7919) % 10_000;
                    format!("+1415{:07}", number + offset)
                },
                |raw| {
                    let mut blocked = false;
                    let _ = address::each_reading(AddressKind::Phone, &raw, Region::US, |key| {
                        let found = store.cache().get("default", AddressKind::Phone, key);
                        blocked |= found.verdict(Channel::Sms.into()).is_some();
                    });
                    blocked
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn understanding(criterion: &mut Criterion) {
    let policies = Policies::embedded();
    for (name, text) in [
        ("a keyword", "STOP!"),
        ("a request", "please stop texting me"),
        (
            "ordinary talk",
            "Sounds good, see you at five then. Can you bring the papers that we talked about?",
        ),
    ] {
        let spoken = Spoken { texts: vec![text.into()], provider_meaning: None };
        criterion.bench_function(&format!("understand/{name}"), |bench| {
            bench.iter(|| policies.understand(black_box(&Said { channel: Channel::Sms, spoken: &spoken })));
        });
    }
}

criterion_group!(benches, reading, looking_up, understanding);
criterion_main!(benches);
