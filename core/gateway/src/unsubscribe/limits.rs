//! How often a link may be used, and how often somebody may be wrong about one.
//!
//! Never a limit on who asks for a good link: the mail programs of millions come from a few addresses.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::Mutex,
    time::{Duration, Instant},
};

/// The time over which is counted.
const WINDOW: Duration = Duration::from_secs(60);
/// The most keys that are remembered; beyond, those whose time is over are forgotten, or all.
const KEYS_MAX: usize = 65_536;

/// Counts by key and minute.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    hasher: RandomState,
    counts: Mutex<HashMap<u64, (Instant, u32)>>,
}

impl Limit {
    /// Counts one more; false when there were `max` in this minute already.
    pub(crate) fn take(&self, key: impl Hash, max: u32, now: Instant) -> bool {
        let key = self.hasher.hash_one(key);
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if counts.len() >= KEYS_MAX {
            counts.retain(|_, (began, _)| now.duration_since(*began) < WINDOW);
            if counts.len() >= KEYS_MAX {
                counts.clear();
            }
        }
        let (began, count) = counts.entry(key).or_insert((now, 0));
        if now.duration_since(*began) >= WINDOW {
            (*began, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= max
    }

    /// Takes one back that was counted beforehand and should not have been.
    pub(crate) fn give_back(&self, key: impl Hash) {
        let key = self.hasher.hash_one(key);
        let mut counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, count)) = counts.get_mut(&key) {
            *count = count.saturating_sub(1);
        }
    }

    /// Is it used up? Counts nothing.
    pub(crate) fn is_used_up(&self, key: impl Hash, max: u32, now: Instant) -> bool {
        let key = self.hasher.hash_one(key);
        let counts = self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        counts.get(&key).is_some_and(|(began, count)| now.duration_since(*began) < WINDOW && *count >= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_key_and_minute() {
        let (limit, now) = (Limit::default(), Instant::now());
        assert!(limit.take("a", 2, now) && !limit.is_used_up("a", 2, now) && limit.take("a", 2, now));
        assert!(limit.is_used_up("a", 2, now));
        assert!(!limit.take("a", 2, now));
        limit.give_back("a");
        limit.give_back("a");
        assert!(limit.take("a", 2, now) && !limit.take("a", 2, now), "what was given back is there again");
        assert!(limit.take("b", 2, now), "another key");
        assert!(limit.take("a", 2, now + WINDOW), "another minute");
    }
}
