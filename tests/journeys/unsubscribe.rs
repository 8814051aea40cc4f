//! Unsubscribe links: who makes them, what the page shows, what a press of a button does (R17).

use crate::harness::{
    PUBLIC_URL, Request, Setup, World,
    signed::{mail_event, mail_failure},
    wire::Message,
};
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";
const ADA: &str = "ada.lovelace@example.com";

fn links(world: &World, wanted: &Value) -> Value {
    let answer = world.api().post("/v1/unsubscribe-links", wanted);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

/// The path of a link to an address.
fn path(world: &World, address: &str) -> String {
    path_of(&links(world, &json!({ "address": address }))["url"])
}

fn path_of(url: &Value) -> String {
    let url = url.as_str().expect("a link");
    url.strip_prefix(PUBLIC_URL).expect("under the public URL").to_owned()
}

fn one_click(path: &str) -> Request {
    Request::post(path).body(FORM, ONE_CLICK)
}

fn press(world: &World, path: &str, form: &[(&str, &str)]) -> Message {
    let answer = world.send(&Request::post(path).form(form));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer
}

/// Contact with an email address and a number.
fn ada(world: &World) -> String {
    world.api().contact(&json!({ "email": ADA, "phone": "+14155550101" }))
}

fn changes(world: &World, id: &str) -> Vec<Value> {
    world.api().history(id)
}

#[test]
fn r17_a_link_with_the_headers_that_mail_programs_want() {
    let world = World::start();
    let made = links(&world, &json!({ "address": ADA }));
    let url = made["url"].as_str().expect("a link");
    assert_eq!(made["headers"]["List-Unsubscribe"], format!("<{url}>"));
    assert_eq!(made["headers"]["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    assert!(url.starts_with("https://gate.example.com/u/") && url.len() < 200, "{url}");
    assert!(made["shortUrl"].as_str().is_some_and(|short| short.len() <= 40), "{made}");
    assert_eq!(made, links(&world, &json!({ "address": "Ada.Lovelace@EXAMPLE.com" })), "the same person");
    let id = ada(&world);
    assert_eq!(made["url"], links(&world, &json!({ "contactId": id }))["url"]);
    let sms = links(&world, &json!({ "contact": id, "channel": "SMS" }));
    assert_ne!(made["url"], sms["url"]);
    for (wrong, status) in [
        (json!({}), 400),
        (json!({ "contact": "nobody" }), 404),
        (json!({ "address": "nonsense", "channel": "Email" }), 400),
        (json!({ "contact": id, "channel": "FB" }), 422),
        (json!({ "address": ADA, "chanel": "Email" }), 422),
    ] {
        let answer = world.api().post("/v1/unsubscribe-links", &wrong);
        assert_eq!(answer.status(), status, "{wrong}: {}", answer.text());
    }
}

#[test]
fn r17_looking_never_unsubscribes() {
    let world = World::start();
    let id = ada(&world);
    let link = path(&world, ADA);
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        for _ in 0..20 {
            let mut request = Request::new(method, &link);
            if method == "HEAD" {
                // Announces a body that does not come.
                request = request.field("Connection", "close");
                assert!(
                    request.try_send(world.gate.ports.traffic).is_none_or(|answer| answer.status() == 200)
                );
                continue;
            }
            let status = world.send(&request).status();
            assert_eq!(
                status,
                match method {
                    "GET" => 200,
                    "OPTIONS" => 204,
                    _ => 405,
                },
                "{method}"
            );
        }
    }
    for body in ["", "confirm=1", "channels=Email", "List-Unsubscribe=Nothing"] {
        assert_eq!(world.send(&Request::post(&link).body(FORM, body)).status(), 200, "{body}");
    }
    assert!(!world.is_blocked("Email", ADA));
    assert!(changes(&world, &id).is_empty() && world.api().events().is_empty());
}

#[test]
fn r17_one_click_in_every_form_ends_all_channels_once() {
    let world = World::start();
    let id = ada(&world);
    let link = path(&world, ADA);
    let parts =
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let chunked = format!("{:x}\r\n{ONE_CLICK}\r\n0\r\n\r\n", ONE_CLICK.len());
    let mut untyped = Request::post(&link);
    untyped.body = ONE_CLICK.into();
    for request in [
        one_click(&link),
        Request::post(&link).body("multipart/form-data; boundary=b", parts),
        Request::post(&link).field("Transfer-Encoding", "chunked").body(FORM, chunked),
        untyped,
        one_click(&format!("{link}?utm_source=mail")),
        one_click(&format!("{link}.")),
        one_click(&link.to_ascii_uppercase().replacen("/U/", "/u/", 1)),
    ] {
        let answer = world.send(&request);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(answer.field("Location").is_none() && answer.field("Set-Cookie").is_none(), "{answer:?}");
        // By the time of the answer nothing goes out any more (R27).
        assert_eq!(world.mail(&[("to", ADA)]).status(), 400);
    }
    for (channel, address) in [("Email", ADA), ("SMS", "+14155550101"), ("Call", "+14155550101")] {
        assert!(world.is_blocked(channel, address), "{channel}");
    }
    let entries = changes(&world, &id);
    assert_eq!(entries.len(), 1, "r30: {entries:?}");
    let source = entries[0]["source"].as_str().expect("a source");
    let made = links(&world, &json!({ "address": ADA }));
    assert!(source.contains("one-click") && source.contains(made["id"].as_str().expect("an id")), "{source}");
    let events = world.api().events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["change"], &events[0]["dndStatus"]), (&json!("enabled"), &json!("on")));
}

