//! Two names of one address, and addresses that gave way to others.

mod common;

use common::{Fixture, at, cause, draft, origin, phone};
use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, ReasonKind, Region, Status, address};
use dndgate_store::{ChannelWish, ContactDraft, Filter, Search, import, ledger, names, opt, search};

const WHATSAPP: Blocks = Blocks::Channel(Channel::WhatsApp);
const A: &str = "+14155550100";
const B: &str = "+14155550101";

fn user() -> AddressKey {
    AddressKey { kind: AddressKind::Wa, key: "US.13491208655302741918".into() }
}

fn on_whatsapp() -> Channels {
    Channels::of(Channel::WhatsApp)
}

fn join(store: &Fixture) {
    store.write(|tx| names::join(tx, "default", &phone(A), &user(), at(10), "test"));
}

/// By the cache, as a send asks.
fn blocked(store: &Fixture, address: &AddressKey) -> Channels {
    store.store.cache().get("default", address.kind, address.key.as_bytes()).channels()
}

#[test]
fn what_blocks_one_name_blocks_the_other_in_any_order() {
    let before = Fixture::new();
    before.record(vec![cause(ReasonKind::Keyword, WHATSAPP, A)]);
    join(&before);
    let after = Fixture::new();
    join(&after);
    after.record(vec![cause(ReasonKind::Keyword, WHATSAPP, A)]);
    for store in [before, after] {
        assert_eq!(blocked(&store, &user()), on_whatsapp());
        let store = store.reopen();
        assert_eq!(blocked(&store, &user()), on_whatsapp(), "after a restart");
        store.write(|tx| opt::opt_in(tx, "default", Channel::WhatsApp, &user(), at(200), "test", "person"));
        assert_eq!(blocked(&store, &phone(A)), Channels::NONE, "START by the other name ends it");
        assert_eq!(blocked(&store, &user()), Channels::NONE);
    }
}

#[test]
fn r6_what_an_operator_sets_on_the_contact_holds_for_every_name() {
    let store = Fixture::new();
    let contact = store.create(draft(&[A]));
    join(&store);
    let wish = |status| ContactDraft {
        settings: vec![(Channel::WhatsApp, ChannelWish { status, message: None, code: None })],
        ..ContactDraft::default()
    };
    store.update(&contact.id, wish(Status::Active)).expect("set");
    assert_eq!(blocked(&store, &user()), on_whatsapp());
    let store = store.reopen();
    assert_eq!(blocked(&store, &user()), on_whatsapp(), "after a restart");
    store.update(&contact.id, wish(Status::Inactive)).expect("ended");
    assert_eq!(blocked(&store, &user()), Channels::NONE);
}

#[test]
fn r7_what_was_said_by_a_name_shows_on_the_contact_and_can_be_ended_there() {
    let store = Fixture::new();
    store
        .record(vec![dndgate_dnd::Cause { origin: Some(user()), ..cause(ReasonKind::Keyword, WHATSAPP, A) }]);
    let contact = store.create(draft(&[A, B]));
    assert_eq!(blocked(&store, &phone(B)), Channels::NONE);
    join(&store);
    assert_eq!(blocked(&store, &phone(B)), on_whatsapp(), "the person's other number");
    let off = ContactDraft {
        settings: vec![(
            Channel::WhatsApp,
            ChannelWish { status: Status::Inactive, message: None, code: None },
        )],
        ..ContactDraft::default()
    };
    store.update(&contact.id, off).expect("ended");
    for address in [user(), phone(A), phone(B)] {
        assert_eq!(blocked(&store, &address), Channels::NONE);
    }
}

#[test]
fn r7_what_was_said_by_a_name_holds_for_whoever_claims_the_other() {
    let said = |store: &Fixture| {
        join(store);
        let cause = dndgate_dnd::Cause { origin: Some(user()), ..cause(ReasonKind::Keyword, WHATSAPP, A) };
        store.record(vec![cause]);
    };
    let created = Fixture::new();
    said(&created);
    created.create(draft(&[A, B]));
    let imported = Fixture::new();
    said(&imported);
    let normal = |raw: &str| address::normalise(AddressKind::Phone, raw, Region::US).expect("a number");
    let incoming = import::Contact {
        id: None,
        by_id_alone: false,
        fields: serde_json::Map::new(),
        addresses: vec![normal(A), normal(B)],
        causes: Vec::new(),
        created: None,
    };
    imported
        .write(move |tx| import::contact(tx, &incoming.ready("default".into()), &origin()))
        .expect("taken");
    let marks = search::blocked(Channel::WhatsApp);
    let wanted = Search {
        tenant: "default".into(),
        words: Vec::new(),
        filter: Filter::Marks { of: marks, are: marks },
        order: Vec::new(),
        after: None,
        offset: 0,
        limit: 20,
    };
    for store in [created, imported] {
        assert_eq!(blocked(&store, &phone(B)), on_whatsapp(), "the person's other number");
        let wanted = wanted.clone();
        assert_eq!(store.read(move |tx| search::page(tx, &wanted, 10)).total, 1, "and it is found by it");
        let store = store.reopen();
        assert_eq!(blocked(&store, &phone(B)), on_whatsapp(), "after a restart");
    }
}

#[test]
fn r5_erasing_a_contact_keeps_every_name_protected_and_forgets_the_tie() {
    let store = Fixture::new();
    let contact = store.create(draft(&[A]));
    join(&store);
    store.record(vec![cause(ReasonKind::Keyword, WHATSAPP, A)]);
    store.delete(&contact.id);
    let store = store.reopen();
    assert_eq!(blocked(&store, &user()), on_whatsapp());
    assert_eq!(blocked(&store, &phone(A)), on_whatsapp());
    assert!(!store.read(|tx| names::is_known(tx, "default", &user())));
}

#[test]
fn a_new_number_takes_what_the_person_said_and_leaves_what_concerned_the_old_one() {
    let store = Fixture::new();
    store.record(vec![cause(ReasonKind::Keyword, WHATSAPP, A)]);
    store.record(vec![cause(ReasonKind::Carrier, Blocks::Channel(Channel::Sms), A)]);
    let moved = store.write(|tx| names::moved(tx, "default", &phone(A), &phone(B), "test"));
    assert!(moved.is_some());
    assert_eq!(blocked(&store, &phone(B)), on_whatsapp());
    let again = store.write(|tx| names::moved(tx, "default", &phone(A), &phone(B), "test"));
    assert!(again.is_none(), "told twice, it changes nothing");
    store.write(|tx| opt::opt_in(tx, "default", Channel::WhatsApp, &phone(B), at(200), "test", "person"));
    assert_eq!(blocked(&store, &phone(B)), Channels::NONE);
    assert!(blocked(&store, &phone(A)).has(Channel::WhatsApp), "the old number is another matter");
}

#[test]
fn r28_a_tie_that_protects_more_is_a_ledger_entry() {
    let store = Fixture::new();
    store.record(vec![cause(ReasonKind::Keyword, WHATSAPP, A)]);
    join(&store);
    join(&store);
    let entries = store.read(|tx| ledger::of_address(tx, "default", &user(), 10));
    let same: Vec<_> = entries.iter().filter(|entry| entry["change"] == "same").collect();
    assert_eq!(same.len(), 1, "{entries:#?}");
    assert_eq!(same[0]["after"], serde_json::json!(["WhatsApp"]));
}
