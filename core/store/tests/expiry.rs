//! Failures that are counted, and reasons that end by themselves (R19).

mod common;

use common::{Fixture, at, cause, draft, phone};
use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{Blocks, Cause, ReasonKind, Status, Threshold, state, threshold::FAILURES_MAX};
use dndgate_store::{Change, events::state_json, expiry, failures, opt};
use jiff::{SignedDuration, Timestamp};

const SMS: Blocks = Blocks::Channel(Channel::Sms);
const A: &str = "+14155550100";

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// A failure now, which blocks for an hour.
fn carrier(code: &str) -> Cause {
    let now = Timestamp::now();
    let code = Some(code.to_owned());
    Cause { at: now, expires: Some(now + hours(1)), code, ..cause(ReasonKind::Carrier, SMS, A) }
}

fn later(store: &Fixture, by: SignedDuration) -> Vec<Change> {
    let then = Timestamp::now() + by;
    store.write(move |tx| expiry::end_due(tx, then, 100))
}

/// Counts a failure at a second, three of which within 100 seconds block.
fn fails(store: &Fixture, event: &str, second: i64) -> bool {
    let (event, threshold) =
        (event.to_owned(), Threshold { failures: 3, within: SignedDuration::from_secs(100) });
    store.write(move |tx| {
        let one = Cause { at: at(second), ..cause(ReasonKind::Carrier, SMS, A) };
        let counted = failures::count(tx, "default", &event, &one, &threshold)?;
        Ok(opt::record(tx, "default", &counted.into_iter().collect::<Vec<_>>())?.is_some())
    })
}

#[test]
fn r19_r28_r29_an_end_by_expiry_is_on_record_told_and_frees_at_once() {
    let store = Fixture::new();
    let contact = store.create(draft(&[A]));
    store.record(vec![carrier("30003")]);
    let shown = state_json(&state::channel(&store.get(&contact.id).reasons, Channel::Sms));
    assert!(shown["expires"].is_string() && shown["removable"] == true, "{shown}");
    assert!(shown["how"].as_str().is_some_and(|how| how.starts_with("ends by itself at ")), "{shown}");

    assert_eq!(later(&store, hours(0)), []);
    assert_eq!(store.blocked(A), Channels::of(Channel::Sms), "not yet over");
    let changes = later(&store, hours(2));
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].parts, [(SMS, ReasonKind::Carrier, false)]);
    assert_eq!(store.blocked(A), Channels::NONE);
    assert_eq!(later(&store, hours(2)), [], "it ends once");

    let view = store.get(&contact.id);
    assert_eq!(state::channel(&view.reasons, Channel::Sms).status, Status::Inactive);
    let ended = view.reasons[0].ended.as_ref().expect("it stays on record, ended");
    assert_eq!((ended.by.as_str(), ended.why.as_str()), ("policy expiry", "expired"));
    let history = store.history(&contact.id);
    let entry = history.last().expect("an entry");
    assert_eq!((&entry["change"], &entry["actor"]), (&"end".into(), &"policy expiry".into()), "{entry}");
    assert_eq!((&entry["before"], &entry["after"]), (&["SMS"].as_slice().into(), &serde_json::json!([])));
    assert_eq!(entry["eventAt"], entry["reasons"][0]["expires"], "by the policy's clock: {entry}");
    let event = store.events().pop().expect("an event").payload;
    assert_eq!((&event["change"], &event["id"]), (&"disabled".into(), &contact.id.clone().into()), "{event}");
    assert_eq!(event["dndStatus"], "off");
}

#[test]
fn r1_what_else_blocks_stays() {
    let store = Fixture::new();
    store.create(draft(&[A]));
    store.record(vec![carrier("30003")]);
    store.record(vec![cause(ReasonKind::Keyword, SMS, A)]);
    store.record(vec![Cause { permanent: true, ..carrier("30004") }]);
    assert_eq!(later(&store, hours(9)).len(), 1, "only what passes");
    assert_eq!(store.blocked(A), Channels::of(Channel::Sms));
    store.opt_in(A);
    let open = |code: &str| {
        store.find(A)[0].reasons.iter().any(|one| one.is_live() && one.code.as_deref() == Some(code))
    };
    assert!(!open("30003") && open("30004"), "the permanent one was reported after that START");
}

