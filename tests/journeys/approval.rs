//! Evidence by two persons, its cool-down, its limits, and reading it back (R22).

use crate::harness::{Api, Request, Setup, World};
use serde_json::{Value, json};

const NUMBER: &str = "+14155550101";

fn evidence() -> Value {
    json!({ "channel": "SMS", "text": "I agree to be texted again", "source": "web form 12", "obtainedAt": "2026-01-02T03:04:05Z" })
}

fn stopped(world: &World) -> String {
    let id = world.api().contact(&json!({ "phone": NUMBER }));
    world.hears(NUMBER, "STOP");
    id
}

fn file(api: &Api<'_>, id: &str) -> String {
    let filed = api.post(&format!("/v1/contacts/{id}/evidence"), &evidence());
    assert_eq!(filed.status(), 201, "{}", filed.text());
    filed.json()["evidence"]["id"].as_str().expect("an id").to_owned()
}

fn switch_off(world: &World, id: &str) -> (u16, String) {
    let wish = json!({ "dndSettings": { "SMS": { "status": "inactive" } } });
    let answer = world.api().put(&format!("/contacts/{id}"), &wish);
    (answer.status(), answer.text().to_string())
}

#[test]
fn r22_with_a_second_person_who_files_cannot_approve() {
    let world = Setup::default().tail("[evidence]\napproval = \"second person\"").start();
    let id = stopped(&world);
    let (ada, also_ada) = (
        world.gate.token(&["--role", "operator", "--name", "ada"]),
        world.gate.token(&["--role", "operator", "--name", "ada"]),
    );
    let bob = world.gate.token(&["--role", "operator", "--name", "bob"]);
    let as_ = |token| Api { gate: &world.gate, token };
    let evidence = file(&as_(&ada), &id);
    let (status, said) = switch_off(&world, &id);
    assert_eq!(status, 409);
    assert!(said.contains("second person"), "{said}");
    let pending = as_(&bob).get("/v1/evidence").json();
    assert_eq!(pending["evidence"][0]["id"], json!(evidence), "{pending}");
    for token in [&ada, &also_ada] {
        let refused = as_(token).post(&format!("/v1/evidence/{evidence}/approve"), &json!({}));
        assert_eq!(refused.status(), 403, "{}", refused.text());
    }
    assert_eq!(switch_off(&world, &id).0, 409);
    let approved =
        as_(&bob).post(&format!("/v1/evidence/{evidence}/approve"), &json!({ "reason": "seen the form" }));
    assert_eq!(approved.status(), 200, "{}", approved.text());
    assert_eq!(approved.json()["evidence"]["decidedBy"], "token:bob");
    assert_eq!(
        as_(&bob).post(&format!("/v1/evidence/{evidence}/reject"), &json!({})).status(),
        409,
        "decided"
    );
    assert_eq!(switch_off(&world, &id).0, 200);
    let history = Value::Array(world.api().history(&id)).to_string();
    assert!(history.contains("evidence_approved") && history.contains("token:ada"), "{history}");

    // A rejection is final, and opens nothing.
    world.hears(NUMBER, "STOP");
    let evidence = file(&as_(&ada), &id);
    assert_eq!(as_(&bob).post(&format!("/v1/evidence/{evidence}/reject"), &json!({})).status(), 200);
    assert_eq!(as_(&bob).post(&format!("/v1/evidence/{evidence}/approve"), &json!({})).status(), 409);
    assert_eq!(switch_off(&world, &id).0, 409);
}

#[test]
fn r22_evidence_counts_after_its_cool_down() {
    let world = Setup::default().tail("[evidence]\ncool_down = \"1h\"").start();
    let id = stopped(&world);
    file(&world.api(), &id);
    let (status, said) = switch_off(&world, &id);
    assert_eq!(status, 409);
    assert!(said.contains("cool-down"), "{said}");
}

fn multipart(id: &str, media: &str, file: &str) -> Request {
    let field = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!(
        "{}{}{}{}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"form.pdf\"\r\nContent-Type: {media}\r\n\r\n{file}\r\n--b--\r\n",
        field("channel", "SMS"),
        field("text", "agreed"),
        field("source", "paper form"),
        field("obtainedAt", "2026-01-02"),
    );
    Request::post(&format!("/v1/contacts/{id}/evidence")).body("multipart/form-data; boundary=b", body)
}

#[test]
fn r22_evidence_is_read_back_with_its_file_and_exported_for_twilio() {
    let world = World::start();
    let id = stopped(&world);
    let api = world.api();
    let filed = api.send(multipart(&id, "application/pdf", "%PDF"));
    assert_eq!(filed.status(), 201, "{}", filed.text());
    let evidence = filed.json()["evidence"]["id"].as_str().expect("an id").to_owned();
    let read = api.get(&format!("/v1/evidence/{evidence}")).json();
    assert_eq!(read["evidence"]["text"], "agreed", "{read}");
    assert_eq!(read["evidence"]["file"]["sha256"], json!(crate::harness::signed::sha256(b"%PDF")), "{read}");
    let file = api.get(&format!("/v1/evidence/{evidence}/file"));
    assert_eq!((file.body.as_slice(), file.field("content-type")), (&b"%PDF"[..], Some("application/pdf")));
    assert_eq!(
        api.get(&format!("/v1/contacts/{id}/evidence")).json()["evidence"].as_array().map(Vec::len),
        Some(1)
    );
    let consent =
        api.get(&format!("/v1/evidence/{evidence}/twilio-consent?sender=MG00000000000000000000000000000000"));
    let item = &consent.json()["Items"][0];
    assert_eq!(item["contact_id"], NUMBER, "{item}");
    assert_eq!((&item["status"], &item["source"]), (&json!("opt-in"), &json!("offline")), "{item}");
    assert_eq!(item["correlation_id"].as_str().map(str::len), Some(32), "{item}");
    assert_eq!(item["date_of_consent"], "2026-01-02T00:00:00Z", "{item}");
}

#[test]
fn r22_evidence_has_limits() {
    let world = Setup::default().tail("[evidence]\nfile_max = \"1KiB\"\ntext_max = \"100B\"").start();
    let id = stopped(&world);
    let api = world.api();
    assert_eq!(api.send(multipart(&id, "application/pdf", &"x".repeat(1025))).status(), 413);
    assert_eq!(api.send(multipart(&id, "application/pdf", &"x".repeat(1024))).status(), 201);
    assert_eq!(api.send(multipart(&id, "text/html", "<script>")).status(), 415);
    let mut long = evidence();
    long["text"] = json!("x".repeat(101));
    assert_eq!(api.post(&format!("/v1/contacts/{id}/evidence"), &long).status(), 413);
}
