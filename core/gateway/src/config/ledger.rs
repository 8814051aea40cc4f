//! `[ledger]`

use super::{ConfigError, Time};
use dndgate_store::PublicKey;
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use toml::Spanned;

/// `[ledger]`: how the record of changes is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The file of the key that signs checkpoints.
    pub key: PathBuf,
    /// The file that holds the newest checkpoint.
    pub checkpoint: PathBuf,
    /// How long an entry waits for a checkpoint at most.
    pub interval: Time,
    /// So many entries have one at once.
    pub entries: u64,
    /// Public keys that signed before.
    pub former_keys: Vec<PublicKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    key: Option<PathBuf>,
    checkpoint: Option<PathBuf>,
    interval: Time,
    entries: u64,
    former_keys: Vec<Spanned<String>>,
}

impl Default for Written {
    fn default() -> Written {
        Written {
            key: None,
            checkpoint: None,
            interval: Time(Duration::from_secs(300)),
            entries: 100_000,
            former_keys: Vec::new(),
        }
    }
}

impl Written {
    /// Files that are not named stand beside the database.
    pub(super) fn place(
        self,
        folder: &Path,
        store_url: &str,
        at: &dyn Fn(usize, &str) -> ConfigError,
    ) -> Result<Ledger, ConfigError> {
        let beside = |end: &str| PathBuf::from(format!("{}-{end}", store_url.trim_start_matches("sqlite:")));
        let mut former_keys = Vec::new();
        for text in &self.former_keys {
            former_keys.push(PublicKey::parse(text.as_ref()).ok_or_else(|| {
                at(
                    text.span().start,
                    "ledger.former_keys: this is no public key; dndgate ledger key prints one",
                )
            })?);
        }
        Ok(Ledger {
            key: self.key.map_or_else(|| beside("ledger-key"), |key| folder.join(key)),
            checkpoint: self.checkpoint.map_or_else(|| beside("ledger-checkpoint"), |file| folder.join(file)),
            interval: self.interval,
            entries: self.entries,
            former_keys,
        })
    }
}
