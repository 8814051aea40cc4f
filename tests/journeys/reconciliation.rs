//! What is known here compared with the provider's suppression lists.

use crate::harness::{
    Fake, Message, Reaction, Setup, World, json_answer,
    sendgrid::{SendGrid, configured},
    signed::mail_event,
    until,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

/// Entries in a page, whatever is asked for.
const PAGE: usize = 37;

/// Mailgun with its lists, page by page. Every seventh request is asked to come again.
#[derive(Clone, Default)]
struct Mailgun(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    lists: BTreeMap<String, BTreeSet<String>>,
    requests: usize,
    halts_after: Option<usize>,
}

impl Mailgun {
    fn lists(&self, list: &str, add: impl IntoIterator<Item = String>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.lists.entry(list.into()).or_default().extend(add);
    }

    fn serve(&self, world: &World) {
        let mailgun = self.clone();
        world.mailgun.reacts(move |request| mailgun.answer(request));
    }

    fn answer(&self, request: &Message) -> Reaction {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests += 1;
        if state.halts_after.is_some_and(|after| state.requests > after) {
            return Reaction::Silence;
        }
        if state.requests.is_multiple_of(7) {
            let mut patience = json_answer(429, &json!({ "message": "too many" }));
            patience.fields.push(("Retry-After".into(), "0".into()));
            return Reaction::Answer(patience);
        }
        let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
        let list = path.strip_prefix("/v3/mg.example.com/").expect("a list of the domain").to_owned();
        let entries = state.lists.entry(list.clone()).or_default();
        if request.method() == "POST" {
            let added: Vec<Value> = serde_json::from_slice(&request.body).expect("a list of addresses");
            assert!(added.iter().all(|one| one["tags"] == json!(["*"])), "{added:?}");
            entries.extend(added.iter().filter_map(|one| one["address"].as_str().map(str::to_owned)));
            return Reaction::Answer(json_answer(
                200,
                &json!({ "message": format!("{} addresses", added.len()) }),
            ));
        }
        let after = query.split('&').find_map(|pair| pair.strip_prefix("address=")).unwrap_or("").to_owned();
        let page: Vec<&String> = entries.iter().filter(|one| **one > after).take(PAGE).collect();
        let url =
            |address: &str| format!("https://api.mailgun.net{path}?page=next&address={address}&limit=1000");
        let last = entries.iter().next_back().map(|one| url(one)).unwrap_or_default();
        let next = page.last().map_or(last.clone(), |one| url(one));
        let items: Vec<Value> = page
            .iter()
            .map(|one| json!({ "address": one, "created_at": "Thu, 11 Dec 2025 01:49:40 UTC" }))
            .collect();
        let paging = json!({ "first": url(""), "next": next, "previous": url(""), "last": last });
        Reaction::Answer(json_answer(200, &json!({ "items": items, "paging": paging })))
    }
}

fn world() -> World {
    Setup::default().tail("account = \"mg.example.com\"\n[reconciliation]\npause = \"0s\"").start()
}

fn compare(world: &World, repair: &[&str]) -> String {
    let begun = world.api().post("/v1/reconciliations", &json!({ "provider": "mailgun", "repair": repair }));
    assert_eq!(begun.status(), 202, "{}", begun.text());
    begun.json()["reconciliations"][0]["id"].as_str().expect("an id").to_owned()
}

fn report(world: &World, id: &str) -> Value {
    until("the comparison", || {
        let run = world.api().get(&format!("/v1/reconciliations/{id}")).json()["reconciliation"].clone();
        assert_ne!(run["state"], "failed", "{run}");
        (run["state"] == "done").then_some(run)
    })
}

fn differences(world: &World, id: &str, side: &str) -> BTreeSet<String> {
    let (mut all, mut after) = (BTreeSet::new(), String::new());
    loop {
        let more = if after.is_empty() { String::new() } else { format!("&after={after}") };
        let page = world
            .api()
            .get(&format!("/v1/reconciliations/{id}/differences?side={side}&limit=300{more}"))
            .json();
        let found = page["differences"].as_array().expect("differences");
        all.extend(found.iter().filter_map(|one| one["address"].as_str().map(str::to_owned)));
        match page["next"].as_str() {
            Some(next) => after = next.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            None => return all,
        }
    }
}

#[test]
fn a_thousand_seeded_differences_are_found_exactly_and_put_in_order_once() {
    let world = world();
    let mailgun = Mailgun::default();
    mailgun.serve(&world);
    let name = |kind: &str, number: usize| format!("{kind}{number:04}@example.org");
    for (list, from) in [("bounces", 0), ("unsubscribes", 200), ("complaints", 400)] {
        mailgun.lists(list, (from..from + 200).map(|number| name("theirs", number)));
    }
    mailgun.lists("unsubscribes", (0..50).map(|number| name("both", number)));
    for number in 0..50 {
        world.api().contact(&json!({ "email": name("both", number), "dnd": true }));
    }
    for number in 0..400 {
        world.api().contact(
            &json!({ "email": name("ours", number), "dndSettings": { "Email": { "status": "active" } } }),
        );
    }
    let id = compare(&world, &[]);
    let run = report(&world, &id);
    assert_eq!((&run["found"]["theirs"], &run["found"]["ours"]), (&json!(600), &json!(400)), "{run}");
    assert_eq!(run["found"]["entries"], 650, "{run}");
    assert_eq!(differences(&world, &id, "theirs"), (0..600).map(|number| name("theirs", number)).collect());
    assert_eq!(differences(&world, &id, "ours"), (0..400).map(|number| name("ours", number)).collect());
    assert!(!world.is_blocked("Email", &name("theirs", 1)), "nothing was to be put in order");

    let run = report(&world, &compare(&world, &["here", "there"]));
    assert_eq!(
        (&run["found"]["theirsRepaired"], &run["found"]["oursRepaired"]),
        (&json!(600), &json!(400)),
        "{run}"
    );
    let address = name("theirs", 450);
    assert!(world.is_blocked("Email", &address));
    let found = world.api().contact(&json!({ "email": address }));
    let channel = world.api().show(&found)["dndSettings"]["Email"].clone();
    assert_eq!(channel["status"], "permanent", "r21: a complaint is known as one: {channel}");
    let run = report(&world, &compare(&world, &["here", "there"]));
    assert_eq!((&run["found"]["theirs"], &run["found"]["ours"]), (&json!(0), &json!(0)), "{run}");
    let events = world.gate.metric("dndgate_dnd_changes_total", &[("change", "disabled")]);
    assert_eq!(events, 0.0, "nothing is ever lifted");
}

#[test]
fn a_comparison_goes_on_where_it_stopped_when_the_gateway_was_killed() {
    let mut world = world();
    let mailgun = Mailgun::default();
    mailgun.lists("bounces", (0..300).map(|number| format!("gone{number:04}@example.org")));
    mailgun.0.lock().unwrap_or_else(PoisonError::into_inner).halts_after = Some(4);
    mailgun.serve(&world);
    let id = compare(&world, &["here"]);
    until("the provider to fall silent", || {
        (mailgun.0.lock().unwrap_or_else(PoisonError::into_inner).requests > 4).then_some(())
    });
    world.gate.is_killed();
    mailgun.0.lock().unwrap_or_else(PoisonError::into_inner).halts_after = None;
    world.gate.starts_again();
    let run = report(&world, &id);
    assert_eq!(run["found"]["theirsRepaired"], 300, "{run}");
    assert_eq!(run["found"]["entries"], 300, "no page was read twice: {run}");
    assert!(world.is_blocked("Email", "gone0299@example.org"));
}

#[test]
fn the_command_line_tells_the_differences() {
    let mut world = world();
    let mailgun = Mailgun::default();
    mailgun.lists("complaints", ["ada@example.org".to_owned()]);
    mailgun.serve(&world);
    let told = world.gate.command(&["reconcile", "--json"]);
    assert_eq!(told.status.code(), Some(1), "they differ");
    let run: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(run["found"]["theirs"], 1, "{run}");
    let told = world.gate.command(&["reconcile", "--repair", "here"]);
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(world.is_blocked("Email", "ada@example.org"), "the running gateway knows at once");
    // Without a gateway the command does it itself.
    world.gate.is_killed();
    mailgun.lists("bounces", ["bob@example.org".to_owned()]);
    assert_eq!(world.gate.command(&["reconcile", "--repair", "here,there"]).status.code(), Some(0));
    world.gate.starts_again();
    assert!(world.is_blocked("Email", "bob@example.org"));
}

#[test]
fn the_manner_of_a_complaint_comes_along_and_nothing_here_is_lifted() {
    let world = world();
    Mailgun::default().serve(&world);
    world.api().contact(&json!({ "email": "ada@example.org" }));
    world.mailgun_reports(&mail_event("complained", "ada@example.org", json!({})));
    let run = report(&world, &compare(&world, &["here"]));
    assert_eq!(run["found"]["ours"], 1, "{run}");
    assert!(world.is_blocked("Email", "ada@example.org"), "absent there is no lift here");
}

/// A gateway in front of SendGrid.
fn with_sendgrid(sendgrid: &SendGrid, more: &str) -> (World, Fake) {
    let fake = sendgrid.serve();
    let tail = format!("{}\n[reconciliation]\npause = \"0s\"\n{more}", configured(&fake, "", ""));
    (Setup::default().without_mailgun_key().tail(&tail).start(), fake)
}

fn begun(world: &World, wish: &Value) -> Vec<String> {
    let begun = world.api().post("/v1/reconciliations", wish);
    assert_eq!(begun.status(), 202, "{}", begun.text());
    let runs = begun.json()["reconciliations"].as_array().cloned().unwrap_or_default();
    runs.iter().filter_map(|run| run["id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_thousand_seeded_differences_with_sendgrid_are_found_exactly_and_put_in_order_once() {
    let sendgrid = SendGrid::default().impatient();
    let (world, fake) = with_sendgrid(&sendgrid, "");
    let name = |kind: &str, number: usize| format!("{kind}{number:04}@example.org");
    for (list, from) in
        [("bounces", 0), ("invalid_emails", 150), ("spam_reports", 300), ("unsubscribes", 450)]
    {
        sendgrid.lists("", list, (from..from + 150).map(|number| name("theirs", number)));
    }
    sendgrid.lists("", "blocks", (0..40).map(|number| name("blocked", number)));
    sendgrid.lists("", "unsubscribes", (0..50).map(|number| name("both", number)));
    for number in 0..50 {
        world.api().contact(&json!({ "email": name("both", number), "dnd": true }));
    }
    for number in 0..400 {
        world.api().contact(
            &json!({ "email": name("ours", number), "dndSettings": { "Email": { "status": "active" } } }),
        );
    }
    let compare = |repair: &[&str]| {
        let id = begun(&world, &json!({ "provider": "sendgrid", "repair": repair })).remove(0);
        (report(&world, &id), id)
    };
    let (run, id) = compare(&[]);
    assert_eq!((&run["found"]["theirs"], &run["found"]["ours"]), (&json!(600), &json!(400)), "{run}");
    assert_eq!(run["found"]["entries"], 650, "no entry is told twice, and blocks say nothing lasting: {run}");
    assert_eq!(differences(&world, &id, "theirs"), (0..600).map(|number| name("theirs", number)).collect());
    assert_eq!(differences(&world, &id, "ours"), (0..400).map(|number| name("ours", number)).collect());

    let (run, _) = compare(&["here", "there"]);
    let repaired = (&run["found"]["theirsRepaired"], &run["found"]["oursRepaired"]);
    assert_eq!(repaired, (&json!(600), &json!(400)), "{run}");
    for (number, status) in [(1, "active"), (151, "active"), (301, "permanent"), (451, "active")] {
        let id = world.api().contact(&json!({ "email": name("theirs", number) }));
        let shown = world.api().show(&id)["dndSettings"]["Email"]["status"].clone();
        assert_eq!(shown, status, "{number}: a complaint is known as one (r21), the others may be ended");
    }
    assert!(!world.is_blocked("Email", &name("blocked", 1)));
    assert_eq!(sendgrid.on("", "unsubscribes").len(), 150 + 50 + 400);

    let writes = |fake: &Fake| fake.seen().iter().filter(|one| one.method() == "POST").count();
    let before = writes(&fake);
    let (run, _) = compare(&["here", "there"]);
    assert_eq!((&run["found"]["theirs"], &run["found"]["ours"]), (&json!(0), &json!(0)), "{run}");
    assert_eq!(writes(&fake), before, "the second repair does nothing");
}

#[test]
fn a_comparison_begins_by_itself_on_schedule() {
    let sendgrid = SendGrid::default();
    let (world, _fake) = with_sendgrid(&sendgrid, "every = \"1s\"\nrepair = [\"here\"]");
    let done = |count: usize| {
        until("a scheduled comparison", || {
            let runs = world.api().get("/v1/reconciliations").json()["reconciliations"].clone();
            let runs = runs.as_array().cloned().unwrap_or_default();
            assert!(runs.iter().all(|run| run["requestedBy"] == "schedule"), "{runs:?}");
            (runs.iter().filter(|run| run["state"] == "done").count() >= count).then_some(())
        });
    };
    done(1);
    sendgrid.lists("", "bounces", ["gone@example.org".to_owned()]);
    until("the bounce to be known", || world.is_blocked("Email", "gone@example.org").then_some(()));
    done(2);
}

#[test]
fn each_account_has_its_lists_and_each_tenant_its_accounts() {
    let sendgrid = SendGrid::default();
    let (world, _fake) = with_sendgrid(
        &sendgrid,
        "[tenant.acme]\naccounts = [\"AC00000000000000000000000000000001\", \"subuser:acme\", \"subuser:acme-2\"]\n\
         [tenant.beta]\naccounts = [\"subuser:beta\"]",
    );
    let own = |address: &str| [address.to_owned()];
    sendgrid.lists("acme", "bounces", own("one@example.org"));
    sendgrid.lists("acme-2", "spam_reports", own("two@example.org"));
    sendgrid.lists("beta", "unsubscribes", own("three@example.org"));
    sendgrid.lists("", "bounces", own("parent@example.org"));
    world.api().contact(&json!({ "locationId": "acme", "email": "ours@example.org", "dnd": true }));
    for id in begun(&world, &json!({ "provider": "sendgrid", "repair": ["here", "there"] })) {
        report(&world, &id);
    }
    let blocked = |tenant: &str, address: &str| {
        let question = json!({ "tenant": tenant, "sends": [{ "channel": "Email", "address": address }] });
        world.api().post("/v1/check", &question).json()["results"][0]["verdict"] == "block"
    };
    for (address, acme, beta) in [
        ("one@example.org", true, false),
        ("two@example.org", true, false),
        ("three@example.org", false, true),
        ("parent@example.org", false, false),
    ] {
        assert_eq!((blocked("acme", address), blocked("beta", address)), (acme, beta), "{address}");
    }
    for (account, kept) in [("acme", true), ("acme-2", true), ("beta", false), ("", false)] {
        assert_eq!(sendgrid.on(account, "unsubscribes").contains("ours@example.org"), kept, "{account}");
    }
    assert!(sendgrid.on("acme", "unsubscribes").contains("two@example.org"), "each account is its own");
}
