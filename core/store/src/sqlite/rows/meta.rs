//! [`MetaRows`] in SQL.

use super::SqliteRows;
use crate::{error::Result, rows::MetaRows};
use rusqlite::params;

impl MetaRows for SqliteRows<'_> {
    fn meta(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
    }

    fn put_meta(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.run(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
        .map(drop)
    }
}
