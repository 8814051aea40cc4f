//! No way round: the catalogue of `tests/bypass` through the real binary, over raw sockets.
//!
//! Whatever must come of a request by its own notes, one thing holds for all: what reaches the provider names no
//! suppressed address as a recipient to a second, naive reader. What adapters make of requests by themselves is
//! tested beside them; here is what only the whole of the gateway can show: framing, packing, hosts, paths, HTTP/2.

use crate::harness::{
    Fake, Message, Reaction, Setup, World,
    catalogue::{Case, Outcome},
    json_answer, twilio_answer,
};
use dndgate_adapter::{Adapter, Onward, Secrets, sign};
use dndgate_fuzz::naive;
use dndgate_ses::SES;
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use std::{io::Read, path::Path};

const NUMBER: &str = "+14155550101";
const MAILBOX: &str = "ada@example.org";
const TALK: &str = "c-silent-0001";
const PAGE_SCOPED: &str = "6543210987654321";
const SILENT: [&str; 4] = [NUMBER, MAILBOX, TALK, PAGE_SCOPED];
/// What a family's folder holds at least.
const ATTEMPTS_MIN: usize = 25;
const INNOCENT_MIN: usize = 8;

/// Header fields, each a name and a value.
type Fields = Vec<(String, String)>;

/// Providers of one kind.
struct Family {
    folder: &'static str,
    /// Each a `[[provider]]` of its own name, with further keys; its adapter is of the same name, unless they say so.
    providers: &'static [(&'static str, &'static str)],
    /// Under these names recipients stand, as the naive reader writes them.
    recipients: &'static [&'static str],
    /// And behind these segments of a path.
    people: &'static [&'static str],
    /// Is there a read that sends? Elsewhere it only asks about somebody.
    reads_send: bool,
    /// A call, or a part of a batch, that holds one of these only gives a sign (typing, read), unless it holds
    /// a message.
    signs: &'static [&'static str],
    /// What a caller adds to each request, where a provider wants it signed.
    caller: Option<fn(&Case) -> Fields>,
}

impl Family {
    fn world(&self, provider: &Fake) -> World {
        let tail = |(name, keys): &(&str, &str)| {
            let adapter =
                if keys.contains("adapter = ") { String::new() } else { format!("adapter = \"{name}\"\n") };
            format!("[[provider]]\nname = \"{name}\"\n{adapter}upstream = \"{}\"\n{keys}\n", provider.url())
        };
        let tails: String = self.providers.iter().map(tail).collect();
        let world = Setup::default()
            .traffic("header_timeout = \"400ms\"\nbody_timeout = \"400ms\"")
            .tail(&tails)
            .start();
        world.api().contact(&json!({
            "phone": NUMBER, "email": MAILBOX, "addresses": [
                { "kind": "gmb", "value": TALK }, { "kind": "psid", "value": PAGE_SCOPED },
            ], "dnd": true,
        }));
        world
    }

