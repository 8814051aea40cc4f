//! A store in a temporary folder, and short words for what tests do with it.

#![allow(dead_code, unreachable_pub)]

use dndgate_adapter::{AddressKind, Channels};
use dndgate_dnd::{AddressKey, Blocks, Cause, ReasonKind, Region};
use dndgate_store::{
    Change, ContactDraft, ContactView, Edited, Options, Origin, Result, Store, StoredEvent, Tx, contacts,
    events, ledger, opt,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;

pub struct Fixture {
    pub store: Store,
    folder: tempfile::TempDir,
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("in range")
}

pub fn phone(number: &str) -> AddressKey {
    AddressKey { kind: AddressKind::Phone, key: number.into() }
}

pub fn origin() -> Origin {
    Origin::api("tester", at(1_000))
}

pub fn cause(kind: ReasonKind, blocks: Blocks, number: &str) -> Cause {
    Cause {
        kind,
        blocks,
        origin: Some(phone(number)),
        permanent: false,
        code: None,
        message: String::new(),
        source: "test".into(),
        actor: "person".into(),
        at: at(100),
        expires: None,
    }
}

pub fn draft(numbers: &[&str]) -> ContactDraft {
    let Value::Object(fields) = json!({ "firstName": "Joan" }) else { unreachable!() };
    let numbers = numbers.iter().map(ToString::to_string).collect();
    ContactDraft { fields, addresses: vec![(AddressKind::Phone, numbers)], ..ContactDraft::default() }
}

impl Fixture {
    pub fn new() -> Fixture {
        Fixture::with_pages(None)
    }

    pub fn with_pages(pages_max: Option<u32>) -> Fixture {
        Fixture::open(tempfile::tempdir().expect("folder"), pages_max)
    }

    fn open(folder: tempfile::TempDir, pages_max: Option<u32>) -> Fixture {
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = Store::open(&Options { pages_max, ..Options::new(&url) }).expect("opens");
        store.fill_cache().expect("fills");
        Fixture { store, folder }
    }

    pub fn reopen(self) -> Fixture {
        let Fixture { store, folder } = self;
        drop(store);
        Fixture::open(folder, None)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> T {
        self.store.write_blocking(work).expect("written")
    }

    pub fn read<T: Send + 'static>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        self.store.read_blocking(work).expect("read")
    }

    pub fn create(&self, draft: ContactDraft) -> ContactView {
        self.write(move |tx| contacts::create(tx, "default", draft, Region::US, &origin())).contact
    }

    pub fn update(&self, id: &str, draft: ContactDraft) -> Result<Edited> {
        let id = id.to_owned();
        self.store.write_blocking(move |tx| contacts::update(tx, &id, draft, Region::US, &origin()))
    }

    pub fn delete(&self, id: &str) {
        let id = id.to_owned();
        self.write(move |tx| contacts::delete(tx, &id, &origin()));
    }

    pub fn get(&self, id: &str) -> ContactView {
        let id = id.to_owned();
        self.read(move |tx| contacts::get(tx, &id)).expect("there")
    }

    pub fn find(&self, number: &str) -> Vec<ContactView> {
        let key = phone(number);
        self.read(move |tx| contacts::with_address(tx, "default", &key))
    }

    pub fn record(&self, causes: Vec<Cause>) {
        self.write(move |tx| opt::record(tx, "default", &causes));
    }

    pub fn opt_in(&self, number: &str) -> Option<Change> {
        let key = phone(number);
        self.write(move |tx| {
            opt::opt_in(tx, "default", dndgate_adapter::Channel::Sms, &key, at(200), "test", "person")
        })
    }

    pub fn blocked(&self, number: &str) -> Channels {
        self.store.cache().get("default", AddressKind::Phone, number.as_bytes()).channels()
    }

    pub fn history(&self, id: &str) -> Vec<Value> {
        let id = id.to_owned();
        self.read(move |tx| {
            let contact = contacts::get(tx, &id)?.expect("there");
            ledger::history(tx, &contact, 1_000)
        })
    }

    pub fn events(&self) -> Vec<StoredEvent> {
        self.read(|tx| events::page(tx, 0, 1_000, None))
    }

    /// Runs SQL behind the store's back.
    pub fn sql(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).expect("opens");
        assert!(connection.execute(sql, []).expect("runs") > 0, "{sql}");
    }

    /// All text in all tables.
    pub fn dump(&self) -> String {
        let connection = rusqlite::Connection::open(self.path()).expect("opens");
        let mut tables =
            connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("schema");
        let names: Vec<String> = tables
            .query_map([], |row| row.get(0))
            .expect("query")
            .collect::<rusqlite::Result<_>>()
            .expect("names");
        let mut out = String::new();
        // Events were handed to subscribers; the feed is theirs to erase.
        for name in names.iter().filter(|name| *name != "event") {
            let mut rows = connection.prepare(&format!("SELECT * FROM {name}")).expect("table");
            let columns = rows.column_count();
            let mut found = rows.query([]).expect("rows");
            while let Some(row) = found.next().expect("row") {
                for column in 0..columns {
                    if let Ok(text) = row.get::<_, String>(column) {
                        out.push_str(&text);
                        out.push('\n');
                    }
                }
            }
        }
        out
    }
}
