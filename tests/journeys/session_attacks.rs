//! What somebody tries who wants into the console, or wants it to act for them: guessed, stolen, planted and outlived
//! sessions, pages of other sites, names that play tricks, what was filed as a trap.

use crate::harness::{ACCOUNT, Message, Request, Setup, World, hash_of, until};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    thread,
};

const PASSWORD: &str = "correct horse battery";

fn user(name: &str, role: &str, hash: &str) -> String {
    format!("[[admin.user]]\nname = {name:?}\nrole = {role:?}\npassword = {hash:?}\n")
}

/// A world in which grace signs in with a password.
fn world(admin: &str) -> World {
    Setup::default().admin(admin).tail(&user("grace", "operator", &hash_of(PASSWORD))).start()
}

fn sign_in(world: &World, body: &Value) -> Message {
    Request::post("/v1/session").json(body).send(world.gate.ports.admin)
}

fn graces(password: &str) -> Value {
    json!({ "user": "grace", "password": password })
}

/// Cookie and secret out of an answer.
fn session(answer: &Message) -> (String, String) {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let cookie = answer.field("set-cookie").expect("a cookie").split(';').next().expect("a pair").to_owned();
    (cookie, answer.json()["csrf"].as_str().expect("a secret").to_owned())
}

fn looks(world: &World, cookie: &str) -> u16 {
    Request::get("/v1/channels").field("Cookie", cookie).send(world.gate.ports.admin).status()
}

#[test]
fn a_planted_session_is_never_taken_up_and_the_one_before_ends() {
    let world = world("");
    let planted = "dndgate_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let token = json!({ "token": world.gate.operator_token() });
    let sign = |cookie: &str| {
        let request = Request::post("/v1/session").field("Cookie", cookie).json(&token);
        session(&request.send(world.gate.ports.admin)).0
    };
    let first = sign(planted);
    assert_ne!(first, planted);
    assert_eq!((looks(&world, planted), looks(&world, &first)), (401, 200));
    let second = sign(&first);
    assert_eq!((looks(&world, &first), looks(&world, &second)), (401, 200), "a new one takes its place");
}

#[test]
fn the_cookie_is_the_hosts_own_behind_tls() {
    let world = World::start();
    let token = json!({ "token": world.gate.operator_token() });
    let secure = |request: Request| request.field("X-Forwarded-Proto", "https");
    let answer = secure(Request::post("/v1/session")).json(&token).send(world.gate.ports.admin);
    let field = answer.field("set-cookie").expect("a cookie").to_owned();
    for part in ["__Host-dndgate_session=", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/;"] {
        assert!(field.contains(part), "{part} in {field}");
    }
    assert!(!field.contains("Domain"), "{field}");
    let (cookie, csrf) = session(&answer);
    let look = |cookie: &str| secure(Request::get("/v1/channels")).field("Cookie", cookie);
    assert_eq!(look(&cookie).send(world.gate.ports.admin).status(), 200);
    // A neighbouring host can set the plain name for this one, too: there it counts for nothing.
    let plain = cookie.trim_start_matches("__Host-");
    assert_eq!(look(plain).send(world.gate.ports.admin).status(), 401);
    let out = secure(Request::new("DELETE", "/v1/session")).field("X-Csrf-Token", &csrf);
    let out = out.field("Cookie", &cookie).send(world.gate.ports.admin);
    assert!(out.field("set-cookie").is_some_and(|field| field.contains("Max-Age=0")), "{out:?}");
}

