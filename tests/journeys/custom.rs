//! A provider that is described in a file, through the real binary: SMSAPI as the shipped example describes it.

use crate::harness::{Fake, PUBLIC_URL, Reaction, Request, Setup, World, json_answer, until};
use serde_json::{Value, json};

const FREE: &str = "48500500502";
const BLOCKED: &str = "48500500501";
const SMSAPI: &str = include_str!("../../plugins/custom/examples/smsapi.toml");

/// Answers as SMSAPI does: one entry for each number.
fn smsapi() -> Fake {
    Fake::with(|request| {
        let text = if request.method() == "GET" { request.target().to_owned() } else { request.text() };
        let to = text.split(['&', '?']).find_map(|pair| pair.strip_prefix("to=")).unwrap_or_default();
        let list: Vec<Value> = to
            .split("%2C")
            .flat_map(|some| some.split(','))
            .map(|number| json!({ "id": format!("id{number}"), "points": 0.16, "number": number, "submitted_number": number,
                                  "status": "QUEUE", "error": null }))
            .collect();
        Reaction::Answer(json_answer(200, &json!({ "count": list.len(), "list": list })))
    })
}

fn start(provider: &Fake) -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.keep().join("smsapi.toml");
    std::fs::write(&file, SMSAPI).expect("the description is written");
    let world = Setup::default()
        .tail(&format!(
            "[[provider]]\nname = \"smsapi\"\nadapter = \"custom\"\nfile = {file:?}\nupstream = \"{}\"\nsecret = \"the-secret\"\n\
             api_key = \"TOKEN\"",
            provider.url()
        ))
        .start();
    world.api().contact(&json!({ "phone": format!("+{BLOCKED}"), "dnd": true }));
    world
}

fn send(fields: &[(&str, &str)]) -> Request {
    Request::post("/smsapi/sms.do").field("authorization", "Bearer TOKEN").form(fields)
}

fn stop(from: &str, key: &str) -> Request {
    let now = jiff::Timestamp::now().as_second().to_string();
    Request::post(&format!("/hooks/smsapi?key={key}")).form(&[
        ("sms_from", from),
        ("sms_to", "48732100100"),
        ("sms_text", "STOP"),
        ("sms_date", &now),
    ])
}

#[test]
fn r10_r11_r12_sends_are_judged_trimmed_and_refused_as_described() {
    let provider = smsapi();
    let world = start(&provider);
    assert_eq!(world.send(&send(&[("to", FREE), ("message", "Hi"), ("format", "json")])).status(), 200);
    let refused = world.send(&send(&[("to", BLOCKED), ("message", "Hi"), ("format", "json")]));
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.json()["error"], 13, "{refused:?}");
    assert_eq!(refused.json()["dnd"]["reason"], "all", "{refused:?}");
    let both = format!("{BLOCKED},{FREE}");
    assert_eq!(world.send(&send(&[("to", &both), ("param1", "Ada|Bob"), ("message", "Hi")])).status(), 200);
    assert_eq!(provider.last().text(), format!("to={FREE}&param1=Bob&message=Hi"));
    // The same by GET, as many a regional gateway is used.
    let get = |to: &str| world.send(&Request::get(&format!("/smsapi/sms.do?message=Hi&to={to}&idx=1|2")));
    assert_eq!(get(&both).status(), 200);
    assert_eq!(provider.last().target(), format!("/sms.do?message=Hi&to={FREE}&idx=2"));
    assert_eq!(get(BLOCKED).status(), 400);
    // A group is nobody that we know, an endpoint that is not described is looked through.
    assert_eq!(world.send(&send(&[("group", "all"), ("message", "Hi")])).status(), 400);
    let head = Request::get(&format!("/smsapi/rcs.do?to={BLOCKED}"));
    assert_eq!(world.send(&head).status(), 400);
    assert_eq!(world.send(&Request::get("/smsapi/user.do?credits=1")).status(), 200);
    let seen = provider.seen();
    assert_eq!(seen.len(), 4, "{seen:#?}");
    assert!(
        seen.iter().all(|one| !one.text().contains(BLOCKED) && !one.target().contains(BLOCKED)),
        "{seen:#?}"
    );
}

