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
    /// The events of one lane: a contact's id, or an address' subject.
    fn events_of(&mut self, lane: &str) -> Result<Vec<(u64, String)>>;
    /// Replaces what an event says (R5).
    fn rewrite_event(&mut self, seq: u64, payload: &str) -> Result<()>;
}
