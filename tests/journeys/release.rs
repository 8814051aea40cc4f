//! The release of spam complaints (R21): the gateway asks the provider itself, twice and once more at the end.

use crate::harness::{
    Fake, Reaction, Setup, World, answer, json_answer,
    sendgrid::{SendGrid, configured, event},
    signed::mail_event,
    until,
    wire::Message,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::UdpSocket,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

pub(super) const ADA: &str = "ada@example.org";
const NOT_THERE: [(&str, &str); 3] = [
    ("bounces", "Address not found in bounces table"),
    ("unsubscribes", "Address not found in unsubscribers table"),
    ("complaints", "No spam complaints found for this address"),
];

/// Mailgun's lists of one domain.
#[derive(Clone, Default)]
pub(super) struct Lists(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Lists {
    pub(super) fn with(entries: &[(&str, &str)]) -> Lists {
        let all = entries.iter().map(|(list, address)| ((*list).to_owned(), (*address).to_owned()));
        Lists(Arc::new(Mutex::new(all.collect())))
    }

    pub(super) fn serve(&self, mailgun: &Fake) {
        let lists = self.clone();
        mailgun.reacts(move |request| Reaction::Answer(lists.answer(request)));
    }

    fn answer(&self, request: &Message) -> Message {
        let path: Vec<&str> =
            request.target().split('?').next().unwrap_or_default().split('/').skip(1).collect();
        let ["v3", "mg.example.com", list, address] = path[..] else {
            return json_answer(200, &json!({ "id": "<1@mg.example.com>", "message": "Queued. Thank you." }));
        };
        let key = (list.to_owned(), address.replace("%40", "@").replace("%2B", "+"));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (request.method(), all.contains(&key)) {
            ("DELETE", true) => {
                all.remove(&key);
                json_answer(200, &json!({ "message": "Removed", "address": key.1 }))
            }
            (_, true) => {
                json_answer(200, &json!({ "address": key.1, "created_at": "Thu, 11 Dec 2025 01:49:40 UTC" }))
            }
            (_, false) => {
                let said =
                    NOT_THERE.iter().find(|(name, _)| *name == list).map_or("Domain not found", |one| one.1);
                json_answer(404, &json!({ "message": said }))
            }
        }
    }
}

/// A name server that knows mail servers of every domain but those below `invalid`.
fn name_server() -> u16 {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a port");
    let port = socket.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut buffer = [0u8; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = &buffer[..length];
            let Some(end) = question.get(12..).and_then(|rest| rest.iter().position(|byte| *byte == 0))
            else {
                continue;
            };
            let (name, after) = (&question[12..12 + end], 12 + end + 1);
            let is_mx = question.get(after..after + 2) == Some(&[0, 15]);
            let unknown = name.ends_with(b"invalid");
            let mut reply = question[..2].to_vec();
            reply.extend([
                0x81,
                if unknown { 0x83 } else { 0x80 },
                0,
                1,
                0,
                u8::from(is_mx && !unknown),
                0,
                0,
                0,
                0,
            ]);
            reply.extend(&question[12..after + 4]);
            if is_mx && !unknown {
                // The domain itself, with preference 10.
                reply.extend([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 4, 0, 10, 0xc0, 12]);
            }
            let _ = socket.send_to(&reply, from);
        }
    });
    port
}

pub(super) fn world(more: &str) -> World {
    let resolver = name_server();
    let tail = format!(
        "account = \"mg.example.com\"\n[release]\nreading_interval = \"200ms\"\nresolver = \"127.0.0.1:{resolver}\"\n{more}"
    );
    Setup::default().tail(&tail).start()
}

pub(super) fn complains(world: &World, address: &str) -> String {
    let id = world.api().contact(&json!({ "email": address }));
    world.mailgun_reports(&mail_event("complained", address, json!({})));
    assert!(world.is_blocked("Email", address));
    id
}

fn post(world: &World, id: &str, body: &Value) -> (u16, Value) {
    let answer = world.api().post(&format!("/v1/contacts/{id}/email-release"), body);
    (answer.status(), answer.json())
}

fn missing(body: &Value) -> Vec<&str> {
    body["missing"].as_array().into_iter().flatten().filter_map(|one| one["step"].as_str()).collect()
}