#[test]
fn r16_r19_replies_and_reports_are_believed_when_they_bear_the_secret() {
    let provider = smsapi();
    let world = start(&provider);
    assert_eq!(world.send(&stop(FREE, "wrong")).status(), 403);
    assert!(!world.is_blocked("SMS", &format!("+{FREE}")));
    let taken = world.send(&stop(FREE, "the-secret"));
    assert_eq!((taken.status(), taken.text().as_str()), (200, "OK"));
    assert!(world.is_blocked("SMS", &format!("+{FREE}")));
    // A report comes to the address that the gateway put into the send, which no secret can be added to.
    let other = "48500500503";
    let fields = [("to", other), ("message", "Hi"), ("notify_url", "https://crm.example.com/dlr")];
    assert_eq!(world.send(&send(&fields)).status(), 200);
    let callback = provider.last().form("notify_url").pop().expect("a callback");
    let target = callback
        .strip_prefix(PUBLIC_URL)
        .expect("the gateway's")
        .split('#')
        .next()
        .expect("an address")
        .to_owned();
    let now = jiff::Timestamp::now().as_second();
    let report = |target: &str| {
        Request::get(&format!(
            "{target}?MsgId=1&status=405&status_name=UNDELIVERED&to={other}&donedate={now}"
        ))
    };
    let forged = format!("{}x", target);
    assert_eq!(world.send(&report(&forged)).status(), 404);
    assert!(!world.is_blocked("SMS", &format!("+{other}")));
    assert_eq!(world.send(&report(&target)).status(), 200);
    assert!(world.is_blocked("SMS", &format!("+{other}")));
}

#[test]
fn r14_a_scheduled_message_is_deleted_when_the_person_opts_out() {
    let provider = smsapi();
    let world = start(&provider);
    let later = (jiff::Timestamp::now().as_second() + 86_400).to_string();
    assert_eq!(world.send(&send(&[("to", FREE), ("message", "Hi"), ("date", &later)])).status(), 200);
    assert_eq!(world.send(&stop(FREE, "the-secret")).status(), 200);
    let cancelled = until("the message to be deleted", || {
        provider.seen().into_iter().find(|one| one.text().contains("sch_del"))
    });
    assert_eq!(cancelled.text(), format!("format=json&sch_del=id{FREE}"));
    assert_eq!(cancelled.field("authorization"), Some("Bearer TOKEN"));
}

#[test]
fn check_names_what_is_wrong_in_a_description() {
    let world = World::start();
    let folder = world.gate.folder();
    let config =
        |file: &str| format!("[[provider]]\nname = \"mine\"\nadapter = \"custom\"\nfile = {file:?}\n");
    let check = |config_text: &str| {
        std::fs::write(folder.join("other.toml"), config_text).expect("written");
        let ran = world.gate.command_with("other.toml", &["check"]);
        (ran.status.code(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    };
    std::fs::write(folder.join("mine.toml"), SMSAPI).expect("written");
    let (code, said) = check(&config("mine.toml"));
    assert_eq!(code, Some(0), "{said}");
    std::fs::write(folder.join("mine.toml"), SMSAPI.replacen("parallel", "paralel", 1)).expect("written");
    let (code, said) = check(&config("mine.toml"));
    let line = SMSAPI.lines().position(|line| line.starts_with("parallel")).expect("there") + 1;
    assert!(
        code == Some(2) && said.contains(&format!("mine.toml:{line}: ")) && said.contains("paralel"),
        "{said}"
    );
    let (code, said) = check("[[provider]]\nname = \"mine\"\nadapter = \"custom\"\n");
    assert!(code == Some(2) && said.contains("file = "), "{said}");
}
