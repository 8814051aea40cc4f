//! Webhooks that wait for the CRM.

use crate::{error::Result, spool::SpoolEntry};
use jiff::Timestamp;

/// Webhooks that wait for the CRM.
pub trait SpoolRows {
    /// Keeps a webhook for the CRM.
    fn put_spooled(&mut self, entry: &SpoolEntry) -> Result<()>;
    /// Webhooks that are due.
    fn spooled(&mut self, due: Timestamp, limit: usize) -> Result<Vec<SpoolEntry>>;
    /// How many webhooks wait.
    fn spooled_count(&mut self) -> Result<u64>;
    /// Puts a webhook off and counts the attempt.
    fn put_off_spooled(&mut self, id: &str, next_at: Timestamp) -> Result<()>;
    /// Takes a webhook off.
    fn delete_spooled(&mut self, id: &str) -> Result<()>;
}
