//! Who may do what through the admin API: every route of it, so that a new one cannot be forgotten.

use crate::harness::{Api, Message, Request, Setup, World, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every route and the least role that may use it.
const ROUTES: &[(&str, &str, &str)] = &[
    ("post", "/contacts/", "crm"),
    ("post", "/contacts/upsert", "crm"),
    ("post", "/contacts/search", "read"),
    ("get", "/contacts/search/duplicate", "read"),
    ("get", "/contacts/{id}", "read"),
    ("put", "/contacts/{id}", "crm"),
    ("delete", "/contacts/{id}", "crm"),
    ("get", "/v1/contacts/{id}/history", "read"),
    ("post", "/v1/contacts/{id}/evidence", "operator"),
    ("get", "/v1/contacts/{id}/evidence", "operator"),
    ("post", "/v1/contacts/{id}/email-release", "operator"),
    ("get", "/v1/evidence", "operator"),
    ("get", "/v1/evidence/{id}", "operator"),
    ("get", "/v1/evidence/{id}/file", "operator"),
    ("post", "/v1/evidence/{id}/approve", "operator"),
    ("post", "/v1/evidence/{id}/reject", "operator"),
    ("get", "/v1/evidence/{id}/twilio-consent", "operator"),
    ("get", "/v1/reconciliations", "operator"),
    ("post", "/v1/reconciliations", "operator"),
    ("get", "/v1/reconciliations/{id}", "operator"),
    ("get", "/v1/reconciliations/{id}/differences", "operator"),
    ("get", "/v1/agency/suppressions", "read"),
    ("post", "/v1/agency/suppressions", "operator"),
    ("delete", "/v1/agency/suppressions/{id}", "operator"),
    ("get", "/v1/channels", "read"),
    ("get", "/v1/reviews", "read"),
    ("post", "/v1/reviews/{id}", "crm"),
    ("post", "/v1/check", "read"),
    ("get", "/v1/events", "read"),
    ("get", "/v1/exports/{what}", "operator"),
    ("get", "/v1/imports", "operator"),
    ("post", "/v1/imports", "operator"),
    ("post", "/v1/imports/preview", "operator"),
    ("get", "/v1/imports/{id}", "operator"),
    ("delete", "/v1/imports/{id}", "operator"),
    ("get", "/v1/imports/{id}/rejects", "operator"),
    ("get", "/v1/ledger/export", "operator"),
    ("get", "/v1/ledger/checkpoints", "read"),
    ("get", "/v1/subscribers", "read"),
    ("post", "/v1/subscribers", "operator"),
    ("get", "/v1/subscribers/{id}", "read"),
    ("delete", "/v1/subscribers/{id}", "operator"),
    ("post", "/v1/subscribers/{id}/rotate", "operator"),
    ("post", "/v1/subscribers/{id}/enable", "operator"),
    ("get", "/v1/subscribers/{id}/deliveries", "read"),
    ("post", "/v1/subscribers/{id}/replay", "operator"),
    ("get", "/v1/decisions", "read"),
    ("get", "/v1/decisions/{request}", "read"),
    ("get", "/v1/stats", "read"),
    ("get", "/v1/session", "read"),
    ("delete", "/v1/session", "read"),
    ("get", "/v1/policies", "read"),
    ("get", "/v1/policies/{file}/history", "read"),
    ("get", "/v1/policies/{file}/history/{version}", "read"),
    ("post", "/v1/policies/try", "read"),
    ("post", "/v1/policies/replay", "operator"),
    ("get", "/v1/policies/shadow", "read"),
    ("get", "/v1/policies/{file}", "read"),
    ("put", "/v1/policies/{file}", "operator"),
    ("delete", "/v1/policies/{file}", "operator"),
    ("get", "/v1/policies/tenants/{tenant}", "read"),
    ("get", "/v1/policies/tenants/{tenant}/{file}", "read"),
    ("put", "/v1/policies/tenants/{tenant}/{file}", "operator"),
    ("delete", "/v1/policies/tenants/{tenant}/{file}", "operator"),
    ("get", "/v1/policies/tenants/{tenant}/{file}/history", "read"),
    ("get", "/v1/policies/tenants/{tenant}/{file}/history/{version}", "read"),
    ("post", "/v1/unsubscribe-links", "crm"),
    ("get", "/v1/unsubscribe-keys", "read"),
    ("post", "/v1/unsubscribe-keys", "operator"),
];

/// Signs in: whoever asks has no role yet.
const SIGN_IN: (&str, &str) = ("post", "/v1/session");

/// Served without a token: health, metrics, the description, and `/contacts/` without its last slash.
const UNDESCRIBED: &[&str] =
    &["/", "/console/{file}", "/healthz", "/readyz", "/metrics", "/openapi.json", "/contacts"];

/// Another tenant's person, who must not be seen.
const PHONE: &str = "+14155550188";
const MAIL: &str = "hidden@example.org";

fn two_tenants() -> World {
    let setup = Setup::default().with_policies().twilio("accounts = \"any\"");
    setup.tail("[tenant.one]\naccounts = []\n[tenant.two]\naccounts = []").start()
}

/// A path with its parameters filled in; `id` for whatever has one.
fn filled(path: &str, id: &str) -> String {
    let path = path.replace("{id}", id).replace("{what}", "contacts");
    path.replace("{tenant}", "default").replace("{file}", "keywords.lua")
}

fn request(method: &str, path: &str, body: &Value) -> Request {
    let request = Request::new(&method.to_uppercase(), path);
    if method == "get" { request } else { request.json(body) }
}

fn ask(world: &World, token: &str, request: Request) -> Message {
    Api { gate: &world.gate, token }.send(request)
}

#[test]
fn every_route_is_described_and_has_a_role() {
    let world = World::start();
    let described = world.gate.admin("/openapi.json").json();
    let described: BTreeSet<(String, String)> = described["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").keys();
            methods.map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let listed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path, _)| (*method, *path))
        .chain([SIGN_IN])
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(described, listed, "the description, and the routes with their roles");
    // What the router serves, as its source says.
    let source = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/core/gateway/src/admin/mod.rs"));
    let mut served = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let (_, route) = route.split_once('"').expect("a path");
        let (path, handlers) = route.split_once('"').expect("a path");
        let handlers = handlers.split_once("\n        .").map_or(handlers, |(handlers, _)| handlers);
        for method in ["get", "post", "put", "delete", "patch"] {
            if !UNDESCRIBED.contains(&path) && handlers.contains(&format!("{method}(")) {
                served.insert((method.to_owned(), path.to_owned()));
            }
        }
    }
    assert_eq!(served, listed, "what is served, and the routes with their roles");
}

