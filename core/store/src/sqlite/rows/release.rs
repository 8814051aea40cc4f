//! [`ReleaseRows`] in SQL.

use super::SqliteRows;
use crate::{error::Result, rows::ReleaseRows};
use dndgate_dnd::AddressKey;

impl ReleaseRows for SqliteRows<'_> {
    fn release_of(&mut self, tenant: &str, address: &AddressKey) -> Result<Option<String>> {
        self.one(
            "SELECT state FROM release WHERE tenant = ?1 AND address_kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
            |row| row.get(0),
        )
    }

    fn put_release(&mut self, tenant: &str, address: &AddressKey, state: &str) -> Result<()> {
        self.run(
            "INSERT INTO release VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant, address_kind, match_key) DO UPDATE SET state = excluded.state",
            [tenant, address.kind.name(), &address.key, state],
        )
        .map(drop)
    }

    fn delete_release(&mut self, tenant: &str, address: &AddressKey) -> Result<bool> {
        let gone = self.run(
            "DELETE FROM release WHERE tenant = ?1 AND address_kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
        )?;
        Ok(gone > 0)
    }
}
