//! [`ImportedRows`] in SQL.

use super::{Sql, SqliteRows};
use crate::{
    error::Result,
    rows::{ImportedRow, ImportedRows},
};
use rusqlite::{Row, params};

fn imported(row: &Row<'_>) -> Sql<ImportedRow> {
    Ok(ImportedRow { id: row.get(0)?, tenant: row.get(1)?, outcome: row.get(2)?, rejects: row.get(3)? })
}

impl ImportedRows for SqliteRows<'_> {
    fn put_imported(&mut self, row: &ImportedRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO imported VALUES (?1, ?2, ?3, ?4)",
            params![row.id, row.tenant, row.outcome, row.rejects],
        )
        .map(drop)
    }

    fn imported(&mut self, id: &str) -> Result<Option<ImportedRow>> {
        self.one("SELECT id, tenant, outcome, rejects FROM imported WHERE id = ?1", [id], imported)
    }

    fn all_imported(&mut self) -> Result<Vec<ImportedRow>> {
        self.all("SELECT id, tenant, outcome, '' FROM imported ORDER BY id", [], imported)
    }

    fn forget_imported(&mut self, keep: usize) -> Result<()> {
        self.run(
            "DELETE FROM imported WHERE id NOT IN (SELECT id FROM imported ORDER BY id DESC LIMIT ?1)",
            [keep as i64],
        )
        .map(drop)
    }
}
