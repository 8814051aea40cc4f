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
mod subscribers;
mod tokens;

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
    pub(super) const fn new(connection: &'c Transaction<'c>) -> SqliteRows<'c> {
        SqliteRows { connection, head: None, any_same: None }
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
