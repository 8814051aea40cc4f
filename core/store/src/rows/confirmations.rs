//! Confirmations of opt-outs.

use crate::error::Result;
use dndgate_adapter::Channel;
use jiff::Timestamp;

/// Confirmations of opt-outs.
pub trait ConfirmationRows {
    /// Notes one by the keyed hash of its address; false when it is there already.
    fn note_confirmation(&mut self, subject: &str, channel: Channel, at: Timestamp) -> Result<bool>;
}
