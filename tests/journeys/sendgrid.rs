//! SendGrid through the real binary: its SDKs, its webhooks, what leaves later.

use crate::harness::{
    Fake, Message, Request, Setup, World,
    sendgrid::{INBOUND_SECRET, SendGrid, configured, event, signed, verification_key},
    until,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

const FREE: &str = "bob@example.org";
const BLOCKED: &str = "ada@example.org";

/// A gateway in front of SendGrid, and its CRM.
struct Sending {
    world: World,
    sendgrid: Fake,
    crm: Fake,
}

fn sending(more: &str) -> Sending {
    let (sendgrid, crm) = (SendGrid::default().serve(), Fake::crm());
    let crm_webhook = format!("crm_webhook = \"{}/hooks/sendgrid\"", crm.url());
    let world = Setup::default().tail(&configured(&sendgrid, &crm_webhook, more)).start();
    Sending { world, sendgrid, crm }
}

impl Sending {
    fn send(&self, body: &Value) -> Message {
        self.world.send(&Request::post("/sendgrid/v3/mail/send").json(body))
    }

    /// The mails that reached SendGrid.
    fn mails(&self) -> Vec<Value> {
        let sent = self.sendgrid.seen().into_iter().filter(|one| one.target().ends_with("/mail/send"));
        sent.map(|one| serde_json::from_slice(&one.body).expect("JSON")).collect()
    }
}

fn mail(personalizations: &Value) -> Value {
    json!({
        "personalizations": personalizations, "from": { "email": "team@crm.example.com" }, "subject": "Hello",
        "content": [{ "type": "text/plain", "value": "Hi" }],
    })
}

fn to(address: &str) -> Value {
    json!({ "to": [{ "email": address }] })
}

fn script(name: &str, fields: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let program = if name.ends_with(".py") { folder.join(".venv/bin/python") } else { "node".into() };
    let mut command = Command::new(program);
    command.arg(folder.join(name)).arg("checks").env("PYTHONDONTWRITEBYTECODE", "1");
    fields.iter().for_each(|(name, value)| {
        command.env(name, value);
    });
    let ran = command.output().expect("it runs; tests/run fetches the SDKs");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{name}: {}\n{out}\n{err}", ran.status);
}

/// An SDK's checks, after which nothing that names the blocked one may have reached SendGrid.
fn sdk(name: &str, least: usize) {
    let all = sending("");
    all.world.api().contact(&json!({ "email": BLOCKED, "dnd": true }));
    let base = format!("http://127.0.0.1:{}/sendgrid", all.world.gate.ports.traffic);
    script(name, &[("BASE", &base), ("FREE", FREE), ("BLOCKED", BLOCKED)]);
    let mails = all.mails();
    assert!(mails.len() >= least, "only {} mails went out", mails.len());
    for mail in mails {
        let text = mail.to_string().to_lowercase();
        assert!(text.contains(FREE) && !text.contains(BLOCKED), "{mail:#}");
        assert!(!text.contains("\"ada\""), "their data goes along: {mail:#}");
    }
}

#[test]
fn r11_r12_sendgrid_for_python() {
    sdk("sendgrid_python.py", 5);
}

#[test]
fn r11_r12_sendgrid_for_node() {
    sdk("sendgrid_node.js", 3);
}

#[test]
fn r11_r12_sendgrid_by_django_anymail() {
    sdk("sendgrid_anymail.py", 5);
}

#[test]
fn r18_events_count_when_sendgrid_signed_them_and_the_crms_verifier_accepts_them() {
    let all = sending("");
    let world = &all.world;
    let forged = format!("{}\r\n", json!([event("unsubscribe", BLOCKED, json!({}))]));
    let mut request = signed(&forged);
    request.body = forged.replace("ada", "bob").into_bytes();
    assert_eq!(world.send(&request).status(), 403);
    assert_eq!(world.send(&Request::post("/hooks/sendgrid").body("application/json", forged)).status(), 403);
    assert!(!world.is_blocked("Email", BLOCKED) && !world.is_blocked("Email", FREE));
    assert!(all.crm.seen().is_empty());

    world.sendgrid_reports(&[
        event("delivered", FREE, json!({})),
        event("bounce", "gone@example.org", json!({ "type": "bounce", "reason": "550 5.1.1 no such user" })),
        event("bounce", "full@example.org", json!({ "type": "blocked", "reason": "452 mailbox full" })),
        event("spamreport", BLOCKED, json!({})),
        event("unsubscribe", "carl@example.org", json!({})),
        event("group_unsubscribe", "dora@example.org", json!({ "asm_group_id": 7 })),
        event("dropped", "emil@example.org", json!({ "reason": "Spam Reporting Address" })),
    ]);
    for (address, blocked) in [
        (FREE, false),
        ("gone@example.org", true),
        ("full@example.org", false),
        (BLOCKED, true),
        ("carl@example.org", true),
        ("dora@example.org", true),
        ("emil@example.org", true),
    ] {
        assert_eq!(world.is_blocked("Email", address), blocked, "{address}");
    }
    let id = world.api().contact(&json!({ "email": "emil@example.org" }));
    assert_eq!(world.api().show(&id)["dndSettings"]["Email"]["status"], "permanent", "a complaint");
    world.sendgrid_reports(&[event("group_resubscribe", "dora@example.org", json!({ "asm_group_id": 7 }))]);
    assert!(world.is_blocked("Email", "dora@example.org"), "r23: nothing but START and operators lift");

    let passed = until("the CRM", || Some(all.crm.seen()).filter(|all| all.len() == 2)).swap_remove(0);
    let field = |name: &str| passed.field(name).unwrap_or_default().to_owned();
    script(
        "sendgrid_eventwebhook.js",
        &[
            ("KEY", &verification_key()),
            ("BODY", &passed.text()),
            ("SIGNATURE", &field("X-Twilio-Email-Event-Webhook-Signature")),
            ("TIMESTAMP", &field("X-Twilio-Email-Event-Webhook-Timestamp")),
        ],
    );
}

#[test]
fn r16_a_stop_by_mail_counts_when_it_bears_the_secret_of_its_address() {
    let all = sending("");
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\nAda <{BLOCKED}>\r\n\
         --b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nSTOP\r\n--b--\r\n"
    );
    let webhook = |secret: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("sendgrid:{secret}")));
        Request::post("/hooks/sendgrid")
            .body("multipart/form-data; boundary=b", body.clone())
            .field("Authorization", &basic)
    };
    assert_eq!(all.world.send(&webhook("guessed")).status(), 403);
    assert!(!all.world.is_blocked("Email", BLOCKED));
    assert_eq!(all.world.send(&webhook(INBOUND_SECRET)).status(), 200);
    assert!(all.world.is_blocked("Email", BLOCKED));
}