#[test]
fn r30_a_later_report_puts_the_end_off_an_older_one_does_not() {
    let store = Fixture::new();
    let first = carrier("30003");
    let more = Cause { expires: first.expires.map(|at| at + hours(5)), ..first.clone() };
    let older =
        Cause { at: first.at - hours(9), expires: first.expires.map(|at| at - hours(9)), ..first.clone() };
    for one in [first, older, more] {
        store.record(vec![one]);
    }
    assert_eq!(later(&store, hours(2)), []);
    assert_eq!(later(&store, hours(7)).len(), 1);
}

#[test]
fn r30_a_report_that_comes_when_its_time_is_over_changes_nothing() {
    let store = Fixture::new();
    let now = Timestamp::now();
    let late = Cause { at: now - hours(3), expires: Some(now - hours(1)), ..carrier("30003") };
    store.record(vec![late]);
    assert_eq!(store.blocked(A), Channels::NONE);
    assert!(store.events().is_empty());
}

#[test]
fn r27_what_expires_survives_a_restart() {
    let store = Fixture::new();
    store.record(vec![carrier("30003")]);
    let store = store.reopen();
    assert_eq!(store.blocked(A), Channels::of(Channel::Sms));
    assert_eq!(later(&store, hours(2)).len(), 1);
    let store = store.reopen();
    assert_eq!(store.blocked(A), Channels::NONE);
}

#[test]
fn r5_what_an_erased_person_leaves_does_not_expire_and_no_failure_is_kept() {
    let store = Fixture::new();
    let contact = store.create(draft(&[A]));
    store.record(vec![carrier("30003")]);
    fails(&store, "event-of-the-erased", 1);
    store.delete(&contact.id);
    assert_eq!(later(&store, hours(9)), [], "nobody could tell what else stands on it");
    assert_eq!(store.blocked(A), Channels::of(Channel::Sms));
    assert!(!store.dump().contains("event-of-the-erased"), "what was counted is gone");
    // It can still be ended by hand, by whoever takes the number up again.
    let again = store.create(draft(&[A]));
    let off = dndgate_store::ChannelWish { status: Status::Inactive, message: None, code: None };
    let draft = dndgate_store::ContactDraft { settings: vec![(Channel::Sms, off)], ..Default::default() };
    store.update(&again.id, draft).expect("an operator may");
    assert_eq!(store.blocked(A), Channels::NONE);
}

#[test]
fn r19_failures_are_counted_once_each_within_their_time_and_survive_a_restart() {
    let store = Fixture::new();
    assert!(!fails(&store, "e1", 0));
    assert!(!fails(&store, "e2", 60));
    // Clocks are finer than what is kept.
    let threshold = Threshold { failures: 1, within: hours(1) };
    let fine = at(7_000) + SignedDuration::from_nanos(123_456_789);
    let one = Cause { at: fine, ..cause(ReasonKind::Carrier, SMS, "+14155550107") };
    assert!(store.write(move |tx| failures::count(tx, "default", "fine", &one, &threshold)).is_some());
    assert!(!fails(&store, "e2", 60), "the same event again");
    let store = store.reopen();
    assert!(!fails(&store, "e3", 150), "the first is too old");
    assert_eq!(store.blocked(A), Channels::NONE);
    assert!(fails(&store, "e4", 80), "it comes late, and belongs to 60 and 150");
    assert_eq!(store.blocked(A), Channels::of(Channel::Sms));
    let began = store.read(|tx| tx.reasons("default", &dndgate_store::Subject::Address(phone(A))));
    assert_eq!(began[0].began, at(150), "by the time of the last of them");
}

#[test]
fn r19_what_is_counted_is_bounded_and_forgotten() {
    let store = Fixture::new();
    let kept = |store: &Fixture| {
        let connection = rusqlite::Connection::open(store.path()).expect("opens");
        connection.query_row("SELECT count(*) FROM failure", [], |row| row.get::<_, i64>(0)).expect("a count")
    };
    for number in 0..FAILURES_MAX as i64 + 20 {
        // Far enough apart that none is enough.
        fails(&store, &format!("e{number}"), number * 1_000);
    }
    assert_eq!(kept(&store), FAILURES_MAX as i64);
    assert!(!store.dump().contains(A), "by the keyed hash alone");
    let much_later = at(0) + hours(24 * 400);
    store.write(move |tx| opt::prune(tx, much_later));
    assert_eq!(kept(&store), 0);
}
