//! `[record]`

use super::{Size, Time};
use dndgate_store::record::Limits;
use serde::Deserialize;
use std::time::Duration;

/// `[record]`: what is kept of that which the policies judged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Record {
    /// Is anything kept?
    pub on: bool,
    /// How long.
    pub keep: Time,
    /// How much.
    pub max: Size,
    /// The share of all people whose sends are kept, from 0 to 1.
    pub sends: f64,
    /// What people wrote is kept, too.
    pub bodies: bool,
}

impl Default for Record {
    fn default() -> Record {
        Record {
            on: true,
            keep: Time(Duration::from_secs(7 * 24 * 3600)),
            max: Size(1 << 30),
            sends: 1.0,
            bodies: false,
        }
    }
}

/// In a smaller record a file would hold next to nothing.
const BYTES_MIN: u64 = 1 << 20;
const KEEP_MIN: Duration = Duration::from_secs(1);

impl Record {
    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if !(0.0..=1.0).contains(&self.sends) {
            return Some("record.sends is a share from 0.0 (no sends) to 1.0 (all)");
        }
        if self.max.0 < BYTES_MIN {
            return Some("record.max is at least \"1MiB\"; on = false keeps nothing");
        }
        (self.keep.0 < KEEP_MIN).then_some("record.keep is at least \"1s\"; on = false keeps nothing")
    }

    /// As the store reads it.
    pub(crate) fn limits(&self) -> Limits {
        Limits { keep: self.keep.signed(), bytes_max: self.max.0 }
    }
}