#[test]
fn every_route_refuses_who_may_not_use_it() {
    let world = Setup::default().with_policies().start();
    let tokens = ["read", "crm", "operator"].map(|role| (role, world.gate.token(&["--role", role])));
    for (method, path, least) in ROUTES {
        let path = filled(path, "nobody");
        let ask = |token: &str| ask(&world, token, request(method, &path, &json!({})));
        let none = request(method, &path, &json!({})).send(world.gate.ports.admin);
        assert_eq!(none.status(), 401, "{method} {path} without a token: {}", none.text());
        assert_eq!(ask("made-up").status(), 401, "{method} {path}");
        let mut may = false;
        for (role, token) in &tokens {
            may |= role == least;
            let status = ask(token).status();
            if may {
                assert!(![401, 403].contains(&status), "{method} {path} as {role}: {status}");
            } else {
                assert_eq!(status, 403, "{method} {path} as {role}");
            }
        }
    }
}

#[test]
fn a_tenants_token_sees_nothing_of_another_tenant() {
    let world = two_tenants();
    let api = world.api();
    let theirs = json!({ "locationId": "two", "phone": PHONE, "email": MAIL, "dnd": true });
    let contact = api.contact(&theirs);
    let subscriber =
        api.post("/v1/subscribers", &json!({ "url": "http://127.0.0.1:9/two", "tenant": "two" }));
    assert_eq!(subscriber.status(), 201, "{}", subscriber.text());
    let subscriber = subscriber.json()["subscriber"]["id"].as_str().expect("an id").to_owned();
    let file = format!("email,phone,dnd\n{MAIL},{PHONE},true\n");
    let import = api.send(Request::post("/v1/imports?tenant=two").body("text/csv", file));
    assert_eq!(import.status(), 202, "{}", import.text());
    let import = import.json()["import"]["id"].as_str().expect("an id").to_owned();
    let before = until("the import", || {
        let shown = api.show(&contact);
        shown["dndSettings"]["SMS"]["reasons"].to_string().contains("import:").then_some(shown)
    });
    let own = world.gate.token(&["--role", "operator", "--tenant", "one"]);
    let named = json!({ "locationId": "two", "contact": contact, "phone": PHONE, "query": "hidden" });
    for (method, path, _) in ROUTES {
        for id in [&contact, &subscriber, &import] {
            let plain = filled(path, id);
            let mut paths = vec![plain.clone()];
            if *method == "get" {
                for query in ["tenant=two", "locationId=two"] {
                    paths.push(format!("{plain}?{query}"));
                    paths.push(format!("{plain}?{query}&email={MAIL}&address={MAIL}&channel=Email&after=0"));
                }
            }
            for path in paths {
                for body in [json!({}), named.clone()] {
                    let answer = ask(&world, &own, request(method, &path, &body));
                    let text = answer.text();
                    // What the question itself says may come back.
                    let asked = format!("{path} {body}");
                    let secrets = [MAIL, &PHONE[2..], "127.0.0.1:9/two"];
                    for secret in secrets.into_iter().filter(|secret| !asked.contains(secret)) {
                        assert!(!text.contains(secret), "{method} {path} {body}: {text}");
                    }
                    if path.contains(id.as_str()) {
                        let status = answer.status();
                        assert!(
                            [400, 403, 404, 415, 422].contains(&status),
                            "{method} {path}: {status} {text}"
                        );
                    }
                }
            }
        }
    }
    assert_eq!(api.show(&contact), before, "nor changes anything");
    assert_eq!(api.get(&format!("/v1/subscribers/{subscriber}")).status(), 200);
}
