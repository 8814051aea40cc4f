//! Every format as it comes, from the fixtures.

use dndgate_adapter::{Channel, Channels};
use dndgate_dnd::{ReasonKind, Region};
use dndgate_import::{Encoding, Format, Options, Reader, Record, Row, Tenants};
use std::io::Cursor;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");

fn options(file: &str) -> Options {
    Options {
        file: file.into(),
        tenants: Tenants { fixed: None, all: [("default".to_owned(), Region::US)].into() },
        unsubscribe: Channels::ALL,
        ..Options::default()
    }
}

fn read(bytes: Vec<u8>, options: Options) -> (Format, Vec<Row>) {
    let mut reader = Reader::open(Box::new(Cursor::new(bytes)), options).expect("readable");
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("readable") {
        rows.push(row);
    }
    (reader.format(), rows)
}

fn fixture(file: &str) -> (Format, Vec<Row>) {
    read(std::fs::read(format!("{FOLDER}/{file}")).expect("the fixture"), options(file))
}

/// A row in one line: its line, whom it is about, what begins.
fn told(row: &Row) -> String {
    let claims = |claims: &[dndgate_import::Claim]| {
        let all: Vec<String> = claims
            .iter()
            .map(|one| {
                let lock = if one.permanent { "!" } else { "" };
                let code = one.code.as_deref().map(|code| format!(":{code}")).unwrap_or_default();
                format!("{}{lock}/{}{code}", one.blocks.name(), one.kind)
            })
            .collect();
        all.join(" ")
    };
    let text = match &row.read {
        Err(_) => "bad".to_owned(),
        Ok(Record::Nothing(_)) => "nothing".into(),
        Ok(Record::Contact(one)) => {
            let keys: Vec<&str> = one.addresses.iter().map(|each| each.key.key.as_str()).collect();
            format!("{} [{}] {}", one.id.as_deref().unwrap_or("-"), keys.join(" "), claims(&one.claims))
        }
        Ok(Record::Address(one)) => format!("[{}] {}", one.key.key, claims(&one.claims)),
    };
    let part = if row.left_out.is_empty() { "" } else { " (a part)" };
    format!("{} {}{part}", row.line, text.trim_end())
}

fn lines(rows: &[Row]) -> Vec<String> {
    rows.iter().map(told).collect()
}

#[test]
fn r25_highlevel() {
    let (format, rows) = fixture("highlevel.csv");
    assert_eq!(format, Format::HighLevel);
    assert_eq!(
        lines(&rows),
        [
            "2 ocQHyuzHvysMo5N5VsXc [+14155550101 ada@example.com]",
            "3 pdRIzvAIwztNp6O6WtYd [+14155550102 bruno@example.com bruno.work@example.com] all/import",
            "4 qeSJAwBJxauOq7P7XuZe [+14155550103 clara@example.com] Email/import Call/import",
            "6 rfTKBxCKybvPr8Q8YvAf [+14155550104] SMS/import",
            "7 sgULCyDLzcwQs9R9ZwBg [eve@example.com] all/import (a part)",
            "8 bad",
            "9 bad",
        ]
    );
    let Ok(Record::Contact(ada)) = &rows[0].read else { panic!("a contact") };
    let fields = serde_json::Value::Object(ada.fields.clone());
    assert_eq!(fields["tags"], serde_json::json!(["vip", "newsletter"]));
    assert_eq!(fields["Favourite Colour"], "blue", "what is not known is kept");
    assert_eq!(ada.created.map(|at| at.as_second()), Some(1_699_085_730));
}

#[test]
fn r25_ndjson() {
    let (format, rows) = fixture("contacts.ndjson");
    assert_eq!(format, Format::Contacts);
    assert_eq!(
        lines(&rows),
        [
            "1 a1 [ada@example.com] SMS/import",
            "2 a2 [+14155550102] all/import",
            "3 a3 [+14155550103] WhatsApp!/import:131050 inbound/import",
            "4 a4 [+14155550104 +14155550105]",
            "5 bad",
            "6 a5 [eve@example.com eve.two@example.com] all/import",
        ]
    );
    let Ok(Record::Contact(clara)) = &rows[2].read else { panic!("a contact") };
    assert_eq!(clara.fields["customFields"], serde_json::json!([{ "id": "x", "value": 3 }]));
}

