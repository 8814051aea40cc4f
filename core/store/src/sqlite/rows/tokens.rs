//! [`TokenRows`] in SQL.

use super::{SqliteRows, micros, time};
use crate::{error::Result, rows::TokenRows, tokens::Token};
use rusqlite::params;

impl TokenRows for SqliteRows<'_> {
    fn put_token(&mut self, hash: &[u8; 32], token: &Token) -> Result<()> {
        self.run(
            "INSERT INTO token VALUES (?1, ?2, ?3, ?4, ?5)",
            params![hash, token.name, token.role, token.tenant, micros(token.created)],
        )
        .map(drop)
    }

    fn token(&mut self, hash: &[u8; 32]) -> Result<Option<Token>> {
        self.one("SELECT name, role, tenant, created FROM token WHERE hash = ?1", [hash], |row| {
            Ok(Token {
                name: row.get(0)?,
                role: row.get(1)?,
                tenant: row.get(2)?,
                created: time(row.get(3)?),
            })
        })
    }

    fn delete_token(&mut self, hash: &[u8; 32]) -> Result<()> {
        self.run("DELETE FROM token WHERE hash = ?1", [hash]).map(drop)
    }
}