    /// Runs every case of the folder; those that go wrong, all at once.
    fn run(&self) {
        let cases = Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bypass").join(self.folder));
        let innocent = cases.iter().filter(|case| case.outcome == Outcome::Passes).count();
        assert!(innocent >= INNOCENT_MIN, "{innocent} innocent cases are too few");
        assert!(cases.len() - innocent >= ATTEMPTS_MIN, "{} attempts are too few", cases.len() - innocent);
        let provider = Fake::with(|request| {
            Reaction::Answer(if request.target().contains("/2010-04-01/") {
                twilio_answer(request)
            } else {
                json_answer(200, &json!({ "id": "1", "message": "Queued. Thank you." }))
            })
        });
        let world = self.world(&provider);
        let fakes = [&provider, &world.twilio, &world.mailgun];
        let mut wrong = Vec::new();
        for case in &cases {
            let signed = self.caller.map(|fields| case.with_fields(fields(case)));
            let case = signed.as_ref().unwrap_or(case);
            let before = fakes.map(Fake::count);
            let answers = if case.is_sent("http2") {
                case.over_http2(world.gate.ports.traffic);
                Vec::new()
            } else {
                case.answers(world.gate.ports.traffic)
            };
            let arrived: Vec<Message> =
                fakes.iter().zip(before).flat_map(|(fake, seen)| fake.seen().split_off(seen)).collect();
            if let Err(why) = self.judge(case, &answers, &arrived) {
                let shown = |one: &Message| format!("{} [{}] {}", one.start, one.verdict(), one.text());
                let (answers, arrived): (Vec<_>, Vec<_>) =
                    (answers.iter().map(shown).collect(), arrived.iter().map(shown).collect());
                wrong.push(format!("--- {}: {why}\nanswers: {answers:#?}\narrived: {arrived:#?}", case.name));
            }
        }
        assert!(wrong.is_empty(), "{} of {} cases\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    fn judge(&self, case: &Case, answers: &[Message], arrived: &[Message]) -> Result<(), String> {
        for one in arrived {
            self.names_nobody(one)?;
        }
        let is_http2 = case.is_sent("http2");
        if answers.is_empty() && !is_http2 && !case.is_sent("until closed") {
            return Err("there is no answer".into());
        }
        let verdict = answers.first().map(Message::verdict).unwrap_or_default();
        // Some providers refuse with 200, and say in the body that they did.
        let says_so =
            |one: &Message| ["refused", "blocked"].iter().any(|verdict| one.verdict().starts_with(verdict));
        let is_final = |one: &&Message| {
            (400..500).contains(&one.status()) && ![408, 429].contains(&one.status())
                || one.status() == 200 && says_so(one)
        };
        match case.outcome {
            Outcome::Refused | Outcome::Blocked if !arrived.is_empty() => {
                return Err("something went out".into());
            }
            Outcome::Refused | Outcome::Blocked if is_http2 => {}
            // A request that breaks off is over when its time is.
            Outcome::Refused
                if case.is_sent("until closed") && answers.iter().all(|one| one.status() >= 400) => {}
            Outcome::Refused if answers.iter().any(|one| !is_final(&one)) => {
                return Err("that is no refusal".into());
            }
            Outcome::Refused if verdict.starts_with("blocked") => {
                return Err("it is blocked, not refused".into());
            }
            Outcome::Refused => {}
            Outcome::Blocked if !answers.iter().all(|one| is_final(&one)) => {
                return Err("that is no refusal".into());
            }
            Outcome::Blocked if verdict.starts_with("blocked") => {}
            Outcome::Blocked => return Err("it is refused, not blocked".into()),
            Outcome::Trimmed if arrived.len() != 1 || !verdict.starts_with("trimmed") => {
                return Err("it is not trimmed".into());
            }
            Outcome::Trimmed => mentions_nobody(&arrived[0])?,
            Outcome::Passes => as_it_is(case, arrived, self.prefix(case))?,
        }
        Ok(())
    }

    /// The part of a case's target that the gateway takes off.
    fn prefix<'c>(&self, case: &'c Case) -> &'c str {
        let target = case.target();
        let end = target[1..].find('/').map_or(target.len(), |end| end + 1);
        let named = self.providers.iter().map(|(name, _)| *name).chain(["twilio", "mailgun"]);
        if named.into_iter().any(|name| target[1..end] == *name) { &target[..end] } else { "" }
    }

    /// Whoever is suppressed is named to nobody, by a reader that takes everything for meant.
    fn names_nobody(&self, request: &Message) -> Result<(), String> {
        let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
        let body = unpacked(request);
        let text = String::from_utf8_lossy(&body).into_owned();
        let whole = format!("{} {text}", request.target());
        if self.signs.iter().any(|sign| whole.contains(sign)) && !text.contains("\"message\"") {
            return Ok(());
        }
        let found = naive::pairs(Some(query), request.field("content-type"), &body);
        if request.method() == "GET" && !self.reads_send {
            return Ok(());
        }
        let is_meant = |name: &str| {
            self.recipients.iter().any(|one| name == *one || name.rsplit('.').next() == Some(one))
        };
        let named = found.iter().filter(|(name, _)| is_meant(name));
        let mut values: Vec<String> = named.map(|(_, value)| value.clone()).collect();
        if request.method() == "POST" {
            values.extend(self.behind(path));
            values.extend(
                text.lines().filter(|line| line.starts_with("POST ")).flat_map(|line| self.behind(line)),
            );
        }
        match values.iter().find(|value| SILENT.iter().any(|one| naive::names(value, one))) {
            None => Ok(()),
            Some(value) => Err(format!("{value:?} is named to the provider")),
        }
    }

    /// What stands behind the segments that name people.
    fn behind(&self, path: &str) -> Vec<String> {
        let segments: Vec<&str> = path.split(['/', '?', ' ']).collect();
        let pairs = segments.windows(2).filter(|pair| self.people.contains(&pair[0]));
        pairs.map(|pair| pair[1].to_owned()).collect()
    }
}

