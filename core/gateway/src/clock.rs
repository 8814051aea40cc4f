//! The one place that reads a clock.

use jiff::Timestamp;
use std::time::Instant;

/// Now, as people write it.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Now, for measuring.
pub(crate) fn tick() -> Instant {
    Instant::now()
}
