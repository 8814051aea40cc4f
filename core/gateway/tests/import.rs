//! What is exported comes in the same elsewhere, whatever stands on whom.

use dndgate_adapter::{AddressKind, Channel, Channels};
use dndgate_dnd::{AddressKey, Blocks, Cause, ReasonKind, Region, Status};
use dndgate_gateway::{
    export::{self, What},
    import::{self, Pace, Plan, Summary, Watch},
};
use dndgate_import::{Options as Reading, Tenants, write::Syntax};
use dndgate_store::{Change, ChannelWish, ContactDraft, Options, Origin, Store, contacts, opt};
use jiff::Timestamp;
use proptest::prelude::*;
use std::io::Cursor;

struct Quiet(Vec<(u64, String)>);

impl Watch for Quiet {
    fn left_out(&mut self, line: u64, why: &str) {
        self.0.push((line, why.to_owned()));
    }
    fn took(&mut self, _line: u64, _what: &dndgate_store::import::Taken) {}
    fn batch(&mut self, _so_far: &Summary, _changes: &[Change]) {}
    fn is_cancelled(&self) -> bool {
        false
    }
}

struct Fixture {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = Store::open_alone(&Options { throwaway: true, ..Options::new(&url) }).expect("opens");
        store.fill_cache().expect("fills");
        Fixture { store, _folder: folder }
    }

    fn export(&self, what: What) -> String {
        let mut text = String::new();
        let mut sink = |page: String| {
            text.push_str(&page);
            Ok(())
        };
        export::run(&self.store, &["default".into()], what, Channels::ALL, &mut sink).expect("exported");
        text
    }

    fn import(&self, text: &str) -> Summary {
        let plan = Plan {
            options: Reading {
                file: "all".into(),
                tenants: Tenants { fixed: None, all: [("default".to_owned(), Region::US)].into() },
                unsubscribe: Channels::ALL,
                ..Reading::default()
            },
            agency: false,
            actor: "tester".into(),
            at: at(5_000),
            pace: Pace { rows: 3, ahead: 2 },
        };
        let mut quiet = Quiet(Vec::new());
        let source = Box::new(Cursor::new(text.as_bytes().to_vec()));
        let summary = import::run(source, plan, &self.store, &mut quiet).expect("imported");
        assert!(quiet.0.is_empty(), "{:?}\n{text}", quiet.0);
        summary
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("in range")
}

fn phone(number: u8) -> String {
    format!("+1415555010{number}")
}

/// Something that happens to somebody.
#[derive(Debug, Clone)]
enum Step {
    Create { name: String, phones: Vec<u8>, email: Option<u8>, dnd: bool, sms: u8, inbound: bool },
    Record { kind: ReasonKind, blocks: Blocks, phone: u8, permanent: bool, code: Option<u16> },
    Start { phone: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let blocks = prop_oneof![
        prop::sample::select(Channel::ALL.to_vec()).prop_map(Blocks::Channel),
        Just(Blocks::AllChannels),
        Just(Blocks::Inbound),
    ];
    prop_oneof![
        (
            ".{0,12}",
            prop::collection::vec(0u8..6, 0..3),
            prop::option::of(0u8..4),
            any::<bool>(),
            0u8..3,
            any::<bool>()
        )
            .prop_map(|(name, phones, email, dnd, sms, inbound)| Step::Create {
                name,
                phones,
                email,
                dnd,
                sms,
                inbound
            }),
        (
            prop::sample::select(ReasonKind::ALL.to_vec()),
            blocks,
            0u8..9,
            any::<bool>(),
            prop::option::of(30_000u16..30_010)
        )
            .prop_map(|(kind, blocks, phone, permanent, code)| Step::Record {
                kind,
                blocks,
                phone,
                permanent,
                code
            }),
        (0u8..9).prop_map(|phone| Step::Start { phone }),
    ]
}

fn happens(store: &Store, step: Step, second: i64) {
    let origin = Origin::api("tester", at(second));
    let done = store.write_blocking(move |tx| {
        match step {
            Step::Create { name, phones, email, dnd, sms, inbound } => {
                let wish = |status| ChannelWish {
                    status,
                    message: Some("said\r\nso".into()),
                    code: Some("7".into()),
                };
                let status = [Status::Inactive, Status::Active, Status::Permanent][usize::from(sms)];
                let mut fields = serde_json::Map::new();
                fields.insert("firstName".into(), name.clone().into());
                fields.insert("other".into(), serde_json::json!([name, 3, null]));
                let draft = ContactDraft {
                    fields,
                    addresses: vec![
                        (AddressKind::Phone, phones.into_iter().map(phone).collect()),
                        (
                            AddressKind::Email,
                            email.into_iter().map(|one| format!("P{one}@Example.com")).collect(),
                        ),
                    ],
                    parts: Vec::new(),
                    dnd: Some(dnd),
                    settings: vec![(Channel::Sms, wish(status))],
                    inbound: inbound.then(|| wish(Status::Active)),
                };
                contacts::create(tx, "default", draft, Region::US, &origin)?;
            }
            Step::Record { kind, blocks, phone: number, permanent, code } => {
                let cause = Cause {
                    kind,
                    blocks,
                    origin: Some(AddressKey { kind: AddressKind::Phone, key: phone(number) }),
                    permanent,
                    code: code.map(|code| code.to_string()),
                    message: "a message, \"quoted\"".into(),
                    source: "test".into(),
                    actor: "person".into(),
                    at: origin.at,
                    expires: None,
                };
                opt::record(tx, "default", &[cause])?;
            }
            Step::Start { phone: number } => {
                let key = AddressKey { kind: AddressKind::Phone, key: phone(number) };
                opt::opt_in(tx, "default", Channel::Sms, &key, origin.at, "test", "person")?;
            }
        }
        Ok(())
    });
    done.expect("it happens");
}

/// The lines of an export without the order of reasons that began at the same time.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).expect("JSON");
            if let Some(reasons) = value["reasons"].as_array_mut() {
                reasons.sort_by_key(ToString::to_string);
            }
            value.to_string()
        })
        .collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn r25_what_is_exported_comes_in_the_same(steps in prop::collection::vec(step(), 1..14)) {
        let here = Fixture::new();
        for (second, step) in steps.into_iter().enumerate() {
            happens(&here.store, step, second as i64);
        }
        let ndjson = here.export(What::Contacts(Syntax::Ndjson));
        prop_assume!(!ndjson.is_empty());
        for syntax in [Syntax::Ndjson, Syntax::Csv] {
            let text = here.export(What::Contacts(syntax));
            let there = Fixture::new();
            there.import(&text);
            prop_assert_eq!(sorted(&there.export(What::Contacts(Syntax::Ndjson))), sorted(&ndjson));
            let again = there.import(&text);
            prop_assert_eq!((again.contacts_new, again.contacts_changed, again.dnd_changed), (0, 0, 0));
            for number in 0..9 {
                let key = phone(number);
                let of = |store: &Store| store.cache().get("default", AddressKind::Phone, key.as_bytes());
                prop_assert_eq!(of(&there.store).channels(), of(&here.store).channels());
                prop_assert_eq!(of(&there.store).inbound(), of(&here.store).inbound());
            }
        }
    }
}
