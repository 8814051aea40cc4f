use super::*;
use dndgate_dnd::{Region, address};
use jiff::{SignedDuration, ToSpan};
use std::{collections::HashSet, fs, ops::ControlFlow, os::unix::fs::PermissionsExt, path::Path};

const SECRET: [u8; 32] = [7; 32];
const LIMITS: Limits = Limits { keep: SignedDuration::from_hours(24), bytes_max: 1 << 30 };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("in range")
}

fn who(tenant: &str, phone: &str) -> Who {
    let key = address::normalise(AddressKind::Phone, phone, Region::US).expect("a number").key;
    Who::new(&SECRET, tenant, &key)
}

fn message(second: i64, phone: &str, text: &str) -> Entry<'static> {
    Entry {
        who: who("acme", phone),
        at: at(second),
        tenant: "acme".into(),
        provider: "twilio".into(),
        id: format!("SM{second}").into(),
        about: About::Message(MessageAbout {
            channel: Channel::Sms,
            texts: Some(vec![text.to_owned().into()]),
            provider_meaning: None,
        }),
        was: Outcome { what: "none".into(), rule: "".into() },
    }
}

fn line(entry: &Entry<'_>) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).expect("serialises");
    line.push(b'\n');
    line
}

fn all(dir: &Path, since: Timestamp) -> Vec<Entry<'static>> {
    let mut found = Vec::new();
    let reading = read(dir, since, |entry| {
        let copy = serde_json::to_string(entry).expect("serialises");
        found.push(serde_json::from_str(Box::leak(copy.into_boxed_str())).expect("reads back"));
        ControlFlow::Continue(())
    });
    assert_eq!(reading.expect("reads"), Reading { unreadable: 0, complete: true });
    found
}

fn names(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut names: Vec<_> =
        fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    names.sort();
    names
}

#[test]
fn every_kind_of_entry_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().expect("folder");
    let mut segments = Segments::open(folder.path()).expect("opens");
    let base = message(0, "+14155550101", "é \"quoted\"\n");
    let send = SendAbout {
        channels: Channels::of(Channel::Call).with(Channel::WhatsApp.into()),
        kind: "call".into(),
        address_kind: AddressKind::Phone,
        address: "+14155550101".into(),
        sender: "+15005550006".into(),
        tags: vec!["marketing".into()],
        scheduled: true,
        thinned: true,
        kept_back: Some("keyword".into()),
    };
    let code = CodeAbout {
        channel: Channel::Email,
        adapter: "mailgun".into(),
        code: "bounce".into(),
        severity: Severity::Permanent,
        message: "550".into(),
        resumes: Some(false),
    };
    let entries = [
        base.clone(),
        Entry { about: About::Send(send), ..base.clone() },
        Entry { about: About::Code(code), ..base.clone() },
        Entry { about: About::Unsubscribe(Channel::Fb), ..base },
    ];
    let lines: Vec<u8> = entries.iter().flat_map(line).collect();
    segments.append(&lines, at(0), LIMITS).expect("written");
    assert_eq!(all(folder.path(), at(0)), entries);
    assert!(all(folder.path(), at(1)).is_empty(), "what is older is left out");
}

#[test]
fn nobody_else_may_read_the_files() {
    let folder = tempfile::tempdir().expect("folder");
    let dir = folder.path().join("record");
    let mut segments = Segments::open(&dir).expect("opens");
    segments.append(&line(&message(0, "+14155550101", "hi")), at(0), LIMITS).expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&names(&dir)[0]), 0o600);
}

#[test]
fn half_a_line_at_the_end_is_skipped_and_never_followed() {
    let folder = tempfile::tempdir().expect("folder");
    let (first, second) = (message(0, "+14155550101", "one"), message(1, "+14155550102", "two"));
    let mut segments = Segments::open(folder.path()).expect("opens");
    segments.append(&line(&first), at(0), LIMITS).expect("written");
    drop(segments);
    let file = names(folder.path()).remove(0);
    let whole = line(&second);
    for cut in 1..whole.len() {
        let torn = [line(&first), whole[..cut].to_vec()].concat();
        fs::write(&file, torn).expect("torn");
        assert_eq!(all(folder.path(), at(0)), std::slice::from_ref(&first), "cut at {cut}");
    }
    // The next process begins another file.
    let mut segments = Segments::open(folder.path()).expect("opens again");
    segments.append(&whole, at(2), LIMITS).expect("written");
    assert_eq!(names(folder.path()).len(), 2);
    assert_eq!(all(folder.path(), at(0)), [first, second]);
}

