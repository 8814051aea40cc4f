//! The feed of events.

use crate::error::Result;
use jiff::Timestamp;

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its number.
    pub seq: u64,
    /// Its tenant.
    pub tenant: String,
    /// Whose it is: a contact's id, or how an address is found.
    pub lane: String,
    /// When it was raised.
    pub at: Timestamp,
    /// What subscribers are sent, JSON.
    pub payload: String,
}

/// Operations of one transaction.
pub trait EventRows {
    /// Appends an event to the feed; its number is given to it.
    fn put_event(&mut self, tenant: &str, lane: &str, at: Timestamp, payload: &str) -> Result<u64>;
    /// The number of the newest event; 0 when there is none.
    fn newest_event(&mut self) -> Result<u64>;
    /// The feed after a number.
    fn events(&mut self, after: u64, limit: usize, tenant: Option<&str>) -> Result<Vec<EventRow>>;
    /// One event.
    fn event(&mut self, seq: u64) -> Result<Option<EventRow>>;
    /// How many events come after a number.
    fn events_after(&mut self, after: u64, tenant: Option<&str>) -> Result<u64>;
    /// The number of the last event raised before a time; 0 when there is none.
    fn last_event_before(&mut self, at: Timestamp) -> Result<u64>;
    /// The events of a lane.
    fn events_of_lane(&mut self, tenant: &str, lane: &str) -> Result<Vec<EventRow>>;
    /// Replaces what an event says.
    fn rewrite_event(&mut self, seq: u64, payload: &str) -> Result<()>;
    /// Forgets events up to a number.
    fn forget_events_up_to(&mut self, seq: u64) -> Result<()>;
}
