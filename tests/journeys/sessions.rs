//! Signing in to the console: who may, for how long, and what no other site can do with it.

use crate::harness::{Message, Request, Setup, World, until};
use serde_json::{Value, json};

fn sign_in(world: &World, body: &Value) -> Message {
    Request::post("/v1/session").json(body).send(world.gate.ports.admin)
}

/// The cookie and the secret against forged requests.
fn signed_in(world: &World) -> (String, String) {
    let token = world.gate.token(&["--role", "operator", "--name", "ada"]);
    let answer = sign_in(world, &json!({ "token": token }));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let cookie = answer.field("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(&token), "the cookie is no token");
    let csrf = answer.json()["csrf"].as_str().expect("a secret").to_owned();
    (cookie.split(';').next().expect("a pair").to_owned(), csrf)
}

fn ask(world: &World, request: Request, cookie: &str) -> Message {
    request.field("Cookie", cookie).send(world.gate.ports.admin)
}

#[test]
fn a_session_does_what_its_token_may_and_no_forged_request_does() {
    let world = World::start();
    let (cookie, csrf) = signed_in(&world);
    let contact = || Request::post("/contacts/").json(&json!({ "phone": "+14155550101" }));
    assert_eq!(ask(&world, Request::get("/v1/channels"), &cookie).status(), 200);
    assert_eq!(ask(&world, contact(), &cookie).status(), 403, "without its secret");
    assert_eq!(ask(&world, contact().field("X-Csrf-Token", "guess"), &cookie).status(), 403);
    let made = ask(&world, contact().field("X-Csrf-Token", &csrf), &cookie);
    assert_eq!(made.status(), 201, "{}", made.text());
    assert_eq!(ask(&world, Request::get("/v1/channels"), "dndgate_session=guess").status(), 401);
    let out = Request::new("DELETE", "/v1/session").field("X-Csrf-Token", &csrf);
    assert_eq!(ask(&world, out, &cookie).status(), 204);
    assert_eq!(ask(&world, Request::get("/v1/channels"), &cookie).status(), 401, "signed out");
}

#[test]
fn a_session_ends_when_it_is_idle_and_when_its_time_is_over() {
    for line in ["session_idle = \"50ms\"", "session_max = \"50ms\""] {
        let world = Setup::default().admin(line).start();
        let (cookie, _) = signed_in(&world);
        // Whoever keeps asking keeps an idle one alive: it is asked once it may be over.
        std::thread::park_timeout(std::time::Duration::from_millis(60));
        until(line, || (ask(&world, Request::get("/v1/channels"), &cookie).status() == 401).then_some(()));
    }
}

#[test]
fn guessing_has_an_end() {
    let world = Setup::default().admin("sign_in_failures = 3").start();
    let wrong = json!({ "user": "grace", "password": "not the one" });
    for _ in 0..3 {
        assert_eq!(sign_in(&world, &wrong).status(), 401);
    }
    assert_eq!(sign_in(&world, &wrong).status(), 429);
    for bad in [json!({}), json!({ "user": "x" }), json!({ "token": "a", "user": "b", "password": "c" })] {
        let fresh = World::start();
        assert_eq!(sign_in(&fresh, &bad).status(), 400, "{bad}");
    }
}

#[test]
fn the_console_is_served_under_a_strict_policy_and_small() {
    let world = World::start();
    let page = world.gate.admin("/");
    let policy = page.field("content-security-policy").expect("a policy").to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.text().contains("<script>") && !page.text().contains("style="), "{}", page.text());
    let tag = page.field("etag").expect("a tag").to_owned();
    let again = Request::get("/").field("If-None-Match", &tag).send(world.gate.ports.admin);
    assert_eq!(again.status(), 304);
    assert_eq!(world.gate.admin("/console/../mod.rs").status(), 404);
    assert_eq!(world.gate.admin("/console/nothing.js").status(), 404);
}