/// Sends the request until the second reading may be taken.
fn until_ready(world: &World, id: &str, body: &Value) -> Value {
    until("the second reading", || {
        let (status, said) = post(world, id, body);
        assert!(status == 200 || missing(&said) == ["second-reading"], "{said}");
        (status == 200).then_some(said)
    })
}

#[test]
fn r21_a_complaint_is_released_after_two_readings_a_validation_and_an_operators_word() {
    let world = world("");
    Lists::default().serve(&world.mailgun);
    let id = complains(&world, ADA);
    let (status, body) = post(&world, &id, &json!({}));
    assert_eq!((status, &body["type"]), (409, &json!("urn:dndgate:release-incomplete")), "{body}");
    assert_eq!(missing(&body), ["second-reading", "confirmation"], "{body}");
    assert!(body["retryAt"].is_string(), "{body}");
    let asked: Vec<String> = world.mailgun.seen().iter().map(|one| one.target().to_owned()).collect();
    for list in ["bounces", "unsubscribes", "complaints"] {
        assert!(asked.contains(&format!("/v3/mg.example.com/{list}/ada%40example.org")), "{asked:?}");
    }
    assert!(
        world
            .mailgun
            .seen()
            .iter()
            .all(|one| one.field("authorization").is_some_and(|key| key.starts_with("Basic ")))
    );

    let wish = json!({ "dndSettings": { "Email": { "status": "inactive" } } });
    assert_eq!(world.api().put(&format!("/contacts/{id}"), &wish).status(), 409, "not yet");
    let word = json!({ "confirmation": { "reason": "Ada called and asked for the newsletter" } });
    let ready = until_ready(&world, &id, &word);
    assert_eq!(ready["ready"], true, "{ready}");
    assert!(world.is_blocked("Email", ADA), "an operator ends it, nobody else");
    let ended = world.api().put(&format!("/contacts/{id}"), &wish);
    assert_eq!(ended.status(), 200, "{}", ended.text());
    assert!(!world.is_blocked("Email", ADA));

    let history = Value::Array(world.api().history(&id)).to_string();
    for kept in [
        "GET /v3/mg.example.com/complaints/{address}",
        "bodySha256",
        "Ada called",
        "\"by\":\"mx\"",
        "\"end\"",
    ] {
        assert!(history.contains(kept), "{kept} is not in {history}");
    }
    assert!(!history.contains("the-api-key"), "{history}");
    // A release is used up.
    world.mailgun_reports(&mail_event("complained", ADA, json!({})));
    assert_eq!(world.api().put(&format!("/contacts/{id}"), &wish).status(), 409);
}

#[test]
fn r21_an_address_on_a_list_is_named_and_taken_off_when_asked() {
    let world = world("");
    let lists = Lists::with(&[("complaints", ADA), ("bounces", ADA), ("complaints", "bob@example.org")]);
    lists.serve(&world.mailgun);
    let id = complains(&world, ADA);
    let (status, body) = post(&world, &id, &json!({}));
    assert_eq!(status, 409);
    assert!(missing(&body).contains(&"lists-present"), "{body}");
    let said = body["releases"].to_string();
    assert!(
        said.contains("mg.example.com") && said.contains("complaints") && said.contains("\"present\""),
        "{said}"
    );
    assert!(!world.mailgun.seen().iter().any(|one| one.method() == "DELETE"), "nobody asked for it");

    let body = json!({ "remove": true, "confirmation": { "reason": "asked on the phone" } });
    until_ready(&world, &id, &body);
    let deleted: Vec<String> = (world.mailgun.seen().iter())
        .filter(|one| one.method() == "DELETE")
        .map(|one| one.target().to_owned())
        .collect();
    assert_eq!(
        deleted,
        ["/v3/mg.example.com/bounces/ada%40example.org", "/v3/mg.example.com/complaints/ada%40example.org"]
    );
    let left = lists.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(left.len(), 1, "somebody else's entry stays: {left:?}");
    let (status, ended) = post(&world, &id, &json!({ "end": true }));
    assert_eq!(status, 200, "{ended}");
    assert!(!world.is_blocked("Email", ADA));
    assert!(Value::Array(world.api().history(&id)).to_string().contains("\"removal\""));
}

