//! [`ScheduledRows`] in SQL.

use super::{SqliteRows, micros};
use crate::{
    error::{Result, StoreError},
    rows::{ScheduledRow, ScheduledRows},
    scheduled::Waiting,
};
use dndgate_adapter::Channels;
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use rusqlite::params;

impl ScheduledRows for SqliteRows<'_> {
    fn put_scheduled(&mut self, one: &ScheduledRow) -> Result<()> {
        let handle =
            serde_json::to_string(&one.handle).map_err(|error| StoreError::Invalid(error.to_string()))?;
        self.run(
            "INSERT INTO scheduled VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
            params![
                one.id,
                one.provider,
                one.tenant,
                one.address.kind.name(),
                one.address.key,
                one.channels.bits(),
                handle,
                micros(one.at),
                one.cancel_at.map(micros)
            ],
        )
        .map(drop)
    }

    fn mark_scheduled(
        &mut self,
        tenant: Option<&str>,
        address: &AddressKey,
        channels: Channels,
        due: Timestamp,
    ) -> Result<()> {
        self.run(
            "UPDATE scheduled SET cancel_at = ?5 WHERE (?1 IS NULL OR tenant = ?1) AND address_kind = ?2
             AND match_key = ?3 AND channels & ?4 != 0 AND cancel_at IS NULL",
            params![tenant, address.kind.name(), address.key, channels.bits(), micros(due)],
        )
        .map(drop)
    }

    fn scheduled_due(&mut self, due: Timestamp, limit: usize) -> Result<Vec<Waiting>> {
        self.all(
            "SELECT id, provider, handle, attempts FROM scheduled WHERE cancel_at <= ?1 ORDER BY cancel_at, id LIMIT ?2",
            params![micros(due), limit as i64],
            |row| {
                Ok(Waiting {
                    id: row.get(0)?,
                    provider: row.get(1)?,
                    handle: serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default(),
                    attempts: row.get(3)?,
                })
            },
        )
    }

    fn put_off_scheduled(&mut self, id: &str, next_at: Timestamp) -> Result<()> {
        self.run(
            "UPDATE scheduled SET attempts = attempts + 1, cancel_at = ?2 WHERE id = ?1",
            params![id, micros(next_at)],
        )
        .map(drop)
    }

    fn delete_scheduled(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM scheduled WHERE id = ?1", [id]).map(drop)
    }

    fn forget_scheduled(&mut self, before: Timestamp) -> Result<()> {
        self.run("DELETE FROM scheduled WHERE at < ?1 AND cancel_at IS NULL", [micros(before)]).map(drop)
    }
}
