//! The cache always says what the rows say, whatever happened and in whatever order.

mod common;

use common::{Fixture, at, cause, draft, origin, phone};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{Blocks, ReasonKind, Region, Status, Suppressed};
use dndgate_store::{ChannelWish, ContactDraft, contacts, opt};
use proptest::prelude::*;
use std::sync::Arc;

const NUMBERS: [&str; 4] = ["+14155550100", "+14155550101", "+14155550102", "+14155550103"];

#[derive(Debug, Clone)]
enum Step {
    Create(Vec<usize>),
    Addresses(usize, Vec<usize>),
    Record(usize, usize, usize),
    OptIn(usize, i64),
    Set(usize, usize, bool),
    Switch(usize, bool),
    Delete(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(0..NUMBERS.len(), 1..3);
    prop_oneof![
        some().prop_map(Step::Create),
        (0usize..4, some()).prop_map(|(contact, some)| Step::Addresses(contact, some)),
        (0..NUMBERS.len(), 0usize..11, 0usize..3)
            .prop_map(|(number, kind, channel)| Step::Record(number, kind, channel)),
        (0..NUMBERS.len(), 50i64..250).prop_map(|(number, second)| Step::OptIn(number, second)),
        (0usize..4, 0usize..3, any::<bool>())
            .prop_map(|(contact, channel, on)| Step::Set(contact, channel, on)),
        (0usize..4, any::<bool>()).prop_map(|(contact, on)| Step::Switch(contact, on)),
        (0usize..4).prop_map(Step::Delete),
    ]
}

fn run(store: &Fixture, steps: &[Step]) {
    let mut contacts: Vec<String> = Vec::new();
    let numbers =
        |some: &[usize]| -> Vec<&'static str> { some.iter().map(|index| NUMBERS[*index]).collect() };
    for step in steps {
        match step {
            Step::Create(some) => contacts.push(store.create(draft(&numbers(some))).id),
            Step::Addresses(contact, some) => {
                if let Some(id) = contacts.get(*contact) {
                    store.update(id, draft(&numbers(some))).expect("addresses are free to change");
                }
            }
            Step::Record(number, kind, channel) => {
                let blocks = Blocks::Channel(Channel::ALL[*channel]);
                store.record(vec![cause(ReasonKind::ALL[*kind], blocks, NUMBERS[*number])]);
            }
            Step::OptIn(number, second) => {
                let (key, second) = (phone(NUMBERS[*number]), *second);
                store.write(move |tx| {
                    opt::opt_in(tx, "default", Channel::Sms, &key, at(second), "test", "person")
                });
            }
            Step::Set(contact, channel, on) => {
                if let Some(id) = contacts.get(*contact) {
                    let status = if *on { Status::Active } else { Status::Inactive };
                    let wish = ChannelWish { status, message: None, code: None };
                    let settings = vec![(Channel::ALL[*channel], wish)];
                    // A locked reason is refused; then nothing may have changed.
                    let _ = store.update(id, ContactDraft { settings, ..ContactDraft::default() });
                }
            }
            Step::Switch(contact, on) => {
                if let Some(id) = contacts.get(*contact) {
                    store
                        .update(id, ContactDraft { dnd: Some(*on), ..ContactDraft::default() })
                        .expect("switched");
                }
            }
            Step::Delete(contact) => {
                if *contact < contacts.len() {
                    store.delete(&contacts.remove(*contact));
                }
            }
        }
    }
}

fn said(store: &Fixture) -> Vec<(Suppressed, Suppressed)> {
    NUMBERS
        .iter()
        .map(|number| {
            let key = phone(number);
            let rows = store.read(move |tx| tx.suppressed("default", &key));
            (store.store.cache().get("default", AddressKind::Phone, number.as_bytes()), rows)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_cache_says_what_the_rows_say(steps in prop::collection::vec(step(), 1..24)) {
        let store = Fixture::new();
        run(&store, &steps);
        let before = said(&store);
        for (cache, rows) in &before {
            prop_assert_eq!(cache, rows);
        }
        let store = store.reopen();
        let after: Vec<_> = said(&store).into_iter().map(|(cache, _)| cache).collect();
        let before: Vec<_> = before.into_iter().map(|(cache, _)| cache).collect();
        prop_assert_eq!(before, after, "after a restart");
    }
}

#[test]
fn what_was_acknowledged_to_many_at_once_is_there_after_reopening() {
    let store = Arc::new(Fixture::new());
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for number in 0..50 {
                    let number = format!("+1415{thread}{number:06}");
                    store.record(vec![cause(ReasonKind::Keyword, Blocks::Channel(Channel::Sms), &number)]);
                    assert!(!store.blocked(&number).is_empty(), "in force when acknowledged");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let store = Arc::into_inner(store).expect("the last").reopen();
    for (thread, number) in (0..8).flat_map(|thread| (0..50).map(move |number| (thread, number))) {
        assert!(!store.blocked(&format!("+1415{thread}{number:06}")).is_empty());
    }
    let found =
        dndgate_store::ledger::verify(&store.store, dndgate_store::Trust::default(), |_| ()).expect("read");
    assert_eq!((found.entries, &found.faults[..]), (400, &[][..]));
}

#[test]
fn a_job_that_fails_leaves_the_others_of_its_batch_alone() {
    let store = Fixture::new();
    let failed = store.store.write_blocking(|tx| -> dndgate_store::Result<()> {
        contacts::create(tx, "default", draft(&["+14155550100"]), Region::US, &origin())?;
        Err(dndgate_store::StoreError::Invalid("no".into()))
    });
    assert!(failed.is_err());
    assert!(store.find("+14155550100").is_empty(), "rolled back");
    store.create(draft(&["+14155550101"]));
    assert_eq!(store.find("+14155550101").len(), 1);
}
