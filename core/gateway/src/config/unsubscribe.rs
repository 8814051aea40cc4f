//! `[unsubscribe]`

use serde::Deserialize;

/// `[unsubscribe]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unsubscribe {
    /// How people reach the business when a link does not work: an email address, a link, a number or words.
    pub reach: Option<String>,
    /// How often one person's links may be pressed in a minute.
    pub changes_per_minute: u32,
    /// How many links that are not ours may be tried from one address in a minute.
    pub misses_per_minute: u32,
}

impl Default for Unsubscribe {
    fn default() -> Unsubscribe {
        Unsubscribe { reach: None, changes_per_minute: 30, misses_per_minute: 60 }
    }
}
