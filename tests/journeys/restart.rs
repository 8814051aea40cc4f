//! Ends and beginnings: nothing that was acknowledged is lost, nothing that was begun is cut off.

use crate::harness::{
    MESSAGES, Reaction, Request, Setup, Wire, World, assert_twilio_refusal, message, signed::text_message,
    twilio_answer, until,
};
use serde_json::json;
use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

#[test]
fn r27_no_acknowledged_stop_is_lost_when_the_process_is_killed() {
    let mut world = World::start();
    // Shared by every round, so that no person is asked about twice.
    let (next, mut rounds) = (AtomicUsize::new(0), 0);
    let mut acknowledged: Vec<String> = Vec::new();
    while rounds < 3 {
        rounds += 1;
        let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        let port = world.gate.ports.traffic;
        let said = thread::scope(|scope| {
            let people: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let mut mine = Vec::new();
                        while !stop.load(Ordering::Relaxed) {
                            let person =
                                format!("+1415{:07}", 5_550_000 + next.fetch_add(1, Ordering::Relaxed));
                            let answer = text_message(&person, "STOP").try_send(port);
                            if answer.is_some_and(|answer| answer.status() == 200) {
                                mine.push(person);
                                count.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        mine
                    })
                })
                .collect();
            until("some opt-outs", || (count.load(Ordering::Relaxed) >= 100).then_some(()));
            world.gate.is_killed();
            stop.store(true, Ordering::Relaxed);
            people.into_iter().flat_map(|person| person.join().expect("no panic")).collect::<Vec<_>>()
        });
        acknowledged.extend(said);
        world.gate.starts_again();
    }
    for people in acknowledged.chunks(1000) {
        let sends: Vec<_> =
            people.iter().map(|person| json!({ "channel": "SMS", "address": person })).collect();
        let results = world.api().post("/v1/check", &json!({ "sends": sends })).json();
        for (person, result) in people.iter().zip(results["results"].as_array().expect("results")) {
            assert_eq!(result["verdict"], "block", "{person} was acknowledged before the crash");
        }
    }
    assert_twilio_refusal(&world.message(&acknowledged[0], "Hello"), 21610);
    let verified = world.gate.command(&["ledger", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
    assert!(acknowledged.len() >= 300);
}

#[test]
fn r28_a_ledger_that_was_tampered_with_shows() {
    let mut world = World::start();
    for number in 0..5 {
        world.hears(&format!("+1415555010{number}"), "STOP");
    }
    world.gate.is_killed();
    assert_eq!(world.gate.command(&["ledger", "verify"]).status.code(), Some(0));
    let database = rusqlite::Connection::open(world.gate.folder().join("dndgate.db")).expect("the database");
    let changed = database.execute("DELETE FROM ledger WHERE seq = 3", []).expect("a change");
    assert_eq!(changed, 1);
    let verified = world.gate.command(&["ledger", "verify"]);
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
}

#[test]
fn sigterm_lets_an_open_request_end_and_takes_no_new_one() {
    let mut world = World::start();
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    world.twilio.reacts(move |request| {
        wait.lock().expect("unpoisoned").recv().expect("the test goes on");
        Reaction::Answer(twilio_answer(request))
    });
    let mut slow = Wire::to(world.gate.ports.traffic);
    slow.write(&message("+14155550102", "Hello").bytes()).expect("written");
    world.twilio.wait_for(1);
    world.gate.signal("TERM");
    until("the listener to close", || {
        Request::get("/").try_send(world.gate.ports.traffic).is_none().then_some(())
    });
    go_on.send(()).expect("the provider waits");
    assert_eq!(slow.answer().status(), 201, "the open request ends well");
    let status = world.gate.ends();
    assert!(status.success(), "{status}");
}

#[test]
fn a_request_that_does_not_end_is_cut_off_after_the_drain_timeout() {
    let mut world = Setup::default().traffic("drain_timeout = \"500ms\"").start();
    world.twilio.reacts(|_| Reaction::Silence);
    let mut slow = Wire::to(world.gate.ports.traffic);
    slow.write(&message("+14155550102", "Hello").bytes()).expect("written");
    world.twilio.wait_for(1);
    world.gate.signal("TERM");
    let status = world.gate.ends();
    assert!(status.success(), "{status}");
}

#[test]
fn sighup_reloads_without_dropping_a_request() {
    let world = World::start();
    let other = "AC00000000000000000000000000000009";
    let theirs = Request::post(&format!("/twilio{}", MESSAGES.replace(crate::harness::ACCOUNT, other)))
        .form(&[("To", "+14155550102"), ("From", "+15005550006"), ("Body", "Hi")]);
    assert_eq!(world.send(&theirs).status(), 403);
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(Some(wait));
    world.twilio.reacts(move |request| {
        let first = wait.lock().expect("unpoisoned").take();
        if let Some(wait) = first {
            wait.recv().expect("the test goes on");
        }
        Reaction::Answer(twilio_answer(request))
    });
    let mut slow = Wire::to(world.gate.ports.traffic);
    slow.write(&message("+14155550102", "Hello").bytes()).expect("written");
    world.twilio.wait_for(1);
    let file = world.gate.folder().join("dndgate.toml");
    let text = fs::read_to_string(&file).expect("the configuration");
    fs::write(&file, text.replace("account = \"AC", &format!("account = \"{other}\"\naccounts = \"AC")))
        .expect("written");
    world.gate.signal("HUP");
    until("the new account", || (world.send(&theirs).status() == 201).then_some(()));
    go_on.send(()).expect("the provider waits");
    assert_eq!(slow.answer().status(), 201);
    // A broken one changes nothing.
    fs::write(&file, "[traffic]\nlisten = 5").expect("written");
    world.gate.signal("HUP");
    until("the error to be logged", || world.gate.log().contains("dndgate.toml:2").then_some(()));
    assert_eq!(world.send(&theirs).status(), 201);
}

#[test]
fn check_names_file_line_and_key() {
    let world = World::start();
    let good = world.gate.command(&["check"]);
    assert!(good.status.success(), "{good:?}");
    let file = world.gate.folder().join("dndgate.toml");
    let text = fs::read_to_string(&file).expect("the configuration");
    for (broken, line, word) in [
        ("[traffic]\nlisten = \"127.0.0.1:1\"\nlissten = 5\n", 3, "lissten"),
        ("[traffic]\nmax_body = \"much\"\n", 2, "60MiB"),
        ("[[provider]]\nname = \"a\"\nadapter = \"pigeon\"\n", 3, "twilio"),
        ("[[provider]]\nname = \"hooks\"\nadapter = \"twilio\"\n", 2, "hooks"),
        ("[[provider]]\nname = \"a\"\nadapter = \"twilio\"\nexempt = [\"all\"]\n", 4, "verify"),
        ("[[provider]]\nname = \"a\"\nadapter = \"twilio\"\nsigning = \"x\"\n", 4, "auth_token"),
        ("nonsense", 1, ""),
    ] {
        fs::write(&file, broken).expect("written");
        let checked = world.gate.command(&["check"]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert_eq!(checked.status.code(), Some(2), "{broken}: {said}");
        assert!(said.contains(&format!("dndgate.toml:{line}:")) && said.contains(word), "{broken}: {said}");
    }
    fs::write(&file, text).expect("written");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/dndgate.example.toml");
    let example = world.gate.command_with(example, &["check"]);
    assert!(example.status.success(), "{example:?}");
}

#[test]
fn readiness_comes_after_the_cache_is_complete() {
    let mut world = World::start();
    for number in 0..20 {
        world.hears(&format!("+14155550{number:03}"), "STOP");
    }
    world.gate.is_killed();
    world.gate.starts_again();
    let ready = world.gate.admin("/readyz").json();
    assert_eq!((&ready["ready"], &ready["cacheEntries"]), (&json!(true), &json!(20)), "{ready}");
    assert_twilio_refusal(&world.message("+14155550007", "Hello"), 21610);
}

#[test]
fn a_second_gateway_on_the_same_ports_is_refused_and_costs_no_request() {
    let world = World::start();
    let file = world.gate.folder().join("dndgate.toml");
    let text = fs::read_to_string(&file).expect("the configuration");
    let store = "[store]\nurl = \"sqlite:second.db\"\n";
    // With an admin port of its own it is the traffic port that is taken.
    let own = text.replace(&format!("127.0.0.1:{}", world.gate.ports.admin), "127.0.0.1:0");
    fs::write(world.gate.folder().join("same-ports.toml"), format!("{text}\n{store}")).expect("written");
    fs::write(world.gate.folder().join("own-admin.toml"), format!("{own}\n{store}")).expect("written");
    for (second, why) in [
        ("dndgate.toml", "another dndgate is using"),
        ("same-ports.toml", "cannot listen"),
        ("own-admin.toml", "cannot listen"),
    ] {
        let refused = world.gate.command_with(second, &["serve"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
        assert_eq!(world.message("+14155550102", "Hello").status(), 201);
    }
}
