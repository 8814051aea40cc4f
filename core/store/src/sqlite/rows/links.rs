//! [`LinkRows`] in SQL.

use super::{SqliteRows, micros, time};
use crate::{
    error::{Result, StoreError},
    links::LinkKey,
    rows::{LinkRows, ShortLinkRow},
};
use rusqlite::params;

impl LinkRows for SqliteRows<'_> {
    fn link_keys(&mut self) -> Result<Vec<LinkKey>> {
        let found = self.all("SELECT id, secret, made FROM link_key ORDER BY id", [], |row| {
            Ok((row.get::<_, u8>(0)?, row.get::<_, Vec<u8>>(1)?, time(row.get(2)?)))
        })?;
        let key = |(id, secret, made): (u8, Vec<u8>, _)| {
            let secret = secret.try_into().map_err(|_| StoreError::Corrupt("a key of links".into()))?;
            Ok(LinkKey { id, secret, made })
        };
        found.into_iter().map(key).collect()
    }

    fn put_link_key(&mut self, key: &LinkKey) -> Result<()> {
        self.run("INSERT INTO link_key VALUES (?1, ?2, ?3)", params![key.id, key.secret, micros(key.made)])
            .map(drop)
    }

    fn put_short_link(&mut self, row: &ShortLinkRow) -> Result<()> {
        self.run(
            "INSERT OR IGNORE INTO short_link VALUES (?1, ?2, ?3, ?4)",
            params![row.id, row.token, row.subject, micros(row.made)],
        )
        .map(drop)
    }

    fn short_link(&mut self, id: &str) -> Result<Option<String>> {
        self.one("SELECT token FROM short_link WHERE id = ?1", [id], |row| row.get(0))
    }

    fn forget_short_links(&mut self, subject: &str) -> Result<()> {
        self.run("DELETE FROM short_link WHERE subject = ?1", [subject]).map(drop)
    }
}
