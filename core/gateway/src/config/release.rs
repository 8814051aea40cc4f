//! `[release]`

use super::Time;
use dndgate_dnd::ReleaseRules;
use serde::Deserialize;
use std::{net::SocketAddr, time::Duration};

/// `[release]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseConfig {
    /// The least time between two readings of a provider's suppression lists.
    pub reading_interval: Time,
    /// How old the last reading may be when the complaint is ended.
    pub reading_age_max: Time,
    /// The provider whose address validation is asked; absent: mail servers are looked up and an operator confirms.
    pub validate_with: Option<String>,
    /// The name server that is asked for mail servers; absent: the system's.
    pub resolver: Option<SocketAddr>,
}

impl Default for ReleaseConfig {
    fn default() -> ReleaseConfig {
        ReleaseConfig {
            reading_interval: Time(Duration::from_secs(10)),
            reading_age_max: Time(Duration::from_secs(60)),
            validate_with: None,
            resolver: None,
        }
    }
}

impl ReleaseConfig {
    /// As the rules read it.
    pub fn rules(&self) -> ReleaseRules {
        ReleaseRules {
            reading_interval: self.reading_interval.signed(),
            reading_age_max: self.reading_age_max.signed(),
        }
    }
}
