//! [`EvidenceRows`] in SQL.

use super::{SqliteRows, corrupt, micros, time};
use crate::{
    error::Result,
    rows::{EvidenceRow, EvidenceRows},
};
use dndgate_adapter::Channel;
use jiff::Timestamp;
use rusqlite::params;

impl EvidenceRows for SqliteRows<'_> {
    fn put_evidence(&mut self, one: &EvidenceRow) -> Result<()> {
        let file = one.file.as_ref();
        self.run(
            "INSERT INTO evidence VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                one.id,
                one.contact,
                one.channel.name(),
                one.text,
                one.source,
                micros(one.obtained_at),
                micros(one.recorded_at),
                one.filed_by,
                one.sha256,
                file.map(|file| &file.0),
                file.map(|file| &file.1),
                file.map(|file| &file.2)
            ],
        )
        .map(drop)
    }

    fn newest_evidence(&mut self, contact: &str, channel: Channel) -> Result<Option<Timestamp>> {
        let newest = self.one(
            "SELECT max(recorded_at) FROM evidence WHERE contact = ?1 AND channel = ?2",
            [contact, channel.name()],
            |row| row.get::<_, Option<i64>>(0),
        )?;
        Ok(newest.flatten().map(time))
    }

    fn move_evidence(&mut self, from: &str, to: &str) -> Result<()> {
        self.run("UPDATE evidence SET contact = ?2 WHERE contact = ?1", [from, to]).map(drop)
    }

    fn evidence_of(&mut self, contact: &str) -> Result<Vec<EvidenceRow>> {
        let found = self.all(
            "SELECT id, contact, channel, text, source, obtained_at, recorded_at, filed_by, sha256, file_name, file_type,
             file FROM evidence WHERE contact = ?1 ORDER BY recorded_at, id",
            [contact],
            |row| {
                let file: Option<Vec<u8>> = row.get(11)?;
                let (name, media): (Option<String>, Option<String>) = (row.get(9)?, row.get(10)?);
                let channel: String = row.get(2)?;
                Ok(Channel::parse(&channel).map(|channel| {
                    Ok::<_, rusqlite::Error>(EvidenceRow {
                        id: row.get(0)?,
                        contact: row.get(1)?,
                        channel,
                        text: row.get(3)?,
                        source: row.get(4)?,
                        obtained_at: time(row.get(5)?),
                        recorded_at: time(row.get(6)?),
                        filed_by: row.get(7)?,
                        sha256: row.get(8)?,
                        file: file.map(|bytes| (name.unwrap_or_default(), media.unwrap_or_default(), bytes)),
                    })
                }))
            },
        )?;
        found.into_iter().map(|row| Ok(row.ok_or_else(|| corrupt("channel"))??)).collect()
    }

    fn delete_evidence(&mut self, contact: &str) -> Result<()> {
        self.run("DELETE FROM evidence WHERE contact = ?1", [contact]).map(drop)
    }
}
