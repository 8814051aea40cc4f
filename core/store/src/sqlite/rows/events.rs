//! [`EventRows`] in SQL.

use super::SqliteRows;
use crate::{error::Result, rows::EventRows};
use rusqlite::params;

impl EventRows for SqliteRows<'_> {
    fn put_event(&mut self, tenant: &str, contact: &str, payload: &str) -> Result<u64> {
        self.run(
            "INSERT INTO event (tenant, contact, payload) VALUES (?1, ?2, ?3)",
            [tenant, contact, payload],
        )?;
        Ok(self.0.last_insert_rowid().unsigned_abs())
    }

    fn newest_event(&mut self) -> Result<u64> {
        let newest = self.one("SELECT coalesce(max(seq), 0) FROM event", [], |row| row.get::<_, i64>(0))?;
        Ok(newest.unwrap_or(0).unsigned_abs())
    }

    fn events(&mut self, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<(u64, String)>> {
        self.all(
            "SELECT seq, payload FROM event WHERE seq > ?1 AND (?3 IS NULL OR tenant = ?3) ORDER BY seq LIMIT ?2",
            params![i64::try_from(after).unwrap_or(i64::MAX), limit as i64, tenant],
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)),
        )
    }

    fn events_of(&mut self, lane: &str) -> Result<Vec<(u64, String)>> {
        self.all("SELECT seq, payload FROM event WHERE contact = ?1", [lane], |row| {
            Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
        })
    }

    fn rewrite_event(&mut self, seq: u64, payload: &str) -> Result<()> {
        self.run("UPDATE event SET payload = ?2 WHERE seq = ?1", params![seq as i64, payload]).map(drop)
    }
}