#[test]
fn r17_expectations_of_a_client_are_met() {
    let world = World::start();
    let link = path(&world, ADA);
    let mut wire = crate::harness::Wire::to(world.gate.ports.traffic);
    let head = format!(
        "POST {link} HTTP/1.1\r\nHost: gate.example.com\r\nExpect: 100-continue\r\nContent-Type: {FORM}\r\n\
         Content-Length: {}\r\n\r\n",
        ONE_CLICK.len()
    );
    wire.write(head.as_bytes()).expect("written");
    assert_eq!(wire.head().expect("readable").expect("an answer").status(), 100);
    wire.write(ONE_CLICK.as_bytes()).expect("written");
    assert_eq!(wire.answer().status(), 200);
    assert!(world.is_blocked("Email", ADA), "r7: of somebody whom no contact has");
}

#[test]
fn r17_the_page_asks_shows_all_channels_and_keeps_single_ones() {
    let world = World::start();
    let id = ada(&world);
    let link = path(&world, ADA);
    let page = world.send(&Request::get(&link)).text();
    for channel in ["SMS", "Email", "Call"] {
        let chosen = format!("<input type=\"checkbox\" name=\"channels\" value=\"{channel}\" checked>");
        assert!(page.contains(&chosen), "{channel}: {page}");
    }
    assert!(page.contains("a•••@example.com") && !page.contains("lovelace"), "{page}");
    assert!(!page.contains("4155550101") && !page.contains("<script"), "{page}");
    // Email is kept.
    let done = press(&world, &link, &[("confirm", "1"), ("channels", "SMS"), ("channels", "Call")]);
    assert!(done.text().contains("Done. You will no longer get: SMS, Phone calls."), "{}", done.text());
    assert!(!world.is_blocked("Email", ADA) && world.is_blocked("SMS", "+14155550101"));
    assert_eq!(world.api().show(&id)["dndStatus"], "partial");
    let source = changes(&world, &id)[0]["source"].to_string();
    assert!(source.contains("unsubscribe:page"), "{source}");
    // And who takes nothing out means everything, what is not on the page included.
    press(
        &world,
        &link,
        &[("confirm", "1"), ("channels", "Email"), ("channels", "WhatsApp"), ("channels", "FB")],
    );
    for channel in ["Email", "WhatsApp", "FB", "GMB"] {
        assert_eq!(world.api().show(&id)["dndSettings"][channel]["reason"], "unsubscribe", "{channel}");
    }
}

#[test]
fn r17_the_person_comes_back_and_switches_single_channels_on_again() {
    let world = World::start();
    let id = ada(&world);
    let link = path(&world, ADA);
    assert_eq!(world.send(&one_click(&link)).status(), 200);
    let page = world.send(&Request::get(&link)).text();
    assert!(page.contains("name=\"resume\" value=\"Email\">"), "{page}");
    let answer = press(&world, &link, &[("confirm", "1"), ("resume", "Email")]);
    assert!(answer.text().contains("You will get again: Email."), "{}", answer.text());
    assert_eq!(world.mail(&[("to", ADA)]).status(), 200);
    assert!(world.is_blocked("SMS", "+14155550101"), "the others stay off");
    let entries = changes(&world, &id);
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!((&entries[1]["change"], &entries[1]["actor"]), (&json!("end"), &json!("person")));
    assert!(entries[1]["source"].to_string().contains("unsubscribe:preferences"), "{}", entries[1]);
    let events = world.api().events();
    let last = events.last().expect("an event");
    assert_eq!((&last["change"], &last["channels"]), (&json!("disabled"), &json!(["Email"])));
}

