//! [`SpoolRows`] in SQL.

use super::{SqliteRows, micros, time};
use crate::{
    error::{Result, StoreError},
    rows::SpoolRows,
    spool::SpoolEntry,
};
use jiff::Timestamp;
use rusqlite::params;

impl SpoolRows for SqliteRows<'_> {
    fn put_spooled(&mut self, entry: &SpoolEntry) -> Result<()> {
        let headers =
            serde_json::to_string(&entry.headers).map_err(|error| StoreError::Invalid(error.to_string()))?;
        self.run(
            "INSERT OR IGNORE INTO spool VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                entry.id,
                entry.provider,
                micros(entry.received_at),
                entry.method,
                entry.url,
                headers,
                entry.body,
                entry.target,
                entry.attempts,
                micros(entry.next_at)
            ],
        )
        .map(drop)
    }

    fn spooled(&mut self, due: Timestamp, limit: usize) -> Result<Vec<SpoolEntry>> {
        self.all(
            "SELECT id, provider, received_at, method, url, headers, body, target, attempts, next_at FROM spool
             WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2",
            params![micros(due), limit as i64],
            |row| {
                Ok(SpoolEntry {
                    id: row.get(0)?,
                    provider: row.get(1)?,
                    received_at: time(row.get(2)?),
                    method: row.get(3)?,
                    url: row.get(4)?,
                    headers: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
                    body: row.get(6)?,
                    target: row.get(7)?,
                    attempts: row.get(8)?,
                    next_at: time(row.get(9)?),
                })
            },
        )
    }

    fn spooled_count(&mut self) -> Result<u64> {
        let count = self.one("SELECT count(*) FROM spool", [], |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    fn put_off_spooled(&mut self, id: &str, next_at: Timestamp) -> Result<()> {
        self.run(
            "UPDATE spool SET attempts = attempts + 1, next_at = ?2 WHERE id = ?1",
            params![id, micros(next_at)],
        )
        .map(drop)
    }

    fn delete_spooled(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM spool WHERE id = ?1", [id]).map(drop)
    }
}
