//! [`ReconciliationRows`] in SQL.

use super::{Sql, SqliteRows, micros};
use crate::{
    error::Result,
    rows::{Difference, ReconciliationRows, Side},
};
use jiff::Timestamp;
use rusqlite::{Row, params};

/// Each half reads its index in order and ends after so many finds, however many are blocked.
const NOT_LISTED: &str = "
SELECT match_key FROM (
  SELECT * FROM (
    SELECT DISTINCT reason.match_key FROM reason INDEXED BY reason_live
    WHERE contact IS NULL AND ended_at IS NULL AND tenant = ?2 AND address_kind = 'email' AND match_key > ?4
      AND blocks IN ('Email', 'all') AND match_key NOT LIKE 'h:%'
      AND NOT EXISTS (SELECT 1 FROM reconciliation_entry AS entry
                      WHERE entry.run = ?1 AND entry.account = ?3 AND entry.match_key = reason.match_key)
    ORDER BY reason.match_key LIMIT ?5)
  UNION
  SELECT * FROM (
    SELECT DISTINCT address.match_key FROM address
    WHERE address.tenant = ?2 AND address.kind = 'email' AND address.match_key > ?4
      AND EXISTS (SELECT 1 FROM reason INDEXED BY reason_live_contact
                  WHERE reason.contact = address.contact AND reason.ended_at IS NULL
                    AND reason.blocks IN ('Email', 'all'))
      AND NOT EXISTS (SELECT 1 FROM reconciliation_entry AS entry
                      WHERE entry.run = ?1 AND entry.account = ?3 AND entry.match_key = address.match_key)
    ORDER BY address.match_key LIMIT ?5)
) ORDER BY match_key LIMIT ?5";

fn difference(row: &Row<'_>) -> Sql<Difference> {
    let side: String = row.get(0)?;
    Ok(Difference {
        side: Side::parse(&side).unwrap_or(Side::Theirs),
        account: row.get(1)?,
        key: row.get(2)?,
        list: row.get(3)?,
        repaired: row.get(4)?,
    })
}

impl ReconciliationRows for SqliteRows<'_> {
    fn put_run(
        &mut self,
        id: &str,
        tenant: &str,
        open: bool,
        due: Timestamp,
        created: Timestamp,
        run: &str,
    ) -> Result<()> {
        self.run(
            "INSERT INTO reconciliation VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET open = excluded.open, due = excluded.due, run = excluded.run",
            params![id, tenant, open, micros(due), micros(created), run],
        )
        .map(drop)
    }

    fn run_of(&mut self, id: &str) -> Result<Option<String>> {
        self.one("SELECT run FROM reconciliation WHERE id = ?1", [id], |row| row.get(0))
    }

    fn newest_runs(&mut self, tenant: Option<&str>, limit: usize) -> Result<Vec<String>> {
        self.all(
            "SELECT run FROM reconciliation WHERE ?1 IS NULL OR tenant = ?1 ORDER BY id DESC LIMIT ?2",
            params![tenant, limit as i64],
            |row| row.get(0),
        )
    }

    fn due_runs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<String>> {
        self.all(
            "SELECT run FROM reconciliation WHERE open = 1 AND due <= ?1 ORDER BY due, id LIMIT ?2",
            params![micros(now), limit as i64],
            |row| row.get(0),
        )
    }

    fn forget_runs(&mut self, before: Timestamp) -> Result<()> {
        self.run(
            "DELETE FROM reconciliation_difference WHERE run IN
             (SELECT id FROM reconciliation WHERE open = 0 AND created < ?1)",
            [micros(before)],
        )?;
        self.run("DELETE FROM reconciliation WHERE open = 0 AND created < ?1", [micros(before)]).map(drop)
    }

    fn put_entry(&mut self, run: &str, account: &str, key: &str) -> Result<()> {
        self.run("INSERT OR IGNORE INTO reconciliation_entry VALUES (?1, ?2, ?3)", [run, account, key])
            .map(drop)
    }

    fn forget_entries(&mut self, run: &str) -> Result<()> {
        self.run("DELETE FROM reconciliation_entry WHERE run = ?1", [run]).map(drop)
    }

    fn put_difference(&mut self, run: &str, one: &Difference) -> Result<bool> {
        let known = self.one(
            "SELECT 1 FROM reconciliation_difference
             WHERE run = ?1 AND side = ?2 AND account = ?3 AND match_key = ?4 AND list = ?5",
            params![run, one.side.name(), one.account, one.key, one.list],
            |_| Ok(()),
        )?;
        self.run(
            "INSERT INTO reconciliation_difference VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (run, side, account, match_key, list) DO UPDATE SET repaired = excluded.repaired",
            params![run, one.side.name(), one.account, one.key, one.list, one.repaired],
        )?;
        Ok(known.is_none())
    }

    fn differences(
        &mut self,
        run: &str,
        side: Side,
        after: (&str, &str, &str),
        limit: usize,
    ) -> Result<Vec<Difference>> {
        self.all(
            "SELECT side, account, match_key, list, repaired FROM reconciliation_difference
             WHERE run = ?1 AND side = ?2 AND (account, match_key, list) > (?3, ?4, ?5)
             ORDER BY account, match_key, list LIMIT ?6",
            params![run, side.name(), after.0, after.1, after.2, limit as i64],
            difference,
        )
    }

    fn not_listed(
        &mut self,
        run: &str,
        tenant: &str,
        account: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.all(NOT_LISTED, params![run, tenant, account, after, limit as i64], |row| row.get(0))
    }

    fn put_mirrored(&mut self, provider: &str, account: &str, address_hash: &str) -> Result<()> {
        self.run("INSERT OR IGNORE INTO mirrored VALUES (?1, ?2, ?3)", [provider, account, address_hash])
            .map(drop)
    }

    fn is_mirrored(&mut self, provider: &str, account: &str, address_hash: &str) -> Result<bool> {
        let found = self.one(
            "SELECT 1 FROM mirrored WHERE provider = ?1 AND account = ?2 AND address_hash = ?3",
            [provider, account, address_hash],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }
}
