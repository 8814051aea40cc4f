//! The feed of events.

use crate::error::Result;

/// The feed of events.
pub trait EventRows {
    /// Appends an event to the feed.
    fn put_event(&mut self, tenant: &str, contact: &str, payload: &str) -> Result<u64>;
    /// The number of the newest event; 0 when there is none.
    fn newest_event(&mut self) -> Result<u64>;
    /// The feed after a number.
    fn events(&mut self, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<(u64, String)>>;
}
