//! [`InboxRows`] in SQL.

use super::{SqliteRows, micros};
use crate::{error::Result, rows::InboxRows};
use jiff::Timestamp;
use rusqlite::params;

impl InboxRows for SqliteRows<'_> {
    fn note(&mut self, provider: &str, event: &str, digest: &[u8], at: Timestamp) -> Result<Option<Vec<u8>>> {
        let new = self.run(
            "INSERT OR IGNORE INTO inbox VALUES (?1, ?2, ?3, ?4)",
            params![provider, event, digest, micros(at)],
        )?;
        if new == 1 {
            return Ok(None);
        }
        self.one(
            "SELECT digest FROM inbox WHERE provider = ?1 AND event_key = ?2",
            [provider, event],
            |row| row.get(0),
        )
    }

    fn forget_noted(&mut self, before: Timestamp) -> Result<()> {
        self.run("DELETE FROM inbox WHERE at < ?1", [micros(before)]).map(drop)
    }
}
