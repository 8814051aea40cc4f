//! Taking people out of a send: section 2.6 of the fact sheet.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Fixture, form, multipart, people, post, read, trimmed, values};

#[test]
fn survivors_keep_their_own_words() {
    let to = "\"Smith, Ann\" <ann@x.com> (home) ;bob@x.com,, Cid Ö <cid@x.com>";
    let fixture = form(&[("from", "a@b.c"), ("to", to), ("text", "x")]);
    let left = trimmed(&fixture, &["bob@x.com"]).unwrap();
    assert_eq!(values(&left, "to"), ["\"Smith, Ann\" <ann@x.com> (home), Cid Ö <cid@x.com>"]);
    assert_eq!(values(&left, "text"), ["x"]);
}

#[test]
fn a_value_with_nobody_left_goes_with_its_part() {
    let fixture = multipart(&[("to", b"ann@x.com"), ("to", b"bob@x.com"), ("text", b"x")]);
    let left = trimmed(&fixture, &["ann@x.com"]).unwrap();
    assert_eq!(left.body, multipart(&[("to", b"bob@x.com"), ("text", b"x")]).body);
    let fixture = form(&[("text", "x"), ("to", "ann@x.com"), ("to", "bob@x.com"), ("cc", "cid@x.com")]);
    let left = trimmed(&fixture, &["bob@x.com", "cid@x.com"]).unwrap();
    assert_eq!(left.body, form(&[("text", "x"), ("to", "ann@x.com")]).body);
}

#[test]
fn a_person_is_taken_out_everywhere() {
    let fixture = Fixture::named("requests", "duplicates.http");
    let left = trimmed(&fixture, &["ann@example.com"]).unwrap();
    assert_eq!(people(&read(&left.request()).unwrap()), ["to bob@example.com"]);
    assert!(!String::from_utf8_lossy(&left.body).contains("ann"));
}

#[test]
fn the_first_copied_person_becomes_the_addressee() {
    let fixture = Fixture::named("requests", "cc-and-bcc.http");
    let left = trimmed(&fixture, &["ann@example.com"]).unwrap();
    assert_eq!(
        people(&read(&left.request()).unwrap()),
        ["bcc dan@example.com", "cc cid@example.com", "to bob@example.com"]
    );
    assert_eq!(
        (values(&left, "to"), values(&left, "cc")),
        (vec!["bob@example.com".into()], vec!["cid@example.com".into()])
    );
    let left = trimmed(&fixture, &["ann@example.com", "bob@example.com"]).unwrap();
    assert_eq!(people(&read(&left.request()).unwrap()), ["bcc dan@example.com", "to cid@example.com"]);
    assert!(values(&left, "cc").is_empty());
    let why = trimmed(&fixture, &["ann@example.com", "bob@example.com", "cid@example.com"]).unwrap_err();
    assert!(why.contains("bcc"), "{why}");
}

#[test]
fn variables_of_the_blocked_go_along() {
    let fixture = Fixture::named("requests", "batch-variables.http");
    let left = trimmed(&fixture, &["bob@example.com"]).unwrap();
    assert_eq!(
        values(&left, "recipient-variables"),
        [r#"{"ann@example.com": {"first": "Ann"}, "cid@example.com": {"first": "Cid, \"C\""}}"#]
    );
    let fixture = Fixture::named("requests", "batch-multipart.http");
    let left = trimmed(&fixture, &["bob@example.com"]).unwrap();
    assert_eq!(values(&left, "recipient-variables"), [r#"{ "ann@example.com":{"id":1} }"#]);
}

#[test]
fn a_batch_stays_one_when_its_variables_are_gone() {
    let batch = |variables: &str| {
        form(&[
            ("to", "ann@x.com, bob@x.com, Cid <cid@x.com>"),
            ("recipient-variables", variables),
            ("text", "x"),
        ])
    };
    let left = trimmed(&batch(r#"{"Bob@x.com":{"id":1}}"#), &["bob@x.com"]).unwrap();
    assert_eq!(values(&left, "recipient-variables"), [r#"{"ann@x.com":{},"cid@x.com":{}}"#]);
    let left = trimmed(&batch("{}"), &["bob@x.com"]).unwrap();
    assert_eq!(values(&left, "recipient-variables"), ["{}"]);
    for broken in ["{", "[]", r#"{"a":1,"a":2}"#] {
        let why = trimmed(&batch(broken), &["bob@x.com"]).unwrap_err();
        assert!(why.contains("'recipient-variables' parameter is not a valid JSON"), "{why}");
        assert!(read(&batch(broken).request()).is_ok(), "of no concern when nobody is blocked");
    }
}

#[test]
fn a_value_that_would_hold_the_boundary_is_not_made() {
    let header = "Content-Disposition: form-data; name=\"to\"";
    let body = format!("--x, y\r\n{header}\r\n\r\na@d--x;y@d.com;b@d.com\r\n--x, y--\r\n");
    let fixture = post("/v3/mg.acme.com/messages", "multipart/form-data; boundary=\"x, y\"", body);
    assert!(trimmed(&fixture, &["b@d.com"]).unwrap_err().contains("boundary"));
    assert_eq!(values(&trimmed(&fixture, &["y@d.com"]).unwrap(), "to"), ["a@d--x, b@d.com"]);
}

#[test]
fn of_a_thousand_recipients_with_names() {
    let to: Vec<String> = (0..1_000).map(|index| format!("\"P, {index}\" <p{index}@x.com>")).collect();
    let fixture = form(&[("to", &to.join(", ")), ("to", "P7@X.com"), ("text", "x")]);
    assert_eq!(read(&fixture.request()).unwrap().recipients.len(), 1_000);
    let left = trimmed(&fixture, &["p7@x.com", "p999@x.com"]).unwrap();
    assert_eq!(read(&left.request()).unwrap().recipients.len(), 998);
    assert_eq!(values(&left, "to").len(), 1);
}
