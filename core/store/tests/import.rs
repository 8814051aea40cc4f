//! A long import, which has the store to itself and knows by heart what is there, does what a short one does.

mod common;

use common::{Fixture, cause, draft, origin};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{Blocks, ReasonKind, Region, address};
use dndgate_store::{Filter, Options, Search, Store, import, search};
use serde_json::{Value, json};

const SMS: Blocks = Blocks::Channel(Channel::Sms);
const SAID: &str = "+14155550101";
const HELD: &str = "+14155550102";
const ERASED: &str = "+14155550103";

fn row(id: Option<&str>, first: &str, numbers: &[&str], causes: &[ReasonKind]) -> import::Ready {
    let Value::Object(fields) = json!({ "firstName": first, "tags": ["vip"] }) else { unreachable!() };
    let normal = |raw: &&str| address::normalise(AddressKind::Phone, raw, Region::US).expect("a number");
    let caused = |kind: &ReasonKind| import::Dated { cause: cause(*kind, SMS, numbers[0]), dated: false };
    import::Contact {
        id: id.map(str::to_owned),
        by_id_alone: false,
        fields,
        addresses: numbers.iter().map(normal).collect(),
        causes: causes.iter().map(caused).collect(),
        created: None,
    }
    .ready("default".into())
}

/// New ones; one that said STOP before, one that is there, one that was erased; the same id and the same number twice.
fn rows() -> Vec<import::Ready> {
    vec![
        row(Some("new1"), "New", &["+14155550110"], &[]),
        row(None, "Nameless", &["+14155550111"], &[ReasonKind::Import]),
        row(Some("said"), "Said", &[SAID, "+14155550112"], &[]),
        row(Some("erased"), "Erased", &[ERASED], &[]),
        row(None, "Held", &[HELD, "+14155550113"], &[]),
        row(Some("new1"), "Renewed", &["+14155550114"], &[ReasonKind::Import]),
        row(None, "Again", &["+14155550114"], &[]),
        row(Some("new2"), "Last", &["+14155550115"], &[]),
    ]
}

/// What is there in the end: of each number who holds it and what it is protected from; who is found.
fn outcome(bulk: bool) -> (Vec<String>, Vec<String>) {
    let fixture = Fixture::new();
    fixture.record(vec![cause(ReasonKind::Keyword, SMS, SAID)]);
    fixture.create(draft(&[HELD]));
    let gone = fixture.create(draft(&[ERASED])).id;
    fixture.record(vec![cause(ReasonKind::Keyword, SMS, ERASED)]);
    fixture.delete(&gone);
    let url = format!("sqlite:{}", fixture.path().display());
    {
        let store = Store::open(&Options { bulk, ..Options::new(&url) }).expect("opens");
        let all = rows();
        let taken = store.write_blocking(move |tx| {
            all.iter().map(|row| import::contact(tx, row, &origin())).collect::<Result<Vec<_>, _>>()
        });
        assert!(taken.expect("written").iter().all(Result::is_ok));
        store.close();
    }
    let fixture = fixture.reopen();
    let number = |last: u32| format!("+141555501{last:02}");
    let told = (1..=20).map(number).map(|number| {
        let holders = fixture.find(&number).into_iter().map(|one| {
            let mut reasons: Vec<String> = one.reasons.iter().map(|reason| reason.kind.to_string()).collect();
            reasons.sort_unstable();
            let addresses: Vec<&str> = one.addresses.iter().map(|address| address.shown.as_str()).collect();
            format!("{} {addresses:?} {reasons:?}", one.fields["firstName"])
        });
        format!("{number} {:?} {:?}", fixture.blocked(&number), holders.collect::<Vec<_>>())
    });
    let told = told.collect();
    let wanted = Search {
        tenant: "default".into(),
        words: search::words("default", "415555"),
        filter: Filter::All(Vec::new()),
        order: Vec::new(),
        after: None,
        offset: 0,
        limit: 20,
    };
    let page = fixture.read(move |tx| search::page(tx, &wanted, 100));
    (told, page.contacts.iter().map(|(one, _)| one.fields["firstName"].to_string()).collect())
}

#[test]
fn r25_a_long_import_knows_what_is_there_as_a_short_one_does() {
    let (long, short) = (outcome(true), outcome(false));
    assert_eq!(long, short);
    assert_eq!(short.1.len(), 6, "{short:#?}");
    let of = |number: &str| short.0.iter().find(|line| line.starts_with(number)).expect("a line").clone();
    for number in [SAID, ERASED] {
        assert!(of(number).contains("keyword"), "what was said holds: {}", of(number));
    }
    assert!(of("+14155550112").contains("Said"), "{}", of("+14155550112"));
    assert!(of("+14155550114").contains("Again"), "{}", of("+14155550114"));
}
