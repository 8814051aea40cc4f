//! Providers' events that were seen.

use crate::error::Result;
use jiff::Timestamp;

/// Providers' events that were seen.
pub trait InboxRows {
    /// Notes an event; the digest noted before when it was there already.
    fn note(&mut self, provider: &str, key: &str, digest: &[u8], at: Timestamp) -> Result<Option<Vec<u8>>>;
    /// Forgets events noted before a time.
    fn forget_noted(&mut self, before: Timestamp) -> Result<()>;
}