#[test]
fn r17_a_link_opens_nothing_that_was_closed_in_another_way() {
    let world = World::start();
    let id = ada(&world);
    let link = path(&world, ADA);
    // An operator's block, and a STOP, stand beside the unsubscribe; a complaint comes after it.
    let api = world.api();
    let manual = json!({ "dndSettings": { "Call": { "status": "active" } } });
    assert_eq!(api.put(&format!("/contacts/{id}"), &manual).status(), 200);
    world.hears("+14155550101", "STOP");
    assert_eq!(world.send(&one_click(&link)).status(), 200);
    world.mailgun_reports(&mail_event("complained", ADA, json!({})));
    let before = changes(&world, &id).len();
    for channel in ["Call", "SMS", "Email"] {
        let answer = press(&world, &link, &[("confirm", "1"), ("resume", channel)]);
        assert!(answer.text().contains("switched off in another way"), "{channel}: {}", answer.text());
    }
    let page = world.send(&Request::get(&link)).text();
    assert!(page.contains("<li>SMS: To get SMS again, reply START to our number.</li>"), "r22: {page}");
    assert!(!page.contains("name=\"resume\" value=\"Email\""), "{page}");
    assert_eq!(changes(&world, &id).len(), before, "nothing has changed");
    assert!(world.is_blocked("Email", ADA) && world.is_blocked("SMS", "+14155550101"));
    press(&world, &link, &[("confirm", "1"), ("resume", "WhatsApp")]);
    assert!(!world.is_blocked("WhatsApp", "+14155550101"), "what it closed itself it opens");
}

#[test]
fn r17_a_link_cannot_end_what_another_address_of_the_contact_said() {
    let world = World::start();
    let more = json!({ "email": ADA, "additionalEmails": ["ada@work.example"] });
    world.api().contact(&more);
    assert_eq!(world.send(&one_click(&path(&world, "ada@work.example"))).status(), 200);
    let answer = press(&world, &path(&world, ADA), &[("confirm", "1"), ("resume", "Email")]);
    assert!(answer.text().contains("another way"), "{}", answer.text());
    assert!(world.is_blocked("Email", ADA));
}

#[test]
fn r17_a_provider_unsubscribe_event_ends_all_channels_and_the_person_may_come_back() {
    let world = World::start();
    ada(&world);
    world.mailgun_reports(&mail_event("unsubscribed", ADA, json!({})));
    for (channel, address) in [("Email", ADA), ("SMS", "+14155550101"), ("WhatsApp", "+14155550101")] {
        assert!(world.is_blocked(channel, address), "{channel}");
    }
    press(&world, &path(&world, ADA), &[("confirm", "1"), ("resume", "Email")]);
    assert!(!world.is_blocked("Email", ADA));
}

#[test]
fn r18_a_bounce_beside_it_keeps_mail_off() {
    let world = World::start();
    ada(&world);
    let link = path(&world, ADA);
    world.mailgun_reports(&mail_failure(ADA, "permanent", "bounce"));
    assert_eq!(world.send(&one_click(&link)).status(), 200);
    press(&world, &link, &[("confirm", "1"), ("resume", "Email")]);
    assert!(world.is_blocked("Email", ADA));
}

#[test]
fn r17_short_links_are_for_texts() {
    let world = World::start();
    let made = links(&world, &json!({ "address": "+14155550101", "channel": "SMS" }));
    let short = path_of(&made["shortUrl"]);
    let page = world.send(&Request::get(&format!("{short}."))).text();
    assert!(page.contains("•••01") && !page.contains("4155550101"), "{page}");
    assert_eq!(world.send(&one_click(&short)).status(), 200);
    assert!(world.is_blocked("SMS", "+14155550101"));
    // Erasure takes what was kept for them along (R5); the long one works on.
    let id = world.api().contact(&json!({ "phone": "+14155550101" }));
    assert_eq!(world.api().delete(&format!("/contacts/{id}")).status(), 200);
    assert_eq!(world.send(&Request::get(&short)).status(), 404);
    assert_eq!(world.send(&Request::get(&path_of(&made["url"]))).status(), 200);
}