/// One request arrived, and it is the one that was sent.
fn as_it_is(case: &Case, arrived: &[Message], prefix: &str) -> Result<(), String> {
    let [one] = arrived else { return Err(format!("{} requests arrived", arrived.len())) };
    let target = &case.target()[prefix.len()..];
    if !case.is_sent("http2") && one.target() != target {
        return Err(format!("it arrived at {}", one.target()));
    }
    if case.is_framed_here() && one.body != case.body {
        return Err(format!("its body has changed: {}", one.text()));
    }
    Ok(())
}

/// Nothing is left of whoever was taken out, however it is wrapped.
fn mentions_nobody(request: &Message) -> Result<(), String> {
    let mut text = format!("{} {}", request.target(), String::from_utf8_lossy(&unpacked(request)));
    for _ in 0..4 {
        let lower = text.to_lowercase();
        if let Some(one) = SILENT.iter().find(|one| lower.contains(one.trim_start_matches('+'))) {
            return Err(format!("{one} is left in it"));
        }
        text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    Ok(())
}

fn unpacked(request: &Message) -> Vec<u8> {
    let mut body = Vec::new();
    let read = match request.field("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut body),
        Some("deflate") => flate2::read::ZlibDecoder::new(&request.body[..]).read_to_end(&mut body),
        _ => return request.body.clone(),
    };
    read.expect("what was let through can be unpacked");
    body
}

#[test]
fn r10_twilio() {
    Family {
        folder: "twilio",
        providers: &[],
        recipients: &[
            "to",
            "recipient",
            "identity",
            "address",
            "messagingbinding.address",
            "participant.address",
        ],
        people: &[],
        reads_send: false,
        signs: &[],
        caller: None,
    }
    .run();
}

#[test]
fn r10_mailgun() {
    Family {
        folder: "mailgun",
        providers: &[],
        recipients: &["to", "cc", "bcc", "h:to", "h:cc", "h:bcc", "h:resent-to"],
        people: &[],
        reads_send: false,
        signs: &[],
        caller: None,
    }
    .run();
}

#[test]
fn r10_mail_in_json() {
    Family {
        folder: "mail-json",
        providers: &[("postmark", "webhook_secret = \"s\""), ("sparkpost", ""), ("sendgrid", "")],
        recipients: &["to", "cc", "bcc", "email", "address", "header_to"],
        people: &[],
        reads_send: false,
        signs: &[],
        caller: None,
    }
    .run();
}

#[test]
fn r10_texts_in_json() {
    Family {
        folder: "sms-json",
        providers: &[
            ("telnyx", ""),
            ("plivo", ""),
            ("vonage", ""),
            ("sinch", ""),
            ("bandwidth", ""),
            ("messagebird", ""),
        ],
        recipients: &["to", "dst", "number", "phone_number", "recipients", "destination"],
        people: &[],
        reads_send: true,
        signs: &[],
        caller: None,
    }
    .run();
}

#[test]
fn r10_google() {
    Family {
        folder: "google",
        providers: &[("gmb", "partner_key = \"k\""), ("rbm", "client_token = \"t\"")],
        recipients: &["parent", "phonenumber", "conversationid"],
        people: &["phones", "conversations"],
        reads_send: false,
        signs: &["Events?", "/events?", "capability:"],
        caller: None,
    }
    .run();
}

#[test]
fn r10_graph() {
    Family {
        folder: "graph",
        providers: &[
            ("whatsapp", "app_secret = \"s\"\nverify_token = \"v\""),
            ("messenger", "app_secret = \"s\"\nverify_token = \"v\""),
        ],
        recipients: &["to", "id", "recipient"],
        people: &[],
        reads_send: true,
        signs: &["sender_action"],
        caller: None,
    }
    .run();
}

#[test]
fn r10_brevo() {
    Family {
        folder: "brevo",
        providers: &[("brevo", "webhook_secret = \"s\"")],
        recipients: &[
            "to.email",
            "cc.email",
            "bcc.email",
            "messageversions.to.email",
            "messageversions.cc.email",
            "messageversions.bcc.email",
            "recipient",
            "contactnumbers",
            "emailto",
            "phonenumber",
            "email_id",
            "phone_id",
        ],
        people: &[],
        reads_send: false,
        signs: &[],
        caller: None,
    }
    .run();
}

#[test]
fn r10_ses() {
    Family {
        folder: "ses",
        providers: &[(
            "ses",
            "region = \"us-east-1\"\naws_access_key_id = \"AKIASES\"\naws_secret_access_key = \"the-secret\"",
        )],
        recipients: &[
            "toaddresses",
            "ccaddresses",
            "bccaddresses",
            "destination.toaddresses.member.1",
            "destination.toaddresses.member.2",
            "destination.bccaddresses.member.1",
            "destinations.member.1",
            "destinations.member.1.destination.toaddresses.member.1",
            "destinations.member.2.destination.toaddresses.member.1",
        ],
        people: &[],
        reads_send: false,
        signs: &[],
        caller: Some(signed_for_ses),
    }
    .run();
}

/// The caller's signature, over what it sends to the gateway.
fn signed_for_ses(case: &Case) -> Fields {
    if case.field("authorization").is_some() {
        return Vec::new();
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("gate.test"));
    if let Some(media) = case.field("content-type") {
        headers.insert(header::CONTENT_TYPE, media.parse().expect("a media type"));
    }
    let keys = [("aws_access_key_id", "AKIASES"), ("aws_secret_access_key", "the-secret")];
    let secrets = Secrets::new(keys.map(|(name, value)| (name, vec![value.to_owned()])).to_vec());
    let onward = Onward {
        came: None,
        method: &case.method().parse().expect("a method"),
        authority: "gate.test",
        path_and_query: case.target(),
        headers: &headers,
        sha256: sign::sha256(&case.body),
    };
    let fields = SES.sign_onward(&onward, &secrets, jiff::Timestamp::now()).expect("it is signed");
    let text = |value: HeaderValue| value.to_str().expect("text").to_owned();
    fields.into_iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

#[test]
fn r10_described_providers() {
    Family {
        folder: "custom",
        providers: &[
            (
                "smsapi",
                concat!(
                    "adapter = \"custom\"\nsecret = \"s\"\nfile = \"",
                    env!("CARGO_MANIFEST_DIR"),
                    "/plugins/custom/examples/smsapi.toml\""
                ),
            ),
            (
                "house",
                concat!(
                    "adapter = \"custom\"\nsecret = \"s\"\naccounts = \"any\"\nfile = \"",
                    env!("CARGO_MANIFEST_DIR"),
                    "/plugins/custom/examples/house.toml\""
                ),
            ),
        ],
        recipients: &["to", "to.number", "fallback.to"],
        people: &[],
        reads_send: true,
        signs: &[],
        caller: None,
    }
    .run();
}
