//! Header fields that the gateway adds: section 7 of what is known about unsubscribing.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Fixture, form, multipart, people, read, values};
use dndgate_adapter::{Adapter, CannotAdd, Edit, Sending, apply_edits};
use dndgate_mailgun::MAILGUN;

const LINK: (&str, &str) = ("List-Unsubscribe", "<https://gate.example.com/u/abc>");
const POST: (&str, &str) = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");

fn added(fixture: &Fixture) -> Result<Fixture, CannotAdd> {
    let edits: Vec<Edit> = MAILGUN.add_headers(&fixture.request(), &Sending::default(), &[LINK, POST])?;
    Ok(Fixture { body: apply_edits(&fixture.body, &edits), ..fixture.clone() })
}

#[test]
fn both_fields_stand_behind_the_others() {
    for fixture in [
        form(&[("from", "a@b.c"), ("to", "ann@x.com"), ("text", "x & y")]),
        multipart(&[("to", b"ann@x.com"), ("attachment", b"\x00\r\n--"), ("text", b"x")]),
    ] {
        let mail = added(&fixture).unwrap();
        assert_eq!(values(&mail, "h:List-Unsubscribe"), [LINK.1]);
        assert_eq!(values(&mail, "h:List-Unsubscribe-Post"), [POST.1]);
        assert_eq!(people(&read(&mail.request()).unwrap()), ["to ann@x.com"], "honest");
    }
}

#[test]
fn what_the_sender_set_stays() {
    for name in ["h:List-Unsubscribe", "h:list-unsubscribe-post", "H: List-Unsubscribe "] {
        let fixture = form(&[("to", "ann@x.com"), (name, "<mailto:stop@b.c>"), ("text", "x")]);
        assert_eq!(added(&fixture).unwrap_err(), CannotAdd::Own, "{name}");
    }
}

#[test]
fn a_finished_message_gets_them_at_the_end_of_its_header() {
    let mime = |message: &[u8]| {
        let mut fixture = multipart(&[("to", b"ann@x.com"), ("message", message)]);
        fixture.target += ".mime";
        fixture
    };
    let lines = format!("{}: {}\r\n{}: {}\r\n", LINK.0, LINK.1, POST.0, POST.1);
    let mail = added(&mime(b"From: a@b.c\r\nTo: ann@x.com\r\n\r\nHello\r\n")).unwrap();
    let expected = format!("From: a@b.c\r\nTo: ann@x.com\r\n{lines}\r\nHello\r\n");
    assert_eq!(mail.body, mime(expected.as_bytes()).body);
    let mail = added(&mime(b"From: a@b.c\nTo: ann@x.com\n\nHello\n")).unwrap();
    let expected = format!("From: a@b.c\nTo: ann@x.com\n{}\nHello\n", lines.replace("\r\n", "\n"));
    assert_eq!(mail.body, mime(expected.as_bytes()).body);
    let own = mime(b"From: a@b.c\r\nlist-unsubscribe: <https://b.c>\r\n\r\nHello\r\n");
    assert_eq!(added(&own).unwrap_err(), CannotAdd::Own);
    for message in [&b"From: a@b.c\r\nDKIM-Signature: v=1\r\n\r\nHello\r\n"[..], b"From: a@b.c\r\n"] {
        assert!(matches!(added(&mime(message)), Err(CannotAdd::Unfit(_))), "{message:?}");
    }
}

#[test]
fn they_stand_beside_the_edits_of_trimming() {
    for fixture in [
        form(&[("text", "x"), ("to", "ann@x.com"), ("cc", "bob@x.com")]),
        multipart(&[("text", b"x"), ("to", b"ann@x.com"), ("cc", b"bob@x.com")]),
    ] {
        let request = fixture.request();
        let sending = read(&request).unwrap();
        let bob = sending.recipients.iter().position(|one| one.address == "bob@x.com").unwrap();
        let mut edits = MAILGUN.trim(&request, &sending, &[bob]).unwrap();
        edits.extend(MAILGUN.add_headers(&request, &sending, &[LINK, POST]).unwrap());
        edits.sort_by_key(|edit| edit.range.start);
        let mail = Fixture { body: apply_edits(&fixture.body, &edits), ..fixture.clone() };
        assert_eq!(people(&read(&mail.request()).unwrap()), ["to ann@x.com"]);
        assert_eq!(values(&mail, "h:List-Unsubscribe"), [LINK.1]);
    }
}