#[test]
fn r17_links_outlive_their_keys_and_restarts() {
    let mut world = World::start();
    let old = links(&world, &json!({ "address": ADA }));
    let rotated = world.api().post("/v1/unsubscribe-keys", &json!({}));
    assert_eq!(rotated.status(), 201, "{}", rotated.text());
    let keys = rotated.json();
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2), "{keys}");
    assert!(!keys.to_string().contains("secret"), "{keys}");
    let new = links(&world, &json!({ "address": ADA }));
    assert_ne!(old["url"], new["url"]);
    assert_eq!(old["id"], new["id"], "records name both alike");
    world.gate.is_killed();
    world.gate.starts_again();
    for url in [&old["url"], &old["shortUrl"], &new["url"], &new["shortUrl"]] {
        assert_eq!(world.send(&one_click(&path_of(url))).status(), 200, "{url}");
    }
    assert_eq!(links(&world, &json!({ "address": ADA }))["url"], new["url"]);
}

#[test]
fn r27_an_acknowledged_unsubscribe_survives_kill_9() {
    let mut world = World::start();
    let link = path(&world, ADA);
    assert_eq!(world.send(&one_click(&link)).status(), 200);
    world.gate.is_killed();
    world.gate.starts_again();
    assert_eq!(world.mail(&[("to", ADA)]).status(), 400);
}

#[test]
fn r27_a_store_that_takes_nothing_is_no_success() {
    let world = Setup::default().disk_may_fill().start();
    let link = path(&world, ADA);
    world.gate.disk_fills();
    let answer = world.send(&one_click(&link));
    assert_eq!(answer.status(), 503, "{}", answer.text());
    assert!(answer.field("Retry-After").is_some());
    world.gate.disk_has_room();
    crate::harness::until("the store to take it", || {
        (world.send(&one_click(&link)).status() == 200).then_some(())
    });
    assert!(world.is_blocked("Email", ADA));
}

#[test]
fn r17_a_link_that_is_not_ours_leads_to_somebody_who_helps() {
    let world = Setup::default().tail("[unsubscribe]\nreach = \"privacy@acme.example\"").start();
    let link = path(&world, ADA);
    let damaged = format!("{}{}", &link[..link.len() - 3], "aaa");
    for path in ["/u/", "/u/nonsense", "/u/abcdefghijklm", &damaged, "/u/../x", "/u/%00"] {
        for request in [Request::get(path), one_click(path)] {
            let answer = world.send(&request);
            assert_eq!(answer.status(), 404, "{path}");
            let page = answer.text();
            assert!(page.contains("This link is not valid"), "{page}");
            assert!(page.contains("href=\"mailto:privacy@acme.example\""), "{page}");
        }
    }
}

#[test]
fn r17_the_page_speaks_the_persons_language_and_names_the_business() {
    let tenant = "[tenant.acme]\naccounts = [\"mg.example.com\", \"AC00000000000000000000000000000001\"]\ntitle = \"Acme & Söhne\"";
    let world = Setup::default().tail(tenant).start();
    let german = json!({ "email": ADA, "language": "de" });
    world.api().contact(&german);
    let link = path(&world, ADA);
    let said = |accepted: &str| {
        let request = Request::get(&link);
        let request = if accepted.is_empty() { request } else { request.field("Accept-Language", accepted) };
        world.send(&request).text()
    };
    for (accepted, language, title) in [
        ("", "de", "Abmelden"),
        ("xx", "de", "Abmelden"),
        ("en-GB,de;q=0.5", "en", "Unsubscribe"),
        ("fr-CA", "fr", "Se désabonner"),
        ("ja", "ja", "配信停止"),
        ("ar", "ar\" dir=\"rtl", "إلغاء الاشتراك"),
    ] {
        let page = said(accepted);
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{accepted}: {page}");
        assert!(page.contains(&format!("<h1>{title}</h1>")), "{accepted}: {page}");
        assert!(page.contains("Acme &amp; Söhne"), "{page}");
    }
}

#[test]
fn the_page_is_kept_nowhere_and_loads_nothing() {
    let world = World::start();
    let answer = world.send(&Request::get(&path(&world, ADA)));
    for (name, value) in [
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Robots-Tag", "noindex, nofollow"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    ] {
        assert_eq!(answer.field(name), Some(value), "{name}");
    }
    let policy = answer.field("Content-Security-Policy").expect("a policy");
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    // The one style is the one that the policy names.
    let page = answer.text();
    let style =
        page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style").0;
    let hash = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        <sha2::Sha256 as sha2::Digest>::digest(style),
    );
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
    for foreign in ["http://", "https://", "src=", "<link", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign} in {page}");
    }
}