#[test]
fn r21_what_is_no_plain_absence_is_never_taken_for_one() {
    let world = world("");
    let id = complains(&world, ADA);
    for reply in [
        json_answer(404, &json!({ "message": "Domain not found: mg.example.com" })),
        answer(404, "text/plain", "Not Found"),
        json_answer(401, &json!({ "message": "Invalid private key" })),
        answer(200, "text/plain", "Mailgun Magnificent API"),
        json_answer(200, &json!({ "items": [] })),
        json_answer(429, &json!({ "message": "too many" })),
        json_answer(500, &json!({ "message": "Address not found in bounces table" })),
    ] {
        world.mailgun.answers(reply.clone());
        let (status, body) = post(&world, &id, &json!({ "confirmation": { "reason": "sure" }, "end": true }));
        assert_eq!(status, 409, "{reply:?}: {body}");
        assert!(missing(&body).contains(&"lists-unverified"), "{reply:?}: {body}");
    }
    assert!(world.is_blocked("Email", ADA));
}

#[test]
fn r21_without_the_providers_key_nothing_is_verified() {
    let world = Setup::default().without_mailgun_key().tail("account = \"mg.example.com\"").start();
    let id = complains(&world, ADA);
    let (status, body) = post(&world, &id, &json!({}));
    assert_eq!(status, 409);
    assert!(missing(&body).contains(&"lists-unverified") && body.to_string().contains("api_key"), "{body}");
}

#[test]
fn r21_another_complaint_restarts_the_release() {
    let world = world("");
    Lists::default().serve(&world.mailgun);
    let id = complains(&world, ADA);
    until_ready(&world, &id, &json!({ "confirmation": { "reason": "sure" } }));
    world.mailgun_reports(&mail_event("complained", ADA, json!({})));
    let wish = json!({ "dndSettings": { "Email": { "status": "inactive" } } });
    assert_eq!(world.api().put(&format!("/contacts/{id}"), &wish).status(), 409);
    let (status, body) = post(&world, &id, &json!({ "end": true }));
    assert_eq!((status, missing(&body)), (409, vec!["second-reading", "confirmation"]), "{body}");
    assert!(Value::Array(world.api().history(&id)).to_string().contains("release_restarted"));
}

#[test]
fn r21_a_domain_that_takes_no_mail_is_no_valid_address() {
    let world = world("");
    Lists::default().serve(&world.mailgun);
    let id = complains(&world, "ada@nowhere.invalid");
    let (status, body) = post(&world, &id, &json!({ "confirmation": { "reason": "sure" } }));
    assert_eq!(status, 409);
    assert!(missing(&body).contains(&"address-bad"), "{body}");
}

