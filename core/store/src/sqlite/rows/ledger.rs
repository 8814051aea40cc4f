//! [`LedgerRows`] in SQL.

use super::{Sql, SqliteRows, corrupt, events::number};
use crate::{
    error::{Result, StoreError},
    rows::{LedgerRow, LedgerRows},
};
use rusqlite::{Row, params};

fn ledger_row(row: &Row<'_>) -> Sql<Result<LedgerRow>> {
    let seq: i64 = row.get(0)?;
    let bytes: Vec<u8> = row.get(1)?;
    let entry: String = row.get(2)?;
    let salt: Option<Vec<u8>> = row.get(3)?;
    let data: Option<String> = row.get(4)?;
    Ok(hash(bytes).map(|hash| LedgerRow { seq: seq.unsigned_abs(), hash, entry, personal: salt.zip(data) }))
}

fn hash(bytes: Vec<u8>) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| corrupt("hash"))
}

impl SqliteRows<'_> {
    /// Writes the ledger's head down: once for all entries of a job.
    pub(in crate::sqlite) fn settle(&mut self) -> Result<()> {
        let Some((seq, hash)) = self.head.take() else { return Ok(()) };
        self.run("UPDATE head SET seq = ?1, hash = ?2 WHERE one = 1", params![seq as i64, hash]).map(drop)
    }
}

impl LedgerRows for SqliteRows<'_> {
    fn head(&mut self) -> Result<(u64, [u8; 32])> {
        if let Some(head) = self.head {
            return Ok(head);
        }
        let found = self.one("SELECT seq, hash FROM head WHERE one = 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get(1)?))
        })?;
        let (seq, bytes) = found.ok_or_else(|| StoreError::Corrupt("the ledger has no head".into()))?;
        Ok((seq.unsigned_abs(), hash(bytes)?))
    }

    fn append(&mut self, row: &LedgerRow) -> Result<()> {
        let seq = row.seq as i64;
        self.run("INSERT INTO ledger VALUES (?1, ?2, ?3)", params![seq, row.hash, row.entry])?;
        if let Some((salt, data)) = &row.personal {
            self.run("INSERT INTO ledger_personal VALUES (?1, ?2, ?3)", params![seq, salt, data])?;
        }
        self.head = Some((row.seq, row.hash));
        self.close_run(row.seq)
    }

    fn entries_of(&mut self, subjects: &[String], limit: usize) -> Result<Vec<LedgerRow>> {
        let head = self.head()?.0;
        let numbers = self.numbers_of(subjects, head, limit)?;
        let mut entries = Vec::new();
        for number in &numbers {
            let found = self.one(
                "SELECT ledger.seq, hash, entry, salt, data FROM ledger LEFT JOIN ledger_personal USING (seq) WHERE ledger.seq = ?1",
                [number],
                ledger_row,
            )?;
            entries.extend(found.transpose()?);
        }
        Ok(entries)
    }

    fn each_entry(&mut self, from: u64, to: u64, each: &mut dyn FnMut(LedgerRow)) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "SELECT ledger.seq, hash, entry, salt, data FROM ledger LEFT JOIN ledger_personal USING (seq)
             WHERE ledger.seq BETWEEN ?1 AND ?2 ORDER BY ledger.seq",
        )?;
        let mut found = statement.query([number(from), number(to)])?;
        while let Some(row) = found.next()? {
            each(ledger_row(row)??);
        }
        Ok(())
    }

    fn entry_hashes(&mut self, from: u64, to: u64) -> Result<Vec<[u8; 32]>> {
        let found = self.all(
            "SELECT hash FROM ledger WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
            [number(from), number(to)],
            |row| row.get(0),
        )?;
        found.into_iter().map(hash).collect()
    }

    fn each_subject(&mut self, each: &mut dyn FnMut(&str, u64)) -> Result<()> {
        let head = self.head()?.0;
        self.each_line(head, each)
    }

    fn forget(&mut self, subject: &str) -> Result<()> {
        let head = self.head()?.0;
        for seq in self.numbers_of(&[subject.to_owned()], head, usize::MAX)? {
            self.run("DELETE FROM ledger_personal WHERE seq = ?1", [seq])?;
        }
        Ok(())
    }

    fn tile_count(&mut self) -> Result<u64> {
        let count =
            self.one("SELECT coalesce(max(tile) + 1, 0) FROM ledger_tile", [], |row| row.get::<_, i64>(0))?;
        Ok(count.unwrap_or(0).unsigned_abs())
    }

    fn tiles(&mut self, from: u64) -> Result<Vec<[u8; 32]>> {
        let found =
            self.all("SELECT root FROM ledger_tile WHERE tile >= ?1 ORDER BY tile", [number(from)], |row| {
                row.get(0)
            })?;
        found.into_iter().map(hash).collect()
    }

    fn put_tile(&mut self, tile: u64, root: &[u8; 32]) -> Result<()> {
        self.run("INSERT INTO ledger_tile VALUES (?1, ?2)", params![number(tile), root]).map(drop)
    }

    fn put_checkpoint(&mut self, checkpoint: u64, note: &str) -> Result<()> {
        self.run("INSERT INTO ledger_checkpoint VALUES (?1, ?2)", params![number(checkpoint), note]).map(drop)
    }

    fn checkpoints(&mut self, after: u64, newest_first: bool, limit: usize) -> Result<Vec<(u64, String)>> {
        let order = if newest_first { "DESC" } else { "ASC" };
        self.all(
            &format!("SELECT number, note FROM ledger_checkpoint WHERE number > ?1 ORDER BY number {order} LIMIT ?2"),
            params![number(after), i64::try_from(limit).unwrap_or(-1)],
            |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?)),
        )
    }
}