#[test]
fn r17_r18_r19_suppression_lists() {
    let everywhere = "SMS/unsubscribe Email/unsubscribe Call/unsubscribe WhatsApp/unsubscribe FB/unsubscribe \
                      GMB/unsubscribe";
    let left = format!("2 [left@example.com] {everywhere}");
    for (file, format, expected) in [
        (
            "mailgun-bounces.csv",
            Format::MailgunBounces,
            vec!["2 [gone@example.com] Email/bounce:550", "3 [full@example.com] Email/bounce:552", "4 bad"],
        ),
        ("mailgun-unsubscribes.csv", Format::MailgunUnsubscribes, vec![&left]),
        ("mailgun-complaints.csv", Format::MailgunComplaints, vec!["2 [angry@example.com] Email/complaint"]),
        ("suppression_bounces.csv", Format::SendgridBounces, vec!["2 [gone@example.com] Email/bounce:5.1.1"]),
        ("suppression_blocks.csv", Format::SendgridBlocks, vec!["2 nothing"]),
        ("sendgrid-invalid.csv", Format::SendgridInvalid, vec!["2 [typo@exmaple.com] Email/bounce"]),
        ("sendgrid-spam.csv", Format::SendgridSpam, vec!["2 [angry@example.com] Email/complaint"]),
        ("sendgrid-unsubscribes.csv", Format::SendgridUnsubscribes, vec![&left]),
        (
            "twilio-optouts.csv",
            Format::TwilioOptOuts,
            vec![
                "2 [+14155550107] SMS/provider_opt_out:21610",
                "3 [+14155550108] WhatsApp/provider_opt_out:21610",
                "4 nothing",
            ],
        ),
    ] {
        let (found, rows) = fixture(file);
        assert_eq!(found, format, "{file}");
        assert_eq!(lines(&rows), expected, "{file}");
        for row in &rows {
            if let Ok(Record::Address(one)) = &row.read {
                for claim in &one.claims {
                    assert_eq!(claim.origin.as_ref(), Some(&one.key), "{file}");
                    let at = claim.at.map(|at| at.as_second()).unwrap_or_default();
                    assert!((1_765_417_780..1_765_418_000).contains(&at), "{file}: {:?}", claim.at);
                }
            }
        }
    }
}

#[test]
fn r17_the_policy_says_what_an_unsubscribe_blocks() {
    let bytes = std::fs::read(format!("{FOLDER}/mailgun-unsubscribes.csv")).expect("the fixture");
    let only = Options { unsubscribe: Channel::Email.into(), ..options("x.csv") };
    assert_eq!(lines(&read(bytes.clone(), only).1), ["2 [left@example.com] Email/unsubscribe"]);
    // A tenant's own policy may say otherwise.
    let own = [("default".to_owned(), Channels::of(Channel::Email))].into();
    let own = Options { unsubscribe_of: own, ..options("x.csv") };
    assert_eq!(lines(&read(bytes, own).1), ["2 [left@example.com] Email/unsubscribe"]);
}

#[test]
fn encodings_separators_and_line_ends_mean_the_same() {
    let text =
        "Email;First Name;DND\r\nmüller@exämple.com;Jürgen;true\r\nb@example.com;\"two\r\nlines\";false\r\n";
    let expected = ["2 - [müller@xn--exmple-cua.com] all/import", "3 - [b@example.com]"];
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin1: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).expect("Latin-1")).collect();
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for bytes in [text.as_bytes().to_vec(), marked, utf16] {
        assert_eq!(lines(&read(bytes, options("x.csv")).1), expected);
    }
    let (_, rows) = read(latin1.clone(), options("x.csv"));
    assert_eq!(lines(&rows), ["2 bad", "3 - [b@example.com]"], "what is readable goes in");
    assert!(
        rows[0].read.as_ref().is_err_and(|why| why.contains("--encoding windows-1252")),
        "{:?}",
        rows[0].read
    );
    let forced = Options { encoding: Encoding::parse("latin1"), ..options("x.csv") };
    assert_eq!(lines(&read(latin1, forced).1), expected);
}

#[test]
fn rows_go_to_the_tenant_that_they_name() {
    let text =
        b"locationId,phone\nacme,020 7946 0958\nbeta,415 555 0100\nother,415 555 0100\n,415 555 0100\n"
            .to_vec();
    let all = [("acme".to_owned(), "GB".parse().expect("a region")), ("beta".to_owned(), Region::US)];
    let tenants = Tenants { fixed: None, all: all.clone().into() };
    let (_, rows) = read(text.clone(), Options { tenants, ..options("x.csv") });
    assert_eq!(lines(&rows), ["2 - [+442079460958]", "3 - [+14155550100]", "4 bad", "5 bad"]);
    let fixed = Tenants { fixed: Some("beta".into()), all: all.into() };
    let (_, rows) = read(text, Options { tenants: fixed, ..options("x.csv") });
    assert!(
        rows[1..].iter().all(|row| matches!(&row.read, Ok(Record::Contact(one)) if one.tenant == "beta"))
    );
}

#[test]
fn what_has_no_known_columns_is_no_import() {
    for text in ["", "\n\n", "colour,size\nred,3\n", "{\"colour\":\"red\"}\n"] {
        assert!(
            Reader::open(Box::new(Cursor::new(text.as_bytes().to_vec())), options("x.csv")).is_err(),
            "{text:?}"
        );
    }
    let forced = Options { format: Some(Format::MailgunComplaints), ..options("x.csv") };
    let (_, rows) = read(b"email\na@example.com\n".to_vec(), forced);
    assert!(matches!(&rows[0].read, Ok(Record::Address(one)) if one.claims[0].kind == ReasonKind::Complaint));
}
