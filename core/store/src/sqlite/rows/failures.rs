//! [`FailureRows`] in SQL.

use super::{SqliteRows, micros, time};
use crate::{
    error::Result,
    rows::{FailureRows, Tally},
};
use jiff::Timestamp;
use rusqlite::params;

impl FailureRows for SqliteRows<'_> {
    fn note_failure(&mut self, tally: &Tally<'_>, event: &str, at: Timestamp, keep: usize) -> Result<()> {
        let (subject, channel, reason) = (tally.subject, tally.blocks.name(), tally.kind.name());
        self.run(
            "INSERT OR IGNORE INTO failure VALUES (?1, ?2, ?3, ?4, ?5)",
            params![subject, channel, reason, event, micros(at)],
        )?;
        self.run(
            "DELETE FROM failure WHERE subject = ?1 AND channel = ?2 AND reason = ?3 AND event IN
             (SELECT event FROM failure WHERE subject = ?1 AND channel = ?2 AND reason = ?3
              ORDER BY at DESC, event LIMIT -1 OFFSET ?4)",
            params![subject, channel, reason, keep as i64],
        )
        .map(drop)
    }

    fn failures(&mut self, tally: &Tally<'_>) -> Result<Vec<Timestamp>> {
        self.all(
            "SELECT at FROM failure WHERE subject = ?1 AND channel = ?2 AND reason = ?3",
            [tally.subject, tally.blocks.name(), tally.kind.name()],
            |row| Ok(time(row.get(0)?)),
        )
    }

    fn forget_failures_of(&mut self, subject: &str) -> Result<()> {
        self.run("DELETE FROM failure WHERE subject = ?1", [subject]).map(drop)
    }

    fn forget_failures(&mut self, before: Timestamp) -> Result<()> {
        self.run("DELETE FROM failure WHERE at < ?1", [micros(before)]).map(drop)
    }
}
