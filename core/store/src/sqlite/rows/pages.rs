//! [`PageRows`] in SQL.

use super::{SqliteRows, key, micros, time};
use crate::{
    error::Result,
    rows::{ContactRow, PageRows},
};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use rusqlite::params;

impl PageRows for SqliteRows<'_> {
    fn contacts_after(
        &mut self,
        tenant: &str,
        after: Option<&(Timestamp, String)>,
        limit: usize,
    ) -> Result<Vec<ContactRow>> {
        let (created, id) = after.map_or((i64::MIN, ""), |(created, id)| (micros(*created), id.as_str()));
        self.all(
            "SELECT id, tenant, fields, created, updated FROM contact
             WHERE tenant = ?1 AND (created, id) > (?2, ?3) ORDER BY created, id LIMIT ?4",
            params![tenant, created, id, limit as i64],
            |row| {
                Ok(ContactRow {
                    id: row.get(0)?,
                    tenant: row.get(1)?,
                    fields: row.get(2)?,
                    created: time(row.get(3)?),
                    updated: time(row.get(4)?),
                })
            },
        )
    }

    fn suppressed_after(
        &mut self,
        tenant: &str,
        after: Option<&AddressKey>,
        limit: usize,
    ) -> Result<Vec<AddressKey>> {
        let (kind, value) = after.map_or(("", ""), |after| (after.kind.name(), after.key.as_str()));
        let found = self.all(
            "SELECT DISTINCT address_kind, match_key FROM reason INDEXED BY reason_live
             WHERE contact IS NULL AND ended_at IS NULL AND tenant = ?1 AND (address_kind, match_key) > (?2, ?3)
             ORDER BY address_kind, match_key LIMIT ?4",
            params![tenant, kind, value, limit as i64],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )?;
        found.into_iter().map(|(kind, value)| key(&kind, value)).collect()
    }
}
