//! Failures that count towards a threshold.

use crate::error::Result;
use dndgate_dnd::{Blocks, ReasonKind};
use jiff::Timestamp;

/// What failures are counted for: an address by its keyed hash, what would be blocked, and by which kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally<'a> {
    /// The address.
    pub subject: &'a str,
    /// What would be blocked.
    pub blocks: Blocks,
    /// The kind of reason.
    pub kind: ReasonKind,
}

/// Failures that count towards a threshold.
pub trait FailureRows {
    /// Notes one, once for each event, and forgets all but the newest `keep`.
    fn note_failure(&mut self, tally: &Tally<'_>, event: &str, at: Timestamp, keep: usize) -> Result<()>;
    /// When they were.
    fn failures(&mut self, tally: &Tally<'_>) -> Result<Vec<Timestamp>>;
    /// Forgets those of an address (R5).
    fn forget_failures_of(&mut self, subject: &str) -> Result<()>;
    /// Forgets those before a time.
    fn forget_failures(&mut self, before: Timestamp) -> Result<()>;
}