#[test]
fn links_are_limited_where_it_hurts_nobody() {
    let world = Setup::default().tail("[unsubscribe]\nchanges_per_minute = 3\nmisses_per_minute = 5").start();
    let (ada, eve) = (path(&world, ADA), path(&world, "eve@example.com"));
    let short = path_of(&links(&world, &json!({ "address": ADA }))["shortUrl"]);
    for _ in 0..3 {
        assert_eq!(world.send(&one_click(&ada)).status(), 200);
    }
    assert_eq!(world.send(&one_click(&ada)).status(), 429);
    // What is on stops all the same: nobody keeps others from unsubscribing by pressing their links.
    let id = world.api().contact(&json!({ "email": ADA }));
    let on = json!({ "dndSettings": { "Email": { "status": "inactive" } } });
    assert_eq!(world.api().put(&format!("/contacts/{id}"), &on).status(), 200);
    let resume = Request::post(&ada).form(&[("confirm", "1"), ("resume", "SMS")]);
    assert_eq!(world.send(&resume).status(), 429);
    assert_eq!(world.send(&one_click(&ada)).status(), 200);
    assert!(world.is_blocked("Email", ADA));
    assert_eq!(world.send(&one_click(&eve)).status(), 200, "somebody else");
    assert_eq!(world.send(&Request::get(&ada)).status(), 200, "looking is free");
    let statuses: Vec<u16> = (0..8).map(|_| world.send(&Request::get("/u/aaaaaaaaaaaaa")).status()).collect();
    assert_eq!(statuses, [404, 404, 404, 404, 404, 429, 429, 429]);
    assert_eq!(world.send(&Request::get(&short)).status(), 429, "who tried ids waits");
    assert_eq!(world.send(&Request::get(&ada)).status(), 200, "a sealed link needs no looking up");
}

#[test]
fn tokens_of_one_tenant_make_links_for_it_alone() {
    let tenants = "[tenant.acme]\naccounts = [\"mg.example.com\", \"AC00000000000000000000000000000001\"]\n[tenant.other]";
    let world = Setup::default().tail(tenants).start();
    let token = world.gate.token(&["--role", "crm", "--tenant", "other"]);
    let bound = crate::harness::Api { gate: &world.gate, token: &token };
    let wanted = json!({ "tenant": "acme", "address": ADA });
    assert_eq!(bound.post("/v1/unsubscribe-links", &wanted).status(), 403);
    assert_eq!(bound.post("/v1/unsubscribe-keys", &json!({})).status(), 403);
    let own = bound.post("/v1/unsubscribe-links", &json!({ "address": ADA })).json();
    assert_eq!(own["tenant"], "other");
    assert_eq!(world.send(&one_click(&path_of(&own["url"]))).status(), 200);
    assert_eq!(world.mail(&[("to", ADA)]).status(), 200, "r30: acme's mail is not the other's");
}

#[test]
fn a_mail_stays_as_it_is_unless_the_operator_wants_the_headers() {
    let world = World::start();
    let request = crate::harness::mail(&[("to", ADA)]);
    assert_eq!(world.send(&request).status(), 200);
    assert_eq!(world.mailgun.last().body, request.body);
}

#[test]
fn r17_mail_to_one_person_gets_the_headers_that_lead_back_here() {
    let world = Setup::default().tail("list_unsubscribe = true").start();
    assert_eq!(world.mail(&[("to", "Ada <Ada.Lovelace@example.com>")]).status(), 200);
    let sent = world.mailgun.last();
    let header = sent.form("h:List-Unsubscribe").pop().expect("the header");
    assert_eq!(sent.form("h:List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"]);
    let made = links(&world, &json!({ "address": ADA }));
    assert_eq!(header, made["headers"]["List-Unsubscribe"].as_str().expect("a header"));
    let link = path_of(&json!(header.trim_matches(['<', '>'])));
    assert_eq!(world.send(&one_click(&link)).status(), 200);
    assert_eq!(world.mail(&[("to", ADA)]).status(), 400);
    // Of two people one is taken out: the other gets a link of its own.
    assert_eq!(world.mail(&[("to", ADA), ("to", "eve@example.com")]).status(), 200);
    let sent = world.mailgun.last();
    assert_eq!(sent.form("to"), ["eve@example.com"]);
    let eve = links(&world, &json!({ "address": "eve@example.com" }));
    assert_eq!(sent.form("h:List-Unsubscribe")[0], eve["headers"]["List-Unsubscribe"].as_str().expect("one"));
    // A mail to several, and one with a header of its own, go as they are.
    let several = crate::harness::mail(&[("to", "eve@example.com"), ("cc", "bob@example.com")]);
    let own =
        crate::harness::mail(&[("to", "eve@example.com"), ("h:List-Unsubscribe", "<https://crm.example/u>")]);
    for request in [several, own] {
        assert_eq!(world.send(&request).status(), 200);
        assert_eq!(world.mailgun.last().body, request.body);
    }
}
