//! Whether each provider works: what `/v1/channels` and the console say of it.

use jiff::Timestamp;
use std::{collections::HashMap, sync::Mutex};

/// The last good and bad signs of each provider. Written on changes and at most once a
/// second by each worker, so that the lock is not contended.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<HashMap<String, Signs>>);

/// Signs of one provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signs {
    /// It works since; none while it does not or nothing was tried.
    pub(crate) works_since: Option<Timestamp>,
    /// When it answered last, to within [`crate::shared::TOLD_EVERY`].
    pub(crate) last_success: Option<Timestamp>,
    /// The last failure: when and what.
    pub(crate) last_error: Option<(Timestamp, &'static str)>,
    /// When a webhook of its came last that was proven to be its own.
    pub(crate) last_webhook: Option<Timestamp>,
    /// Webhooks whose signature did not hold, and when the last one came.
    pub(crate) forged: u64,
    pub(crate) last_forged: Option<Timestamp>,
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
            let now = crate::clock::now();
            signs.works_since.get_or_insert(now);
            signs.last_success = Some(now);
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
        self.change(provider, |signs| {
            signs.forged += 1;
            signs.last_forged = Some(crate::clock::now());
        });
    }

    /// A webhook in its name was its own.
    pub(crate) fn heard(&self, provider: &str) {
        self.change(provider, |signs| signs.last_webhook = Some(crate::clock::now()));
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
