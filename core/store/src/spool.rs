//! Webhooks that the CRM has not taken yet (R30).

use crate::{error::Result, tx::Tx};
use jiff::Timestamp;

/// A webhook as it came in, and where it is to go.
#[derive(Debug, Clone, PartialEq)]
pub struct SpoolEntry {
    /// The id of the request that brought it.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// When it came in.
    pub received_at: Timestamp,
    /// Its method.
    pub method: String,
    /// The public URL that was called.
    pub url: String,
    /// Its header fields.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// The CRM's address.
    pub target: String,
    /// How often it was tried since.
    pub attempts: u32,
    /// When it is to be tried.
    pub next_at: Timestamp,
}

/// Keeps a webhook.
///
/// # Errors
/// When the store cannot be written.
pub fn put(tx: &mut Tx<'_>, entry: &SpoolEntry) -> Result<()> {
    tx.rows.put_spooled(entry)
}

/// Those that are due, the longest due first.
///
/// # Errors
/// When the store cannot be read.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: usize) -> Result<Vec<SpoolEntry>> {
    tx.rows.spooled(now, limit)
}

/// How many wait.
///
/// # Errors
/// When the store cannot be read.
pub fn pending(tx: &mut Tx<'_>) -> Result<u64> {
    tx.rows.spooled_count()
}

/// The CRM took it.
///
/// # Errors
/// When the store cannot be written.
pub fn done(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.rows.delete_spooled(id)
}

/// It did not: once more at `next_at`.
///
/// # Errors
/// When the store cannot be written.
pub fn later(tx: &mut Tx<'_>, id: &str, next_at: Timestamp) -> Result<()> {
    tx.rows.put_off_spooled(id, next_at)
}