#[test]
fn r21_the_providers_validation_counts_where_it_is_configured() {
    let world = world("validate_with = \"mailgun\"");
    let lists = Lists::default();
    let result = Arc::new(Mutex::new("catch_all"));
    let says = Arc::clone(&result);
    world.mailgun.reacts(move |request| {
        let word = *says.lock().unwrap_or_else(PoisonError::into_inner);
        Reaction::Answer(if request.target().starts_with("/v4/address/validate?address=ada%40example.org") {
            json_answer(200, &json!({ "address": ADA, "result": word, "reason": [], "risk": "low" }))
        } else {
            lists.answer(request)
        })
    });
    let id = complains(&world, ADA);
    let step = |word: &'static str| {
        *result.lock().unwrap_or_else(PoisonError::into_inner) = word;
        let (_, body) = post(&world, &id, &json!({}));
        missing(&body)
            .into_iter()
            .filter(|step| !step.starts_with("second"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(step("catch_all"), ["confirmation"]);
    assert_eq!(step("undeliverable"), ["address-bad"]);
    assert_eq!(step("something new"), ["validation"]);
    assert!(step("deliverable").is_empty(), "a good address needs no word");
}

/// A gateway in front of Mailgun and SendGrid.
fn both(sendgrid: &SendGrid) -> (World, Fake) {
    let fake = sendgrid.serve();
    let resolver = name_server();
    let tail = format!(
        "account = \"mg.example.com\"\n{}\n[release]\nreading_interval = \"200ms\"\nresolver = \"127.0.0.1:{resolver}\"",
        configured(&fake, "", "")
    );
    (Setup::default().tail(&tail).start(), fake)
}

#[test]
fn r21_a_complaint_at_sendgrid_is_released_by_its_five_lists() {
    let sendgrid = SendGrid::default();
    let (world, fake) = both(&sendgrid);
    // Mailgun knows the address, and has no say in it.
    Lists::with(&[("complaints", ADA)]).serve(&world.mailgun);
    sendgrid.lists("", "spam_reports", [ADA.to_owned()]);
    sendgrid.lists("", "unsubscribes", [ADA.to_owned(), "bob@example.org".to_owned()]);
    let id = world.api().contact(&json!({ "email": ADA }));
    world.sendgrid_reports(&[event("spamreport", ADA, json!({}))]);
    let (status, body) = post(&world, &id, &json!({}));
    assert_eq!(status, 409);
    assert!(missing(&body).contains(&"lists-present"), "{body}");
    let asked: BTreeSet<String> = fake.seen().iter().map(|one| one.target().to_owned()).collect();
    for list in ["bounces", "blocks", "spam_reports", "invalid_emails"] {
        assert!(asked.contains(&format!("/v3/suppression/{list}/ada%40example.org")), "{asked:?}");
    }
    assert!(asked.contains("/v3/asm/suppressions/global/ada%40example.org"), "{asked:?}");

    let word = json!({ "remove": true, "confirmation": { "reason": "asked on the phone" } });
    until_ready(&world, &id, &word);
    assert!(sendgrid.on("", "spam_reports").is_empty());
    assert_eq!(sendgrid.on("", "unsubscribes").len(), 1, "somebody else's entry stays");
    assert!(world.mailgun.seen().is_empty(), "only who reported it is asked");
    let (status, ended) = post(&world, &id, &json!({ "end": true }));
    assert_eq!(status, 200, "{ended}");
    assert!(!world.is_blocked("Email", ADA));
    let history = Value::Array(world.api().history(&id)).to_string();
    assert!(history.contains("GET /v3/asm/suppressions/global/{address}"), "{history}");
    assert!(!history.contains("SG.key"), "{history}");
}

#[test]
fn r21_each_provider_that_reported_a_complaint_must_let_it_go() {
    let sendgrid = SendGrid::default();
    let (world, fake) = both(&sendgrid);
    let mailgun = Lists::with(&[("complaints", ADA)]);
    mailgun.serve(&world.mailgun);
    let id = complains(&world, ADA);
    let (_, body) = post(&world, &id, &json!({}));
    assert!(missing(&body).contains(&"lists-present"), "{body}");
    assert!(fake.seen().is_empty(), "SendGrid did not report it");
    // Now it does, too.
    world.sendgrid_reports(&[event("spamreport", ADA, json!({}))]);
    mailgun.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    sendgrid.lists("", "bounces", [ADA.to_owned()]);
    let (_, body) = post(&world, &id, &json!({ "confirmation": { "reason": "sure" } }));
    let asked: BTreeSet<&str> = body["releases"][0]["steps"][0]["readings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["provider"].as_str())
        .collect();
    assert_eq!(asked, ["mailgun", "sendgrid"].into(), "both reported it: {body}");
    assert!(missing(&body).contains(&"lists-present"), "SendGrid's is one of both: {body}");
    until_ready(&world, &id, &json!({ "remove": true, "confirmation": { "reason": "sure" } }));
    assert!(sendgrid.on("", "bounces").is_empty());
}

#[test]
fn r21_a_complaint_of_a_provider_that_is_gone_stays() {
    let sendgrid = SendGrid::default();
    let (mut world, _fake) = both(&sendgrid);
    Lists::default().serve(&world.mailgun);
    let id = world.api().contact(&json!({ "email": ADA }));
    world.sendgrid_reports(&[event("spamreport", ADA, json!({}))]);
    let file = world.gate.folder().join("dndgate.toml");
    let text = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, text.replace("name = \"sendgrid\"", "name = \"renamed\"")).expect("written");
    world.gate.is_killed();
    world.gate.starts_again();
    let (status, body) = post(&world, &id, &json!({ "confirmation": { "reason": "sure" }, "end": true }));
    assert_eq!(status, 409);
    assert!(missing(&body).contains(&"lists-unverified"), "{body}");
    assert!(body.to_string().contains("this provider reported the complaint"), "{body}");
    assert!(world.mailgun.seen().is_empty(), "another provider's lists say nothing of it");
    assert!(world.is_blocked("Email", ADA));
}
