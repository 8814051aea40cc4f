//! [`ConfirmationRows`] in SQL.

use super::{SqliteRows, micros};
use crate::{error::Result, rows::ConfirmationRows};
use dndgate_adapter::Channel;
use jiff::Timestamp;
use rusqlite::params;

impl ConfirmationRows for SqliteRows<'_> {
    fn note_confirmation(&mut self, subject: &str, channel: Channel, at: Timestamp) -> Result<bool> {
        let new = self.run(
            "INSERT OR IGNORE INTO confirmation VALUES (?1, ?2, ?3)",
            params![subject, channel.name(), micros(at)],
        )?;
        Ok(new == 1)
    }
}
