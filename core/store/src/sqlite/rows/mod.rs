//! [`crate::Rows`] in SQL, an area a file.

mod confirmations;
mod contacts;
mod events;
mod evidence;
mod failures;
mod imported;
mod inbox;
mod ledger;
mod links;
mod meta;
mod names;
mod pages;
mod reasons;
mod reconciliation;
mod release;
mod reviews;
mod scheduled;
mod search;
mod spool;
mod subjects;
mod subscribers;
mod tokens;

use super::{bulk, heard::Heard};
use crate::{
    engine::Batch,
    error::{Result, StoreError},
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction};

pub(super) struct SqliteRows<'c> {
    connection: &'c Transaction<'c>,
    /// The ledger's head, while it is ahead of its row.
    head: Option<Head>,
    /// Whether any address has another name, once it was asked: mostly none has, and every address is asked for.
    any_same: Option<bool>,
    /// What a long import knows by heart.
    heard: Option<&'c mut Heard>,
}

type Head = (u64, [u8; 32]);

type Sql<T> = rusqlite::Result<T>;

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("unknown {what}"))
}

fn key(kind: &str, key: String) -> Result<AddressKey> {
    Ok(AddressKey { kind: AddressKind::parse(kind).ok_or_else(|| corrupt("kind of address"))?, key })
}

impl<'c> SqliteRows<'c> {
    pub(super) const fn new(connection: &'c Transaction<'c>, heard: Option<&'c mut Heard>) -> SqliteRows<'c> {
        SqliteRows { connection, head: None, any_same: None, heard }
    }

    /// Makes sure that the indexes are there by which contacts are found: in a long import they may not be yet.
    fn in_order(&mut self) -> Result<()> {
        if let Some(heard) = self.heard.as_mut().filter(|heard| !heard.indexed) {
            bulk::build(self.connection, &bulk::OF_KNOWN)?;
            heard.indexed = true;
        }
        Ok(())
    }

    /// Whether a long import knows that nothing stands on an address, nor under the key that it has once erased.
    fn is_unheard(&self, tenant: &str, address: &AddressKey, erased: &str) -> bool {
        self.heard.as_ref().is_some_and(|heard| {
            [address.key.as_str(), erased].iter().all(|key| !heard.address(tenant, address.kind.name(), key))
        })
    }

    fn hear_of(&mut self, tenant: &str, kind: AddressKind, key: &str) {
        if let Some(heard) = &mut self.heard {
            heard.add_address(tenant, kind.name(), key);
        }
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    fn one<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> Sql<T>,
    ) -> Result<Option<T>> {
        Ok(self.connection.prepare_cached(sql)?.query_row(values, read).optional()?)
    }

    fn all<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> Sql<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map(values, read)?.collect::<Sql<Vec<T>>>()?;
        Ok(found)
    }
}

impl Batch for SqliteRows<'_> {
    fn savepoint(&mut self) -> Result<()> {
        self.settle()?;
        self.run("SAVEPOINT job", []).map(drop)
    }
    fn release(&mut self) -> Result<()> {
        self.run("RELEASE job", []).map(drop)
    }
    fn roll_back(&mut self) -> Result<()> {
        self.head = None;
        self.run("ROLLBACK TO job", [])?;
        self.release()
    }
}
