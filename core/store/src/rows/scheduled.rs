//! Sends that wait at the provider.

use crate::{error::Result, scheduled::Waiting};
use dndgate_adapter::{Channels, Scheduled};
use dndgate_dnd::AddressKey;
use jiff::Timestamp;

/// A send that waits at the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledRow {
    /// Its id here.
    pub id: String,
    /// The provider's name.
    pub provider: String,
    /// The tenant.
    pub tenant: String,
    /// Whom it reaches.
    pub address: AddressKey,
    /// On which channels.
    pub channels: Channels,
    /// The provider's handle.
    pub handle: Scheduled,
    /// When it was scheduled.
    pub at: Timestamp,
    /// It is to be cancelled: from then on. None: it may leave.
    pub cancel_at: Option<Timestamp>,
}

/// Sends that wait at the provider.
pub trait ScheduledRows {
    /// Keeps the handle of a send that leaves later.
    fn put_scheduled(&mut self, row: &ScheduledRow) -> Result<()>;
    /// Marks what waits for an address on these channels as to be cancelled, in one tenant or in all.
    fn mark_scheduled(
        &mut self,
        tenant: Option<&str>,
        address: &AddressKey,
        channels: Channels,
        due: Timestamp,
    ) -> Result<()>;
    /// Sends to be cancelled that are due.
    fn scheduled_due(&mut self, due: Timestamp, limit: usize) -> Result<Vec<Waiting>>;
    /// Puts a cancellation off and counts the attempt.
    fn put_off_scheduled(&mut self, id: &str, next_at: Timestamp) -> Result<()>;
    /// Forgets a scheduled send.
    fn delete_scheduled(&mut self, id: &str) -> Result<()>;
    /// Forgets sends that were scheduled before a time: they have left long since.
    fn forget_scheduled(&mut self, before: Timestamp) -> Result<()>;
}