#[test]
fn r11_hidden_copies_go_with_the_mail_they_are_copies_of() {
    let all = sending("");
    all.world.api().contact(&json!({ "email": BLOCKED, "dnd": true }));
    let copied = |address: &str| json!({ "to": [{ "email": address }], "bcc": [{ "email": "archive@crm.example.com" }] });
    let answer = all.send(&mail(&json!([copied(BLOCKED), copied(FREE)])));
    assert_eq!(answer.status(), 202, "{}", answer.text());
    assert!(answer.verdict().starts_with("trimmed; blocked="), "{}", answer.verdict());
    assert_eq!(all.mails()[0]["personalizations"], json!([copied(FREE)]));
    let answer = all.send(&mail(&json!([copied(BLOCKED)])));
    assert_eq!(answer.status(), 400, "a hidden copy alone is refused");
    assert!(answer.verdict().starts_with("blocked; channel=email"), "{}", answer.verdict());
    assert_eq!(all.mails().len(), 1);
}

#[test]
fn r14_a_batch_is_cancelled_when_somebody_of_it_opts_out() {
    let all = sending("");
    let later = |batch: Option<&str>| {
        let mut body = mail(&json!([to(BLOCKED)]));
        body["send_at"] = json!(1795500000);
        if let Some(batch) = batch {
            body["batch_id"] = json!(batch);
        }
        body
    };
    let refused = all.send(&later(None));
    assert_eq!(refused.status(), 400, "without a batch nothing could cancel it");
    assert_eq!(all.send(&later(Some("batch-7"))).status(), 202);
    all.world.sendgrid_reports(&[event("unsubscribe", BLOCKED, json!({}))]);
    let cancelled = until("the cancellation", || {
        all.sendgrid.seen().into_iter().find(|one| one.target() == "/v3/user/scheduled_sends")
    });
    assert_eq!(cancelled.json(), json!({ "batch_id": "batch-7", "status": "cancel" }));
    assert_eq!(cancelled.field("Authorization"), Some("Bearer SG.key"));
    let resumed = all.world.send(&Request::new("DELETE", "/sendgrid/v3/user/scheduled_sends/batch-7"));
    assert_eq!(resumed.status(), 400, "nobody takes that back by accident");
    assert!(!all.sendgrid.seen().iter().any(|one| one.method() == "DELETE"));
}

#[test]
fn r12_what_is_not_read_with_certainty_never_reaches_sendgrid() {
    let all = sending("");
    for body in [
        json!({ "personalizations": [{ "to": [{ "email": FREE, "name": "ada@example.org, Bob" }] }] }),
        json!({ "personalizations": [to(FREE)], "headers": { "bcc": BLOCKED } }),
        json!({ "personalizations": { "to": [{ "email": FREE }] } }),
        json!({ "personalizations": [{ "to": [{ "email": "not an address" }] }] }),
    ] {
        let answer = all.send(&body);
        assert_eq!(answer.status(), 400, "{body}");
        assert!(
            answer.json()["errors"][0]["message"].as_str().is_some_and(|text| text.contains("refused")),
            "{body}"
        );
    }
    assert!(all.mails().is_empty());
}

#[test]
fn r17_a_mail_to_one_person_gets_the_headers_to_leave_by() {
    let all = sending("list_unsubscribe = true");
    all.world.api().contact(&json!({ "email": BLOCKED, "dnd": true }));
    let answer = all.send(&mail(&json!([to(BLOCKED), to(FREE)])));
    assert_eq!(answer.status(), 202, "{}", answer.text());
    let headers = all.mails()[0]["headers"].clone();
    assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    let link = headers["List-Unsubscribe"].as_str().expect("a link").trim_matches(['<', '>']).to_owned();
    let path = link.split_once("example.com").expect("the gateway's").1;
    let click = Request::post(path).form(&[("List-Unsubscribe", "One-Click")]);
    assert_eq!(all.world.send(&click).status(), 200);
    assert!(all.world.is_blocked("Email", FREE));
}
