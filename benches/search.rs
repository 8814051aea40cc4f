//! How long finding contacts takes among many: `search FILE [COUNT]`. Makes COUNT contacts in an empty file, through
//! the door of imports; then asks what people type and what programs ask, and prints medians.

use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{Blocks, Cause, ReasonKind, Region, address};
use dndgate_store::{
    Column, Direction, Filter, Options, Origin, Place, Scalar, Search, Store, Test, import, search,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TENANT: &str = "default";
const FIRST: [&str; 8] = ["Ada", "Bob", "Carla", "Dmitri", "Eve", "Farid", "Grace", "Heidi"];
const LAST: [&str; 7] = ["Smith", "Nguyen", "Garcia", "Müller", "Okafor", "Rossi", "Tanaka"];
const CITIES: [&str; 5] = ["London", "Lagos", "Lima", "Oslo", "Kyoto"];
/// Contacts in one commit.
const BATCH: u64 = 4_000;
/// How often each question is asked.
const TIMES: usize = 15;
/// As the API counts.
const COUNT_MAX: u64 = 10_000;

fn person(number: u64) -> import::Contact {
    let at = |list: &[&'static str]| list[usize::try_from(number).unwrap_or_default() % list.len()];
    let (first, last) = (at(&FIRST), format!("{}{}", at(&LAST), number / 1_000));
    let tags: &[&str] = if number.is_multiple_of(1_000) { &["vip", "news"] } else { &["news"] };
    let Value::Object(fields) = json!({
        "firstName": first, "lastName": last, "city": at(&CITIES), "tags": tags, "score": number % 100,
        "customFields": [{ "id": "plan", "value": if number.is_multiple_of(500) { "gold" } else { "free" } }],
    }) else {
        unreachable!()
    };
    let normal = |kind, raw: &str| address::normalise(kind, raw, Region::US).expect("an address");
    let mail = format!("{first}.{number}@example{}.org", number % 97);
    let cause = Cause {
        kind: ReasonKind::Import,
        blocks: if number.is_multiple_of(150) { Blocks::Channel(Channel::Sms) } else { Blocks::AllChannels },
        origin: None,
        permanent: false,
        code: None,
        message: String::new(),
        source: "bench".into(),
        actor: "bench".into(),
        at: Timestamp::now(),
        expires: None,
    };
    import::Contact {
        id: Some(format!("c{number:09}")),
        by_id_alone: true,
        fields,
        addresses: vec![
            normal(AddressKind::Email, &mail),
            normal(AddressKind::Phone, &format!("+1{:010}", 2_012_000_000 + number * 7)),
        ],
        causes: if number.is_multiple_of(50) {
            vec![import::Dated { cause, dated: false }]
        } else {
            Vec::new()
        },
        created: Timestamp::from_second(1_700_000_000 + i64::try_from(number).unwrap_or_default()).ok(),
    }
}

fn typed(text: &str) -> Search {
    Search {
        tenant: TENANT.into(),
        words: search::words(TENANT, text),
        filter: Filter::All(Vec::new()),
        order: Vec::new(),
        after: None,
        offset: 0,
        limit: 20,
    }
}

fn is(column: Column, text: &str) -> Filter {
    Filter::Value(column, Test::Is(Scalar::Text(text.into())))
}

fn member(name: &str) -> Column {
    Column::Member(name.into())
}

fn only(filter: Filter) -> Search {
    Search { filter: Filter::All(vec![filter]), ..typed("") }
}

fn by(column: Column, direction: Direction) -> Search {
    Search { order: vec![(column, direction)], ..typed("") }
}

fn questions() -> Vec<(&'static str, Search)> {
    let marks = |of, are| Filter::Marks { of, are };
    let sms = search::blocked(Channel::Sms);
    let in_between = Test::Between {
        from: Some((Scalar::Whole(1_700_400_000_000_000), true)),
        to: Some((Scalar::Whole(1_700_400_500_000_000), false)),
    };
    let contains = |column, text: &str| only(Filter::Value(column, Test::Contains(text.into())));
    vec![
        ("nothing typed: the newest", typed("")),
        ("typed: a", typed("a")),
        ("typed: ad", typed("ad")),
        ("typed: ada", typed("ada")),
        ("typed: ada s", typed("ada s")),
        ("typed: ada smith12", typed("ada smith12")),
        ("typed: example (everybody has it)", typed("example")),
        ("typed: 20", typed("20")),
        ("typed: +1 (201) 2", typed("+1 (201) 2")),
        ("typed: the last digits, 4321", typed("4321")),
        ("typed: ada.8@exa", typed("ada.8@exa")),
        ("typed: zzz (nobody)", typed("zzz")),
        ("filter: the switch is on", only(marks(search::SWITCH, search::SWITCH))),
        ("filter: SMS blocked", only(marks(sms, sms))),
        ("filter: SMS blocked, not all", only(marks(sms | search::SWITCH, sms))),
        ("filter: inbound blocked (nobody)", only(marks(search::INBOUND, search::INBOUND))),
        ("filter: email is", only(is(Column::Address(AddressKind::Email), "ada.800000@example41.org"))),
        ("filter: phone is", only(is(Column::Address(AddressKind::Phone), "+12012007007"))),
        ("filter: last name is", only(is(Column::LastName, "smith12"))),
        ("filter: made within 500 s", only(Filter::Value(Column::Created, in_between))),
        ("filter: city is (one in five)", only(is(member("city"), "Oslo"))),
        ("filter: tag is (one in a thousand)", only(is(member("tags"), "vip"))),
        ("filter: tag is (nobody)", only(is(member("tags"), "none"))),
        ("filter: custom field is (one in 500)", only(is(Column::Custom("plan".into()), "gold"))),
        ("filter: email contains (nobody)", contains(Column::Address(AddressKind::Email), "zzz")),
        ("filter: last name contains", contains(Column::LastName, "for99")),
        (
            "typed a, and the switch is on",
            Search { words: search::words(TENANT, "a"), ..only(marks(search::SWITCH, search::SWITCH)) },
        ),
        ("by last name", by(Column::LastName, Direction::Ascending)),
        ("by email, backwards", by(Column::Email, Direction::Descending)),
        ("by date of change", by(Column::Updated, Direction::Descending)),
        (
            "typed ada, by last name",
            Search { words: search::words(TENANT, "ada"), ..by(Column::LastName, Direction::Ascending) },
        ),
        ("by city (no index)", by(member("city"), Direction::Ascending)),
        ("page 500 of 20", Search { offset: 9_980, ..typed("") }),
        ("page 500 of 20, typed: example", Search { offset: 9_980, ..typed("example") }),
        (
            "page 500 of 20, by last name",
            Search { offset: 9_980, ..by(Column::LastName, Direction::Ascending) },
        ),
    ]
}

/// Asks several times: the median, and the last page's end.
fn ask(store: &Store, wanted: &Search, times: usize) -> (Duration, search::Page) {
    let all = wanted.words.is_empty() && matches!(&wanted.filter, Filter::All(all) if all.is_empty());
    let count_max = if all { u64::MAX >> 1 } else { COUNT_MAX };
    let mut took = Vec::new();
    loop {
        let wanted = wanted.clone();
        let begun = Instant::now();
        let page = store.read_blocking(move |tx| search::page(tx, &wanted, count_max)).expect("rows");
        took.push(begun.elapsed());
        if took.len() >= times {
            took.sort_unstable();
            return (took[took.len() / 2], page);
        }
    }
}

fn tell(what: &str, took: Duration, page: &search::Page) {
    let more = if page.counted { "" } else { "+" };
    eprintln!(
        "{:>9.1} ms  {what}: {} of {}{more}",
        took.as_secs_f64() * 1e3,
        page.contacts.len(),
        page.total
    );
}

fn fill(store: &Store, count: u64) {
    let begun = Instant::now();
    for start in (0..count).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        store
            .write_blocking(move |tx| {
                let origin = Origin { source: "bench".into(), actor: "bench".into(), at: Timestamp::now() };
                for number in start..(start + BATCH).min(count) {
                    import::contact(tx, &person(number).ready(TENANT.into()), &origin)?.expect("taken");
                }
                Ok(())
            })
            .expect("the disk");
    }
    eprintln!("{count} contacts made in {:.1} s", begun.elapsed().as_secs_f64());
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (file, count) = match &arguments[..] {
        [_, file] => (file, None),
        [_, file, count] => (file, Some(count.parse().expect("a number of contacts"))),
        _ => panic!("search FILE [COUNT]"),
    };
    let options = Options::new(&format!("sqlite:{file}"));
    if let Some(count) = count {
        let store = Store::open(&Options { bulk: true, ..options.clone() }).expect("a store");
        fill(&store, count);
        store.close();
    }
    let store = Store::open(&options).expect("a store");
    for (what, wanted) in questions() {
        let (took, page) = ask(&store, &wanted, TIMES);
        tell(what, took, &page);
    }
    for (what, wanted) in [
        ("by place, from page to page", typed("")),
        ("by place, typed: example", typed("example")),
        ("by place, by last name", by(Column::LastName, Direction::Ascending)),
    ] {
        let mut after: Option<Place> = None;
        let (mut took, mut last) = (Vec::new(), None);
        for _ in 0..200 {
            let next = Search { after: after.take(), limit: 500, ..wanted.clone() };
            let (one, page) = ask(&store, &next, 1);
            took.push(one);
            after = page.contacts.last().map(|(_, place)| place.clone());
            last = Some(page);
        }
        took.sort_unstable();
        if let Some(page) = last {
            tell(&format!("{what}, 200 pages of 500, the median"), took[100], &page);
        }
    }
}
