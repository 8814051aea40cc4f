//! How far each subscriber has taken the feed.

use crate::{
    error::{Result, StoreError},
    tx::Tx,
};

fn name(subscriber: &str) -> String {
    format!("cursor:{subscriber}")
}

/// How far a subscriber is. One that is new begins with what happens from now on.
///
/// # Errors
/// When the store cannot be written.
pub fn begin(tx: &mut Tx<'_>, subscriber: &str) -> Result<u64> {
    if let Some(found) = tx.rows.meta(&name(subscriber))? {
        let bytes = found.try_into().map_err(|_| StoreError::Corrupt("the cursor of a subscriber".into()))?;
        return Ok(u64::from_le_bytes(bytes));
    }
    let newest = tx.rows.newest_event()?;
    advance(tx, subscriber, newest)?;
    Ok(newest)
}

/// A subscriber took everything up to this event.
///
/// # Errors
/// When the store cannot be written.
pub fn advance(tx: &mut Tx<'_>, subscriber: &str, seq: u64) -> Result<()> {
    tx.rows.put_meta(&name(subscriber), &seq.to_le_bytes())
}

/// The number of the newest event.
///
/// # Errors
/// When the store cannot be read.
pub fn newest(tx: &mut Tx<'_>) -> Result<u64> {
    tx.rows.newest_event()
}
