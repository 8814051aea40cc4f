//! Sends of all kinds, made up by chance: whatever is forwarded names nobody who is blocked, and whatever is
//! allowed is forwarded byte for byte.

use crate::harness::{MESSAGES, Message, Request, World, form_of, mail_path};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

/// Made-up sends of each kind. The same ones each time, so that a failure can be seen again.
const CASES: u32 = 300;

fn runner() -> TestRunner {
    let config =
        Config { cases: CASES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// People who are blocked have an even number.
fn person() -> impl Strategy<Value = (u8, String)> {
    (0u8..6, 0u8..8).prop_map(|(number, spelling)| {
        let (plain, upper) = (format!("person{number}@example.org"), format!("PERSON{number}@Example.ORG"));
        let written = match spelling {
            0 => plain,
            1 => upper,
            2 => format!("<{plain}>"),
            3 => format!("Some Body <{plain}>"),
            4 => format!("\"Body, Some; (really)\" <{upper}>"),
            5 => format!("{plain} (a comment, with a comma)"),
            6 => format!("\"person{number}\"@example.org"),
            _ => format!("=?UTF-8?B?w4Q=?= <{plain}>"),
        };
        (number, written)
    })
}

fn list() -> impl Strategy<Value = String> {
    let separator = prop_oneof![Just(","), Just(", "), Just("; "), Just(",,"), Just(" ,\t")];
    (vec(person(), 1..4), separator).prop_map(|(people, separator)| {
        people.into_iter().map(|(_, written)| written).collect::<Vec<_>>().join(separator)
    })
}

/// Fields of a mail, in any order.
fn fields() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let recipients = vec((prop_oneof![Just("to"), Just("to"), Just("cc"), Just("bcc")], list()), 1..5);
    let others = vec(
        prop_oneof![
            Just(("subject", "Hello person9 & co = ü".to_owned())),
            Just(("text", "a\r\n--b\r\nc".to_owned())),
            Just(("o:tag", "one".to_owned())),
            Just(("h:X-Custom", "Some Body".to_owned())),
        ],
        0..4,
    );
    (recipients, others, any::<u64>()).prop_map(|(mut all, more, seed)| {
        all.extend(more);
        all.push(("from", "team@mg.example.com".to_owned()));
        let count = all.len();
        for index in 0..count {
            all.swap(index, (seed >> (index % 60)) as usize % count);
        }
        all
    })
}

fn as_multipart(fields: &[(&str, String)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    (body + "--xyz--\r\n").into_bytes()
}

/// Does the body name somebody with an even number?
fn names_a_blocked_one(arrived: &Message) -> bool {
    let text = arrived.text().to_ascii_lowercase().replace("%40", "@").replace("%22", "\"");
    [0, 2, 4].iter().any(|number| {
        text.contains(&format!("person{number}@")) || text.contains(&format!("person{number}\"@"))
    })
}

#[test]
fn r10_r11_no_mail_that_goes_out_names_somebody_blocked() {
    let world = World::start();
    for number in [0, 2, 4] {
        world.api().contact(&json!({ "email": format!("person{number}@example.org"), "dnd": true }));
    }
    let outcomes = std::cell::RefCell::new(std::collections::BTreeMap::<String, u32>::new());
    let outcome = runner().run(&(fields(), any::<bool>()), |(fields, multipart)| {
        let request = Request::post(&mail_path());
        let request = if multipart {
            request.body("multipart/form-data; boundary=xyz", as_multipart(&fields))
        } else {
            let pairs: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            request.body("application/x-www-form-urlencoded", form_of(&pairs))
        };
        let before = world.mailgun.count();
        let answer = world.send(&request);
        let word = answer.verdict().split(';').next().unwrap_or_default().to_owned();
        *outcomes.borrow_mut().entry(word.clone()).or_default() += 1;
        match word.as_str() {
            "allowed" => prop_assert_eq!(&world.mailgun.last().body, &request.body),
            "trimmed" => {
                prop_assert!(!names_a_blocked_one(&world.mailgun.last()), "{:?}", world.mailgun.last().text())
            }
            _ => prop_assert_eq!(world.mailgun.count(), before, "refused, and sent: {}", answer.text()),
        }
        let went_out = answer.status() == 200;
        prop_assert!(
            !went_out || !names_a_blocked_one(&world.mailgun.last()),
            "{}",
            world.mailgun.last().text()
        );
        prop_assert!(went_out || answer.status() == 400, "{:?}", answer);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    for word in ["allowed", "trimmed", "blocked"] {
        assert!(
            outcomes.borrow().get(word).is_some_and(|count| *count >= 5),
            "too few were {word}: {outcomes:?}"
        );
    }
}

#[test]
fn r8_r10_no_spelling_of_a_blocked_number_gets_out() {
    let world = World::start();
    world.hears("+14155550101", "STOP");
    let noise = prop_oneof![
        Just(""),
        Just(" "),
        Just("-"),
        Just("."),
        Just("("),
        Just(")"),
        Just("\u{a0}"),
        Just("\u{200b}"),
        Just("x"),
        Just(","),
        Just("%"),
        Just("\t"),
        Just("\0"),
        Just("+"),
        Just("/"),
    ];
    let start = prop_oneof![
        Just("+1"),
        Just("1"),
        Just(""),
        Just("001"),
        Just("011 1"),
        Just("tel:+1"),
        Just("sms:+1"),
        Just("rcs:+1"),
        Just("whatsapp:+1"),
        Just(" +1"),
        Just("＋1"),
        Just("+01"),
        Just("+1 1"),
    ];
    let digits = "4155550101";
    let spelled = (start, vec(prop_oneof![6 => Just(""), 1 => noise], digits.len()), any::<bool>());
    let spelled = spelled.prop_map(|(start, noise, full_width)| {
        let wide = |digit: char| char::from_u32(u32::from(digit) - 0x30 + 0xff10).unwrap_or(digit);
        let digits = digits.chars().enumerate();
        let written = digits.map(|(at, digit)| if full_width && at == 3 { wide(digit) } else { digit });
        start.to_owned()
            + &written.zip(noise).map(|(digit, noise)| format!("{digit}{noise}")).collect::<String>()
    });
    let outcome = runner().run(&spelled, |to| {
        let form = [("To", to.as_str()), ("From", "+15005550006"), ("Body", "Hello")];
        let answer = world.send(&Request::post(&format!("/twilio{MESSAGES}")).form(&form));
        // WhatsApp was not stopped.
        let other_channel = to.starts_with("whatsapp:") && answer.status() == 201;
        prop_assert!(other_channel || answer.status() == 400, "{to:?}: {:?}", answer);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(world.twilio.seen().iter().all(|one| one.form("To")[0].starts_with("whatsapp:")));
}