#[test]
fn lines_of_another_version_are_counted_and_skipped() {
    let folder = tempfile::tempdir().expect("folder");
    let mut segments = Segments::open(folder.path()).expect("opens");
    let known = line(&message(0, "+14155550101", "one"));
    let lines = [&known[..], b"{\"who\":\"0000000000000001\",\"news\":true}\n", &known].concat();
    segments.append(&lines, at(0), LIMITS).expect("written");
    let mut count = 0;
    let reading = read(folder.path(), at(0), |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(reading.expect("reads"), Reading { unreadable: 1, complete: true });
    assert_eq!(count, 2);
}

#[test]
fn r5_nothing_of_a_forgotten_person_is_left() {
    let folder = tempfile::tempdir().expect("folder");
    let mut segments = Segments::open(folder.path()).expect("opens");
    for second in 0..50 {
        let person = if second % 2 == 0 { "+14155550101" } else { "+14155550102" };
        let text = if second % 2 == 0 { "my secret words" } else { "other words" };
        let moment = at(second * 3600);
        segments.append(&line(&message(second, person, text)), moment, LIMITS).expect("written");
    }
    // One whose writing was cut off.
    let torn = names(folder.path()).pop().expect("a file");
    let mut text = fs::read(&torn).expect("reads");
    text.extend_from_slice(&line(&message(99, "+14155550101", "my secret words"))[..150]);
    fs::write(&torn, text).expect("torn");
    let others = HashSet::from([who("other tenant", "+14155550101")]);
    assert_eq!(segments.forget(&others).expect("forgets"), 0, "each tenant's people are its own");
    let gone = HashSet::from([who("acme", "+1 415 555 0101")]);
    assert_eq!(segments.forget(&gone).expect("forgets"), 26);
    for name in names(folder.path()) {
        let text = String::from_utf8(fs::read(name).expect("reads")).expect("text");
        assert!(!text.contains("secret") && !text.contains(&who("acme", "+14155550101").to_string()));
    }
    segments.append(&line(&message(50, "+14155550103", "new")), at(180_000), LIMITS).expect("goes on");
    let left = all(folder.path(), Timestamp::MIN);
    assert_eq!(left.len(), 26);
    assert!(left.iter().all(|entry| entry.who != who("acme", "+14155550101")));
}

#[test]
fn old_files_go_and_the_oldest_when_there_are_too_many() {
    let folder = tempfile::tempdir().expect("folder");
    let mut segments = Segments::open(folder.path()).expect("opens");
    let keep = SignedDuration::from_hours(24);
    let now = Timestamp::now();
    for hour in 0..48 {
        let moment = now - (48 - hour).hours();
        let entry = Entry { at: moment, ..message(0, "+14155550101", "x") };
        segments.append(&line(&entry), moment, LIMITS).expect("written");
        segments.prune(moment, LIMITS).expect("pruned");
    }
    let oldest = all(folder.path(), Timestamp::MIN).first().expect("some").at;
    assert!(now.duration_since(oldest) <= keep + SignedDuration::from_hours(2), "{oldest}");
    assert!(names(folder.path()).len() >= 23);
    let size = line(&message(0, "+14155550101", "x")).len() as u64;
    let small = Limits { keep, bytes_max: size * 8 };
    let left = segments.prune(now, small).expect("pruned");
    assert!(left <= small.bytes_max - size, "{left}");
    assert!(!all(folder.path(), Timestamp::MIN).is_empty(), "the newest stay");
    let much_later = now + SignedDuration::from_hours(100);
    assert_eq!(segments.prune(much_later, LIMITS).expect("pruned"), 0, "the last one too");
    segments.append(&line(&message(0, "+14155550101", "x")), much_later, LIMITS).expect("goes on");
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn people_are_told_apart_by_tenant_and_secret() {
    let key = address::normalise(AddressKind::Phone, "+14155550101", Region::US).expect("a number").key;
    let one = Who::new(&SECRET, "acme", &key);
    assert_ne!(one, Who::new(&SECRET, "acm", &key));
    assert_ne!(one, Who::new(&[8; 32], "acme", &key));
}
