//! [`EvidenceRows`] in SQL.

use super::{SqliteRows, micros, time};
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
}
