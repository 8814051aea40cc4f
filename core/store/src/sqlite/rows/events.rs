//! [`EventRows`] in SQL.

use super::{SqliteRows, micros, time};
use crate::{
    error::Result,
    rows::{EventRow, EventRows},
};
use jiff::Timestamp;
use rusqlite::{Row, params};

const EVENT: &str = "seq, tenant, contact, at, payload";

fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        tenant: row.get(1)?,
        lane: row.get(2)?,
        at: time(row.get(3)?),
        payload: row.get(4)?,
    })
}

pub(super) fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

impl EventRows for SqliteRows<'_> {
    fn put_event(&mut self, tenant: &str, lane: &str, at: Timestamp, payload: &str) -> Result<u64> {
        self.run(
            "INSERT INTO event (tenant, contact, at, payload) VALUES (?1, ?2, ?3, ?4)",
            params![tenant, lane, micros(at), payload],
        )?;
        Ok(self.connection.last_insert_rowid().unsigned_abs())
    }

    fn newest_event(&mut self) -> Result<u64> {
        // Of all that ever were: numbers go on when old events have been forgotten.
        let newest =
            self.one("SELECT seq FROM sqlite_sequence WHERE name = 'event'", [], |row| row.get::<_, i64>(0))?;
        Ok(newest.unwrap_or(0).unsigned_abs())
    }

    fn events(&mut self, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<EventRow>> {
        match tenant {
            None => self.all(
                &format!("SELECT {EVENT} FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2"),
                params![number(after), limit as i64],
                event,
            ),
            Some(tenant) => self.all(
                &format!("SELECT {EVENT} FROM event WHERE tenant = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2"),
                params![number(after), limit as i64, tenant],
                event,
            ),
        }
    }

    fn event(&mut self, seq: u64) -> Result<Option<EventRow>> {
        self.one(&format!("SELECT {EVENT} FROM event WHERE seq = ?1"), [number(seq)], event)
    }

    fn events_after(&mut self, after: u64, tenant: Option<&str>) -> Result<u64> {
        let count = |row: &Row<'_>| row.get::<_, i64>(0);
        let found = match tenant {
            None => self.one("SELECT count(*) FROM event WHERE seq > ?1", [number(after)], count)?,
            Some(tenant) => self.one(
                "SELECT count(*) FROM event WHERE tenant = ?2 AND seq > ?1",
                params![number(after), tenant],
                count,
            )?,
        };
        Ok(found.unwrap_or(0).unsigned_abs())
    }

    fn last_event_before(&mut self, at: Timestamp) -> Result<u64> {
        let found = self.one(
            "SELECT seq FROM event WHERE at < ?1 ORDER BY at DESC, seq DESC LIMIT 1",
            [micros(at)],
            |row| row.get::<_, i64>(0),
        )?;
        Ok(found.unwrap_or(0).unsigned_abs())
    }

    fn events_of_lane(&mut self, tenant: &str, lane: &str) -> Result<Vec<EventRow>> {
        self.all(
            &format!("SELECT {EVENT} FROM event WHERE contact = ?2 AND tenant = ?1 ORDER BY seq"),
            [tenant, lane],
            event,
        )
    }

    fn rewrite_event(&mut self, seq: u64, payload: &str) -> Result<()> {
        self.run("UPDATE event SET payload = ?2 WHERE seq = ?1", params![number(seq), payload]).map(drop)
    }

    fn forget_events_up_to(&mut self, seq: u64) -> Result<()> {
        self.run("DELETE FROM event WHERE seq <= ?1", [number(seq)]).map(drop)
    }
}
