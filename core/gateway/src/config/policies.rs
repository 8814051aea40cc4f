//! `[policies]`

use super::{Size, Time};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// `[policies]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoliciesConfig {
    /// The folder with the Lua files; the shipped policies serve for files that are not there.
    pub dir: PathBuf,
    /// A folder with a candidate, which judges beside the others and enforces nothing.
    pub shadow: Option<PathBuf>,
    /// How long a script may run.
    pub time_limit: Time,
    /// How many steps a script may take: passages of a loop, calls, steps of a pattern.
    pub step_limit: u64,
    /// How much memory a script may take.
    pub memory_limit: Size,
    /// How much the counts of send rules may take, in memory and in a file beside the database; 112 bytes each. A
    /// send whose count has no room is blocked. Counts at the next start.
    pub counters: Size,
}

impl Default for PoliciesConfig {
    fn default() -> PoliciesConfig {
        PoliciesConfig {
            dir: "policies".into(),
            shadow: None,
            time_limit: Time(Duration::from_millis(50)),
            step_limit: 1_000_000,
            memory_limit: Size(16 << 20),
            counters: Size(16 << 20),
        }
    }
}
