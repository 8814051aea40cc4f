//! Contacts are found as people type and as programs ask.

mod common;

use common::{Fixture, cause};
use dndgate_adapter::{AddressKind, Channel};
use dndgate_dnd::{Blocks, ReasonKind};
use dndgate_store::{Column, ContactDraft, Direction, Filter, Scalar, Search, Test, search};
use serde_json::{Value, json};

const TENANT: &str = "default";

fn person(first: &str, last: &str, mail: &str, phone: &str, more: Value) -> ContactDraft {
    let mut fields = json!({ "firstName": first, "lastName": last });
    for (name, value) in more.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    let Value::Object(fields) = fields else { unreachable!() };
    ContactDraft {
        fields,
        addresses: vec![
            (AddressKind::Email, vec![mail.to_owned()]),
            (AddressKind::Phone, vec![phone.to_owned()]),
        ],
        ..ContactDraft::default()
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

fn names(fixture: &Fixture, wanted: Search) -> Vec<String> {
    let page = fixture.read(move |tx| search::page(tx, &wanted, 1_000));
    page.contacts.iter().map(|(one, _)| one.fields["firstName"].as_str().unwrap_or("?").to_owned()).collect()
}

fn four() -> Fixture {
    let fixture = Fixture::new();
    for (first, last, mail, phone, more) in [
        (
            "Ada",
            "Lovelace",
            "ada@example.org",
            "+14155550101",
            json!({ "tags": ["vip", "poet"], "score": 3 }),
        ),
        ("José", "Álvarez", "pepe@correo.example", "+34912345678", json!({ "tags": ["vip"], "score": 12 })),
        ("Ann-Marie", "O'Neil", "am@example.org", "+442079460958", json!({ "city": "London" })),
        (
            "नमस्ते",
            "कुमार",
            "k@example.in",
            "+919876543210",
            json!({ "customFields": [{ "id": "c", "value": "x" }] }),
        ),
    ] {
        fixture.create(person(first, last, mail, phone, more));
    }
    fixture
}

#[test]
fn it_is_found_as_people_type() {
    let fixture = four();
    for (text, found) in [
        ("a", vec!["Ann-Marie", "José", "Ada"]),
        ("ADA", vec!["Ada"]),
        ("love ada", vec!["Ada"]),
        ("lovelace bob", vec![]),
        ("jose alv", vec!["José"]),
        ("ÁLVAREZ", vec!["José"]),
        ("ann-m", vec!["Ann-Marie"]),
        ("o'neil", vec!["Ann-Marie"]),
        ("ada@exam", vec!["Ada"]),
        ("+1 (415) 555-01", vec!["Ada"]),
        ("415555", vec!["Ada"]),
        ("0101", vec!["Ada"]),
        ("020 7946", vec![]),
        ("20 7946 0958", vec!["Ann-Marie"]),
        ("नम", vec!["नमस्ते"]),
        ("\" OR *", vec!["Ann-Marie", "Ada"]),
        ("words:", vec![]),
    ] {
        assert_eq!(names(&fixture, typed(text)), found, "{text}");
    }
}

#[test]
fn filters_say_what_they_say() {
    let fixture = four();
    fixture.record(vec![cause(ReasonKind::Keyword, Blocks::Channel(Channel::Sms), "+14155550101")]);
    let sms = search::blocked(Channel::Sms);
    let locked = search::locked(Channel::Sms);
    let member = |name: &str, test: Test| Filter::Value(Column::Member(name.into()), test);
    let text = |text: &str| Scalar::Text(text.into());
    for (filter, found) in [
        (Filter::Marks { of: sms | locked, are: sms | locked }, vec!["Ada"]),
        (Filter::Marks { of: sms, are: 0 }, vec!["नमस्ते", "Ann-Marie", "José"]),
        (member("tags", Test::Is(text("vip"))), vec!["José", "Ada"]),
        (member("tags", Test::Contains("poe".into())), vec!["Ada"]),
        (member("city", Test::Exists), vec!["Ann-Marie"]),
        (Filter::Not(Box::new(member("tags", Test::Exists))), vec!["नमस्ते", "Ann-Marie"]),
        (member("score", Test::Between { from: Some((Scalar::Whole(3), false)), to: None }), vec!["José"]),
        (Filter::Value(Column::Custom("c".into()), Test::Is(text("x"))), vec!["नमस्ते"]),
        (Filter::Value(Column::FirstName, Test::Is(text("ada"))), vec!["Ada"]),
        (
            Filter::Value(Column::Address(AddressKind::Email), Test::Contains("example.org".into())),
            vec!["Ann-Marie", "Ada"],
        ),
        (
            Filter::Any(vec![
                Filter::Value(Column::LastName, Test::Is(text("lovelace"))),
                Filter::All(vec![
                    member("city", Test::Is(text("london"))),
                    Filter::Marks { of: sms, are: 0 },
                ]),
            ]),
            vec!["Ann-Marie", "Ada"],
        ),
        // A member's name is no part of the statement.
        (member("x\") OR 1 OR (\"", Test::Exists), vec![]),
    ] {
        let said = format!("{filter:?}");
        assert_eq!(names(&fixture, Search { filter, ..typed("") }), found, "{said}");
    }
}

#[test]
fn pages_follow_each_other_in_every_order() {
    let fixture = Fixture::new();
    for number in 0..23 {
        let first = ["ada", "bob", "cyd"][number % 3];
        let mail = format!("p{number}@example.org");
        fixture.create(person(
            first,
            &format!("n{}", number % 5),
            &mail,
            &format!("+141555501{number:02}"),
            json!({}),
        ));
    }
    let orders = [
        vec![],
        vec![(Column::FirstName, Direction::Ascending)],
        vec![(Column::FirstName, Direction::Descending)],
        vec![(Column::LastName, Direction::Descending), (Column::Email, Direction::Ascending)],
        vec![(Column::Created, Direction::Ascending)],
        vec![(Column::Member("lastName".into()), Direction::Ascending)],
    ];
    for text in ["", "example"] {
        for order in &orders {
            let all = Search { order: order.clone(), limit: 100, ..typed(text) };
            let whole = fixture.read(move |tx| search::page(tx, &all, 1_000));
            let expected: Vec<String> = whole.contacts.iter().map(|(one, _)| one.id.clone()).collect();
            assert_eq!((expected.len(), whole.total), (23, 23), "{order:?}");
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let next = Search { order: order.clone(), limit: 4, after: after.take(), ..typed(text) };
                let page = fixture.read(move |tx| search::page(tx, &next, 1_000));
                let Some((_, place)) = page.contacts.last() else { break };
                after = Some(place.clone());
                assert_eq!(page.total, 23);
                found.extend(page.contacts.into_iter().map(|(one, _)| one.id));
            }
            assert_eq!(found, expected, "{order:?} after {text:?}");
        }
    }
}

#[test]
fn what_changed_is_found_by_what_it_is_now() {
    let fixture = four();
    let id = fixture.find("+14155550101")[0].id.clone();
    fixture
        .update(&id, person("Augusta", "King", "king@example.org", "+14155550109", json!({})))
        .expect("changed");
    for (text, count) in [("ada", 0), ("0101", 0), ("augusta", 1), ("0109", 1), ("king@", 1)] {
        assert_eq!(names(&fixture, typed(text)).len(), count, "{text}");
    }
    fixture.delete(&id);
    assert!(names(&fixture, typed("augusta")).is_empty(), "r5: nothing of it is left");
    // A file that an older version wrote is made findable when it is opened.
    fixture.sql("DELETE FROM found");
    fixture.sql("DELETE FROM meta WHERE name = 'search'");
    let fixture = fixture.reopen();
    assert_eq!(names(&fixture, typed("jose")), ["José"]);
}
