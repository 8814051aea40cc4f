//! [`ContactRows`] in SQL.

use super::{SqliteRows, key, micros, time};
use crate::{
    error::Result,
    rows::{AddressRow, ContactRow, ContactRows},
};
use dndgate_adapter::AddressKind;
use dndgate_dnd::AddressKey;
use rusqlite::{params, params_from_iter};
use std::fmt::Write;

impl ContactRows for SqliteRows<'_> {
    fn contact(&mut self, id: &str) -> Result<Option<ContactRow>> {
        self.one("SELECT id, tenant, fields, created, updated FROM contact WHERE id = ?1", [id], |row| {
            Ok(ContactRow {
                id: row.get(0)?,
                tenant: row.get(1)?,
                fields: row.get(2)?,
                created: time(row.get(3)?),
                updated: time(row.get(4)?),
            })
        })
    }

    fn is_known(
        &mut self,
        tenant: &str,
        id: Option<&str>,
        addresses: &[(&AddressKey, String)],
    ) -> Result<bool> {
        if let Some(heard) = &self.heard {
            let known = id.is_some_and(|id| heard.contact(id));
            if !known && addresses.iter().all(|(address, erased)| self.is_unheard(tenant, address, erased)) {
                return Ok(false);
            }
        }
        self.in_order()?;
        let mut values: Vec<Option<&str>> = vec![id];
        if !addresses.is_empty() {
            values.push(Some(tenant));
        }
        let mut sql = String::from(
            "SELECT EXISTS (SELECT 1 FROM contact WHERE id = ?1) OR EXISTS (SELECT 1 FROM merged WHERE id = ?1)",
        );
        for (address, erased) in addresses {
            let kind = values.len() + 1;
            let (key, hidden) = (kind + 1, kind + 2);
            values.extend([Some(address.kind.name()), Some(&address.key), Some(erased)]);
            // Writing to a text cannot fail.
            let _ = write!(
                sql,
                " OR EXISTS (SELECT 1 FROM address WHERE tenant = ?2 AND kind = ?{kind} AND match_key = ?{key})"
            );
            for key in [key, hidden] {
                let _ = write!(
                    sql,
                    " OR EXISTS (SELECT 1 FROM reason WHERE contact IS NULL AND tenant = ?2 AND address_kind = ?{kind}
                     AND match_key = ?{key})"
                );
            }
        }
        Ok(self.one(&sql, params_from_iter(values), |row| row.get(0))?.unwrap_or(false))
    }

    fn put_contact(&mut self, contact: &ContactRow) -> Result<()> {
        if let Some(heard) = &mut self.heard {
            heard.add_contact(&contact.id);
        }
        self.run(
            "INSERT INTO contact VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET fields = excluded.fields, updated = excluded.updated",
            params![
                contact.id,
                contact.tenant,
                contact.fields,
                micros(contact.created),
                micros(contact.updated)
            ],
        )
        .map(drop)
    }

    fn delete_contact(&mut self, id: &str) -> Result<()> {
        self.run("DELETE FROM address WHERE contact = ?1", [id])?;
        self.run("DELETE FROM evidence WHERE contact = ?1", [id])?;
        self.run("DELETE FROM merged WHERE contact = ?1", [id])?;
        self.run("DELETE FROM contact WHERE id = ?1", [id]).map(drop)
    }

    fn addresses(&mut self, contact: &str) -> Result<Vec<AddressRow>> {
        let found = self.all(
            "SELECT kind, match_key, shown FROM address WHERE contact = ?1 ORDER BY kind, position",
            [contact],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        )?;
        found
            .into_iter()
            .map(|(kind, value, shown)| Ok(AddressRow { key: key(&kind, value)?, shown }))
            .collect()
    }

    fn put_addresses(
        &mut self,
        tenant: &str,
        contact: &str,
        kind: AddressKind,
        all: &[AddressRow],
    ) -> Result<()> {
        self.run("DELETE FROM address WHERE contact = ?1 AND kind = ?2", [contact, kind.name()])?;
        self.add_addresses(tenant, contact, kind, all)
    }

    fn add_addresses(
        &mut self,
        tenant: &str,
        contact: &str,
        kind: AddressKind,
        all: &[AddressRow],
    ) -> Result<()> {
        for (position, one) in all.iter().enumerate() {
            self.hear_of(tenant, kind, &one.key.key);
            self.run(
                "INSERT INTO address VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![contact, kind.name(), position as i64, tenant, one.key.key, one.shown],
            )?;
        }
        Ok(())
    }

    fn holders(&mut self, tenant: &str, address: &AddressKey) -> Result<Vec<String>> {
        if self.is_unheard(tenant, address, &address.key) {
            return Ok(Vec::new());
        }
        self.in_order()?;
        self.all(
            "SELECT DISTINCT contact FROM address WHERE tenant = ?1 AND kind = ?2 AND match_key = ?3",
            [tenant, address.kind.name(), &address.key],
            |row| row.get(0),
        )
    }

    fn put_merged(&mut self, id: &str, contact: &str) -> Result<()> {
        if let Some(heard) = &mut self.heard {
            heard.add_contact(id);
        }
        self.run("UPDATE merged SET contact = ?2 WHERE contact = ?1", [id, contact])?;
        self.run("INSERT OR REPLACE INTO merged VALUES (?1, ?2)", [id, contact]).map(drop)
    }

    fn merged(&mut self, id: &str) -> Result<Option<String>> {
        self.one("SELECT contact FROM merged WHERE id = ?1", [id], |row| row.get(0))
    }

    fn merged_into(&mut self, contact: &str) -> Result<Vec<String>> {
        self.all("SELECT id FROM merged WHERE contact = ?1", [contact], |row| row.get(0))
    }
}
