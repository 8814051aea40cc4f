//! Whether each provider works: what `/v1/channels` and the console say of it.

use jiff::Timestamp;
use std::{collections::HashMap, sync::Mutex};

/// The last good and bad signs of each provider. Written on changes only, so that the lock is not contended.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<HashMap<String, Signs>>);

/// Signs of one provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signs {
    /// It works since; none while it does not or nothing was tried.
    pub(crate) works_since: Option<Timestamp>,
    /// The last failure: when and what.
    pub(crate) last_error: Option<(Timestamp, &'static str)>,
    /// Webhooks whose signature did not hold.
    pub(crate) forged: u64,
}

impl Health {
    fn change(&self, provider: &str, change: impl FnOnce(&mut Signs)) {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(signs) = all.get_mut(provider) {
            change(signs);
        } else {
            change(all.entry(provider.to_owned()).or_default());
        }
    }

    /// It answered.
    pub(crate) fn works(&self, provider: &str) {
        self.change(provider, |signs| {
            signs.works_since.get_or_insert_with(crate::clock::now);
        });
    }

    /// It did not.
    pub(crate) fn fails(&self, provider: &str, what: &'static str) {
        self.change(provider, |signs| {
            signs.works_since = None;
            signs.last_error = Some((crate::clock::now(), what));
        });
    }

    /// A webhook in its name was not its own.
    pub(crate) fn forged(&self, provider: &str) {
        self.change(provider, |signs| signs.forged += 1);
    }

    /// The signs of one provider.
    pub(crate) fn of(&self, provider: &str) -> Signs {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(provider)
            .cloned()
            .unwrap_or_default()
    }
}
