//! `[reconciliation]`

use super::Time;
use serde::Deserialize;
use std::time::Duration;

/// `[reconciliation]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconciliationConfig {
    /// How often every provider's lists are compared; absent: when asked for only.
    pub every: Option<Time>,
    /// What scheduled comparisons put in order.
    pub repair: Vec<RepairSide>,
    /// The pause between two requests to a provider.
    pub pause: Time,
}

/// A side that is put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RepairSide {
    /// What the provider refuses becomes known here.
    Here,
    /// What is blocked here is put on the provider's list.
    There,
}

impl Default for ReconciliationConfig {
    fn default() -> ReconciliationConfig {
        ReconciliationConfig { every: None, repair: Vec::new(), pause: Time(Duration::from_millis(100)) }
    }
}
