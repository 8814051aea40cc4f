//! [`NameRows`] in SQL.

use super::{SqliteRows, key, micros};
use crate::{error::Result, rows::NameRows};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;
use rusqlite::params;

impl NameRows for SqliteRows<'_> {
    fn put_same(&mut self, tenant: &str, one: &AddressKey, other: &AddressKey, at: Timestamp) -> Result<()> {
        self.any_same = Some(true);
        for (one, other) in [(one, other), (other, one)] {
            self.run(
                "INSERT INTO same VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
                params![tenant, one.kind.name(), one.key, other.kind.name(), other.key, micros(at)],
            )?;
        }
        Ok(())
    }

    fn same_as(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<AddressKey>> {
        let any = match self.any_same {
            Some(any) => any,
            None => self.one("SELECT 1 FROM same LIMIT 1", [], |_| Ok(()))?.is_some(),
        };
        self.any_same = Some(any);
        if !any {
            return Ok(Vec::new());
        }
        let found = self.all(
            "SELECT other_kind, other_key FROM same WHERE tenant = ?1 AND kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )?;
        found.into_iter().map(|(kind, value)| key(&kind, value)).collect()
    }

    fn each_same(&mut self, scope: &str, each: &mut dyn FnMut(AddressKey)) -> Result<()> {
        let mut statement =
            self.connection.prepare_cached("SELECT DISTINCT kind, match_key FROM same WHERE tenant = ?1")?;
        let mut found = statement.query([scope])?;
        while let Some(row) = found.next()? {
            each(key(&row.get::<_, String>(0)?, row.get(1)?)?);
        }
        Ok(())
    }

    fn forget_same(&mut self, tenant: &str, address: &AddressKey) -> Result<()> {
        for other in self.same_as(tenant, address)? {
            for (one, other) in [(address, &other), (&other, address)] {
                self.run(
                    "DELETE FROM same WHERE tenant = ?1 AND kind = ?2 AND match_key = ?3 AND other_kind = ?4
                     AND other_key = ?5",
                    params![tenant, one.kind.name(), one.key, other.kind.name(), other.key],
                )?;
            }
        }
        Ok(())
    }

    fn forget_handles(&mut self, before: Timestamp) -> Result<()> {
        self.run(
            "DELETE FROM same WHERE at < ?1 AND (instr(match_key, ':') > 0 OR instr(other_key, ':') > 0)",
            [micros(before)],
        )
        .map(drop)
    }
}
