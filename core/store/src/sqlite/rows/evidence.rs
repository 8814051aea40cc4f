//! [`EvidenceRows`] in SQL.

use super::{Sql, SqliteRows, corrupt, micros, time};
use crate::{
    error::Result,
    rows::{Decided, EvidenceRow, EvidenceRows, FileRow},
};
use dndgate_adapter::Channel;
use dndgate_dnd::Standing;
use jiff::Timestamp;
use rusqlite::{Row, params};

const COLUMNS: &str = "id, contact, tenant, channel, text, source, obtained_at, recorded_at, filed_by, sha256, \
                       standing, counts_from, decided_by, decided_at, decided_why, file_name, file_type, \
                       length(file), file_sha256";

/// A row of [`COLUMNS`].
fn evidence(row: &Row<'_>) -> Sql<Result<EvidenceRow>> {
    let (channel, standing): (String, String) = (row.get(3)?, row.get(10)?);
    let (Some(channel), Some(standing)) = (Channel::parse(&channel), Standing::parse(&standing)) else {
        return Ok(Err(corrupt("channel or standing of evidence")));
    };
    let decided = match (row.get::<_, Option<String>>(12)?, row.get::<_, Option<i64>>(13)?) {
        (Some(by), Some(at)) => {
            Some(Decided { by, at: time(at), why: row.get::<_, Option<String>>(14)?.unwrap_or_default() })
        }
        _ => None,
    };
    let file = match (row.get::<_, Option<String>>(15)?, row.get::<_, Option<String>>(16)?) {
        (Some(name), Some(media_type)) => {
            let bytes = row.get::<_, Option<i64>>(17)?.unwrap_or_default();
            let bytes = u64::try_from(bytes).unwrap_or_default();
            Some(FileRow { name, media_type, bytes, sha256: row.get(18)? })
        }
        _ => None,
    };
    Ok(Ok(EvidenceRow {
        id: row.get(0)?,
        contact: row.get(1)?,
        tenant: row.get(2)?,
        channel,
        text: row.get(4)?,
        source: row.get(5)?,
        obtained_at: time(row.get(6)?),
        recorded_at: time(row.get(7)?),
        filed_by: row.get(8)?,
        sha256: row.get(9)?,
        standing,
        counts_from: row.get::<_, Option<i64>>(11)?.map(time),
        decided,
        file,
    }))
}

impl EvidenceRows for SqliteRows<'_> {
    fn put_evidence(&mut self, one: &EvidenceRow, file: Option<&[u8]>) -> Result<()> {
        let about = one.file.as_ref();
        self.run(
            "INSERT INTO evidence (id, contact, tenant, channel, text, source, obtained_at, recorded_at, filed_by,
                                   sha256, standing, counts_from, file_name, file_type, file_sha256, file)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            params![
                one.id,
                one.contact,
                one.tenant,
                one.channel.name(),
                one.text,
                one.source,
                micros(one.obtained_at),
                micros(one.recorded_at),
                one.filed_by,
                one.sha256,
                one.standing.name(),
                one.counts_from.map(micros),
                about.map(|file| &file.name),
                about.map(|file| &file.media_type),
                about.and_then(|file| file.sha256.as_ref()),
                file,
            ],
        )
        .map(drop)
    }

    fn evidence(&mut self, id: &str) -> Result<Option<EvidenceRow>> {
        self.one(&format!("SELECT {COLUMNS} FROM evidence WHERE id = ?1"), [id], evidence)?.transpose()
    }

    fn evidence_file(&mut self, id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.one("SELECT file FROM evidence WHERE id = ?1", [id], |row| row.get(0))?.flatten())
    }

    fn evidence_of(&mut self, contact: &str) -> Result<Vec<EvidenceRow>> {
        let sql = format!("SELECT {COLUMNS} FROM evidence WHERE contact = ?1 ORDER BY recorded_at, id");
        self.all(&sql, [contact], evidence)?.into_iter().collect()
    }

    fn evidence_with(
        &mut self,
        standing: Standing,
        tenant: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<EvidenceRow>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM evidence WHERE standing = ?1 AND id > ?2 AND (?3 IS NULL OR tenant = ?3)
             ORDER BY id LIMIT ?4"
        );
        self.all(&sql, params![standing.name(), after, tenant, limit as i64], evidence)?.into_iter().collect()
    }

    fn decide_evidence(
        &mut self,
        id: &str,
        standing: Standing,
        counts_from: Option<Timestamp>,
        decided: &Decided,
    ) -> Result<()> {
        self.run(
            "UPDATE evidence SET standing = ?2, counts_from = ?3, decided_by = ?4, decided_at = ?5, decided_why = ?6
             WHERE id = ?1",
            params![
                id,
                standing.name(),
                counts_from.map(micros),
                decided.by,
                micros(decided.at),
                decided.why
            ],
        )
        .map(drop)
    }

    fn move_evidence(&mut self, from: &str, to: &str) -> Result<()> {
        self.run("UPDATE evidence SET contact = ?2 WHERE contact = ?1", [from, to]).map(drop)
    }

    fn delete_evidence(&mut self, contact: &str) -> Result<()> {
        self.run("DELETE FROM evidence WHERE contact = ?1", [contact]).map(drop)
    }
}