#[test]
fn pages_of_other_sites_cannot_act_in_a_session() {
    let world = world("");
    let (cookie, csrf) = session(&sign_in(&world, &graces(PASSWORD)));
    let body = json!({ "phone": "+14155550101" }).to_string();
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let attempts: [(&str, &str, Fields<'_>); 7] = [
        ("a form", "application/x-www-form-urlencoded", &[("Origin", "https://evil.example")]),
        ("text", "text/plain", &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")]),
        ("a form with a file", "multipart/form-data; boundary=x", &[("Sec-Fetch-Site", "cross-site")]),
        ("JSON", "application/json", &[("Origin", "null")]),
        ("a guess", "application/json", &[("X-Csrf-Token", "guess")]),
        ("half a secret", "application/json", &[("X-Csrf-Token", &csrf[..10])]),
        ("a sister site", "application/json", &[("X-Csrf-Token", &csrf), ("Sec-Fetch-Site", "same-site")]),
    ];
    for (what, media, fields) in attempts {
        for path in ["/contacts/", "/v1/subscribers", "/v1/unsubscribe-keys", "/v1/imports"] {
            let mut request = Request::post(path).field("Cookie", &cookie).body(media, body.clone());
            for (name, value) in fields {
                request = request.field(name, value);
            }
            let answer = request.send(world.gate.ports.admin);
            assert_eq!(answer.status(), 403, "{what} to {path}: {}", answer.text());
        }
    }
    // Nor signs one in: whoever works in a stranger's session tells the stranger.
    for (media, site, status) in [
        ("text/plain", "none", 415),
        ("application/x-www-form-urlencoded", "none", 415),
        ("application/json", "cross-site", 403),
    ] {
        let request = Request::post("/v1/session").body(media, graces(PASSWORD).to_string());
        let answer = request.field("Sec-Fetch-Site", site).send(world.gate.ports.admin);
        assert_eq!((answer.status(), answer.field("set-cookie")), (status, None), "{media} {site}");
    }
    let preflight = Request::new("OPTIONS", "/contacts/").field("Origin", "https://evil.example");
    let preflight = preflight.field("Access-Control-Request-Method", "POST").send(world.gate.ports.admin);
    assert_eq!(preflight.field("access-control-allow-origin"), None, "no other site is let in");
}

#[test]
fn guesses_at_once_in_other_spellings_and_from_pretended_addresses_gain_nothing() {
    let world = world("sign_in_failures = 5");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let tries: Vec<_> = (0..20)
            .map(|index| {
                let name = ["grace", "Grace", "GRACE", "nobody"][index % 4];
                let request = Request::post("/v1/session")
                    .field("X-Forwarded-For", &format!("192.0.2.{index}"))
                    .field("Forwarded", &format!("for=192.0.2.{index}"))
                    .field("X-Real-IP", &format!("192.0.2.{index}"));
                let request = request.json(&json!({ "user": name, "password": format!("guess {index}") }));
                scope.spawn({
                    let port = world.gate.ports.admin;
                    move || request.send(port).status()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    let of = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((of(401), of(429)), (5, 15), "{statuses:?}");
    assert_eq!(sign_in(&world, &graces(PASSWORD)).status(), 429, "the right one waits, too");
}

#[test]
fn a_name_is_guessed_so_often_whoever_guesses() {
    let world = world("sign_in_failures = 1000\naccount_failures = 3");
    for name in ["grace", "GRACE", "Grace"] {
        let wrong = json!({ "user": name, "password": "guess" });
        assert_eq!(sign_in(&world, &wrong).status(), 401);
    }
    assert_eq!(sign_in(&world, &graces(PASSWORD)).status(), 429);
    let unknown = json!({ "user": "nobody", "password": "guess" });
    let answers: Vec<_> = (0..4).map(|_| sign_in(&world, &unknown)).collect();
    assert_eq!(
        answers.iter().map(Message::status).collect::<Vec<_>>(),
        [401, 401, 401, 429],
        "it tells no name"
    );
    assert_eq!(sign_in(&world, &json!({ "token": world.gate.operator_token() })).status(), 200);
}

#[test]
fn a_session_ends_with_its_user_and_with_the_password() {
    let world = world("");
    let (cookie, _) = session(&sign_in(&world, &graces(PASSWORD)));
    assert_eq!(looks(&world, &cookie), 200);
    let path = world.gate.folder().join("dndgate.toml");
    let config = std::fs::read_to_string(&path).expect("the configuration");
    let place = config.find("[[admin.user]]").expect("grace");
    let rewritten = format!("{}{}", &config[..place], user("grace", "read", &hash_of("another password")));
    std::fs::write(&path, rewritten).expect("written");
    until("the session to end", || (looks(&world, &cookie) == 401).then_some(()));
    let (cookie, csrf) = session(&sign_in(&world, &graces("another password")));
    let contact = Request::post("/contacts/").json(&json!({ "phone": "+14155550101" }));
    let contact = contact.field("Cookie", &cookie).field("X-Csrf-Token", &csrf);
    assert_eq!(contact.send(world.gate.ports.admin).status(), 403, "who looks does not write");
}

#[test]
fn what_streams_ends_when_its_session_does() {
    let world = World::start();
    let answer = sign_in(&world, &json!({ "token": world.gate.operator_token() }));
    let (cookie, csrf) = session(&answer);
    let streams: Vec<_> = ["/v1/decisions", "/v1/events"]
        .map(|path| {
            let request = Request::get(path).field("Accept", "text/event-stream").field("Cookie", &cookie);
            let request = request.field("Connection", "close");
            let mut stream = TcpStream::connect(("127.0.0.1", world.gate.ports.admin)).expect("connected");
            stream.write_all(&request.bytes()).expect("asked");
            let mut lines = BufReader::new(stream).lines();
            assert!(lines.next().expect("an answer").expect("read").contains(" 200 "), "{path}");
            lines
        })
        .into();
    let out = Request::new("DELETE", "/v1/session").field("X-Csrf-Token", &csrf).field("Cookie", &cookie);
    assert_eq!(out.send(world.gate.ports.admin).status(), 204);
    for stream in streams {
        // Read to its end: it would go on for ever.
        assert!(stream.map_while(Result::ok).last().is_some());
    }
}

#[test]
fn no_answer_is_kept_sniffed_or_framed() {
    let world = World::start();
    let api = world.api();
    let paths = ["/", "/console/app.js", "/healthz", "/metrics", "/openapi.json", "/nothing", "/v1/channels"];
    for answer in paths.map(|path| world.gate.admin(path)).into_iter().chain([
        api.get("/v1/channels"),
        api.get("/v1/exports/contacts"),
        api.post("/contacts/search", &json!({})),
        api.post("/v1/policies/try", &json!([])),
    ]) {
        let said = format!("{answer:?}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{said}");
        assert_eq!(answer.field("x-frame-options"), Some("DENY"), "{said}");
        let policy = answer.field("content-security-policy").unwrap_or_default();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{said}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{said}");
        let kept = answer.field("cache-control").unwrap_or_default();
        assert!(kept == "no-store" || kept == "no-cache" && policy.contains("script-src"), "{said}");
        assert_eq!(answer.field("cross-origin-resource-policy"), Some("same-origin"), "{said}");
    }
}

#[test]
fn what_was_filed_as_evidence_is_never_shown_as_a_page() {
    let world = World::start();
    let api = world.api();
    let id = api.contact(&json!({ "phone": "+14155550101" }));
    let form = |name: &str, media: &str, content: &str| {
        let part = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let fields = [("channel", "SMS"), ("text", "yes"), ("source", "form"), ("obtainedAt", "2026-01-01")];
        let mut body: String = fields.iter().map(|(name, value)| part(name, value)).collect();
        body.push_str(&format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media}\r\n\r\n{content}\r\n--x--\r\n"
        ));
        Request::post(&format!("/v1/contacts/{id}/evidence")).body("multipart/form-data; boundary=x", body)
    };
    let page = "<script>alert(1)</script>";
    for media in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml"] {
        assert_eq!(api.send(form("x.html", media, page)).status(), 415, "{media}");
    }
    for name in ["x.html", "..\u{202e}lmth.txt", "a%22; filename=evil.html"] {
        let filed = api.send(form(name, "text/plain", page));
        assert_eq!(filed.status(), 201, "{}", filed.text());
        let evidence = filed.json()["evidence"]["id"].as_str().expect("an id").to_owned();
        let answer = api.get(&format!("/v1/evidence/{evidence}/file"));
        assert_eq!(answer.field("content-disposition"), Some("attachment"));
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.field("content-type"), Some("text/plain"));
        assert!(answer.field("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
        assert_eq!(answer.text(), page);
    }
}

#[test]
fn a_decision_leads_to_the_ledger_and_to_nobody_elses() {
    let tenants = format!("[tenant.one]\naccounts = [{ACCOUNT:?}]\n[tenant.two]\naccounts = []");
    let world = Setup::default().tail(&tenants).start();
    let api = world.api();
    let id = api.contact(&json!({ "locationId": "one", "firstName": "Ada", "phone": "+14155550101" }));
    world.hears("+14155550101", "STOP");
    let refused = world.message("+14155550101", "Hello");
    let path = format!("/v1/decisions/{}", refused.request_id());
    let why = api.get(&path).json();
    let recipient = &why["recipients"][0];
    assert_eq!(why["decision"]["reason"], "keyword", "{why}");
    assert_eq!((&recipient["contacts"][0]["id"], &recipient["now"]), (&json!(id), &json!("block")), "{why}");
    let entry = recipient["entries"].as_array().and_then(|all| all.last()).expect("an entry");
    assert_eq!(entry["change"], "begin", "{why}");
    assert!(entry["source"].as_str().is_some_and(|source| source.contains("rule keyword \"stop\"")), "{why}");
    let other = world.gate.token(&["--role", "operator", "--tenant", "two"]);
    let hidden = crate::harness::Api { gate: &world.gate, token: &other }.get(&path);
    assert_eq!(hidden.status(), 404, "{}", hidden.text());
    assert_eq!(api.get(&format!("/v1/decisions/{}", uuid::Uuid::nil())).status(), 404);
    assert_eq!(api.delete(&format!("/contacts/{id}")).status(), 200);
    assert_eq!(api.get(&path).json()["recipients"], json!([]), "who was erased is not named");
}
