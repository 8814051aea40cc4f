//! Provider events that were seen (R30).

use crate::{error::Result, tx::Tx};
use jiff::Timestamp;

/// How long an event is remembered, in days: providers repeat webhooks for a week at the most.
pub(crate) const DAYS: i64 = 30;

/// Whether an event is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is.
    First,
    /// It was seen before.
    Again,
    /// Its key was seen before with another digest: one of the two is forged.
    Conflict,
}

/// Notes an event, once.
///
/// # Errors
/// When the store cannot be written.
pub fn first_time(
    tx: &mut Tx<'_>,
    provider: &str,
    key: &str,
    digest: Option<&[u8]>,
    at: Timestamp,
) -> Result<Seen> {
    let digest = digest.unwrap_or_default();
    Ok(match tx.rows.note(provider, key, digest, at)? {
        None => Seen::First,
        Some(before) if before == digest => Seen::Again,
        Some(_) => Seen::Conflict,
    })
}
